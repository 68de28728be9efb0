// Sums over the rows of x, (rows, width), in float32: mean and variance of each column, and the sums that the gradient
// of a normalization by columns takes. Each array is read once from memory.

#include <algorithm>
#include <cstring>

#include "common.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using Floats = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Floats>;

constexpr int64_t kNear = 4096;  // numbers of x that stay in the nearest cache

// For each column of rows `first` to `last` the mean, and the sum of squared distances from it: block by block, each in
// two passes, joined by the formula of Chan, Golub and LeVeque (1979), which loses no digits where the mean is large.
LAPIS_CLONES void moments(const float* x, int64_t width, int64_t first, int64_t last, float* mean, float* squares,
                          float* sum, float* own) {
  const int64_t block = std::max<int64_t>(1, kNear / width);
  std::fill(mean, mean + width, 0.f);
  std::fill(squares, squares + width, 0.f);
  for (int64_t start = first; start < last; start += block) {
    const int64_t end = std::min(last, start + block);
    std::fill(sum, sum + width, 0.f);
    std::fill(own, own + width, 0.f);
    for (int64_t i = start; i < end; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) sum[j] += x[i * width + j];
    }
    const float count = end - start, before = start - first, all = end - first;
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) sum[j] /= count;
    for (int64_t i = start; i < end; ++i) {
#pragma omp simd
      for (int64_t j = 0; j < width; ++j) own[j] += (x[i * width + j] - sum[j]) * (x[i * width + j] - sum[j]);
    }
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      const float apart = sum[j] - mean[j];
      mean[j] += apart * (count / all);
      squares[j] += own[j] + apart * apart * (before * (count / all));
    }
  }
}

LAPIS_CLONES void products(const float* y, const float* x, const float* mean, int64_t width, int64_t first,
                           int64_t last, float* sums, float* along) {
  std::fill(sums, sums + width, 0.f);
  std::fill(along, along + width, 0.f);
  for (int64_t i = first; i < last; ++i) {
#pragma omp simd
    for (int64_t j = 0; j < width; ++j) {
      sums[j] += y[i * width + j];
      along[j] += y[i * width + j] * (x[i * width + j] - mean[j]);
    }
  }
}

// Scratch of some rows of `width` numbers, which `row` gives one by one.
class Rows {
 public:
  Rows(int64_t count, int64_t width)
      : stride_(Scratch::rounded(width * sizeof(float)) / sizeof(float)), scratch_(count * stride_ * sizeof(float), 1),
        start_(static_cast<float*>(scratch_.take(count * stride_ * sizeof(float)))) {}
  float* row(int64_t i) { return start_ + i * stride_; }

 private:
  int64_t stride_;
  Scratch scratch_;
  float* start_;
};

ffi::Error column_moments(ffi::ThreadPool pool, Floats x, Result mean, Result variance) {
  const int64_t rows = x.dimensions()[0], width = x.dimensions()[1], parts = parts_of(rows, width);
  Rows own(4 * parts, width);
  share(pool, std::min<int64_t>(pool.num_threads(), parts), parts, [&](int64_t p) {
    moments(x.typed_data(), width, rows * p / parts, rows * (p + 1) / parts, own.row(4 * p), own.row(4 * p + 1),
            own.row(4 * p + 2), own.row(4 * p + 3));
  });
  float *m = mean->typed_data(), *v = variance->typed_data();
  std::memcpy(m, own.row(0), width * sizeof(float));
  std::memcpy(v, own.row(1), width * sizeof(float));
  for (int64_t p = 1; p < parts; ++p) {
    const float before = rows * p / parts, all = rows * (p + 1) / parts, share_of_all = (all - before) / all;
    for (int64_t j = 0; j < width; ++j) {
      const float apart = own.row(4 * p)[j] - m[j];
      m[j] += apart * share_of_all;
      v[j] += own.row(4 * p + 1)[j] + apart * apart * (before * share_of_all);
    }
  }
  for (int64_t j = 0; j < width; ++j) v[j] /= rows;
  return ffi::Error::Success();
}

ffi::Error column_products(ffi::ThreadPool pool, Floats y, Floats x, Floats mean, Result sums, Result along) {
  const int64_t rows = x.dimensions()[0], width = x.dimensions()[1], parts = parts_of(rows, width);
  Rows own(2 * parts, width);
  share(pool, std::min<int64_t>(pool.num_threads(), parts), parts, [&](int64_t p) {
    products(y.typed_data(), x.typed_data(), mean.typed_data(), width, rows * p / parts, rows * (p + 1) / parts,
             own.row(2 * p), own.row(2 * p + 1));
  });
  float* results[2] = {sums->typed_data(), along->typed_data()};
  for (int k = 0; k < 2; ++k) {
    std::memcpy(results[k], own.row(k), width * sizeof(float));
    for (int64_t p = 1; p < parts; ++p) {
      for (int64_t j = 0; j < width; ++j) results[k][j] += own.row(2 * p + k)[j];
    }
  }
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_column_moments_v1, lapis::column_moments,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // x (rows, width)
                  .Ret<lapis::Floats>()  // mean and variance (width,)
                  .Ret<lapis::Floats>())

LAPIS_HANDLER(lapis_column_products_v1, lapis::column_products,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // y and x (rows, width)
                  .Arg<lapis::Floats>()
                  .Arg<lapis::Floats>()  // mean (width,)
                  .Ret<lapis::Floats>()  // sums of y and of y * (x - mean) (width,)
                  .Ret<lapis::Floats>())
