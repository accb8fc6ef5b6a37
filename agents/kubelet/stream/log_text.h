// The runtime's log format (one entry a line: time, stream, tag, text) and what users ask of it.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kubus::kubelet {

struct LogEntry {
  std::string_view time, text;
  bool partial = false;  // the line goes on in the next entry
};

// `line` without its newline. nullopt: it is none.
std::optional<LogEntry> parse_log_entry(std::string_view line);

// Unix nanoseconds; nullopt: no RFC 3339 time.
std::optional<int64_t> parse_log_time(std::string_view time);

struct LogOptions {
  bool follow = false, timestamps = false;
  std::optional<int64_t> tail_lines, limit_bytes;
  int64_t since_ns = 0;
};

// Entries in, what the user sees out.
class LogFormatter {
 public:
  explicit LogFormatter(const LogOptions& options) : options_(options) {
    if (options.limit_bytes) left_ = *options.limit_bytes;
  }
  // Appends what `line` shows.
  void add(std::string_view line, std::string* out);
  // The limit of bytes is reached.
  bool full() const { return left_ && *left_ <= 0; }

 private:
  const LogOptions& options_;
  std::optional<int64_t> left_;
  bool inside_ = false;  // of a line of several entries
};

// Counts lines from the end of a log, fed with its chunks backwards.
class TailCounter {
 public:
  explicit TailCounter(int64_t lines) : wanted_(lines) {}
  // `chunk` lies right before what was fed last, and ends at an end of line or of the file; it
  // begins at the beginning of an entry. Gives the offset in it where the wanted lines begin, or
  // nullopt if more is needed.
  std::optional<size_t> feed(std::string_view chunk);

 private:
  int64_t wanted_, seen_ = 0;
  bool any_ = false;
};

}  // namespace kubus::kubelet
