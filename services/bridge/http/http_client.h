// The bridge's way to webhooks, as its deterministic part sees it.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bus/ports/clock.h"
#include "schemas/lib/base/result.h"

namespace kubus::bridge {

struct Url {
  bool tls = false;
  std::string host, port, target;
};
// "http://host[:port][/path][?query]" or https. kBadRequest says what is wrong; user names and
// fragments are.
Result<Url> parse_url(const std::string& text);

struct HttpPost {
  Url url;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string token_file;  // "" : none; read for each request: `Authorization: Bearer …`
  std::string body;
  bus::Duration timeout = std::chrono::seconds(10);
};

struct HttpAnswer {
  int status = 0;
  std::optional<int> retry_after_seconds;
  std::string text;  // the beginning of the body
};

class HttpClient {
 public:
  using Done = std::function<void(Result<HttpAnswer>)>;
  virtual ~HttpClient() = default;  // what is under way ends without its callback
  // `done` is called once, never before this has returned. An error: there was no whole answer;
  // whether the target took the body is not known.
  virtual void post(HttpPost request, Done done) = 0;
};

}  // namespace kubus::bridge
