// The versions of one name, newest first. A continue token is the revision to go on before.
#include <charconv>

#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"
#include "services/store/state/event_builder.h"

namespace kubus::store {
namespace {

constexpr size_t kPage = 100;

Result<Revision> before_of(const wire::Operation& op) {
  std::string_view token = text_of(op.continue_token());
  if (token.empty()) return Revision(op.revision());
  uint64_t n = 0;
  auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), n);
  if (code != std::errc() || end != token.data() + token.size() || n == 0)
    return Error(Code::kBadRequest, "the continue token is malformed");
  return Revision(n);
}

}  // namespace

Status run_history(Scope& s) {
  if (s.name.empty() || s.name.size() > kMaxName || s.ns.size() > kMaxNs)
    return Error(Code::kBadRequest, "a history is that of one name");
  auto before = before_of(s.op);
  if (!before) return before.error();
  View view = s.view();
  size_t limit = s.op.limit() == 0 ? kPage : s.op.limit();
  HistoryPage page = view.history(*s.kind, s.ns, s.name, *before, limit);
  if (page.events.empty() && !*before) return not_found(*s.kind, s.name);
  s.out->events = std::move(page.events);
  if (s.op.without_objects()) strip_objects(&s.out->events);
  s.out->oldest = view.compacted();
  s.out->revision = view.revision();
  if (page.next) s.out->continue_token = std::to_string(page.next.value());
  return {};
}

}  // namespace kubus::store
