// Records as they are kept, page by page. The first answer holds none: it says where the archive
// begins and how the chain stands there. A continue token is the last revision that was sent.
#include <algorithm>
#include <charconv>

#include "services/store/executor/masking.h"
#include "services/store/executor/scope.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

constexpr size_t kPageBytes = 1 << 20, kMostPageBytes = 2 << 20;
// Masking takes objects apart, on the loop. A delta unpacks to some twenty times its size.
constexpr size_t kMaskedPageBytes = 8 << 10;

Result<Revision> last_sent(std::string_view token) {
  uint64_t n = 0;
  auto [end, code] = std::from_chars(token.data(), token.data() + token.size(), n);
  if (code != std::errc() || end != token.data() + token.size())
    return Error(Code::kBadRequest, "the continue token is malformed");
  return Revision(n);
}

Result<Masking> masking_of(const wire::Operation& op) {
  std::vector<std::string> paths;
  for (flatbuffers::uoffset_t i = 0; op.paths() != nullptr && i < op.paths()->size(); ++i)
    paths.emplace_back(text_of(op.paths()->Get(i)));
  return Masking::of(paths);
}

Payload copied(const Chain& chain) {
  return Payload::copy_of(chain);
}

Status check_range(const View& view, Revision after, Revision to) {
  if (after && after < view.compacted()) {
    return Error(Code::kExpired, "revision " + std::to_string(after.value()) +
                                     " has been compacted; the oldest is " +
                                     std::to_string(view.compacted().value()));
  }
  if (to > view.revision()) {
    return Error(Code::kBadRequest, "revision " + std::to_string(to.value()) +
                                        " lies ahead; the present is " +
                                        std::to_string(view.revision().value()));
  }
  return {};
}

}  // namespace

Status run_archive(Scope& s) {
  View view = s.env.state.committed();
  Revision to = s.op.revision() == 0 ? view.revision() : Revision(s.op.revision());
  Revision after(s.op.after());
  if (Status st = check_range(view, after, to); !st) return st;
  auto masking = masking_of(s.op);
  if (!masking) return masking.error();
  s.out->revision = s.out->head = to;
  s.out->oldest = view.compacted();
  std::string_view token = text_of(s.op.continue_token());
  if (token.empty()) {
    s.out->chain = copied(view.chain_at_horizon());
    s.out->continue_token = std::to_string(after.value());
    return {};
  }
  auto sent = last_sent(token);
  if (!sent) return sent.error();
  size_t bytes = s.op.max_bytes() == 0 ? kPageBytes : s.op.max_bytes();
  bytes = std::min(bytes, masking->empty() ? kMostPageBytes : kMaskedPageBytes);
  ArchivePage page = view.archive(*sent, to, s.op.with_secrets(), bytes);
  if (!masking->empty()) {
    auto masked = masking->mask(view, page.entries);
    if (!masked) return masked.error();
    page.entries = *std::move(masked);
  }
  s.out->archive = Payload(std::move(page.entries));
  if (!page.complete) {
    s.out->continue_token = std::to_string(page.last.value());
  } else if (to == view.revision() && !view.past()) {
    s.out->chain = copied(view.chain_at_end());
  }
  return {};
}

}  // namespace kubus::store
