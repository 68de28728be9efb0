// The inner loops of a product of matrices: a tile of sums in the registers, a panel of the right matrix close by.

#ifndef LAPIS_PRODUCT_H_
#define LAPIS_PRODUCT_H_

#include "vectors.h"

namespace lapis {

// R rows of c, `width` columns: the sum over `depth` of a's values times the panel's rows, added to c unless `fresh`.
// a is contiguous along l where `along`, and along i otherwise; `step` is that of its other axis.
template <class S, int R, bool along>
ALWAYS void tile(const float* a, int64_t step, const float* panel, int64_t depth, float* c, int64_t c_step,
                 int64_t width, bool fresh) {
  using V = typename S::Floats;
  constexpr int W = S::kWidth;
  V sum[R][2] = {};
  for (int64_t l = 0; l < depth; ++l, panel += 2 * W) {
    const V left = load<S>(panel), right = load<S>(panel + W);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const float value = along ? a[r * step + l] : a[l * step + r];
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r, c += c_step) {
    if (width == 2 * W) {
      store<S>(c, fresh ? sum[r][0] : load<S>(c) + sum[r][0]);
      store<S>(c + W, fresh ? sum[r][1] : load<S>(c + W) + sum[r][1]);
    } else {
      float edge[2 * W];
      store<S>(edge, sum[r][0]);
      store<S>(edge + W, sum[r][1]);
      for (int64_t j = 0; j < width; ++j) c[j] = fresh ? edge[j] : c[j] + edge[j];
    }
  }
}

// Eight rows of eight, `step` apart, become eight columns, `to_step` apart.
ALWAYS void turn(const float* from, int64_t step, float* to, int64_t to_step) {
  using Eight = Narrow::Floats;
  using Places = Narrow::Ints;
  Eight row[8], pair[8], four[8];
#pragma GCC unroll 8
  for (int r = 0; r < 8; ++r) row[r] = load<Narrow>(from + r * step);
#pragma GCC unroll 4
  for (int r = 0; r < 8; r += 2) {
    pair[r] = __builtin_shuffle(row[r], row[r + 1], Places{0, 8, 1, 9, 4, 12, 5, 13});
    pair[r + 1] = __builtin_shuffle(row[r], row[r + 1], Places{2, 10, 3, 11, 6, 14, 7, 15});
  }
#pragma GCC unroll 2
  for (int r = 0; r < 8; r += 4) {
#pragma GCC unroll 2
    for (int s = 0; s < 2; ++s) {
      four[r + 2 * s] = __builtin_shuffle(pair[r + s], pair[r + s + 2], Places{0, 1, 8, 9, 4, 5, 12, 13});
      four[r + 2 * s + 1] = __builtin_shuffle(pair[r + s], pair[r + s + 2], Places{2, 3, 10, 11, 6, 7, 14, 15});
    }
  }
#pragma GCC unroll 4
  for (int r = 0; r < 4; ++r) {
    store<Narrow>(to + r * to_step, __builtin_shuffle(four[r], four[r + 4], Places{0, 1, 2, 3, 8, 9, 10, 11}));
    store<Narrow>(to + (r + 4) * to_step, __builtin_shuffle(four[r], four[r + 4], Places{4, 5, 6, 7, 12, 13, 14, 15}));
  }
}

// Copies `depth` rows of `width` columns of b side by side, zeros after them; b's steps are those along l and j.
template <class S>
ALWAYS void pack(const float* b, int64_t b_l, int64_t b_j, int64_t depth, int64_t width, float* panel) {
  constexpr int P = 2 * S::kWidth;
  int64_t l = 0;
  if (b_j == 1 && width == P) {
    for (; l < depth; ++l) {
      std::memcpy(panel + l * P, b + l * b_l, P * sizeof(float));
      __builtin_prefetch(b + l * b_l + P, 0, 2);  // of the next panel, whose rows lie too far apart to be foreseen
    }
  } else if (b_l == 1 && width == P) {
    for (; l + 8 <= depth; l += 8) {
#pragma GCC unroll 4
      for (int j = 0; j < P; j += 8) turn(b + l + j * b_j, b_j, panel + l * P + j, P);
    }
  }
  for (; l < depth; ++l) {
    for (int64_t j = 0; j < width; ++j) panel[l * P + j] = b[l * b_l + j * b_j];
    for (int64_t j = width; j < P; ++j) panel[l * P + j] = 0;
  }
}

// What a block of c's rows is made of: the rows of a as they lie, or copied close together.
struct Rows {
  const float* a;
  int64_t step, strip;  // along the axis that is not contiguous, and from `kRows` rows to the next
};

// All rows of c in a panel's columns.
template <class S, bool along>
ALWAYS void panel_rows(const Rows& rows, int64_t count, const float* panel, int64_t depth, float* c, int64_t c_step,
                       int64_t width, bool fresh) {
  const float* a = rows.a;
  for (; count >= S::kRows; count -= S::kRows, a += rows.strip, c += S::kRows * c_step) {
    tile<S, S::kRows, along>(a, rows.step, panel, depth, c, c_step, width, fresh);
  }
#define ROWS(R)                                                                       \
  for (; count >= R; count -= R, a += along ? R * rows.step : R, c += R * c_step) {   \
    tile<S, R, along>(a, rows.step, panel, depth, c, c_step, width, fresh);           \
  }
  ROWS(4)
  ROWS(2)
  ROWS(1)
#undef ROWS
}

}  // namespace lapis

#endif  // LAPIS_PRODUCT_H_
