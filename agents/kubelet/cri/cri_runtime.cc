#include "agents/kubelet/cri/cri_runtime.h"

#include "agents/kubelet/cri/calls.h"
#include "agents/kubelet/cri/convert.h"
#include "agents/kubelet/cri/streaming.h"
#include "cri.grpc.pb.h"

namespace kubus::kubelet {
namespace {

namespace pb = cri::pb;
using std::chrono::seconds;

constexpr seconds kQuick{10}, kUsual{120}, kSandbox{240}, kPull{900};

template <class Items>
auto all(const Items& items) {
  std::vector<decltype(cri::from(items.Get(0)))> out;
  out.reserve(static_cast<size_t>(items.size()));
  for (const auto& item : items) out.push_back(cri::from(item));
  return out;
}

class CriRuntime final : public Runtime {
 public:
  using StreamResult = Done<std::unique_ptr<stream::Stream>>;

  CriRuntime(boost::asio::io_context& loop, const std::string& endpoint, Post post)
      : loop_(loop),
        channel_(connect(endpoint)),
        runtime_(pb::RuntimeService::NewStub(channel_)),
        images_(pb::ImageService::NewStub(channel_)),
        calls_(std::move(post)) {}

  void version(Done<RuntimeVersion> done) override {
    unary(&RuntimeStub::PrepareAsyncVersion, pb::VersionRequest(), kQuick, "version",
          std::move(done), [](const pb::VersionResponse& r) {
            return RuntimeVersion{r.runtime_name(), r.runtime_version()};
          });
  }

  void status(Done<RuntimeState> done) override {
    unary(&RuntimeStub::PrepareAsyncStatus, pb::StatusRequest(), kQuick, "status", std::move(done),
          [](const pb::StatusResponse& r) { return cri::from(r.status()); });
  }

  void set_pod_cidr(const std::string& cidr, Done<void> done) override {
    pb::UpdateRuntimeConfigRequest request;
    request.mutable_runtime_config()->mutable_network_config()->set_pod_cidr(cidr);
    nothing(&RuntimeStub::PrepareAsyncUpdateRuntimeConfig, request, kQuick, "set the Pod network",
            std::move(done));
  }

  // ---- sandboxes ----

  void run_sandbox(const SandboxConfig& config, Done<std::string> done) override {
    pb::RunPodSandboxRequest request;
    cri::fill(config, request.mutable_config());
    request.set_runtime_handler(config.runtime_handler);
    unary(&RuntimeStub::PrepareAsyncRunPodSandbox, request, kSandbox, "run sandbox",
          std::move(done), [](const pb::RunPodSandboxResponse& r) { return r.pod_sandbox_id(); });
  }

  void stop_sandbox(const std::string& id, Done<void> done) override {
    pb::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    gone_is_fine(&RuntimeStub::PrepareAsyncStopPodSandbox, request, kUsual, "stop sandbox",
                 std::move(done));
  }

  void remove_sandbox(const std::string& id, Done<void> done) override {
    pb::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    gone_is_fine(&RuntimeStub::PrepareAsyncRemovePodSandbox, request, kUsual, "remove sandbox",
                 std::move(done));
  }

  void sandbox_status(const std::string& id, Done<SandboxStatus> done) override {
    pb::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    unary(&RuntimeStub::PrepareAsyncPodSandboxStatus, request, kUsual, "sandbox status",
          std::move(done),
          [](const pb::PodSandboxStatusResponse& r) { return cri::from(r.status()); });
  }

  void list_sandboxes(const Labels& labels, Done<std::vector<SandboxStatus>> done) override {
    pb::ListPodSandboxRequest request;
    cri::fill(labels, request.mutable_filter()->mutable_label_selector());
    unary(&RuntimeStub::PrepareAsyncListPodSandbox, request, kUsual, "list sandboxes",
          std::move(done), [](const pb::ListPodSandboxResponse& r) { return all(r.items()); });
  }

  // ---- containers ----

  void create_container(const std::string& sandbox_id, const ContainerConfig& config,
                        const SandboxConfig& sandbox, Done<std::string> done) override {
    pb::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    cri::fill(config, request.mutable_config());
    cri::fill(sandbox, request.mutable_sandbox_config());
    unary(&RuntimeStub::PrepareAsyncCreateContainer, request, kUsual, "create container",
          std::move(done), [](const pb::CreateContainerResponse& r) { return r.container_id(); });
  }

  void start_container(const std::string& id, Done<void> done) override {
    nothing(&RuntimeStub::PrepareAsyncStartContainer, named<pb::StartContainerRequest>(id), kUsual,
            "start container", std::move(done));
  }

  void stop_container(const std::string& id, int64_t grace, Done<void> done) override {
    auto request = named<pb::StopContainerRequest>(id);
    request.set_timeout(grace);
    gone_is_fine(&RuntimeStub::PrepareAsyncStopContainer, request, kUsual + seconds(grace),
                 "stop container", std::move(done));
  }

  void remove_container(const std::string& id, Done<void> done) override {
    gone_is_fine(&RuntimeStub::PrepareAsyncRemoveContainer, named<pb::RemoveContainerRequest>(id),
                 kUsual, "remove container", std::move(done));
  }

  void container_status(const std::string& id, Done<ContainerStatus> done) override {
    unary(&RuntimeStub::PrepareAsyncContainerStatus, named<pb::ContainerStatusRequest>(id), kUsual,
          "container status", std::move(done),
          [](const pb::ContainerStatusResponse& r) { return cri::from(r.status()); });
  }

  void list_containers(const Labels& labels, Done<std::vector<ContainerStatus>> done) override {
    pb::ListContainersRequest request;
    cri::fill(labels, request.mutable_filter()->mutable_label_selector());
    unary(&RuntimeStub::PrepareAsyncListContainers, request, kUsual, "list containers",
          std::move(done), [](const pb::ListContainersResponse& r) { return all(r.containers()); });
  }

  void update_resources(const std::string& id, const Resources& resources,
                        Done<void> done) override {
    auto request = named<pb::UpdateContainerResourcesRequest>(id);
    cri::fill(resources, request.mutable_linux());
    nothing(&RuntimeStub::PrepareAsyncUpdateContainerResources, request, kUsual, "update resources",
            std::move(done));
  }

  void reopen_log(const std::string& id, Done<void> done) override {
    nothing(&RuntimeStub::PrepareAsyncReopenContainerLog, named<pb::ReopenContainerLogRequest>(id),
            kUsual, "reopen log", std::move(done));
  }

  void exec(const std::string& id, const std::vector<std::string>& command, int64_t timeout,
            Done<ExecResult> done) override {
    auto request = named<pb::ExecSyncRequest>(id);
    for (const std::string& word : command) request.add_cmd(word);
    request.set_timeout(timeout);
    unary(&RuntimeStub::PrepareAsyncExecSync, request, kUsual + seconds(timeout), "exec",
          std::move(done), [](const pb::ExecSyncResponse& r) {
            return ExecResult{r.stdout(), r.stderr(), r.exit_code()};
          });
  }

  void open_exec(const std::string& id, const StreamOptions& o, StreamResult done) override {
    auto request = named<pb::ExecRequest>(id);
    for (const std::string& word : o.command) request.add_cmd(word);
    request.set_tty(o.tty);
    request.set_stdin(o.in);
    request.set_stdout(o.out);
    request.set_stderr(o.err && !o.tty);
    stream(&RuntimeStub::PrepareAsyncExec, request, "exec", {.options = o}, std::move(done));
  }

  void open_attach(const std::string& id, const StreamOptions& o, StreamResult done) override {
    auto request = named<pb::AttachRequest>(id);
    request.set_tty(o.tty);
    request.set_stdin(o.in);
    request.set_stdout(o.out);
    request.set_stderr(o.err && !o.tty);
    stream(&RuntimeStub::PrepareAsyncAttach, request, "attach", {.options = o}, std::move(done));
  }

  void open_port(const std::string& sandbox_id, int port, StreamResult done) override {
    pb::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox_id);
    request.add_port(port);
    stream(&RuntimeStub::PrepareAsyncPortForward, request, "forward a port",
           {.forward = true, .port = port}, std::move(done));
  }

  void usage(const Labels& labels, Done<std::vector<Usage>> done) override {
    pb::ListContainerStatsRequest request;
    cri::fill(labels, request.mutable_filter()->mutable_label_selector());
    unary(&RuntimeStub::PrepareAsyncListContainerStats, request, kUsual, "usage", std::move(done),
          [](const pb::ListContainerStatsResponse& r) { return all(r.stats()); });
  }

  // ---- images ----

  void image_status(const std::string& image, Done<std::optional<Image>> done) override {
    pb::ImageStatusRequest request;
    request.mutable_image()->set_image(image);
    unary(&ImageStub::PrepareAsyncImageStatus, request, kUsual, "image status", std::move(done),
          [](const pb::ImageStatusResponse& r) {
            return r.has_image() ? std::optional(cri::from(r.image())) : std::nullopt;
          });
  }

  void pull_image(const std::string& image, const Credentials& c, Done<std::string> done) override {
    pb::PullImageRequest request;
    request.mutable_image()->set_image(image);
    auto* auth = request.mutable_auth();
    auth->set_username(c.user);
    auth->set_password(c.password);
    auth->set_server_address(c.server);
    auth->set_identity_token(c.identity_token);
    auth->set_registry_token(c.registry_token);
    unary(&ImageStub::PrepareAsyncPullImage, request, kPull, "pull", std::move(done),
          [](const pb::PullImageResponse& r) { return r.image_ref(); });
  }

  void list_images(Done<std::vector<Image>> done) override {
    unary(&ImageStub::PrepareAsyncListImages, pb::ListImagesRequest(), kUsual, "list images",
          std::move(done), [](const pb::ListImagesResponse& r) { return all(r.images()); });
  }

  void remove_image(const std::string& image, Done<void> done) override {
    pb::RemoveImageRequest request;
    request.mutable_image()->set_image(image);
    nothing(&ImageStub::PrepareAsyncRemoveImage, request, kUsual, "remove image", std::move(done));
  }

 private:
  using RuntimeStub = pb::RuntimeService::Stub;
  using ImageStub = pb::ImageService::Stub;
  template <class Stub, class Request, class Response>
  using Prepare = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*)(
      grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

  static std::shared_ptr<grpc::Channel> connect(const std::string& endpoint) {
    grpc::ChannelArguments arguments;
    arguments.SetMaxReceiveMessageSize(64 << 20);
    // A runtime that restarts is found again soon.
    arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 100);
    arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
    return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
  }

  RuntimeStub& stub(RuntimeStub*) { return *runtime_; }
  ImageStub& stub(ImageStub*) { return *images_; }

  template <class Request>
  static Request named(const std::string& id) {
    Request request;
    request.set_container_id(id);
    return request;
  }

  template <class Stub, class Request, class Response, class T, class Convert>
  void unary(Prepare<Stub, Request, Response> prepare, const Request& request, seconds timeout,
             const char* what, Done<T> done, Convert convert) {
    calls_.call<Stub, Request, Response>(stub(static_cast<Stub*>(nullptr)), prepare, request,
                                         timeout, what,
                                         [done = std::move(done), convert](Result<Response*> r) {
                                           if (!r) return done(r.error());
                                           done(T(convert(**r)));
                                         });
  }

  template <class Stub, class Request, class Response>
  void nothing(Prepare<Stub, Request, Response> prepare, const Request& request, seconds timeout,
               const char* what, Done<void> done) {
    calls_.call<Stub, Request, Response>(
        stub(static_cast<Stub*>(nullptr)), prepare, request, timeout, what,
        [done = std::move(done)](Result<Response*> r) { done(r ? Status() : Status(r.error())); });
  }

  template <class Stub, class Request, class Response>
  void gone_is_fine(Prepare<Stub, Request, Response> prepare, const Request& request,
                    seconds timeout, const char* what, Done<void> done) {
    nothing(prepare, request, timeout, what, [done = std::move(done)](Status s) {
      done(!s && s.error().code == Code::kNotFound ? Status() : s);
    });
  }

  // Asks for the URL, then goes there.
  template <class Request, class Response>
  void stream(Prepare<RuntimeStub, Request, Response> prepare, const Request& request,
              const char* what, StreamingTarget target, StreamResult done) {
    std::weak_ptr<bool> alive = alive_;
    unary(prepare, request, kUsual, what,
          Done<std::string>([this, alive, target = std::move(target),
                             done = std::move(done)](Result<std::string> url) mutable {
            if (!url) return done(url.error());
            target.url = *std::move(url);
            open_streaming(loop_, std::move(target), alive, std::move(done));
          }),
          [](const Response& r) { return r.url(); });
  }

  boost::asio::io_context& loop_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<RuntimeStub> runtime_;
  std::unique_ptr<ImageStub> images_;
  GrpcCalls calls_;
};

}  // namespace

std::unique_ptr<Runtime> make_cri_runtime(boost::asio::io_context& loop,
                                          const std::string& endpoint, Post post) {
  return std::make_unique<CriRuntime>(loop, endpoint, std::move(post));
}

}  // namespace kubus::kubelet
