#!/usr/bin/env bash
# The network between a client's machine and the cluster: a network namespace of its own behind a veth pair, whose packets are lost now
# and then, and then all of them for a while. What the client there was told holds, and once healed all is told.
# CUT: seconds.
[[ $EUID == 0 ]] || exit 77
source "$(dirname "$0")/lib.sh"
cut=${CUT:-15}
far=kubus-far-$$
here=10.251.$((seed % 200 + 1)).1 there=10.251.$((seed % 200 + 1)).2
trap 'rc=$?; set +e; kill "${history:-}" 2>/dev/null; nft delete table inet "${far//-/_}" 2>/dev/null; ip netns del "$far" 2>/dev/null; (exit $rc); cleanup' EXIT
ip netns add "$far" || exit 77
ip link add "kf$$" type veth peer name eth0 netns "$far" || exit 77
ip addr add "$here/30" dev "kf$$" && ip link set "kf$$" up
ip -n "$far" addr add "$there/30" dev eth0 && ip -n "$far" link set eth0 up && ip -n "$far" link set lo up
# lose EXPRESSION: of what goes either way, the packets that it holds for; none: all.
lose() {
  nft -f - <<NFT
table inet ${far//-/_} {
  chain in { type filter hook input priority 0; iifname "kf$$" $1 drop; }
  chain out { type filter hook output priority 0; oifname "kf$$" $1 drop; }
}
NFT
}
heal() { nft delete table inet "${far//-/_}"; }

kubus up --hollow 2 --listen "$here" --api-port 0 --bus-port 0 >/dev/null
expect created kubus create -f - < <(deployment web 2)
say "a client on another machine; packets are lost, then all of them for $cut s"
ip netns exec "$far" "$bin/history-load" run "$KUBUS_STATE/credentials/admin.json" $((cut + 12)) "$seed" "$work/history" >"$work/judgement" 2>&1 &
history=$!
pause 3
lose "numgen random mod 100 < 5"
pause 4
heal
lose ""
pause "$cut"
heal
end_history
settles web 2 30
say "ok"
