// Convolution and its gradients with oneDNN, channels last, over one to three spatial axes.
//
// Arrays are dense and row-major: activations (batch, ..., channels), kernels (..., channels / groups, filters).
// `geometry` is [groups, strides..., pads before..., pads after..., dilation...].

#include <oneapi/dnnl/dnnl.hpp>

#include <algorithm>
#include <cstring>
#include <string>

#include "common.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using dnnl::memory;
using dims = memory::dims;
using data_type = memory::data_type;

enum Kind : int64_t { kForward, kForwardBias, kForwardBiasRelu, kData, kWeight, kWeightBias };

struct Shapes {
  int64_t groups;
  dims x, y, w;  // activations as (batch, channels, ...), the kernel as (groups, filters, channels, ...)
  dims strides, before, after, dilation;
};

struct Convolution {
  dnnl::primitive primitive;
  dnnl::reorder reorder;  // of the kernel into the primitive's order, or of its gradient out of it; maybe none
  memory::desc x, y, w, bias;  // as they come
  memory::desc inner_w, scratchpad, reorder_scratchpad;
  std::string name;
};

dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  thread_local dnnl::stream own(engine());
  return own;
}

// (batch, channels, ...) in memory as (batch, ..., channels).
memory::desc channels_last(const dims& shape, data_type type) {
  dims strides(shape.size());
  int64_t step = shape[1];
  strides[1] = 1;
  for (size_t axis = shape.size() - 1; axis >= 2; --axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  strides[0] = step;
  return memory::desc(shape, type, strides);
}

// (groups, filters, channels, ...) in memory as (..., channels, groups * filters); without groups where there is one.
memory::desc kernel_desc(const dims& shape, data_type type, bool any) {
  dims strides(shape.size());
  int64_t step = shape[0] * shape[1];
  strides[0] = shape[1];
  strides[1] = 1;
  strides[2] = step;
  step *= shape[2];
  for (size_t axis = shape.size() - 1; axis >= 3; --axis) {
    strides[axis] = step;
    step *= shape[axis];
  }
  size_t first = shape[0] == 1 ? 1 : 0;
  dims sizes(shape.begin() + first, shape.end()), steps(strides.begin() + first, strides.end());
  return any ? memory::desc(sizes, type, memory::format_tag::any) : memory::desc(sizes, type, steps);
}

bool makes_kernel(Kind kind) { return kind == kWeight || kind == kWeightBias; }

template <typename Primitive, typename Desc>
void settle(Convolution& made, const Desc& desc, const memory::desc& inner_w, bool run) {
  made.inner_w = inner_w;
  made.scratchpad = desc.scratchpad_desc();
  made.name = desc.impl_info_str();
  if (run) made.primitive = Primitive(desc);
}

// With `run` false only what says how it would be computed.
std::shared_ptr<const Convolution> make(Kind kind, const Shapes& s, data_type type, bool run) {
  auto made = std::make_shared<Convolution>();
  made->x = channels_last(s.x, type);
  made->y = channels_last(s.y, type);
  made->w = kernel_desc(s.w, type, false);
  made->bias = memory::desc({s.y[1]}, type, memory::format_tag::x);
  const memory::desc any_w = kernel_desc(s.w, type, true), none;
  dims gaps(s.dilation);
  for (int64_t& gap : gaps) gap -= 1;

  dnnl::primitive_attr plain, attr;
  plain.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (kind == kForwardBiasRelu) {
    dnnl::post_ops relu;
    relu.append_eltwise(dnnl::algorithm::eltwise_relu, 0.f, 0.f);
    attr.set_post_ops(relu);
  }
  const auto direct = dnnl::algorithm::convolution_direct;
  const bool bias = kind == kForwardBias || kind == kForwardBiasRelu;
  dnnl::convolution_forward::primitive_desc forward(
      engine(), dnnl::prop_kind::forward_training, direct, made->x, any_w, bias ? made->bias : none, made->y,
      s.strides, gaps, s.before, s.after, attr);
  if (kind == kData) {
    dnnl::convolution_backward_data::primitive_desc desc(engine(), direct, made->x, any_w, made->y, s.strides, gaps,
                                                         s.before, s.after, forward, plain);
    settle<dnnl::convolution_backward_data>(*made, desc, desc.weights_desc(), run);
  } else if (makes_kernel(kind)) {
    dnnl::convolution_backward_weights::primitive_desc desc(engine(), direct, made->x, any_w,
                                                            kind == kWeightBias ? made->bias : none, made->y,
                                                            s.strides, gaps, s.before, s.after, forward, plain);
    settle<dnnl::convolution_backward_weights>(*made, desc, desc.diff_weights_desc(), run);
  } else {
    settle<dnnl::convolution_forward>(*made, forward, forward.weights_desc(), run);
  }
  if (run && made->inner_w != made->w) {
    const bool out = makes_kernel(kind);
    dnnl::reorder::primitive_desc desc(engine(), out ? made->inner_w : made->w, engine(),
                                       out ? made->w : made->inner_w, plain);
    made->reorder_scratchpad = desc.scratchpad_desc();
    made->reorder = dnnl::reorder(desc);
  }
  return made;
}

// Shapes as oneDNN names them, from sizes as JAX does: x (batch, ..., channels), w (..., channels / groups, filters).
// One spatial axis becomes the second of two, for which oneDNN has more implementations.
Shapes read_shapes(const int64_t* x, const int64_t* w, const int64_t* y, size_t rank, const int64_t* geometry) {
  Shapes s;
  s.groups = geometry[0];
  const bool single = rank == 1;
  auto activations = [=](const int64_t* sizes) {
    dims shape{sizes[0], sizes[rank + 1]};
    if (single) shape.push_back(1);
    shape.insert(shape.end(), sizes + 1, sizes + 1 + rank);
    return shape;
  };
  s.x = activations(x);
  s.y = activations(y);
  s.w = {s.groups, w[rank + 1] / s.groups, w[rank]};
  if (single) s.w.push_back(1);
  s.w.insert(s.w.end(), w, w + rank);
  const int64_t* next = geometry + 1;
  for (auto [part, unit] : {std::pair(&s.strides, 1), {&s.before, 0}, {&s.after, 0}, {&s.dilation, 1}}) {
    if (single) part->push_back(unit);
    part->insert(part->end(), next, next + rank);
    next += rank;
  }
  return s;
}

Key key_of(Kind kind, data_type type, const Shapes& s) {
  Key key{kind, static_cast<int64_t>(type)};
  for (const dims* part : {&s.x, &s.y, &s.w, &s.strides, &s.before, &s.after, &s.dilation}) {
    key.insert(key.end(), part->begin(), part->end());
  }
  return key;
}

std::shared_ptr<const Convolution> find(Kind kind, data_type type, const Shapes& s) {
  static Cache<Convolution> cache(1024);
  return cache.get(key_of(kind, type, s), [&] { return make(kind, s, type, true); });
}

// The greatest absolute value, as bits; what is not a number comes out above everything.
template <typename Bits>
LAPIS_CLONES Bits greatest(const Bits* values, int64_t count) {
  constexpr Bits magnitude = static_cast<Bits>(~Bits{0}) >> 1;
  Bits most = 0;
  for (int64_t i = 0; i < count; ++i) most = std::max<Bits>(most, values[i] & magnitude);
  return most;
}

// The positive part, with what is not a number kept.
template <typename Bits>
LAPIS_CLONES void clip(Bits* values, int64_t count, Bits infinity) {
  constexpr Bits sign = static_cast<Bits>(~(static_cast<Bits>(~Bits{0}) >> 1));
  for (int64_t i = 0; i < count; ++i) {
    const Bits bits = values[i];
    values[i] = bits >= sign && bits <= static_cast<Bits>(sign | infinity) ? Bits{0} : bits;
  }
}

constexpr int64_t kPiece = 1 << 14;

// Whether no sum of products of these numbers can overflow, so that all results are numbers.
template <typename Bits>
bool tame(ffi::AnyBuffer buffer, Bits limit) {
  const Bits* values = reinterpret_cast<const Bits*>(buffer.untyped_data());
  const int64_t count = buffer.element_count();
  int wild = 0;
#pragma omp parallel for reduction(| : wild) if (count > kPiece)
  for (int64_t start = 0; start < count; start += kPiece) {
    wild |= greatest(values + start, std::min(kPiece, count - start)) > limit;
  }
  return !wild;
}

template <typename Bits>
void clip_all(ffi::AnyBuffer buffer, Bits infinity) {
  Bits* values = reinterpret_cast<Bits*>(buffer.untyped_data());
  const int64_t count = buffer.element_count();
#pragma omp parallel for if (count > kPiece)
  for (int64_t start = 0; start < count; start += kPiece) {
    clip(values + start, std::min(kPiece, count - start), infinity);
  }
}

void run(Kind kind, data_type type, const Shapes& s, void* x, void* w, void* y, void* bias) {
  std::shared_ptr<const Convolution> c = find(kind, type, s);
  const size_t inner_bytes = c->reorder ? c->inner_w.get_size() : 0;
  const size_t own_bytes = c->scratchpad.get_size();
  const size_t reorder_bytes = c->reorder ? c->reorder_scratchpad.get_size() : 0;
  Scratch scratch(Scratch::rounded(inner_bytes) + Scratch::rounded(own_bytes) + Scratch::rounded(reorder_bytes));
  memory outer_w(c->w, engine(), w);
  memory inner_w = c->reorder ? memory(c->inner_w, engine(), scratch.take(inner_bytes)) : outer_w;
  memory scratchpad(c->scratchpad, engine(), scratch.take(own_bytes));
  auto reorder = [&](memory& from, memory& to) {
    memory pad(c->reorder_scratchpad, engine(), scratch.take(reorder_bytes));
    c->reorder.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, pad}});
  };
  if (c->reorder && !makes_kernel(kind)) reorder(outer_w, inner_w);
  std::unordered_map<int, memory> arguments{
      {kind == kData ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, memory(c->x, engine(), x)},
      {makes_kernel(kind) ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, inner_w},
      {kind == kData || makes_kernel(kind) ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, memory(c->y, engine(), y)},
      {DNNL_ARG_SCRATCHPAD, scratchpad}};
  if (bias != nullptr) {
    arguments.emplace(makes_kernel(kind) ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, memory(c->bias, engine(), bias));
  }
  c->primitive.execute(stream(), arguments);
  if (c->reorder && makes_kernel(kind)) reorder(inner_w, outer_w);
  stream().wait();
}

ffi::Error guarded(Kind kind, ffi::AnyBuffer x, ffi::AnyBuffer w, ffi::AnyBuffer y, void* bias,
                   ffi::Span<const int64_t> geometry) {
  const size_t rank = x.dimensions().size() - 2;
  if (geometry.size() != 1 + 4 * rank) return ffi::Error::InvalidArgument("convolution: geometry of another rank");
  data_type type;
  switch (x.element_type()) {
    case ffi::DataType::F32:
      type = data_type::f32;
      break;
    case ffi::DataType::BF16:
      type = data_type::bf16;
      break;
    default:
      return ffi::Error::InvalidArgument("convolution: neither float32 nor bfloat16");
  }
  Shapes s = read_shapes(x.dimensions().begin(), w.dimensions().begin(), y.dimensions().begin(), rank,
                         geometry.begin());
  if (s.x[0] == 0) {  // an empty batch: nothing to compute, and nothing that adds to a gradient
    if (makes_kernel(kind)) {
      std::memset(w.untyped_data(), 0, w.size_bytes());
      if (bias != nullptr) std::memset(bias, 0, s.y[1] * ffi::ByteWidth(x.element_type()));
    }
    return ffi::Error::Success();
  }
  try {
    run(kind, type, s, x.untyped_data(), w.untyped_data(), y.untyped_data(), bias);
  } catch (const dnnl::error& error) {
    return ffi::Error::Internal(std::string("convolution: ") + error.what());
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "convolution: no memory left for scratch");
  }
  return ffi::Error::Success();
}

using In = ffi::AnyBuffer;
using Out = ffi::Result<ffi::AnyBuffer>;
using Ints = ffi::Span<const int64_t>;

ffi::Error forward(In x, In w, Out y, Ints geometry) { return guarded(kForward, x, w, *y, nullptr, geometry); }

// oneDNN's ReLU makes zeros of what is not a number, so it may only see numbers: below 2^50 no sum overflows.
ffi::Error forward_bias(In x, In w, In b, Out y, Ints geometry, bool relu) {
  const bool wide = x.element_type() == ffi::DataType::F32;
  auto is_tame = [wide](In values) {
    return wide ? tame<uint32_t>(values, 0x58800000u) : tame<uint16_t>(values, 0x5880u);
  };
  const bool fused = relu && is_tame(w) && is_tame(b) && is_tame(x);
  ffi::Error error =
      guarded(fused ? kForwardBiasRelu : kForwardBias, x, w, *y, b.untyped_data(), geometry);
  if (!relu || fused || error.failure()) return error;
  wide ? clip_all<uint32_t>(*y, 0x7f800000u) : clip_all<uint16_t>(*y, 0x7f80u);
  return error;
}

ffi::Error data(In y, In w, Out x, Ints geometry) { return guarded(kData, *x, w, y, nullptr, geometry); }

ffi::Error weight(In x, In y, Out w, Ints geometry) { return guarded(kWeight, x, *w, y, nullptr, geometry); }

ffi::Error weight_bias(In x, In y, Out w, Out b, Ints geometry) {
  return guarded(kWeightBias, x, *w, y, b->untyped_data(), geometry);
}

}  // namespace
}  // namespace lapis

#define LAPIS_ARGUMENTS xla::ffi::Ffi::Bind().Arg<lapis::In>().Arg<lapis::In>()
#define LAPIS_RESULT Ret<xla::ffi::AnyBuffer>()
#define LAPIS_GEOMETRY Attr<lapis::Ints>("geometry")

LAPIS_HANDLER(lapis_conv_v1, lapis::forward, LAPIS_ARGUMENTS.LAPIS_RESULT.LAPIS_GEOMETRY)
LAPIS_HANDLER(lapis_conv_bias_v1, lapis::forward_bias,
              LAPIS_ARGUMENTS.Arg<lapis::In>().LAPIS_RESULT.LAPIS_GEOMETRY.Attr<bool>("relu"))
LAPIS_HANDLER(lapis_conv_data_v1, lapis::data, LAPIS_ARGUMENTS.LAPIS_RESULT.LAPIS_GEOMETRY)
LAPIS_HANDLER(lapis_conv_weight_v1, lapis::weight, LAPIS_ARGUMENTS.LAPIS_RESULT.LAPIS_GEOMETRY)
LAPIS_HANDLER(lapis_conv_weight_bias_v1, lapis::weight_bias,
              LAPIS_ARGUMENTS.LAPIS_RESULT.LAPIS_RESULT.LAPIS_GEOMETRY)

// The name of the implementation that oneDNN would pick, empty where it has none. `sizes` are those of x, w and y.
LAPIS_EXPORT void lapis_conv_describe(int64_t kind, int64_t bfloat16, int64_t rank, const int64_t* sizes,
                                      const int64_t* geometry, char* name, int64_t room) {
  using namespace lapis;
  std::string found;
  try {
    const size_t axes = rank + 2;
    Shapes s = read_shapes(sizes, sizes + axes, sizes + 2 * axes, rank, geometry);
    found = make(static_cast<Kind>(kind), s, bfloat16 ? data_type::bf16 : data_type::f32, false)->name;
  } catch (const dnnl::error&) {
  }
  std::strncpy(name, found.c_str(), room);
}
