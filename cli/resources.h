// Words on the command line that name kinds and objects, and the options that several verbs share.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "schemas/lib/object.h"

namespace kubus::cli {

// -n and -A.
void add_namespace_options(po::options_description_easy_init& add);
// -l and --field-selector.
void add_selector_options(po::options_description_easy_init& add);

// What `KIND [NAME…]` or `KIND/NAME…` means. No names: the whole kind.
struct Selection {
  const schema::KindInfo* kind = nullptr;
  std::string ns;  // "" : all namespaces, or a cluster-scoped kind
  std::vector<std::string> names;

  ObjectKey key(const std::string& name) const { return {kind, ns, name}; }
};

// One Selection per kind named. kBadRequest: an unknown kind (with the nearest known one), no word
// at all, -A with names.
Result<std::vector<Selection>> selections_of(const Invocation& call);

// "pod/web", "deployment.apps/web": how verbs name what they did.
std::string display_name(const schema::KindInfo& kind, std::string_view name);

}  // namespace kubus::cli
