#include "server/unserved_calls.h"

#include <string>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "core/base/text.h"

namespace unroll::server {
namespace {

constexpr std::string_view kInfer = "/inference.GRPCInferenceService/";

std::string Sentence(std::string_view method) {
  if (method.starts_with(kInfer)) {
    const std::string_view name = method.substr(kInfer.size());
    if (name.find("SharedMemory") != name.npos) {
      return "shared memory is not served; send tensors as "
             "raw_input_contents";
    }
    if (name.starts_with("RepositoryModel")) {
      return "models are loaded when the server starts, not on request";
    }
    if (name == "TraceSetting" || name == "LogSettings") {
      return "these settings are flags of the server, not calls";
    }
  }
  return absl::StrCat("there is no method ", Quoted(method));
}

class Refusal final : public grpc::ServerGenericBidiReactor {
 public:
  explicit Refusal(const std::string& sentence) {
    Finish(grpc::Status(grpc::StatusCode::UNIMPLEMENTED, sentence));
  }
  void OnDone() override { delete this; }
};

}  // namespace

grpc::ServerGenericBidiReactor* UnservedCalls::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Refusal(Sentence(context->method()));
}

}  // namespace unroll::server
