#include "services/store/admission/pass.h"

namespace kubus::store {
namespace {

constexpr size_t kMostCandidates = 512;

}  // namespace

bool AdmissionPass::concerns(const Candidate& c) const {
  return !subscribers_.of({*c.kind, c.ns, c.subresource, c.operation}).empty();
}

const Verdict* AdmissionPass::next() const {
  if (probes()) return nullptr;
  auto at = verdicts_->of.find(place_);
  return at == verdicts_->of.end() || at->second.patches.empty() ? nullptr : &at->second;
}

Status AdmissionPass::on_change(Candidate c, std::vector<std::string>* warnings) {
  std::vector<const Subscriber*> asked =
      subscribers_.of({*c.kind, c.ns, c.subresource, c.operation});
  c.place = place_;
  ++place_.second;
  if (probes()) {
    if (asked.empty()) return {};
    if (candidates_.size() >= kMostCandidates)
      return Error(Code::kTooLarge, "admission is asked about at most 512 objects of one request");
    for (const Subscriber* s : asked) c.asked.push_back(*s);
    candidates_.push_back(std::move(c));
    return {};
  }
  auto at = verdicts_->of.find(c.place);
  bool known = at != verdicts_->of.end();
  bool same =
      known ? at->second.kind == c.kind && at->second.ns == c.ns && at->second.before == c.before
            : asked.empty();
  if (!same) {
    moved_ = true;
    return Error(Code::kConflict,
                 c.kind->kind + " \"" + c.name + "\" changed while admission was asked about it");
  }
  if (!known) return {};
  warnings->insert(warnings->end(), at->second.warnings.begin(), at->second.warnings.end());
  if (at->second.denial) return *at->second.denial;
  return {};
}

}  // namespace kubus::store
