#!/usr/bin/env bash
# A control plane on real NATS: writes, refusals, history, and every component killed at once and one by one.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
expect Active kubus get namespaces

say "writes and what came of them"
config() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  value: "%s"\n' "$1" "$2"; }
expect "configmap/a created" kubus apply -f - < <(config a 1)
expect "configmap/a unchanged" kubus apply -f - < <(config a 1)
first=$(kubus get cm/a -o json | sed -n 's/.*"resourceVersion": "\([0-9]*\)".*/\1/p')
expect "configmap/a configured" kubus apply -f - < <(config a 2)
expect '"1" → "2"' kubus history cm/a
expect 'value: "1"' kubus get cm/a -o yaml --at "$first"
expect 'value: "2"' kubus get cm/a -o yaml
expect "configmaps/default/a" kubus events cm a

say "bad input is refused and changes nothing"
# Leaders renew their leases all the while.
newest() { kubus events -o line | grep -v leases | tail -n 1; }
head_before=$(newest)
refuse "line 2, column" kubus apply -f - <<<$'a: b\n c: [1'
refuse 'unknown field "dat"' kubus apply -f - <<<$'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndat: {}'
refuse "data[value]: expected a string" kubus apply -f - <<<$'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  value: 1'
refuse "there is no kind Nothing" kubus apply -f - <<<$'apiVersion: v1\nkind: Nothing\nmetadata:\n  name: a'
refuse "spec.containers" kubus apply -f - <<<$'apiVersion: v1\nkind: Pod\nmetadata:\n  name: p\nspec: {}'
refuse "not found" kubus get pod nothing
refuse "--at takes" kubus get pods --at yesterday
big=$(head -c 1600000 /dev/zero | tr '\0' x)
config big "$big" >"$work/big.yaml"
refuse "" kubus apply -f "$work/big.yaml"
[[ $(newest) == "$head_before" ]] || { say "FAILED: a refused write left an event"; exit 1; }

say "kill -9 of each component, then of all"
for round in 1 2 3; do
  for component in store nats-server gateway scheduler; do
    expect created kubus apply -f - < <(config "before-$component-$round" x)
    kill_component "$component"
    expect "before-$component-$round" kubus get cm "before-$component-$round"
    expect created kubus apply -f - < <(config "after-$component-$round" x)
  done
done
supervisor=$(sed -n 's/.*"pid":\([0-9]*\),"components".*/\1/p; s/^{"pid":\([0-9]*\),.*/\1/p' "$KUBUS_STATE/run/status.json" | head -n 1)
kill -9 "$supervisor"
expect ready kubus up
[[ $(kubus get cm -o name | grep -c -E 'before|after') == 24 ]] || { say "FAILED: acknowledged writes are missing"; exit 1; }

say "a second up, and down"
expect "already running" kubus up
expect stopped kubus down
expect "was not running" kubus down
expect ready kubus up
expect "after-store-1" kubus get cm after-store-1
say "ok"
