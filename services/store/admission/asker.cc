#include "services/store/admission/asker.h"

#include "schemas/bus/admission_generated.h"
#include "schemas/bus/envelope_generated.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

constexpr size_t kMostQuestions = 4096;
constexpr int64_t kMillisecond = 1'000'000;
constexpr size_t kMostPatchBytes = 1 << 20, kMostWarnings = 16;

std::string quoted(const std::string& name) {
  return "admission subscriber \"" + name + "\"";
}

Buffer encode(const std::string& id, const Incoming& in, const Candidate& c, const Subscriber& s,
              int64_t deadline_ms) {
  const wire::Identity* identity = in.request->on_behalf_of();
  wire::AdmissionRequestT q;
  q.id = id;
  q.subscriber = s.name;
  q.operation = c.operation;
  q.group = c.kind->group;
  q.resource = c.kind->resource;
  q.namespace_ = c.ns;
  q.name = c.name;
  q.subresource = c.subresource;
  q.actor = in.actor;
  if (identity != nullptr) q.user = text_of(identity->user());
  if (identity != nullptr && identity->groups() != nullptr) {
    for (const auto* group : *identity->groups()) q.groups.emplace_back(text_of(group));
  }
  q.dry_run = in.request->dry_run();
  q.deadline_ms = deadline_ms;
  q.object = c.object;
  q.old_object = c.old;
  q.confidential = c.kind->confidential;
  flatbuffers::FlatBufferBuilder b(1024 + c.object.size() + c.old.size());
  b.Finish(wire::CreateAdmissionRequest(b, &q));
  return Buffer(b.GetBufferPointer(), b.GetBufferPointer() + b.GetSize());
}

}  // namespace

Asker::Asker(bus::Ports ports, const bus::Subjects& subjects, Done done)
    : ports_(ports), subjects_(subjects), done_(std::move(done)) {}

void Asker::listen() {
  if (answers_) return;
  bus::Subject reply = subjects_.reply(Actor("store"), "admission-" + ports_.random.suffix(12));
  reply_ = reply.str();
  answers_ =
      ports_.bus.subscribe(bus::Pattern::given(reply_), [this](bus::Message m) { on_answer(m); });
}

bool Asker::ask(Incoming* incoming, std::vector<Candidate>* candidates, int round) {
  size_t questions = 0;
  for (const Candidate& c : *candidates) questions += c.asked.size();
  if (questions_.size() + questions > kMostQuestions) return false;
  listen();
  uint64_t number = ++next_;
  Round& r = rounds_[number];
  r.incoming = std::move(*incoming);
  r.verdicts = std::make_shared<Verdicts>();
  r.verdicts->rounds = round;
  r.candidates = std::move(*candidates);
  r.open = questions;
  for (const Candidate& c : r.candidates)
    r.verdicts->of[c.place] = {.kind = c.kind, .ns = c.ns, .before = c.before};
  for (size_t c = 0; c < r.candidates.size(); ++c) {
    for (size_t s = 0; s < r.candidates[c].asked.size(); ++s) send(number, c, s);
  }
  return true;
}

void Asker::send(uint64_t round, size_t candidate, size_t subscriber) {
  const Round& r = rounds_.at(round);
  const Candidate& c = r.candidates[candidate];
  const Subscriber& s = c.asked[subscriber];
  std::string id = ports_.random.uuid();
  int64_t deadline_ms =
      ports_.clock.wall_ns() / kMillisecond + std::chrono::milliseconds(s.timeout).count();
  Buffer question = encode(id, r.incoming, c, s, deadline_ms);
  bus::Subject reply = bus::Subject::received(reply_);
  ++stats_.asked;
  // If it is not taken now nobody will answer: the time runs all the same.
  ports_.bus.publish(subjects_.admission(s.subject), question, &reply);
  questions_.emplace(id, Question{round, candidate, subscriber,
                                  ports_.clock.after(s.timeout, [this, id] { on_timeout(id); })});
}

Verdict& Asker::verdict_of(const Question& q) {
  Round& r = rounds_.at(q.round);
  return r.verdicts->of.at(r.candidates[q.candidate].place);
}

void Asker::on_answer(const bus::Message& message) {
  Payload payload = Payload::copy_of(message.payload.view());
  flatbuffers::Verifier verifier(payload.data(), payload.size());
  bool good = payload.size() >= 8 && verifier.VerifyBuffer<wire::AdmissionResponse>(nullptr);
  const auto* a = good ? flatbuffers::GetRoot<wire::AdmissionResponse>(payload.data()) : nullptr;
  auto at = a == nullptr ? questions_.end() : questions_.find(std::string(text_of(a->id())));
  if (at == questions_.end()) {
    ++stats_.hostile;  // or too late
    return;
  }
  Question q = std::move(at->second);
  questions_.erase(at);
  Round& r = rounds_.at(q.round);
  const Candidate& c = r.candidates[q.candidate];
  const Subscriber& s = c.asked[q.subscriber];
  Verdict& v = verdict_of(q);
  if (a->warnings() != nullptr) {
    for (const auto* w : *a->warnings()) {
      if (v.warnings.size() < kMostWarnings) v.warnings.emplace_back(text_of(w));
    }
  }
  bool patches = a->patch() != nullptr && a->patch()->size() > 0;
  if (!a->allowed()) {
    ++stats_.denied;
    std::string why(text_of(a->message()));
    if (!v.denial)
      v.denial = Error(Code::kForbidden,
                       quoted(s.name) + " denied the request" + (why.empty() ? "" : ": " + why));
  } else if (patches && (!c.patchable || a->patch()->size() > kMostPatchBytes)) {
    v.denial = Error(Code::kInternal, quoted(s.name) + " answered with a patch where none may be");
  } else if (patches) {
    r.patches[{q.candidate, q.subscriber}] = as_text(bytes_of(a->patch()));
  }
  judged(q.round);
}

void Asker::on_timeout(const std::string& id) {
  auto at = questions_.find(id);
  if (at == questions_.end()) return;
  Question q = std::move(at->second);
  questions_.erase(at);
  ++stats_.unanswered;
  const Subscriber& s = rounds_.at(q.round).candidates[q.candidate].asked[q.subscriber];
  Verdict& v = verdict_of(q);
  if (s.ignore_failure) {
    ports_.log.warn(quoted(s.name) + " did not answer; the write goes on without it");
  } else if (!v.denial) {
    v.denial = Error(Code::kInternal, quoted(s.name) + " did not answer within " +
                                          std::to_string(s.timeout.count()) + " s");
  }
  judged(q.round);
}

void Asker::judged(uint64_t number) {
  Round& r = rounds_.at(number);
  if (--r.open > 0) return;
  for (auto& [place, patch] : r.patches) {
    const Candidate& c = r.candidates[place.first];
    r.verdicts->of.at(c.place).patches.emplace_back(c.asked[place.second].name, std::move(patch));
  }
  Round over = std::move(r);
  rounds_.erase(number);
  over.incoming.verdicts = std::move(over.verdicts);
  done_(std::move(over.incoming));
}

}  // namespace kubus::store
