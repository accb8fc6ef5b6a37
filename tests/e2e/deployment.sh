#!/usr/bin/env bash
# Three Pods behind a Service on real containerd and nftables: a rolling update without a failed request, a bad image that
# stalls, going back, scaling, and kill -9 of everything in the midst of it. Needs root.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)
kubus up --node e2e-node --api-port 0 --bus-port 0 --pod-cidr 10.213.0.0/16 >"$work/up.txt"
kubus image import "$bin/../images/web.tar" >/dev/null
# field RESOURCE PATH-PATTERN: the first value of that JSON field.
field() { kubus get "$1" -o json | sed -n "s/.*\"$2\": \"\{0,1\}\([^\",]*\).*/\1/p" | head -n 1; }
wait_for() {
  local text=$1
  shift
  for _ in $(seq 400); do
    grep -qF -- "$text" <<<"$("$@" 2>&1)" && return
    read -rt 0.05 <> <(:) || true
  done
  say "FAILED: $* does not come to say \"$text\" but: $("$@" 2>&1)"
  exit 1
}
answers() { curl -s --max-time 3 "$1"; }

say "three Pods serve behind one address"
kubus apply -f "$here/../../compose/examples/shop.yaml" >/dev/null
expect "successfully rolled out" kubus rollout status deployment/shop --timeout 60
ip=$(field service/shop clusterIP)
address=$(sed -n 's/.*"address":"\([^"]*\)".*/\1/p' "$KUBUS_STATE/config.json")
wait_for "hello from shop-" answers "http://$ip/index.html"
[[ $address == 127.* ]] || wait_for "hello from shop-" answers "http://$address:30080/index.html"
pod=$(kubus get pods -o name | head -n 1)
from_pod() { kubus exec "${pod#pod/}" -- /bin/sh -c "printf 'GET /index.html HTTP/1.0\r\n\r\n' | nc -w 3 $ip 80"; }
for _ in 1 2 3 4 5 6; do expect "hello from shop-" from_pod; done

say "a rolling update under load fails no request"
coproc load { "$here/http_load.py" "http://$ip/index.html"; }
load_in=${load[1]} load_out=${load[0]} load_pid=$load_PID
sed 's/value: hello/value: welcome/' "$here/../../compose/examples/shop.yaml" | kubus apply -f - >/dev/null
expect "successfully rolled out" kubus rollout status deployment/shop --timeout 90
wait_for "welcome from shop-" answers "http://$ip/index.html"

say "a bad image stalls and takes nobody's Pod"
sed 's#image: kubus.local/web:1#image: kubus.local/nothing:1#' "$here/../../compose/examples/shop.yaml" | kubus apply -f - >/dev/null
wait_for ErrImageNeverPull kubus get pods
expect "3/3" kubus get deployment shop
for component in controllers proxy store nats-server kubelet; do kill_component "$component"; done

say "and is taken back"
expect "rolled back to revision 2" kubus rollout undo deployment/shop
expect "successfully rolled out" kubus rollout status deployment/shop --timeout 60
expect "welcome from shop-" answers "http://$ip/index.html"
exec {load_in}>&-
read -r verdict <&"$load_out"
wait "$load_pid"
say "load: $verdict"
grep -q ", 0 failed$" <<<"$verdict" || { say "FAILED: requests failed"; exit 1; }

say "scaling, and nothing behind the address"
kubus scale deployment/shop --replicas 1 >/dev/null
wait_for "1/1" kubus get deployment shop
kubus scale deployment/shop --replicas 0 >/dev/null
wait_for "0/0" kubus get deployment shop
refused() { curl -s --max-time 3 "http://$ip/index.html" || echo "ended with $?"; }
wait_for "ended with 7" refused # at once, not after a while

say "down leaves no rule behind"
kubus down >/dev/null
! nft list tables | grep -q kubus- || { say "FAILED: a table is left"; exit 1; }
say passed
