#include "client/command/parse.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "client/array.h"
#include "client/command/json.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

absl::Status Invalid(const std::string& message) {
  return absl::InvalidArgumentError(message);
}

}  // namespace

absl::StatusOr<absl::Duration> ParseTimeout(const std::string& text) {
  absl::Duration timeout;
  if (!absl::ParseDuration(text, &timeout) || timeout <= absl::ZeroDuration()) {
    return Invalid(absl::StrFormat(
        "\"%s\", expected a time such as 500ms, 10s, 1m30s or inf", text));
  }
  return timeout;
}

absl::Status ParseSteps(const std::string& text, v1::Outputs& outputs) {
  if (text == "all") {
    outputs.mutable_all();
    return absl::OkStatus();
  }
  if (text == "last") {
    outputs.mutable_last();
    return absl::OkStatus();
  }
  if (text == "blanks") {
    outputs.mutable_blanks();
    return absl::OkStatus();
  }
  int64_t least = 0;
  for (absl::string_view item : absl::StrSplit(text, ',')) {
    int64_t step = 0;
    if (!absl::SimpleAtoi(item, &step) || step < least) {
      return Invalid(
          absl::StrFormat("\"%s\" in \"%s\", expected all, last, blanks, or "
                          "increasing step numbers "
                          "such as 0,3,7",
                          item, text));
    }
    outputs.mutable_indices()->add_indices(step);
    least = step + 1;
  }
  return absl::OkStatus();
}

absl::Status ParseResults(const std::string& text, v1::Outputs& outputs) {
  static constexpr std::pair<std::string_view, v1::Result> kResults[] = {
      {"hidden", v1::HIDDEN}, {"h_n", v1::FINAL_STATE}, {"scores", v1::SCORES}};
  ASSIGN_OR_RETURN(const std::vector<std::string> items, ParseList(text));
  for (const std::string& item : items) {
    const auto known =
        std::find_if(std::begin(kResults), std::end(kResults),
                     [&](const auto& result) { return result.first == item; });
    if (known == std::end(kResults)) {
      return Invalid(
          absl::StrFormat("\"%s\", expected some of hidden,h_n,scores", item));
    }
    outputs.add_results(known->second);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> ParseList(const std::string& text) {
  std::vector<std::string> items = absl::StrSplit(text, ',');
  if (std::find(items.begin(), items.end(), "") != items.end()) {
    return Invalid(absl::StrFormat(
        "\"%s\" has an empty item, expected a list such as a,b,c", text));
  }
  return items;
}

v1::Candidate ToCandidate(const std::string& item, const v1::Head& head) {
  v1::Candidate candidate;
  const bool is_label = std::find(head.labels().begin(), head.labels().end(),
                                  item) != head.labels().end();
  int64_t index = 0;
  if (!is_label && absl::SimpleAtoi(item, &index)) {
    candidate.set_class_(index);
  } else {
    candidate.set_label(item);
  }
  return candidate;
}

absl::StatusOr<std::vector<int64_t>> ParseTokenIds(const std::string& line) {
  std::vector<int64_t> ids;
  for (absl::string_view item :
       absl::StrSplit(line, absl::ByAnyChar(" \t\r"), absl::SkipEmpty())) {
    int64_t id = 0;
    if (!absl::SimpleAtoi(item, &id)) {
      return Invalid(absl::StrFormat(
          "\"%s\", expected token ids separated by spaces", item));
    }
    ids.push_back(id);
  }
  if (ids.empty()) return Invalid("no token ids, expected one or more");
  return ids;
}

namespace {

// Json holds float32 and takes numbers past it for bad JSON. Says which it is.
absl::Status CheckRange(const std::string& line) {
  const auto rows =
      nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
  for (size_t t = 0; rows.is_array() && t < rows.size(); ++t) {
    for (size_t i = 0; rows[t].is_array() && i < rows[t].size(); ++i) {
      const auto& number = rows[t][i];
      if (!number.is_number() || ToFloat(number.get<double>())) continue;
      return Invalid(
          absl::StrFormat("row %d, number %d is %g, past float32's range", t, i,
                          number.get<double>()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Tensor> ParseRows(const std::string& line) {
  const Json rows = Json::parse(line, nullptr, /*allow_exceptions=*/false);
  if (rows.is_discarded()) RETURN_IF_ERROR(CheckRange(line));
  if (!rows.is_array() || rows.empty() || !rows[0].is_array()) {
    return Invalid(
        "expected a JSON array of rows of numbers such as [[0.5, 1], [2, 3]]");
  }
  Array array;
  for (size_t t = 0; t < rows.size(); ++t) {
    if (!rows[t].is_array() || rows[t].size() != rows[0].size()) {
      return Invalid(
          absl::StrFormat("row %d, expected an array of %d numbers like row 0",
                          t, rows[0].size()));
    }
    for (const Json& number : rows[t]) {
      if (!number.is_number()) {
        return Invalid(
            absl::StrFormat("row %d, expected numbers and nothing else", t));
      }
      array.values.push_back(number.get<float>());
    }
  }
  array.shape = {std::ssize(rows), std::ssize(rows[0])};
  return ToTensor(array);
}

}  // namespace unroll::client
