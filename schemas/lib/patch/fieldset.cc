// Set algebra and the forms that people and clients see.
#include "schemas/lib/patch/fieldset.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

namespace kubus::patch {
namespace {

constexpr int kMaxDepth = 128;

void keep(FieldSet* into, std::string_view step, FieldSet child) {
  if (!child.empty()) into->steps.emplace_hint(into->steps.end(), step, std::move(child));
}

const FieldSet* child_of(const FieldSet& set, std::string_view step) {
  auto it = set.steps.find(step);
  return it == set.steps.end() ? nullptr : &it->second;
}

Error malformed(std::string_view what) {
  return Error(Code::kBadRequest, "malformed fieldsV1: " + std::string(what));
}

bool is_step(std::string_view s) {
  return s.size() >= 2 && s[1] == ':' && (s[0] == 'f' || s[0] == 'k' || s[0] == 'v' || s[0] == 'i');
}

Result<FieldSet> parse_level(const json::value& level, int depth) {
  const json::object* object = level.if_object();
  if (object == nullptr) return malformed("an object is expected");
  if (depth > kMaxDepth) return malformed("too deep");
  FieldSet set;
  set.member = object->empty();
  for (const auto& [key, below] : *object) {
    if (key == ".") {
      set.member = true;
      continue;
    }
    if (!is_step(key)) return malformed("unknown step " + std::string(key));
    Result<FieldSet> child = parse_level(below, depth + 1);
    if (!child) return child;
    set.steps.emplace(key, *std::move(child));
  }
  return set;
}

std::string scalar_text(const json::value& v) {
  return v.is_string() ? std::string(v.get_string()) : json::serialize(v);
}

// `k:{"name":"a"}` → `[name=a]`
std::string bracketed(std::string_view step) {
  boost::system::error_code bad;
  json::value v = json::parse(step.substr(2), bad);
  std::string out = "[";
  if (!bad && v.is_object()) {
    for (const auto& [key, value] : v.get_object()) {
      if (out.size() > 1) out += ',';
      out += std::string(key) + '=' + scalar_text(value);
    }
  } else {
    out += bad ? std::string(step.substr(2)) : scalar_text(v);
  }
  return out + ']';
}

bool plain(std::string_view name) {
  return !name.empty() && name.find_first_of("./[]\"") == std::string_view::npos;
}

std::string joined(const std::string& path, std::string_view step) {
  if (step.substr(0, 2) != "f:") return path + bracketed(step);
  std::string_view name = step.substr(2);
  if (!plain(name)) return path + '[' + std::string(name) + ']';
  return path.empty() ? std::string(name) : path + '.' + std::string(name);
}

void gather(const FieldSet& set, const std::string& path, size_t most,
            std::vector<std::string>* out) {
  if (set.member && !path.empty()) {
    out->push_back(path);
    return;
  }
  for (const auto& [step, child] : set.steps) {
    if (out->size() >= most) return;
    gather(child, joined(path, step), most, out);
  }
}

}  // namespace

FieldSet FieldSet::united(const FieldSet& other) const {
  FieldSet out = *this;
  out.member |= other.member;
  for (const auto& [step, child] : other.steps) {
    auto [it, added] = out.steps.try_emplace(step, child);
    if (!added) it->second = it->second.united(child);
  }
  return out;
}

FieldSet FieldSet::without(const FieldSet& other) const {
  FieldSet out;
  out.member = member && !other.member;
  for (const auto& [step, child] : steps) {
    const FieldSet* theirs = child_of(other, step);
    keep(&out, step, theirs != nullptr ? child.without(*theirs) : child);
  }
  return out;
}

FieldSet FieldSet::common(const FieldSet& other) const {
  FieldSet out;
  out.member = member && other.member;
  for (const auto& [step, child] : steps) {
    if (const FieldSet* theirs = child_of(other, step)) keep(&out, step, child.common(*theirs));
  }
  return out;
}

json::value FieldSet::to_fields_v1(json::storage_ptr sp) const {
  json::object out(sp);
  out.reserve(steps.size() + 1);
  if (member && !steps.empty()) out.emplace(".", json::object(sp));
  for (const auto& [step, child] : steps) out.emplace(step, child.to_fields_v1(sp));
  return out;
}

Result<FieldSet> FieldSet::from_fields_v1(const json::value& fields) {
  if (auto compact = compact_in(fields)) return from_compact(*compact);
  Result<FieldSet> set = parse_level(fields, 0);
  // The root names the whole object, which nobody owns as such.
  if (set) set->member = false;
  return set;
}

std::vector<std::string> FieldSet::paths(size_t most) const {
  std::vector<std::string> out;
  gather(*this, "", most, &out);
  return out;
}

}  // namespace kubus::patch
