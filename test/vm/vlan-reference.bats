#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The VLAN keys of bridge beside the reference: equal states, and each serves what the other made.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/vlan.bash"

# all_vlans : every port's VLANs, in the order of the ports' creation
all_vlans() {
	bridge -j vlan show | jq -c 'map(.vlans)[]'
}

# What may differ: a bridge has the MAC of one of its ports (which one is chance) or one of its
# own, ours sets addresses without duplicate address detection where the reference switches that off
# by sysctl, ours takes no router advertisements in the container, leaves the accept_ra of a port alone
# and gives it no IPv6 address, and links may be made in another order.
mask() {
	jq -S '.host.links |= (sort_by(.ifname)
			| map(if .master == "br0" and .inet6_addr_gen_mode == "none"
				then .inet6_addr_gen_mode = "eui64" else . end))
		| .host.sysctls |= with_entries(
			if .key | test("^ipv6/conf/veth#[0-9]+/accept_ra$") then .value = "-" else . end)
		| .containers[]?.sysctls |= with_entries(if .key == "ipv6/conf/eth0/accept_ra" then .value = "-" else . end)' |
		sed -e 's/mac of \(veth#[0-9]*\|br0\)"/mac of the bridge"/' -e '/"nodad": true/d'
}

# outcome ref|ours JSON : what an ADD makes and a DEL leaves of a host that is then cleaned
outcome() {
	box c1
	by "$1" add bridge eth0 <<<"$2" >&2
	expect_ok >&2
	state c1 | mask
	all_vlans
	by "$1" del bridge eth0 <<<"$2" >&2
	expect_silent >&2
	all_vlans
	host_clean >&2
}

same_as_reference() {
	local ref ours
	ref=$(outcome ref "$1")
	ours=$(outcome ours "$1")
	expect_same state "$ref" "$ours"
}

@test "as the reference: vlan" {
	same_as_reference "$(conf '{"vlan": 100}')"
}

@test "as the reference: vlan, preserveDefaultVlan" {
	same_as_reference "$(conf '{"vlan": 100, "preserveDefaultVlan": true}')"
}

@test "as the reference: vlanTrunk" {
	same_as_reference "$(conf '{"vlanTrunk": [{"minID": 5, "maxID": 9}, {"id": 3}]}')"
}

@test "as the reference: vlan, vlanTrunk, preserveDefaultVlan" {
	same_as_reference "$(conf '{"vlan": 9, "vlanTrunk": [{"minID": 5, "maxID": 9}],
		"preserveDefaultVlan": true}')"
}

@test "as the reference: vlanTrunk, preserveDefaultVlan" {
	same_as_reference "$(conf '{"vlanTrunk": [{"id": 3}], "preserveDefaultVlan": true}')"
}

@test "as the reference: an empty vlanTrunk" {
	same_as_reference "$(conf '{"vlanTrunk": []}')"
}

@test "as the reference: vlan with its own gateway" {
	same_as_reference "$(routed 10.7.0.0/24 '{"vlan": 100, "isDefaultGateway": true}')"
}

@test "as the reference: vlan with its own gateway, vlanTrunk, mtu, IPv6" {
	same_as_reference "$(routed fd00:7::/64 '{"vlan": 100, "mtu": 1400,
		"vlanTrunk": [{"id": 42}]}')"
}

# crossed ADDER DELETER
crossed() {
	local conf
	conf=$(routed 10.7.0.0/24 '{"vlan": 100}')
	box c1
	by "$1" add bridge eth0 <<<"$conf"
	expect_ok
	by "$2" check bridge eth0 <<<"$(with_result "$conf")"
	expect_silent
	box c2
	by "$2" add bridge eth0 <<<"$conf"
	expect_ok
	can_ping c2 10.7.0.2
	NS=c1 CID=c1 by "$2" del bridge eth0 <<<"$conf"
	expect_silent
	NS=c2 CID=c2 by "$1" del bridge eth0 <<<"$conf"
	expect_silent
	[ "$(ip -j link show type veth | jq length)" = 2 ]
	[ -z "$(find /var/lib/cni/networks/net -name '10.*')" ]
}

@test "a VLAN's gateway made by the reference serves ours" {
	crossed ref ours
}

@test "a VLAN's gateway made by ours serves the reference" {
	crossed ours ref
}
