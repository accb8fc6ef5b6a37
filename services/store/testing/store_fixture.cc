#include "services/store/testing/store_fixture.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cstdio>
#include <cstdlib>

#include "schemas/lib/codec/codec.h"

namespace kubus::store::testing {
namespace {

namespace json = boost::json;

constexpr const char* kCluster = "test";

[[noreturn]] void give_up(const std::string& why) {
  std::fprintf(stderr, "store fixture: %s\n", why.c_str());
  std::abort();
}

std::string text_at(const json::value& object, std::string_view key) {
  const json::value* meta =
      object.is_object() ? object.get_object().if_contains("metadata") : nullptr;
  const json::value* v = meta && meta->is_object() ? meta->get_object().if_contains(key) : nullptr;
  return v && v->is_string() ? std::string(v->get_string()) : "";
}

}  // namespace

const schema::KindInfo& kind(std::string_view resource) {
  for (const auto& k : schema::Registry::get().kinds()) {
    if (k->stored && k->resource == resource) return *k;
  }
  give_up("no kind " + std::string(resource));
}

json::value parse(std::string_view text) {
  boost::system::error_code code;
  json::value out = json::parse(json::string_view(text.data(), text.size()), code);
  if (code) give_up("broken JSON: " + std::string(text));
  return out;
}

json::value Got::at(std::string_view path) const {
  const json::value* v = &object;
  while (!path.empty() && v != nullptr) {
    size_t dot = path.find('.');
    v = v->is_object() ? v->get_object().if_contains(path.substr(0, dot)) : nullptr;
    path = dot == std::string_view::npos ? std::string_view() : path.substr(dot + 1);
  }
  return v == nullptr ? json::value() : *v;
}

std::string Got::text(std::string_view path) const {
  json::value v = at(path);
  return v.is_string() ? std::string(v.get_string()) : "";
}

StoreWorld::StoreWorld(uint64_t seed, StoreOptions options)
    : world(seed), subjects(ClusterName(kCluster)), options_(std::move(options)) {
  options_.cluster = ClusterName(kCluster);
  options_.state.cluster_id = kCluster;
  start();
}

StoreWorld::~StoreWorld() {
  store_.reset();
  clients_.clear();
}

bus::sim::Host& StoreWorld::host(const std::string& name) {
  auto [at, fresh] = hosts_.emplace(name, nullptr);
  if (fresh) at->second = &world.add_host(name);
  return *at->second;
}

kit::ClientOptions StoreWorld::client_options(const std::string& actor) const {
  return {.cluster = ClusterName(kCluster), .actor = Actor(actor)};
}

kit::Client& StoreWorld::client(const std::string& actor) {
  auto& at = clients_[actor];
  if (!at)
    at = std::make_unique<kit::Client>(host("client of " + actor).ports(), client_options(actor));
  return *at;
}

void StoreWorld::crash() {
  store_.reset();
}

bool StoreWorld::tables_hold(std::string_view bytes) const {
  auto snapshot = open_memory(tables_)->snapshot().value();
  for (size_t space = 0; space < kKeyspaces; ++space) {
    auto at = snapshot->cursor(static_cast<Keyspace>(space));
    for (at->lower_bound({}); at->valid(); at->next()) {
      if (as_text(at->value()).find(bytes) != std::string_view::npos) return true;
    }
  }
  return false;
}

void StoreWorld::start() {
  auto& workers = host("store").ports().workers;
  auto opened = Store::open(host("store").ports(), options_, open_memory(tables_),
                            open_memory_journal(log_, workers));
  if (!opened) give_up(opened.error().message);
  store_ = *std::move(opened);
}

std::shared_ptr<MemoryTables> StoreWorld::copy_of_tables() {
  bool flushed = false;
  store_->state().flush([&](const Status& s) { flushed = s.ok(); });
  if (!world.run_until([&] { return flushed; })) give_up("the store does not come to rest");
  auto copy = std::make_shared<MemoryTables>();
  copy->set_roots(tables_->roots());
  return copy;
}

Got StoreWorld::take_apart(Result<kit::Answer> answer, const schema::KindInfo& kind) const {
  Got got;
  if (!answer) {
    got.status = answer.error();
    return got;
  }
  answer->outcome().UnPackTo(&got.outcome);
  got.status = kit::status_of(answer->outcome());
  if (!got.outcome.object.empty()) {
    if (!codec::verify(kind, got.outcome.object)) give_up("a malformed object came back");
    got.object = codec::to_value(kind, got.outcome.object);
  }
  for (const auto& item : got.outcome.items) {
    if (!codec::verify(kind, item->bytes)) give_up("a malformed item came back");
    got.items.push_back(codec::to_value(kind, item->bytes));
  }
  return got;
}

Got StoreWorld::call(wire::RequestT request, const std::string& actor) {
  const wire::OperationT& op = *request.operations.at(0);
  const schema::KindInfo* of = schema::Registry::get().by_resource(op.group, op.resource);
  const auto* sub = of == nullptr ? nullptr : of->subresource(op.subresource);
  const schema::KindInfo* body =
      sub ? schema::Registry::get().by_kind(sub->group, sub->version, sub->kind) : of;
  std::optional<Result<kit::Answer>> answer;
  client(actor).call(std::move(request),
                     [&](Result<kit::Answer> a) { answer.emplace(std::move(a)); });
  if (!world.run_until([&] { return answer.has_value(); })) give_up("no answer ever came");
  static const schema::KindInfo kNone;
  return take_apart(*std::move(answer), body ? *body : kNone);
}

wire::RequestT StoreWorld::request(wire::Verb verb, std::string_view resource, std::string_view ns,
                                   std::string_view name) {
  wire::RequestT out;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb;
  op->group = kind(resource).group;
  op->resource = resource;
  op->namespace_ = ns;
  op->name = name;
  out.operations.push_back(std::move(op));
  return out;
}

Buffer StoreWorld::encode(std::string_view resource, const json::value& object) {
  auto bytes = codec::from_value(kind(resource), object, nullptr);
  if (!bytes) give_up(bytes.error().message);
  return *std::move(bytes);
}

Got StoreWorld::create(std::string_view resource, std::string_view ns, std::string_view object,
                       const std::string& actor) {
  json::value value = parse(object);
  wire::RequestT r = request(wire::Verb::Create, resource, ns, text_at(value, "name"));
  r.operations[0]->object = encode(resource, value);
  return call(std::move(r), actor);
}

Got StoreWorld::update(std::string_view resource, const json::value& object,
                       std::string_view subresource, const std::string& actor) {
  wire::RequestT r =
      request(wire::Verb::Update, resource, text_at(object, "namespace"), text_at(object, "name"));
  r.operations[0]->subresource = subresource;
  r.operations[0]->object = encode(resource, object);
  return call(std::move(r), actor);
}

Got StoreWorld::patch(std::string_view resource, std::string_view ns, std::string_view name,
                      std::string_view merge_patch, std::string_view subresource,
                      const std::string& actor) {
  wire::RequestT r = request(wire::Verb::Patch, resource, ns, name);
  r.operations[0]->subresource = subresource;
  r.operations[0]->patch_type = wire::PatchType::Merge;
  r.operations[0]->patch.assign(merge_patch.begin(), merge_patch.end());
  return call(std::move(r), actor);
}

Got StoreWorld::get(std::string_view resource, std::string_view ns, std::string_view name,
                    const std::string& actor) {
  return call(request(wire::Verb::Get, resource, ns, name), actor);
}

Got StoreWorld::list(std::string_view resource, std::string_view ns, std::string_view labels,
                     std::string_view fields, const std::string& actor) {
  wire::RequestT r = request(wire::Verb::List, resource, ns, "");
  r.operations[0]->label_selector = labels;
  r.operations[0]->field_selector = fields;
  return call(std::move(r), actor);
}

Got StoreWorld::remove(std::string_view resource, std::string_view ns, std::string_view name,
                       const std::string& actor) {
  return call(request(wire::Verb::Delete, resource, ns, name), actor);
}

Got StoreWorld::create_pod(std::string_view name, std::string_view node) {
  json::object spec{{"containers", json::array{{{"name", "c"}, {"image", "i"}}}}};
  if (!node.empty()) spec["nodeName"] = node;
  json::value pod{{"metadata", {{"name", name}}}, {"spec", std::move(spec)}};
  wire::RequestT r = request(wire::Verb::Create, "pods", "default", name);
  r.operations[0]->object = encode("pods", pod);
  return call(std::move(r));
}

Got StoreWorld::create_node(std::string_view name) {
  wire::RequestT r = request(wire::Verb::Create, "nodes", "", name);
  r.operations[0]->object = encode("nodes", {{"metadata", {{"name", name}}}});
  return call(std::move(r));
}

}  // namespace kubus::store::testing
