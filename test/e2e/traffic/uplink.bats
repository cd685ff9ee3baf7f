# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2119,SC2154
#
# The commands of README.md, "Containers on the physical network": a veth stands in for eth1, and a
# namespace behind it for the wire.

load ../lib
load ../plugin/ovs

setup() {
	host_setup
	ip netns add wire
	ip link add eth1 type veth peer name eth0 netns wire
	ip -n wire link set eth0 up
	ip -n wire addr add 192.0.2.1/24 dev eth0
}

teardown() {
	ovs_stop
	host_clean
}

# readme N : the section's N-th block of commands
readme() {
	awk -v n="$1" '
		/^## / { here = /physical network/; next }
		!here { next }
		/^    / { if (!inside) block++; inside = 1; if (block == n) print substr($0, 5); next }
		{ inside = 0 }' "$ROOT/README.md"
}

# commands N : runs them, and stops at the first that fails. This kernel has the userspace datapath only.
commands() {
	local lines
	lines=$(readme "$1")
	[ -n "$lines" ] || fail "commands in README.md"
	echo "$lines"
	bash -eu -c 'ovs-vsctl() {
		local more=()
		[ "$1" != add-br ] || more=(-- set bridge "$2" datapath_type=netdev)
		command ovs-vsctl "$@" "${more[@]}"
	}
	'"$lines"
}

# network FILE FILTER : the example's plugin, changed by jq, with addresses of the wire's subnet
network() {
	jq -c '. as $list | .plugins[0] + {cniVersion: $list.cniVersion, name: $list.name,
		ipam: {type: "host-local", subnet: "192.0.2.0/24", rangeStart: "192.0.2.100"}} | '"$2" \
		"$ROOT/conf-examples/$1"
}

reaches_the_wire() {
	netns box
	add "$1" eth0 <<<"$2"
	expect_ok
	in_ns box ping -c 1 -W 5 192.0.2.1
	in_ns wire ping -c 1 -W 5 192.0.2.100
}

host_reaches_the_wire() {
	commands 3
	[ -z "$(ip -o -4 addr show dev eth1)" ] || fail "no address on the uplink"
	ping -c 1 -W 5 192.0.2.1
}

@test "Open vSwitch: a container and the host reach the wire" {
	ovs_daemons
	ip addr add 192.0.2.10/24 dev eth1
	commands 1
	reaches_the_wire ovs "$(network ovs.conflist 'del(.vlan)')"
	host_reaches_the_wire
}

# No VLAN interfaces in this kernel: the wire's VLAN 100 is made untagged by the uplink's port.
@test "Open vSwitch: a container's VLAN is the wire's" {
	ovs_daemons
	commands 1
	ovs-vsctl set port eth1 vlan_mode=native-untagged tag=100
	reaches_the_wire ovs "$(network ovs.conflist .)"
	ovs-vsctl set port eth1 tag=101
	! in_ns box ping -c 1 -W 1 192.0.2.1 || fail "no answer from another VLAN"
}

@test "Linux bridge: a container and the host reach the wire" {
	ip addr add 192.0.2.10/24 dev eth1
	commands 2
	reaches_the_wire bridge "$(network bridge-l2.conflist '.bridge = "br0"')"
	host_reaches_the_wire
}
