#include "bus/kit/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <list>
#include <unordered_map>

#include "bus/kit/requests.h"
#include "schemas/lib/base/check.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::kit {
namespace {

namespace json = boost::json;

constexpr size_t kRemembered = 4096;
constexpr bus::Duration kSameFor = std::chrono::minutes(10);
constexpr size_t kMessageBytes = 1024;
constexpr int64_t kNanoseconds = 1'000'000'000;

const schema::KindInfo& event_kind() {
  static const auto* kind = schema::Registry::get().by_resource("", "events");
  KUBUS_CHECK(kind);
  return *kind;
}

std::string time_text(int64_t wall_ns) {
  return codec::format_time(wall_ns / kNanoseconds);
}

// No part of a character is left at the cut.
std::string cut(std::string_view text, size_t bytes) {
  if (text.size() <= bytes) return std::string(text);
  while (bytes > 0 && (static_cast<unsigned char>(text[bytes]) & 0xC0) == 0x80) --bytes;
  return std::string(text.substr(0, bytes));
}

}  // namespace

struct Recorder::Impl {
  // Something told, and the Event that tells it.
  struct Told {
    std::string key;
    ObjectKey event;
    bus::Instant last;
    int64_t last_wall = 0;
    int count = 1;
    int sent = 1;       // the count that the store has, or soon has
    bool busy = false;  // a write is under way
    Cause cause;
  };
  struct Bucket {
    double tokens = 0;
    bus::Instant at;
  };

  Impl(bus::Ports p, Client& c, RecorderOptions o) : ports(p), client(c), options(std::move(o)) {}

  bool allowed(const std::string& uid) {
    bus::Instant now = ports.clock.now();
    auto [at, fresh] = buckets.try_emplace(uid, Bucket{static_cast<double>(options.burst), now});
    Bucket& bucket = at->second;
    double gained = static_cast<double>((now - bucket.at).count()) /
                    static_cast<double>(options.interval.count());
    bucket.tokens = std::min<double>(options.burst, bucket.tokens + gained);
    bucket.at = now;
    bool ok = bucket.tokens >= 1;
    if (ok) bucket.tokens -= 1;
    if (fresh && buckets.size() > kRemembered) forget_full_buckets();
    return ok;
  }

  // A bucket that is full says nothing; when none is, the oldest knowledge goes.
  void forget_full_buckets() {
    bus::Instant now = ports.clock.now();
    bus::Duration refill = options.interval * options.burst;
    std::erase_if(buckets, [&](const auto& b) { return now - b.second.at >= refill; });
    if (buckets.size() > kRemembered) buckets.clear();
  }

  void record(Type type, const Object& about, std::string_view reason, std::string_view message,
              std::string_view field_path, const Cause& cause) {
    std::string uid(about.uid());
    if (!allowed(uid)) {
      ++stats.held_back;
      return;
    }
    std::string text = cut(message, kMessageBytes);
    std::string key =
        fmt::format("{}\n{}\n{}\n{}\n{}", uid, static_cast<int>(type), reason, field_path, text);
    auto known = by_key.find(key);
    if (known != by_key.end() && ports.clock.now() - known->second->last < kSameFor) {
      return again(known->second, cause);
    }
    if (known != by_key.end()) forget(known->second);
    create(std::move(key), event_of(type, about, reason, text, field_path), cause);
  }

  json::object event_of(Type type, const Object& about, std::string_view reason,
                        const std::string& message, std::string_view field_path) {
    const schema::KindInfo& kind = about.kind();
    std::string now = time_text(ports.clock.wall_ns());
    json::object involved = {{"kind", kind.kind},
                             {"name", about.name()},
                             {"uid", about.uid()},
                             {"apiVersion", kind.api_version()},
                             {"resourceVersion", std::to_string(about.revision().value())}};
    if (!about.ns().empty()) involved["namespace"] = about.ns();
    if (!field_path.empty()) involved["fieldPath"] = field_path;
    json::object source = {{"component", options.component}};
    if (!options.host.empty()) source["host"] = options.host;
    std::string ns(about.ns().empty() ? "default" : about.ns());
    std::string name = fmt::format("{}.{:016x}", about.name(), ports.random.next());
    return {{"metadata", json::object{{"name", name}, {"namespace", ns}}},
            {"involvedObject", std::move(involved)},
            {"reason", reason},
            {"message", message},
            {"source", std::move(source)},
            {"firstTimestamp", now},
            {"lastTimestamp", now},
            {"count", 1},
            {"type", type == Type::kNormal ? "Normal" : "Warning"},
            {"reportingComponent", options.component},
            {"reportingInstance", options.host}};
  }

  void create(std::string key, json::object event, const Cause& cause) {
    const json::object& meta = event["metadata"].as_object();
    ObjectKey named{&event_kind(), std::string(meta.at("namespace").as_string()),
                    std::string(meta.at("name").as_string())};
    told.push_front({.key = std::move(key),
                     .event = named,
                     .last = ports.clock.now(),
                     .last_wall = ports.clock.wall_ns(),
                     .busy = true,
                     .cause = cause});
    by_key[told.front().key] = told.begin();
    if (told.size() > kRemembered) forget(std::prev(told.end()));
    ++stats.created;
    client.create(event_kind(), named.ns, event, write_options(cause),
                  [this, name = named.name, k = told.front().key,
                   alive = std::weak_ptr(alive)](Result<Object> made) {
                    if (!alive.expired()) on_written(k, name, made ? Status() : made.error());
                  });
  }

  void again(std::list<Told>::iterator at, const Cause& cause) {
    told.splice(told.begin(), told, at);
    at->last = ports.clock.now();
    at->last_wall = ports.clock.wall_ns();
    ++at->count;
    at->cause = cause;
    if (!at->busy) send_count(*at);
  }

  void send_count(Told& t) {
    t.busy = true;
    t.sent = t.count;
    ++stats.counted;
    json::object patch = {{"count", t.count}, {"lastTimestamp", time_text(t.last_wall)}};
    client.merge_patch(
        t.event, json::serialize(patch), write_options(t.cause),
        [this, name = t.event.name, k = t.key, alive = std::weak_ptr(alive)](Result<Object> made) {
          if (!alive.expired()) on_written(k, name, made ? Status() : made.error());
        });
  }

  void on_written(const std::string& key, const std::string& name, const Status& status) {
    if (!status) {
      ++stats.failed;
      ports.log.debug("an Event was not written: " + status.error().message);
    }
    auto at = by_key.find(key);
    if (at == by_key.end() || at->second->event.name != name) return;
    Told& t = *at->second;
    t.busy = false;
    if (!status) return forget(at->second);  // gone or refused: the next telling makes a new one
    if (t.count > t.sent) send_count(t);
  }

  void forget(std::list<Told>::iterator at) {
    by_key.erase(at->key);
    told.erase(at);
  }

  WriteOptions write_options(const Cause& cause) const {
    WriteOptions o;
    o.cause = cause;
    o.return_object = false;
    return o;
  }

  bus::Ports ports;
  Client& client;
  RecorderOptions options;
  std::list<Told> told;  // latest first
  std::unordered_map<std::string, std::list<Told>::iterator> by_key;
  std::unordered_map<std::string, Bucket> buckets;  // by uid
  Stats stats;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Recorder::Recorder(bus::Ports ports, Client& client, RecorderOptions options)
    : impl_(std::make_unique<Impl>(ports, client, std::move(options))) {}
Recorder::~Recorder() = default;

void Recorder::record(Type type, const Object& about, std::string_view reason,
                      std::string_view message, std::string_view field_path, const Cause& cause) {
  impl_->record(type, about, reason, message, field_path, cause);
}

const Recorder::Stats& Recorder::stats() const {
  return impl_->stats;
}

}  // namespace kubus::kit
