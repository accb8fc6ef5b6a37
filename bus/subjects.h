// The one catalogue of subjects. No subject string is built anywhere else.
//
// Tokens are escaped reversibly: `.` of an object's name is written `/`; every other byte that NATS
// forbids in a token (space, `*`, `>`, control bytes), `%`, `/` and a lone `_` are written %XX; the
// empty string is `_`. In actors every byte but letters, digits, `-`, `:` and `@` is written %XX.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "schemas/lib/base/ids.h"

namespace kubus::bus {

// A concrete subject, and a pattern with wildcards. Made by Subjects alone (or taken from a
// received message).
class Subject {
 public:
  const std::string& str() const { return s_; }
  static Subject received(std::string s) { return Subject(std::move(s)); }
  friend bool operator==(const Subject&, const Subject&) = default;

 private:
  friend class Subjects;
  explicit Subject(std::string s) : s_(std::move(s)) {}
  std::string s_;
};
class Pattern {
 public:
  const std::string& str() const { return s_; }
  // NATS matching: `*` one token, `>` one or more at the end.
  bool matches(std::string_view subject) const;
  static Pattern given(std::string s) { return Pattern(std::move(s)); }

 private:
  friend class Subjects;
  explicit Pattern(std::string s) : s_(std::move(s)) {}
  std::string s_;
};

std::string escape_token(std::string_view text);
std::optional<std::string> unescape_token(std::string_view token);
std::string escape_actor(std::string_view actor);

// A lane: what can be followed without a gap. Exactly one form is set.
struct LaneId {
  // The whole cluster: everything empty. A resource: group, resource. In a namespace: and ns. One
  // object: and name. One node: node alone.
  std::string group, resource, ns, name, node;
  enum class Form : uint8_t { kCluster, kResource, kNamespace, kObject, kNode };
  Form form() const;
  std::string str() const;  // for logs and map keys
  friend auto operator<=>(const LaneId&, const LaneId&) = default;
};

// What the subject of an API request says.
struct ApiSubject {
  std::string actor, verb, group, resource;
};

class Subjects {
 public:
  // A cluster called "replay.NAME" is a replay: kubus.replay.<NAME>.…, so that permissions can name
  // the replays of a bus and nothing else.
  explicit Subjects(ClusterName cluster);
  static ClusterName replay(std::string_view name);   // "replay.NAME"
  static Pattern all_replays(std::string_view rest);  // kubus.replay.*.<rest>, of `rest` as it is
  // Where a replay is told to pause, to step, to seek: words in, its state as JSON out.
  static Subject replay_control(std::string_view name);

  Subject event(std::string_view group, std::string_view resource, std::string_view ns,
                std::string_view name) const;
  Subject node_event(std::string_view node, std::string_view group, std::string_view resource,
                     std::string_view ns, std::string_view name) const;
  // Every event of a lane (for a node lane: its events and notices).
  Pattern events_of(const LaneId& lane) const;
  Subject head(const LaneId& lane) const;
  Pattern heads_of(const LaneId& lane) const;  // kCluster: all heads
  Subject api(const Actor& actor, std::string_view verb, std::string_view group,
              std::string_view resource) const;
  Pattern all_api() const;
  std::optional<ApiSubject> parse_api(std::string_view subject) const;
  Subject reply(const Actor& actor, std::string_view nonce) const;
  Pattern replies(const Actor& actor) const;
  // True if a received message's reply subject lies under that actor's: responders drop all others.
  bool reply_belongs_to(std::string_view reply, std::string_view actor) const;
  Subject node_command(const NodeName& node, std::string_view op) const;
  Pattern node_commands(const NodeName& node) const;
  Subject admission(std::string_view name) const;
  Subject stats(std::string_view component, std::string_view instance) const;
  Pattern stats_of(std::string_view component) const;
  Subject heartbeat(std::string_view kind, std::string_view name) const;
  Pattern heartbeats(std::string_view kind) const;
  // CloudEvents of the bridge: under `root` ("a.b"), or, if that is "", under the cluster's own.
  // Markers of a route go round to the bridge itself: what was sent before them has arrived.
  Subject cloudevent(std::string_view root, std::string_view group, std::string_view resource,
                     std::string_view ns, std::string_view name) const;
  Subject cloudevent_marker(std::string_view root, std::string_view route) const;
  // What a route can no longer have is told here.
  Subject cloudevent_lost(std::string_view root, std::string_view route) const;
  Pattern cloudevents() const;                           // of the cluster's own root
  const std::string& prefix() const { return prefix_; }  // "kubus.<cluster>."

 private:
  std::string cloudevent_root(std::string_view root) const;
  std::string prefix_;
};

}  // namespace kubus::bus
