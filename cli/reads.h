// Reading objects for `get` and `describe`: by name or selector, now or at a point of the past.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/resources.h"
#include "cli/session.h"

namespace kubus::cli {

// A point of the past: a revision or a time.
struct At {
  uint64_t revision = 0;
  int64_t time_ns = 0;
  explicit operator bool() const { return revision != 0 || time_ns != 0; }
};

void add_at_option(po::options_description_easy_init& add);
// --at REVISION | RFC 3339 time | -10m. kBadRequest says what is accepted.
Result<At> at_of(const Invocation& call, int64_t now_ns);
// The same of another option's text.
Result<At> parse_at(const std::string& option, const std::string& text, int64_t now_ns);

// The objects selected. Names that are not there are kNotFound, the first of them.
Result<std::vector<Object>> read_objects(Session& session, const Selection& selection,
                                         const std::string& labels, const std::string& fields,
                                         const At& at);

}  // namespace kubus::cli
