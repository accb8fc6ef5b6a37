#include "bus/stream/client.h"
#include "cli/resources.h"
#include "cli/standard.h"
#include "cli/streams.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add("namespace,n", po::value<std::string>()->default_value("default"), "the namespace");
  add("follow,f", po::bool_switch(), "go on with what is written, until the container ends");
  add("previous,p", po::bool_switch(), "of the run before this one");
  add("container,c", po::value<std::string>()->default_value(""), "which, if there are several");
  add("tail", po::value<int64_t>()->default_value(-1), "the last so many lines; -1: all");
  add("since", po::value<std::string>()->default_value(""), "as old as 90s, 5m, 1h30m at most");
  add("timestamps", po::bool_switch(), "when each line was written, before it");
  add("limit-bytes", po::value<int64_t>()->default_value(0), "at most so many; 0: all");
}

Result<wire::ConnectT> connect_of(const Invocation& call, int64_t now_ns) {
  wire::ConnectT out;
  const po::variables_map& o = call.options;
  out.out = true;
  out.container = o["container"].as<std::string>();
  out.follow = o["follow"].as<bool>();
  out.previous = o["previous"].as<bool>();
  out.timestamps = o["timestamps"].as<bool>();
  if (int64_t tail = o["tail"].as<int64_t>(); tail >= 0) out.tail_lines = tail;
  if (int64_t limit = o["limit-bytes"].as<int64_t>(); limit > 0) out.limit_bytes = limit;
  std::string since = o["since"].as<std::string>();
  auto length = parse_length(since);
  if (!since.empty() && !length)
    return Error(Code::kBadRequest, "--since must be like 90s, 5m or 1h30m, not \"" + since + "\"");
  if (length) out.since = now_ns - *length;
  return out;
}

Status run(const Invocation& call) {
  if (call.words.size() != 1)
    return Error(Code::kBadRequest, "name one Pod, or what has Pods, as in deployment/web");
  auto session = Session::open(call);
  if (!session) return session.error();
  bus::Host& host = (*session)->host();
  auto connect = connect_of(call, host.ports().clock.wall_ns());
  if (!connect) return connect.error();
  auto pod = pod_of(**session, call.words[0], call.options["namespace"].as<std::string>());
  if (!pod) return pod.error();
  auto ticket = ticket_for(**session, *pod, "log", *std::move(connect));
  if (!ticket) return ticket.error();

  stream::StreamClient client(host.loop(), host.ports());
  StandardStream out(host.loop(), 1);
  std::unique_ptr<stream::Stream> log;
  std::optional<stream::End> end;
  size_t owed = 0;
  auto give_back = [&] {
    if (log && out.queued() < stream::kRoomBytes) log->consumed(std::exchange(owed, 0));
  };
  out.on_empty(give_back);
  stream::Stream::Handlers h;
  h.data = [&](stream::Channel, std::string_view bytes) {
    out.write(bytes);
    owed += bytes.size();
    give_back();
  };
  h.ended = [&](const stream::End& e) { end = e; };
  log = client.connect(*ticket, std::move(h));
  (*session)->run_until([&] { return end && out.queued() == 0; });
  log.reset();
  return end ? end->status : Status();
}

}  // namespace

const Command kLogs{
    .name = "logs",
    .summary = "what a container wrote",
    .usage = "kubus logs [-f] [--previous] [--tail N] [--since 5m] [-c CONTAINER] POD|KIND/NAME",
    .examples =
        "  kubus logs -f web\n"
        "  kubus logs --tail 20 --timestamps deployment/web\n"
        "  kubus logs --previous -c sidecar web\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
