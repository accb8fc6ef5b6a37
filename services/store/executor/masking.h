// Values left out of records on their way into an archive. A masked record keeps the digest of the
// event as it was, as a purged one does, so that the chain of hashes still verifies.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "services/store/state/purge.h"

namespace kubus::store {

class Masking {
 public:
  // "configmaps:data.password", "deployments.apps/web:spec.template": a resource, perhaps a name,
  // and a path as `kubus purge` takes it. kBadRequest names what is wrong.
  static Result<Masking> of(const std::vector<std::string>& paths);
  bool empty() const { return kinds_.empty(); }
  // The same entries; the records of such objects whole, without the values and without copies of
  // them in the same version. kInternal: that cannot be.
  Result<Buffer> mask(const View& view, ByteView entries) const;

 private:
  struct Rule {
    std::string name;  // "" : any
    std::shared_ptr<const Redactor> redactor;
  };
  std::map<uint16_t, std::vector<Rule>> kinds_;
};

}  // namespace kubus::store
