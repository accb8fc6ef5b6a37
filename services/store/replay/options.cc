#include "services/store/replay/options.h"

#include <boost/program_options.hpp>

namespace kubus::store {
namespace {

namespace po = boost::program_options;

Result<Revision> revision_at(const Point& point, const View& view) {
  if (point.revision != 0) return Revision(point.revision);
  auto found = view.revision_at(point.time_ns);
  if (found && !*found)
    return Error(Code::kBadRequest, "the cluster's first change is younger than that time");
  return found;
}

}  // namespace

Result<ReplayProgramOptions> read_replay_options(int argc, char** argv) {
  ReplayProgramOptions out;
  std::string credentials, speed;
  po::options_description all;
  auto add = all.add_options();
  add("credentials", po::value(&credentials), "the bus credentials file");
  add("name", po::value(&out.name)->default_value("file"), "it speaks as cluster replay.NAME");
  add("file", po::value(&out.file), "the archive");
  add("work", po::value(&out.work), "a directory for what is restored from it");
  add("from-revision", po::value(&out.from.revision), "the first to be played");
  add("from-time", po::value(&out.from.time_ns), "or what came after this, unix nanoseconds");
  add("to-revision", po::value(&out.to.revision), "the last to be played");
  add("to-time", po::value(&out.to.time_ns), "or what came up to this, unix nanoseconds");
  add("speed", po::value(&speed)->default_value("1"), "N, max or step");
  add("paused", po::bool_switch(&out.paused), "begin when told to resume");
  add("standing", po::bool_switch(&out.standing), "stand at the last, for reads alone");
  add("end", po::bool_switch(&out.end_at_end), "end when the last is played");
  add("sweep", po::value(&out.sweep), "remove this directory once standard input ends");
  try {
    po::variables_map map;
    po::store(po::parse_command_line(argc, argv, all), map);
    po::notify(map);
  } catch (const po::error& e) {
    return Error(Code::kBadRequest, e.what());
  }
  if (!out.sweep.empty()) return out;
  if (credentials.empty() || out.file.empty() || out.work.empty())
    return Error(Code::kBadRequest, "--credentials, --file and --work are required");
  auto read = bus::read_credentials(credentials);
  if (!read) return read.error();
  out.credentials = *std::move(read);
  auto parsed = replay::Speed::parse(speed);
  if (!parsed) return parsed.error();
  out.speed = *parsed;
  return out;
}

Result<ReplayerOptions> replayer_options(const ReplayProgramOptions& options, const State& state) {
  View whole = state.whole();
  ReplayerOptions out;
  out.name = options.name;
  out.home = ClusterName(options.credentials.cluster);
  out.standing = options.standing;
  out.play.speed = options.speed;
  out.play.paused = options.paused;
  out.play.to = whole.revision();
  out.play.from = whole.compacted();
  if (options.to.revision != 0 || options.to.time_ns != 0) {
    auto to = revision_at(options.to, whole);
    if (!to) return to.error();
    out.play.to = *to;
  }
  if (options.from.revision != 0 || options.from.time_ns != 0) {
    auto from = revision_at(options.from, whole);
    if (!from) return from.error();
    // A revision is played itself; of a time what came after it.
    out.play.from = options.from.revision != 0 ? Revision(from->value() - 1) : *from;
  }
  if (out.play.from > out.play.to) {
    return Error(Code::kBadRequest,
                 "the first to be played, revision " + std::to_string(out.play.from.value() + 1) +
                     ", lies behind the last, " + std::to_string(out.play.to.value()));
  }
  return out;
}

}  // namespace kubus::store
