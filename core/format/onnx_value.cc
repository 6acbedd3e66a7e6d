#include "core/format/onnx_value.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace unroll {

std::optional<Dim> Multiply(const Dim& a, const Dim& b) {
  constexpr size_t kMostSymbols = 8;  // so that products stay small
  Dim product = a;
  if (__builtin_mul_overflow(a.number, b.number, &product.number) ||
      a.symbols.size() + b.symbols.size() > kMostSymbols) {
    return std::nullopt;
  }
  product.symbols.insert(product.symbols.end(), b.symbols.begin(),
                         b.symbols.end());
  std::sort(product.symbols.begin(), product.symbols.end());
  return product;
}

Axis AxisOf(Atom::Kind kind, int64_t size) {
  return size == 1 ? Axis() : Axis{{.kind = kind, .size = size}};
}

std::optional<Dim> SizeOf(const Axis& axis) {
  std::optional<Dim> size = Dim();
  for (const Atom& atom : axis) {
    size = Multiply(*size,
                    atom.size ? Dim{*atom.size, {}} : Dim{1, {atom.symbol}});
    if (!size) return std::nullopt;
  }
  return size;
}

std::string AxesString(const Axes& axes) {
  std::vector<std::string> sizes;
  for (const Axis& axis : axes) {
    const std::optional<Dim> size = SizeOf(axis);
    sizes.push_back(size && size->known() ? absl::StrCat(size->number) : "?");
  }
  return absl::StrCat("[", absl::StrJoin(sizes, ","), "]");
}

}  // namespace unroll
