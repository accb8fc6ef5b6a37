#include "agents/kubelet/fake/fake_runtime.h"

#include "bus/stream/pair.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace kubus::kubelet {
namespace {

constexpr int kKilled = 137;

bool matches(const Labels& have, const Labels& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& w) {
    auto found = have.find(w.first);
    return found != have.end() && found->second == w.second;
  });
}

}  // namespace

std::optional<FakeExit> parse_fake_exit(const std::string& text) {
  static constexpr std::string_view kAfter = " after ";
  size_t middle = text.find(kAfter);
  if (middle == std::string::npos || text.back() != 's') return std::nullopt;
  int code = 0;
  int64_t seconds = 0;
  auto whole = [](std::string_view part, auto* to) {
    auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), *to);
    return error == std::errc() && end == part.data() + part.size() && *to >= 0;
  };
  std::string_view all(text);
  std::string_view time = all.substr(middle + kAfter.size());
  time.remove_suffix(1);
  if (!whole(all.substr(0, middle), &code) || !whole(time, &seconds)) return std::nullopt;
  return FakeExit{code, std::chrono::seconds(seconds)};
}

template <class T>
void FakeRuntime::answer(const std::string& operation, Done<T> done,
                         std::function<Result<T>()> work, bus::Duration besides) {
  auto result = std::make_shared<Result<T>>([&]() -> Result<T> {
    if (away_) return Error(Code::kUnavailable, "the runtime is away");
    auto failure = failures_.extract(operation);
    if (failure) return failure.mapped();
    return work();
  }());
  int number = next_++;
  answers_[number] =
      clock_.after(times_.call + besides, [this, number, result, done = std::move(done)] {
        auto keep = answers_.extract(number);
        done(std::move(*result));
      });
}

void FakeRuntime::note(std::string what) {
  if (remembers_) done_.push_back(std::move(what));
}

// ---- what a test does ----

ContainerStatus* FakeRuntime::newest(const std::string& container) {
  ContainerStatus* out = nullptr;
  for (auto& [id, c] : containers_) {
    if (c.name == container && (!out || c.attempt >= out->attempt)) out = &c;
  }
  return out;
}

void FakeRuntime::finish(ContainerStatus& c, int exit_code, const char* reason) {
  c.state = ContainerState::kExited;
  c.exit_code = exit_code;
  c.reason = reason;
  c.finished_at = clock_.wall_ns();
}

// In the Pod network that it was told of.
std::string FakeRuntime::next_ip() const {
  size_t dot = pod_cidr_.rfind('.');
  std::string network = dot == std::string::npos ? "10.0.0" : pod_cidr_.substr(0, dot);
  return network + "." + std::to_string(next_ % 250 + 2);
}

void FakeRuntime::end(const std::string& container, int exit_code) {
  ContainerStatus* c = newest(container);
  if (c) finish(*c, exit_code, exit_code == 0 ? "Completed" : "Error");
}

void FakeRuntime::break_sandbox() {
  for (auto& [id, s] : sandboxes_) s.ready = false;
  for (auto& [id, c] : containers_) {
    if (c.state == ContainerState::kRunning) finish(c, kKilled, "Error");
  }
}

size_t FakeRuntime::running() const {
  return static_cast<size_t>(
      std::count_if(containers_.begin(), containers_.end(),
                    [](const auto& c) { return c.second.state == ContainerState::kRunning; }));
}

// ---- itself ----

void FakeRuntime::version(Done<RuntimeVersion> done) {
  answer<RuntimeVersion>("version", std::move(done), [] { return RuntimeVersion{"fake", "1"}; });
}

void FakeRuntime::status(Done<RuntimeState> done) {
  answer<RuntimeState>("status", std::move(done), [this] {
    return RuntimeState{true, !pod_cidr_.empty(), pod_cidr_.empty() ? "no Pod network" : ""};
  });
}

void FakeRuntime::set_pod_cidr(const std::string& cidr, Done<void> done) {
  answer<void>("set pod cidr", std::move(done), [&] {
    pod_cidr_ = cidr;
    return Status();
  });
}

// ---- sandboxes ----

void FakeRuntime::run_sandbox(const SandboxConfig& config, Done<std::string> done) {
  answer<std::string>(
      "run sandbox", std::move(done),
      [&]() -> Result<std::string> {
        std::string id = "s" + std::to_string(next_++);
        SandboxStatus s{id, config.name, config.uid, config.ns, config.attempt, true};
        s.created_at = clock_.wall_ns();
        s.ips = {next_ip()};
        s.labels = config.labels;
        s.annotations = config.annotations;
        sandboxes_[id] = s;
        note("run sandbox " + config.name + " " + std::to_string(config.attempt));
        return id;
      },
      times_.sandbox);
}

void FakeRuntime::stop_sandbox(const std::string& id, Done<void> done) {
  answer<void>("stop sandbox", std::move(done), [&] {
    auto found = sandboxes_.find(id);
    if (found == sandboxes_.end()) return Status();
    if (found->second.ready) note("stop sandbox " + found->second.name);
    found->second.ready = false;
    for (auto& [each, c] : containers_) {
      if (c.sandbox_id == id && c.state == ContainerState::kRunning) finish(c, kKilled, "Error");
    }
    return Status();
  });
}

void FakeRuntime::remove_sandbox(const std::string& id, Done<void> done) {
  answer<void>("remove sandbox", std::move(done), [&] {
    auto found = sandboxes_.find(id);
    if (found == sandboxes_.end()) return Status();
    note("remove sandbox " + found->second.name);
    sandboxes_.erase(found);
    std::erase_if(containers_, [&](const auto& c) { return c.second.sandbox_id == id; });
    return Status();
  });
}

void FakeRuntime::sandbox_status(const std::string& id, Done<SandboxStatus> done) {
  answer<SandboxStatus>("sandbox status", std::move(done), [&]() -> Result<SandboxStatus> {
    auto found = sandboxes_.find(id);
    if (found == sandboxes_.end()) return Error(Code::kNotFound, "no sandbox " + id);
    return found->second;
  });
}

void FakeRuntime::list_sandboxes(const Labels& labels, Done<std::vector<SandboxStatus>> done) {
  answer<std::vector<SandboxStatus>>("list sandboxes", std::move(done), [&] {
    std::vector<SandboxStatus> out;
    for (const auto& [id, s] : sandboxes_) {
      if (matches(s.labels, labels)) out.push_back(s);
    }
    return out;
  });
}

// ---- containers ----

Result<ContainerStatus*> FakeRuntime::find(const std::string& id) {
  auto found = containers_.find(id);
  if (found == containers_.end()) return Error(Code::kNotFound, "no container " + id);
  return &found->second;
}

void FakeRuntime::create_container(const std::string& sandbox_id, const ContainerConfig& config,
                                   const SandboxConfig&, Done<std::string> done) {
  answer<std::string>("create container", std::move(done), [&]() -> Result<std::string> {
    if (!sandboxes_.count(sandbox_id)) return Error(Code::kNotFound, "no sandbox " + sandbox_id);
    std::string id = "c" + std::to_string(next_++);
    ContainerStatus c;
    c.id = id;
    c.sandbox_id = sandbox_id;
    c.name = config.name;
    c.attempt = config.attempt;
    c.state = ContainerState::kCreated;
    c.created_at = clock_.wall_ns();
    c.labels = config.labels;
    c.annotations = config.annotations;
    c.image = c.image_ref = config.image;
    containers_[id] = c;
    if (remembers_) configs_[config.name] = config;
    note("create " + config.name + " " + std::to_string(config.attempt));
    return id;
  });
}

void FakeRuntime::start_container(const std::string& id, Done<void> done) {
  answer<void>(
      "start container", std::move(done),
      [&]() -> Status {
        auto c = find(id);
        if (!c) return c.error();
        if ((*c)->state != ContainerState::kCreated)
          return Error(Code::kInvalid, "container " + id + " was started before");
        (*c)->state = ContainerState::kRunning;
        (*c)->started_at = clock_.wall_ns();
        note("start " + (*c)->name);
        end_by_itself(**c);
        return {};
      },
      times_.start);
}

void FakeRuntime::end_by_itself(const ContainerStatus& c) {
  auto sandbox = sandboxes_.find(c.sandbox_id);
  if (sandbox == sandboxes_.end()) return;
  auto said = sandbox->second.annotations.find(kFakeExit);
  if (said == sandbox->second.annotations.end()) return;
  auto exit = parse_fake_exit(said->second);
  if (!exit) return;
  exits_[c.id] = clock_.after(exit->after, [this, id = c.id, code = exit->code] {
    auto keep = exits_.extract(id);
    auto now = find(id);
    if (now && (*now)->state == ContainerState::kRunning)
      finish(**now, code, code == 0 ? "Completed" : "Error");
  });
}

void FakeRuntime::stop_container(const std::string& id, int64_t grace, Done<void> done) {
  answer<void>("stop container", std::move(done), [&] {
    auto c = find(id);
    if (!c || (*c)->state != ContainerState::kRunning) return Status();
    note("stop " + (*c)->name + " " + std::to_string(grace));
    finish(**c, kKilled, "Error");
    return Status();
  });
}

void FakeRuntime::remove_container(const std::string& id, Done<void> done) {
  answer<void>("remove container", std::move(done), [&] {
    auto c = find(id);
    if (!c) return Status();
    note("remove " + (*c)->name + " " + std::to_string((*c)->attempt));
    containers_.erase(id);
    exits_.erase(id);
    return Status();
  });
}

void FakeRuntime::container_status(const std::string& id, Done<ContainerStatus> done) {
  answer<ContainerStatus>("container status", std::move(done), [&]() -> Result<ContainerStatus> {
    auto c = find(id);
    if (!c) return c.error();
    return **c;
  });
}

void FakeRuntime::list_containers(const Labels& labels, Done<std::vector<ContainerStatus>> done) {
  answer<std::vector<ContainerStatus>>("list containers", std::move(done), [&] {
    std::vector<ContainerStatus> out;
    for (const auto& [id, c] : containers_) {
      if (matches(c.labels, labels)) out.push_back(c);
    }
    return out;
  });
}

void FakeRuntime::update_resources(const std::string& id, const Resources&, Done<void> done) {
  answer<void>("update resources", std::move(done),
               [&] { return containers_.count(id) ? Status() : Status(find(id).error()); });
}

void FakeRuntime::reopen_log(const std::string& id, Done<void> done) {
  answer<void>("reopen log", std::move(done),
               [&] { return containers_.count(id) ? Status() : Status(find(id).error()); });
}

void FakeRuntime::add_container(const std::string& id) {
  ContainerStatus& c = containers_[id];
  c.id = c.name = id;
  c.state = ContainerState::kRunning;
}

void FakeRuntime::exec(const std::string& id, const std::vector<std::string>& command,
                       int64_t timeout_seconds, Done<ExecResult> done) {
  if (never_) return;
  std::string word = command.empty() ? "" : command[0];
  most_execs_ = std::max(most_execs_, ++execs_now_);
  auto finished = [this, done = std::move(done)](Result<ExecResult> r) {
    --execs_now_;
    done(std::move(r));
  };
  if (hanging_.count(word)) {
    int number = next_++;
    answers_[number] =
        clock_.after(std::chrono::seconds(timeout_seconds), [this, number, finished] {
          auto keep = answers_.extract(number);
          finished(Error(Code::kTimeout, "exec: timed out"));
        });
    return;
  }
  answer<ExecResult>("exec", finished, [&]() -> Result<ExecResult> {
    auto c = find(id);
    if (!c) return c.error();
    if ((*c)->state != ContainerState::kRunning)
      return Error(Code::kInternal, "container " + id + " does not run");
    if (remembers_) seen_execs_.push_back(word + " " + (*c)->name);
    auto found = execs_.find(word);
    return found == execs_.end() ? ExecResult() : found->second;
  });
}

void FakeRuntime::open_stream(const std::string& what, Done<std::unique_ptr<stream::Stream>> done) {
  // The kubelet's end begins as one that waits for the other to be ready.
  auto ends =
      std::make_shared<std::pair<std::unique_ptr<stream::Stream>, std::unique_ptr<stream::Stream>>>(
          stream::make_pair(clock_));
  ends->second->open();
  streams_.push_back({what, std::move(ends->second)});
  answer<void>(
      "open stream",
      [ends, done](Status s) {
        if (!s) return done(s.error());
        done(std::move(ends->first));
      },
      [] { return Status(); });
}

void FakeRuntime::open_exec(const std::string& id, const StreamOptions& options,
                            Done<std::unique_ptr<stream::Stream>> done) {
  std::string what = "exec " + id;
  for (const std::string& word : options.command) what += " " + word;
  open_stream(what, std::move(done));
}

void FakeRuntime::open_attach(const std::string& id, const StreamOptions&,
                              Done<std::unique_ptr<stream::Stream>> done) {
  open_stream("attach " + id, std::move(done));
}

void FakeRuntime::open_port(const std::string&, int port,
                            Done<std::unique_ptr<stream::Stream>> done) {
  open_stream("port " + std::to_string(port), std::move(done));
}

void FakeRuntime::usage(const Labels& labels, Done<std::vector<Usage>> done) {
  answer<std::vector<Usage>>("usage", std::move(done), [&] {
    std::vector<Usage> out;
    for (const auto& [id, c] : containers_) {
      if (matches(c.labels, labels) && c.state == ContainerState::kRunning)
        out.push_back({id, c.labels, clock_.wall_ns(), 0, 0});
    }
    return out;
  });
}

// ---- images ----

void FakeRuntime::image_status(const std::string& image, Done<std::optional<Image>> done) {
  answer<std::optional<Image>>("image status", std::move(done), [&] {
    return images_.count(image) ? std::optional(Image{image, {image}, {}, 1}) : std::nullopt;
  });
}

void FakeRuntime::pull_image(const std::string& image, const Credentials&, Done<std::string> done) {
  answer<std::string>(
      "pull", std::move(done),
      [&]() -> Result<std::string> {
        if (!any_image_ && !registry_.count(image))
          return Error(Code::kNotFound, "no such image: " + image);
        images_.insert(image);
        note("pull " + image);
        return image;
      },
      times_.pull);
}

void FakeRuntime::list_images(Done<std::vector<Image>> done) {
  answer<std::vector<Image>>("list images", std::move(done), [&] {
    std::vector<Image> out;
    for (const std::string& name : images_) out.push_back({name, {name}, {}, 1});
    return out;
  });
}

void FakeRuntime::remove_image(const std::string& image, Done<void> done) {
  answer<void>("remove image", std::move(done), [&] {
    images_.erase(image);
    return Status();
  });
}

}  // namespace kubus::kubelet
