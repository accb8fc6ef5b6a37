#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/output/event_text.h"
#include "cli/past/blame.h"
#include "cli/past/chain.h"
#include "cli/past/past.h"
#include "cli/resources.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr size_t kMostVersions = 200;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("field", po::value<std::string>()->default_value(""),
      "only what set this field, or fields in it: spec.replicas");
  add("output,o", po::value<std::string>()->default_value("text"), "text, json or dot");
}

// The changes of the object's present, or last, life; with a field only those that last set it.
Result<std::vector<uint64_t>> asked(const std::vector<kit::EventView>& newest_first,
                                    const Selection& s, const std::string& field) {
  std::vector<kit::EventView> life;
  for (const kit::EventView& e : newest_first) {
    life.push_back(e);
    if (e->type() == wire::EventType::Added || life.size() == kMostVersions) break;
  }
  std::reverse(life.begin(), life.end());
  std::vector<uint64_t> out;
  if (field.empty()) {
    for (const kit::EventView& e : life) out.push_back(e.revision().value());
    return out;
  }
  std::vector<Leaves> versions;
  for (const kit::EventView& e : life)
    versions.push_back(leaves_of(*s.kind->type, value_of(e, true)));
  for (const auto& [path, b] : blame(versions)) {
    bool inside = path == field || path.starts_with(field + ".") || path.starts_with(field + "[");
    if (inside) out.push_back(life[b.version].revision().value());
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  if (out.empty()) return Error(Code::kNotFound, "it has no field " + field);
  return out;
}

std::string state_text(const json::value& status) {
  const json::value* state = status.as_object().if_contains("state");
  if (state == nullptr || !state->is_object()) return "";
  for (const auto& s : state->as_object()) {
    std::string out = std::string(status.at("name").as_string()) + ": " + std::string(s.key());
    for (const char* word : {"exitCode", "reason", "message"}) {
      const json::value* v =
          s.value().is_object() ? s.value().as_object().if_contains(word) : nullptr;
      if (v != nullptr) out += std::string(", ") + word + " " + json::serialize(*v);
    }
    return out;
  }
  return "";
}

// What became of a Pod's containers at that change.
std::vector<std::string> notes_of(const kit::EventView& e) {
  std::vector<std::string> out;
  const schema::KindInfo* kind = kind_of(e);
  if (kind == nullptr || kind->resource != "pods") return out;
  json::value v = value_of(e, true);
  const json::value* status = v.is_object() ? v.as_object().if_contains("status") : nullptr;
  const json::value* list = status ? status->as_object().if_contains("containerStatuses") : nullptr;
  if (list == nullptr) return out;
  for (const json::value& c : list->as_array()) {
    if (std::string text = state_text(c); !text.empty()) out.push_back(text);
  }
  return out;
}

Chain chain_of(const std::vector<kit::EventView>& events, const std::vector<uint64_t>& about) {
  std::vector<Link> links;
  for (const kit::EventView& e : events)
    links.push_back(
        {e.revision().value(), causes_of(e), event_line(e), e->name()->str(), notes_of(e)});
  return Chain(std::move(links), {about.begin(), about.end()});
}

Status run(const Invocation& call) {
  std::string output = call.options["output"].as<std::string>();
  if (output != "text" && output != "json" && output != "dot")
    return Error(Code::kBadRequest, "-o must be text, json or dot");
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  if (selections->size() != 1 || selections->front().names.size() != 1)
    return Error(Code::kBadRequest, "name one object, as in `kubus why pod/web`");
  auto session = Session::open(call);
  if (!session) return session.error();
  const Selection& s = selections->front();
  auto versions = versions_of(**session, s.key(s.names[0]), kMostVersions);
  if (!versions) return versions.error();
  auto about = asked(*versions, s, call.options["field"].as<std::string>());
  if (!about) return about.error();
  auto events = trace(**session, *about, {.backward = true, .forward = true, .objects = true});
  if (!events) return events.error();
  Chain chain = chain_of(*events, *about);
  if (output == "json") {
    std::printf("%s\n", json::serialize(chain.json()).c_str());
  } else {
    std::printf("%s", (output == "dot" ? chain.dot() : chain.text()).c_str());
  }
  return {};
}

}  // namespace

const Command kWhy{
    .name = "why",
    .summary = "the chain of causes and consequences around an object",
    .usage = "kubus why KIND/NAME [--field PATH] [-o text|json|dot]",
    .examples =
        "  kubus why pod/shop-5d8c6d7b9f-x2x7l\n"
        "  kubus why deployment/shop --field spec.template\n"
        "  kubus why pod/web -o dot | dot -Tsvg > why.svg\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
