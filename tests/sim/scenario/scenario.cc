#include "tests/sim/scenario/scenario.h"

#include <algorithm>
#include <charconv>
#include <set>
#include <sstream>
#include <tuple>

namespace kubus::sim {
namespace {

using std::chrono::milliseconds;

// Every word that a line may begin with, the options it takes, and whose value is what.
struct Word {
  enum class Place { kSetup, kWorkload, kFault, kExpect };
  Place place;
  std::set<std::string, std::less<>> durations, numbers;
};

const std::map<std::string, Word, std::less<>>& words() {
  using P = Word::Place;
  static const std::map<std::string, Word, std::less<>> all = {
      {"deployment", {P::kSetup, {}, {"replicas", "cpu", "unavailable", "surge"}}},
      {"roll", {P::kWorkload, {"every"}, {"bad"}}},
      {"scale", {P::kWorkload, {"every"}, {"from", "to"}}},
      {"registers", {P::kWorkload, {"every"}, {"n", "clients"}}},
      {"race", {P::kWorkload, {"every"}, {"clients"}}},
      {"namespaces", {P::kWorkload, {"every", "life"}, {"replicas"}}},
      {"backup", {P::kWorkload, {"every"}, {"one-in"}}},
      {"past", {P::kWorkload, {"every"}, {"clients"}}},
      {"pods", {P::kWorkload, {"every", "life"}, {"most"}}},
      {"kill", {P::kFault, {"every", "for"}, {}}},
      {"pause", {P::kFault, {"every", "for"}, {}}},
      {"cut", {P::kFault, {"every", "for"}, {}}},
      {"disconnect", {P::kFault, {"every", "for"}, {}}},
      {"overrun", {P::kFault, {"every"}, {}}},
      {"power-off", {P::kFault, {"every", "for"}, {}}},
      {"restart-bus", {P::kFault, {"every", "for"}, {}}},
      {"containers", {P::kFault, {"every"}, {}}},
      {"runtime", {P::kFault, {"every", "for"}, {}}},
      {"disk-full", {P::kFault, {"every", "for"}, {}}},
      {"slow-disk", {P::kFault, {"every", "for", "by"}, {}}},
      {"target", {P::kFault, {"every", "for"}, {}}},
      {"clock", {P::kFault, {"every", "by"}, {}}},
      {"lose", {P::kFault, {}, {"permille"}}},
      {"double", {P::kFault, {}, {"permille"}}},
      {"slow", {P::kFault, {"for"}, {"permille"}}},
      {"evictions", {P::kExpect, {}, {"most"}}},
  };
  return all;
}

Error at(int line, const std::string& what) {
  return Error(Code::kBadRequest, "line " + std::to_string(line) + ": " + what);
}

Result<int> parse_number(std::string_view text) {
  int out = 0;
  auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (problem != std::errc() || end != text.data() + text.size())
    return Error(Code::kBadRequest, "\"" + std::string(text) + "\" is no number");
  return out;
}

Result<std::pair<bus::Duration, bus::Duration>> parse_range(std::string_view text) {
  size_t dots = text.find("..");
  auto least = parse_duration(text.substr(0, dots));
  if (!least) return least.error();
  auto most = dots == std::string_view::npos ? least : parse_duration(text.substr(dots + 2));
  if (!most) return most.error();
  if (*most < *least) return Error(Code::kBadRequest, "the range ends before it begins");
  return std::pair(*least, *most);
}

Result<Step> parse_step(const std::string& text, int line) {
  std::istringstream in(text);
  Step step;
  step.line = line;
  in >> step.word;
  for (std::string word; in >> word;) {
    size_t eq = word.find('=');
    if (eq == std::string::npos) {
      step.names.push_back(word);
    } else if (!step.options.emplace(word.substr(0, eq), word.substr(eq + 1)).second) {
      return at(line, word.substr(0, eq) + " is given twice");
    }
  }
  return step;
}

Status check_step(const Step& step, const Word& word) {
  for (const auto& [key, value] : step.options) {
    Status sound;
    if (word.durations.count(key)) {
      if (auto r = parse_range(value); !r) sound = r.error();
    } else if (word.numbers.count(key)) {
      if (auto n = parse_number(value); !n) sound = n.error();
    } else {
      return at(step.line, step.word + " has no option " + key);
    }
    if (!sound) return at(step.line, key + ": " + sound.error().message);
  }
  return {};
}

// "keep=300", "keep=200..2000", "keep-time=1s..30s"
Status read_retention(const std::string& key, std::string_view value, ClusterSpec* out) {
  if (key == "keep-time") {
    auto range = parse_range(value);
    if (!range) return range.error();
    std::tie(out->keep_time, out->keep_time_most) = *range;
    return {};
  }
  size_t dots = value.find("..");
  auto least = parse_number(value.substr(0, dots));
  auto most = dots == value.npos ? least : parse_number(value.substr(dots + 2));
  if (!least || !most) return (least ? most : least).error();
  if (*most < *least) return Error(Code::kBadRequest, "the range ends before it begins");
  out->keep_revisions = static_cast<uint64_t>(*least);
  out->keep_revisions_most = static_cast<uint64_t>(*most);
  return {};
}

Status read_cluster(const Step& step, ClusterSpec* out) {
  const std::map<std::string, int*, std::less<>> known = {{"nodes", &out->nodes},
                                                          {"schedulers", &out->schedulers},
                                                          {"controllers", &out->controllers},
                                                          {"gateways", &out->gateways},
                                                          {"cpus", &out->cpus}};
  for (const auto& [key, value] : step.options) {
    if (key == "keep" || key == "keep-time") {
      if (Status s = read_retention(key, value, out); !s)
        return at(step.line, key + ": " + s.error().message);
      continue;
    }
    auto number = parse_number(value);
    if (!number) return at(step.line, key + ": " + number.error().message);
    auto found = known.find(key);
    if (found == known.end()) return at(step.line, "cluster has no option " + key);
    *found->second = *number;
  }
  return {};
}

// "route changes resource=pods namespace=default to=batches"
Status read_route(const Step& step, ClusterSpec* out) {
  using To = RouteSpec::To;
  static const std::map<std::string, To, std::less<>> targets = {{"each", To::kEach},
                                                                 {"batches", To::kBatches},
                                                                 {"subjects", To::kSubjects},
                                                                 {"file", To::kFile}};
  for (const auto& [key, value] : step.options) {
    if (key != "group" && key != "resource" && key != "namespace" && key != "to")
      return at(step.line, "route has no option " + key);
  }
  RouteSpec route{.name = step.name(), .ns = step.text("namespace")};
  if (route.name.empty()) return at(step.line, "the route has no name");
  route.kind = schema::Registry::get().by_resource(step.text("group"), step.text("resource"));
  if (route.kind == nullptr)
    return at(step.line, "there is no resource \"" + step.text("resource") + "\"");
  auto target = targets.find(step.text("to", "each"));
  if (target == targets.end()) return at(step.line, "to: each, batches, subjects or file");
  route.to = target->second;
  out->routes.push_back(std::move(route));
  return {};
}

Status take(Step step, Scenario* out) {
  if (step.word == "cluster") return read_cluster(step, &out->cluster);
  if (step.word == "route") return read_route(step, &out->cluster);
  if (step.word == "safety" || step.word == "converge") {
    auto d = parse_duration(step.name());
    if (!d) return at(step.line, d.error().message);
    (step.word == "safety" ? out->safety : out->converge) = *d;
    return {};
  }
  auto found = words().find(step.word);
  if (found == words().end()) return at(step.line, "\"" + step.word + "\" is nothing known");
  if (Status s = check_step(step, found->second); !s) return s;
  auto& list = found->second.place == Word::Place::kSetup      ? out->setup
               : found->second.place == Word::Place::kWorkload ? out->workload
               : found->second.place == Word::Place::kFault    ? out->faults
                                                               : out->expectations;
  list.push_back(std::move(step));
  return {};
}

}  // namespace

std::string Step::text(std::string_view key, std::string_view otherwise) const {
  auto found = options.find(key);
  return std::string(found == options.end() ? otherwise : found->second);
}

int Step::number(std::string_view key, int otherwise) const {
  auto found = options.find(key);
  return found == options.end() ? otherwise : *parse_number(found->second);
}

bus::Duration Step::duration(std::string_view key, bus::Duration otherwise) const {
  auto found = options.find(key);
  return found == options.end() ? otherwise : parse_range(found->second)->first;
}

std::pair<bus::Duration, bus::Duration> Step::range(std::string_view key,
                                                    std::string_view otherwise) const {
  return *parse_range(text(key, otherwise));
}

Result<bus::Duration> parse_duration(std::string_view text) {
  size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  auto number = parse_number(text.substr(0, digits));
  std::string_view unit = text.substr(digits);
  const std::map<std::string_view, bus::Duration> units = {{"ms", milliseconds(1)},
                                                           {"s", std::chrono::seconds(1)},
                                                           {"m", std::chrono::minutes(1)},
                                                           {"h", std::chrono::hours(1)}};
  auto found = units.find(unit);
  if (!number || found == units.end())
    return Error(Code::kBadRequest, "\"" + std::string(text) + "\" is no duration (5s, 200ms, 1h)");
  return *number * found->second;
}

Result<Scenario> parse_scenario(std::string_view name, std::string_view text) {
  Scenario out;
  out.name = name;
  std::istringstream in{std::string(text)};
  int number = 0;
  for (std::string line; std::getline(in, line);) {
    ++number;
    size_t hash = line.find('#');
    if (hash != std::string::npos) {
      if (out.about.empty()) out.about = line.substr(std::min(hash + 2, line.size()));
      line.resize(hash);
    }
    if (line.find_first_not_of(" \t") == std::string::npos) continue;
    auto step = parse_step(line, number);
    if (!step) return step.error();
    if (Status s = take(*std::move(step), &out); !s) return s.error();
  }
  if (out.safety.count() <= 0) return Error(Code::kBadRequest, "\"safety DURATION\" is missing");
  if (out.converge.count() <= 0)
    return Error(Code::kBadRequest, "\"converge DURATION\" is missing");
  return out;
}

}  // namespace kubus::sim
