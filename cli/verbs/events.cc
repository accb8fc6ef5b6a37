#include <algorithm>
#include <cstdio>
#include <sstream>

#include "bus/kit/event_filter.h"
#include "cli/past/moment.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "cli/watch/event_printer.h"
#include "cli/watch/event_stream.h"

namespace kubus::cli {
namespace {

using Words = std::vector<std::string>;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("selector,l", po::value<std::string>()->default_value(""),
      "labels, as the object has them or had them: a=b,c!=d,e in (f,g),h,!i");
  add("node", po::value<Words>()->composing(), "of this node and its Pods");
  add("actor", po::value<Words>()->composing(), "made by this component, user or account");
  add("path", po::value<Words>()->composing(),
      "changes of this field or in it, as in spec.template");
  add("only", po::value<Words>()->composing(), "created, deleted, spec or status (a,b: either)");
  add("follow,f", po::bool_switch(),
      "go on with what happens from now, without a gap, until Ctrl-C");
  add("since", po::value<std::string>()->default_value(""),
      "what came behind this revision or time, or in the last 10m (default: with -f now, else the "
      "beginning)");
  add("until", po::value<std::string>()->default_value(""), "up to this revision or time");
  add("output,o", po::value<std::string>()->default_value("diff"),
      "diff (a line, and what changed below it), line, json or cloudevents (one object a line)");
}

Words words_of(const Invocation& call, const char* option) {
  Words out;
  if (!call.options.count(option)) return out;
  for (const std::string& given : call.options[option].as<Words>()) {
    std::istringstream in(given);
    for (std::string word; std::getline(in, word, ',');) out.push_back(word);
  }
  return out;
}

// What holds for all that was named.
Result<kit::EventFilter> common_filter(const Invocation& call) {
  kit::EventFilter out;
  out.nodes = words_of(call, "node");
  out.actors = words_of(call, "actor");
  out.changed = words_of(call, "path");
  for (const std::string& word : words_of(call, "only")) {
    auto only = kit::parse_only(word);
    if (!only) return Error(Code::kBadRequest, "--only: " + only.error().message);
    out.only.push_back(*only);
  }
  auto labels = selectors::LabelSelector::parse(call.options["selector"].as<std::string>());
  if (!labels) return labels.error();
  out.labels = *std::move(labels);
  return out;
}

// No words: the cluster, or the namespace if one is named. Else a filter for each kind.
Result<std::vector<kit::EventFilter>> filters_of(const Invocation& call) {
  auto common = common_filter(call);
  if (!common) return common.error();
  std::vector<kit::EventFilter> out;
  if (call.words.empty()) {
    if (!call.options["namespace"].defaulted() && !call.options["all-namespaces"].as<bool>())
      common->namespaces = {call.options["namespace"].as<std::string>()};
    out.push_back(*std::move(common));
    return out;
  }
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  for (const Selection& s : *selections) {
    kit::EventFilter& filter = out.emplace_back(*common);
    filter.kinds = {s.kind};
    if (!s.ns.empty()) filter.namespaces = {s.ns};
    filter.names = s.names;
  }
  return out;
}

struct Span {
  Revision after, to;
};

Result<Span> span_of(Session& session, const Invocation& call, const bus::LaneId& lane) {
  std::string since = call.options["since"].as<std::string>();
  auto to = up_to(session, "--until", call.options["until"].as<std::string>(), lane);
  if (!to) return to.error();
  if (since.empty() && call.options["follow"].as<bool>()) return Span{*to, *to};
  auto kept = kept_by(session, lane);
  if (!kept) return kept.error();
  if (since.empty()) return Span{kept->oldest, *to};
  auto after = behind(session, "--since", since, lane);
  if (!after) return after.error();
  if (*after < kept->oldest) {
    return Error(Code::kExpired, "what happened behind revision " + std::to_string(after->value()) +
                                     " is not kept any more; the past begins behind revision " +
                                     std::to_string(kept->oldest.value()));
  }
  return Span{*after, *to};
}

Status run(const Invocation& call) {
  auto filters = filters_of(call);
  if (!filters) return filters.error();
  auto output = EventPrinter::output_of(call.options["output"].as<std::string>());
  if (!output) return output.error();
  bool follow = call.options["follow"].as<bool>();
  if (follow && !call.options["until"].as<std::string>().empty())
    return Error(Code::kBadRequest, "-f has no end, and --until names one");
  auto session = Session::open(call);
  if (!session) return session.error();
  bus::LaneId lane = filters->size() == 1 ? filters->front().lane() : bus::LaneId{};
  auto span = span_of(**session, call, lane);
  if (!span) return span.error();
  EventPrinter printer(**session, *output);
  EventStream stream(**session, lane, span->after, span->to, follow);
  for (;;) {
    auto event = stream.next();
    if (!event) return event.error();
    if (!*event) return {};
    bool wanted = std::any_of(filters->begin(), filters->end(),
                              [&](const kit::EventFilter& f) { return f.matches(**event); });
    if (!wanted) continue;
    Status printed = printer.print(**event);
    if ((*session)->interrupted()) return {};
    if (!printed) return printed;
  }
}

}  // namespace

const Command kEvents{
    .name = "events",
    .summary = "every state transition, past and live, with what changed",
    .usage =
        "kubus events [KIND[,KIND] [NAME…] | KIND/NAME…] [-f] [--since AT] [--until AT] "
        "[filters]",
    .examples =
        "  kubus events -f                              everything, from now on\n"
        "  kubus events pods,nodes -A -f --since 10m    the last ten minutes, and then what comes\n"
        "  kubus events deployments --only spec         who changed what was wanted\n"
        "  kubus events pods -A --node node-1 --path status.phase -o line\n"
        "  kubus events -f --actor kubus-admin -o json  an object a line\n"
        "  kubus events pods -A -f -o cloudevents | my-program\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
