#include "schemas/lib/table/rows.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <vector>

#include "schemas/lib/table/table.h"

namespace kubus::table {
namespace {

std::string joined(const std::vector<std::string>& parts, const char* by = ",") {
  std::string out;
  for (const std::string& p : parts) out += (out.empty() ? "" : by) + p;
  return out;
}

// At most so many, then how many more.
std::string shortened(const std::vector<std::string>& parts, size_t most) {
  if (parts.size() <= most) return joined(parts);
  std::vector<std::string> first(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(most));
  return joined(first) + " + " + std::to_string(parts.size() - most) + " more...";
}

std::string external_ip(const json::value& service) {
  std::string type = text(service, "spec.type");
  std::vector<std::string> ips;
  if (type == "ExternalName") return text(service, "spec.externalName");
  if (type == "LoadBalancer") {
    for (const json::value& i : items(service, "status.loadBalancer.ingress")) {
      std::string ip = text(i, "ip");
      ips.push_back(ip.empty() ? text(i, "hostname") : ip);
    }
  }
  for (const json::value& i : items(service, "spec.externalIPs")) ips.emplace_back(text(i, ""));
  if (ips.empty() && type == "LoadBalancer") return "<pending>";
  return or_none(joined(ips));
}

std::string service_ports(const json::value& service) {
  std::vector<std::string> ports;
  for (const json::value& p : items(service, "spec.ports")) {
    std::string port = text(p, "port");
    if (number(p, "nodePort") > 0) port += ":" + text(p, "nodePort");
    ports.push_back(port + "/" + text(p, "protocol"));
  }
  return or_none(joined(ports));
}

std::string node_status(const json::value& node) {
  std::string status = "Unknown";
  for (const json::value& c : items(node, "status.conditions")) {
    if (text(c, "type") != "Ready") continue;
    status = text(c, "status") == "True" ? "Ready" : "NotReady";
  }
  const json::value& unschedulable = at(node, "spec.unschedulable");
  if (unschedulable.is_bool() && unschedulable.get_bool()) status += ",SchedulingDisabled";
  return status;
}

std::string node_roles(const json::value& node) {
  constexpr std::string_view kPrefix = "node-role.kubernetes.io/";
  std::vector<std::string> roles;
  const json::value& labels = at(node, "metadata.labels");
  if (labels.is_object()) {
    for (const auto& m : labels.get_object()) {
      std::string key(m.key());
      if (key.rfind(kPrefix, 0) == 0 && key.size() > kPrefix.size())
        roles.push_back(key.substr(kPrefix.size()));
      // The older way to say it.
      if (key == "kubernetes.io/role" && m.value() != "")
        roles.emplace_back(m.value().as_string().c_str());
    }
  }
  std::sort(roles.begin(), roles.end());
  roles.erase(std::unique(roles.begin(), roles.end()), roles.end());
  return or_none(joined(roles));
}

std::string node_address(const json::value& node, std::string_view type) {
  for (const json::value& a : items(node, "status.addresses")) {
    if (text(a, "type") == type) return text(a, "address");
  }
  return "<none>";
}

std::string event_age(const json::value& event, const char* first, int64_t now) {
  if (!text(event, first).empty()) return age(event, first, now);
  if (!text(event, "eventTime").empty()) return age(event, "eventTime", now);
  return "<unknown>";
}

std::string lower(std::string s) {
  std::transform(s.begin(), s.end(), s.begin(), [](unsigned char c) { return std::tolower(c); });
  return s;
}

void container_cells(Row& row) {
  std::vector<std::string> names, images;
  for (const json::value& c : items(row.object, "spec.template.spec.containers")) {
    names.push_back(text(c, "name"));
    images.push_back(text(c, "image"));
  }
  row.set("Containers", joined(names));
  row.set("Images", joined(images));
  row.set("Selector", selector_text(at(row.object, "spec.selector")));
}

}  // namespace

void service_row(Row& row) {
  row.set("Type", text(row.object, "spec.type"));
  row.set("Cluster-IP", or_none(text(row.object, "spec.clusterIP")));
  row.set("External-IP", external_ip(row.object));
  row.set("Port(s)", service_ports(row.object));
  row.set("Selector", or_none(label_map_text(at(row.object, "spec.selector"))));
}

void node_row(Row& row) {
  const json::value& n = row.object;
  row.set("Status", node_status(n));
  row.set("Roles", node_roles(n));
  row.set("Version", text(n, "status.nodeInfo.kubeletVersion"));
  row.set("Internal-IP", node_address(n, "InternalIP"));
  row.set("External-IP", node_address(n, "ExternalIP"));
  auto known = [](std::string s) { return s.empty() ? std::string("<unknown>") : s; };
  row.set("OS-Image", known(text(n, "status.nodeInfo.osImage")));
  std::string kernel = text(n, "status.nodeInfo.kernelVersion"),
              architecture = text(n, "status.nodeInfo.architecture");
  row.set("Kernel-Version", kernel.empty()
                                ? "<unknown>"
                                : kernel + (architecture.empty() ? "" : " (" + architecture + ")"));
  row.set("Container-Runtime", known(text(n, "status.nodeInfo.containerRuntimeVersion")));
}

void event_row(Row& row) {
  const json::value& e = row.object;
  std::string first = event_age(e, "firstTimestamp", row.now);
  row.set("Last Seen", text(e, "lastTimestamp").empty() ? first : age(e, "lastTimestamp", row.now));
  row.set("First Seen", first);
  row.set("Type", text(e, "type"));
  row.set("Reason", text(e, "reason"));
  std::string name = text(e, "involvedObject.name"), kind = lower(text(e, "involvedObject.kind"));
  row.set("Object", name.empty() ? kind : kind + "/" + name);
  row.set("Subobject", text(e, "involvedObject.fieldPath"));
  std::string source = text(e, "source.component"), host = text(e, "source.host");
  if (source.empty()) source = text(e, "reportingComponent");
  row.set("Source", source + (host.empty() ? "" : ", " + host));
  row.set("Message", text(e, "message"));
  row.set("Count", std::max<int64_t>(1, number(e, "count")));
}

void endpoints_row(Row& row) {
  std::vector<std::string> all;
  for (const json::value& subset : items(row.object, "subsets")) {
    for (const json::value& a : items(subset, "addresses")) {
      if (items(subset, "ports").empty()) all.push_back(text(a, "ip"));
      for (const json::value& p : items(subset, "ports"))
        all.push_back(text(a, "ip") + ":" + text(p, "port"));
    }
  }
  row.set("Endpoints", or_none(shortened(all, 3)));
}

void endpoint_slice_row(Row& row) {
  std::vector<std::string> ports, addresses;
  for (const json::value& p : items(row.object, "ports")) {
    std::string port = text(p, "port"), name = text(p, "name");
    ports.push_back(!port.empty() ? port : name.empty() ? "*" : name);
  }
  for (const json::value& e : items(row.object, "endpoints")) {
    for (const json::value& a : items(e, "addresses")) addresses.emplace_back(text(a, ""));
  }
  row.set("AddressType", text(row.object, "addressType"));
  row.set("Ports", ports.empty() ? "<unset>" : shortened(ports, 3));
  row.set("Endpoints", addresses.empty() ? "<unset>" : shortened(addresses, 3));
}

void workload_row(Row& row) {
  const json::value& o = row.object;
  row.set("Ready", text(o, "status.readyReplicas").empty() ? "0" : text(o, "status.readyReplicas"));
  row.set("Desired", number(o, "spec.replicas"));
  row.set("Current", number(o, "status.replicas"));
  row.set("Up-to-date", number(o, "status.updatedReplicas"));
  row.set("Available", number(o, "status.availableReplicas"));
  bool deployment = at(o, "spec.strategy").is_object();
  if (deployment) {
    row.set("Ready", std::to_string(number(o, "status.readyReplicas")) + "/" +
                         std::to_string(number(o, "spec.replicas")));
  } else {
    row.set("Ready", number(o, "status.readyReplicas"));
  }
  container_cells(row);
}

void priority_class_row(Row& row) {
  const json::value& o = row.object;
  row.set("Value", number(o, "value"));
  const json::value& preset = at(o, "globalDefault");
  row.put("Global-Default", preset.is_bool() && preset.get_bool());
  row.set("PreemptionPolicy", text(o, "preemptionPolicy"));
}

void user_row(Row& row) {
  std::string may;
  for (const json::value& right : items(row.object, "spec.may"))
    may += (may.empty() ? "" : ",") + text(right, "");
  row.set("May", or_none(may));
}

void admission_subscriber_row(Row& row) {
  row.set("Policy", text(row.object, "spec.failurePolicy"));
  row.set("Timeout", number(row.object, "spec.timeoutSeconds"));
}

void simple_row(Row& row) {
  const json::value& o = row.object;
  row.set("Status", text(o, "status.phase"));
  row.set("Type", text(o, "type"));
  row.set("Holder", text(o, "spec.holderIdentity"));
  auto size = [&](const char* map) {
    const json::value& m = at(o, map);
    return m.is_object() ? static_cast<int64_t>(m.get_object().size()) : 0;
  };
  row.set("Data", size("data") + size("binaryData"));
}

}  // namespace kubus::table
