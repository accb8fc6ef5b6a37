#include <boost/json.hpp>
#include <cstdio>

#include "bus/kit/feed.h"
#include "cli/output/event_text.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("follow,f", po::bool_switch(),
      "go on with what happens from now, without a gap, until Ctrl-C");
  add("since", po::value<uint64_t>(),
      "start after this revision (default: with -f now, else the beginning)");
  add("output,o", po::value<std::string>()->default_value("line"),
      "line or json (one object a line)");
}

// No words: the cluster. A kind: its lane, in the namespace unless -A. KIND NAME: that object.
Result<bus::LaneId> lane_of(const Invocation& call) {
  if (call.words.empty()) return bus::LaneId{};
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  const Selection& s = selections->front();
  if (selections->size() > 1 || s.names.size() > 1) {
    return Error(Code::kBadRequest, "name one kind or one object, or none for the whole cluster");
  }
  return bus::LaneId{s.kind->group, s.kind->resource, s.ns, s.names.empty() ? "" : s.names[0], ""};
}

wire::RequestT head_request(const bus::LaneId& lane) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::EventsAfter;
  op->limit = 1;
  op->after = UINT64_MAX;
  op->lane = std::make_unique<wire::LaneT>();
  op->lane->group = lane.group;
  op->lane->resource = lane.resource;
  op->lane->namespace_ = lane.ns;
  op->lane->name = lane.name;
  op->group = lane.group;
  op->resource = lane.resource;
  request.operations.push_back(std::move(op));
  return request;
}

void print(const kit::EventView& event, bool as_json) {
  std::string line = as_json ? boost::json::serialize(event_json(event, true)) : event_line(event);
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

Status run(const Invocation& call) {
  auto lane = lane_of(call);
  if (!lane) return lane.error();
  std::string output = call.options["output"].as<std::string>();
  if (output != "line" && output != "json")
    return Error(Code::kBadRequest, "-o must be line or json");
  auto session = Session::open(call);
  if (!session) return session.error();
  bool follow = call.options["follow"].as<bool>();
  auto head = (*session)->call(head_request(*lane));
  if (!head) return head.error();
  Revision now(head->outcome().head());
  Revision after = call.options.count("since") ? Revision(call.options["since"].as<uint64_t>())
                                               : (follow ? now : Revision());
  Error expired;
  bool over = !follow && now <= after;
  kit::Feed feed((*session)->host().ports(), (*session)->client(), *lane, after,
                 [&](const kit::EventView& e) {
                   if (!follow && e.revision() > now) return;
                   print(e, output == "json");
                   over = !follow && e.revision() >= now;
                 },
                 [&] {
                   expired =
                       Error(Code::kExpired,
                             "events after revision " + std::to_string(feed.position().value()) +
                                 " are compacted away; start later, or without --since");
                   over = true;
                 });
  (*session)->run_until([&] { return over; });
  return expired.message.empty() ? Status() : Status(expired);
}

}  // namespace

const Command kEvents{
    .name = "events",
    .summary = "every state transition, past and live",
    .usage = "kubus events [KIND [NAME]] [-f] [--since REVISION] [-o line|json]",
    .examples =
        "  kubus events -f                      everything, from now on\n"
        "  kubus events pods -A --since 1200    what happened to Pods since revision 1200\n"
        "  kubus events pod web -f -o json\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
