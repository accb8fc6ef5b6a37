#!/usr/bin/env bash
# kill -9 of a component at random moments, while clients write and read: nothing that was acknowledged is lost, every answer fits
# one order, a follower misses nothing and hears nothing twice; and a Deployment comes to what it should be.
# LENGTH: seconds of it.
source "$(dirname "$0")/lib.sh"
length=${LENGTH:-30}

kubus up --hollow 3 --api-port 0 --bus-port 0 >/dev/null
expect created kubus create -f - < <(deployment web 4)
begin_history "$length"
kills=0
until=$((SECONDS + length))
while ((SECONDS < until)); do
  pause "$((RANDOM % 2)).$((RANDOM % 10))"
  one_of store store nats-server controllers scheduler gateway
  pid=$(pid_of "$chosen")
  [[ -n $pid && $pid != 0 ]] || continue
  kill -9 "$pid" 2>/dev/null && printf '  %s' "$chosen"
  kills=$((kills + 1))
  if ((RANDOM % 3 == 0)); then kubus scale deployment web --replicas $((RANDOM % 6)) >/dev/null 2>&1 || true; fi
done
say ""
end_history
for _ in $(seq 20); do kubus scale deployment web --replicas 5 >/dev/null 2>&1 && break; pause 0.5; done
settles web 5 40
say "ok: $kills kills in $length s"
