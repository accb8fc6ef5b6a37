// kubus-sim: runs scenarios with seeds, says what does not hold, and tells a seed's story.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <boost/program_options.hpp>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "tests/sim/run.h"

namespace po = boost::program_options;
using namespace kubus;

namespace {

struct Totals {
  size_t seeds = 0, failed = 0, events = 0, acknowledged = 0, operations = 0;
  double simulated_s = 0;
  std::map<std::string, size_t> faults;
};

// What a worker tells of one seed, a line of it: "seed failed simulated events acknowledged
// operations kind=count…".
std::string line_of(uint64_t seed, const sim::Outcome& o) {
  std::ostringstream out;
  out << seed << " " << !o.problems.empty() << " " << o.simulated_s << " " << o.events << " "
      << o.acknowledged << " " << o.operations;
  for (const auto& [kind, n] : o.faults) {
    std::string name = kind;
    std::replace(name.begin(), name.end(), ' ', '_');
    out << " " << name << "=" << n;
  }
  out << "\n";
  return out.str();
}

void add(const std::string& line, Totals* totals) {
  std::istringstream in(line);
  uint64_t seed = 0;
  bool failed = false;
  double simulated = 0;
  size_t events = 0, acknowledged = 0, operations = 0;
  in >> seed >> failed >> simulated >> events >> acknowledged >> operations;
  ++totals->seeds;
  totals->failed += failed;
  totals->simulated_s += simulated;
  totals->events += events;
  totals->acknowledged += acknowledged;
  totals->operations += operations;
  for (std::string word; in >> word;) {
    size_t eq = word.find('=');
    totals->faults[word.substr(0, eq)] += std::stoul(word.substr(eq + 1));
  }
}

void tell_failure(const sim::Scenario& scenario, uint64_t seed, const sim::Outcome& outcome) {
  std::ostringstream out;
  out << "FAILED " << scenario.name << " seed " << seed << "\n";
  for (const auto& p : outcome.problems) out << "  " << p << "\n";
  out << "  again: tests/sim/run --scenario " << scenario.name << " --seed " << seed
      << " --trace\n";
  std::string text = out.str();
  std::fwrite(text.data(), 1, text.size(), stdout);
  std::fflush(stdout);
}

// Seeds first, first + step, … below `end`, in this process; each one's line goes to `to`.
void work(const sim::Scenario& scenario, uint64_t first, uint64_t end, uint64_t step, int to) {
  for (uint64_t seed = first; seed < end; seed += step) {
    std::string begin = "begin " + std::to_string(seed) + "\n";
    if (::write(to, begin.data(), begin.size()) < 0) return;
    sim::Outcome outcome = sim::run(scenario, seed, {});
    if (!outcome.problems.empty()) tell_failure(scenario, seed, outcome);
    std::string line = line_of(seed, outcome);
    if (::write(to, line.data(), line.size()) < 0) return;
  }
}

// One worker process after another over the seeds of one job: a crash costs its seed alone.
struct Job {
  uint64_t next, end, step;
  pid_t pid = 0;
  FILE* from = nullptr;
};

void launch(const sim::Scenario& scenario, Job* job) {
  int ends[2];
  if (::pipe(ends) != 0) throw std::runtime_error("pipe");
  std::fflush(stdout);
  job->pid = ::fork();
  if (job->pid == 0) {
    ::close(ends[0]);
    work(scenario, job->next, job->end, job->step, ends[1]);
    std::fflush(stdout);
    ::_exit(0);
  }
  ::close(ends[1]);
  job->from = ::fdopen(ends[0], "r");
}

// Reads what the worker tells until it ends; true: it crashed in the midst of job->next.
bool follow(Job* job, Totals* totals) {
  char* line = nullptr;
  size_t room = 0;
  bool under_way = false;
  while (::getline(&line, &room, job->from) > 0) {
    std::string text(line);
    if (text.rfind("begin ", 0) == 0) {
      job->next = std::stoull(text.substr(6));
      under_way = true;
    } else {
      add(text, totals);
      under_way = false;
    }
  }
  std::free(line);
  std::fclose(job->from);
  int status = 0;
  ::waitpid(job->pid, &status, 0);
  return under_way;
}

Totals run_seeds(const sim::Scenario& scenario, uint64_t first, uint64_t count, uint64_t jobs) {
  Totals totals;
  std::vector<Job> all;
  for (uint64_t j = 0; j < jobs; ++j) all.push_back({first + j, first + count, jobs});
  for (Job& job : all) launch(scenario, &job);
  for (Job& job : all) {
    while (follow(&job, &totals)) {
      std::printf("FAILED %s seed %llu: the program crashed\n", scenario.name.c_str(),
                  static_cast<unsigned long long>(job.next));
      ++totals.seeds;
      ++totals.failed;
      job.next += job.step;
      if (job.next >= job.end) break;
      launch(scenario, &job);
    }
  }
  return totals;
}

Result<sim::Scenario> load(const std::filesystem::path& path) {
  std::ifstream in(path);
  if (!in) return Error(Code::kNotFound, "there is no scenario " + path.string());
  std::string text(std::istreambuf_iterator<char>(in), {});
  auto out = sim::parse_scenario(path.stem().string(), text);
  if (!out) return Error(Code::kBadRequest, path.string() + ": " + out.error().message);
  return out;
}

int tell_one(const sim::Scenario& scenario, uint64_t seed, bool story, bool messages) {
  sim::RunOptions options;
  options.messages = messages;
  options.fingerprint = true;
  if (story)
    options.print = [](std::string_view line) {
      std::fwrite(line.data(), 1, line.size(), stdout);
      std::fputc('\n', stdout);
    };
  auto began = std::chrono::steady_clock::now();
  sim::Outcome outcome = sim::run(scenario, seed, options);
  double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  if (!outcome.problems.empty()) tell_failure(scenario, seed, outcome);
  std::printf("%s seed %llu: %s; %zu events, fingerprint %016llx\n", scenario.name.c_str(),
              static_cast<unsigned long long>(seed), outcome.problems.empty() ? "holds" : "FAILED",
              outcome.events, static_cast<unsigned long long>(outcome.fingerprint));
  std::fprintf(stderr, "%.0f simulated seconds in %.2f s\n", outcome.simulated_s, took);
  return outcome.problems.empty() ? 0 : 1;
}

int tell_many(const sim::Scenario& scenario, uint64_t first, uint64_t count, uint64_t jobs) {
  auto began = std::chrono::steady_clock::now();
  Totals t = run_seeds(scenario, first, count, jobs);
  double took = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  std::printf(
      "%s: %zu seeds, %zu failed; %.1f s, %.0f seeds/min; %.0f simulated s, %.0f per second\n",
      scenario.name.c_str(), t.seeds, t.failed, took, 60 * static_cast<double>(t.seeds) / took,
      t.simulated_s, t.simulated_s / took);
  std::printf("  %zu events, %zu acknowledged writes, %zu register operations\n", t.events,
              t.acknowledged, t.operations);
  for (const auto& [kind, n] : t.faults) std::printf("  %-24s %zu\n", kind.c_str(), n);
  return t.failed == 0 ? 0 : 1;
}

// "kubelet-n1" writes as "kubelet:n1", "scheduler-0" as "scheduler".
int run_sieve(const sim::Scenario& scenario, const std::string& process, uint64_t step) {
  size_t dash = process.find('-');
  std::string actor = process.substr(0, dash);
  if (actor == "kubelet" && dash != process.npos) actor += ":" + process.substr(dash + 1);
  return sim::sieve(scenario, process, actor, std::max<uint64_t>(step, 1), 1) ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  po::options_description known("kubus-sim: the whole cluster in a seeded simulator");
  std::string directory = KUBUS_SCENARIOS;
  auto option = known.add_options();
  option("help,h", "this text");
  option("scenario", po::value<std::string>()->default_value("mixed"), "its name, or a file");
  option("seed", po::value<uint64_t>(), "one run with this seed");
  option("first", po::value<uint64_t>()->default_value(1), "the first of many seeds");
  option("seeds", po::value<uint64_t>()->default_value(100), "how many");
  option("jobs", po::value<uint64_t>()->default_value(2), "processes");
  option(
      "sieve", po::value<std::string>(),
      "PROCESS: it dies after each of its writes, sees nothing new after each, misses each event");
  option("step", po::value<uint64_t>()->default_value(1), "with --sieve: every so many of them");
  option("trace", "with --seed: tell the story");
  option("messages", "with --trace: and every message on the bus");
  po::variables_map given;
  try {
    po::store(po::parse_command_line(argc, argv, known), given);
    po::notify(given);
  } catch (const po::error& e) {
    return (std::cerr << e.what() << "\n"), 2;
  }
  if (given.count("help")) return (std::cout << known), 0;
  std::filesystem::path path = given["scenario"].as<std::string>();
  if (!path.has_extension()) path = directory + "/" + path.string() + ".sim";
  auto scenario = load(path);
  if (!scenario) return (std::cerr << scenario.error().message << "\n"), 2;
  bool messages = given.count("messages") > 0, story = messages || given.count("trace") > 0;
  if (given.count("sieve"))
    return run_sieve(*scenario, given["sieve"].as<std::string>(), given["step"].as<uint64_t>());
  if (given.count("seed"))
    return tell_one(*scenario, given["seed"].as<uint64_t>(), story, messages);
  return tell_many(*scenario, given["first"].as<uint64_t>(), given["seeds"].as<uint64_t>(),
                   std::max<uint64_t>(given["jobs"].as<uint64_t>(), 1));
}
