#include "cli/command.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <cstdio>
#include <iostream>

#include "cli/completion.h"
#include "schemas/lib/base/error_codes.h"

namespace kubus::cli {
namespace {

constexpr int kFailed = 1;
constexpr int kBadUsage = 2;

void print_overview(std::ostream& out, const std::vector<const Command*>& commands) {
  out << "kubus: a cluster orchestrator on a message bus\n\nUsage: kubus VERB "
         "[options]\n\nVerbs:\n";
  for (const Command* c : commands) {
    if (c->hidden) continue;
    std::string name = c->name;
    name.resize(std::max<size_t>(name.size() + 1, 12), ' ');
    out << "  " << name << c->summary << "\n";
  }
  out << "\n`kubus help VERB` shows a verb's options and examples; `source <(kubus completion)` "
         "teaches them to bash.\n";
}

po::options_description options_of(const Command& command) {
  po::options_description all("Options");
  all.add_options()("help,h", "this text")(
      "state", po::value<std::string>()->default_value(""),
      "the cluster's state directory (else $KUBUS_STATE, else ~/.kubus/default)");
  if (command.of_the_past) {
    all.add_options()("file", po::value<std::string>()->default_value(""),
                      "ask this exported file, not the cluster");
  }
  if (command.add_options) command.add_options(all.add_options());
  return all;
}

void print_help(const Command& command, const po::options_description& options) {
  std::cout << command.summary << "\n\nUsage: " << command.usage << "\n\n" << options;
  if (!command.examples.empty()) std::cout << "\nExamples:\n" << command.examples;
}

// Options and words may be mixed, as in `kubus get pods -o wide web`.
Invocation parse(int argc, char** argv, const po::options_description& options) {
  po::options_description with_words;
  with_words.add(options);
  with_words.add_options()("word", po::value<std::vector<std::string>>());
  po::positional_options_description positions;
  positions.add("word", -1);
  Invocation call;
  po::store(po::command_line_parser(argc, argv).options(with_words).positional(positions).run(),
            call.options);
  if (!call.options.count("help")) po::notify(call.options);
  if (call.options.count("word")) call.words = call.options["word"].as<std::vector<std::string>>();
  return call;
}

int report(const Error& error) {
  std::cerr << "error: " << error.message << "\n";
  if (error.causes.size() > 1) {
    for (const Cause& c : error.causes) {
      std::cerr << "  " << (c.field.empty() ? "" : c.field + ": ") << c.message << "\n";
    }
  }
  return error.code == Code::kBadRequest ? kBadUsage : kFailed;
}

}  // namespace

int run_command_line(int argc, char** argv, const std::vector<const Command*>& commands) {
  std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "completion") return (std::cout << completion_script(commands)), 0;
  bool help = verb == "help" && argc > 2;
  if (help) verb = argv[2];
  if (verb.empty() || verb == "help" || verb == "--help" || verb == "-h") {
    print_overview(verb.empty() ? std::cerr : std::cout, commands);
    return verb.empty() ? kBadUsage : 0;
  }
  auto found = std::find_if(commands.begin(), commands.end(),
                            [&](const Command* c) { return c->name == verb; });
  if (found == commands.end()) {
    std::cerr << "error: there is no verb \"" << verb << "\"; `kubus help` lists them\n";
    return kBadUsage;
  }
  const Command& command = **found;
  po::options_description options = options_of(command);
  if (help) return print_help(command, options), 0;
  try {
    Invocation call = parse(argc - 1, argv + 1, options);
    if (call.options.count("help")) {
      print_help(command, options);
      return 0;
    }
    Status status = command.run(call);
    return status ? call.exit_code : report(status.error());
  } catch (const po::error& e) {
    std::cerr << "error: " << e.what() << "; see `kubus " << verb << " --help`\n";
    return kBadUsage;
  }
}

}  // namespace kubus::cli
