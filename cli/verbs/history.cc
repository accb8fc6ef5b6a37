#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <vector>

#include "cli/output/event_text.h"
#include "cli/past/past.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("limit", po::value<uint32_t>()->default_value(0),
      "only the newest N versions; 0: all that are kept");
  add("output,o", po::value<std::string>()->default_value("diff"),
      "diff, line or json (one object a line)");
}

void print(const std::vector<kit::EventView>& oldest_first, const std::string& output) {
  boost::json::value before;
  for (size_t i = 0; i < oldest_first.size(); ++i) {
    const kit::EventView& e = oldest_first[i];
    if (output == "json") {
      std::printf("%s\n", boost::json::serialize(event_json(e, true)).c_str());
      continue;
    }
    std::printf("%s\n", event_line(e).c_str());
    if (output != "diff") continue;
    boost::json::value after = value_of(e);
    bool modified = e->type() == wire::EventType::Modified && !before.is_null();
    if (modified) std::printf("%s", diff_text(before, after).c_str());
    before = std::move(after);
  }
}

Status run(const Invocation& call) {
  std::string output = call.options["output"].as<std::string>();
  if (output != "diff" && output != "line" && output != "json") {
    return Error(Code::kBadRequest, "-o must be diff, line or json");
  }
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  if (selections->size() != 1 || selections->front().names.size() != 1) {
    return Error(Code::kBadRequest, "name one object, as in `kubus history pod/web`");
  }
  auto session = Session::open(call);
  if (!session) return session.error();
  const Selection& s = selections->front();
  auto list = versions_of(**session, s.key(s.names[0]), call.options["limit"].as<uint32_t>());
  if (!list) return list.error();
  std::reverse(list->begin(), list->end());
  print(*list, output);
  return {};
}

}  // namespace

const Command kHistory{
    .name = "history",
    .summary = "every version of an object: when, by whom, because of what, and what changed",
    .usage = "kubus history KIND/NAME [-o diff|line|json]",
    .examples = "  kubus history pod/web\n  kubus history deployment/web -n shop --limit 5\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
