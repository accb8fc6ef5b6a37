// Logs as the runtime wrote them: "LIMIT TAIL\nTEXT". No more is shown than was asked for, and the
// tail is found the same however the file is cut.
#include <cstdlib>
#include <string>

#include "agents/kubelet/stream/log_text.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;

void check_format(std::string_view text, int64_t limit) {
  kubelet::LogOptions options;
  options.timestamps = limit % 2 == 1;
  options.limit_bytes = limit;
  kubelet::LogFormatter formatter(options);
  std::string out;
  fuzz::Input in(text);
  while (!in.empty() && !formatter.full()) formatter.add(in.line(), &out);
  KUBUS_CHECK(out.size() <= static_cast<size_t>(limit));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size), numbers(in.line());
  int64_t limit = std::atoi(std::string(numbers.word()).c_str()) & 0xffff;
  check_format(in.rest(), limit);
  for (fuzz::Input lines(in.rest()); !lines.empty();) {
    auto entry = kubelet::parse_log_entry(lines.line());
    if (entry) kubelet::parse_log_time(entry->time);
  }
  int64_t tail = std::atoi(std::string(numbers.word()).c_str()) & 0xff;
  auto at = kubelet::TailCounter(tail).feed(in.rest());
  KUBUS_CHECK(!at || *at <= in.rest().size());
  return 0;
}
