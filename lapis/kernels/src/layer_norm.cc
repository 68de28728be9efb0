// Layer normalization and its gradient in float32: each row of x, (rows, width), becomes
// (x - mean) / sqrt(variance + epsilon) * gamma + beta, with the moments of the row.

#include <algorithm>
#include <cmath>
#include <cstring>

#include "common.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

struct Norm {
  int64_t width;
  const float *x, *gamma;
  float epsilon;
};

// The mean, and 1 over the standard deviation; in two passes, which lose no digits where the mean is large.
__attribute__((always_inline)) inline void moments(const Norm& n, const float* x, float& mean, float& inverse) {
  float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t j = 0; j < n.width; ++j) sum += x[j];
  mean = sum / n.width;
#pragma omp simd reduction(+ : squares)
  for (int64_t j = 0; j < n.width; ++j) squares += (x[j] - mean) * (x[j] - mean);
  inverse = 1 / std::sqrt(squares / n.width + n.epsilon);
}

LAPIS_CLONES void forward(const Norm& n, const float* beta, int64_t first, int64_t last, float* y) {
  for (int64_t i = first; i < last; ++i) {
    const float* x = n.x + i * n.width;
    float mean, inverse;
    moments(n, x, mean, inverse);
#pragma omp simd
    for (int64_t j = 0; j < n.width; ++j) y[i * n.width + j] = (x[j] - mean) * inverse * n.gamma[j] + beta[j];
  }
}

// The gradient of x for some rows; `dgamma` and `dbeta` sum over these.
LAPIS_CLONES void backward(const Norm& n, const float* dy, int64_t first, int64_t last, float* dx, float* dgamma,
                           float* dbeta) {
  std::fill(dgamma, dgamma + n.width, 0.f);
  std::fill(dbeta, dbeta + n.width, 0.f);
  for (int64_t i = first; i < last; ++i) {
    const float *x = n.x + i * n.width, *d = dy + i * n.width;
    float mean, inverse, sum = 0, along = 0;
    moments(n, x, mean, inverse);
#pragma omp simd reduction(+ : sum, along)
    for (int64_t j = 0; j < n.width; ++j) {
      const float normal = (x[j] - mean) * inverse, scaled = d[j] * n.gamma[j];
      sum += scaled;
      along += scaled * normal;
      dgamma[j] += d[j] * normal;
      dbeta[j] += d[j];
    }
    sum /= n.width;
    along /= n.width;
#pragma omp simd
    for (int64_t j = 0; j < n.width; ++j) {
      const float normal = (x[j] - mean) * inverse;
      dx[i * n.width + j] = inverse * (d[j] * n.gamma[j] - sum - normal * along);
    }
  }
}

using Floats = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Floats>;

ffi::Error layer_norm(ffi::ThreadPool pool, Floats x, Floats gamma, Floats beta, Result y, float epsilon) {
  const int64_t rows = x.dimensions()[0], width = x.dimensions()[1], parts = parts_of(rows, width);
  const Norm n{width, x.typed_data(), gamma.typed_data(), epsilon};
  share(pool, std::min<int64_t>(pool.num_threads(), parts), parts, [&](int64_t part) {
    forward(n, beta.typed_data(), rows * part / parts, rows * (part + 1) / parts, y->typed_data());
  });
  return ffi::Error::Success();
}

ffi::Error layer_norm_gradient(ffi::ThreadPool pool, Floats dy, Floats x, Floats gamma, Floats, Result dx,
                               Result dgamma, Result dbeta, float epsilon) {
  const int64_t rows = x.dimensions()[0], width = x.dimensions()[1], parts = parts_of(rows, width);
  const Norm n{width, x.typed_data(), gamma.typed_data(), epsilon};
  Scratch scratch(2 * Scratch::rounded(parts * width * sizeof(float)), 1);
  float* sums[2];
  for (float*& sum : sums) sum = static_cast<float*>(scratch.take(parts * width * sizeof(float)));
  share(pool, std::min<int64_t>(pool.num_threads(), parts), parts, [&](int64_t part) {
    backward(n, dy.typed_data(), rows * part / parts, rows * (part + 1) / parts, dx->typed_data(),
             sums[0] + part * width, sums[1] + part * width);
  });
  float* results[2] = {dgamma->typed_data(), dbeta->typed_data()};
  for (int k = 0; k < 2; ++k) {
    std::memcpy(results[k], sums[k], width * sizeof(float));
    for (int64_t part = 1; part < parts; ++part) {
      for (int64_t j = 0; j < width; ++j) results[k][j] += sums[k][part * width + j];
    }
  }
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_layer_norm_v1, lapis::layer_norm,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // x (rows, width)
                  .Arg<lapis::Floats>()  // gamma (width,)
                  .Arg<lapis::Floats>()  // beta (width,)
                  .Ret<lapis::Floats>()
                  .Attr<float>("epsilon"))

LAPIS_HANDLER(lapis_layer_norm_gradient_v1, lapis::layer_norm_gradient,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // the gradient of the output
                  .Arg<lapis::Floats>()  // x
                  .Arg<lapis::Floats>()  // gamma
                  .Arg<lapis::Floats>()  // beta, on which no gradient depends
                  .Ret<lapis::Floats>()  // gradients of x, gamma and beta
                  .Ret<lapis::Floats>()
                  .Ret<lapis::Floats>()
                  .Attr<float>("epsilon"))
