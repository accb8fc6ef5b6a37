#include <cstdio>
#include <filesystem>
#include <map>

#include "bus/host/host.h"
#include "services/store/engine/lmdb.h"
#include "services/store/journal/segment.h"
#include "services/store/offline.h"
#include "services/store/options.h"

int main(int argc, char** argv) {
  using namespace kubus;
  if (auto code = store::run_offline(argc, argv)) return *code;
  auto options = store::read_options(argc, argv);
  auto fail = [](const Error& e, int code) {
    std::fprintf(stderr, "kubus-store: %s\n", e.message.c_str());
    return code;
  };
  if (!options) return fail(options.error(), 2);
  const std::map<std::string, bus::Level> levels = {
      {"debug", bus::Level::kDebug}, {"warn", bus::Level::kWarn}, {"error", bus::Level::kError}};
  auto level = levels.find(options->log_level);
  bus::Host host({.component = "store",
                  .credentials = options->credentials,
                  .log_level = level == levels.end() ? bus::Level::kInfo : level->second});
  std::error_code code;
  std::filesystem::create_directories(options->state_directory, code);
  if (code) {
    return fail(Error(Code::kUnavailable, options->state_directory + ": " + code.message()), 1);
  }
  // First the journal, whose lock keeps another store out.
  auto journal = store::open_segments({.directory = options->state_directory + "/journal"},
                                      host.ports().workers);
  if (!journal) return fail(journal.error(), 1);
  auto engine = store::open_lmdb(
      {.directory = options->state_directory + "/tables", .map_size = options->map_bytes});
  if (!engine) return fail(engine.error(), 1);
  auto opened = store::Store::open(host.ports(), std::move(options->store), *std::move(engine),
                                   *std::move(journal));
  if (!opened) return fail(opened.error(), 1);
  host.on_terminate([&] { (*opened)->close([&](Status s) { host.stop(s ? 0 : 1); }); });
  return host.run();
}
