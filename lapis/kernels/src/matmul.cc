// Products of matrices in float32, many at once, with operands and results that may lie in any order of axes.
//
// `layout` is [m, n, k, steps..., (size, steps of a, b, c)...]: c[i, j] = sum over l of a[i, l] * b[l, j], where the
// steps are those of a along i and l, of b along l and j, of c along i; c is contiguous along j, a along i or l, b along
// l or j. Each further group of four is an axis along which the product is repeated.
//
// An element's sum runs over l in one order, whatever the number of threads and of other elements.

#include <algorithm>
#include <cstring>

#include "common.h"
#include "product.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

constexpr int64_t kBlock = 144;  // the most rows of a task, a multiple of every `kRows`

struct Product {
  int64_t m, n, k, a_i, a_l, b_l, b_j, c_i;
  const float *a, *b;
  float* c;
};

// Whether a's rows are used often enough to be copied first.
bool gathers(const Product& p, bool along, int64_t columns) {
  return !along && columns >= 128;
}

// Copies `count` rows of `depth` values: one after the other where they are contiguous along l, and otherwise `kRows` at
// a time, l by l.
template <class S, bool along>
ALWAYS Rows gather(const float* a, int64_t step, int64_t count, int64_t depth, float* to) {
  constexpr int R = S::kRows;
  if (along) {
    for (int64_t i = 0; i < count; ++i) std::memcpy(to + i * S::kDepth, a + i * step, depth * sizeof(float));
    return {to, S::kDepth, R * S::kDepth};
  }
  for (int64_t i = 0; i < count; i += R) {
    float* strip = to + i * S::kDepth;
    if (count - i >= R) {
      for (int64_t l = 0; l < depth; ++l) std::memcpy(strip + l * R, a + l * step + i, R * sizeof(float));
    } else {
      for (int64_t l = 0; l < depth; ++l) std::memcpy(strip + l * R, a + l * step + i, (count - i) * sizeof(float));
    }
  }
  return {to, R, R * S::kDepth};
}

// `count` rows of c from `row` in the columns `column` to `last`.
template <class S, bool along>
ALWAYS void block(const Product& p, int64_t row, int64_t count, int64_t column, int64_t last) {
  constexpr int P = 2 * S::kWidth;
  alignas(64) float panel[S::kDepth * P], rows_close[S::kDepth * kBlock];
  const int64_t step = along ? p.a_i : p.a_l;
  const bool close = gathers(p, along, last - column);
  for (int64_t start = 0; start < p.k; start += S::kDepth) {
    const int64_t depth = std::min<int64_t>(S::kDepth, p.k - start);
    const float* a = p.a + row * p.a_i + start * p.a_l;
    Rows rows{a, step, S::kRows * p.a_i};
    if (close) rows = gather<S, along>(a, step, count, depth, rows_close);
    for (int64_t j = column; j < last; j += P) {
      const int64_t width = std::min<int64_t>(P, last - j);
      pack<S>(p.b + start * p.b_l + j * p.b_j, p.b_l, p.b_j, depth, width, panel);
      panel_rows<S, along>(rows, count, panel, depth, p.c + row * p.c_i + j, p.c_i, width, start == 0);
    }
  }
}

#define VERSION(S, ...)                                                                                       \
  __VA_ARGS__ int panel_width() { return 2 * S::kWidth; }                                                     \
  __VA_ARGS__ int tile_rows() { return S::kRows; }                                                            \
  __VA_ARGS__ void run(const Product& p, int64_t row, int64_t count, int64_t column, int64_t last) {          \
    p.a_l == 1 ? block<S, true>(p, row, count, column, last) : block<S, false>(p, row, count, column, last);  \
  }

LAPIS_VERSIONS(VERSION)

int64_t blocks(int64_t size, int64_t of) { return (size + of - 1) / of; }

using Floats = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Floats>;

ffi::Error matmul(ffi::ThreadPool pool, Floats a, Floats b, Result c, ffi::Span<const int64_t> layout) {
  const int64_t* s = layout.begin();
  const Product first{s[0], s[1], s[2],          s[3],          s[4],           s[5],
                      s[6], s[7], a.typed_data(), b.typed_data(), c->typed_data()};
  const int64_t *axes = s + 8, *axes_end = s + layout.size();
  if (first.k == 0) std::memset(first.c, 0, c->size_bytes());
  if (first.k == 0 || c->element_count() == 0) return ffi::Error::Success();
  int64_t repeats = 1;
  for (const int64_t* axis = axes; axis < axes_end; axis += 4) repeats *= axis[0];

  const double work = 2.0 * repeats * first.m * first.n * first.k;
  // Waking a thread takes as long as a million operations.
  const int64_t threads = std::min<int64_t>(pool.num_threads(), static_cast<int64_t>(work / 1e6));
  const int64_t width = panel_width(), panels = blocks(first.n, width), rows = blocks(first.m, kBlock);
  const int64_t step = blocks(blocks(first.m, rows), tile_rows()) * tile_rows();
  const int64_t wanted = std::min<int64_t>(4 * threads, std::max<int64_t>(2 * threads, work / 1.5e6));
  const int64_t groups = std::max<int64_t>(1, std::min(panels, blocks(wanted, repeats * rows)));
  share(pool, threads, repeats * rows * groups, [&](int64_t task) {
    Product p = first;
    const int64_t group = task % groups, part = task / groups % rows;
    int64_t place = task / groups / rows;
    for (const int64_t* axis = axes; axis < axes_end; axis += 4) {
      const int64_t i = place % axis[0];
      place /= axis[0];
      p.a += i * axis[1];
      p.b += i * axis[2];
      p.c += i * axis[3];
    }
    run(p, part * step, std::min(step, p.m - part * step), panels * group / groups * width,
        std::min(p.n, panels * (group + 1) / groups * width));
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_matmul_v1, lapis::matmul,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()
                  .Arg<lapis::Floats>()
                  .Ret<lapis::Floats>()
                  .Attr<xla::ffi::Span<const int64_t>>("layout"))
