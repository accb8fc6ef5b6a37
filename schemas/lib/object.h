// Any object of any kind, seen through its metadata without knowing its kind's type. Generic code
// reads objects through this; components that know their kind use the generated accessors on
// `bytes()`.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/ids.h"
#include "schemas/lib/schema/registry.h"

namespace kubus::meta::v1 {
struct ObjectMeta;
}

namespace kubus {

// Names one object. `kind` is never null in a valid key.
struct ObjectKey {
  const schema::KindInfo* kind = nullptr;
  std::string ns;  // "" for cluster-scoped kinds
  std::string name;

  // "pods/default/web", "namespaces/default"
  std::string str() const;
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend std::strong_ordering operator<=>(const ObjectKey& a,
                                          const ObjectKey& b);  // by kind number, ns, name
};

// Cheap to copy: shares its bytes. The bytes were verified when the Object was made.
class Object {
 public:
  Object() = default;
  // nullopt if `bytes` is no well-formed FlatBuffer of `kind` or has no metadata.
  static std::optional<Object> from(const schema::KindInfo& kind, Payload bytes);
  // For bytes that this process verified before (read back from its own store).
  static Object trusted(const schema::KindInfo& kind, Payload bytes);

  explicit operator bool() const { return kind_ != nullptr; }
  const schema::KindInfo& kind() const { return *kind_; }
  const Payload& payload() const { return bytes_; }
  ByteView bytes() const { return bytes_.view(); }
  const meta::v1::ObjectMeta& meta() const;

  ObjectKey key() const;
  std::string_view name() const;
  std::string_view ns() const;
  std::string_view uid() const;
  Revision revision() const;
  int64_t generation() const;
  bool terminating() const;  // has a deletionTimestamp
  std::optional<std::string_view> label(std::string_view key) const;
  std::optional<std::string_view> annotation(std::string_view key) const;
  // The value of a selectable field path ("spec.nodeName") as text; nullopt if absent.
  std::optional<std::string> field(std::string_view path) const;

  // The typed root: object.as<core::v1::Pod>(). The caller names the right type.
  template <class T>
  const T* as() const {
    return reinterpret_cast<const T*>(root());
  }

 private:
  const void* root() const;
  const schema::KindInfo* kind_ = nullptr;
  Payload bytes_;
};

}  // namespace kubus
