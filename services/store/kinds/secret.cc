// Secret: stringData, the keys that its type needs, size, immutability.
#include <boost/json/parse.hpp>

#include "schemas/lib/codec/scalars.h"
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr size_t kMostBytes = 1024 * 1024;
constexpr std::string_view kAccountName = "kubernetes.io/service-account.name";

void need(const json::object& data, std::string_view key, FieldErrors* errors) {
  if (text_in(data, key).empty()) errors->required(keyed("data", key));
}

void need_json(const json::object& data, std::string_view key, FieldErrors* errors) {
  if (!data.contains(key)) {
    errors->required(keyed("data", key));
    return;
  }
  std::optional<Buffer> bytes = codec::from_base64(text_in(data, key));
  boost::system::error_code bad;
  if (bytes) json::parse(boost::json::string_view(as_text(*bytes).data(), bytes->size()), bad);
  if (!bytes || bad) errors->invalid(keyed("data", key), "<secret>", "must be JSON");
}

class Secret final : public KindBehaviour {
 public:
  void prepare_create(Context&, json::object& object) const override { merge_text(object); }
  void prepare_update(Context&, const json::object& before, json::object& after) const override {
    merge_text(after);
    // A client that leaves the type out means the present one.
    if (!has(after, "type")) carry(before, after, "type");
  }
  void default_before(json::object& object) const override { default_to(object, "type", "Opaque"); }

  void validate(const json::object* before, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& data = object_in(object, "data");
    size_t bytes = 0;
    for (const auto& [key, v] : data) {
      bytes += text_of(v).size() * 3 / 4;
      std::string wrong = validation::check_config_key(key);
      if (!wrong.empty()) errors->invalid(keyed("data", key), json::value(key), wrong);
    }
    if (bytes > kMostBytes) errors->too_long("data", kMostBytes);
    check_type(object, data, errors);
    if (before != nullptr) check_changes(*before, object, errors);
  }

 private:
  static void merge_text(json::object& object) {
    const json::object* text = object_at(object, "stringData");
    if (text != nullptr && !text->empty()) {
      json::object plain = *text;
      json::object& data = make_object(object, "data");
      for (const auto& [key, v] : plain) data[key] = codec::base64(as_bytes(text_of(v)));
    }
    object.erase("stringData");
  }

  static void check_type(const json::object& object, const json::object& data,
                         FieldErrors* errors) {
    std::string_view type = text_in(object, "type");
    if (type == "kubernetes.io/tls") {
      // Empty ones are allowed: a controller fills them.
      for (const char* key : {"tls.crt", "tls.key"}) {
        if (!data.contains(key)) errors->required(keyed("data", key));
      }
    } else if (type == "kubernetes.io/basic-auth") {
      if (!data.contains("username") && !data.contains("password")) {
        errors->required("data[username]");
        errors->required("data[password]");
      }
    } else if (type == "kubernetes.io/ssh-auth") {
      need(data, "ssh-privatekey", errors);
    } else if (type == "kubernetes.io/dockercfg") {
      need_json(data, ".dockercfg", errors);
    } else if (type == "kubernetes.io/dockerconfigjson") {
      need_json(data, ".dockerconfigjson", errors);
    } else if (type == "kubernetes.io/service-account-token") {
      const json::object& annotations = object_in(object_in(object, "metadata"), "annotations");
      if (text_in(annotations, kAccountName).empty())
        errors->required(keyed("metadata.annotations", kAccountName));
    }
  }

  static void check_changes(const json::object& before, const json::object& after,
                            FieldErrors* errors) {
    if (!same(before, after, "type"))
      errors->invalid("type", *after.if_contains("type"), "cannot be changed");
    if (!flag_in(before, "immutable")) return;
    if (!flag_in(after, "immutable"))
      errors->forbidden("immutable", "what was made immutable stays so");
    if (!same(before, after, "data"))
      errors->forbidden("data", "cannot change, for the object is immutable");
  }
};

}  // namespace

const KindBehaviour& secret_behaviour() {
  static const Secret kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
