// How a replay is steered from outside: words on its control subject, its state as the answer.
// Loop thread only.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "bus/ports/ports.h"
#include "bus/replay/player.h"

namespace kubus::replay {

// "state", "pause", "resume", "step [N]", "seek REVISION|TIME", "speed N|max|step".
struct Command {
  enum class What : uint8_t { kState, kPause, kResume, kStep, kSeek, kSpeed };
  What what = What::kState;
  uint64_t steps = 1;
  Revision revision;    // kSeek, unless a time is given
  int64_t time_ns = 0;  // unix
  Speed speed;

  // kBadRequest says what is understood.
  static Result<Command> parse(std::string_view text);
  std::string str() const;  // what parse() reads
};

// One JSON object: position, time, from, to, speed, paused, ended, played.
std::string state_json(const PlayState& state);
// Reads that again. kInternal: it is none, or an error's; then in its words.
Result<PlayState> parse_state(std::string_view json);
// {"error": "…"}
std::string error_json(const Error& error);

class Control {
 public:
  // `home`: the cluster under whose reply subjects the administrator asks.
  Control(bus::Ports ports, ClusterName home, std::string_view name, Player& player,
          Source& source);
  Control(const Control&) = delete;

  // Does it; `done` gets the state after it, or why not. Once, at once or later.
  void obey(const Command& command, std::function<void(Result<PlayState>)> done);

 private:
  void on_message(const bus::Message& message);
  void answer(const std::string& to, const Result<PlayState>& state);

  bus::Ports ports_;
  bus::Subjects home_;
  Player& player_;
  Source& source_;
  std::unique_ptr<bus::Subscription> subscription_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::replay
