#include <cstdio>

#include "cli/output/printer.h"
#include "cli/past/moment.h"
#include "cli/reads.h"
#include "cli/resources.h"
#include "cli/session.h"
#include "cli/verbs/verbs.h"

namespace kubus::cli {
namespace {

constexpr int64_t kNanosPerSecond = 1'000'000'000;

void add_options(po::options_description_easy_init add) {
  add_namespace_options(add);
  add_selector_options(add);
  add_output_option(add);
  add_at_option(add);
}

Status run(const Invocation& call) {
  auto output = output_of(call);
  if (!output) return output.error();
  auto selections = selections_of(call);
  if (!selections) return selections.error();
  auto session = Session::open(call);
  if (!session) return session.error();
  auto at = read_at(**session, call);
  if (!at) return at.error();
  bool all_ns = call.options["all-namespaces"].as<bool>();
  size_t printed = 0;
  for (const Selection& s : *selections) {
    auto objects = read_objects(**session, s, call.options["selector"].as<std::string>(),
                                call.options["field-selector"].as<std::string>(), at->at);
    if (!objects) return objects.error();
    bool as_table = *output == Output::kTable || *output == Output::kWide;
    if (objects->empty() && as_table) continue;
    if (printed++ && as_table) std::printf("\n");
    print_objects(*s.kind, *objects, *output, s.names.size() == 1, all_ns && s.kind->namespaced,
                  at->time_ns / kNanosPerSecond);
  }
  if (printed == 0) {
    std::fprintf(
        stderr, "nothing found%s\n",
        all_ns ? "" : (" in namespace " + call.options["namespace"].as<std::string>()).c_str());
  }
  return {};
}

}  // namespace

const Command kGet{
    .name = "get",
    .summary = "show objects, as they are or as they were",
    .usage = "kubus get KIND [NAME…] | KIND/NAME… [options]",
    .examples =
        "  kubus get pods -o wide\n"
        "  kubus get pods,services -A -l app=web\n"
        "  kubus get pod/web -o yaml --at -10m\n"
        "  kubus get configmaps --at 1200\n",
    .add_options = add_options,
    .run = run,
    .of_the_past = true,
};

}  // namespace kubus::cli
