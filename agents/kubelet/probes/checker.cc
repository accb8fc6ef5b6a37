#include "agents/kubelet/probes/checker.h"

#include <charconv>

namespace kubus::kubelet {
namespace {

constexpr int kMostRedirects = 10;
constexpr size_t kMostOutput = 1024;

std::string url_of(const HttpGet& g) {
  bool v6 = g.host.find(':') != std::string::npos;
  return std::string(g.tls ? "https://" : "http://") + (v6 ? "[" + g.host + "]" : g.host) + ":" +
         std::to_string(g.port) + g.path;
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// "host", "host:1", "[::1]:1"
bool split_authority(std::string_view text, HttpGet* out) {
  size_t colon = text.rfind(':'), bracket = text.rfind(']');
  bool has_port =
      colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket);
  std::string_view host = has_port ? text.substr(0, colon) : text;
  if (host.size() > 1 && host.front() == '[') host = host.substr(1, host.size() - 2);
  out->host = std::string(host);
  out->port = out->tls ? 443 : 80;
  if (!has_port) return !host.empty();
  std::string_view port = text.substr(colon + 1);
  auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), out->port);
  return !host.empty() && error == std::errc() && end == port.data() + port.size();
}

// Where a redirect leads; false: nowhere that can be asked.
bool follow(std::string_view location, HttpGet* next) {
  size_t fragment = location.find('#');
  location = location.substr(0, fragment);
  if (location.empty()) return false;
  size_t scheme = location.find("://");
  if (scheme == std::string_view::npos) {
    if (location[0] == '/') {
      next->path = std::string(location);
    } else {
      std::string path = next->path.substr(0, next->path.find('?'));
      next->path = path.substr(0, path.rfind('/') + 1) + std::string(location);
    }
    return true;
  }
  if (location.substr(0, scheme) != "http" && location.substr(0, scheme) != "https") return false;
  next->tls = location.substr(0, scheme) == "https";
  location.remove_prefix(scheme + 3);
  size_t slash = location.find_first_of("/?");
  next->path = slash == std::string_view::npos ? "/" : std::string(location.substr(slash));
  if (next->path[0] != '/') next->path.insert(0, "/");
  return split_authority(location.substr(0, slash), next);
}

std::string shortened(const std::string& text) {
  return text.size() <= kMostOutput ? text : text.substr(0, kMostOutput);
}

Verdict verdict_of(const Result<ExecResult>& r) {
  if (!r) return {false, r.error().message};
  if (r->exit_code == 0) return {true, ""};
  std::string said = shortened(r->out + r->err);
  if (said.empty()) said = "the command ended with exit code " + std::to_string(r->exit_code);
  return {false, std::move(said)};
}

Verdict verdict_of(const Status& s) {
  return s ? Verdict{true, ""} : Verdict{false, s.error().message};
}

}  // namespace

Checker::Checker(bus::Ports ports, Runtime& runtime, Network& network)
    : ports_(ports), runtime_(runtime), network_(network) {}

void Checker::run(const Check& check, const Where& where, bus::Duration timeout, Done done) {
  uint64_t number = next_++;
  Run& r = runs_[number];
  r.done = std::move(done);
  r.until = ports_.clock.now() + timeout;
  r.any_status = check.any_status;
  auto seconds = std::chrono::duration_cast<std::chrono::seconds>(timeout).count();
  r.cut = ports_.clock.after(timeout, [this, number, seconds] {
    finish(number, {false, "no answer within " + std::to_string(seconds) + " s", true});
  });
  std::string host = check.host.empty() ? where.address : check.host;
  bool of_port = check.kind == Check::Kind::kHttp || check.kind == Check::Kind::kTcp ||
                 check.kind == Check::Kind::kGrpc;
  if (of_port && (check.port < 1 || check.port > 65535)) {
    std::string why = "the container has no port \"" + check.port_name + "\"";
    r.turn = ports_.clock.after(bus::Duration(0), [this, number, why] {
      finish(number, {false, why});
    });
    return;
  }
  auto told = held([this, number](Status s) { finish(number, verdict_of(s)); });
  switch (check.kind) {
    case Check::Kind::kExec:
      return exec(number, check, where.container_id, timeout);
    case Check::Kind::kHttp:
      return get(number, {check.tls, host, check.port, check.path, check.headers});
    case Check::Kind::kTcp:
      return network_.connect(host, check.port, timeout, told);
    case Check::Kind::kGrpc:
      return network_.health(host, check.port, check.service, timeout, told);
    case Check::Kind::kSleep:
      r.turn = ports_.clock.after(std::chrono::seconds(check.seconds), [this, number] {
        finish(number, {true, ""});
      });
      return;
  }
}

void Checker::exec(uint64_t number, const Check& check, const std::string& container_id,
                   bus::Duration timeout) {
  auto seconds = std::chrono::ceil<std::chrono::seconds>(timeout).count();
  runtime_.exec(container_id, check.command, seconds,
                held([this, number](Result<ExecResult> r) { finish(number, verdict_of(r)); }));
}

void Checker::get(uint64_t number, const HttpGet& request) {
  bus::Duration left = runs_.at(number).until - ports_.clock.now();
  network_.get(request, left, held([this, number, request](Result<HttpAnswer> answer) {
                 on_answer(number, request, answer);
               }));
}

// A redirect to the same host is followed; one that leads elsewhere is an answer good enough.
void Checker::on_answer(uint64_t number, const HttpGet& asked, const Result<HttpAnswer>& answer) {
  auto run = runs_.find(number);
  if (run == runs_.end()) return;
  if (!answer)
    return finish(number, {false, "GET " + url_of(asked) + ": " + answer.error().message});
  HttpGet next = asked;
  bool followed = is_redirect(answer->status) && follow(answer->location, &next);
  if (followed && next.host == asked.host) {
    if (++run->second.redirects <= kMostRedirects) return get(number, next);
    return finish(number, {false, "GET " + url_of(asked) + ": more than 10 redirects"});
  }
  bool good = run->second.any_status || (answer->status >= 200 && answer->status < 400);
  if (good) return finish(number, {true, ""});
  finish(number, {false, "HTTP probe failed with statuscode: " + std::to_string(answer->status)});
}

void Checker::finish(uint64_t number, Verdict verdict) {
  auto run = runs_.extract(number);
  if (run) run.mapped().done(verdict);
}

}  // namespace kubus::kubelet
