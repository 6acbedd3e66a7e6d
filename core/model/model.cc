#include "core/model/model.h"

namespace unroll {

std::string_view Name(FactSource source) {
  switch (source) {
    case FactSource::kRead:
      return "read";
    case FactSource::kConfigured:
      return "configured";
    case FactSource::kAssumed:
      return "assumed";
  }
  return "";
}

std::string_view Name(KernelChoice choice) {
  return choice == KernelChoice::kAuto ? "auto" : "primitive";
}

}  // namespace unroll
