#include "services/controllers/deployment/template.h"

#include "services/controllers/owners.h"
#include "services/controllers/values.h"

namespace kubus::controllers::deployment {
namespace {

namespace json = boost::json;

constexpr std::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";
constexpr size_t kHashLength = 10;
constexpr size_t kLongestName = 253 - kHashLength - 1;

uint64_t fnv1a(std::string_view text) {
  uint64_t h = 14695981039346656037ull;
  for (char c : text) h = (h ^ static_cast<unsigned char>(c)) * 1099511628211ull;
  return h;
}

json::object labelled(json::object object, const std::string& hash) {
  json::object& meta = object["metadata"].is_object() ? object["metadata"].get_object()
                                                      : object["metadata"].emplace_object();
  json::object& labels =
      meta["labels"].is_object() ? meta["labels"].get_object() : meta["labels"].emplace_object();
  labels[kHashLabel] = hash;
  return object;
}

json::object selector_with(const json::object& spec, const std::string& hash) {
  json::object selector = object_in(spec, "selector");
  json::object& labels = selector["matchLabels"].is_object()
                             ? selector["matchLabels"].get_object()
                             : selector["matchLabels"].emplace_object();
  labels[kHashLabel] = hash;
  return selector;
}

}  // namespace

std::string template_text(const json::object& spec) {
  json::object t = object_in(spec, "template");
  json::object meta = object_in(t, "metadata");
  json::object labels = object_in(meta, "labels");
  labels.erase(kHashLabel);
  meta["labels"] = std::move(labels);
  meta.erase("creationTimestamp");
  t["metadata"] = std::move(meta);
  return json::serialize(t);
}

std::string template_hash(const std::string& text, int64_t collisions) {
  uint64_t h = fnv1a(collisions > 0 ? text + "#" + std::to_string(collisions) : text);
  std::string out;
  for (size_t i = 0; i < kHashLength; ++i, h /= kAlphabet.size()) {
    out += kAlphabet[h % kAlphabet.size()];
  }
  return out;
}

std::string set_name(const Object& deployment, const std::string& hash) {
  return std::string(deployment.name()).substr(0, kLongestName) + "-" + hash;
}

bool inherited(std::string_view annotation) {
  return annotation != "kubectl.kubernetes.io/last-applied-configuration" &&
         annotation != kRevision && annotation != kRevisionHistory && annotation != kDesired &&
         annotation != kMost;
}

json::object new_set(const Object& deployment, const json::object& value, const std::string& hash,
                     int64_t replicas, int64_t most, int64_t revision) {
  const json::object& spec = object_in(value, "spec");
  json::object pod_template = labelled(object_in(spec, "template"), hash);
  json::object annotations;
  for (const auto& a : object_in(object_in(value, "metadata"), "annotations")) {
    if (inherited(a.key())) annotations[a.key()] = a.value();
  }
  annotations[kRevision] = std::to_string(revision);
  annotations[kDesired] = std::to_string(int_in(spec, "replicas").value_or(1));
  annotations[kMost] = std::to_string(most);
  json::object set_spec = {{"replicas", replicas}, {"selector", selector_with(spec, hash)}};
  if (auto seconds = int_in(spec, "minReadySeconds")) set_spec["minReadySeconds"] = *seconds;
  json::object labels = object_in(object_in(pod_template, "metadata"), "labels");
  set_spec["template"] = std::move(pod_template);
  return {{"metadata", json::object{{"name", set_name(deployment, hash)},
                                    {"labels", std::move(labels)},
                                    {"annotations", std::move(annotations)},
                                    {"ownerReferences", json::array{controller_ref(deployment)}}}},
          {"spec", std::move(set_spec)}};
}

}  // namespace kubus::controllers::deployment
