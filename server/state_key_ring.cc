#include "server/state_key_ring.h"

#include <utility>

#include "core/base/files.h"
#include "core/base/status_macros.h"

namespace unroll::server {
namespace {

constexpr int64_t kMaxFileBytes = 1 << 20;

absl::StatusOr<StateKeys> ReadKeys(const std::string& path) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxFileBytes));
  return StateKeys::Parse(text, path);
}

}  // namespace

StateKeyRing::StateKeyRing(std::string path, StateKeys keys)
    : path_(std::move(path)),
      keys_(std::make_shared<const StateKeys>(std::move(keys))) {}

absl::StatusOr<std::unique_ptr<StateKeyRing>> StateKeyRing::Open(
    const std::string& path) {
  ASSIGN_OR_RETURN(StateKeys keys,
                   path.empty() ? StateKeys::Random() : ReadKeys(path));
  return std::unique_ptr<StateKeyRing>(new StateKeyRing(path, std::move(keys)));
}

absl::Status StateKeyRing::Reload() {
  if (ephemeral()) return absl::OkStatus();
  ASSIGN_OR_RETURN(StateKeys keys, ReadKeys(path_));
  auto replacement = std::make_shared<const StateKeys>(std::move(keys));
  MutexLock lock(mutex_);
  keys_ = std::move(replacement);
  return absl::OkStatus();
}

std::shared_ptr<const StateKeys> StateKeyRing::Current() const {
  MutexLock lock(mutex_);
  return keys_;
}

}  // namespace unroll::server
