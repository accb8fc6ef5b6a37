// What a user from outside may do: the rights that its User object lists in spec.may, a text each.
// The bus's allow-lists and the store's authorizer are both made of them, so that they cannot
// differ.
//
//   watch:RESOURCE[.GROUP][/NAMESPACE[/NAME]]   follow: events, heads, what was missed; read, but
//   for what is
//                                               confidential. Of cluster-scoped kinds:
//                                               watch:nodes/NAME
//   get:…       read as it is now, by name or list; also what is confidential, if its kind is named
//   history:…   read the past of what it may read now
//   write:…     create, change and delete, status and scale included; and read by name
//   stream:…    have a durable consumer on the optional stream of events
//   admission:NAME   hear admission requests of that name and answer them
//
// RESOURCE `*` (not of write:) stands for every kind that is not confidential; watch:* is the
// cluster's own lane. Nobody gets a right to users, or to write service accounts: it could give
// itself any other.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "bus/subjects.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::bus {

// Before the name of a user in its actor: "user:shipper".
constexpr std::string_view kUserActorPrefix = "user:";
// The same in the space of the stream of events.
constexpr std::string_view kStreamActorPrefix = "stream:";

enum class Right : uint8_t { kWatch, kGet, kHistory, kWrite, kStream, kAdmission };

struct Grant {
  Right right = Right::kWatch;
  const schema::KindInfo* kind = nullptr;  // null: `*`, or an admission
  std::string ns, name;                    // "" : all; an admission's name

  // Whether it is about objects of that kind, namespace and name. "" asks for all of them.
  bool covers(const schema::KindInfo& of, std::string_view in, std::string_view called) const;
  // What it follows. kWatch and kStream alone.
  LaneId lane() const;
};

// kBadRequest says what is wrong with the text.
Result<Grant> parse_grant(std::string_view text);

}  // namespace kubus::bus
