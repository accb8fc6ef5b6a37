// Objects on standard output, in the format of -o.
#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "schemas/lib/object.h"

namespace kubus::cli {

enum class Output : uint8_t { kTable, kWide, kYaml, kJson, kName };

// -o; kBadRequest names the known formats.
void add_output_option(po::options_description_easy_init& add);
Result<Output> output_of(const Invocation& call);

// Prints objects of one kind. `single`: one object asked for by name, printed as itself rather than
// as a list (yaml, json).
void print_objects(const schema::KindInfo& kind, const std::vector<Object>& objects, Output output,
                   bool single, bool with_ns, int64_t now_unix_seconds);

// Columns, each as wide as its widest cell, three spaces between. UTF-8 counts by code points.
std::string align(const std::vector<std::vector<std::string>>& rows);

}  // namespace kubus::cli
