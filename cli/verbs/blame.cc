#include "cli/past/blame.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>

#include "cli/output/event_text.h"
#include "cli/output/printer.h"
#include "cli/past/past.h"
#include "cli/resources.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
}

std::string who(const kit::EventView& e) {
  std::string out = e->actor() ? e->actor()->str() : "";
  if (e->user() && e->user()->size() > 0) out += " for " + e->user()->str();
  return out;
}

Status run(const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  if (selections->size() != 1 || selections->front().names.size() != 1)
    return Error(Code::kBadRequest, "name one object, as in `kubus blame deployment/web`");
  auto session = Session::open(call);
  if (!session) return session.error();
  const Selection& s = selections->front();
  auto events = versions_of(**session, s.key(s.names[0]), 0);
  if (!events) return events.error();
  std::reverse(events->begin(), events->end());
  std::vector<Leaves> versions;
  for (const kit::EventView& e : *events) versions.push_back(leaves_of(*s.kind->type, value_of(e)));
  if (versions.empty() || versions.back().empty())
    return Error(Code::kNotFound, display_name(*s.kind, s.names[0]) + " is not there");
  std::vector<std::vector<std::string>> rows = {{"REVISION", "TIME", "BY", "FIELD", "VALUE"}};
  for (const auto& [path, b] : blame(versions)) {
    const kit::EventView& e = (*events)[b.version];
    rows.push_back({std::to_string(e.revision().value()), time_text(e), who(e), path,
                    boost::json::serialize(b.value)});
  }
  std::printf("%s", align(rows).c_str());
  return {};
}

}  // namespace

const Command kBlame{
    .name = "blame",
    .summary = "for each field of an object the change that last set it",
    .usage = "kubus blame KIND/NAME",
    .examples = "  kubus blame deployment/shop\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
