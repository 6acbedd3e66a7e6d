#ifndef UNROLL_CORE_SERVE_ADMISSION_H_
#define UNROLL_CORE_SERVE_ADMISSION_H_

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/base/mutex.h"

namespace unroll {

// Refuses work that the server has no memory or time for, before anything is
// taken. Thread-safe; never blocks.
class Admission {
 public:
  struct Options {
    int64_t memory_limit = 0;       // bytes, for models and calls together
    absl::Duration max_queue_time;  // a longer predicted wait is refused
  };
  explicit Admission(const Options& options) : options_(options) {}

  // Memory that is held until the ticket goes.
  class Ticket {
   public:
    Ticket() = default;
    Ticket(Ticket&& other) noexcept { *this = std::move(other); }
    Ticket& operator=(Ticket&& other) noexcept;
    ~Ticket();

    // Makes it pay for more. RESOURCE_EXHAUSTED: not so much is left; it stays
    // as it was. REQUIRES: it came from Admit.
    absl::Status Extend(int64_t bytes);

   private:
    friend class Admission;
    Ticket(Admission* admission, int64_t bytes)
        : admission_(admission), bytes_(bytes) {}
    Admission* admission_ = nullptr;
    int64_t bytes_ = 0;
  };

  // RESOURCE_EXHAUSTED (QUEUE_TOO_LONG, with a retry delay): the wait passes
  // max_queue_time, or what the caller has left.
  absl::Status CheckWait(absl::Duration predicted_wait,
                         absl::Duration time_left) const;

  // Memory for a model or a call. RESOURCE_EXHAUSTED (OUT_OF_MEMORY, with a
  // retry delay if it can ever be): not so much is left.
  absl::StatusOr<Ticket> Admit(int64_t bytes);

  int64_t memory_used() const;
  int64_t memory_limit() const { return options_.memory_limit; }

 private:
  absl::Status Take(int64_t bytes);

  const Options options_;
  mutable Mutex mutex_;
  int64_t used_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_ADMISSION_H_
