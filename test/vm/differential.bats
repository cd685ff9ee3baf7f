#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# ipvlan and vlan, on an interface of the host's, by the reference and by ours: see differential.bash.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/differential.bash"

# The host's m0, and what is at its other end.
master() {
	ip link add m0 address 02:bb:00:00:00:01 type veth peer name m1 address 02:bb:00:00:00:02
	ip link set m0 up
	ip link set m1 up
}

default_route() {
	master
	ip route add default dev m0
}

inside() {
	master
	ip link set m0 netns box
	ip -n box link set m0 up
}

# ---- ipvlan --------------------------------------------------------------------------------

@test "ipvlan: dual stack, static addresses, routes, dns" {
	PREPARE=master
	alike ipvlan '{}' "$DUAL"
	alike ipvlan '{}' "$STATIC"
	alike ipvlan "$DNS" "$FULL"
	refused ipvlan '{}'
}

@test "ipvlan: mode, mtu" {
	local mode
	PREPARE=master
	for mode in l2 l3 l3s; do
		alike ipvlan "{\"mode\":\"$mode\"}" "$V4"
	done
	alike ipvlan '{"mtu":1400}' "$V4"
	refused ipvlan '{"mode":"l4"}' "$V4"
	refused ipvlan '{"master":"m9"}' "$V4"
}

@test "ipvlan: the master of the default route, one in the container" {
	PREPARE=default_route
	REF_CHECK=1 # it looks for a master without a name
	alike ipvlan '{"master":""}' "$DUAL"
	REF_CHECK=0
	PREPARE=inside
	alike ipvlan '{"linkInContainer":true}' "$DUAL"
}

@test "ipvlan: behind another plugin, on its interface, with its addresses" {
	PREPARE=master
	REF_CHECK=1
	alike ipvlan '{"master":"","prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"m0"}],
		"ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1","interface":0}],"routes":[{"dst":"10.100.0.0/16"}]}}'
}

@test "ipvlan: every version of the specification" {
	PREPARE=master
	in_every_version ipvlan "$(conf ipvlan '{}' "$DUAL")"
}

# ---- vlan ----------------------------------------------------------------------------------

@test "vlan: dual stack, static addresses, routes, dns" {
	PREPARE=master
	alike vlan '{}' "$DUAL"
	alike vlan '{}' "$STATIC"
	alike vlan "$DNS" "$FULL"
	refused vlan '{}'
}

@test "vlan: vlanId, mtu, one in the container" {
	PREPARE=master
	alike vlan '{"vlanId":1}' "$V4"
	alike vlan '{"vlanId":4094,"mtu":1400}' "$V4"
	refused vlan '{"vlanId":4095}' "$V4"
	refused vlan '{"mtu":1501}' "$V4"
	refused vlan '{"master":""}' "$V4"
	refused vlan '{"master":"m9"}' "$V4"
	PREPARE=inside
	alike vlan '{"linkInContainer":true}' "$DUAL"
}

@test "vlan: every version of the specification" {
	PREPARE=master
	in_every_version vlan "$(conf vlan '{}' "$DUAL")"
}
