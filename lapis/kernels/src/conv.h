// Where a convolution's window goes, as its ways of being computed share it.

#ifndef LAPIS_CONV_H_
#define LAPIS_CONV_H_

#include <oneapi/dnnl/dnnl.hpp>

#include "common.h"

namespace lapis {

enum Kind : int64_t { kForward, kForwardBias, kForwardBiasRelu, kData, kWeight, kWeightBias };

struct Shapes {
  int64_t groups;
  dnnl::memory::dims x, y, w;  // activations as (batch, channels, ...), the kernel as (groups, filters, channels, ...)
  dnnl::memory::dims strides, before, after, dilation;
};

// to += from
void add(float* to, const float* from, int64_t count);

Key key_of(const Shapes& s);

// Whether `run_taps` is the faster way in float32.
bool prefers_taps(Kind kind, const Shapes& s);

// The convolution or gradient of that kind in float32, of arrays that are all channels last; `bias` may be missing. The
// forward kind with ReLU is left to others.
void run_taps(Kind kind, const Shapes& s, float* x, float* w, float* y, float* bias, xla::ffi::ThreadPool& pool);

// Whether `run_flat` is the faster way in float32 where `run_taps` is not.
bool prefers_flat(Kind kind, const Shapes& s);

// The gradient of the kernel, and of the bias unless that is missing, in float32, of arrays that are channels last.
void run_flat(const Shapes& s, const float* x, float* w, const float* y, float* bias, xla::ffi::ThreadPool& pool);

}  // namespace lapis

#endif  // LAPIS_CONV_H_
