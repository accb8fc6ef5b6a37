#include "bus/kit/informer.h"

#include <algorithm>

#include "schemas/bus/event_generated.h"
#include "schemas/lib/selectors/selectors.h"

namespace kubus::kit {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr bus::Duration kFirstBackoff = milliseconds(200);
constexpr bus::Duration kMostBackoff = seconds(30);

}  // namespace

struct Informer::Impl {
  using Key = std::pair<std::string, std::string>;
  using Objects = std::map<Key, Object, std::less<>>;

  Impl(bus::Ports p, Client& c, InformerOptions o) : ports(p), client(c), options(std::move(o)) {
    auto parsed = selectors::FieldSelector::parse(options.field_selector);
    if (parsed) {
      selector = *std::move(parsed);
    } else {
      ports.log.error("field selector " + options.field_selector + ": " + parsed.error().message);
    }
  }

  bus::LaneId lane() const {
    if (!options.node.empty()) return {"", "", "", "", options.node};
    return {options.kind->group, options.kind->resource, options.ns, "", ""};
  }

  // ---- ways in ----

  void on_list(Result<Page> page) {
    if (!page) {
      ports.log.warn("cannot list " + options.kind->resource + ": " + page.error().message);
      retry = ports.clock.after(backoff(), [this] { list(); });
      return;
    }
    failures = 0;
    listed = page->revision;
    std::weak_ptr<bool> weak = alive;
    if (!replace(page->items)) return;
    if (feed) {
      feed->restart(listed);
    } else {
      follow();
    }
    if (std::exchange(synced, true)) return progressed();
    for (size_t i = 0; !weak.expired() && i < synced_handlers.size(); ++i) synced_handlers[i]();
    if (!weak.expired()) progressed();
  }

  void on_event(const EventView& event) {
    std::weak_ptr<bool> weak = alive;
    take(event);
    if (!weak.expired()) progressed();
  }

  void on_read(const Key& key, const Result<Object>& object) {
    if (!object && object.error().code != Code::kNotFound) {
      ports.log.warn("cannot read " + options.kind->resource + " " + key.second + ": " +
                     object.error().message);
      rereads[key] = ports.clock.after(backoff(), [this, key] { read(key); });
      return;
    }
    failures = 0;
    rereads.erase(key);
    if (!object) return;  // deleted meanwhile: the event says so
    if (!selected(*object)) return erase(key, nullptr);
    if (object->revision() > newest_of(key)) set(detached(*object), nullptr);
  }

  // ---- what they do ----

  // What a message or a page brought would keep all of it in memory.
  Object detached(const Object& object) const {
    if (options.trim) return options.trim(object);
    return Object::trusted(object.kind(), Payload::copy_of(object.bytes()));
  }

  // What the event says of its object; of confidential kinds that is metadata.
  std::optional<Object> object_in(const EventView& event) const {
    if (!options.kind->confidential) return event.object();
    const auto* bytes = event->metadata();
    if (!bytes) return std::nullopt;
    return Object::from(*options.kind, event.payload().part({bytes->data(), bytes->size()}));
  }

  void list() {
    std::weak_ptr<bool> weak = alive;
    client.list_all(*options.kind, options.ns, "", options.field_selector,
                    [this, weak](Result<Page> page) {
                      if (!weak.expired()) on_list(std::move(page));
                    });
  }

  void read(const Key& key) {
    std::weak_ptr<bool> weak = alive;
    client.get({options.kind, key.first, key.second}, [this, weak, key](Result<Object> object) {
      if (!weak.expired()) on_read(key, object);
    });
  }

  void follow() {
    feed = std::make_unique<Feed>(
        ports, client, lane(), listed, [this](const EventView& e) { on_event(e); },
        [this] { list(); }, [this](Revision) { progressed(); });
  }

  // The cache becomes `items`; tells how it differs. False: this informer is gone.
  bool replace(const std::vector<Object>& items) {
    std::weak_ptr<bool> weak = alive;
    Objects before = std::exchange(objects, {});
    for (const Object& o : items) objects.emplace(Key(o.ns(), o.name()), detached(o));
    Objects now = objects;  // handlers see the whole new state from the first change on
    for (auto& [key, o] : now) {
      auto old = before.find(key);
      Object was = old == before.end() ? Object() : std::move(old->second);
      if (old != before.end()) before.erase(old);
      if (was && was.revision() == o.revision()) continue;
      tell({std::move(was), o, nullptr});
      if (weak.expired()) return false;
    }
    for (auto& [key, gone] : before) {
      tell({gone, Object(), nullptr});
      if (weak.expired()) return false;
    }
    return true;
  }

  void take(const EventView& event) {
    if (event->type() == wire::EventType::Notice) return tell({Object(), Object(), &event});
    auto text = [](const flatbuffers::String* s) { return s ? s->string_view() : ""; };
    // A node's lane carries other kinds too.
    if (text(event->group()) != options.kind->group ||
        text(event->resource()) != options.kind->resource) {
      return;
    }
    Key key(text(event->namespace_()), text(event->name()));
    if (event->type() == wire::EventType::Deleted) return erase(key, &event);
    if (reads()) return read(key);
    auto object = object_in(event);
    if (!object) return ports.log.warn("event without a well-formed object: " + key.second);
    if (!selected(*object)) return erase(key, &event);
    set(detached(*object), &event);
  }

  // Whether events do not say enough.
  bool reads() const { return options.kind->confidential && !options.trim; }

  bool selected(const Object& o) const {
    std::string value;
    return selector.matches([&](std::string_view path) -> std::optional<std::string_view> {
      auto found = o.field(path);
      if (!found) return std::nullopt;
      value = *std::move(found);
      return std::string_view(value);
    });
  }

  Revision newest_of(const Key& key) const {
    auto found = objects.find(key);
    return found == objects.end() ? Revision() : found->second.revision();
  }

  void set(Object now, const EventView* event) {
    Object before = std::exchange(objects[Key(now.ns(), now.name())], now);
    tell({std::move(before), std::move(now), event});
  }

  void erase(const Key& key, const EventView* event) {
    auto found = objects.find(key);
    if (found == objects.end()) return;
    Object before = std::move(found->second);
    objects.erase(found);
    tell({std::move(before), Object(), event});
  }

  void tell(const Change& change) {
    std::weak_ptr<bool> weak = alive;
    for (size_t i = 0; !weak.expired() && i < handlers.size(); ++i) handlers[i](change);
  }

  void progressed() {
    std::weak_ptr<bool> weak = alive;
    for (size_t i = 0; !weak.expired() && i < progress_handlers.size(); ++i) progress_handlers[i]();
  }

  bus::Duration backoff() {
    bus::Duration delay = std::min(kMostBackoff, kFirstBackoff * (1 << std::min(failures++, 8)));
    return delay + bus::Duration(ports.random.below(static_cast<uint64_t>(delay.count())));
  }

  bus::Ports ports;
  Client& client;
  InformerOptions options;
  selectors::FieldSelector selector;
  Objects objects;
  std::vector<OnChange> handlers;
  std::vector<std::function<void()>> synced_handlers, progress_handlers;
  std::unique_ptr<Feed> feed;
  std::unique_ptr<bus::Timer> retry;
  std::map<Key, std::unique_ptr<bus::Timer>> rereads;
  Revision listed;
  bool synced = false;
  int failures = 0;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

Informer::Informer(bus::Ports ports, Client& client, InformerOptions options)
    : impl_(std::make_unique<Impl>(ports, client, std::move(options))) {}
Informer::~Informer() = default;

void Informer::on_change(OnChange handler) {
  impl_->handlers.push_back(std::move(handler));
}
void Informer::on_synced(std::function<void()> handler) {
  impl_->synced_handlers.push_back(std::move(handler));
}
void Informer::on_progress(std::function<void()> handler) {
  impl_->progress_handlers.push_back(std::move(handler));
}
void Informer::start() {
  impl_->list();
}
bool Informer::synced() const {
  return impl_->synced;
}

Object Informer::find(std::string_view ns, std::string_view name) const {
  auto found = impl_->objects.find(std::pair(std::string(ns), std::string(name)));
  return found == impl_->objects.end() ? Object() : found->second;
}

const std::map<std::pair<std::string, std::string>, Object, std::less<>>& Informer::all() const {
  return impl_->objects;
}

Revision Informer::position() const {
  return impl_->feed ? impl_->feed->position() : Revision();
}

bool Informer::has_seen(const ObjectKey& key, Revision revision) const {
  Object found = find(key.ns, key.name);
  if (found && found.revision() >= revision) return true;
  return impl_->reads() && found ? false : position() >= revision;
}

const InformerOptions& Informer::options() const {
  return impl_->options;
}

}  // namespace kubus::kit
