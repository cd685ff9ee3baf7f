# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for sbr: all or nothing, rules and the routes of all tables included.

load ../lib
load fault
load faults

CONF='{"cniVersion":"1.1.0","name":"net","type":"sbr","addSourceHints":true,
	"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],
	"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0},
		{"address":"fd00:1::2/64","gateway":"fd00:1::1","interface":0}]}}'

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip link add v9 index 910 type veth peer name eth9 index 911 netns box
	ip link set v9 up
	ip -n box addr add 10.9.0.2/24 dev eth9
	ip -n box addr add fd00:9::2/64 dev eth9 nodad
	ip -n box link set eth9 up
	fault_begin
	use sbr "$CONF"
	restore=link_again
}

# Routes that have gone into a table end with the interface.
link_again() {
	ip -n box link del eth0 2>/dev/null || true
	ip -n box -4 route flush table main proto boot
	ip -n box -6 route flush table main proto boot
	ip link add v0 index 900 address 02:aa:00:00:00:02 type veth peer name eth0 index 901 netns box \
		address 02:aa:00:00:00:01
	ip link set v0 up
	ip -n box link set eth0 up addrgenmode none
	ip -n box -batch - <<-'END'
		addr add 10.1.0.2/24 dev eth0
		addr add fd00:1::2/64 dev eth0 nodad
		route add default via 10.1.0.1
		route append default via 10.9.0.1
		route add 172.16.0.0/16 nexthop via 10.9.0.1 nexthop via 10.1.0.1
		route add default via fd00:9::1
		route append default via fd00:1::1
	END
}

# What comes back comes behind its equals.
order=sort

more_state() {
	ip -n box -6 rule
}

after_fault() {
	:
}

@test "sbr ADD" {
	each_fault add_with_fault
}

@test "sbr ADD: the kernel's answer is lost" {
	lost_answers add_with_fault
}

@test "sbr ADD of rules alone" {
	use sbr "$(jq -c '.table = 77 | del(.addSourceHints)' <<<"$CONF")"
	restore=link_again
	each_fault add_with_fault
}

@test "sbr DEL" {
	each_fault del_with_fault
}

@test "sbr DEL: the kernel's answer is lost" {
	lost_answers del_with_fault
}
