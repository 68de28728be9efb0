// Scaled dot-product attention and its gradient, in float32: softmax(scale * q k^T) v, head by head.
//
// q is (batch, time, heads, depth), k (batch, source, groups, depth), v (batch, source, groups, width); the heads of a
// group share its keys. Some rows of queries at a time meet all keys, so that scores never leave the near caches; the
// gradient computes them once more. A row's result does not depend on how the rows are shared out.

#include <algorithm>
#include <cstring>

#include "common.h"
#include "product.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

constexpr float kLowest = -3e38f;
constexpr int64_t kNear = 24576;  // scores in a block of rows

struct Attention {
  int64_t batch, time, source, heads, groups, depth, width;
  const float *q, *k, *v;
  const bool* mask;  // false hides; steps of 0 where the mask has one value for all
  int64_t mask_batch, mask_head, mask_row;
  float scale;
  bool causal;
  int64_t padded, rows;  // the source length in whole panels, and how many queries make a block

  const float* queries(int64_t b, int64_t t, int64_t h) const { return q + ((b * time + t) * heads + h) * depth; }
  int64_t key(int64_t b, int64_t g) const { return (b * source * groups + g) * depth; }
  int64_t value(int64_t b, int64_t g) const { return (b * source * groups + g) * width; }
  int64_t output(int64_t b, int64_t t, int64_t h) const { return ((b * time + t) * heads + h) * width; }
  // Keys not later than the query t, and those that any query before `end` may need: all where a query may see none.
  int64_t visible(int64_t t) const { return causal ? std::min(source, t + 1) : source; }
  int64_t needed(int64_t end) const { return mask == nullptr ? visible(end - 1) : source; }
};

struct Gradient : Attention {
  const float* dy;
  float *dq, *dk, *dv;
};

int64_t whole(int64_t size, int64_t of) { return (size + of - 1) / of * of; }

// The matrix b, `depth` rows of `columns`, in panels one after the other.
template <class S>
ALWAYS void pack_all(const float* b, int64_t b_l, int64_t b_j, int64_t depth, int64_t columns, float* panels) {
  constexpr int P = 2 * S::kWidth;
  for (int64_t j = 0; j < columns; j += P) {
    pack<S>(b + j * b_j, b_l, b_j, depth, std::min<int64_t>(P, columns - j), panels + j * depth);
  }
}

// c = a b, or c += a b unless `fresh`, for `rows` rows of a and the first `depth` of the `packed` rows of b; `along` and
// `step` are those of a.
template <class S, bool along>
ALWAYS void multiply(const float* a, int64_t step, int64_t rows, const float* panels, int64_t packed, int64_t depth,
                     int64_t columns, float* c, int64_t c_step, bool fresh) {
  constexpr int P = 2 * S::kWidth;
  for (int64_t j = 0; j < columns; j += P) {
    for (int64_t start = 0; start < depth; start += S::kDepth) {
      const Rows strips{a + start * (along ? 1 : step), step, S::kRows * (along ? step : 1)};
      panel_rows<S, along>(strips, rows, panels + j * packed + start * P, std::min<int64_t>(S::kDepth, depth - start),
                           c + j, c_step, std::min<int64_t>(P, columns - j), fresh && start == 0);
    }
  }
}

template <class S>
ALWAYS float total(typename S::Floats v) {
  float sum = 0;
  for (int i = 0; i < S::kWidth; ++i) sum += v[i];
  return sum;
}

// One row of products becomes weights that are yet to be divided by their sum, which is returned; `seen` says whether
// any key is. `visible` is how many keys are not later than the query.
template <class S>
ALWAYS float soften(const Attention& a, float* row, const bool* mask, int64_t visible, bool& seen) {
  using V = typename S::Floats;
  constexpr int W = S::kWidth;
  if (mask == nullptr) {
    seen = true;
  } else {
    seen = false;
    for (int64_t j = 0; j < visible; ++j) seen |= mask[j];
    for (int64_t j = 0; j < visible; ++j) row[j] = mask[j] ? row[j] : kLowest;
  }
  if (!seen) {  // all places count alike, also those that are later
    std::fill(row, row + a.source, 1.f);
    std::fill(row + a.source, row + a.padded, 0.f);
    return static_cast<float>(a.source);
  }
  std::fill(row + visible, row + a.padded, kLowest);
  const int64_t end = whole(visible, W);
  V high = load<S>(row);
  for (int64_t j = W; j < end; j += W) {
    const V x = load<S>(row + j);
    high = x > high ? x : high;
  }
  float most = high[0];
  for (int i = 1; i < W; ++i) most = std::max(most, high[i]);
  V sum = {};
  for (int64_t j = 0; j < end; j += W) {
    V scale, part;
    const V x = (load<S>(row + j) - most) * a.scale, low = V{} - 87.f;
    exponential<S>(x < low ? low : x, scale, part);  // what is not a number stays so
    const V weight = x < low ? V{} : scale * part + scale;
    store<S>(row + j, weight);
    sum += weight;
  }
  std::fill(row + end, row + a.padded, 0.f);
  return total<S>(sum);
}

// The weights of `count` queries from `t` of one head, in `weights`, each row `padded` long and yet to be multiplied by
// its `share`, 1 over the row's sum; `hidden` says which rows see no key.
template <class S>
ALWAYS void weigh(const Attention& a, int64_t b, int64_t h, int64_t t, int64_t count, const float* keys, float* weights,
                  float* shares, bool* hidden) {
  multiply<S, true>(a.queries(b, t, h), a.heads * a.depth, count, keys, a.depth, a.depth, a.needed(t + count), weights, a.padded,
                    true);
  for (int64_t i = 0; i < count; ++i) {
    const bool* mask = a.mask;
    if (mask != nullptr) mask += b * a.mask_batch + h * a.mask_head + (t + i) * a.mask_row;
    bool seen;
    shares[i] = 1.f / soften<S>(a, weights + i * a.padded, mask, a.visible(t + i), seen);
    hidden[i] = !seen;
  }
}

size_t floats(int64_t count) { return Scratch::rounded(count * sizeof(float)); }

// All heads of one group, their queries from `first` to `last`.
template <class S>
ALWAYS void forward_part(const Attention& a, int64_t b, int64_t g, int64_t first, int64_t last, float* y) {
  const int64_t P = 2 * S::kWidth, shared = a.heads / a.groups, wide = whole(a.width, P);
  Scratch scratch(floats(a.padded * a.depth) + floats(a.source * wide) + floats(a.rows * a.padded) +
                  floats(a.rows) + Scratch::rounded(a.rows));
  const auto take = [&](int64_t count) { return static_cast<float*>(scratch.take(floats(count))); };
  float *keys = take(a.padded * a.depth), *values = take(a.source * wide), *weights = take(a.rows * a.padded);
  float* shares = take(a.rows);
  bool* hidden = static_cast<bool*>(scratch.take(a.rows));
  pack_all<S>(a.k + a.key(b, g), 1, a.groups * a.depth, a.depth, a.source, keys);
  pack_all<S>(a.v + a.value(b, g), a.groups * a.width, 1, a.source, a.width, values);
  for (int64_t h = g * shared; h < (g + 1) * shared; ++h) {
    for (int64_t t = first; t < last; t += a.rows) {
      const int64_t count = std::min(a.rows, last - t), step = a.heads * a.width;
      weigh<S>(a, b, h, t, count, keys, weights, shares, hidden);
      float* out = y + a.output(b, t, h);
      multiply<S, true>(weights, a.padded, count, values, a.source, a.needed(t + count), a.width, out, step, true);
      for (int64_t i = 0; i < count; ++i) {
        for (int64_t j = 0; j < a.width; ++j) out[i * step + j] *= shares[i];
      }
    }
  }
}

// dy v^T in `changes` becomes the gradient of the products, and the weights are divided by their sums.
template <class S>
ALWAYS void unsoften(const Attention& a, float* weights, float* changes, float share, bool hidden) {
  using V = typename S::Floats;
  constexpr int W = S::kWidth;
  V sum = {};
  for (int64_t j = 0; j < a.padded; j += W) {
    const V weight = load<S>(weights + j) * share;
    store<S>(weights + j, weight);
    sum += weight * load<S>(changes + j);
  }
  const float mean = total<S>(sum), scale = hidden ? 0.f : a.scale;
  for (int64_t j = 0; j < a.padded; j += W) {
    store<S>(changes + j, load<S>(weights + j) * (load<S>(changes + j) - mean) * scale);
  }
}

// All heads of one group, whose keys and values sum over all queries.
template <class S>
ALWAYS void backward_part(const Gradient& a, int64_t b, int64_t g) {
  const int64_t P = 2 * S::kWidth, shared = a.heads / a.groups;
  const int64_t deep = whole(a.depth, P), wide = whole(a.width, P), block = a.rows * a.padded;
  Scratch scratch(floats(a.padded * a.depth) + floats(a.source * deep) + floats(a.padded * a.width) + 2 * floats(block) +
                  floats(a.rows * deep) + floats(a.rows * wide) + floats(a.rows) + Scratch::rounded(a.rows));
  const auto take = [&](int64_t count) { return static_cast<float*>(scratch.take(floats(count))); };
  float *keys = take(a.padded * a.depth), *plain_keys = take(a.source * deep), *values = take(a.padded * a.width);
  float *weights = take(block), *changes = take(block), *queries = take(a.rows * deep), *dy = take(a.rows * wide);
  float* shares = take(a.rows);
  bool* hidden = static_cast<bool*>(scratch.take(a.rows));
  const int64_t k_step = a.groups * a.depth, v_step = a.groups * a.width;
  const int64_t q_step = a.heads * a.depth, y_step = a.heads * a.width;
  pack_all<S>(a.k + a.key(b, g), 1, k_step, a.depth, a.source, keys);
  pack_all<S>(a.k + a.key(b, g), k_step, 1, a.source, a.depth, plain_keys);
  pack_all<S>(a.v + a.value(b, g), 1, v_step, a.width, a.source, values);
  float *dk = a.dk + a.key(b, g), *dv = a.dv + a.value(b, g);
  for (int64_t j = 0; j < a.source; ++j) {
    std::fill(dk + j * k_step, dk + j * k_step + a.depth, 0.f);
    std::fill(dv + j * v_step, dv + j * v_step + a.width, 0.f);
  }
  for (int64_t h = g * shared; h < (g + 1) * shared; ++h) {
    for (int64_t t = 0; t < a.time; t += a.rows) {
      const int64_t count = std::min(a.rows, a.time - t), needed = a.needed(t + count);
      const float *q_rows = a.queries(b, t, h), *y_rows = a.dy + a.output(b, t, h);
      weigh<S>(a, b, h, t, count, keys, weights, shares, hidden);
      multiply<S, true>(y_rows, y_step, count, values, a.width, a.width, needed, changes, a.padded, true);
      for (int64_t i = 0; i < count; ++i) {
        std::fill(changes + i * a.padded + needed, changes + (i + 1) * a.padded, 0.f);
        unsoften<S>(a, weights + i * a.padded, changes + i * a.padded, shares[i], hidden[i]);
      }
      float* dq = a.dq + (q_rows - a.q);
      multiply<S, true>(changes, a.padded, count, plain_keys, a.source, needed, a.depth, dq, q_step, true);
      pack_all<S>(q_rows, q_step, 1, count, a.depth, queries);
      multiply<S, false>(changes, a.padded, needed, queries, count, count, a.depth, dk, k_step, false);
      pack_all<S>(y_rows, y_step, 1, count, a.width, dy);
      multiply<S, false>(weights, a.padded, needed, dy, count, count, a.width, dv, v_step, false);
    }
  }
}

#define VERSION(S, ...)                                                                                        \
  __VA_ARGS__ int panel_width() { return 2 * S::kWidth; }                                                      \
  __VA_ARGS__ int tile_rows() { return S::kRows; }                                                             \
  __VA_ARGS__ void forward(const Attention& a, int64_t b, int64_t g, int64_t first, int64_t last, float* y) {  \
    forward_part<S>(a, b, g, first, last, y);                                                                  \
  }                                                                                                            \
  __VA_ARGS__ void backward(const Gradient& a, int64_t b, int64_t g) { backward_part<S>(a, b, g); }

LAPIS_VERSIONS(VERSION)

using Floats = ffi::Buffer<ffi::F32>;
using Mask = ffi::Buffer<ffi::PRED>;
using Result = ffi::Result<Floats>;

Attention describe(Floats q, Floats k, Floats v, Mask mask, float scale, bool causal) {
  Attention a{};
  const auto qs = q.dimensions(), ks = k.dimensions(), ms = mask.dimensions();
  a.batch = qs[0], a.time = qs[1], a.heads = qs[2], a.depth = qs[3];
  a.source = ks[1], a.groups = ks[2], a.width = v.dimensions()[3];
  a.q = q.typed_data(), a.k = k.typed_data(), a.v = v.typed_data();
  if (ms.size() == 4) {
    a.mask = mask.typed_data();
    a.mask_row = ms[2] > 1 ? ms[3] : 0;
    a.mask_head = ms[1] > 1 ? ms[2] * ms[3] : 0;
    a.mask_batch = ms[0] > 1 ? ms[1] * ms[2] * ms[3] : 0;
  }
  a.scale = scale, a.causal = causal;
  a.padded = whole(a.source, panel_width());
  const int64_t fitting = kNear / a.padded / tile_rows() * tile_rows();
  a.rows = std::min(a.time, std::max<int64_t>(tile_rows(), std::min<int64_t>(fitting, 8 * tile_rows())));
  return a;
}

// How many threads pay for so many products of rows and keys; waking one takes as long as a million operations.
int64_t threads_for(const Attention& a, ffi::ThreadPool& pool, int64_t products) {
  const double work = 2.0 * products * a.batch * a.heads * a.time * a.source * a.depth;
  return std::min<int64_t>(pool.num_threads(), static_cast<int64_t>(work / 1e6));
}

ffi::Error attention(ffi::ThreadPool pool, Floats q, Floats k, Floats v, Mask mask, Result y, float scale, bool causal) {
  const Attention a = describe(q, k, v, mask, scale, causal);
  const int64_t threads = threads_for(a, pool, 2), parts = a.batch * a.groups;
  // Where there are few groups, their queries are shared out too.
  const int64_t cuts = threads < 2 || parts >= 4 * threads ? 1 : std::min(4 * threads / parts + 1, (a.time + a.rows - 1) / a.rows);
  share(pool, threads, parts * cuts, [&](int64_t task) {
    const int64_t part = task / cuts, cut = task % cuts;
    forward(a, part / a.groups, part % a.groups, a.time * cut / cuts, a.time * (cut + 1) / cuts, y->typed_data());
  });
  return ffi::Error::Success();
}

ffi::Error attention_gradient(ffi::ThreadPool pool, Floats dy, Floats q, Floats k, Floats v, Mask mask, Result dq,
                              Result dk, Result dv, float scale, bool causal) {
  Gradient a{describe(q, k, v, mask, scale, causal), dy.typed_data(), dq->typed_data(), dk->typed_data(),
             dv->typed_data()};
  share(pool, threads_for(a, pool, 5), a.batch * a.groups,
        [&](int64_t part) { backward(a, part / a.groups, part % a.groups); });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_attention_v1, lapis::attention,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // q
                  .Arg<lapis::Floats>()  // k
                  .Arg<lapis::Floats>()  // v
                  .Arg<lapis::Mask>()    // (batch or 1, heads or 1, time or 1, source), or empty
                  .Ret<lapis::Floats>()  // (batch, time, heads, width)
                  .Attr<float>("scale")
                  .Attr<bool>("causal"))

LAPIS_HANDLER(lapis_attention_gradient_v1, lapis::attention_gradient,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // the gradient of the output
                  .Arg<lapis::Floats>()  // q
                  .Arg<lapis::Floats>()  // k
                  .Arg<lapis::Floats>()  // v
                  .Arg<lapis::Mask>()
                  .Ret<lapis::Floats>()  // gradients of q, k and v
                  .Ret<lapis::Floats>()
                  .Ret<lapis::Floats>()
                  .Attr<float>("scale")
                  .Attr<bool>("causal"))
