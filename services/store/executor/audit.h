// Which refusals are recorded, and in which words.
#pragma once

#include <string>

#include "schemas/lib/base/result.h"
#include "services/store/audit/audit_log.h"
#include "services/store/intake/incoming.h"

namespace kubus::wire {
struct Operation;
struct Request;
}  // namespace kubus::wire

namespace kubus::store {

// From where a request came, as its sender says; as printable text of a bounded length.
std::string source_of(const wire::Request& request);

// Takes note of an operation that was refused. What was refused for want of room or time is no
// matter of who asked; of reads only what was forbidden counts.
void note_refusal(AuditLog& log, const Incoming& incoming, const wire::Operation& op,
                  const Error& why, int64_t now_ns);

}  // namespace kubus::store
