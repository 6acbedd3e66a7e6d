#include "client/command/table.h"

#include <algorithm>
#include <cmath>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_format.h"
#include "client/command/text.h"

namespace unroll::client {

std::string FormatTable(const std::vector<std::vector<std::string>>& rows,
                        int indent) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string table;
  for (const auto& row : rows) {
    std::string line(indent, ' ');
    for (size_t i = 0; i < row.size(); ++i) {
      line += PadRight(row[i], widths[i] + 2);
    }
    absl::StripTrailingAsciiWhitespace(&line);
    table += line + '\n';
  }
  return table;
}

std::string Bar(double fraction, int width, bool unicode) {
  static constexpr std::string_view kEighths[] = {
      "", "\u258f", "\u258e", "\u258d", "\u258c", "\u258b", "\u258a", "\u2589"};
  if (!(fraction > 0)) return "";
  const double columns = std::min(fraction, 1.0) * width;
  if (!unicode) return std::string(std::lround(columns), '#');
  const long eighths = std::lround(columns * 8);
  std::string bar;
  for (long i = 0; i < eighths / 8; ++i) bar += "\u2588";
  return bar.append(kEighths[eighths % 8]);
}

std::string FormatBytes(double bytes) {
  static constexpr std::string_view kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  size_t unit = 0;
  while (bytes >= 1000 && unit + 1 < std::size(kUnits)) {
    bytes /= 1000;
    ++unit;
  }
  return absl::StrFormat("%.3g %s", bytes, kUnits[unit]);
}

}  // namespace unroll::client
