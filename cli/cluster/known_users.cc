#include "cli/cluster/known_users.h"

#include <boost/json.hpp>

#include "bus/grants.h"
#include "cli/cluster/files.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr int kSecret = 0600;

bool take(const json::object& from, const char* field, std::string* to) {
  const json::value* v = from.if_contains(field);
  if (v == nullptr || !v->is_string()) return false;
  *to = v->as_string();
  return true;
}

bool take(const json::value& from, KnownUser* to) {
  if (!from.is_object()) return false;
  const json::object& o = from.get_object();
  const json::value* may = o.if_contains("may");
  if (!take(o, "name", &to->name) || !take(o, "passwordHash", &to->password_hash) ||
      may == nullptr || !may->is_array())
    return false;
  for (const json::value& right : may->get_array()) {
    if (!right.is_string()) return false;
    to->may.emplace_back(right.get_string());
  }
  return true;
}

}  // namespace

Result<std::vector<KnownUser>> read_known_users(const Layout& layout) {
  std::vector<KnownUser> out;
  if (!exists(layout.bus_users())) return out;
  auto text = read_file(layout.bus_users());
  if (!text) return text.error();
  boost::system::error_code code;
  json::value all = json::parse(*text, code);
  bool good = !code && all.is_array();
  for (size_t i = 0; good && i < all.get_array().size(); ++i) {
    good = take(all.get_array()[i], &out.emplace_back());
  }
  if (!good) return Error(Code::kBadRequest, layout.bus_users() + " is no list of users");
  return out;
}

Status write_known_users(const Layout& layout, const std::vector<KnownUser>& users) {
  json::array all;
  for (const KnownUser& user : users) {
    json::array may;
    for (const std::string& right : user.may) may.emplace_back(right);
    all.push_back(
        {{"name", user.name}, {"passwordHash", user.password_hash}, {"may", std::move(may)}});
  }
  return write_file(layout.bus_users(), json::serialize(all) + "\n", kSecret);
}

bus::BusUser bus_user(const KnownUser& user) {
  bus::BusUser out{.actor = std::string(bus::kUserActorPrefix) + user.name,
                   .password = user.password_hash,
                   .role = bus::Role::kReader};
  for (const std::string& right : user.may) {
    auto grant = bus::parse_grant(right);
    if (!grant) continue;
    if (grant->right == bus::Right::kWatch) out.lanes.push_back(grant->lane());
    if (grant->right == bus::Right::kAdmission) out.admissions.push_back(grant->name);
  }
  return out;
}

std::optional<bus::BusUser> stream_user(const KnownUser& user) {
  bus::BusUser out{.actor = std::string(bus::kStreamActorPrefix) + user.name,
                   .password = user.password_hash,
                   .role = bus::Role::kStreamReader,
                   .consumer = user.name};
  for (const std::string& right : user.may) {
    auto grant = bus::parse_grant(right);
    if (grant && grant->right == bus::Right::kStream) out.lanes.push_back(grant->lane());
  }
  if (out.lanes.empty()) return std::nullopt;
  return out;
}

}  // namespace kubus::cli
