#include "agents/kubelet/node/usage.h"

#include <unistd.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <sstream>

#include "agents/kubelet/node/pressure.h"
#include "agents/kubelet/pods/model.h"

namespace kubus::kubelet {
namespace {

namespace json = boost::json;

constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kOldestLook = 60 * kSecond;
constexpr bus::Duration kBetween = std::chrono::seconds(1);
constexpr size_t kMostWaiting = 64;
constexpr int kIdle = 4, kWaiting = 5, kGuest = 9;  // columns of /proc/stat

// All CPU time but what was idle; guests' time is part of the others.
uint64_t node_cpu_ns() {
  std::ifstream in("/proc/stat");
  std::string line;
  std::getline(in, line);
  std::istringstream words(line);
  std::string name;
  words >> name;
  uint64_t ticks = 0, each = 0;
  for (int column = 1; column < kGuest && words >> each; ++column) {
    if (column != kIdle && column != kWaiting) ticks += each;
  }
  auto per_second = static_cast<uint64_t>(::sysconf(_SC_CLK_TCK));
  return ticks * (static_cast<uint64_t>(kSecond) / per_second);
}

int64_t milli(uint64_t before, uint64_t now, int64_t time) {
  if (time <= 0 || now <= before) return 0;
  return static_cast<int64_t>(static_cast<double>(now - before) * 1000 / static_cast<double>(time));
}

std::string label(const Usage& u, const char* name) {
  auto found = u.labels.find(name);
  return found == u.labels.end() ? "" : found->second;
}

const Usage* same(const UsageSample& sample, const std::string& id) {
  for (const Usage& u : sample.containers) {
    if (u.container_id == id) return &u;
  }
  return nullptr;
}

}  // namespace

UsageSample read_node_usage(int64_t now) {
  Readings r = read_pressure("/");
  UsageSample out;
  out.at = now;
  out.node_cpu_ns = node_cpu_ns();
  out.node_memory_bytes = static_cast<uint64_t>(r.memory_total - r.memory_available);
  return out;
}

std::string usage_text(const UsageSample& before, const UsageSample& now) {
  std::map<std::pair<std::string, std::string>, json::array> pods;
  for (const Usage& u : now.containers) {
    if (u.memory_bytes == 0) continue;  // it has ended
    const Usage* old = same(before, u.container_id);
    json::object c{{"name", label(u, kContainerName)},
                   {"cpuMilli", old ? milli(old->cpu_ns, u.cpu_ns, u.at - old->at) : 0},
                   {"memoryBytes", u.memory_bytes}};
    pods[{label(u, kPodNamespace), label(u, kPodName)}].push_back(std::move(c));
  }
  json::array list;
  for (auto& [name, containers] : pods) {
    list.push_back(json::object{
        {"namespace", name.first}, {"name", name.second}, {"containers", std::move(containers)}});
  }
  json::object node{{"cpuMilli", milli(before.node_cpu_ns, now.node_cpu_ns, now.at - before.at)},
                    {"memoryBytes", now.node_memory_bytes}};
  return json::serialize(json::object{{"node", std::move(node)}, {"pods", std::move(list)}});
}

UsageReporter::UsageReporter(bus::Ports ports, kit::Client& client, Runtime& runtime,
                             std::string node, Labels labels)
    : ports_(ports), client_(client), runtime_(runtime), labels_(std::move(labels)) {
  subscription_ =
      ports_.bus.subscribe(bus::Pattern::given(client_.subjects().stats("kubelet", node).str()),
                           [this](bus::Message m) { on_request(m); });
}

// Its subject names no actor, so only those who collect figures are answered.
void UsageReporter::on_request(const bus::Message& message) {
  const bus::Subjects& subjects = client_.subjects();
  bool known = subjects.reply_belongs_to(message.reply, "gateway") ||
               subjects.reply_belongs_to(message.reply, "admin");
  if (!known || waiting_.size() >= kMostWaiting) return;
  waiting_.push_back(message.reply);
  if (!looking_ && !timer_) look();
}

void UsageReporter::look() {
  timer_.reset();
  looking_ = true;
  UsageSample sample = read_node_usage(ports_.clock.wall_ns());
  std::weak_ptr<bool> alive = alive_;
  runtime_.usage(labels_, [this, alive, sample](Result<std::vector<Usage>> containers) {
    if (!alive.expired()) on_look(sample, std::move(containers));
  });
}

void UsageReporter::on_look(UsageSample sample, Result<std::vector<Usage>> containers) {
  looking_ = false;
  if (containers) sample.containers = *std::move(containers);
  if (!containers) ports_.log.warn("usage of containers: " + containers.error().message);
  int64_t age = sample.at - last_.at;
  if (last_.at != 0 && age >= kSecond * 9 / 10 && age < kOldestLook) {
    answer(last_, sample);
  } else if (!waiting_.empty()) {
    timer_ = ports_.clock.after(kBetween, [this] { look(); });
  }
  // A look that comes too soon after another would only shorten what is measured next.
  if (age >= kSecond / 2) last_ = std::move(sample);
}

void UsageReporter::answer(const UsageSample& before, const UsageSample& now) {
  std::string text = usage_text(before, now);
  for (const std::string& to : std::exchange(waiting_, {}))
    ports_.bus.publish(bus::Subject::received(to), as_bytes(text));
}

}  // namespace kubus::kubelet
