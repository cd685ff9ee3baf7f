# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for host-device: whatever fails, an ADD leaves the device on the host as it was, and a DEL,
# the second at the latest, brings it home.

load ../lib
load fault
load faults

CONF='{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"dev1","useInterfaceNetwork":true,'$IPAM',
	"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"}}'

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	ip link add dev1 index 910 up mtu 1400 alias mine address 02:aa:00:00:01:01 type veth \
		peer name wire1 index 900 address 02:aa:00:00:02:01
	ip link property add dev dev1 altname enp1s0
	ip addr add 10.7.0.2/24 brd + dev dev1
	ip addr add fd07::2/64 dev dev1 nodad
	ip route add 10.8.0.0/16 via 10.7.0.1
	fault_begin
	use host-device "$CONF"
}

more_state() {
	find /run/cnic/devices -type f 2>/dev/null || true
}

@test "host-device ADD" {
	each_fault add_with_fault
}

@test "host-device ADD: the kernel's answer is lost" {
	lost_answers add_with_fault
}

@test "host-device DEL" {
	each_fault del_with_fault
}

@test "host-device DEL: the kernel's answer is lost" {
	lost_answers del_with_fault
}

@test "host-device GC" {
	use host-device "$(jq -c 'del(.ipam)' <<<"$CONF")"
	each_fault gc_with_fault
}

# The device has come home by itself under another name.
fallen_back() {
	ip -n box link set eth0 netns 1 name dev77
}

del_fallen_with_fault() {
	add_well
	fallen_back
	with_fault "$1" del host-device <<<"$conf"
	echo "fault $1: $what"
	judge_del
}

@test "host-device DEL when it is on the host already" {
	each_fault del_fallen_with_fault
}

# ADD finds it in the container.
in_place() {
	ip link set dev1 netns box name eth0 up
	ip -n box link set eth0 down
	ip -n box addr add 10.7.0.2/24 brd + dev eth0
}

@test "host-device ADD and DEL of a device that is in the container" {
	in_place
	use host-device "${CONF/dev1/eth0}"
	each_fault add_with_fault
	each_fault del_with_fault
}

@test "host-device ADD and DEL of a device that is in the container, with routes of its own" {
	in_place
	ip -n box link set eth0 up
	ip -n box addr add fd07::2/64 dev eth0 nodad
	ip -n box route add 10.8.0.0/16 via 10.7.0.1
	ip -n box -6 route add fd08::/64 via fd07::1
	use host-device "$(jq -c 'del(.ipam) | .device = "eth0"' <<<"$CONF")"
	each_fault add_with_fault
	each_fault del_with_fault
}
