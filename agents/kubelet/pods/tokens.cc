#include "agents/kubelet/pods/tokens.h"

#include <boost/json/object.hpp>

#include "schemas/authentication/v1/authentication_generated.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/core/v1/volume_generated.h"
#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kUsualSeconds = 3600;
constexpr int64_t kTryAgain = 10 * kSecond;

const schema::KindInfo& request_kind() {
  static const auto* const kKind =
      schema::Registry::get().by_kind("authentication.k8s.io", "v1", "TokenRequest");
  KUBUS_CHECK(kKind);
  return *kKind;
}

wire::RequestT request_for(const Object& pod, const TokenKey& key) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  json::object wanted{
      {"expirationSeconds", key.seconds},
      {"boundObjectRef",
       {{"kind", "Pod"}, {"apiVersion", "v1"}, {"name", pod.name()}, {"uid", pod.uid()}}}};
  if (!key.audience.empty()) wanted["audiences"] = json::array{key.audience};
  auto body = codec::from_value(request_kind(), json::object{{"spec", std::move(wanted)}}, nullptr);
  KUBUS_CHECK(body);
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Create;
  op->resource = "serviceaccounts";
  op->namespace_ = pod.ns();
  op->name = spec->service_account_name() ? spec->service_account_name()->str() : "default";
  op->subresource = "token";
  op->object = *std::move(body);
  wire::RequestT out;
  out.operations.push_back(std::move(op));
  return out;
}

}  // namespace

std::set<TokenKey> token_keys(const Object& pod) {
  std::set<TokenKey> out;
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  if (!spec || !spec->volumes()) return out;
  for (const auto* v : *spec->volumes()) {
    if (!v->projected() || !v->projected()->sources()) continue;
    for (const auto* s : *v->projected()->sources()) {
      const auto* t = s->service_account_token();
      if (!t) continue;
      out.insert({t->audience() ? t->audience()->str() : "",
                  t->expiration_seconds().value_or(kUsualSeconds)});
    }
  }
  return out;
}

void TokenCache::fetch(const Object& pod, std::function<void()> done) {
  std::set<TokenKey> missing;
  std::string uid(pod.uid());
  int64_t now = ports_.clock.wall_ns();
  for (const TokenKey& key : token_keys(pod)) {
    auto known = tokens_[uid].find(key);
    if (known == tokens_[uid].end() || known->second.text.empty() || known->second.due <= now)
      missing.insert(key);
  }
  if (missing.empty() || !ports_.bus.connected()) return done();
  auto left = std::make_shared<size_t>(missing.size());
  for (const TokenKey& key : missing) {
    ask(pod, key, [left, done] {
      if (--*left == 0) done();
    });
  }
}

void TokenCache::ask(const Object& pod, const TokenKey& key, std::function<void()> done) {
  std::weak_ptr<bool> alive = alive_;
  client_.call(request_for(pod, key),
               [this, alive, uid = std::string(pod.uid()), key, done](Result<kit::Answer> answer) {
                 if (alive.expired()) return;
                 on_token(uid, key, answer);
                 done();
               });
}

void TokenCache::on_token(const std::string& uid, const TokenKey& key,
                          const Result<kit::Answer>& answer) {
  Token& token = tokens_[uid][key];
  int64_t now = ports_.clock.wall_ns();
  token.due = now + kTryAgain;
  Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
  const auto* bytes = status ? answer->outcome().object() : nullptr;
  bool whole = bytes && codec::verify(request_kind(), {bytes->data(), bytes->size()});
  const auto* body =
      whole ? flatbuffers::GetRoot<authentication::v1::TokenRequest>(bytes->data()) : nullptr;
  if (!body || !body->status() || !body->status()->token()) {
    token.error = status ? "the answer holds none" : status.error().message;
    return;
  }
  token.error.clear();
  token.text = body->status()->token()->str();
  token.ends = body->status()->expiration_timestamp().value_or(0) * kSecond;
  token.due = now + (token.ends - now) / 5 * 4;
}

TokenLookup TokenCache::lookup(const std::string& pod_uid) const {
  return [this, pod_uid](const TokenKey& key) -> Result<std::string> {
    auto pod = tokens_.find(pod_uid);
    if (pod != tokens_.end()) {
      auto token = pod->second.find(key);
      bool known = token != pod->second.end();
      if (known && !token->second.text.empty() && token->second.ends > ports_.clock.wall_ns())
        return token->second.text;
      if (known && !token->second.error.empty())
        return Error(Code::kUnavailable, "no token of the service account: " + token->second.error);
    }
    return Error(Code::kUnavailable, "no token of the service account yet");
  };
}

int64_t TokenCache::due(const std::string& pod_uid) const {
  auto pod = tokens_.find(pod_uid);
  int64_t first = 0;
  if (pod == tokens_.end()) return first;
  for (const auto& [key, token] : pod->second)
    first = first == 0 ? token.due : std::min(first, token.due);
  return first;
}

void TokenCache::forget(const std::string& pod_uid) {
  tokens_.erase(pod_uid);
}

}  // namespace kubus::kubelet
