#include "client/command/flags.h"

#include "client/command/flag_parts.h"
#include "client/command/parse.h"

namespace unroll::client {
namespace {

void AddTopK(CLI::App& app, OutputFlags& flags) {
  app.add_option_function<int32_t>(
         "--top-k",
         [&flags](int32_t k) {
           flags.outputs.set_top_k(k);
           flags.top_k_given = true;
         },
         "The K classes with the highest scores of each step (default: 3 in a "
         "table, 0 with --json)")
      ->check(Quietly(CLI::NonNegativeNumber))
      ->type_name("K");
}

void AddInput(CLI::App& app, InputFlags& flags) {
  app.add_option("--input", flags.files,
                 "A sequence as .npy: float32 [T, I], or int64 [T] of token "
                 "ids; may be repeated")
      ->type_name("FILE.npy")
      ->allow_extra_args(false);
  app.add_option("--text", flags.texts,
                 "A sequence as text, for models that take it; may be repeated")
      ->type_name("TEXT")
      ->allow_extra_args(false);
  auto* initial =
      app.add_option("--initial-state", flags.initial_state,
                     "The state before the first step of every sequence, "
                     "float32 [L*D, H]; default zeros")
          ->type_name("FILE.npy");
  auto* state =
      app.add_option("--state-in", flags.state_in,
                     "A state token (of --state-out) that every sequence goes "
                     "on from, whichever server made it")
          ->excludes(initial)
          ->type_name("FILE");
  app.add_flag("--require-exact", flags.require_exact,
               "Fail where going on from it would differ in rounding")
      ->needs(state);
}

void AddOutput(CLI::App& app, OutputFlags& flags, const std::string& steps) {
  AddParsed(app, "--steps", "STEPS",
            "Steps to show: all, last, blanks (those of \"[ ]\" in a text), or "
            "numbers such as 0,3,7 (default: " +
                steps + ")",
            [&flags](const std::string& text) {
              return ParseSteps(text, flags.outputs);
            });
  AddTopK(app, flags);
  AddParsed(app, "--candidates", "A,B,C",
            "Score only these classes: labels, or class numbers",
            [&flags](const std::string& text) -> absl::Status {
              const auto items = ParseList(text);
              if (items.ok()) flags.candidates = *items;
              return items.status();
            });
  AddResults(app, flags.outputs,
             "what is shown, all with --json or --output-dir");
  app.add_option(
         "--output-dir", flags.directory,
         "Write the results as float32 files hidden.npy [S, D*H] (S the "
         "number of steps), h_n.npy [L*D, H] and scores.npy ([S, C], or "
         "[C] when the head is applied once) to DIR, or DIR/0, DIR/1, "
         "... for several sequences; token_ids.npy, int64 [T], for text")
      ->type_name("DIR");
  app.add_option("--state-out", flags.state_out,
                 "Write the state after the last step, as a token to go on "
                 "from, to FILE, or FILE.0, FILE.1, ... for several sequences")
      ->type_name("FILE");
}

// What predict and stream share. `steps`: the default of --steps.
void AddCall(CLI::App& app, PredictFlags& flags, const std::string& steps) {
  app.add_option("MODEL", flags.model.model, "Name of the model")->required();
  AddModel(app, flags.model);
  AddInput(app, flags.input);
  AddOutput(app, flags.output, steps);
  app.add_option("--request-id", flags.request_id,
                 "Comes back in the reply and stands in the server's log")
      ->type_name("ID");
}

constexpr char kStandardInput[] =
    "Without --input and --text, sequences are read from standard input, a "
    "line\n"
    "a sequence: text if the model takes it, otherwise token ids (\"3 17 4\") "
    "or\n"
    "a JSON array of rows (\"[[0.5, 1], [2, 3]]\").\n";

}  // namespace

void AddModelFlags(CLI::App& app, ModelFlags& flags) {
  auto* model = app.add_option("MODEL", flags.model,
                               "Show all that is known of this model");
  AddModel(app, flags)->needs(model);
  app.footer(
      "Examples:\n"
      "  unroll models                  every model and version, * the "
      "default\n"
      "  unroll model langid            one model, and how each fact is known\n"
      "  unroll models --json | jq .name\n");
}

void AddHealthFlags(CLI::App& app, HealthFlags& flags) {
  app.add_option("MODEL", flags.model, "Ask for this model, not the server");
  AddConnection(app, flags.connection);
  app.footer(
      "Prints the status. The exit code is 0 only for SERVING, so that this "
      "can "
      "be a\ncontainer's health check.\n\n"
      "Examples:\n"
      "  unroll health --timeout 1s\n"
      "  unroll health langid --server rnn.example:8001\n");
}

void AddInspectFlags(CLI::App& app, InspectFlags& flags) {
  app.add_option("PATH", flags.path,
                 "A weights file, a model's folder, or a repository")
      ->required();
  app.add_flag("--json", flags.json,
               "Print JSON, one object a line, instead of a text");
  app.footer(
      "Loads models as a server would, without one, and prints what was "
      "read,\nconfigured and assumed, or what is wrong. The exit code is 0 "
      "only if all\nload.\n\n"
      "Examples:\n"
      "  unroll inspect model.pt\n"
      "  unroll inspect models/langid\n"
      "  unroll inspect models --json | jq .summary\n");
}

void AddPredictFlags(CLI::App& app, PredictFlags& flags) {
  AddCall(app, flags, "last in a table, all with --json or --output-dir");
  auto* repeat =
      app.add_option("--repeat", flags.repeat,
                     "Make the same call N times; print how many succeeded and "
                     "their latency instead of results")
          ->check(Quietly(CLI::PositiveNumber))
          ->excludes("--output-dir")
          ->excludes("--state-out")
          ->type_name("N");
  app.add_option("--concurrency", flags.concurrency,
                 "With --repeat: calls under way at a time")
      ->check(Quietly(CLI::Range(1, 1024)))
      ->needs(repeat)
      ->type_name("K")
      ->capture_default_str();
  app.footer(std::string(kStandardInput) +
             "All sequences go in one call. With --json there is an object for "
             "each.\n\n"
             "Examples:\n"
             "  unroll predict langid --text \"guten Morgen\" --text bonjour\n"
             "  unroll predict langid --candidates German,Dutch < lines.txt\n"
             "  unroll predict gestures --input x.npy --output-dir out\n"
             "  unroll predict langid --text hello --json --results h_n\n"
             "  unroll predict langid --text hello --state-out state\n"
             "  unroll predict langid --text \" world\" --state-in state\n"
             "  unroll predict langid --text hello --repeat 1000 --concurrency "
             "50\n");
}

void AddStreamFlags(CLI::App& app, PredictFlags& flags) {
  AddCall(app, flags, "all");
  app.footer(
      std::string(kStandardInput) +
      "Sequences run one after the other; each step is printed as it "
      "arrives. With\n--json there is an object for each step, and one "
      "with \"final\" at the end.\n\n"
      "Examples:\n"
      "  unroll stream langid --text \"buenos dias\"\n"
      "  unroll stream langid          type a line, watch it being read\n"
      "  unroll stream gestures --input x.npy --json\n");
}

void AddLiveFlags(CLI::App& app, LiveFlags& flags) {
  app.add_option("MODEL", flags.model.model, "Name of the model")->required();
  AddModel(app, flags.model);
  app.add_option("--input", flags.input, "Read FILE instead of standard input")
      ->type_name("FILE");
  auto* state = app.add_option("--state-in", flags.state_in,
                               "A state token (of --state-out) to go on from")
                    ->type_name("FILE");
  app.add_flag("--require-exact", flags.require_exact,
               "Fail where going on from a state would differ in rounding")
      ->needs(state);
  AddTopK(app, flags.output);
  app.add_option("--state-out", flags.output.state_out,
                 "At the end, write the state to FILE as a token to go on from")
      ->type_name("FILE");
  app.footer(
      "Runs one sequence whose steps come over time, and shows the prediction "
      "after\neach: type, and see it move with every character or word. Ctrl-D "
      "ends. From a\nfile or pipe there is a line for each step, or with "
      "--json "
      "an object for each and\none with \"final\" at the end.\n\n"
      "Text is read by character or word, as the model does; newlines only end "
      "words.\nOther models get a line at a time: token ids (\"3 17 4\") or a "
      "JSON array of rows\n(\"[[0.5, 1], [2, 3]]\").\n\n"
      "With several servers (--server a:8001,b:8001) that share their state "
      "keys, the\nsequence goes on at another when one goes away.\n\n"
      "Examples:\n"
      "  unroll live langid\n"
      "  echo \"buenos dias\" | unroll live langid\n"
      "  tail -f sensor.txt | unroll live gestures --json\n"
      "  unroll live langid --input text --state-out state\n");
}

}  // namespace unroll::client
