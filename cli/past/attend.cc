#include "cli/past/attend.h"

#include <cstdio>

#include "bus/replay/control.h"
#include "cli/past/keys.h"

namespace kubus::cli {
namespace {

constexpr std::chrono::milliseconds kLook{100};

// Asks the replay how it is, tells it what the key means then, and shows what it answers.
class Steering {
 public:
  Steering(Session& session, std::string name)
      : ports_(session.host().ports()),
        name_(std::move(name)),
        reply_(session.client().subjects().reply(session.client().options().actor,
                                                 "keys-" + ports_.random.uuid())) {
    answers_ = ports_.bus.subscribe(bus::Pattern::given(reply_.str()),
                                    [this](const bus::Message& m) { on_answer(m); });
  }

  void press(char key) {
    key_ = key;
    tell("state");
  }

 private:
  void tell(const std::string& words) {
    ports_.bus.publish(bus::Subjects::replay_control(name_), as_bytes(words), &reply_);
  }

  void on_answer(const bus::Message& message) {
    std::string text(as_text(message.payload.view()));
    auto state = replay::parse_state(text);
    char key = std::exchange(key_, '\0');
    if (key == '\0' || !state) {
      std::fprintf(stderr, "%s\n", text.c_str());
    } else if (auto command = command_of_key(key, *state)) {
      tell(command->str());
    }
  }

  bus::Ports ports_;
  std::string name_;
  bus::Subject reply_;
  char key_ = '\0';
  std::unique_ptr<bus::Subscription> answers_;
};

}  // namespace

Status attend(Session& session, const std::string& name, PrivateReplay& replay) {
  Steering steering(session, name);
  bool quit = false;
  Keys keys(session.host().loop(), [&](char key) {
    quit |= key == 'q';
    steering.press(key);
  });
  Child* ended = nullptr;
  std::unique_ptr<bus::Timer> timer;
  std::function<void()> look = [&] {
    ended = replay.ended();
    timer = session.host().ports().clock.after(kLook, look);
  };
  look();
  session.run_until([&] { return quit || ended != nullptr; });
  if (ended == nullptr || ended->exit_code() == 0) return {};
  return Error(Code::kUnavailable, ended->name() + ": " + ended->last_words());
}

}  // namespace kubus::cli
