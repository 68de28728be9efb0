// Vectors of float32 numbers for two kinds of processor, and the exponential function of a vector.

#ifndef LAPIS_VECTORS_H_
#define LAPIS_VECTORS_H_

#include <cstdint>
#include <cstring>

#define ALWAYS __attribute__((always_inline)) inline

namespace lapis {

// Eight or sixteen floats; how many vectors of sums fit in the registers; a product's rows of two vectors that fill them,
// and the depth of a panel of two vectors that fills half of the nearest cache.
struct Narrow {
  typedef float Floats __attribute__((vector_size(32)));
  typedef int32_t Ints __attribute__((vector_size(32)));
  static constexpr int kWidth = 8, kRegisters = 12, kRows = 6, kDepth = 256;
};
struct Wide {
  typedef float Floats __attribute__((vector_size(64)));
  typedef int32_t Ints __attribute__((vector_size(64)));
  static constexpr int kWidth = 16, kRegisters = 24, kRows = 12, kDepth = 192;
};

// Defines what `version(S, attributes)` does for each kind of processor; the loader picks the one that runs.
#define LAPIS_VERSIONS(version)                                \
  version(Wide, __attribute__((target("arch=x86-64-v4"))))     \
  version(Narrow, __attribute__((target("arch=x86-64-v3"))))   \
  version(Narrow, __attribute__((target("default"))))

template <class S>
ALWAYS typename S::Floats load(const float* from, int64_t count = S::kWidth) {
  typename S::Floats v = {};
  if (count == S::kWidth) {
    std::memcpy(&v, from, sizeof v);
  } else {
    for (int i = 0; i < count; ++i) v[i] = from[i];
  }
  return v;
}

template <class S>
ALWAYS void store(float* to, typename S::Floats v, int64_t count = S::kWidth) {
  if (count == S::kWidth) {
    std::memcpy(to, &v, sizeof v);
  } else {
    for (int i = 0; i < count; ++i) to[i] = v[i];
  }
}

// exp(x) - 1 = scale * part + (scale - 1) with |x| at most 87: `part` is exp(r) - 1 for the remainder r of x / log(2),
// by its Taylor series, and `scale` a power of two.
template <class S>
ALWAYS void exponential(typename S::Floats x, typename S::Floats& scale, typename S::Floats& part) {
  using Floats = typename S::Floats;
  using Ints = typename S::Ints;
  const float rounds = 12582912.f;  // 1.5 * 2^23: adding it leaves no bits for fractions
  Floats shifted = x * 1.44269504f + rounds;
  Floats n = shifted - rounds;
  Floats r = x - n * 0.693359375f;
  r = r + n * 2.12194440e-4f;  // log(2) in two parts, the first of few bits
  Floats sum = r * (1.f / 5040) + 1.f / 720;
  sum = sum * r + 1.f / 120;
  sum = sum * r + 1.f / 24;
  sum = sum * r + 1.f / 6;
  sum = sum * r + 0.5f;
  part = sum * (r * r) + r;
  Ints bits;
  std::memcpy(&bits, &shifted, sizeof bits);
  bits = (bits << 23) + 0x3f800000;
  std::memcpy(&scale, &bits, sizeof bits);
}

}  // namespace lapis

#endif  // LAPIS_VECTORS_H_
