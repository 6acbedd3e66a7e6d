#include "tests/client/test_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/array.h"

namespace unroll::client {
namespace {

constexpr float kScores[] = {0.2f, 0.7f, 0.1f};
constexpr const char* kLabels[] = {"red", "green", "blue"};

grpc::Status FindModel(const std::string& name, v1::GetModelResponse& model) {
  model.set_name(name);
  model.set_version(7);
  model.set_fingerprint("c0ffee");
  model.set_kernel("primitive");
  model.mutable_spec()->set_cell("rnn");
  model.mutable_spec()->set_input_size(2);
  model.mutable_spec()->set_hidden_size(2);
  model.mutable_spec()->set_num_layers(1);
  model.mutable_spec()->set_directions(1);
  model.mutable_spec()->set_nonlinearity("tanh");
  (*model.mutable_memory_bytes())["rnn"] = 2048;
  v1::Fact& fact = *model.add_facts();
  fact.set_name("nonlinearity");
  fact.set_value("tanh");
  fact.set_source(v1::Fact::ASSUMED);
  if (name == "features") return grpc::Status::OK;
  if (name != "letters" && name != "once") {
    return {grpc::StatusCode::NOT_FOUND,
            absl::StrCat("no model \"", name,
                         "\", known: features, letters, once")};
  }
  model.set_vocabulary_size(128);
  model.mutable_head()->set_classes(3);
  model.mutable_head()->set_activation("softmax");
  model.mutable_head()->set_applied_to(name == "once" ? "last_step"
                                                      : "each_step");
  for (const char* label : kLabels) model.mutable_head()->add_labels(label);
  if (name == "letters") {
    model.set_takes_text(true);
    model.set_incremental(true);
    v1::Fact& tokenizer = *model.add_facts();
    tokenizer.set_name("tokenizer");
    tokenizer.set_value("characters");
    tokenizer.set_source(v1::Fact::CONFIGURED);
  }
  return grpc::Status::OK;
}

bool Wants(const v1::Outputs& outputs, v1::Result result) {
  for (int wanted : outputs.results()) {
    if (wanted == result) return true;
  }
  return outputs.results().empty();
}

int64_t Steps(const v1::Sequence& sequence) {
  if (sequence.has_features()) return sequence.features().shape(0);
  if (sequence.has_token_ids()) return sequence.token_ids().ids_size();
  return static_cast<int64_t>(sequence.text().size());
}

std::vector<int64_t> Chosen(const v1::Outputs& outputs, int64_t steps) {
  if (outputs.has_last()) return {steps - 1};
  std::vector<int64_t> chosen;
  for (int64_t t = 0; t < steps; ++t) chosen.push_back(t);
  return chosen;
}

// What Predict answers for `steps` of one sequence; a message of the stream has
// the same fields.
template <typename Message>
void Fill(const std::vector<int64_t>& steps, const v1::Outputs& outputs,
          bool scores_once, Message& message) {
  Array hidden = {{std::ssize(steps), 2}, {}};
  Array scores = {{std::ssize(steps), 3}, {}};
  for (int64_t t : steps) {
    hidden.values.push_back(static_cast<float>(t) + 0.25f);
    hidden.values.push_back(static_cast<float>(-t));
    scores.values.insert(scores.values.end(), kScores, kScores + 3);
  }
  if (scores_once) scores = {{3}, {kScores, kScores + 3}};
  if (Wants(outputs, v1::HIDDEN)) *message.mutable_hidden() = ToTensor(hidden);
  if (Wants(outputs, v1::SCORES)) *message.mutable_scores() = ToTensor(scores);
  for (size_t row = 0; row < (scores_once ? 1 : steps.size()); ++row) {
    if (outputs.top_k() == 0) break;
    v1::TopK& top = *message.add_top();
    for (int index : {1, 0, 2}) {
      if (top.classes_size() == outputs.top_k()) break;
      v1::ScoredClass& scored = *top.add_classes();
      scored.set_class_(index);
      scored.set_label(kLabels[index]);
      scored.set_score(kScores[index]);
    }
  }
}

void FillState(const v1::Sequence& sequence, const v1::Outputs& outputs,
               v1::State& state) {
  if (!Wants(outputs, v1::FINAL_STATE)) return;
  const auto steps = static_cast<float>(Steps(sequence));
  (*state.mutable_tensors())["h"] =
      ToTensor({{1, 2}, {steps - 0.75f, 1 - steps}});
}

void FillIds(const v1::Sequence& sequence,
             google::protobuf::RepeatedField<int64_t>& ids) {
  for (char letter : sequence.text()) ids.Add(letter);
}

}  // namespace

class TestServer::Models : public v1::Models::Service {
 public:
  grpc::Status ListModels(grpc::ServerContext*, const v1::ListModelsRequest*,
                          v1::ListModelsResponse* response) override {
    for (const char* name : {"features", "letters", "once"}) {
      v1::ModelStatus& model = *response->add_models();
      model.set_name(name);
      model.set_version(7);
      model.set_state(v1::READY);
      model.set_is_default(true);
      model.set_summary(absl::StrCat("summary of ", name));
    }
    v1::ModelStatus& broken = *response->add_models();
    broken.set_name("broken");
    broken.set_version(1);
    broken.set_state(v1::FAILED);
    broken.set_error("model.safetensors: 3 bytes");
    return grpc::Status::OK;
  }

  grpc::Status GetModel(grpc::ServerContext*,
                        const v1::GetModelRequest* request,
                        v1::GetModelResponse* response) override {
    return FindModel(request->name(), *response);
  }
};

class TestServer::Inference : public v1::SequenceInference::Service {
 public:
  Inference(PredictHook predict, StreamHook stream, LiveHook live)
      : predict_(std::move(predict)),
        stream_(std::move(stream)),
        live_(std::move(live)) {}

  grpc::Status Predict(grpc::ServerContext*, const v1::PredictRequest* request,
                       v1::PredictResponse* response) override {
    if (predict_) return predict_(*request);
    response->set_version(7);
    response->set_request_id(request->request_id());
    response->mutable_timing()->mutable_queue()->set_nanos(1'500'000);
    const v1::Outputs& outputs = request->outputs();
    for (const v1::Sequence& sequence : request->sequences()) {
      v1::SequenceResult& result = *response->add_results();
      Fill(Chosen(outputs, Steps(sequence)), outputs,
           request->model() == "once", result);
      if (request->model() == "features") result.clear_scores();
      FillState(sequence, outputs, *result.mutable_final_state());
      FillIds(sequence, *result.mutable_token_ids());
    }
    return grpc::Status::OK;
  }

  grpc::Status PredictStream(
      grpc::ServerContext* context, const v1::PredictStreamRequest* request,
      grpc::ServerWriter<v1::PredictStreamResponse>* writer) override {
    if (stream_) return stream_(*context, *writer);
    const v1::Outputs& outputs = request->outputs();
    const bool once = request->model() == "once";
    for (int64_t t : Chosen(outputs, Steps(request->sequence()))) {
      v1::PredictStreamResponse message;
      message.add_steps(t);
      Fill({t}, outputs, once, message);
      if (once || request->model() == "features") message.clear_scores();
      if (once) message.clear_top();
      if (t == 0) FillIds(request->sequence(), *message.mutable_token_ids());
      writer->Write(message);
    }
    v1::PredictStreamResponse last;
    if (once) {
      Fill({}, outputs, once, last);
      last.clear_hidden();
    }
    last.mutable_final()->set_version(7);
    last.mutable_final()->set_request_id(request->request_id());
    FillState(request->sequence(), outputs,
              *last.mutable_final()->mutable_final_state());
    writer->Write(last);
    return grpc::Status::OK;
  }

  grpc::Status Live(grpc::ServerContext* context,
                    grpc::ServerReaderWriter<v1::LiveResponse, v1::LiveRequest>*
                        stream) override {
    return live_ ? live_(*stream) : Service::Live(context, stream);
  }

 private:
  const PredictHook predict_;
  const StreamHook stream_;
  const LiveHook live_;
};

class TestServer::Health : public grpc::health::v1::Health::Service {
 public:
  grpc::Status Check(grpc::ServerContext*,
                     const grpc::health::v1::HealthCheckRequest* request,
                     grpc::health::v1::HealthCheckResponse* response) override {
    using grpc::health::v1::HealthCheckResponse;
    if (request->service() == "unknown") {
      return {grpc::StatusCode::NOT_FOUND, "no such service"};
    }
    response->set_status(request->service() == "broken"
                             ? HealthCheckResponse::NOT_SERVING
                             : HealthCheckResponse::SERVING);
    return grpc::Status::OK;
  }
};

TestServer::TestServer(PredictHook predict, StreamHook stream, LiveHook live)
    : models_(std::make_unique<Models>()),
      inference_(std::make_unique<Inference>(
          std::move(predict), std::move(stream), std::move(live))),
      health_(std::make_unique<Health>()) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(models_.get());
  builder.RegisterService(inference_.get());
  builder.RegisterService(health_.get());
  server_ = builder.BuildAndStart();
  address_ = absl::StrCat("127.0.0.1:", port);
}

TestServer::~TestServer() { server_->Shutdown(); }

}  // namespace unroll::client
