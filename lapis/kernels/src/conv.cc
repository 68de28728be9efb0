// Convolution and its gradients with oneDNN, channels last, over one to three spatial axes.
//
// Arrays are dense and row-major: activations (batch, ..., channels), kernels (..., channels / groups, filters).
// `geometry` is [groups, strides..., pads before..., pads after..., dilation...].

#include <algorithm>
#include <cstring>
#include <string>

#include "common.h"
#include "conv.h"
#include "onednn.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using dnnl::memory;
using dims = memory::dims;
using data_type = memory::data_type;

struct Convolution {
  dnnl::primitive primitive;
  dnnl::reorder reorder;  // of the kernel into the primitive's order, or of its gradient out of it; maybe none
  memory::desc x, y, w, bias;  // as they come
  memory::desc inner_w, scratchpad, reorder_scratchpad;
  std::string name;
};

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

// A primitive is bound to the number of threads that it was made for.
std::shared_ptr<const Convolution> find(Kind kind, data_type type, const Shapes& s, bool alone) {
  static Cache<Convolution> cache(1024);
  Key key = key_of(s);
  key.insert(key.end(), {kind, static_cast<int64_t>(type), alone});
  return cache.get(key, [&] { return make(kind, s, type, true); });
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

// Whether no sum of products of these numbers can overflow, so that all results are numbers: below 2^50 none does.
bool tame(const void* values, int64_t count, data_type type) {
  return type == data_type::f32 ? greatest(static_cast<const uint32_t*>(values), count) <= 0x58800000u
                                : greatest(static_cast<const uint16_t*>(values), count) <= 0x5880u;
}

void clip_all(void* values, int64_t count, data_type type) {
  type == data_type::f32 ? clip(static_cast<uint32_t*>(values), count, uint32_t{0x7f800000u})
                         : clip(static_cast<uint16_t*>(values), count, uint16_t{0x7f80u});
}

int64_t size_of(const dims& shape) {
  int64_t size = 1;
  for (int64_t axis : shape) size *= axis;
  return size;
}

double work_of(const Shapes& s) { return 2.0 * size_of(s.y) * size_of(s.w) / s.w[0] / s.w[1]; }

// How many slices of the batch are computed side by side, each by one thread of XLA's pool: OpenMP's threads would have
// to wrest the cores from these. One slice means that oneDNN's own threads share it.
int64_t slices(Kind kind, data_type type, const Shapes& s, const ffi::ThreadPool& pool) {
  const int64_t threads = pool.num_threads();
  if (threads < 2 || work_of(s) < 4e6 || s.x[0] % threads != 0) return 1;
  if (makes_kernel(kind)) {
    // Each slice has a kernel's gradient of its own, which must be little beside what it is made of.
    const bool light = size_of(s.w) * threads < size_of(s.x) + size_of(s.y);
    return light && type == data_type::f32 ? threads : 1;
  }
  return threads;
}

void reorder(const Convolution& c, memory from, memory to) {
  Scratch scratch(c.reorder_scratchpad.get_size());
  memory pad(c.reorder_scratchpad, engine(), scratch.take(c.reorder_scratchpad.get_size()));
  c.reorder.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}, {DNNL_ARG_SCRATCHPAD, pad}});
  stream().wait();
}

// One slice, the kernel (or its gradient) in the primitive's own order.
void run_slice(Kind kind, const Convolution& c, void* x, void* inner_w, void* y, void* bias) {
  Scratch scratch(c.scratchpad.get_size());
  std::unordered_map<int, memory> arguments{
      {kind == kData ? DNNL_ARG_DIFF_SRC : DNNL_ARG_SRC, memory(c.x, engine(), x)},
      {makes_kernel(kind) ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS, memory(c.inner_w, engine(), inner_w)},
      {kind == kData || makes_kernel(kind) ? DNNL_ARG_DIFF_DST : DNNL_ARG_DST, memory(c.y, engine(), y)},
      {DNNL_ARG_SCRATCHPAD, memory(c.scratchpad, engine(), scratch.take(c.scratchpad.get_size()))}};
  if (bias != nullptr) {
    arguments.emplace(makes_kernel(kind) ? DNNL_ARG_DIFF_BIAS : DNNL_ARG_BIAS, memory(c.bias, engine(), bias));
  }
  c.primitive.execute(stream(), arguments);
  stream().wait();
}

void run(Kind kind, data_type type, Shapes s, char* x, void* w, char* y, void* bias, ffi::ThreadPool& pool) {
  const int64_t parts = slices(kind, type, s, pool);
  // Waking oneDNN's own threads takes as long as the tens of millions of operations that they would save.
  const bool single = parts > 1 || work_of(s) < 4e7;
  const Alone alone(single);
  s.x[0] /= parts;
  s.y[0] /= parts;
  const int64_t element = type == data_type::f32 ? 4 : 2;
  const int64_t x_count = size_of(s.x), y_count = size_of(s.y);
  const std::shared_ptr<const Convolution> c = find(kind, type, s, single);
  const bool relu = kind == kForwardBiasRelu;
  const std::shared_ptr<const Convolution> without_relu = relu ? find(kForwardBias, type, s, single) : nullptr;
  if (relu && without_relu->inner_w != c->inner_w) {
    s.x[0] *= parts;
    s.y[0] *= parts;
    run(kForwardBias, type, s, x, w, y, bias, pool);
    return clip_all(y, size_of(s.y), type);
  }
  const bool makes = makes_kernel(kind), own_order = !c->reorder;
  const size_t w_bytes = Scratch::rounded(c->inner_w.get_size()), b_bytes = Scratch::rounded(s.y[1] * element);
  // The first slice's gradients go where they belong, if their order allows it.
  Scratch scratch((makes ? parts : 1) * w_bytes + (makes ? parts : 0) * b_bytes, 1);
  std::vector<void*> inner(parts, own_order ? w : scratch.take(w_bytes)), biases(parts, bias);
  for (int64_t part = 1; makes && part < parts; ++part) {
    inner[part] = scratch.take(w_bytes);
    if (bias != nullptr) biases[part] = scratch.take(b_bytes);
  }
  if (!own_order && !makes) reorder(*c, memory(c->w, engine(), w), memory(c->inner_w, engine(), inner[0]));

  // oneDNN's ReLU makes zeros of what is not a number, so it may only see numbers.
  const bool may_fuse = relu && tame(w, size_of(s.w), type) && tame(bias, s.y[1], type);
  share(pool, parts, parts, [&](int64_t part) {
    const Alone alone(single);
    char *x_part = x + part * x_count * element, *y_part = y + part * y_count * element;
    const bool fused = may_fuse && tame(x_part, x_count, type);
    if (!relu || fused) {
      run_slice(kind, *c, x_part, inner[part], y_part, biases[part]);
      return;
    }
    run_slice(kForwardBias, *without_relu, x_part, inner[part], y_part, biases[part]);
    clip_all(y_part, y_count, type);
  });
  for (int64_t part = 1; makes && part < parts; ++part) {
    add(static_cast<float*>(inner[0]), static_cast<const float*>(inner[part]), c->inner_w.get_size() / sizeof(float));
    if (bias != nullptr) add(static_cast<float*>(bias), static_cast<const float*>(biases[part]), s.y[1]);
  }
  if (!own_order && makes) reorder(*c, memory(c->inner_w, engine(), inner[0]), memory(c->w, engine(), w));
}

ffi::Error guarded(Kind kind, ffi::ThreadPool& pool, ffi::AnyBuffer x, ffi::AnyBuffer w, ffi::AnyBuffer y, void* bias,
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
    const auto floats = [](void* values) { return static_cast<float*>(values); };
    if (type == data_type::f32 && prefers_taps(kind, s)) {
      run_taps(kind, s, floats(x.untyped_data()), floats(w.untyped_data()), floats(y.untyped_data()), floats(bias), pool);
      return ffi::Error::Success();
    }
    if (type == data_type::f32 && prefers_flat(kind, s)) {
      run_flat(s, floats(x.untyped_data()), floats(w.untyped_data()), floats(y.untyped_data()), floats(bias), pool);
      return ffi::Error::Success();
    }
    run(kind, type, s, static_cast<char*>(x.untyped_data()), w.untyped_data(), static_cast<char*>(y.untyped_data()),
        bias, pool);
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

ffi::Error forward(ffi::ThreadPool pool, In x, In w, Out y, Ints geometry) {
  return guarded(kForward, pool, x, w, *y, nullptr, geometry);
}

ffi::Error forward_bias(ffi::ThreadPool pool, In x, In w, In b, Out y, Ints geometry, bool relu) {
  return guarded(relu ? kForwardBiasRelu : kForwardBias, pool, x, w, *y, b.untyped_data(), geometry);
}

ffi::Error data(ffi::ThreadPool pool, In y, In w, Out x, Ints geometry) {
  return guarded(kData, pool, *x, w, y, nullptr, geometry);
}

ffi::Error weight(ffi::ThreadPool pool, In x, In y, Out w, Ints geometry) {
  return guarded(kWeight, pool, x, *w, y, nullptr, geometry);
}

ffi::Error weight_bias(ffi::ThreadPool pool, In x, In y, Out w, Out b, Ints geometry) {
  return guarded(kWeightBias, pool, x, *w, y, b->untyped_data(), geometry);
}

}  // namespace

LAPIS_CLONES void add(float* __restrict to, const float* __restrict from, int64_t count) {
  for (int64_t i = 0; i < count; ++i) to[i] += from[i];
}

Key key_of(const Shapes& s) {
  Key key;
  for (const dims* part : {&s.x, &s.y, &s.w, &s.strides, &s.before, &s.after, &s.dilation}) {
    key.insert(key.end(), part->begin(), part->end());
  }
  return key;
}

}  // namespace lapis

#define LAPIS_ARGUMENTS xla::ffi::Ffi::Bind().Ctx<xla::ffi::ThreadPool>().Arg<lapis::In>().Arg<lapis::In>()
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
