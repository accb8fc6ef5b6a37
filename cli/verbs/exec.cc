#include <cstdio>

#include "bus/stream/client.h"
#include "cli/resources.h"
#include "cli/standard.h"
#include "cli/streams.h"
#include "cli/terminal.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

using stream::Channel;

void add_options(po::options_description_easy_init add) {
  add("namespace,n", po::value<std::string>()->default_value("default"), "the namespace");
  add("container,c", po::value<std::string>()->default_value(""), "which, if there are several");
  add("stdin,i", po::bool_switch(), "pass on standard input");
  add("tty,t", po::bool_switch(), "as a terminal; with -i");
}

// Standard input and output joined to a stream.
class Joined {
 public:
  Joined(boost::asio::io_context& loop, bool in, bool tty)
      : out_(loop, 1), err_(loop, 2), terminal_(loop), tty_(tty) {
    if (in) in_.emplace(loop, 0);
    out_.on_empty([this] { give_back(); });
    err_.on_empty([this] { give_back(); });
  }

  void start(stream::StreamDialer& dialer, const stream::Ticket& ticket) {
    stream::Stream::Handlers h;
    h.opened = [this] { on_opened(); };
    h.data = [this](Channel c, std::string_view bytes) { on_data(c, bytes); };
    h.room = [this] {
      if (in_) in_->pause(false);
    };
    h.ended = [this](const stream::End& e) { end_ = e; };
    stream_ = dialer.connect(ticket, std::move(h));
  }

  bool over() const { return end_ && out_.queued() == 0 && err_.queued() == 0; }
  const std::optional<stream::End>& end() const { return end_; }

 private:
  void on_opened() {
    if (tty_) {
      terminal_.make_raw();
      terminal_.on_size([this](const std::string& size) {
        if (!end_) stream_->write(Channel::kResize, size);
      });
    }
    if (!in_) return;
    in_->read([this](std::string_view bytes) {
      if (end_) return;
      if (bytes.empty()) return stream_->close(Channel::kIn);
      stream_->write(Channel::kIn, bytes);
      if (stream_->queued() >= stream::kRoomBytes) in_->pause(true);
    });
  }

  void on_data(Channel c, std::string_view bytes) {
    (c == Channel::kErr ? err_ : out_).write(bytes);
    owed_ += bytes.size();
    give_back();
  }

  void give_back() {
    if (stream_ && !end_ && out_.queued() + err_.queued() < stream::kRoomBytes)
      stream_->consumed(std::exchange(owed_, 0));
  }

  std::optional<StandardStream> in_;
  StandardStream out_, err_;
  Terminal terminal_;
  bool tty_;
  std::unique_ptr<stream::Stream> stream_;
  std::optional<stream::End> end_;
  size_t owed_ = 0;
};

Status run(const Invocation& call) {
  if (call.words.size() < 2)
    return Error(Code::kBadRequest, "name a Pod and, behind --, a command: kubus exec web -- ls");
  wire::ConnectT connect;
  connect.container = call.options["container"].as<std::string>();
  connect.command.assign(call.words.begin() + 1, call.words.end());
  connect.in = call.options["stdin"].as<bool>();
  connect.out = true;
  connect.tty = call.options["tty"].as<bool>();
  if (connect.tty && !Terminal::is_terminal(0)) {
    std::fprintf(stderr, "standard input is no terminal: going on without one\n");
    connect.tty = false;
  }
  connect.err = !connect.tty;
  bool in = connect.in, tty = connect.tty;
  auto session = Session::open(call);
  if (!session) return session.error();
  auto pod = pod_of(**session, call.words[0], call.options["namespace"].as<std::string>());
  if (!pod) return pod.error();
  auto ticket = ticket_for(**session, *pod, "exec", std::move(connect));
  if (!ticket) return ticket.error();
  bus::Host& host = (*session)->host();
  stream::StreamClient client(host.loop(), host.ports());
  Joined joined(host.loop(), in, tty);
  joined.start(client, *ticket);
  (*session)->run_until([&] { return joined.over(); });
  if (!joined.end()) return Error(Code::kTimeout, "interrupted");
  call.exit_code = joined.end()->exit_code;
  return joined.end()->status;
}

}  // namespace

const Command kExec{
    .name = "exec",
    .summary = "run a command in a container",
    .usage = "kubus exec [-it] [-c CONTAINER] POD|KIND/NAME -- COMMAND…",
    .examples =
        "  kubus exec web -- ls -l /\n"
        "  kubus exec -it deployment/web -- sh\n"
        "  kubus exec -i web -- tar xf - -C /tmp <files.tar\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
