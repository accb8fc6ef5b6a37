#include "agents/kubelet/pods/pod_supply.h"

#include <filesystem>
#include <fstream>

#include "agents/kubelet/pods/desired.h"
#include "agents/kubelet/pods/images.h"
#include "agents/kubelet/volumes/volumes.h"
#include "schemas/core/v1/pod_generated.h"

namespace kubus::kubelet {
namespace {

namespace fs = std::filesystem;

constexpr bus::Duration kLooksAtVolumes = std::chrono::seconds(10);

std::set<RefKey> pull_secrets(const Object& pod) {
  std::set<RefKey> out;
  const auto* list = pod.as<core::v1::Pod>()->spec()->image_pull_secrets();
  if (!list) return out;
  for (const auto* ref : *list) {
    if (ref->name()) out.insert({"secrets", ref->name()->str()});
  }
  return out;
}

std::string metadata_text(const Object& pod) {
  std::string out;
  const auto* meta = pod.as<core::v1::Pod>()->metadata();
  for (const auto* map : {meta->labels(), meta->annotations()}) {
    if (!map) continue;
    for (const auto* e : *map)
      out += e->key()->str() + '\0' + (e->value() ? e->value()->str() : "") + '\0';
    out += '\1';
  }
  return out;
}

// Volumes that nobody will ever look into.
std::map<std::string, std::string> nothing_at_all(const Object& pod) {
  std::map<std::string, std::string> out;
  const auto* volumes = pod.as<core::v1::Pod>()->spec()->volumes();
  if (!volumes) return out;
  for (const auto* v : *volumes) {
    if (v->name()) out[v->name()->str()] = "/";
  }
  return out;
}

void save_links(const std::string& path, const Environment& links) {
  std::ofstream out(path, std::ios::trunc);
  for (const auto& [name, value] : links) out << name << '=' << value << '\n';
}

Environment read_links(const std::string& path) {
  Environment out;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    size_t equals = line.find('=');
    if (equals != std::string::npos)
      out.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return out;
}

}  // namespace

PodSupply::PodSupply(bus::Ports ports, Runtime& runtime, kit::Client& client, LastKnown& known,
                     Identity identity, FactsOf facts_of)
    : ports_(ports),
      runtime_(runtime),
      identity_(std::move(identity)),
      facts_of_(std::move(facts_of)),
      references_(ports, client, known),
      tokens_(ports, client),
      services_(ports, client) {}

void PodSupply::start() {
  refresh_timer_ = ports_.clock.after(kLooksAtVolumes, [this] { on_refresh_timeout(); });
}

std::string PodSupply::volumes_dir(const std::string& uid) const {
  return identity_.pod_dir(uid) + "/volumes";
}

std::string PodSupply::links_file(const std::string& uid) const {
  return identity_.pod_dir(uid) + "/service-links";
}

// ---- what a container needs ----

void PodSupply::fetch(const Object& pod, const std::string& container,
                      std::function<void(Status)> done) {
  std::set<RefKey> keys;
  volume_references(pod, &keys);
  const auto* c = container.empty() ? nullptr : container_of(pod, container);
  if (c) environment_references(*c, &keys);
  references_.fetch(std::string(pod.ns()), keys,
                    held([this, pod, done = std::move(done)](Status fetched) {
                      if (!fetched) return done(fetched);
                      tokens_.fetch(pod, [done] { done({}); });
                    }));
}

void PodSupply::resolve(const Object& pod, const std::string& container,
                        std::function<void(Result<Supplies>)> done) {
  follow(pod);
  fetch(pod, container, held([this, pod, done = std::move(done)](Status fetched) {
          if (!fetched) return done(fetched.error());
          services_.fetch(std::string(pod.ns()), held([this, pod, done](bool known) {
                            auto volumes = prepare(pod);
                            if (!volumes) return done(volumes.error());
                            done(Supplies{*std::move(volumes), links_of(pod, known)});
                          }));
        }));
}

Result<std::map<std::string, std::string>> PodSupply::prepare(const Object& pod) const {
  std::string uid(pod.uid());
  if (!identity_.on_disk()) return nothing_at_all(pod);
  return prepare_volumes(pod, volumes_dir(uid), facts_of_(uid),
                         references_.lookup(std::string(pod.ns())), tokens_.lookup(uid));
}

// What the Pod had before serves while the store cannot be asked.
Environment PodSupply::links_of(const Object& pod, bool known) const {
  std::string path = links_file(std::string(pod.uid()));
  if (!known && !identity_.on_disk()) return {};
  if (!known) return read_links(path);
  bool all = pod.as<core::v1::Pod>()->spec()->enable_service_links().value_or(true);
  Environment out = services_.links(std::string(pod.ns()), all);
  if (identity_.on_disk()) save_links(path, out);
  return out;
}

// ---- images ----

void PodSupply::pull(const Object& pod, const std::string& image,
                     std::function<void(Result<std::string>)> done) {
  auto name = parse_image(image);
  if (!name) return done(name.error());
  auto keys = pull_secrets(pod);
  std::string ns(pod.ns());
  references_.fetch(ns, keys, held([this, ns, keys, image, name = *name, done](Status) {
                      auto pull = std::make_shared<Pull>(Pull{image, {}, {}, 0, done});
                      std::vector<Object> secrets;
                      for (const RefKey& key : keys) {
                        Object secret = references_.lookup(ns)(key);
                        if (secret) secrets.push_back(secret);
                        if (!secret) pull->absent.push_back(key.name);
                      }
                      pull->credentials = credentials_for(name, secrets);
                      try_pull(pull);
                    }));
}

void PodSupply::try_pull(std::shared_ptr<Pull> pull) {
  Credentials with;
  if (pull->tried < pull->credentials.size()) with = pull->credentials[pull->tried];
  runtime_.pull_image(pull->image, with, held([this, pull](Result<std::string> pulled) {
                        if (pulled) return pull->done(std::move(pulled));
                        if (++pull->tried < pull->credentials.size()) return try_pull(pull);
                        pull->done(Error(pulled.error().code,
                                         pull_failure(pull->image, pulled.error().message,
                                                      pull->credentials.size(), pull->absent)));
                      }));
}

// ---- volumes of Pods that run ----

void PodSupply::follow(const Object& pod) {
  if (!identity_.on_disk() || !follows_sources(pod)) return;
  std::string metadata = metadata_text(pod);
  auto [at, fresh] = followed_.try_emplace(std::string(pod.uid()));
  at->second.pod = pod;
  if (!fresh && at->second.metadata == metadata) return;
  at->second.metadata = std::move(metadata);
  at->second.stale = true;
  refresh_soon();
}

void PodSupply::drop(const std::string& uid) {
  followed_.erase(uid);
  tokens_.forget(uid);
  if (identity_.on_disk()) remove_volumes(volumes_dir(uid));
}

void PodSupply::forget_reference(std::string_view resource, std::string_view ns,
                                 std::string_view name) {
  references_.forget(resource, ns, name);
  RefKey gone{std::string(resource), std::string(name)};
  for (auto& [uid, followed] : followed_) {
    if (followed.pod.ns() != ns) continue;
    std::set<RefKey> keys;
    volume_references(followed.pod, &keys);
    followed.stale |= keys.count(gone) > 0;
  }
  refresh_soon();
}

void PodSupply::forget_old() {
  references_.forget_old();
  for (auto& [uid, followed] : followed_) followed.stale = true;
  refresh_soon();
}

std::set<RefKey> PodSupply::references_of(const Object& pod) {
  std::set<RefKey> out = pull_secrets(pod);
  volume_references(pod, &out);
  const auto* spec = pod.as<core::v1::Pod>()->spec();
  for (const auto* list : {spec->init_containers(), spec->containers()}) {
    if (!list) continue;
    for (const auto* c : *list) environment_references(*c, &out);
  }
  return out;
}

void PodSupply::refresh_soon() {
  if (soon_timer_) return;
  soon_timer_ = ports_.clock.after(bus::Duration(0), [this] {
    soon_timer_.reset();
    for (auto& [uid, followed] : followed_) {
      if (followed.stale) refresh(uid);
    }
  });
}

void PodSupply::on_refresh_timeout() {
  refresh_timer_ = ports_.clock.after(kLooksAtVolumes, [this] { on_refresh_timeout(); });
  int64_t now = ports_.clock.wall_ns();
  for (auto& [uid, followed] : followed_) {
    int64_t due = tokens_.due(uid);
    // A kubelet that started anew does not know the tokens of the Pods that it found.
    bool unknown = due == 0 && !token_keys(followed.pod).empty();
    if (followed.stale || unknown || (due != 0 && due <= now)) refresh(uid);
  }
}

// Only what is there already: before its first container a Pod has no volumes.
void PodSupply::refresh(const std::string& uid) {
  Followed& followed = followed_[uid];
  std::error_code code;
  if (followed.busy || !fs::exists(volumes_dir(uid), code)) return;
  followed.busy = true;
  followed.stale = false;
  fetch(followed.pod, "", held([this, uid](Status fetched) {
          auto at = followed_.find(uid);
          if (at == followed_.end()) return;
          at->second.busy = false;
          Status done = fetched;
          if (done) {
            auto volumes = prepare(at->second.pod);
            if (!volumes) done = volumes.error();
          }
          at->second.stale |= !done;
          std::string before = std::exchange(at->second.trouble, done ? "" : done.error().message);
          if (!done && before != at->second.trouble)
            ports_.log.warn("pod " + uid + ": its volumes stay as they are: " + at->second.trouble);
        }));
}

}  // namespace kubus::kubelet
