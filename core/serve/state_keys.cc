#include "core/serve/state_keys.h"

#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"

namespace unroll {
namespace {

// Numbers are written as they lie.
static_assert(std::endian::native == std::endian::little);

constexpr std::string_view kMagic = "uRst";
constexpr uint32_t kFormat = 1;
constexpr size_t kFormatAt = 4, kSizeAt = 8, kKeyAt = 12, kBodyAt = 20;
constexpr size_t kIdBytes = 8, kSignatureBytes = 32;
static_assert(kBodyAt + kSignatureBytes == StateKeys::kOverhead);
constexpr size_t kLeastKeyBytes = 32, kMostKeyBytes = 1024;

absl::StatusOr<std::string> Hmac(const std::string& key,
                                 std::string_view text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(),
           digest, &size) == nullptr) {
    return absl::InternalError("OpenSSL cannot compute HMAC-SHA256");
  }
  return std::string(reinterpret_cast<const char*>(digest), size);
}

uint32_t NumberAt(std::string_view token, size_t at) {
  uint32_t number;
  std::memcpy(&number, token.data() + at, sizeof(number));
  return number;
}

void AppendNumber(uint32_t number, std::string& token) {
  token.append(reinterpret_cast<const char*>(&number), sizeof(number));
}

absl::Status CutShort(size_t bytes, size_t expected) {
  return Invalid("cut short: %d bytes, expected %d", bytes, expected);
}

// What can be said without a key. Leaves a token of the size that it tells.
absl::Status CheckFrame(std::string_view token) {
  if (token.substr(0, kMagic.size()) != kMagic.substr(0, token.size())) {
    return Invalid("not a state token");
  }
  if (token.size() < kSizeAt) {
    return CutShort(token.size(), StateKeys::kOverhead);
  }
  if (const uint32_t format = NumberAt(token, kFormatAt); format != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("of format ", format, ", this server knows ", kFormat,
                     ": a newer server made it"));
  }
  if (token.size() < StateKeys::kOverhead) {
    return CutShort(token.size(), StateKeys::kOverhead);
  }
  const size_t expected = StateKeys::kOverhead + NumberAt(token, kSizeAt);
  if (token.size() < expected) return CutShort(token.size(), expected);
  if (token.size() > expected) {
    return Invalid("%d bytes, expected %d: something was added", token.size(),
                   expected);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status StateKeys::Add(std::string secret) {
  ASSIGN_OR_RETURN(std::string id, Hmac(secret, "unroll state key"));
  id.resize(kIdBytes);
  keys_.push_back({std::move(secret), std::move(id)});
  return absl::OkStatus();
}

absl::StatusOr<StateKeys> StateKeys::Parse(std::string_view text,
                                           std::string_view where) {
  StateKeys keys;
  int number = 0;
  for (absl::string_view line :
       absl::StrSplit(absl::string_view(text.data(), text.size()), '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || line[0] == '#') continue;
    std::string secret;
    if (!absl::Base64Unescape(line, &secret)) {
      return InvalidAt(where, "line %d: not base64", number);
    }
    if (secret.size() < kLeastKeyBytes || secret.size() > kMostKeyBytes) {
      return InvalidAt(where,
                       "line %d: a key of %d bytes, expected %d to %d, in "
                       "base64",
                       number, secret.size(), kLeastKeyBytes, kMostKeyBytes);
    }
    RETURN_IF_ERROR(keys.Add(std::move(secret)));
  }
  if (keys.keys_.empty()) {
    return InvalidAt(where, "no key, expected one a line or more");
  }
  return keys;
}

absl::StatusOr<StateKeys> StateKeys::Random() {
  std::string secret(kLeastKeyBytes, '\0');
  if (RAND_bytes(reinterpret_cast<unsigned char*>(secret.data()),
                 static_cast<int>(secret.size())) != 1) {
    return absl::InternalError("OpenSSL has no random bytes");
  }
  StateKeys keys;
  RETURN_IF_ERROR(keys.Add(std::move(secret)));
  return keys;
}

absl::StatusOr<std::string> StateKeys::Sign(std::string_view body) const {
  const Key& key = keys_.front();
  std::string token(kMagic);
  token.reserve(kOverhead + body.size());
  AppendNumber(kFormat, token);
  AppendNumber(static_cast<uint32_t>(body.size()), token);
  token += key.id;
  token += body;
  ASSIGN_OR_RETURN(const std::string signature, Hmac(key.secret, token));
  token += signature;
  return token;
}

absl::StatusOr<std::string_view> StateKeys::Verify(
    std::string_view token) const {
  RETURN_IF_ERROR(CheckFrame(token));
  const std::string_view id = token.substr(kKeyAt, kIdBytes);
  const auto key = std::find_if(keys_.begin(), keys_.end(),
                                [&](const Key& k) { return k.id == id; });
  if (key == keys_.end()) {
    return absl::FailedPreconditionError(
        "signed with a key that this server does not have: servers that share "
        "tokens need the same state keys");
  }
  const size_t end = token.size() - kSignatureBytes;
  ASSIGN_OR_RETURN(const std::string signature,
                   Hmac(key->secret, token.substr(0, end)));
  if (CRYPTO_memcmp(signature.data(), token.data() + end, kSignatureBytes) !=
      0) {
    return Invalid("changed since it was made: its signature does not match");
  }
  return token.substr(kBodyAt, end - kBodyAt);
}

}  // namespace unroll
