#include "services/store/executor/publish.h"

#include "schemas/lib/schema/registry.h"

namespace kubus::store {

Sent publish_change(bus::Bus& bus, const bus::Subjects& subjects, const Published& p) {
  Sent sent;
  auto send = [&](const bus::Subject& subject, const Payload& event) {
    ++(bus.publish(subject, event.view()) ? sent.taken : sent.refused);
  };
  const schema::KindInfo& kind = *p.kind;
  send(subjects.event(kind.group, kind.resource, p.ns, p.name), p.event);
  if (!p.node.empty())
    send(subjects.node_event(p.node, kind.group, kind.resource, p.ns, p.name), p.event);
  for (const Published::Notice& notice : p.notices) {
    send(subjects.node_event(notice.node, kind.group, kind.resource, p.ns, p.name), notice.event);
  }
  return sent;
}

}  // namespace kubus::store
