#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("replicas", po::value<int>()->required(), "how many there shall be");
  add("current-replicas", po::value<int>(), "only if there are so many wanted now");
}

Status scale(Session& session, const ObjectKey& key, const po::variables_map& options) {
  if (key.kind->subresource("scale") == nullptr)
    return Error(Code::kBadRequest, display_name(*key.kind, key.name) + " cannot be scaled");
  kit::WriteOptions write;
  write.subresource = "scale";
  if (options.count("current-replicas")) {
    auto now = session.get(key);
    if (!now) return now.error();
    std::string wanted = std::to_string(options["current-replicas"].as<int>());
    std::string has = now->field("spec.replicas").value_or("1");
    if (has != wanted)
      return Error(Code::kConflict, display_name(*key.kind, key.name) + " wants " + has +
                                        " replicas, not " + wanted);
    write.revision = now->revision();
  }
  std::string patch =
      R"({"spec":{"replicas":)" + std::to_string(options["replicas"].as<int>()) + "}}";
  auto answer = session.call(kit::merge_patch_request(key, patch, write));
  if (!answer) return answer.error();
  std::printf("%s scaled\n", display_name(*key.kind, key.name).c_str());
  return {};
}

Status run(const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  for (const Selection& s : *selections) {
    if (s.names.empty()) return Error(Code::kBadRequest, "name what to scale: deployment/web");
    for (const std::string& name : s.names) {
      if (Status done = scale(**session, s.key(name), call.options); !done) return done;
    }
  }
  return {};
}

}  // namespace

const Command kScale{
    .name = "scale",
    .summary = "say how many Pods a Deployment or ReplicaSet shall have",
    .usage = "kubus scale KIND/NAME… --replicas N [--current-replicas M]",
    .examples = "  kubus scale deployment/web --replicas 5\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
