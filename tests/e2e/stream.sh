#!/usr/bin/env bash
# The optional stream of events: a durable consumer sees every revision once, in order, whatever is killed or deleted meanwhile.
source "$(dirname "$0")/lib.sh"
here=$(dirname "$0")

create() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n' "$1" | kubus apply -f - >/dev/null; }
whole() { kubus stream status | python3 -c "import re, sys
first, last, head = map(int, re.search(r'revisions (\d+) to (\d+), of a cluster at (\d+)', sys.stdin.read()).groups())
sys.exit(last < head)" && echo whole; }
head_of() { kubus stream status | sed -n 's/.*of a cluster at \([0-9]*\);.*/\1/p'; }

kubus up --no-node --api-port 0 --bus-port 0 --stream-events >/dev/null
expect nowhere kubus user create shipper --may 'stream:*' --out "$work/shipper.json"
python3 "$here/consumer.py" "$work/shipper.json" "$work/stop" >"$work/seen.txt" 2>"$work/consumer.log" &
consumer=$!
eventually 20 whole whole

say "kill -9 of the bus, of the stream's keeper and of the store under load"
(for n in $(seq 40); do create "load-$n"; done) &
load=$!
for victim in nats-server stream store nats-server; do
  pause 0.4
  kill_component "$victim"
done
wait "$load"
eventually 20 whole whole

say "the stream is deleted, and rebuilt"
python3 -c "import json; c = json.load(open('$KUBUS_STATE/credentials/stream-admin.json')); json.dump(c, open('$work/admin.json', 'w'))"
expect ready python3 "$here/nats.py" "$work/admin.json" --publish '$JS.API.STREAM.DELETE.KUBUS_default' ''
create after-delete
eventually 30 whole whole
expect "revisions 1 to" kubus stream status
expect "made anew" kubus stream rebuild
create later
eventually 30 whole whole
expect "revisions 1 to" kubus stream status

say "disabled, enabled"
expect "no stream is kept" kubus stream disable
refuse "no stream is kept" kubus stream status
create unseen
expect "stream KUBUS_default" kubus stream enable --max-bytes 100000000
eventually 20 whole whole
expect "of a cluster at" kubus stream status

say "from the stream's space nothing else is reached"
timeout 60 python3 "$here/nats.py" "$work/admin.json" 'kubus.default.event.>' >"$work/foreign.txt" &
foreign=$!
eventually 5 Violation cat "$work/foreign.txt"
kill "$foreign"
expect nowhere kubus user create narrow --may stream:configmaps/shop --out "$work/narrow.json"
python3 -c "import json; c = json.load(open('$work/narrow.json')); c['user'] = c['stream']['user']; json.dump(c, open('$work/narrow.json', 'w'))"
for subject in CONSUMER.CREATE.KUBUS_default.narrow.'kubus.default.stream.>' CONSUMER.CREATE.KUBUS_default.narrow CONSUMER.MSG.NEXT.KUBUS_default.shipper \
  CONSUMER.DURABLE.CREATE.KUBUS_default.narrow STREAM.DELETE.KUBUS_default; do
  expect Violation python3 "$here/nats.py" "$work/narrow.json" --publish "\$JS.API.$subject" '{}'
done
wide='{"stream_name":"KUBUS_default","config":{"durable_name":"narrow","name":"narrow","ack_policy":"explicit","filter_subject":"kubus.default.stream.>"}}'
expect ready python3 "$here/nats.py" "$work/narrow.json" --publish '$JS.API.CONSUMER.CREATE.KUBUS_default.narrow.kubus.default.stream._.configmaps.shop.*' "$wide"
expect ", 1 durable consumers" kubus stream status

say "every revision, once, in order"
head_of >"$work/stop.new"
mv "$work/stop.new" "$work/stop"
wait "$consumer"
python3 - "$work/seen.txt" <<'EOF'
import sys

lines = open(sys.argv[1], encoding="utf-8").read().split("\n")
seen = [tuple(map(int, line.split())) for line in lines if line and not line.startswith("repeats")]
assert seen, "nothing was seen"
for expected, (sequence, revision) in enumerate(seen, 1):
    assert sequence == revision == expected, f"at {expected}: sequence {sequence}, revision {revision}"
print(len(seen), "revisions;", lines[-2])
EOF
say "ok"
