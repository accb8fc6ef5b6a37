#include "cli/watch/event_printer.h"

#include <boost/json.hpp>
#include <cstdio>

#include "bus/cloudevents/cloudevents.h"
#include "bus/kit/requests.h"
#include "cli/output/event_text.h"
#include "cli/past/leaves.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

constexpr size_t kMostShownBytes = 64 << 20;

constexpr int kTries = 6;

// Of memory of its own: an event's pins the whole page that it came with.
Object copy_of(const Object& object) {
  return Object::trusted(object.kind(), Payload::copy_of(object.bytes()));
}

bool may_pass(const Error& error) {
  return error.code == Code::kTimeout || error.code == Code::kUnavailable;
}

}  // namespace

EventPrinter::EventPrinter(Session& session, Output output)
    : session_(session),
      output_(output),
      source_(cloudevents::source_of(session.client().options().cluster.value())) {}

Result<EventPrinter::Output> EventPrinter::output_of(const std::string& word) {
  if (word == "diff") return Output::kDiff;
  if (word == "line") return Output::kLine;
  if (word == "json") return Output::kJson;
  if (word == "cloudevents") return Output::kCloudEvents;
  return Error(Code::kBadRequest, "-o must be diff, line, json or cloudevents");
}

std::string EventPrinter::text_of(const kit::EventView& event) {
  if (output_ == Output::kJson) return boost::json::serialize(event_json(event, true)) + "\n";
  if (output_ == Output::kCloudEvents) return cloudevents::encode(event, source_) + "\n";
  return event_line(event) + "\n";
}

Status EventPrinter::print(const kit::EventView& event) {
  std::string text = text_of(event);
  auto object = output_ == Output::kDiff ? event.object() : std::nullopt;
  if (object) {
    std::string key = std::to_string(object->kind().number) + "/" + object->key().str();
    if (event->type() == wire::EventType::Modified) {
      auto was = before(event, key);
      if (!was) return was.error();
      if (*was) text += difference(*was, *object);
    }
    keep(key, event->type() == wire::EventType::Deleted ? Object() : *object);
  }
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
  if (std::ferror(stdout)) return Error(Code::kUnavailable, "standard output is closed");
  return {};
}

Result<Object> EventPrinter::before(const kit::EventView& event, const std::string& key) {
  auto known = shown_.find(key);
  if (known != shown_.end() && known->second.revision() == Revision(event->previous_object()))
    return known->second;
  auto object = event.object();
  for (int tries = kTries; tries > 0; --tries) {
    wire::RequestT request = kit::request_for(wire::Verb::Get, object->key());
    request.operations[0]->match = wire::ListMatch::Exact;
    request.operations[0]->revision = event.revision().value() - 1;
    auto answer = session_.call(std::move(request));
    if (session_.interrupted()) return answer.error();
    if (!answer && may_pass(answer.error())) continue;
    const auto* bytes = answer ? answer->outcome().object() : nullptr;
    auto was =
        bytes ? Object::from(object->kind(), answer->payload().part({bytes->data(), bytes->size()}))
              : std::nullopt;
    return was ? *was : Object();
  }
  return Object();
}

void EventPrinter::keep(const std::string& key, const Object& object) {
  if (auto known = shown_.find(key); known != shown_.end()) {
    shown_bytes_ -= known->second.bytes().size();
    shown_.erase(known);
  }
  if (!object) return;
  if (shown_bytes_ + object.bytes().size() > kMostShownBytes) {
    shown_.clear();
    shown_bytes_ = 0;
  }
  shown_bytes_ += object.bytes().size();
  shown_.emplace(key, copy_of(object));
}

}  // namespace kubus::cli
