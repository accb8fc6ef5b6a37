#include <optional>

#include "bus/kit/requests.h"
#include "schemas/bus/event_generated.h"
#include "tests/sim/checkers/checkers.h"

namespace kubus::sim {
namespace {

constexpr auto kPatience = std::chrono::minutes(2);

void check_list(Cluster& cluster, Chronicle& chronicle, Story& story,
                const schema::KindInfo& kind) {
  std::optional<Result<kit::Page>> page;
  chronicle.client().list_all(kind, "", "", "", [&](auto p) { page.emplace(std::move(p)); });
  if (!cluster.world.run_until([&] { return page.has_value(); }, kPatience) || !*page)
    return story.wrong("reads", "a list of " + kind.resource +
                                    " fails: " + (page ? page->error().message : "no answer"));
  std::map<std::string, Revision> listed, there;
  for (const Object& o : (*page)->items) listed[o.key().str()] = o.revision();
  for (const auto& [key, object] : chronicle.state()) {
    if (key.kind == &kind) there[key.str()] = object.revision();
  }
  if (!kind.confidential && listed != there)
    story.wrong("reads", "a list of " + kind.resource + " is not what the events add up to");
}

// Nothing is in a namespace that is not there.
void check_namespaces(Chronicle& chronicle, Story& story) {
  const auto* spaces = schema::Registry::get().by_resource("", "namespaces");
  for (const auto& [key, object] : chronicle.state()) {
    if (!key.ns.empty() && chronicle.state().count({spaces, "", key.ns}) == 0)
      story.wrong("namespaces", key.str() + " outlived its namespace");
  }
}

// One page of the past; returns how many events it held.
size_t check_page(Cluster& cluster, Chronicle& chronicle, Story& story, size_t* at) {
  std::optional<Result<kit::Answer>> answer;
  Revision after = *at == 0 ? Revision() : chronicle.events()[*at - 1].revision();
  chronicle.client().call(kit::events_after_request({}, after),
                          [&](auto a) { answer.emplace(std::move(a)); });
  if (!cluster.world.run_until([&] { return answer.has_value(); }, kPatience) || !*answer ||
      !kit::status_of((*answer)->outcome())) {
    story.wrong("past", "the past after " + std::to_string(after.value()) + " cannot be read");
    return 0;
  }
  const auto* events = (*answer)->outcome().events();
  for (size_t i = 0; events && i < events->size(); ++i, ++*at) {
    const auto* bytes = events->Get(i)->bytes();
    ByteView read(bytes->data(), bytes->size());
    if (*at >= chronicle.events().size() ||
        !std::ranges::equal(read, chronicle.events()[*at].payload().view()))
      story.wrong("past", "event " + std::to_string(*at + 1) + " reads other than it was told");
  }
  return events ? events->size() : 0;
}

}  // namespace

void check_reads(Cluster& cluster, Chronicle& chronicle, Story& story) {
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (kind->stored) check_list(cluster, chronicle, story, *kind);
  }
  check_namespaces(chronicle, story);
  if (cluster.spec().keep_revisions < chronicle.events().size()) return;  // some is compacted
  size_t at = 0;
  while (at < chronicle.events().size() && check_page(cluster, chronicle, story, &at) > 0) {
  }
  if (at != chronicle.events().size()) story.wrong("past", "the past is shorter than it was");
}

}  // namespace kubus::sim
