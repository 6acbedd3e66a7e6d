#ifndef UNROLL_CORE_SERVE_BACKLOG_H_
#define UNROLL_CORE_SERVE_BACKLOG_H_

#include <cstdint>

#include "absl/time/time.h"

namespace unroll {

// The estimated compute ahead of a newcomer. Sequences that can be joined at
// any step (`incremental`) count once they fill a batch: before that a newcomer
// joins them. Not thread-safe.
class Backlog {
 public:
  // A sequence with so much work left came, or went on after a pause.
  void Add(bool incremental, absl::Duration work) {
    Part& part = PartOf(incremental);
    ++part.sequences;
    part.work += work;
  }
  // Some of a sequence's work was done.
  void Progress(bool incremental, absl::Duration work) {
    PartOf(incremental).work -= work;
  }
  // A sequence with so much work left ended or paused.
  void Remove(bool incremental, absl::Duration work) {
    Part& part = PartOf(incremental);
    part.work -= work;
    if (--part.sequences == 0) part.work = absl::ZeroDuration();  // rounding
  }

  absl::Duration Ahead(int64_t max_batch_rows) const {
    return incremental_.sequences < max_batch_rows
               ? whole_.work
               : whole_.work + incremental_.work;
  }

 private:
  struct Part {
    int64_t sequences = 0;
    absl::Duration work;
  };
  Part& PartOf(bool incremental) { return incremental ? incremental_ : whole_; }

  Part whole_, incremental_;
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_BACKLOG_H_
