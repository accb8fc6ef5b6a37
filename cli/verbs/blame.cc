#include "cli/past/blame.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/output/event_text.h"
#include "cli/output/printer.h"
#include "cli/past/moment.h"
#include "cli/past/past.h"
#include "cli/resources.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_at_option(add);
  add("field", po::value<std::string>()->default_value(""),
      "only this field, and what is in it: spec.template");
  add("output,o", po::value<std::string>()->default_value("table"),
      "table or json (one object a line)");
}

std::string why(const kit::EventView& e) {
  std::string out;
  for (uint64_t cause : causes_of(e)) out += (out.empty() ? "" : " ") + std::to_string(cause);
  return out;
}

void print_json(const std::string& path, const json::value& value, const kit::EventView& e) {
  json::object o{{"path", path}, {"value", value}};
  json::object change = event_json(e, false);
  for (const char* key : {"revision", "time", "actor", "user", "source", "cause"}) {
    if (const json::value* v = change.if_contains(key)) o[key] = *v;
  }
  std::printf("%s\n", json::serialize(o).c_str());
}

Status print(const Invocation& call, const std::vector<kit::EventView>& events,
             const std::vector<Leaves>& versions) {
  std::string field = call.options["field"].as<std::string>();
  bool as_json = call.options["output"].as<std::string>() == "json";
  std::vector<std::vector<std::string>> rows = {
      {"REVISION", "TIME", "BY", "BECAUSE OF", "FIELD", "VALUE"}};
  size_t found = 0;
  for (const auto& [path, b] : blame(versions)) {
    if (!within(path, field)) continue;
    ++found;
    const kit::EventView& e = events[b.version];
    if (as_json) print_json(path, b.value, e);
    rows.push_back({std::to_string(e.revision().value()), time_text(e), actor_of(e), why(e), path,
                    json::serialize(b.value)});
  }
  if (found == 0) return Error(Code::kNotFound, "it has no field " + field);
  if (!as_json) std::printf("%s", align(rows).c_str());
  return {};
}

Status run(const Invocation& call) {
  std::string output = call.options["output"].as<std::string>();
  if (output != "table" && output != "json")
    return Error(Code::kBadRequest, "-o must be table or json");
  auto key = one_object(call, "blame");
  if (!key) return key.error();
  if (Status s = needs_content(*key->kind); !s) return s;
  auto session = Session::open(call);
  if (!session) return session.error();
  auto at = read_at(**session, call);
  if (!at) return at.error();
  VersionsWanted wanted;
  wanted.to = Revision(at->at.revision);
  auto events = versions_of(**session, *key, wanted);
  if (!events) return events.error();
  std::reverse(events->begin(), events->end());
  std::vector<Leaves> versions;
  for (const kit::EventView& e : *events)
    versions.push_back(leaves_of(*key->kind->type, value_of(e)));
  std::string name = display_name(*key->kind, key->name);
  if (versions.empty()) return Error(Code::kNotFound, name + " was not there then");
  if (versions.back().empty()) {
    return Error(Code::kNotFound, name + " was deleted at revision " +
                                      std::to_string(events->back().revision().value()) +
                                      "; --at an earlier one says how it was");
  }
  return print(call, *events, versions);
}

}  // namespace

const Command kBlame{
    .name = "blame",
    .summary = "for each field of an object the change that last set it",
    .usage = "kubus blame KIND/NAME [--at AT] [--field PATH] [-o table|json]",
    .examples =
        "  kubus blame deployment/shop\n"
        "  kubus blame deployment/shop --field spec.template --at -1h\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
