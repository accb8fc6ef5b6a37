#include "agents/kubelet/stream/log_text.h"

#include <chrono>
#include <vector>

namespace kubus::kubelet {
namespace {

constexpr int64_t kNsPerSecond = 1'000'000'000;

std::string_view take_word(std::string_view* in) {
  size_t space = in->find(' ');
  std::string_view word = in->substr(0, space);
  in->remove_prefix(space == std::string_view::npos ? in->size() : space + 1);
  return word;
}

bool take_digits(std::string_view* in, size_t n, int* out) {
  if (in->size() < n) return false;
  *out = 0;
  for (size_t i = 0; i < n; ++i) {
    if ((*in)[i] < '0' || (*in)[i] > '9') return false;
    *out = *out * 10 + ((*in)[i] - '0');
  }
  in->remove_prefix(n);
  return true;
}

bool take_char(std::string_view* in, char c) {
  if (in->empty() || in->front() != c) return false;
  in->remove_prefix(1);
  return true;
}

int64_t take_fraction(std::string_view* in) {
  int64_t ns = 0, unit = kNsPerSecond / 10;
  for (; !in->empty() && in->front() >= '0' && in->front() <= '9'; in->remove_prefix(1)) {
    ns += (in->front() - '0') * unit;
    unit /= 10;
  }
  return ns;
}

// Seconds east of Greenwich.
std::optional<int64_t> take_zone(std::string_view in) {
  if (in == "Z") return 0;
  if (in.empty() || (in[0] != '+' && in[0] != '-')) return std::nullopt;
  int64_t sign = in[0] == '-' ? -1 : 1;
  in.remove_prefix(1);
  int hours = 0, minutes = 0;
  if (!take_digits(&in, 2, &hours) || !take_char(&in, ':') || !take_digits(&in, 2, &minutes) ||
      !in.empty())
    return std::nullopt;
  return sign * (hours * 3600 + minutes * 60);
}

}  // namespace

std::optional<LogEntry> parse_log_entry(std::string_view line) {
  LogEntry out;
  out.time = take_word(&line);
  std::string_view stream = take_word(&line), tags = take_word(&line);
  if (out.time.empty() || (stream != "stdout" && stream != "stderr") || tags.empty())
    return std::nullopt;
  out.partial = tags[0] == 'P';
  out.text = line;
  return out;
}

std::optional<int64_t> parse_log_time(std::string_view t) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  bool good = take_digits(&t, 4, &year) && take_char(&t, '-') && take_digits(&t, 2, &month) &&
              take_char(&t, '-') && take_digits(&t, 2, &day) && take_char(&t, 'T') &&
              take_digits(&t, 2, &hour) && take_char(&t, ':') && take_digits(&t, 2, &minute) &&
              take_char(&t, ':') && take_digits(&t, 2, &second);
  std::chrono::year_month_day date{std::chrono::year(year),
                                   std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day))};
  if (!good || !date.ok()) return std::nullopt;
  int64_t ns = take_char(&t, '.') ? take_fraction(&t) : 0;
  auto zone = take_zone(t);
  if (!zone) return std::nullopt;
  int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  return (days * 86400 + hour * 3600 + minute * 60 + second - *zone) * kNsPerSecond + ns;
}

void LogFormatter::add(std::string_view line, std::string* out) {
  auto entry = parse_log_entry(line);
  if (!entry || full()) return;
  if (options_.since_ns > 0) {
    auto at = parse_log_time(entry->time);
    if (at && *at < options_.since_ns) return;
  }
  size_t before = out->size();
  if (options_.timestamps && !inside_) out->append(entry->time).append(" ");
  out->append(entry->text);
  if (!entry->partial) *out += '\n';
  inside_ = entry->partial;
  if (!left_) return;
  int64_t added = static_cast<int64_t>(out->size() - before);
  if (added > *left_) out->resize(before + static_cast<size_t>(*left_));
  *left_ -= std::min(added, *left_);
}

std::optional<size_t> TailCounter::feed(std::string_view chunk) {
  size_t end = chunk.size();
  while (end > 0) {
    size_t last = chunk[end - 1] == '\n' ? end - 1 : end;
    size_t before = last == 0 ? std::string_view::npos : chunk.rfind('\n', last - 1);
    size_t begin = before == std::string_view::npos ? 0 : before + 1;
    auto entry = parse_log_entry(chunk.substr(begin, last - begin));
    // The newest entry belongs to a line even if that is not complete yet.
    if (entry && (!entry->partial || !any_) && ++seen_ > wanted_) return end;
    any_ = true;
    end = begin;
  }
  return std::nullopt;
}

}  // namespace kubus::kubelet
