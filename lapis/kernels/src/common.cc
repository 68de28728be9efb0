#include "common.h"

#include <omp.h>

namespace lapis {
namespace {

struct Arena {
  char* memory = nullptr;
  size_t size = 0;
  ~Arena() { std::free(memory); }
};
thread_local Arena arenas[2];

}  // namespace

Scratch::Scratch(size_t bytes, int level) {
  Arena& arena = arenas[level];
  if (bytes > arena.size) {
    std::free(arena.memory);
    arena.size = rounded(bytes);
    arena.memory = static_cast<char*>(std::aligned_alloc(64, arena.size));
    if (arena.memory == nullptr) {
      arena.size = 0;
      throw std::bad_alloc();
    }
  }
  next_ = arena.memory;
}

void* Scratch::take(size_t bytes) {
  void* part = next_;
  next_ += rounded(bytes);
  return part;
}

}  // namespace lapis

// How many threads OpenMP gives a kernel.
LAPIS_EXPORT int lapis_threads() { return omp_get_max_threads(); }
