#include "server/app.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <prometheus/exposer.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <initializer_list>
#include <set>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "core/base/clock.h"
#include "core/base/status_macros.h"
#include "core/load/repository.h"
#include "core/serve/admission.h"
#include "core/serve/model_registry.h"
#include "core/serve/report.h"
#include "core/serve/scheduler.h"
#include "server/call.h"
#include "server/describe.h"
#include "server/infer_service.h"
#include "server/machine.h"
#include "server/metrics.h"
#include "server/services.h"
#include "server/state_key_ring.h"
#include "server/unserved_calls.h"
#include "server/version.h"

namespace unroll::server {
namespace {

// Answers on their way get at least this long, whatever --drain-timeout says.
constexpr absl::Duration kLeastFlushTime = absl::Seconds(1);
// And clients so long to read them.
constexpr absl::Duration kReadTime = absl::Seconds(1);

// What the flags leave to the machine.
struct Resources {
  int64_t workers;
  int64_t memory_limit;  // bytes
};

Resources ResolveResources(const Flags& flags, const MachineLimits& machine) {
  Resources resources{flags.workers, flags.memory_limit};
  if (resources.workers == 0) {
    resources.workers =
        std::max<int64_t>(1, static_cast<int64_t>(machine.cpus));
  }
  if (resources.memory_limit == 0) {
    resources.memory_limit = machine.memory / 10 * 8;
  }
  return resources;
}

Network::Options NetworkOptions(const Flags& flags) {
  return {.max_rows = flags.max_batch_rows,
          .kernel = flags.rnn_kernel == "primitive" ? KernelChoice::kPrimitive
                    : flags.rnn_kernel == "split"   ? KernelChoice::kSplit
                                                    : KernelChoice::kAuto,
          .token_table_limit = flags.token_table_limit};
}

std::string FactLine(const std::vector<Fact>& facts) {
  return absl::StrJoin(facts, ", ", [](std::string* out, const Fact& fact) {
    absl::StrAppendFormat(out, "%s: %s (%s)", fact.name, fact.value,
                          Name(fact.source));
  });
}

void LogLoaded(const ModelRegistry::Entry& entry) {
  const std::string name = absl::StrFormat("model \"%s\" version %d",
                                           entry.path.name, entry.path.version);
  if (entry.model == nullptr) {
    spdlog::error("{} did not load: {}", name, entry.error.ToString());
    return;
  }
  const Network& network = *entry.model->network;
  spdlog::info("{} ready: {}; {} kernel, numerics {}; {}", name,
               Summary(entry.model->info), Name(network.kernel()),
               network.numerics(), FactLine(entry.model->info.facts));
}

// The next of `wanted`, which main() has blocked.
int WaitForSignal(std::initializer_list<int> wanted) {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : wanted) sigaddset(&signals, signal);
  int signal = 0;
  sigwait(&signals, &signal);
  return signal;
}

// A live sequence opened when its connection was asked to go, up to 10 % late,
// gets as old as it may before the connection is cut.
void SetConnectionAge(const Flags& flags, grpc::ServerBuilder& builder) {
  if (flags.max_connection_age == absl::ZeroDuration()) return;
  builder.AddChannelArgument(
      GRPC_ARG_MAX_CONNECTION_AGE_MS,
      static_cast<int>(absl::ToInt64Milliseconds(flags.max_connection_age)));
  builder.AddChannelArgument(
      GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS,
      static_cast<int>(absl::ToInt64Milliseconds(
          1.1 * flags.max_connection_age + flags.max_connection_age_grace)));
}

// The running server. Members are made in this order and go in reverse.
class App {
 public:
  App(const Flags& flags, std::vector<ModelPath> paths,
      std::unique_ptr<StateKeyRing> state_keys)
      : flags_(flags),
        resources_(ResolveResources(flags, machine_)),
        admission_({.memory_limit = resources_.memory_limit,
                    .max_queue_time = flags.max_queue_time}),
        models_(std::move(paths), NetworkOptions(flags), admission_),
        state_keys_(std::move(state_keys)),
        metrics_(models_.Names()),
        scheduler_(
            {.workers = resources_.workers,
             .policy = {.max_batch_rows = flags.max_batch_rows,
                        .quantum = flags.quantum},
             .idle_timeout = flags.idle_timeout,
             .slow_reader_timeout = flags.slow_reader_timeout,
             .max_live_age = flags.max_connection_age > absl::ZeroDuration()
                                 ? flags.max_connection_age
                                 : absl::InfiniteDuration()},
            clock_, metrics_),
        kept_sequences_({.max_sequences = flags.max_kept_sequences,
                         .max_bytes = flags.max_kept_sequence_bytes,
                         .idle_timeout = flags.idle_timeout},
                        clock_, admission_),
        gauges_(std::make_shared<ScrapedGauges>(
            scheduler_, kept_sequences_, models_, admission_, *state_keys_)),
        environment_{
            .clock = clock_,
            .models = models_,
            .admission = admission_,
            .scheduler = scheduler_,
            .metrics = metrics_,
            .gate = gate_,
            .drain_notice = drain_notice_,
            .state_keys = *state_keys_,
            .kept_sequences = kept_sequences_,
            .infer_statistics = infer_statistics_,
            .max_batch_rows = flags.max_batch_rows,
            .max_steps = flags.max_steps,
            .max_message_bytes = flags.max_message_bytes,
            .idle_timeout = flags.idle_timeout,
            .slow_call_threshold = flags.slow_call_threshold,
            .any_model_is_enough = flags.ready == "any",
            .config_of_sequences = flags.model_config_scheduler == "sequence"},
        inference_service_(environment_),
        infer_service_(environment_),
        models_service_(environment_) {}

  // Opens both ports. UNAVAILABLE: one cannot be had.
  absl::Status Listen();
  // Loads the models, and becomes healthy, in the background.
  void StartLoading();
  // The file of state keys may have changed.
  void ReloadStateKeys();
  // Ends all calls in an orderly way, then the server.
  void Drain();

 private:
  void UpdateHealth();

  // Constant after construction.
  const Flags& flags_;
  const MachineLimits machine_ = ReadMachineLimits();
  const Resources resources_;

  // Own synchronisation.
  RealClock clock_;
  Admission admission_;
  ModelRegistry models_;
  const std::unique_ptr<StateKeyRing> state_keys_;
  Metrics metrics_;
  Scheduler scheduler_;
  KeptSequences kept_sequences_;
  std::shared_ptr<ScrapedGauges> gauges_;  // shared with the exposer
  CallGate gate_;
  DrainNotice drain_notice_;
  InferStatistics infer_statistics_;
  CallEnvironment environment_;
  SequenceInferenceService inference_service_;
  InferService infer_service_;
  ModelsService models_service_;
  UnservedCalls unserved_calls_;

  // Of the main thread.
  std::unique_ptr<prometheus::Exposer> exposer_;
  std::unique_ptr<grpc::Server> server_;
  std::atomic<bool> draining_ = false;
  std::thread loader_;
};

absl::Status App::Listen() {
  const std::string metrics_address =
      absl::StrCat(flags_.address, ":", flags_.metrics_port);
  try {
    exposer_ = std::make_unique<prometheus::Exposer>(metrics_address);
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrFormat(
        "cannot listen on %s for metrics: %s", metrics_address, error.what()));
  }
  exposer_->RegisterCollectable(metrics_.registry());
  exposer_->RegisterCollectable(gauges_);

  const std::string grpc_address =
      absl::StrCat(flags_.address, ":", flags_.grpc_port);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(grpc_address, grpc::InsecureServerCredentials(),
                           &port);
  // Otherwise a second server on the same port takes half the calls in silence.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Clients may see by pings, every 10 s, that the connection of a quiet live
  // sequence still stands; gRPC's own limit is 5 minutes.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 9000);
  SetConnectionAge(flags_, builder);
  // Nothing here is worth compressing, and a small message could become a huge
  // one before its size is known.
  for (const auto algorithm : {GRPC_COMPRESS_DEFLATE, GRPC_COMPRESS_GZIP}) {
    builder.SetCompressionAlgorithmSupportStatus(algorithm, false);
  }
  builder.SetMaxReceiveMessageSize(static_cast<int>(flags_.max_message_bytes));
  builder.RegisterService(&inference_service_);
  builder.RegisterService(&models_service_);
  builder.RegisterService(&infer_service_);
  builder.RegisterCallbackGenericService(&unserved_calls_);
  server_ = builder.BuildAndStart();
  if (server_ == nullptr || port == 0) {
    return absl::UnavailableError(
        absl::StrFormat("cannot listen on %s for gRPC", grpc_address));
  }
  UpdateHealth();
  spdlog::info(
      "unroll-server {} listens: gRPC on {}:{}, metrics on "
      "http://{}:{}/metrics",
      kVersion, flags_.address, port, flags_.address,
      exposer_->GetListeningPorts().front());
  spdlog::info(
      "threads: {} workers ({} {:.3g}), one OpenMP thread each; gRPC's own for "
      "calls; memory limit {} MiB{}",
      resources_.workers, machine_.cpu_quota ? "CPU quota" : "CPUs",
      machine_.cpus, resources_.memory_limit >> 20,
      machine_.memory_quota ? " (from the cgroup)" : "");
  return absl::OkStatus();
}

void App::StartLoading() {
  loader_ = std::thread([this] {
    models_.LoadAll([this](const ModelRegistry::Entry& entry) {
      LogLoaded(entry);
      UpdateHealth();
      return !draining_;
    });
    for (const std::string& name : models_.FallenBack()) {
      spdlog::warn(
          "model \"{}\": the highest version did not load; calls that "
          "name no version get a lower one",
          name);
    }
    const auto ready = models_.ReadyNames().size();
    const auto all = models_.Names().size();
    spdlog::log(ready == all ? spdlog::level::info : spdlog::level::warn,
                "{} of {} models are served", ready, all);
  });
}

// A model is healthy when a version of it is served; "" is the server.
void App::UpdateHealth() {
  grpc::HealthCheckServiceInterface& health = *server_->GetHealthCheckService();
  const std::set<std::string> ready = models_.ReadyNames();
  for (const std::string& name : models_.Names()) {
    health.SetServingStatus(name, ready.contains(name));
  }
  health.SetServingStatus("", environment_.Ready());
}

void App::ReloadStateKeys() {
  if (state_keys_->ephemeral()) {
    spdlog::info("SIGHUP: there is no --state-key-file to read again");
  } else if (const absl::Status status = state_keys_->Reload(); status.ok()) {
    spdlog::info("SIGHUP: {} state key(s) read from {}",
                 state_keys_->Current()->count(), state_keys_->path());
  } else {
    spdlog::error("SIGHUP: the state keys stay what they were: {}",
                  status.ToString());
  }
}

void App::Drain() {
  const absl::Time begin = absl::Now();
  draining_ = true;
  server_->GetHealthCheckService()->Shutdown();  // not serving, from here on
  scheduler_.Refuse();                           // before the log says so
  drain_notice_.Give();
  const RunQueue::Load load = scheduler_.load();
  spdlog::info(
      "draining: {} sequences are running or waiting, for at most {}",
      load.ready + load.running + load.suspended + load.paused + load.waiting,
      absl::FormatDuration(flags_.drain_timeout));
  const bool drained = scheduler_.Drain(flags_.drain_timeout);
  gate_.WaitUntilEmpty(
      std::max(kLeastFlushTime, flags_.drain_timeout - (absl::Now() - begin)));
  // What clients have not read yet goes with their connections, and an orderly
  // shutdown of gRPC's would meanwhile end new calls with CANCELLED, which
  // nobody tries again.
  absl::SleepFor(kReadTime);
  // Watchers of the health service would hold it up for ever: they are cut off.
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  if (loader_.joinable()) loader_.join();
  spdlog::info("{} after {}",
               drained ? "drained"
                       : "gave up: some sequences were ended with UNAVAILABLE",
               absl::FormatDuration(absl::Now() - begin));
}

}  // namespace

int RunServer(const Flags& flags) {
  auto paths = ListRepository(flags.model_repository);
  if (!paths.ok()) {
    spdlog::critical("{}", paths.status().ToString());
    return 1;
  }
  auto state_keys = StateKeyRing::Open(flags.state_key_file);
  if (!state_keys.ok()) {
    spdlog::critical("--state-key-file: {}", state_keys.status().ToString());
    return 1;
  }
  if ((*state_keys)->ephemeral()) {
    spdlog::warn(
        "no --state-key-file: state tokens are good for this process only");
  }
  App app(flags, *std::move(paths), *std::move(state_keys));
  if (const absl::Status status = app.Listen(); !status.ok()) {
    spdlog::critical("{}", status.ToString());
    return 1;
  }
  app.StartLoading();
  int signal;
  while ((signal = WaitForSignal({SIGTERM, SIGINT, SIGHUP})) == SIGHUP) {
    app.ReloadStateKeys();
  }
  spdlog::info("signal {}", signal);
  std::thread([] {
    spdlog::warn("signal {} again: exiting at once",
                 WaitForSignal({SIGTERM, SIGINT}));
    _exit(1);
  }).detach();
  app.Drain();
  return 0;
}

int CheckRepository(const Flags& flags) {
  const auto paths = ListRepository(flags.model_repository);
  if (!paths.ok()) {
    spdlog::critical("{}", paths.status().ToString());
    return 1;
  }
  Admission admission(
      {.memory_limit =
           ResolveResources(flags, ReadMachineLimits()).memory_limit,
       .max_queue_time = flags.max_queue_time});
  ModelRegistry models(*paths, NetworkOptions(flags), admission);
  bool all_loaded = true;
  models.LoadAll([&](const ModelRegistry::Entry& entry) {
    all_loaded &= entry.model != nullptr;
    absl::PrintF("%s\n", Report(entry));
    return true;
  });
  return all_loaded ? 0 : 1;
}

}  // namespace unroll::server
