// The past can be read by whom the present lets read, and changed by nobody.
#pragma once

#include <memory>

#include "services/store/auth/authorizer.h"

namespace kubus::store {

// kMethodNotAllowed for whatever is no read; else what `readers` says.
std::unique_ptr<Authorizer> read_only(std::unique_ptr<Authorizer> readers);

}  // namespace kubus::store
