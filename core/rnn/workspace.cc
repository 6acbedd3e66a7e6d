#include "core/rnn/workspace.h"

#include <cstdlib>
#include <new>

namespace unroll {
namespace {
constexpr int64_t kAlignment = 64;  // a cache line and an AVX-512 register
}  // namespace

std::byte* Workspace::Bytes(Part part, int64_t count) {
  Buffer& buffer = buffers_[part];
  if (buffer.size < count) {
    const int64_t size = (count + kAlignment - 1) / kAlignment * kAlignment;
    buffer.memory.reset();  // before the new one: the peak is not the sum
    buffer.size = 0;
    buffer.memory.reset(
        static_cast<std::byte*>(std::aligned_alloc(kAlignment, size)));
    if (buffer.memory == nullptr) throw std::bad_alloc();
    buffer.size = size;
  }
  return buffer.memory.get();
}

float* Workspace::Floats(Part part, int64_t count) {
  return reinterpret_cast<float*>(
      Bytes(part, count * static_cast<int64_t>(sizeof(float))));
}

void Workspace::Trim(int64_t most) {
  if (size() <= most) return;
  for (Buffer& buffer : buffers_) buffer = Buffer();
}

int64_t Workspace::size() const {
  int64_t total = 0;
  for (const Buffer& buffer : buffers_) total += buffer.size;
  return total;
}

}  // namespace unroll
