#include "services/store/restore/rules.h"

#include <fstream>
#include <iterator>

#include "schemas/lib/codec/codec.h"
#include "services/store/kinds/indexed.h"
#include "services/store/kinds/kinds.h"

namespace kubus::store {

Indexed indexed_of(const schema::KindInfo& kind, ByteView object) {
  boost::json::value value = codec::to_value(kind, object);
  const boost::json::object& fields = value.get_object();
  Indexed out;
  out.owners = kinds::owners_of(fields);
  out.references = kinds::references(kind, fields);
  out.aged = kinds::is_aged(kind);
  return out;
}

Result<secrets::KeyRing> read_keys(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) return Error(Code::kBadRequest, "cannot read " + path);
  auto keys = secrets::KeyRing::parse(std::string(std::istreambuf_iterator<char>(in), {}));
  if (!keys) return Error(keys.error().code, path + ", " + keys.error().message);
  return keys;
}

}  // namespace kubus::store
