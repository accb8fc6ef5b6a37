#include <openssl/evp.h>
#include <sys/stat.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>

#include "agents/image/image.h"
#include "agents/image/tar.h"

namespace kubus::agents {
namespace {

namespace json = boost::json;

constexpr const char* kManifestType = "application/vnd.oci.image.manifest.v1+json";
constexpr const char* kConfigType = "application/vnd.oci.image.config.v1+json";
constexpr const char* kLayerType = "application/vnd.oci.image.layer.v1.tar";

#if defined(__x86_64__)
constexpr const char* kArchitecture = "amd64";
#elif defined(__aarch64__)
constexpr const char* kArchitecture = "arm64";
#else
#error "name this architecture as images call it"
#endif

std::string sha256(const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha256(), nullptr);
  static const char* kHex = "0123456789abcdef";
  std::string out;
  for (unsigned i = 0; i < size; ++i) {
    out += kHex[digest[i] >> 4];
    out += kHex[digest[i] & 15];
  }
  return out;
}

std::optional<std::string> content_of(const std::string& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  std::ifstream in(path, std::ios::binary);
  std::string out((std::istreambuf_iterator<char>(in)), {});
  if (!in.good() && !in.eof()) return std::nullopt;
  return out;
}

int mode_of(const std::string& path) {
  struct stat info {};
  bool runs = ::stat(path.c_str(), &info) == 0 && (info.st_mode & S_IXUSR) != 0;
  return runs ? 0755 : 0644;
}

Error bad(const std::string& why) {
  return Error(Code::kBadRequest, "image: " + why);
}

// All entries by their path in the archive, sorted: a directory stands before what is in it.
Result<std::map<std::string, ImageFile>> entries_of(const ImageRecipe& recipe) {
  std::map<std::string, ImageFile> out;
  for (const ImageFile& f : recipe.files) {
    if (f.path.size() < 2 || f.path[0] != '/' || f.path.find("/../") != std::string::npos)
      return bad("\"" + f.path + "\" is no absolute path");
    std::string name = f.path.substr(1);
    while (!name.empty() && name.back() == '/') name.pop_back();
    if (!out.emplace(name, f).second) return bad(f.path + " is given twice");
  }
  for (const ImageFile& f : recipe.files) {
    for (size_t at = f.path.find('/', 1); at != std::string::npos; at = f.path.find('/', at + 1))
      out.emplace(f.path.substr(1, at - 1), ImageFile{});
  }
  return out;
}

Result<std::string> layer_of(const ImageRecipe& recipe) {
  auto entries = entries_of(recipe);
  if (!entries) return entries.error();
  TarWriter tar;
  for (const auto& [name, f] : *entries) {
    bool fits = false;
    if (!f.host_path.empty()) {
      auto content = content_of(f.host_path);
      if (!content) return Error(Code::kNotFound, f.host_path + " is no readable file");
      fits = tar.file(name, *content, mode_of(f.host_path));
    } else {
      fits = f.link.empty() ? tar.directory(name) : tar.link(name, f.link);
    }
    if (!fits) return bad("the path /" + name + " is too long");
  }
  return tar.finish();
}

json::array texts(const std::vector<std::string>& from) {
  return json::array(from.begin(), from.end());
}

std::string config_of(const ImageRecipe& recipe, const std::string& layer) {
  json::object run{{"WorkingDir", recipe.working_dir}};
  if (!recipe.entrypoint.empty()) run["Entrypoint"] = texts(recipe.entrypoint);
  if (!recipe.command.empty()) run["Cmd"] = texts(recipe.command);
  std::vector<std::string> environment{"PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"};
  environment.insert(environment.end(), recipe.environment.begin(), recipe.environment.end());
  run["Env"] = texts(environment);
  return json::serialize(
      json::object{{"architecture", kArchitecture},
                   {"os", "linux"},
                   {"config", std::move(run)},
                   {"rootfs", {{"type", "layers"}, {"diff_ids", {"sha256:" + sha256(layer)}}}}});
}

// Parts of the archive by their names.
class Blobs {
 public:
  json::object add(const char* type, std::string content) {
    std::string digest = sha256(content);
    json::object out{{"mediaType", type}, {"digest", "sha256:" + digest}, {"size", content.size()}};
    blobs_["blobs/sha256/" + digest] = std::move(content);
    return out;
  }
  void write(TarWriter* tar) const {
    tar->directory("blobs");
    tar->directory("blobs/sha256");
    for (const auto& [name, content] : blobs_) tar->file(name, content);
  }

 private:
  std::map<std::string, std::string> blobs_;
};

}  // namespace

Result<std::string> build_image(const ImageRecipe& recipe) {
  if (recipe.name.empty()) return bad("it needs a name");
  auto layer = layer_of(recipe);
  if (!layer) return layer.error();
  Blobs blobs;
  json::object config = blobs.add(kConfigType, config_of(recipe, *layer));
  json::object manifest{{"schemaVersion", 2},
                        {"mediaType", kManifestType},
                        {"config", std::move(config)},
                        {"layers", {blobs.add(kLayerType, *std::move(layer))}}};
  json::object entry = blobs.add(kManifestType, json::serialize(manifest));
  size_t colon = recipe.name.rfind(':');
  entry["annotations"] = {{"io.containerd.image.name", recipe.name},
                          {"org.opencontainers.image.ref.name", recipe.name.substr(colon + 1)}};
  TarWriter tar;
  tar.file("oci-layout", R"({"imageLayoutVersion":"1.0.0"})");
  tar.file("index.json",
           json::serialize(json::object{{"schemaVersion", 2}, {"manifests", {std::move(entry)}}}));
  blobs.write(&tar);
  return tar.finish();
}

Status write_image(const ImageRecipe& recipe, const std::string& out_path) {
  auto bytes = build_image(recipe);
  if (!bytes) return bytes.error();
  std::string part = out_path + ".new";
  std::ofstream out(part, std::ios::binary | std::ios::trunc);
  out << *bytes;
  out.close();
  if (!out || std::rename(part.c_str(), out_path.c_str()) != 0)
    return Error(Code::kInternal, "cannot write " + out_path);
  return {};
}

}  // namespace kubus::agents
