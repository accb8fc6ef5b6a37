#include "services/controllers/endpointslice/plan.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <map>
#include <set>

#include "schemas/core/v1/pod_generated.h"
#include "schemas/lib/codec/codec.h"
#include "services/controllers/controller.h"
#include "services/controllers/owners.h"
#include "services/controllers/pods.h"
#include "services/controllers/values.h"

namespace kubus::controllers::endpointslice {
namespace {

namespace json = boost::json;

const core::v1::Pod& pod_in(const Object& object) {
  return *object.as<core::v1::Pod>();
}

std::string_view text(const flatbuffers::String* s) {
  return s ? s->string_view() : std::string_view();
}

std::string_view ip_of(const Object& pod) {
  const auto* status = pod_in(pod).status();
  return status ? text(status->pod_ip()) : std::string_view();
}

bool finished(const Object& pod) {
  const auto* status = pod_in(pod).status();
  std::string_view phase = status ? text(status->phase()) : std::string_view();
  return phase == "Succeeded" || phase == "Failed";
}

// The number of a container's port of that name; 0: none has it.
int64_t named_port(const Object& pod, std::string_view name, std::string_view protocol) {
  const auto* spec = pod_in(pod).spec();
  if (!spec) return 0;
  for (const auto* list : {spec->containers(), spec->init_containers()}) {
    if (!list) continue;
    for (const auto* c : *list) {
      if (!c->ports()) continue;
      for (const auto* p : *c->ports()) {
        std::string_view of = p->protocol() ? p->protocol()->string_view() : "TCP";
        if (text(p->name()) == name && of == protocol) return p->container_port().value_or(0);
      }
    }
  }
  return 0;
}

json::array ports_for(const json::object& spec, const Object& pod) {
  json::array out;
  for (const json::value& v : array_in(spec, "ports")) {
    const json::object& p = v.as_object();
    std::string protocol(text_in(p, "protocol").empty() ? "TCP" : text_in(p, "protocol"));
    int64_t number = int_in(p, "targetPort").value_or(0);
    if (std::string_view name = text_in(p, "targetPort"); !name.empty()) {
      number = named_port(pod, name, protocol);
    } else if (number == 0) {
      number = int_in(p, "port").value_or(0);
    }
    if (number == 0) continue;
    json::object port = {{"name", text_in(p, "name")}, {"port", number}, {"protocol", protocol}};
    if (auto app = text_in(p, "appProtocol"); !app.empty()) port["appProtocol"] = app;
    out.push_back(std::move(port));
  }
  return out;
}

json::object endpoint_of(const Object& pod, const json::object& service_spec) {
  bool is_ready = ready(pod), going = pod.terminating();
  bool told_ready = flag_in(service_spec, "publishNotReadyAddresses") || (is_ready && !going);
  json::object out = {
      {"addresses", json::array{ip_of(pod)}},
      {"conditions",
       json::object{{"ready", told_ready}, {"serving", is_ready}, {"terminating", going}}},
      {"targetRef",
       json::object{
           {"kind", "Pod"}, {"namespace", pod.ns()}, {"name", pod.name()}, {"uid", pod.uid()}}}};
  const auto* spec = pod_in(pod).spec();
  if (spec && !text(spec->node_name()).empty()) out["nodeName"] = text(spec->node_name());
  if (spec && !text(spec->hostname()).empty() && !text(spec->subdomain()).empty()) {
    out["hostname"] = text(spec->hostname());
  }
  return out;
}

std::string uid_of(const json::value& endpoint) {
  return std::string(text_in(object_in(endpoint.as_object(), "targetRef"), "uid"));
}

// A slice as it is, and as it shall be.
struct Draft {
  Object slice;
  json::array before, endpoints;
};

class Planner {
 public:
  Planner(const Observed& o, size_t most)
      : o_(o),
        most_(most),
        whole_(codec::to_value(o.service.kind(), o.service.bytes())),
        spec_(object_in(whole_.as_object(), "spec")) {}

  Plan run() {
    gather();
    std::map<std::string, std::vector<Draft>> drafts;
    for (const Object& s : o_.slices) {
      if (s.terminating()) continue;
      json::value v = codec::to_value(s.kind(), s.bytes());
      Draft d{s, array_in(v.as_object(), "endpoints"), {}};
      drafts[json::serialize(canonical_ports(array_in(v.as_object(), "ports")))].push_back(
          std::move(d));
    }
    for (auto& [ports, list] : drafts) {
      if (!wanted_.count(ports)) spare_.insert(spare_.end(), list.begin(), list.end());
    }
    for (auto& [ports, endpoints] : wanted_) fill(ports, std::move(endpoints), &drafts[ports]);
    for (const Draft& d : spare_) plan_.remove.push_back(d.slice);
    return std::move(plan_);
  }

 private:
  using Endpoints = std::map<std::string, json::object>;  // by the Pod's uid

  void gather() {
    for (const Object& p : o_.pods) {
      if (ip_of(p).empty() || finished(p)) continue;
      json::array ports = canonical_ports(ports_for(spec_, p));
      wanted_[json::serialize(ports)].emplace(p.uid(), endpoint_of(p, spec_));
    }
    // A Service without endpoints has a slice that says so.
    if (wanted_.empty()) wanted_[json::serialize(canonical_ports({}))];
  }

  // As the store would give them back, in one order.
  static json::array canonical_ports(json::array ports) {
    for (json::value& v : ports) {
      json::object& p = v.as_object();
      json::object out = {{"name", text_in(p, "name")},
                          {"protocol", text_in(p, "protocol")},
                          {"port", int_in(p, "port").value_or(0)}};
      if (auto app = text_in(p, "appProtocol"); !app.empty()) out["appProtocol"] = app;
      v = std::move(out);
    }
    std::sort(ports.begin(), ports.end(), [](const json::value& a, const json::value& b) {
      return json::serialize(a) < json::serialize(b);
    });
    return ports;
  }

  void fill(const std::string& ports, Endpoints endpoints, std::vector<Draft>* drafts) {
    for (Draft& d : *drafts) {
      for (const json::value& e : d.before) {
        auto at = endpoints.find(uid_of(e));
        if (at == endpoints.end()) continue;
        d.endpoints.push_back(std::move(at->second));
        endpoints.erase(at);
      }
    }
    for (Draft& d : *drafts) {
      while (d.endpoints.size() < most_ && !endpoints.empty()) take(&endpoints, &d.endpoints);
    }
    while (!endpoints.empty()) {
      Draft d;
      while (d.endpoints.size() < most_ && !endpoints.empty()) take(&endpoints, &d.endpoints);
      create(ports, std::move(d.endpoints));
    }
    bool any = !plan_.create.empty();
    for (Draft& d : *drafts) {
      bool empty = d.endpoints.empty();
      bool last = !any && wanted_.size() == 1 && &d == &drafts->front() &&
                  std::all_of(drafts->begin(), drafts->end(),
                              [](const Draft& x) { return x.endpoints.empty(); });
      if (empty && !last) {
        plan_.remove.push_back(d.slice);
      } else {
        change(d);
      }
    }
    if (drafts->empty() && !any) create(ports, {});
  }

  static void take(Endpoints* from, json::array* to) {
    to->push_back(std::move(from->begin()->second));
    from->erase(from->begin());
  }

  json::object labels() const {
    json::object out = object_in(object_in(whole_.as_object(), "metadata"), "labels");
    out[kServiceName] = o_.service.name();
    out[kManagedBy] = kOurs;
    if (text_in(spec_, "clusterIP") == "None") out["service.kubernetes.io/headless"] = "";
    return out;
  }

  void create(const std::string& ports, json::array endpoints) {
    plan_.create.push_back(
        {{"metadata", json::object{{"labels", labels()},
                                   {"ownerReferences", json::array{controller_ref(o_.service)}}}},
         {"addressType", "IPv4"},
         {"ports", json::parse(ports)},
         {"endpoints", std::move(endpoints)}});
  }

  void change(const Draft& d) {
    json::object patch;
    if (canonical(d.endpoints) != canonical(d.before)) patch["endpoints"] = d.endpoints;
    for (const auto& l : labels()) {
      if (d.slice.label(l.key()) != std::string_view(l.value().as_string())) {
        patch["metadata"] = json::object{{"labels", labels()}};
      }
    }
    if (!patch.empty()) plan_.change.push_back({d.slice, json::serialize(patch)});
  }

  // The codec leaves out what is empty and orders fields: both sides go through it.
  std::string canonical(const json::array& endpoints) const {
    const schema::KindInfo& kind = kind_of("discovery.k8s.io", "endpointslices");
    std::vector<codec::Problem> problems;
    json::object slice = {{"metadata", json::object{{"name", "x"}}},
                          {"addressType", "IPv4"},
                          {"endpoints", endpoints}};
    auto bytes = codec::from_value(kind, slice, &problems);
    if (!bytes) return json::serialize(endpoints);
    return json::serialize(
        array_in(codec::to_value(kind, ByteView(*bytes)).as_object(), "endpoints"));
  }

  const Observed& o_;
  size_t most_;
  json::value whole_;
  const json::object& spec_;
  std::map<std::string, Endpoints> wanted_;  // by ports
  std::vector<Draft> spare_;
  Plan plan_;
};

}  // namespace

bool kept_here(const Object& service) {
  json::value whole = codec::to_value(service.kind(), service.bytes());
  const json::object& spec = object_in(whole.as_object(), "spec");
  return !object_in(spec, "selector").empty() && text_in(spec, "type") != "ExternalName";
}

Plan plan(const Observed& observed, size_t most) {
  return Planner(observed, most).run();
}

}  // namespace kubus::controllers::endpointslice
