#include "services/store/executor/audit.h"

#include "schemas/lib/base/error_codes.h"
#include "services/store/executor/dispatch.h"
#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

constexpr size_t kMostSource = 256, kPage = 512;

bool counts(const wire::Operation& op, Code code) {
  switch (code) {
    case Code::kForbidden:
    case Code::kUnauthorized:
      return true;
    case Code::kUnavailable:
    case Code::kTimeout:
    case Code::kTooManyRequests:
    case Code::kExpired:
    case Code::kInternal:
      return false;
    default:
      return is_write(op.verb()) || op.verb() == wire::Verb::Purge;
  }
}

// Nothing of a value: it would outlive its being purged, or show what a Secret holds.
std::string words_of(const wire::Operation& op, const Error& why) {
  std::string fields;
  for (const Cause& c : why.causes) {
    if (c.field.empty()) continue;
    fields += (fields.empty() ? "" : ", ") + c.field + ": " + c.reason;
  }
  if (!fields.empty()) return fields;
  bool plain = why.code == Code::kForbidden || why.code == Code::kNotFound ||
               why.code == Code::kAlreadyExists || why.code == Code::kConflict;
  auto kind = kind_of(op);
  bool confidential = !kind || *kind == nullptr || (*kind)->confidential;
  return plain || (!confidential && why.code != Code::kInvalid) ? why.message : "";
}

}  // namespace

std::string source_of(const wire::Request& request) {
  std::string out(text_of(request.source()).substr(0, kMostSource));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  return out;
}

void note_refusal(AuditLog& log, const Incoming& incoming, const wire::Operation& op,
                  const Error& why, int64_t now_ns) {
  if (!counts(op, why.code)) return;
  const wire::Request& request = *incoming.request;
  AuditEntry e;
  e.time_ns = now_ns;
  e.actor = incoming.actor;
  if (request.on_behalf_of() != nullptr) e.user = text_of(request.on_behalf_of()->user());
  e.source = source_of(request);
  e.request_id = incoming.id();
  e.verb = static_cast<uint8_t>(op.verb());
  e.group = text_of(op.group());
  e.resource = text_of(op.resource());
  e.ns = text_of(op.namespace_());
  e.name = text_of(op.name());
  e.subresource = text_of(op.subresource());
  e.reason = status_reason(why.code);
  e.message = words_of(op, why);
  log.note(std::move(e));
}

// Oldest first, behind the sequence `after`; all pages together are a few MiB.
Status run_audit(Scope& s) {
  if (s.env.audit == nullptr) return Error(Code::kMethodNotAllowed, "nothing is recorded here");
  s.out->revision = s.view().revision();
  s.out->count = s.env.audit->dropped();
  for (const AuditEntry* e : s.env.audit->after(s.op.after(), kPage)) s.out->refusals.push_back(*e);
  return {};
}

}  // namespace kubus::store
