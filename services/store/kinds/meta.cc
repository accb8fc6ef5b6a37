#include "services/store/kinds/meta.h"

#include <algorithm>
#include <array>

#include "schemas/lib/codec/scalars.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr size_t kMostAnnotationBytes = 256 * 1024;
constexpr size_t kSuffix = 5;
constexpr size_t kLongestGenerated = 63;

constexpr std::array<std::string_view, 3> kPlainFinalizers = {"kubernetes", "orphan",
                                                              "foregroundDeletion"};

std::string lower(std::string_view s) {
  std::string out(s);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string generated(std::string_view prefix, bus::Random& random) {
  return std::string(prefix.substr(0, kLongestGenerated - kSuffix)) + random.suffix(kSuffix);
}

void check_names(const KindBehaviour& kind, const json::object& meta, FieldErrors* errors) {
  std::string_view name = text_in(meta, "name"), prefix = text_in(meta, "generateName");
  if (!prefix.empty()) {
    std::string_view bare = prefix.back() == '-' ? prefix.substr(0, prefix.size() - 1) : prefix;
    std::string wrong = kind.check_name(bare);
    if (!wrong.empty()) errors->invalid("metadata.generateName", json::value(prefix), wrong);
  }
  if (name.empty()) {
    errors->required("metadata.name", "a name or generateName is needed");
  } else if (std::string wrong = kind.check_name(name); !wrong.empty()) {
    errors->invalid("metadata.name", json::value(name), wrong);
  }
}

void check_annotations(const json::object& annotations, FieldErrors* errors) {
  size_t bytes = 0;
  for (const auto& [key, v] : annotations) {
    bytes += key.size() + text_of(v).size();
    std::string wrong = validation::check_qualified_name(lower(key));
    if (!wrong.empty()) errors->invalid("metadata.annotations", json::value(key), wrong);
  }
  if (bytes > kMostAnnotationBytes) errors->too_long("metadata.annotations", kMostAnnotationBytes);
}

void check_finalizers(const json::array& finalizers, FieldErrors* errors) {
  for (size_t i = 0; i < finalizers.size(); ++i) {
    std::string_view f = text_of(finalizers[i]);
    std::string wrong = validation::check_qualified_name(f);
    if (!wrong.empty()) errors->invalid("metadata.finalizers", finalizers[i], wrong);
    bool plain =
        std::find(kPlainFinalizers.begin(), kPlainFinalizers.end(), f) != kPlainFinalizers.end();
    if (!plain && f.find('/') == std::string_view::npos) {
      errors->invalid(indexed("metadata.finalizers", i), finalizers[i],
                      "must be a standard finalizer or have a domain before '/'");
    }
  }
}

void check_owners(const json::array& owners, FieldErrors* errors) {
  int controllers = 0;
  for (size_t i = 0; i < owners.size(); ++i) {
    const json::object& owner = object_of(owners[i]);
    std::string path = indexed("metadata.ownerReferences", i);
    for (const char* key : {"apiVersion", "kind", "name", "uid"}) {
      if (text_in(owner, key).empty()) errors->invalid(joined(path, key), "", "must not be empty");
    }
    controllers += flag_in(owner, "controller") ? 1 : 0;
  }
  if (controllers > 1) {
    errors->invalid("metadata.ownerReferences", owners, "only one owner may be the controller");
  }
}

void check_deletion(const json::object& before, const json::object& meta, FieldErrors* errors) {
  if (!has(before, "deletionTimestamp")) return;
  const json::array& old = array_in(before, "finalizers");
  for (const json::value& f : array_in(meta, "finalizers")) {
    if (std::find(old.begin(), old.end(), f) == old.end()) {
      errors->forbidden("metadata.finalizers",
                        "no finalizer can be added to an object that is being deleted");
      return;
    }
  }
}

}  // namespace

void check_labels(const json::object& labels, const std::string& path, FieldErrors* errors) {
  for (const auto& [key, v] : labels) {
    std::string wrong = validation::check_qualified_name(key);
    if (!wrong.empty()) errors->invalid(path, json::value(key), wrong);
    wrong = validation::check_label_value(text_of(v));
    if (!wrong.empty()) errors->invalid(path, v, wrong);
  }
}

Status prepare_meta(Context& ctx, json::object& object) {
  json::object& meta = make_object(object, "metadata");
  std::string_view ns = text_in(meta, "namespace");
  if (!ns.empty() && ns != ctx.ns) {
    return Error(Code::kBadRequest, "the object's namespace (" + std::string(ns) +
                                        ") is not the request's (" + std::string(ctx.ns) + ")");
  }
  if (!text_in(meta, "resourceVersion").empty() && text_in(meta, "resourceVersion") != "0") {
    return Error(Code::kInternal,
                 "resourceVersion cannot be set on an object that is to be created");
  }
  for (const char* key : {"resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds",
                          "selfLink", "generation"}) {
    meta.erase(key);
  }
  if (ctx.kind.namespaced) {
    meta["namespace"] = ctx.ns;
  } else {
    meta.erase("namespace");
  }
  std::string_view prefix = text_in(meta, "generateName");
  if (text_in(meta, "name").empty() && !prefix.empty())
    meta["name"] = generated(prefix, ctx.random);
  meta["uid"] = ctx.random.uuid();
  meta["creationTimestamp"] = codec::format_time(ctx.now_unix_seconds);
  return {};
}

Status carry_meta(const json::object& before, json::object& after) {
  const json::object& old = object_in(before, "metadata");
  json::object& meta = make_object(after, "metadata");
  for (const char* key : {"name", "namespace"}) {
    std::string_view now = text_in(meta, key), was = text_in(old, key);
    if (!now.empty() && now != was) {
      return Error(Code::kBadRequest, "the " + std::string(key) + " of the object (" +
                                          std::string(now) + ") is not that of the request (" +
                                          std::string(was) + ")");
    }
  }
  for (const char* key : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                          "deletionGracePeriodSeconds", "generation", "selfLink", "generateName"}) {
    carry(old, meta, key);
  }
  return {};
}

void check_meta(const KindBehaviour& kind, const json::object* before, const json::object& object,
                FieldErrors* errors) {
  const json::object& meta = object_in(object, "metadata");
  if (before == nullptr) {
    check_names(kind, meta, errors);
  } else {
    check_deletion(object_in(*before, "metadata"), meta, errors);
  }
  check_labels(object_in(meta, "labels"), "metadata.labels", errors);
  check_annotations(object_in(meta, "annotations"), errors);
  check_finalizers(array_in(meta, "finalizers"), errors);
  check_owners(array_in(meta, "ownerReferences"), errors);
}

}  // namespace kubus::store::kinds
