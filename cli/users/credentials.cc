#include "cli/users/credentials.h"

#include <boost/json.hpp>

#include "cli/cluster/known_users.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

json::object lane(const bus::Subjects& subjects, const bus::LaneId& lane) {
  return {{"group", lane.group},
          {"resource", lane.resource},
          {"namespace", lane.ns},
          {"name", lane.name},
          {"events", subjects.events_of(lane).str()},
          {"head", subjects.head(lane).str()}};
}

// Null: it has no right there.
json::value stream_part(const ClusterConfig& config, const std::string& name,
                        const std::vector<std::string>& may) {
  auto user = stream_user({.name = name, .password_hash = "", .may = may});
  if (!user) return nullptr;
  bus::StreamSubjects subjects{ClusterName(config.name)};
  json::array consumers;
  for (size_t i = 0; i < user->lanes.size(); ++i) {
    consumers.push_back({{"name", bus::StreamSubjects::consumer(name, i, user->lanes.size())},
                         {"filter", subjects.messages_of(user->lanes[i]).str()}});
  }
  std::string replies = bus::Subjects(ClusterName(config.name)).replies(Actor(user->actor)).str();
  return {{"user", user->actor},
          {"stream", subjects.stream()},
          {"inboxPrefix", replies.substr(0, replies.size() - 2)},
          {"consumers", std::move(consumers)}};
}

}  // namespace

json::object credentials_of(const ClusterConfig& config, const std::string& name,
                            const std::string& password, const std::vector<std::string>& may,
                            const std::string& ca_pem) {
  bus::Subjects subjects{ClusterName(config.name)};
  Actor actor(std::string(bus::kUserActorPrefix) + name);
  json::array rights, lanes, admissions;
  for (const std::string& text : may) {
    rights.emplace_back(text);
    auto grant = bus::parse_grant(text);
    if (grant && grant->right == bus::Right::kWatch) lanes.push_back(lane(subjects, grant->lane()));
    if (grant && grant->right == bus::Right::kAdmission)
      admissions.push_back(
          {{"name", grant->name}, {"subject", subjects.admission(grant->name).str()}});
  }
  json::object out{
      {"cluster", config.name},
      {"actor", actor.value()},
      {"servers", {"nats://" + config.listen + ":" + std::to_string(config.bus_port)}},
      {"user", actor.value()},
      {"password", password},
      {"prefix", subjects.prefix().substr(0, subjects.prefix().size() - 1)},
      {"requests", subjects.prefix() + "api." + bus::escape_actor(actor.value()) + ".>"},
      {"replies", subjects.replies(actor).str()},
      {"may", std::move(rights)},
      {"lanes", std::move(lanes)},
      {"admissions", std::move(admissions)},
      {"caCertificate", ca_pem}};
  json::value stream = stream_part(config, name, may);
  if (!stream.is_null()) out["stream"] = std::move(stream);
  return out;
}

}  // namespace kubus::cli
