#include "bus/nats/nats_bus.h"

#include <nats/nats.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <map>

#include "bus/nats/gate.h"
#include "bus/nats/inbox.h"

namespace kubus::bus {
namespace {

constexpr auto kFirstRetry = std::chrono::milliseconds(20);
constexpr auto kLongestRetry = std::chrono::seconds(2);
constexpr int kConnectMs = 2000;
constexpr int kPingMs = 10'000;
constexpr size_t kUnknownMaxPayload = 1 << 20;
constexpr int kIoBytes = 128 << 10;
// What waits to be written when the server does not read; beyond it publishes are refused.
constexpr int kMostUnwritten = 64 << 20;

void use_one_delivery_thread() {
  // One thread for all subscriptions keeps their messages in the order of their arrival, which
  // heads rely on.
  static const bool once = [] {
    nats_Open(-1);
    nats_SetMessageDeliveryPoolSize(1);
    return true;
  }();
  (void)once;
}

// What a libnats callback gets; freed when libnats says that the subscription is over.
struct Hook {
  std::shared_ptr<Inbox> inbox;
  uint64_t subscription;
  uint64_t connection;
};

void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  auto* hook = static_cast<Hook*>(closure);
  hook->inbox->push({hook->subscription, hook->connection, message});
}
void on_complete(void* closure) {
  delete static_cast<Hook*>(closure);
}

}  // namespace

struct NatsBus::Impl : std::enable_shared_from_this<NatsBus::Impl> {
  Impl(NatsOptions o, Gate::Post post, WatchSocket watch_socket, Clock& c, Random& r, Log& l,
       Workers& w)
      : options(std::move(o)),
        watch(std::move(watch_socket)),
        clock(c),
        random(r),
        log(l),
        workers(w),
        gate(std::make_shared<Gate>(std::move(post))) {}

  struct Entry {
    Pattern pattern;
    std::shared_ptr<Handler> handler;
    natsSubscription* nats = nullptr;
  };

  // What a connection's callbacks find under their number.
  struct Link {
    std::weak_ptr<Impl> impl;
    std::shared_ptr<Inbox> inbox;
    std::shared_ptr<Gate> gate;
    uint64_t number = 0;
    // The socket's copy that the loop watches: libnats closes its own when it likes.
    std::atomic<int> descriptor = -1;
    natsSock socket = -1;  // libnats' own

    Link(std::weak_ptr<Impl> i, std::shared_ptr<Inbox> in, std::shared_ptr<Gate> g)
        : impl(std::move(i)), inbox(std::move(in)), gate(std::move(g)) {}
    ~Link() { close_descriptor(); }
    void close_descriptor() {
      int d = descriptor.exchange(-1);
      if (d >= 0) ::close(d);
    }
  };

  void connect();
  void on_connect(natsStatus status, natsConnection* c, uint64_t attempt);
  void on_flushed(natsStatus status, uint64_t attempt);
  void connect_failed(natsStatus status);
  void drop_connection();
  void on_closed(uint64_t number);
  void schedule_retry();
  bool on_loop() const { return options.ca_file.empty(); }
  void read_socket();
  void write_socket();
  void bind(uint64_t id, Entry& entry);
  void release(Entry& entry);
  void drain();
  void tell(BusState state);
  void shut();
  natsStatus make_options(natsOptions** out) const;
  void retire();

  NatsOptions options;
  WatchSocket watch;
  Clock& clock;
  Random& random;
  Log& log;
  Workers& workers;
  std::shared_ptr<Inbox> inbox;
  std::shared_ptr<natsConnection> connection;  // a worker that flushes shares it
  std::shared_ptr<Link> link;
  std::unique_ptr<SocketWatch> socket;
  uint64_t number = 0;  // of the present connection or attempt
  std::shared_ptr<Gate> gate;
  bool up = false, over = false;
  Duration retry = kFirstRetry;
  std::unique_ptr<Timer> retry_timer;
  std::map<uint64_t, Entry> entries;
  std::map<uint64_t, std::shared_ptr<StateHandler>> watchers;
  uint64_t next_id = 1;
  std::string last_problem;
};

namespace {

class Handle : public Subscription {
 public:
  explicit Handle(std::function<void()> end) : end_(std::move(end)) {}
  ~Handle() override { end_(); }

 private:
  std::function<void()> end_;
};

template <class Link>
void on_nats_closed(natsConnection*, void* closure) {
  auto link = Numbered<Link>::find(closure);
  if (!link) return;
  link->gate->post([impl = link->impl, number = link->number] {
    if (auto self = impl.lock()) self->on_closed(number);
  });
}

template <class Link>
void on_nats_error(natsConnection* connection, natsSubscription*, natsStatus status,
                   void* closure) {
  auto link = Numbered<Link>::find(closure);
  if (!link) return;
  if (status == NATS_SLOW_CONSUMER) return link->inbox->note_loss();
  const char* text = nullptr;
  natsConnection_GetLastError(connection, &text);
  std::string line =
      std::string("bus: ") + natsStatus_GetText(status) + (text ? std::string(": ") + text : "");
  link->gate->post([impl = link->impl, line] {
    if (auto self = impl.lock()) self->log.warn(line);
  });
}

// ---- what libnats asks of an event loop; `link` is a number ----

template <class Link>
natsStatus on_attach(void** data, void* link, natsConnection*, natsSock socket) {
  *data = link;
  auto found = Numbered<Link>::find(link);
  if (!found) return NATS_ERR;
  found->close_descriptor();
  found->socket = socket;
  found->descriptor = ::dup(socket);
  return found->descriptor >= 0 ? NATS_OK : NATS_IO_ERROR;
}
template <class Link>
natsStatus on_write_wanted(void* link, bool wanted) {
  auto found = wanted ? Numbered<Link>::find(link) : nullptr;
  if (!found) return NATS_OK;
  found->gate->post([impl = found->impl, number = found->number] {
    auto self = impl.lock();
    if (self && self->number == number) self->write_socket();
  });
  return NATS_OK;
}
// Reading is wanted always, until the end: then newer libnats leave their socket to be closed here.
template <class Link>
natsStatus on_read_wanted([[maybe_unused]] void* link, [[maybe_unused]] bool wanted) {
#ifdef KUBUS_NATS_CLOSE_EVENT
  auto found = wanted ? nullptr : Numbered<Link>::find(link);
  if (found) natsConnection_ProcessCloseEvent(&found->socket);
#endif
  return NATS_OK;
}
natsStatus on_detach(void*) {
  return NATS_OK;
}

}  // namespace

natsStatus NatsBus::Impl::make_options(natsOptions** out) const {
  void* link_number = Numbered<Link>::as_pointer(number);
  natsStatus s = natsOptions_Create(out);
  std::vector<const char*> servers;
  for (const std::string& server : options.servers) servers.push_back(server.c_str());
  auto set = [&](natsStatus result) {
    if (s == NATS_OK) s = result;
  };
  set(natsOptions_SetServers(*out, servers.data(), static_cast<int>(servers.size())));
  if (!options.user.empty())
    set(natsOptions_SetUserInfo(*out, options.user.c_str(), options.password.c_str()));
  set(natsOptions_SetName(*out, options.name.c_str()));
  set(natsOptions_SetAllowReconnect(*out, false));
  set(natsOptions_SetTimeout(*out, kConnectMs));
  set(natsOptions_SetPingInterval(*out, kPingMs));
  set(natsOptions_SetSendAsap(*out, true));
  set(natsOptions_SetIOBufSize(*out, kIoBytes));
  if (on_loop()) {
    set(natsOptions_SetEventLoop(*out, link_number, on_attach<Link>, on_read_wanted<Link>,
                                 on_write_wanted<Link>, on_detach));
  }
  set(natsOptions_UseGlobalMessageDelivery(*out, true));
  set(natsOptions_SetMaxPendingMsgs(*out, 2'000'000));
  set(natsOptions_SetClosedCB(*out, on_nats_closed<Link>, link_number));
  set(natsOptions_SetErrorHandler(*out, on_nats_error<Link>, link_number));
  if (!options.ca_file.empty()) {
    set(natsOptions_SetSecure(*out, true));
    set(natsOptions_LoadCATrustedCertificates(*out, options.ca_file.c_str()));
  }
  if (!options.cert_file.empty()) {
    set(natsOptions_LoadCertificatesChain(*out, options.cert_file.c_str(),
                                          options.key_file.c_str()));
  }
  return s;
}

void NatsBus::Impl::connect() {
  if (over) return;
  retire();
  link = std::make_shared<Link>(weak_from_this(), inbox, gate);
  link->number = number = Numbered<Link>::add(link);
  struct Attempt {
    natsStatus status = NATS_ERR;
    natsConnection* connection = nullptr;
  };
  auto attempt = std::make_shared<Attempt>();
  natsOptions* nats_options = nullptr;
  natsStatus prepared = make_options(&nats_options);
  workers.run(
      "bus-connect",
      [attempt, nats_options, prepared] {
        attempt->status = prepared == NATS_OK
                              ? natsConnection_Connect(&attempt->connection, nats_options)
                              : prepared;
        natsOptions_Destroy(nats_options);
      },
      [self = shared_from_this(), attempt, mine = number] {
        self->on_connect(attempt->status, attempt->connection, mine);
      });
}

// The connection before, or the attempt, is nothing any more: its callbacks find nobody.
void NatsBus::Impl::retire() {
  if (number) Numbered<Link>::remove(number);
}

void NatsBus::Impl::on_connect(natsStatus status, natsConnection* c, uint64_t attempt) {
  std::shared_ptr<natsConnection> fresh(c, natsConnection_Destroy);
  if (over || attempt != number) return;
  if (status != NATS_OK) return connect_failed(status);
  connection = std::move(fresh);
  int descriptor = link->descriptor.exchange(-1);
  if (descriptor >= 0) {
    // The watch ends before the connection does.
    socket = watch(descriptor, [this] { read_socket(); });
    write_socket();  // what was wanted before anybody could
  }
  for (auto& [id, entry] : entries) bind(id, entry);
  // Connected means that the server knows the subscriptions: it has when it answers a ping.
  auto result = std::make_shared<natsStatus>(NATS_ERR);
  workers.run(
      "bus-connect",
      [result, shared = connection] {
        *result = natsConnection_FlushTimeout(shared.get(), kConnectMs);
      },
      [self = shared_from_this(), result, attempt] { self->on_flushed(*result, attempt); });
}

void NatsBus::Impl::on_flushed(natsStatus status, uint64_t attempt) {
  if (over || attempt != number) return;
  // One that closed before it was up has told so in vain.
  if (status == NATS_OK && natsConnection_IsClosed(connection.get())) {
    status = NATS_CONNECTION_CLOSED;
  }
  if (status != NATS_OK) {
    drop_connection();
    return connect_failed(status);
  }
  up = true;
  retry = kFirstRetry;
  last_problem.clear();
  tell(BusState::kConnected);
  drain();
}

void NatsBus::Impl::connect_failed(natsStatus status) {
  std::string problem = natsStatus_GetText(status);
  if (problem != last_problem) {
    log.warn("bus: cannot connect to " + options.servers[0] + ": " + problem + "; trying on");
  }
  last_problem = problem;
  schedule_retry();
}

void NatsBus::Impl::drop_connection() {
  for (auto& [id, entry] : entries) release(entry);
  // Closing waits for an answer if something is unwritten, and the answer would wait for us.
  write_socket();
  socket.reset();
  if (connection) natsConnection_Close(connection.get());
  connection.reset();
}

void NatsBus::Impl::on_closed(uint64_t which) {
  if (over || which != number || !up) return;
  up = false;
  drop_connection();
  log.warn("bus: the connection ended; connecting again");
  tell(BusState::kDisconnected);
  schedule_retry();
}

void NatsBus::Impl::schedule_retry() {
  auto jitter =
      Duration(static_cast<int64_t>(random.below(static_cast<uint64_t>(retry.count()) / 2 + 1)));
  retry_timer = clock.after(retry + jitter, [this] { connect(); });
  retry = std::min<Duration>(retry * 2, kLongestRetry);
}

void NatsBus::Impl::read_socket() {
  auto keep = shared_from_this();
  auto held = connection;
  natsConnection_ProcessReadEvent(held.get());
}

void NatsBus::Impl::write_socket() {
  if (!connection || !socket) return;
  auto held = connection;
  if (natsConnection_Buffered(held.get()) <= 0)
    return;  // libnats takes a write of nothing for the end
  natsConnection_ProcessWriteEvent(held.get());
  if (socket && natsConnection_Buffered(held.get()) > 0) {
    socket->when_writable([this] { write_socket(); });
  }
}

void NatsBus::Impl::bind(uint64_t id, Entry& entry) {
  auto* hook = new Hook{inbox, id, number};
  natsStatus s = natsConnection_Subscribe(&entry.nats, connection.get(),
                                          entry.pattern.str().c_str(), on_message, hook);
  if (s != NATS_OK) {
    delete hook;
    entry.nats = nullptr;
    log.error("bus: cannot subscribe to " + entry.pattern.str() + ": " + natsStatus_GetText(s));
    return;
  }
  natsSubscription_SetOnCompleteCB(entry.nats, on_complete, hook);
  natsSubscription_SetPendingLimits(entry.nats, -1, -1);
}

void NatsBus::Impl::release(Entry& entry) {
  if (entry.nats) natsSubscription_Destroy(std::exchange(entry.nats, nullptr));
}

void NatsBus::Impl::drain() {
  if (!up) return;  // what came before kConnected is told waits for it
  bool lossy = false;
  for (const Inbox::Item& item : inbox->take(&lossy)) {
    std::shared_ptr<natsMsg> message(item.message, natsMsg_Destroy);
    auto found = entries.find(item.subscription);
    if (over || item.connection != number || found == entries.end()) continue;
    const char* reply = natsMsg_GetReply(message.get());
    ByteView data(reinterpret_cast<const uint8_t*>(natsMsg_GetData(message.get())),
                  static_cast<size_t>(natsMsg_GetDataLength(message.get())));
    Message m{natsMsg_GetSubject(message.get()), reply ? reply : "", Payload(data, message)};
    auto handler = found->second.handler;
    (*handler)(std::move(m));
  }
  if (lossy && !over) {
    log.warn("bus: messages were dropped: this process is too slow");
    tell(BusState::kLossy);
  }
}

void NatsBus::Impl::tell(BusState state) {
  auto copy = watchers;
  for (auto& [id, handler] : copy) {
    if (watchers.count(id)) (*handler)(state);
  }
}

void NatsBus::Impl::shut() {
  over = true;
  gate->shut();
  retry_timer.reset();
  drop_connection();
  retire();
  entries.clear();
  watchers.clear();
  up = false;
}

NatsBus::NatsBus(NatsOptions options, std::function<void(std::function<void()>)> post,
                 WatchSocket watch, Clock& clock, Random& random, Log& log, Workers& workers)
    : impl_(std::make_shared<Impl>(std::move(options), std::move(post), std::move(watch), clock,
                                   random, log, workers)) {
  use_one_delivery_thread();
  std::weak_ptr<Impl> weak = impl_;
  auto gate = impl_->gate;
  impl_->inbox = std::make_shared<Inbox>(impl_->options.most_waiting,
                                         impl_->options.most_waiting_bytes, [weak, gate] {
                                           gate->post([weak] {
                                             if (auto self = weak.lock()) self->drain();
                                           });
                                         });
  impl_->connect();
}

NatsBus::~NatsBus() {
  impl_->shut();
}

bool NatsBus::publish(const Subject& subject, ByteView payload, const Subject* reply) {
  if (!impl_->up || payload.size() > max_payload()) return false;
  const void* data = payload.data();
  int size = static_cast<int>(payload.size());
  natsConnection* c = impl_->connection.get();
  if (natsConnection_Buffered(c) > kMostUnwritten) return false;
  natsStatus s = reply ? natsConnection_PublishRequest(c, subject.str().c_str(),
                                                       reply->str().c_str(), data, size)
                       : natsConnection_Publish(c, subject.str().c_str(), data, size);
  return s == NATS_OK;
}

bool NatsBus::publish_with_header(const Subject& subject, ByteView payload, const Subject& reply,
                                  const std::string& name, const std::string& value) {
  if (!impl_->up || payload.size() > max_payload()) return false;
  natsConnection* c = impl_->connection.get();
  if (natsConnection_Buffered(c) > kMostUnwritten) return false;
  natsMsg* message = nullptr;
  natsStatus s = natsMsg_Create(&message, subject.str().c_str(), reply.str().c_str(),
                                reinterpret_cast<const char*>(payload.data()),
                                static_cast<int>(payload.size()));
  if (s == NATS_OK) s = natsMsgHeader_Set(message, name.c_str(), value.c_str());
  if (s == NATS_OK) s = natsConnection_PublishMsg(c, message);
  natsMsg_Destroy(message);
  return s == NATS_OK;
}

std::unique_ptr<Subscription> NatsBus::subscribe(const Pattern& pattern, Handler handler) {
  uint64_t id = impl_->next_id++;
  auto [it, fresh] = impl_->entries.emplace(
      id, Impl::Entry{pattern, std::make_shared<Handler>(std::move(handler)), nullptr});
  if (impl_->connection) impl_->bind(id, it->second);
  return std::make_unique<Handle>([weak = std::weak_ptr<Impl>(impl_), id] {
    auto self = weak.lock();
    if (!self) return;
    auto found = self->entries.find(id);
    if (found == self->entries.end()) return;
    self->release(found->second);
    self->entries.erase(found);
  });
}

std::unique_ptr<Subscription> NatsBus::watch_state(StateHandler handler) {
  uint64_t id = impl_->next_id++;
  auto shared = std::make_shared<StateHandler>(std::move(handler));
  impl_->watchers.emplace(id, shared);
  (*shared)(impl_->up ? BusState::kConnected : BusState::kDisconnected);
  return std::make_unique<Handle>([weak = std::weak_ptr<Impl>(impl_), id] {
    if (auto self = weak.lock()) self->watchers.erase(id);
  });
}

bool NatsBus::connected() const {
  return impl_->up;
}

size_t NatsBus::max_payload() const {
  if (!impl_->up) return kUnknownMaxPayload;
  return static_cast<size_t>(natsConnection_GetMaxPayload(impl_->connection.get()));
}

}  // namespace kubus::bus
