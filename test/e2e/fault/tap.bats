# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for tap: all or nothing.

load ../lib
load fault
load faults

CONF='{"cniVersion":"1.1.0","name":"net","type":"tap","owner":7,"group":8,"mtu":1400,"mac":"02:aa:00:00:00:01",
	"bridge":"br0","sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"},'$IPAM'}'

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	ip -n box link add br0 address 02:aa:00:00:00:09 type bridge
	fault_begin
	use tap "$CONF"
}

@test "tap ADD" {
	each_fault add_with_fault
}

@test "tap ADD: the kernel's answer is lost" {
	lost_answers add_with_fault
}

@test "tap DEL" {
	each_fault del_with_fault
}

@test "tap DEL: the kernel's answer is lost" {
	local least=3 # few as they are
	export FAULT_SET=recv FAULT_ERRNO=11
	each_fault del_with_fault
}
