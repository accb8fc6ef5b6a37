#include "bus/stream/tickets.h"

#include "schemas/bus/envelope_generated.h"

namespace kubus::stream {
namespace {

std::string text(const flatbuffers::String* s) {
  return s ? s->str() : std::string();
}

}  // namespace

Result<Ticket> ticket_of(const wire::Outcome& outcome) {
  const wire::Ticket* t = outcome.ticket();
  if (!t) return Error(Code::kInternal, "the store's answer holds no ticket");
  return Ticket{text(t->endpoint()), text(t->server_key()), text(t->client_key()),
                text(t->client_secret()), text(t->id())};
}

}  // namespace kubus::stream
