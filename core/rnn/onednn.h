#ifndef UNROLL_CORE_RNN_ONEDNN_H_
#define UNROLL_CORE_RNN_ONEDNN_H_

// The one place that knows oneDNN's ways: its exceptions, its threads, and what
// differs between its 2.x and 3.x APIs. Included by .cc files of rnn/ only.

#include <cstdint>
#include <dnnl.hpp>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace unroll::onednn {

// The CPU engine of the process. Every use of oneDNN comes through here, so the
// first call on a thread sets OpenMP to one thread there: two break
// oneDNN 2.6.3 (SIGFPE) and compete with our workers.
const dnnl::engine& Engine();

// This thread's stream.
dnnl::stream& Stream();

// The attributes every primitive is made with: the scratchpad is the caller's,
// since with oneDNN's own one a primitive must stay on its creator's thread.
dnnl::primitive_attr UserScratchpad();

// A memory of `desc` over `data`, or with its own buffer.
inline dnnl::memory Over(const dnnl::memory::desc& desc, const void* data) {
  return dnnl::memory(desc, Engine(), const_cast<void*>(data));
}

// A copy of a dense [shape of `from`] array in the layout of `to`.
dnnl::memory Reorder(const dnnl::memory::desc& from, const float* data,
                     const dnnl::memory::desc& to);

// The descriptor of what we run. The 2.x API makes a primitive_desc of an
// operation desc, the 3.x API of the arguments themselves.
struct VanillaRnnArguments {
  dnnl::algorithm activation;
  dnnl::memory::desc src_layer, src_iter, weights_layer, weights_iter, bias;
  dnnl::memory::desc dst_layer;
};
dnnl::vanilla_rnn_forward::primitive_desc VanillaRnn(
    const VanillaRnnArguments& arguments);

// A primitive made, and the scratchpad that a run of it needs.
struct Prepared {
  explicit Prepared(const dnnl::primitive_desc& desc)
      : primitive(desc), scratchpad(desc.scratchpad_desc()) {}
  dnnl::primitive primitive;
  dnnl::memory::desc scratchpad;
};

// What oneDNN's bits depend on: "onednn-2.6.3-<number of the instruction set>".
std::string Numerics();

// Runs `function`, turning what oneDNN throws into INTERNAL.
template <typename Function>
absl::Status Catch(Function&& function) {
  try {
    std::forward<Function>(function)();
    return absl::OkStatus();
  } catch (const dnnl::error& error) {
    return absl::InternalError(
        absl::StrCat("oneDNN: ", error.what(), " (status ", error.status, ")"));
  } catch (const std::bad_alloc&) {
    return absl::ResourceExhaustedError("out of memory");
  }
}

}  // namespace unroll::onednn

#endif  // UNROLL_CORE_RNN_ONEDNN_H_
