#include "cli/past/taken_back.h"

#include <algorithm>
#include <boost/json.hpp>
#include <set>

#include "bus/kit/requests.h"
#include "cli/past/moment.h"
#include "cli/past/past.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr uint64_t kMostOperations = 512;  // of a request; the store's own bound

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : "";
}

// The revisions of a request follow each other. Those around this one that are of the same.
Result<std::vector<kit::EventView>> changes_of_request(Session& session, uint64_t revision) {
  auto head = newest(session);
  if (!head) return head.error();
  if (revision > head->value()) {
    return Error(Code::kBadRequest, "revision " + std::to_string(revision) +
                                        " lies ahead; the present is " +
                                        std::to_string(head->value()));
  }
  std::vector<uint64_t> around;
  for (uint64_t r = revision - std::min(revision - 1, kMostOperations);
       r <= std::min(head->value(), revision + kMostOperations); ++r)
    around.push_back(r);
  auto all = trace(session, around, {});
  if (!all) return all.error();
  auto own = std::find_if(all->begin(), all->end(),
                          [&](const auto& e) { return e.revision().value() == revision; });
  if (own == all->end()) {
    return Error(Code::kExpired, "revision " + std::to_string(revision) + " is not kept any more");
  }
  std::vector<uint64_t> same;
  std::string id = text((*own)->request_id()), actor = text((*own)->actor());
  for (const kit::EventView& e : *all) {
    bool is = e.revision().value() == revision ||
              (!id.empty() && text(e->request_id()) == id && text(e->actor()) == actor);
    if (is) same.push_back(e.revision().value());
  }
  return trace(session, same, {.objects = true});
}

// With their objects, a page at a time: the walk itself goes farther without.
Result<std::vector<kit::EventView>> consequences(Session& session,
                                                 const std::vector<kit::EventView>& request) {
  std::vector<uint64_t> own, behind;
  for (const kit::EventView& e : request) own.push_back(e.revision().value());
  auto all = trace(session, own, {.forward = true});
  if (!all) return all.error();
  for (const kit::EventView& e : *all) {
    if (!std::binary_search(own.begin(), own.end(), e.revision().value()))
      behind.push_back(e.revision().value());
  }
  return with_objects(session, behind);
}

Result<json::value> before_of(Session& session, const kit::EventView& e) {
  if (e->type() == wire::EventType::Added || e->previous_object() == 0) return json::value();
  auto before = trace(session, {e->previous_object()}, {.objects = true});
  if (!before) return before.error();
  if (before->empty()) {
    return Error(Code::kExpired, "the version before revision " +
                                     std::to_string(e.revision().value()) + " is not kept");
  }
  if (is_purged((*before)[0])) {
    return Error(Code::kBadRequest, "values of the version before revision " +
                                        std::to_string(e.revision().value()) +
                                        " were purged: it cannot be had again");
  }
  return value_of((*before)[0], e->type() == wire::EventType::Deleted);
}

// One object's changes, first to last, become one step.
Result<UndoStep> step_of(Session& session, const std::vector<kit::EventView>& changes) {
  const kit::EventView& first = changes.front();
  Touched t;
  t.key = {kind_of(first), text(first->namespace_()), text(first->name())};
  if (t.key.kind == nullptr || t.key.kind->confidential) {
    return Error(Code::kBadRequest, "what was changed of " + text(first->resource()) + " " +
                                        text(first->name()) +
                                        " does not ride on events and cannot be taken back");
  }
  auto before = before_of(session, first);
  if (!before) return before.error();
  t.before = *std::move(before);
  t.after = value_of(changes.back());
  auto now = present(session, t.key);
  if (!now) return now.error();
  t.now = *std::move(now);
  return plan_undo(t);
}

Status add_operation(const UndoStep& step, wire::RequestT* request) {
  kit::WriteOptions options;
  options.uid = step.uid;
  options.field_manager = "kubus-undo";
  options.return_object = false;
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

}  // namespace

Result<TakenBack> plan_for(Session& session, uint64_t revision) {
  TakenBack out;
  auto request = changes_of_request(session, revision);
  if (!request) return request.error();
  out.request = *std::move(request);
  std::vector<std::vector<kit::EventView>> objects;  // in order of their first change
  std::map<std::string, size_t> known;
  auto take = [&](const kit::EventView& e) {
    std::string key = text(e->group()) + "/" + text(e->resource()) + "/" + text(e->namespace_()) +
                      "/" + text(e->name());
    auto [at, is_new] = known.emplace(key, objects.size());
    if (is_new) objects.emplace_back();
    objects[at->second].push_back(e);
  };
  for (const kit::EventView& e : out.request) {
    std::string by = follows_by_itself(e, true);
    if (by.empty()) {
      take(e);
    } else {
      out.follows.push_back({e, by});
    }
  }
  auto behind = consequences(session, out.request);
  if (!behind) return behind.error();
  for (const kit::EventView& e : *behind) {
    std::string by = follows_by_itself(e, false);
    if (by.empty()) {
      take(e);
    } else {
      out.follows.push_back({e, by});
    }
  }
  for (const auto& changes : objects) {
    auto step = step_of(session, changes);
    if (!step) return step.error();
    out.conflicts |= !step->conflicts.empty();
    out.steps.push_back(*std::move(step));
  }
  out.steps = in_order(std::move(out.steps));
  return out;
}

Result<wire::RequestT> request_of(const TakenBack& plan, uint64_t revision) {
  wire::RequestT request;
  request.atomic = true;
  request.cause = std::make_unique<wire::CauseT>();
  request.cause->trigger = wire::Trigger::User;
  request.cause->revisions = {revision};
  for (const UndoStep& step : plan.steps) {
    if (Status s = add_operation(step, &request); !s) return s.error();
  }
  if (request.operations.size() > kMostOperations) {
    return Error(Code::kTooLarge, std::to_string(request.operations.size()) +
                                      " writes are more than one request can hold (" +
                                      std::to_string(kMostOperations) + ")");
  }
  return request;
}

}  // namespace kubus::cli
