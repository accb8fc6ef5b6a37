#include <cstdio>

#include "cli/past/fetch.h"
#include "cli/past/playback.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("from", po::value<std::string>()->default_value(""),
      "what is of interest begins there: a revision, an RFC 3339 time, or -10m; all before it that "
      "is kept goes along");
  add("to", po::value<std::string>()->default_value(""), "the last (default: what is newest now)");
  add("with-secrets", po::bool_switch(), "the contents of Secrets too");
}

Status run(const Invocation& call) {
  if (call.words.size() != 1)
    return Error(Code::kBadRequest, "name one file, as in `kubus export incident.kubus`");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto range = range_of(**session, call.options["from"].as<std::string>(),
                        call.options["to"].as<std::string>());
  if (!range) return range.error();
  ExportOptions options{.path = call.words[0],
                        .from = range->from ? range->from.next() : Revision(),
                        .to = range->to,
                        .with_secrets = call.options["with-secrets"].as<bool>()};
  auto done = fetch_archive(**session, options);
  if (!done) return done.error();
  std::printf("%llu records, revisions %llu to %llu, in %s\n",
              static_cast<unsigned long long>(done->records),
              static_cast<unsigned long long>(done->base.value()),
              static_cast<unsigned long long>(done->last.value()), options.path.c_str());
  return {};
}

}  // namespace

const Command kExport{
    .name = "export",
    .summary =
        "the past in one file, which replay and all verbs of the past read without a cluster",
    .usage = "kubus export FILE [--from AT] [--to AT] [--with-secrets]",
    .examples =
        "  kubus export incident.kubus --from -2h\n"
        "  kubus get pods -A --at 1200 --file incident.kubus\n"
        "  kubus replay --file incident.kubus --speed 60\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
