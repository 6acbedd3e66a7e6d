#include "core/format/onnx_checks.h"

#include <onnx/checker.h>

#include <exception>
#include <optional>
#include <set>
#include <string>

#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/base/utf8.h"
#include "core/format/onnx_node.h"

namespace unroll {
namespace {

// Whose operations are known to mean what the handlers take them to mean.
constexpr int64_t kOldestOpset = 7;
constexpr int64_t kNewestOpset = 25;
constexpr int kMaxNodes = 4096;
constexpr int kMaxInitializers = 4096;
constexpr size_t kMaxNameBytes = 512;  // values keep copies

using Names = std::set<std::string, std::less<>>;

template <typename... Args>
absl::Status NotServed(std::string_view where,
                       const absl::FormatSpec<Args...>& format,
                       const Args&... args) {
  return absl::UnimplementedError(
      absl::StrFormat("%s: %s", where, absl::StrFormat(format, args...)));
}

// `what` is for messages: "input", "node", ...
absl::Status CheckName(std::string_view name, std::string_view what,
                       std::string_view where) {
  if (name.size() > kMaxNameBytes) {
    return InvalidAt(where, "%s %s: name of %d bytes, expected at most %d",
                     what, Quoted(name), name.size(), kMaxNameBytes);
  }
  if (const auto bad = FindInvalidUtf8(name)) {
    return InvalidAt(where, "%s %s: byte %d of its name is not UTF-8", what,
                     Quoted(name), *bad);
  }
  return absl::OkStatus();
}

// A name that stands for a value from here on.
absl::Status Declare(const std::string& name, std::string_view what,
                     std::string_view where, Names& names) {
  RETURN_IF_ERROR(CheckName(name, what, where));
  if (name.empty()) return InvalidAt(where, "%s without a name", what);
  if (!names.insert(name).second) {
    return InvalidAt(where, "%s %s: there is already a value of that name",
                     what, Quoted(name));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> FindOpset(const onnx::ModelProto& model,
                                  std::string_view where) {
  std::optional<int64_t> version;
  for (const auto& set : model.opset_import()) {
    if (!set.domain().empty() && set.domain() != "ai.onnx") continue;
    if (version && *version != set.version()) {
      return InvalidAt(where, "operation sets %d and %d, expected one",
                       *version, set.version());
    }
    version = set.version();
  }
  if (!version) return InvalidAt(where, "it does not say its operation set");
  if (*version < kOldestOpset || *version > kNewestOpset) {
    return NotServed(where, "operation set %d, expected %d to %d", *version,
                     kOldestOpset, kNewestOpset);
  }
  return *version;
}

absl::Status CheckNode(const onnx::NodeProto& node, std::string_view where,
                       Names& names) {
  RETURN_IF_ERROR(CheckName(node.name(), "node", where));
  RETURN_IF_ERROR(CheckName(node.op_type(), "operation", where));
  RETURN_IF_ERROR(CheckName(node.domain(), "domain", where));
  const std::string place = absl::StrFormat("%s: node %s (%s)", where,
                                            Quoted(node.name()), OpName(node));
  Names attributes;
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    RETURN_IF_ERROR(Declare(attribute.name(), "attribute", place, attributes));
  }
  for (const std::string& input : node.input()) {
    if (!input.empty() && !names.contains(input)) {
      return InvalidAt(place, "reads %s, which nothing before it makes",
                       Quoted(input));
    }
  }
  for (const std::string& output : node.output()) {
    if (!output.empty()) {
      RETURN_IF_ERROR(Declare(output, "output", place, names));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckMetadata(const onnx::ModelProto& model,
                           std::string_view where) {
  RETURN_IF_ERROR(CheckName(model.producer_name(), "producer", where));
  RETURN_IF_ERROR(CheckName(model.producer_version(), "version", where));
  Names keys;
  for (const auto& entry : model.metadata_props()) {
    RETURN_IF_ERROR(Declare(entry.key(), "metadata", where, keys));
    if (const auto bad = FindInvalidUtf8(entry.value())) {
      return InvalidAt(where, "metadata %s: byte %d of its value is not UTF-8",
                       Quoted(entry.key()), *bad);
    }
  }
  return absl::OkStatus();
}

absl::Status CheckParts(const onnx::ModelProto& model, std::string_view where) {
  const onnx::GraphProto& graph = model.graph();
  if (graph.node_size() > kMaxNodes ||
      graph.initializer_size() > kMaxInitializers) {
    return absl::ResourceExhaustedError(absl::StrFormat(
        "%s: %d nodes and %d initializers, expected at most %d and %d", where,
        graph.node_size(), graph.initializer_size(), kMaxNodes,
        kMaxInitializers));
  }
  if (model.functions_size() > 0) {
    return NotServed(where, "function %s: functions are not served",
                     Quoted(model.functions(0).name()));
  }
  if (graph.sparse_initializer_size() > 0) {
    return NotServed(where, "initializer %s is sparse, expected dense ones",
                     Quoted(graph.sparse_initializer(0).values().name()));
  }
  if (graph.output_size() == 0) return InvalidAt(where, "it has no outputs");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<int64_t> CheckOnnxGraph(const onnx::ModelProto& model,
                                       std::string_view where) {
  if (!model.has_graph()) {
    return InvalidAt(where, "it has no graph: no ONNX model");
  }
  ASSIGN_OR_RETURN(const int64_t opset, FindOpset(model, where));
  RETURN_IF_ERROR(CheckParts(model, where));
  RETURN_IF_ERROR(CheckMetadata(model, where));

  const onnx::GraphProto& graph = model.graph();
  Names names, inputs;
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    RETURN_IF_ERROR(Declare(tensor.name(), "initializer", where, names));
  }
  for (const onnx::ValueInfoProto& input : graph.input()) {
    // Initializers may be listed as inputs too.
    RETURN_IF_ERROR(Declare(input.name(), "input", where, inputs));
    names.insert(input.name());
  }
  for (const onnx::NodeProto& node : graph.node()) {
    RETURN_IF_ERROR(CheckNode(node, where, names));
  }
  Names outputs;
  for (const onnx::ValueInfoProto& output : graph.output()) {
    RETURN_IF_ERROR(Declare(output.name(), "output", where, outputs));
    if (!names.contains(output.name())) {
      return InvalidAt(where, "output %s: nothing makes it",
                       Quoted(output.name()));
    }
  }
  return opset;
}

absl::Status RunOnnxChecker(const onnx::ModelProto& model, int64_t opset,
                            std::string_view where) {
  const onnx::GraphProto& graph = model.graph();
  const onnx::NodeProto* checked = nullptr;
  try {
    const auto& versions =
        onnx::OpSchemaRegistry::DomainToVersionRange::Instance().Map();
    if (opset > versions.at("").second) return absl::OkStatus();
    onnx::checker::CheckerContext context;
    context.set_ir_version(static_cast<int>(model.ir_version()));
    context.set_opset_imports({{"", static_cast<int>(opset)}});
    context.set_is_main_graph(false);
    onnx::checker::LexicalScopeContext names;
    for (const auto& input : graph.input()) names.add(input.name());
    for (const auto& tensor : graph.initializer()) names.add(tensor.name());
    for (const onnx::NodeProto& node : graph.node()) {
      checked = &node;
      if (IsStandard(node)) onnx::checker::check_node(node, context, names);
      for (const std::string& output : node.output()) names.add(output);
    }
  } catch (const std::exception& error) {
    const std::string name = checked == nullptr ? "" : checked->name();
    return InvalidAt(where, "node %s: ONNX's checker: %s", Quoted(name),
                     Printable(error.what(), 500));
  }
  return absl::OkStatus();
}

}  // namespace unroll
