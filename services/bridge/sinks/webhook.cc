#include "services/bridge/sinks/webhook.h"

#include "bus/cloudevents/cloudevents.h"

namespace kubus::bridge {
namespace {

constexpr size_t kMostEventBytes = 16 << 20;
constexpr const char* kUtf8 = "; charset=utf-8";

bool refuses(int status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

std::string first_line(const std::string& text) {
  std::string line = text.substr(0, text.find_first_of("\r\n"));
  return line.empty() ? "" : ": " + line;
}

}  // namespace

Webhook::Webhook(bus::Log& log, HttpClient& client, WebhookOptions options)
    : log_(log), client_(client), options_(std::move(options)) {}

size_t Webhook::most_items() const {
  return options_.batched && one_by_one_ == 0 ? options_.most_items : 1;
}

size_t Webhook::most_event_bytes() const {
  return kMostEventBytes;
}

void Webhook::deliver(Items items, Done done) {
  HttpPost post{.url = options_.url,
                .headers = options_.headers,
                .token_file = options_.token_file,
                .body = {},
                .timeout = options_.timeout};
  std::string_view type = options_.batched ? cloudevents::kBatchMediaType : cloudevents::kMediaType;
  post.headers.emplace_back("Content-Type", std::string(type) + kUtf8);
  if (options_.batched) {
    std::vector<std::string> texts;
    for (const auto& item : items) texts.push_back(item->text);
    post.body = cloudevents::batch(texts);
  } else {
    post.body = items.front()->text;
  }
  std::weak_ptr<bool> alive = alive_;
  client_.post(std::move(post), [this, alive, items = std::move(items),
                                 done = std::move(done)](const Result<HttpAnswer>& answer) {
    if (!alive.expired()) done(judge(items, answer));
  });
}

Delivery Webhook::judge(const Items& items, const Result<HttpAnswer>& answer) {
  Delivery out;
  if (!answer) {
    out.problem = answer.error();
    return out;
  }
  if (answer->status / 100 == 2) {
    out.taken = items.size();
    if (one_by_one_ > 0) --one_by_one_;
    return out;
  }
  std::string why = "answers " + std::to_string(answer->status) + first_line(answer->text);
  if (answer->retry_after_seconds)
    out.not_before = std::chrono::seconds(*answer->retry_after_seconds);
  if (!refuses(answer->status)) {
    out.problem = Error(Code::kUnavailable, why);
  } else if (items.size() > 1) {
    one_by_one_ = items.size();
    out.problem = Error(Code::kInvalid, why + " to a batch; sending its events one by one");
  } else if (options_.drop_refused) {
    log_.error("route " + options_.route + ": the event of revision " +
               std::to_string(items.front()->revision.value()) +
               " is passed over: " + options_.shown + " " + why);
    out.taken = 1;
    if (one_by_one_ > 0) --one_by_one_;
  } else {
    out.problem = Error(Code::kInvalid, why + " to the event of revision " +
                                            std::to_string(items.front()->revision.value()));
  }
  return out;
}

}  // namespace kubus::bridge
