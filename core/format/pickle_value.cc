#include "core/format/pickle_value.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/base/text.h"

namespace unroll {

std::string Describe(const PickleValue& value) {
  switch (value.kind) {
    case PickleKind::kOther:
      return std::string(value.text);
    case PickleKind::kText:
      return "the string " + Quoted(value.text);
    case PickleKind::kInt:
      return absl::StrCat("the integer ", value.number);
    case PickleKind::kTuple:
      return absl::StrCat("a tuple of ", value.items.size());
    case PickleKind::kDict:
      return "a dict";
    case PickleKind::kGlobal:
      return absl::StrFormat("the global %s.%s", value.global->module,
                             value.global->name);
    case PickleKind::kCall:
      return absl::StrFormat("an object of %s.%s", value.global->module,
                             value.global->name);
    case PickleKind::kPersistent:
      return "a storage";
  }
  return "";
}

}  // namespace unroll
