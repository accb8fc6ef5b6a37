#include "services/store/executor/words.h"

namespace kubus::store {

std::string_view verb_word(wire::Verb verb) {
  switch (verb) {
    case wire::Verb::Get:
      return "get";
    case wire::Verb::List:
      return "list";
    case wire::Verb::Create:
      return "create";
    case wire::Verb::Update:
      return "update";
    case wire::Verb::Patch:
      return "patch";
    case wire::Verb::Apply:
      return "apply";
    case wire::Verb::Delete:
      return "delete";
    case wire::Verb::DeleteCollection:
      return "deletecollection";
    case wire::Verb::EventsAfter:
      return "events-after";
    case wire::Verb::History:
      return "history";
    case wire::Verb::Heads:
      return "heads";
    case wire::Verb::Connect:
      return "connect";
    case wire::Verb::Archive:
      return "archive";
    case wire::Verb::Trace:
      return "trace";
    case wire::Verb::Purge:
      return "purge";
    case wire::Verb::Audit:
      return "audit";
    case wire::Verb::Rekey:
      return "rekey";
  }
  return "unknown";
}

bool is_write(wire::Verb verb) {
  switch (verb) {
    case wire::Verb::Create:
    case wire::Verb::Update:
    case wire::Verb::Patch:
    case wire::Verb::Apply:
    case wire::Verb::Delete:
    case wire::Verb::DeleteCollection:
      return true;
    default:
      return false;
  }
}

bool is_stream(std::string_view subresource) {
  return subresource == "log" || subresource == "exec" || subresource == "attach" ||
         subresource == "portforward";
}

namespace {
std::string quoted(std::string_view name) {
  return "\"" + std::string(name) + "\"";
}
}  // namespace

Result<Revision> revision_at(const View& view, int64_t time_ns) {
  auto found = view.revision_at(time_ns);
  if (found && !*found)
    return Error(Code::kBadRequest, "the cluster's first change is younger than that time");
  return found;
}

Error not_found(const schema::KindInfo& kind, std::string_view name) {
  return Error(Code::kNotFound, kind.qualified_resource() + " " + quoted(name) + " not found");
}

Error already_exists(const schema::KindInfo& kind, std::string_view name) {
  return Error(Code::kAlreadyExists,
               kind.qualified_resource() + " " + quoted(name) + " already exists");
}

Error conflict(const schema::KindInfo& kind, std::string_view name, std::string_view why) {
  return Error(Code::kConflict, "Operation cannot be fulfilled on " + kind.qualified_resource() +
                                    " " + quoted(name) + ": " + std::string(why));
}

Error forbidden(const schema::KindInfo& kind, std::string_view user, std::string_view verb,
                std::string_view ns, std::string_view why) {
  std::string text = kind.qualified_resource() + " is forbidden: User " + quoted(user) +
                     " cannot " + std::string(verb) + " resource " + quoted(kind.resource) +
                     " in API group " + quoted(kind.group);
  text += ns.empty() ? " at the cluster scope" : " in the namespace " + quoted(ns);
  if (!why.empty()) text += ": " + std::string(why);
  return Error(Code::kForbidden, std::move(text));
}

}  // namespace kubus::store
