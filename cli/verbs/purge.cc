#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("path", po::value<std::vector<std::string>>()->composing(),
      "the field whose values go, as data.password; may be given again");
  add("all-past", po::bool_switch(), "all that past versions held, but for the object's identity");
  add("from", po::value<uint64_t>()->default_value(0), "from this revision on");
  add("to", po::value<uint64_t>()->default_value(0), "up to this revision");
  add("yes", po::bool_switch(), "do it: what is gone cannot be brought back");
}

struct Outcome {
  uint64_t versions = 0;
};

// Sends the request, and asks until the store has done it.
Result<Outcome> purge(Session& session, const ObjectKey& key, const Invocation& call,
                      const std::vector<std::string>& paths, bool dry_run) {
  for (std::string token;;) {
    wire::RequestT request = kit::request_for(wire::Verb::Purge, key);
    request.dry_run = dry_run;
    wire::OperationT& op = *request.operations[0];
    op.paths = paths;
    uint64_t from = call.options["from"].as<uint64_t>();
    op.after = from == 0 ? 0 : from - 1;
    op.revision = call.options["to"].as<uint64_t>();
    op.continue_token = token;
    auto answer = session.call(std::move(request));
    if (!answer) return answer.error();
    const auto* more = answer->outcome().continue_token();
    if (more == nullptr || more->size() == 0) return Outcome{answer->outcome().count()};
    token = more->str();
    bool passed = false;
    auto timer =
        session.host().ports().clock.after(std::chrono::milliseconds(50), [&] { passed = true; });
    if (!session.run_until([&] { return passed; }))
      return Error(Code::kTimeout, "interrupted; the store goes on with it");
  }
}

Status run(const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  if (selections->size() != 1 || selections->front().names.size() != 1)
    return Error(Code::kBadRequest, "name one object, as in `kubus purge configmap/db`");
  std::vector<std::string> paths;
  if (call.options.count("path")) paths = call.options["path"].as<std::vector<std::string>>();
  if (paths.empty() != call.options["all-past"].as<bool>())
    return Error(Code::kBadRequest, "give --path, or --all-past for all that was");
  const Selection& s = selections->front();
  ObjectKey key = s.key(s.names[0]);
  std::string shown = display_name(*key.kind, key.name);
  auto session = Session::open(call);
  if (!session) return session.error();
  bool sure = call.options["yes"].as<bool>();
  auto done = purge(**session, key, call, paths, !sure);
  if (!done) return done.error();
  auto n = static_cast<unsigned long long>(done->versions);
  if (!sure) {
    std::printf("%llu past versions of %s hold that; with --yes it is gone from them for good\n", n,
                shown.c_str());
    return {};
  }
  std::printf("purged from %llu past versions of %s\n", n, shown.c_str());
  if (n > 0)
    std::printf(
        "nobody can read it here any more, and the journal's files are overwritten; from the file "
        "of "
        "the tables it is gone when the store has been started again. Backups, exports and "
        "subscribers keep what they have.\n");
  return {};
}

}  // namespace

const Command kPurge{
    .name = "purge",
    .summary = "remove a value from an object's past for good",
    .usage =
        "kubus purge KIND/NAME --path PATH… [--from REVISION] [--to REVISION] [--yes]\n"
        "       kubus purge KIND/NAME --all-past [--from REVISION] [--to REVISION] [--yes]",
    .examples =
        "  kubus purge configmap/db --path data.password          how many versions hold it\n"
        "  kubus purge configmap/db --path data.password --yes\n"
        "  kubus purge deployment/web --path 'spec.template.spec.containers[name=web].env' --yes\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
