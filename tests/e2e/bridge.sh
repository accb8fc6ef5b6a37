#!/usr/bin/env bash
# The bridge on real parts: events as CloudEvents to a webhook that fails, goes away and comes back, to a file that rotates and to
# NATS subjects, while the bridge is killed again and again. Each event arrives, first arrivals in order.
source "$(dirname "$0")/lib.sh"
here=$(cd "$(dirname "$0")" && pwd)
bridge=0 sink=0
stop_all() {
  local rc=$?
  ((bridge == 0)) || kill -9 "$bridge" 2>/dev/null || true
  ((sink == 0)) || kill "$sink" 2>/dev/null || true
  ((rc == 0)) || tail -n 15 "$work/bridge.log" || true
  set +e
  (exit "$rc")
  cleanup
}
trap stop_all EXIT

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
start_sink() {
  python3 "$here/http_sink.py" "$port" "$work/taken" --fail 7 &
  sink=$!
}
stop_sink() {
  kill "$sink"
  wait "$sink" 2>/dev/null || true
  sink=0
}
start_bridge() {
  "$bin/kubus" bridge --config "$work/bridge.yaml" 2>>"$work/bridge.log" &
  bridge=$!
}
kill_bridge() {
  kill -9 "$bridge"
  wait "$bridge" 2>/dev/null || true
  bridge=0
}
# create FROM TO: a manifest of that many ConfigMaps, applied at once.
create() {
  for n in $(seq "$1" "$2"); do
    printf -- '---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: m-%04d\n  labels: {team: shop}\n' "$n"
  done | kubus apply -f - >/dev/null
}
# names FILE: of the ConfigMaps in CloudEvents, in order of first arrival; an order that goes back is an error.
names() {
  python3 - "$1" <<'PY'
import json, sys
seen, last = [], 0
for line in open(sys.argv[1], encoding="utf-8"):
    body = json.loads(line)
    for event in body if isinstance(body, list) else [body]:
        assert event["specversion"] == "1.0" and event["source"] == "/kubus/default", event
        revision = int(event["id"])
        if event["data"]["name"] in seen:
            continue
        assert revision > last, f"{revision} came first after {last}"
        last = revision
        seen.append(event["data"]["name"])
print(len(seen), seen[-1] if seen else "")
PY
}

cat >"$work/bridge.yaml" <<CONFIG
routes:
- name: hook
  from: beginning
  filter: {kinds: [cm], namespaces: [default], labels: team=shop, only: [created]}
  webhook: {url: "http://127.0.0.1:$port/in", mode: batched, batch: 20, timeout: 2s}
- name: lines
  from: beginning
  filter: {kinds: [configmaps], labels: team=shop}
  file: {path: $work/lines, size: 64Ki, keep: 50}
- name: secrets
  from: beginning
  filter: {kinds: [secrets], namespaces: [default]}
  file: {path: $work/secrets}
- name: subjects
  nats: {}
CONFIG
refuse 'routes[0].filter.kinds: there is no kind "gizmos"' \
  kubus bridge --check --config <(printf 'routes: [{name: a, nats: {}, filter: {kinds: [gizmos]}}]\n')
kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
expect "" kubus bridge --check --config "$work/bridge.yaml"

say "to a webhook that fails now and then"
start_sink
start_bridge
create 1 60
eventually 10 "60 m-0060" names "$work/taken"

say "the target is away, and the bridge is killed meanwhile"
stop_sink
create 61 100
eventually 10 "Connection refused" cat "$work/bridge.log"
kill_bridge
create 101 160
start_bridge
start_sink
eventually 20 "160 m-0160" names "$work/taken"

say "the bridge is killed while it delivers; store and bus too"
for round in 1 2 3 4; do
  create $((161 + 40 * (round - 1))) $((160 + 40 * round))
  kill_bridge
  start_bridge
done
kill_component store
kill_component nats-server
create 321 340
eventually 20 "340 m-0340" names "$work/taken"

say "the file rotated, and holds everything once"
eventually 10 m-0340 cat "$work/lines"
cat $(ls -v "$work"/lines.* | tac) "$work/lines" >"$work/all-lines"
[[ $(ls "$work"/lines.* | wc -l) -ge 2 ]] || { say "FAILED: the file did not rotate"; exit 1; }
expect "340 m-0340" names "$work/all-lines"
[[ $(wc -l <"$work/all-lines") == 340 ]] || { say "FAILED: the file has $(wc -l <"$work/all-lines") lines, not 340"; exit 1; }

say "secrets go without their values"
kubus apply -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Secret
metadata: {name: s}
stringData: {password: hush}
YAML
eventually 10 '"name":"s"' cat "$work/secrets"
if grep -qE 'hush|aHVzaA' "$work/secrets"; then say "FAILED: a value was told"; exit 1; fi

say "a stop that loses nothing"
kill "$bridge"
wait "$bridge" || { say "FAILED: it did not end well"; exit 1; }
bridge=0
expect '"cluster":"default"' cat "$KUBUS_STATE/bridge/hook.position"
say "ok"
