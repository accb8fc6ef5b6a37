// From an operation as it came to the verb that runs it: what it is about, and whether it may be.
#pragma once

#include "services/store/executor/scope.h"

namespace kubus::wire {
struct Request;
}

namespace kubus::store {

// The kind that the operation is about; null: a lane of no kind. kNotFound: none of ours.
Result<const schema::KindInfo*> kind_of(const wire::Operation& op);
// Namespace and name are there as the verb wants them, and the kind has that verb.
Status check_form(const Scope& s);
Status authorize(const Scope& s);
Status run_verb(Scope& s);
// The revision that must be there before the request can run.
Revision needed_revision(const wire::Request& request);

}  // namespace kubus::store
