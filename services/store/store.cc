#include "services/store/store.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/bus/envelope_generated.h"
#include "services/store/executor/audit.h"
#include "services/store/maintenance/own_requests.h"

namespace kubus::store {

Result<std::unique_ptr<Store>> Store::open(bus::Ports ports, StoreOptions options,
                                           std::unique_ptr<Engine> engine,
                                           std::unique_ptr<Journal> journal) {
  auto allocator = ClusterAllocator::make(options.ranges, ports.random);
  if (!allocator) return allocator.error();
  std::unique_ptr<token::Signer> signer;
  if (!options.token_key.empty()) {
    auto key = token::Signer::from_pem(options.token_key);
    if (!key) return key.error();
    signer = std::make_unique<token::Signer>(*std::move(key));
  }
  auto state = State::open(ports, std::move(engine), std::move(journal), options.state);
  if (!state) return state.error();
  std::unique_ptr<Store> out(new Store(ports, std::move(options), *std::move(state),
                                       *std::move(allocator), std::move(signer)));
  out->serve();
  return out;
}

Store::Store(bus::Ports ports, StoreOptions options, std::unique_ptr<State> state,
             std::unique_ptr<ClusterAllocator> allocator, std::unique_ptr<token::Signer> signer)
    : ports_(ports),
      options_(std::move(options)),
      subjects_(options_.cluster),
      authorizer_(fixed_roles()),
      signer_(std::move(signer)),
      allocator_(std::move(allocator)),
      audit_(options_.audit),
      state_(std::move(state)),
      replier_(ports.bus, ports.log) {
  allocator_->rebuild(state_->latest());
  keep_audit();
  intake_ = std::make_unique<Intake>(
      ports_, subjects_, replier_, options_.queues,
      [this](std::string_view actor) { return authorizer_->may_impersonate(actor); },
      [this] { executor_->wake(); });
  intake_->on_forbidden([this](const Incoming& incoming, const Error& why) {
    const wire::Operation& op = *incoming.request->operations()->Get(0);
    note_refusal(audit_, incoming, op, why, ports_.clock.wall_ns());
  });
  Environment env{ports_,        *state_, *authorizer_, *allocator_, options_.cluster_ca,
                  signer_.get(), &audit_};
  executor_ = std::make_unique<Executor>(std::move(env), subjects_, intake_->queues(), replier_,
                                         options_.executor);
  heads_ = std::make_unique<Heads>(ports_, subjects_, *state_);
  maintenance_ = std::make_unique<Maintenance>(ports_, *state_, *intake_, options_.maintenance);
}

void Store::keep_audit() {
  state_->read_aside([this](ByteView value) { audit_.load(value); });
  Aside aside;
  aside.take = [this] {
    std::vector<AsidePut> out;
    for (AuditLog::Put& put : audit_.take_puts())
      out.push_back({std::move(put.key), std::move(put.value)});
    return out;
  };
  aside.waits = [this] { return audit_.has_puts(); };
  state_->set_aside(std::move(aside));
  state_->on_purged([this](const PurgeQuery& q, const PurgeProgress& p) { note_purge(q, p); });
}

void Store::note_purge(const PurgeQuery& query, const PurgeProgress& progress) {
  AuditEntry e;
  e.time_ns = ports_.clock.wall_ns();
  e.actor = query.who.actor;
  e.user = query.who.user;
  e.source = query.who.source;
  e.request_id = query.who.request_id;
  e.verb = static_cast<uint8_t>(wire::Verb::Purge);
  e.group = query.kind->group;
  e.resource = query.kind->resource;
  e.ns = query.ns;
  e.name = query.name;
  for (const std::string& path : query.redactor->paths())
    e.message += (e.message.empty() ? "" : ", ") + (path.empty() ? std::string("all") : path);
  e.message += " of " + std::to_string(progress.changed) + " versions, revisions " +
               std::to_string(progress.first) + " to " + std::to_string(progress.last);
  audit_.note(std::move(e));
}

void Store::serve() {
  FirstObjects first{allocator_->first_cluster_ip(), options_.api_address, options_.api_port};
  if (auto request = first_objects(state_->latest(), first, ports_.random.uuid()))
    intake_->push_own(*std::move(request));
  intake_->listen();
  heads_->start();
  maintenance_->start();
  stats_subscription_ =
      ports_.bus.subscribe(bus::Pattern::given(subjects_.stats("store", options_.instance).str()),
                           [this](bus::Message m) { answer_stats(m); });
  ports_.log.info("serving from revision " +
                  std::to_string(state_->committed().revision().value()));
}

void Store::close(std::function<void(Status)> done) {
  stats_subscription_.reset();
  maintenance_.reset();
  intake_->silence();
  state_->flush(std::move(done));
}

// Its subject names no actor, so only those who collect figures are answered.
void Store::answer_stats(const bus::Message& message) {
  for (const char* actor : {"gateway", "admin"}) {
    if (!subjects_.reply_belongs_to(message.reply, actor)) continue;
    std::string text = stats_text();
    ports_.bus.publish(bus::Subject::received(message.reply), as_bytes(text));
    return;
  }
}

std::string Store::stats_text() const {
  const ExecutorStats& e = executor_->stats();
  const IntakeStats& i = intake_->stats();
  StateStats s = state_->stats();
  boost::json::object out{
      {"requests_taken", i.taken},
      {"requests_forged", i.forged},
      {"requests_malformed", i.malformed},
      {"requests_refused", i.refused},
      {"requests_busy", i.busy},
      {"requests_late", e.late},
      {"requests_repeated", e.repeated},
      {"requests_fenced", e.fenced},
      {"requests_waiting", intake_->queues().size()},
      {"operations_refused", e.refused},
      {"refusals_kept", audit_.size()},
      {"refusals_dropped", audit_.dropped()},
      {"reads", e.reads},
      {"writes", e.writes},
      {"turns", e.turns},
      {"batches", e.batches},
      {"batches_lost", e.lost_batches},
      {"turn_seconds_total", static_cast<double>(e.run_ns) / 1e9},
      {"events_published", e.events},
      {"events_unpublished", e.unpublished},
      {"heads_published", heads_->sent()},
      {"replies_lost", replier_.lost()},
      {"admission_asked", executor_->admission_stats().asked},
      {"admission_denied", executor_->admission_stats().denied},
      {"admission_unanswered", executor_->admission_stats().unanswered},
      {"admission_hostile", executor_->admission_stats().hostile},
      {"revision", state_->committed().revision().value()},
      {"compacted", state_->committed().compacted().value()},
      {"journal_syncs", s.syncs},
      {"applies", s.applies},
      {"changes", s.changes},
      {"overlay_bytes", s.overlay_bytes},
      {"engine_used_bytes", s.engine_used},
  };
  return boost::json::serialize(out);
}

}  // namespace kubus::store
