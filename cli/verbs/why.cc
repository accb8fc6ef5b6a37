#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/output/event_text.h"
#include "cli/output/pretty_json.h"
#include "cli/past/blame.h"
#include "cli/past/chain.h"
#include "cli/past/moment.h"
#include "cli/past/notes.h"
#include "cli/past/past.h"
#include "cli/resources.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

// The changes that are asked about are the newest so many of the object's present, or last, life.
constexpr uint32_t kMostVersions = 200;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_at_option(add);
  add("field", po::value<std::string>()->default_value(""),
      "only what set this field, or fields in it: spec.replicas");
  add("since", po::value<std::string>()->default_value(""),
      "only changes behind this revision or time, or in the last 10m");
  add("output,o", po::value<std::string>()->default_value("text"), "text, json or dot");
}

using Events = std::vector<kit::EventView>;

Result<Events> last_life(Session& session, const Invocation& call, const ObjectKey& key) {
  auto at = read_at(session, call);
  if (!at) return at.error();
  VersionsWanted wanted;
  wanted.limit = kMostVersions;
  wanted.to = Revision(at->at.revision);
  if (std::string since = call.options["since"].as<std::string>(); !since.empty()) {
    auto after = behind(session, "--since", since);
    if (!after) return after.error();
    wanted.after = *after;
  }
  auto versions = versions_of(session, key, wanted);
  if (!versions) return versions.error();
  Events life;
  for (const kit::EventView& e : *versions) {
    life.push_back(e);
    if (e->type() == wire::EventType::Added) break;
  }
  std::reverse(life.begin(), life.end());
  return life;
}

// All of them; with a field those that set it as it stands.
Result<std::vector<uint64_t>> asked(const Events& life, const ObjectKey& key,
                                    const std::string& field) {
  std::vector<uint64_t> out;
  if (field.empty()) {
    for (const kit::EventView& e : life) out.push_back(e.revision().value());
    return out;
  }
  if (Status s = needs_content(*key.kind); !s) return s.error();
  std::vector<Leaves> versions;
  for (const kit::EventView& e : life)
    versions.push_back(leaves_of(*key.kind->type, value_of(e, true)));
  for (const auto& [path, b] : blame(versions)) {
    if (within(path, field)) out.push_back(life[b.version].revision().value());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty()) return Error(Code::kNotFound, "it has no field " + field);
  return out;
}

// Only these kinds have something to say of themselves; of others the objects are not read.
bool speaks(const kit::EventView& e) {
  const schema::KindInfo* kind = kind_of(e);
  if (kind == nullptr) return false;
  for (const char* resource : {"pods", "events", "deployments", "nodes"}) {
    if (kind->resource == resource) return true;
  }
  return false;
}

Result<Chain> chain_of(Session& session, const Events& events, const std::vector<uint64_t>& about) {
  std::vector<uint64_t> speaking;
  for (const kit::EventView& e : events) {
    if (speaks(e)) speaking.push_back(e.revision().value());
  }
  auto whole = with_objects(session, speaking);
  if (!whole) return whole.error();
  // What an object says is told when it changes.
  std::map<uint64_t, std::vector<std::string>> notes;
  std::map<std::string, std::vector<std::string>> said;
  for (const kit::EventView& e : *whole) {
    std::vector<std::string> now = notes_of(e);
    if (std::exchange(said[target_of(e)], now) != now) notes[e.revision().value()] = std::move(now);
  }
  std::vector<Link> links;
  std::map<std::string, uint64_t> first;
  for (const kit::EventView& e : events) {
    uint64_t revision = e.revision().value();
    std::string text = std::to_string(revision) + "  " + time_text(e) + "  " + short_line(e);
    if (std::string trigger = trigger_of(e); !trigger.empty()) text += "  (" + trigger + ")";
    uint64_t of = first.emplace(target_of(e), revision).first->second;
    links.push_back({revision, causes_of(e), of, std::move(text), target_of(e), notes[revision]});
  }
  return Chain(std::move(links), {about.begin(), about.end()});
}

Status run(const Invocation& call) {
  std::string output = call.options["output"].as<std::string>();
  if (output != "text" && output != "json" && output != "dot")
    return Error(Code::kBadRequest, "-o must be text, json or dot");
  auto key = one_object(call, "why");
  if (!key) return key.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto life = last_life(**session, call, *key);
  if (!life) return life.error();
  if (life->empty())
    return Error(Code::kNotFound, display_name(*key->kind, key->name) + " did not change then");
  auto about = asked(*life, *key, call.options["field"].as<std::string>());
  if (!about) return about.error();
  auto events = trace(**session, *about, {.backward = true, .forward = true});
  if (!events) return events.error();
  auto chain = chain_of(**session, *events, *about);
  if (!chain) return chain.error();
  if (output == "json") {
    std::printf("%s\n", pretty_json(chain->json()).c_str());
  } else {
    std::printf("%s", (output == "dot" ? chain->dot() : chain->text()).c_str());
  }
  return {};
}

}  // namespace

const Command kWhy{
    .name = "why",
    .summary = "the chain of causes and consequences around an object",
    .usage = "kubus why KIND/NAME [--field PATH] [--since AT] [--at AT] [-o text|json|dot]",
    .examples =
        "  kubus why pod/shop-5d8c6d7b9f-x2x7l\n"
        "  kubus why deployment/shop --field spec.template\n"
        "  kubus why pod/web -o dot | dot -Tsvg > why.svg\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
