#include "server/infer_describe.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/infer_parameters.h"

namespace unroll::server {
namespace {

constexpr char kPlatform[] = "unroll";

struct TensorDescription {
  std::string name;
  std::string datatype;
  inference::DataType data_type;
  Shape shape;  // but for N; -1: any
};

// Only what a request cannot do without: load generators make up data for
// every input that is told of.
TensorDescription Input(const ModelInfo& info) {
  if (info.vocabulary_size > 0) {
    return {"tokens", "INT64", inference::TYPE_INT64, {-1}};
  }
  return {"input", "FP32", inference::TYPE_FP32, {-1, info.spec.input_size}};
}

std::vector<TensorDescription> Outputs(const ModelInfo& info) {
  const auto output = [](const char* name, const Shape& shape) {
    return TensorDescription{name, "FP32", inference::TYPE_FP32, shape};
  };
  std::vector<TensorDescription> outputs = {
      output("hidden", {-1, info.spec.hidden_width()}),
      output("h_n", StateSpec(info).front().shape)};
  if (info.head) {
    const int64_t classes = info.head->classes();
    outputs.push_back(output("scores", info.head->each_step()
                                           ? Shape{-1, classes}
                                           : Shape{classes}));
  }
  return outputs;
}

void SetMetadata(const TensorDescription& tensor,
                 inference::ModelMetadataResponse::TensorMetadata& metadata) {
  metadata.set_name(tensor.name);
  metadata.set_datatype(tensor.datatype);
  metadata.add_shape(-1);  // N
  metadata.mutable_shape()->Add(tensor.shape.begin(), tensor.shape.end());
}

// Of a ModelInput or ModelOutput.
template <typename Message>
void SetConfig(const TensorDescription& tensor, Message& config) {
  config.set_name(tensor.name);
  config.set_data_type(tensor.data_type);
  config.mutable_dims()->Add(tensor.shape.begin(), tensor.shape.end());
}

std::string OptionalInputs(const ServedModel& model) {
  const Shape h = StateSpec(model.info).front().shape;
  return absl::StrCat(
      model.info.vocabulary ? "text BYTES [N] (instead of tokens); " : "",
      "lengths INT64 [N]; ", absl::StrFormat("h_0 FP32 [N,%d,%d]", h[0], h[1]),
      model.incremental() ? "; state_token BYTES [N]" : "");
}

}  // namespace

void Describe(const ServedModel& model,
              inference::ModelMetadataResponse& response) {
  response.set_name(model.info.name);
  response.set_platform(kPlatform);
  SetMetadata(Input(model.info), *response.add_inputs());
  for (const TensorDescription& output : Outputs(model.info)) {
    SetMetadata(output, *response.add_outputs());
  }
  auto& properties = *response.mutable_properties();
  properties["fingerprint"] = model.info.fingerprint;
  properties["numerics"] = model.network->numerics();
  properties["optional_inputs"] = OptionalInputs(model);
}

void Describe(const ServedModel& model, const CallEnvironment& environment,
              inference::ModelConfig& config) {
  config.set_name(model.info.name);
  config.set_platform(kPlatform);
  config.set_backend(kPlatform);
  config.set_max_batch_size(static_cast<int32_t>(environment.max_batch_rows));
  SetConfig(Input(model.info), *config.add_input());
  for (const TensorDescription& output : Outputs(model.info)) {
    SetConfig(output, *config.add_output());
  }
  config.mutable_model_transaction_policy()->set_decoupled(false);
  if (environment.config_of_sequences && model.incremental()) {
    auto& batching = *config.mutable_sequence_batching();
    batching.set_max_sequence_idle_microseconds(
        absl::ToInt64Microseconds(environment.idle_timeout));
    batching.mutable_oldest()->set_max_candidate_sequences(
        static_cast<int32_t>(environment.max_batch_rows));
    return;
  }
  auto& batching = *config.mutable_dynamic_batching();
  batching.set_priority_levels(kPriorityLevels);
  batching.set_default_priority_level(kHighestPriority + 1);
}

void Describe(const ModelRegistry::Entry& entry,
              inference::RepositoryIndexResponse::ModelIndex& index) {
  index.set_name(entry.path.name);
  index.set_version(absl::StrCat(entry.path.version));
  switch (entry.state) {
    case ModelRegistry::State::kLoading:
      return index.set_state("LOADING");
    case ModelRegistry::State::kReady:
      return index.set_state("READY");
    case ModelRegistry::State::kFailed:
      index.set_state("UNAVAILABLE");
      index.set_reason(std::string(entry.error.message()));
  }
}

}  // namespace unroll::server
