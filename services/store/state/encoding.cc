#include "services/store/state/encoding.h"

#include <algorithm>

#include "schemas/lib/base/check.h"

namespace kubus::store {
namespace {

template <class T>
void append_raw(std::string* to, const T& v) {
  to->append(reinterpret_cast<const char*>(&v), sizeof(v));
}
template <class T>
T read_raw(ByteView from, size_t offset) {
  T v;
  KUBUS_CHECK(offset + sizeof(T) <= from.size());
  std::memcpy(&v, from.data() + offset, sizeof(T));
  return v;
}
template <class T>
std::string raw(const T& v) {
  return std::string(reinterpret_cast<const char*>(&v), sizeof(v));
}

uint64_t hash_of(std::string_view text) {
  uint64_t h = 0xcbf29ce484222325;
  for (char c : text) h = (h ^ static_cast<uint8_t>(c)) * 0x100000001b3;
  return h;
}

}  // namespace

void put_u16(std::string* key, uint16_t v) {
  key->push_back(static_cast<char>(v >> 8));
  key->push_back(static_cast<char>(v));
}
void put_u64(std::string* key, uint64_t v) {
  uint64_t big = __builtin_bswap64(v);
  append_raw(key, big);
}
uint64_t read_u64(ByteView key, size_t offset) {
  return __builtin_bswap64(read_raw<uint64_t>(key, offset));
}
uint16_t read_u16(ByteView key, size_t offset) {
  return __builtin_bswap16(read_raw<uint16_t>(key, offset));
}

std::string with_u64(std::string prefix, uint64_t v) {
  put_u64(&prefix, v);
  return prefix;
}
std::string revision_key(Revision revision) {
  return with_u64({}, revision.value());
}
std::string latest_key(uint64_t oid) {
  return with_u64({}, oid);
}
std::string history_key(uint64_t oid, Revision revision) {
  return with_u64(with_u64({}, oid), revision.value());
}

std::string object_prefix(uint16_t kind, const std::optional<std::string>& ns) {
  std::string key;
  put_u16(&key, kind);
  if (ns) key.append(*ns).push_back('\0');
  return key;
}
std::string object_key(uint16_t kind, std::string_view ns, std::string_view name) {
  std::string key;
  key.reserve(3 + ns.size() + name.size());
  put_u16(&key, kind);
  key.append(ns).push_back('\0');
  key.append(name);
  return key;
}
View::Name decode_object_key(std::string_view key) {
  View::Name name;
  name.kind = read_u16(as_bytes(key), 0);
  key.remove_prefix(2);
  size_t end = key.find('\0');
  KUBUS_CHECK(end != std::string_view::npos);
  name.ns = key.substr(0, end);
  name.name = key.substr(end + 1);
  return name;
}

std::string encode(const ObjectEntry& e) {
  std::string value;
  value.reserve(25);
  append_raw(&value, e.revision);
  append_raw(&value, e.created);
  append_raw(&value, e.oid);
  append_raw(&value, e.flags);
  return value;
}
ObjectEntry decode_entry(ByteView v) {
  return {read_raw<uint64_t>(v, 0), read_raw<uint64_t>(v, 8), read_raw<uint64_t>(v, 16),
          read_raw<uint8_t>(v, 24)};
}

std::string resource_lane(uint16_t kind) {
  std::string key = "r";
  put_u16(&key, kind);
  return key;
}
std::string namespace_lane(uint16_t kind, std::string_view ns) {
  std::string key = "n";
  put_u16(&key, kind);
  return key.append(ns);
}
std::string node_lane(std::string_view node) {
  return std::string("d").append(node);
}
Lane lane_of_key(std::string_view key) {
  if (key.starts_with('d')) return {nullptr, "", "", std::string(key.substr(1))};
  constexpr size_t kNs = 3;  // behind the letter and the kind
  return {schema::Registry::get().by_number(read_u16(as_bytes(key), 1)),
          std::string(key.substr(kNs)), "", ""};
}
std::string mark_key(std::string_view lane, Revision revision) {
  std::string key(lane);
  key.push_back('\0');
  return with_u64(std::move(key), revision.value());
}
std::string encode(const LaneEntry& entry) {
  return raw(entry);
}
LaneEntry decode_lane(ByteView value) {
  return read_raw<LaneEntry>(value, 0);
}

std::string owner_prefix(std::string_view owner_uid) {
  return std::string("o").append(owner_uid) + '\0';
}
std::string node_prefix(std::string_view node) {
  return std::string("n").append(node) + '\0';
}
std::string reference_prefix(std::string_view object_key) {
  return std::string("r").append(object_key) + '\0';
}
std::string reference_prefix(std::string_view object_key, std::string_view node) {
  return with_u64(reference_prefix(object_key), hash_of(node));
}
std::string age_prefix(uint16_t kind) {
  std::string key = "a";
  put_u16(&key, kind);
  return key;
}
std::string cause_prefix(uint64_t cause) {
  return with_u64({}, cause);
}
std::string cause_key(uint64_t cause, uint64_t effect) {
  return with_u64(cause_prefix(cause), effect);
}
std::string terms_key(uint64_t oid) {
  return with_u64("t", oid);
}

std::string encode_terms(const std::vector<std::string>& terms) {
  std::string value;
  for (const std::string& term : terms) {
    append_raw(&value, static_cast<uint16_t>(term.size()));
    value += term;
  }
  return value;
}
std::vector<std::string> decode_terms(ByteView value) {
  std::vector<std::string> terms;
  for (size_t at = 0; at < value.size();) {
    auto size = read_raw<uint16_t>(value, at);
    KUBUS_CHECK(at + 2 + size <= value.size());
    terms.emplace_back(as_text(value.subspan(at + 2, size)));
    at += 2 + size;
  }
  return terms;
}

std::string encode(const Applied& applied) {
  return raw(applied);
}
Applied decode_applied(ByteView value) {
  return read_raw<Applied>(value, 0);
}

}  // namespace kubus::store
