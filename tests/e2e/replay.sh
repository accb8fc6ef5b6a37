#!/usr/bin/env bash
# The past again: as text, on the bus under another name, as an API, out of a file; steered, killed, and asked for what is not there.
source "$(dirname "$0")/lib.sh"
# What runs in the background ends with this script too.
trap 'rc=$?; set +e; for p in ${slow:-} ${serve:-} ${night:-}; do kill "$p" 2>/dev/null; done; (exit "$rc"); cleanup' EXIT

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
export TMPDIR=$work
config() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  value: "%s"\n' "$1" "$2"; }
revision() { kubus get cm/"$1" -o json "${@:2}" | sed -n 's/.*"resourceVersion": "\([0-9]*\)".*/\1/p'; }
for value in 1 2 3 4; do kubus apply -f - < <(config a "$value") >/dev/null; [[ $value == 1 ]] && first=$(revision a); done
kubus apply -f - < <(config b x) >/dev/null
kubus delete cm b >/dev/null
last=$(kubus events cm a -o line | tail -n 1 | awk '{print $1}')
end=$(kubus events cm b -o line | tail -n 1 | awk '{print $1}')

say "as text it is what the events say, at any speed"
diff <(kubus events cm -A -o line --since $((first - 1)) | awk -v e="$end" '$1 <= e') \
     <(kubus replay cm -A --from "$first" --to "$end" --speed max)
diff <(kubus events cm a -o line) <(kubus replay cm a --to "$end" --speed 100000 2>/dev/null)
expect "events in" kubus replay --to "$end" --speed max -o none
refuse "lies ahead" kubus replay --to 999999 --speed max
refuse "nothing happened" kubus replay --from "$end" --to "$first" --speed max
refuse "younger than that time" kubus replay --from 2001-01-01T00:00:00Z --speed max
refuse "a speed is" kubus replay --speed fast

say "stepped and steered by words"
"$bin/kubus" replay cm a --from "$first" --to "$end" --speed step --name slow >"$work/slow" 2>/dev/null &
slow=$!
eventually 10 '"position"' kubus replay control slow state
expect '"paused":true' kubus replay control slow step 2
eventually 5 '"played":2' kubus replay control slow state
[[ $(wc -l <"$work/slow") == 2 ]] || { say "FAILED: two steps printed $(cat "$work/slow")"; exit 1; }
refuse "not in what is replayed" kubus replay control slow seek 999999
refuse "understands" kubus replay control slow dance
expect "\"position\":$((last - 1))" kubus replay control slow seek $((last - 1))
kubus replay control slow speed max >/dev/null
kubus replay control slow resume >/dev/null || true
wait "$slow"
[[ $(tail -n 1 "$work/slow" | awk '{print $1}') == "$last" ]] || { say "FAILED: it ended with $(tail -n 1 "$work/slow")"; exit 1; }
refuse "no replay called" kubus replay control nobody state

say "a file is read without a cluster"
expect "records" kubus export "$work/x.kubus" --to "$end"
kubus events cm a -o line >"$work/live"
at=$(kubus get cm a -o yaml --at "$first")
kubus down >/dev/null
diff "$work/live" <(kubus events cm a -o line --file "$work/x.kubus")
diff <(printf '%s\n' "$at") <(kubus get cm a -o yaml --at "$first" --file "$work/x.kubus")
expect '"3" → "4"' kubus history cm/a --file "$work/x.kubus"
diff "$work/live" <(kubus replay cm a --file "$work/x.kubus" --speed max)
refuse "lies ahead" kubus get cm a --at 999999 --file "$work/x.kubus"
head -c $(($(stat -c %s "$work/x.kubus") / 2)) "$work/x.kubus" >"$work/cut.kubus"
refuse "cut short" kubus get cm --file "$work/cut.kubus"
refuse "is no archive" kubus get cm --file "$0"
refuse "cannot read" kubus get cm --file "$work/none.kubus"
[[ -z $(find "$work" -maxdepth 1 -name 'kubus-replay-*') ]] || { say "FAILED: directories are left"; exit 1; }

say "as a read-only API that curl can be pointed at"
"$bin/kubus" replay --serve 127.0.0.1:0 --file "$work/x.kubus" --speed step --name past >"$work/serve" 2>/dev/null &
serve=$!
eventually 20 "KUBECONFIG" cat "$work/serve"
kubeconfig=$(sed -n 's/.*KUBECONFIG=//p' "$work/serve")
dir=$(dirname "$kubeconfig")
part() { sed -n "s/^ *$1: //p" "$kubeconfig" | head -n 1 | tr -d '"'; }
url=$(sed -n 's/^ *server: //p' "$kubeconfig" | tr -d '"')
part certificate-authority-data | base64 -d >"$work/ca.crt"
part client-certificate-data | base64 -d >"$work/admin.crt"
part client-key-data | base64 -d >"$work/admin.key"
api() { curl -sS --max-time 5 --cacert "$work/ca.crt" --cert "$work/admin.crt" --key "$work/admin.key" "${@:2}" "$url$1"; }
steer() { kubus replay control past "$@" --state "$dir"; }
expect '"configmaps"' api /api/v1
steer seek "$first" >/dev/null
expect '"value":"1"' api /api/v1/namespaces/default/configmaps/a
refuse '' kubus get cm b --state "$dir"
steer seek "$last" >/dev/null
expect '"value":"4"' api /api/v1/namespaces/default/configmaps/a
expect '"code":405' api /api/v1/namespaces/default/configmaps/a -X DELETE
expect '"code":405' api /api/v1/namespaces/default/configmaps -X POST -H 'Content-Type: application/yaml' --data-binary "$(config c 1)"
refuse "can only be read" kubus apply -f - --state "$dir" < <(config c 1)
# A watch goes on as the clock does, and is told when the clock is set back.
steer seek "$first" >/dev/null
api "/api/v1/namespaces/default/configmaps?watch=1&resourceVersion=$first" -N --max-time 20 >"$work/watch" &
watch=$!
eventually 5 '"position"' steer state
steer speed max >/dev/null
steer resume >/dev/null
eventually 10 '"value":"4"' cat "$work/watch"
eventually 10 '"DELETED"' cat "$work/watch"
steer pause >/dev/null
steer seek "$first" >/dev/null
eventually 10 '"code":410' cat "$work/watch"
wait "$watch" || true
[[ $(grep -c '"type":"MODIFIED"' "$work/watch") == 3 ]] || { say "FAILED: the watch saw $(cat "$work/watch")"; exit 1; }
kill -9 "$serve"
wait "$serve" 2>/dev/null || true
eventually_gone 10 test -e "$dir"
eventually_gone 10 pgrep -f "$dir"

say "on the bus, under another name"
kubus up >/dev/null
"$bin/kubus" replay --republish night --from "$first" --to "$end" --speed step >"$work/night" 2>/dev/null &
night=$!
eventually 20 "replay.night" cat "$work/night"
kubus replay control night step 3 >/dev/null
eventually 5 '"played":3' kubus replay control night state
kubus replay control night speed max >/dev/null
kubus replay control night resume >/dev/null
wait "$night"
[[ -z $(find "$work" -maxdepth 1 -name 'kubus-replay-*') ]] || { say "FAILED: directories are left"; exit 1; }
say "ok"
