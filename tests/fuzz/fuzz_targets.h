#ifndef UNROLL_TESTS_FUZZ_FUZZ_TARGETS_H_
#define UNROLL_TESTS_FUZZ_FUZZ_TARGETS_H_

#include <string_view>

// What the fuzzers run, and over the corpus the plain tests too: each takes any
// bytes, and aborts when a reader says something of them that is not so.
namespace unroll::fuzz {

void FuzzSafetensors(std::string_view bytes);  // a model.safetensors
void FuzzPytorch(std::string_view bytes);      // a model.pt
void FuzzPickle(std::string_view bytes);       // its data.pkl
void FuzzOnnx(std::string_view bytes);         // a model.onnx
void FuzzConfig(std::string_view bytes);       // a config.json
void FuzzStateToken(std::string_view bytes);   // a state token, signed or not

}  // namespace unroll::fuzz

#endif  // UNROLL_TESTS_FUZZ_FUZZ_TARGETS_H_
