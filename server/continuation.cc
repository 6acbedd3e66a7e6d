#include "server/continuation.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "core/base/invalid.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/serve/reason.h"
#include "core/serve/state_token.h"

namespace unroll::server {
namespace {

absl::Status Refused(const absl::Status& why) {
  return WithMessage(why, absl::StrCat("state_token: ", why.message()));
}

}  // namespace

absl::StatusOr<Continuation> Continuation::Begin(const From& from,
                                                 const StateKeyRing& keys,
                                                 SequenceRequest& request) {
  Continuation continuation;
  continuation.model_ = request.model;
  continuation.keys_ = &keys;
  continuation.steps_before_ = from.steps_before;
  if (from.state_token.empty()) return continuation;
  if (from.has_initial_state) {
    return Invalid("both state_token and initial_state, expected one of them");
  }
  const ServedModel& model = *request.model;
  auto token = OpenStateToken(from.state_token, model, *keys.Current());
  if (!token.ok()) return Refused(token.status());
  continuation.from_token_ = true;
  continuation.steps_before_ = token->steps_done;
  continuation.exact_ = ContinuesExactly(*token, model);
  if (from.require_exact && !continuation.exact_) {
    return Refused(absl::FailedPreconditionError(absl::StrFormat(
        "require_exact, but the results would differ in rounding: its numerics "
        "are %s, this server's %s%s",
        Printable(token->numerics), model.network->numerics(),
        model.network->exact() ? "" : ", which promise no bits")));
  }
  for (NamedTensor& named : token->state) {
    request.state.push_back(std::move(named.tensor));
  }
  return continuation;
}

absl::StatusOr<std::string> Continuation::Token(std::span<const Tensor> state,
                                                int64_t steps) const {
  return MakeStateToken(*model_, state, steps_before_ + steps,
                        *keys_->Current());
}

}  // namespace unroll::server
