// The largest value in windows over one to three spatial axes, channels last, in float32, and its gradient.
//
// `geometry` is [window..., strides..., pads before...]. What padding adds never wins; of equal values the first in
// row-major order wins, and what is not a number wins over all that is.

#include <algorithm>
#include <array>
#include <cstring>

#include "common.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;
using In = ffi::Buffer<ffi::F32>;
using Out = ffi::Result<ffi::Buffer<ffi::F32>>;
using Ints = ffi::Span<const int64_t>;

constexpr int64_t kLanes = 64;         // channels that are worked on together
constexpr int64_t kAlone = 1 << 14;    // values that one thread does faster than several
using Three = std::array<int64_t, 3>;  // depth, height, width

struct Pool {
  int64_t batch, channels;
  Three in, out, window, strides, before;
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

// The best of one position after another: for a block of channels the value, what goes with it, and where it was.
template <bool kFirst>
LAPIS_CLONES void better(const float* x, int64_t channels, int32_t place, float* best, int32_t* winner) {
  for (int64_t c = 0; c < channels; ++c) {
    const bool stays = !kFirst && (best[c] >= x[c] || best[c] != best[c]);
    best[c] = stays ? best[c] : x[c];
    winner[c] = stays ? winner[c] : place;
  }
}

template <bool kFirst>
LAPIS_CLONES void better_value(const float* x, int64_t channels, float* best) {
  for (int64_t c = 0; c < channels; ++c) {
    best[c] = !kFirst && (best[c] >= x[c] || best[c] != best[c]) ? best[c] : x[c];
  }
}

LAPIS_CLONES void take(const float* t, int64_t channels, int32_t place, const int32_t* winner, float* y) {
  for (int64_t c = 0; c < channels; ++c) y[c] = winner[c] == place ? t[c] : y[c];
}

LAPIS_CLONES void give(const float* y, int64_t channels, int32_t place, const int32_t* winner, float* x) {
  for (int64_t c = 0; c < channels; ++c) x[c] += winner[c] == place ? y[c] : 0.0f;
}

// Calls `visit(offset in x, place in the window)` for the positions of a window that lie inside.
template <typename Visit>
inline void over_window(const Pool& p, int64_t d, int64_t h, int64_t w, Visit visit) {
  const Three at{d, h, w};
  Three first, from, to;
  for (int axis = 0; axis < 3; ++axis) {
    first[axis] = at[axis] * p.strides[axis] - p.before[axis];
    from[axis] = std::max<int64_t>(0, -first[axis]);
    to[axis] = std::min(p.window[axis], p.in[axis] - first[axis]);
  }
  for (int64_t i = from[0]; i < to[0]; ++i) {
    for (int64_t j = from[1]; j < to[1]; ++j) {
      for (int64_t k = from[2]; k < to[2]; ++k) {
        const int64_t place = ((first[0] + i) * p.in[1] + first[1] + j) * p.in[2] + first[2] + k;
        visit(place * p.channels, static_cast<int32_t>((i * p.window[1] + j) * p.window[2] + k));
      }
    }
  }
}

// Calls `work(image, first channel, channels, window's place, d, h, w)` for all windows, those of an image and a block
// of channels by one thread, since windows may overlap.
template <typename Work>
void over_windows(const Pool& p, Work work) {
  const int64_t blocks = (p.channels + kLanes - 1) / kLanes;
  const int64_t values = p.batch * p.in[0] * p.in[1] * p.in[2] * p.channels;
#pragma omp parallel for collapse(2) if (values > kAlone)
  for (int64_t n = 0; n < p.batch; ++n) {
    for (int64_t block = 0; block < blocks; ++block) {
      const int64_t first = block * kLanes, channels = std::min(kLanes, p.channels - first);
      int64_t window = 0;
      for (int64_t d = 0; d < p.out[0]; ++d) {
        for (int64_t h = 0; h < p.out[1]; ++h) {
          for (int64_t w = 0; w < p.out[2]; ++w) work(n, first, channels, window++, d, h, w);
        }
      }
    }
  }
}

struct Block {
  float best[kLanes];
  int32_t winner[kLanes];
};

void find_winners(const Pool& p, const float* x, int64_t channels, int64_t d, int64_t h, int64_t w, Block& block) {
  bool first = true;
  over_window(p, d, h, w, [&](int64_t offset, int32_t place) {
    first ? better<true>(x + offset, channels, place, block.best, block.winner)
          : better<false>(x + offset, channels, place, block.best, block.winner);
    first = false;
  });
}

ffi::Error max_pool(In x, Out y, Ints geometry) {
  const Pool p = read_pool(x, *y, geometry);
  const int64_t in = p.in[0] * p.in[1] * p.in[2] * p.channels, out = p.out[0] * p.out[1] * p.out[2] * p.channels;
  const float* from = x.typed_data();
  float* to = y->typed_data();
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, int64_t d, int64_t h, int64_t w) {
    const float* image = from + n * in + c;
    float* best = to + n * out + window * p.channels + c;
    bool first = true;
    over_window(p, d, h, w, [&](int64_t offset, int32_t) {
      first ? better_value<true>(image + offset, channels, best) : better_value<false>(image + offset, channels, best);
      first = false;
    });
  });
  return ffi::Error::Success();
}

// From `t`, shaped like `x`, what stands where `x` is largest.
ffi::Error max_pick(In x, In t, Out y, Ints geometry) {
  const Pool p = read_pool(x, *y, geometry);
  const int64_t in = p.in[0] * p.in[1] * p.in[2] * p.channels, out = p.out[0] * p.out[1] * p.out[2] * p.channels;
  const float *from = x.typed_data(), *values = t.typed_data();
  float* to = y->typed_data();
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, int64_t d, int64_t h, int64_t w) {
    Block block;
    find_winners(p, from + n * in + c, channels, d, h, w, block);
    float* picked = to + n * out + window * p.channels + c;
    over_window(p, d, h, w, [&](int64_t offset, int32_t place) {
      take(values + n * in + c + offset, channels, place, block.winner, picked);
    });
  });
  return ffi::Error::Success();
}

// The transpose of `max_pick`: each value of `y` goes to where `x` is largest.
ffi::Error max_spread(In x, In y, Out t, Ints geometry) {
  const Pool p = read_pool(x, y, geometry);
  const int64_t in = p.in[0] * p.in[1] * p.in[2] * p.channels, out = p.out[0] * p.out[1] * p.out[2] * p.channels;
  const float *from = x.typed_data(), *values = y.typed_data();
  float* to = t->typed_data();
  over_windows(p, [&](int64_t n, int64_t c, int64_t channels, int64_t window, int64_t d, int64_t h, int64_t w) {
    if (window == 0) {
      for (int64_t place = 0; place < in / p.channels; ++place) {
        std::memset(to + n * in + place * p.channels + c, 0, channels * sizeof(float));
      }
    }
    Block block;
    find_winners(p, from + n * in + c, channels, d, h, w, block);
    const float* given = values + n * out + window * p.channels + c;
    over_window(p, d, h, w, [&](int64_t offset, int32_t place) {
      give(given, channels, place, block.winner, to + n * in + c + offset);
    });
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

#define LAPIS_POOL_RESULT Ret<xla::ffi::Buffer<xla::ffi::F32>>().Attr<lapis::Ints>("geometry")

LAPIS_HANDLER(lapis_pool_max_v1, lapis::max_pool, xla::ffi::Ffi::Bind().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_pick_v1, lapis::max_pick,
              xla::ffi::Ffi::Bind().Arg<lapis::In>().Arg<lapis::In>().LAPIS_POOL_RESULT)
LAPIS_HANDLER(lapis_pool_spread_v1, lapis::max_spread,
              xla::ffi::Ffi::Bind().Arg<lapis::In>().Arg<lapis::In>().LAPIS_POOL_RESULT)
