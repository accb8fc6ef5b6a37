// RFC 6902 and RFC 7386.
#include "schemas/lib/patch/patch.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kubus::patch {
namespace {

constexpr size_t kMaxOperations = 10'000;

// A pointer's reference tokens. nullopt: not a JSON pointer.
std::optional<std::vector<std::string>> tokens_of(std::string_view pointer) {
  std::vector<std::string> out;
  if (pointer.empty()) return out;
  if (pointer.front() != '/') return std::nullopt;
  out.emplace_back();
  for (size_t i = 1; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      out.emplace_back();
    } else if (pointer[i] != '~') {
      out.back() += pointer[i];
    } else if (i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
      out.back() += pointer[++i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return out;
}

// An index below `limit`; leading zeros are no index.
std::optional<size_t> index_of(std::string_view token, size_t limit) {
  size_t index = 0;
  auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  bool whole = error == std::errc() && end == token.data() + token.size();
  if (!whole || (token.size() > 1 && token.front() == '0') || index >= limit) return std::nullopt;
  return index;
}

json::value* step_into(json::value& at, std::string_view token) {
  if (json::object* object = at.if_object()) return object->if_contains(token);
  if (json::array* array = at.if_array()) {
    std::optional<size_t> index = index_of(token, array->size());
    return index ? &(*array)[*index] : nullptr;
  }
  return nullptr;
}

json::value* find(json::value& doc, const std::vector<std::string>& path, size_t depth) {
  json::value* at = &doc;
  for (size_t i = 0; at != nullptr && i < depth; ++i) at = step_into(*at, path[i]);
  return at;
}

bool add(json::value& doc, const std::vector<std::string>& path, json::value value) {
  if (path.empty()) {
    doc = std::move(value);
    return true;
  }
  json::value* parent = find(doc, path, path.size() - 1);
  if (parent == nullptr) return false;
  if (json::object* object = parent->if_object()) {
    object->insert_or_assign(path.back(), std::move(value));
    return true;
  }
  json::array* array = parent->if_array();
  if (array == nullptr) return false;
  std::optional<size_t> at =
      path.back() == "-" ? array->size() : index_of(path.back(), array->size() + 1);
  if (!at) return false;
  array->insert(array->begin() + *at, std::move(value));
  return true;
}

bool remove(json::value& doc, const std::vector<std::string>& path) {
  if (path.empty()) return false;
  json::value* parent = find(doc, path, path.size() - 1);
  if (parent == nullptr) return false;
  if (json::object* object = parent->if_object()) return object->erase(path.back()) == 1;
  json::array* array = parent->if_array();
  std::optional<size_t> at = array == nullptr ? std::nullopt : index_of(path.back(), array->size());
  if (!at) return false;
  array->erase(array->begin() + *at);
  return true;
}

struct Operation {
  std::string op;
  std::string pointer;
  std::vector<std::string> path, from;
  const json::value* value = nullptr;
};

Result<Operation> read_operation(const json::value& item, const std::string& where) {
  auto malformed = [&](std::string_view what) {
    return Error(Code::kBadRequest, "malformed JSON patch: " + where + ": " + std::string(what));
  };
  const json::object* object = item.if_object();
  if (object == nullptr) return malformed("an object is expected");
  auto text = [&](std::string_view key) -> std::optional<std::string> {
    const json::value* v = object->if_contains(key);
    if (v == nullptr || !v->is_string()) return std::nullopt;
    return std::string(v->get_string());
  };
  Operation out;
  std::optional<std::string> op = text("op"), path = text("path"), from = text("from");
  if (!op) return malformed("op is missing");
  if (!path) return malformed("path is missing");
  std::optional<std::vector<std::string>> tokens = tokens_of(*path);
  if (!tokens) return malformed("path is no JSON pointer");
  out.op = *op;
  out.pointer = *path;
  out.path = *std::move(tokens);
  out.value = object->if_contains("value");
  bool copies = out.op == "move" || out.op == "copy";
  if (copies) {
    std::optional<std::vector<std::string>> source = from ? tokens_of(*from) : std::nullopt;
    if (!source) return malformed("from is missing or no JSON pointer");
    out.from = *std::move(source);
  } else if (out.op != "remove" && out.value == nullptr) {
    return malformed("value is missing");
  }
  return out;
}

bool starts_with(const std::vector<std::string>& path, const std::vector<std::string>& prefix) {
  return prefix.size() < path.size() && std::equal(prefix.begin(), prefix.end(), path.begin());
}

// What is wrong, or "".
std::string_view run(json::value& doc, const Operation& o) {
  constexpr std::string_view kNoPath = "the path does not exist";
  if (o.op == "add") return add(doc, o.path, *o.value) ? "" : kNoPath;
  if (o.op == "remove") return remove(doc, o.path) ? "" : kNoPath;
  if (o.op == "replace" || o.op == "test") {
    json::value* at = find(doc, o.path, o.path.size());
    if (at == nullptr) return kNoPath;
    if (o.op == "replace") {
      *at = *o.value;
      return "";
    }
    return *at == *o.value ? "" : "the test failed";
  }
  json::value* source = find(doc, o.from, o.from.size());
  if (source == nullptr) return "from does not exist";
  if (o.op == "move" && starts_with(o.path, o.from)) return "a value cannot move into itself";
  json::value copy = *source;
  if (o.op == "move" && !remove(doc, o.from)) return "from cannot be removed";
  return add(doc, o.path, std::move(copy)) ? "" : kNoPath;
}

bool known(std::string_view op) {
  return op == "add" || op == "remove" || op == "replace" || op == "test" || op == "move" ||
         op == "copy";
}

}  // namespace

Status json_patch(json::value& doc, const json::value& operations) {
  const json::array* list = operations.if_array();
  if (list == nullptr)
    return Error(Code::kBadRequest, "malformed JSON patch: a list of operations is expected");
  if (list->size() > kMaxOperations) {
    return Error(Code::kTooLarge, "the JSON patch has more than 10000 operations");
  }
  json::value work = doc;
  for (size_t i = 0; i < list->size(); ++i) {
    std::string where = "operation " + std::to_string(i);
    Result<Operation> o = read_operation((*list)[i], where);
    if (!o) return std::move(o).error();
    if (!known(o->op))
      return Error(Code::kBadRequest, "malformed JSON patch: " + where + ": unknown op " + o->op);
    if (std::string_view wrong = run(work, *o); !wrong.empty()) {
      return Error(Code::kInvalid, "JSON patch: " + where + " (" + o->op + " " + o->pointer +
                                       "): " + std::string(wrong));
    }
  }
  doc = std::move(work);
  return {};
}

void merge_patch(json::value& doc, const json::value& patch) {
  const json::object* changes = patch.if_object();
  if (changes == nullptr) {
    doc = patch;
    return;
  }
  if (!doc.is_object()) doc = json::object(doc.storage());
  json::object& object = doc.get_object();
  for (const auto& [key, value] : *changes) {
    if (value.is_null()) {
      object.erase(key);
    } else {
      merge_patch(object[key], value);
    }
  }
}

}  // namespace kubus::patch
