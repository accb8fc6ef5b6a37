#!/usr/bin/env bash
# A rolling update that went wrong, from a newcomer's view: find when it was, who did it and why things are as they are, and take it
# back. What each verb says is printed. Needs root: Pods run on real containerd.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
shop() { sed "$@" "$here/../../compose/examples/shop.yaml"; }
# show LINES COMMAND…: the command and the beginning of what it prints.
show() {
  local lines=$1 out
  shift
  out=$("$@" 2>&1) || { say "FAILED: $* ended with $?: $out"; exit 1; }
  printf '\n$ %s\n' "$*"
  head -n "$lines" <<<"$out" | cut -c 1-200
  shown=$out
}
# says TEXT: what was shown last holds it.
says() { grep -qF -- "$1" <<<"$shown" || { say "FAILED: it does not say \"$1\" but: $shown"; exit 1; }; }
revision_of() { kubus history "$1" -o json "${@:3}" | python3 -c "import json, sys
lines = [json.loads(line) for line in sys.stdin]
print([e['revision'] for e in lines if $2][-1])"; }

kubus up --node e2e-node --api-port 0 --bus-port 0 --pod-cidr 10.214.0.0/16 >/dev/null
kubus image import "$bin/../images/web.tar" >/dev/null
kubus apply -f - < <(shop '') >/dev/null
expect "successfully rolled out" kubus rollout status deployment/shop --timeout 60
good=$(kubus get deployment shop -o json | sed -n 's/.*"resourceVersion": "\([0-9]*\)".*/\1/p')
"$bin/kubus" decode --subscribe 'event.apps.deployments.>' --count 1 >"$work/decoded" &
decoding=$!
kubus apply -f - < <(shop 's#image: kubus.local/web:1#image: kubus.local/web:2#') >/dev/null
eventually 20 ErrImageNeverPull kubus get pods
bad_pod=$(kubus get pods | awk '/ErrImageNeverPull/ {print $1}')

say "what is wrong?"
show 30 kubus watch
says "not as they should be"
says "ErrImageNeverPull"

say "since when, and who did it?"
show 8 kubus history deployment/shop --since "$good"
says 'spec.template.spec.containers[name=web].image: "kubus.local/web:1" → "kubus.local/web:2"'
bad=$(revision_of deployment/shop "'spec.template' in ' '.join(e['changed'])")
show 6 kubus blame deployment/shop --field spec.template.spec.containers
says "$bad"
expect "kubus.local/web:1" kubus blame deployment/shop --field spec.template.spec.containers --at "$good"
expect '"path":"spec.replicas"' kubus blame deployment/shop -o json
show 8 kubus events deployments --only spec --since $((bad - 1))
says "$bad"

say "how was it before?"
show 3 kubus get deployments -o wide --at "$good"
says "kubus.local/web:1"
show 6 kubus get pods -l app=shop -A --at "$good"
[[ $(grep -c Running <<<"$shown") == 3 ]] || { say "FAILED: not three Pods ran then: $shown"; exit 1; }
expect "ErrImageNeverPull" kubus describe pod "$bad_pod"
refuse "not found" kubus describe pod "$bad_pod" --at "$good"
show 20 kubus diff --from "$good"
says "+ spec.template.spec.containers[name=web].image: \"kubus.local/web:2\""
says "+ pod/$bad_pod"
expect '"change":"modified"' kubus diff --from "$good" -o json deployment/shop
expect "no difference" kubus diff --from "$good" --to "$good"

say "why is the Pod as it is?"
show 30 kubus why "pod/$bad_pod"
says "* "
says "ErrImageNeverPull"
says "deployments.apps/default/shop"
show 4 kubus why deployment/shop --field spec.template -o dot
says "digraph"
kubus why "pod/$bad_pod" -o json | python3 -c "import json, sys; assert any(l['asked'] for l in json.load(sys.stdin))"

say "take it back"
show 20 kubus undo "$bad"
says '+ spec.template.spec.containers[name=web].image: "kubus.local/web:1"'
says "nothing was changed"
expect "kubus.local/web:2" kubus get deployment shop -o yaml
show 30 kubus undo "$bad" --yes
says "undone at revision"
expect "successfully rolled out" kubus rollout status deployment/shop --timeout 60
eventually 20 "" sh -c "! '$bin/kubus' get pod '$bad_pod' 2>/dev/null"
expect "nothing to take back" kubus undo "$bad"
wait "$decoding"
grep -qF '"event":{"revision"' "$work/decoded" || { say "FAILED: decoded: $(cat "$work/decoded")"; exit 1; }

say "a container that ends badly, back to the manifest"
kubus apply -f - < <(shop 's#exec httpd .*"\]#exit 3"]#; s/replicas: 3/replicas: 1/; s/name: shop/name: crash/; s/app: shop/app: crash/; s/nodePort: 30080/nodePort: 30081/') >/dev/null
crashed() { kubus get pods -l app=crash -o name; }
eventually 20 pod/ crashed
pod=$(crashed)
eventually 20 "exit code 3" kubus why "$pod"
show 30 kubus why "$pod"
says "deployments.apps/default/crash"

say "a change that stands in the way is named"
kubus scale deployment/shop --replicas 2 >/dev/null
scaled=$(revision_of deployment/shop "'spec.replicas' in e['changed']")
kubus scale deployment/shop --replicas 5 >/dev/null
refuse "deployment.apps/shop spec.replicas" kubus undo "$scaled" --yes
last=$(revision_of deployment/shop "'spec.replicas' in e['changed']")
expect "undone" kubus undo "$last" --yes
kubus get deployment shop -o yaml | grep -q "^  replicas: 2" || { say "FAILED: the scale was not taken back"; exit 1; }

say "what was removed, with all that was in it, comes back"
kubus apply -f - < <(printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: box\n') >/dev/null
kubus apply -n box -f - < <(printf 'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: kept\ndata:\n  a: "1"\n') >/dev/null
kubus delete namespace box >/dev/null
eventually_gone 20 kubus get namespace box
gone=$(revision_of namespace/box "'metadata.deletionTimestamp' in e['changed']")
show 12 kubus undo "$gone" --yes
expect 'a: "1"' kubus get configmap kept -n box -o yaml

say "the same from a file, without a cluster"
kubus export "$work/x.kubus" >/dev/null
why=$(kubus why "pod/$bad_pod")
kubus down >/dev/null
diff <(printf '%s\n' "$why") <(kubus why "pod/$bad_pod" --file "$work/x.kubus")
expect "$bad" kubus blame deployment/shop --at "$bad" --file "$work/x.kubus"
expect "kubus.local/web:2" kubus diff --from "$good" --to "$bad" --file "$work/x.kubus"
expect "Transitions" kubus watch --file "$work/x.kubus"
say "ok"
