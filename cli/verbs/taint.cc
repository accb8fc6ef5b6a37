#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/changes.h"
#include "cli/verbs/verbs.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

// KEY=VALUE:EFFECT, KEY:EFFECT; KEY:EFFECT-, KEY- to remove.
struct TaintChange {
  std::string key, value, effect;
  bool remove = false;
};

std::optional<TaintChange> parse(std::string word) {
  TaintChange out;
  if (word.size() > 1 && word.back() == '-') {
    out.remove = true;
    word.pop_back();
  }
  size_t colon = word.rfind(':');
  if (colon == std::string::npos && !out.remove) return std::nullopt;
  if (colon != std::string::npos) out.effect = word.substr(colon + 1);
  std::string name = word.substr(0, colon);
  size_t equals = name.find('=');
  out.key = name.substr(0, equals);
  if (equals != std::string::npos) out.value = name.substr(equals + 1);
  return out.key.empty() ? std::nullopt : std::optional(out);
}

std::string text(const json::object& o, const char* key) {
  const json::value* v = o.if_contains(key);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

bool same(const json::value& taint, const TaintChange& c) {
  const json::object& o = taint.as_object();
  return text(o, "key") == c.key && (c.effect.empty() || text(o, "effect") == c.effect);
}

Status change(json::array& taints, const TaintChange& c, bool overwrite) {
  auto at =
      std::find_if(taints.begin(), taints.end(), [&](const json::value& t) { return same(t, c); });
  if (c.remove) {
    if (at == taints.end())
      return Error(Code::kNotFound,
                   "there is no taint " + c.key + (c.effect.empty() ? "" : ":") + c.effect);
    auto rest = std::remove_if(taints.begin(), taints.end(),
                               [&](const json::value& t) { return same(t, c); });
    taints.erase(rest, taints.end());
    return {};
  }
  json::object fresh{{"key", c.key}, {"effect", c.effect}};
  if (!c.value.empty()) fresh["value"] = c.value;
  if (at == taints.end()) {
    taints.push_back(std::move(fresh));
  } else if (text(at->as_object(), "value") != c.value) {
    if (!overwrite)
      return Error(Code::kConflict, "the taint " + c.key + ":" + c.effect +
                                        " is there with another value; --overwrite replaces it");
    *at = std::move(fresh);
  }
  return {};
}

Result<std::string> patch_of(const Object& node, const std::vector<TaintChange>& changes,
                             bool overwrite) {
  json::value whole = codec::to_value(node.kind(), node.bytes());
  const json::value* spec = whole.as_object().if_contains("spec");
  const json::value* list = spec ? spec->as_object().if_contains("taints") : nullptr;
  json::array before = list ? list->as_array() : json::array(), after = before;
  for (const TaintChange& c : changes) {
    if (Status s = change(after, c, overwrite); !s) return s.error();
  }
  if (after == before) return std::string();
  return json::serialize(json::object{{"spec", json::object{{"taints", std::move(after)}}}});
}

void add_options(po::options_description_easy_init add) {
  add_node_options(add);
  add("overwrite", po::bool_switch(), "replace the value of a taint that is there");
}

Status run(const Invocation& call) {
  Invocation named{call.options, {"nodes"}};
  named.options.insert({"namespace", po::variable_value(boost::any(std::string()), true)});
  std::vector<TaintChange> changes;
  constexpr std::array<std::string_view, 3> kKinds = {"node", "nodes", "no"};
  for (size_t i = 0; i < call.words.size(); ++i) {
    const std::string& word = call.words[i];
    if (i == 0 && std::find(kKinds.begin(), kKinds.end(), word) != kKinds.end()) continue;
    auto c = parse(word);
    if (c) {
      changes.push_back(*std::move(c));
    } else {
      named.words.push_back(word);
    }
  }
  if (changes.empty()) return Error(Code::kBadRequest, "say which: KEY=VALUE:EFFECT or KEY-");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto keys = selected_keys(**session, named);
  if (!keys) return keys.error();
  for (const ObjectKey& key : *keys) {
    auto changed = change_object(**session, key, [&](const Object& o) {
      return patch_of(o, changes, call.options["overwrite"].as<bool>());
    });
    if (!changed) return changed.error();
    std::printf("node/%s %s\n", key.name.c_str(), *changed ? "tainted" : "not changed");
  }
  return {};
}

}  // namespace

const Command kTaint{
    .name = "taint",
    .summary = "mark nodes so that Pods keep away or leave",
    .usage = "kubus taint NODE… KEY[=VALUE]:EFFECT… KEY[:EFFECT]-…",
    .examples =
        "  kubus taint n1 dedicated=db:NoSchedule\n  kubus taint n1 broken:NoExecute\n"
        "  kubus taint nodes --all dedicated-\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
