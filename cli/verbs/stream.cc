#include <signal.h>

#include <cstdio>
#include <limits>
#include <optional>

#include "bus/kit/requests.h"
#include "bus/nats/jetstream.h"
#include "cli/cluster/files.h"
#include "cli/session.h"
#include "cli/supervisor/supervisor.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

constexpr auto kMostWait = std::chrono::seconds(20);
constexpr auto kLookEvery = std::chrono::milliseconds(50);

void add_options(po::options_description_easy_init add) {
  add("max-bytes", po::value<uint64_t>(),
      "enable: beyond it the stream forgets its oldest events; 0: no limit");
  add("delete", po::bool_switch(), "disable: its events and durable consumers too");
}

// The connection into the stream's space, as the one who may do all there.
struct Space {
  std::unique_ptr<bus::NatsBus> connection;
  std::unique_ptr<bus::JetStream> log;
};

Result<Space> enter(Session& session) {
  auto credentials = bus::read_credentials(session.layout().credentials("stream-admin"));
  if (!credentials)
    return Error(Code::kUnavailable, "no stream was ever kept here; `kubus stream enable` begins");
  Space space;
  auto ports = session.host().ports();
  space.connection = session.host().connect(*credentials);
  space.log = std::make_unique<bus::JetStream>(
      *space.connection, ports.clock, ports.random,
      bus::JetStreamOptions{.cluster = ClusterName(credentials->cluster),
                            .actor = Actor(credentials->actor)});
  return space;
}

// Runs the loop until the call has answered.
template <class T, class Start>
Result<T> wait_for(Session& session, Start start) {
  std::optional<Result<T>> answer;
  start([&](Result<T> r) { answer.emplace(std::move(r)); });
  if (!session.run_until([&] { return answer.has_value(); }))
    return Error(Code::kTimeout, "interrupted");
  return *std::move(answer);
}

// Where the stream stands, as soon as the server lets us in and has one.
Result<bus::LogPlace> look(Session& session, Space& space, bus::Duration patience) {
  auto& clock = session.host().ports().clock;
  bus::Instant deadline = clock.now() + patience;
  for (;;) {
    Result<bus::LogPlace> place = Error(Code::kUnavailable, "the bus server keeps no stream");
    if (space.connection->connected()) {
      place = wait_for<bus::LogPlace>(session, [&](auto done) { space.log->look(done); });
    }
    if (place || clock.now() >= deadline) return place;
    bool passed = false;
    auto timer = clock.after(kLookEvery, [&] { passed = true; });
    if (!session.run_until([&] { return passed; })) return Error(Code::kTimeout, "interrupted");
  }
}

Result<uint64_t> present(Session& session) {
  auto answer =
      session.call(kit::events_after_request({}, Revision(std::numeric_limits<uint64_t>::max())));
  if (!answer) return answer.error();
  return answer->outcome().revision();
}

Status print_place(Session& session, bus::Duration patience) {
  auto space = enter(session);
  if (!space) return space.error();
  auto place = look(session, *space, patience);
  if (!place) return place.error();
  auto head = present(session);
  if (!head) return head.error();
  std::printf("stream %s: ",
              bus::StreamSubjects(session.client().options().cluster).stream().c_str());
  if (place->first > place->last) {
    std::printf("empty");
  } else {
    std::printf("revisions %llu to %llu%s", static_cast<unsigned long long>(place->first),
                static_cast<unsigned long long>(place->last), place->whole ? "" : ", with holes");
  }
  constexpr double kMega = 1e6;
  std::printf(", of a cluster at %llu; %.1f MB, %llu durable consumers\n",
              static_cast<unsigned long long>(*head), static_cast<double>(place->bytes) / kMega,
              static_cast<unsigned long long>(place->readers));
  return {};
}

// Writes the decision down and tells the supervisor, if one runs.
Status decide(const Layout& layout, const ClusterConfig& config) {
  if (Status s = write_config(layout, config); !s) return s;
  if (pid_t pid = lock_owner(layout.lock()); pid != 0) ::kill(pid, SIGHUP);
  return {};
}

Status remove(Session& session, Space& space) {
  auto removed = wait_for<bool>(session, [&](auto done) {
    space.log->remove([done](Status s) { s ? done(true) : done(s.error()); });
  });
  return removed ? Status() : Status(removed.error());
}

// What keeps it notices and makes it anew from the history as that is now.
Status rebuild(const Invocation& call) {
  auto session = Session::open(call);
  if (!session) return session.error();
  auto space = enter(**session);
  if (!space) return space.error();
  if (auto place = look(**session, *space, kMostWait); !place) return place.error();
  if (Status s = remove(**session, *space); !s) return s;
  if (auto place = look(**session, *space, kMostWait); !place) return place.error();
  std::printf("the stream is made anew from the history; its durable consumers are gone\n");
  return {};
}

Status enable(const Invocation& call, const Layout& layout, ClusterConfig config) {
  config.stream = true;
  if (call.options.count("max-bytes"))
    config.stream_max_bytes = call.options["max-bytes"].as<uint64_t>();
  if (Status s = decide(layout, config); !s) return s;
  if (lock_owner(layout.lock()) == 0) {
    std::printf("it is kept from the next `kubus up` on\n");
    return {};
  }
  auto session = Session::open(call);
  if (!session) return session.error();
  // The supervisor makes the credentials.
  auto& clock = (*session)->host().ports().clock;
  bus::Instant deadline = clock.now() + kMostWait;
  while (!exists(layout.credentials("stream-admin")) && clock.now() < deadline) {
    bool passed = false;
    auto timer = clock.after(kLookEvery, [&] { passed = true; });
    if (!(*session)->run_until([&] { return passed; })) return Error(Code::kTimeout, "interrupted");
  }
  return print_place(**session, kMostWait);
}

Status disable(const Invocation& call, const Layout& layout, ClusterConfig config) {
  if (!config.stream) return Error(Code::kBadRequest, "no stream is kept");
  if (call.options["delete"].as<bool>()) {
    auto session = Session::open(call);
    if (!session) return session.error();
    auto space = enter(**session);
    if (!space) return space.error();
    if (auto place = look(**session, *space, kMostWait);
        !place && place.error().code != Code::kNotFound)
      return place.error();
    // First what keeps it, so that it is not made anew.
    config.stream = false;
    if (Status s = write_config(layout, config); !s) return s;
    if (Status s = remove(**session, *space); !s) return s;
  }
  config.stream = false;
  if (Status s = decide(layout, config); !s) return s;
  std::printf("no stream is kept any more\n");
  return {};
}

Status run(const Invocation& call) {
  std::string what = call.words.empty() ? "" : call.words[0];
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  if (what == "enable") return enable(call, layout, *config);
  if (what == "disable") return disable(call, layout, *config);
  if (what != "status" && what != "rebuild")
    return Error(Code::kBadRequest, "say `kubus stream enable`, `status`, `rebuild` or `disable`");
  if (!config->stream)
    return Error(Code::kUnavailable, "no stream is kept; `kubus stream enable` begins");
  if (what == "rebuild") return rebuild(call);
  auto session = Session::open(call);
  if (!session) return session.error();
  return print_place(**session, kMostWait);
}

}  // namespace

const Command kStream{
    .name = "stream",
    .summary = "keep a JetStream stream of all events, for durable consumers with NATS's own tools",
    .usage = "kubus stream enable [--max-bytes N] | status | rebuild | disable [--delete]",
    .examples =
        "  kubus stream enable --max-bytes 1000000000\n"
        "  kubus user create shipper --may stream:pods --out shipper.json\n"
        "  kubus stream status\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
