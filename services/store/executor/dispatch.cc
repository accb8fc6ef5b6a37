#include "services/store/executor/dispatch.h"

#include <algorithm>

#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

bool on_lane(wire::Verb verb) {
  return verb == wire::Verb::EventsAfter || verb == wire::Verb::Heads ||
         verb == wire::Verb::Archive || verb == wire::Verb::Audit || verb == wire::Verb::Trace;
}

bool of_one(const Scope& s) {
  switch (s.op.verb()) {
    case wire::Verb::List:
    case wire::Verb::DeleteCollection:
    case wire::Verb::EventsAfter:
    case wire::Verb::Heads:
    case wire::Verb::Archive:
    case wire::Verb::Rekey:
    case wire::Verb::Audit:
    case wire::Verb::Trace:
      return false;
    case wire::Verb::Create:
      return !s.subresource.empty();
    default:
      return true;
  }
}

// The verb under which discovery lists what the operation does.
std::string_view listed_verb(wire::Verb verb) {
  switch (verb) {
    case wire::Verb::Apply:
      return "patch";
    case wire::Verb::EventsAfter:
    case wire::Verb::Heads:
      return "watch";
    case wire::Verb::History:
    case wire::Verb::Connect:
    case wire::Verb::Purge:
    case wire::Verb::Rekey:
    case wire::Verb::Audit:
      return "get";
    default:
      return verb_word(verb);
  }
}

// Running something in a Pod is asked for as making it is; its log is only read.
std::string_view authorized_verb(const Scope& s) {
  if (s.op.verb() != wire::Verb::Connect) return verb_word(s.op.verb());
  return s.subresource == "log" ? "get" : "create";
}

bool reads_past(const wire::Operation& op) {
  if (op.verb() == wire::Verb::History || op.verb() == wire::Verb::Archive ||
      op.verb() == wire::Verb::Trace)
    return true;
  if (op.at_time() != 0) return true;
  if (op.verb() == wire::Verb::Get)
    return op.revision() != 0 && op.match() != wire::ListMatch::NotOlderThan;
  return op.verb() == wire::Verb::List && op.match() == wire::ListMatch::Exact;
}

Status check_verb(const Scope& s) {
  if (s.op.verb() == wire::Verb::Rekey && !s.kind->confidential)
    return Error(Code::kBadRequest, "the bodies of " + s.kind->resource + " are not sealed");
  const auto* sub = s.subresource.empty() ? nullptr : s.kind->subresource(s.subresource);
  if (!s.subresource.empty() && sub == nullptr)
    return Error(Code::kNotFound, "the server could not find the requested resource: " +
                                      s.kind->resource + " have no " + std::string(s.subresource));
  if (is_stream(s.subresource) != (s.op.verb() == wire::Verb::Connect))
    return Error(Code::kMethodNotAllowed,
                 is_stream(s.subresource)
                     ? std::string(s.subresource) + " is a byte stream: it is connected to"
                     : "only byte streams can be connected to");
  const std::vector<std::string>& verbs = sub == nullptr ? s.kind->verbs : sub->verbs;
  std::string_view verb = listed_verb(s.op.verb());
  if (std::find(verbs.begin(), verbs.end(), verb) != verbs.end()) return {};
  return Error(Code::kMethodNotAllowed, "the server does not allow " +
                                            std::string(verb_word(s.op.verb())) + " on " +
                                            s.kind->resource);
}

}  // namespace

Result<const schema::KindInfo*> kind_of(const wire::Operation& op) {
  std::string_view group = text_of(op.group()), resource = text_of(op.resource());
  const wire::Lane* lane = on_lane(op.verb()) ? op.lane() : nullptr;
  if (lane != nullptr) {
    group = text_of(lane->group());
    resource = text_of(lane->resource());
    if (text_of(lane->node()).size() != 0) resource = "";
  }
  if (resource.empty() && on_lane(op.verb())) return nullptr;
  const schema::KindInfo* kind = schema::Registry::get().by_resource(group, resource);
  if (kind == nullptr || !kind->stored)
    return Error(Code::kNotFound, "the server could not find the requested resource: \"" +
                                      std::string(resource) + "\" in API group \"" +
                                      std::string(group) + "\"");
  return kind;
}

Status check_form(const Scope& s) {
  if (s.kind == nullptr) return {};
  if (Status st = check_verb(s); !st) return st;
  if (!s.kind->namespaced && !s.ns.empty())
    return Error(Code::kBadRequest, s.kind->resource + " have no namespace");
  if (!of_one(s)) {
    bool needs = s.kind->namespaced && s.ns.empty() &&
                 (s.op.verb() == wire::Verb::Create || s.op.verb() == wire::Verb::DeleteCollection);
    if (needs) return Error(Code::kBadRequest, "the request needs a namespace");
    return {};
  }
  if (s.name.empty()) return Error(Code::kBadRequest, "the request needs a name");
  if (s.kind->namespaced && s.ns.empty())
    return Error(Code::kBadRequest, "the request needs a namespace");
  return {};
}

Status authorize(const Scope& s) {
  if (s.op.verb() == wire::Verb::Trace) return {};  // each event that it finds is judged
  const wire::Lane* lane = on_lane(s.op.verb()) ? s.op.lane() : nullptr;
  Access access;
  access.actor = s.caller.actor;
  access.identity = s.caller.identity;
  access.verb = authorized_verb(s);
  access.kind = s.kind;
  access.ns = lane == nullptr ? s.ns : text_of(lane->namespace_());
  access.name = lane == nullptr ? s.name : text_of(lane->name());
  access.subresource = s.subresource;
  if (lane != nullptr) access.node = text_of(lane->node());
  std::string node;
  if (s.op.verb() == wire::Verb::List) node = held_to_node(*s.kind, text_of(s.op.field_selector()));
  access.held_to_node = node;
  access.past = reads_past(s.op);
  return s.env.authorizer.authorize(access, s.view());
}

Status run_verb(Scope& s) {
  switch (s.op.verb()) {
    case wire::Verb::Get:
      return run_get(s);
    case wire::Verb::List:
      return run_list(s);
    case wire::Verb::Create:
      return run_create(s);
    case wire::Verb::Update:
      return run_update(s);
    case wire::Verb::Patch:
      return run_patch(s);
    case wire::Verb::Apply:
      return run_apply(s);
    case wire::Verb::Delete:
      return run_remove(s);
    case wire::Verb::DeleteCollection:
      return run_remove_collection(s);
    case wire::Verb::EventsAfter:
      return run_events_after(s);
    case wire::Verb::History:
      return run_history(s);
    case wire::Verb::Heads:
      return run_heads(s);
    case wire::Verb::Connect:
      return run_connect(s);
    case wire::Verb::Archive:
      return run_archive(s);
    case wire::Verb::Rekey:
      return run_rekey(s);
    case wire::Verb::Purge:
      return run_purge(s);
    case wire::Verb::Audit:
      return run_audit(s);
    case wire::Verb::Trace:
      return run_trace(s);
    default:
      break;
  }
  return Error(Code::kMethodNotAllowed, "there is no such verb");
}

Revision needed_revision(const wire::Request& request) {
  // A store that has no revision yet is about to make the first objects; nobody sees it without.
  uint64_t needed = std::max<uint64_t>(1, request.min_revision());
  for (const wire::Operation* op : *request.operations()) {
    bool read = op->verb() == wire::Verb::Get || op->verb() == wire::Verb::List;
    if (read && op->at_time() == 0) needed = std::max(needed, op->revision());
  }
  return Revision(needed);
}

}  // namespace kubus::store
