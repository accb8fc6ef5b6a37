#include <algorithm>
#include <boost/json.hpp>
#include <cctype>
#include <cstdio>

#include "cli/output/printer.h"
#include "cli/past/moment.h"
#include "cli/reads.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"
#include "schemas/lib/codec/codec.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

constexpr int64_t kNanosPerSecond = 1'000'000'000;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add_at_option(add);
}

// "terminationGracePeriodSeconds" → "Termination grace period seconds"; "podIP" stays readable as
// "Pod IP".
std::string words_of(std::string_view field) {
  std::string out;
  for (size_t i = 0; i < field.size(); ++i) {
    bool upper = std::isupper(static_cast<unsigned char>(field[i])) != 0;
    bool next_lower =
        i + 1 < field.size() && std::islower(static_cast<unsigned char>(field[i + 1]));
    bool before_lower = i > 0 && std::islower(static_cast<unsigned char>(field[i - 1]));
    if (upper && i > 0 && (before_lower || next_lower)) out += ' ';
    out += upper && next_lower && i > 0 ? static_cast<char>(std::tolower(field[i])) : field[i];
  }
  if (!out.empty()) out[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(out[0])));
  return out;
}

std::string scalar_text(const json::value& v) {
  return v.is_string() ? std::string(v.as_string()) : json::serialize(v);
}

void describe_value(const std::string& name, const json::value& value, const std::string& indent);

void describe_members(const json::object& o, const std::string& indent) {
  for (const auto& member : o) describe_value(words_of(member.key()), member.value(), indent);
}

void describe_item(const json::value& item, const std::string& indent) {
  if (!item.is_object()) {
    std::printf("%s- %s\n", indent.c_str(), scalar_text(item).c_str());
    return;
  }
  const json::object& o = item.as_object();
  const json::value* name = o.if_contains("name");
  if (!name) name = o.if_contains("type");
  std::printf("%s- %s\n", indent.c_str(), name ? scalar_text(*name).c_str() : "");
  describe_members(o, indent + "    ");
}

void describe_value(const std::string& name, const json::value& value, const std::string& indent) {
  if (value.is_null() || (value.is_object() && value.as_object().empty()) ||
      (value.is_array() && value.as_array().empty())) {
    return;
  }
  if (value.is_object()) {
    std::printf("%s%s:\n", indent.c_str(), name.c_str());
    describe_members(value.as_object(), indent + "  ");
  } else if (value.is_array()) {
    std::printf("%s%s:\n", indent.c_str(), name.c_str());
    for (const json::value& item : value.as_array()) describe_item(item, indent + "  ");
  } else {
    std::printf("%s%s: %s\n", indent.c_str(), name.c_str(), scalar_text(value).c_str());
  }
}

void describe(const Object& object) {
  json::object o = codec::to_value(object.kind(), object.bytes()).as_object();
  std::printf("Name: %s\n", std::string(object.name()).c_str());
  if (!object.ns().empty()) std::printf("Namespace: %s\n", std::string(object.ns()).c_str());
  if (json::value* m = o.if_contains("metadata"); m && m->is_object()) {
    for (const char* elsewhere : {"name", "namespace", "managedFields"})
      m->as_object().erase(elsewhere);
  }
  describe_members(o, "");
}

// Kubernetes Events about the object as they were then, oldest first.
Status describe_events(Session& session, const Object& object, const ReadAt& at) {
  const auto* kind = schema::Registry::get().by_resource("", "events");
  std::string ns = object.ns().empty() ? "default" : std::string(object.ns());
  auto items = read_objects(session, {kind, ns, {}}, "",
                            "involvedObject.name=" + std::string(object.name()) +
                                ",involvedObject.kind=" + object.kind().kind,
                            at.at);
  if (!items) return items.error();
  if (items->empty()) {
    std::printf("Events: <none>\n");
    return {};
  }
  std::printf("Events:\n");
  std::sort(items->begin(), items->end(),
            [](const Object& a, const Object& b) { return a.revision() < b.revision(); });
  print_objects(*kind, *items, Output::kTable, false, false, at.time_ns / kNanosPerSecond);
  return {};
}

Status run(const Invocation& call) {
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto at = read_at(**session, call);
  if (!at) return at.error();
  bool first = true;
  for (const Selection& s : *selections) {
    auto objects = read_objects(**session, s, call.options["selector"].as<std::string>(),
                                call.options["field-selector"].as<std::string>(), at->at);
    if (!objects) return objects.error();
    for (const Object& o : *objects) {
      if (!std::exchange(first, false)) std::printf("\n\n");
      describe(o);
      if (Status e = describe_events(**session, o, *at); !e) return e;
    }
  }
  return {};
}

}  // namespace

const Command kDescribe{
    .name = "describe",
    .summary = "show objects field by field, with their events",
    .usage = "kubus describe KIND [NAME…] | KIND/NAME… [options]",
    .examples =
        "  kubus describe pod web\n  kubus describe nodes\n  kubus describe pod web --at -1h\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
