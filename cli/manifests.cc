#include "cli/manifests.h"

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <iterator>

#include "cli/cluster/files.h"
#include "schemas/lib/codec/yaml.h"

namespace kubus::cli {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

bool is_manifest(const fs::path& path) {
  auto e = path.extension();
  return e == ".yaml" || e == ".yml" || e == ".json";
}

Result<std::vector<std::string>> files_of(const std::string& path) {
  if (path == "-" || !fs::is_directory(path)) return std::vector<std::string>{path};
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(path)) {
    if (entry.is_regular_file() && is_manifest(entry.path())) out.push_back(entry.path().string());
  }
  std::sort(out.begin(), out.end());
  if (out.empty()) return Error(Code::kBadRequest, path + " holds no .yaml, .yml or .json file");
  return out;
}

Result<std::string> text_of(const std::string& file) {
  if (file != "-") return read_file(file);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

std::string text(const json::object& o, std::string_view field) {
  const json::value* v = o.if_contains(field);
  return v && v->is_string() ? std::string(v->as_string()) : "";
}

class Reader {
 public:
  Reader(std::string ns, std::vector<Manifest>* out) : ns_(std::move(ns)), out_(out) {}

  Status read(const std::string& file) {
    auto content = text_of(file);
    if (!content) return content.error();
    std::string shown = file == "-" ? "standard input" : file;
    auto documents = codec::parse_yaml(*content);
    if (!documents) return Error(Code::kBadRequest, shown + ": " + documents.error().message);
    for (auto& d : *documents) {
      std::string where = shown + ":" + std::to_string(d.line);
      if (!d.problems.empty())
        return Error(Code::kBadRequest, where + ": " + d.problems.front().message);
      if (Status s = add(std::move(d.value), where); !s) return s;
    }
    return {};
  }

 private:
  Status add(json::value value, const std::string& where) {
    if (!value.is_object())
      return Error(Code::kBadRequest, where + ": a manifest must be a mapping");
    const json::object& o = value.as_object();
    std::string api_version = text(o, "apiVersion"), kind = text(o, "kind");
    if (api_version.empty() || kind.empty())
      return Error(Code::kBadRequest, where + ": apiVersion and kind are required");
    if (kind == "List") return add_items(o, where);
    const schema::KindInfo* info = schema::Registry::get().by_api_version(api_version, kind);
    if (!info || !info->stored) {
      return Error(Code::kBadRequest, where + ": there is no kind " + kind + " in " + api_version);
    }
    const json::value* metadata = o.if_contains("metadata");
    if (!metadata || !metadata->is_object() || text(metadata->as_object(), "name").empty()) {
      return Error(Code::kBadRequest, where + ": metadata.name is required");
    }
    std::string ns = text(metadata->as_object(), "namespace");
    ObjectKey key{info, info->namespaced ? (ns.empty() ? ns_ : ns) : "",
                  text(metadata->as_object(), "name")};
    out_->push_back({where, std::move(key), std::move(value)});
    return {};
  }

  Status add_items(const json::object& list, const std::string& where) {
    const json::value* items = list.if_contains("items");
    if (!items || !items->is_array())
      return Error(Code::kBadRequest, where + ": items must be a list");
    for (size_t i = 0; i < items->as_array().size(); ++i) {
      if (Status s = add(items->as_array()[i], where + " items[" + std::to_string(i) + "]"); !s)
        return s;
    }
    return {};
  }

  std::string ns_;
  std::vector<Manifest>* out_;
};

}  // namespace

Result<std::vector<Manifest>> read_manifests(const std::vector<std::string>& paths,
                                             const std::string& default_ns) {
  if (paths.empty()) return Error(Code::kBadRequest, "name a file, a folder or - with -f");
  std::vector<Manifest> out;
  Reader reader(default_ns, &out);
  for (const std::string& path : paths) {
    auto files = files_of(path);
    if (!files) return files.error();
    for (const std::string& file : *files) {
      if (Status s = reader.read(file); !s) return s.error();
    }
  }
  return out;
}

}  // namespace kubus::cli
