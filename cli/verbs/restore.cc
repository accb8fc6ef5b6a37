#include <cstdio>

#include "bus/archive/file/file.h"
#include "cli/cluster/config.h"
#include "cli/cluster/files.h"
#include "cli/past/offline.h"
#include "cli/reads.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("to", po::value<std::string>()->default_value(""),
      "the last that shall have happened: a revision, an RFC 3339 time, or -10m before the backup "
      "(default: all that is in it)");
  add("replace", po::bool_switch(), "a state that is there is set aside, and not removed");
}

// The cluster that is, or will be, in that directory has the archive's name.
Status check_name(const Layout& layout, const archive::FileHeader& header) {
  auto config = read_config(layout);
  if (!config && config.error().code != Code::kNotFound) return config.error();
  if (config && config->name != header.cluster) {
    return Error(Code::kConflict, layout.dir + " is of cluster \"" + config->name +
                                      "\", the archive of \"" + header.cluster + "\"");
  }
  if (!config) {
    std::printf("start it afterwards with `kubus up --name %s --state %s`\n",
                header.cluster.c_str(), layout.dir.c_str());
  }
  return {};
}

Status run(const Invocation& call) {
  if (call.words.size() != 1)
    return Error(Code::kBadRequest, "name one file, as in `kubus restore monday.kubus`");
  const std::string& file = call.words[0];
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto reader = archive::FileReader::open(file);
  if (!reader) return reader.error();
  const archive::FileHeader& header = (*reader)->header();
  auto to = parse_at("--to", call.options["to"].as<std::string>(), header.time_ns);
  if (!to) return to.error();
  if (Status s = refuse_if_up(layout); !s) return s;
  if (Status s = check_name(layout, header); !s) return s;
  if (Status s = make_directories(layout.dir); !s) return s;
  std::vector<std::string> more{"--restore", file};
  if (to->revision != 0) more.insert(more.end(), {"--to-revision", std::to_string(to->revision)});
  if (to->time_ns != 0) more.insert(more.end(), {"--to-time", std::to_string(to->time_ns)});
  if (call.options["replace"].as<bool>()) more.emplace_back("--replace");
  return become_store(layout, more);
}

}  // namespace

const Command kRestore{
    .name = "restore",
    .summary = "a backup into the cluster, which must be down: as it was, or as it was at a moment",
    .usage = "kubus restore FILE [--to AT] [--replace] [--state DIR]",
    .examples =
        "  kubus restore monday.kubus --state /srv/other\n"
        "  kubus restore monday.kubus --to 2026-11-30T09:15:00Z --replace\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
