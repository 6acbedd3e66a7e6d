#include "client/load/run_load.h"

#include <grpcpp/channel.h>
#include <sys/prctl.h>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "absl/strings/str_format.h"
#include "client/channel.h"
#include "client/load/pace.h"

namespace unroll::client {
namespace {

constexpr double kMostArrivals = 20e6;  // 24 bytes each
constexpr absl::Duration kConnectTime = absl::Seconds(5);

// Calls `tick` every second until destroyed.
class Ticker {
 public:
  explicit Ticker(std::function<void()> tick)
      : thread_([this, tick = std::move(tick)] {
          std::unique_lock lock(mutex_);
          auto next = std::chrono::steady_clock::now();
          while (!stopped_.wait_until(lock, next += std::chrono::seconds(1),
                                      [this] { return stop_; })) {
            tick();
          }
        }) {}
  ~Ticker() {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    stopped_.notify_one();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable stopped_;
  bool stop_ = false;
  std::thread thread_;
};

// The calls should find them ready. If they do not, the calls say why.
std::vector<std::unique_ptr<v1::SequenceInference::Stub>> Connect(
    const LoadOptions& options) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int64_t i = 0; i < options.connections; ++i) {
    channels.push_back(MakeChannel(options.address, {.own_connection = true}));
    channels.back()->GetState(/*try_to_connect=*/true);
  }
  std::vector<std::unique_ptr<v1::SequenceInference::Stub>> stubs;
  const auto deadline = std::chrono::system_clock::now() +
                        absl::ToChronoNanoseconds(kConnectTime);
  for (const auto& channel : channels) {
    channel->WaitForConnected(deadline);
    stubs.push_back(v1::SequenceInference::NewStub(channel));
  }
  return stubs;
}

}  // namespace

absl::Status CheckLoad(const LoadOptions& options) {
  const absl::Duration length = options.warmup + options.duration;
  if (const auto* arrivals = std::get_if<Arrivals>(&options.pace)) {
    const double count = arrivals->rate * absl::ToDoubleSeconds(length);
    if (count > kMostArrivals) {
      return absl::InvalidArgumentError(absl::StrFormat(
          "%.3g sequences a second for %s are %.3g, expected at most %.3g in "
          "all",
          arrivals->rate, absl::FormatDuration(length), count, kMostArrivals));
    }
  }
  const auto* streams = std::get_if<LiveStreams>(&options.pace);
  if (streams != nullptr && streams->interval > options.duration) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "a step every %s, expected one in the %s of measuring at least",
        absl::FormatDuration(streams->interval),
        absl::FormatDuration(options.duration)));
  }
  return absl::OkStatus();
}

LoadReport RunLoad(const LoadOptions& options,
                   const v1::GetModelResponse& model,
                   const v1::Outputs& outputs,
                   const std::function<void(const LoadProgress&)>& progress) {
  const absl::Duration end = options.warmup + options.duration;
  LoadRun run = {.options = options,
                 .end = end,
                 .target = {.model = model.name(),
                            .version = model.version(),
                            .outputs = outputs,
                            .inputs = Inputs(model, options.lengths.longest(),
                                             options.seed),
                            .recorder = Recorder(options.warmup, end)},
                 .stubs = Connect(options)};
  // Timers of this thread are precise, not rounded up by 50 us.
  prctl(PR_SET_TIMERSLACK, 1);
  std::optional<int64_t> to_answer;
  {
    const Ticker ticker([&] {
      progress(run.target.recorder.TakeProgress(run.target.clock.Now()));
    });
    if (const auto* arrivals = std::get_if<Arrivals>(&options.pace)) {
      RunOpenLoop(*arrivals, run);
    } else if (const auto* places = std::get_if<Concurrency>(&options.pace)) {
      RunClosedLoop(*places, run);
    } else {
      to_answer = RunLiveStreams(std::get<LiveStreams>(options.pace), run);
    }
  }
  LoadReport report = run.target.recorder.report();
  if (to_answer) report.unanswered = *to_answer - report.latency.count();
  return report;
}

}  // namespace unroll::client
