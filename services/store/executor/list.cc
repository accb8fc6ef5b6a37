#include <algorithm>

#include "schemas/lib/selectors/selectors.h"
#include "services/store/executor/words.h"
#include "services/store/executor/write.h"

namespace kubus::store {
namespace {

using selectors::FieldSelector;
using selectors::LabelSelector;

constexpr size_t kPage = 500, kPageBytes = 512 * 1024;
constexpr size_t kMostOnNode = 4096;

Status check_fields(const schema::KindInfo& kind, const FieldSelector& fields) {
  for (const FieldSelector::Term& term : fields.terms()) {
    if (term.path == "metadata.name") continue;
    if (term.path == "metadata.namespace" && kind.namespaced) continue;
    bool known = std::find(kind.selectable.begin(), kind.selectable.end(), term.path) !=
                 kind.selectable.end();
    if (!known)
      return Error(Code::kBadRequest, "field label not supported: " + kind.resource +
                                          " have no \"" + term.path + "\" to select by");
  }
  return {};
}

std::string_view equal_to(const FieldSelector& fields, std::string_view path) {
  for (const FieldSelector::Term& term : fields.terms()) {
    if (term.equal && term.path == path) return term.value;
  }
  return {};
}

class Filter {
 public:
  Filter(const schema::KindInfo& kind, LabelSelector labels, FieldSelector fields)
      : kind_(kind), labels_(std::move(labels)), fields_(std::move(fields)) {}

  bool everything() const { return labels_.everything() && fields_.everything(); }
  const FieldSelector& fields() const { return fields_; }

  bool operator()(const Stored& stored) const {
    Object object = stored.object(kind_);
    if (!labels_.everything() &&
        !labels_.matches([&](std::string_view key) { return object.label(key); }))
      return false;
    if (fields_.everything()) return true;
    std::string text;
    return fields_.matches([&](std::string_view path) -> std::optional<std::string_view> {
      auto found = object.field(path);
      if (!found) return std::nullopt;
      text = *std::move(found);
      return text;
    });
  }

 private:
  const schema::KindInfo& kind_;
  LabelSelector labels_;
  FieldSelector fields_;
};

Result<Filter> filter_of(const Scope& s) {
  auto labels = LabelSelector::parse(text_of(s.op.label_selector()));
  if (!labels) return labels.error();
  auto fields = FieldSelector::parse(text_of(s.op.field_selector()));
  if (!fields) return fields.error();
  if (Status st = check_fields(*s.kind, *fields); !st) return st.error();
  return Filter(*s.kind, *std::move(labels), *std::move(fields));
}

Result<Revision> revision_of(const Scope& s) {
  if (s.op.at_time() != 0) return revision_at(s.view(), s.op.at_time());
  if (s.op.match() != wire::ListMatch::Exact) return Revision();
  if (s.op.revision() == 0)
    return Error(Code::kBadRequest, "an exact read needs a resourceVersion other than 0");
  return Revision(s.op.revision());
}

// Few names, found without a walk: one object by its name, or the Pods of a node. False: walk.
bool shortcut(const Scope& s, const Filter& filter, ListPage* page) {
  std::vector<std::pair<std::string, std::string>> keys;
  std::string_view name = equal_to(filter.fields(), "metadata.name");
  std::string_view node = equal_to(filter.fields(), "spec.nodeName");
  if (!name.empty() && (!s.kind->namespaced || !s.ns.empty())) {
    keys.emplace_back(s.ns, name);
  } else if (!node.empty() && s.kind->resource == "pods" && node.size() <= kMaxName &&
             !s.view().past()) {
    for (View::Name& n : s.view().on_node(node, kMostOnNode + 1)) {
      if (n.kind == s.kind->number && (s.ns.empty() || n.ns == s.ns))
        keys.emplace_back(std::move(n.ns), std::move(n.name));
    }
    if (keys.size() > kMostOnNode) return false;
    std::sort(keys.begin(), keys.end());
  } else {
    return false;
  }
  page->revision = s.view().revision();
  for (const auto& [ns, called] : keys) {
    Stored found = s.find(*s.kind, ns, called);
    if (found && filter(found)) page->items.push_back(std::move(found));
  }
  return true;
}

}  // namespace

std::string held_to_node(const schema::KindInfo& kind, std::string_view field_selector) {
  auto fields = FieldSelector::parse(field_selector);
  if (!fields) return "";
  return std::string(
      equal_to(*fields, kind.resource == "nodes" ? "metadata.name" : "spec.nodeName"));
}

Status select_page(Scope& s, ListPage* page, size_t limit, size_t max_bytes) {
  auto filter = filter_of(s);
  if (!filter) return filter.error();
  auto revision = revision_of(s);
  if (!revision) return revision.error();
  if (s.ns.size() > kMaxNs) {
    page->revision = s.view().revision();
    return {};
  }
  std::string token(text_of(s.op.continue_token()));
  bool whole = token.empty() && !*revision && (limit == 0 || limit >= kPage);
  if (whole && shortcut(s, *filter, page)) return {};
  ListQuery query;
  query.kind = s.kind;
  if (s.kind->namespaced && !s.ns.empty()) query.ns = std::string(s.ns);
  query.revision = *revision;
  query.limit = limit;
  query.max_bytes = max_bytes;
  query.token = std::move(token);
  if (!filter->everything()) query.filter = [&](const Stored& stored) { return (*filter)(stored); };
  return s.view().list(query, page);
}

Status run_list(Scope& s) {
  size_t limit = s.op.limit() == 0 ? kPage : s.op.limit();
  ListPage page;
  Status listed = select_page(s, &page, limit, kPageBytes);
  s.out->continue_token = std::move(page.token);
  if (!listed) return listed;
  s.out->revision = page.revision;
  s.out->remaining = page.remaining;
  s.out->items.reserve(page.items.size());
  for (Stored& stored : page.items) s.out->items.push_back(std::move(stored.bytes));
  return {};
}

}  // namespace kubus::store
