#include "tests/support/safetensors_builder.h"

#include <cstdint>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "core/base/checked.h"

namespace unroll::testing {

std::string SafetensorsBytes(std::string_view header, std::string_view data) {
  const uint64_t size = header.size();
  std::string bytes(sizeof(size), '\0');
  std::memcpy(bytes.data(), &size, sizeof(size));
  bytes += header;
  bytes += data;
  return bytes;
}

SafetensorsBuilder& SafetensorsBuilder::Add(const std::string& name,
                                            const std::string& dtype,
                                            const Shape& shape,
                                            std::string_view bytes) {
  header_[name] = {
      {"dtype", dtype},
      {"shape", shape},
      {"data_offsets", {data_.size(), data_.size() + bytes.size()}}};
  data_ += bytes;
  return *this;
}

SafetensorsBuilder& SafetensorsBuilder::AddF32(
    const std::string& name, const Shape& shape,
    const std::vector<float>& values) {
  return Add(name, "F32", shape, BytesOf(values));
}

SafetensorsBuilder& SafetensorsBuilder::Add(const std::string& name,
                                            const Shape& shape) {
  return AddF32(name, shape, NumbersOf(name, *CheckedElements(shape)));
}

SafetensorsBuilder& SafetensorsBuilder::AddRnn(const std::string& prefix,
                                               const Spec& spec) {
  for (const auto& [name, shape] : RnnShapes(prefix, spec)) Add(name, shape);
  return *this;
}

SafetensorsBuilder& SafetensorsBuilder::SetMetadata(const std::string& key,
                                                    const std::string& value) {
  header_["__metadata__"][key] = value;
  return *this;
}

std::string SafetensorsBuilder::Build() const {
  return SafetensorsBytes(header_.dump(), data_);
}

std::vector<float> NumbersOf(std::string_view name, int64_t count) {
  uint32_t hash = 2166136261;  // FNV-1a
  for (const char c : name) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619;
  }
  std::vector<float> numbers;
  for (int64_t i = 0; i < count; ++i) {
    hash = hash * 1664525 + 1013904223;
    numbers.push_back(static_cast<float>(hash >> 25) / 64 - 1);
  }
  return numbers;
}

std::vector<std::pair<std::string, Shape>> RnnShapes(const std::string& prefix,
                                                     const Spec& spec) {
  std::vector<std::pair<std::string, Shape>> shapes;
  const int64_t h = spec.hidden_size;
  for (int64_t k = 0; k < spec.num_layers; ++k) {
    for (int64_t d = 0; d < spec.directions; ++d) {
      const std::string end = absl::StrCat("_l", k, d == 1 ? "_reverse" : "");
      shapes.push_back({prefix + "weight_ih" + end,
                        {h, k == 0 ? spec.input_size : spec.hidden_width()}});
      shapes.push_back({prefix + "weight_hh" + end, {h, h}});
      if (!spec.bias) continue;
      shapes.push_back({prefix + "bias_ih" + end, {h}});
      shapes.push_back({prefix + "bias_hh" + end, {h}});
    }
  }
  return shapes;
}

}  // namespace unroll::testing
