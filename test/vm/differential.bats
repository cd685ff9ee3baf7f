#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same steps through the reference and through ours, of the plugins that the machine's own kernel does not have: see
# compat/differential.bash.

# What the file loads it finds beside itself.
load() {
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/../e2e/compat/$1.bash"
}
load differential

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

# conf TYPE EXTRA [IPAM] : JSON objects merged into a configuration.
conf() {
	jq -nc --arg type "$1" --argjson extra "$2" --argjson ipam "${3:-null}" '
		{cniVersion: "1.1.0", name: "net", type: $type}
		+ if $type == "ipvlan" or $type == "vlan" then {master: "m0"} else {} end
		+ if $type == "vlan" then {vlanId: 100} else {} end
		+ $extra + if $ipam then {ipam: $ipam} else {} end'
}

# alike TYPE EXTRA [IPAM], refused TYPE EXTRA [IPAM]
alike() { same "$1" "$(conf "$@")"; }
refused() { both_refuse "$1" "$(conf "$@")"; }

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

# ---- dummy ---------------------------------------------------------------------------------

@test "dummy: each family, static addresses, routes" {
	alike dummy '{}' "$V4"
	alike dummy '{}' "$V6"
	alike dummy '{}' "$STATIC"
	alike dummy "$DNS" "$FULL"
	refused dummy '{}'
}

@test "dummy: every version of the specification" {
	in_every_version dummy "$(conf dummy '{}' "$DUAL")"
}

# ---- vrf -----------------------------------------------------------------------------------

PREVIOUS='"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"v0"},{"name":"eth0","sandbox":"/run/netns/box"}],
	"ips":[{"address":"10.9.0.2/24","gateway":"10.9.0.1","interface":1},{"address":"fd00:9::2/64","interface":1}],
	"routes":[{"dst":"0.0.0.0/0"}],"dns":{"domain":"d.example"}}'

# An interface with addresses and routes of its own alone; what the reference gets wrong is left out: routes that it shares
# with another.
attached() {
	ip link add v0 up address 02:aa:00:00:00:02 type veth peer name eth0 netns box address 02:aa:00:00:00:01
	ip -n box -batch - <<-'END'
		link set eth0 addrgenmode none
		link set eth0 up
		addr add 10.9.0.2/24 dev eth0
		addr add fd00:9::2/64 dev eth0 nodad
		route add default via 10.9.0.1
		route add 172.20.0.0/16 via 10.9.0.1 mtu 1400
		route add default via fd00:9::1
		route add fd00:a::/48 via fd00:9::7
	END
}

# In a VRF that is there, beside another interface's.
beside() {
	attached
	ip -n box -batch - <<-'END'
		link add red type vrf table 7
		link set red up
		link add eth1 address 02:aa:00:00:00:03 type dummy
		link set eth1 addrgenmode none
		link set eth1 up master red
		addr add 10.8.0.2/24 dev eth1
	END
}

@test "vrf: the first table that is free, or one that is asked for" {
	PREPARE=attached
	alike vrf "{\"vrfname\":\"red\",$PREVIOUS}"
	alike vrf "{\"vrfname\":\"red\",\"table\":300,$PREVIOUS}"
	refused vrf "{$PREVIOUS}"
	refused vrf '{"vrfname":"red"}'
	refused vrf "{\"vrfname\":\"lo\",$PREVIOUS}"
}

@test "vrf: one that is there" {
	PREPARE=beside
	alike vrf "{\"vrfname\":\"red\",$PREVIOUS}"
	alike vrf "{\"vrfname\":\"red\",\"table\":7,$PREVIOUS}"
	alike vrf "{\"vrfname\":\"blue\",$PREVIOUS}"
	refused vrf "{\"vrfname\":\"red\",\"table\":8,$PREVIOUS}"
}

@test "vrf: every version of the specification that it has" {
	local version
	PREPARE=attached
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		same vrf "$(conf vrf "{\"vrfname\":\"red\",$PREVIOUS}" | jq -c --arg v "$version" '
			.cniVersion = $v | .prevResult.cniVersion = $v
			| .prevResult.ips |= map(.version = if .address | test(":") then "6" else "4" end)')"
	done
}
