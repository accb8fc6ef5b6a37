#include "agents/kubelet/volumes/volumes.h"

#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <optional>

#include "agents/kubelet/volumes/files.h"
#include "agents/kubelet/volumes/ownership.h"
#include "schemas/core/v1/pod_generated.h"
#include "schemas/core/v1/volume_generated.h"
#include "schemas/lib/quantity.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;
using core::v1::Volume;

constexpr int kFileMode = 0644, kSecretMode = 0600;
constexpr int64_t kHour = 3600;

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

Error no_support(const std::string& what) {
  return Error(Code::kInvalid, what + " is not supported");
}

std::optional<int64_t> fs_group_of(const Object& pod) {
  const auto* s = pod.as<core::v1::Pod>()->spec()->security_context();
  if (!s || !s->fs_group()) return std::nullopt;
  return *s->fs_group();
}

// The one user that all containers run as, if they say so.
std::optional<int64_t> only_user(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  std::optional<int64_t> usual, out;
  if (spec->security_context() && spec->security_context()->run_as_user())
    usual = *spec->security_context()->run_as_user();
  for (const auto* list : {spec->init_containers(), spec->containers()}) {
    if (!list) continue;
    for (const auto* c : *list) {
      std::optional<int64_t> own = usual;
      if (c->security_context() && c->security_context()->run_as_user())
        own = *c->security_context()->run_as_user();
      if (!own || (out && *out != *own)) return std::nullopt;
      out = own;
    }
  }
  return out;
}

// Collects the files of one volume.
class Files {
 public:
  Files(const Object& pod, const PodFacts& facts, const Lookup& lookup, const TokenLookup& tokens,
        const std::string& dir, int mode)
      : pod_(pod), facts_(facts), lookup_(lookup), tokens_(tokens), dir_(dir), mode_(mode) {}

  template <class Items>
  Status add(const RefKey& key, const Items* items, bool optional) {
    auto contents = look_up(lookup_, key, optional);
    if (!contents) return contents.error();
    if (!items || items->size() == 0) {
      for (auto& [name, value] : *contents) files_[name] = {std::move(value), mode_};
      return {};
    }
    for (const auto* item : *items) {
      auto at = contents->find(text(item->key()));
      if (at != contents->end()) {
        files_[text(item->path())] = {at->second, item->mode().value_or(mode_)};
      } else if (!optional) {
        return Error(Code::kNotFound, described(key) + " has no key \"" + text(item->key()) + "\"");
      }
    }
    return {};
  }

  template <class Items>
  Status add_fields(const Items* items) {
    if (!items) return {};
    for (const auto* item : *items) {
      Result<std::string> value = no_support("a file of nothing");
      if (item->field_ref()) value = field_text(pod_, facts_, *item->field_ref());
      if (item->resource_field_ref())
        value = resource_text(pod_, facts_, nullptr, *item->resource_field_ref());
      if (!value) return value.error();
      files_[text(item->path())] = {*std::move(value), item->mode().value_or(mode_)};
    }
    return {};
  }

  Status add_sources(const core::v1::ProjectedVolumeSource& volume) {
    if (!volume.sources()) return {};
    for (const auto* s : *volume.sources()) {
      Status status;
      if (const auto* c = s->config_map())
        status = add({"configmaps", text(c->name())}, c->items(), c->optional().value_or(false));
      if (const auto* c = s->secret())
        status = add({"secrets", text(c->name())}, c->items(), c->optional().value_or(false));
      if (const auto* d = s->downward_api()) status = add_fields(d->items());
      if (const auto* t = s->service_account_token()) status = add_token(*t);
      if (s->cluster_trust_bundle()) status = no_support("clusterTrustBundle");
      if (s->pod_certificate()) status = no_support("podCertificate");
      if (!status) return status;
    }
    return {};
  }

  const VolumeFiles& files() const { return files_; }

 private:
  // One that is in the volume serves until there is a new one.
  Status add_token(const core::v1::ServiceAccountTokenProjection& source) {
    std::string path = text(source.path());
    Result<std::string> token =
        tokens_ ? tokens_({text(source.audience()), source.expiration_seconds().value_or(kHour)})
                : no_support("a token");
    VolumeFile file{token ? *token : "", mode_};
    if (!token) {
      std::ifstream old(dir_ + "/" + path, std::ios::binary);
      file.content.assign(std::istreambuf_iterator<char>(old), {});
      if (file.content.empty()) return token.error();
    }
    auto user = only_user(pod_);
    if (user) file.owner = *user;
    if (user || fs_group_of(pod_)) file.mode = kSecretMode;
    files_[path] = std::move(file);
    return {};
  }

  const Object& pod_;
  const PodFacts& facts_;
  const Lookup& lookup_;
  const TokenLookup& tokens_;
  const std::string& dir_;
  int mode_;
  VolumeFiles files_;
};

Status make_directory(const std::string& path, fs::perms perms) {
  std::error_code code;
  fs::create_directories(path, code);
  if (!code) fs::permissions(path, perms, code);
  return code ? Status(Error(Code::kInternal, "cannot make " + path + ": " + code.message()))
              : Status();
}

Result<std::string> host_path(const core::v1::HostPathVolumeSource& source) {
  std::string path = text(source.path()), type = text(source.type());
  std::error_code code;
  if (type == "DirectoryOrCreate" && !fs::exists(path, code)) {
    if (Status s = make_directory(path, fs::perms(0755)); !s) return s.error();
  }
  if (type == "FileOrCreate" && !fs::exists(path, code)) std::ofstream(path).close();
  fs::file_status found = fs::status(path, code);
  bool right = type.empty() ||
               ((type == "Directory" || type == "DirectoryOrCreate") && fs::is_directory(found)) ||
               ((type == "File" || type == "FileOrCreate") && fs::is_regular_file(found)) ||
               (type == "Socket" && fs::is_socket(found)) ||
               (type == "CharDevice" && fs::is_character_file(found)) ||
               (type == "BlockDevice" && fs::is_block_file(found));
  if (right) return path;
  return Error(Code::kInvalid, "the host's " + path + " is no " + type);
}

bool shows_texts(const Volume& v) {
  return v.config_map() || v.secret() || v.downward_api() || v.projected();
}

class Preparation {
 public:
  Preparation(const Object& pod, const std::string& dir, const PodFacts& facts,
              const Lookup& lookup, const TokenLookup& tokens)
      : pod_(pod), dir_(dir), facts_(facts), lookup_(lookup), tokens_(tokens) {}

  Result<std::string> path_of(const Volume& v) {
    if (v.host_path()) return host_path(*v.host_path());
    std::string path = dir_ + "/" + text(v.name());
    Status s = no_support("this kind of volume");
    if (v.empty_dir()) s = make_empty(*v.empty_dir(), path);
    if (shows_texts(v)) s = fill(v, path);
    return s ? Result<std::string>(path) : Result<std::string>(s.error());
  }

 private:
  Status make_empty(const core::v1::EmptyDirVolumeSource& source, const std::string& path) {
    std::string medium = text(source.medium());
    if (!medium.empty() && medium != "Memory") return no_support("the medium " + medium);
    std::error_code code;
    bool fresh = !fs::exists(path, code);
    if (fresh) {
      if (Status s = make_directory(path, fs::perms(0777)); !s) return s;
    }
    if (medium == "Memory") {
      auto size = Quantity::parse(text(source.size_limit()));
      if (Status s = mount_memory(path, size ? size->units() : 0); !s) return s;
    }
    auto group = fs_group_of(pod_);
    if (!group) return {};
    const auto* security = pod_.as<core::v1::Pod>()->spec()->security_context();
    return give_to_group(path, *group,
                         !fresh || text(security->fs_group_change_policy()) == "OnRootMismatch");
  }

  Status fill(const Volume& v, const std::string& path) {
    Files files(pod_, facts_, lookup_, tokens_, path, mode_of(v));
    Status s;
    if (const auto* c = v.config_map())
      s = files.add({"configmaps", text(c->name())}, c->items(), c->optional().value_or(false));
    if (const auto* c = v.secret())
      s = files.add({"secrets", text(c->secret_name())}, c->items(), c->optional().value_or(false));
    if (v.downward_api()) s = files.add_fields(v.downward_api()->items());
    if (v.projected()) s = files.add_sources(*v.projected());
    return s ? write_files(path, files.files(), fs_group_of(pod_)) : s;
  }

  static int mode_of(const Volume& v) {
    flatbuffers::Optional<int32_t> mode = flatbuffers::nullopt;
    if (v.config_map()) mode = v.config_map()->default_mode();
    if (v.secret()) mode = v.secret()->default_mode();
    if (v.downward_api()) mode = v.downward_api()->default_mode();
    if (v.projected()) mode = v.projected()->default_mode();
    return mode.value_or(kFileMode);
  }

  const Object& pod_;
  const std::string& dir_;
  const PodFacts& facts_;
  const Lookup& lookup_;
  const TokenLookup& tokens_;
};

const flatbuffers::Vector<flatbuffers::Offset<Volume>>* volumes_of(const Object& pod) {
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  return spec ? spec->volumes() : nullptr;
}

// The place inside a volume; symbolic links in it must not lead out.
Result<std::string> below(const std::string& volume, const std::string& sub) {
  if (sub.empty()) return volume;
  if (!stays_inside(sub))
    return Error(Code::kInvalid, "the subPath \"" + sub + "\" leads out of its volume");
  std::error_code code;
  fs::path root = fs::canonical(volume, code), full = fs::weakly_canonical(root / sub, code);
  fs::path inside = full.lexically_relative(root);
  if (code || inside.empty() || *inside.begin() == "..")
    return Error(Code::kInvalid, "the subPath \"" + sub + "\" leads out of its volume");
  if (!fs::exists(full, code)) {
    if (Status s = make_directory(full.string(), fs::perms(0755)); !s) return s.error();
  }
  return full.string();
}

Result<std::string> sub_path_of(const core::v1::VolumeMount& mount, const Environment& env) {
  std::string expression = text(mount.sub_path_expr());
  if (expression.empty()) return text(mount.sub_path());
  std::string path = expand_all({expression}, env)[0];
  if (path.find("$(") == std::string::npos && !path.empty()) return path;
  return Error(Code::kInvalid, "the subPathExpr \"" + expression +
                                   "\" names a variable that the container does not have");
}

bool is_text(const Object& pod, const std::string& volume) {
  for (const Volume* v : *volumes_of(pod)) {
    if (text(v->name()) == volume) return shows_texts(*v);
  }
  return false;
}

Mount::Propagation propagation_of(const std::string& name) {
  if (name == "Bidirectional") return Mount::Propagation::kBidirectional;
  return name == "HostToContainer" ? Mount::Propagation::kHostToContainer
                                   : Mount::Propagation::kPrivate;
}

}  // namespace

void volume_references(const Object& pod, std::set<RefKey>* out) {
  if (!volumes_of(pod)) return;
  for (const Volume* v : *volumes_of(pod)) {
    if (const auto* c = v->config_map()) out->insert({"configmaps", text(c->name())});
    if (const auto* s = v->secret()) out->insert({"secrets", text(s->secret_name())});
    if (!v->projected() || !v->projected()->sources()) continue;
    for (const auto* s : *v->projected()->sources()) {
      if (s->config_map()) out->insert({"configmaps", text(s->config_map()->name())});
      if (s->secret()) out->insert({"secrets", text(s->secret()->name())});
    }
  }
}

Result<std::map<std::string, std::string>> prepare_volumes(const Object& pod,
                                                           const std::string& dir,
                                                           const PodFacts& facts,
                                                           const Lookup& lookup,
                                                           const TokenLookup& tokens) {
  std::map<std::string, std::string> out;
  if (!volumes_of(pod)) return out;
  for (const Volume* v : *volumes_of(pod)) {
    auto path = Preparation(pod, dir, facts, lookup, tokens).path_of(*v);
    if (!path)
      return Error(path.error().code,
                   "volume \"" + text(v->name()) + "\": " + path.error().message);
    out[text(v->name())] = *std::move(path);
  }
  return out;
}

bool follows_sources(const Object& pod) {
  if (!volumes_of(pod)) return false;
  for (const Volume* v : *volumes_of(pod)) {
    if (shows_texts(*v)) return true;
  }
  return false;
}

Result<std::vector<Mount>> mounts_of(const Object& pod, const core::v1::Container& container,
                                     const std::map<std::string, std::string>& paths,
                                     const Environment& environment) {
  std::vector<Mount> out;
  if (!container.volume_mounts()) return out;
  for (const auto* m : *container.volume_mounts()) {
    auto at = paths.find(text(m->name()));
    if (at == paths.end())
      return Error(Code::kInvalid, "there is no volume \"" + text(m->name()) + "\"");
    if (text(m->recursive_read_only()) == "Enabled") return no_support("recursiveReadOnly");
    auto sub = sub_path_of(*m, environment);
    if (!sub) return sub.error();
    auto source = below(at->second, *sub);
    if (!source) return source.error();
    out.push_back({.container_path = text(m->mount_path()),
                   .host_path = *std::move(source),
                   .read_only = m->read_only().value_or(false) || is_text(pod, text(m->name())),
                   .propagation = propagation_of(text(m->mount_propagation()))});
  }
  return out;
}

void remove_volumes(const std::string& dir) {
  unmount_below(dir);
  std::error_code code;
  fs::remove_all(dir, code);
}

}  // namespace kubus::kubelet
