# What every end-to-end test begins with: a cluster of its own in a temporary directory, taken down at the end.
# KUBUS_BIN: where the programs are.
set -euo pipefail
bin=${KUBUS_BIN:?}
work=$(mktemp -d)
export KUBUS_STATE=$work/cluster
failed=0

kubus() { "$bin/kubus" "$@"; }
cleanup() {
  local rc=$?
  if ((rc != 0)); then
    for log in "$KUBUS_STATE"/logs/*.log; do
      printf '== %s\n' "$log"
      tail -n 15 "$log"
    done
  fi
  kubus down >/dev/null 2>&1 || true
  local left
  left=$(jobs -p)
  [[ -z $left ]] || kill $left 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

say() { printf '%s\n' "$*"; }
# expect TEXT COMMAND…: the command succeeds and prints the text.
expect() {
  local text=$1 out
  shift
  out=$("$@" 2>&1) || { say "FAILED: $* ended with $?: $out"; exit 1; }
  grep -qF -- "$text" <<<"$out" || { say "FAILED: $* does not say \"$text\" but: $out"; exit 1; }
}
# refuse TEXT COMMAND…: the command fails and says the text.
refuse() {
  local text=$1 out
  shift
  if out=$("$@" 2>&1); then say "FAILED: $* was not refused: $out"; exit 1; fi
  grep -qF -- "$text" <<<"$out" || { say "FAILED: $* does not say \"$text\" but: $out"; exit 1; }
}
# eventually SECONDS TEXT COMMAND…: the command prints the text within that time.
eventually() {
  local seconds=$1 text=$2 out=""
  shift 2
  local until=$((SECONDS + seconds))
  while ((SECONDS <= until)); do
    out=$("$@" 2>&1) && grep -qF -- "$text" <<<"$out" && return
    pause 0.2
  done
  say "FAILED: within $seconds s $* does not say \"$text\" but: $out"
  exit 1
}
# eventually_gone SECONDS COMMAND…: the command fails within that time.
eventually_gone() {
  local until=$((SECONDS + $1))
  shift
  while ((SECONDS <= until)); do
    "$@" >/dev/null 2>&1 || return 0
    pause 0.2
  done
  say "FAILED: $* still succeeds"
  exit 1
}
# pause SECONDS: between two looks, never instead of one.
pause() { read -rt "$1" <> <(:) || true; }
# field POD PATH: "status.containerStatuses.0.ready"; nothing if it is not there.
field() {
  kubus get pod "$1" -o json | python3 -c "import json, sys
o = json.load(sys.stdin)
for k in '$2'.split('.'):
    try:
        o = o[int(k)] if k.isdigit() else o[k]
    except (KeyError, IndexError):
        sys.exit()
print(o)"
}
# start_node: a cluster with this machine as its one node, ready.
start_node() {
  kubus up --api-port 0 --bus-port 0 >/dev/null
  eventually 20 Ready kubus get nodes
}
# pid_of COMPONENT
pid_of() { sed -n "s/.*\"name\":\"$1\",\"pid\":\([0-9]*\).*/\1/p" "$KUBUS_STATE/run/status.json"; }
# Kills a component and waits until the supervisor has started it again.
kill_component() {
  local before after
  before=$(pid_of "$1")
  kill -9 "$before"
  for _ in $(seq 500); do
    after=$(pid_of "$1")
    [[ -n $after && $after != 0 && $after != "$before" ]] && return
    pause 0.02
  done
  say "FAILED: $1 was not started again"
  exit 1
}
