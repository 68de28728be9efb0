// LSTM and GRU over all time steps, forward and backward, in float32.
//
// Arrays are dense, row-major and time-major: `x` and gradients of the gates (time, batch, gates * units), the
// recurrent kernel `w` (units, gates * units), states (batch, units). Rows of the batch know nothing of each other, so
// each thread takes some of them through the whole sequence. A row's result does not depend on how they are shared out.

#include <algorithm>
#include <cstring>

#include "common.h"
#include "share.h"
#include "vectors.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

template <class S>
ALWAYS typename S::Floats clamp(typename S::Floats x, float limit) {
  const typename S::Floats high = limit - typename S::Floats{}, low = -high;
  x = x > high ? high : x;
  return x < low ? low : x;
}

template <class S>
ALWAYS typename S::Floats sigmoid(typename S::Floats x) {
  typename S::Floats scale, part;
  exponential<S>(-clamp<S>(x, 87.f), scale, part);
  return 1.f / (scale * part + scale + 1.f);
}

template <class S>
ALWAYS typename S::Floats tanh_of(typename S::Floats x) {
  typename S::Floats scale, part;
  exponential<S>(clamp<S>(x, 10.f) * 2.f, scale, part);  // further out it is 1
  typename S::Floats less_one = scale * part + (scale - 1.f);
  return less_one / (less_one + 2.f);
}

// The arguments of both directions, and the memory that they work in.
struct Loop {
  int64_t steps, batch, units;
  bool reverse;
  const bool* mask;  // (time, batch), or null
  int64_t padded;    // units, rounded up to whole vectors
  float* packed;     // the kernel in the order in which it is read
  int64_t step(int64_t i) const { return reverse ? steps - 1 - i : i; }
  bool kept(int64_t t, int64_t row) const { return mask == nullptr || mask[t * batch + row]; }
};

struct Forward : Loop {
  const float *x, *w, *bias, *h0, *c0;
  float *h, *c_last, *gates, *c;  // the last two are null unless a derivative will need them
  float *now, *next, *cell;       // (batch, padded)
};

struct Backward : Loop {
  const float *h_cotangent, *c_cotangent, *w, *gates, *c, *c0, *h, *h0;
  float *inputs, *dh0, *dc0;
  float *dh, *dc, *dz;  // (batch, padded), (batch, padded), (batch, gates * units)
};

// For each vector of units, for each row of the kernel, the columns of all gates side by side.
template <class S, int G>
ALWAYS void pack_forward(const float* w, int64_t units, float* packed) {
  for (int64_t u = 0; u < units; u += S::kWidth) {
    const int64_t count = std::min<int64_t>(S::kWidth, units - u);
    for (int64_t k = 0; k < units; ++k) {
      for (int g = 0; g < G; ++g, packed += S::kWidth) {
        store<S>(packed, load<S>(w + (k * G + g) * units + u, count));
      }
    }
  }
}

// The same for the transposed kernel, two vectors of units at a time.
template <class S>
ALWAYS void pack_backward(const float* w, int64_t units, int64_t columns, float* packed) {
  for (int64_t u = 0; u < units; u += 2 * S::kWidth) {
    const int64_t count = std::min<int64_t>(2 * S::kWidth, units - u);
    for (int64_t k = 0; k < columns; ++k, packed += 2 * S::kWidth) {
      for (int64_t i = 0; i < 2 * S::kWidth; ++i) packed[i] = i < count ? w[(u + i) * columns + k] : 0.f;
    }
  }
}

// One step for R rows and one vector of units: their share of `h @ w`, then the gates. `whole`, a constant, says that
// the vector lies within the units: vectors that are read and written element by element do not stay in registers.
template <class S, int G, int R>
ALWAYS void forward_block(const Forward& a, int64_t t, int64_t row, int64_t u, bool whole) {
  using Floats = typename S::Floats;
  constexpr int W = S::kWidth;
  const int64_t U = a.units, P = a.padded, count = whole ? W : U - u;
  Floats sum[R][G];
#pragma GCC unroll 8
  for (int g = 0; g < G; ++g) {
    const Floats first = a.bias == nullptr ? Floats{} : load<S>(a.bias + g * U + u, count);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) sum[r][g] = first;
  }
  const float* h = a.now + row * P;
  const float* w = a.packed + u * U * G;
  // Of rows and gates, the fewer are held in registers beside the sums.
  for (int64_t k = 0; k < U; ++k, w += G * W) {
    if (R <= G) {
      float values[R];
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) values[r] = h[r * P + k];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) {
        const Floats column = load<S>(w + g * W);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sum[r][g] += values[r] * column;
      }
    } else {
      Floats columns[G];
#pragma GCC unroll 8
      for (int g = 0; g < G; ++g) columns[g] = load<S>(w + g * W);
#pragma GCC unroll 8
      for (int r = 0; r < R; ++r) {
        const float value = h[r * P + k];
#pragma GCC unroll 8
        for (int g = 0; g < G; ++g) sum[r][g] += value * columns[g];
      }
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    const int64_t place = t * a.batch + row + r, local = (row + r) * P + u;
    const float* x = a.x + place * G * U + u;
    const bool kept = a.kept(t, row + r);
    const Floats old = load<S>(a.now + local);
    Floats part[4], fresh;
    if (G == 4) {
      const Floats c = load<S>(a.cell + local);
      part[0] = sigmoid<S>(load<S>(x, count) + sum[r][0]);
      part[1] = sigmoid<S>(load<S>(x + U, count) + sum[r][1]);
      part[2] = tanh_of<S>(load<S>(x + 2 * U, count) + sum[r][2]);
      part[3] = sigmoid<S>(load<S>(x + 3 * U, count) + sum[r][3]);
      const Floats updated = kept ? part[1] * c + part[0] * part[2] : c;
      store<S>(a.cell + local, updated);
      if (a.c != nullptr) store<S>(a.c + place * U + u, updated, count);
      fresh = part[3] * tanh_of<S>(updated);
    } else {
      part[0] = sigmoid<S>(load<S>(x, count) + sum[r][0]);
      part[1] = sigmoid<S>(load<S>(x + U, count) + sum[r][1]);
      part[3] = sum[r][2];
      part[2] = tanh_of<S>(load<S>(x + 2 * U, count) + part[1] * part[3]);
      fresh = part[2] + part[0] * (old - part[2]);
    }
    fresh = kept ? fresh : old;
    store<S>(a.next + local, fresh);
    store<S>(a.h + place * U + u, fresh, count);
    if (a.gates != nullptr) {
      for (int g = 0; g < 4; ++g) store<S>(a.gates + (place * 4 + g) * U + u, part[g], count);
    }
  }
}

template <class S, int G>
ALWAYS void forward_column(const Forward& a, int64_t t, int64_t first, int64_t last, int64_t u, bool whole) {
  constexpr int R = S::kRegisters / G;
  int64_t row = first;
  // A block of one row would leave most of the registers idle, so that the last rows go in pairs.
  for (; last - row >= R && last - row != R + 1; row += R) forward_block<S, G, R>(a, t, row, u, whole);
  for (; last - row >= 2; row += 2) forward_block<S, G, 2>(a, t, row, u, whole);
  if (row < last) forward_block<S, G, 1>(a, t, row, u, whole);
}

template <class S, int G>
ALWAYS void forward_rows(const Forward& given, int64_t first, int64_t last) {
  Forward a = given;
  const int64_t U = a.units, P = a.padded;
  for (int64_t row = first; row < last; ++row) {
    std::memcpy(a.now + row * P, a.h0 + row * U, U * sizeof(float));
    if (G == 4) std::memcpy(a.cell + row * P, a.c0 + row * U, U * sizeof(float));
  }
  for (int64_t i = 0; i < a.steps; ++i) {
    const int64_t t = a.step(i);
    int64_t u = 0;
    for (; u + S::kWidth <= U; u += S::kWidth) forward_column<S, G>(a, t, first, last, u, true);
    if (u < U) forward_column<S, G>(a, t, first, last, u, false);
    std::swap(a.now, a.next);
  }
  if (G == 4) {
    for (int64_t row = first; row < last; ++row) {
      std::memcpy(a.c_last + row * U, a.cell + row * P, U * sizeof(float));
    }
  }
}

// The gradients of one vector of units of the gates at one step and row, which is at `place` of (time, batch) and was at
// `before` one step earlier, -1 for the first; `whole` as in `forward_block`.
template <class S, int G>
ALWAYS void backward_vector(const Backward& a, int64_t place, int64_t before, int64_t row, int64_t u, bool whole) {
  using Floats = typename S::Floats;
  const int64_t U = a.units, P = a.padded, count = whole ? S::kWidth : U - u;
  float* dz = a.dz + row * G * U;
  const Floats dh = load<S>(a.dh + row * P + u) + load<S>(a.h_cotangent + place * U + u, count);
  Floats part[4], d[4], past;
  for (int g = 0; g < 4; ++g) part[g] = load<S>(a.gates + (place * 4 + g) * U + u, count);
  if (G == 4) {
    const Floats shown = tanh_of<S>(load<S>(a.c + place * U + u, count));
    const Floats old = load<S>(before < 0 ? a.c0 + row * U + u : a.c + before * U + u, count);
    const Floats dc = load<S>(a.dc + row * P + u) + dh * part[3] * (1.f - shown * shown);
    d[0] = dc * part[2] * part[0] * (1.f - part[0]);
    d[1] = dc * old * part[1] * (1.f - part[1]);
    d[2] = dc * part[0] * (1.f - part[2] * part[2]);
    d[3] = dh * shown * part[3] * (1.f - part[3]);
    store<S>(a.dc + row * P + u, dc * part[1]);
    past = Floats{};
  } else {
    const Floats old = load<S>(before < 0 ? a.h0 + row * U + u : a.h + before * U + u, count);
    d[0] = dh * (old - part[2]) * part[0] * (1.f - part[0]);
    d[2] = dh * (1.f - part[0]) * (1.f - part[2] * part[2]);
    d[1] = d[2] * part[3] * part[1] * (1.f - part[1]);
    past = dh * part[0];
  }
  store<S>(a.dh + row * P + u, past);
  for (int g = 0; g < G; ++g) {
    store<S>(a.inputs + (place * G + g) * U + u, d[g], count);
    store<S>(dz + g * U + u, G == 3 && g == 2 ? d[g] * part[1] : d[g], count);
  }
}

// The gradients of the gates at one step and row, and what of the state's gradient goes past the kernel.
template <class S, int G>
ALWAYS void backward_gates(const Backward& a, int64_t i, int64_t row) {
  const int64_t t = a.step(i), U = a.units, P = a.padded, place = t * a.batch + row;
  const int64_t before = i == 0 ? -1 : a.step(i - 1) * a.batch + row;
  float* dz = a.dz + row * G * U;
  if (!a.kept(t, row)) {
    for (int64_t u = 0; u < U; ++u) a.dh[row * P + u] += a.h_cotangent[place * U + u];
    std::memset(dz, 0, G * U * sizeof(float));
    std::memset(a.inputs + place * G * U, 0, G * U * sizeof(float));
    return;
  }
  int64_t u = 0;
  for (; u + S::kWidth <= U; u += S::kWidth) backward_vector<S, G>(a, place, before, row, u, true);
  if (u < U) backward_vector<S, G>(a, place, before, row, u, false);
}

// `dh += dz @ w^T` for R rows and two vectors of units.
template <class S, int R>
ALWAYS void backward_block(const Backward& a, int64_t columns, int64_t row, int64_t u) {
  using Floats = typename S::Floats;
  constexpr int W = S::kWidth;
  const int64_t P = a.padded;
  Floats sum[R][2] = {};
  const float* dz = a.dz + row * columns;
  const float* w = a.packed + u * columns;
  for (int64_t k = 0; k < columns; ++k, w += 2 * W) {
    const Floats left = load<S>(w), right = load<S>(w + W);
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const float value = dz[r * columns + k];
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
  }
#pragma GCC unroll 12
  for (int r = 0; r < R; ++r) {
    float* dh = a.dh + (row + r) * P + u;
    store<S>(dh, load<S>(dh) + sum[r][0]);
    store<S>(dh + W, load<S>(dh + W) + sum[r][1]);
  }
}

template <class S, int G>
ALWAYS void backward_rows(const Backward& a, int64_t first, int64_t last) {
  constexpr int R = S::kRows < 8 ? S::kRows : 8;  // more of them were no faster
  const int64_t U = a.units, P = a.padded;
  for (int64_t row = first; row < last; ++row) {
    std::memset(a.dh + row * P, 0, P * sizeof(float));
    if (G == 4) std::memcpy(a.dc + row * P, a.c_cotangent + row * U, U * sizeof(float));
  }
  for (int64_t i = a.steps - 1; i >= 0; --i) {
    for (int64_t row = first; row < last; ++row) backward_gates<S, G>(a, i, row);
    for (int64_t u = 0; u < U; u += 2 * S::kWidth) {
      int64_t row = first;
      for (; last - row >= R; row += R) backward_block<S, R>(a, G * U, row, u);
      for (; last - row >= 2; row += 2) backward_block<S, 2>(a, G * U, row, u);
      if (row < last) backward_block<S, 1>(a, G * U, row, u);
    }
  }
  for (int64_t row = first; row < last; ++row) {
    std::memcpy(a.dh0 + row * U, a.dh + row * P, U * sizeof(float));
    if (G == 4) std::memcpy(a.dc0 + row * U, a.dc + row * P, U * sizeof(float));
  }
}

#define VERSION(S, ...)                                                                                    \
  __VA_ARGS__ int width() { return S::kWidth; }                                                            \
  __VA_ARGS__ void pack(const Forward& a, int gates) {                                                     \
    gates == 4 ? pack_forward<S, 4>(a.w, a.units, a.packed) : pack_forward<S, 3>(a.w, a.units, a.packed);  \
  }                                                                                                        \
  __VA_ARGS__ void pack(const Backward& a, int gates) {                                                    \
    pack_backward<S>(a.w, a.units, gates * a.units, a.packed);                                             \
  }                                                                                                        \
  __VA_ARGS__ void run(const Forward& a, int gates, int64_t first, int64_t last) {                         \
    gates == 4 ? forward_rows<S, 4>(a, first, last) : forward_rows<S, 3>(a, first, last);                  \
  }                                                                                                        \
  __VA_ARGS__ void run(const Backward& a, int gates, int64_t first, int64_t last) {                        \
    gates == 4 ? backward_rows<S, 4>(a, first, last) : backward_rows<S, 3>(a, first, last);                \
  }

LAPIS_VERSIONS(VERSION)

// Packs the kernel and takes the rows through the sequence.
template <typename Arguments>
void sweep(ffi::ThreadPool& pool, const Arguments& a, int gates) {
  pack(a, gates);
  const double work = 2.0 * a.steps * a.batch * a.units * (a.units + 40) * gates;
  // Fewer than four rows do not fill the registers; waking a thread takes as long as two million operations.
  const int64_t threads = std::min<int64_t>({pool.num_threads(), a.batch / 4, static_cast<int64_t>(work / 2e6)});
  const int64_t parts = std::max<int64_t>(1, threads);
  share(pool, parts, parts, [&](int64_t i) { run(a, gates, a.batch * i / parts, a.batch * (i + 1) / parts); });
}

using Floats = ffi::Buffer<ffi::F32>;
using Result = ffi::Result<Floats>;

float* none_if_empty(Result& result) { return result->element_count() ? result->typed_data() : nullptr; }

int64_t rounded(int64_t units, int64_t to) { return (units + to - 1) / to * to; }

template <typename Arguments>
void set_sizes(Arguments& a, const Floats& x, const Floats& w, const ffi::Buffer<ffi::PRED>& mask, bool reverse) {
  a.steps = x.dimensions()[0];
  a.batch = x.dimensions()[1];
  a.units = w.dimensions()[0];
  a.w = w.typed_data();
  a.reverse = reverse;
  a.mask = mask.element_count() ? mask.typed_data() : nullptr;
  a.padded = rounded(a.units, 2 * width());
}

ffi::Error forward(ffi::ThreadPool pool, Floats x, Floats w, Floats bias, Floats h0, Floats c0,
                   ffi::Buffer<ffi::PRED> mask, Result h, Result c_last, Result saved, Result c, int64_t gates,
                   bool reverse) {
  Forward a;
  set_sizes(a, x, w, mask, reverse);
  a.x = x.typed_data();
  a.bias = bias.element_count() ? bias.typed_data() : nullptr;
  a.h0 = h0.typed_data();
  a.c0 = c0.typed_data();
  a.h = h->typed_data();
  a.c_last = c_last->typed_data();
  a.gates = none_if_empty(saved);
  a.c = none_if_empty(c);
  const size_t kernel = a.padded * a.units * gates * sizeof(float), state = a.batch * a.padded * sizeof(float);
  Scratch scratch(Scratch::rounded(kernel) + 3 * Scratch::rounded(state));
  a.packed = static_cast<float*>(scratch.take(kernel));
  for (float** part : {&a.now, &a.next, &a.cell}) *part = static_cast<float*>(scratch.take(state));
  sweep(pool, a, gates);
  return ffi::Error::Success();
}

ffi::Error backward(ffi::ThreadPool pool, Floats h_cotangent, Floats c_cotangent, Floats w, Floats saved, Floats c,
                    Floats h, Floats h0, Floats c0, ffi::Buffer<ffi::PRED> mask, Result inputs, Result dh0, Result dc0,
                    int64_t gates, bool reverse) {
  Backward a;
  set_sizes(a, h_cotangent, w, mask, reverse);
  a.h_cotangent = h_cotangent.typed_data();
  a.c_cotangent = c_cotangent.typed_data();
  a.gates = saved.typed_data();
  a.c = c.typed_data();
  a.h = h.typed_data();
  a.h0 = h0.typed_data();
  a.c0 = c0.typed_data();
  a.inputs = inputs->typed_data();
  a.dh0 = dh0->typed_data();
  a.dc0 = dc0->typed_data();
  const size_t kernel = a.padded * a.units * gates * sizeof(float), state = a.batch * a.padded * sizeof(float);
  const size_t parts = a.batch * gates * a.units * sizeof(float);
  Scratch scratch(Scratch::rounded(kernel) + 2 * Scratch::rounded(state) + Scratch::rounded(parts));
  a.packed = static_cast<float*>(scratch.take(kernel));
  a.dh = static_cast<float*>(scratch.take(state));
  a.dc = static_cast<float*>(scratch.take(state));
  a.dz = static_cast<float*>(scratch.take(parts));
  sweep(pool, a, gates);
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_recurrent_forward_v1, lapis::forward,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // x
                  .Arg<lapis::Floats>()  // w
                  .Arg<lapis::Floats>()  // bias, or empty
                  .Arg<lapis::Floats>()  // h0
                  .Arg<lapis::Floats>()  // c0, or empty
                  .Arg<xla::ffi::Buffer<xla::ffi::PRED>>()
                  .Ret<lapis::Floats>()  // h at all steps
                  .Ret<lapis::Floats>()  // the last c, or empty
                  .Ret<lapis::Floats>()  // the gates at all steps, or empty
                  .Ret<lapis::Floats>()  // c at all steps, or empty
                  .Attr<int64_t>("gates")
                  .Attr<bool>("reverse"))

LAPIS_HANDLER(lapis_recurrent_backward_v1, lapis::backward,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<lapis::Floats>()  // gradient of h at all steps
                  .Arg<lapis::Floats>()  // gradient of the last c, or empty
                  .Arg<lapis::Floats>()  // w
                  .Arg<lapis::Floats>()  // the gates at all steps
                  .Arg<lapis::Floats>()  // c at all steps, or empty
                  .Arg<lapis::Floats>()  // h at all steps
                  .Arg<lapis::Floats>()  // h0
                  .Arg<lapis::Floats>()  // c0, or empty
                  .Arg<xla::ffi::Buffer<xla::ffi::PRED>>()
                  .Ret<lapis::Floats>()  // gradient of x
                  .Ret<lapis::Floats>()  // gradient of h0
                  .Ret<lapis::Floats>()  // gradient of c0, or empty
                  .Attr<int64_t>("gates")
                  .Attr<bool>("reverse"))
