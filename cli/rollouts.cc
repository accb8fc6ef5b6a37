#include "cli/rollouts.h"

#include <boost/json/array.hpp>
#include <boost/json/value_to.hpp>
#include <charconv>

#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr const char* kRevision = "deployment.kubernetes.io/revision";
constexpr const char* kHash = "pod-template-hash";

const json::value* at(const json::object& o, std::initializer_list<std::string_view> path) {
  const json::object* in = &o;
  const json::value* v = nullptr;
  for (std::string_view key : path) {
    if (in == nullptr) return nullptr;
    v = in->if_contains(key);
    in = v ? v->if_object() : nullptr;
  }
  return v;
}

int64_t number(const json::object& o, std::initializer_list<std::string_view> path,
               int64_t otherwise = 0) {
  const json::value* v = at(o, path);
  return v && v->is_number() ? v->to_number<int64_t>() : otherwise;
}

std::string text(const json::object& o, std::initializer_list<std::string_view> path) {
  const json::value* v = at(o, path);
  return v && v->is_string() ? std::string(v->get_string()) : "";
}

bool deadline_passed(const json::object& deployment) {
  const json::value* conditions = at(deployment, {"status", "conditions"});
  if (!conditions || !conditions->is_array()) return false;
  for (const json::value& c : conditions->get_array()) {
    if (c.is_object() && text(c.get_object(), {"reason"}) == "ProgressDeadlineExceeded")
      return true;
  }
  return false;
}

bool is_owned(const json::object& object, std::string_view uid) {
  const json::value* owners = at(object, {"metadata", "ownerReferences"});
  if (!owners || !owners->is_array()) return false;
  for (const json::value& o : owners->get_array()) {
    if (o.is_object() && text(o.get_object(), {"uid"}) == uid) return true;
  }
  return false;
}

}  // namespace

Progress progress_of(const json::object& d) {
  int64_t wanted = number(d, {"spec", "replicas"}, 1), all = number(d, {"status", "replicas"}),
          updated = number(d, {"status", "updatedReplicas"}),
          available = number(d, {"status", "availableReplicas"});
  std::string name = "deployment \"" + text(d, {"metadata", "name"}) + "\"";
  auto waits = [&](const std::string& why) {
    return Progress{"Waiting for " + name + " rollout to finish: " + why + "...", false, false};
  };
  if (number(d, {"metadata", "generation"}) > number(d, {"status", "observedGeneration"})) {
    return {"Waiting for " + name + " spec update to be observed...", false, false};
  }
  if (deadline_passed(d)) return {name + " exceeded its progress deadline", false, true};
  if (updated < wanted) {
    return waits(std::to_string(updated) + " out of " + std::to_string(wanted) +
                 " new replicas have been updated");
  }
  if (all > updated) {
    return waits(std::to_string(all - updated) + " old replicas are pending termination");
  }
  if (available < updated) {
    return waits(std::to_string(available) + " of " + std::to_string(updated) +
                 " updated replicas are available");
  }
  return {name + " successfully rolled out", true, false};
}

Result<Versions> versions_of(Session& session, const Object& deployment) {
  const auto* kind = schema::Registry::get().by_resource("apps", "replicasets");
  auto page = session.list_all(*kind, std::string(deployment.ns()), "", "");
  if (!page) return page.error();
  Versions out;
  for (const Object& set : page->items) {
    json::value whole = codec::to_value(*kind, set.bytes());
    if (!is_owned(whole.as_object(), deployment.uid())) continue;
    std::string_view revision = set.annotation(kRevision).value_or("0");
    int64_t n = 0;
    std::from_chars(revision.data(), revision.data() + revision.size(), n);
    out[n] = whole.as_object();
  }
  return out;
}

json::object template_of(const json::object& replica_set) {
  const json::value* found = at(replica_set, {"spec", "template"});
  json::object out = found && found->is_object() ? found->get_object() : json::object();
  if (json::value* meta = out.if_contains("metadata"); meta && meta->is_object()) {
    json::value* labels = meta->get_object().if_contains("labels");
    if (labels && labels->is_object()) labels->get_object().erase(kHash);
  }
  return out;
}

}  // namespace kubus::cli
