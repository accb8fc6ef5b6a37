// Who was heard, and how much of the cluster is in trouble. Silence counts from the moment the
// listener itself was there. Pure: time is handed in.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "bus/ports/clock.h"

namespace kubus::controllers::nodelifecycle {

enum class Presence : uint8_t {
  kUnknown,  // neither: nobody has listened for long enough
  kHeard,
  kSilent,  // for the whole grace
};

// How fast nodes may be emptied.
enum class Pace : uint8_t {
  kNormal,    // one node in 10 s in each zone
  kSlow,      // one in 100 s: much of a large zone is in trouble
  kNone,      // much of a small zone is: rather the network than the nodes
  kWithdraw,  // every node is: whoever was to be emptied is left alone
};

class Vigil {
 public:
  explicit Vigil(bus::Duration grace) : grace_(grace) {}

  // From now on it listens; earlier silence counts for nothing.
  void begin(bus::Instant now) { since_ = now; }
  // It hears nothing until begin().
  void end() { since_.reset(); }
  void put(std::string_view node, std::string zone, bool says_ready, bus::Instant now);
  void erase(std::string_view node);
  void heard(std::string_view node, bus::Instant now);

  Presence presence(std::string_view node, bus::Instant now) const;
  // Until it is silent, if nothing is heard meanwhile; 0: it is.
  bus::Duration until_silent(std::string_view node, bus::Instant now) const;
  // Nodes that have missed a heartbeat or two count as in trouble: who falls silent together does
  // not do so in the same second. Looked at anew once a second.
  Pace pace(std::string_view node, bus::Instant now);
  const std::string& zone(std::string_view node) const;

 private:
  struct Node {
    std::string zone;
    bool says_ready = false;
    bus::Instant first;
    std::optional<bus::Instant> heard;
  };
  struct Zone {
    size_t nodes = 0, bad = 0;
  };
  bus::Instant last_sign(const Node& node) const;
  void survey(bus::Instant now);

  bus::Duration grace_;
  std::optional<bus::Instant> since_, surveyed_;
  std::map<std::string, Node, std::less<>> nodes_;
  std::map<std::string, Zone, std::less<>> zones_;  // as surveyed
};

// One permit for each zone and interval.
class Permits {
 public:
  // Takes a permit, or says how long to wait.
  std::optional<bus::Duration> take(const std::string& zone, Pace pace, bus::Instant now);

 private:
  std::map<std::string, bus::Instant> last_;
};

}  // namespace kubus::controllers::nodelifecycle
