// The bodies of confidential kinds under the newest key. Answered at once with how far it is; the
// work goes on behind, and who wants to see its end asks again.
#include "services/store/executor/scope.h"

namespace kubus::store {

Status run_rekey(Scope& s) {
  auto progress = s.env.state.rekey();
  if (!progress) return progress.error();
  s.out->revision = s.view().revision();
  s.out->count = progress->changed;
  s.out->remaining = progress->left;
  s.out->continue_token = progress->done ? "" : "more";
  s.out->warnings = {"the newest key is " + secrets::id_text(progress->key)};
  return {};
}

}  // namespace kubus::store
