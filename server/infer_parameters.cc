#include "server/infer_parameters.h"

#include <functional>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"

namespace unroll::server {
namespace {

using inference::InferParameter;

constexpr size_t kMaxSequenceId = 128;  // bytes

std::string_view KindOf(const InferParameter& parameter) {
  switch (parameter.parameter_choice_case()) {
    case InferParameter::kBoolParam:
      return "bool_param";
    case InferParameter::kInt64Param:
      return "int64_param";
    case InferParameter::kStringParam:
      return "string_param";
    case InferParameter::kDoubleParam:
      return "double_param";
    case InferParameter::kUint64Param:
      return "uint64_param";
    case InferParameter::PARAMETER_CHOICE_NOT_SET:
      break;
  }
  return "nothing";
}

absl::Status WrongKind(const InferParameter& parameter,
                       std::string_view expected) {
  return Invalid("%s, expected %s", KindOf(parameter), expected);
}

absl::Status ReadBool(const InferParameter& parameter, bool& value) {
  if (!parameter.has_bool_param()) return WrongKind(parameter, "bool_param");
  value = parameter.bool_param();
  return absl::OkStatus();
}

absl::Status ReadId(const InferParameter& parameter, InferParameters& read) {
  if (parameter.has_int64_param()) {
    const int64_t id = parameter.int64_param();
    if (id != 0) read.sequence_id = absl::StrCat(id);
    return absl::OkStatus();
  }
  if (!parameter.has_string_param()) {
    return WrongKind(parameter, "int64_param or string_param");
  }
  const std::string& id = parameter.string_param();
  if (id.size() > kMaxSequenceId) {
    return Invalid("%d bytes, expected at most %d", id.size(), kMaxSequenceId);
  }
  if (!id.empty()) read.sequence_id = absl::StrCat("\"", id, "\"");
  return absl::OkStatus();
}

absl::Status ReadStateToken(const InferParameter& parameter,
                            InferParameters& read) {
  if (parameter.has_bool_param()) {
    read.wants_token = parameter.bool_param();
    return absl::OkStatus();
  }
  if (!parameter.has_string_param()) {
    return WrongKind(parameter, "bool_param or string_param");
  }
  if (!absl::Base64Unescape(parameter.string_param(), &read.state_token)) {
    return Invalid("is not base64");
  }
  return absl::OkStatus();
}

absl::Status ReadPriority(const InferParameter& parameter,
                          InferParameters& read) {
  const bool is_signed = parameter.has_int64_param();
  if (!is_signed && !parameter.has_uint64_param()) {
    return WrongKind(parameter, "uint64_param or int64_param");
  }
  const int64_t level = is_signed ? parameter.int64_param() : 0;
  const uint64_t given =
      is_signed ? static_cast<uint64_t>(level) : parameter.uint64_param();
  if (level < 0 || given > kPriorityLevels) {
    return Invalid("%s, expected 1, the highest, to %d, or 0",
                   is_signed ? absl::StrCat(level) : absl::StrCat(given),
                   kPriorityLevels);
  }
  read.priority =
      given == 0 ? 0 : kHighestPriority + 1 - static_cast<int>(given);
  return absl::OkStatus();
}

absl::Status ReadTimeout(const InferParameter& parameter,
                         InferParameters& read) {
  if (!parameter.has_int64_param()) return WrongKind(parameter, "int64_param");
  const int64_t timeout = parameter.int64_param();
  if (timeout < 0) return Invalid("%d us, expected 0 or more", timeout);
  if (timeout > 0) read.timeout = absl::Microseconds(timeout);
  return absl::OkStatus();
}

using Reader =
    std::function<absl::Status(const InferParameter&, InferParameters&)>;

Reader BoolReader(bool InferParameters::*member) {
  return [member](const InferParameter& parameter, InferParameters& read) {
    return ReadBool(parameter, read.*member);
  };
}

const std::map<std::string_view, Reader>& Readers() {
  static const auto& readers = *new std::map<std::string_view, Reader>{
      {"sequence_id", ReadId},
      {"sequence_start", BoolReader(&InferParameters::sequence_start)},
      {"sequence_end", BoolReader(&InferParameters::sequence_end)},
      {"triton_enable_empty_final_response",
       BoolReader(&InferParameters::stepwise)},
      {"state_token", ReadStateToken},
      {"require_exact", BoolReader(&InferParameters::require_exact)},
      {"priority", ReadPriority},
      {"timeout", ReadTimeout},
  };
  return readers;
}

}  // namespace

absl::StatusOr<InferParameters> ReadInferParameters(
    const InferParameterMap& parameters) {
  InferParameters read;
  for (const auto& [name, parameter] : parameters) {
    const auto reader = Readers().find(name);
    absl::Status status;
    if (reader != Readers().end()) {
      status = reader->second(parameter, read);
    } else if (name.starts_with("triton_")) {
      status = Invalid("is not known");
    }
    if (!status.ok()) {
      return InvalidAt(absl::StrCat("parameter ", Quoted(name)), "%s",
                       status.message());
    }
  }
  if (read.sequence_id.empty() && (read.sequence_start || read.sequence_end)) {
    return Invalid(
        "parameter \"%s\": without a sequence_id other than 0 and \"\"",
        read.sequence_start ? "sequence_start" : "sequence_end");
  }
  return read;
}

absl::StatusOr<std::string> ReadSequenceId(
    const InferParameterMap& parameters) {
  InferParameters read;
  const auto found = parameters.find("sequence_id");
  if (found != parameters.end()) {
    RETURN_IF_ERROR(ReadId(found->second, read));
  }
  return read.sequence_id;
}

absl::StatusOr<int64_t> ReadClassification(
    const InferParameterMap& parameters) {
  const auto found = parameters.find("classification");
  if (found == parameters.end()) return 0;
  if (!found->second.has_int64_param()) {
    return Invalid("parameter \"classification\": %s, expected int64_param",
                   KindOf(found->second));
  }
  if (found->second.int64_param() < 1) {
    return Invalid("parameter \"classification\": %d, expected 1 or more",
                   found->second.int64_param());
  }
  return found->second.int64_param();
}

absl::Status RefuseSharedMemory(const InferParameterMap& parameters,
                                const std::string& where) {
  for (const auto& parameter : parameters) {
    if (parameter.first.starts_with("shared_memory_")) {
      return absl::UnimplementedError(absl::StrCat(
          where, ": shared memory is not served; send the tensor itself"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ReadVersion(const std::string& version) {
  if (version.empty()) return 0;
  int64_t number;
  if (!absl::SimpleAtoi(version, &number) || number < 1) {
    return Invalid(
        "model_version: %s, expected a whole number above 0, or \"\"",
        Quoted(version));
  }
  return number;
}

}  // namespace unroll::server
