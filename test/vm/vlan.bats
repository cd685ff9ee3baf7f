#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# The VLAN keys of bridge: vlan, vlanTrunk, preserveDefaultVlan, and the gateway of a VLAN. They
# need a kernel with bridge VLAN filtering, hence the VM.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/fault/fault.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/vlan.bash"

# Silence cannot be awaited, only listened to for a while.
cannot_ping() {
	! in_ns "$1" ping -c 2 -i 0.3 -W 1 "$2"
}

@test "vlan makes a filtering bridge and its VLAN the only one of the port" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlan": 100}')"
	expect_ok
	[ "$(filtering)" = 1 ]
	expect_vlans "$(port)" "100pu"
}

@test "vlan 0 is none: no filtering, the port keeps VLAN 1" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlan": 0}')"
	expect_ok
	[ "$(filtering)" = 0 ]
	expect_vlans "$(port)" "1pu"
}

@test "vlan with preserveDefaultVlan keeps VLAN 1, no more as PVID" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlan": 100, "preserveDefaultVlan": true}')"
	expect_ok
	expect_vlans "$(port)" "1u 100pu"
}

@test "vlanTrunk alone: its VLANs tagged, VLAN 1 native" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlanTrunk": [
		{"minID": 1000, "maxID": 1003}, {"id": 42}, {"id": 7, "minID": 8, "maxID": 8}]}')"
	expect_ok
	[ "$(filtering)" = 1 ]
	expect_vlans "$(port)" "1pu 7 8 42 1000 1001 1002 1003"
}

@test "vlanTrunk that overlaps itself is a union" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlanTrunk": [
		{"minID": 10, "maxID": 12}, {"id": 11}, {"minID": 12, "maxID": 13}]}')"
	expect_ok
	expect_vlans "$(port)" "1pu 10 11 12 13"
}

@test "vlanTrunk with vlan: vlan is native, VLAN 1 is gone" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlan": 100, "vlanTrunk": [{"id": 42}]}')"
	expect_ok
	expect_vlans "$(port)" "42 100pu"
}

@test "vlanTrunk with preserveDefaultVlan" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlanTrunk": [{"id": 42}], "preserveDefaultVlan": true}')"
	expect_ok
	expect_vlans "$(port)" "1pu 42"
}

@test "an empty vlanTrunk still makes a filtering bridge" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlanTrunk": []}')"
	expect_ok
	[ "$(filtering)" = 1 ]
}

@test "row 12: a vlanTrunk that names no VLAN leaves the port's alone, whatever the default one" {
	local pvid trunk conf
	for pvid in 0 1 5; do
		ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid $pvid
		for trunk in '[]' '[{}]' '[{}, {}]' null; do
			conf=$(conf "{\"vlanTrunk\": $trunk}")
			box c1
			add bridge eth0 <<<"$conf"
			expect_ok
			case $pvid in
			0) expect_vlans "$(port)" "" ;;
			*) expect_vlans "$(port)" "${pvid}pu" ;;
			esac
			check bridge eth0 <<<"$(with_result "$conf")"
			expect_ok
			del bridge eth0 <<<"$conf"
			expect_ok
			ip netns del c1
		done
		ip link del br0
	done
}

@test "row 12: an empty vlanTrunk with vlan is vlan alone" {
	box c1
	ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 5
	add bridge eth0 <<<"$(conf '{"vlan": 100, "vlanTrunk": [{}]}')"
	expect_ok
	expect_vlans "$(port)" "100pu"
}

@test "vlanTrunk of all VLANs" {
	box c1
	add bridge eth0 <<<"$(conf '{"vlanTrunk": [{"minID": 1, "maxID": 4094}]}')"
	expect_ok
	[ "$(vlans "$(port)" | wc -w)" = 4094 ]
	expect_silent_del
}

expect_silent_del() {
	del bridge eth0 <<<"$(conf)"
	expect_silent
	[ "$(links)" = br0 ] || fail "only br0 left, not $(links)"
}

@test "a bridge that exists without filtering is left so" {
	ip link add br0 type bridge
	box c1
	add bridge eth0 <<<"$(conf '{"vlan": 100}')"
	expect_ok
	[ "$(filtering)" = 0 ]
	expect_vlans "$(port)" "100pu"
}

@test "containers talk within a VLAN and not across" {
	local i=0 name vlan
	for name in a:100 b:100 c:200; do
		vlan=${name#*:} i=$((i + 1))
		box "${name%:*}"
		add bridge eth0 <<<"$(conf "{\"vlan\": $vlan}")"
		expect_ok
		ns_ip "$NS" addr add "10.5.0.$i/24" dev eth0
	done
	can_ping a 10.5.0.2
	cannot_ping a 10.5.0.3
}

@test "a trunk carries tagged frames to the access ports of its VLANs" {
	local name
	for name in trunk:1 a:42 b:43; do
		box "${name%:*}"
		if [ "$NS" = trunk ]; then
			add bridge eth0 <<<"$(conf '{"vlanTrunk": [{"id": 42}]}')"
		else
			add bridge eth0 <<<"$(conf "{\"vlan\": ${name#*:}}")"
			ns_ip "$NS" addr add "10.6.${name#*:}.2/24" dev eth0
		fi
		expect_ok
	done
	for name in 42 43; do
		ns_ip trunk link add "eth0.$name" link eth0 type vlan id "$name"
		ns_ip trunk link set "eth0.$name" up
		ns_ip trunk addr add "10.6.$name.1/24" dev "eth0.$name"
	done
	can_ping trunk 10.6.42.2
	cannot_ping trunk 10.6.43.2
}

@test "the gateway of a VLAN is an interface of its own" {
	box c1
	add bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100}')"
	expect_ok
	expect_json '.interfaces | length' 4
	expect_json '.interfaces[3].name' br0.100
	expect_json '.interfaces[3].mac' "$(cat /sys/class/net/br0.100/address)"
	expect_json '.interfaces[3].sandbox' null
	expect_json '.ips[0].gateway' 10.7.0.1
	[ "$(ip -j -4 addr show dev br0.100 | jq -r '.[0].addr_info[0] | "\(.local)/\(.prefixlen)"')" = \
		10.7.0.1/24 ]
	[ "$(ip -j -4 addr show dev br0 | jq '.[0].addr_info | length')" = 0 ]
	[ "$(cat /proc/sys/net/ipv4/ip_forward)" = 1 ]
	can_ping c1 10.7.0.1
}

# gateway_port DEV : the bridge port at the other end of a VLAN's gateway
gateway_port() {
	ip -j link show dev "$1" | jq -r '.[0].link'
}

@test "the bridge port of a VLAN's gateway is in that VLAN only" {
	box c1
	add bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100}')"
	expect_ok
	expect_vlans "$(gateway_port br0.100)" "100pu"
	[ "$(ip -j link show dev "$(gateway_port br0.100)" | jq -r '.[0].master')" = br0 ]
	ip -j link show dev "$(gateway_port br0.100)" | jq -e '.[0].flags | index("UP")'
}

@test "a VLAN's gateway is shared by its containers and outlives them" {
	local before
	box c1
	add bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100}')"
	expect_ok
	before=$(cat /sys/class/net/br0.100/ifindex)
	box c2
	add bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100}')"
	expect_ok
	expect_json '.interfaces[3].name' br0.100
	[ "$(cat /sys/class/net/br0.100/ifindex)" = "$before" ]
	can_ping c2 10.7.0.1
	can_ping c2 10.7.0.2
	for NS in c1 c2; do
		CID=$NS del bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100}')"
		expect_silent
	done
	[ "$(cat /sys/class/net/br0.100/ifindex)" = "$before" ]
	[ "$(ip -j link show type veth | jq 'length')" = 2 ]
}

@test "two VLANs on one bridge have a gateway each, routed to one another" {
	box a
	add bridge eth0 <<<"$(routed 10.7.0.0/24 '{"vlan": 100, "isDefaultGateway": true}')"
	expect_ok
	box b
	add bridge eth0 <<<"$(routed 10.8.0.0/24 '{"vlan": 200, "isDefaultGateway": true,
		"name": "net2"}')"
	expect_ok
	can_ping a 10.7.0.1
	can_ping a "$(jq -r '.ips[0].address | split("/")[0]' <<<"$result")"
}

@test "the gateway of a VLAN in IPv6" {
	box c1
	add bridge eth0 <<<"$(routed fd00:7::/64 '{"vlan": 100}')"
	expect_ok
	expect_json '.ips[0].gateway' fd00:7::1
	[ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ]
	ip -j -6 addr show dev br0.100 | jq -e '.[0].addr_info | map(.local) | index("fd00:7::1")'
	can_ping c1 fd00:7::1
}

@test "CHECK accepts what ADD with VLANs made" {
	local conf
	conf=$(routed 10.7.0.0/24 '{"vlan": 100, "vlanTrunk": [{"id": 42}]}')
	box c1
	add bridge eth0 <<<"$conf"
	expect_ok
	check bridge eth0 <<<"$(with_result "$conf")"
	expect_silent
}

# The one request that may be refused with EOPNOTSUPP.
@test "CHECK on a kernel without RTM_GETVLAN, as before Linux 5.6" {
	local conf at=0 n
	fault_begin
	conf=$(routed 10.7.0.0/24 '{"vlan": 100, "vlanTrunk": [{"minID": 42, "maxID": 44}]}')
	box c1
	add bridge eth0 <<<"$conf"
	expect_ok
	conf=$(with_result "$conf")
	export FAULT_SET=send FAULT_ERRNO=95 # EOPNOTSUPP
	for ((n = 1; at == 0; n++)); do
		with_fault $n check bridge eth0 <<<"$conf"
		[ -n "$what" ] || fail "CHECK to work with one request refused"
		[ "$status" -ne 0 ] || at=$n
	done
	bridge vlan del dev "$(port)" vid 43
	with_fault $at check bridge eth0 <<<"$conf"
	expect_code 102 'is not in VLAN 43 any more'
	bridge vlan add dev "$(port)" vid 43
	bridge vlan add dev "$(port)" vid 42 pvid
	with_fault $at check bridge eth0 <<<"$conf"
	expect_code 102 'untagged VLAN is 42, not 100'
}

# refused JSON [TEXT] : ADD fails, says TEXT and has not touched anything
refused() {
	add bridge eth0 <<<"$(conf "$1")"
	expect_failure
	jq -e --arg text "${2:-}" '.msg + (.details // "") | ascii_downcase | contains($text)' \
		<<<"$output" || fail "an error about $2"
	[ -z "$(links)" ] || fail "no links, not $(links)"
	[ "$(ns_ip "$NS" -j link show | jq length)" = 1 ]
}

@test "VLANs out of range, backwards or incomplete are refused before anything is done" {
	box c1
	refused '{"vlan": 4095}' vlan
	refused '{"vlan": -1}' vlan
	refused '{"vlanTrunk": [{"minID": 0, "maxID": 4}]}' minid
	refused '{"vlanTrunk": [{"id": 4095}]}' id
	refused '{"vlanTrunk": [{"minID": 10, "maxID": 4095}]}' maxid
	refused '{"vlanTrunk": [{"minID": 10, "maxID": 9}]}' minid
	refused '{"vlanTrunk": [{"minID": 10}]}' maxid
	refused '{"vlanTrunk": [{"maxID": 10}]}' minid
}
