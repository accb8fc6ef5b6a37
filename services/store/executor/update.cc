#include "services/store/executor/words.h"
#include "services/store/executor/write.h"

namespace kubus::store {

Status run_update(Scope& s) {
  auto body = body_kind(*s.kind, s.subresource);
  if (!body) return body.error();
  auto value = decode(s, **body);
  if (!value) return value.error();
  if (Status st = judge(s, {}); !st) return st;
  Draft draft(s.memory);
  if (Status st = load(s, &draft); !st) return st;
  draft.now = *std::move(value);
  return change_object(s, &draft);
}

}  // namespace kubus::store
