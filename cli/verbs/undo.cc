#include <unistd.h>

#include <boost/json.hpp>
#include <charconv>
#include <cstdio>
#include <map>

#include "cli/output/event_text.h"
#include "cli/past/taken_back.h"
#include "cli/resources.h"
#include "cli/terminal.h"
#include "cli/verbs/verbs.h"
#include "schemas/bus/envelope_generated.h"
#include "schemas/bus/event_generated.h"

namespace kubus::cli {
namespace {

// Status of what is undone may be written all the while: then the plan is made again.
constexpr int kTries = 8;
constexpr size_t kMostFollows = 12;

void add_options(po::options_description_easy_init add) {
  add("yes,y", po::bool_switch(), "do it; without, it is only shown");
  add("all", po::bool_switch(), "show all of what follows by itself");
}

void show_step(const UndoStep& step) {
  std::string name = display_name(*step.key.kind, step.key.name);
  if (!step.key.ns.empty()) name += " -n " + step.key.ns;
  switch (step.what) {
    case UndoStep::What::kPatch:
      std::printf("~ %s\n%s", name.c_str(),
                  unified(step.changes, Terminal::is_terminal(STDOUT_FILENO)).c_str());
      break;
    case UndoStep::What::kCreate:
      std::printf("+ %s\n", name.c_str());
      break;
    case UndoStep::What::kDelete:
      std::printf("- %s\n", name.c_str());
      break;
    case UndoStep::What::kNothing:
      std::printf("  %s: %s\n", name.c_str(), step.note.c_str());
      break;
  }
  for (const std::string& path : step.conflicts)
    std::printf("  ! %s was changed since\n", path.c_str());
}

// An object a line: who sees to it, and how many changes that were.
void show_follows(const std::vector<Followed>& follows, bool all) {
  std::vector<std::pair<std::string, size_t>> lines;
  std::map<std::string, size_t> known;
  for (const Followed& f : follows) {
    std::string line = target_of(f.event) + ": " + f.by;
    auto [at, is_new] = known.emplace(line, lines.size());
    if (is_new) lines.emplace_back(line, 0);
    ++lines[at->second].second;
  }
  for (size_t i = 0; i < lines.size(); ++i) {
    if (!all && i == kMostFollows) {
      std::printf("  … and %zu more (--all)\n", lines.size() - i);
      return;
    }
    std::string times =
        lines[i].second == 1 ? "" : "  (" + std::to_string(lines[i].second) + " changes)";
    std::printf("  %s%s\n", lines[i].first.c_str(), times.c_str());
  }
}

void show(const TakenBack& plan, bool follows, bool all) {
  std::printf("the request was:\n");
  for (const kit::EventView& e : plan.request) std::printf("%s\n", event_line(e).c_str());
  std::printf("to take it back:\n");
  for (const UndoStep& step : plan.steps) show_step(step);
  if (plan.follows.empty() || !follows) return;
  std::printf("not written, for it follows by itself:\n");
  show_follows(plan.follows, all);
}

Error conflict_of(const TakenBack& plan) {
  std::string out;
  for (const UndoStep& step : plan.steps) {
    for (const std::string& path : step.conflicts) {
      out += (out.empty() ? "" : ", ") + display_name(*step.key.kind, step.key.name) + " " + path;
    }
  }
  return Error(Code::kConflict, "what was changed since is not overwritten: " + out);
}

// What made it, if it is nothing that can be taken back by itself.
std::string made_by(const TakenBack& plan) {
  std::string out;
  for (const kit::EventView& e : plan.request) {
    if (!e->cause() || !e->cause()->revisions()) continue;
    for (uint64_t r : *e->cause()->revisions()) out += (out.empty() ? "" : " ") + std::to_string(r);
    if (!out.empty()) break;
  }
  return out.empty() ? "" : "; it was made because of " + out;
}

// What the present is when the plan was carried out, or how it would be, without doing it.
Result<kit::Answer> send(Session& session, const TakenBack& plan, uint64_t revision, bool dry_run) {
  auto request = request_of(plan, revision);
  if (!request) return request.error();
  request->dry_run = dry_run;
  return session.call(*std::move(request));
}

bool does_anything(const TakenBack& plan) {
  for (const UndoStep& step : plan.steps) {
    if (step.what != UndoStep::What::kNothing) return true;
  }
  return false;
}

Status carry_out(Session& session, TakenBack plan, uint64_t revision, bool dry_run) {
  for (int tries = kTries;; --tries) {
    auto answer = send(session, plan, revision, dry_run);
    if (answer && dry_run) return {};
    if (answer) {
      size_t last = answer->reply().outcomes() ? answer->reply().outcomes()->size() - 1 : 0;
      std::printf("undone at revision %llu\n",
                  static_cast<unsigned long long>(answer->outcome(last).revision()));
      return {};
    }
    bool moved = answer.error().code == Code::kConflict || answer.error().code == Code::kNotFound ||
                 answer.error().code == Code::kAlreadyExists;
    if (!moved || tries == 0) return answer.error();
    auto again = plan_for(session, revision);
    if (!again) return again.error();
    if (again->conflicts) return conflict_of(*again);
    if (!does_anything(*again)) return answer.error();
    plan = *std::move(again);
  }
}

Status run(const Invocation& call) {
  uint64_t revision = 0;
  std::string word = call.words.size() == 1 ? call.words[0] : "";
  auto [end, code] = std::from_chars(word.data(), word.data() + word.size(), revision);
  if (code != std::errc() || end != word.data() + word.size() || revision == 0)
    return Error(Code::kBadRequest, "name one revision, as in `kubus undo 1200`");
  auto session = Session::open(call);
  if (!session) return session.error();
  auto plan = plan_for(**session, revision);
  if (!plan) return plan.error();
  bool yes = call.options["yes"].as<bool>(), all = call.options["all"].as<bool>();
  show(*plan, !yes || all, all);
  if (plan->conflicts) return conflict_of(*plan);
  if (!does_anything(*plan)) {
    std::printf("there is nothing to take back%s\n", made_by(*plan).c_str());
    return {};
  }
  if (Status s = carry_out(**session, *std::move(plan), revision, !yes); !s) return s;
  if (!yes) std::printf("nothing was changed; --yes does it\n");
  return {};
}

}  // namespace

const Command kUndo{
    .name = "undo",
    .summary = "take back what the request of a revision changed, and what nobody else will",
    .usage = "kubus undo REVISION [--yes]",
    .examples =
        "  kubus undo 1200        what would be done\n"
        "  kubus undo 1200 --yes  done, as one atomic request; not if the same was changed since\n",
    .add_options = add_options,
    .run = run,
};

}  // namespace kubus::cli
