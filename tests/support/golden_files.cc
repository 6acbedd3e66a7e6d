#include "tests/support/golden_files.h"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <initializer_list>
#include <iostream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"

// Numbers are copied as they lie in memory: little-endian, as the format is.
namespace unroll::golden {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void Fail(std::string_view message) {
  std::cerr << "golden values: " << message << "\n";
  std::abort();
}

std::string ReadFile(const std::string& name) {
  const std::string path =
      absl::StrCat(UNROLL_SOURCE_DIR, "/tests/data/", name);
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail(absl::StrCat("cannot open ", path));
  return {std::istreambuf_iterator<char>(file), {}};
}

template <typename Enum>
Enum FromName(const std::string& name, std::initializer_list<Enum> values) {
  for (Enum value : values) {
    if (Name(value) == name) return value;
  }
  Fail(absl::StrCat("unknown word in golden.json: ", name));
}

HeadSpec ParseHead(const Json& json) {
  return {
      .layers = {{json["classes"],
                  FromName(json["activation"],
                           {Activation::kIdentity, Activation::kTanh,
                            Activation::kRelu, Activation::kSigmoid,
                            Activation::kSoftmax, Activation::kLogSoftmax})}},
      .applied_to = FromName(json["applied_to"],
                             {AppliedTo::kEachStep, AppliedTo::kLastStep,
                              AppliedTo::kFinalState})};
}

Case ParseCase(const Json& json) {
  Case c = {.name = json["name"],
            .id = json["id"],
            .spec = {.input_size = json["input_size"],
                     .hidden_size = json["hidden_size"],
                     .num_layers = json["num_layers"],
                     .directions = json["directions"],
                     .nonlinearity =
                         FromName(json["nonlinearity"],
                                  {Nonlinearity::kTanh, Nonlinearity::kRelu}),
                     .bias = json["bias"]},
            .steps = json["steps"],
            .vocabulary_size = json["vocabulary_size"],
            .has_initial_state = json["initial_state"]};
  if (const Json& head = json["head"]; !head.is_null()) {
    c.head = ParseHead(head);
    c.head_has_bias = head["bias"];
  }
  return c;
}

struct OutputFile {
  Json header;
  std::string data;
};

OutputFile ReadOutputFile() {
  const std::string content = ReadFile("golden.safetensors");
  uint64_t size = 0;
  if (content.size() < sizeof(size)) Fail("golden.safetensors is cut off");
  std::memcpy(&size, content.data(), sizeof(size));
  if (size > content.size() - sizeof(size)) Fail("golden.safetensors: header");
  return {Json::parse(content.substr(sizeof(size), size)),
          content.substr(sizeof(size) + size)};
}

}  // namespace

std::vector<Case> ReadCases() {
  std::vector<Case> cases;
  const Json file = Json::parse(ReadFile("golden.json"));
  for (const Json& json : file["cases"]) {
    cases.push_back(ParseCase(json));
  }
  return cases;
}

Array ReadOutput(const std::string& name) {
  static const auto& file = *new OutputFile(ReadOutputFile());
  const auto found = file.header.find(name);
  if (found == file.header.end()) Fail(absl::StrCat("no tensor ", name));
  if ((*found)["dtype"] != "F64") Fail(absl::StrCat(name, " is not F64"));
  const size_t begin = (*found)["data_offsets"][0];
  const size_t end = (*found)["data_offsets"][1];
  if (begin > end || end > file.data.size())
    Fail(absl::StrCat(name, " is cut"));
  Array array = {(*found)["shape"].get<Shape>(),
                 std::vector<double>((end - begin) / sizeof(double))};
  std::memcpy(array.values.data(), file.data.data() + begin, end - begin);
  return array;
}

void WriteFile(const std::string& path, std::string_view bytes) {
  std::ofstream file(path, std::ios::binary);
  file << bytes;
  if (!file.flush()) Fail(absl::StrCat("cannot write ", path));
}

void WriteConfig(const Case& c, const std::string& path) {
  Json config = {{"nonlinearity", Name(c.spec.nonlinearity)}};
  if (c.head) {
    config["head"] = {{"activation", Name(c.head->activation())},
                      {"applied_to", Name(c.head->applied_to)}};
  }
  WriteFile(path, config.dump(2) + "\n");
}

}  // namespace unroll::golden
