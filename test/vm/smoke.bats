#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The ordinary plugins once on the distribution's kernel: what the suite proves on the machine's
# own kernel must not depend on it.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"

# round_trip PLUGIN CONF : ADD, CHECK; the container reaches its gateways; the caller DELs
round_trip() {
	local gateway
	netns box
	add "$1" eth0 <<<"$2"
	expect_ok
	check "$1" eth0 <<<"$(with_result "$2")"
	expect_silent
	for gateway in $(jq -r '.ips[].gateway' <<<"$result"); do
		in_ns box ping -c 1 -W 5 "$gateway"
	done
}

# gone PLUGIN CONF : DEL, twice; no veth, no reservation left
gone() {
	for _ in 1 2; do
		del "$1" eth0 <<<"$2"
		expect_silent
	done
	[ "$(ip -j link show type veth | jq length)" = 0 ]
	[ "$(ns_ip box -j link show | jq length)" = 1 ]
	[ -z "$(find /var/lib/cni/networks/net -name '10.*' -o -name 'fd00*')" ]
}

both() {
	jq -nc --arg type "$1" '{cniVersion: "1.0.0", name: "net", type: $type, isGateway: true,
		ipam: {type: "host-local", ranges: [[{subnet: "10.9.0.0/24"}], [{subnet: "fd00:9::/64"}]],
			routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}}'
}

@test "bridge with host-local, IPv4 and IPv6" {
	round_trip bridge "$(both bridge)"
	gone bridge "$(both bridge)"
}

@test "ptp with host-local, IPv4 and IPv6" {
	round_trip ptp "$(both ptp)"
	gone ptp "$(both ptp)"
}

@test "bridge of layer 2 with hairpin, port isolation and a MAC address" {
	local conf port
	conf='{"cniVersion": "1.0.0", "name": "net", "type": "bridge", "hairpinMode": true,
		"portIsolation": true, "runtimeConfig": {"mac": "02:aa:00:00:00:01"}}'
	netns box
	add bridge eth0 <<<"$conf"
	expect_ok
	expect_json '.interfaces[2].mac' 02:aa:00:00:00:01
	port=$(jq -r '.interfaces[1].name' <<<"$output")
	json_is "$(ip -j -d link show dev "$port")" \
		'.[0].linkinfo.info_slave_data | [.hairpin, .isolated]' '[true,true]'
	del bridge eth0 <<<"$conf"
	expect_silent
}

@test "loopback" {
	local conf='{"cniVersion": "1.0.0", "name": "net", "type": "loopback"}'
	netns box
	ns_ip box link set lo down
	add loopback lo <<<"$conf"
	expect_ok
	in_ns box ping -c 1 -W 5 127.0.0.1
	check loopback lo <<<"$(with_result "$conf")"
	expect_silent
	del loopback lo <<<"$conf"
	expect_silent
	json_is "$(ns_ip box -j link show dev lo)" '.[0].flags | index("UP")' null
}

@test "the image has what the machine's kernel lacks, and no device of its own" {
	local kind tool
	for tool in iptables ip6tables; do
		"$tool" -t nat -A POSTROUTING -j ACCEPT
		"$tool-save" -t nat | grep -qx -e '-A POSTROUTING -j ACCEPT'
	done
	[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || fail "no br_netfilter"
	ip link add d0 type dummy
	for kind in 'vlan id 7' 'vlan id 7 protocol 802.1ad' macvlan ipvlan; do
		# shellcheck disable=SC2086 # its options are words
		ip link add link d0 name x0 type $kind || fail "no $kind"
		ip link del x0
	done
	for kind in 'vrf table 7' ifb; do
		# shellcheck disable=SC2086
		ip link add x0 type $kind || fail "no $kind"
		ip link del x0
	done
	ip link del d0
	json_is "$(ip -j link)" '[.[].ifname]' '["lo"]'
}
