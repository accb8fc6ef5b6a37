// Requests to a whole store, one a paragraph: "VERB RESOURCE NAMESPACE NAME SUBRESOURCE
// ACTOR\nOPTIONS\nBODY\n---\n". OPTIONS are words such as labels=, fields=, limit=, patch=, uid=,
// rv=. A paragraph with a zero byte in its body is sent with the bytes changed by what stands
// behind it. Every sound request is answered, and a store that dies afterwards comes back with what
// it held.
#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "services/store/testing/store_fixture.h"
#include "tests/fuzz/input.h"

namespace {

using namespace kubus;
using store::testing::StoreWorld;

std::string text(std::string_view word) {
  return word == "_" ? "" : std::string(word);
}

uint64_t number(std::string_view word) {
  return std::strtoull(std::string(word).c_str(), nullptr, 10);
}

wire::Verb verb_of(std::string_view word) {
  for (int i = 0; i <= static_cast<int>(wire::Verb::MAX); ++i) {
    auto verb = static_cast<wire::Verb>(i);
    if (word == wire::EnumNameVerb(verb)) return verb;
  }
  return wire::Verb::Get;
}

wire::PatchType patch_type_of(std::string_view word) {
  if (word == "json") return wire::PatchType::Json;
  if (word == "strategic") return wire::PatchType::Strategic;
  return wire::PatchType::Merge;
}

void set_option(std::string_view name, std::string_view value, wire::RequestT* r) {
  wire::OperationT& op = *r->operations[0];
  if (name == "labels") op.label_selector = value;
  if (name == "fields") op.field_selector = value;
  if (name == "limit") op.limit = static_cast<uint32_t>(number(value));
  if (name == "continue") op.continue_token = value;
  if (name == "patch") op.patch_type = patch_type_of(value);
  if (name == "manager") op.field_manager = value;
  if (name == "force") op.force = true;
  if (name == "strict") op.field_validation = wire::FieldValidation::Strict;
  if (name == "uid") op.precondition_uid = value;
  if (name == "rv") op.precondition_revision = number(value);
  if (name == "at") op.revision = number(value), op.match = wire::ListMatch::Exact;
  if (name == "grace") op.grace_seconds = static_cast<int64_t>(number(value));
  if (name == "foreground") op.propagation = wire::Propagation::Foreground;
  if (name == "orphan") op.propagation = wire::Propagation::Orphan;
  if (name == "after") op.after = number(value);
  if (name == "dry") r->dry_run = true;
  if (name == "user") {
    r->on_behalf_of = std::make_unique<wire::IdentityT>();
    r->on_behalf_of->user = value;
  }
  if (name == "lane") {
    op.lane = std::make_unique<wire::LaneT>();
    op.lane->group = op.group;
    op.lane->resource = op.resource;
    op.lane->namespace_ = text(value);
  }
}

// The body as the verb wants it: an object of the kind (or of its subresource), or a patch.
void set_body(std::string_view body, wire::OperationT* op) {
  if (op->verb == wire::Verb::Patch || op->verb == wire::Verb::Apply) {
    op->patch.assign(body.begin(), body.end());
    return;
  }
  const auto& registry = schema::Registry::get();
  const schema::KindInfo* kind = registry.by_resource(op->group, op->resource);
  const auto* sub = kind ? kind->subresource(op->subresource) : nullptr;
  if (sub && !sub->version.empty()) kind = registry.by_kind(sub->group, sub->version, sub->kind);
  if (kind == nullptr || body.empty()) return;
  if (auto object = codec::from_json(*kind, body, nullptr)) op->object = *std::move(object);
}

struct Asked {
  wire::RequestT request;
  std::string actor;
  std::string edits;
};

Asked read(std::string_view paragraph) {
  fuzz::Input in(paragraph), words(in.line()), options(in.line());
  Asked out;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb_of(words.word());
  fuzz::Input resource(words.word());
  op->resource = resource.until('.');
  op->group = resource.rest();
  op->namespace_ = text(words.word());
  op->name = text(words.word());
  op->subresource = text(words.word());
  out.actor = words.empty() ? "admin" : std::string(words.word());
  out.request.operations.push_back(std::move(op));
  while (!options.empty()) {
    fuzz::Input option(options.word());
    std::string_view name = option.until('=');
    set_option(name, option.rest(), &out.request);
  }
  set_body(in.until('\0'), out.request.operations[0].get());
  out.edits = in.rest();
  return out;
}

void send_edited(StoreWorld& w, const Asked& asked) {
  wire::RequestT request = asked.request;
  request.id = "edited";
  const wire::OperationT& op = *request.operations[0];
  flatbuffers::FlatBufferBuilder builder;
  builder.Finish(wire::Request::Pack(builder, &request));
  Buffer bytes(builder.GetBufferPointer(), builder.GetBufferPointer() + builder.GetSize());
  fuzz::edit(&bytes, asked.edits);
  static constexpr const char* kVerbs[] = {"get",          "list",    "create", "update",
                                           "patch",        "apply",   "delete", "deletecollection",
                                           "events-after", "history", "heads",  "connect"};
  bus::Subject reply = w.subjects.reply(Actor(asked.actor), "n");
  w.host("rogue").ports().bus.publish(
      w.subjects.api(Actor(asked.actor), kVerbs[static_cast<size_t>(op.verb)], op.group,
                     op.resource),
      bytes, &reply);
  w.world.run_for(std::chrono::seconds(4));
}

// All that a store holds, as text; managers and all.
std::string contents(StoreWorld& w) {
  std::string out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored) continue;
    wire::RequestT r;
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::List;
    op->group = kind->group;
    op->resource = kind->resource;
    r.operations.push_back(std::move(op));
    auto got = w.call(std::move(r));
    for (const auto& item : got.items) out += boost::json::serialize(item) + "\n";
  }
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  constexpr int kMostRequests = 12;
  std::string_view left = as_text({data, size});
  StoreWorld w(1);
  w.world.keep_trace(false);
  for (int i = 0; i < kMostRequests && !left.empty(); ++i) {
    size_t end = left.find("\n---\n");
    Asked asked = read(left.substr(0, end));
    left = end == std::string_view::npos ? std::string_view() : left.substr(end + 5);
    if (asked.edits.empty())
      w.call(std::move(asked.request), asked.actor);
    else
      send_edited(w, asked);
  }
  std::string before = contents(w);
  w.restart();
  KUBUS_CHECK(contents(w) == before);
  return 0;
}
