#include "agents/kubelet/cri/health.h"

#include <grpcpp/generic/generic_stub.h>

#include "agents/kubelet/cri/calls.h"

namespace kubus::kubelet {
namespace {

constexpr const char* kMethod = "/grpc.health.v1.Health/Check";
constexpr uint64_t kServing = 1;
constexpr const char* kStates[] = {"UNKNOWN", "SERVING", "NOT_SERVING", "SERVICE_UNKNOWN"};

struct HealthStub {
  explicit HealthStub(std::shared_ptr<grpc::Channel> channel) : generic(std::move(channel)) {}
  std::unique_ptr<grpc::ClientAsyncResponseReader<grpc::ByteBuffer>> prepare(
      grpc::ClientContext* context, const grpc::ByteBuffer& request, grpc::CompletionQueue* queue) {
    return generic.PrepareUnaryCall(context, kMethod, request, queue);
  }
  grpc::GenericStub generic;
};

void add_number(uint64_t n, std::string* out) {
  for (; n >= 0x80; n >>= 7) *out += static_cast<char>(n | 0x80);
  *out += static_cast<char>(n);
}

bool take_number(std::string_view* in, uint64_t* out) {
  *out = 0;
  for (int shift = 0; shift < 64 && !in->empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(in->front());
    in->remove_prefix(1);
    *out |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

// HealthCheckRequest: 1 service.
grpc::ByteBuffer request_for(const std::string& service) {
  std::string bytes;
  if (!service.empty()) {
    bytes += '\x0a';
    add_number(service.size(), &bytes);
    bytes += service;
  }
  grpc::Slice slice(bytes);
  return {&slice, 1};
}

// HealthCheckResponse: 1 status.
uint64_t state_of(const grpc::ByteBuffer& answer) {
  std::vector<grpc::Slice> slices;
  std::string bytes;
  if (!answer.Dump(&slices).ok()) return 0;
  for (const grpc::Slice& s : slices)
    bytes.append(reinterpret_cast<const char*>(s.begin()), s.size());
  std::string_view left(bytes);
  uint64_t tag = 0, state = 0;
  bool read = take_number(&left, &tag) && tag == 8 && take_number(&left, &state);
  return read ? state : 0;
}

}  // namespace

struct HealthClient::Impl {
  explicit Impl(Post post) : calls(std::move(post)) {}
  GrpcCalls calls;
};

HealthClient::HealthClient(Post post) : impl_(std::make_unique<Impl>(std::move(post))) {}
HealthClient::~HealthClient() = default;

void HealthClient::check(const std::string& host, int port, const std::string& service,
                         int64_t timeout_seconds, std::function<void(Status)> done) {
  bool v6 = host.find(':') != std::string::npos;
  std::string to = (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
  auto stub = std::make_shared<HealthStub>(
      grpc::CreateChannel("dns:///" + to, grpc::InsecureChannelCredentials()));
  impl_->calls.call<HealthStub, grpc::ByteBuffer, grpc::ByteBuffer>(
      *stub, &HealthStub::prepare, request_for(service), std::chrono::seconds(timeout_seconds),
      "health", [stub, done = std::move(done)](Result<grpc::ByteBuffer*> answer) {
        if (!answer) return done(answer.error());
        uint64_t state = state_of(**answer);
        if (state == kServing) return done({});
        done(Error(Code::kUnavailable, std::string("the server says ") + kStates[state & 3]));
      });
}

}  // namespace kubus::kubelet
