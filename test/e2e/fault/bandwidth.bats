# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for bandwidth: all or nothing, qdiscs, filter, ifb and file included.

load ../lib
load fault
load faults

CONF='{"cniVersion":"1.1.0","name":"net","type":"bandwidth","ingressRate":100000000,"ingressBurst":2000000,
	"egressRate":50000000,"egressBurst":1000000,"prevResult":{"cniVersion":"1.1.0",
	"interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}]}}'
# once more, with other numbers
AGAIN=${CONF//00000/10000}

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	fault_begin
	use bandwidth "$CONF"
}

# veth: the host's end is shaped; tap: what is in the container.
interface() {
	case $1 in
	veth)
		ip link add v0 address 02:aa:00:00:00:02 type veth peer name eth0 netns box address 02:aa:00:00:00:01
		ip link set v0 up
		;;
	tap)
		ip -n box tuntap add eth0 mode tap
		ip -n box link set eth0 address 02:aa:00:00:00:01
		;;
	esac
	ip -n box link set eth0 up
}

# An ifb that is made anew has another index and address.
snapshot() {
	local ns
	for ns in '' box; do
		within "$ns" ip -o link show | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; /ifb|bwp/s/ether [0-9a-f:]+//; s/ state [A-Z]+//; s/NO-CARRIER,|,LOWER_UP//g'
		within "$ns" tc qdisc show | sed 's/refcnt [0-9]*//'
		for dev in v0 eth0; do
			within "$ns" tc filter show dev $dev ingress 2>/dev/null | grep -oE 'match.*|mirred .*' || true
		done
	done
	grep -rs '' /run/cnic/bandwidth || true
}

within() {
	local ns=$1
	shift
	if [ -n "$ns" ]; then in_ns "$ns" "$@"; else "$@"; fi
}

after_fault() {
	:
}

again() {
	add bandwidth <<<"$CONF"
	expect_ok
}

# Over what an ADD has made, other numbers: all of them, or those that were there.
add_again_with_fault() {
	with_fault "$1" add bandwidth <<<"$AGAIN"
	echo "fault $1: $what"
	if [ "$status" -eq 0 ]; then
		check bandwidth <<<"$(with_result "$AGAIN")"
		expect_silent
		again
	else
		expect_refused
	fi
	expect_state
}

@test "bandwidth ADD, the host's end" {
	interface veth
	each_fault add_with_fault
}

@test "bandwidth ADD, inside" {
	interface tap
	each_fault add_with_fault
}

@test "bandwidth ADD again, with other numbers" {
	interface veth
	restore=again
	each_fault add_again_with_fault
}

@test "bandwidth ADD again, inside" {
	interface tap
	restore=again
	each_fault add_again_with_fault
}

@test "bandwidth ADD: the kernel's answer is lost" {
	interface veth
	lost_answers add_with_fault
}

@test "bandwidth ADD, inside: the kernel's answer is lost" {
	interface tap
	lost_answers add_with_fault
}

@test "bandwidth DEL, the host's end" {
	interface veth
	each_fault del_with_fault
}

@test "bandwidth DEL, inside" {
	interface tap
	each_fault del_with_fault
}

@test "bandwidth DEL: the kernel's answer is lost" {
	interface veth
	lost_answers del_with_fault
}

# Of an attachment that is not valid there is no interface any more, as a rule.
bare() {
	tc qdisc del dev v0 root 2>/dev/null || true
	tc qdisc del dev v0 ingress 2>/dev/null || true
}

@test "bandwidth GC" {
	interface veth
	restore=bare
	each_fault gc_with_fault
}
