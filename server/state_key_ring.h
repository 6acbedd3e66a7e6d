#ifndef UNROLL_SERVER_STATE_KEY_RING_H_
#define UNROLL_SERVER_STATE_KEY_RING_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/serve/state_keys.h"

namespace unroll::server {

// The keys that state tokens are signed with now: those of a file, which can be
// read again, or, without one, a key that goes with the process. Thread-safe.
class StateKeyRing {
 public:
  // `path` "": a key of its own. The codes of ReadFile and StateKeys::Parse.
  static absl::StatusOr<std::unique_ptr<StateKeyRing>> Open(
      const std::string& path);

  // Reads the file again; on an error the keys stay what they were. Does
  // nothing without a file.
  absl::Status Reload();

  std::shared_ptr<const StateKeys> Current() const;
  bool ephemeral() const { return path_.empty(); }
  const std::string& path() const { return path_; }

 private:
  StateKeyRing(std::string path, StateKeys keys);

  const std::string path_;
  mutable Mutex mutex_;
  // Shared with who uses it while it is replaced.
  std::shared_ptr<const StateKeys> keys_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_STATE_KEY_RING_H_
