#include <cstdio>

#include "cli/changes.h"
#include "cli/conditions.h"
#include "cli/verbs/verbs.h"
#include "cli/waiting.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add_all_option(add);
  add("for", po::value<std::string>()->required(),
      "condition=NAME[=VALUE], jsonpath=PATH[=VALUE], delete or create");
  add_timeout_option(add, "30s");
}

Status await(Session& session, const ObjectKey& key, const Deadline& deadline,
             const std::string& what, const std::function<bool(const Object&)>& test) {
  bool may_be_missing = what == "delete" || what == "create";
  if (!may_be_missing) {
    auto now = session.get(key);
    if (!now) return now.error();
  }
  bool vanished = false;
  Status s = await_object(session, key, deadline, [&](const Object& o) {
    vanished = !o && !may_be_missing;
    return vanished || test(o);
  });
  std::string name = display_name(*key.kind, key.name);
  if (!s) return Error(s.error().code, s.error().message + " waiting for " + what + " on " + name);
  if (vanished) return Error(Code::kNotFound, name + " was deleted meanwhile");
  std::string done = what == "delete" ? "deleted" : what == "create" ? "created" : "condition met";
  std::printf("%s %s\n", name.c_str(), done.c_str());
  std::fflush(stdout);
  return {};
}

Status run(const Invocation& call) {
  std::string what = call.options["for"].as<std::string>();
  auto test = parse_condition(what);
  if (!test) return test.error();
  auto timeout = timeout_of(call);
  if (!timeout) return timeout.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto keys = selected_keys(**session, call);
  if (!keys) return keys.error();
  if (keys->empty() && what != "delete")
    return Error(Code::kNotFound, "there is nothing to wait for: nothing matches");
  Deadline deadline(**session, *timeout);
  for (const ObjectKey& key : *keys) {
    if (Status s = await(**session, key, deadline, what, *test); !s) return s;
  }
  return {};
}

}  // namespace

const Command kWait{
    .name = "wait",
    .summary = "wait until something is true of objects",
    .usage = "kubus wait KIND NAME… | KIND/NAME… | KIND -l SELECTOR --for WHAT [--timeout TIME]",
    .examples =
        "  kubus wait pod/web --for condition=Ready\n"
        "  kubus wait deployment/web --for jsonpath={.status.readyReplicas}=3 --timeout 5m\n"
        "  kubus wait pods -l app=web --for delete\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
