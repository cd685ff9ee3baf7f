# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic list, verify and gc on a node with Open vSwitch: ports, and what has become of them.

load ../lib
load ovs

setup() {
	host_setup
	ovs_start
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$CNIC_BIN
	mkdir "$NETCONFPATH"
	echo '{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"ovs","bridge":"br0","vlan":100,
		"ipam":{"type":"host-local","subnet":"10.5.0.0/24"}}]}' >"$NETCONFPATH/10-net.conflist"
	netns box
	"$CNIC_BIN/cnitool" add net "$(ns_path box)" >"$BATS_TEST_TMPDIR/result" 2>&1 || fail "add: $(<"$BATS_TEST_TMPDIR/result")"
	port=$(ovs-vsctl list-ports br0)
}

teardown() {
	ovs_stop
	host_clean
}

verify() {
	run "$CNIC_BIN/cnic" verify
	echo "$output"
}

@test "ovs: list, show and verify a port that is well" {
	run "$CNIC_BIN/cnic" show --json "$port"
	json_is "$output" '[.[0].ovsBridge, .[0].hostLink, .[0].state]' "[\"br0\",\"$port\",\"alive\"]"
	run "$CNIC_BIN/cnic" show --dot
	[[ $output == *"\"br0\" -- \"c:net/"* ]] || fail "at its bridge: $output"
	verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing wrong: $output"
}

@test "ovs: verify finds a port that has left its bridge, its VLAN, its interface" {
	ovs-vsctl set Port "$port" tag=7
	verify
	[ "$status" -eq 2 ] && [[ $output == *"ovs: port $port: its tag has changed"* ]] || fail "the tag: $output"
	ovs-vsctl del-port "$port"
	verify
	[ "$status" -eq 2 ] && [[ $output == *"ovs: port $port is gone from OVS"* ]] || fail "the port: $output"
}

@test "ovs: verify finds ports of no attachment, and those without an interface" {
	ip link add lost0 type veth peer name lost1
	ovs-vsctl add-port br0 lost0 -- set Port lost0 external_ids:owner=$OWNER external_ids:contId=ghost \
		external_ids:contNetwork=net external_ids:contIface=eth0
	verify
	[ "$status" -eq 1 ] && [[ $output == "OVS port lost0 is of container ghost, which is not attached; ovs-vsctl del-port lost0" ]] ||
		fail "no attachment: $output"
	ip link del lost0
	verify
	[ "$status" -eq 1 ] && [[ $output == "OVS port lost0 has lost its interface; ovs-vsctl del-port lost0" ]] ||
		fail "no interface: $output"
	ovs-vsctl del-port lost0
	verify
	[ "$status" -eq 0 ] || fail "nothing wrong: $output"
}

@test "ovs: gc takes a dead container's port out of the database" {
	ip netns del box
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	[ -n "$(ovs-vsctl list-ports br0)" ] || fail "the port is still in the database"
	verify
	[ "$status" -eq 1 ] && [[ $output == *"its namespace is gone; cnic gc"* ]] || fail "dead: $output"
	run "$CNIC_BIN/cnic" gc
	[ "$status" -eq 0 ] && [[ $output == *"1 removed, 0 failed"* ]] || fail "removed: $output"
	[ -z "$(ovs-vsctl list-ports br0)" ] || fail "no port: $(ovs-vsctl list-ports br0)"
	verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing left: $output"
}

@test "ovs: a server that does not answer is said" {
	ovs_stop
	mkdir -p "$OVS_RUNDIR"
	: >"$SOCKET"
	verify
	[ "$status" -eq 3 ] || fail "not all could be looked at: $output"
}
