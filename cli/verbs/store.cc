#include "cli/past/offline.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

Status run(const Invocation& call) {
  if (call.words.size() != 1 || call.words[0] != "check")
    return Error(Code::kBadRequest, "it is `kubus store check`");
  return become_store(layout_of(call.options["state"].as<std::string>()), {"--check"});
}

}  // namespace

const Command kStore{
    .name = "store",
    .summary = "whether all that the store's files hold agrees; the first difference is named",
    .usage = "kubus store check [--state DIR]",
    .examples = "  kubus store check        while the cluster works, or when it is down\n",
    .run = run,
};

}  // namespace kubus::cli
