// Subjects: four lines. Any text becomes a token and back; what anybody writes stays within its
// place in the subject.
#include <algorithm>

#include "bus/subjects.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;

void check_token(const std::string& text) {
  std::string token = bus::escape_token(text);
  KUBUS_CHECK(bus::unescape_token(token) == text);
  KUBUS_CHECK(token.find_first_of(". *>\t\r\n") == std::string::npos && !token.empty());
  // Any token that can be read is one that would be written, or says the same as that one.
  if (auto read = bus::unescape_token(text))
    KUBUS_CHECK(bus::unescape_token(bus::escape_token(*read)) == read);
}

void check_api(const bus::Subjects& subjects, const std::string& actor, const std::string& verb,
               const std::string& group, const std::string& resource) {
  bus::Subject subject = subjects.api(Actor(actor), verb, group, resource);
  KUBUS_CHECK(std::count(subject.str().begin(), subject.str().end(), '.') == 6);
  KUBUS_CHECK(subjects.all_api().matches(subject.str()));
  auto parsed = subjects.parse_api(subject.str());
  KUBUS_CHECK(parsed && parsed->actor == actor && parsed->verb == verb);
  KUBUS_CHECK(parsed->group == group && parsed->resource == resource);
  bus::Subject reply = subjects.reply(Actor(actor), verb);
  KUBUS_CHECK(subjects.reply_belongs_to(reply.str(), actor));
  KUBUS_CHECK(subjects.replies(Actor(actor)).matches(reply.str()));
  if (actor != group) KUBUS_CHECK(!subjects.reply_belongs_to(reply.str(), group));
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::Input in(data, size);
  std::string a(in.line()), b(in.line()), c(in.line()), d(in.line());
  bus::Subjects subjects{ClusterName("c")};
  for (const std::string& text : {a, b, c, d}) check_token(text);
  check_api(subjects, a, b, c, d);
  subjects.parse_api(a);
  bus::Pattern::given(a).matches(b);
  if (auto parsed = subjects.parse_api("kubus.c.api." + a))
    check_api(subjects, parsed->actor, parsed->verb, parsed->group, parsed->resource);
  bus::Subject event = subjects.event(a, b, c, d);
  for (const bus::LaneId& lane : {bus::LaneId{}, bus::LaneId{a, b, "", "", ""},
                                  bus::LaneId{a, b, c, "", ""}, bus::LaneId{a, b, c, d, ""}})
    KUBUS_CHECK(subjects.events_of(lane).matches(event.str()));
  KUBUS_CHECK(b.empty() || b == "_" ||
              !subjects.events_of({a, b + "x", "", "", ""}).matches(event.str()));
  return 0;
}
