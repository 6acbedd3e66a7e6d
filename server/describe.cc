#include "server/describe.h"

namespace unroll::server {
namespace {

v1::Fact::Source SourceOf(FactSource source) {
  switch (source) {
    case FactSource::kRead:
      return v1::Fact::READ;
    case FactSource::kConfigured:
      return v1::Fact::CONFIGURED;
    case FactSource::kAssumed:
      return v1::Fact::ASSUMED;
  }
  return v1::Fact::SOURCE_UNSPECIFIED;
}

}  // namespace

void Describe(const ServedModel& model, v1::GetModelResponse& response) {
  const ModelInfo& info = model.info;
  response.set_name(info.name);
  response.set_version(info.version);
  response.set_fingerprint(info.fingerprint);
  v1::Spec& spec = *response.mutable_spec();
  spec.set_cell("rnn");
  spec.set_input_size(info.spec.input_size);
  spec.set_hidden_size(info.spec.hidden_size);
  spec.set_num_layers(info.spec.num_layers);
  spec.set_directions(info.spec.directions);
  spec.set_nonlinearity(std::string(Name(info.spec.nonlinearity)));
  spec.set_bias(info.spec.bias);
  spec.set_reverse(info.spec.reverse);
  response.set_vocabulary_size(info.vocabulary_size);
  response.set_takes_text(info.vocabulary.has_value());
  if (info.head) {
    v1::Head& head = *response.mutable_head();
    head.set_classes(info.head->classes());
    head.set_activation(std::string(Name(info.head->activation())));
    head.set_applied_to(std::string(Name(info.head->applied_to)));
    for (size_t i = 0; i + 1 < info.head->layers.size(); ++i) {
      v1::Head::Layer& layer = *head.add_inner_layers();
      layer.set_width(info.head->layers[i].width);
      layer.set_activation(std::string(Name(info.head->layers[i].activation)));
    }
    head.mutable_labels()->Add(info.labels.begin(), info.labels.end());
  }
  response.set_incremental(model.incremental());
  for (const Fact& fact : info.facts) {
    v1::Fact& told = *response.add_facts();
    told.set_name(fact.name);
    told.set_value(fact.value);
    told.set_source(SourceOf(fact.source));
  }
  response.set_kernel(std::string(Name(model.network->kernel())));
  response.set_exact(model.network->exact());
  response.set_numerics(model.network->numerics());
  for (const auto& [part, bytes] : model.network->MemoryBytes()) {
    (*response.mutable_memory_bytes())[part] = bytes;
  }
  response.mutable_metadata()->insert(info.metadata.begin(),
                                      info.metadata.end());
}

}  // namespace unroll::server
