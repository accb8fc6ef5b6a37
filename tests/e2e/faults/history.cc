#include "tests/e2e/faults/history.h"

#include <fstream>
#include <map>
#include <sstream>

namespace kubus::faults {
namespace {

using sim::Operation;

std::string word(const std::string& text) {
  return text.empty() ? "-" : text;
}
std::string text(const std::string& word) {
  return word == "-" ? "" : word;
}

std::string line_of(char list, const Told& t) {
  std::ostringstream out;
  out << list << ' ' << t.revision << ' ' << t.previous << ' ' << t.type << ' ' << t.object << ' '
      << word(t.value) << '\n';
  return out.str();
}

void check_lane(const std::vector<Told>& told, std::vector<std::string>* wrong) {
  for (size_t i = 1; i < told.size(); ++i) {
    if (told[i].revision <= told[i - 1].revision)
      wrong->push_back("the follower was told of revision " + std::to_string(told[i].revision) +
                       " behind " + std::to_string(told[i - 1].revision));
    if (told[i].previous != told[i - 1].revision)
      wrong->push_back("event " + std::to_string(told[i].revision) + " names " +
                       std::to_string(told[i].previous) + " before it; the follower had " +
                       std::to_string(told[i - 1].revision));
  }
}

void check_same(const History& h, std::vector<std::string>* wrong) {
  size_t common = std::min(h.followed.size(), h.replayed.size());
  for (size_t i = 0; i < common; ++i) {
    if (h.followed[i] == h.replayed[i]) continue;
    wrong->push_back("the follower's event " + std::to_string(h.followed[i].revision) +
                     " is in the journal another: " + std::to_string(h.replayed[i].revision));
    return;
  }
  if (h.followed.size() != h.replayed.size())
    wrong->push_back("the follower was told " + std::to_string(h.followed.size()) +
                     " events, the journal holds " + std::to_string(h.replayed.size()));
}

void check_acknowledged(const History& h, std::vector<std::string>* wrong) {
  std::map<uint64_t, const Told*> events;
  for (const Told& t : h.replayed) events[t.revision] = &t;
  for (const Operation& op : h.operations) {
    if (op.kind == Operation::Kind::kRead || op.outcome != Operation::Outcome::kDone ||
        op.revision == 0)
      continue;
    auto found = events.find(op.revision);
    if (found == events.end())
      wrong->push_back("lost: " + op.str());
    else if (found->second->object != op.object || found->second->value != op.value)
      wrong->push_back("another change than the one acknowledged: " + op.str());
  }
}

}  // namespace

Status write_history(const History& h, const std::string& path) {
  std::ofstream out(path);
  for (const Operation& op : h.operations)
    out << "o " << op.client << ' ' << op.object << ' ' << static_cast<int>(op.kind) << ' '
        << static_cast<int>(op.outcome) << ' ' << word(op.value) << ' ' << op.expected << ' '
        << op.revision << ' ' << op.begin << ' ' << op.end << '\n';
  for (const Told& t : h.followed) out << line_of('f', t);
  for (const Told& t : h.replayed) out << line_of('r', t);
  out.close();
  return out ? Status() : Error(Code::kUnavailable, "writing " + path);
}

Result<History> read_history(const std::string& path) {
  std::ifstream in(path);
  if (!in) return Error(Code::kUnavailable, "reading " + path);
  History h;
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line.substr(std::min<size_t>(line.size(), 2)));
    if (line.starts_with('o')) {
      Operation op;
      int kind = 0, outcome = 0;
      words >> op.client >> op.object >> kind >> outcome >> op.value >> op.expected >>
          op.revision >> op.begin >> op.end;
      op.kind = static_cast<Operation::Kind>(kind);
      op.outcome = static_cast<Operation::Outcome>(outcome);
      op.value = text(op.value);
      h.operations.push_back(std::move(op));
    } else {
      Told t;
      words >> t.revision >> t.previous >> t.type >> t.object >> t.value;
      t.value = text(t.value);
      (line.starts_with('f') ? h.followed : h.replayed).push_back(std::move(t));
    }
    if (words.fail()) return Error(Code::kBadRequest, path + ": a broken line: " + line);
  }
  return h;
}

std::vector<std::string> judge(const History& h) {
  std::vector<std::string> wrong;
  sim::Verdict verdict = sim::check_linearizable(h.operations);
  if (!verdict.ok()) wrong.push_back(verdict.str());
  check_lane(h.followed, &wrong);
  check_lane(h.replayed, &wrong);
  check_same(h, &wrong);
  check_acknowledged(h, &wrong);
  return wrong;
}

}  // namespace kubus::faults
