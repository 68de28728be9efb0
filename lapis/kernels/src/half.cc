// Products of matrices in bfloat16 with oneDNN, for processors that multiply in it; the sums are in float32.
//
// `layout` is that of matmul.cc.

#include <algorithm>
#include <cstring>
#include <string>

#include "common.h"
#include "onednn.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using dnnl::memory;
using Half = ffi::Buffer<ffi::BF16>;
using Ints = ffi::Span<const int64_t>;

constexpr double kAlone = 4e6;  // operations that one thread does faster than several

struct Product {
  dnnl::matmul primitive;
  memory::desc a, b, c, scratchpad;
  std::string name;
};

// The product of `rows` of the layout's rows, without `run` only what says how it would be computed.
std::shared_ptr<const Product> make(Ints layout, int64_t rows, bool run) {
  const int64_t* s = layout.begin();
  memory::dims a_sizes, b_sizes, c_sizes, a_steps, b_steps, c_steps;
  for (const int64_t* axis = s + 8; axis < layout.end(); axis += 4) {
    // A step of zero means the same matrix again and again.
    a_sizes.push_back(axis[1] == 0 ? 1 : axis[0]);
    b_sizes.push_back(axis[2] == 0 ? 1 : axis[0]);
    c_sizes.push_back(axis[0]);
    a_steps.push_back(axis[1] == 0 ? rows * s[2] : axis[1]);
    b_steps.push_back(axis[2] == 0 ? s[2] * s[1] : axis[2]);
    c_steps.push_back(axis[3]);
  }
  const auto matrix = [](memory::dims sizes, memory::dims steps, int64_t first, int64_t second, int64_t step,
                         int64_t other) {
    sizes.insert(sizes.end(), {first, second});
    steps.insert(steps.end(), {step, other});
    return memory::desc(sizes, memory::data_type::bf16, steps);
  };
  auto made = std::make_shared<Product>();
  made->a = matrix(a_sizes, a_steps, rows, s[2], s[3], s[4]);
  made->b = matrix(b_sizes, b_steps, s[2], s[1], s[5], s[6]);
  made->c = matrix(c_sizes, c_steps, rows, s[1], s[7], 1);
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::matmul::primitive_desc desc(engine(), made->a, made->b, made->c, attr);
  made->scratchpad = desc.scratchpad_desc();
  made->name = desc.impl_info_str();
  if (run) made->primitive = dnnl::matmul(desc);
  return made;
}

std::shared_ptr<const Product> find(Ints layout, int64_t rows) {
  static Cache<Product> cache(1024);
  Key key(layout.begin(), layout.end());
  key.push_back(rows);
  return cache.get(key, [&] { return make(layout, rows, true); });
}

ffi::Error product(ffi::ThreadPool pool, Half a, Half b, ffi::Result<Half> c, Ints layout) {
  const int64_t* s = layout.begin();
  if (s[2] == 0) std::memset(c->untyped_data(), 0, c->size_bytes());
  if (s[2] == 0 || c->element_count() == 0) return ffi::Error::Success();
  const double work = 2.0 * c->element_count() * s[2];
  const int64_t threads = work < kAlone ? 1 : std::min<int64_t>(pool.num_threads(), s[0]);
  const int64_t step = (s[0] + threads - 1) / threads, parts = (s[0] + step - 1) / step;
  auto *x = static_cast<uint16_t*>(a.untyped_data()), *w = static_cast<uint16_t*>(b.untyped_data());
  auto* y = static_cast<uint16_t*>(c->untyped_data());
  try {
    share(pool, parts, parts, [&](int64_t part) {
      const Alone alone(true);  // a primitive is bound to the number of threads that it was made for
      const int64_t first = part * step;
      const auto p = find(layout, std::min(step, s[0] - first));
      Scratch scratch(p->scratchpad.get_size());
      p->primitive.execute(stream(), {{DNNL_ARG_SRC, memory(p->a, engine(), x + first * s[3])},
                                      {DNNL_ARG_WEIGHTS, memory(p->b, engine(), w)},
                                      {DNNL_ARG_DST, memory(p->c, engine(), y + first * s[7])},
                                      {DNNL_ARG_SCRATCHPAD, memory(p->scratchpad, engine(),
                                                                   scratch.take(p->scratchpad.get_size()))}});
      stream().wait();
    });
  } catch (const dnnl::error& error) {
    return ffi::Error::Internal(std::string("product: ") + error.what());
  } catch (const std::bad_alloc&) {
    return ffi::Error(ffi::ErrorCode::kResourceExhausted, "product: no memory left for scratch");
  }
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_product_bfloat16_v1, lapis::product,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Half>()
                  .Arg<lapis::Half>()
                  .Ret<lapis::Half>()
                  .Attr<lapis::Ints>("layout"))

// The name of the implementation that oneDNN would pick, empty where it has none.
LAPIS_EXPORT void lapis_product_describe(const int64_t* layout, int64_t count, char* name, int64_t room) {
  std::string found;
  try {
    const lapis::Alone alone(true);
    found = lapis::make(lapis::Ints(layout, count), layout[0], false)->name;
  } catch (const dnnl::error&) {
  }
  std::strncpy(name, found.c_str(), room);
}
