#include "services/store/intake/intake.h"

#include "schemas/bus/envelope_generated.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

constexpr size_t kMostBytes = 4 << 20;
constexpr size_t kMostOperations = 512;
constexpr uint16_t kVersion = 1;
constexpr int kBusyDelaySeconds = 1;
constexpr flatbuffers::uoffset_t kMostDepth = 32, kMostTables = 20'000;

// Numbers in FlatBuffers want to lie at multiples of 8.
Payload aligned(const Payload& p) {
  bool already = reinterpret_cast<uintptr_t>(p.data()) % 8 == 0;
  return already ? p : Payload::copy_of(p.view());
}

const wire::Request* verified(ByteView bytes) {
  if (bytes.size() < 8) return nullptr;
  flatbuffers::Verifier verifier(bytes.data(), bytes.size(), kMostDepth, kMostTables);
  if (!verifier.VerifyBuffer<wire::Request>(nullptr)) return nullptr;
  return flatbuffers::GetRoot<wire::Request>(bytes.data());
}

}  // namespace

std::string Incoming::id() const {
  return std::string(text_of(request->id()));
}

Intake::Intake(bus::Ports ports, const bus::Subjects& subjects, Replier& replier,
               QueueLimits limits, std::function<bool(std::string_view)> may_impersonate,
               std::function<void()> wake)
    : ports_(ports),
      subjects_(subjects),
      replier_(replier),
      queues_(limits),
      may_impersonate_(std::move(may_impersonate)),
      wake_(std::move(wake)) {}

void Intake::listen() {
  subscription_ =
      ports_.bus.subscribe(subjects_.all_api(), [this](bus::Message m) { on_message(m); });
}

void Intake::push_own(Payload request) {
  const wire::Request* read = verified(request.view());
  if (read != nullptr && queues_.push({std::move(request), read, "store", ""})) wake_();
}

void Intake::on_message(const bus::Message& message) {
  std::optional<bus::ApiSubject> subject = subjects_.parse_api(message.subject);
  if (!subject) {
    ++stats_.malformed;
    return;
  }
  if (!subjects_.reply_belongs_to(message.reply, subject->actor)) {
    ++stats_.forged;
    return;
  }
  if (message.payload.size() > kMostBytes) {
    return refuse(message, "", Error(Code::kTooLarge, "a request has at most 4 MiB"));
  }
  Payload payload = aligned(message.payload);
  const wire::Request* request = verified(payload.view());
  if (request == nullptr) {
    ++stats_.malformed;
    return refuse(message, "", Error(Code::kBadRequest, "the message is no well-formed request"));
  }
  std::string id(text_of(request->id()));
  if (Status s = check(*request, *subject); !s) {
    bool decided = s.error().code == Code::kForbidden;
    if (decided && on_forbidden_)
      on_forbidden_({std::move(payload), request, subject->actor, message.reply}, s.error());
    return refuse(message, id, s.error());
  }
  if (!queues_.push({std::move(payload), request, subject->actor, message.reply})) {
    ++stats_.busy;
    Error busy(Code::kTooManyRequests, "too many requests of " + subject->actor + " wait already");
    busy.retry_after_seconds = kBusyDelaySeconds;
    return refuse(message, id, std::move(busy));
  }
  ++stats_.taken;
  wake_();
}

Status Intake::check(const wire::Request& request, const bus::ApiSubject& subject) const {
  if (request.version() != kVersion) {
    return Error(Code::kBadRequest, "this store speaks version 1 of requests, not version " +
                                        std::to_string(request.version()));
  }
  if (text_of(request.id()).empty()) return Error(Code::kBadRequest, "the request has no id");
  const auto* operations = request.operations();
  if (operations == nullptr || operations->size() == 0)
    return Error(Code::kBadRequest, "the request holds no operation");
  if (operations->size() > kMostOperations)
    return Error(Code::kBadRequest, "a request holds at most 512 operations");
  for (const wire::Operation* op : *operations) {
    if (op->verb() > wire::Verb::MAX) return Error(Code::kBadRequest, "there is no such verb");
  }
  const wire::Operation& first = *operations->Get(0);
  const wire::Lane* lane = first.lane();
  std::string_view group = text_of(first.group()), resource = text_of(first.resource());
  if (group.empty() && lane != nullptr) group = text_of(lane->group());
  if (resource.empty() && lane != nullptr) resource = text_of(lane->resource());
  if (subject.verb != verb_word(first.verb()) || subject.group != group ||
      subject.resource != resource) {
    return Error(Code::kBadRequest, "the subject says " + subject.verb + " " + subject.resource +
                                        ", the request something else");
  }
  if (request.on_behalf_of() != nullptr && !may_impersonate_(subject.actor))
    return Error(Code::kForbidden, subject.actor + " may not speak for others");
  return {};
}

void Intake::refuse(const bus::Message& message, std::string id, Error error) {
  ++stats_.refused;
  replier_.refuse(message.reply, std::move(id), std::move(error));
  replier_.flush();
}

}  // namespace kubus::store
