#include "bus/kit/informer.h"

#include "schemas/bus/event_generated.h"
#include "schemas/lib/selectors/selectors.h"

namespace kubus::kit {
namespace {

constexpr auto kRelistAfter = std::chrono::seconds(1);

}  // namespace

struct Informer::Impl {
  using Key = std::pair<std::string, std::string>;

  Impl(bus::Ports p, Client& c, InformerOptions o) : ports(p), client(c), options(std::move(o)) {
    auto parsed = selectors::FieldSelector::parse(options.field_selector);
    if (parsed) selector = *std::move(parsed);
  }

  bus::LaneId lane() const {
    if (!options.node.empty()) return {"", "", "", "", options.node};
    return {options.kind->group, options.kind->resource, options.ns, "", ""};
  }

  void list();
  void on_list(Result<Page> page);
  void on_event(const EventView& event);
  void set(Object now, const EventView* event);
  void erase(const Key& key, const EventView* event);
  bool selected(const Object& o) const;
  void tell(const Change& change);

  bus::Ports ports;
  Client& client;
  InformerOptions options;
  selectors::FieldSelector selector;
  std::map<Key, Object, std::less<>> objects;
  std::vector<OnChange> handlers;
  std::vector<std::function<void()>> synced_handlers;
  std::unique_ptr<Feed> feed;
  std::unique_ptr<bus::Timer> retry;
  Revision listed;
  bool synced = false;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

void Informer::Impl::list() {
  std::weak_ptr<bool> weak = alive;
  client.list_all(*options.kind, options.ns, "", options.field_selector,
                  [this, weak](Result<Page> page) {
                    if (!weak.expired()) on_list(std::move(page));
                  });
}

void Informer::Impl::on_list(Result<Page> page) {
  if (!page) {
    ports.log.warn("cannot list " + options.kind->resource + ": " + page.error().message);
    retry = ports.clock.after(kRelistAfter, [this] { list(); });
    return;
  }
  listed = page->revision;
  std::map<Key, Object, std::less<>> before = std::exchange(objects, {});
  for (Object& o : page->items) {
    Key key{std::string(o.ns()), std::string(o.name())};
    auto old = before.find(key);
    Object was = old == before.end() ? Object() : old->second;
    if (old != before.end()) before.erase(old);
    objects.insert_or_assign(key, o);
    if (!was || was.revision() != o.revision()) tell({was, o, nullptr});
  }
  for (auto& [key, gone] : before) tell({gone, Object(), nullptr});
  if (feed) {
    feed->restart(listed);
  } else {
    feed = std::make_unique<Feed>(
        ports, client, lane(), listed, [this](const EventView& e) { on_event(e); },
        [this] { list(); });
  }
  if (std::exchange(synced, true)) return;
  for (auto& handler : synced_handlers) handler();
}

bool Informer::Impl::selected(const Object& o) const {
  std::string text;
  return selector.matches([&](std::string_view path) -> std::optional<std::string_view> {
    auto value = o.field(path);
    if (!value) return std::nullopt;
    text = *std::move(value);
    return std::string_view(text);
  });
}

void Informer::Impl::on_event(const EventView& event) {
  auto object = event.object();
  // A node's lane carries other kinds and notices too.
  if (!object || &object->kind() != options.kind) return;
  Key key{std::string(object->ns()), std::string(object->name())};
  bool here = event->type() != wire::EventType::Deleted && selected(*object);
  if (here) return set(*std::move(object), &event);
  erase(key, &event);
}

void Informer::Impl::set(Object now, const EventView* event) {
  Key key{std::string(now.ns()), std::string(now.name())};
  Object before = std::exchange(objects[key], now);
  tell({std::move(before), std::move(now), event});
}

void Informer::Impl::erase(const Key& key, const EventView* event) {
  auto found = objects.find(key);
  if (found == objects.end()) return;
  Object before = std::move(found->second);
  objects.erase(found);
  tell({std::move(before), Object(), event});
}

void Informer::Impl::tell(const Change& change) {
  for (auto& handler : handlers) handler(change);
}

Informer::Informer(bus::Ports ports, Client& client, InformerOptions options)
    : impl_(std::make_unique<Impl>(ports, client, std::move(options))) {}
Informer::~Informer() = default;

void Informer::on_change(OnChange handler) {
  impl_->handlers.push_back(std::move(handler));
}
void Informer::on_synced(std::function<void()> handler) {
  impl_->synced_handlers.push_back(std::move(handler));
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
  return impl_->feed ? std::max(impl_->listed, impl_->feed->position()) : impl_->listed;
}

bool Informer::has_seen(const ObjectKey& key, Revision revision) const {
  if (position() >= revision) return true;
  Object o = find(key.ns, key.name);
  return o && o.revision() >= revision;
}

const InformerOptions& Informer::options() const {
  return impl_->options;
}

}  // namespace kubus::kit
