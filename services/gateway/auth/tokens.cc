#include "services/gateway/auth/tokens.h"

#include <algorithm>
#include <boost/json.hpp>

namespace kubus::gateway {
namespace {

namespace json = boost::json;

constexpr bus::Duration kTrusted = std::chrono::seconds(10);
constexpr size_t kMostKnown = 4096;

Error refused(const std::string& why) {
  return Error(Code::kUnauthorized, "Unauthorized: " + why);
}

std::string text(const json::object& from, std::string_view name) {
  const json::value* v = from.if_contains(name);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

const json::object& object(const json::object& from, std::string_view name) {
  static const json::object kNone;
  const json::value* v = from.if_contains(name);
  return v && v->is_object() ? v->as_object() : kNone;
}

bool is_for_us(const json::object& claims) {
  const json::value* audiences = claims.if_contains("aud");
  if (!audiences) return false;
  if (audiences->is_string()) return *audiences == token::kIssuer;
  if (!audiences->is_array()) return false;
  const json::array& list = audiences->as_array();
  return std::find(list.begin(), list.end(), json::value(token::kIssuer)) != list.end();
}

const schema::KindInfo* kind(std::string_view resource) {
  return schema::Registry::get().by_resource("", resource);
}

bool is_gone(const Result<Object>& found, const std::string& uid) {
  return found ? found->uid() != uid : found.error().code == Code::kNotFound;
}

}  // namespace

Tokens::Tokens(bus::Ports ports, kit::Client& client, std::unique_ptr<token::Verifier> key)
    : ports_(ports), client_(client), key_(std::move(key)) {}

Tokens::~Tokens() = default;

void Tokens::authenticate(const std::string& bearer, Done done) {
  auto found = known_.find(bearer);
  if (found != known_.end() && found->second.ends > ports_.clock.wall_seconds() &&
      ports_.clock.now() - found->second.asked < kTrusted)
    return done(found->second.peer);
  if (found != known_.end()) known_.erase(found);
  auto read_token = read(bearer);
  if (!read_token) return done(read_token.error());
  ask(bearer, std::make_shared<Known>(*std::move(read_token)), std::move(done));
}

Result<Tokens::Known> Tokens::read(const std::string& bearer) const {
  if (!key_) return refused("this gateway takes no tokens");
  auto claims = key_->verify(bearer, ports_.clock.wall_seconds());
  if (!claims) return refused(claims.error().message);
  if (text(*claims, "iss") != token::kIssuer || !is_for_us(*claims))
    return refused("the bearer token is meant for others");
  const json::object& about = object(*claims, "kubernetes.io");
  const json::object &account = object(about, "serviceaccount"), &pod = object(about, "pod");
  std::string ns = text(about, "namespace"), name = text(account, "name");
  if (ns.empty() || name.empty()) return refused("the bearer token names no service account");
  Known out;
  out.ends = claims->at("exp").as_int64();
  out.account = {kind("serviceaccounts"), ns, name};
  out.account_uid = text(account, "uid");
  out.pod = {kind("pods"), ns, text(pod, "name")};
  out.pod_uid = text(pod, "uid");
  out.peer.user = "system:serviceaccount:" + ns + ":" + name;
  out.peer.groups = {"system:serviceaccounts", "system:serviceaccounts:" + ns};
  out.peer.uid = out.account_uid;
  auto note = [&](const char* key, const std::string& value) {
    if (!value.empty())
      out.peer.extra["authentication.kubernetes.io/" + std::string(key)] = {value};
  };
  note("credential-id", "JTI=" + text(*claims, "jti"));
  note("node-name", text(object(about, "node"), "name"));
  note("pod-name", out.pod.name);
  note("pod-uid", out.pod_uid);
  return out;
}

void Tokens::ask(const std::string& bearer, std::shared_ptr<Known> known, Done done) {
  std::weak_ptr<bool> alive = alive_;
  client_.get(known->account, [this, alive, bearer, known, done](Result<Object> found) {
    if (alive.expired()) return;
    if (is_gone(found, known->account_uid))
      return done(refused("the service account of the bearer token is gone"));
    if (!found) return done(found.error());
    if (!known->pod.name.empty()) return ask_pod(bearer, known, done);
    keep(bearer, *known);
    done(known->peer);
  });
}

void Tokens::ask_pod(const std::string& bearer, std::shared_ptr<Known> known, Done done) {
  std::weak_ptr<bool> alive = alive_;
  client_.get(known->pod, [this, alive, bearer, known, done](Result<Object> found) {
    if (alive.expired()) return;
    if (is_gone(found, known->pod_uid))
      return done(refused("the Pod that the bearer token is bound to is gone"));
    if (!found) return done(found.error());
    keep(bearer, *known);
    done(known->peer);
  });
}

void Tokens::keep(const std::string& bearer, const Known& known) {
  if (known_.size() >= kMostKnown) known_.clear();
  Known& kept = known_[bearer] = known;
  kept.asked = ports_.clock.now();
}

}  // namespace kubus::gateway
