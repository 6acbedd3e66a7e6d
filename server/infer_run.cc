#include "server/infer_run.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/serve/reason.h"
#include "server/convert_result.h"

namespace unroll::server {
namespace {

// Steps of a request that is answered step by step go into one message until it
// has so many bytes.
constexpr int64_t kFullMessage = 64 << 10;

}  // namespace

void InferRun::Begin(const Options& options) {
  options_ = options;
  const absl::StatusOr<bool> has_turn = Queue();
  if (!has_turn.ok()) return End(has_turn.status());
  if (!*has_turn) return;
  KeptSequences& kept = environment_.kept_sequences;
  const KeptSequences::TurnPtr turn = turn_;
  if (Start() && turn != nullptr) kept.PassOn(turn);
}

absl::StatusOr<bool> InferRun::Queue() {
  RETURN_IF_ERROR(received_.Check());
  const auto id = ReadSequenceId(request_.parameters());
  // What is wrong with it is told by those who read all parameters.
  if (!id.ok() || id->empty()) return true;
  ASSIGN_OR_RETURN(waiting_, environment_.admission.Admit(RequestBytes()));
  const auto turn =
      std::make_shared<KeptSequences::Turn>([this] { return Start(); });
  turn_ = turn;  // it may come at once
  auto has_turn =
      environment_.kept_sequences.Queue({request_.model_name(), *id}, turn);
  if (!has_turn.ok()) turn_ = nullptr;
  return has_turn;
}

void InferRun::Cancel() {
  const absl::Status status =
      CancelStatus(options_.deadline, environment_.clock);
  if (turn_ != nullptr && environment_.kept_sequences.Withdraw(*turn_)) {
    return client_.OnEnded(status);
  }
  cancelled_ = true;
  if (submission_over_) sequences_.Cancel(status);
}

bool InferRun::Start() {
  started_ = submitted_ = environment_.clock.Now();
  waiting_ = {};
  absl::Status status = CheckAndSubmit();
  if (status.ok()) {
    submission_over_ = true;
    if (cancelled_) {  // it may have come too early
      sequences_.Cancel(CancelStatus(options_.deadline, environment_.clock));
    }
    if (--unfinished_ > 0) return false;
    status = status_;
  }
  End(status);
  return true;
}

absl::Status InferRun::CheckAndSubmit() {
  RETURN_IF_ERROR(FindModel());
  ASSIGN_OR_RETURN(
      plan_, PlanInferOutputs(request_, *model_, parameters_.wants_token));
  RETURN_IF_ERROR(sequences_.Admit(
      options_.deadline, parameters_.timeout - (started_ - begin_),
      parameters_.priority, RequestBytes() + ConvertedBytes(request_)));
  ASSIGN_OR_RETURN(inputs_, InferInputs::Read(request_, model_));
  if (turn_ != nullptr) RETURN_IF_ERROR(CheckKept());
  stepwise_ =
      options_.streaming && parameters_.stepwise && inputs_->sequences() == 1;
  const auto step = plan_.Those(/*each_step=*/true);
  steps_per_message_ = std::max<int64_t>(
      1, kFullMessage / *InferOutputBytes(step, *model_, 1, 1));
  // Before much is made for a reply that is too large. (Of texts the length is
  // not known yet.)
  RETURN_IF_ERROR(ReplyBytes(std::max<int64_t>(1, inputs_->steps())).status());
  for (int64_t n = 0; n < inputs_->sequences(); ++n) {
    const absl::Status status = AddSequence(n);
    if (!status.ok()) {
      return WithMessage(
          status, absl::StrFormat("sequence %d: %s", n, status.message()));
    }
  }
  RETURN_IF_ERROR(PrepareReply());
  submitted_ = environment_.clock.Now();
  return sequences_.Submit();
}

absl::Status InferRun::FindModel() {
  const std::string& name = request_.model_name();
  ASSIGN_OR_RETURN(const int64_t version,
                   ReadVersion(request_.model_version()));
  ASSIGN_OR_RETURN(model_, environment_.models.Find(name, version));
  ASSIGN_OR_RETURN(parameters_, ReadInferParameters(request_.parameters()));
  if (turn_ == nullptr) return absl::OkStatus();
  if (!model_->incremental()) {
    return Invalid(
        "parameter \"sequence_id\": the model runs backward: a sequence of it "
        "cannot go on from a state");
  }
  KeptSequences& kept = environment_.kept_sequences;
  if (parameters_.sequence_start) return kept.Begin(*turn_, *model_);
  RETURN_IF_ERROR(kept.GoOn(*turn_));
  const auto& begun_on = turn_->kept().model;
  if (version != 0 && version != begun_on->info.version) {
    return Invalid("model_version: %d, but the sequence began on %d", version,
                   begun_on->info.version);
  }
  model_ = begun_on;
  return absl::OkStatus();
}

absl::Status InferRun::CheckKept() const {
  if (inputs_->sequences() != 1) {
    return Invalid(
        "%d sequences, expected 1 in a request with a sequence_id (batch size "
        "1)",
        inputs_->sequences());
  }
  const bool given = inputs_->has_initial_state() ||
                     !inputs_->state_token(0).empty() ||
                     !parameters_.state_token.empty();
  if (given && !parameters_.sequence_start) {
    return Invalid(
        "h_0 or state_token for a sequence that goes on from its own state, "
        "expected them with sequence_start only");
  }
  return absl::OkStatus();
}

absl::Status InferRun::AddSequence(int64_t n) {
  ASSIGN_OR_RETURN(SequenceRequest request,
                   inputs_->Take(n, environment_.max_steps));
  std::string_view token = inputs_->state_token(n);
  if (token.empty()) token = parameters_.state_token;
  Continuation::From from = {.state_token = token,
                             .has_initial_state = inputs_->has_initial_state(),
                             .require_exact = parameters_.require_exact};
  if (turn_ != nullptr && !parameters_.sequence_start) {
    request.state = turn_->kept().state;
    from.steps_before = turn_->kept().steps;
  }
  ASSIGN_OR_RETURN(Continuation continuation,
                   Continuation::Begin(from, environment_.state_keys, request));
  request.wants_scores = plan_.results.needs_head();
  RETURN_IF_ERROR(sequences_.Pay(WorkingBytes(request)));
  continuations_.push_back(std::move(continuation));
  sequences_.Add(std::move(request));
  return absl::OkStatus();
}

absl::Status InferRun::PrepareReply() {
  const int64_t steps = inputs_->steps();
  ASSIGN_OR_RETURN(const int64_t bytes, ReplyBytes(steps));
  RETURN_IF_ERROR(sequences_.Pay(2 * bytes));  // and its serialised form
  NameResponse(response_);
  reply_.emplace(stepwise_ ? plan_.Those(/*each_step=*/false) : plan_.outputs,
                 *model_, inputs_->sequences(), steps, response_);
  return absl::OkStatus();
}

absl::StatusOr<int64_t> InferRun::ReplyBytes(int64_t steps) const {
  // Otherwise all steps are there before the first is taken.
  if (stepwise_ && model_->incremental()) {
    steps = std::min(steps, steps_per_message_);
  }
  const auto bytes =
      InferOutputBytes(plan_.outputs, *model_, inputs_->sequences(), steps);
  if (bytes && *bytes <= environment_.max_message_bytes) return *bytes;
  return ReplyTooLarge(bytes ? absl::StrCat(*bytes) : "2^63 or more",
                       environment_.max_message_bytes, "outputs");
}

void InferRun::NameResponse(inference::ModelInferResponse& response) const {
  response.set_model_name(model_->info.name);
  response.set_model_version(absl::StrCat(model_->info.version));
  response.set_id(request_.id());
}

bool InferRun::OnSteps(int64_t index, const StepResults& results) {
  reply_->SetFinalScores(index, results);
  if (stepwise_) return GiveSteps(results);
  for (int64_t i = 0; i < std::ssize(results.steps()); ++i) {
    reply_->SetStep(index, results.steps()[i], results, i);
  }
  return true;
}

bool InferRun::GiveSteps(const StepResults& results) {
  const std::vector<InferOutput> outputs = plan_.Those(/*each_step=*/true);
  if (outputs.empty()) return true;
  bool accepts_more = true;
  const int64_t all = std::ssize(results.steps());
  for (int64_t first = 0; first < all; first += steps_per_message_) {
    const int64_t steps = std::min(steps_per_message_, all - first);
    inference::ModelInferResponse response;
    NameResponse(response);
    InferReply reply(outputs, *model_, /*sequences=*/1, steps, response);
    for (int64_t t = 0; t < steps; ++t) reply.SetStep(0, t, results, first + t);
    reply.Finish();
    accepts_more = client_.OnSteps(std::move(response));
  }
  return accepts_more;
}

absl::Status InferRun::OnEnd(int64_t index, const SequenceEnd& end) {
  RETURN_IF_ERROR(end.status);
  reply_->SetState(index, end.state.front());
  const Continuation& continuation = continuations_[index];
  if (plan_.results.state_token) {
    ASSIGN_OR_RETURN(const std::string token,
                     continuation.Token(end.state, end.steps));
    reply_->SetToken(index, token);
  }
  if (sequences_.size() > 1) return absl::OkStatus();
  const int64_t steps = continuation.steps_before() + end.steps;
  auto& parameters = *response_.mutable_parameters();
  if (plan_.results.state_token || continuation.exact() || turn_ != nullptr) {
    parameters["steps_done"].set_int64_param(steps);
  }
  if (continuation.exact()) {
    parameters["exact"].set_bool_param(*continuation.exact());
  }
  if (turn_ != nullptr && parameters_.sequence_end) {
    turn_->Forget();
  } else if (turn_ != nullptr) {
    turn_->Keep({.model = model_,
                 .state = {end.state.begin(), end.state.end()},
                 .steps = steps});
  }
  return absl::OkStatus();
}

void InferRun::OnAllEnded(const absl::Status& status) {
  if (status.ok()) reply_->Finish();
  status_ = status;
  if (--unfinished_ > 0) return;  // the rest is Start's
  KeptSequences& kept = environment_.kept_sequences;
  const KeptSequences::TurnPtr turn = turn_;
  End(status);
  if (turn != nullptr) kept.PassOn(turn);
}

void InferRun::End(const absl::Status& status) {
  if (turn_ != nullptr) environment_.kept_sequences.Settle(*turn_);
  if (model_ != nullptr) {
    environment_.infer_statistics.OnRequest(
        model_->info, {.status = status,
                       .sequences = sequences_.size(),
                       .total = environment_.clock.Now() - begin_,
                       .input = submitted_ - started_,
                       .queue = started_ - begin_ + sequences_.queue(),
                       .compute = sequences_.compute()});
  }
  client_.OnEnded(status);
}

}  // namespace unroll::server
