#!/usr/bin/env bash
# What a Secret holds lies nowhere in the clear: not in the store's files, not on an event, not in a log; nor does it
# after its key was changed. Without the key the store does not start.
. "$(dirname "$0")/lib.sh"

password=correct-horse-battery-staple
later=another-horse-entirely
encoded=$(printf %s $password | base64)
shown() { # the files and texts that show one of the values
  grep -rlaF -e $password -e "$encoded" -e $later -e "$(printf %s $later | base64)" "$@" || true
}
nothing_shown() {
  local found
  found=$(shown "$KUBUS_STATE")
  [[ -z $found ]] || { say "FAILED: $1: a value lies in the clear in $found"; exit 1; }
}
manifest() {
  cat <<YAML
apiVersion: v1
kind: Secret
metadata:
  name: db
  annotations:
    team: shop
    kubectl.kubernetes.io/last-applied-configuration: '{"data":{"password":"$(printf %s "$1" | base64)"}}'
    note: "it is $1"
stringData:
  password: $1
YAML
}

kubus up --no-node --api-port 0 --bus-port 0 >/dev/null
keys=$KUBUS_STATE/pki/secrets.keys
[[ $(stat -c %a "$keys") == 600 ]] || { say "FAILED: the key file's mode"; exit 1; }

manifest $password >"$work/secret.yaml"
kubus apply -f "$work/secret.yaml" >/dev/null
manifest $later >"$work/secret.yaml"
kubus apply -f "$work/secret.yaml" >/dev/null
refuse "data" kubus patch secret db --type merge -p "{\"data\":{\"password\":\"$later%\"}}"
expect "$(printf %s $later | base64)" kubus get secret db -o json
nothing_shown "after two writes"
for form in diff line json cloudevents; do kubus events -o $form >"$work/events.$form"; done
for form in diff line json; do kubus history secret/db -o $form >"$work/history.$form"; done
found=$(shown "$work"/events.* "$work"/history.*)
[[ -z $found ]] || { say "FAILED: a value is shown in $found"; exit 1; }
grep -q '"name":"db"' "$work/events.json"

# The journal alone holds the last writes, and a killed store finds them.
kill_component store
expect "$(printf %s $later | base64)" kubus get secret db -o json
expect "$encoded" kubus get secret db --at "$(kubus history secret/db -o json | head -1 | sed 's/.*"revision":\([0-9]*\).*/\1/')" -o json

# Another key, while the cluster goes on.
for i in $(seq 20); do
  printf 'apiVersion: v1\nkind: Secret\nmetadata: {name: s%d}\nstringData: {password: %s}\n---\n' "$i" $password
done >"$work/many.yaml"
kubus apply -f "$work/many.yaml" >/dev/null
old=$(kubus secrets keys | head -1 | cut -d' ' -f1)
expect "the old key may be dropped" kubus secrets rotate
expect "may be dropped" kubus secrets keys
new=$(kubus secrets keys | head -1 | cut -d' ' -f1)
[[ $new != "$old" ]] || { say "FAILED: the key did not change"; exit 1; }
cp "$keys" "$work/both.keys"
expect "1 old key was removed" kubus secrets drop-old
kill_component store
expect "$(printf %s $later | base64)" kubus get secret db -o json
nothing_shown "after the change of keys"
kubus down >/dev/null
nothing_shown "at rest"

# With a wrong key it says so and serves nothing; with the right one all is there.
cp "$keys" "$work/right.keys"
rm "$keys"
if kubus up --wait 3 >/dev/null 2>&1; then say "FAILED: it came up without its key"; exit 1; fi
grep -q "is sealed under the key $new, which is not among those given" "$KUBUS_STATE/logs/store.log" ||
  { say "FAILED: the store does not say which key it lacks"; exit 1; }
kubus down >/dev/null 2>&1 || true
cp "$work/right.keys" "$keys"
kubus up >/dev/null
expect "$(printf %s $later | base64)" kubus get secret db -o json
say "ok"
