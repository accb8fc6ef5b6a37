#include "services/store/admission/subscribers.h"

#include <algorithm>

#include "schemas/admission/v1/admission_generated.h"
#include "services/store/executor/words.h"

namespace kubus::store {
namespace {

using Texts = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

std::vector<std::string> texts_of(const Texts* list) {
  std::vector<std::string> out;
  if (list == nullptr) return out;
  for (const auto* s : *list) out.emplace_back(text_of(s));
  return out;
}

bool holds(const std::vector<std::string>& list, std::string_view word) {
  return std::any_of(list.begin(), list.end(),
                     [&](const std::string& s) { return s == word || s == "*"; });
}

// What "*" does not mean: what beats all the time, and would stop the cluster.
bool must_be_named(const Target& t) {
  return !t.subresource.empty() || t.kind.resource == "leases" || t.kind.resource == "events";
}

bool names_resource(const std::vector<std::string>& list, const Target& t) {
  std::string full = t.kind.resource;
  if (!t.subresource.empty()) full.append("/").append(t.subresource);
  return std::any_of(list.begin(), list.end(), [&](const std::string& s) {
    return s == full || (s == "*" && !must_be_named(t));
  });
}

bool matches(const Subscriber::Rule& rule, const Target& t) {
  if (!rule.namespaces.empty() && !holds(rule.namespaces, t.ns)) return false;
  return holds(rule.groups, t.kind.group) && names_resource(rule.resources, t) &&
         holds(rule.operations, t.operation);
}

Subscriber subscriber_of(const Object& object) {
  Subscriber out;
  out.name = object.name();
  const auto* spec = object.as<admission::v1::AdmissionSubscriber>()->spec();
  if (spec == nullptr) return out;
  out.subject = text_of(spec->subject());
  if (out.subject.empty()) out.subject = out.name;
  out.ignore_failure = text_of(spec->failure_policy()) == "Ignore";
  out.timeout = std::chrono::seconds(spec->timeout_seconds().value_or(5));
  if (spec->rules() == nullptr) return out;
  for (const auto* rule : *spec->rules()) {
    out.rules.push_back({texts_of(rule->groups()), texts_of(rule->resources()),
                         texts_of(rule->operations()), texts_of(rule->namespaces())});
  }
  return out;
}

}  // namespace

const schema::KindInfo& Subscribers::kind() {
  static const schema::KindInfo& kKind =
      *schema::Registry::get().by_resource("kubus.io", "admissionsubscribers");
  return kKind;
}

void Subscribers::read(const View& view) {
  all_.clear();
  ListPage page;
  if (!view.list({.kind = &kind(), .limit = 0}, &page)) return;
  for (const Stored& stored : page.items) all_.push_back(subscriber_of(stored.object(kind())));
}

std::vector<const Subscriber*> Subscribers::of(const Target& target) const {
  std::vector<const Subscriber*> out;
  if (&target.kind == &kind()) return out;
  for (const Subscriber& s : all_) {
    bool asks = std::any_of(s.rules.begin(), s.rules.end(),
                            [&](const auto& rule) { return matches(rule, target); });
    if (asks) out.push_back(&s);
  }
  return out;
}

}  // namespace kubus::store
