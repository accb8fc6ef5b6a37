#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/manifests.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("filename,f", po::value<std::vector<std::string>>()->composing(),
      "a file, a folder, or - for standard input");
  add("namespace,n", po::value<std::string>()->default_value("default"),
      "for manifests that name none");
  add("dry-run", po::bool_switch(), "let the store check everything and change nothing");
}

Status run(const Invocation& call) {
  std::vector<std::string> paths = call.words;
  if (call.options.count("filename")) {
    auto named = call.options["filename"].as<std::vector<std::string>>();
    paths.insert(paths.end(), named.begin(), named.end());
  }
  auto manifests = read_manifests(paths, call.options["namespace"].as<std::string>());
  if (!manifests) return manifests.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  bool dry = call.options["dry-run"].as<bool>();
  for (const Manifest& m : *manifests) {
    auto request = kit::create_request(*m.key.kind, m.key.ns, m.value, {});
    if (!request) return Error(request.error().code, m.source + ": " + request.error().message);
    request->dry_run = dry;
    auto answer = (*session)->call(*std::move(request));
    if (!answer) return Error(answer.error().code, m.source + ": " + answer.error().message);
    std::printf("%s created%s\n", display_name(*m.key.kind, m.key.name).c_str(),
                dry ? " (dry run)" : "");
  }
  return {};
}

}  // namespace

const Command kCreate{
    .name = "create",
    .summary = "make objects that must not be there yet",
    .usage = "kubus create -f FILE|FOLDER|- [options]",
    .examples = "  kubus create -f job.yaml\n  cat web.yaml | kubus create -f -\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
