#include <unistd.h>

#include <boost/json.hpp>
#include <cstdio>
#include <map>

#include "cli/past/leaves.h"
#include "cli/past/moment.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/terminal.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

namespace json = boost::json;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add("from", po::value<std::string>()->default_value(""),
      "the earlier point: a revision, an RFC 3339 time, or -10m");
  add("to", po::value<std::string>()->default_value(""), "the later point (default: now)");
  add("with-secrets", po::bool_switch(), "show what Secrets hold, too");
  add("color", po::value<std::string>()->default_value("auto"), "auto, always or never");
  add("output,o", po::value<std::string>()->default_value("diff"),
      "diff, json (one object a line) or name");
}

using Objects = std::map<std::pair<std::string, std::string>, Object>;

struct Wanted {
  std::string output, labels, fields;
  bool coloured = false, with_secrets = false;
  At from, to;
};

// Of all kinds those that only tell of others, or that somebody still lives, are left out.
bool is_noise(const schema::KindInfo& kind) {
  return kind.resource == "events" || kind.resource == "leases";
}

// The kinds named, or all that are kept.
Result<std::vector<Selection>> selections(const Invocation& call) {
  if (!call.words.empty()) return selections_of(call);
  bool all = call.options["all-namespaces"].as<bool>() || call.options["namespace"].defaulted();
  std::string ns = all ? "" : call.options["namespace"].as<std::string>();
  std::vector<Selection> out;
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (!kind->stored || (!all && !kind->namespaced) || is_noise(*kind)) continue;
    out.push_back({kind.get(), kind->namespaced ? ns : "", {}});
  }
  return out;
}

Result<Wanted> wanted_of(Session& session, const Invocation& call) {
  Wanted out;
  out.output = call.options["output"].as<std::string>();
  out.labels = call.options["selector"].as<std::string>();
  out.fields = call.options["field-selector"].as<std::string>();
  out.with_secrets = call.options["with-secrets"].as<bool>();
  std::string color = call.options["color"].as<std::string>();
  out.coloured = color == "always" || (color == "auto" && Terminal::is_terminal(STDOUT_FILENO));
  auto from = up_to(session, "--from", call.options["from"].as<std::string>());
  if (!from) return from.error();
  auto to = up_to(session, "--to", call.options["to"].as<std::string>());
  if (!to) return to.error();
  if (*from > *to) {
    return Error(Code::kBadRequest, "--from (revision " + std::to_string(from->value()) +
                                        ") lies behind --to (revision " +
                                        std::to_string(to->value()) + ")");
  }
  out.from.revision = from->value();
  out.to.revision = to->value();
  return out;
}

Result<Objects> objects_at(Session& session, const Wanted& wanted, const Selection& s,
                           const At& at) {
  Objects out;
  auto listed = [&](const Selection& part) -> Status {
    auto found = read_objects(session, part, wanted.labels, wanted.fields, at);
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

// Values of confidential kinds are not told, only that they changed.
void hide_values(const schema::KindInfo& kind, std::vector<FieldChange>* changes) {
  if (!kind.confidential) return;
  for (FieldChange& c : *changes) {
    if (c.path.starts_with("metadata.") && c.path.find("last-applied") == std::string::npos)
      continue;
    if (c.before) c.before = "(hidden)";
    if (c.after) c.after = "(hidden, changed)";
  }
}

class Printer {
 public:
  explicit Printer(const Wanted& wanted) : wanted_(wanted) {}

  void print(char sign, const Object& o, std::vector<FieldChange> changes) {
    ++printed_;
    if (!wanted_.with_secrets) hide_values(o.kind(), &changes);
    if (wanted_.output == "json") return print_json(sign, o, changes);
    std::string name = display_name(o.kind(), o.name());
    if (wanted_.output == "name") {
      std::printf("%s\n", name.c_str());
      return;
    }
    std::string in = o.ns().empty() ? "" : " -n " + std::string(o.ns());
    const char* colour = !wanted_.coloured ? ""
                         : sign == '-'     ? "\x1b[1;31m"
                         : sign == '+'     ? "\x1b[1;32m"
                                           : "\x1b[1m";
    std::printf("%s%c %s%s%s\n%s", colour, sign, name.c_str(), in.c_str(),
                wanted_.coloured ? "\x1b[0m" : "", unified(changes, wanted_.coloured).c_str());
  }
  size_t printed() const { return printed_; }

 private:
  static void print_json(char sign, const Object& o, const std::vector<FieldChange>& changes) {
    const char* word = sign == '-' ? "deleted" : sign == '+' ? "added" : "modified";
    json::object line{{"change", word},
                      {"group", o.kind().group},
                      {"resource", o.kind().resource},
                      {"namespace", o.ns()},
                      {"name", o.name()}};
    if (sign == '~') line["fields"] = json_of(changes);
    std::printf("%s\n", json::serialize(line).c_str());
  }

  const Wanted& wanted_;
  size_t printed_ = 0;
};

void print_changes(const Objects& before, const Objects& after, Printer* printer) {
  for (const auto& [key, object] : before) {
    auto is = after.find(key);
    if (is == after.end() || is->second.uid() != object.uid()) printer->print('-', object, {});
  }
  for (const auto& [key, object] : after) {
    auto was = before.find(key);
    if (was == before.end() || was->second.uid() != object.uid()) {
      printer->print('+', object, {});
    } else if (was->second.revision() != object.revision()) {
      printer->print('~', object, compare(leaves_of(was->second), leaves_of(object)));
    }
  }
}

Status run(const Invocation& call) {
  if (call.options["from"].as<std::string>().empty())
    return Error(Code::kBadRequest, "--from is needed: a revision, a time, or -10m");
  auto kinds = selections(call);
  if (!kinds) return kinds.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto wanted = wanted_of(**session, call);
  if (!wanted) return wanted.error();
  if (wanted->output != "diff" && wanted->output != "json" && wanted->output != "name")
    return Error(Code::kBadRequest, "-o must be diff, json or name");
  Printer printer(*wanted);
  bool named = false, found = false;
  for (const Selection& s : *kinds) {
    auto before = objects_at(**session, *wanted, s, wanted->from);
    if (!before) return before.error();
    auto after = objects_at(**session, *wanted, s, wanted->to);
    if (!after) return after.error();
    named |= !s.names.empty();
    found |= !before->empty() || !after->empty();
    print_changes(*before, *after, &printer);
  }
  if (named && !found)
    return Error(Code::kNotFound, "nothing of that name was there at either point");
  if (printer.printed() == 0 && wanted->output == "diff") std::printf("no difference\n");
  return {};
}

}  // namespace

const Command kDiff{
    .name = "diff",
    .summary = "what differs between two points of the past: of objects, a kind, a namespace, all",
    .usage = "kubus diff --from AT [--to AT] [KIND[,KIND] [NAME…] | KIND/NAME…] [-n NS]",
    .examples =
        "  kubus diff --from -10m                                   the whole cluster\n"
        "  kubus diff --from 1200 --to 1300 deployment/shop\n"
        "  kubus diff --from -1h -n shop -o json\n"
        "  kubus diff --from -1h pods -A -l app=shop\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
