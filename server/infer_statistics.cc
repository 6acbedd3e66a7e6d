#include "server/infer_statistics.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace unroll::server {
namespace {

void Add(absl::Duration time, inference::StatisticDuration& sum) {
  sum.set_count(sum.count() + 1);
  sum.set_ns(sum.ns() + std::max<int64_t>(0, absl::ToInt64Nanoseconds(time)));
}

}  // namespace

void InferStatistics::OnRequest(const ModelInfo& model,
                                const Request& request) {
  MutexLock lock(mutex_);
  inference::ModelStatistics& sums = models_[{model.name, model.version}];
  inference::InferStatistics& times = *sums.mutable_inference_stats();
  if (!request.status.ok()) return Add(request.total, *times.mutable_fail());
  Add(request.total, *times.mutable_success());
  Add(request.input, *times.mutable_compute_input());
  Add(request.queue, *times.mutable_queue());
  Add(request.compute, *times.mutable_compute_infer());
  Add(request.total - request.input - request.queue - request.compute,
      *times.mutable_compute_output());
  sums.set_last_inference(absl::ToUnixMillis(absl::Now()));
  sums.set_inference_count(sums.inference_count() + request.sequences);
  sums.set_execution_count(sums.execution_count() + 1);
}

inference::ModelStatistics InferStatistics::Of(const std::string& model,
                                               int64_t version) const {
  inference::ModelStatistics statistics;
  {
    MutexLock lock(mutex_);
    const auto found = models_.find({model, version});
    if (found != models_.end()) statistics = found->second;
  }
  statistics.set_name(model);
  statistics.set_version(absl::StrCat(version));
  return statistics;
}

}  // namespace unroll::server
