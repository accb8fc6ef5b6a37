#include "cli/session.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/system/error_code.hpp>

#include "cli/cluster/files.h"
#include "cli/supervisor/supervisor.h"
#include "schemas/bus/envelope_generated.h"

namespace kubus::cli {

Result<std::unique_ptr<Session>> Session::open(const Invocation& call) {
  if (call.options.count("file") && !call.options["file"].as<std::string>().empty()) {
    auto file = PrivateReplay::start(
        {.file = call.options["file"].as<std::string>(), .range = {"--standing"}});
    if (!file) return file.error();
    auto session = open((*file)->layout());
    if (session) (*session)->file_ = *std::move(file);
    return session;
  }
  Layout layout = layout_of(call.options["state"].as<std::string>());
  auto config = read_config(layout);
  if (!config) return config.error();
  if (lock_owner(layout.lock()) == 0) {
    return Error(Code::kUnavailable,
                 "the cluster in " + layout.dir + " is not running; `kubus up` starts it");
  }
  return open(layout);
}

Result<std::unique_ptr<Session>> Session::open(const Layout& layout) {
  auto credentials = bus::read_credentials(layout.credentials("admin"));
  if (!credentials) return credentials.error();
  std::unique_ptr<Session> s(new Session(layout));
  kit::ClientOptions options{ClusterName(credentials->cluster), Actor(credentials->actor)};
  s->host_ = std::make_unique<bus::Host>(bus::HostOptions{.component = "kubus",
                                                          .credentials = *std::move(credentials),
                                                          .log_level = bus::Level::kError,
                                                          .workers = 1});
  s->client_ = std::make_unique<kit::Client>(s->host_->ports(), std::move(options));
  return s;
}

int64_t Session::now_ns() {
  if (file_ != nullptr && file_->time_ns() != 0) return file_->time_ns();
  return host_->ports().clock.wall_ns();
}

bool Session::run_until(const std::function<bool()>& done) {
  host_->on_terminate([this] { interrupted_ = true; });
  while (!interrupted_ && !done()) {
    if (host_->loop().run_one() == 0) host_->loop().restart();
  }
  return !interrupted_;
}

template <class T>
static Result<T> wait(Session& session, const std::function<void(kit::Client::Done<T>)>& start) {
  std::optional<Result<T>> answer;
  start([&](Result<T> r) { answer.emplace(std::move(r)); });
  if (!session.run_until([&] { return answer.has_value(); }))
    return Error(Code::kTimeout, "interrupted");
  return *std::move(answer);
}

std::string Session::source() const {
  char host[256] = "";
  ::gethostname(host, sizeof host - 1);
  return std::string(host) + " kubus";
}

Result<kit::Answer> Session::call(wire::RequestT request) {
  if (request.source.empty()) request.source = source();
  auto answer = wait<kit::Answer>(
      *this, [&](auto done) { client_->call(std::move(request), std::move(done)); });
  if (!answer) return answer;
  const auto* outcomes = answer->reply().outcomes();
  for (size_t i = 0; outcomes && i < outcomes->size(); ++i) {
    if (Status s = kit::status_of(answer->outcome(i)); !s) return s.error();
  }
  return answer;
}

Result<Object> Session::get(const ObjectKey& key) {
  return wait<Object>(*this, [&](auto done) { client_->get(key, std::move(done)); });
}

Result<kit::Page> Session::list_all(const schema::KindInfo& kind, const std::string& ns,
                                    const std::string& labels, const std::string& fields) {
  return wait<kit::Page>(
      *this, [&](auto done) { client_->list_all(kind, ns, labels, fields, std::move(done)); });
}

}  // namespace kubus::cli
