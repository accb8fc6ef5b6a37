#!/usr/bin/env bash
# Users from outside: what they may is enforced by the bus and by the store, survives every process, and ends at once.
source "$(dirname "$0")/lib.sh"
nats() { timeout 60 python3 "$(dirname "$0")/nats.py" "$@"; }

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
kubus apply -f - >/dev/null <<<$'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: shop'
config() { printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: %s\n  namespace: %s\n' "$1" "$2" | kubus apply -f - >/dev/null; }
# as USER VERB…: the command line with this user's credentials instead of the administrator's.
as() {
  local dir=$work/as-$1 user=$1
  shift
  mkdir -p "$dir/credentials"
  ln -sfn "$KUBUS_STATE/config.json" "$dir/config.json"
  ln -sfn "$KUBUS_STATE/run" "$dir/run"
  cp "$work/$user.json" "$dir/credentials/admin.json"
  "$bin/kubus" "$@" --state "$dir"
}
secret() { python3 -c "import json; print(json.load(open('$work/$1.json'))['password'])"; }

say "credentials"
expect "nowhere else" kubus user create shopper --may watch:configmaps/shop get:secrets/shop --out "$work/shopper.json"
[[ $(stat -c %a "$work/shopper.json") == 600 ]] || { say "FAILED: others may read the credentials"; exit 1; }
expect '"kubus.default.event._.configmaps.shop.*"' cat "$work/shopper.json"
expect "watch:configmaps/shop" kubus user list
expect "shopper" kubus get users.kubus.io
refuse "is there already" kubus user create other --may watch:pods --out "$work/shopper.json"
refuse "already exists" kubus user create shopper --may watch:pods --out "$work/second.json"
[[ ! -e $work/second.json ]] || { say "FAILED: credentials of nobody"; exit 1; }
refuse "there is no kind podz" kubus user create other --may watch:podz
refuse "administrators' alone" kubus user create other --may get:users
refuse "spec.may" kubus apply -f - <<<$'apiVersion: kubus.io/v1\nkind: User\nmetadata:\n  name: x\nspec:\n  may: ["do:all"]'
! kubus get users -o yaml | grep -qF "$(secret shopper)" || { say "FAILED: the store has the password"; exit 1; }
! grep -rqF "$(secret shopper)" "$KUBUS_STATE/bus" "$KUBUS_STATE/logs" || { say "FAILED: the password is on disk"; exit 1; }
hash=$(kubus get user shopper -o json | sed -n 's/.*"passwordHash": "\(.*\)".*/\1/p')
[[ $hash == '$2b$'* ]] || { say "FAILED: no hash: $hash"; exit 1; }
! kubus events users shopper -o json | grep -qF "$hash" || { say "FAILED: the hash rides on an event"; exit 1; }

say "the store's part"
config a shop
config a default
expect a as shopper get configmaps -n shop
refuse forbidden as shopper get configmaps -n default
refuse forbidden as shopper get configmaps -A
refuse forbidden as shopper get pods -n shop
refuse forbidden as shopper delete configmap a -n shop
refuse forbidden as shopper history cm/a -n shop
refuse forbidden as shopper user list

say "the bus's part"
expect Violation nats "$work/shopper.json" --publish kubus.default.api.admin.delete._.pods x
expect Violation nats "$work/shopper.json" --publish kubus.default.event._.configmaps.shop.a x
timeout 60 python3 "$(dirname "$0")/nats.py" "$work/shopper.json" 'kubus.default.event._.configmaps.shop.*' 'kubus.default.event._.configmaps.*.*' \
  'kubus.default.event.>' 'kubus.default.reply.admin.>' '_INBOX.>' >"$work/live.txt" &
live=$!
eventually 5 ready cat "$work/live.txt"
[[ $(grep -c '^error.*Subscription' "$work/live.txt") == 4 ]] || { say "FAILED: not every subscription was refused"; cat "$work/live.txt"; exit 1; }
"$bin/kubus" events -f configmaps -n shop --since 0 --state "$work/as-shopper" >"$work/feed.txt" 2>&1 &
feed=$!
eventually 5 configmaps/shop/a cat "$work/feed.txt"
config b shop
config b default
eventually 5 "message kubus.default.event._.configmaps.shop.b" cat "$work/live.txt"
eventually 5 configmaps/shop/b cat "$work/feed.txt"
! grep -qF default.b "$work/live.txt" || { say "FAILED: it heard another namespace"; exit 1; }

say "survives all processes"
expect created kubus user create labeller --may write:configmaps/shop --out "$work/labeller.json"
kill_component users
kill_component nats-server
kill_component store
expect created kubus user create guard --may admission:images --out "$work/guard.json"
expect configured as labeller apply -n shop -f - <<<$'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n  namespace: shop\ndata:\n  k: v'
eventually 10 'k: v' kubus get cm b -n shop -o yaml
kill -9 "$(sed -n 's/^{"pid":\([0-9]*\),.*/\1/p' "$KUBUS_STATE/run/status.json")"
expect ready kubus up
expect configured as labeller apply -n shop -f - <<<$'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\n  namespace: shop\ndata:\n  k: w'
config c shop
eventually 10 configmaps/shop/c cat "$work/feed.txt"

say "ends at once"
wait "$live" || true
timeout 60 python3 "$(dirname "$0")/nats.py" "$work/shopper.json" 'kubus.default.event._.configmaps.shop.*' >"$work/live.txt" &
live=$!
eventually 5 ready cat "$work/live.txt"
expect "user shopper deleted" kubus user delete shopper
eventually 2 closed cat "$work/live.txt"
expect "Authorization Violation" nats "$work/shopper.json" x
kill "$feed"
expect "labeller" kubus user list
! kubus user list | grep -q shopper || { say "FAILED: it is still listed"; exit 1; }
say "ok"
