#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# What is promised of every main plugin alike, of those that the machine's own kernel does not have, and what users
# of the reference's ipvlan and vlan complain of.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/mains.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/ovs.bash"

each() {
	"$1" ipvlan "$(main ipvlan '"master":"m0"')"
	"$1" vlan "$(main vlan '"master":"m0","vlanId":100')"
	"$1" dummy "$(main dummy)"
}

first() {
	sysctl_comes_first "$1" eth0 "$2"
}

link_is() {
	json_is "$(ip -n box -d -j link show eth0 | jq '.[0]')" "$1" "$2"
}

attached() { # PLUGIN CONF
	add "$1" <<<"$2"
	expect_ok
	check "$1" <<<"$(with_result "$2")"
	expect_silent
}

@test "sysctl is set before the link is up" {
	each first
	first vlan "$(main vlan '"master":"m0","vlanId":100,"l2Only":true' 'del(.ipam)')"
	first dummy "$(main dummy '"l2Only":true' 'del(.ipam)')"
}

@test "routes with one destination and several gateways all go in, with each attribute, and CHECK sees each" {
	each routes_all_go_in
}

# speaks PLUGIN CONF : in each version, ADD, DEL, and CHECK where there is one.
speaks() {
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		speaks_version "$1" "$(jq -c --arg v "$version" '.cniVersion = $v' <<<"$2")"
	done
}

speaks_version() {
	add "$1" <<<"$2"
	expect_ok
	expect_json .cniVersion "$version"
	expect_json '.ip4.ip // .ips[0].address' 10.1.0.2/24
	if [[ $version != 0.[123].* ]]; then
		check "$1" <<<"$(with_result "$2")"
		expect_silent
	fi
	del "$1" <<<"$2"
	expect_silent
}

@test "each version of the specification" {
	each speaks
}

@test "each version of the specification: vrf" {
	local first
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		first=$(main bridge '"bridge":"br0"' ".cniVersion = \"$version\"")
		add bridge <<<"$first"
		expect_ok
		speaks_version vrf "$(main vrf '"vrfname":"red"' "del(.ipam) | .cniVersion = \"$version\" | .prevResult = $result")"
		del bridge <<<"$first"
		expect_silent
	done
}

@test "vrf: GC has nothing to do" {
	local conf
	add bridge <<<"$(main bridge '"bridge":"br0"')"
	expect_ok
	conf=$(main vrf '"vrfname":"red"' "del(.ipam) | .prevResult = $result")
	attached vrf "$conf"
	gc vrf <<<"$(with_valid "$(jq -c 'del(.prevResult)' <<<"$conf")" c1/eth0)"
	expect_silent
	gc vrf <<<"$(with_valid "$(jq -c 'del(.prevResult)' <<<"$conf")")"
	expect_silent
	link_is .master red
}

@test "made in the container at once, by its name" {
	each one_name
}

@test "router advertisements are off where IPAM gives an address, but with slaac" {
	slaac_off ipvlan "$(main ipvlan '"master":"m0"')"
	slaac_off vlan "$(main vlan '"master":"m0","vlanId":100')"
}

@test "vlan: each VLAN there is, and the master's MTU by default" {
	local id
	ip link set m0 mtu 1450
	for id in 0 1 4094; do
		attached vlan "$(main vlan "\"master\":\"m0\",\"vlanId\":$id")"
		link_is '.linkinfo.info_data.id, .mtu' "$id"$'\n'1450
		del vlan <<<"$(main vlan "\"master\":\"m0\",\"vlanId\":$id")"
		expect_silent
	done
}

@test "vlan: DEL looks at no master: it has another MTU, another name, or was in a namespace that is gone" {
	local conf
	conf=$(main vlan '"master":"m0","vlanId":100,"mtu":1400')
	attached vlan "$conf"
	ip link set m0 mtu 1300
	del vlan <<<"$conf"
	expect_silent
	! ip -n box link show eth0 2>/dev/null || fail "no interface"
	ip link set m0 mtu 1500
	attached vlan "$conf"
	ip link set m0 down
	ip link set m0 name m9
	del vlan <<<"$conf"
	expect_silent
	! ip -n box link show eth0 2>/dev/null || fail "no interface"
	ip link set m9 netns box name m0
	ip -n box link set m0 up
	conf=$(jq -c '.linkInContainer = true' <<<"$conf")
	attached vlan "$conf"
	ip netns del box
	CNI_NETNS=/run/netns/box del vlan <<<"$conf"
	expect_silent
	CNI_NETNS='' del vlan <<<"$conf"
	expect_silent
}

@test "dummy: the configuration's dns, or IPAM's" {
	attached dummy "$(main dummy '' '.ipam.dns.nameservers = ["10.1.0.9"]')"
	json_is "$result" .dns.nameservers '["10.1.0.9"]'
	del dummy <<<"$(main dummy)"
	attached dummy "$(main dummy '' '.ipam.dns.nameservers = ["10.1.0.9"] | .dns.domain = "d"')"
	json_is "$result" .dns '{"domain":"d"}'
	del dummy <<<"$(main dummy)"
}

@test "dummy: cnic repair makes it anew" {
	local before conf
	conf=$(main dummy '"mac":"02:00:00:00:00:05","mtu":1400' '.ipam.routes = [{"dst": "0.0.0.0/0"}]')
	attached dummy "$conf"
	no_dad_wait box
	before=$(ns_state box)
	ip -n box link del eth0
	"$CNIC_BIN/cnic" repair
	expect_same state "$before" "$(ns_state box)"
	check dummy <<<"$(with_result "$conf")"
	expect_silent
	del dummy <<<"$conf"
	expect_silent
}

another_stays() {
	del "$1" <<<"$2"
	expect_silent
	json_is "$(ip -n box -d -j link show eth0)" '.[0].linkinfo.info_kind' veth
}

@test "DEL leaves an interface of another kind alone" {
	ip -n box link add eth0 type veth peer name other
	each another_stays
}

@test "ipvlan: which master it was is said" {
	ip addr add 10.1.0.8/24 dev m0
	ip route add default via 10.1.0.1
	attached ipvlan "$(main ipvlan)"
	link_is .link_index "$(</sys/class/net/m0/ifindex)"
	add ipvlan net1 <<<"$(main ipvlan)"
	[[ $errors == *"ipvlan: master m0, of the default route"* ]] || fail "the master on stderr"
}

@test "dummy: CNI_ARGS, ipam and keys that are none are named" {
	CNI_ARGS=MAC=02:00:00:00:00:01 add dummy <<<"$(main dummy)"
	expect_failure
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:01' attached dummy "$(main dummy)"
	del dummy <<<"$(main dummy)"
	expect_silent
}

@test "who holds the master: Open vSwitch" {
	local plugin
	export DATAPATH=system
	ovs_start
	ovs-vsctl add-port br0 m0
	for plugin in macvlan ipvlan; do
		add $plugin <<<"$(main $plugin '"master":"m0"')"
		expect_code 101 'master: m0 is a port of openvswitch ovs-system'
		[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
	done
}

@test "tuning: addresses and routes of an ipvlan and a vlan stay when the MTU changes" {
	local plugin before
	for plugin in 'ipvlan "master":"m0"' 'vlan "master":"m0","vlanId":100'; do
		attached "${plugin%% *}" "$(main "${plugin%% *}" "${plugin#* }" '.ipam.routes = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]')"
		no_dad_wait box
		before=$(ns_state box | jq -S '.routes4, .routes6, .addresses' | sed -E '/"mtu"/d')
		add tuning <<<"$(jq -c --argjson r "$result" '.prevResult = $r' <<<'{"cniVersion":"1.1.0","name":"net","type":"tuning","mtu":1400}')"
		expect_ok
		link_is .mtu 1400
		expect_same "routes and addresses" "$before" "$(ns_state box | jq -S '.routes4, .routes6, .addresses' | sed -E '/"mtu"/d')"
		del "${plugin%% *}" <<<"$(main "${plugin%% *}" "${plugin#* }")"
		expect_silent
	done
}
