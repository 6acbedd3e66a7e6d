#ifndef UNROLL_CORE_RNN_WORKSPACE_H_
#define UNROLL_CORE_RNN_WORKSPACE_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>

namespace unroll {

// The memory that running a batch needs, reused from batch to batch: it grows
// to the largest batch seen and stays until trimmed. One a thread; not
// thread-safe.
class Workspace {
 public:
  enum Part {
    kInput,       // what the first layer reads
    kTokens,      // or else
    kOutputEven,  // outputs of layers 0, 2, ...
    kOutputOdd,   // outputs of layers 1, 3, ...
    kRounded,     // the input of a bfloat16 multiplication
    kState,       // a layer's state in slot order
    kHeadEven,    // what layers 0, 2, ... of the head read
    kHeadOdd,
    kScores,
    kScratchpad,  // oneDNN's own
    kParts
  };

  // At least `count` floats, 64-byte aligned, contents undefined. A later call
  // for the same part may move it.
  float* Floats(Part part, int64_t count);
  std::byte* Bytes(Part part, int64_t count);

  // Gives everything back if it has grown past `most` bytes.
  void Trim(int64_t most);

  // The bytes held.
  int64_t size() const;

 private:
  struct FreeDeleter {
    void operator()(void* memory) const { std::free(memory); }
  };
  struct Buffer {
    std::unique_ptr<std::byte, FreeDeleter> memory;
    int64_t size = 0;  // bytes
  };
  std::array<Buffer, kParts> buffers_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_RNN_WORKSPACE_H_
