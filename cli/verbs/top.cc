#include <algorithm>
#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "cli/output/printer.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/core/v1/node_generated.h"
#include "schemas/lib/codec/codec.h"
#include "schemas/lib/quantity.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::seconds kPatience{5};
constexpr double kMebi = 1024.0 * 1024.0;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add("selector,l", po::value<std::string>()->default_value(""), "only what has these labels");
  add("containers", po::bool_switch(), "of Pods, each container by itself");
}

// What each kubelet answered, by node; those that did not are missing.
using Answers = std::map<std::string, json::value>;

Result<Answers> ask(Session& session, const std::vector<Object>& nodes) {
  Answers out;
  auto ports = session.host().ports();
  const auto& subjects = session.client().subjects();
  std::vector<std::unique_ptr<bus::Subscription>> waiting;
  for (const Object& node : nodes) {
    std::string name(node.name());
    bus::Subject reply =
        subjects.reply(session.client().options().actor, "top-" + ports.random.uuid());
    waiting.push_back(
        ports.bus.subscribe(bus::Pattern::given(reply.str()), [&out, name](const bus::Message& m) {
          boost::system::error_code failed;
          std::string_view text(reinterpret_cast<const char*>(m.payload.data()), m.payload.size());
          json::value value = json::parse(text, failed);
          if (!failed && value.is_object()) out[name] = std::move(value);
        }));
    ports.bus.publish(subjects.stats("kubelet", name), {}, &reply);
  }
  bool over = nodes.empty();
  auto timer = ports.clock.after(kPatience, [&] { over = true; });
  if (!session.run_until([&] { return over || out.size() == nodes.size(); }))
    return Error(Code::kTimeout, "interrupted");
  return out;
}

double number(const json::value& v, const char* name) {
  const json::value* n = v.is_object() ? v.as_object().if_contains(name) : nullptr;
  return n && n->is_number() ? n->to_number<double>() : 0;
}

const json::array& list(const json::value& v, const char* name) {
  static const json::array kNone;
  const json::value* l = v.is_object() ? v.as_object().if_contains(name) : nullptr;
  return l && l->is_array() ? l->as_array() : kNone;
}

std::string text(const json::value& v, const char* name) {
  const json::value* t = v.is_object() ? v.as_object().if_contains(name) : nullptr;
  return t && t->is_string() ? std::string(t->as_string()) : "";
}

std::string rounded(double value, const char* unit) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.0f%s", value, unit);
  return buffer;
}

// What Pods may have of a resource; 0: the node does not say.
double allocatable(const Object& node, const char* resource) {
  json::value whole = codec::to_value(node.kind(), node.bytes());
  const json::value* status = whole.as_object().if_contains("status");
  const json::value* room = status ? status->as_object().if_contains("allocatable") : nullptr;
  std::string amount = room ? text(*room, resource) : "";
  auto quantity = Quantity::parse(amount);
  return quantity ? static_cast<double>(quantity->milli()) / 1000.0 : 0;
}

std::string share(double used, double of) {
  return of > 0 ? rounded(100 * used / of, "%") : "<unknown>";
}

void print_nodes(const std::vector<Object>& nodes, const Answers& answers) {
  std::vector<std::vector<std::string>> rows = {
      {"NAME", "CPU(cores)", "CPU(%)", "MEMORY(bytes)", "MEMORY(%)"}};
  for (const Object& node : nodes) {
    std::string name(node.name());
    auto answer = answers.find(name);
    const json::value* use =
        answer == answers.end() ? nullptr : answer->second.as_object().if_contains("node");
    if (!use) {
      rows.push_back({name, "<unknown>", "<unknown>", "<unknown>", "<unknown>"});
      continue;
    }
    double cpu = number(*use, "cpuMilli"), memory = number(*use, "memoryBytes");
    rows.push_back({name, rounded(cpu, "m"), share(cpu / 1000, allocatable(node, "cpu")),
                    rounded(memory / kMebi, "Mi"), share(memory, allocatable(node, "memory"))});
  }
  std::printf("%s", align(rows).c_str());
}

struct PodRows {
  bool all_namespaces, containers;
  std::vector<std::vector<std::string>> rows;

  void add(const std::string& ns, const std::string& pod, const std::string& container, double cpu,
           double memory) {
    std::vector<std::string> row;
    if (all_namespaces) row.push_back(ns);
    row.push_back(pod);
    if (containers) row.push_back(container);
    row.push_back(rounded(cpu, "m"));
    row.push_back(rounded(memory / kMebi, "Mi"));
    rows.push_back(std::move(row));
  }
  void add(const json::value& pod) {
    double cpu = 0, memory = 0;
    for (const json::value& c : list(pod, "containers")) {
      cpu += number(c, "cpuMilli");
      memory += number(c, "memoryBytes");
      if (containers)
        add(text(pod, "namespace"), text(pod, "name"), text(c, "name"), number(c, "cpuMilli"),
            number(c, "memoryBytes"));
    }
    if (!containers) add(text(pod, "namespace"), text(pod, "name"), "", cpu, memory);
  }
};

Status print_pods(Session& session, const Invocation& call, const Selection& s,
                  const Answers& answers) {
  auto page = session.list_all(*s.kind, s.ns, call.options["selector"].as<std::string>(), "");
  if (!page) return page.error();
  PodRows out{call.options["all-namespaces"].as<bool>(), call.options["containers"].as<bool>(), {}};
  for (const auto& [node, answer] : answers) {
    for (const json::value& pod : list(answer, "pods")) {
      std::string ns = text(pod, "namespace"), name = text(pod, "name");
      bool wanted = std::any_of(page->items.begin(), page->items.end(),
                                [&](const Object& o) { return o.ns() == ns && o.name() == name; });
      bool named =
          s.names.empty() || std::find(s.names.begin(), s.names.end(), name) != s.names.end();
      if (wanted && named) out.add(pod);
    }
  }
  std::sort(out.rows.begin(), out.rows.end());
  std::vector<std::string> head;
  if (out.all_namespaces) head.emplace_back("NAMESPACE");
  head.emplace_back(out.containers ? "POD" : "NAME");
  if (out.containers) head.emplace_back("NAME");
  head.insert(head.end(), {"CPU(cores)", "MEMORY(bytes)"});
  out.rows.insert(out.rows.begin(), std::move(head));
  std::printf("%s", align(out.rows).c_str());
  return {};
}

Status run(const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  const Selection& s = selections->front();
  bool of_pods = s.kind->resource == "pods";
  if (selections->size() > 1 || !s.kind->group.empty() || (!of_pods && s.kind->resource != "nodes"))
    return Error(Code::kBadRequest, "`kubus top` knows nodes and pods");
  auto session = Session::open(call);
  if (!session) return session.error();
  std::string labels = of_pods ? "" : call.options["selector"].as<std::string>();
  auto page =
      (*session)->list_all(*schema::Registry::get().by_resource("", "nodes"), "", labels, "");
  if (!page) return page.error();
  std::vector<Object> nodes = page->items;
  if (!of_pods && !s.names.empty()) {
    std::erase_if(nodes, [&](const Object& n) {
      return std::find(s.names.begin(), s.names.end(), n.name()) == s.names.end();
    });
  }
  auto answers = ask(**session, nodes);
  if (!answers) return answers.error();
  if (of_pods) return print_pods(**session, call, s, *answers);
  print_nodes(nodes, *answers);
  return {};
}

}  // namespace

const Command kTop{
    .name = "top",
    .summary = "what nodes and Pods use now: CPU and memory",
    .usage = "kubus top nodes|pods [NAME…] [options]",
    .examples =
        "  kubus top nodes\n  kubus top pods -A\n  kubus top pods -l app=web --containers\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
