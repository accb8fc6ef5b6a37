#!/usr/bin/env bash
# What the controllers do to a cluster without nodes: EndpointSlices, cascades of deletion, Namespaces; killed in between.
# By kubectl where there is one (KUBECTL), else by kubus.
source "$(dirname "$0")/lib.sh"

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
export KUBECONFIG=$KUBUS_STATE/kubeconfig
kubectl=${KUBECTL:-$(command -v kubectl || true)}
k() { if [[ -n $kubectl ]]; then "$kubectl" --cache-dir "$work/cache" "$@"; else kubus "$@"; fi; }

# until_says TEXT COMMAND…: within ten seconds the command prints the text; "" : nothing at all.
until_says() {
  local text=$1 out=
  shift
  for _ in $(seq 100); do
    out=$("$@" 2>&1) || true
    if [[ -z $text && -z $out ]] || [[ -n $text && $out == *"$text"* ]]; then return; fi
    read -rt 0.1 <> <(:) || true
  done
  say "FAILED: $* does not come to say \"$text\" but: $out"
  exit 1
}
names() { kubus get "$@" -o name 2>/dev/null | grep -v 'kube-root-ca.crt\|serviceaccount/default$' || true; }

pod() { printf 'apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {app: %s}\nspec:\n  containers:\n  - {name: c, image: i}\n---\n' "$1" "$2"; }
service() { printf 'apiVersion: v1\nkind: Service\nmetadata:\n  name: %s\nspec:\n  selector: {app: %s}\n  ports:\n  - {name: http, port: 80, targetPort: 8080}\n---\n' "$1" "$2"; }
deployment() {
  printf 'apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: %s\nspec:\n  replicas: %s\n  selector:\n    matchLabels: {app: %s}\n  template:\n    metadata:\n      labels: {app: %s}\n    spec:\n      containers:\n      - {name: c, image: i}\n---\n' "$1" "$2" "$1" "$1"
}
# As a kubelet would tell.
api() { # METHOD PATH [BODY]
  curl -fsS --cacert "$work/ca" --cert "$work/cert" --key "$work/key" -X "$1" ${3:+-H 'Content-Type: application/merge-patch+json' -d "$3"} "$server$2"
}
field() { sed -n "s/^ *$1: *//p" "$KUBECONFIG" | head -n 1; }
server=$(field server)
field certificate-authority-data | base64 -d >"$work/ca"
field client-certificate-data | base64 -d >"$work/cert"
field client-key-data | base64 -d >"$work/key"
running() { # POD ADDRESS READY
  api PATCH "/api/v1/namespaces/default/pods/$1/status" \
    "{\"status\":{\"phase\":\"Running\",\"podIP\":\"$2\",\"podIPs\":[{\"ip\":\"$2\"}],\"conditions\":[{\"type\":\"Ready\",\"status\":\"$3\"}]}}" >/dev/null
}
# Addresses of a Service, sorted, each with whether it is ready.
endpoints() {
  kubus get endpointslices -l "kubernetes.io/service-name=$1" -o json | tr -d ' \n' |
    grep -o '"addresses":\["[0-9.]*"\],"conditions":{"ready":[a-z]*' | sed 's/.*\["\(.*\)"\].*:\([a-z]*\)$/\1=\2/' | sort | paste -sd' '
}

say "EndpointSlices follow Pods"
k apply -f - < <(service web web; service both web; pod w1 web; pod w2 web; pod other other) >/dev/null
running w1 10.0.0.1 True
running w2 10.0.0.2 False
running other 10.0.0.3 True
until_says "10.0.0.1=true 10.0.0.2=false" endpoints web
until_says "10.0.0.1=true 10.0.0.2=false" endpoints both
running w2 10.0.0.2 True
until_says "10.0.0.1=true 10.0.0.2=true" endpoints web
kill_component controllers
k delete pod w1 >/dev/null
running other 10.0.0.3 False
until_says "10.0.0.2=true" endpoints web
[[ $(endpoints web) == "10.0.0.2=true" ]] || { say "FAILED: web has $(endpoints web)"; exit 1; }
[[ $(kubus get endpointslices -l kubernetes.io/service-name=web -o name | wc -l) == 1 ]] || { say "FAILED: web has several slices"; exit 1; }
k delete service web >/dev/null
until_says "" names endpointslices -l kubernetes.io/service-name=web
until_says "10.0.0.2=true" endpoints both
k delete service both >/dev/null
k delete pod w2 other >/dev/null

say "cascades"
many() { names pods -l "app=$1" | wc -l; }
k apply -f - < <(deployment a 3; deployment b 3; deployment c 3) >/dev/null
for d in a b c; do until_says 3 many $d; done
k delete deploy/a >/dev/null
until_says "" names pods,replicasets -l app=a
k delete deploy/b --cascade=foreground >/dev/null
until_says "" names deployments,pods,replicasets -l app=b
k delete deploy/c --cascade=orphan >/dev/null
until_says "" names deployments
until_says replicaset names replicasets -l app=c
until_says 3 many c
kill_component controllers
[[ $(many c) == 3 ]] || { say "FAILED: orphans were collected"; exit 1; }
k delete rs -l app=c >/dev/null
until_says "" names pods,replicasets

say "Namespaces"
namespace() { printf 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: %s\n' "$1"; }
kubus apply -f - < <(namespace n) >/dev/null
k apply -n n -f - < <(deployment a 3; service web a; pod p p) >/dev/null
kubus apply -n n -f - <<<$'apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: held\n  finalizers: [example.com/hold]' >/dev/null
until_says 4 eval 'names pods -n n | wc -l'
k delete ns n --wait=false >/dev/null
kill_component controllers
until_says "" names pods,deployments,replicasets,services,endpointslices,serviceaccounts -n n
until_says "SomeFinalizersRemain" kubus get ns n -o yaml
refuse "is being deleted" kubus apply -n n -f - < <(pod late late)
api PATCH /api/v1/namespaces/n/configmaps/held '{"metadata":{"finalizers":null}}' >/dev/null
until_says "not found" kubus get ns n
until_says "" names configmaps,secrets,pods -n n
kubus delete serviceaccount default >/dev/null
until_says "serviceaccount/default" kubus get serviceaccounts -o name
say "ok"
