#ifndef UNROLL_CORE_MODEL_TENSOR_H_
#define UNROLL_CORE_MODEL_TENSOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace unroll {

using Shape = std::vector<int64_t>;

// "[256,64]", as messages show shapes.
inline std::string ShapeString(const Shape& shape) {
  return absl::StrCat("[", absl::StrJoin(shape, ","), "]");
}

// "[3,17]" of element 785 in [4,256], counted in row-major order.
inline std::string IndexString(int64_t element, const Shape& shape) {
  Shape index(shape.size());
  for (size_t i = shape.size(); i-- > 0;) {
    index[i] = element % shape[i];
    element /= shape[i];
  }
  return ShapeString(index);
}

// A dense row-major float32 array in memory.
struct Tensor {
  Shape shape;
  std::vector<float> values;  // as many as the product of `shape`

  bool empty() const { return shape.empty() && values.empty(); }
};

// REQUIRES: the product of `shape` is no overflow.
inline Tensor ZeroTensor(const Shape& shape) {
  int64_t elements = 1;
  for (const int64_t dimension : shape) elements *= dimension;
  return {shape, std::vector<float>(elements, 0.0f)};
}

// What is known of a tensor before it is read.
struct NamedShape {
  std::string name;
  Shape shape;
};

struct NamedTensor {
  std::string name;
  Tensor tensor;
};

}  // namespace unroll

#endif  // UNROLL_CORE_MODEL_TENSOR_H_
