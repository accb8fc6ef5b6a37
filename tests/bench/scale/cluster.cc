#include "tests/bench/scale/cluster.h"

#include <boost/asio/io_context.hpp>
#include <charconv>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"
#include "tests/bench/scale/cases.h"

namespace kubus::bench {
namespace {

constexpr std::chrono::seconds kHeartbeat{10};
constexpr std::chrono::milliseconds kBeatTurn{100};
constexpr int kBulkNodes = 128;

const schema::KindInfo& kind(const std::string& group, const std::string& resource) {
  const auto* found = schema::Registry::get().by_resource(group, resource);
  if (!found) std::exit((std::fprintf(stderr, "no kind %s\n", resource.c_str()), 1));
  return *found;
}

void fail(const Error& error) {
  std::fprintf(stderr, "%s\n", error.message.c_str());
  std::exit(1);
}

std::unique_ptr<wire::OperationT> creation(const schema::KindInfo& kind, const std::string& text) {
  auto value = boost::json::parse(text);
  const auto* ns = value.at("metadata").as_object().if_contains("namespace");
  auto request = kit::create_request(
      kind, ns ? std::string_view(ns->as_string()) : std::string_view(), value, {});
  if (!request) fail(request.error());
  request->operations.front()->return_object = false;
  return std::move(request->operations.front());
}

std::string node_name(int i) {
  return "node-" + std::to_string(i);
}

}  // namespace

ScaleCluster::ScaleCluster(const std::string& state)
    : credentials_(*bus::read_credentials(state + "/credentials/admin.json")),
      host_({.component = "bench", .credentials = credentials_, .log_level = bus::Level::kError}),
      client_(host_.ports(), {ClusterName(credentials_.cluster), Actor(credentials_.actor),
                              std::chrono::seconds(60)}) {
  host_.on_terminate([] { std::_Exit(1); });
}

bool ScaleCluster::run_until(const std::function<bool()>& done, bus::Duration patience) {
  bool late = false;
  auto timer = host_.ports().clock.after(patience, [&] { late = true; });
  host_.loop().restart();
  while (!late && !done()) host_.loop().run_one();
  return !late;
}

void ScaleCluster::send(wire::RequestT request, std::function<void()> then) {
  client_.call(std::move(request), [then = std::move(then)](Result<kit::Answer> answer) {
    if (!answer) fail(answer.error());
    for (size_t i = 0; i < answer->reply().outcomes()->size(); ++i) {
      Status s = kit::status_of(answer->outcome(i));
      bool fine = s || s.error().code == Code::kAlreadyExists || s.error().code == Code::kNotFound;
      if (!fine) fail(s.error());
    }
    if (then) then();
  });
}

void ScaleCluster::create(const std::string& resource, const std::string& group,
                          const std::string& text) {
  wire::RequestT request;
  request.operations.push_back(creation(kind(group, resource), text));
  bool done = false;
  send(std::move(request), [&] { done = true; });
  run_until([&] { return done; }, std::chrono::minutes(1));
}

void ScaleCluster::add_nodes(int count, const std::vector<std::string>& zones) {
  int answered = 0, sent = 0;
  std::string now = codec::format_time(host_.ports().clock.wall_seconds());
  for (int i = 0; i < count;) {
    wire::RequestT request;
    for (int end = std::min(count, i + kBulkNodes); i < end; ++i) {
      request.operations.push_back(
          creation(kind("", "nodes"),
                   node_json(node_name(i), zones[static_cast<size_t>(i) % zones.size()], now)));
    }
    ++sent;
    send(std::move(request), [&] { ++answered; });
  }
  run_until([&] { return answered == sent; }, std::chrono::minutes(2));
  nodes_ = count;
  beat();
}

// A part of them in each turn, as nodes that started at different times do.
void ScaleCluster::beat() {
  static int next = 0;
  constexpr int kTurns = static_cast<int>(kHeartbeat / kBeatTurn);
  for (int i = next++ % kTurns; i < nodes_; i += kTurns)
    host_.ports().bus.publish(client_.subjects().heartbeat("node", node_name(i)), {});
  beat_timer_ = host_.ports().clock.after(kBeatTurn, [this] { beat(); });
}

Begun ScaleCluster::create_pods(int count, int flying, int bulk,
                                const std::function<std::string(int)>& text) {
  Begun out{now_ns(), std::vector<int64_t>(static_cast<size_t>(count))};
  int next = 0, answered = 0;
  std::function<void()> start = [&] {
    if (next >= count) return;
    wire::RequestT request;
    int first = next;
    for (int end = std::min(count, next + bulk); next < end; ++next)
      request.operations.push_back(creation(kind("", "pods"), text(next)));
    for (int i = first; i < next; ++i) out.created[static_cast<size_t>(i)] = now_ns();
    send(std::move(request), [&, made = next - first] {
      answered += made;
      start();
    });
  };
  for (int i = 0; i < flying; ++i) start();
  run_until([&] { return answered == count; }, std::chrono::minutes(10));
  return out;
}

void ScaleCluster::churn() {
  churn_timer_ = host_.ports().clock.after(std::chrono::seconds(1), [this] {
    churn_once();
    churn();
  });
}

void ScaleCluster::churn_once() {
  std::string now = codec::format_time(host_.ports().clock.wall_seconds());
  std::string ns = kNamespaces[0];
  std::string name = "churn-" + std::to_string(churned_),
              next = "churn-" + std::to_string(++churned_);
  wire::RequestT request;
  if (churned_ > 1) {
    for (const auto& [resource, in] :
         {std::pair("nodes", std::string()), std::pair("pods", ns), std::pair("services", ns)}) {
      auto gone = kit::delete_request({&kind("", resource), in, name}, 0, {});
      request.operations.push_back(std::move(gone.operations.front()));
    }
  }
  request.operations.push_back(creation(kind("", "nodes"), node_json(next, "zone1", now)));
  request.operations.push_back(
      creation(kind("", "pods"), pod_json("high-priority-large-cpu", ns, next)));
  request.operations.push_back(
      creation(kind("", "services"), R"({"metadata":{"namespace":")" + ns + R"(","name":")" + next +
                                         R"("},"spec":{"ports":[{"port":80}]}})"));
  send(std::move(request), nullptr);
}

void ScaleCluster::delete_pods(const std::string& ns) {
  auto request = kit::request_for(wire::Verb::DeleteCollection, {&kind("", "pods"), ns, ""});
  request.operations.front()->grace_seconds = 0;
  bool done = false;
  send(std::move(request), [&] { done = true; });
  run_until([&] { return done; }, std::chrono::minutes(1));
}

bool Watch::bound(const Object& pod) {
  auto node = pod.field("spec.nodeName");
  return node && !node->empty();
}
bool Watch::running(const Object& pod) {
  return pod.field("status.phase") == "Running";
}

Watch::Watch(ScaleCluster& cluster, std::string prefix, size_t count, Is is)
    : seen(count), prefix_(std::move(prefix)), is_(is), missing_(count) {
  bool stands = false;
  cluster.client().list(kind("", "pods"), "", "", "", 1, "", [&](Result<kit::Page> page) {
    if (!page) fail(page.error());
    feed_ = std::make_unique<kit::Feed>(
        cluster.host().ports(), cluster.client(), bus::LaneId{"", "pods", "", "", ""},
        page->revision, [this](const kit::EventView& e) { on_event(e); },
        [] { fail(Error(Code::kExpired, "the watch fell behind")); },
        [&stands, told = false](Revision) mutable {
          if (!std::exchange(told, true)) stands = true;
        });
  });
  cluster.run_until([&] { return stands; }, std::chrono::minutes(1));
}

void Watch::on_event(const kit::EventView& event) {
  if (event->type() == wire::EventType::Deleted || !event->name()) return;
  std::string_view name = event->name()->string_view();
  if (!name.starts_with(prefix_)) return;
  size_t i = seen.size();
  std::from_chars(name.data() + prefix_.size(), name.data() + name.size(), i);
  if (i >= seen.size() || seen[i] != 0) return;
  auto object = event.object();
  if (!object || !is_(*object)) return;
  seen[i] = now_ns();
  --missing_;
}

}  // namespace kubus::bench
