#ifndef UNROLL_TESTS_SUPPORT_SILENT_OBSERVER_H_
#define UNROLL_TESTS_SUPPORT_SILENT_OBSERVER_H_

#include "core/serve/observer.h"

namespace unroll::testing {

class SilentObserver final : public Observer {
 public:
  void OnSequence(const SequenceRecord&) override {}
  void OnBatch(const BatchRecord&) override {}
};

}  // namespace unroll::testing

#endif  // UNROLL_TESTS_SUPPORT_SILENT_OBSERVER_H_
