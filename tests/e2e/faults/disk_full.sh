#!/usr/bin/env bash
# The store's disk fills: writes are refused and told why, deletes go on as long as there is room for them, reads always; nothing
# acknowledged is lost, not even when the store dies there; and all goes on when there is room again.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
mkdir -p "$KUBUS_STATE/store"
mount -t tmpfs -o size=400m kubus-fault "$KUBUS_STATE/store" || exit 77
trap 'cleanup; umount -l "$KUBUS_STATE/store" 2>/dev/null; rm -rf "$work"' EXIT

config() { printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"%s"},"data":{"v":"%s"}}' "$1" "$2"; }
free() { df --output=avail -m "$KUBUS_STATE/store" | tail -n 1; }
# Leaves so many MiB.
fill_but() { dd if=/dev/zero of="$KUBUS_STATE/store/filler" bs=1M count=$(($(free) - $1)) oflag=append conv=notrunc status=none; }

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
expect created kubus create -f - < <(config before 1)
expect created kubus create -f - < <(config victim 1)

say "little room: deletes only"
fill_but 100
eventually 20 "only deletes are accepted" bash -c "'$bin/kubus' create -f - <<<'$(config late 1)' 2>&1; true"
refuse "only deletes are accepted" kubus create -f - < <(config late 1)
expect deleted kubus delete configmap victim
expect '"v": "1"' kubus get configmap before -o json
refuse "not found" kubus get configmap late

say "none at all, while clients write: refused, and nothing lost"
begin_history 8
pause 1
rm "$KUBUS_STATE/store/filler"
pause 3
fill_but 0
eventually 10 "full" bash -c "'$bin/kubus' create -f - <<<'$(config late 1)' 2>&1; true"
expect '"v": "1"' kubus get configmap before -o json

say "it dies there, and comes back with what it had"
kill_component store
eventually 20 '"v": "1"' kubus get configmap before -o json
refuse "" kubus create -f - < <(config late 1)

say "room again"
rm "$KUBUS_STATE/store/filler"
eventually 20 created kubus create -f - < <(config after 1)
end_history
refuse "not found" kubus get configmap late
kill_component store
eventually 20 '"v": "1"' kubus get configmap after -o json
say "ok"
