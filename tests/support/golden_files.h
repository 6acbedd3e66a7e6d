#ifndef UNROLL_TESTS_SUPPORT_GOLDEN_FILES_H_
#define UNROLL_TESTS_SUPPORT_GOLDEN_FILES_H_

#include <string>
#include <string_view>
#include <vector>

#include "tests/support/golden.h"

// The files behind golden.h, read and written by code that shares nothing with
// core/model, so that the reader under test does not judge itself. For
// golden.cc.
namespace unroll::golden {

// golden.json.
std::vector<Case> ReadCases();
// A tensor of golden.safetensors.
Array ReadOutput(const std::string& name);

void WriteFile(const std::string& path, std::string_view bytes);
// What the weights do not say: the nonlinearity and the head.
void WriteConfig(const Case& c, const std::string& path);

}  // namespace unroll::golden

#endif  // UNROLL_TESTS_SUPPORT_GOLDEN_FILES_H_
