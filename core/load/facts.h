#ifndef UNROLL_CORE_LOAD_FACTS_H_
#define UNROLL_CORE_LOAD_FACTS_H_

#include <vector>

#include "core/load/config.h"
#include "core/load/network_parts.h"
#include "core/model/model.h"

namespace unroll {

// Everything that was understood of a model, and how it is known, for people
// to check. `info` is complete but for its facts.
std::vector<Fact> ListFacts(const ModelInfo& info, const Config& config,
                            const NetworkParts& parts);

}  // namespace unroll

#endif  // UNROLL_CORE_LOAD_FACTS_H_
