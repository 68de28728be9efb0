// The largest value and the mean in windows over one to three spatial axes, channels last, in float32 or bfloat16, and
// their gradients. Sums are in float32, but for gradients of windows that overlap.
//
// `geometry` is [window..., strides..., pads before...]. What padding adds never wins and does not count; of equal values
// the first in row-major order wins, and what is not a number wins over all that is.

#include <algorithm>
#include <array>
#include <cstring>
#include <tuple>

#include "common.h"
#include "vectors.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using In = ffi::AnyBuffer;
using Out = ffi::Result<ffi::AnyBuffer>;
using Ints = ffi::Span<const int64_t>;

constexpr int64_t kLanes = 64;         // channels that are worked on together
constexpr int64_t kAlone = 1 << 14;    // values that one thread does faster than several
using Three = std::array<int64_t, 3>;  // depth, height, width

struct Pool {
  int64_t batch, channels;
  Three in, out, window, strides, before;

  // Values of an image before and after.
  int64_t image() const { return in[0] * in[1] * in[2] * channels; }
  int64_t result() const { return out[0] * out[1] * out[2] * channels; }
};

// `values` of fewer than three axes, filled up in front.
Three three(const int64_t* values, size_t rank, int64_t filler) {
  Three all{filler, filler, filler};
  std::copy(values, values + rank, all.end() - rank);
  return all;
}

Pool read_pool(In x, In y, Ints geometry) {
  const size_t rank = x.dimensions().size() - 2;
  const int64_t *sizes = x.dimensions().begin(), *counts = y.dimensions().begin(), *g = geometry.begin();
  return {sizes[0],
          sizes[rank + 1],
          three(sizes + 1, rank, 1),
          three(counts + 1, rank, 1),
          three(g, rank, 1),
          three(g + rank, rank, 1),
          three(g + 2 * rank, rank, 0)};
}

// A bfloat16 is the upper half of a float.
struct Half {
  uint16_t bits;
};

ALWAYS float wide(float value) { return value; }
ALWAYS float wide(Half value) {
  const uint32_t bits = uint32_t{value.bits} << 16;
  float result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

ALWAYS void round_to(float value, float& to) { to = value; }
// To the nearest, of two equally near ones to the even one; what is not a number stays so.
ALWAYS void round_to(float value, Half& to) {
  uint32_t bits;
  std::memcpy(&bits, &value, sizeof bits);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  to.bits = static_cast<uint16_t>(value != value ? (bits >> 16) | 0x40u : rounded);
}

// For a block of channels the best value so far, and where in its window it was.
struct Block {
  float best[kLanes];
  int32_t winner[kLanes];
};

#define LAPIS_POOL_LOOPS(Real)                                                                              \
  template <bool kFirst>                                                                                    \
  LAPIS_CLONES void better(const Real* x, int64_t channels, int32_t place, float* best, int32_t* winner) {  \
    for (int64_t c = 0; c < channels; ++c) {                                                                \
      const float value = wide(x[c]);                                                                       \
      const bool stays = !kFirst && (best[c] >= value || best[c] != best[c]);                               \
      best[c] = stays ? best[c] : value;                                                                    \
      winner[c] = stays ? winner[c] : place;                                                                \
    }                                                                                                       \
  }                                                                                                         \
  template <bool kFirst>                                                                                    \
  LAPIS_CLONES void better_value(const Real* x, int64_t channels, float* best) {                            \
    for (int64_t c = 0; c < channels; ++c) {                                                                \
      const float value = wide(x[c]);                                                                       \
      best[c] = !kFirst && (best[c] >= value || best[c] != best[c]) ? best[c] : value;                      \
    }                                                                                                       \
  }                                                                                                         \
  LAPIS_CLONES void take(const Real* t, int64_t channels, int32_t place, const int32_t* winner, Real* y) {  \
    for (int64_t c = 0; c < channels; ++c) y[c] = winner[c] == place ? t[c] : y[c];                         \
  }                                                                                                         \
  LAPIS_CLONES void give(const Real* y, int64_t channels, int32_t place, const int32_t* winner, Real* x) {  \
    for (int64_t c = 0; c < channels; ++c) {                                                                \
      round_to(wide(x[c]) + (winner[c] == place ? wide(y[c]) : 0.0f), x[c]);                                \
    }                                                                                                       \
  }                                                                                                         \
  LAPIS_CLONES void add(const Real* x, int64_t channels, float* sums) {                                     \
    for (int64_t c = 0; c < channels; ++c) sums[c] += wide(x[c]);                                           \
  }                                                                                                         \
  LAPIS_CLONES void add_part(const Real* y, int64_t channels, float part, Real* x) {                        \
    for (int64_t c = 0; c < channels; ++c) round_to(wide(x[c]) + wide(y[c]) * part, x[c]);                  \
  }                                                                                                         \
  LAPIS_CLONES void put(const float* values, int64_t channels, float count, Real* y) {                      \
    for (int64_t c = 0; c < channels; ++c) round_to(values[c] / count, y[c]);                               \
  }
LAPIS_POOL_LOOPS(float)
LAPIS_POOL_LOOPS(Half)
#undef LAPIS_POOL_LOOPS

// The part of a window that lies inside, and where in x the window begins.
struct Span {
  Three first, from, to;
  int64_t count() const { return (to[0] - from[0]) * (to[1] - from[1]) * (to[2] - from[2]); }
};

inline Span span(const Pool& p, int64_t d, int64_t h, int64_t w) {
  const Three at{d, h, w};
  Span s;
  for (int axis = 0; axis < 3; ++axis) {
    s.first[axis] = at[axis] * p.strides[axis] - p.before[axis];
    s.from[axis] = std::max<int64_t>(0, -s.first[axis]);
    s.to[axis] = std::min(p.window[axis], p.in[axis] - s.first[axis]);
  }
  return s;
}

// Calls `visit(offset in x, place in the window)` for the positions of a window that lie inside.
template <typename Visit>
inline void over_window(const Pool& p, const Span& s, Visit visit) {
  for (int64_t i = s.from[0]; i < s.to[0]; ++i) {
    for (int64_t j = s.from[1]; j < s.to[1]; ++j) {
      for (int64_t k = s.from[2]; k < s.to[2]; ++k) {
        const int64_t place = ((s.first[0] + i) * p.in[1] + s.first[1] + j) * p.in[2] + s.first[2] + k;
        visit(place * p.channels, static_cast<int32_t>((i * p.window[1] + j) * p.window[2] + k));
      }
    }
  }
}

// Calls `work(image, first channel, channels, window's number, its part inside)` for all windows, those of an image and a block
// of channels by one thread, since windows may overlap.
template <typename Work>
void over_windows(const Pool& p, Work work) {
  const int64_t blocks = (p.channels + kLanes - 1) / kLanes;
#pragma omp parallel for collapse(2) if (p.batch * p.image() > kAlone)
  for (int64_t n = 0; n < p.batch; ++n) {
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t first = block * kLanes, channels = std::min(kLanes, p.channels - first);
      int64_t window = 0;
      for (int64_t d = 0; d < p.out[0]; ++d) {
        for (int64_t h = 0; h < p.out[1]; ++h) {
          for (int64_t w = 0; w < p.out[2]; ++w) work(n, first, channels, window++, span(p, d, h, w));
        }
      }
    }
  }
}

// Makes some channels of an image zero.
template <typename Real>
void clear(const Pool& p, Real* image, int64_t channels) {
  for (int64_t at = 0; at < p.image(); at += p.channels) std::memset(image + at, 0, channels * sizeof(Real));
}

template <typename Real>
void find_winners(const Pool& p, const Real* x, int64_t channels, const Span& s, Block& block) {
  bool first = true;
  over_window(p, s, [&](int64_t offset, int32_t place) {
    first ? better<true>(x + offset, channels, place, block.best, block.winner)
          : better<false>(x + offset, channels, place, block.best, block.winner);
    first = false;
  });
}

template <typename Real>
void max_pool(const Pool& p, const Real* x, Real* y) {
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, const Span& s) {
    const Real* image = x + n * p.image() + c;
    float best[kLanes];
    bool first = true;
    over_window(p, s, [&](int64_t offset, int32_t) {
      first ? better_value<true>(image + offset, channels, best) : better_value<false>(image + offset, channels, best);
      first = false;
    });
    put(best, channels, 1.0f, y + n * p.result() + window * p.channels + c);
  });
}

// From `t`, shaped like `x`, what stands where `x` is largest.
template <typename Real>
void max_pick(const Pool& p, const Real* x, const Real* t, Real* y) {
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, const Span& s) {
    Block block;
    find_winners(p, x + n * p.image() + c, channels, s, block);
    Real* picked = y + n * p.result() + window * p.channels + c;
    over_window(p, s, [&](int64_t offset, int32_t place) {
      take(t + n * p.image() + c + offset, channels, place, block.winner, picked);
    });
  });
}

// The transpose of `max_pick`: each value of `y` goes to where `x` is largest.
template <typename Real>
void max_spread(const Pool& p, const Real* x, const Real* y, Real* t) {
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, const Span& s) {
    if (window == 0) clear(p, t + n * p.image() + c, channels);
    Block block;
    find_winners(p, x + n * p.image() + c, channels, s, block);
    const Real* given = y + n * p.result() + window * p.channels + c;
    over_window(p, s, [&](int64_t offset, int32_t place) {
      give(given, channels, place, block.winner, t + n * p.image() + c + offset);
    });
  });
}

template <typename Real>
void mean(const Pool& p, const Real* x, Real* y) {
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, const Span& s) {
    const Real* image = x + n * p.image() + c;
    float sums[kLanes] = {};
    over_window(p, s, [&](int64_t offset, int32_t) { add(image + offset, channels, sums); });
    put(sums, channels, s.count(), y + n * p.result() + window * p.channels + c);
  });
}

// The transpose of `mean`: each value of `y` in equal parts to the positions of its window.
template <typename Real>
void mean_spread(const Pool& p, const Real* y, Real* x) {
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, const Span& s) {
    Real* image = x + n * p.image() + c;
    if (window == 0) clear(p, image, channels);
    const Real* given = y + n * p.result() + window * p.channels + c;
    const float part = 1.0f / s.count();
    over_window(p, s, [&](int64_t offset, int32_t) { add_part(given, channels, part, image + offset); });
  });
}

// Calls `run` with the arrays' values in their type.
template <typename Run, typename... Arrays>
ffi::Error in_type(Run run, Arrays... arrays) {
  const ffi::DataType type = std::get<0>(std::tie(arrays...)).element_type();
  if (type == ffi::DataType::F32) {
    run(static_cast<float*>(arrays.untyped_data())...);
  } else if (type == ffi::DataType::BF16) {
    run(static_cast<Half*>(arrays.untyped_data())...);
  } else {
    return ffi::Error::InvalidArgument("pooling: neither float32 nor bfloat16");
  }
  return ffi::Error::Success();
}

ffi::Error max_of(In x, Out y, Ints geometry) {
  const Pool p = read_pool(x, *y, geometry);
  return in_type([&](auto* x, auto* y) { max_pool(p, x, y); }, x, *y);
}

ffi::Error pick_of(In x, In t, Out y, Ints geometry) {
  const Pool p = read_pool(x, *y, geometry);
  return in_type([&](auto* x, auto* t, auto* y) { max_pick(p, x, t, y); }, x, t, *y);
}

ffi::Error spread_of(In x, In y, Out t, Ints geometry) {
  const Pool p = read_pool(x, y, geometry);
  return in_type([&](auto* x, auto* y, auto* t) { max_spread(p, x, y, t); }, x, y, *t);
}

ffi::Error mean_of(In x, Out y, Ints geometry) {
  const Pool p = read_pool(x, *y, geometry);
  return in_type([&](auto* x, auto* y) { mean(p, x, y); }, x, *y);
}

ffi::Error mean_spread_of(In y, Out x, Ints geometry) {
  const Pool p = read_pool(*x, y, geometry);
  return in_type([&](auto* y, auto* x) { mean_spread(p, y, x); }, y, *x);
}

}  // namespace
}  // namespace lapis

#define LAPIS_POOL_RESULT Ret<xla::ffi::AnyBuffer>().Attr<lapis::Ints>("geometry")

LAPIS_HANDLER(lapis_pool_max_v1, lapis::max_of, xla::ffi::Ffi::Bind().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_pick_v1, lapis::pick_of,
              xla::ffi::Ffi::Bind().Arg<lapis::In>().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_spread_v1, lapis::spread_of,
              xla::ffi::Ffi::Bind().Arg<lapis::In>().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_mean_v1, lapis::mean_of, xla::ffi::Ffi::Bind().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_mean_spread_v1, lapis::mean_spread_of,
              xla::ffi::Ffi::Bind().Arg<lapis::In>().LAPIS_POOL_RESULT)
