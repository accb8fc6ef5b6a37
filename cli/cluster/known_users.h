// The users from outside as they were last known, on disk: the bus server lets them in from its
// start on, before the store can be asked.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bus/nats/server_config.h"
#include "cli/cluster/layout.h"
#include "schemas/lib/base/result.h"

namespace kubus::cli {

struct KnownUser {
  std::string name;
  std::string password_hash;
  std::vector<std::string> may;
  friend bool operator==(const KnownUser&, const KnownUser&) = default;
};

// None if there is no file yet. kBadRequest: it is malformed.
Result<std::vector<KnownUser>> read_known_users(const Layout& layout);
Status write_known_users(const Layout& layout, const std::vector<KnownUser>& users);

// What the bus enforces of the user. Rights that mean nothing count for nothing.
bus::BusUser bus_user(const KnownUser& user);
// The same of the stream of events, where it has a name and consumers of its own; nullopt: it has
// no right there.
std::optional<bus::BusUser> stream_user(const KnownUser& user);

}  // namespace kubus::cli
