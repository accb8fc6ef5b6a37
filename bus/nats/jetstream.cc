#include "bus/nats/jetstream.h"

#include <boost/json.hpp>
#include <charconv>

#include "schemas/lib/codec/scalars.h"

namespace kubus::bus {
namespace {

namespace json = boost::json;

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kWatchEvery = std::chrono::seconds(1);
constexpr const char* kExpectedLast = "Nats-Expected-Last-Sequence";
constexpr int64_t kNotFound = 404, kWrongLast = 10071;

uint64_t number(const json::object& o, const char* field) {
  const json::value* v = o.if_contains(field);
  if (v == nullptr) return 0;
  if (v->is_uint64()) return v->get_uint64();
  return v->is_int64() && v->get_int64() > 0 ? static_cast<uint64_t>(v->get_int64()) : 0;
}

const json::object& object(const json::object& o, const char* field) {
  static const json::object kNone;
  const json::value* v = o.if_contains(field);
  return v != nullptr && v->is_object() ? v->get_object() : kNone;
}

std::string text(const json::object& o, const char* field) {
  const json::value* v = o.if_contains(field);
  return v != nullptr && v->is_string() ? std::string(v->get_string()) : "";
}

// Every answer is an object; one of a failure has `error`.
Result<json::object> read_answer(const Payload& payload) {
  if (payload.size() == 0)
    return Error(Code::kUnavailable, "JetStream does not answer: it is off, or the stream is gone");
  boost::system::error_code code;
  json::value v =
      json::parse({reinterpret_cast<const char*>(payload.data()), payload.size()}, code);
  if (code || !v.is_object()) return Error(Code::kInternal, "JetStream's answer is no JSON object");
  json::object& o = v.get_object();
  if (!o.contains("error")) return std::move(o);
  const json::object& error = object(o, "error");
  std::string what = "JetStream: " + text(error, "description");
  if (number(error, "err_code") == kWrongLast) return Error(Code::kConflict, what);
  return Error(number(error, "code") == kNotFound ? Code::kNotFound : Code::kUnavailable, what);
}

LogPlace place_of(const json::object& info) {
  const json::object& state = object(info, "state");
  LogPlace p;
  p.first = number(state, "first_seq");
  p.last = number(state, "last_seq");
  p.bytes = number(state, "bytes");
  p.readers = number(state, "consumer_count");
  uint64_t messages = number(state, "messages");
  if (messages == 0) p.first = p.last + 1;
  p.whole = messages == p.last + 1 - p.first;
  return p;
}

}  // namespace

JetStream::JetStream(NatsBus& bus, Clock& clock, Random& random, JetStreamOptions options)
    : bus_(bus),
      clock_(clock),
      options_(std::move(options)),
      names_(options_.cluster),
      subjects_(options_.cluster),
      nonce_(random.uuid()) {
  answers_ = bus_.subscribe(names_.replies(options_.actor), [this](Message m) { on_answer(m); });
}

JetStream::~JetStream() = default;

Subject JetStream::expect_answer(std::function<void(Result<Payload>)> done) {
  uint64_t n = next_++;
  waiting_.emplace(n, Waiting{std::move(done), clock_.now()});
  if (!watch_) watch_ = clock_.after(kWatchEvery, [this] { on_watch(); });
  return names_.reply(options_.actor, nonce_ + "-" + std::to_string(n));
}

void JetStream::on_answer(const Message& message) {
  size_t dash = message.subject.rfind('-');
  uint64_t n = 0;
  const char* end = message.subject.data() + message.subject.size();
  if (dash == std::string::npos || message.subject.find(nonce_) == std::string::npos ||
      std::from_chars(message.subject.data() + dash + 1, end, n).ec != std::errc())
    return;
  auto at = waiting_.find(n);
  if (at == waiting_.end()) return;
  auto done = std::move(at->second.done);
  waiting_.erase(at);
  done(message.payload);
}

void JetStream::on_watch() {
  watch_.reset();
  std::weak_ptr<bool> alive = alive_;
  while (!waiting_.empty() && clock_.now() - waiting_.begin()->second.since >= kPatience) {
    auto done = std::move(waiting_.begin()->second.done);
    waiting_.erase(waiting_.begin());
    done(Error(Code::kUnavailable, "JetStream does not answer"));
    if (alive.expired()) return;
  }
  if (!waiting_.empty() && !watch_) watch_ = clock_.after(kWatchEvery, [this] { on_watch(); });
}

void JetStream::ask(const Subject& api, const json::object& body, Read done) {
  std::string request = body.empty() ? "" : json::serialize(body);
  Subject reply = expect_answer([done](Result<Payload> answer) {
    if (!answer) return done(answer.error());
    done(read_answer(*answer));
  });
  // What is refused here is answered by the watch.
  bus_.publish(api, as_bytes(request), &reply);
}

json::object JetStream::configuration() const {
  json::object c{
      {"name", subjects_.stream()},
      {"description", "the events of a Kubus cluster; a message's sequence is its revision"},
      {"subjects", json::array{json::value(subjects_.messages_of({}).str())}},
      {"retention", "limits"},
      {"discard", "old"},
      {"storage", "file"},
      {"num_replicas", 1}};
  if (options_.max_bytes > 0) c["max_bytes"] = options_.max_bytes;
  return c;
}

void JetStream::look(Looked done) {
  ask(subjects_.api("STREAM.INFO"), {}, [done](Result<json::object> info) {
    if (!info) return done(info.error());
    done(place_of(*info));
  });
}

void JetStream::fetch_last(LogPlace place, Looked done) {
  ask(subjects_.api("STREAM.MSG.GET"), {{"seq", place.last}},
      [place, done](Result<json::object> got) {
        if (!got && got.error().code != Code::kNotFound) return done(got.error());
        LogPlace out = place;
        if (got) {
          auto bytes = codec::from_base64(text(object(*got, "message"), "data"));
          if (bytes) out.message = Payload(*std::move(bytes));
        }
        done(std::move(out));
      });
}

void JetStream::open(Looked done) {
  ask(subjects_.api("STREAM.INFO"), {}, [this, done](Result<json::object> info) {
    bool absent = !info && info.error().code == Code::kNotFound;
    if (!info && !absent) return done(info.error());
    bool as_wanted = info && number(object(*info, "config"), "max_bytes") == options_.max_bytes;
    auto then = [this, done](Result<json::object> answer) {
      if (!answer) return done(answer.error());
      look([this, done](Result<LogPlace> place) {
        if (!place || place->first > place->last) return done(std::move(place));
        fetch_last(*std::move(place), done);
      });
    };
    if (as_wanted) return then(std::move(info));
    ask(subjects_.api(absent ? "STREAM.CREATE" : "STREAM.UPDATE"), configuration(), then);
  });
}

void JetStream::remove(Did done) {
  ask(subjects_.api("STREAM.DELETE"), {}, [done](Result<json::object> answer) {
    bool gone = answer || answer.error().code == Code::kNotFound;
    done(gone ? Status() : Status(answer.error()));
  });
}

void JetStream::renew(uint64_t next, Did done) {
  auto finish = [done](Result<json::object> answer) {
    done(answer ? Status() : Status(answer.error()));
  };
  auto number_it = [this, next, done, finish](Result<json::object> answer) {
    if (!answer || next <= 1) return finish(std::move(answer));
    // An empty stream that is purged up to a sequence goes on there.
    ask(subjects_.api("STREAM.PURGE"), {{"seq", next}}, finish);
  };
  remove([this, done, number_it](Status removed) {
    if (!removed) return done(removed);
    ask(subjects_.api("STREAM.CREATE"), configuration(), number_it);
  });
}

bool JetStream::append(const Subject& subject, ByteView payload, uint64_t after, Did done) {
  uint64_t n = next_;
  Subject reply = expect_answer([done, after](Result<Payload> answer) {
    if (!answer) return done(answer.error());
    auto read = read_answer(*answer);
    if (!read) return done(read.error());
    if (number(*read, "seq") != after + 1)
      return done(Error(Code::kConflict, "JetStream gave another sequence"));
    done({});
  });
  if (bus_.publish_with_header(subject, payload, reply, kExpectedLast, std::to_string(after)))
    return true;
  waiting_.erase(n);
  return false;
}

std::unique_ptr<Subscription> JetStream::watch_state(Bus::StateHandler handler) {
  return bus_.watch_state(std::move(handler));
}

}  // namespace kubus::bus
