// The words of refusals, as Kubernetes' clients read them, and small readers of the wire.
#pragma once

#include <flatbuffers/flatbuffers.h>

#include <string>
#include <string_view>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/base/bytes.h"
#include "schemas/lib/base/result.h"
#include "schemas/lib/schema/registry.h"
#include "services/store/state/view.h"

namespace kubus::store {

inline std::string_view text_of(const flatbuffers::String* s) {
  return s == nullptr ? std::string_view() : std::string_view(s->c_str(), s->size());
}
inline ByteView bytes_of(const flatbuffers::Vector<uint8_t>* v) {
  return v == nullptr ? ByteView() : ByteView(v->data(), v->size());
}

// "create", "events-after": as subjects say it.
std::string_view verb_word(wire::Verb verb);
bool is_write(wire::Verb verb);
// A subresource that is a byte stream: "log", "exec", "attach", "portforward".
bool is_stream(std::string_view subresource);

// A time at which nothing had happened yet has nothing to be read.
Result<Revision> revision_at(const View& view, int64_t time_ns);

Error not_found(const schema::KindInfo& kind, std::string_view name);
Error already_exists(const schema::KindInfo& kind, std::string_view name);
Error conflict(const schema::KindInfo& kind, std::string_view name, std::string_view why);
Error forbidden(const schema::KindInfo& kind, std::string_view user, std::string_view verb,
                std::string_view ns, std::string_view why);

}  // namespace kubus::store
