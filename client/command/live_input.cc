#include "client/command/live_input.h"

#include <algorithm>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "client/command/keyboard.h"
#include "client/command/outputs.h"
#include "client/command/parse.h"
#include "client/status_macros.h"

namespace unroll::client {
namespace {

bool ReadsWords(const v1::GetModelResponse& model) {
  return std::any_of(
      model.facts().begin(), model.facts().end(), [](const v1::Fact& fact) {
        return fact.name() == "tokenizer" && fact.value() == "words";
      });
}

bool BeginsCodePoint(char byte) {
  return (static_cast<unsigned char>(byte) & 0xc0) != 0x80;
}

}  // namespace

LiveInput::LiveInput(const v1::GetModelResponse& model, std::istream& in,
                     std::function<void(char)> on_key)
    : model_(model),
      words_(ReadsWords(model)),
      in_(in),
      on_key_(std::move(on_key)) {}

absl::StatusOr<std::optional<LiveInput::Piece>> LiveInput::Next() {
  if (!model_.takes_text()) return Line();
  const std::string text = words_ ? Word() : Character();
  if (text.empty()) return std::nullopt;
  Piece piece;
  piece.shown = TextPieces(text, model_);
  if (piece.shown.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the input is not UTF-8 near its end"));
  }
  piece.request.set_text(text);
  return piece;
}

// But for control characters other than white space.
std::optional<char> LiveInput::Key() {
  char key;
  while (in_.get(key)) {
    if (IsEndKey(key)) return std::nullopt;
    if (absl::ascii_iscntrl(key) && !absl::ascii_isspace(key)) continue;
    on_key_(key);
    return key;
  }
  return std::nullopt;
}

std::string LiveInput::Character() {
  std::optional<char> key = Key();
  while (key == '\n' || key == '\r') key = Key();
  std::string text;
  if (!key) return text;
  text += *key;
  const auto lead = static_cast<unsigned char>(*key);
  const size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  while (text.size() < length && in_.peek() != EOF &&
         !BeginsCodePoint(static_cast<char>(in_.peek()))) {
    text += *Key();
  }
  return text;
}

std::string LiveInput::Word() {
  std::string text;
  while (const auto key = Key()) {
    if (!absl::ascii_isspace(*key)) {
      text += *key;
    } else if (text == "[" && *key == ' ') {
      text += *key;  // maybe of "[ ]"
    } else if (!text.empty()) {
      break;
    }
  }
  return text;
}

absl::StatusOr<std::optional<LiveInput::Piece>> LiveInput::Line() {
  std::string line;
  if (!std::getline(in_, line)) return std::nullopt;
  ++lines_;
  const auto prefixed = [&](const absl::Status& status) {
    return absl::InvalidArgumentError(
        absl::StrCat("line ", lines_, ": ", std::string(status.message())));
  };
  Piece piece;
  if (model_.vocabulary_size() > 0) {
    const auto ids = ParseTokenIds(line);
    if (!ids.ok()) return prefixed(ids.status());
    for (const int64_t id : *ids) {
      piece.request.mutable_token_ids()->add_ids(id);
      piece.shown.push_back(absl::StrCat(id));
    }
  } else {
    auto rows = ParseRows(line);
    if (!rows.ok()) return prefixed(rows.status());
    *piece.request.mutable_features() = *std::move(rows);
  }
  return piece;
}

}  // namespace unroll::client
