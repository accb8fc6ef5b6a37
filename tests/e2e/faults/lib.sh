# What every fault on real parts begins with: a seed that replays its choices, clients whose history is judged, and a Deployment
# that must come to what was last asked for.
# SEED: the choices; said at the start.
source "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
seed=${SEED:-$((RANDOM % 10000))}
RANDOM=$seed
say "SEED=$seed"

# begin_history SECONDS: clients that write and read a few objects for so long, in the background.
begin_history() {
  "$bin/history-load" run "$KUBUS_STATE/credentials/admin.json" "$1" "$seed" "$work/history" >"$work/judgement" 2>&1 &
  history=$!
}
# end_history: waits for them, and for what their history is worth. A history that is wrong is kept.
end_history() {
  if wait "$history"; then say "  $(tail -n 1 "$work/judgement")"; return; fi
  cat "$work/judgement"
  kept=$(mktemp /tmp/kubus-history-XXXXXX)
  cp "$work/history" "$kept" 2>/dev/null || true
  say "FAILED: SEED=$seed; the history: $kept (history-load check $kept)"
  exit 1
}
# one_of WORD…: one of them, by the seed.
one_of() {
  local words=("$@")
  chosen=${words[RANDOM % $#]}
}
# deployment NAME REPLICAS
deployment() {
  printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\nspec:\n  replicas: %s\n  selector:\n    matchLabels: {app: %s}\n' "$1" "$2" "$1"
  printf '  template:\n    metadata:\n      labels: {app: %s}\n    spec:\n      terminationGracePeriodSeconds: 1\n      containers:\n      - {name: c, image: i}\n' "$1"
}
# count_pods APP: how many there are, how many of them are ready, and how many nodes hold them.
count_pods() {
  kubus get pods -l "app=$1" -o json | python3 -c "import json, sys
pods = json.load(sys.stdin)['items']
ready = [p for p in pods if any(c['type'] == 'Ready' and c['status'] == 'True' for c in p.get('status', {}).get('conditions', []))]
print(len(pods), 'pods', len(ready), 'ready')"
}
# settles APP REPLICAS SECONDS: the Deployment has exactly that.
settles() { eventually "$3" "$2 pods $2 ready" count_pods "$1"; }
