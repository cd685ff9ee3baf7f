# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# What is promised of every main plugin alike: its key sysctl, IPAM's routes. Those that this kernel lacks are in
# test/vm/wishes.bats.

load ../lib
load ovs
load ../mains

# each TEST : of those that have addresses of an IPAM plugin.
each() {
	"$1" bridge "$(main bridge '"bridge":"br0"')"
	"$1" ptp "$(main ptp)"
	"$1" macvlan "$(main macvlan '"master":"m0"')"
	"$1" tap "$(main tap)"
	"$1" host-device "$(main host-device '"device":"m0"')"
}

first() {
	sysctl_comes_first "$1" eth0 "$2"
	sysctl_comes_first "$1" eth0 "$(jq -c 'if .type == "ptp" then . else del(.ipam) end' <<<"$2")"
}

@test "sysctl is set before the link is up, with IPAM and without" {
	each first
}

@test "sysctl of loopback" {
	ip -n box link set lo down
	sysctl_comes_first loopback lo '{"cniVersion":"1.1.0","name":"net","type":"loopback"}'
	add loopback lo <<<'{"cniVersion":"1.1.0","name":"net","type":"loopback","sysctl":{"net.ipv4.no_such":"1"}}'
	expect_code 999 'sysctl net.ipv4.no_such'
	json_is "$(ip -n box -j link show lo)" '.[0].flags | index("UP")' null
	add loopback lo <<<'{"cniVersion":"1.1.0","name":"net","type":"loopback","sysctl":{"kernel.hostname":"x"}}'
	expect_code 7 'sysctl: "kernel.hostname" is no sysctl below net'
}

@test "sysctl and slaac of ovs" {
	ovs_start
	first ovs "$(main ovs '"bridge":"br0"')"
	slaac_off ovs "$(main ovs '"bridge":"br0"')"
}

@test "routes with one destination and several gateways all go in, with each attribute, and CHECK sees each" {
	each routes_all_go_in
}

@test "routes of ovs" {
	ovs_start
	routes_all_go_in ovs "$(main ovs '"bridge":"br0"')"
}

@test "router advertisements are off where IPAM gives an address, but with slaac" {
	slaac_off bridge "$(main bridge '"bridge":"br0"')"
	slaac_off macvlan "$(main macvlan '"master":"m0"')"
	slaac_off tap "$(main tap)"
	slaac_off host-device "$(main host-device '"device":"m0"')"
}

no_ipv6() {
	add "$1" <<<"$2"
	expect_code 999 'eth0 has no IPv6, for which an MTU of 1280 is the least'
	! ip -n box link show eth0 2>/dev/null || fail "nothing left"
}

@test "an MTU at which the kernel has no IPv6 is said to be that, where there is an address of it" {
	no_ipv6 bridge "$(main bridge '"bridge":"br0","mtu":1000')"
	no_ipv6 ptp "$(main ptp '"mtu":1000')"
	no_ipv6 macvlan "$(main macvlan '"master":"m0","mtu":1000')"
	no_ipv6 tap "$(main tap '"mtu":1000')"
	ip link set m0 mtu 1000
	no_ipv6 host-device "$(main host-device '"device":"m0"')"
}

@test "tap: made in the container at once, by its name" {
	one_name tap "$(main tap)"
}

@test "macvlan: made in the container at once, by its name, with all it is to have" {
	one_name macvlan "$(main macvlan '"master":"m0","mtu":1400,"mac":"02:00:00:00:00:05"')"
	grep -E '^[0-9]+: eth0' "$BATS_TEST_TMPDIR/events" | head -n 1 | grep -q 'mtu 1400' || fail "its MTU from the first"
}

# Within what an attribute may have (64 KiB), and more than a dump's usual 32.
many_names() {
	add "$1" <<<"$2"
	expect_ok
	seq 490 | awk '{ printf "link property add dev eth0 altname %s%0124d\n", "a", $1 }' | ip -n box -batch -
	json_is "$(ip -n box -j link show eth0)" '.[0].altnames | length' 490
	check "$1" <<<"$(with_result "$2")"
	expect_silent
	del "$1" <<<"$(with_result "$2")"
	expect_silent
	! ip -n box link show eth0 2>/dev/null || fail "$1: eth0 is there"
}

@test "a container that gives its interface hundreds of names does not keep it from CHECK and DEL" {
	each many_names
	json_is "$(ip -j link show m0)" '.[0].altnames | length' 0
}

@test "a device of the host that has hundreds of names keeps nobody from theirs" {
	ip link add many type veth peer name many2
	seq 490 | awk '{ printf "link property add dev many altname %s%0124d\n", "a", $1 }' | ip -batch -
	each add_and_del
	add_and_del host-device "$(main host-device "\"hwaddr\":\"$(cat /sys/class/net/m0/address)\"")"
}

add_and_del() {
	add "$1" <<<"$2"
	expect_ok
	del "$1" <<<"$2"
	expect_silent
}
