#!/usr/bin/env bash
# Nodes made by hand on a control plane alone: priority classes, spreading, anti-affinity, preemption.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 --node-grace-seconds 600 >/dev/null

node() { # NAME ZONE
  printf 'apiVersion: v1\nkind: Node\nmetadata:\n  name: %s\n  labels: {zone: "%s", host: %s}\n' "$1" "$2" "$1"
  printf 'status:\n  conditions:\n  - {type: Ready, status: "True", reason: Told}\n  allocatable: {cpu: "2", memory: 8Gi, pods: "110"}\n'
}
class() { # NAME VALUE MORE…
  printf 'apiVersion: scheduling.k8s.io/v1\nkind: PriorityClass\nmetadata:\n  name: %s\nvalue: %s\n' "$1" "$2"
  printf '%s\n' "${@:3}"
}
pod() { # NAME LABEL CPU SPEC…
  printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {app: %s}\nspec:\n' "$1" "$2"
  printf '  containers:\n  - {name: c, image: i, resources: {requests: {cpu: "%s"}}}\n' "$3"
  printf '  %s\n' "${@:4}"
}
node_of() { kubus get pod "$1" -o json | sed -n 's/.*"nodeName": *"\([^"]*\)".*/\1/p'; }
placed() { expect "condition met" kubus wait "pod/$1" --for condition=PodScheduled --timeout 10s; }
zone_of() { case $(node_of "$1") in a1 | a2) echo a ;; b1) echo b ;; *) echo none ;; esac; }

say "priority classes"
expect "2000001000" kubus get priorityclasses
expect "system-cluster-critical" kubus get pc
expect created kubus create -f - < <(class high 1000)
expect created kubus create -f - < <(class usual 5 "globalDefault: true")
expect "PreemptLowerPriority" kubus get priorityclass high
refuse "already" kubus create -f - < <(class other 6 "globalDefault: true")
refuse "1000000000" kubus create -f - < <(class boast 1000000001)
refuse "system-" kubus create -f - < <(class system-mine 1)
refuse "value" kubus patch priorityclass high --type merge -p '{"value":7}'
refuse "no PriorityClass" kubus create -f - < <(pod lost x 1m "priorityClassName: nothing")

for n in "a1 a" "a2 a" "b1 b"; do
  # shellcheck disable=SC2086
  expect created kubus create -f - < <(node $n)
  kubus patch node "${n% *}" --subresource status -p '{"status":{"conditions":[{"type":"Ready","status":"True"}]}}' >/dev/null
done

say "spreading over zones"
for i in 1 2 3 4; do
  expect created kubus create -f - < <(pod "even-$i" even 100m 'topologySpreadConstraints:' \
    '- {maxSkew: 1, topologyKey: zone, whenUnsatisfiable: DoNotSchedule, labelSelector: {matchLabels: {app: even}}}')
  placed "even-$i"
done
[[ $(for i in 1 2 3 4; do zone_of "even-$i"; done | sort | uniq -c | tr -d ' \n') == 2a2b ]] || { say "FAILED: not even"; exit 1; }
expect '"priority": 5' kubus get pod even-1 -o json

say "away from each other"
for i in 1 2 3; do
  expect created kubus create -f - < <(pod "alone-$i" alone 100m 'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution:' \
    '  [{topologyKey: host, labelSelector: {matchLabels: {app: alone}}}]}}')
  placed "alone-$i"
done
[[ $(for i in 1 2 3; do node_of "alone-$i"; done | sort -u | wc -l) == 3 ]] || { say "FAILED: two on one node"; exit 1; }
expect created kubus create -f - < <(pod alone-4 alone 100m 'affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution:' \
  '  [{topologyKey: host, labelSelector: {matchLabels: {app: alone}}}]}}')
expect "condition met" kubus wait pod/alone-4 --for 'jsonpath={.status.conditions[0].reason}=Unschedulable' --timeout 10s
expect "didn't match pod anti-affinity rules" kubus get pod alone-4 -o json

say "near each other"
expect created kubus create -f - < <(pod near near 100m 'nodeSelector: {zone: b}' 'affinity: {podAffinity: {requiredDuringSchedulingIgnoredDuringExecution:' \
  '  [{topologyKey: zone, labelSelector: {matchLabels: {app: even}}}]}}')
placed near

say "preemption"
for i in 1 2 3; do
  expect created kubus create -f - < <(pod "big-$i" big 1600m 'terminationGracePeriodSeconds: 60')
  placed "big-$i"
done
expect created kubus create -f - < <(pod vip vip 1500m 'priorityClassName: high')
for _ in $(seq 200); do
  nominated=$(kubus get pod vip -o json | sed -n 's/.*"nominatedNodeName": *"\([^"]*\)".*/\1/p')
  [[ -n $nominated ]] && break
  read -rt 0.02 <> <(:) || true
done
[[ -n $nominated ]] || { say "FAILED: no place is kept for vip"; exit 1; }
victim=
for i in 1 2 3; do [[ $(node_of "big-$i") == "$nominated" ]] && victim=big-$i; done
[[ -n $victim ]] || { say "FAILED: nobody leaves $nominated"; exit 1; }
expect PreemptionByScheduler kubus get pod "$victim" -o json
expect deletionTimestamp kubus get pod "$victim" -o json
expect Preempted kubus get events
expect deleted kubus delete pod "$victim" --force --grace-period 0
placed vip
[[ $(node_of vip) == "$nominated" ]] || { say "FAILED: vip is on $(node_of vip), not on $nominated"; exit 1; }
say "ok"
