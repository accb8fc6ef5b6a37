#include "cli/decode/request_json.h"

#include <boost/json.hpp>

#include "schemas/lib/codec/codec.h"
#include "schemas/lib/codec/scalars.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;
using Texts = flatbuffers::Vector<flatbuffers::Offset<flatbuffers::String>>;

constexpr int64_t kMicrosPerMilli = 1'000, kNanosPerMicro = 1'000;

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : "";
}

// Fills an object; what is empty, zero or false is passed over.
class Filler {
 public:
  Filler& put(std::string_view key, const flatbuffers::String* s) {
    if (!text(s).empty()) out_[key] = text(s);
    return *this;
  }
  Filler& put(std::string_view key, const Texts* list) {
    if (list == nullptr || list->size() == 0) return *this;
    json::array items;
    for (const auto* s : *list) items.push_back(json::value(text(s)));
    out_[key] = std::move(items);
    return *this;
  }
  Filler& number(std::string_view key, uint64_t n) {
    if (n != 0) out_[key] = n;
    return *this;
  }
  Filler& flag(std::string_view key, bool on) {
    if (on) out_[key] = true;
    return *this;
  }
  // An enumerator's name, unless it is the first.
  Filler& word(std::string_view key, const char* name, bool is_first) {
    if (!is_first) out_[key] = name;
    return *this;
  }
  Filler& time(std::string_view key, int64_t micros) {
    if (micros != 0) out_[key] = codec::format_micro_time(micros);
    return *this;
  }
  Filler& set(std::string_view key, json::value v) {
    out_[key] = std::move(v);
    return *this;
  }
  json::object take() { return std::move(out_); }

 private:
  json::object out_;
};

json::array numbers_of(const flatbuffers::Vector<uint64_t>* list) {
  json::array out;
  for (size_t i = 0; list != nullptr && i < list->size(); ++i) out.push_back(list->Get(i));
  return out;
}

json::object lane_of(const wire::Lane& lane) {
  return Filler()
      .put("group", lane.group())
      .put("resource", lane.resource())
      .put("namespace", lane.namespace_())
      .put("name", lane.name())
      .put("node", lane.node())
      .take();
}

json::object connect_of(const wire::Connect& c) {
  Filler out;
  out.put("container", c.container()).put("command", c.command()).flag("in", c.in());
  out.flag("out", c.out()).flag("err", c.err()).flag("tty", c.tty()).flag("follow", c.follow());
  out.flag("previous", c.previous()).flag("timestamps", c.timestamps());
  if (c.tail_lines()) out.set("tailLines", *c.tail_lines());
  if (c.limit_bytes()) out.set("limitBytes", *c.limit_bytes());
  out.time("since", c.since() / kNanosPerMicro);
  return out.number("port", static_cast<uint64_t>(c.port())).take();
}

json::value patch_of(const wire::Operation& op, bool with_secrets) {
  const schema::KindInfo* kind = kind_of(op);
  ByteView bytes{op.patch()->data(), op.patch()->size()};
  if (kind != nullptr && kind->confidential && !with_secrets)
    return json::object{{"bytes", bytes.size()}};
  boost::system::error_code failed;
  json::value value = json::parse(as_text(bytes), failed);
  return failed ? json::value(as_text(bytes)) : value;
}

// What says which objects are meant.
void put_target(const wire::Operation& op, Filler* out) {
  out->set("verb", wire::EnumNameVerb(op.verb()))
      .put("group", op.group())
      .put("resource", op.resource())
      .put("namespace", op.namespace_())
      .put("name", op.name())
      .put("subresource", op.subresource())
      .put("labelSelector", op.label_selector())
      .put("fieldSelector", op.field_selector())
      .number("limit", op.limit())
      .put("continueToken", op.continue_token())
      .number("revision", op.revision())
      .word("match", wire::EnumNameListMatch(op.match()), op.match() == wire::ListMatch::Unset)
      .time("atTime", op.at_time() / kNanosPerMicro);
  if (op.lane() != nullptr) out->set("lane", lane_of(*op.lane()));
  out->number("after", op.after());
  if (op.revisions() != nullptr) out->set("revisions", numbers_of(op.revisions()));
  out->flag("backward", op.backward())
      .flag("forward", op.forward())
      .flag("withoutObjects", op.without_objects())
      .put("paths", op.paths())
      .flag("withSecrets", op.with_secrets())
      .number("maxBytes", op.max_bytes());
}

json::object operation_json(const wire::Operation& op, bool with_secrets) {
  Filler out;
  put_target(op, &out);
  if (op.object() != nullptr) {
    out.set("object",
            body_json(body_kind_of(op), {op.object()->data(), op.object()->size()}, with_secrets));
  }
  out.word("patchType", wire::EnumNamePatchType(op.patch_type()),
           op.patch_type() == wire::PatchType::None);
  if (op.patch() != nullptr) out.set("patch", patch_of(op, with_secrets));
  out.put("fieldManager", op.field_manager()).flag("force", op.force());
  out.word("fieldValidation", wire::EnumNameFieldValidation(op.field_validation()),
           op.field_validation() == wire::FieldValidation::Warn);
  out.put("preconditionUid", op.precondition_uid())
      .number("preconditionRevision", op.precondition_revision());
  out.word("propagation", wire::EnumNamePropagation(op.propagation()),
           op.propagation() == wire::Propagation::Default);
  if (op.grace_seconds()) out.set("graceSeconds", *op.grace_seconds());
  if (!op.return_object()) out.set("returnObject", false);
  out.put("problems", op.problems());
  if (op.connect() != nullptr) out.set("connect", connect_of(*op.connect()));
  return out.take();
}

json::object identity_of(const wire::Identity& i) {
  return Filler().put("user", i.user()).put("groups", i.groups()).put("uid", i.uid()).take();
}

}  // namespace

const schema::KindInfo* kind_of(const wire::Operation& op) {
  return schema::Registry::get().by_resource(text(op.group()), text(op.resource()));
}

const schema::KindInfo* body_kind_of(const wire::Operation& op) {
  const schema::KindInfo* kind = kind_of(op);
  if (kind == nullptr || text(op.subresource()).empty()) return kind;
  const auto* sub = kind->subresource(text(op.subresource()));
  if (sub == nullptr || sub->kind.empty()) return kind;
  const auto* body = schema::Registry::get().by_kind(sub->group, sub->version, sub->kind);
  return body != nullptr ? body : kind;
}

json::value body_json(const schema::KindInfo* kind, ByteView bytes, bool with_secrets) {
  if (kind == nullptr || bytes.empty() || !codec::verify(*kind, bytes))
    return json::object{{"bytes", bytes.size()}};
  json::value whole = codec::to_value(*kind, bytes);
  json::object out{{"apiVersion", kind->api_version()}, {"kind", kind->kind}};
  for (auto& member : whole.as_object()) {
    if (!kind->confidential || with_secrets || member.key() == "metadata")
      out[member.key()] = std::move(member.value());
  }
  return out;
}

json::object request_json(const wire::Request& r, bool with_secrets) {
  Filler out;
  out.put("id", r.id())
      .time("deadline", r.deadline_ms() * kMicrosPerMilli)
      .number("minRevision", r.min_revision())
      .flag("dryRun", r.dry_run())
      .put("source", r.source())
      .put("lease", r.lease())
      .number("epoch", r.epoch())
      .flag("atomic", r.atomic());
  if (r.on_behalf_of() != nullptr) out.set("onBehalfOf", identity_of(*r.on_behalf_of()));
  if (r.cause() != nullptr) {
    out.set("cause", json::object{{"trigger", wire::EnumNameTrigger(r.cause()->trigger())},
                                  {"revisions", numbers_of(r.cause()->revisions())}});
  }
  json::array operations;
  for (size_t i = 0; r.operations() != nullptr && i < r.operations()->size(); ++i)
    operations.push_back(operation_json(*r.operations()->Get(i), with_secrets));
  return out.set("operations", std::move(operations)).take();
}

}  // namespace kubus::cli
