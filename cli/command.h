// A verb of the command line: one file under verbs/ defines one and registers it in verbs/verbs.h.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <string>
#include <vector>

#include "schemas/lib/base/result.h"

namespace kubus::cli {

namespace po = boost::program_options;

// What a verb was called with.
struct Invocation {
  po::variables_map options;
  std::vector<std::string> words;  // positional arguments
  // What the process ends with when the verb succeeded: some pass on another's.
  mutable int exit_code = 0;
};

struct Command {
  std::string name;
  std::string summary;   // one line
  std::string usage;     // "kubus get KIND [NAME…]"
  std::string examples;  // several lines
  void (*add_options)(po::options_description_easy_init add) = nullptr;
  // Prints its result to stdout. An error's message goes to stderr and its code gives the exit
  // status.
  Status (*run)(const Invocation& call) = nullptr;
  bool hidden = false;
  bool of_the_past = false;  // may be asked of an exported file instead: --file
};

// Parses `argv`, answers --help, runs the verb. Returns the process's exit code: 0; 1 the request
// failed; 2 bad usage.
int run_command_line(int argc, char** argv, const std::vector<const Command*>& commands);

}  // namespace kubus::cli
