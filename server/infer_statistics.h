#ifndef UNROLL_SERVER_INFER_STATISTICS_H_
#define UNROLL_SERVER_INFER_STATISTICS_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/mutex.h"
#include "core/model/model.h"
#include "inference/grpc_service.pb.h"

namespace unroll::server {

// What ModelStatistics tells, by model and version. Thread-safe.
class InferStatistics {
 public:
  // One request, once it has ended. Its parts add up to no more than `total`.
  struct Request {
    absl::Status status;
    int64_t sequences = 0;
    absl::Duration total;
    absl::Duration input;  // until it was submitted
    absl::Duration queue;
    absl::Duration compute;
  };
  void OnRequest(const ModelInfo& model, const Request& request);

  // Zeros for a model that has had no requests.
  inference::ModelStatistics Of(const std::string& model,
                                int64_t version) const;

 private:
  mutable Mutex mutex_;
  std::map<std::pair<std::string, int64_t>, inference::ModelStatistics> models_
      ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_INFER_STATISTICS_H_
