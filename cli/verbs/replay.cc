#include <unistd.h>

#include <cstdio>

#include "bus/archive/file/file.h"
#include "cli/cluster/files.h"
#include "cli/past/attend.h"
#include "cli/past/fetch.h"
#include "cli/past/playback.h"
#include "cli/past/private_replay.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  auto text = [] { return po::value<std::string>()->default_value(""); };
  add("from", text(),
      "the first to be played: a revision, an RFC 3339 time, or -10m (default: all "
      "that is kept)");
  add("to", text(), "the last (default: what is newest now)");
  add("speed", po::value<std::string>()->default_value("1"),
      "1: as it happened; 10: ten times as fast; max; step: only when told");
  add("output,o", po::value<std::string>()->default_value("line"),
      "line, json (one object a line) or none (count them)");
  add("republish", text(), "publish it again on the bus, as cluster replay.NAME");
  add("serve", text(), "serve it as a read-only Kubernetes API at ADDRESS:PORT (port 0: any)");
  add("paused", po::bool_switch(), "with these: begin when told to resume");
  add("name", text(), "what `kubus replay control` calls it (default: one of its own)");
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

// kubus replay control NAME pause | resume | step [N] | seek REVISION|TIME | speed N | state
Status control(const Invocation& call) {
  if (call.words.size() < 3)
    return Error(Code::kBadRequest,
                 "say which replay and what, as in `kubus replay control night "
                 "pause`");
  std::string words;
  for (size_t i = 2; i < call.words.size(); ++i)
    words += (words.empty() ? "" : " ") + call.words[i];
  auto session = Session::open(call);
  if (!session) return session.error();
  auto answer = steer(**session, call.words[1], words);
  if (!answer) return answer.error();
  std::printf("%s\n", answer->c_str());
  return {};
}

std::string option(const Invocation& call, const char* name) {
  return call.options[name].as<std::string>();
}

std::string name_of(const Invocation& call, const std::string& otherwise) {
  std::string name = option(call, "name");
  return name.empty() ? otherwise : name;
}

constexpr const char* kKeys =
    "space pauses, n steps, + and - change the speed, < and > seek a minute, q ends";

Status text(const Invocation& call, const replay::Speed& speed) {
  auto lane = lane_of(call);
  if (!lane) return lane.error();
  PlaybackOptions play{.lane = *std::move(lane),
                       .range = {},
                       .speed = speed,
                       .output = option(call, "output"),
                       .name = name_of(call, "r" + std::to_string(::getpid()))};
  if (play.output != "line" && play.output != "json" && play.output != "none")
    return Error(Code::kBadRequest, "-o must be line, json or none");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto range = range_of(**session, option(call, "from"), option(call, "to"));
  if (!range) return range.error();
  play.range = *range;
  if (speed.mode != replay::Speed::Mode::kMax) {
    std::fprintf(stderr, "replay %s: %s; or kubus replay control %s …\n", play.name.c_str(), kKeys,
                 play.name.c_str());
  }
  return play_text(**session, play);
}

// The range as kubus-replay's options.
Status add_range(const Invocation& call, int64_t now_ns, std::vector<std::string>* out) {
  for (const char* end : {"from", "to"}) {
    auto at = parse_at(std::string("--") + end, option(call, end), now_ns);
    if (!at) return at.error();
    std::string name = std::string("--") + end;
    if (at->revision != 0)
      out->insert(out->end(), {name + "-revision", std::to_string(at->revision)});
    if (at->time_ns != 0) out->insert(out->end(), {name + "-time", std::to_string(at->time_ns)});
  }
  out->insert(out->end(), {"--speed", option(call, "speed")});
  if (call.options["paused"].as<bool>()) out->push_back("--paused");
  return {};
}

// Options that serving and republishing share; what is not in a file is fetched from `live`.
Result<PrivateReplayOptions> private_options(const Invocation& call, Session* live) {
  PrivateReplayOptions out;
  out.file = option(call, "file");
  int64_t now = live != nullptr ? live->now_ns() : 0;
  if (!out.file.empty()) {
    auto file = archive::FileReader::open(out.file);
    if (!file) return file.error();
    now = (*file)->header().time_ns;
  }
  if (Status s = add_range(call, now, &out.range); !s) return s.error();
  if (!out.file.empty()) return out;
  out.fetch = [live](const std::string& path) -> Status {
    auto fetched = fetch_archive(*live, {.path = path});
    return fetched ? Status() : Status(fetched.error());
  };
  return out;
}

Result<std::unique_ptr<Session>> living(const Invocation& call) {
  return Session::open(layout_of(option(call, "state")));
}

Status serve(const Invocation& call) {
  std::unique_ptr<Session> live;
  if (option(call, "file").empty()) {
    auto session = Session::open(call);
    if (!session) return session.error();
    live = *std::move(session);
  }
  auto options = private_options(call, live.get());
  if (!options) return options.error();
  options->name = name_of(call, "past");
  options->api = option(call, "serve");
  auto replay = PrivateReplay::start(*options);
  if (!replay) return replay.error();
  live.reset();
  auto session = Session::open((*replay)->layout());
  if (!session) return session.error();
  const std::string& dir = (*replay)->layout().dir;
  std::printf("https://%s:%u answers as the cluster did; it can only be read\n",
              (*replay)->config().address.c_str(), (*replay)->config().api_port);
  std::printf("  export KUBECONFIG=%s\n", (*replay)->layout().kubeconfig().c_str());
  std::printf("  kubus replay control %s state --state %s\n", options->name.c_str(), dir.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "%s\n", kKeys);
  return attend(**session, options->name, **replay);
}

Status republish(const Invocation& call) {
  auto session = living(call);
  if (!session) return session.error();
  auto options = private_options(call, session->get());
  if (!options) return options.error();
  options->name = option(call, "republish");
  options->credentials = (*session)->layout().credentials("replay");
  if (!exists(options->credentials)) {
    return Error(Code::kUnavailable,
                 "the bus has no user for replays yet: `kubus down` and `kubus up` make it one");
  }
  options->range.emplace_back("--end");
  auto replay = PrivateReplay::start(*options);
  if (!replay) return replay.error();
  std::printf("republishing as cluster replay.%s\n", options->name.c_str());
  std::fflush(stdout);
  std::fprintf(stderr, "%s; or kubus replay control %s …\n", kKeys, options->name.c_str());
  return attend(**session, options->name, **replay);
}

Status run(const Invocation& call) {
  if (!call.words.empty() && call.words[0] == "control") return control(call);
  auto speed = replay::Speed::parse(option(call, "speed"));
  if (!speed) return speed.error();
  bool serves = !option(call, "serve").empty(), publishes = !option(call, "republish").empty();
  if (!serves && !publishes) return text(call, *speed);
  if (serves && publishes)
    return Error(Code::kBadRequest, "--serve and --republish are two replays: start each");
  if (!call.words.empty())
    return Error(Code::kBadRequest, "--serve and --republish replay the whole cluster, not a kind");
  return serves ? serve(call) : republish(call);
}

}  // namespace

const Command kReplay{
    .name = "replay",
    .summary = "the past again, at any speed",
    .usage =
        "kubus replay [KIND [NAME]] [--from AT] [--to AT] [--speed N|max|step]\n"
        "       kubus replay control NAME pause|resume|step [N]|seek AT|speed N|state",
    .examples =
        "  kubus replay --from -10m --speed 20            the last ten minutes in half a minute\n"
        "  kubus replay pods -A --from 1200 --to 1300 --speed max\n"
        "  kubus replay deployment web --speed step       n (or Enter) shows the next event\n"
        "  kubus replay --serve 127.0.0.1:0 --from -8h --speed 60   kubectl against last night\n"
        "  kubus replay --republish night --file incident.kubus --speed max\n"
        "  kubus replay control night seek 2026-11-23T02:00:00Z\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
