#include <cstdio>

#include "services/store/replay/options.h"
#include "services/store/replay/restored.h"
#include "services/store/replay/sweep.h"

int main(int argc, char** argv) {
  using namespace kubus;
  auto options = store::read_replay_options(argc, argv);
  auto fail = [](const Error& e, int code) {
    std::fprintf(stderr, "kubus-replay: %s\n", e.message.c_str());
    return code;
  };
  if (!options) return fail(options.error(), 2);
  if (!options->sweep.empty()) return store::sweep(options->sweep);
  bus::Host host({.component = "replay", .credentials = options->credentials});
  auto state = store::restored(host.ports(), options->file, options->work);
  if (!state) return fail(state.error(), 1);
  auto play = store::replayer_options(*options, **state);
  if (!play) return fail(play.error(), 1);
  std::unique_ptr<bus::Timer> ending;
  auto on_end = [&](const Status& s) {
    if (!s) host.ports().log.error(s.error().message);
    if (!options->end_at_end) return;
    ending = host.ports().clock.after(std::chrono::seconds(2),
                                      [&, ok = s.ok()] { host.stop(ok ? 0 : 1); });
  };
  auto replayer = store::Replayer::open(host.ports(), *std::move(play), *std::move(state), on_end);
  if (!replayer) return fail(replayer.error(), 1);
  auto told = host.ports().bus.watch_state([told = false](bus::BusState s) mutable {
    if (told || s != bus::BusState::kConnected) return;
    told = true;
    std::printf("ready\n");
    std::fflush(stdout);
  });
  return host.run();
}
