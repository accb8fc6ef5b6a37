// A frame of `kubus watch`: what is shown where, in so many lines and columns. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "schemas/lib/object.h"

namespace kubus::cli {

struct ScreenRow {
  std::vector<std::string> cells;
  bool bad = false;  // not as it should be: shown first, and marked
};

struct ScreenTable {
  std::string title;
  std::vector<std::string> head;
  std::vector<ScreenRow> rows;
};

struct Screen {
  std::string title;
  std::vector<ScreenTable> tables;
  std::vector<std::string> tail;  // transitions, oldest first
};

struct ScreenLine {
  enum class Style : uint8_t { kPlain, kTitle, kHead, kBad };
  std::string text;
  Style style = Style::kPlain;
};

// Rows of an object as `kubus get` prints it.
ScreenTable table_of(const schema::KindInfo& kind, const std::vector<Object>& objects, bool with_ns,
                     int64_t now_unix_seconds);

// At most `height` lines of at most `width` characters; 0: as many as there are. What has no room
// is counted; the tail keeps a quarter.
std::vector<ScreenLine> lay_out(const Screen& screen, size_t width, size_t height);

}  // namespace kubus::cli
