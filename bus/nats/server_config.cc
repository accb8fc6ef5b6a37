#include "bus/nats/server_config.h"

namespace kubus::bus {
namespace {

// Text between double quotes, as nats-server's configuration reads it.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + "\"";
}

std::string list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out += (out.size() > 1 ? ", " : "") + quoted(item);
  return out + "]";
}

struct Permissions {
  std::vector<std::string> publish, subscribe;
  bool answers = false;  // may publish one answer to what it hears, where that says
};

Permissions permissions_of(const Subjects& s, const BusUser& user);

// Each node's kubelet under its own name, and nobody else.
Permissions hollow_permissions(const Subjects& s, const BusUser& user) {
  Permissions all;
  all.answers = true;
  for (const std::string& node : user.nodes) {
    BusUser one{.actor = "kubelet:" + node, .role = Role::kKubelet, .node = node};
    Permissions p = permissions_of(s, one);
    all.publish.insert(all.publish.end(), p.publish.begin(), p.publish.end());
    all.subscribe.insert(all.subscribe.end(), p.subscribe.begin(), p.subscribe.end());
  }
  return all;
}

// What a follower may in the cluster it may in every replay on the same bus, to be tried there.
void add_replays(const Subjects& s, const BusUser& user, Permissions* p) {
  auto twin = [&](const std::string& subject) {
    return Subjects::all_replays(std::string_view(subject).substr(s.prefix().size())).str();
  };
  p->publish.push_back(twin(s.prefix() + "api." + escape_actor(user.actor) + ".>"));
  for (size_t i = 0, n = p->subscribe.size(); i < n; ++i)
    p->subscribe.push_back(twin(p->subscribe[i]));
}

// Nothing that is alive: a replay can forge no event and hears no request of the cluster.
Permissions replay_permissions() {
  auto all = [](const char* rest) { return Subjects::all_replays(rest).str(); };
  return {{all("event.>"), all("node.>"), all("head.>"), all("reply.>")},
          {all("api.>"), all("control")},
          true};
}

Permissions permissions_of(const Subjects& s, const BusUser& user) {
  Actor actor(user.actor);
  const std::string& prefix = s.prefix();
  // What everyone may who sends requests: under its own name only, and hear its own answers only.
  Permissions p{{prefix + "api." + escape_actor(user.actor) + ".>", prefix + "heartbeat.>"},
                {s.replies(actor).str()}};
  LaneId node{"", "", "", "", user.node};
  switch (user.role) {
    case Role::kStore:
      p.publish = {prefix + "event.>",     prefix + "node.>",  prefix + "head.>",
                   prefix + "admission.>", prefix + "reply.>", prefix + "heartbeat.>",
                   prefix + "stats.>"};
      p.subscribe = {s.all_api().str(), prefix + "heartbeat.>", s.stats_of("store").str(),
                     s.replies(actor).str()};
      break;
    case Role::kComponent:
    case Role::kAdmin:
      p.subscribe.push_back(prefix + "event.>");
      p.subscribe.push_back(prefix + "head.>");
      p.subscribe.push_back(prefix + "heartbeat.>");
      p.subscribe.push_back(s.cloudevents().str());
      p.publish.push_back(prefix + "stats.>");
      add_replays(s, user, &p);
      if (user.role != Role::kAdmin) break;
      // Tells replays what to do, and plays some itself.
      p.publish.push_back(Subjects::all_replays("control").str());
      p.subscribe.push_back(Subjects::all_replays("control").str());
      p.answers = true;
      break;
    case Role::kKubelet:
      p.publish = {prefix + "api." + escape_actor(user.actor) + ".>",
                   s.heartbeat("node", user.node).str()};
      p.subscribe.push_back(s.events_of(node).str());
      p.subscribe.push_back(s.head(node).str());
      p.subscribe.push_back(s.node_commands(NodeName(user.node)).str());
      // Who asks for its figures says where the answer goes; nothing else does.
      p.subscribe.push_back(s.stats("kubelet", user.node).str());
      p.answers = true;
      break;
    case Role::kBridge:
      p.publish = {prefix + "api." + escape_actor(user.actor) + ".>", s.cloudevents().str()};
      p.subscribe.insert(p.subscribe.end(),
                         {prefix + "event.>", prefix + "head.>", s.cloudevents().str(),
                          s.stats("bridge", user.actor).str()});
      // Who asks for its figures says where the answer goes.
      p.answers = true;
      break;
    case Role::kHollow:
      return hollow_permissions(s, user);
    case Role::kReader:
      p.publish = {prefix + "api." + escape_actor(user.actor) + ".>"};
      for (const LaneId& lane : user.lanes) {
        p.subscribe.push_back(s.events_of(lane).str());
        p.subscribe.push_back(s.heads_of(lane).str());
      }
      add_replays(s, user, &p);
      for (const std::string& name : user.admissions)
        p.subscribe.push_back(s.admission(name).str());
      p.answers = !user.admissions.empty();
      break;
    case Role::kReplay:
      return replay_permissions();
    default:
      break;
  }
  return p;
}

Permissions stream_permissions(const Subjects& s, const StreamSubjects& stream,
                               const BusUser& user) {
  Permissions p{{}, {s.replies(Actor(user.actor)).str()}};
  if (user.role == Role::kStreamWriter) {
    p.publish.push_back(stream.messages_of({}).str());
    for (const char* operation : {"STREAM.CREATE", "STREAM.UPDATE", "STREAM.INFO", "STREAM.PURGE",
                                  "STREAM.DELETE", "STREAM.MSG.GET"})
      p.publish.push_back(stream.api(operation).str());
  } else if (user.role == Role::kStreamAdmin) {
    p.publish = {stream.all_api().str(), stream.all_acknowledgements().str()};
  } else {
    p.publish.push_back("$JS.API.INFO");
    for (size_t i = 0; i < user.lanes.size(); ++i) {
      std::string name = StreamSubjects::consumer(user.consumer, i, user.lanes.size());
      p.publish.push_back(stream.make_consumer(name, user.lanes[i]).str());
      for (const char* operation : {"CONSUMER.INFO", "CONSUMER.DELETE", "CONSUMER.MSG.NEXT"})
        p.publish.push_back(stream.consumer_api(operation, name).str());
      p.publish.push_back(stream.acknowledgements(name).str());
    }
  }
  return p;
}

bool of_stream(Role role) {
  return role == Role::kStreamWriter || role == Role::kStreamAdmin || role == Role::kStreamReader;
}

std::string user_block(const ServerConfig& config, const BusUser& user) {
  Subjects subjects(config.cluster);
  Permissions p = of_stream(user.role)
                      ? stream_permissions(subjects, StreamSubjects(config.cluster), user)
                      : permissions_of(subjects, user);
  return "    { user: " + quoted(user.actor) + ", password: " + quoted(user.password) +
         ",\n      permissions: {\n        publish: { allow: " + list(p.publish) +
         " }\n        subscribe: { allow: " + list(p.subscribe) + " }\n" +
         (p.answers ? "        allow_responses: { max: 1, expires: \"1m\" }\n" : "") +
         "      }\n    }\n";
}

}  // namespace

std::string render_server_config(const ServerConfig& c) {
  constexpr size_t kHeaderRoom = 64 << 10;
  constexpr size_t kMostPending = 256 << 20;
  std::string out = "# Written by kubus; changes are lost.\n";
  out += "listen: " + quoted(c.listen + ":" + std::to_string(c.port)) + "\n";
  out += "max_payload: " + std::to_string(kMostMessageBytes + kHeaderRoom) + "\n";
  out += "max_pending: " + std::to_string(kMostPending) + "\n";
  out += "write_deadline: \"10s\"\n";
  if (!c.cert_file.empty()) {
    out += "tls { cert_file: " + quoted(c.cert_file) + ", key_file: " + quoted(c.key_file) +
           ", ca_file: " + quoted(c.ca_file) + " }\n";
  }
  out += "authorization {\n  users: [\n";
  for (const BusUser& user : c.users) out += user_block(c, user);
  out += "  ]\n}\n";
  if (!c.stream) return out;
  out += "jetstream { store_dir: " + quoted(c.stream->store_dir) + " }\n";
  out += "accounts {\n  STREAM { jetstream: enabled, users: [\n";
  for (const BusUser& user : c.stream->users) out += user_block(c, user);
  return out + "  ] }\n}\n";
}

}  // namespace kubus::bus
