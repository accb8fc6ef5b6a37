#include "services/store/executor/words.h"
#include "services/store/executor/write.h"

namespace kubus::store {
namespace {

// The revision at which to read; 0: now.
Result<Revision> read_at(const Scope& s) {
  if (s.op.at_time() != 0) return revision_at(s.view(), s.op.at_time());
  if (s.op.match() == wire::ListMatch::NotOlderThan) return Revision();
  return Revision(s.op.revision());
}

}  // namespace

Status run_get(Scope& s) {
  auto body = body_kind(*s.kind, s.subresource);
  if (!body) return body.error();
  if (s.subresource == "binding" || s.subresource == "eviction" || s.subresource == "finalize")
    return Error(Code::kMethodNotAllowed, std::string(s.subresource) + " cannot be read");
  Result<Revision> at = read_at(s);
  if (!at) return at.error();
  if (s.name.size() > kMaxName || s.ns.size() > kMaxNs) return not_found(*s.kind, s.name);
  Result<Stored> found = *at ? s.view().find_at(*s.kind, s.ns, s.name, *at)
                             : Result<Stored>(s.find(*s.kind, s.ns, s.name));
  if (!found) return found.error();
  if (!*found) return not_found(*s.kind, s.name);
  s.out->revision = *at ? *at : s.view().revision();
  if (s.subresource != "scale") {
    s.out->object = std::move(found->bytes);
    return {};
  }
  json::value value = codec::to_value(*s.kind, found->bytes.view(), s.memory);
  auto scale = kinds::scale_of(*s.kind, value.get_object());
  if (!scale) return scale.error();
  auto bytes = codec::from_value(**body, json::value(*std::move(scale)), nullptr);
  if (!bytes) return bytes.error();
  s.out->object = Payload(*std::move(bytes));
  return {};
}

}  // namespace kubus::store
