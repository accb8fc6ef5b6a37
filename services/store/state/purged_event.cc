#include "services/store/state/purged_event.h"

#include <algorithm>

namespace kubus::store {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
using Texts = flatbuffers::Vector<Offset<flatbuffers::String>>;
using Labels = flatbuffers::Vector<Offset<wire::Label>>;

class Rebuilder {
 public:
  Rebuilder(const wire::Event& event, const Purged& purged)
      : event_(event), purged_(purged), b_(4096) {}

  Buffer run() {
    const wire::Event& e = event_;
    auto object = e.object() == nullptr ? 0 : nested();
    auto metadata = e.metadata() == nullptr ? 0 : nested();
    auto actor = copy(e.actor()), user = copy(e.user()), request_id = copy(e.request_id());
    auto why = cause();
    auto group = copy(e.group()), resource = copy(e.resource()), ns = copy(e.namespace_());
    auto name = copy(e.name()), uid = copy(e.uid()), node = copy(e.node());
    auto subresource = copy(e.subresource()), manager = copy(e.manager()),
         source = copy(e.source());
    auto changed = e.changed() == nullptr ? 0 : b_.CreateVectorOfStrings(texts(e.changed()));
    auto old = before();
    auto gone = b_.CreateVectorOfStrings(paths());
    wire::EventBuilder out(b_);
    out.add_type(e.type());
    out.add_revision(e.revision());
    out.add_time(e.time());
    out.add_actor(actor);
    out.add_user(user);
    out.add_request_id(request_id);
    out.add_cause(why);
    out.add_group(group);
    out.add_resource(resource);
    out.add_namespace_(ns);
    out.add_name(name);
    out.add_uid(uid);
    out.add_object(object);
    out.add_metadata(metadata);
    out.add_changed(changed);
    out.add_before(old);
    out.add_previous_resource(e.previous_resource());
    out.add_previous_namespace(e.previous_namespace());
    out.add_previous_object(e.previous_object());
    out.add_previous_node(e.previous_node());
    out.add_node(node);
    out.add_subresource(subresource);
    out.add_manager(manager);
    out.add_source(source);
    out.add_purged(gone);
    b_.Finish(out.Finish());
    return {b_.GetBufferPointer(), b_.GetBufferPointer() + b_.GetSize()};
  }

 private:
  Offset<flatbuffers::String> copy(const flatbuffers::String* s) {
    return s == nullptr ? Offset<flatbuffers::String>() : b_.CreateString(s->data(), s->size());
  }
  Offset<flatbuffers::Vector<uint8_t>> nested() {
    b_.ForceVectorAlignment(purged_.shown.size(), 1, 8);
    return b_.CreateVector(purged_.shown.data(), purged_.shown.size());
  }
  static std::vector<std::string> texts(const Texts* from) {
    std::vector<std::string> out;
    for (size_t i = 0; from != nullptr && i < from->size(); ++i)
      out.push_back(from->Get(static_cast<flatbuffers::uoffset_t>(i))->str());
    return out;
  }
  std::vector<std::string> paths() const {
    std::vector<std::string> out = texts(event_.purged());
    for (const std::string& path : purged_.paths) {
      if (std::find(out.begin(), out.end(), path) == out.end()) out.push_back(path);
    }
    return out;
  }
  Offset<wire::Cause> cause() {
    const wire::Cause* c = event_.cause();
    if (c == nullptr) return {};
    Offset<flatbuffers::Vector<uint64_t>> revisions;
    if (c->revisions() != nullptr)
      revisions = b_.CreateVector(c->revisions()->data(), c->revisions()->size());
    return wire::CreateCause(b_, revisions, c->trigger());
  }
  Offset<Labels> labels(const Labels* from) {
    if (from == nullptr) return {};
    std::vector<Offset<wire::Label>> out;
    for (const wire::Label* label : *from) {
      std::string value = label->value() == nullptr ? "" : label->value()->str();
      out.push_back(
          wire::CreateLabel(b_, copy(label->key()), b_.CreateString(purged_.scrub(value))));
    }
    return b_.CreateVector(out);
  }
  Offset<wire::Before> before() {
    const wire::Before* old = event_.before();
    if (old == nullptr) return {};
    auto was = labels(old->labels()), fields = labels(old->fields());
    return wire::CreateBefore(b_, old->labels_changed(), was, fields);
  }

  const wire::Event& event_;
  const Purged& purged_;
  FlatBufferBuilder b_;
};

}  // namespace

Buffer build_purged(const wire::Event& event, const Purged& purged) {
  return Rebuilder(event, purged).run();
}

}  // namespace kubus::store
