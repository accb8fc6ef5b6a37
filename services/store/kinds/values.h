// Short words for reading and changing values. Reading what is absent or of another type gives the
// empty value.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>

namespace kubus::store::kinds {

namespace json = boost::json;

inline const json::value* find(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v == nullptr || v->is_null() ? nullptr : v;
}
inline bool has(const json::object& o, std::string_view key) {
  return find(o, key) != nullptr;
}

inline const json::object& object_in(const json::object& o, std::string_view key) {
  static const json::object kNone;
  const json::value* v = o.if_contains(key);
  const json::object* found = v == nullptr ? nullptr : v->if_object();
  return found == nullptr ? kNone : *found;
}
inline const json::array& array_in(const json::object& o, std::string_view key) {
  static const json::array kNone;
  const json::value* v = o.if_contains(key);
  const json::array* found = v == nullptr ? nullptr : v->if_array();
  return found == nullptr ? kNone : *found;
}
inline const json::object& object_of(const json::value& v) {
  static const json::object kNone;
  const json::object* found = v.if_object();
  return found == nullptr ? kNone : *found;
}
inline std::string_view text_of(const json::value& v) {
  return v.is_string() ? std::string_view(v.get_string()) : std::string_view();
}
inline std::string_view text_in(const json::object& o, std::string_view key) {
  const json::value* v = o.if_contains(key);
  return v == nullptr ? std::string_view() : text_of(*v);
}
inline int64_t number_in(const json::object& o, std::string_view key, int64_t otherwise = 0) {
  const json::value* v = o.if_contains(key);
  if (v == nullptr) return otherwise;
  if (v->is_int64()) return v->get_int64();
  return v->is_uint64() ? static_cast<int64_t>(v->get_uint64()) : otherwise;
}
inline bool flag_in(const json::object& o, std::string_view key, bool otherwise = false) {
  const json::value* v = o.if_contains(key);
  return v == nullptr || !v->is_bool() ? otherwise : v->get_bool();
}

// The object or array there, made if absent.
inline json::object& make_object(json::object& o, std::string_view key) {
  json::value& v = o[key];
  if (!v.is_object()) v = json::object(o.storage());
  return v.get_object();
}
inline json::array& make_array(json::object& o, std::string_view key) {
  json::value& v = o[key];
  if (!v.is_array()) v = json::array(o.storage());
  return v.get_array();
}
inline json::object* object_at(json::object& o, std::string_view key) {
  json::value* v = o.if_contains(key);
  return v == nullptr ? nullptr : v->if_object();
}
inline json::array* array_at(json::object& o, std::string_view key) {
  json::value* v = o.if_contains(key);
  return v == nullptr ? nullptr : v->if_array();
}
inline void default_to(json::object& o, std::string_view key, json::value v) {
  if (!has(o, key)) o[key] = std::move(v);
}
// Makes `to` hold what `from` holds under the key, absence included.
inline void carry(const json::object& from, json::object& to, std::string_view key) {
  if (const json::value* v = from.if_contains(key)) {
    to[key] = *v;
  } else {
    to.erase(key);
  }
}
inline bool same(const json::object& a, const json::object& b, std::string_view key) {
  const json::value* x = find(a, key);
  const json::value* y = find(b, key);
  return x == nullptr || y == nullptr ? x == y : *x == *y;
}

inline std::string joined(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : std::string(path) + '.' + std::string(name);
}
inline std::string indexed(std::string_view path, size_t i) {
  return std::string(path) + '[' + std::to_string(i) + ']';
}
inline std::string keyed(std::string_view path, std::string_view key) {
  return std::string(path) + '[' + std::string(key) + ']';
}

}  // namespace kubus::store::kinds
