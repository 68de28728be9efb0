// oneDNN on the CPU, as every kernel that stands on it shares it.

#ifndef LAPIS_ONEDNN_H_
#define LAPIS_ONEDNN_H_

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>

namespace lapis {

inline dnnl::engine& engine() {
  static dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

inline dnnl::stream& stream() {
  thread_local dnnl::stream own(engine());
  return own;
}

// Within it, oneDNN makes and runs primitives on the calling thread alone.
class Alone {
 public:
  explicit Alone(bool alone) : before_(omp_get_max_threads()) {
    if (alone) omp_set_num_threads(1);
  }
  ~Alone() { omp_set_num_threads(before_); }

 private:
  int before_;
};

}  // namespace lapis

#endif  // LAPIS_ONEDNN_H_
