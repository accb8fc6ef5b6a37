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
  std::string text;                // one line
  std::string target;              // "pods/default/web"
  std::vector<std::string> notes;  // lines below it
};

class Chain {
 public:
  // `about`: revisions that were asked about; they are marked.
  Chain(std::vector<Link> links, std::set<uint64_t> about);

  // From what has no known cause down to the last consequences. What was told is not told again: a
  // line says where it stands.
  std::string text() const;
  boost::json::value json() const;
  std::string dot() const;

 private:
  void tell(uint64_t revision, size_t depth, std::set<uint64_t>* told, std::string* out) const;

  std::map<uint64_t, Link> links_;
  std::map<uint64_t, std::vector<uint64_t>> effects_;
  std::set<uint64_t> about_;
};

}  // namespace kubus::cli
