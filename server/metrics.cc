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
                    "Time of a gRPC call in the server, by model and method")) {
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
  model->second.sequences->Increment();
  if (!record.started) return;
  model->second.queue->Observe(absl::ToDoubleSeconds(record.queue));
  model->second.compute->Observe(absl::ToDoubleSeconds(record.compute));
  if (record.first_step > absl::ZeroDuration()) {
    model->second.first_step->Observe(absl::ToDoubleSeconds(record.first_step));
  }
}

void Metrics::OnBatch(const BatchRecord& record) {
  const auto model = models_.find(record.model);
  if (model == models_.end()) return;
  model->second.batches->Increment();
  model->second.steps->Increment(static_cast<double>(record.rows));
  model->second.batch_sequences->Observe(static_cast<double>(record.sequences));
  model->second.batch_rows->Observe(static_cast<double>(record.rows));
}

void Metrics::OnRequest(std::string_view model, std::string_view method,
                        absl::StatusCode code, absl::Duration duration) {
  const auto known = models_.find(model);
  const std::string label = known == models_.end() ? "" : known->first;
  requests_
      .Add({{"model", label},
            {"method", std::string(method)},
            {"code", absl::StatusCodeToString(code)}})
      .Increment();
  request_duration_
      .Add({{"model", label}, {"method", std::string(method)}}, kSeconds)
      .Observe(absl::ToDoubleSeconds(duration));
}

std::vector<MetricFamily> ScrapedGauges::Collect() const {
  const Scheduler::Load load = scheduler_.load();
  MetricFamily waiting =
      GaugeFamily("unroll_sequences_waiting", "Sequences waiting to run");
  AddGauge(waiting, {}, static_cast<double>(load.waiting));
  MetricFamily running =
      GaugeFamily("unroll_sequences_running", "Sequences in a batch now");
  AddGauge(running, {}, static_cast<double>(load.running));
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
  return {waiting, running, used, limit, ephemeral, states, memory, info};
}

}  // namespace unroll::server
