// What every kernel stands on: the FFI, scratch memory, a bounded cache.

#ifndef LAPIS_COMMON_H_
#define LAPIS_COMMON_H_

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <list>
#include <memory>
#include <mutex>
#include <new>
#include <unordered_map>
#include <utility>
#include <vector>

#include "xla/ffi/api/ffi.h"

// A handler's name is also its symbol; it ends in a version, since compiled programs that name it are kept on disk.
#define LAPIS_HANDLER(name, impl, binding) \
  extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* name(XLA_FFI_CallFrame* frame); \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(name, impl, (binding));

#define LAPIS_EXPORT extern "C" __attribute__((visibility("default")))

// Compiled once for each kind of processor; the loader picks the one that runs.
#define LAPIS_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

namespace lapis {

// Memory that the calling thread keeps for its next kernels: valid until that thread takes scratch of that level again.
// Level 1 is for what outlives the parts that a kernel is shared out in.
class Scratch {
 public:
  explicit Scratch(size_t bytes, int level = 0);
  // The next `bytes` of it, aligned to a cache line; what is taken must not exceed what was asked for, each part
  // rounded up with `rounded`.
  void* take(size_t bytes);
  static size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

 private:
  char* next_;
};

using Key = std::vector<int64_t>;

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = 1469598103934665603ull;
    for (int64_t part : key) {
      hash = (hash ^ static_cast<uint64_t>(part)) * 1099511628211ull;
      hash ^= hash >> 29;
    }
    return hash;
  }
};

// The most recently used values, at most `limit`; made outside the lock, so that a slow one holds nobody up.
template <typename Value>
class Cache {
 public:
  explicit Cache(size_t limit) : limit_(limit) {}

  template <typename Make>
  std::shared_ptr<const Value> get(const Key& key, Make make) {
    {
      std::lock_guard<std::mutex> lock(mutex_);
      auto found = places_.find(key);
      if (found != places_.end()) {
        order_.splice(order_.begin(), order_, found->second);
        return found->second->second;
      }
    }
    std::shared_ptr<const Value> made = make();
    std::lock_guard<std::mutex> lock(mutex_);
    auto found = places_.find(key);
    if (found != places_.end()) return found->second->second;
    order_.emplace_front(key, made);
    places_.emplace(key, order_.begin());
    if (order_.size() > limit_) {
      places_.erase(order_.back().first);
      order_.pop_back();
    }
    return made;
  }

 private:
  using Order = std::list<std::pair<Key, std::shared_ptr<const Value>>>;
  const size_t limit_;
  std::mutex mutex_;
  Order order_;
  std::unordered_map<Key, typename Order::iterator, KeyHash> places_;
};

}  // namespace lapis

#endif  // LAPIS_COMMON_H_
