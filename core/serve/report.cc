#include "core/serve/report.h"

#include <cstdint>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/serve/served_model.h"

namespace unroll {
namespace {

using Json = nlohmann::ordered_json;

// A first guess, before anything is measured: microseconds a step of one
// sequence, when `rows` of them share a batch.
double StepMicroseconds(const ServedModel& model, int64_t rows) {
  return absl::ToDoubleMicroseconds(model.cost.Estimate(1, rows)) /
         static_cast<double>(rows);
}

constexpr int64_t kCompany = 16;

}  // namespace

std::string Summary(const ModelInfo& info) {
  const Spec& spec = info.spec;
  std::string input = absl::StrFormat("features %d", spec.input_size);
  if (info.vocabulary_size > 0) {
    input = absl::StrFormat(
        "%s (V %d) -> %s %d",
        info.vocabulary ? Name(info.vocabulary->options().tokenizer)
                        : "token ids",
        info.vocabulary_size, info.one_hot ? "one-hot" : "embedding",
        spec.input_size);
  }
  std::string summary =
      absl::StrFormat("%s -> RNN(%s) %d x%d%s", input, Name(spec.nonlinearity),
                      spec.hidden_size, spec.num_layers,
                      spec.directions == 2 ? " bidirectional"
                      : spec.reverse       ? " backward"
                                           : "");
  if (info.head) {
    const auto& layers = info.head->layers;
    for (size_t i = 0; i + 1 < layers.size(); ++i) {
      absl::StrAppendFormat(&summary, " -> %s %d", Name(layers[i].activation),
                            layers[i].width);
    }
    summary +=
        absl::StrFormat(" -> %s %d %s", Name(info.head->activation()),
                        info.head->classes(), Name(info.head->applied_to));
  }
  return summary;
}

std::string Report(const ModelRegistry::Entry& entry) {
  std::string report =
      absl::StrFormat("%s version %d: ", entry.path.name, entry.path.version);
  if (entry.model == nullptr) {
    return report + "FAILED\n  " + entry.error.ToString() + "\n";
  }
  const ServedModel& model = *entry.model;
  absl::StrAppend(&report, "ok\n  ", Summary(model.info), "\n  fingerprint ",
                  model.info.fingerprint, "\n");
  for (const Fact& fact : model.info.facts) {
    absl::StrAppendFormat(&report, "  %-22s %s (%s)\n", fact.name, fact.value,
                          Name(fact.source));
  }
  for (const auto& [part, bytes] : model.network->MemoryBytes()) {
    absl::StrAppendFormat(&report, "  %-22s %d bytes\n", "memory: " + part,
                          bytes);
  }
  absl::StrAppendFormat(
      &report, "  %-22s about %.2g us alone, %.2g us among %d sequences\n",
      "cost of a step", StepMicroseconds(model, 1),
      StepMicroseconds(model, kCompany), kCompany);
  return report;
}

Json JsonReport(const ModelRegistry::Entry& entry) {
  Json json = {{"name", entry.path.name}, {"version", entry.path.version}};
  if (entry.model == nullptr) {
    json["error"] = entry.error.ToString();
    return json;
  }
  const ServedModel& model = *entry.model;
  json["summary"] = Summary(model.info);
  json["fingerprint"] = model.info.fingerprint;
  json["facts"] = Json::array();
  for (const Fact& fact : model.info.facts) {
    json["facts"].push_back({{"name", fact.name},
                             {"value", fact.value},
                             {"source", Name(fact.source)}});
  }
  json["memory_bytes"] = model.network->MemoryBytes();
  json["step_microseconds"] = {{"alone", StepMicroseconds(model, 1)},
                               {absl::StrFormat("among_%d", kCompany),
                                StepMicroseconds(model, kCompany)}};
  return json;
}

}  // namespace unroll
