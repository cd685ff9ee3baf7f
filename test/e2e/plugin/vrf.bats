# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# vrf on a kernel that has none: what works is in test/vm/vrf.bats.

load ../lib

# An interface of another plugin's, with an address of each family and a default route.
setup() {
	host_setup
	! ip link add vrf0 type vrf table 7 2>/dev/null || skip "this kernel has vrf: test/vm/vrf.bats"
	netns box
	ip link add veth0 type veth peer name eth0 netns box
	ip link set veth0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box addr add fd00::2/64 dev eth0 nodad
	ip -n box link set eth0 up addrgenmode none
	ip -n box route add default via 10.1.0.1
	ip -n box -6 route add default via fd00::1
}

# vrf [JQ] : a configuration in a chain, changed by a jq program.
vrf() {
	jq -c "${1:-.}" <<'END'
	{"cniVersion":"1.1.0","name":"net","type":"vrf","vrfname":"red","prevResult":{"cniVersion":"1.1.0",
	 "interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],
	 "ips":[{"address":"10.1.0.2/24","interface":0}]}}
END
}

@test "STATUS and ADD say what is missing, and change nothing" {
	local before
	before=$(state box)
	status_of vrf <<<"$(vrf 'del(.prevResult)')"
	expect_code 50 'the kernel has no vrf: modprobe vrf'
	add vrf <<<"$(vrf '.table = 7 | .unreachableDefault = true')"
	expect_code 999 'the kernel has no vrf: modprobe vrf'
	add vrf <<<"$(vrf '.vrfname = "eth0"')"
	expect_code 101 'vrfname: eth0 is there and no vrf'
	expect_same state "$before" "$(state box)"
}

@test "what is wrong with a configuration" {
	add vrf <<<"$(vrf 'del(.vrfname)')"
	expect_code 7 'vrfname: missing'
	add vrf <<<"$(vrf '.vrfname = ""')"
	expect_code 7 'vrfname: missing'
	add vrf <<<"$(vrf '.vrfname = "sixteen-letters-"')"
	expect_code 7 'vrfname: '
	add vrf <<<"$(vrf 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
	check vrf <<<"$(vrf 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
}

@test "DEL and CHECK without a vrf" {
	check vrf <<<"$(vrf)"
	expect_code 102 'red: wanted a vrf, found none'
	del vrf <<<"$(vrf)"
	expect_silent
	del vrf <<<"$(vrf 'del(.vrfname)')"
	expect_silent
	ip netns del box
	del vrf <<<"$(vrf)"
	expect_silent
	[ ! -e /run/netns/box ] || fail "no file at the path"
}
