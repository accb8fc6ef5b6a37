#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <cstdio>

#include "bus/kit/requests.h"
#include "cli/output/event_text.h"
#include "cli/past/past.h"
#include "cli/past/undo_plan.h"
#include "cli/resources.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

// A request has so many operations at most, and its changes follow each other.
constexpr uint64_t kAround = 400;

void add_options(po::options_description_easy_init add) {
  add("yes", po::bool_switch(), "do it; without, it is only shown");
}

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : "";
}

// All that the request of that revision changed.
Result<std::vector<kit::EventView>> request_of(Session& session, uint64_t revision) {
  auto one = trace(session, {revision}, {});
  if (!one) return one.error();
  if (one->empty()) {
    return Error(Code::kExpired,
                 "revision " + std::to_string(revision) + " is not kept, or never was");
  }
  std::string id = text((*one)[0]->request_id()), actor = text((*one)[0]->actor());
  std::vector<uint64_t> around;
  for (uint64_t r = revision > kAround ? revision - kAround : 1; r <= revision; ++r)
    around.push_back(r);
  auto answer = session.call(kit::events_after_request({}, Revision(revision)));
  if (!answer) return answer.error();
  uint64_t head = answer->outcome().head();
  for (uint64_t r = revision + 1; r <= std::min<uint64_t>(head, revision + kAround); ++r)
    around.push_back(r);
  auto all = trace(session, around, {});
  if (!all) return all.error();
  std::vector<uint64_t> same;
  for (const kit::EventView& e : *all) {
    bool is = id.empty() ? e.revision().value() == revision
                         : text(e->request_id()) == id && text(e->actor()) == actor;
    if (is) same.push_back(e.revision().value());
  }
  return trace(session, same, {.objects = true});
}

Result<Touched> touched_by(Session& session, const kit::EventView& e) {
  Touched t;
  t.key = {kind_of(e), text(e->namespace_()), text(e->name())};
  t.subresource = text(e->subresource());
  if (t.key.kind == nullptr || t.key.kind->confidential)
    return Error(Code::kBadRequest, "what was changed of " + text(e->resource()) +
                                        " does not ride on events and cannot be taken back");
  t.after = value_of(e);
  if (e->type() != wire::EventType::Added && e->previous_object() != 0) {
    auto before = trace(session, {e->previous_object()}, {.objects = true});
    if (!before) return before.error();
    if (before->empty()) {
      return Error(Code::kExpired, "the version before revision " +
                                       std::to_string(e.revision().value()) + " is not kept");
    }
    t.before = value_of((*before)[0]);
  }
  auto now = present(session, t.key);
  if (!now) return now.error();
  t.now = *std::move(now);
  return t;
}

void show(const UndoStep& step) {
  std::string name = display_name(*step.key.kind, step.key.name);
  switch (step.what) {
    case UndoStep::What::kPatch:
      std::printf("patch   %s  %s\n", name.c_str(), json::serialize(step.body).c_str());
      break;
    case UndoStep::What::kCreate:
      std::printf("create  %s\n", name.c_str());
      break;
    case UndoStep::What::kDelete:
      std::printf("delete  %s\n", name.c_str());
      break;
    case UndoStep::What::kNothing:
      std::printf("leave   %s  (%s)\n", name.c_str(), step.note.c_str());
      break;
  }
  for (const std::string& path : step.conflicts)
    std::printf("        %s was changed by somebody since\n", path.c_str());
}

Status add_operation(const UndoStep& step, wire::RequestT* request) {
  kit::WriteOptions options;
  options.uid = step.uid;
  options.field_manager = "kubus-undo";
  wire::RequestT one;
  switch (step.what) {
    case UndoStep::What::kPatch:
      options.revision = step.revision;
      one = kit::merge_patch_request(step.key, json::serialize(step.body), options);
      break;
    case UndoStep::What::kDelete:
      one = kit::delete_request(step.key, std::nullopt, options);
      break;
    case UndoStep::What::kCreate: {
      auto made = kit::create_request(*step.key.kind, step.key.ns, step.body, options);
      if (!made) return made.error();
      one = *std::move(made);
      break;
    }
    case UndoStep::What::kNothing:
      return {};
  }
  request->operations.push_back(std::move(one.operations[0]));
  return {};
}

Status show_consequences(Session& session, const std::vector<kit::EventView>& events) {
  std::vector<uint64_t> own;
  for (const kit::EventView& e : events) own.push_back(e.revision().value());
  auto all = trace(session, own, {.forward = true});
  if (!all) return all.error();
  if (all->size() > events.size()) std::printf("what followed of itself, and will follow again:\n");
  for (const kit::EventView& e : *all) {
    if (std::find(own.begin(), own.end(), e.revision().value()) == own.end())
      std::printf("  %s\n", event_line(e).c_str());
  }
  return {};
}

Status run(const Invocation& call) {
  uint64_t revision = 0;
  std::string word = call.words.size() == 1 ? call.words[0] : "";
  auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), revision);
  if (code != std::errc() || end != word.data() + word.size() || revision == 0)
    return Error(Code::kBadRequest, "name one revision, as in `kubus undo 1200`");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto events = request_of(**session, revision);
  if (!events) return events.error();
  wire::RequestT request;
  request.atomic = true;
  request.cause = std::make_unique<wire::CauseT>();
  request.cause->trigger = wire::Trigger::User;
  request.cause->revisions = {revision};
  bool conflict = false;
  // What was made last goes first.
  for (auto e = events->rbegin(); e != events->rend(); ++e) {
    auto touched = touched_by(**session, *e);
    if (!touched) return touched.error();
    UndoStep step = plan_undo(*touched);
    show(step);
    conflict |= !step.conflicts.empty();
    if (Status s = add_operation(step, &request); !s) return s;
  }
  if (Status s = show_consequences(**session, *events); !s) return s;
  if (conflict) return Error(Code::kConflict, "what was changed since is not overwritten");
  if (request.operations.empty()) return {};
  if (!call.options["yes"].as<bool>()) {
    std::printf("nothing was changed; --yes does it\n");
    return {};
  }
  auto answer = (*session)->call(std::move(request));
  if (!answer) return answer.error();
  std::printf("undone\n");
  return {};
}

}  // namespace

const Command kUndo{
    .name = "undo",
    .summary = "take back what the request of a revision changed",
    .usage = "kubus undo REVISION [--yes]",
    .examples = "  kubus undo 1200        what would be done\n  kubus undo 1200 --yes\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
