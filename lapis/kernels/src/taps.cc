// Convolutions of small images with many channels as products of matrices, one for each place in the window.
//
// There the kernel is larger than the images, and what costs is to read it: each part of the work owns some of the
// channels of what is made, and so reads (or writes) its part of the kernel once. At each place in the window only those
// positions are gathered where the window lies inside the image, so that zeros are never multiplied. Every sum runs in
// one order, whatever the number of threads.

#include <algorithm>
#include <cstring>

#include "conv.h"
#include "onednn.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

// Rows (an image's position each) of an array: which ones, or none of them named where it is all in order.
struct Rows {
  std::vector<int32_t> places;
  bool all;
};

// For one place in the window, the rows of x and of y that meet there.
struct Pairs {
  int64_t count;
  Rows x, y;
};

struct Axis {
  int64_t x, y, window, stride, before, dilation;
};

std::vector<Pairs> pairs_of(const Shapes& s) {
  Axis axes[3];
  std::fill(axes, axes + 3, Axis{1, 1, 1, 1, 0, 1});
  const size_t rank = s.strides.size();
  for (size_t i = 0; i < rank; ++i) {
    axes[3 - rank + i] = {s.x[2 + i], s.y[2 + i], s.w[3 + i], s.strides[i], s.before[i], s.dilation[i]};
  }
  const auto& [depth, height, width] = axes;
  // Where in x the window's place `q` over y's position `p` lies, or -1.
  auto at = [](const Axis& axis, int64_t p, int64_t q) {
    const int64_t place = p * axis.stride - axis.before + q * axis.dilation;
    return place < 0 || place >= axis.x ? -1 : place;
  };
  std::vector<Pairs> taps(depth.window * height.window * width.window);
  const int64_t xs = depth.x * height.x * width.x, ys = depth.y * height.y * width.y;
  for (size_t tap = 0; tap < taps.size(); ++tap) {
    const int64_t qd = tap / (height.window * width.window), qh = tap / width.window % height.window;
    const int64_t qw = tap % width.window;
    Pairs& pairs = taps[tap];
    for (int64_t n = 0; n < s.x[0]; ++n) {
      int64_t row = n * ys;
      for (int64_t d = 0; d < depth.y; ++d) {
        for (int64_t h = 0; h < height.y; ++h) {
          for (int64_t w = 0; w < width.y; ++w, ++row) {
            const int64_t id = at(depth, d, qd), ih = at(height, h, qh), iw = at(width, w, qw);
            if (id < 0 || ih < 0 || iw < 0) continue;
            pairs.x.places.push_back(static_cast<int32_t>(n * xs + (id * height.x + ih) * width.x + iw));
            pairs.y.places.push_back(static_cast<int32_t>(row));
          }
        }
      }
    }
    pairs.count = pairs.x.places.size();
    // They rise from one pair to the next, so as many as there are means all in order.
    for (auto [rows, size] : {std::pair(&pairs.x, xs), {&pairs.y, ys}}) {
      rows->all = pairs.count == s.x[0] * size;
      if (rows->all) std::vector<int32_t>().swap(rows->places);
    }
  }
  return taps;
}

// `channels` of the given rows, from the channel `first` on, one row after the other.
void gather(const float* from, const Rows& rows, int64_t step, int64_t first, int64_t channels,
            float* to) {
  for (int32_t row : rows.places) {
    std::memcpy(to, from + row * step + first, channels * sizeof(float));
    to += channels;
  }
}

void scatter_add(const float* from, const Rows& rows, int64_t step, int64_t first, int64_t channels,
                 float* to) {
  for (int32_t row : rows.places) {
    add(to + row * step + first, from, channels);
    from += channels;
  }
}

struct Work {
  const std::vector<Pairs>& taps;
  int64_t rows_x, rows_y, in, out;  // positions in all images, and channels
  float *x, *w, *y, *bias;
};

constexpr int64_t kFloat = sizeof(float);

// `to[rows, first...] += from[rows] · kernel` at all places, where the channels made are `count` from `first` on.
// With `back`, from y to x, the kernel is turned over.
void make_activations(const Work& work, bool back, int64_t first, int64_t count) {
  const int64_t from_step = back ? work.out : work.in, to_step = back ? work.in : work.out;
  const int64_t from_rows = back ? work.rows_y : work.rows_x, to_rows = back ? work.rows_x : work.rows_y;
  const float* from = back ? work.y : work.x;
  float* to = back ? work.x : work.y;
  const int64_t most = std::min(from_rows, to_rows);
  Scratch scratch(Scratch::rounded(most * from_step * kFloat) + Scratch::rounded(most * count * kFloat));
  float* gathered = static_cast<float*>(scratch.take(most * from_step * kFloat));
  float* made = static_cast<float*>(scratch.take(most * count * kFloat));
  const bool alone = work.taps.size() == 1 && (back ? work.taps[0].x : work.taps[0].y).all;
  const float fresh = alone && work.bias == nullptr ? 0.0f : 1.0f;
  for (int64_t row = 0; row < to_rows && fresh != 0.0f; ++row) {
    float* values = to + row * to_step + first;
    work.bias != nullptr ? std::memcpy(values, work.bias + first, count * kFloat)
                         : std::memset(values, 0, count * kFloat);
  }
  for (size_t tap = 0; tap < work.taps.size(); ++tap) {
    const Pairs& pairs = work.taps[tap];
    const Rows &sources = back ? pairs.y : pairs.x, &targets = back ? pairs.x : pairs.y;
    const int64_t rows = pairs.count;
    if (rows == 0) continue;
    if (!sources.all) gather(from, sources, from_step, 0, from_step, gathered);
    const float* kernel = work.w + tap * work.in * work.out + (back ? first * work.out : first);
    dnnl_sgemm('N', back ? 'T' : 'N', rows, count, from_step, 1.0f, sources.all ? from : gathered, from_step, kernel,
               work.out, targets.all ? fresh : 0.0f, targets.all ? to + first : made, targets.all ? to_step : count);
    if (!targets.all) scatter_add(made, targets, to_step, first, count, to);
  }
}

// The kernel's gradient at one place, for `count` input channels from `first` on.
void make_kernel(const Work& work, int64_t tap, int64_t first, int64_t count) {
  const Pairs& pairs = work.taps[tap];
  const int64_t rows = pairs.count;
  float* to = work.w + (tap * work.in + first) * work.out;
  if (rows == 0) {
    std::memset(to, 0, count * work.out * kFloat);
    return;
  }
  Scratch scratch(Scratch::rounded(rows * count * kFloat) + Scratch::rounded(rows * work.out * kFloat));
  const float *x = work.x + first, *y = work.y;
  if (!pairs.x.all) {
    float* gathered = static_cast<float*>(scratch.take(rows * count * kFloat));
    gather(work.x, pairs.x, work.in, first, count, gathered);
    x = gathered;
  }
  if (!pairs.y.all) {
    float* gathered = static_cast<float*>(scratch.take(rows * work.out * kFloat));
    gather(work.y, pairs.y, work.out, 0, work.out, gathered);
    y = gathered;
  }
  dnnl_sgemm('T', 'N', count, work.out, rows, 1.0f, x, pairs.x.all ? work.in : count, y, work.out, 0.0f, to, work.out);
}

// The bias's gradient, for `count` filters from `first` on.
void make_bias(const Work& work, int64_t first, int64_t count) {
  std::memset(work.bias + first, 0, count * kFloat);
  for (int64_t row = 0; row < work.rows_y; ++row) add(work.bias + first, work.y + row * work.out + first, count);
}

}  // namespace

bool prefers_taps(Kind kind, const Shapes& s) {
  const int64_t least = std::min(s.x[1], s.y[1]);
  int64_t rows = s.y[0], places = 1;
  for (size_t axis = 2; axis < s.y.size(); ++axis) {
    rows *= s.y[axis];
    places *= s.w[axis + 1];
  }
  if (s.groups != 1 || least < 24) return false;
  if (places > 1 && least < 32) return false;
  // Measured one by one; with many rows oneDNN reads an image once for all places.
  if (kind >= kWeight) return places == 1 || rows <= 8192;
  if (kind == kData) return places == 1 || rows <= 128;
  return kind != kForwardBiasRelu && rows <= 128;
}

void run_taps(Kind kind, const Shapes& s, float* x, float* w, float* y, float* bias, ffi::ThreadPool& pool) {
  static Cache<std::vector<Pairs>> cache(128);
  const auto taps = cache.get(key_of(s), [&] { return std::make_shared<const std::vector<Pairs>>(pairs_of(s)); });
  Work work{*taps, s.x[0], s.x[0], s.x[1], s.y[1], x, w, y, bias};
  for (size_t axis = 2; axis < s.x.size(); ++axis) {
    work.rows_x *= s.x[axis];
    work.rows_y *= s.y[axis];
  }
  const int64_t threads = pool.num_threads(), places = taps->size();
  const bool makes = kind >= kWeight;
  const int64_t channels = makes || kind == kData ? work.in : work.out;
  // Blocks of channels; a place in the window is a part of its own for the kernel, but for nothing that is added up.
  const int64_t blocks = std::max<int64_t>(1, std::min<int64_t>(threads, channels / 32));
  share(pool, threads, (makes ? places : 1) * blocks, [&](int64_t part) {
    const Alone alone(true);
    const int64_t block = part % blocks;
    auto from = [&](int64_t size, int64_t which) { return size * which / blocks; };
    const int64_t first = from(channels, block), count = from(channels, block + 1) - first;
    if (!makes) return make_activations(work, kind == kData, first, count);
    make_kernel(work, part / blocks, first, count);
    if (bias == nullptr || part >= blocks) return;
    const int64_t filter = from(work.out, block);
    make_bias(work, filter, from(work.out, block + 1) - filter);
  });
}

}  // namespace lapis
