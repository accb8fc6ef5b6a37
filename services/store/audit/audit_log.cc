#include "services/store/audit/audit_log.h"

#include <algorithm>
#include <cstring>

#include "schemas/bus/envelope_generated.h"

namespace kubus::store {
namespace {

constexpr size_t kOverhead = 256;  // of an entry, about

std::string sequence_key(uint64_t sequence) {
  std::string key;
  for (int shift = 56; shift >= 0; shift -= 8)
    key.push_back(static_cast<char>(static_cast<uint8_t>(sequence >> shift)));
  return key;
}

// The cut must leave no half of a character behind.
void cut(std::string* text, size_t most) {
  if (text->size() <= most) return;
  while (most > 0 && (static_cast<uint8_t>((*text)[most]) & 0xc0) == 0x80) --most;
  text->resize(most);
}

Buffer encode(const AuditEntry& e, uint64_t dropped) {
  flatbuffers::FlatBufferBuilder b(512);
  auto text = [&](const std::string& s) {
    return s.empty() ? flatbuffers::Offset<flatbuffers::String>() : b.CreateString(s);
  };
  b.Finish(wire::CreateRefusal(b, e.sequence, e.time_ns, e.last_time_ns, e.count, text(e.actor),
                               text(e.user), text(e.source), text(e.request_id),
                               static_cast<wire::Verb>(e.verb), text(e.group), text(e.resource),
                               text(e.ns), text(e.name), text(e.subresource), text(e.reason),
                               text(e.message)));
  Buffer out(sizeof dropped + b.GetSize());
  std::memcpy(out.data(), &dropped, sizeof dropped);
  std::memcpy(out.data() + sizeof dropped, b.GetBufferPointer(), b.GetSize());
  return out;
}

std::string text_of(const flatbuffers::String* s) {
  return s == nullptr ? std::string() : s->str();
}

}  // namespace

size_t AuditEntry::bytes() const {
  return kOverhead + actor.size() + user.size() + source.size() + request_id.size() + group.size() +
         resource.size() + ns.size() + name.size() + subresource.size() + reason.size() +
         message.size();
}

// Things done have a share of their own, which refusals cannot take.
std::string AuditLog::owner_of(const AuditEntry& entry) {
  return entry.reason.empty() ? "" : entry.actor + '\n' + entry.user;
}

std::string AuditLog::key_of(const AuditEntry& e) {
  std::string key = owner_of(e);
  for (const std::string* part : {&e.group, &e.resource, &e.ns, &e.name, &e.subresource, &e.reason})
    key.append("\n").append(*part);
  key.push_back(static_cast<char>(e.verb));
  if (e.reason.empty()) key += std::to_string(e.sequence);  // these are never merged
  return key;
}

void AuditLog::load(ByteView value) {
  if (value.size() <= sizeof dropped_) return;
  Buffer buffer(value.begin() + sizeof dropped_, value.end());  // aligned
  flatbuffers::Verifier verifier(buffer.data(), buffer.size());
  if (!verifier.VerifyBuffer<wire::Refusal>(nullptr)) return;
  const auto* r = flatbuffers::GetRoot<wire::Refusal>(buffer.data());
  uint64_t dropped = 0;
  std::memcpy(&dropped, value.data(), sizeof dropped);
  dropped_ = std::max(dropped_, dropped);
  AuditEntry e;
  e.sequence = r->sequence();
  e.time_ns = r->time();
  e.last_time_ns = r->last_time();
  e.count = r->count();
  e.actor = text_of(r->actor());
  e.user = text_of(r->user());
  e.source = text_of(r->source());
  e.request_id = text_of(r->request_id());
  e.verb = static_cast<uint8_t>(r->verb());
  e.group = text_of(r->group());
  e.resource = text_of(r->resource());
  e.ns = text_of(r->namespace_());
  e.name = text_of(r->name());
  e.subresource = text_of(r->subresource());
  e.reason = text_of(r->reason());
  e.message = text_of(r->message());
  insert(std::move(e));
}

void AuditLog::note(AuditEntry e) {
  for (std::string* text : {&e.actor, &e.user, &e.source, &e.request_id, &e.group, &e.resource,
                            &e.ns, &e.name, &e.subresource, &e.reason, &e.message})
    cut(text, limits_.text);
  auto same = by_key_.find(key_of(e));
  if (same != by_key_.end()) {
    AuditEntry& known = entries_.at(same->second);
    Share& share = shares_[owner_of(known)];
    share.bytes -= known.bytes();
    bytes_ -= known.bytes();
    ++known.count;
    known.last_time_ns = e.time_ns;
    known.source = std::move(e.source);
    known.request_id = std::move(e.request_id);
    known.message = std::move(e.message);
    share.bytes += known.bytes();
    bytes_ += known.bytes();
    dirty_.insert(known.sequence);
    return make_room(owner_of(known));
  }
  e.sequence = next_;
  e.last_time_ns = e.time_ns;
  std::string owner = owner_of(e);
  dirty_.insert(e.sequence);
  insert(std::move(e));
  make_room(owner);
}

void AuditLog::insert(AuditEntry e) {
  next_ = std::max(next_, e.sequence + 1);
  Share& share = shares_[owner_of(e)];
  share.sequences.insert(e.sequence);
  share.bytes += e.bytes();
  bytes_ += e.bytes();
  by_key_[key_of(e)] = e.sequence;
  entries_[e.sequence] = std::move(e);
}

void AuditLog::make_room(const std::string& owner) {
  auto over = [&](const Share& share) {
    return share.sequences.size() > limits_.entries / limits_.shares ||
           share.bytes > limits_.bytes / limits_.shares;
  };
  while (shares_.contains(owner) && over(shares_[owner])) drop_oldest_of(owner);
  while (entries_.size() > limits_.entries || bytes_ > limits_.bytes) {
    auto largest = std::max_element(
        shares_.begin(), shares_.end(),
        [](const auto& a, const auto& b) { return a.second.bytes < b.second.bytes; });
    drop_oldest_of(std::string(largest->first));
  }
}

void AuditLog::drop_oldest_of(const std::string& owner) {
  auto share = shares_.find(owner);
  auto entry = entries_.find(*share->second.sequences.begin());
  share->second.sequences.erase(entry->first);
  share->second.bytes -= entry->second.bytes();
  bytes_ -= entry->second.bytes();
  if (share->second.sequences.empty()) shares_.erase(share);
  by_key_.erase(key_of(entry->second));
  dirty_.insert(entry->first);
  dropped_ += entry->second.count;
  entries_.erase(entry);
}

std::vector<const AuditEntry*> AuditLog::after(uint64_t sequence, size_t limit) const {
  std::vector<const AuditEntry*> out;
  for (auto at = entries_.upper_bound(sequence); at != entries_.end() && out.size() < limit; ++at)
    out.push_back(&at->second);
  return out;
}

std::vector<AuditLog::Put> AuditLog::take_puts() {
  std::vector<Put> out;
  for (uint64_t sequence : dirty_) {
    auto entry = entries_.find(sequence);
    out.push_back({sequence_key(sequence),
                   entry == entries_.end() ? Buffer() : encode(entry->second, dropped_)});
  }
  dirty_.clear();
  return out;
}

}  // namespace kubus::store
