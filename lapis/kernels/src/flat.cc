// The gradient of a kernel that is moved by one step at a time, as products of matrices over whole images.
//
// In an image with its padding, laid out in one row, the place in the window moves all positions by the same distance.
// So the gradient at that place is x^T y over the image, where y has zeros at the positions that the window never stands
// on: the ends of lines. Each part of the batch has a sum of its own, and these are added in order.

#include <algorithm>
#include <cstring>

#include "conv.h"
#include "product.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

struct Flat {
  int64_t in, out, rows_x, rows_y, rows;  // channels; positions of an image, of its result, of the padded image
  std::vector<int64_t> x_places;          // where each position of the image lies in the padded one
  std::vector<int64_t> y_rows;            // which position of the result stands at each place, -1 for none
  std::vector<int64_t> taps;              // the distance of each place in the window
  bool padded;
};

Flat flatten(const Shapes& s) {
  Flat f{s.x[1], s.y[1], 1, 1, 1};
  const size_t rank = s.strides.size();
  std::vector<int64_t> whole(rank), step(rank);
  f.padded = false;
  for (size_t i = rank; i-- > 0;) {
    whole[i] = s.x[2 + i] + std::max<int64_t>(0, s.before[i]) + std::max<int64_t>(0, s.after[i]);
    step[i] = f.rows;
    f.rows *= whole[i];
    f.rows_x *= s.x[2 + i];
    f.rows_y *= s.y[2 + i];
    f.padded |= whole[i] != s.x[2 + i];
  }
  // The place of each of `sizes` positions, whose axes are `scale` apart.
  auto places = [&](auto size, auto scale, auto before) {
    std::vector<int64_t> found{0};
    for (size_t i = 0; i < rank; ++i) {
      std::vector<int64_t> next;
      for (int64_t place : found) {
        for (int64_t p = 0; p < size(i); ++p) next.push_back(place + (p * scale(i) + before(i)) * step[i]);
      }
      found.swap(next);
    }
    return found;
  };
  auto one = [](size_t) { return int64_t{1}; };
  auto none = [](size_t) { return int64_t{0}; };
  f.x_places = places([&](size_t i) { return s.x[2 + i]; }, one, [&](size_t i) { return s.before[i]; });
  f.taps = places([&](size_t i) { return s.w[3 + i]; }, [&](size_t i) { return s.dilation[i]; }, none);
  const std::vector<int64_t> ys = places([&](size_t i) { return s.y[2 + i]; }, one, none);
  f.y_rows.assign(ys.back() + 1, -1);
  for (size_t row = 0; row < ys.size(); ++row) f.y_rows[ys[row]] = row;
  return f;
}

// The sums over images `first` to `last`.
template <class S>
ALWAYS void sum_part(const Flat& f, const float* x, const float* y, int64_t first, int64_t last, float* w) {
  constexpr int P = 2 * S::kWidth, D = S::kDepth / 2;  // half as deep: lines of x shall stay near beside the panel
  alignas(64) float panel[D * P];
  Scratch scratch(Scratch::rounded(f.rows * f.in * sizeof(float)));
  float* padded = f.padded ? static_cast<float*>(scratch.take(f.rows * f.in * sizeof(float))) : nullptr;
  if (f.padded) std::memset(padded, 0, f.rows * f.in * sizeof(float));
  for (int64_t n = first; n < last; ++n) {
    const float *image = x + n * f.rows_x * f.in, *result = y + n * f.rows_y * f.out;
    if (f.padded) {
      for (int64_t row = 0; row < f.rows_x; ++row) {
        std::memcpy(padded + f.x_places[row] * f.in, image + row * f.in, f.in * sizeof(float));
      }
      image = padded;
    }
    const int64_t size = f.y_rows.size();
    for (int64_t start = 0; start < size; start += D) {
      const int64_t depth = std::min<int64_t>(D, size - start);
      for (int64_t j = 0; j < f.out; j += P) {
        const int64_t width = std::min<int64_t>(P, f.out - j);
        for (int64_t l = 0; l < depth; ++l) {
          const int64_t row = f.y_rows[start + l], count = row < 0 ? 0 : width;
          if (count == P) {
            std::memcpy(panel + l * P, result + row * f.out + j, P * sizeof(float));
          } else {
            for (int64_t c = 0; c < count; ++c) panel[l * P + c] = result[row * f.out + j + c];
            std::fill(panel + l * P + count, panel + (l + 1) * P, 0.f);
          }
        }
        for (size_t tap = 0; tap < f.taps.size(); ++tap) {
          const Rows rows{image + (start + f.taps[tap]) * f.in, f.in, S::kRows};
          panel_rows<S, false>(rows, f.in, panel, depth, w + tap * f.in * f.out + j, f.out, width,
                               n == first && start == 0);
        }
      }
    }
  }
}

#define VERSION(S, ...)                                                                                           \
  __VA_ARGS__ void sum(const Flat& f, const float* x, const float* y, int64_t first, int64_t last, float* w) {     \
    sum_part<S>(f, x, y, first, last, w);                                                                         \
  }

LAPIS_VERSIONS(VERSION)

}  // namespace

bool prefers_flat(Kind kind, const Shapes& s) {
  const bool moves_by_one = std::all_of(s.strides.begin(), s.strides.end(), [](int64_t step) { return step == 1; });
  // A product needs rows enough; cropping, which is negative padding, is left to others.
  const auto crops = [](int64_t pad) { return pad < 0; };
  return kind >= kWeight && s.groups == 1 && moves_by_one && s.x[1] >= 12 && s.y[1] >= 16 &&
         std::none_of(s.before.begin(), s.before.end(), crops) && std::none_of(s.after.begin(), s.after.end(), crops);
}

void run_flat(const Shapes& s, const float* x, float* w, const float* y, float* bias, ffi::ThreadPool& pool) {
  static Cache<Flat> cache(128);
  const auto found = cache.get(key_of(s), [&] { return std::make_shared<const Flat>(flatten(s)); });
  const Flat& f = *found;
  const int64_t batch = s.x[0], parts = std::max<int64_t>(1, std::min<int64_t>(pool.num_threads(), batch));
  const int64_t count = f.taps.size() * f.in * f.out;
  const size_t sum_bytes = Scratch::rounded(count * sizeof(float)), bias_bytes = Scratch::rounded(f.out * sizeof(float));
  Scratch scratch(parts * (sum_bytes + bias_bytes), 1);
  std::vector<float*> sums(parts, w), biases(parts, bias);
  for (int64_t part = 1; part < parts; ++part) {
    sums[part] = static_cast<float*>(scratch.take(sum_bytes));
    if (bias != nullptr) biases[part] = static_cast<float*>(scratch.take(bias_bytes));
  }
  share(pool, parts, parts, [&](int64_t part) {
    const int64_t first = batch * part / parts, last = batch * (part + 1) / parts;
    sum(f, x, y, first, last, sums[part]);
    if (bias == nullptr) return;
    std::fill(biases[part], biases[part] + f.out, 0.f);
    for (int64_t row = first * f.rows_y; row < last * f.rows_y; ++row) add(biases[part], y + row * f.out, f.out);
  });
  for (int64_t part = 1; part < parts; ++part) {
    add(w, sums[part], count);
    if (bias != nullptr) add(bias, biases[part], f.out);
  }
}

}  // namespace lapis
