#ifndef UNROLL_SERVER_FLAGS_H_
#define UNROLL_SERVER_FLAGS_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/time/time.h"
#include "core/serve/policy.h"

namespace unroll::server {

// What the command line and the environment say; --help tells what each means.
struct Flags {
  std::string model_repository;
  std::string address = "0.0.0.0";
  int grpc_port = 8001;     // 0: any free one
  int metrics_port = 8002;  // 0: any free one
  int64_t workers = 0;      // 0: as many as the CPU quota has whole cores
  int64_t max_batch_rows = PolicyOptions().max_batch_rows;
  absl::Duration quantum = PolicyOptions().quantum;
  absl::Duration max_queue_time = absl::Seconds(10);
  int64_t max_steps = 65536;
  int64_t max_message_bytes = 16 << 20;
  int64_t memory_limit = 0;  // bytes; 0: 80 % of the cgroup's or the machine's
  absl::Duration slow_reader_timeout = absl::Seconds(10);
  absl::Duration idle_timeout = absl::Minutes(10);
  int64_t max_kept_sequences = 65536;
  int64_t max_kept_sequence_bytes = 1 << 30;
  std::string model_config_scheduler = "dynamic";  // dynamic, sequence
  absl::Duration max_connection_age;               // zero: any
  absl::Duration max_connection_age_grace = absl::Seconds(30);
  absl::Duration drain_timeout = absl::Seconds(30);
  std::string ready = "all";  // all, any
  bool check = false;
  std::string state_key_file;             // "": a key of the process's own
  std::string rnn_kernel = "auto";        // auto, primitive, split
  int64_t token_table_limit = 256 << 20;  // bytes a model
  std::string log_level = "info";         // trace, debug, info, warning, error
  std::string log_format = "text";        // text, json
  absl::Duration slow_call_threshold = absl::Seconds(1);  // 0: off
};

// Reads the command line over the environment (UNROLL_MODEL_REPOSITORY, ...)
// over the defaults. When there is nothing to go on with (--help, --version, a
// bad value), says so on stdout or stderr and returns the exit code instead: 0
// or 2.
struct ParsedFlags {
  Flags flags;
  std::optional<int> exit_code;
};
ParsedFlags ParseFlags(int argc, const char* const* argv);

}  // namespace unroll::server

#endif  // UNROLL_SERVER_FLAGS_H_
