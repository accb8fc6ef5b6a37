#!/usr/bin/env bash
# The outside subscriber follows ConfigMaps over NATS: live, across kills of the store and the bus, and resuming from its state
# file. Needs node and npm; skipped without.
command -v npm >/dev/null && command -v node >/dev/null || exit 77
source "$(dirname "$0")/lib.sh"

example=$(cd "$(dirname "$0")/../../compose/examples/node" && pwd)
cp -r "$example" "$work/subscribe"
rm -rf "$work/subscribe/node_modules" "$work/subscribe/gen"
export KUBUS_SCHEMAS=$example/../../../schemas
(cd "$work/subscribe" && npm ci --silent --no-audit --no-fund >/dev/null 2>&1) || { say "npm ci failed"; exit 1; }

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
follow() { (cd "$work/subscribe" && node subscribe.js --credentials "$KUBUS_STATE/credentials/admin.json" --lane configmaps --state "$work/position" "$@"); }
create() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n' "$1" | kubus apply -f - >/dev/null; }

say "follows while the store and the bus are killed"
last=$(kubus events -o line | tail -n 1 | awk '{print $1}')
follow --after "$last" --once 8 >"$work/first.txt" &
reader=$!
for n in 1 2 3; do create "a-$n"; done
kill_component store
for n in 4 5; do create "a-$n"; done
kill_component nats-server
for n in 6 7 8; do create "a-$n"; done
wait "$reader"
for n in 1 2 3 4 5 6 7 8; do
  [[ $(grep -c "a-$n\b" "$work/first.txt") == 1 ]] || { say "FAILED: a-$n was not seen exactly once"; cat "$work/first.txt"; exit 1; }
done

say "resumes behind what it saw"
for n in 1 2 3; do create "b-$n"; done
follow --once 3 >"$work/second.txt"
for n in 1 2 3; do
  [[ $(grep -c "b-$n\b" "$work/second.txt") == 1 ]] || { say "FAILED: b-$n was not seen exactly once"; cat "$work/second.txt"; exit 1; }
done
say "ok"
