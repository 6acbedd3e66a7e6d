#include "core/model/fingerprint.h"

#include <openssl/evp.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "absl/strings/escaping.h"

namespace unroll {
namespace {

// Every field is hashed with its size before it, so that no two models give the
// same bytes. Once something fails, nothing more is done.
class Hash {
 public:
  Hash() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
    ok_ = context_ != nullptr &&
          EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1;
  }

  void Add(int64_t number) { AddBytes(&number, sizeof(number)); }
  void Add(std::string_view text) {
    Add(static_cast<int64_t>(text.size()));
    AddBytes(text.data(), text.size());
  }
  void Add(const std::optional<std::string>& text) {
    Add(int64_t{text.has_value()});
    if (text) Add(std::string_view(*text));
  }
  void Add(const Tensor& tensor) {
    Add(static_cast<int64_t>(tensor.shape.size()));
    for (const int64_t dimension : tensor.shape) Add(dimension);
    Add(static_cast<int64_t>(tensor.values.size()));
    AddBytes(tensor.values.data(), tensor.values.size() * sizeof(float));
  }

  absl::StatusOr<std::string> Finish() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (!ok_ || EVP_DigestFinal_ex(context_.get(), digest, &size) != 1) {
      return absl::InternalError("OpenSSL cannot compute SHA-256");
    }
    return absl::BytesToHexString(
        absl::string_view(reinterpret_cast<const char*>(digest), size));
  }

 private:
  void AddBytes(const void* bytes, size_t size) {
    ok_ = ok_ && EVP_DigestUpdate(context_.get(), bytes, size) == 1;
  }

  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context_;
  bool ok_ = false;
};

}  // namespace

absl::StatusOr<std::string> Fingerprint(const ModelInfo& info,
                                        const ModelWeights& weights) {
  Hash hash;
  hash.Add(std::string_view("unroll model 1"));
  const Spec& spec = info.spec;
  hash.Add(std::string_view("rnn"));
  hash.Add(spec.input_size);
  hash.Add(spec.hidden_size);
  hash.Add(spec.num_layers);
  hash.Add(spec.directions);
  hash.Add(Name(spec.nonlinearity));
  hash.Add(int64_t{spec.bias});
  for (const LayerWeights& layer : weights.layers) {
    hash.Add(layer.weight_ih);
    hash.Add(layer.weight_hh);
    hash.Add(layer.bias_ih);
    hash.Add(layer.bias_hh);
  }
  hash.Add(weights.embedding);
  hash.Add(int64_t{info.head.has_value()});
  if (info.head) {
    hash.Add(Name(info.head->activation()));
    hash.Add(Name(info.head->applied_to));
    hash.Add(weights.head.back().weight);
    hash.Add(weights.head.back().bias);
  }
  hash.Add(int64_t{info.vocabulary.has_value()});
  if (info.vocabulary) {
    hash.Add(Name(info.vocabulary->options().tokenizer));
    hash.Add(info.vocabulary->options().unknown_token);
    hash.Add(info.vocabulary->options().blank_token);
    hash.Add(info.vocabulary->size());
    for (const std::string& token : info.vocabulary->tokens()) {
      hash.Add(std::string_view(token));
    }
  }
  // What came later is hashed only where a model has it, so that the others'
  // fingerprints stay what they were.
  for (size_t i = 0; i + 1 < weights.head.size(); ++i) {
    hash.Add(std::string_view("inner head layer"));
    hash.Add(Name(info.head->layers[i].activation));
    hash.Add(weights.head[i].weight);
    hash.Add(weights.head[i].bias);
  }
  if (spec.reverse) hash.Add(std::string_view("reverse"));
  if (info.one_hot) hash.Add(std::string_view("one-hot"));
  if (!weights.normalization.empty()) {
    hash.Add(std::string_view("normalization"));
    hash.Add(weights.normalization.mean);
    hash.Add(weights.normalization.std);
  }
  return hash.Finish();
}

}  // namespace unroll
