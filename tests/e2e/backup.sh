#!/usr/bin/env bash
# A backup while it is written to, and the cluster out of it again: all of it, or as it was at a moment; killed, cut short, altered,
# without room.
source "$(dirname "$0")/lib.sh"
trap 'rc=$?; set +e; [[ -n ${writer:-} ]] && kill "$writer" 2>/dev/null; (exit "$rc"); cleanup' EXIT
RANDOM=7

config() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\ndata:\n  value: "%s"\n' "$1" "$2"; }
put() { kubus apply -f - < <(config "$1" "$2") >/dev/null; }
revision() { kubus get cm/"$1" -o json | sed -n 's/.*"resourceVersion": "\([0-9]*\)".*/\1/p'; }
past() { kubus events -A -o line "${@:2}" | awk -v e="$1" '$1 <= e'; }
last_of() { sed -n 's/.*revisions [0-9]* to \([0-9]*\),.*/\1/p' "$1"; }
up() { kubus up "$@" >/dev/null; }
down() { kubus down >/dev/null; }

up --no-node --api-port 0 --bus-port 0
for value in 1 2 3; do put a "$value"; [[ $value == 2 ]] && second=$(revision a); done
printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: horse}\n' >"$work/secret.yaml"
kubus apply -f "$work/secret.yaml" >/dev/null
put b x
kubus delete cm b >/dev/null
moment=$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)

say "while it is written to"
(i=0; while :; do put load $((i += 1)); done) &
writer=$!
eventually 10 "load" kubus get cm
kubus backup "$work/x.kubus" >"$work/said" 2>&1 || { say "FAILED: $(cat "$work/said")"; exit 1; }
last=$(last_of "$work/said")
expect "" kubus get cm load # still there, and still written
before=$(revision load)
eventually 10 "changed" bash -c "[[ \$('$bin/kubus' get cm/load -o json | sed -n 's/.*\"resourceVersion\": \"\([0-9]*\)\".*/\1/p') != $before ]] && echo changed"
past "$last" >"$work/past"
diff "$work/past" <(past "$last" --file "$work/x.kubus")

say "what the files hold agrees, while they are written"
for _ in 1 2 3; do expect "segments of the journal agree" kubus store check; done

say "killed, it leaves no file, and without room it says so"
for _ in 1 2 3 4 5 6; do
  "$bin/kubus" backup "$work/killed.kubus" >/dev/null 2>&1 &
  pid=$!
  pause "0.0$((RANDOM % 10))"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  [[ ! -e $work/killed.kubus ]] || { expect "" kubus events -o line --file "$work/killed.kubus"; rm "$work/killed.kubus"; }
done
expect "records" kubus backup "$work/killed.kubus"
full() { (trap '' XFSZ; ulimit -f 1; "$bin/kubus" backup "$work/full.kubus"); }
refuse "cannot write $work/full.kubus" full
[[ -z $(find "$work" -name 'full.kubus*') ]] || { say "FAILED: something of it is left"; exit 1; }
kill "$writer"
wait "$writer" 2>/dev/null || true
writer=

say "what cannot be restored is refused"
refuse "kubus down" kubus restore "$work/x.kubus" --replace
down
refuse "holds a state" kubus restore "$work/x.kubus"
refuse "lies behind its last" kubus restore "$work/x.kubus" --to 999999 --replace
refuse "is no archive" kubus restore "$0" --replace
head -c $(($(stat -c %s "$work/x.kubus") / 2)) "$work/x.kubus" >"$work/cut.kubus"
refuse "$work/cut.kubus" kubus restore "$work/cut.kubus" --replace
cp "$work/x.kubus" "$work/altered.kubus"
printf 'x' | dd of="$work/altered.kubus" bs=1 seek=$(($(stat -c %s "$work/x.kubus") / 3)) conv=notrunc 2>/dev/null
refuse "$work/altered.kubus" kubus restore "$work/altered.kubus" --replace
mv "$KUBUS_STATE/pki/secrets.keys" "$work/keys"
(umask 077 && head -c 0 /dev/null >"$KUBUS_STATE/pki/secrets.keys")
refuse "key" kubus restore "$work/x.kubus" --replace
mv "$work/keys" "$KUBUS_STATE/pki/secrets.keys"

say "killed at any moment, the old state or the new one is there"
for _ in $(seq 12); do
  "$bin/kubus" restore "$work/x.kubus" --replace >/dev/null 2>&1 &
  pid=$!
  pause "0.0$((RANDOM % 10))"
  kill -9 "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || true
  expect "agree" kubus store check
done
up
diff "$work/past" <(past "$last")
down

say "all of it"
expect "up to revision $last" kubus restore "$work/x.kubus" --replace
up
diff "$work/past" <(past "$last")
expect "$(printf horse | base64)" kubus get secret s -o json
expect '"3"' kubus get cm a -o json
put a 4
expect '"3" → "4"' kubus history cm/a

say "an export begins later, and holds what may be seen"
expect "records" kubus export "$work/later.kubus" --from "$second" --to "$last"
diff <(awk -v b="$second" '$1 >= b' "$work/past") <(past "$last" --file "$work/later.kubus" --since $((second - 1)))
expect '"2"' kubus get cm a -o json --at "$second" --file "$work/later.kubus"
refuse "" kubus get cm a -o json --at $((second - 2)) --file "$work/later.kubus"
expect "records" kubus export "$work/masked.kubus" --redact --mask secret/s:metadata.annotations
expect '"[purged]"' kubus get cm a -o json --file "$work/masked.kubus"
kubus events cm a -o json --file "$work/masked.kubus" >"$work/masked"
if grep -qE '"value": ?"[0-9]"' "$work/masked"; then say "FAILED: it shows the values"; exit 1; fi
refuse "KIND[/NAME]:PATH" kubus export "$work/none.kubus" --mask nothing
refuse "there is no field" kubus export "$work/none.kubus" --mask configmap:nothing

say "as it was at a moment"
down
expect "segments of the journal agree" kubus store check
segment=$(find "$KUBUS_STATE/store/journal" -name '*.seg' | sort | tail -n 1)
cp "$segment" "$work/segment"
printf 'x' | dd of="$segment" bs=1 seek=4200 conv=notrunc 2>/dev/null
refuse "journal: $segment" kubus store check
cp "$work/segment" "$segment"
expect "the state that was there is" kubus restore "$work/x.kubus" --to "$second" --replace
up
expect '"2"' kubus get cm a -o json
refuse "" kubus get secret s
diff <(awk -v e="$second" '$1 <= e' "$work/past") <(past "$second")
down
expect "the state that was there is" kubus restore "$work/x.kubus" --to "$moment" --replace
up
expect '"3"' kubus get cm a -o json
refuse "" kubus get cm b
refuse "" kubus get cm load

say "into another place, where nothing is yet"
down
mkdir "$work/other"
cp -r "$KUBUS_STATE/pki" "$work/other/pki"
expect "start it afterwards" kubus restore "$work/x.kubus" --state "$work/other"
say "ok"
