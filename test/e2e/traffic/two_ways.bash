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

# link_to NAMESPACE IFNAME NAMESPACE IFNAME : a veth; "" is the host.
link_to() {
	local here=() there=()
	[ -z "$1" ] || here=(netns "$1")
	[ -z "$3" ] || there=(netns "$3")
	ip link add "$2" "${here[@]}" type veth peer name "$4" "${there[@]}"
	ip ${1:+-n "$1"} link set "$2" up
	ip ${3:+-n "$3"} link set "$4" up
}

# way N : its router, with a bridge on the host for the container's side.
way() {
	local ns=way$1
	netns "$ns"
	no_dad_wait "$ns"
	ip link add "br$1" type bridge
	ip link set "br$1" up
	link_to "$ns" in "" "p$1"
	ip link set "p$1" master "br$1"
	link_to "$ns" out far "way$1"
	in_ns "$ns" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding'
	ip -n "$ns" -batch - <<-END
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
	ip -n far addr add 203.0.113.9/32 dev lo
	ip -n far addr add fd00:f::9/128 dev lo nodad
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
