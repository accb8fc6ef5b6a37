// A runtime in memory: for tests, and for nodes that are only simulated. Every operation takes time
// of its Clock; containers run until told otherwise, or end by themselves as their Pod's annotation
// `kubus.io/fake-exit` says: "CODE after SECONDSs", e.g. "0 after 5s". It is apart from its kubelet
// and outlives it. Loop thread only.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agents/kubelet/cri/runtime.h"
#include "bus/ports/clock.h"

namespace kubus::kubelet {

constexpr const char* kFakeExit = "kubus.io/fake-exit";

struct FakeExit {
  int code = 0;
  bus::Duration after{};
};
// nullopt: the text is malformed.
std::optional<FakeExit> parse_fake_exit(const std::string& text);

// How long operations take.
struct FakeTimes {
  bus::Duration call = std::chrono::milliseconds(5);  // any
  bus::Duration sandbox{}, start{}, pull{};           // besides
};

class FakeRuntime final : public Runtime {
 public:
  explicit FakeRuntime(bus::Clock& clock) : clock_(clock) {}

  // ---- what it is to be ----
  void set_times(const FakeTimes& times) { times_ = times; }
  // The registry has every image.
  void has_any_image(bool on) { any_image_ = on; }
  // False: it remembers nothing of what is over, and done(), configs() and execs() stay empty.
  void remembers(bool on) { remembers_ = on; }

  // ---- what a test does ----
  void add_image(const std::string& name) { images_.insert(name); }
  void add_to_registry(const std::string& name) { registry_.insert(name); }
  // The newest run of that container ends.
  void end(const std::string& container, int exit_code);
  // The newest sandbox breaks, and what runs in it.
  void break_sandbox();
  // The next operation of that name ("start container") fails.
  void fail_next(const std::string& operation, Error error) { failures_[operation] = error; }
  void away(bool on) { away_ = on; }
  // What exec gives for a command's first word; what is not named ends well.
  void answer_exec(const std::string& word, ExecResult result) { execs_[word] = result; }
  void hang_exec_of(const std::string& word) { hanging_.insert(word); }  // up to its timeout
  void hang_exec(bool on) { never_ = on; }                               // for ever
  // A container that nobody made, and that runs.
  void add_container(const std::string& id);

  // The other end of each stream that was opened: what a process there would hold.
  struct OpenedStream {
    std::string what;  // "exec web ls -l", "port 80"
    std::unique_ptr<stream::Stream> end;
  };
  std::vector<OpenedStream>& streams() { return streams_; }

  // ---- what it sees ----
  // Operations that changed something, in order: "create web 0".
  const std::vector<std::string>& done() const { return done_; }
  size_t running() const;
  const std::map<std::string, ContainerConfig>& configs() const { return configs_; }
  const std::map<std::string, SandboxStatus>& sandboxes() const { return sandboxes_; }
  const std::map<std::string, ContainerStatus>& containers() const { return containers_; }
  const std::string& pod_cidr() const { return pod_cidr_; }
  size_t most_execs() const { return most_execs_; }  // at once
  // "true web"
  const std::vector<std::string>& execs() const { return seen_execs_; }

  void version(Done<RuntimeVersion> done) override;
  void status(Done<RuntimeState> done) override;
  void set_pod_cidr(const std::string& cidr, Done<void> done) override;
  void run_sandbox(const SandboxConfig& config, Done<std::string> done) override;
  void stop_sandbox(const std::string& id, Done<void> done) override;
  void remove_sandbox(const std::string& id, Done<void> done) override;
  void sandbox_status(const std::string& id, Done<SandboxStatus> done) override;
  void list_sandboxes(const Labels& labels, Done<std::vector<SandboxStatus>> done) override;
  void create_container(const std::string& sandbox_id, const ContainerConfig& config,
                        const SandboxConfig& sandbox, Done<std::string> done) override;
  void start_container(const std::string& id, Done<void> done) override;
  void stop_container(const std::string& id, int64_t grace_seconds, Done<void> done) override;
  void remove_container(const std::string& id, Done<void> done) override;
  void container_status(const std::string& id, Done<ContainerStatus> done) override;
  void list_containers(const Labels& labels, Done<std::vector<ContainerStatus>> done) override;
  void update_resources(const std::string& id, const Resources&, Done<void> done) override;
  void reopen_log(const std::string& id, Done<void> done) override;
  void exec(const std::string& id, const std::vector<std::string>& command, int64_t timeout_seconds,
            Done<ExecResult> done) override;
  void open_exec(const std::string& id, const StreamOptions& options,
                 Done<std::unique_ptr<stream::Stream>> done) override;
  void open_attach(const std::string& id, const StreamOptions& options,
                   Done<std::unique_ptr<stream::Stream>> done) override;
  void open_port(const std::string& sandbox_id, int port,
                 Done<std::unique_ptr<stream::Stream>> done) override;
  void usage(const Labels& labels, Done<std::vector<Usage>> done) override;
  void image_status(const std::string& image, Done<std::optional<Image>> done) override;
  void pull_image(const std::string& image, const Credentials&, Done<std::string> done) override;
  void list_images(Done<std::vector<Image>> done) override;
  void remove_image(const std::string& image, Done<void> done) override;

 private:
  // Decides now, answers after the latency.
  template <class T>
  void answer(const std::string& operation, Done<T> done, std::function<Result<T>()> work,
              bus::Duration besides = {});
  void note(std::string what);
  std::string next_ip() const;
  void end_by_itself(const ContainerStatus& c);
  void open_stream(const std::string& what, Done<std::unique_ptr<stream::Stream>> done);
  ContainerStatus* newest(const std::string& container);
  void finish(ContainerStatus& c, int exit_code, const char* reason);
  Result<ContainerStatus*> find(const std::string& id);

  bus::Clock& clock_;
  FakeTimes times_;
  bool any_image_ = false, remembers_ = true;
  std::map<std::string, SandboxStatus> sandboxes_;
  std::map<std::string, ContainerStatus> containers_;
  std::map<std::string, ContainerConfig> configs_;
  std::set<std::string> images_, registry_;
  std::map<std::string, Error> failures_;
  std::vector<std::string> done_;
  std::string pod_cidr_;
  std::vector<OpenedStream> streams_;
  bool away_ = false, never_ = false;
  std::map<std::string, ExecResult> execs_;
  std::set<std::string> hanging_;
  size_t execs_now_ = 0, most_execs_ = 0;
  std::vector<std::string> seen_execs_;
  int next_ = 1;
  std::map<int, std::unique_ptr<bus::Timer>> answers_;
  std::map<std::string, std::unique_ptr<bus::Timer>> exits_;  // by container
};

}  // namespace kubus::kubelet
