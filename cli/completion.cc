#include "cli/completion.h"

#include "schemas/lib/schema/registry.h"

namespace kubus::cli {
namespace {

constexpr const char* kRest = R"sh(_kubus() {
  local word=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]} kind=${COMP_WORDS[2]}
  COMPREPLY=()
  if ((COMP_CWORD == 1)) || { [[ $verb == help ]] && ((COMP_CWORD == 2)); }; then
    COMPREPLY=($(compgen -W "${!_kubus_options[*]} help completion" -- "$word"))
  elif [[ $word == -* ]]; then
    COMPREPLY=($(compgen -W "${_kubus_options[$verb]}" -- "$word"))
  elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == -f || ${COMP_WORDS[COMP_CWORD - 1]} == --filename ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
  elif [[ " cordon uncordon drain taint " == *" $verb "* ]]; then
    COMPREPLY=($(compgen -W "$(kubus get nodes -o name 2>/dev/null | sed 's,.*/,,')" -- "$word"))
  elif [[ " logs exec port-forward " == *" $verb "* ]]; then
    COMPREPLY=($(compgen -W "$(kubus get pods -o name 2>/dev/null | sed 's,.*/,,')" -- "$word"))
  elif [[ $word == */* ]]; then
    COMPREPLY=($(compgen -P "${word%%/*}/" -W "$(kubus get "${word%%/*}" -o name 2>/dev/null | sed 's,.*/,,')" -- "${word#*/}"))
  elif ((COMP_CWORD == 2)); then
    COMPREPLY=($(compgen -W "$_kubus_kinds" -- "$word"))
  else
    COMPREPLY=($(compgen -W "$(kubus get "$kind" -o name 2>/dev/null | sed 's,.*/,,')" -- "$word"))
  fi
}
complete -F _kubus kubus
)sh";

}  // namespace

std::string completion_script(const std::vector<const Command*>& commands) {
  std::string out = "declare -A _kubus_options=(\n";
  for (const Command* c : commands) {
    if (c->hidden) continue;
    po::options_description options;
    if (c->add_options) c->add_options(options.add_options());
    out += "  [" + c->name + "]=\"--help --state";
    for (const auto& o : options.options()) out += " --" + o->long_name();
    out += "\"\n";
  }
  out += ")\n_kubus_kinds=\"";
  for (const auto& kind : schema::Registry::get().kinds()) {
    if (kind->stored) out += kind->resource + " ";
  }
  return out + "\"\n" + kRest;
}

}  // namespace kubus::cli
