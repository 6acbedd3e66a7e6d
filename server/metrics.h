#ifndef UNROLL_SERVER_METRICS_H_
#define UNROLL_SERVER_METRICS_H_

#include <prometheus/collectable.h>
#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/base/mutex.h"
#include "core/serve/admission.h"
#include "core/serve/kept_sequences.h"
#include "core/serve/model_registry.h"
#include "core/serve/observer.h"
#include "core/serve/reason.h"
#include "core/serve/scheduler.h"
#include "server/state_key_ring.h"

namespace unroll::server {

// All metrics; README.md lists them. The number of series is bounded by the
// models, methods and status codes there are: what a caller makes up (the name
// of a model that does not exist) never becomes a label. Thread-safe.
class Metrics final : public Observer {
 public:
  // `models`: the names that may appear as a label.
  explicit Metrics(const std::vector<std::string>& models);

  void OnSequence(const SequenceRecord& record) override;
  void OnBatch(const BatchRecord& record) override;

  // One gRPC call of `method`, a constant such as "Predict". `model` is what
  // the caller named.
  void OnRequest(std::string_view model, std::string_view method,
                 absl::StatusCode code, absl::Duration duration);

  // A call that was refused or ended for a reason.
  void OnRefusal(Reason reason);

  std::shared_ptr<prometheus::Registry> registry() const { return registry_; }

 private:
  struct ModelMetrics {
    prometheus::Histogram* queue;
    prometheus::Histogram* compute;
    prometheus::Histogram* first_step;
    prometheus::Histogram* batch_sequences;
    prometheus::Histogram* batch_rows;
    prometheus::Histogram* batch_steps;
    prometheus::Histogram* rows_per_step;
    prometheus::Histogram* quantum;
    prometheus::Histogram* queue_age;
    prometheus::Histogram* step_gap;
    prometheus::Counter* joined;
    prometheus::Counter* expired;
    prometheus::Counter* cancelled;
    prometheus::Counter* resumed;
    prometheus::Counter* steps;
    prometheus::Counter* batches;
    prometheus::Counter* sequences;
  };

  struct RequestMetrics {
    prometheus::Counter* count = nullptr;
    prometheus::Histogram* duration = nullptr;
  };
  RequestMetrics FindRequest(std::string_view model, std::string_view method,
                             absl::StatusCode code);

  // Constant after construction.
  std::shared_ptr<prometheus::Registry> registry_;  // shared with the exposer
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Histogram>& request_duration_;
  prometheus::Counter& busy_;
  std::map<Reason, prometheus::Counter*> refusals_;
  std::map<std::string, ModelMetrics, std::less<>> models_;

  Mutex mutex_;
  // By model (of models_, or ""), method and code: a family's Add, which would
  // find them too, takes microseconds.
  std::map<std::tuple<std::string_view, std::string_view, absl::StatusCode>,
           RequestMetrics>
      found_requests_ ABSL_GUARDED_BY(mutex_);
};

// Gauges that are read when scraped. What it reads must outlive the exposer.
class ScrapedGauges final : public prometheus::Collectable {
 public:
  ScrapedGauges(const Scheduler& scheduler, KeptSequences& kept_sequences,
                const ModelRegistry& models, const Admission& admission,
                const StateKeyRing& state_keys)
      : scheduler_(scheduler),
        kept_sequences_(kept_sequences),
        models_(models),
        admission_(admission),
        state_keys_(state_keys) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const Scheduler& scheduler_;
  KeptSequences& kept_sequences_;  // forgets some when asked
  const ModelRegistry& models_;
  const Admission& admission_;
  const StateKeyRing& state_keys_;
};

}  // namespace unroll::server

#endif  // UNROLL_SERVER_METRICS_H_
