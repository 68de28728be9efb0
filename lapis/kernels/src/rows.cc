// The gradient of rows taken from a table: each update is added to its row, all other rows are zero. In float32.

#include <algorithm>
#include <cstring>

#include "common.h"
#include "share.h"

namespace lapis {
namespace {

namespace ffi = xla::ffi;

ffi::Error add_rows(ffi::ThreadPool pool, ffi::Buffer<ffi::F32> updates, ffi::Buffer<ffi::S32> indices,
                    ffi::ResultBuffer<ffi::F32> table) {
  const int64_t count = indices.element_count(), rows = table->dimensions()[0], width = table->dimensions()[1];
  const float* from = updates.typed_data();
  const int32_t* places = indices.typed_data();
  float* to = table->typed_data();
  // Each part owns some of the rows and looks through all indices, so that the sums come out the same however many
  // parts there are. Waking a thread takes as long as writing some ten thousand numbers.
  const int64_t wanted = (rows + 2 * count) * width / 50000;
  const int64_t parts = std::max<int64_t>(1, std::min<int64_t>(pool.num_threads(), wanted));
  share(pool, parts, parts, [=](int64_t part) {
    const int64_t first = rows * part / parts, last = rows * (part + 1) / parts;
    std::memset(to + first * width, 0, (last - first) * width * sizeof(float));
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = places[i] < 0 ? places[i] + rows : places[i];
      if (row < first || row >= last) continue;  // also those out of range, which were taken from nowhere
      float* __restrict sum = to + row * width;
      const float* __restrict update = from + i * width;
      for (int64_t k = 0; k < width; ++k) sum[k] += update[k];
    }
  });
  return ffi::Error::Success();
}

}  // namespace
}  // namespace lapis

LAPIS_HANDLER(lapis_add_rows_v1, lapis::add_rows,
              xla::ffi::Ffi::Bind()
                  .Ctx<xla::ffi::ThreadPool>()
                  .Arg<xla::ffi::Buffer<xla::ffi::F32>>()  // updates (count, width)
                  .Arg<xla::ffi::Buffer<xla::ffi::S32>>()  // the rows they belong to (count,)
                  .Ret<xla::ffi::Buffer<xla::ffi::F32>>())  // (rows, width)
