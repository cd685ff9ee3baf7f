#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2119,SC2154,SC2016
#
# dhcp on ipvlan and vlan, which the machine's own kernel does not have, with dnsmasq.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/dhcp.bash"

# The host's m0 leads to the namespace wire, whose end w0 has the address of the server.
setup() {
	host_setup
	netns wire
	ip link add m0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	netns box
}

teardown() {
	dhcp_end
	host_clean
}

# server_at DEVICE : of the namespace wire.
server_at() {
	ip -n wire addr add 10.9.0.1/24 dev "$1"
	dhcp_ns=wire dnsmasq_at "$1" --dhcp-range=10.9.0.10,10.9.0.250,2m
}

# gets_one TYPE : an address, traffic, another daemon, and gives it back.
gets_one() {
	add "$1" <<<"$conf"
	expect_ok
	check "$1" <<<"$(with_result "$conf")"
	expect_silent
	[ "$(addresses)" = "$(jq -r '.ips[0].address' <<<"$result")" ]
	in_ns box ping -qc 1 -W 5 10.9.0.1
	daemon_end -KILL
	: >"$dhcp_log"
	dhcp_daemon
	said DHCPACK
	[ "$(addresses)" = "$(jq -r '.ips[0].address' <<<"$result")" ]
	del "$1" <<<"$conf"
	expect_silent
	said DHCPRELEASE
}

# The server has fd09::1, too, at once.
server6_at() {
	in_ns wire sh -c "echo 0 >/proc/sys/net/ipv6/conf/$1/accept_dad"
	ip -n wire addr add fd09::1/64 dev "$1" nodad
	ip -n wire addr add 10.9.0.1/24 dev "$1"
	dhcp_ns=wire dnsmasq_at "$1" --dhcp-range=10.9.0.10,10.9.0.250,2m --dhcp-range=fd09::10,fd09::ff,64,2m --enable-ra
}

nothing_left() {
	[ -z "$(ls -A /var/lib/cni/dhcp)" ] || fail "no lease left: $(lease)"
}

@test "ipvlan: the answers are broadcasts, the client identifier tells one from another" {
	server_at w0
	dhcp_daemon
	conf=$(lan '.type = "ipvlan" | .master = "m0" | .mode = "l2" | del(.bridge)')
	netns other
	NS=other CID=c2 add ipvlan <<<"$conf"
	expect_ok
	NS=box
	gets_one ipvlan
	[ "$(ip -n other -4 -br addr show dev eth0 | awk '{ print $3 }')" != "$(jq -r '.ips[0].address' <<<"$result")" ]
	NS=other CID=c2 del ipvlan <<<"$conf"
	expect_silent
	nothing_left
}

@test "ipvlan, l3: no message comes to a server" {
	server_at w0
	dhcp_daemon
	add ipvlan <<<"$(lan '.type = "ipvlan" | .master = "m0" | .mode = "l3" | .ipam.resendTimeout = 2 | del(.bridge)')"
	expect_code 11 'no server has given eth0 an address within 2 s'
	! grep DHCPDISCOVER "$dhcp_log" || fail "no message"
	nothing_left
}

@test "ipvlan, IPv6: two on one master have a DUID and an address each" {
	local one
	server6_at w0
	dhcp_daemon
	conf=$(lan '.type = "ipvlan" | .master = "m0" | .slaac = true | .ipam.ipv6 = "dhcp" | del(.bridge)')
	netns other
	NS=other CID=c2 add ipvlan <<<"$conf"
	expect_ok
	one=$(jq -r '.ips[1].address' <<<"$result")
	NS=box
	add ipvlan <<<"$conf"
	expect_ok
	check ipvlan <<<"$(with_result "$conf")"
	expect_silent
	[[ $(addresses6) == *"$(jq -r '.ips[1].address' <<<"$result")"* ]]
	[ "$(jq -r '.ips[1].address' <<<"$result")" != "$one" ]
	[ "$(awk '$1 == "duid" { on = 1; next } on' "$dhcp_leases" | sort -u -k 5 | wc -l)" = 2 ] || fail "two DUIDs: $(cat "$dhcp_leases")"
	advertised
	in_ns box ping -qc 1 -W 5 fd09::1
	daemon_end -KILL
	: >"$dhcp_log"
	dhcp_daemon
	said DHCPCONFIRM
	[[ $(addresses6) == *"$(jq -r '.ips[1].address' <<<"$result")"* ]]
	del ipvlan <<<"$conf"
	expect_silent
	said 'DHCPRELEASE(w0) 00:04:'
	NS=other CID=c2 del ipvlan <<<"$conf"
	expect_silent
	nothing_left
}

@test "vlan" {
	ip -n wire link add link w0 name w0.7 up type vlan id 7
	server_at w0.7
	dhcp_daemon
	conf=$(lan '.type = "vlan" | .master = "m0" | .vlanId = 7 | del(.bridge)')
	gets_one vlan
	nothing_left
}
