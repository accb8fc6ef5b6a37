// Namespace: its finalizer stands in the spec and goes by subresource finalize alone.
#include <algorithm>

#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

class Namespace final : public KindBehaviour {
 public:
  void prepare_create(Context&, json::object& object) const override {
    object.erase("status");
    make_object(object, "status")["phase"] = "Active";
    json::array& finalizers = make_array(make_object(object, "spec"), "finalizers");
    if (std::find(finalizers.begin(), finalizers.end(), json::value("kubernetes")) ==
        finalizers.end()) {
      finalizers.emplace_back("kubernetes");
    }
  }
  void prepare_update(Context&, const json::object& before, json::object& after) const override {
    carry(object_in(before, "spec"), make_object(after, "spec"), "finalizers");
  }
  void default_before(json::object& object) const override {
    json::object& meta = make_object(object, "metadata");
    std::string name(text_in(meta, "name"));
    if (!name.empty()) make_object(meta, "labels")["kubernetes.io/metadata.name"] = name;
  }
  std::string check_name(std::string_view name) const override {
    return validation::check_dns1123_label(name);
  }
};

}  // namespace

const KindBehaviour& namespace_behaviour() {
  static const Namespace kOne;
  return kOne;
}

std::vector<Companion> companions(const KindInfo& kind, const json::object& object,
                                  std::string_view cluster_ca) {
  std::vector<Companion> out;
  if (!kind.group.empty() || kind.kind != "Namespace") return out;
  const schema::Registry& registry = schema::Registry::get();
  std::string ns(text_in(object_in(object, "metadata"), "name"));
  out.push_back(
      {registry.by_kind("", "v1", "ServiceAccount"), ns, {{"metadata", {{"name", "default"}}}}});
  if (!cluster_ca.empty()) {
    json::object authority{{"metadata", {{"name", "kube-root-ca.crt"}}},
                           {"data", {{"ca.crt", cluster_ca}}}};
    out.push_back({registry.by_kind("", "v1", "ConfigMap"), ns, std::move(authority)});
  }
  return out;
}

}  // namespace kubus::store::kinds
