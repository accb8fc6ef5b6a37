#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <iostream>

#include "bus/kit/feed.h"
#include "bus/kit/requests.h"
#include "cli/resources.h"
#include "cli/rollouts.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("to-revision", po::value<int64_t>()->default_value(0),
      "undo: to this one; 0: the one before");
  add("revision", po::value<int64_t>()->default_value(0), "history: this one, whole");
  add("watch,w", po::value<bool>()->default_value(true)->implicit_value(true),
      "status: wait for the end");
  add("timeout", po::value<int64_t>()->default_value(0), "status: seconds to wait; 0: no end");
}

Status patch(Session& session, const ObjectKey& key, const std::string& text, const char* done) {
  auto answer = session.call(kit::merge_patch_request(key, text, {}));
  if (!answer) return answer.error();
  std::printf("%s %s\n", display_name(*key.kind, key.name).c_str(), done);
  return {};
}

Status pause(Session& session, const ObjectKey& key, const Invocation&) {
  return patch(session, key, R"({"spec":{"paused":true}})", "paused");
}

Status resume(Session& session, const ObjectKey& key, const Invocation&) {
  return patch(session, key, R"({"spec":{"paused":null}})", "resumed");
}

Status restart(Session& session, const ObjectKey& key, const Invocation&) {
  std::string now = codec::format_time(session.host().ports().clock.wall_seconds());
  return patch(
      session, key,
      R"({"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":")" +
          now + R"("}}}}})",
      "restarted");
}

// What ends the following of a rollout.
struct Following {
  Progress progress;
  bool over = false, gone = false, late = false, again = false;
  bool ended() const { return over || gone || late || progress.complete || progress.failed; }
  void look(const Object& deployment) {
    Progress now = progress_of(codec::to_value(deployment.kind(), deployment.bytes()).as_object());
    if (now.message != progress.message) std::cout << now.message << std::endl;
    progress = std::move(now);
  }
};

// From the Deployment as it is now along its own lane; `again`: it must be read anew.
Status follow(Session& session, const ObjectKey& key, Following* f) {
  auto object = session.get(key);
  if (!object) return object.error();
  f->look(*object);
  f->again = false;
  bus::LaneId lane{key.kind->group, key.kind->resource, key.ns, key.name, ""};
  kit::Feed feed(
      session.host().ports(), session.client(), lane, object->revision(),
      [f](const kit::EventView& e) {
        auto now = e.object();
        if (e->type() == wire::EventType::Deleted) {
          f->gone = true;
        } else if (now) {
          f->look(*now);
        } else {
          f->again = true;
        }
      },
      [f] { f->again = true; });
  if (session.run_until([f] { return f->ended() || f->again; })) return {};
  return Error(Code::kTimeout, "interrupted; the rollout goes on");
}

// One line for each step.
Status status(Session& session, const ObjectKey& key, const Invocation& call) {
  Following f;
  f.over = !call.options["watch"].as<bool>();
  std::unique_ptr<bus::Timer> timer;
  if (int64_t seconds = call.options["timeout"].as<int64_t>(); seconds > 0) {
    timer =
        session.host().ports().clock.after(std::chrono::seconds(seconds), [&] { f.late = true; });
  }
  do {
    if (Status s = follow(session, key, &f); !s) return s;
  } while (!f.ended());
  if (f.gone) return Error(Code::kNotFound, "the deployment was deleted meanwhile");
  if (f.progress.failed) return Error(Code::kTimeout, f.progress.message);
  if (f.late) return Error(Code::kTimeout, "it takes longer than --timeout; the rollout goes on");
  return {};
}

std::string cause_of(const json::object& set) {
  const json::value* meta = set.if_contains("metadata");
  const json::value* notes = meta ? meta->as_object().if_contains("annotations") : nullptr;
  const json::value* cause = notes && notes->is_object()
                                 ? notes->get_object().if_contains("kubernetes.io/change-cause")
                                 : nullptr;
  return cause && cause->is_string() ? std::string(cause->get_string()) : "<none>";
}

Result<Versions> versions(Session& session, const ObjectKey& key) {
  auto object = session.get(key);
  if (!object) return object.error();
  return versions_of(session, *object);
}

Status history(Session& session, const ObjectKey& key, const Invocation& call) {
  auto all = versions(session, key);
  if (!all) return all.error();
  if (int64_t one = call.options["revision"].as<int64_t>(); one != 0) {
    auto found = all->find(one);
    if (found == all->end())
      return Error(Code::kNotFound, "there is no revision " + std::to_string(one));
    std::printf("%s with revision #%lld\n%s\n", display_name(*key.kind, key.name).c_str(),
                static_cast<long long>(one), json::serialize(template_of(found->second)).c_str());
    return {};
  }
  std::printf("%s\nREVISION  CHANGE-CAUSE\n", display_name(*key.kind, key.name).c_str());
  for (const auto& [revision, set] : *all) {
    std::printf("%-9lld %s\n", static_cast<long long>(revision), cause_of(set).c_str());
  }
  return {};
}

Result<int64_t> revision_to_undo_to(const Versions& all, int64_t asked) {
  if (asked != 0) {
    if (all.count(asked)) return asked;
    return Error(Code::kNotFound, "there is no revision " + std::to_string(asked));
  }
  if (all.size() < 2) return Error(Code::kNotFound, "there is no revision before the present one");
  return std::prev(all.end(), 2)->first;
}

Status undo(Session& session, const ObjectKey& key, const Invocation& call) {
  auto object = session.get(key);
  if (!object) return object.error();
  json::value whole = codec::to_value(*key.kind, object->bytes());
  const json::value* spec = whole.as_object().if_contains("spec");
  const json::value* paused = spec ? spec->as_object().if_contains("paused") : nullptr;
  if (paused && paused->is_bool() && paused->get_bool())
    return Error(Code::kBadRequest, "it is paused; `kubus rollout resume` it first");
  auto all = versions_of(session, *object);
  if (!all) return all.error();
  auto revision = revision_to_undo_to(*all, call.options["to-revision"].as<int64_t>());
  if (!revision) return revision.error();
  json::object step = {
      {"op", "replace"}, {"path", "/spec/template"}, {"value", template_of(all->at(*revision))}};
  wire::RequestT request = kit::request_for(wire::Verb::Patch, key);
  std::string text = json::serialize(json::array{std::move(step)});
  request.operations.front()->patch_type = wire::PatchType::Json;
  request.operations.front()->patch.assign(text.begin(), text.end());
  request.operations.front()->precondition_revision = object->revision().value();
  auto answer = session.call(std::move(request));
  if (!answer) return answer.error();
  bool same = answer->outcome().revision() == object->revision().value();
  std::printf("%s %s revision %lld\n", display_name(*key.kind, key.name).c_str(),
              same ? "is already at" : "rolled back to", static_cast<long long>(*revision));
  return {};
}

struct Part {
  std::string_view name;
  Status (*run)(Session&, const ObjectKey&, const Invocation&);
};
constexpr Part kParts[] = {{"status", status}, {"history", history}, {"undo", undo},
                           {"pause", pause},   {"resume", resume},   {"restart", restart}};

Status run(const Invocation& call) {
  Invocation rest = call;
  if (rest.words.empty())
    return Error(Code::kBadRequest, "say status, history, undo, pause, resume or restart");
  std::string word = rest.words.front();
  rest.words.erase(rest.words.begin());
  for (const Part& part : kParts) {
    if (part.name != word) continue;
    auto selections = selections_of(rest);
    if (!selections) return selections.error();
    auto session = Session::open(rest);
    if (!session) return session.error();
    for (const Selection& s : *selections) {
      if (s.kind->resource != "deployments" || s.names.empty())
        return Error(Code::kBadRequest, "name a deployment: deployment/web");
      for (const std::string& name : s.names) {
        if (Status done = part.run(**session, s.key(name), rest); !done) return done;
      }
    }
    return {};
  }
  return Error(Code::kBadRequest, "unknown: rollout " + word +
                                      "; there are status, history, undo, pause, resume, restart");
}

}  // namespace

const Command kRollout{
    .name = "rollout",
    .summary = "follow, pause, take back or repeat the rollout of a Deployment",
    .usage = "kubus rollout status|history|undo|pause|resume|restart deployment/NAME",
    .examples =
        "  kubus rollout status deployment/web\n"
        "  kubus rollout history deployment/web --revision 2\n"
        "  kubus rollout undo deployment/web\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
