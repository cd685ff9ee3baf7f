#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# ovs with the kernel's datapath, which is a module of the VM's kernel.

# shellcheck disable=SC2119
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/ovs.bash"
export DATAPATH=system

setup() {
	host_setup
	ovs_start
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 5 "$OVS_RUNDIR"/*.log || true
	ovs_stop
	host_clean
}

# conf JSON : a network on br0, with members added
conf() {
	jq -nc --argjson extra "$1" '{cniVersion: "1.1.0", name: "net", type: "ovs", bridge: "br0"} + $extra'
}

# box NAME ADDRESS JSON : a container whose id is its name
box() {
	netns "$1"
	CID=$1 add ovs eth0 <<<"$(conf "$3")"
	expect_ok
	[ -z "$2" ] || ns_ip "$1" addr add "$2" dev eth0
}

can_ping() {
	in_ns "$1" ping -c 1 -W 5 "$2"
}

# Silence cannot be awaited, only listened to for a while.
cannot_ping() {
	! in_ns "$1" ping -c 2 -i 0.3 -W 1 "$2"
}

@test "it is the kernel's datapath, and the port is in it" {
	box a 10.5.0.1/24 '{"vlan": 100}'
	ovs-appctl dpctl/show system@ovs-system | grep -q "$(port_of)" || fail "the port in the kernel's"
	expect_column Interface "$(port_of)" link_state '"up"'
	[ "$(ip -j link show dev "$(port_of)" | jq -r '.[0].master')" = ovs-system ]
}

@test "containers talk within a VLAN and not across" {
	box a 10.5.0.1/24 '{"vlan": 100}'
	box b 10.5.0.2/24 '{"vlan": 100}'
	box c 10.5.0.3/24 '{"vlan": 200}'
	can_ping a 10.5.0.2
	cannot_ping a 10.5.0.3
}

@test "a trunk carries the VLANs it lists, tagged" {
	local vlan
	box trunk '' '{"trunk": [{"id": 42}, {"minID": 50, "maxID": 51}]}'
	for vlan in 42 51 60; do
		box "access$vlan" "10.6.$vlan.2/24" "{\"vlan\": $vlan}"
		ns_ip trunk link add "eth0.$vlan" link eth0 type vlan id "$vlan"
		ns_ip trunk link set "eth0.$vlan" up
		ns_ip trunk addr add "10.6.$vlan.1/24" dev "eth0.$vlan"
	done
	can_ping trunk 10.6.42.2
	can_ping trunk 10.6.51.2
	cannot_ping trunk 10.6.60.2
}

# ovs-vswitchd.conf.db(5), native-tagged: what leaves the port is tagged, the native VLAN too.
@test "vlan and trunk: untagged frames are the native VLAN's, tagged ones go both ways" {
	box both 10.7.0.1/24 '{"vlan": 7, "trunk": [{"id": 42}]}'
	box native 10.7.0.2/24 '{"vlan": 7}'
	cannot_ping both 10.7.0.2
	ns_ip native neigh show 10.7.0.1 | grep -q lladdr || fail "the untagged request heard"
	ns_ip both addr flush dev eth0
	ns_ip both link add eth0.7 link eth0 type vlan id 7
	ns_ip both link set eth0.7 up
	ns_ip both addr add 10.7.0.3/24 dev eth0.7
	can_ping both 10.7.0.2
}

@test "addresses from IPAM, CHECK, DEL: nothing is left" {
	local ipam='{"ipam": {"type": "host-local", "ranges": [[{"subnet": "10.5.0.0/24"}], [{"subnet": "fd05::/64"}]]}}'
	box a '' "$ipam"
	CID=a check ovs eth0 <<<"$(with_result "$(conf "$ipam")")"
	expect_silent
	box b '' "$ipam"
	can_ping b 10.5.0.2
	can_ping b fd05::2
	for NS in a b; do
		CID=$NS del ovs eth0 <<<"$(conf "$ipam")"
		expect_silent
	done
	expect_nothing_left
}
