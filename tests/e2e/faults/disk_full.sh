#!/usr/bin/env bash
# The store's disk fills: writes are refused and told why, deletes go on as long as there is room for them, reads always; nothing
# acknowledged is lost, not even when the store dies there; and all goes on when there is room again.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
mkdir -p "$KUBUS_STATE/store"
mount -t tmpfs -o size=400m kubus-fault "$KUBUS_STATE/store" || exit 77
trap 'rc=$?; set +e; kubus down >/dev/null 2>&1; umount -l "$KUBUS_STATE/store"; (exit $rc); cleanup' EXIT

config() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"},"data":{"v":"%s"}}' "$1" "$2"; }
free() { df --output=avail -m "$KUBUS_STATE/store" | tail -n 1; }
# Leaves so many MiB.
fill_but() { dd if=/dev/zero of="$KUBUS_STATE/store/filler" bs=1M count=$(($(free) - $1 + 1)) oflag=append conv=notrunc 2>/dev/null || true; }

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
expect created kubus create -f - < <(config before 1)
expect created kubus create -f - < <(config victim 1)

say "little room: deletes only"
fill_but 100
# The store looks at its disk as it writes.
write_probe() { kubus apply -f - 2>&1 < <(config probe $((++probes))) || true; }
probes=0
eventually 20 "only deletes are accepted" write_probe
refuse "only deletes are accepted" kubus create -f - < <(config late 1)
expect deleted kubus delete configmap victim
expect '"v": "1"' kubus get configmap before -o json
refuse "not found" kubus get configmap late

say "room again: creates too, though nothing was written meanwhile"
rm "$KUBUS_STATE/store/filler"
eventually 5 "probe" write_probe
expect created kubus create -f - < <(config more 1)

say "none at all, while clients write: refused, and nothing lost"
begin_history 8
pause 2
fill_but 0
eventually 10 "full" write_probe
expect '"v": "1"' kubus get configmap before -o json

say "it dies there, and comes back with what it had"
kill_component store
eventually 20 '"v": "1"' kubus get configmap before -o json
refuse "" kubus create -f - < <(config late 1)

say "room again"
create_after() { kubus create -f - < <(config after 1); }
rm "$KUBUS_STATE/store/filler"
eventually 20 created create_after
end_history
refuse "not found" kubus get configmap late
kill_component store
eventually 20 '"v": "1"' kubus get configmap after -o json
say "ok"
