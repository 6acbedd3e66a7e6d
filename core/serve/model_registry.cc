#include "core/serve/model_registry.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "core/base/status_macros.h"
#include "core/base/text.h"
#include "core/load/example.h"
#include "core/load/model_files.h"
#include "core/serve/example_check.h"

namespace unroll {

ModelRegistry::ModelRegistry(std::vector<ModelPath> paths,
                             const Network::Options& options,
                             Admission& admission)
    : options_(options), admission_(admission) {
  for (ModelPath& path : paths) {
    entries_.push_back({.path = std::move(path)});
  }
}

void ModelRegistry::LoadAll(const std::function<bool(const Entry&)>& loaded) {
  for (const Entry& found : List()) {
    auto model = Load(found.path);
    Entry result;
    {
      MutexLock lock(mutex_);
      const auto entry =
          std::find_if(entries_.begin(), entries_.end(), [&](const Entry& e) {
            return e.path.name == found.path.name &&
                   e.path.version == found.path.version;
          });
      if (model.ok()) {
        entry->state = State::kReady;
        entry->model = *std::move(model);
        // Highest version first: the first that loads is the default.
        entry->is_default =
            std::none_of(entries_.begin(), entries_.end(), [&](const Entry& e) {
              return e.path.name == found.path.name && e.is_default;
            });
      } else {
        entry->state = State::kFailed;
        entry->error = std::move(model).status();
      }
      result = *entry;
    }
    if (!loaded(result)) return;
  }
}

// Whether the network computes what the model's owner says, if they say it.
absl::Status ModelRegistry::RunExample(const ModelPath& path, ModelInfo& info,
                                       const Network& network) const {
  ASSIGN_OR_RETURN(const std::optional<Example> example,
                   LoadExample(path, info));
  std::string value = "none";
  if (example) {
    RETURN_IF_ERROR(CheckExample(*example, info, network, options_.max_rows));
    value = absl::StrFormat("%s agrees, %d x %d steps", kExampleFile,
                            example->sequences, example->steps);
  }
  info.facts.push_back({"example", value, FactSource::kRead});
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const ServedModel>> ModelRegistry::Load(
    const ModelPath& path) {
  ASSIGN_OR_RETURN(Model model,
                   LoadModel(path, {.max_bytes = admission_.memory_limit() -
                                                 admission_.memory_used()}));
  ASSIGN_OR_RETURN(Admission::Ticket ticket,
                   admission_.Admit(Network::EstimateBytes(
                       model.info, model.weights, options_)));
  ASSIGN_OR_RETURN(
      std::unique_ptr<const Network> network,
      Network::Create(model.info, std::move(model.weights), options_));
  RETURN_IF_ERROR(RunExample(path, model.info, *network));
  {
    MutexLock lock(mutex_);
    tickets_.push_back(std::move(ticket));
  }
  // Shared: the registry and every sequence that runs on it keep it alive.
  return std::make_shared<const ServedModel>(std::move(model.info),
                                             std::move(network));
}

absl::StatusOr<std::shared_ptr<const ServedModel>> ModelRegistry::Find(
    std::string_view name, int64_t version) const {
  MutexLock lock(mutex_);
  std::vector<std::string> names, versions, errors;
  bool loading = false;
  for (const Entry& entry : entries_) {
    if (names.empty() || names.back() != entry.path.name) {
      names.push_back(entry.path.name);
    }
    if (entry.path.name != name) continue;
    versions.push_back(absl::StrCat(entry.path.version));
    if (version != 0 && entry.path.version != version) continue;
    if (entry.state == State::kReady) return entry.model;
    loading |= entry.state == State::kLoading;
    if (entry.state == State::kFailed) {
      errors.push_back(absl::StrCat("version ", entry.path.version, ": ",
                                    entry.error.message()));
    }
  }
  if (loading) {
    return absl::UnavailableError(
        absl::StrFormat("model %s is still loading; try again", Quoted(name)));
  }
  if (!errors.empty()) {
    return absl::FailedPreconditionError(
        absl::StrFormat("model %s did not load: %s", Quoted(name),
                        absl::StrJoin(errors, "; ")));
  }
  if (versions.empty()) {
    return absl::NotFoundError(
        absl::StrFormat("model %s not found; known models: %s", Quoted(name),
                        ListForMessage(names)));
  }
  return absl::NotFoundError(
      absl::StrFormat("model %s has no version %d; known versions: %s",
                      Quoted(name), version, ListForMessage(versions)));
}

std::vector<ModelRegistry::Entry> ModelRegistry::List() const {
  MutexLock lock(mutex_);
  return entries_;
}

std::vector<std::string> ModelRegistry::Names() const {
  std::vector<std::string> names;
  for (const Entry& entry : List()) {
    if (names.empty() || names.back() != entry.path.name) {
      names.push_back(entry.path.name);
    }
  }
  return names;
}

std::set<std::string> ModelRegistry::ReadyNames() const {
  std::set<std::string> names;
  for (const Entry& entry : List()) {
    if (entry.is_default) names.insert(entry.path.name);
  }
  return names;
}

std::set<std::string> ModelRegistry::FallenBack() const {
  std::set<std::string> names;
  std::string previous;  // the highest version of a model comes first
  for (const Entry& entry : List()) {
    if (entry.path.name != previous && entry.state == State::kFailed) {
      names.insert(entry.path.name);
    }
    previous = entry.path.name;
  }
  const std::set<std::string> ready = ReadyNames();
  std::erase_if(names, [&](const auto& name) { return !ready.contains(name); });
  return names;
}

}  // namespace unroll
