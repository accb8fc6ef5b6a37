#include "services/store/offline.h"

#include <unistd.h>

#include <boost/program_options.hpp>
#include <cinttypes>
#include <cstdio>
#include <string_view>

#include "schemas/lib/codec/scalars.h"
#include "services/store/check/check.h"
#include "services/store/restore/restore.h"

namespace kubus::store {
namespace {

namespace po = boost::program_options;

constexpr int kGibBits = 30;
constexpr int64_t kNanos = 1'000'000'000;

struct Wanted {
  RestoreOptions restore;
  bool check = false, quiet = false;
  uint64_t map_gib = 256;
};

Status parse(int argc, char** argv, Wanted* out) {
  po::options_description all;
  auto add = all.add_options();
  RestoreOptions& r = out->restore;
  add("state", po::value(&r.directory)->required(), "the directory that keeps the state");
  add("restore", po::value(&r.file), "make the state out of this archive, then end");
  add("to-revision", po::value(&r.to_revision), "restore: the last revision");
  add("to-time", po::value(&r.to_time_ns), "restore: or what was written up to this, unix ns");
  add("replace", po::bool_switch(&r.replace), "restore: a state that is there is set aside");
  add("check", po::bool_switch(&out->check), "compare all that the state holds, then end");
  add("secrets-keys", po::value(&r.secrets_keys),
      "the file of the keys that open the Secrets, or will have to");
  add("map-gib", po::value(&out->map_gib), "address space reserved for the tables, GiB");
  add("quiet", po::bool_switch(&out->quiet), "do not tell how far it is");
  try {
    po::variables_map map;
    po::store(po::parse_command_line(argc, argv, all), map);
    po::notify(map);
  } catch (const po::error& e) {
    return Error(Code::kBadRequest, e.what());
  }
  r.map_bytes = out->map_gib << kGibBits;
  return {};
}

// On a terminal one line that changes.
void tell(Revision at, Revision last) {
  const char* form = ::isatty(STDERR_FILENO) != 0 ? "\rrevision %" PRIu64 " of %" PRIu64 " "
                                                  : "revision %" PRIu64 " of %" PRIu64 "\n";
  std::fprintf(stderr, form, at.value(), last.value());
}

Status run_restore(const Wanted& w) {
  RestoreOptions options = w.restore;
  if (!w.quiet) options.progress = tell;
  auto done = restore(options);
  if (!done) return done.error();
  const Loaded& l = done->loaded;
  std::printf("%" PRIu64 " records of cluster %s, up to revision %" PRIu64 " of %s, in %s\n",
              l.records, l.header.cluster.c_str(), l.last.value(),
              codec::format_time(l.time_ns / kNanos).c_str(), options.directory.c_str());
  if (!done->aside.empty()) std::printf("the state that was there is %s\n", done->aside.c_str());
  if (l.left_out > 0) {
    std::printf("the archive was made without the contents of Secrets: %" PRIu64
                " versions of them are empty now\n",
                l.left_out);
  }
  if (l.header.redacted)
    std::printf("the archive is redacted: what was masked in it is masked now\n");
  return {};
}

Status run_check(const Wanted& w) {
  auto done = check_state({.directory = w.restore.directory,
                           .secrets_keys = w.restore.secrets_keys,
                           .map_bytes = w.restore.map_bytes});
  if (!done) return done.error();
  std::printf("revisions %" PRIu64 " to %" PRIu64 ": %" PRIu64 " records, %" PRIu64
              " objects, %" PRIu64 " segments of the journal agree%s\n",
              done->horizon.value(), done->last.value(), done->records, done->objects,
              done->segments,
              done->opened_secrets ? "" : "; the contents of Secrets were not opened");
  return {};
}

}  // namespace

std::optional<int> run_offline(int argc, char** argv) {
  bool asked = false;
  for (int i = 1; i < argc; ++i) {
    std::string_view word = argv[i];
    asked |= word == "--check" || word == "--restore" || word.starts_with("--restore=");
  }
  if (!asked) return std::nullopt;
  Wanted wanted;
  Status parsed = parse(argc, argv, &wanted);
  Status done = !parsed ? parsed : wanted.check ? run_check(wanted) : run_restore(wanted);
  if (done) return 0;
  std::fprintf(stderr, "kubus-store: %s\n", done.error().message.c_str());
  return parsed ? 1 : 2;
}

}  // namespace kubus::store
