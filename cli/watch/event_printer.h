// Events on standard output, in the format of -o. For diffs it keeps the objects that it has shown,
// up to a bound, and reads what it has not.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "bus/kit/feed.h"
#include "cli/session.h"

namespace kubus::cli {

class EventPrinter {
 public:
  // kDiff: a line, and below it what changed. kJson, kCloudEvents: an object a line.
  enum class Output : uint8_t { kDiff, kLine, kJson, kCloudEvents };

  EventPrinter(Session& session, Output output);

  // kTimeout: interrupted. kUnavailable: nobody reads standard output any more.
  Status print(const kit::EventView& event);

  // "diff", "line", "json", "cloudevents". kBadRequest names them.
  static Result<Output> output_of(const std::string& word);

 private:
  std::string text_of(const kit::EventView& event);
  // The object before that change; empty if it is not kept, or does not ride on events.
  Result<Object> before(const kit::EventView& event, const std::string& key);
  void keep(const std::string& key, const Object& object);

  Session& session_;
  Output output_;
  std::string source_;
  std::map<std::string, Object> shown_;
  size_t shown_bytes_ = 0;
};

}  // namespace kubus::cli
