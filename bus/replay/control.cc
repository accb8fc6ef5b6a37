#include "bus/replay/control.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <charconv>

#include "schemas/lib/codec/scalars.h"

namespace kubus::replay {
namespace {

constexpr int64_t kNanosPerMicro = 1000;
constexpr size_t kMostBytes = 256;

std::string_view next_word(std::string_view* rest) {
  size_t begin = rest->find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return *rest = {};
  size_t end = std::min(rest->find_first_of(" \t\r\n", begin), rest->size());
  std::string_view word = rest->substr(begin, end - begin);
  rest->remove_prefix(end);
  return word;
}

bool number(std::string_view text, uint64_t* out) {
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return !text.empty() && code == std::errc() && end == text.data() + text.size();
}

Error not_understood(std::string_view text) {
  return Error(Code::kBadRequest,
               "a replay understands state, pause, resume, step [N], seek REVISION or TIME, and "
               "speed N, max or step; not \"" +
                   std::string(text.substr(0, kMostBytes)) + "\"");
}

}  // namespace

Result<Command> Command::parse(std::string_view text) {
  std::string_view rest = text;
  std::string_view verb = next_word(&rest), argument = next_word(&rest);
  if (!next_word(&rest).empty()) return not_understood(text);
  Command out;
  if (verb == "speed") {
    auto speed = Speed::parse(argument);
    if (!speed) return speed.error();
    out.what = What::kSpeed;
    out.speed = *speed;
    return out;
  }
  if (verb == "step") {
    out.what = What::kStep;
    if (!argument.empty() && (!number(argument, &out.steps) || out.steps == 0))
      return not_understood(text);
    return out;
  }
  if (verb == "seek") {
    out.what = What::kSeek;
    uint64_t revision = 0;
    if (number(argument, &revision)) {
      out.revision = Revision(revision);
      return out;
    }
    auto time = codec::parse_micro_time(argument);
    if (!time) return not_understood(text);
    out.time_ns = *time * kNanosPerMicro;
    return out;
  }
  if (!argument.empty()) return not_understood(text);
  if (verb == "pause") {
    out.what = What::kPause;
  } else if (verb == "resume") {
    out.what = What::kResume;
  } else if (verb != "state") {
    return not_understood(text);
  }
  return out;
}

std::string Command::str() const {
  switch (what) {
    case What::kState:
      return "state";
    case What::kPause:
      return "pause";
    case What::kResume:
      return "resume";
    case What::kStep:
      return "step " + std::to_string(steps);
    case What::kSpeed:
      return "speed " + speed.str();
    case What::kSeek:
      return "seek " + (time_ns == 0 ? std::to_string(revision.value())
                                     : codec::format_micro_time(time_ns / kNanosPerMicro));
  }
  return "";
}

Result<PlayState> parse_state(std::string_view json) {
  boost::system::error_code failed;
  auto value = boost::json::parse(boost::json::string_view(json.data(), json.size()), failed);
  const auto* o = failed ? nullptr : value.if_object();
  if (o == nullptr) return Error(Code::kInternal, "the replay's answer is no JSON object");
  auto text = [&](const char* name) {
    const auto* v = o->if_contains(name);
    return v && v->is_string() ? std::string(v->get_string()) : std::string();
  };
  auto number = [&](const char* name) {
    const auto* v = o->if_contains(name);
    return v && v->is_int64() ? static_cast<uint64_t>(v->get_int64()) : 0;
  };
  auto flag = [&](const char* name) {
    const auto* v = o->if_contains(name);
    return v && v->is_bool() && v->get_bool();
  };
  if (o->contains("error")) return Error(Code::kBadRequest, text("error"));
  auto speed = Speed::parse(text("speed"));
  if (!speed) return Error(Code::kInternal, "the replay's answer tells no speed");
  PlayState out;
  out.position = Revision(number("position"));
  out.time_ns = codec::parse_micro_time(text("time")).value_or(0) * kNanosPerMicro;
  out.from = Revision(number("from"));
  out.to = Revision(number("to"));
  out.speed = *speed;
  out.paused = flag("paused");
  out.ended = flag("ended");
  out.played = number("played");
  return out;
}

std::string state_json(const PlayState& s) {
  boost::json::object out{{"position", s.position.value()}};
  if (s.time_ns != 0) out["time"] = codec::format_micro_time(s.time_ns / kNanosPerMicro);
  out["from"] = s.from.value();
  out["to"] = s.to.value();
  out["speed"] = s.speed.str();
  out["paused"] = s.paused;
  out["ended"] = s.ended;
  out["played"] = s.played;
  return boost::json::serialize(out);
}

std::string error_json(const Error& error) {
  return boost::json::serialize(boost::json::object{{"error", error.message}});
}

Control::Control(bus::Ports ports, ClusterName home, std::string_view name, Player& player,
                 Source& source)
    : ports_(ports), home_(std::move(home)), player_(player), source_(source) {
  subscription_ =
      ports_.bus.subscribe(bus::Pattern::given(bus::Subjects::replay_control(name).str()),
                           [this](const bus::Message& m) { on_message(m); });
}

void Control::obey(const Command& command, std::function<void(Result<PlayState>)> done) {
  switch (command.what) {
    case Command::What::kState:
      break;
    case Command::What::kPause:
      player_.pause();
      break;
    case Command::What::kResume:
      player_.resume();
      break;
    case Command::What::kStep:
      player_.step(command.steps);
      break;
    case Command::What::kSpeed:
      player_.set_speed(command.speed);
      break;
    case Command::What::kSeek:
      if (command.time_ns != 0) {
        std::weak_ptr<bool> alive = alive_;
        return source_.revision_at(
            command.time_ns, [this, alive, done = std::move(done)](Result<Revision> found) {
              if (alive.expired()) return;
              Status moved = found ? player_.seek(*found) : Status(found.error());
              done(moved ? Result<PlayState>(player_.state()) : moved.error());
            });
      }
      if (Status moved = player_.seek(command.revision); !moved) return done(moved.error());
      break;
  }
  done(player_.state());
}

// The subject names no actor: only the administrator is obeyed, told by where the answer goes.
void Control::on_message(const bus::Message& message) {
  if (!home_.reply_belongs_to(message.reply, "admin")) return;
  if (message.payload.size() > kMostBytes) return;
  auto command = Command::parse(as_text(message.payload.view()));
  if (!command) return answer(message.reply, command.error());
  std::weak_ptr<bool> alive = alive_;
  obey(*command, [this, alive, to = message.reply](const Result<PlayState>& state) {
    if (!alive.expired()) answer(to, state);
  });
}

void Control::answer(const std::string& to, const Result<PlayState>& state) {
  std::string text = state ? state_json(*state) : error_json(state.error());
  ports_.bus.publish(bus::Subject::received(to), as_bytes(text));
}

}  // namespace kubus::replay
