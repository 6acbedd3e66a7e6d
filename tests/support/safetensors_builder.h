#ifndef UNROLL_TESTS_SUPPORT_SAFETENSORS_BUILDER_H_
#define UNROLL_TESTS_SUPPORT_SAFETENSORS_BUILDER_H_

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/spec.h"
#include "core/model/tensor.h"

namespace unroll::testing {

// The bytes of a safetensors file of any header, right or wrong: its size in
// eight bytes, the header, the data.
std::string SafetensorsBytes(std::string_view header, std::string_view data);

// The bytes of numbers as they stand in a file.
template <typename Number>
std::string BytesOf(const std::vector<Number>& numbers) {
  return std::string(reinterpret_cast<const char*>(numbers.data()),
                     numbers.size() * sizeof(Number));
}

// Builds a safetensors file tensor by tensor, each behind the last.
class SafetensorsBuilder {
 public:
  // `bytes` should fit dtype and shape; nothing is checked.
  SafetensorsBuilder& Add(const std::string& name, const std::string& dtype,
                          const Shape& shape, std::string_view bytes);
  SafetensorsBuilder& AddF32(const std::string& name, const Shape& shape,
                             const std::vector<float>& values);
  // A tensor of small numbers that follow from its name.
  SafetensorsBuilder& Add(const std::string& name, const Shape& shape);
  // All tensors of an nn.RNN with this prefix, of such numbers.
  SafetensorsBuilder& AddRnn(const std::string& prefix, const Spec& spec);
  SafetensorsBuilder& SetMetadata(const std::string& key,
                                  const std::string& value);

  std::string Build() const;

 private:
  nlohmann::ordered_json header_ = nlohmann::ordered_json::object();
  std::string data_;
};

// The numbers that Add(name, shape) takes: multiples of 1/64 in [-1, 1), which
// every floating type of a file holds exactly.
std::vector<float> NumbersOf(std::string_view name, int64_t count);

// The names and shapes of an nn.RNN's tensors.
std::vector<std::pair<std::string, Shape>> RnnShapes(const std::string& prefix,
                                                     const Spec& spec);

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_SAFETENSORS_BUILDER_H_
