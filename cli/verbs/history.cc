#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <vector>

#include "cli/output/event_text.h"
#include "cli/past/leaves.h"
#include "cli/past/moment.h"
#include "cli/past/past.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("limit", po::value<uint32_t>()->default_value(0),
      "only the newest N versions; 0: all that are kept");
  add("since", po::value<std::string>()->default_value(""),
      "only what came behind this revision or time, or in the last 10m");
  add("output,o", po::value<std::string>()->default_value("diff"),
      "diff (with what changed and why), line, or json (one object a line)");
}

using Events = std::vector<kit::EventView>;

// What is below an event's line: where the request came from, its causes, what it changed.
void print_below(const kit::EventView& e, const kit::EventView* before,
                 const std::map<uint64_t, std::string>& causes) {
  if (e->source() && e->source()->size() > 0)
    std::printf("        from %s\n", e->source()->c_str());
  for (uint64_t cause : causes_of(e)) {
    auto told = causes.find(cause);
    std::printf("        because of %llu: %s\n", static_cast<unsigned long long>(cause),
                told == causes.end() ? "(not kept)" : told->second.c_str());
  }
  if (before == nullptr) return;
  if ((*before)->type() == wire::EventType::Deleted) {
    std::printf("        made anew; the one before was deleted at revision %llu\n",
                static_cast<unsigned long long>(before->revision().value()));
    return;
  }
  auto was = before->object(), is = e.object();
  if (e->type() == wire::EventType::Modified && was && is)
    std::printf("%s", difference(*was, *is).c_str());
}

Status print(Session& session, const Events& oldest_first, size_t from, const std::string& output) {
  std::map<uint64_t, std::string> causes;
  if (output == "diff") {
    auto told = causes_told(session, oldest_first);
    if (!told) return told.error();
    causes = *std::move(told);
  }
  for (size_t i = from; i < oldest_first.size(); ++i) {
    const kit::EventView& e = oldest_first[i];
    if (output == "json") {
      std::printf("%s\n", boost::json::serialize(event_json(e, true)).c_str());
      continue;
    }
    bool below = output == "diff";  // there the causes are told in words
    std::printf("%s\n", event_line(e, !below || causes_of(e).empty()).c_str());
    if (below) print_below(e, i > 0 ? &oldest_first[i - 1] : nullptr, causes);
  }
  return {};
}

Status run(const Invocation& call) {
  std::string output = call.options["output"].as<std::string>();
  if (output != "diff" && output != "line" && output != "json")
    return Error(Code::kBadRequest, "-o must be diff, line or json");
  auto key = one_object(call, "history");
  if (!key) return key.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  VersionsWanted wanted;
  wanted.limit = call.options["limit"].as<uint32_t>();
  wanted.with_one_before = true;
  if (std::string since = call.options["since"].as<std::string>(); !since.empty()) {
    auto after = behind(**session, "--since", since);
    if (!after) return after.error();
    wanted.after = *after;
  }
  auto events = versions_of(**session, *key, wanted);
  if (!events) return events.error();
  std::reverse(events->begin(), events->end());
  size_t from = 0;
  while (from < events->size() && (*events)[from].revision() <= wanted.after) ++from;
  if (wanted.limit != 0 && events->size() - from > wanted.limit)
    from = events->size() - wanted.limit;
  return print(**session, *events, from, output);
}

}  // namespace

const Command kHistory{
    .name = "history",
    .summary = "every version of an object: when, by whom, because of what, and what changed",
    .usage = "kubus history KIND/NAME [--since AT] [--limit N] [-o diff|line|json]",
    .examples =
        "  kubus history pod/web\n"
        "  kubus history deployment/web -n shop --limit 5\n"
        "  kubus history deployment/web --since 10m\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
