#include "services/store/executor/masking.h"

#include "bus/archive/file/entries.h"
#include "bus/archive/record.h"
#include "schemas/bus/event_generated.h"
#include "schemas/lib/base/check.h"
#include "services/store/executor/redact.h"
#include "services/store/state/purged_event.h"

namespace kubus::store {
namespace {

using archive::Entry;
using archive::Record;
using archive::RecordHeader;

ByteView shown_of(const wire::Event& event) {
  const auto* bytes = event.object() != nullptr ? event.object() : event.metadata();
  return bytes == nullptr ? ByteView() : ByteView(bytes->data(), bytes->size());
}

// The event without the values; nullopt: it has none of them. kInternal: they cannot be taken out.
Result<std::optional<Buffer>> masked(const Redactor& redactor, ByteView bytes) {
  const auto* event = flatbuffers::GetRoot<wire::Event>(bytes.data());
  ByteView shown = shown_of(*event);
  Values values;
  if (shown.empty() || !redactor.collect(shown, &values)) return std::optional<Buffer>();
  auto without = redactor.redact(shown, values);
  if (!without) {
    return Error(Code::kInternal,
                 "revision " + std::to_string(event->revision()) + ": its values cannot be masked");
  }
  Purged purged;
  purged.shown = *without;
  purged.paths = redactor.paths();
  purged.scrub = [&](std::string_view text) { return redactor.scrub(text, values); };
  return std::optional(build_purged(*event, purged));
}

}  // namespace

Result<Masking> Masking::of(const std::vector<std::string>& paths) {
  Masking out;
  std::map<std::pair<const schema::KindInfo*, std::string>, std::vector<std::string>> grouped;
  for (const std::string& text : paths) {
    size_t colon = text.find(':'), slash = text.find('/');
    if (colon == std::string::npos)
      return Error(Code::kBadRequest, "\"" + text + "\" is no RESOURCE[.GROUP][/NAME]:PATH");
    if (slash > colon) slash = colon;
    std::string resource = text.substr(0, slash), group;
    if (size_t dot = resource.find('.'); dot != std::string::npos) {
      group = resource.substr(dot + 1);
      resource.resize(dot);
    }
    const auto* kind = schema::Registry::get().by_resource(group, resource);
    if (kind == nullptr)
      return Error(Code::kBadRequest, "\"" + text + "\": there is no such resource");
    std::string name = slash < colon ? text.substr(slash + 1, colon - slash - 1) : "";
    grouped[{kind, name}].push_back(text.substr(colon + 1));
  }
  for (auto& [key, of_kind] : grouped) {
    auto redactor = redactor_of(*key.first, std::move(of_kind));
    if (!redactor) return redactor.error();
    out.kinds_[key.first->number].push_back({key.second, *std::move(redactor)});
  }
  return out;
}

Result<Buffer> Masking::mask(const View& view, ByteView entries) const {
  Buffer out;
  archive::Entries each(entries);
  while (auto entry = each.next()) {
    auto record = archive::decode_record(entry->record);
    KUBUS_CHECK(record);
    auto rules = kinds_.find(record->header.kind);
    if (rules == kinds_.end()) {
      archive::append_entry(&out, *entry);
      continue;
    }
    Payload event = view.event(Revision(entry->revision));
    Buffer now(event.data(), event.data() + event.size());
    archive::Digest digest = archive::event_digest(*record, now);
    bool purged = record->header.format == RecordHeader::kPurged, concerns = false;
    for (const Rule& rule : rules->second) {
      auto name = flatbuffers::GetRoot<wire::Event>(now.data())->name()->string_view();
      if (!rule.name.empty() && rule.name != name) continue;
      concerns = true;
      auto without = masked(*rule.redactor, now);
      if (!without) return without.error();
      purged |= without->has_value();
      if (*without) now = **std::move(without);
    }
    std::string whole;
    if (concerns) {
      whole =
          archive::encode_record(record->header, now, record->notices, purged ? &digest : nullptr);
      entry->record = as_bytes(whole);
    }
    archive::append_entry(&out, *entry);
  }
  return out;
}

}  // namespace kubus::store
