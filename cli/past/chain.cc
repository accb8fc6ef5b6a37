#include "cli/past/chain.h"

#include <algorithm>
#include <boost/json.hpp>

namespace kubus::cli {

namespace json = boost::json;

Chain::Chain(std::vector<Link> links, std::set<uint64_t> about) : about_(std::move(about)) {
  for (Link& link : links) links_.emplace(link.revision, std::move(link));
  for (auto& [revision, link] : links_) {
    // A cause is earlier; what claims otherwise is no cause.
    std::erase_if(link.causes, [&, own = revision](uint64_t cause) {
      return !links_.contains(cause) || cause >= own;
    });
    if (!links_.contains(link.of) || link.of >= revision) link.of = 0;
    for (uint64_t cause : link.causes) effects_[cause].push_back(revision);
    if (link.causes.empty() && link.of != 0) effects_[link.of].push_back(revision);
  }
}

uint64_t Chain::told_under(const Link& link) const {
  return link.causes.empty() ? link.of : *std::max_element(link.causes.begin(), link.causes.end());
}

void Chain::tell(uint64_t revision, const std::string& indent, std::string* out) const {
  const Link& link = links_.at(revision);
  *out += indent + (about_.contains(revision) ? "* " : "- ") + link.text;
  uint64_t under = told_under(link);
  std::string others;
  for (uint64_t cause : link.causes) {
    if (cause != under) others += " " + std::to_string(cause);
  }
  if (!others.empty()) *out += "  (also because of" + others + ")";
  *out += "\n";
  for (const std::string& note : link.notes) *out += indent + "      " + note + "\n";
  auto effects = effects_.find(revision);
  if (effects == effects_.end()) return;
  for (uint64_t effect : effects->second) {
    if (told_under(links_.at(effect)) == revision) tell(effect, indent + "  ", out);
  }
}

std::string Chain::text() const {
  std::string out;
  for (const auto& [revision, link] : links_) {
    if (told_under(link) == 0) tell(revision, "", &out);
  }
  return out;
}

json::value Chain::json() const {
  json::array all;
  for (const auto& [revision, link] : links_) {
    json::array causes, notes;
    for (uint64_t cause : link.causes) causes.push_back(cause);
    for (const std::string& note : link.notes) notes.emplace_back(note);
    all.push_back(json::object{{"revision", revision},
                               {"target", link.target},
                               {"text", link.text},
                               {"causes", std::move(causes)},
                               {"notes", std::move(notes)},
                               {"object", link.of},
                               {"asked", about_.contains(revision)}});
  }
  return all;
}

std::string Chain::dot() const {
  std::string out = "digraph why {\n  rankdir=TB; node [shape=box];\n";
  for (const auto& [revision, link] : links_) {
    std::string label = link.text;
    for (const std::string& note : link.notes) label += "\n" + note;
    out += "  r" + std::to_string(revision) + " [label=" + json::serialize(json::value(label)) +
           (about_.contains(revision) ? ", style=bold" : "") + "];\n";
    for (uint64_t cause : link.causes)
      out += "  r" + std::to_string(cause) + " -> r" + std::to_string(revision) + ";\n";
    if (link.causes.empty() && link.of != 0)
      out += "  r" + std::to_string(link.of) + " -> r" + std::to_string(revision) +
             " [style=dashed];\n";
  }
  return out + "}\n";
}

}  // namespace kubus::cli
