// Node: its Pod network and its taints.
#include <algorithm>

#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr std::string_view kNotReady = "node.kubernetes.io/not-ready";

class Node final : public KindBehaviour {
 public:
  // A kubelet registers with its status.
  void prepare_create(Context&, json::object& object) const override {
    json::array& taints = make_array(make_object(object, "spec"), "taints");
    bool there = std::any_of(taints.begin(), taints.end(), [](const json::value& t) {
      return text_in(object_of(t), "key") == kNotReady &&
             text_in(object_of(t), "effect") == "NoSchedule";
    });
    // Nothing lands on a node before it has reported itself ready.
    if (!there) taints.push_back(json::object{{"key", kNotReady}, {"effect", "NoSchedule"}});
  }

  void prepare_update(Context&, const json::object& before, json::object& after) const override {
    const json::object& old = object_in(before, "spec");
    json::object& spec = make_object(after, "spec");
    for (const char* key : {"podCIDR", "podCIDRs", "providerID"}) {
      if (!has(spec, key)) carry(old, spec, key);
    }
  }

  void default_before(json::object& object) const override {
    json::object& spec = make_object(object, "spec");
    const json::array& networks = array_in(spec, "podCIDRs");
    if (has(spec, "podCIDR") && networks.empty()) {
      std::string network(text_in(spec, "podCIDR"));
      make_array(spec, "podCIDRs").emplace_back(network);
    } else if (!has(spec, "podCIDR") && !networks.empty()) {
      json::value first = networks[0];
      spec["podCIDR"] = std::move(first);
    }
  }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& spec = object_in(object, "spec");
    const json::array& networks = array_in(spec, "podCIDRs");
    for (size_t i = 0; i < networks.size(); ++i) {
      std::string wrong = validation::check_cidr(text_of(networks[i]));
      if (!wrong.empty()) errors->invalid(indexed("spec.podCIDRs", i), networks[i], wrong);
    }
    check_taints(array_in(spec, "taints"), errors);
    if (before == nullptr) return;
    const json::object& old = object_in(*before, "spec");
    if (has(old, "podCIDR") && !(same(old, spec, "podCIDR") && same(old, spec, "podCIDRs"))) {
      errors->forbidden("spec.podCIDRs", "cannot change once it is set");
    }
    if (has(old, "providerID") && !same(old, spec, "providerID")) {
      errors->forbidden("spec.providerID", "cannot change once it is set");
    }
  }

  void allocate(Context& ctx, const json::object* before, json::object& object,
                FieldErrors* errors) const override {
    if (before != nullptr && has(object_in(*before, "spec"), "podCIDR")) return;
    json::object& spec = make_object(object, "spec");
    std::string network(text_in(spec, "podCIDR"));
    bool wanted = !network.empty();
    Allocator::Outcome outcome = ctx.allocator.claim_pod_cidr(&network);
    if (outcome == Allocator::Outcome::kTaken) {
      errors->invalid("spec.podCIDR", json::value(network), "another node has this network");
    } else if (outcome == Allocator::Outcome::kOk && !wanted) {
      spec["podCIDR"] = network;
      spec["podCIDRs"] = json::array{json::value(network)};
    }
    // Networks from outside the range are the operator's to keep apart. With none left, a node has
    // none: its Pods wait.
  }

  void release(Context& ctx, const json::object& object) const override {
    std::string_view network = text_in(object_in(object, "spec"), "podCIDR");
    if (!network.empty()) ctx.allocator.release_pod_cidr(network);
  }

  // Clients know the rules of taints under this name.
  void restate(Cause* cause) const override {
    if (cause->field.compare(0, 11, "spec.taints") == 0)
      cause->field = "metadata" + cause->field.substr(4);
  }

 private:
  static void check_taints(const json::array& taints, FieldErrors* errors) {
    for (size_t i = 0; i < taints.size(); ++i) {
      const json::object& taint = object_of(taints[i]);
      std::string path = indexed("metadata.taints", i);
      std::string_view key = text_in(taint, "key");
      std::string wrong = key.empty() ? "" : validation::check_qualified_name(key);
      if (!wrong.empty()) errors->invalid(joined(path, "key"), json::value(key), wrong);
      wrong = validation::check_label_value(text_in(taint, "value"));
      if (!wrong.empty())
        errors->invalid(joined(path, "value"), json::value(text_in(taint, "value")), wrong);
      for (size_t j = 0; j < i; ++j) {
        const json::object& other = object_of(taints[j]);
        if (same(taint, other, "key") && same(taint, other, "effect")) {
          errors->duplicate(path, taints[i]);
          break;
        }
      }
    }
  }
};

}  // namespace

const KindBehaviour& node_behaviour() {
  static const Node kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
