#include "client/command/json.h"

#include <map>

#include "client/array.h"
#include "client/command/time.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

// The part of an array that begins at `values` and has `shape`; takes its
// values off the front.
Json Nested(std::span<const int64_t> shape, std::span<const float>& values) {
  if (shape.empty()) {
    const float value = values.front();
    values = values.subspan(1);
    return value;
  }
  Json array = Json::array();
  for (int64_t i = 0; i < shape[0]; ++i) {
    array.push_back(Nested(shape.subspan(1), values));
  }
  return array;
}

// A map's entries in the order of their keys.
template <typename Map>
Json Sorted(const Map& map) {
  Json object = Json::object();
  for (const auto& [key, value] : std::map(map.begin(), map.end())) {
    object[key] = value;
  }
  return object;
}

}  // namespace

std::string ToLine(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json ToJson(const v1::ModelStatus& model) {
  return {{"name", model.name()},
          {"version", model.version()},
          {"state", v1::ModelState_Name(model.state())},
          {"error", model.error()},
          {"is_default", model.is_default()},
          {"summary", model.summary()}};
}

Json ToJson(const v1::GetModelResponse& model) {
  const v1::Spec& spec = model.spec();
  Json json = {{"name", model.name()},
               {"version", model.version()},
               {"fingerprint", model.fingerprint()},
               {"spec",
                {{"cell", spec.cell()},
                 {"input_size", spec.input_size()},
                 {"hidden_size", spec.hidden_size()},
                 {"num_layers", spec.num_layers()},
                 {"directions", spec.directions()},
                 {"nonlinearity", spec.nonlinearity()},
                 {"bias", spec.bias()},
                 {"reverse", spec.reverse()}}},
               {"vocabulary_size", model.vocabulary_size()},
               {"takes_text", model.takes_text()}};
  if (model.has_head()) {
    const v1::Head& head = model.head();
    json["head"] = {{"classes", head.classes()},
                    {"activation", head.activation()},
                    {"applied_to", head.applied_to()}};
    json["head"]["inner_layers"] = Json::array();
    for (const v1::Head::Layer& layer : head.inner_layers()) {
      json["head"]["inner_layers"].push_back(
          {{"width", layer.width()}, {"activation", layer.activation()}});
    }
    json["head"]["labels"] = Json::array();
    for (const std::string& label : head.labels()) {
      json["head"]["labels"].push_back(label);
    }
  }
  json["incremental"] = model.incremental();
  json["facts"] = Json::array();
  for (const v1::Fact& fact : model.facts()) {
    json["facts"].push_back({{"name", fact.name()},
                             {"value", fact.value()},
                             {"source", v1::Fact::Source_Name(fact.source())}});
  }
  json["kernel"] = model.kernel();
  json["exact"] = model.exact();
  json["numerics"] = model.numerics();
  json["memory_bytes"] = Sorted(model.memory_bytes());
  json["metadata"] = Sorted(model.metadata());
  return json;
}

Json ToJson(const v1::TopK& top) {
  Json classes = Json::array();
  for (const v1::ScoredClass& scored : top.classes()) {
    classes.push_back({{"class", scored.class_()},
                       {"label", scored.label()},
                       {"score", scored.score()}});
  }
  return classes;
}

Json ToJson(const v1::Timing& timing) {
  return {{"queue_seconds", static_cast<float>(Seconds(timing.queue()))},
          {"compute_seconds", static_cast<float>(Seconds(timing.compute()))}};
}

absl::StatusOr<Json> ToJson(const v1::Tensor& tensor) {
  ASSIGN_OR_RETURN(const Array array, ToArray(tensor));
  // A dimension beside a 0 can be of any size: no loop over it.
  if (array.values.empty()) return Json::array();
  std::span<const float> values = array.values;
  return Nested(array.shape, values);
}

absl::Status AddFinalState(const v1::State& state, Json& object) {
  for (const auto& [name, tensor] : state.tensors()) {
    ASSIGN_OR_RETURN(object[name + "_n"], ToJson(tensor));
  }
  return absl::OkStatus();
}

absl::Status AddResult(const v1::SequenceResult& result, bool scores_once,
                       Json& object) {
  if (result.token_ids_size() > 0) {
    object["token_ids"] = std::vector<int64_t>(result.token_ids().begin(),
                                               result.token_ids().end());
  }
  if (result.has_hidden()) {
    ASSIGN_OR_RETURN(object["hidden"], ToJson(result.hidden()));
  }
  RETURN_IF_ERROR(AddFinalState(result.final_state(), object));
  if (result.steps_done() > 0) object["steps_done"] = result.steps_done();
  if (result.has_exact()) object["exact"] = result.exact();
  if (result.has_scores()) {
    ASSIGN_OR_RETURN(object["scores"], ToJson(result.scores()));
  }
  if (result.top_size() == 0) return absl::OkStatus();
  if (scores_once) {
    object["top"] = ToJson(result.top(0));
    return absl::OkStatus();
  }
  object["top"] = Json::array();
  for (const v1::TopK& top : result.top()) {
    object["top"].push_back(ToJson(top));
  }
  return absl::OkStatus();
}

}  // namespace unroll::client
