#ifndef UNROLL_CLIENT_COMMAND_FLAGS_H_
#define UNROLL_CLIENT_COMMAND_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/client.h"
#include "unroll/v1/sequence_inference.pb.h"

namespace unroll::client {

struct ConnectionFlags {
  std::string server = "localhost:8001";
  CallOptions call = {.timeout = absl::Seconds(60)};
  bool json = false;
};

struct ModelFlags {
  ConnectionFlags connection;
  std::string model;
  int64_t version = 0;  // 0: the highest that loaded
};

struct HealthFlags {
  ConnectionFlags connection;
  std::string model;
};

struct InspectFlags {
  std::string path;
  bool json = false;
};

// Where sequences come from. Neither inputs nor texts: standard input.
struct InputFlags {
  std::vector<std::string> files;
  std::vector<std::string> texts;
  std::string initial_state;  // a file; "": zeros
  std::string state_in;       // a file with a state token; "": none
  bool require_exact = false;
};

// What to ask for of each sequence.
struct OutputFlags {
  v1::Outputs outputs;  // results, steps and top_k as given
  bool top_k_given = false;
  std::vector<std::string> candidates;
  std::string directory;  // "": no files
  std::string state_out;  // a file for a state token; "": none
};

// Of `predict` and `stream`.
struct PredictFlags {
  ModelFlags model;
  InputFlags input;
  OutputFlags output;
  std::string request_id;
  int64_t repeat = 0;  // 0: call once and show the results
  int64_t concurrency = 1;
};

// Of `live`. connection.server may be several, with commas.
struct LiveFlags {
  ModelFlags model;
  std::string input;  // a file; "": standard input
  std::string state_in;
  bool require_exact = false;
  OutputFlags output;  // of them top_k, results and state_out
};

// Each adds the flags of a subcommand, and its help, to `app`; parsing it then
// writes to `flags`, which is borrowed. CLI::ParseError of the parse says what
// is wrong with a value.
void AddModelFlags(CLI::App& app, ModelFlags& flags);
void AddHealthFlags(CLI::App& app, HealthFlags& flags);
void AddInspectFlags(CLI::App& app, InspectFlags& flags);
void AddPredictFlags(CLI::App& app, PredictFlags& flags);
void AddStreamFlags(CLI::App& app, PredictFlags& flags);
void AddLiveFlags(CLI::App& app, LiveFlags& flags);

}  // namespace unroll::client

#endif  // UNROLL_CLIENT_COMMAND_FLAGS_H_
