#include "bus/subjects.h"

#include <array>

namespace kubus::bus {
namespace {

constexpr char kHex[] = "0123456789ABCDEF";

void append_hex(unsigned char c, std::string* out) {
  *out += '%';
  *out += kHex[c >> 4];
  *out += kHex[c & 15];
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool forbidden_in_token(unsigned char c) {
  return c <= 0x20 || c == 0x7F || c == '*' || c == '>' || c == '%' || c == '/';
}

bool plain_in_actor(unsigned char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
         c == ':' || c == '@';
}

std::string_view next_token(std::string_view* rest) {
  size_t dot = rest->find('.');
  std::string_view token = rest->substr(0, dot);
  *rest = dot == std::string_view::npos ? std::string_view() : rest->substr(dot + 1);
  return token;
}

std::string join(std::initializer_list<std::string_view> tokens) {
  std::string out;
  for (std::string_view t : tokens) {
    if (!out.empty()) out += '.';
    out += escape_token(t);
  }
  return out;
}

constexpr std::string_view kReplay = "replay.";

std::string prefix_of(std::string_view cluster) {
  bool replay = cluster.size() > kReplay.size() && cluster.starts_with(kReplay);
  if (!replay) return "kubus." + escape_token(cluster) + ".";
  return "kubus.replay." + escape_token(cluster.substr(kReplay.size())) + ".";
}

}  // namespace

std::string escape_token(std::string_view text) {
  if (text.empty()) return "_";
  if (text == "_") return "%5F";
  std::string out;
  out.reserve(text.size());
  for (char raw : text) {
    auto c = static_cast<unsigned char>(raw);
    if (c == '.') {
      out += '/';
    } else if (forbidden_in_token(c)) {
      append_hex(c, &out);
    } else {
      out += raw;
    }
  }
  return out;
}

std::optional<std::string> unescape_token(std::string_view token) {
  if (token.empty()) return std::nullopt;
  if (token == "_") return "";
  std::string out;
  for (size_t i = 0; i < token.size(); ++i) {
    if (token[i] == '/') {
      out += '.';
    } else if (token[i] != '%') {
      if (token[i] == '.' || forbidden_in_token(static_cast<unsigned char>(token[i])))
        return std::nullopt;
      out += token[i];
    } else {
      int high = i + 2 < token.size() ? hex_digit(token[i + 1]) : -1;
      int low = i + 2 < token.size() ? hex_digit(token[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string escape_actor(std::string_view actor) {
  if (actor.empty()) return "_";
  std::string out;
  for (char raw : actor) {
    auto c = static_cast<unsigned char>(raw);
    if (plain_in_actor(c)) {
      out += raw;
    } else {
      append_hex(c, &out);
    }
  }
  return out;
}

bool Pattern::matches(std::string_view subject) const {
  std::string_view pattern = s_;
  while (!pattern.empty()) {
    std::string_view p = next_token(&pattern);
    if (subject.empty()) return false;
    if (p == ">") return true;
    std::string_view s = next_token(&subject);
    if (p != "*" && p != s) return false;
  }
  return subject.empty();
}

LaneId::Form LaneId::form() const {
  if (!node.empty()) return Form::kNode;
  if (resource.empty()) return Form::kCluster;
  if (!name.empty()) return Form::kObject;
  return ns.empty() ? Form::kResource : Form::kNamespace;
}

std::string LaneId::str() const {
  switch (form()) {
    case Form::kCluster:
      return "cluster";
    case Form::kNode:
      return "node/" + node;
    case Form::kResource:
      return resource + "." + group;
    case Form::kNamespace:
      return resource + "." + group + "/" + ns;
    case Form::kObject:
      return resource + "." + group + "/" + ns + "/" + name;
  }
  return "";
}

Subjects::Subjects(ClusterName cluster) : prefix_(prefix_of(cluster.value())) {}

ClusterName Subjects::replay(std::string_view name) {
  return ClusterName(std::string(kReplay) + std::string(name));
}

Pattern Subjects::all_replays(std::string_view rest) {
  return Pattern("kubus.replay.*." + std::string(rest));
}

Subject Subjects::replay_control(std::string_view name) {
  return Subject(prefix_of(std::string(kReplay) + std::string(name)) + "control");
}

Subject Subjects::event(std::string_view group, std::string_view resource, std::string_view ns,
                        std::string_view name) const {
  return Subject(prefix_ + "event." + join({group, resource, ns, name}));
}

Subject Subjects::node_event(std::string_view node, std::string_view group,
                             std::string_view resource, std::string_view ns,
                             std::string_view name) const {
  return Subject(prefix_ + "node." + escape_token(node) + ".event." +
                 join({group, resource, ns, name}));
}

Pattern Subjects::events_of(const LaneId& lane) const {
  std::string base = prefix_ + "event.";
  switch (lane.form()) {
    case LaneId::Form::kCluster:
      return Pattern(base + ">");
    case LaneId::Form::kNode:
      return Pattern(prefix_ + "node." + escape_token(lane.node) + ".event.>");
    case LaneId::Form::kResource:
      return Pattern(base + join({lane.group, lane.resource}) + ".>");
    case LaneId::Form::kNamespace:
      return Pattern(base + join({lane.group, lane.resource, lane.ns}) + ".*");
    case LaneId::Form::kObject:
      return Pattern(base + join({lane.group, lane.resource, lane.ns, lane.name}));
  }
  return Pattern("");
}

Subject Subjects::head(const LaneId& lane) const {
  std::string base = prefix_ + "head.";
  switch (lane.form()) {
    case LaneId::Form::kCluster:
      return Subject(base + "cluster");
    case LaneId::Form::kNode:
      return Subject(base + "node." + escape_token(lane.node));
    case LaneId::Form::kResource:
      return Subject(base + "resource." + join({lane.group, lane.resource}));
    case LaneId::Form::kNamespace:
      return Subject(base + "namespace." + join({lane.group, lane.resource, lane.ns}));
    case LaneId::Form::kObject:
      return Subject(base + "object." + join({lane.group, lane.resource, lane.ns, lane.name}));
  }
  return Subject("");
}

Pattern Subjects::heads_of(const LaneId& lane) const {
  if (lane.form() == LaneId::Form::kCluster) return Pattern(prefix_ + "head.>");
  return Pattern(head(lane).str());
}

Subject Subjects::api(const Actor& actor, std::string_view verb, std::string_view group,
                      std::string_view resource) const {
  return Subject(prefix_ + "api." + escape_actor(actor.value()) + "." +
                 join({verb, group, resource}));
}

Pattern Subjects::all_api() const {
  return Pattern(prefix_ + "api.>");
}

std::optional<ApiSubject> Subjects::parse_api(std::string_view subject) const {
  std::string base = prefix_ + "api.";
  if (subject.substr(0, base.size()) != base) return std::nullopt;
  subject.remove_prefix(base.size());
  std::array<std::string, 4> parts;
  for (std::string& part : parts) {
    auto text = unescape_token(next_token(&subject));
    if (!text) return std::nullopt;
    part = *std::move(text);
  }
  if (!subject.empty()) return std::nullopt;
  return ApiSubject{parts[0], parts[1], parts[2], parts[3]};
}

Subject Subjects::reply(const Actor& actor, std::string_view nonce) const {
  return Subject(prefix_ + "reply." + escape_actor(actor.value()) + "." + escape_token(nonce));
}

Pattern Subjects::replies(const Actor& actor) const {
  return Pattern(prefix_ + "reply." + escape_actor(actor.value()) + ".>");
}

bool Subjects::reply_belongs_to(std::string_view reply, std::string_view actor) const {
  std::string base = prefix_ + "reply." + escape_actor(actor) + ".";
  if (reply.size() <= base.size() || reply.substr(0, base.size()) != base) return false;
  return reply.find_first_of("*> \t\r\n", base.size()) == std::string_view::npos;
}

Subject Subjects::node_command(const NodeName& node, std::string_view op) const {
  return Subject(prefix_ + "node." + escape_token(node.value()) + ".command." + escape_token(op));
}

Pattern Subjects::node_commands(const NodeName& node) const {
  return Pattern(prefix_ + "node." + escape_token(node.value()) + ".command.>");
}

Subject Subjects::admission(std::string_view name) const {
  return Subject(prefix_ + "admission." + escape_token(name));
}

Subject Subjects::stats(std::string_view component, std::string_view instance) const {
  return Subject(prefix_ + "stats." + join({component, instance}));
}

Pattern Subjects::stats_of(std::string_view component) const {
  return Pattern(prefix_ + "stats." + escape_token(component) + ".>");
}

Subject Subjects::heartbeat(std::string_view kind, std::string_view name) const {
  return Subject(prefix_ + "heartbeat." + join({kind, name}));
}

Pattern Subjects::heartbeats(std::string_view kind) const {
  return Pattern(prefix_ + "heartbeat." + escape_token(kind) + ".>");
}

std::string Subjects::cloudevent_root(std::string_view root) const {
  return root.empty() ? prefix_ + "cloudevents." : std::string(root) + ".";
}

Subject Subjects::cloudevent(std::string_view root, std::string_view group,
                             std::string_view resource, std::string_view ns,
                             std::string_view name) const {
  return Subject(cloudevent_root(root) + join({group, resource, ns, name}));
}

Subject Subjects::cloudevent_marker(std::string_view root, std::string_view route) const {
  return Subject(cloudevent_root(root) + "marker." + escape_token(route));
}

Subject Subjects::cloudevent_lost(std::string_view root, std::string_view route) const {
  return Subject(cloudevent_root(root) + "lost." + escape_token(route));
}

Pattern Subjects::cloudevents() const {
  return Pattern(cloudevent_root("") + ">");
}

}  // namespace kubus::bus
