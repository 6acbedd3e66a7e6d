#ifndef UNROLL_CORE_SERVE_MODEL_REGISTRY_H_
#define UNROLL_CORE_SERVE_MODEL_REGISTRY_H_

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/base/mutex.h"
#include "core/load/loader.h"
#include "core/serve/admission.h"
#include "core/serve/served_model.h"

namespace unroll {

// The models of a repository: found, then loaded one after the other, then
// served. A version that fails does not stop the others. Thread-safe.
class ModelRegistry {
 public:
  enum class State { kLoading, kReady, kFailed };

  struct Entry {
    ModelPath path;
    State state = State::kLoading;
    absl::Status error;                        // why it failed
    std::shared_ptr<const ServedModel> model;  // when ready
    // Whether it answers calls that name no version: the highest that loaded.
    bool is_default = false;
  };

  // `paths` as ListRepository gives them. `admission` pays for the models'
  // memory and must outlive the registry.
  ModelRegistry(std::vector<ModelPath> paths, const Network::Options& options,
                Admission& admission);

  // Loads all, in order, calling `loaded` after each without locks held; false
  // from it stops. Once.
  void LoadAll(const std::function<bool(const Entry&)>& loaded);

  // A model that is ready; version 0: the highest that is.
  // NOT_FOUND: no such model or version (lists the known ones). UNAVAILABLE:
  // still loading. FAILED_PRECONDITION: it did not load (says why).
  absl::StatusOr<std::shared_ptr<const ServedModel>> Find(
      std::string_view name, int64_t version) const;

  // All versions, in the repository's order.
  std::vector<Entry> List() const;

  // The names of the models, in order.
  std::vector<std::string> Names() const;
  // Those that have a version that is ready.
  std::set<std::string> ReadyNames() const;
  // Those among them whose highest version failed.
  std::set<std::string> FallenBack() const;

 private:
  absl::StatusOr<std::shared_ptr<const ServedModel>> Load(
      const ModelPath& path);
  absl::Status RunExample(const ModelPath& path, ModelInfo& info,
                          const Network& network) const;

  const Network::Options options_;
  Admission& admission_;
  mutable Mutex mutex_;
  std::vector<Entry> entries_ ABSL_GUARDED_BY(mutex_);
  std::vector<Admission::Ticket> tickets_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace unroll

#endif  // UNROLL_CORE_SERVE_MODEL_REGISTRY_H_
