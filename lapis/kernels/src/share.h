// Work shared with the threads of XLA's pool.

#ifndef LAPIS_SHARE_H_
#define LAPIS_SHARE_H_

#include <atomic>
#include <condition_variable>

#include "common.h"

namespace lapis {

// Runs `task(0)` to `task(count - 1)` on this thread and those of XLA's pool that are free. The calling thread waits
// for none that has not begun, so that a pool of busy threads holds nobody up.
template <typename Task>
void share(xla::ffi::ThreadPool& pool, int64_t count, const Task& task) {
  struct State {
    std::atomic<int64_t> next{0};
    int64_t done = 0;
    std::mutex mutex;
    std::condition_variable finished;
  };
  auto state = std::make_shared<State>();
  const auto work = [state, count, &task] {
    for (int64_t i; (i = state->next++) < count;) {
      task(i);
      std::lock_guard<std::mutex> lock(state->mutex);
      if (++state->done == count) state->finished.notify_one();
    }
  };
  for (int64_t i = 1; i < count; ++i) {
    auto copy = work;
    pool.Schedule(std::move(copy));
  }
  work();
  std::unique_lock<std::mutex> lock(state->mutex);
  state->finished.wait(lock, [&] { return state->done == count; });
}

}  // namespace lapis

#endif  // LAPIS_SHARE_H_
