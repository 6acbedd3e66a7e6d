#include "server/metrics.h"

#include <dnnl_version.h>
#include <grpcpp/grpcpp.h>

#include "absl/strings/str_cat.h"
#include "server/version.h"

namespace unroll::server {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

const prometheus::Histogram::BucketBoundaries kSeconds = {
    50e-6, 100e-6, 200e-6, 300e-6, 500e-6, 750e-6, 1e-3,  1.5e-3,
    2e-3,  3e-3,   5e-3,   7.5e-3, 10e-3,  20e-3,  50e-3, 0.1,
    0.2,   0.5,    1,      2,      5,      10};
const prometheus::Histogram::BucketBoundaries kCounts = {
    1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 128, 256, 512, 1024, 4096, 16384};

prometheus::Family<prometheus::Histogram>& Histogram(
    prometheus::Registry& registry, const std::string& name,
    const std::string& help) {
  return prometheus::BuildHistogram().Name(name).Help(help).Register(registry);
}

prometheus::Family<prometheus::Counter>& Counter(prometheus::Registry& registry,
                                                 const std::string& name,
                                                 const std::string& help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry);
}

MetricFamily GaugeFamily(const std::string& name, const std::string& help) {
  return {.name = name, .help = help, .type = MetricType::Gauge, .metric = {}};
}

void AddGauge(MetricFamily& family, std::vector<ClientMetric::Label> labels,
              double value) {
  ClientMetric metric;
  metric.label = std::move(labels);
  metric.gauge.value = value;
  family.metric.push_back(std::move(metric));
}

std::string_view StateName(ModelRegistry::State state) {
  switch (state) {
    case ModelRegistry::State::kLoading:
      return "loading";
    case ModelRegistry::State::kReady:
      return "ready";
    case ModelRegistry::State::kFailed:
      return "failed";
  }
  return "";
}

}  // namespace

Metrics::Metrics(const std::vector<std::string>& models)
    : registry_(std::make_shared<prometheus::Registry>()),
      requests_(Counter(*registry_, "unroll_requests_total",
                        "gRPC calls that ended, by model, method and code")),
      request_duration_(
          Histogram(*registry_, "unroll_request_duration_seconds",
                    "Time of a gRPC call in the server, by model and method")),
      busy_(Counter(*registry_, "unroll_worker_busy_seconds_total",
                    "Time that workers spent in batches, of all together")
                .Add({})) {
  auto& refusals = Counter(*registry_, "unroll_refusals_total",
                           "gRPC calls that were refused or ended early, by "
                           "ErrorInfo's reason");
  for (const Reason reason : kReasons) {
    refusals_[reason] = &refusals.Add({{"reason", std::string(Name(reason))}});
  }
  auto& queue = Histogram(*registry_, "unroll_queue_seconds",
                          "Sequences: from admission to their first batch");
  auto& compute = Histogram(*registry_, "unroll_compute_seconds",
                            "Sequences: time in batches that ran their steps");
  auto& first_step = Histogram(*registry_, "unroll_first_step_seconds",
                               "Sequences: from admission to first results");
  auto& batch_sequences = Histogram(*registry_, "unroll_batch_sequences",
                                    "Sequences that share a batch");
  auto& batch_rows = Histogram(*registry_, "unroll_batch_rows",
                               "Rows of a batch: steps of all its sequences");
  auto& batch_steps =
      Histogram(*registry_, "unroll_batch_steps", "Time steps of a batch");
  auto& rows_per_step = Histogram(*registry_, "unroll_rows_per_step",
                                  "Rows of a time step, mean of a batch");
  auto& quantum = Histogram(*registry_, "unroll_quantum_seconds",
                            "How long a worker stays with a batch");
  auto& queue_age =
      Histogram(*registry_, "unroll_queue_age_seconds",
                "Sequences: each time from being ready to running");
  auto& step_gap = Histogram(*registry_, "unroll_step_gap_seconds",
                             "Sequences: between two deliveries of results");
  auto& joined = Counter(*registry_, "unroll_sequences_joined_total",
                         "Sequences that began to run");
  auto& expired = Counter(*registry_, "unroll_sequences_expired_total",
                          "Sequences that ended at a deadline or a timeout");
  auto& cancelled = Counter(*registry_, "unroll_sequences_cancelled_total",
                            "Sequences that were cancelled");
  auto& resumed = Counter(*registry_, "unroll_sequences_resumed_total",
                          "Sequences that went on from a given state");
  auto& steps = Counter(*registry_, "unroll_steps_total", "Time steps run");
  auto& batches = Counter(*registry_, "unroll_batches_total", "Batches run");
  auto& sequences = Counter(*registry_, "unroll_sequences_total",
                            "Sequences that ended, however");
  for (const std::string& name : models) {
    const prometheus::Labels labels = {{"model", name}};
    models_[name] = {.queue = &queue.Add(labels, kSeconds),
                     .compute = &compute.Add(labels, kSeconds),
                     .first_step = &first_step.Add(labels, kSeconds),
                     .batch_sequences = &batch_sequences.Add(labels, kCounts),
                     .batch_rows = &batch_rows.Add(labels, kCounts),
                     .batch_steps = &batch_steps.Add(labels, kCounts),
                     .rows_per_step = &rows_per_step.Add(labels, kCounts),
                     .quantum = &quantum.Add(labels, kSeconds),
                     .queue_age = &queue_age.Add(labels, kSeconds),
                     .step_gap = &step_gap.Add(labels, kSeconds),
                     .joined = &joined.Add(labels),
                     .expired = &expired.Add(labels),
                     .cancelled = &cancelled.Add(labels),
                     .resumed = &resumed.Add(labels),
                     .steps = &steps.Add(labels),
                     .batches = &batches.Add(labels),
                     .sequences = &sequences.Add(labels)};
  }
  prometheus::BuildGauge()
      .Name("unroll_build_info")
      .Help("Versions; always 1")
      .Register(*registry_)
      .Add({{"version", kVersion},
            {"onednn", absl::StrCat(DNNL_VERSION_MAJOR, ".", DNNL_VERSION_MINOR,
                                    ".", DNNL_VERSION_PATCH)},
            {"grpc", grpc::Version()}})
      .Set(1);
}

void Metrics::OnSequence(const SequenceRecord& record) {
  const auto model = models_.find(record.model);
  if (model == models_.end()) return;
  ModelMetrics& metrics = model->second;
  metrics.sequences->Increment();
  const auto reason = ReasonOf(record.status);
  if (record.status.code() == absl::StatusCode::kDeadlineExceeded ||
      reason == Reason::kExpired || reason == Reason::kSlowReader) {
    metrics.expired->Increment();
  } else if (record.status.code() == absl::StatusCode::kCancelled) {
    metrics.cancelled->Increment();
  }
  if (record.resumed) metrics.resumed->Increment();
  if (!record.started) return;
  model->second.queue->Observe(absl::ToDoubleSeconds(record.queue));
  model->second.compute->Observe(absl::ToDoubleSeconds(record.compute));
  if (record.first_step > absl::ZeroDuration()) {
    model->second.first_step->Observe(absl::ToDoubleSeconds(record.first_step));
  }
}

void Metrics::OnBatch(const BatchRecord& record) {
  const double elapsed = absl::ToDoubleSeconds(record.elapsed);
  busy_.Increment(elapsed);
  const auto model = models_.find(record.model);
  if (model == models_.end()) return;
  ModelMetrics& metrics = model->second;
  metrics.quantum->Observe(elapsed);
  if (record.rows == 0) return;
  const auto steps = static_cast<double>(record.steps);
  const auto rows = static_cast<double>(record.rows);
  metrics.batches->Increment();
  metrics.steps->Increment(rows);
  metrics.joined->Increment(static_cast<double>(record.joined));
  metrics.batch_sequences->Observe(static_cast<double>(record.sequences));
  metrics.batch_rows->Observe(rows);
  metrics.batch_steps->Observe(steps);
  metrics.rows_per_step->Observe(rows / steps);
  for (const absl::Duration age : record.queue_ages) {
    metrics.queue_age->Observe(absl::ToDoubleSeconds(age));
  }
  for (const absl::Duration gap : record.gaps) {
    metrics.step_gap->Observe(absl::ToDoubleSeconds(gap));
  }
}

void Metrics::OnRefusal(Reason reason) { refusals_.at(reason)->Increment(); }

void Metrics::OnRequest(std::string_view model, std::string_view method,
                        absl::StatusCode code, absl::Duration duration) {
  const auto known = models_.find(model);
  std::string_view label;
  if (known != models_.end()) label = known->first;
  RequestMetrics metrics;
  {
    MutexLock lock(mutex_);
    RequestMetrics& found = found_requests_[{label, method, code}];
    if (found.count == nullptr) found = FindRequest(label, method, code);
    metrics = found;
  }
  metrics.count->Increment();
  metrics.duration->Observe(absl::ToDoubleSeconds(duration));
}

Metrics::RequestMetrics Metrics::FindRequest(std::string_view model,
                                             std::string_view method,
                                             absl::StatusCode code) {
  prometheus::Labels labels = {{"model", std::string(model)},
                               {"method", std::string(method)}};
  prometheus::Histogram& duration = request_duration_.Add(labels, kSeconds);
  labels["code"] = absl::StatusCodeToString(code);
  return {&requests_.Add(labels), &duration};
}

std::vector<MetricFamily> ScrapedGauges::Collect() const {
  const RunQueue::Load load = scheduler_.load();
  std::vector<MetricFamily> all;
  const auto add = [&](const char* name, const char* help, int64_t value) {
    AddGauge(all.emplace_back(GaugeFamily(name, help)), {},
             static_cast<double>(value));
  };
  add("unroll_sequences_ready", "Sequences that could run now",
      load.ready + load.suspended);
  add("unroll_sequences_running", "Sequences in a batch now", load.running);
  add("unroll_sequences_paused", "Sequences that wait for their reader",
      load.paused);
  add("unroll_sequences_waiting",
      "Live sequences that wait for their client's next step", load.waiting);
  add("unroll_sequences_live", "Live sequences, whatever they do", load.live);
  add("unroll_state_bytes", "Memory of all sequences' states",
      load.state_bytes);
  const KeptSequences::Load kept = kept_sequences_.load();
  add("unroll_sequences_kept",
      "Sequences whose state is kept for their next request", kept.sequences);
  add("unroll_sequences_kept_bytes", "Memory of their states", kept.bytes);
  MetricFamily used = GaugeFamily("unroll_memory_used_bytes",
                                  "Memory that models and admitted calls hold, "
                                  "of unroll_memory_limit_bytes");
  AddGauge(used, {}, static_cast<double>(admission_.memory_used()));
  MetricFamily limit =
      GaugeFamily("unroll_memory_limit_bytes", "What --memory-limit came to");
  AddGauge(limit, {}, static_cast<double>(admission_.memory_limit()));

  MetricFamily ephemeral =
      GaugeFamily("unroll_state_key_ephemeral",
                  "1 without --state-key-file: state tokens end with the "
                  "process");
  AddGauge(ephemeral, {}, state_keys_.ephemeral());

  MetricFamily states = GaugeFamily(
      "unroll_model_state", "1 for the state that a model version is in");
  MetricFamily memory = GaugeFamily("unroll_model_memory_bytes",
                                    "Memory of a model version, by part");
  MetricFamily info =
      GaugeFamily("unroll_model_info", "How a model version is run; always 1");
  for (const ModelRegistry::Entry& entry : models_.List()) {
    const std::string version = absl::StrCat(entry.path.version);
    for (const auto state :
         {ModelRegistry::State::kLoading, ModelRegistry::State::kReady,
          ModelRegistry::State::kFailed}) {
      AddGauge(states,
               {{"model", entry.path.name},
                {"version", version},
                {"state", std::string(StateName(state))}},
               entry.state == state);
    }
    if (entry.model == nullptr) continue;
    const Network& network = *entry.model->network;
    AddGauge(info,
             {{"model", entry.path.name},
              {"version", version},
              {"kernel", std::string(Name(network.kernel()))},
              {"numerics", network.numerics()},
              {"exact", network.exact() ? "true" : "false"}},
             1);
    for (const auto& [part, bytes] : network.MemoryBytes()) {
      AddGauge(
          memory,
          {{"model", entry.path.name}, {"version", version}, {"part", part}},
          static_cast<double>(bytes));
    }
  }
  for (auto* family : {&used, &limit, &ephemeral, &states, &memory, &info})
    all.push_back(std::move(*family));
  return all;
}

}  // namespace unroll::server
