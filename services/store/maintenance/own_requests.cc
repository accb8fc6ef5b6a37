#include "services/store/maintenance/own_requests.h"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "schemas/bus/envelope_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/store/kinds/priorityclass.h"

namespace kubus::store {
namespace {

namespace json = boost::json;

constexpr const char* kManager = "kubus-store";
constexpr const char* kApi = "kubernetes";

const schema::KindInfo& core(std::string_view resource) {
  return *schema::Registry::get().by_resource("", resource);
}

wire::OperationT* add(wire::Verb verb, const schema::KindInfo& kind, const std::string& ns,
                      const std::string& name, wire::RequestT* request) {
  auto op = std::make_unique<wire::OperationT>();
  op->verb = verb;
  op->group = kind.group;
  op->resource = kind.resource;
  op->namespace_ = ns;
  op->name = name;
  op->field_manager = kManager;
  op->return_object = false;
  request->operations.push_back(std::move(op));
  return request->operations.back().get();
}

void add_create(const schema::KindInfo& kind, const std::string& ns, const json::value& object,
                wire::RequestT* request) {
  auto bytes = codec::from_value(kind, object, nullptr);
  if (bytes) add(wire::Verb::Create, kind, ns, "", request)->object = *std::move(bytes);
}

json::object api_meta() {
  return {{"name", kApi}, {"labels", {{"component", "apiserver"}, {"provider", kApi}}}};
}

json::object api_service(const FirstObjects& options) {
  return {{"metadata", api_meta()},
          {"spec",
           {{"clusterIP", options.first_service_ip},
            {"type", "ClusterIP"},
            {"ports", json::array{{{"name", "https"},
                                   {"protocol", "TCP"},
                                   {"port", 443},
                                   {"targetPort", options.api_port}}}}}}};
}

json::array api_ports(const FirstObjects& options) {
  return {{{"name", "https"}, {"protocol", "TCP"}, {"port", options.api_port}}};
}

json::object api_endpoints(const FirstObjects& options) {
  json::object meta{{"name", kApi},
                    {"labels", {{"endpointslice.kubernetes.io/skip-mirror", "true"}}}};
  json::object subset{{"addresses", {{{"ip", options.api_address}}}},
                      {"ports", api_ports(options)}};
  return {{"metadata", std::move(meta)}, {"subsets", json::array{std::move(subset)}}};
}

json::object api_slice(const FirstObjects& options) {
  json::object meta{{"name", kApi}, {"labels", {{"kubernetes.io/service-name", kApi}}}};
  json::object endpoint{{"addresses", {options.api_address}}, {"conditions", {{"ready", true}}}};
  return {{"metadata", std::move(meta)},
          {"addressType", "IPv4"},
          {"endpoints", json::array{std::move(endpoint)}},
          {"ports", api_ports(options)}};
}

json::object system_class(const kinds::SystemClass& c) {
  return {{"metadata", {{"name", c.name}}}, {"value", c.value}, {"description", c.description}};
}

// Whether `object` holds all that `wanted` says.
bool holds(const json::value& object, const json::value& wanted) {
  if (wanted.is_object() && object.is_object()) {
    for (const auto& [key, value] : wanted.as_object()) {
      const json::value* has = object.as_object().if_contains(key);
      if (!has || !holds(*has, value)) return false;
    }
    return true;
  }
  if (!wanted.is_array() || !object.is_array()) return object == wanted;
  const json::array &a = object.as_array(), &b = wanted.as_array();
  for (size_t i = 0; a.size() == b.size() && i < a.size(); ++i) {
    if (!holds(a[i], b[i])) return false;
  }
  return a.size() == b.size();
}

// default/kubernetes of that kind is, or becomes, what it should be.
void keep(const View& view, const schema::KindInfo& kind, json::object wanted,
          wire::RequestT* request) {
  Stored known = view.find(kind, "default", kApi);
  if (!known) return add_create(kind, "default", wanted, request);
  if (holds(codec::to_value(kind, known.bytes.view()), wanted)) return;
  wire::OperationT* op = add(wire::Verb::Patch, kind, "default", kApi, request);
  op->patch_type = wire::PatchType::Merge;
  std::string text = json::serialize(wanted);
  op->patch.assign(text.begin(), text.end());
}

bool reachable(const std::string& address) {
  return !address.empty() && !address.starts_with("127.");
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
  const auto& classes =
      *schema::Registry::get().by_resource("scheduling.k8s.io", "priorityclasses");
  for (const kinds::SystemClass& c : kinds::kSystemClasses) {
    if (!view.find(classes, "", c.name)) add_create(classes, "", system_class(c), &request);
  }
  keep(view, core("services"), api_service(options), &request);
  if (reachable(options.api_address)) {
    keep(view, core("endpoints"), api_endpoints(options), &request);
    keep(view, *schema::Registry::get().by_resource("discovery.k8s.io", "endpointslices"),
         api_slice(options), &request);
  }
  if (request.operations.empty()) return std::nullopt;
  return packed(request, id);
}

Payload remove_events(const std::vector<View::Name>& names, const std::string& id) {
  wire::RequestT request;
  for (const View::Name& name : names)
    add(wire::Verb::Delete, core("events"), name.ns, name.name, &request);
  return packed(request, id);
}

}  // namespace kubus::store
