# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# podman on an Open vSwitch network: conf-examples/ovs.conflist, of the spec version that podman 4 speaks.

load ../plugin/ovs
load runtimes

setup_file() {
	podman_setup example-ovs
	jq '.cniVersion = "1.0.0"' "$ROOT/conf-examples/ovs.conflist" >"$BATS_FILE_TMPDIR/net.d/ovs.conflist"
}

setup() {
	host_setup
	ovs_start
}

teardown() {
	podman_with rm -f -t 0 --all >/dev/null 2>&1 || true
	ovs_stop
	host_clean
}

@test "podman, ovs.conflist: a container has its addresses and a port in VLAN 100" {
	local port
	require podman
	container -d --name first -- sleep 1000
	port=$(ovs-vsctl list-ports br0)
	expect_column Port "$port" tag 100
	expect_column Port "$port" external_ids:contNetwork '"example-ovs"'
	expect_column Interface "$port" link_state '"up"'
	output=$(podman_with exec first ip addr show eth0)
	echo "$output"
	grep -q 'inet 10.93.0.2/24' <<<"$output"
	grep -q 'inet6 fd93::2/64' <<<"$output"
	podman_with rm -f -t 0 first
	expect_no_ports
	expect_nothing_left
}

@test "podman, ovs.conflist: two containers reach each other, one of another VLAN does not" {
	container -d --name first -- sleep 1000
	container --rm -- ping -c 1 -W 5 10.93.0.2
	ovs-vsctl set port "$(ovs-vsctl list-ports br0)" tag=101
	! container --rm -- ping -c 1 -W 1 10.93.0.2 || fail "no answer from another VLAN"
	podman_with rm -f -t 0 first
	expect_no_ports
	expect_nothing_left
}
