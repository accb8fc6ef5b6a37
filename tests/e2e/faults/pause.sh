#!/usr/bin/env bash
# SIGSTOP: a store that stands still, and leaders that sleep while another leads. Who wakes is not heard any more, takes
# nothing back, and leads again when the other is gone; nothing acknowledged is lost.
# PAUSE: seconds of each.
source "$(dirname "$0")/lib.sh"
length=${PAUSE:-6}
awake=()
sleeping=
trap 'rc=$?; set +e; [[ -z $sleeping ]] || kill -CONT "$sleeping"; kill -9 "${awake[@]}" 2>/dev/null; (exit $rc); cleanup' EXIT
stop() { sleeping=$(pid_of "$1"); kill -STOP "$sleeping"; }
wake() { kill -CONT "$sleeping"; sleeping=; }
# epoch LEASE
epoch() { kubus get lease "$1" -n kube-system -o json | sed -n 's/.*"leaseTransitions": \([0-9]*\).*/\1/p'; }
# Another process of the same component, until `dismiss`.
another() {
  "$bin/kubus-$1" --credentials "$KUBUS_STATE/credentials/$1.json" >"$work/$1-2.log" 2>&1 &
  second=$!
  awake+=("$second")
}
dismiss() { kill -9 "$second"; wait "$second" 2>/dev/null || true; }

kubus up --hollow 2 --api-port 0 --bus-port 0 >/dev/null
expect created kubus create -f - < <(deployment web 2)
settles web 2 30

say "a store that stands still for $length s"
begin_history $((2 * length))
pause 1
stop store
pause "$length"
wake
settles web 2 20
end_history

# leader_sleeps COMPONENT LEASE REPLICAS: it sleeps, another leads and does the work, it wakes.
leader_sleeps() {
  say "$1 sleeps while another leads"
  local before after
  before=$(epoch "$2")
  stop "$1"
  another "$1"
  eventually 20 "leads $2" cat "$work/$1-2.log"
  expect "" kubus scale deployment web --replicas "$3"
  settles web "$3" 20
  wake
  expect "" kubus scale deployment web --replicas $(($3 + 1))
  settles web $(($3 + 1)) 20
  pause "$length"
  after=$(epoch "$2")
  ((after == before + 1)) || { say "FAILED: the lease went from epoch $before to $after: they take it from each other"; exit 1; }
  dismiss
  kubus scale deployment web --replicas "$3" >/dev/null
  settles web "$3" 40
  say "  epoch $before, $after with the second, then $(epoch "$2")"
}
leader_sleeps scheduler kube-scheduler 3
leader_sleeps controllers kube-controller-manager 5
say "ok"
