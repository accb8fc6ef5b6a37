#include <charconv>
#include <cstdio>
#include <list>

#include "bus/stream/bridge.h"
#include "bus/stream/client.h"
#include "bus/stream/tickets.h"
#include "cli/forward/local_ports.h"
#include "cli/streams.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

using Stream = std::unique_ptr<stream::Stream>;

void add_options(po::options_description_easy_init add) {
  add("namespace,n", po::value<std::string>()->default_value("default"), "the namespace");
  add("address", po::value<std::string>()->default_value("127.0.0.1"), "where to listen");
}

struct PortPair {
  uint16_t local = 0, remote = 0;
};

// "8080", "8080:80", ":80" (any local port).
std::optional<PortPair> parse_ports(const std::string& text) {
  size_t colon = text.find(':');
  std::string local = text.substr(0, colon);
  std::string remote = colon == std::string::npos ? local : text.substr(colon + 1);
  PortPair out;
  auto read = [](const std::string& s, uint16_t* to) {
    auto [end, code] = std::from_chars(s.data(), s.data() + s.size(), *to);
    return code == std::errc() && end == s.data() + s.size();
  };
  if ((!local.empty() || colon == std::string::npos) && !read(local, &out.local))
    return std::nullopt;
  if (!read(remote, &out.remote) || out.remote == 0) return std::nullopt;
  return out;
}

// One local port; every connection gets a ticket and a stream of its own.
class Forwarding {
 public:
  Forwarding(Session& session, stream::StreamDialer& dialer, PodName pod)
      : session_(session), dialer_(dialer), pod_(std::move(pod)) {}

  Status listen(const std::string& address, const PortPair& ports) {
    auto port = LocalPort::open(
        session_.host().loop(), address, ports.local,
        [this, remote = ports.remote](Stream s) { on_connection(std::move(s), remote); });
    if (!port) return port.error();
    std::printf("forwarding %s:%d -> %s:%d\n", address.c_str(), (*port)->port(), pod_.name.c_str(),
                ports.remote);
    std::fflush(stdout);
    ports_.push_back(*std::move(port));
    return {};
  }

 private:
  void on_connection(Stream local, int remote) {
    wire::ConnectT connect;
    connect.port = remote;
    auto held = std::make_shared<Stream>(std::move(local));
    session_.client().call(
        connect_request(pod_, "portforward", std::move(connect)),
        [this, held](Result<kit::Answer> answer) { join(std::move(*held), std::move(answer)); });
  }

  void join(Stream local, Result<kit::Answer> answer) {
    Status status = answer ? kit::status_of(answer->outcome()) : Status(answer.error());
    auto ticket =
        status ? stream::ticket_of(answer->outcome()) : Result<stream::Ticket>(status.error());
    if (!ticket) return complain(ticket.error());
    auto at = bridges_.emplace(bridges_.end());
    stream::Stream::Handlers none;
    auto remote = dialer_.connect(*ticket, std::move(none));
    *at = std::make_unique<stream::Bridge>(
        std::move(local), std::move(remote), [this, at](const stream::End& end) {
          if (!end.status) complain(end.status.error());
          // Freed behind the present call, which is its own.
          auto gone = std::make_shared<std::unique_ptr<stream::Bridge>>(std::move(*at));
          bridges_.erase(at);
          session_.host().post([gone] {});
        });
  }

  static void complain(const Error& error) {
    std::fprintf(stderr, "a connection failed: %s\n", error.message.c_str());
  }

  Session& session_;
  stream::StreamDialer& dialer_;
  PodName pod_;
  std::list<std::unique_ptr<LocalPort>> ports_;
  std::list<std::unique_ptr<stream::Bridge>> bridges_;
};

Status run(const Invocation& call) {
  if (call.words.size() < 2)
    return Error(Code::kBadRequest, "name a Pod and ports: kubus port-forward web 8080:80");
  std::vector<PortPair> pairs;
  for (size_t i = 1; i < call.words.size(); ++i) {
    auto pair = parse_ports(call.words[i]);
    if (!pair)
      return Error(Code::kBadRequest, "\"" + call.words[i] + "\" must be LOCAL:REMOTE or a port");
    pairs.push_back(*pair);
  }
  auto session = Session::open(call);
  if (!session) return session.error();
  auto pod = pod_of(**session, call.words[0], call.options["namespace"].as<std::string>());
  if (!pod) return pod.error();
  bus::Host& host = (*session)->host();
  stream::StreamClient client(host.loop(), host.ports());
  Forwarding forwarding(**session, client, *pod);
  for (const PortPair& pair : pairs) {
    if (Status s = forwarding.listen(call.options["address"].as<std::string>(), pair); !s) return s;
  }
  (*session)->run_until([] { return false; });
  return {};
}

}  // namespace

const Command kPortForward{
    .name = "port-forward",
    .summary = "reach a Pod's port from here",
    .usage = "kubus port-forward POD|KIND/NAME [LOCAL:]REMOTE…",
    .examples =
        "  kubus port-forward web 8080\n"
        "  kubus port-forward deployment/web 9000:80 :8443\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
