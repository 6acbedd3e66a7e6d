#ifndef UNROLL_SERVER_DURATION_H_
#define UNROLL_SERVER_DURATION_H_

#include <cstdint>

#include "absl/time/time.h"
#include "google/protobuf/duration.pb.h"

namespace unroll::server {

inline void SetDuration(absl::Duration from, google::protobuf::Duration& to) {
  to.set_seconds(absl::IDivDuration(from, absl::Seconds(1), &from));
  to.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(from)));
}

}  // namespace unroll::server

#endif  // UNROLL_SERVER_DURATION_H_
