#include "services/store/auth/outside.h"

#include <algorithm>

#include "bus/grants.h"
#include "schemas/access/v1/access_generated.h"
#include "services/store/executor/words.h"
#include "services/store/state/batch.h"

namespace kubus::store {
namespace {

using bus::Grant;
using bus::Right;

std::vector<Grant> grants_of(std::string_view user, const View& view) {
  static const schema::KindInfo& kUsers = *schema::Registry::get().by_resource("kubus.io", "users");
  std::vector<Grant> grants;
  if (user.size() > kMaxName) return grants;
  Stored found = view.find(kUsers, "", user);
  if (!found) return grants;
  Object object = found.object(kUsers);
  const auto* spec = object.as<access::v1::User>()->spec();
  if (object.terminating() || spec == nullptr || spec->may() == nullptr) return grants;
  for (const auto* text : *spec->may()) {
    auto grant = bus::parse_grant(text_of(text));
    if (grant) grants.push_back(*std::move(grant));
  }
  return grants;
}

// The request of one user against its rights.
class Judge {
 public:
  Judge(const Access& access, std::vector<Grant> grants) : a_(access), grants_(std::move(grants)) {}

  bool may() const {
    if (a_.verb == "events-after" || a_.verb == "heads") return may_follow();
    if (a_.kind == nullptr ||
        !(a_.subresource.empty() || a_.subresource == "status" || a_.subresource == "scale"))
      return false;
    if (a_.verb == "get" || a_.verb == "list" || a_.verb == "history")
      return may_read() && (!a_.past || has(Right::kHistory));
    bool writes = a_.verb == "create" || a_.verb == "update" || a_.verb == "patch" ||
                  a_.verb == "apply" || a_.verb == "delete" || a_.verb == "deletecollection";
    return writes && has(Right::kWrite);
  }

 private:
  bool has(Right right) const {
    return std::any_of(grants_.begin(), grants_.end(), [&](const Grant& g) {
      return g.right == right && g.covers(*a_.kind, a_.ns, a_.name);
    });
  }

  // Events hold nothing confidential, so that of such kinds too they may be followed by whoever has
  // the lane.
  bool may_follow() const {
    if (a_.kind != nullptr) return has(Right::kWatch);
    return a_.node.empty() && std::any_of(grants_.begin(), grants_.end(), [](const Grant& g) {
             return g.right == Right::kWatch && g.kind == nullptr;
           });
  }

  bool may_read() const {
    if (has(Right::kGet) || (has(Right::kWatch) && !a_.kind->confidential)) return true;
    return a_.verb != "list" && has(Right::kWrite);
  }

  const Access& a_;
  std::vector<Grant> grants_;
};

}  // namespace

std::string_view outside_user(std::string_view actor) {
  return actor.starts_with(bus::kUserActorPrefix) ? actor.substr(bus::kUserActorPrefix.size()) : "";
}

bool may_outside(const Access& access, std::string_view user, const View& view) {
  return Judge(access, grants_of(user, view)).may();
}

}  // namespace kubus::store
