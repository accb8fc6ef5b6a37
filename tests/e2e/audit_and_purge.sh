#!/usr/bin/env bash
# A password that was put into a ConfigMap leaves every file of the store; who did that, and who was refused what, is told.
. "$(dirname "$0")/lib.sh"

password=correct-horse-battery-staple
map() {
  printf '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"db","annotations":{"last":"{\\"password\\":\\"%s\\"}"}},"data":{"password":"%s","n":"%s"}}' "$1" "$1" "$2"
}
kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
for i in $(seq 12); do
  map $password "$i" >"$work/map.json"
  kubus apply -f "$work/map.json" >/dev/null
done
for i in 13 14; do
  map no-longer-a-secret "$i" >"$work/map.json"
  kubus apply -f "$work/map.json" >/dev/null
done
revision() { kubus history configmap/db -o json | sed -n "$1s/.*\"revision\":\([0-9]*\).*/\1/p"; }
twelfth=$(revision 12)
[[ -n $(grep -rlaF $password "$KUBUS_STATE/store") ]] || { say "FAILED: the test sees nothing"; exit 1; }

# Refused while the present version holds it; told without --yes; then done.
expect "12 past versions of configmap/db hold that" kubus purge configmap/db --path data.password
refuse "still holds the value" kubus purge configmap/db --path data.password --from "$((twelfth + 1))" --yes
refuse "there is no field" kubus purge configmap/db --path data2.password --yes
expect "$password" kubus get configmap db --at "$twelfth" -o json
expect "purged from 12 past versions" kubus purge configmap/db --path data.password --yes
expect '"password": "[purged]"' kubus get configmap db --at "$twelfth" -o json
expect '"n": "12"' kubus get configmap db --at "$twelfth" -o json
kubus history configmap/db -o json >"$work/history"
if grep -qF $password "$work/history"; then say "FAILED: the history shows it"; exit 1; fi

# From the journal at once, from the tables' file with the next start.
eventually 10 "" bash -c "! grep -rqaF $password '$KUBUS_STATE/store/journal'"
kill_component store
expect no-longer-a-secret kubus get configmap db -o json
found=$(grep -rlaF $password "$KUBUS_STATE" || true)
[[ -z $found ]] || { say "FAILED: it lies in $found"; exit 1; }
expect '"password": "[purged]"' kubus get configmap db --at "$twelfth" -o json

# Who did what, from where; who was refused what.
audit() { kubus audit --since -1h "$@"; }
expect "allowed  admin from $(hostname) kubus  purge configmaps/default/db: data.password of 12 versions" audit
expect "data.n: \"13\" → \"14\"" audit --kind configmap --name db --diff
port=$(sed -n 's/.*server: https:\/\/[^:]*:\([0-9]*\).*/\1/p' "$KUBUS_STATE/kubeconfig" | head -1)
openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/eve.key" -subj /CN=eve -out "$work/eve.csr" 2>/dev/null
openssl x509 -req -in "$work/eve.csr" -CA "$KUBUS_STATE/pki/ca.crt" -CAkey "$KUBUS_STATE/pki/ca.key" -set_serial 77 -days 1 \
  -extfile <(echo extendedKeyUsage=clientAuth) -out "$work/eve.crt" 2>/dev/null
for _ in 1 2 3; do
  curl -sk --cert "$work/eve.crt" --key "$work/eve.key" -A "sneaky/1.0" \
    "https://127.0.0.1:$port/api/v1/namespaces/default/secrets/db" >"$work/answer" || true
done
grep -q Forbidden "$work/answer" || { say "FAILED: it was not refused: $(cat "$work/answer")"; exit 1; }
expect "eve from 127.0.0.1 sneaky/1.0  get secrets/default/db  Forbidden" audit --refused
expect "(3 times until" audit --refused --user eve
if audit --refused --user eve | grep -q allowed; then say "FAILED: --refused shows more"; exit 1; fi
expect '"decision":"refused"' audit --refused -o json
kubus apply -f "$work/map.json" >/dev/null # anything that is written carries it to the disk
kubus down >/dev/null
kubus up >/dev/null
expect "sneaky/1.0" audit --refused
say "ok"
