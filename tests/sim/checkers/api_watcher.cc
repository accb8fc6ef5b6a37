#include "tests/sim/checkers/api_watcher.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "schemas/bus/event_generated.h"
#include "tests/sim/cluster/gateway_program.h"

namespace kubus::sim {
namespace {

namespace json = boost::json;

std::string text_in(const json::object& o, std::string_view name) {
  const json::value* v = o.if_contains(name);
  return v && v->is_string() ? std::string(v->get_string()) : "";
}

const json::object& metadata_of(const json::value& object) {
  static const json::object kNone;
  const json::value* meta =
      object.is_object() ? object.get_object().if_contains("metadata") : nullptr;
  return meta && meta->is_object() ? meta->get_object() : kNone;
}

std::string key_of(const json::object& meta) {
  return text_in(meta, "namespace") + "/" + text_in(meta, "name");
}

uint64_t revision_of(const json::object& meta) {
  return std::strtoull(text_in(meta, "resourceVersion").c_str(), nullptr, 10);
}

}  // namespace

ApiWatcher::ApiWatcher(Cluster& cluster, Chronicle& chronicle, Story& story, std::string path,
                       const schema::KindInfo& kind)
    : cluster_(cluster),
      chronicle_(chronicle),
      story_(story),
      path_(std::move(path)),
      kind_(kind),
      ports_(cluster.outside("api-watcher").ports()) {
  chronicle.listen([this](const kit::EventView& event, const Object&) {
    if (text_of(event->group()) == kind_.group && text_of(event->resource()) == kind_.resource)
      last_ = event.revision().value();
  });
  look();
}

void ApiWatcher::look() {
  timer_ = ports_.clock.after(std::chrono::milliseconds(500), [this] { look(); });
  if (!call_) return connect();
  if (listing_) return read_list();
  read_events();
}

void ApiWatcher::connect() {
  Process& gateway = cluster_.process("gateway-0");
  if (!gateway.runs() || gateway.host()->paused()) return;
  auto program = gateway.program<GatewayProgram>();
  listing_ = revision_ == 0;
  std::multimap<std::string, std::string, std::less<>> query;
  if (!listing_)
    query = {{"watch", "1"},
             {"resourceVersion", std::to_string(revision_)},
             {"allowWatchBookmarks", "1"},
             {"timeoutSeconds", std::to_string(20 + ports_.random.below(100))}};
  call_ = get([&](auto exchange) { program->gateway().handle(std::move(exchange)); }, path_, query);
}

void ApiWatcher::read_list() {
  if (!call_->over) return;
  auto call = std::exchange(call_, nullptr);
  boost::system::error_code code;
  json::value list = json::parse(call->body, code);
  if (call->status != 200 || code) return;
  cache_.clear();
  for (const json::value& item : list.at("items").as_array())
    cache_[key_of(metadata_of(item))] = revision_of(metadata_of(item));
  revision_ = revision_of(metadata_of(list));
}

void ApiWatcher::read_events() {
  if (call_->status != 0 && call_->status != 200) revision_ = 0;
  for (size_t end; revision_ != 0 && (end = call_->body.find('\n')) != std::string::npos;) {
    std::string line = call_->body.substr(0, end);
    call_->body.erase(0, end + 1);
    on_event(line);
  }
  if (call_->over || revision_ == 0) call_.reset();
}

void ApiWatcher::on_event(std::string_view line) {
  boost::system::error_code code;
  json::value event = json::parse(json::string_view(line.data(), line.size()), code);
  if (code || !event.is_object())
    return story_.wrong("gateway", "a watch told what is no JSON: " + std::string(line));
  std::string type = text_in(event.get_object(), "type");
  if (type == "ERROR") return (void)(revision_ = 0);
  const json::object& meta = metadata_of(event.at("object"));
  take(type, key_of(meta), revision_of(meta));
}

void ApiWatcher::take(std::string_view type, const std::string& key, uint64_t revision) {
  bool bookmark = type == "BOOKMARK";
  if (bookmark ? revision < revision_ : revision <= revision_)
    story_.wrong("gateway", "a watch told " + std::string(type) + " " + key + " at " +
                                std::to_string(revision) + " after " + std::to_string(revision_));
  revision_ = revision;
  if (bookmark) return;
  bool known = cache_.count(key) > 0;
  if (known != (type != "ADDED"))
    story_.wrong("gateway", "a watch told " + std::string(type) + " " + key +
                                (known ? ", which it had told" : ", which it had never told"));
  if (type == "DELETED")
    cache_.erase(key);
  else
    cache_[key] = revision;
}

bool ApiWatcher::current() const {
  return revision_ != 0 && call_ && !listing_ && revision_ >= last_ &&
         revision_ <= chronicle_.position().value();
}

void ApiWatcher::check_end() {
  std::map<std::string, uint64_t> there;
  for (const auto& [key, object] : chronicle_.state()) {
    if (key.kind == &kind_) there[key.ns + "/" + key.name] = object.revision().value();
  }
  if (cache_ != there)
    story_.wrong("gateway", "a watch of " + path_ + " ended with other objects than there are");
}

}  // namespace kubus::sim
