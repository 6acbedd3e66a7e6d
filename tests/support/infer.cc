#include "tests/support/infer.h"

#include <cstdlib>
#include <cstring>

namespace unroll::testing {
namespace {

// An array N times, behind each other.
std::vector<float> Repeat(const std::vector<float>& values, int64_t times) {
  std::vector<float> all;
  for (int64_t i = 0; i < times; ++i) {
    all.insert(all.end(), values.begin(), values.end());
  }
  return all;
}

int IndexOf(const inference::ModelInferResponse& response,
            const std::string& name) {
  for (int i = 0; i < response.outputs_size(); ++i) {
    if (response.outputs(i).name() == name) return i;
  }
  ADD_FAILURE() << "no output " << name;
  std::abort();
}

}  // namespace

std::unique_ptr<inference::GRPCInferenceService::Stub> Infer(
    const ServerProcess& server) {
  return inference::GRPCInferenceService::NewStub(server.channel());
}

InferReplyMessage ModelInfer(const ServerProcess& server,
                             const inference::ModelInferRequest& request) {
  InferReplyMessage reply;
  grpc::ClientContext context;
  reply.status = Infer(server)->ModelInfer(&context, request, &reply.response);
  return reply;
}

void AddRaw(const std::string& name, const std::string& datatype,
            const Shape& shape, const std::string& bytes,
            inference::ModelInferRequest& request) {
  auto& input = *request.add_inputs();
  input.set_name(name);
  input.set_datatype(datatype);
  input.mutable_shape()->Add(shape.begin(), shape.end());
  request.add_raw_input_contents(bytes);
}

std::string Bytes(const std::vector<std::string>& texts) {
  std::string bytes;
  for (const std::string& text : texts) {
    bytes += Bytes(std::vector<uint32_t>{static_cast<uint32_t>(text.size())});
    bytes += text;
  }
  return bytes;
}

inference::ModelInferRequest InferRequest(const golden::Case& c,
                                          int64_t sequences) {
  inference::ModelInferRequest request;
  request.set_model_name(c.name);
  if (c.vocabulary_size > 0) {
    std::vector<int64_t> ids;
    for (int64_t n = 0; n < sequences; ++n) {
      const std::vector<int32_t> tokens = golden::Tokens(c);
      ids.insert(ids.end(), tokens.begin(), tokens.end());
    }
    AddRaw("tokens", "INT64", {sequences, c.steps}, Bytes(ids), request);
  } else {
    AddRaw("input", "FP32", {sequences, c.steps, c.spec.input_size},
           Bytes(Repeat(golden::Features(c).values, sequences)), request);
  }
  if (c.has_initial_state) {
    AddRaw(
        "h_0", "FP32",
        {sequences, c.spec.num_layers * c.spec.directions, c.spec.hidden_size},
        Bytes(Repeat(golden::InitialState(c).values, sequences)), request);
  }
  return request;
}

inference::ModelInferRequest Steps(const golden::Case& c, int64_t first,
                                   int64_t count) {
  inference::ModelInferRequest request = InferRequest(c);
  const int64_t row = c.spec.input_size * int64_t{sizeof(float)};
  std::string& raw = *request.mutable_raw_input_contents(0);
  raw = raw.substr(first * row, count * row);
  request.mutable_inputs(0)->set_shape(1, count);
  if (first > 0 && c.has_initial_state) {
    request.mutable_inputs()->RemoveLast();
    request.mutable_raw_input_contents()->RemoveLast();
  }
  return request;
}

const inference::ModelInferResponse::InferOutputTensor& Output(
    const inference::ModelInferResponse& response, const std::string& name) {
  return response.outputs(IndexOf(response, name));
}

Shape OutputShape(const inference::ModelInferResponse& response,
                  const std::string& name) {
  const auto& shape = Output(response, name).shape();
  return {shape.begin(), shape.end()};
}

std::vector<float> OutputFloats(const inference::ModelInferResponse& response,
                                const std::string& name) {
  const std::string& raw =
      response.raw_output_contents(IndexOf(response, name));
  std::vector<float> values(raw.size() / sizeof(float));
  std::memcpy(values.data(), raw.data(), raw.size());
  return values;
}

std::vector<std::string> OutputTexts(
    const inference::ModelInferResponse& response, const std::string& name) {
  std::string_view raw = response.raw_output_contents(IndexOf(response, name));
  std::vector<std::string> texts;
  while (!raw.empty()) {
    uint32_t size;
    std::memcpy(&size, raw.data(), sizeof(size));
    texts.emplace_back(raw.substr(sizeof(size), size));
    raw.remove_prefix(sizeof(size) + size);
  }
  return texts;
}

}  // namespace unroll::testing
