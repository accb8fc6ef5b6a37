#include "cli/past/moment.h"

#include <cctype>

#include "bus/kit/requests.h"
#include "bus/replay/lane_source.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

Result<Revision> at_time(Session& session, int64_t time_ns, const bus::LaneId& lane) {
  replay::LaneSource source(session.client(), lane);
  std::optional<Result<Revision>> found;
  source.revision_at(time_ns, [&](Result<Revision> r) { found.emplace(std::move(r)); });
  if (!session.run_until([&] { return found.has_value(); }))
    return Error(Code::kTimeout, "interrupted");
  return *std::move(found);
}

// "10m" as "-10m": a length of time that ends now.
std::string ago(const std::string& text) {
  bool length = text.size() > 1 && std::isdigit(static_cast<unsigned char>(text[0])) &&
                std::string_view("smhd").find(text.back()) != std::string_view::npos;
  return length ? "-" + text : text;
}

Result<Revision> of_text(Session& session, const std::string& option, const std::string& text,
                         const bus::LaneId& lane) {
  auto at = parse_at(option, ago(text), session.now_ns());
  if (!at) return at.error();
  auto found = revision_of(session, *at, lane);
  if (found) return found;
  Error error = found.error();
  error.message = option + " " + text + ": " + error.message;
  return error;
}

}  // namespace

// Behind the last revision there is nothing, and the answer says where the past begins and ends.
Result<Kept> kept_by(Session& session, const bus::LaneId& lane) {
  auto answer = session.call(kit::events_after_request(lane, Revision(UINT64_MAX)));
  if (!answer) return answer.error();
  return Kept{Revision(answer->outcome().oldest()), Revision(answer->outcome().revision())};
}

Result<Revision> newest(Session& session, const bus::LaneId& lane) {
  auto kept = kept_by(session, lane);
  if (!kept) return kept.error();
  return kept->newest;
}

Result<Revision> revision_of(Session& session, const At& at, const bus::LaneId& lane) {
  if (at.revision == 0) return at_time(session, at.time_ns, lane);
  auto kept = kept_by(session, lane);
  if (!kept) return kept.error();
  if (Revision(at.revision) > kept->newest) {
    return Error(Code::kBadRequest, "revision " + std::to_string(at.revision) +
                                        " lies ahead; the present is " +
                                        std::to_string(kept->newest.value()));
  }
  if (Revision(at.revision) < kept->oldest) {
    return Error(Code::kExpired, "revision " + std::to_string(at.revision) +
                                     " is not kept any more; the past begins with revision " +
                                     std::to_string(kept->oldest.value()));
  }
  return Revision(at.revision);
}

Result<int64_t> time_of(Session& session, Revision revision) {
  if (!revision) return 0;
  auto answer = session.call(kit::events_after_request({}, Revision(revision.value() - 1)));
  if (!answer) return answer.error().code == Code::kExpired ? Result<int64_t>(0) : answer.error();
  const auto* events = answer->outcome().events();
  const auto* bytes = events && events->size() > 0 ? events->Get(0)->bytes() : nullptr;
  auto event = bytes ? kit::EventView::from(answer->payload().part({bytes->data(), bytes->size()}))
                     : std::nullopt;
  if (!event || event->revision() != revision) return 0;
  return event->event().time();
}

Result<ReadAt> read_at(Session& session, const Invocation& call) {
  ReadAt out;
  out.time_ns = session.now_ns();
  std::string text = call.options["at"].as<std::string>();
  auto asked = at_of(call, out.time_ns);
  if (!asked) return asked.error();
  if (!*asked) return out;
  auto found = of_text(session, "--at", text, {});
  if (!found) return found.error();
  out.at.revision = found->value();
  out.time_ns = asked->time_ns;
  if (out.time_ns != 0) return out;
  auto time = time_of(session, *found);
  if (!time) return time.error();
  out.time_ns = *time != 0 ? *time : session.now_ns();
  return out;
}

Result<Revision> behind(Session& session, const std::string& option, const std::string& text,
                        const bus::LaneId& lane) {
  if (text == "0") return Revision();
  return of_text(session, option, text, lane);
}

Result<Revision> up_to(Session& session, const std::string& option, const std::string& text,
                       const bus::LaneId& lane) {
  return text.empty() ? newest(session, lane) : of_text(session, option, text, lane);
}

}  // namespace kubus::cli
