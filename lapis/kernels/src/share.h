// Work in parts on the threads of XLA's own pool.

#ifndef LAPIS_SHARE_H_
#define LAPIS_SHARE_H_

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>

#include "xla/ffi/api/ffi.h"

namespace lapis {

// Runs `task(0)` to `task(count - 1)` on this thread and at most `threads - 1` of the pool's that are free. The calling
// thread waits for none that has not begun, so that a pool of busy threads holds nobody up.
template <typename Task>
void share(xla::ffi::ThreadPool& pool, int64_t threads, int64_t count, const Task& task) {
  if (threads < 2 || count < 2) {
    for (int64_t i = 0; i < count; ++i) task(i);
    return;
  }
  struct State {
    std::atomic<int64_t> next{0}, done{0};
  };
  auto state = std::make_shared<State>();
  auto work = [state, count, &task] {
    for (int64_t i; (i = state->next.fetch_add(1, std::memory_order_relaxed)) < count;) {
      task(i);
      state->done.fetch_add(1, std::memory_order_release);
    }
  };
  for (int64_t i = 1; i < std::min(threads, count); ++i) {
    auto copy = work;
    pool.Schedule(std::move(copy));
  }
  work();
  // What is left has begun elsewhere, and is short; should the system have taken the core away, it is left to others.
  for (int64_t spins = 0; state->done.load(std::memory_order_acquire) != count; ++spins) {
    if (spins < 4096) {
      __builtin_ia32_pause();
    } else {
      std::this_thread::yield();
    }
  }
}

// In how many parts the rows are taken: by their number alone, since the sums over a part are rounded.
inline int64_t parts_of(int64_t rows, int64_t width) {
  return std::max<int64_t>(1, std::min<int64_t>(std::min<int64_t>(rows, 32), rows * width / 16384));
}

}  // namespace lapis

#endif  // LAPIS_SHARE_H_
