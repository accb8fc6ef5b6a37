#include "cli/waiting.h"

#include "bus/kit/feed.h"
#include "cli/streams.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

Error interrupted() {
  return {Code::kTimeout, "interrupted"};
}

struct Present {
  Object object;
  Revision revision;
};

Result<Present> present(Session& session, const ObjectKey& key) {
  auto page = session.list_all(*key.kind, key.ns, "", "metadata.name=" + key.name);
  if (!page) return page.error();
  return Present{page->items.empty() ? Object() : page->items[0], page->revision};
}

}  // namespace

Deadline::Deadline(Session& session, std::optional<bus::Duration> patience) {
  if (patience) timer_ = session.host().ports().clock.after(*patience, [this] { over_ = true; });
}

Status await_object(Session& session, const ObjectKey& key, const Deadline& deadline,
                    const std::function<bool(const Object&)>& done) {
  bool finished = false;
  while (!finished) {
    auto now = present(session, key);
    if (!now) return now.error();
    if (done(now->object)) return {};
    bool compacted = false;
    bus::LaneId lane{key.kind->group, key.kind->resource, key.ns, key.name, ""};
    kit::Feed feed(
        session.host().ports(), session.client(), lane, now->revision,
        [&](const kit::EventView& e) {
          auto object = e.object();
          bool gone = e->type() == wire::EventType::Deleted;
          finished = finished || done(gone || !object ? Object() : *object);
        },
        [&] { compacted = true; });
    if (!session.run_until([&] { return finished || compacted || deadline.over(); }))
      return interrupted();
    if (!finished && deadline.over()) return Error(Code::kTimeout, "timed out");
  }
  return {};
}

Status pause(Session& session, bus::Duration length, const Deadline& deadline) {
  bool over = false;
  auto timer = session.host().ports().clock.after(length, [&] { over = true; });
  if (!session.run_until([&] { return over || deadline.over(); })) return interrupted();
  return deadline.over() ? Status(Error(Code::kTimeout, "timed out")) : Status();
}

void add_timeout_option(po::options_description_easy_init& add, const char* standard) {
  add("timeout", po::value<std::string>()->default_value(standard),
      "how long to wait: 30s, 5m; 0: for ever");
}

Result<std::optional<bus::Duration>> timeout_of(const Invocation& call) {
  std::string text = call.options["timeout"].as<std::string>();
  if (text.empty() || text == "0" || text == "0s") return std::optional<bus::Duration>();
  auto length = parse_length(text);
  if (!length) return Error(Code::kBadRequest, "--timeout takes a time such as 30s, not " + text);
  return std::optional<bus::Duration>(*length);
}

}  // namespace kubus::cli
