#include "services/gateway/watch/watcher.h"

#include <boost/json.hpp>
#include <charconv>

#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/selectors/selectors.h"
#include "services/gateway/api/answers.h"
#include "services/gateway/api/requests.h"

namespace kubus::gateway {
namespace {

constexpr auto kBookmarkEvery = std::chrono::seconds(60);
constexpr int kLongestSeconds = 3600;

std::optional<std::string_view> label_in(
    const flatbuffers::Vector<flatbuffers::Offset<wire::Label>>* list, std::string_view key) {
  if (!list) return std::nullopt;
  for (const wire::Label* l : *list) {
    if (l->key() && std::string_view(l->key()->c_str(), l->key()->size()) == key) {
      return l->value() ? std::string_view(l->value()->c_str(), l->value()->size())
                        : std::string_view();
    }
  }
  return std::nullopt;
}

// The client's selectors, applied to an object as it is and as it was before an event.
class Filter {
 public:
  static Result<Filter> of(const HttpRequest& request, const ResourcePath& path) {
    auto labels = selectors::LabelSelector::parse(request.query_value("labelSelector"));
    if (!labels) return labels.error();
    auto fields = selectors::FieldSelector::parse(request.query_value("fieldSelector"));
    if (!fields) return fields.error();
    Filter f;
    f.labels_ = *std::move(labels);
    f.fields_ = *std::move(fields);
    f.ns_ = path.ns;
    f.name_ = path.name;
    return f;
  }

  bool in_scope(const Object& o) const {
    return (ns_.empty() || o.ns() == ns_) && (name_.empty() || o.name() == name_);
  }
  bool now(const Object& o) const {
    std::string text;
    return labels_.matches([&](std::string_view key) { return o.label(key); }) &&
           fields_.matches([&](std::string_view path) { return field(o, path, &text); });
  }
  bool before(const Object& o, const wire::Event& e) const {
    const wire::Before* b = e.before();
    if (!b) return now(o);
    std::string text;
    return labels_.matches([&](std::string_view key) {
      return b->labels_changed() ? label_in(b->labels(), key) : o.label(key);
    }) && fields_.matches([&](std::string_view path) {
      auto old = label_in(b->fields(), path);
      return old ? old : field(o, path, &text);
    });
  }

 private:
  static std::optional<std::string_view> field(const Object& o, std::string_view path,
                                               std::string* text) {
    auto value = o.field(path);
    if (!value) return std::nullopt;
    *text = *std::move(value);
    return std::string_view(*text);
  }
  selectors::LabelSelector labels_;
  selectors::FieldSelector fields_;
  std::string ns_, name_;
};

class Watcher : public std::enable_shared_from_this<Watcher> {
 public:
  Watcher(bus::Ports ports, kit::Client& client, Hub& hub, std::shared_ptr<Exchange> exchange,
          ResourcePath path, Format format, Filter filter)
      : ports_(ports),
        client_(client),
        hub_(hub),
        exchange_(std::move(exchange)),
        path_(std::move(path)),
        format_(format),
        filter_(std::move(filter)) {}

  void start(Revision from) {
    const HttpRequest& r = exchange_->request();
    bookmarks_ = r.query_flag("allowWatchBookmarks");
    send_initial_end_ = r.query_flag("sendInitialEvents");
    exchange_->on_gone([weak = weak_from_this()] {
      if (auto self = weak.lock()) self->end();
    });
    hub_.keep(shared_from_this());
    bool list_first = !from || send_initial_end_;
    if (list_first) return list("");
    position_ = from;
    authorize_and_catch_up();
  }

 private:
  wire::RequestT request(wire::Verb verb) const {
    wire::RequestT request;
    set_identity(exchange_->request(), &request);
    auto op = std::make_unique<wire::OperationT>();
    op->verb = verb;
    op->group = path_.kind->group;
    op->resource = path_.kind->resource;
    op->namespace_ = path_.ns;
    request.operations.push_back(std::move(op));
    return request;
  }

  template <class F>
  void call(wire::RequestT request, F&& then) {
    client_.call(std::move(request), [weak = weak_from_this(), then](Result<kit::Answer> answer) {
      auto self = weak.lock();
      if (!self || self->over_) return;
      Status s = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
      if (!s) return self->fail(s.error());
      then(*self, *answer);
    });
  }

  void list(const std::string& token) {
    wire::RequestT r = request(wire::Verb::List);
    const HttpRequest& http = exchange_->request();
    r.operations[0]->label_selector = http.query_value("labelSelector");
    r.operations[0]->field_selector = http.query_value("fieldSelector");
    r.operations[0]->continue_token = token;
    if (!path_.name.empty()) {
      std::string& fields = r.operations[0]->field_selector;
      fields += (fields.empty() ? "" : ",") + ("metadata.name=" + path_.name);
    }
    call(std::move(r), [](Watcher& self, const kit::Answer& answer) { self.on_list(answer); });
  }

  void on_list(const kit::Answer& answer) {
    begin_stream();
    const wire::Outcome& outcome = answer.outcome();
    for (size_t i = 0; outcome.items() && i < outcome.items()->size(); ++i) {
      const auto* bytes = outcome.items()->Get(i)->bytes();
      if (!bytes) continue;
      auto object =
          Object::from(*path_.kind, answer.payload().part({bytes->data(), bytes->size()}));
      if (object)
        write_frame("ADDED", write_frame_object(*object, format_, take_columns(),
                                                ports_.clock.wall_seconds()));
    }
    std::string token = outcome.continue_token() ? outcome.continue_token()->str() : "";
    if (!token.empty()) return list(token);
    position_ = Revision(outcome.revision());
    if (send_initial_end_)
      write_frame("BOOKMARK", write_bookmark(*path_.kind, position_, true, format_));
    authorize_and_catch_up();
  }

  // Asks for what happened since position_, on behalf of the client: that also settles whether it
  // may watch.
  void authorize_and_catch_up() {
    wire::RequestT r = request(wire::Verb::EventsAfter);
    r.operations[0]->after = position_.value();
    r.operations[0]->lane = std::make_unique<wire::LaneT>();
    r.operations[0]->lane->group = path_.kind->group;
    r.operations[0]->lane->resource = path_.kind->resource;
    r.operations[0]->lane->namespace_ = path_.ns;
    call(std::move(r), [](Watcher& self, const kit::Answer& answer) { self.on_missed(answer); });
  }

  void on_missed(const kit::Answer& answer) {
    begin_stream();
    Channel& channel = hub_.channel(*path_.kind, position_);
    channel_ = &channel;
    if (!listening_) {
      restarts_ = channel.restarts();
      listening_ = channel.listen([weak = weak_from_this()] {
        if (auto self = weak.lock()) self->pump();
      });
      arm_timers();
    }
    bool live = position_ >= channel.base();
    if (live || path_.kind->confidential) return live ? pump() : fail_confidential();
    deliver_missed(answer);
  }

  // A page of the past, for a watch that begins before what the ring holds.
  void deliver_missed(const kit::Answer& answer) {
    const wire::Outcome& outcome = answer.outcome();
    for (size_t i = 0; outcome.events() && i < outcome.events()->size(); ++i) {
      const auto* bytes = outcome.events()->Get(i)->bytes();
      auto event = bytes
                       ? kit::EventView::from(answer.payload().part({bytes->data(), bytes->size()}))
                       : std::nullopt;
      auto object = event ? event->object() : std::nullopt;
      if (!object) continue;
      SharedEvent shared(*event, *object);
      deliver(shared);
      position_ = event->revision();
    }
    if (!outcome.events() || outcome.events()->size() == 0)
      position_ = std::max(position_, channel_->base());
    if (position_ >= channel_->base()) return pump();
    authorize_and_catch_up();
  }

  // The past of a confidential kind is not on its events: the client lists again, as after a
  // compaction.
  void fail_confidential() {
    fail(Error(Code::kExpired,
               "the past of " + path_.kind->resource + " cannot be watched from here; list again"));
  }

  void pump() {
    if (over_ || !channel_) return;
    // Who has seen more than there is now has seen what was taken back.
    if (channel_->restarts() != std::exchange(restarts_, channel_->restarts()) &&
        position_ > channel_->base()) {
      return fail(Error(Code::kExpired, "revision " + std::to_string(position_.value()) +
                                            " lies ahead of the store; list again"));
    }
    if (position_ < channel_->base()) return authorize_and_catch_up();
    while (auto event = channel_->next(position_)) {
      deliver(*event);
      position_ = event->event().revision();
      if (exchange_->queued_bytes() > kSlowestClientBytes) return finish();
    }
  }

  void deliver(SharedEvent& event) {
    const Object& o = event.object();
    if (!filter_.in_scope(o)) return;
    auto type = event.event()->type();
    bool was = type != wire::EventType::Added && filter_.before(o, event.event().event());
    bool is = type != wire::EventType::Deleted && filter_.now(o);
    if (type == wire::EventType::Deleted) was = filter_.before(o, event.event().event());
    if (!was && !is) return;
    const char* shown = was && is ? "MODIFIED" : is ? "ADDED" : "DELETED";
    int64_t now = ports_.clock.wall_seconds();
    if (take_columns()) return write_frame(shown, write_frame_object(o, format_, true, now));
    exchange_->write(event.frame(shown, format_, now));
  }

  void write_frame(const char* type, const std::string& object) {
    exchange_->write(std::make_shared<const std::string>("{\"type\":\"" + std::string(type) +
                                                         "\",\"object\":" + object + "}\n"));
  }

  // Column definitions go with a Table watch's first frame.
  bool take_columns() {
    return format_.shape == Shape::kTable && !std::exchange(columns_sent_, true);
  }

  void begin_stream() {
    if (std::exchange(streaming_, true)) return;
    exchange_->start_stream(200, "application/json");
  }

  void arm_timers() {
    int seconds = 0;
    std::string text = exchange_->request().query_value("timeoutSeconds");
    std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (seconds <= 0 || seconds > kLongestSeconds) seconds = kLongestSeconds;
    end_timer_ = ports_.clock.after(std::chrono::seconds(seconds), [this] { on_end_timeout(); });
    if (bookmarks_) arm_bookmark();
  }
  void on_end_timeout() { finish(); }
  void arm_bookmark() {
    bookmark_timer_ = ports_.clock.after(kBookmarkEvery, [this] { on_bookmark_timeout(); });
  }
  void on_bookmark_timeout() {
    write_frame("BOOKMARK", write_bookmark(*path_.kind, position_, false, format_));
    arm_bookmark();
  }

  void fail(const Error& error) {
    if (!streaming_) {
      answer_error(*exchange_, error, path_);
      return end();
    }
    write_frame("ERROR", boost::json::serialize(status_of(error, path_)));
    finish();
  }
  void finish() {
    exchange_->finish();
    end();
  }
  void end() {
    over_ = true;
    listening_.reset();
    end_timer_.reset();
    bookmark_timer_.reset();
    hub_.drop(this);
  }

  bus::Ports ports_;
  kit::Client& client_;
  Hub& hub_;
  std::shared_ptr<Exchange> exchange_;
  ResourcePath path_;
  Format format_;
  Filter filter_;
  Channel* channel_ = nullptr;
  Revision position_;
  uint64_t restarts_ = 0;  // of the channel, as far as they were looked at
  std::shared_ptr<void> listening_;
  std::unique_ptr<bus::Timer> end_timer_, bookmark_timer_;
  bool bookmarks_ = false, send_initial_end_ = false, streaming_ = false, columns_sent_ = false,
       over_ = false;
};

}  // namespace

void start_watch(bus::Ports ports, kit::Client& client, Hub& hub,
                 std::shared_ptr<Exchange> exchange, ResourcePath path, Format format) {
  auto filter = Filter::of(exchange->request(), path);
  if (!filter) return answer_error(*exchange, filter.error(), path);
  auto from = revision_of(exchange->request());
  if (!from) return answer_error(*exchange, from.error(), path);
  std::make_shared<Watcher>(ports, client, hub, std::move(exchange), std::move(path), format,
                            *std::move(filter))
      ->start(*from);
}

}  // namespace kubus::gateway
