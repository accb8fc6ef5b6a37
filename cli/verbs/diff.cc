#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "cli/past/leaves.h"
#include "cli/reads.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add("from", po::value<std::string>()->default_value(""),
      "the earlier point: a revision, an RFC 3339 time, or -10m");
  add("to", po::value<std::string>()->default_value(""), "the later point (default: now)");
}

using Objects = std::map<std::pair<std::string, std::string>, Object>;

// The kinds named, or all that are kept.
Result<std::vector<Selection>> wanted(const Invocation& call) {
  if (!call.words.empty()) return selections_of(call);
  bool all = call.options["all-namespaces"].as<bool>() || call.options["namespace"].defaulted();
  std::vector<Selection> out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored || (!all && !kind->namespaced)) continue;
    out.push_back({kind.get(), all ? "" : call.options["namespace"].as<std::string>(), {}});
  }
  return out;
}

Result<Objects> objects_at(Session& session, const Invocation& call, const Selection& s,
                           const At& at) {
  Objects out;
  auto listed = [&](const Selection& part) -> Status {
    auto found = read_objects(session, part, call.options["selector"].as<std::string>(),
                              call.options["field-selector"].as<std::string>(), at);
    if (!found) return found.error();
    for (Object& o : *found) {
      std::pair<std::string, std::string> key{o.ns(), o.name()};
      out.emplace(std::move(key), std::move(o));
    }
    return {};
  };
  if (s.names.empty()) {
    if (Status st = listed(s); !st) return st.error();
    return out;
  }
  // Of what is named one may be missing at one of the two points.
  for (const std::string& name : s.names) {
    Status st = listed({s.kind, s.ns, {name}});
    if (!st && st.error().code != Code::kNotFound) return st.error();
  }
  return out;
}

void print(const char* sign, const Object& o, const std::string& changes = "") {
  std::string in = o.ns().empty() ? "" : " -n " + std::string(o.ns());
  std::printf("%s %s%s\n%s", sign, display_name(o.kind(), o.name()).c_str(), in.c_str(),
              changes.c_str());
}

size_t print_changes(const Selection& s, const Objects& before, const Objects& after) {
  auto leaves = [&](const Object& o) {
    return leaves_of(*s.kind->type, codec::to_value(o.kind(), o.bytes()));
  };
  size_t printed = 0;
  for (const auto& [key, object] : before) {
    if (after.contains(key)) continue;
    print("-", object);
    ++printed;
  }
  for (const auto& [key, object] : after) {
    auto was = before.find(key);
    if (was == before.end()) {
      print("+", object);
      ++printed;
    } else if (was->second.revision() != object.revision()) {
      print("~", object, text_of(compare(leaves(was->second), leaves(object))));
      ++printed;
    }
  }
  return printed;
}

Status run(const Invocation& call) {
  if (call.options["from"].as<std::string>().empty())
    return Error(Code::kBadRequest, "--from is needed: a revision, a time, or -10m");
  auto selections = wanted(call);
  if (!selections) return selections.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  int64_t now = (*session)->now_ns();
  auto from = parse_at("--from", call.options["from"].as<std::string>(), now);
  auto to = parse_at("--to", call.options["to"].as<std::string>(), now);
  if (!from) return from.error();
  if (!to) return to.error();
  size_t printed = 0;
  for (const Selection& s : *selections) {
    auto before = objects_at(**session, call, s, *from);
    if (!before) return before.error();
    auto after = objects_at(**session, call, s, *to);
    if (!after) return after.error();
    printed += print_changes(s, *before, *after);
  }
  if (printed == 0) std::printf("no difference\n");
  return {};
}

}  // namespace

const Command kDiff{
    .name = "diff",
    .summary = "what differs between two points of the past: of objects, a kind, a namespace, all",
    .usage = "kubus diff --from POINT [--to POINT] [KIND[/NAME]…] [-n NS]",
    .examples =
        "  kubus diff --from -10m\n"
        "  kubus diff --from 1200 --to 1300 deployment/shop\n"
        "  kubus diff --from -1h -n shop\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
