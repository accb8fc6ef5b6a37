// serviceaccounts/token: a token of an account, bound to a Pod if the request says so. Nothing is
// written.
#include <algorithm>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/scalars.h"
#include "schemas/lib/token/token.h"
#include "services/store/executor/words.h"
#include "services/store/executor/write.h"
#include "services/store/kinds/values.h"

namespace kubus::store {
namespace {

using kinds::array_in;
using kinds::object_in;
using kinds::text_in;

constexpr int64_t kUsualSeconds = 3600, kLeastSeconds = 600, kMostSeconds = int64_t{1} << 32;

struct Bound {
  std::string pod, uid, node;
};

Error invalid(const std::string& field, const std::string& why) {
  return Error(Code::kInvalid,
               "TokenRequest.authentication.k8s.io is invalid: " + field + ": " + why,
               {{"FieldValueInvalid", why, field}});
}

Result<int64_t> seconds_of(const json::object& spec) {
  int64_t seconds = kUsualSeconds;
  if (kinds::has(spec, "expirationSeconds")) seconds = kinds::number_in(spec, "expirationSeconds");
  if (seconds >= kLeastSeconds && seconds <= kMostSeconds) return seconds;
  return invalid("spec.expirationSeconds", "must be from 600 to 4294967296 seconds");
}

// The Pod that the token dies with, and its node.
Result<Bound> bound_pod(Scope& s, const json::object& ref) {
  static const schema::KindInfo& kPods = *schema::Registry::get().by_resource("", "pods");
  std::string_view name = text_in(ref, "name"), uid = text_in(ref, "uid");
  if (text_in(ref, "kind") != "Pod")
    return invalid("spec.boundObjectRef.kind", "tokens can be bound to a Pod only");
  Stored found = s.find(kPods, s.ns, name);
  if (!found) return not_found(kPods, name);
  Object pod = found.object(kPods);
  if (!uid.empty() && pod.uid() != uid)
    return conflict(kPods, name, "its uid is another than the request's");
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  if (text_of(spec->service_account_name()) != s.name)
    return invalid("spec.boundObjectRef.name", "that Pod acts as another service account");
  return Bound{std::string(name), std::string(pod.uid()), std::string(text_of(spec->node_name()))};
}

json::object claims_of(Scope& s, const Object& account, const json::array& audiences,
                       const std::optional<Bound>& bound, int64_t now, int64_t seconds) {
  json::object about{{"namespace", s.ns},
                     {"serviceaccount", {{"name", s.name}, {"uid", account.uid()}}}};
  if (bound) {
    about["pod"] = json::object{{"name", bound->pod}, {"uid", bound->uid}};
    if (!bound->node.empty()) about["node"] = json::object{{"name", bound->node}};
  }
  return {{"aud", audiences},
          {"exp", now + seconds},
          {"iat", now},
          {"iss", token::kIssuer},
          {"jti", s.env.ports.random.uuid()},
          {"kubernetes.io", std::move(about)},
          {"nbf", now},
          {"sub", "system:serviceaccount:" + std::string(s.ns) + ":" + std::string(s.name)}};
}

}  // namespace

Status run_token(Scope& s, const json::object& request) {
  if (s.env.signer == nullptr)
    return Error(Code::kUnavailable, "this cluster has no key to sign tokens with");
  Stored account = s.find(*s.kind, s.ns, s.name);
  if (!account) return not_found(*s.kind, s.name);
  const json::object& spec = object_in(request, "spec");
  auto seconds = seconds_of(spec);
  if (!seconds) return seconds.error();
  std::optional<Bound> bound;
  if (kinds::has(spec, "boundObjectRef")) {
    auto found = bound_pod(s, object_in(spec, "boundObjectRef"));
    if (!found) return found.error();
    bound = *std::move(found);
  }
  // A node speaks for the Pods that it runs, and for nobody else.
  std::string_view node =
      s.caller.identity == nullptr ? s.env.authorizer.node_of(s.caller.actor) : std::string_view();
  if (!node.empty() && (!bound || bound->node != node))
    return forbidden(*s.kind, s.caller.actor, "create", s.ns, "a node's tokens are of its Pods");
  json::array audiences = array_in(spec, "audiences");
  if (audiences.empty()) audiences.emplace_back(token::kIssuer);
  Stage stage(s, *s.kind, s.ns, s.name);
  int64_t now = stage.context().now_unix_seconds;
  auto made =
      s.env.signer->sign(claims_of(s, account.object(*s.kind), audiences, bound, now, *seconds));
  if (!made) return made.error();
  json::object answer = request;
  json::object& out = kinds::make_object(answer, "spec");
  out["audiences"] = std::move(audiences);
  out["expirationSeconds"] = *seconds;
  answer["metadata"] = {
      {"name", s.name}, {"namespace", s.ns}, {"creationTimestamp", codec::format_time(now)}};
  answer["status"] = json::object{{"token", *std::move(made)},
                                  {"expirationTimestamp", codec::format_time(now + *seconds)}};
  auto body = body_kind(*s.kind, s.subresource);
  if (!body) return body.error();
  auto bytes = codec::from_value(**body, json::value(std::move(answer)), nullptr);
  if (!bytes) return bytes.error();
  s.out->object = Payload(*std::move(bytes));
  s.out->revision = account.revision;
  s.out->created = true;
  return {};
}

}  // namespace kubus::store
