#include "bus/kit/reconciler.h"

#include <algorithm>
#include <unordered_map>

#include "bus/kit/requests.h"
#include "bus/kit/work_queue.h"

namespace kubus::kit {
namespace {

constexpr size_t kRevisionsKept = 4;

// Failures that ask for another try and tell nothing else.
bool transient(Code code) {
  return code == Code::kConflict || code == Code::kUnavailable || code == Code::kTimeout ||
         code == Code::kTooManyRequests || code == Code::kNotFound || code == Code::kAlreadyExists;
}

void keep_newest(std::vector<Revision>* revisions) {
  std::sort(revisions->begin(), revisions->end());
  revisions->erase(std::unique(revisions->begin(), revisions->end()), revisions->end());
  if (revisions->size() > kRevisionsKept) {
    revisions->erase(revisions->begin(), revisions->end() - kRevisionsKept);
  }
}

struct OwnWrite {
  ObjectKey key;
  Revision revision;
};

}  // namespace

struct Reconciler::Impl {
  // What is known of a key while it is dirty, under work, waiting or failing.
  struct KeyState {
    std::vector<Revision> revisions;
    bool by_event = false, by_start = false;
    int failures = 0;
    std::vector<OwnWrite> own_writes;
  };

  class Run;

  Impl(bus::Ports p, Client& c, ReconcilerOptions o, std::vector<Informer*> i, Reconcile r)
      : ports(p),
        client(c),
        options(std::move(o)),
        informers(std::move(i)),
        reconcile(std::move(r)),
        queue(p.clock, [this] { on_ready(); }) {
    std::weak_ptr<bool> weak = alive;
    for (Informer* informer : informers) {
      informer->on_progress([this, weak] {
        if (!weak.expired()) on_progress();
      });
    }
  }

  // ---- ways in ----

  void add(std::string key, Revision revision) {
    KeyState& state = keys[key];
    if (revision) {
      state.by_event = true;
      state.revisions.push_back(revision);
      keep_newest(&state.revisions);
    } else if (!synced()) {
      state.by_start = true;
    }
    queue.add(key);
  }

  void on_progress() {
    if (!parked.empty()) {
      auto waited = std::exchange(parked, {});
      for (const std::string& key : waited) queue.add(key);
    }
    queue.wake();
  }

  void on_ready();
  void on_finished(Run& run);

  // ---- questions ----

  bool synced() const {
    return std::all_of(informers.begin(), informers.end(), [](Informer* i) { return i->synced(); });
  }

  bool runs() const { return enabled && !paused && synced(); }

  // Own writes of objects that no informer here follows cannot mislead it.
  bool seen(const OwnWrite& write) const {
    return std::all_of(informers.begin(), informers.end(), [&](Informer* i) {
      const InformerOptions& o = i->options();
      bool follows = o.kind == write.key.kind && (o.ns.empty() || o.ns == write.key.ns);
      return !follows || i->has_seen(write.key, write.revision);
    });
  }

  bool must_wait(KeyState& state) {
    std::erase_if(state.own_writes, [&](const OwnWrite& w) { return seen(w); });
    return !state.own_writes.empty();
  }

  void forget_if_idle(const std::string& key) {
    auto at = keys.find(key);
    if (at == keys.end()) return;
    const KeyState& s = at->second;
    if (s.revisions.empty() && !s.by_event && !s.by_start && !s.failures && s.own_writes.empty()) {
      keys.erase(at);
    }
  }

  bus::Ports ports;
  Client& client;
  ReconcilerOptions options;
  std::vector<Informer*> informers;
  Reconcile reconcile;
  WorkQueue queue;
  std::unordered_map<std::string, KeyState> keys;
  std::vector<std::string> parked;  // wait for the informers to show their own writes
  std::unordered_map<std::string, std::shared_ptr<Run>> running;
  std::optional<Fence> fence;
  bool paused = false, enabled = true;
  Stats stats;
  std::shared_ptr<bool> alive = std::make_shared<bool>(true);
};

// One pass and its writes. Lives until the last of them is answered.
class Reconciler::Impl::Run : public Pass, public std::enable_shared_from_this<Run> {
 public:
  Run(Impl& shell, std::string key, kit::Cause cause)
      : shell_(shell), key_(std::move(key)), cause_(std::move(cause)) {}

  const std::string& key() const override { return key_; }
  const kit::Cause& cause() const override { return cause_; }

  void create(const schema::KindInfo& kind, std::string_view ns,
              const boost::json::value& value) override {
    auto request = create_request(kind, ns, value, {});
    if (!request) return fail(request.error());
    send(*std::move(request));
  }

  void merge_patch(const ObjectKey& key, std::string patch, std::string_view subresource,
                   std::string_view uid, Revision revision) override {
    WriteOptions options;
    options.subresource = subresource;
    options.uid = uid;
    options.revision = revision;
    send(merge_patch_request(key, patch, options));
  }

  void remove(const ObjectKey& key, std::string_view uid,
              std::optional<int64_t> grace_seconds) override {
    WriteOptions options;
    options.uid = uid;
    send(delete_request(key, grace_seconds, options));
  }

  void send(wire::RequestT request) override { send(std::move(request), nullptr); }

  void send(wire::RequestT request, std::function<void(const Result<Answer>&)> then) override {
    if (request.operations.empty()) return;
    std::vector<ObjectKey> touched;
    for (auto& op : request.operations) {
      op->return_object = false;
      // What a delete of a collection did shows in many objects, or in none at all.
      bool one = op->verb != wire::Verb::DeleteCollection;
      const auto* kind =
          one ? schema::Registry::get().by_resource(op->group, op->resource) : nullptr;
      touched.push_back({kind, op->namespace_, op->name});
    }
    bool deletes = request.operations.front()->verb == wire::Verb::Delete;
    set_cause(&request);
    ++outstanding_;
    std::weak_ptr<bool> weak = shell_.alive;
    shell_.client.call(std::move(request),
                       [weak, self = shared_from_this(), deletes, touched = std::move(touched),
                        then = std::move(then)](Result<Answer> answer) {
                         if (weak.expired()) return;
                         if (then) then(answer);
                         if (!weak.expired()) self->on_answer(touched, deletes, answer);
                       });
  }

  void again_after(bus::Duration delay) override {
    again_ = again_ ? std::min(*again_, delay) : delay;
  }

  // The pass has said all that it wants.
  void decided() {
    decided_ = true;
    if (outstanding_ == 0) shell_.on_finished(*this);
  }

  const std::optional<Error>& error() const { return error_; }
  const std::vector<OwnWrite>& writes() const { return writes_; }
  std::optional<bus::Duration> again() const { return again_; }

 private:
  void set_cause(wire::RequestT* request) const {
    WriteOptions options;
    options.cause = cause_;
    options.fence = shell_.fence;
    stamp(options, request);
  }

  void fail(Error error) {
    if (!error_) error_ = std::move(error);
  }

  void on_answer(const std::vector<ObjectKey>& touched, bool deletes,
                 const Result<Answer>& answer) {
    if (!answer) {
      fail(answer.error());
    } else {
      for (size_t i = 0; i < touched.size(); ++i) {
        const wire::Outcome& outcome = answer->outcome(i);
        auto ok = status_of(outcome);
        bool gone_anyway = !ok && deletes && ok.error().code == Code::kNotFound;
        if (!ok && !gone_anyway) fail(ok.error());
        if (ok && touched[i].kind) writes_.push_back({touched[i], Revision(outcome.revision())});
      }
    }
    if (--outstanding_ == 0 && decided_) shell_.on_finished(*this);
  }

  Impl& shell_;
  std::string key_;
  kit::Cause cause_;
  size_t outstanding_ = 0;
  bool decided_ = false;
  std::optional<Error> error_;
  std::vector<OwnWrite> writes_;
  std::optional<bus::Duration> again_;
};

void Reconciler::Impl::on_ready() {
  std::weak_ptr<bool> weak = alive;
  while (runs() && running.size() < options.at_once) {
    auto key = queue.take();
    if (!key) return;
    KeyState& state = keys[*key];
    if (must_wait(state)) {
      ++stats.waits_for_own_write;
      parked.push_back(*key);
      queue.done(*key);
      continue;
    }
    kit::Cause cause;
    cause.revisions = std::move(state.revisions);
    cause.trigger = static_cast<uint8_t>(state.by_event   ? wire::Trigger::Event
                                         : state.by_start ? wire::Trigger::Start
                                                          : wire::Trigger::Timer);
    state.revisions.clear();
    state.by_event = state.by_start = false;
    ++stats.passes;
    auto run = std::make_shared<Run>(*this, *key, std::move(cause));
    running[*key] = run;
    reconcile(*run);
    if (weak.expired()) return;
    run->decided();
    if (weak.expired()) return;
  }
}

void Reconciler::Impl::on_finished(Run& run) {
  const std::string& key = run.key();
  auto keep = std::move(running[key]);  // the run, and so its key, until this returns
  running.erase(key);
  KeyState& state = keys[key];
  for (const OwnWrite& w : run.writes()) state.own_writes.push_back(w);
  if (run.error()) {
    ++stats.failures;
    ++state.failures;
    const Error& error = *run.error();
    if (!transient(error.code)) ports.log.warn(options.name + " " + key + ": " + error.message);
    // What woke the failed pass is still why the next one writes.
    const kit::Cause& cause = run.cause();
    state.revisions.insert(state.revisions.end(), cause.revisions.begin(), cause.revisions.end());
    keep_newest(&state.revisions);
    state.by_event |= !cause.revisions.empty();
    bus::Duration delay =
        backoff(ports.random, options.backoff_first, options.backoff_most, state.failures);
    if (error.retry_after_seconds) {
      delay = std::max<bus::Duration>(delay, std::chrono::seconds(*error.retry_after_seconds));
    }
    queue.failed(key, delay);
  } else {
    state.failures = 0;
    queue.done(key);
    if (run.again()) queue.add_after(key, *run.again());
    forget_if_idle(key);
  }
  queue.wake();
}

Reconciler::Reconciler(bus::Ports ports, Client& client, ReconcilerOptions options,
                       std::vector<Informer*> informers, Reconcile reconcile)
    : impl_(std::make_unique<Impl>(ports, client, std::move(options), std::move(informers),
                                   std::move(reconcile))) {}
Reconciler::~Reconciler() = default;

void Reconciler::add(std::string key, Revision revision) {
  impl_->add(std::move(key), revision);
}

void Reconciler::set_fence(std::optional<Fence> fence) {
  impl_->paused = !fence;
  impl_->fence = std::move(fence);
  impl_->queue.wake();
}

void Reconciler::enable(bool on) {
  impl_->enabled = on;
  impl_->queue.wake();
}

Reconciler::Stats Reconciler::stats() const {
  Stats stats = impl_->stats;
  stats.dirty = impl_->queue.ready() + impl_->queue.later() + impl_->parked.size();
  stats.in_flight = impl_->running.size();
  return stats;
}

}  // namespace kubus::kit
