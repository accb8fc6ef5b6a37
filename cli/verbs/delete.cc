#include <cstdio>

#include "cli/changes.h"
#include "cli/manifests.h"
#include "cli/verbs/verbs.h"
#include "cli/waiting.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add_all_option(add);
  add("filename,f", po::value<std::vector<std::string>>()->composing(),
      "delete what these manifests name");
  add("grace-period", po::value<int64_t>(), "seconds that a Pod's containers get to end");
  add("now", po::bool_switch(), "one second");
  add("force", po::bool_switch(), "at once, without waiting for the node");
  add("cascade", po::value<std::string>()->default_value("background"),
      "background, foreground or orphan");
  add("wait", po::value<bool>()->default_value(true)->implicit_value(true),
      "wait until the objects are gone");
  add("ignore-not-found", po::bool_switch(), "what is not there is no error");
}

Result<wire::Propagation> propagation(const std::string& cascade) {
  if (cascade == "background") return wire::Propagation::Background;
  if (cascade == "foreground") return wire::Propagation::Foreground;
  if (cascade == "orphan") return wire::Propagation::Orphan;
  return Error(Code::kBadRequest,
               "--cascade must be background, foreground or orphan, not \"" + cascade + "\"");
}

Result<std::vector<ObjectKey>> targets(const Invocation& call, Session& session) {
  std::vector<ObjectKey> out;
  if (call.options.count("filename")) {
    auto manifests = read_manifests(call.options["filename"].as<std::vector<std::string>>(),
                                    call.options["namespace"].as<std::string>());
    if (!manifests) return manifests.error();
    for (const Manifest& m : *manifests) out.push_back(m.key);
    return out;
  }
  return selected_keys(session, call);
}

Result<bool> remove(Session& session, const ObjectKey& key, const po::variables_map& options,
                    wire::Propagation how) {
  wire::RequestT request;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Delete;
  op->group = key.kind->group;
  op->resource = key.kind->resource;
  op->namespace_ = key.ns;
  op->name = key.name;
  op->propagation = how;
  if (options.count("grace-period")) op->grace_seconds = options["grace-period"].as<int64_t>();
  if (options["now"].as<bool>()) op->grace_seconds = 1;
  if (options["force"].as<bool>()) op->grace_seconds = 0;
  request.operations.push_back(std::move(op));
  auto answer = session.call(std::move(request));
  if (!answer) return answer.error();
  return answer->outcome().gone();
}

Status run(const Invocation& call) {
  auto how = propagation(call.options["cascade"].as<std::string>());
  if (!how) return how.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto keys = targets(call, **session);
  if (!keys) return keys.error();
  for (const ObjectKey& key : *keys) {
    auto gone = remove(**session, key, call.options, *how);
    if (!gone && gone.error().code == Code::kNotFound &&
        call.options["ignore-not-found"].as<bool>())
      continue;
    if (!gone) return gone.error();
    std::printf("%s deleted\n", display_name(*key.kind, key.name).c_str());
    std::fflush(stdout);
    if (!*gone && call.options["wait"].as<bool>()) {
      Status s = await_object(**session, key, Deadline(**session, std::nullopt),
                              [](const Object& o) { return !o; });
      if (!s) return Error(s.error().code, s.error().message + "; deletion goes on");
    }
  }
  return {};
}

}  // namespace

const Command kDelete{
    .name = "delete",
    .summary = "delete objects by name, selector or manifest",
    .usage = "kubus delete KIND NAME… | KIND/NAME… | KIND -l SELECTOR | -f FILE",
    .examples =
        "  kubus delete pod web\n  kubus delete pods -l app=web --now\n  kubus delete -f "
        "web.yaml\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
