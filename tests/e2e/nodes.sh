#!/usr/bin/env bash
# Nodes made by hand on a control plane alone: silence, taints, cordon, drain, wait, and what kubectl makes of it.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 --node-grace-seconds 4 >/dev/null

node() { # NAME READY
  printf 'apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\nstatus:\n  conditions:\n  - {type: Ready, status: "%s", reason: Told}\n' "$1" "$2"
  printf '  allocatable: {cpu: "4", memory: 8Gi, pods: "110"}\n'
}
pod() { # NAME NODE
  printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\nspec:\n  nodeName: %s\n  containers: [{name: c, image: i}]\n' "$1" "$2"
}
lease() {
  printf 'apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata:\n  name: %s\n  namespace: kube-node-lease\nspec:\n  holderIdentity: %s\n  renewTime: "%s"\n' \
    "$1" "$1" "$(date -u +%FT%T.%6NZ)"
}
taints() { kubus get node "$1" -o json | tr -d ' \n'; }

say "a node that is ready loses its taint at once"
expect created kubus create -f - < <(node n1 True)
expect created kubus create -f - < <(node n2 True)
kubus patch node n1 --subresource status -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}' >/dev/null
expect "condition met" kubus wait node/n1 --for 'jsonpath={.status.conditions[0].status}=True'
for _ in $(seq 50); do
  taints n1 | grep -q not-ready || break
  read -rt 0.02 <> <(:) || true
done
taints n1 | grep -q not-ready && { say "FAILED: n1 is still tainted"; exit 1; }

say "labels, annotations, taints, patches"
expect "node/n1 labeled" kubus label node n1 rack=7
refuse "--overwrite" kubus label node n1 rack=8
expect "node/n1 labeled" kubus label node/n1 rack=8 --overwrite
expect "rack" kubus get nodes -l rack=8 -o json
expect "node/n1 annotated" kubus annotate node n1 note=x
expect "node/n1 tainted" kubus taint n1 dedicated=db:NoSchedule
expect '"dedicated"' kubus get node n1 -o json
refuse "--overwrite" kubus taint n1 dedicated=web:NoSchedule
expect "node/n1 tainted" kubus taint nodes n1 dedicated-
refuse "there is no taint" kubus taint n1 dedicated-
refuse "KEY=VALUE" kubus label node n1
refuse "--for takes" kubus wait node/n1 --for Ready

say "cordon, uncordon"
expect "node/n1 cordoned" kubus cordon n1
expect "already cordoned" kubus cordon n1
expect "SchedulingDisabled" kubus get nodes n1
expect "node/n1 uncordoned" kubus uncordon n1
refuse "not found" kubus cordon nothing

say "drain"
expect created kubus create -f - < <(pod alone n1)
refuse "has no controller" kubus drain n1
expect "evicting pod default/alone" kubus drain n1 --force --grace-period 0 --timeout 20s
refuse "not found" kubus get pod alone
expect "node/n1 uncordoned" kubus uncordon n1

say "silence"
expect created kubus create -f - < <(pod p n1)
kubus apply -f - < <(lease n2) >/dev/null
(while kubus apply -f - < <(lease n2) >/dev/null 2>&1; do pause 0.3; done) &
alive=$!
expect "condition met" kubus wait node/n1 --for condition=Ready=Unknown --timeout 30s
expect "condition met" kubus wait node/n1 --for 'jsonpath={.spec.taints[1].effect}=NoExecute' --timeout 30s
expect "NodeNotReady" kubus describe node n1
expect '"True"' kubus get node n2 -o json
kill "$alive" 2>/dev/null || true

say "what is not there cannot be waited for"
refuse "not found" kubus wait pod/nothing --for condition=Ready
refuse "timed out" kubus wait pod/p --for delete --timeout 1s
expect "deleted" kubus delete pod p --force
expect "deleted" kubus wait pod/p --for delete --timeout 5s
say "ok"
