// A causal chain as a tree for people, as JSON and as DOT. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace kubus::cli {

struct Link {
  uint64_t revision = 0;
  std::vector<uint64_t> causes;
  uint64_t of = 0;   // an earlier change of the same object: what has no known cause is told there
  std::string text;  // one line
  std::string target;              // "pods/default/web"
  std::vector<std::string> notes;  // lines below it
};

class Chain {
 public:
  // `about`: revisions that were asked about; they are marked.
  Chain(std::vector<Link> links, std::set<uint64_t> about);

  // From what has no known cause down to the last consequences. What was told is not told again; of
  // several causes the last one tells it, for then it could happen, and the others are named.
  std::string text() const;
  boost::json::value json() const;
  std::string dot() const;

 private:
  void tell(uint64_t revision, const std::string& indent, std::string* out) const;
  // The cause under which text() tells it; 0: it is a root.
  uint64_t told_under(const Link& link) const;

  std::map<uint64_t, Link> links_;
  std::map<uint64_t, std::vector<uint64_t>> effects_;
  std::set<uint64_t> about_;
};

}  // namespace kubus::cli
