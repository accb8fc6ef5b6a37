#!/usr/bin/env bash
# Events as they are followed: filters, forms, bounds; nothing skipped and nothing twice while store and bus are killed; what cannot be
# had is said. And messages of the bus made readable.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
config() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  labels: {app: %s}\ndata:\n  value: "%s"\n' "$1" "${3:-none}" "$2"; }
revision() { kubus get cm/"$1" -o json | sed -n 's/.*"resourceVersion": "\([0-9]*\)".*/\1/p'; }
revisions() { sed -n 's/^{"revision":\([0-9]*\).*/\1/p' "$@"; }

kubus apply -f - < <(config a 1) >/dev/null
first=$(revision a)
"$bin/kubus" events -f -o json --since $((first - 1)) >"$work/all" &
all=$!
"$bin/kubus" events cm -f --since "$first" >"$work/diffs" &
diffs=$!

say "nothing is skipped or told twice, whatever dies"
for round in 1 2 3; do
  for component in store nats-server; do
    kubus apply -f - < <(config a "$component-$round") >/dev/null
    kill_component "$component"
    kubus apply -f - < <(config "b-$component-$round" x) >/dev/null
  done
done
kubus apply -f - < <(config a last shop) >/dev/null
last=$(revision a)
eventually 30 "\"revision\":$last," cat "$work/all"
diff <(revisions "$work/all" | awk -v l="$last" '$1 <= l') <(seq "$first" "$last")
diff <(revisions "$work/all" | awk -v l="$last" '$1 <= l') \
     <(kubus events -o json --since $((first - 1)) --until "$last" | revisions)
eventually 10 '"nats-server-3" → "last"' cat "$work/diffs"
[[ $(grep -c ' data.value: ' "$work/diffs") == 7 ]] || { say "FAILED: the diffs are $(cat "$work/diffs")"; exit 1; }

say "filters"
count() { kubus events "$@" -o line | wc -l; }
is() { [[ $2 == "$3" ]] || { say "FAILED: $1: $2 instead of $3"; exit 1; }; }
is created "$(count cm --only created --since $((first - 1)))" 7
is names "$(count cm a --since $((first - 1)))" 8
is path "$(count cm --path data.value --since "$first")" 7
is labels "$(count cm -l app=shop)" 1
is left "$(count cm -A -l app=none --until "$last" --since "$first")" 13
is kinds "$(count cm,namespaces -A --actor nobody)" 0
is namespace "$(count -n kube-node-lease --only deleted)" 0
is spec "$(count cm --only spec,deleted --since "$first")" 7
kubus delete cm a >/dev/null
is deleted "$(count cm --only deleted)" 1
is until "$(kubus events cm a --until "$first" -o line | wc -l)" 1
is node "$(count --node nowhere)" 0
refuse "--only" kubus events --only changed
refuse "-o must be" kubus events -o xml
refuse "-f has no end" kubus events -f --until 3

say "CloudEvents"
kubus events cm a -o cloudevents | python3 -c "import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert len(lines) == 9, len(lines)
assert len({(e['source'], e['id']) for e in lines}) == 9
for e in lines:
    assert e['specversion'] == '1.0' and e['source'].startswith('/kubus/') and e['subject'] == 'configmaps/default/a', e
    assert e['time'].endswith('Z') and e['type'].startswith('io.kubus.configmaps.'), e
assert lines[0]['type'].endswith('added') and lines[-1]['type'].endswith('deleted')"

say "what cannot be had"
refuse "lies ahead" kubus events --since 999999
refuse "lies ahead" kubus get cm --at 999999
refuse "lies ahead" kubus diff --from 1 --to 999999
refuse "lies ahead" kubus undo 999999
refuse "younger than that time" kubus events --since 2001-01-01T00:00:00Z
refuse "younger than that time" kubus get cm --at 2001-01-01T00:00:00Z
refuse "not found" kubus history cm/nobody
refuse "not found" kubus blame cm/nobody
refuse "not found" kubus why cm/nobody
refuse "was deleted at revision" kubus blame cm/a
refuse "at either point" kubus diff --from "$first" cm/nobody
refuse "has no field" kubus why cm/a --field spec.nothing
refuse "does not ride on events" kubus blame secret/s
refuse "--since takes" kubus events --since yesterday
kubus apply -f - < <(config a again) >/dev/null
expect "made anew" kubus history cm/a
expect 'value: last' kubus get cm a -o yaml --at "$last"

say "messages made readable"
"$bin/kubus" decode --subscribe 'event._.configmaps.>' --count 2 >"$work/decoded" &
decoding=$!
for n in $(seq 50); do
  kubus apply -f - < <(config d "$n") >/dev/null
  [[ $(wc -l <"$work/decoded") -ge 2 ]] && break
done
wait "$decoding"
python3 - "$work/decoded" <<'P'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 2 and all(e['event']['name'] == 'd' and '.event._.configmaps.' in e['subject'] for e in lines), lines
P
expect '"lane"' kubus decode --subscribe 'head.>' --count 1
expect '"text"' kubus decode <<<'{"a":1}'
refuse "no event" kubus decode kubus.x.event._.pods.a.b <<<'nonsense'
refuse "hexadecimal" kubus decode --hex <<<'xyz'
refuse "nothing the bus carries" kubus decode --hex <<<'00 01 02 ff'
kill "$all" "$diffs"
wait "$all" "$diffs" || true
say "ok"
