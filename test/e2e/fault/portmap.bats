# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# The same as core.bats for portmap, with all its backends: all or nothing, rule set and records included.
# Shared chains, empty, are no trace.

load ../lib
load fault
load faults

BACKENDS='"" nftables iptables'
PORTS='{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
	{"hostPort":8081,"containerPort":81,"protocol":"udp","hostIP":"192.0.2.1"},
	{"hostPort":8082,"containerPort":82,"protocol":"sctp","hostIP":"::1"}'

# conf BACKEND PORTS LAST : leads to 10.1.0.LAST and fd00::LAST.
conf() {
	cat <<-END
		{"cniVersion":"1.1.0","name":"net","type":"portmap",${1:+"\"backend\":\"$1\","}
			"runtimeConfig":{"portMappings":[$2]},"prevResult":{"cniVersion":"1.1.0",
			"interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/run/netns/box"}],
			"ips":[{"address":"10.1.0.$3/16","interface":1},{"address":"fd00::$3/64","interface":1}]}}
	END
}

# Everything that names a container or leads to it.
more_state() {
	nft list ruleset 2>/dev/null | grep -E '10\.1\.0\.[1-9]|fd00::[1-9]|CNI-DN|comment "c[0-9]"' || true
	! [ -d /run/cnic/rules ] || (cd /run/cnic/rules && ls -A)
}

# There is no IPAM behind it.
after_fault() {
	:
}

# The bridge leads to this container and to another, which has rules.
beside() {
	ip link add br0 address 02:aa:00:00:00:01 type bridge
	ip addr add 10.1.0.1/16 dev br0
	ip addr add fd00::1/64 dev br0 nodad
	ip link set br0 up
	CID=c2 add portmap <<<"$(conf "$1" '{"hostPort":9,"containerPort":80,"protocol":"tcp"}' 3)"
	expect_ok
}

# each BACKEND COMMAND
each() {
	local least=8
	use portmap "$(conf "$1" "$PORTS" 2)"
	each_fault "$2"
}

@test "portmap ADD, our table, beside another container" {
	beside ""
	each "" add_with_fault
}

# lost BACKEND COMMAND : the same, but that the kernel's answer is lost.
lost() {
	local least=2
	use portmap "$(conf "$1" "$PORTS" 2)"
	lost_answers "$2"
}

@test "portmap ADD and DEL, an answer is lost" {
	local backend
	for backend in "" nftables iptables; do
		beside "$backend"
		lost "$backend" add_with_fault
		lost "$backend" del_with_fault
		CID=c2 del portmap <<<"$(conf "$backend" '{"hostPort":9,"containerPort":80,"protocol":"tcp"}' 3)"
		ip link del br0
	done
}

first_add() {
	nft flush ruleset
	add_with_fault "$1"
}

@test "portmap ADD, our table, first on the host" {
	each "" first_add
}

@test "portmap ADD, the reference's tables" {
	beside nftables
	each nftables add_with_fault
}

@test "portmap ADD, iptables" {
	beside iptables
	each iptables add_with_fault
}

# second BACKEND [PORTS] : the configuration of the container's second interface.
second() {
	conf "$1" "${2-$PORTS}" 4 | jq -c '.prevResult.interfaces[1].name = "net1"'
}

# What says that it is shared says so from the first second interface on.
@test "portmap ADD, our table, a second interface" {
	local IFN=net1 least=8
	beside ""
	IFN=eth0 add portmap <<<"$(conf "" "$PORTS" 2)"
	use portmap "$(second "")"
	add portmap net1 <<<"$conf"
	del portmap net1 <<<"$conf"
	each_fault add_with_fault
	check portmap <<<"$(conf "" "$PORTS" 2)"
	expect_silent
}

@test "portmap ADD, iptables, a second interface" {
	local IFN=net1 least=8
	beside iptables
	add portmap eth0 <<<"$(conf iptables "$PORTS" 2)"
	use portmap "$(second iptables '{"hostPort":8090,"containerPort":80,"protocol":"tcp"}')"
	each_fault add_with_fault
	check portmap eth0 <<<"$(conf iptables "$PORTS" 2)"
	expect_silent
}

# The ports of the one that stays are there all the time.
del_of_first() {
	add_well
	add portmap net1 <<<"$other"
	expect_ok
	with_fault "$1" del portmap <<<"$conf"
	echo "fault $1: $what"
	if [ "$status" -ne 0 ]; then
		expect_refused
		del portmap <<<"$conf"
	fi
	expect_silent
	check portmap net1 <<<"$other"
	expect_silent
	del portmap net1 <<<"$other"
	expect_silent
	expect_state
}

@test "portmap DEL, of several interfaces the first" {
	local backend least=8
	beside ""
	for backend in "" iptables; do
		use portmap "$(conf "$backend" "$PORTS" 2)"
		other=$(second "$backend")
		each_fault del_of_first
	done
}

@test "portmap DEL" {
	local backend
	beside ""
	for backend in $BACKENDS; do
		each "${backend//\"/}" del_with_fault
	done
}

# Two records, each with a port at the loopback address.
gc_of_two() {
	add_well
	add portmap net1 <<<"$other"
	with_fault "$1" gc portmap <<<"$(with_valid "$conf")"
	echo "fault $1: $what"
	[ "$status" -eq 0 ] || expect_refused
	del portmap net1 <<<"$other"
	expect_silent
	del portmap <<<"$conf"
	expect_silent
	expect_state
}

@test "portmap GC" {
	local backend least=8
	for backend in "" iptables; do
		nft flush ruleset
		use portmap "$(conf "$backend" "$PORTS" 2)"
		other=$(second "$backend" '{"hostPort":8092,"containerPort":82,"protocol":"sctp","hostIP":"::1"}')
		each_fault gc_of_two
	done
}
