#include "schemas/lib/schema/registry.h"

#include <algorithm>
#include <cctype>

#include "schemas/lib/schema/registry_builder.h"

extern "C" {
extern const uint8_t kubus_reflection_begin[];
extern const uint8_t kubus_reflection_end[];
}

namespace kubus::schema {
namespace {

// Levenshtein distance, for hints on misspelt names.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= b.size(); ++j) {
      size_t changed = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = std::exchange(row[j], std::min({row[j] + 1, row[j - 1] + 1, changed}));
    }
  }
  return row[b.size()];
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  return out;
}

bool is_called(const KindInfo& kind, const std::string& word) {
  return kind.resource == word || kind.singular == word || lower(kind.kind) == word ||
         std::find(kind.short_names.begin(), kind.short_names.end(), word) !=
             kind.short_names.end();
}

}  // namespace

const FieldInfo* TypeInfo::find(std::string_view json_name) const {
  auto found = by_name.find(json_name);
  return found == by_name.end() ? nullptr : &fields[found->second];
}

std::string_view TypeInfo::nearest(std::string_view json_name) const {
  std::string_view best;
  size_t best_distance = std::max<size_t>(2, json_name.size() / 3) + 1;
  for (const FieldInfo& f : fields) {
    size_t d = distance(json_name, f.name);
    if (d < best_distance) {
      best_distance = d;
      best = f.name;
    }
  }
  return best;
}

const KindInfo::Subresource* KindInfo::subresource(std::string_view name) const {
  for (const Subresource& s : subresources) {
    if (s.name == name) return &s;
  }
  return nullptr;
}

const Registry& Registry::get() {
  static const Registry registry = RegistryBuilder::build(
      {kubus_reflection_begin, static_cast<size_t>(kubus_reflection_end - kubus_reflection_begin)});
  return registry;
}

const KindInfo* Registry::by_resource(std::string_view group, std::string_view resource) const {
  for (const auto& k : kinds_) {
    if (k->stored && k->resource == resource && k->group == group) return k.get();
  }
  return nullptr;
}

const KindInfo* Registry::by_kind(std::string_view group, std::string_view version,
                                  std::string_view kind) const {
  for (const auto& k : kinds_) {
    if (k->kind == kind && k->group == group && k->version == version) return k.get();
  }
  return nullptr;
}

const KindInfo* Registry::by_api_version(std::string_view api_version,
                                         std::string_view kind) const {
  size_t slash = api_version.find('/');
  if (slash == std::string_view::npos) return by_kind("", api_version, kind);
  return by_kind(api_version.substr(0, slash), api_version.substr(slash + 1), kind);
}

const KindInfo* Registry::by_number(uint16_t number) const {
  auto found = std::lower_bound(kinds_.begin(), kinds_.end(), number,
                                [](const auto& k, uint16_t n) { return k->number < n; });
  return found != kinds_.end() && (*found)->number == number ? found->get() : nullptr;
}

const KindInfo* Registry::by_user_word(std::string_view word) const {
  std::string text = lower(word), group;
  bool grouped = text.find('.') != std::string::npos;
  if (grouped) {
    group = text.substr(text.find('.') + 1);
    text.resize(text.find('.'));
  }
  for (const auto& k : kinds_) {
    if (k->stored && is_called(*k, text) && (!grouped || k->group == group)) return k.get();
  }
  return nullptr;
}

const TypeInfo* Registry::type(std::string_view full_name) const {
  auto found = types_.find(std::string(full_name));
  return found == types_.end() ? nullptr : found->second.get();
}

}  // namespace kubus::schema
