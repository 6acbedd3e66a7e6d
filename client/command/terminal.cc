#include "client/command/terminal.h"

#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "client/command/text.h"

namespace unroll::client {
namespace {

bool LocaleIsUtf8() {
  // The first that is set decides, as in setlocale(LC_CTYPE, "").
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string locale = absl::AsciiStrToLower(value);
    return absl::StrContains(locale, "utf-8") ||
           absl::StrContains(locale, "utf8");
  }
  return false;
}

}  // namespace

Terminal StandardTerminal() {
  return {std::cin,
          std::cout,
          std::cerr,
          isatty(STDIN_FILENO) != 0,
          isatty(STDOUT_FILENO) != 0 && LocaleIsUtf8(),
          isatty(STDERR_FILENO) != 0};
}

int CallFailed(const absl::Status& status, Terminal& terminal) {
  terminal.err << "unroll: " << absl::StatusCodeToString(status.code()) << ": "
               << Printable(std::string(status.message())) << std::endl;
  return kCallFailed;
}

int BadUsage(const absl::Status& status, Terminal& terminal) {
  terminal.err << "unroll: " << Printable(std::string(status.message()))
               << std::endl;
  return kBadUsage;
}

}  // namespace unroll::client
