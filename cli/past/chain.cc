#include "cli/past/chain.h"

#include <algorithm>
#include <boost/json.hpp>

namespace kubus::cli {

namespace json = boost::json;

Chain::Chain(std::vector<Link> links, std::set<uint64_t> about) : about_(std::move(about)) {
  for (Link& link : links) links_.emplace(link.revision, std::move(link));
  for (auto& [revision, link] : links_) {
    std::erase_if(link.causes, [&](uint64_t cause) { return !links_.contains(cause); });
    for (uint64_t cause : link.causes) effects_[cause].push_back(revision);
  }
}

void Chain::tell(uint64_t revision, size_t depth, std::set<uint64_t>* told,
                 std::string* out) const {
  const Link& link = links_.at(revision);
  std::string indent(2 * depth, ' ');
  *out += indent + (about_.contains(revision) ? "* " : "- ") + link.text + "\n";
  for (const std::string& note : link.notes) *out += indent + "    " + note + "\n";
  auto effects = effects_.find(revision);
  if (effects == effects_.end()) return;
  for (uint64_t effect : effects->second) {
    // Of several causes the last one tells it, for then it could happen.
    bool later = links_.at(effect).causes.size() > 1 &&
                 *std::max_element(links_.at(effect).causes.begin(),
                                   links_.at(effect).causes.end()) != revision;
    if (later) continue;
    if (told->insert(effect).second) tell(effect, depth + 1, told, out);
  }
}

std::string Chain::text() const {
  std::string out;
  std::set<uint64_t> told;
  for (const auto& [revision, link] : links_) {
    if (link.causes.empty() && told.insert(revision).second) tell(revision, 0, &told, &out);
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
  }
  return out + "}\n";
}

}  // namespace kubus::cli
