#include "cli/past/playback.h"

#include <boost/json.hpp>
#include <cstdio>

#include "bus/replay/control.h"
#include "bus/replay/lane_source.h"
#include "cli/output/event_text.h"
#include "cli/past/keys.h"
#include "cli/past/moment.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

constexpr std::chrono::seconds kPatience{5};

class Printer {
 public:
  Printer(std::string output, const replay::Player* const* player)
      : output_(std::move(output)), player_(player) {}

  bool operator()(const kit::EventView& event) {
    if (output_ == "none") return true;
    std::string line =
        output_ == "json" ? boost::json::serialize(event_json(event, true)) : event_line(event);
    std::printf("%s\n", line.c_str());
    if ((*player_)->state().speed.mode != replay::Speed::Mode::kMax) std::fflush(stdout);
    return true;
  }

 private:
  std::string output_;
  const replay::Player* const* player_;
};

}  // namespace

Result<Range> range_of(Session& session, const std::string& from, const std::string& to) {
  int64_t now = session.now_ns();
  auto first = parse_at("--from", from, now), last = parse_at("--to", to, now);
  if (!first) return first.error();
  if (!last) return last.error();
  auto head = newest(session);
  if (!head) return head.error();
  Range out{Revision(), *head};
  if (*last) {
    auto found = revision_of(session, *last);
    if (!found) return found.error();
    out.to = *found;
  }
  if (*first) {
    auto found = revision_of(session, *first);
    if (!found) return found.error();
    // A revision is played itself; of a time what came after it.
    out.from = first->revision != 0 ? Revision(found->value() - 1) : *found;
  }
  if (out.to > *head) {
    return Error(Code::kBadRequest, "revision " + std::to_string(out.to.value()) +
                                        " lies ahead; the present is " +
                                        std::to_string(head->value()));
  }
  if (out.from >= out.to && *first) {
    return Error(Code::kBadRequest,
                 "nothing happened between --from and --to: the first would be "
                 "revision " +
                     std::to_string(out.from.value() + 1) + ", the last " +
                     std::to_string(out.to.value()));
  }
  return out;
}

Status play_text(Session& session, const PlaybackOptions& options) {
  bus::Ports ports = session.host().ports();
  replay::LaneSource source(session.client(), options.lane);
  std::optional<Status> over;
  bool quit = false;
  const replay::Player* playing = nullptr;
  bus::Instant began = ports.clock.now();
  replay::PlayerOptions play{options.range.from, options.range.to, options.speed};
  replay::Player player(
      ports.clock, source, play, Printer(options.output, &playing), [](Revision) {},
      [&](Status s) { over = std::move(s); });
  playing = &player;
  replay::Control control(ports, session.client().options().cluster, options.name, player, source);
  Keys keys(session.host().loop(), [&](char key) {
    quit |= key == 'q';
    auto command = command_of_key(key, player.state());
    if (!command) return;
    control.obey(*command, [](const Result<replay::PlayState>& state) {
      std::string text = state ? replay::state_json(*state) : replay::error_json(state.error());
      std::fprintf(stderr, "%s\n", text.c_str());
    });
  });
  session.run_until([&] { return quit || over.has_value(); });
  std::fflush(stdout);
  if (options.output == "none") {
    double seconds = static_cast<double>((ports.clock.now() - began).count()) / 1e9;
    std::printf("%llu events in %.3f s\n", static_cast<unsigned long long>(player.state().played),
                seconds);
  }
  return over ? *over : Status();
}

Result<std::string> steer(Session& session, const std::string& name, const std::string& words) {
  auto parsed = replay::Command::parse(words);
  if (!parsed) return parsed.error();
  bus::Ports ports = session.host().ports();
  bus::Subject reply = session.client().subjects().reply(session.client().options().actor,
                                                         "steer-" + ports.random.uuid());
  std::string text;
  auto waiting = ports.bus.subscribe(bus::Pattern::given(reply.str()), [&](const bus::Message& m) {
    text = std::string(as_text(m.payload.view()));
  });
  bool late = false;
  auto sent = ports.bus.watch_state([&](bus::BusState state) {
    if (state != bus::BusState::kConnected) return;
    ports.bus.publish(bus::Subjects::replay_control(name), as_bytes(words), &reply);
  });
  auto timer = ports.clock.after(kPatience, [&] { late = true; });
  if (!session.run_until([&] { return late || !text.empty(); }))
    return Error(Code::kTimeout, "interrupted");
  if (text.empty()) return Error(Code::kNotFound, "there is no replay called " + name);
  boost::system::error_code failed;
  auto value = boost::json::parse(text, failed);
  const auto* error =
      !failed && value.is_object() ? value.as_object().if_contains("error") : nullptr;
  if (error != nullptr && error->is_string())
    return Error(Code::kBadRequest, std::string(error->as_string()));
  return text;
}

}  // namespace kubus::cli
