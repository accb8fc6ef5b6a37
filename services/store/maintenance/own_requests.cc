#include "services/store/maintenance/own_requests.h"

#include <boost/json/object.hpp>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::store {
namespace {

namespace json = boost::json;

constexpr const char* kManager = "kubus-store";

const schema::KindInfo& core(std::string_view resource) {
  return *schema::Registry::get().by_resource("", resource);
}

void add_create(const schema::KindInfo& kind, const std::string& ns, const json::value& object,
                wire::RequestT* request) {
  auto bytes = codec::from_value(kind, object, nullptr);
  if (!bytes) return;
  auto op = std::make_unique<wire::OperationT>();
  op->verb = wire::Verb::Create;
  op->resource = kind.resource;
  op->namespace_ = ns;
  op->object = *std::move(bytes);
  op->field_manager = kManager;
  op->return_object = false;
  request->operations.push_back(std::move(op));
}

json::value api_service(const FirstObjects& options) {
  return json::value{{"metadata",
                      {{"name", "kubernetes"},
                       {"labels", {{"component", "apiserver"}, {"provider", "kubernetes"}}}}},
                     {"spec",
                      {{"clusterIP", options.first_service_ip},
                       {"type", "ClusterIP"},
                       {"ports", json::array{{{"name", "https"},
                                              {"protocol", "TCP"},
                                              {"port", 443},
                                              {"targetPort", options.api_port}}}}}}};
}

Payload packed(wire::RequestT& request, const std::string& id) {
  request.id = id;
  flatbuffers::FlatBufferBuilder b(4096);
  b.Finish(wire::CreateRequest(b, &request));
  return Payload::copy_of({b.GetBufferPointer(), b.GetSize()});
}

}  // namespace

std::optional<Payload> first_objects(const View& view, const FirstObjects& options,
                                     const std::string& id) {
  wire::RequestT request;
  for (const char* name : {"default", "kube-system", "kube-public", "kube-node-lease"}) {
    if (!view.find(core("namespaces"), "", name))
      add_create(core("namespaces"), "", {{"metadata", {{"name", name}}}}, &request);
  }
  if (!view.find(core("services"), "default", "kubernetes"))
    add_create(core("services"), "default", api_service(options), &request);
  if (request.operations.empty()) return std::nullopt;
  return packed(request, id);
}

Payload remove_events(const std::vector<View::Name>& names, const std::string& id) {
  wire::RequestT request;
  for (const View::Name& name : names) {
    auto op = std::make_unique<wire::OperationT>();
    op->verb = wire::Verb::Delete;
    op->resource = core("events").resource;
    op->namespace_ = name.ns;
    op->name = name.name;
    op->field_manager = kManager;
    op->return_object = false;
    request.operations.push_back(std::move(op));
  }
  return packed(request, id);
}

}  // namespace kubus::store
