#!/usr/bin/env bash
# Bytes that changed on the store's disk. In the journal: in the middle it is refused at the start, with file and offset; at
# the torn end nothing that was acknowledged is missing. In the tables: what the store answers is right, or it says what is damaged.
source "$(dirname "$0")/lib.sh"
store=$KUBUS_STATE/store

config() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"},"data":{"v":"%s"}}\n' "$1" "$2"; }
# flip FILE OFFSET: a byte of it.
flip() {
  python3 - "$1" "$2" <<'PY'
import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    byte = f.read(1)[0]
    f.seek(int(sys.argv[2]))
    f.write(bytes([byte ^ 0x41]))
PY
}
# The store alone, on a copy of its disk: what it says within that time, and how it ended.
try_store() {
  timeout 4 "$bin/kubus-store" --credentials "$KUBUS_STATE/credentials/store.json" --state "$1" >"$work/said" 2>&1 || true
}
offset_of() { grep -obaF -- "$2" "$1" | head -n 1 | cut -d: -f1; }

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
for i in 1 2 3 4 5 6; do expect created kubus create -f - < <(config "c$i" "value-$i-$seed-mark"); done
# As a kill leaves it: the last batches are in the journal only.
for i in 7 8 9; do config "c$i" "value-$i-$seed-mark"; done | kubus create -f - >/dev/null
kill -STOP "$(pid_of store)"
cp -a "$store" "$work/disk"
kill -CONT "$(pid_of store)"
segment=$(ls "$work"/disk/journal/*.seg | tail -n 1)
at=$(offset_of "$segment" "value-7-$seed-mark")

say "a byte in the middle of the journal"
cp -a "$work/disk" "$work/middle"
rm -rf "$work/middle/tables"
flip "$work/middle/journal/${segment##*/}" "$at"
try_store "$work/middle"
grep -q "${segment##*/}.* at offset" "$work/said" || { say "FAILED: it says: $(cat "$work/said")"; exit 1; }
say "  $(grep -o "[0-9]*\.seg.*" "$work/said" | head -n 1)"

say "the journal's end is torn"
cp -a "$work/disk" "$work/tail"
end=$(python3 -c "
import sys
bytes_ = open('$segment', 'rb').read().rstrip(b'\0')
print(len(bytes_) + 64)")
flip "$work/tail/journal/${segment##*/}" "$end"
try_store "$work/tail"
grep -q "serving from revision" "$work/said" || { say "FAILED: it says: $(cat "$work/said")"; exit 1; }

say "bytes of the tables"
kubus down >/dev/null
cp -a "$store" "$work/whole"
size=$(stat -c %s "$work/whole/tables/data.mdb")
told=0 right=0
for round in 1 2 3 4 5 6; do
  rm -rf "$store"
  cp -a "$work/whole" "$store"
  case $round in
    1) where=$(offset_of "$store/tables/data.mdb" "value-1-$seed-mark") ;;
    2) where=$(($(offset_of "$store/tables/data.mdb" "value-2-$seed-mark") + 3)) ;;
    *) where=$(((RANDOM * 32768 + RANDOM) % size)) ;;
  esac
  flip "$store/tables/data.mdb" "$where"
  if kubus up --wait 8 >"$work/said" 2>&1; then
    wrong=0
    for i in 1 2 3 4 5 6 7 8 9; do
      value=$(kubus get configmap "c$i" -o json 2>"$work/error" | sed -n 's/ *"v": "\(.*\)".*/\1/p') || true
      [[ $value == "value-$i-$seed-mark" ]] && continue
      grep -q "damaged" "$work/error" "$KUBUS_STATE/logs/store.log" || { wrong=1; say "FAILED: offset $where: c$i is \"$value\" and nothing is said: $(cat "$work/error")"; }
    done
    ((wrong == 0)) || exit 1
    right=$((right + 1))
  else
    grep -q "damaged" "$work/said" "$KUBUS_STATE/logs/store.log" || { say "FAILED: offset $where: $(tail -n 3 "$KUBUS_STATE/logs/store.log")"; exit 1; }
    told=$((told + 1))
  fi
  kubus down >/dev/null 2>&1 || true
done
say "ok: $told times told at the start, $right times right or told when read"
