#include "cli/changes.h"

#include <boost/json.hpp>
#include <cstdio>

#include "bus/kit/requests.h"
#include "schemas/meta/v1/meta_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr int kTries = 5;

bool all_of(const Invocation& call) {
  return call.options.count("all") > 0 && call.options["all"].as<bool>();
}

// Words that are changes apart from words that name objects.
Invocation without_changes(const Invocation& call, std::vector<KeyChange>* changes) {
  Invocation out{call.options, {}};
  for (const std::string& word : call.words) {
    auto change = parse_key_change(word);
    if (change) {
      changes->push_back(*std::move(change));
    } else {
      out.words.push_back(word);
    }
  }
  return out;
}

std::optional<std::string_view> present(const Object& o, const std::string& field,
                                        const std::string& key) {
  return field == "labels" ? o.label(key) : o.annotation(key);
}

Result<std::string> metadata_patch(const Object& o, const std::string& field,
                                   const std::vector<KeyChange>& changes, bool overwrite) {
  json::object members;
  for (const KeyChange& c : changes) {
    auto now = present(o, field, c.key);
    if (now == c.value) continue;
    if (now && c.value && !overwrite) {
      return Error(Code::kConflict,
                   c.key + " is \"" + std::string(*now) + "\" already; --overwrite replaces it");
    }
    members[c.key] = c.value ? json::value(*c.value) : json::value(nullptr);
  }
  if (members.empty()) return std::string();
  return json::serialize(json::object{{"metadata", json::object{{field, std::move(members)}}}});
}

}  // namespace

void add_all_option(po::options_description_easy_init& add) {
  add("all", po::bool_switch(), "all objects of the kind in the namespace");
}

Result<std::vector<ObjectKey>> selected_keys(Session& session, const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  std::vector<ObjectKey> out;
  auto text = [&](const char* option) {
    return call.options.count(option) ? call.options[option].as<std::string>() : std::string();
  };
  for (const Selection& s : *selections) {
    for (const std::string& name : s.names) out.push_back(s.key(name));
    if (!s.names.empty()) continue;
    std::string labels = text("selector"), fields = text("field-selector");
    if (labels.empty() && fields.empty() && !all_of(call))
      return Error(Code::kBadRequest, "name objects, select them with -l, or say --all");
    auto page = session.list_all(*s.kind, s.ns, labels, fields);
    if (!page) return page.error();
    for (const Object& o : page->items) out.push_back(o.key());
  }
  return out;
}

Result<bool> change_object(Session& session, const ObjectKey& key,
                           const std::function<Result<std::string>(const Object&)>& change) {
  for (int tries = kTries;; --tries) {
    auto now = session.get(key);
    if (!now) return now.error();
    auto patch = change(*now);
    if (!patch) return patch.error();
    if (patch->empty()) return false;
    kit::WriteOptions options;
    options.revision = now->revision();
    auto answer = session.call(kit::merge_patch_request(key, *patch, options));
    if (answer) return true;
    if (answer.error().code != Code::kConflict || tries == 0) return answer.error();
  }
}

std::optional<KeyChange> parse_key_change(const std::string& word) {
  size_t equals = word.find('=');
  if (equals != std::string::npos && equals > 0)
    return KeyChange{word.substr(0, equals), word.substr(equals + 1)};
  if (word.size() > 1 && word.back() == '-')
    return KeyChange{word.substr(0, word.size() - 1), std::nullopt};
  return std::nullopt;
}

void add_metadata_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add_all_option(add);
  add("overwrite", po::bool_switch(), "replace values that are there");
}

Status change_metadata(const Invocation& call, const std::string& field, const std::string& done) {
  std::vector<KeyChange> changes;
  Invocation named = without_changes(call, &changes);
  if (changes.empty()) return Error(Code::kBadRequest, "say what to change: KEY=VALUE or KEY-");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto keys = selected_keys(**session, named);
  if (!keys) return keys.error();
  bool overwrite = call.options["overwrite"].as<bool>();
  for (const ObjectKey& key : *keys) {
    auto changed = change_object(**session, key, [&](const Object& o) {
      return metadata_patch(o, field, changes, overwrite);
    });
    if (!changed) return changed.error();
    std::printf("%s %s\n", display_name(*key.kind, key.name).c_str(),
                *changed ? done.c_str() : ("not " + done).c_str());
  }
  return {};
}

Status set_unschedulable(Session& session, const std::string& node, bool on) {
  ObjectKey key{schema::Registry::get().by_resource("", "nodes"), "", node};
  auto changed = change_object(session, key, [&](const Object& o) -> Result<std::string> {
    if ((o.field("spec.unschedulable").value_or("") == "true") == on) return std::string();
    return std::string(on ? R"({"spec":{"unschedulable":true}})"
                          : R"({"spec":{"unschedulable":null}})");
  });
  if (!changed) return changed.error();
  std::printf("node/%s %s%s\n", node.c_str(), *changed ? "" : "already ",
              on ? "cordoned" : "uncordoned");
  std::fflush(stdout);
  return {};
}

void add_node_options(po::options_description_easy_init add) {
  add_selector_options(add);
  add_all_option(add);
}

Status run_cordon(const Invocation& call, bool on) {
  auto session = Session::open(call);
  if (!session) return session.error();
  Invocation named{call.options, {"nodes"}};
  named.options.insert({"namespace", po::variable_value(boost::any(std::string()), true)});
  named.words.insert(named.words.end(), call.words.begin(), call.words.end());
  auto keys = selected_keys(**session, named);
  if (!keys) return keys.error();
  for (const ObjectKey& key : *keys) {
    if (Status s = set_unschedulable(**session, key.name, on); !s) return s;
  }
  return {};
}

}  // namespace kubus::cli
