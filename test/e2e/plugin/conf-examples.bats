# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Every file of conf-examples/ works. What this kernel cannot (bridge VLAN filtering) runs in test/vm.

load ../lib
load ../dhcp
load ../etcd
load examples

@test "bridge.conflist" {
	run_example bridge.conflist 10.88.0.1
}

@test "bridge-l2.conflist" {
	run_example bridge-l2.conflist none
}

@test "ptp.conflist" {
	run_example ptp.conflist 10.89.0.1
}

@test "loopback.conflist" {
	run_example loopback.conflist 127.0.0.1
}

@test "host-local.conflist" {
	run_example host-local.conflist 10.90.0.1
}

@test "static.conflist" {
	run_example static.conflist 10.91.0.1
}

@test "bridge-loopback.conflist" {
	run_example bridge-loopback.conflist 10.92.0.1
}

@test "chain.conflist" {
	run_example chain.conflist 10.103.0.1
}

@test "portmap.conflist" {
	run_example portmap.conflist 10.95.0.1
}

@test "firewall.conflist" {
	run_example firewall.conflist 10.96.0.1
}

@test "tuning.conflist" {
	run_example tuning.conflist 10.97.0.1
}

@test "bandwidth.conflist" {
	run_example bandwidth.conflist 10.98.0.1
}

@test "macvlan.conflist" {
	uplink 10.93.0.1/16
	run_example macvlan.conflist 10.93.0.1
}

@test "cluster.conflist" {
	uplink 10.106.0.1/16
	run_example cluster.conflist 10.106.0.1
}

@test "cluster-etcd.conflist" {
	needs_etcd
	uplink 10.107.0.1/16
	etcd_start
	run_example cluster-etcd.conflist 10.107.0.1
	etcd_stop
}

# served OPTION... : the uplink's other end has a server, and here is our daemon.
served() {
	command -v dnsmasq >/dev/null || skip "there is no dnsmasq"
	dhcp_ns=wire dnsmasq_at w0 "$@"
	dhcp_daemon
}

@test "dhcp.conflist" {
	uplink 10.104.0.1/24
	served --dhcp-range=10.104.0.10,10.104.0.99
	run_example dhcp.conflist 10.104.0.1
	dhcp_end
}

@test "dhcp-ipv6.conflist" {
	uplink 10.105.0.1/24 fd69::1/64
	served --dhcp-range=10.105.0.10,10.105.0.99 --dhcp-range=fd69::10,fd69::ff,64 --enable-ra
	run_example dhcp-ipv6.conflist fd69::1 advertised
	dhcp_end
}

@test "sbr.conflist" {
	run_example sbr.conflist 10.101.0.1
}

@test "host-device.conflist" {
	ip link add enp1s0 type veth peer name wire
	ip link set wire up
	ip addr add 10.98.0.1/24 dev wire
	run_example host-device.conflist 10.98.0.1
}

@test "tap.conflist" {
	run_example tap.conflist none
}

@test "every example has a test here" {
	local file
	for file in "$EXAMPLES"/*.conflist; do
		grep -q "^	run_example ${file##*/} " "$TEST_DIR"/*/*.bats "$TEST_DIR"/../vm/*.bats ||
			fail "a test of $file"
	done
}
