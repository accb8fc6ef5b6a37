// Events as HTTP POSTs of CloudEvents: one each (structured) or several at once (batched).
//
// 2xx: taken. 400, 413, 415, 422: the target refuses what was sent; a batch is sent again one by
// one, and an event that is refused alone is passed over if the route says so. All else: tried
// again, after Retry-After if the target names one.
#pragma once

#include <memory>

#include "bus/ports/ports.h"
#include "services/bridge/http/http_client.h"
#include "services/bridge/sinks/sink.h"

namespace kubus::bridge {

struct WebhookOptions {
  std::string route;
  std::string shown;  // the URL without its query
  Url url;
  bool batched = false;
  size_t most_items = 100;  // of a batch
  std::vector<std::pair<std::string, std::string>> headers;
  std::string token_file;
  bus::Duration timeout = std::chrono::seconds(10);
  bool drop_refused = false;
};

class Webhook : public Sink {
 public:
  Webhook(bus::Log& log, HttpClient& client, WebhookOptions options);

  void deliver(Items items, Done done) override;
  size_t most_items() const override;
  size_t most_event_bytes() const override;
  std::string target() const override { return options_.shown; }

 private:
  Delivery judge(const Items& items, const Result<HttpAnswer>& answer);
  bus::Log& log_;
  HttpClient& client_;
  WebhookOptions options_;
  size_t one_by_one_ = 0;  // so many more are sent alone, after a batch was refused
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace kubus::bridge
