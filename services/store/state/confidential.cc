// The bodies of confidential kinds: sealed when they are written, opened when they are read, sealed
// anew when there is a newer key.
#include "schemas/lib/base/check.h"
#include "services/store/state/core.h"

namespace kubus::store {

// ---- keys ----

Status StateCore::load_keys() {
  auto keys = options_.read_keys ? options_.read_keys() : secrets::KeyRing();
  if (!keys) return keys.error();
  if (options_.read_keys && keys->empty())
    return Error(Code::kBadRequest, "the keys of Secrets are none");
  keys_ = std::make_shared<const secrets::KeyRing>(*std::move(keys));
  return {};
}

// Every body must open with the keys at hand: what cannot be read later is told now.
Status StateCore::check_bodies() {
  if (options_.closed_secrets) return {};
  bool old = false;
  Merged m = merged(Keyspace::kSecrets, committed_number_);
  for (m.seek_from(""); m.valid(); m.next()) {
    uint64_t revision = read_u64(m.key(), 0);
    Status s = secrets::check(*keys_, {cluster_id_, revision}, m.value());
    if (!s) return s;
    auto header = secrets::header_of(m.value());
    old |= !keys_->empty() && (!header || header->key_id != keys_->newest().id);
  }
  if (old) start_rekey();
  return {};
}

// ---- one body ----

ByteView StateCore::put_body(Revision revision, ByteView body) {
  if (keys_->empty()) {
    put(Keyspace::kSecrets, revision_key(revision), as_text(body));
  } else {
    Buffer sealed = secrets::seal(&keys_->newest(), {cluster_id_, revision.value()}, body,
                                  secrets::fresh_of(ports_.random));
    put(Keyspace::kSecrets, revision_key(revision), as_text(sealed));
  }
  return open_->batch->puts.back().value;
}

Payload StateCore::open_body(Revision revision, Payload stored) const {
  if (stored.empty() || !secrets::header_of(stored.view())) return stored;
  if (options_.closed_secrets) return {};
  auto body = secrets::open(*keys_, {cluster_id_, revision.value()}, stored.view());
  if (!body) ports_.log.error(body.error().message);
  KUBUS_CHECK(body.ok());  // all were opened when the store was
  return Payload(*std::move(body));
}

// ---- sealing anew ----

void StateCore::start_rekey() {
  rekeying_ = {true, 0, last_revision_.value(), 0, false};
}

// What is written from now on is under the newest key, so all that is not has a lower revision.
Result<RekeyProgress> StateCore::rekey() {
  auto old = keys_;
  if (!options_.read_keys)
    return Error(Code::kBadRequest,
                 "the store was started without keys: it needs --secrets-keys FILE");
  if (Status s = load_keys(); !s) return s.error();
  for (const secrets::Key& key : old->keys()) {
    bool needed = rekeying_.active || key.id == old->newest().id;
    if (keys_->find(key.id) != nullptr || !needed) continue;
    keys_ = old;
    return Error(Code::kBadRequest, "the file of the Secrets' keys lacks the key " +
                                        secrets::id_text(key.id) +
                                        ", under which Secrets are still sealed");
  }
  bool newer = old->empty() || old->newest().id != keys_->newest().id;
  if (newer) {
    start_rekey();
    maybe_apply();
  }
  RekeyProgress out;
  out.key = keys_->newest().id;
  out.changed = rekeying_.changed;
  out.left = rekeying_.active ? rekeying_.to - std::min(rekeying_.at, rekeying_.to) : 0;
  out.done = !rekeying_.active;
  return out;
}

void StateCore::plan_rekey_of(ApplyJob* job) {
  if (!rekeying_.active) return;
  RekeyStep& step = job->rekey;
  step.keys = keys_;
  step.cluster = cluster_id_;
  step.seed = secrets::seed_of(ports_.random);
  step.after = rekeying_.at;
  step.to = std::min(rekeying_.to, applied_.revision);
}

void StateCore::on_rekeyed(const RekeyStep& step) {
  if (!step.keys || !rekeying_.active) return;
  if (!step.failure.ok()) {
    ports_.log.error("Secrets are not sealed anew: " + step.failure.error().message);
    rekeying_.active = false;
    return;
  }
  if (step.keys->newest().id != keys_->newest().id) return;  // a newer key came meanwhile
  rekeying_.at = std::max(rekeying_.at, step.at);
  rekeying_.changed += step.changed;
  rekeying_.found_plain |= step.found_plain;
  if (rekeying_.at < rekeying_.to) return;
  rekeying_.active = false;
  ports_.log.info("all Secrets are sealed under the key " + secrets::id_text(keys_->newest().id) +
                  "; " + std::to_string(rekeying_.changed) + " bodies were sealed anew");
  if (rekeying_.found_plain) scrub_files(Revision(rekeying_.to));
}

// What was replaced in the tables shall leave the files as well.
void StateCore::scrub_files(Revision to) {
  journal_->scrub(to, Revision(applied_.revision));
  if (Status s = engine_->scrub(); !s)
    ports_.log.error("what was removed may lie in the tables' file still: " + s.error().message);
}

}  // namespace kubus::store
