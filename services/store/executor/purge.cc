// Values out of an object's past. The first request begins the work and names it; who gives that
// name as the continue token is told how far it is. It goes on whether somebody asks or not.
#include <charconv>

#include "services/store/executor/redact.h"
#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

Result<PurgeProgress> begin(Scope& s) {
  std::vector<std::string> paths;
  for (size_t i = 0; s.op.paths() && i < s.op.paths()->size(); ++i)
    paths.emplace_back(text_of(s.op.paths()->Get(static_cast<flatbuffers::uoffset_t>(i))));
  auto redactor = redactor_of(*s.kind, std::move(paths));
  if (!redactor) return redactor.error();
  if (s.name.size() > kMaxName || s.ns.size() > kMaxNs) return not_found(*s.kind, s.name);
  PurgeQuery query;
  query.kind = s.kind;
  query.ns = s.ns;
  query.name = s.name;
  query.after = Revision(s.op.after());
  query.to = Revision(s.op.revision());
  query.redactor = *std::move(redactor);
  query.dry_run = s.dry_run;
  query.who.actor = s.origin.actor;
  query.who.user = s.origin.user;
  query.who.source = s.origin.source;
  query.who.request_id = s.origin.request_id;
  return s.env.state.purge(std::move(query));
}

Result<PurgeProgress> look(Scope& s, std::string_view token) {
  PurgeProgress progress = s.env.state.purge_progress();
  uint64_t id = 0;
  auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), id);
  if (code == std::errc() && end == token.data() + token.size() && id == progress.id)
    return progress;
  return Error(
      Code::kConflict,
      "nothing is known of that purge: the store was started anew before its end, or another "
      "came after it. Ask for it again: what is gone stays gone");
}

}  // namespace

Status run_purge(Scope& s) {
  std::string_view token = text_of(s.op.continue_token());
  auto progress = token.empty() ? begin(s) : look(s, token);
  if (!progress) return progress.error();
  if (progress->failure) return *progress->failure;
  s.out->revision = s.view().revision();
  s.out->count = progress->changed;
  s.out->remaining = progress->left;
  if (!progress->done) s.out->continue_token = std::to_string(progress->id);
  return {};
}

}  // namespace kubus::store
