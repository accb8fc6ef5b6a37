#include "services/store/state/index_terms.h"

#include <algorithm>

#include "services/store/state/batch.h"
#include "services/store/state/encoding.h"

namespace kubus::store {

std::vector<std::string> index_terms(std::span<const std::string> owners, std::string_view node,
                                     std::span<const ObjectKey> references) {
  std::vector<std::string> terms;
  for (const std::string& owner : owners) {
    if (owner.size() <= kMaxName) terms.push_back(owner_prefix(owner));
  }
  if (!node.empty()) {
    terms.push_back(node_prefix(node));
    for (const ObjectKey& r : references) {
      if (r.ns.size() > kMaxNs || r.name.size() > kMaxName)
        continue;  // there can be no such object
      terms.push_back(reference_prefix(object_key(r.kind->number, r.ns, r.name), node));
    }
  }
  std::sort(terms.begin(), terms.end());
  terms.erase(std::unique(terms.begin(), terms.end()), terms.end());
  return terms;
}

std::string_view term_value(std::string_view term, std::string_view key, std::string_view node) {
  return term[0] == 'r' ? node : key;
}

}  // namespace kubus::store
