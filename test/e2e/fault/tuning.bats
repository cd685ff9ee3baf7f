# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for tuning: all or nothing, sysctls and the backup included.

load ../lib
load fault
load faults

CONF='{"cniVersion":"1.1.0","name":"net","type":"tuning","mac":"02:bb:00:00:00:01","mtu":1400,"txQLen":7,
	"promisc":true,"allmulti":true,
	"sysctl":{"net.core.somaxconn":"77","net.ipv4.conf.IFNAME.arp_filter":"1"},
	"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],
	"ips":[{"address":"10.1.0.2/24","interface":0}]}}'

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip link add veth0 type veth peer name eth0 netns box address 02:aa:00:00:00:01
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 up
	ip -n box route add default via 10.1.0.1
	fault_begin
	use tuning "$CONF"
	restore=reset
}

# Sysctls stay after a DEL, in the namespace.
reset() {
	in_ns box sh -c 'cd /proc/sys/net && echo 5 >core/somaxconn && echo 0 >ipv4/conf/eth0/arp_filter'
}

more_state() {
	in_ns box grep '' /proc/sys/net/core/somaxconn /proc/sys/net/ipv4/conf/eth0/arp_filter
	grep -rs '' /run/cni/tuning || true
}

after_fault() {
	:
}

@test "tuning ADD" {
	each_fault add_with_fault
}

@test "tuning ADD again" {
	again() {
		add tuning <<<"$CONF"
		expect_ok
	}
	restore=again
	each_fault add_again_with_fault
}

# The second ADD finds what it would set: whatever fails, that stays.
add_again_with_fault() {
	with_fault "$1" add tuning <<<"$conf"
	echo "fault $1: $what"
	[ "$status" -eq 0 ] || expect_refused
	expect_state
}

@test "tuning ADD: the kernel's answer is lost" {
	lost_answers add_with_fault
}

@test "tuning DEL" {
	each_fault del_with_fault
}

@test "tuning DEL: the kernel's answer is lost" {
	lost_answers del_with_fault
}
