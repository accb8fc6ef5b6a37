#include "agents/kubelet/pods/environment.h"

#include <algorithm>

#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

using core::v1::Container;
using core::v1::EnvVar;
using core::v1::EnvVarSource;

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

// Names of variables hold no '='.
bool usable(const std::string& name) {
  return !name.empty() && name.find('=') == std::string::npos;
}

class Builder {
 public:
  Builder(const Object& pod, const Container& container, const PodFacts& facts,
          const Lookup& lookup)
      : pod_(pod), container_(container), facts_(facts), lookup_(lookup) {}

  Result<Environment> build(const Environment& links) {
    for (const auto& [name, value] : links) set(name, value);
    if (container_.env_from()) {
      for (const auto* from : *container_.env_from()) {
        std::string prefix = text(from->prefix());
        Status s;
        if (const auto* r = from->config_map_ref())
          s = add_all({"configmaps", text(r->name())}, r->optional().value_or(false), prefix);
        if (const auto* r = from->secret_ref(); r && s)
          s = add_all({"secrets", text(r->name())}, r->optional().value_or(false), prefix);
        if (!s) return s.error();
      }
    }
    if (container_.env()) {
      for (const EnvVar* v : *container_.env()) {
        if (Status s = add(*v); !s)
          return Error(s.error().code, "variable " + text(v->name()) + ": " + s.error().message);
      }
    }
    return std::move(out_);
  }

 private:
  void set(const std::string& name, std::string value) {
    values_[name] = value;
    auto [at, added] = places_.try_emplace(name, out_.size());
    if (added) out_.emplace_back(name, "");
    out_[at->second].second = std::move(value);
  }

  Status add_all(const RefKey& key, bool optional, const std::string& prefix) {
    auto contents = look_up(lookup_, key, optional);
    if (!contents) return contents.error();
    for (auto& [name, value] : *contents) {
      if (usable(prefix + name)) set(prefix + name, std::move(value));
    }
    return {};
  }

  Status add(const EnvVar& v) {
    if (!v.value_from()) {
      set(text(v.name()), expand(text(v.value()), values_));
      return {};
    }
    auto value = value_of(*v.value_from());
    if (!value) return value.error();
    if (*value) set(text(v.name()), **std::move(value));
    return {};
  }

  // An absent optional key sets no variable.
  Result<std::optional<std::string>> value_of(const EnvVarSource& source) {
    if (const auto* s = source.config_map_key_ref())
      return key_of({"configmaps", text(s->name())}, text(s->key()), s->optional());
    if (const auto* s = source.secret_key_ref())
      return key_of({"secrets", text(s->name())}, text(s->key()), s->optional());
    Result<std::string> value = Error(Code::kInvalid, "this source is not acted on");
    if (source.field_ref()) value = field_text(pod_, facts_, *source.field_ref());
    if (source.resource_field_ref())
      value = resource_text(pod_, facts_, &container_, *source.resource_field_ref());
    if (!value) return value.error();
    return std::optional(*std::move(value));
  }

  Result<std::optional<std::string>> key_of(const RefKey& source, const std::string& key,
                                            flatbuffers::Optional<bool> optional) {
    auto contents = look_up(lookup_, source, optional.value_or(false));
    if (!contents) return contents.error();
    auto at = contents->find(key);
    if (at != contents->end()) return std::optional(at->second);
    if (optional.value_or(false)) return std::optional<std::string>();
    return Error(Code::kNotFound, described(source) + " has no key \"" + key + "\"");
  }

  const Object& pod_;
  const Container& container_;
  const PodFacts& facts_;
  const Lookup& lookup_;
  std::map<std::string, std::string> values_;
  std::map<std::string, size_t> places_;  // in out_
  Environment out_;
};

}  // namespace

void environment_references(const Container& container, std::set<RefKey>* out) {
  if (container.env_from()) {
    for (const auto* from : *container.env_from()) {
      if (const auto* r = from->config_map_ref()) out->insert({"configmaps", text(r->name())});
      if (const auto* r = from->secret_ref()) out->insert({"secrets", text(r->name())});
    }
  }
  if (!container.env()) return;
  for (const EnvVar* v : *container.env()) {
    const EnvVarSource* from = v->value_from();
    if (!from) continue;
    if (const auto* s = from->config_map_key_ref()) out->insert({"configmaps", text(s->name())});
    if (const auto* s = from->secret_key_ref()) out->insert({"secrets", text(s->name())});
  }
}

Result<Environment> environment_of(const Object& pod, const Container& container,
                                   const PodFacts& facts, const Lookup& lookup,
                                   const Environment& links) {
  return Builder(pod, container, facts, lookup).build(links);
}

std::string expand(std::string_view in, const std::map<std::string, std::string>& variables) {
  std::string out;
  for (size_t i = 0; i < in.size(); ++i) {
    if (in[i] != '$' || i + 1 == in.size()) {
      out += in[i];
      continue;
    }
    size_t end = in[i + 1] == '(' ? in.find(')', i + 2) : std::string_view::npos;
    if (in[i + 1] == '$') {
      out += '$';
      ++i;
    } else if (end == std::string_view::npos) {
      out += '$';
    } else {
      auto at = variables.find(std::string(in.substr(i + 2, end - i - 2)));
      out += at == variables.end() ? std::string(in.substr(i, end - i + 1)) : at->second;
      i = end;
    }
  }
  return out;
}

std::vector<std::string> expand_all(const std::vector<std::string>& texts,
                                    const Environment& environment) {
  std::map<std::string, std::string> variables(environment.begin(), environment.end());
  std::vector<std::string> out;
  for (const std::string& t : texts) out.push_back(expand(t, variables));
  return out;
}

}  // namespace kubus::kubelet
