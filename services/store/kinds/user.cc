// User: rights that mean something, and a password that nobody can read back.
#include <algorithm>

#include "bus/grants.h"
#include "services/store/kinds/behaviours.h"
#include "services/store/kinds/values.h"

namespace kubus::store::kinds {
namespace {

constexpr size_t kMostRights = 100;
constexpr size_t kHashLength = 60;

// "$2b$04$" and 53 characters of bcrypt's alphabet. It stands in the bus server's configuration as
// it is.
bool is_bcrypt(std::string_view hash) {
  bool head = hash.size() == kHashLength &&
              (hash.starts_with("$2a$") || hash.starts_with("$2b$")) && hash[6] == '$';
  return head && hash[4] >= '0' && hash[4] <= '1' && hash[5] >= '0' && hash[5] <= '9' &&
         std::all_of(hash.begin() + 7, hash.end(), [](char c) {
           return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                  c == '.' || c == '/';
         });
}

class User final : public KindBehaviour {
 public:
  void validate(const json::object*, const json::object& object,
                FieldErrors* errors) const override {
    const json::object& spec = object_in(object, "spec");
    const json::array& may = array_in(spec, "may");
    if (may.size() > kMostRights) errors->forbidden("spec.may", "a user has at most 100 rights");
    for (size_t i = 0; i < may.size() && i < kMostRights; ++i) {
      auto grant = bus::parse_grant(text_of(may[i]));
      if (!grant) errors->invalid(indexed("spec.may", i), may[i], grant.error().message);
    }
    std::string_view hash = text_in(spec, "passwordHash");
    if (!hash.empty() && !is_bcrypt(hash))
      errors->invalid("spec.passwordHash", "<hash>", "must be what bcrypt makes of a password");
  }
};

}  // namespace

const KindBehaviour& user_behaviour() {
  static const User kOne;
  return kOne;
}

}  // namespace kubus::store::kinds
