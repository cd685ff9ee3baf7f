# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A container with two interfaces, and a way behind each to the same host far away:
#
#	box eth0 10.1.0.2 -- br1 -- way1 10.1.0.1 --- far 203.0.113.9, fd00:f::9
#	box net1 10.2.0.2 -- br2 -- way2 10.2.0.1 ---'
#
# A way forwards what comes from its own subnet and nothing else, as a provider's router does. IPv6 in the
# same manner (fd00:1::/64, fd00:2::/64). For test files that have loaded lib.bash.

# way N : its router, with a bridge on the host for the container's side.
way() {
	local ns=way$1
	ip netns add "$ns"
	in_ns "$ns" sh -c 'cd /proc/sys/net && echo 1 >ipv4/ip_forward && echo 1 >ipv6/conf/all/forwarding &&
		echo 0 >ipv6/conf/default/dad_transmits'
	ip -batch - <<-END
		link add br$1 type bridge
		link add p$1 master br$1 up type veth peer name in netns $ns
		link add way$1 netns far type veth peer name out netns $ns
		link set br$1 up
	END
	ip -n "$ns" -batch - <<-END
		link set in up
		link set out up
		addr add 10.$1.0.1/24 dev in
		addr add fd00:$1::1/64 dev in nodad
		addr add 192.0.2.$1/24 dev out
		addr add fd00:e$1::1/64 dev out nodad
		route add 203.0.113.9 via 192.0.2.9$1 dev out
		route add fd00:f::9 via fd00:e$1::9 dev out
		rule add iif in blackhole priority 200
		rule add iif in from 10.$1.0.0/24 lookup main priority 100
	END
	ip -n "$ns" -6 -batch - <<-END
		rule add iif in blackhole priority 200
		rule add iif in from fd00:$1::/64 lookup main priority 100
		rule add iif in from fe80::/10 lookup main priority 101
	END
	ip -n far -batch - <<-END
		link set way$1 up
		addr add 192.0.2.9$1/24 dev way$1
		addr add fd00:e$1::9/64 dev way$1 nodad
		route add 10.$1.0.0/24 via 192.0.2.$1 dev way$1
		route add fd00:$1::/64 via fd00:e$1::1
	END
}

two_ways() {
	no_dad_wait ''
	netns far
	no_dad_wait far
	ip -n far -batch - <<-END
		addr add 203.0.113.9/32 dev lo
		addr add fd00:f::9/128 dev lo nodad
	END
	way 1
	way 2
	netns box
	no_dad_wait box
}

# bridge_conf N : of the network behind way N, with a default route of each family.
bridge_conf() {
	echo '{"cniVersion":"1.1.0","name":"net'"$1"'","type":"bridge","bridge":"br'"$1"'","ipam":{"type":"static",
		"addresses":[{"address":"10.'"$1"'.0.2/24","gateway":"10.'"$1"'.0.1"},
		{"address":"fd00:'"$1"'::2/64","gateway":"fd00:'"$1"'::1"}],
		"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}}'
}

# reaches NAMESPACE ADDRESS [PING-OPTION...] : an answer comes.
reaches() {
	local ns=$1 to=$2
	shift 2
	in_ns "$ns" ping -n -c 1 -W 5 "$@" "$to" >/dev/null || fail "an answer to $ns from $to ($*)"
}

# misses NAMESPACE ADDRESS [PING-OPTION...] : none comes.
misses() {
	local ns=$1 to=$2
	shift 2
	! in_ns "$ns" ping -n -c 1 -W 1 "$@" "$to" >/dev/null 2>&1 || fail "no answer to $ns from $to ($*)"
}
