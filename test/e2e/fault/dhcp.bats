# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2016
#
# Each call of dhcp's daemon fails once (shim.c), in an ADD, a DEL, a renewal, at its start: an ADD is refused with words or
# is as good as any, no lease that somebody was told of is lost, and nothing is left when all has gone.

load ../lib
load fault
load ../dhcp

KINDS=peer,send,recv,open,read,write,name,stat,socket,netns,process,random,daemon,memory

setup() {
	host_setup
	needs_preload
	build_shim
	fault_begin
	dhcp_network
	netns box
	ip link add o0 master br0 up type veth peer name eth0 netns box
	plugin=dhcp
	conf=$(lan '.type = "dhcp"')
	both=
}

teardown() {
	tail -n 12 "$log"
	tail -n 5 "${daemon_log:-/dev/null}"
	dhcp_end
	dhcp6_end
	host_clean
}

# From here on a lease of both families.
of_both() {
	both=1
	conf=$(lan '.type = "dhcp" | .ipam.ipv6 = "dhcp"')
	dhcp6_network
	scripted6 '.t1 = 1 | .t2 = 2 | .preferred = 4'
	in_ns box sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
}

# arm N : the N-th call from now on; 0: none.
arm() {
	local at
	printf -v at '\\x%02x\\x%02x\\0\\0' $(($1 % 256)) $(($1 / 256))
	[ "$1" -ne 0 ] || at='\xff\xff\xff\xff'
	{ head -c 256 /dev/zero && printf %b "$at"; } | dd of="$fault_state" conv=notrunc status=none
}

disarm() {
	IFS= read -r -d '' what <"$fault_state" || true
	arm 0
}

# As the plugin `dhcp` it is the shim's.
faulty_daemon() {
	daemon_log=$(mktemp -p "$BATS_TEST_TMPDIR" daemon.XXX)
	LD_PRELOAD=$SHIM ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 FAULT_STATE=$fault_state \
		FAULT_AT=0 FAULT_SET=$KINDS "$CNIC_BIN/dhcp" daemon -timeout 300ms 3>&- 2>"$daemon_log" &
	daemon=$!
}

start_well() {
	arm 0
	faulty_daemon
	said 'listens at' "$daemon_log"
}

# The address that $CID has on the server's book.
booked() {
	jq -rs --arg client "$CID/lan/eth0" 'reduce (.[] | select(.client == $client)) as $e (""; if $e.what == "ACK" then $e.address
		elif $e.what | IN("RELEASE", "EXPIRED") then "" else . end)' "$dhcp_log"
}

is_booked() {
	[ "$(booked)" = "$1" ]
}

# until_booked ADDRESS : "" is none.
until_booked() {
	soon is_booked "$1" || fail "the server has '$1' for $CID, not '$(booked)'"
}

has_released6() {
	[ "$(heard6_of RELEASE)" -gt "$1" ]
}

# released6 N : the server for IPv6 has heard more than N.
released6() {
	[ -z "$both" ] || soon has_released6 "$1" || fail "the IPv6 address of $CID is given back"
}

nothing_kept() {
	[ -z "$(ls -A /var/lib/cni/dhcp 2>/dev/null)" ] || fail "no lease left: $(cat /var/lib/cni/dhcp/*)"
}

# Of an address that was given: it is there, and a daemon that is started anew has it.
is_kept() {
	has=$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")
	until_booked "$has"
	[ "$(lease | jq -r .address)" = "$has" ] || fail "its file has $has"
	ip -n box addr replace "$has/24" dev eth0 # as the main plugin does
	ip -n box route replace default via 10.9.0.1
	[ -z "$both" ] || is_kept6
	check dhcp <<<"$(with_result "$conf")"
	expect_silent
}

is_kept6() {
	[ "$(jq -r '.ips[1].address' <<<"$result")" = fd09::50/128 ] || fail "an address of each family: $result"
	[ "$(lease | jq -r '.ipv6.addresses[0].address')" = fd09::50 ] || fail "its file has it: $(lease)"
	ip -n box addr replace fd09::50/128 dev eth0 nodad
}

is_alive() {
	kill -0 "$daemon" || fail "the daemon is alive: $(tail -n 20 "$daemon_log")"
	! grep -E 'Sanitizer|runtime error' "$daemon_log" || fail "no finding of a sanitizer"
}

book() {
	scripted '. + {pool: 100, leases: [3600]} | del(.lease) | '"${1:-.}"
}

# A RELEASE that could not be sent, or by a socket that could not be had, is one that got lost.
released() {
	case $what in
	*sendto* | *socket* | *netns* | *setns* | *ioctl* | *bind* | *malloc* | *epoll_ctl* | *connect*) ;;
	*)
		until_booked ''
		[ -z "${1:-}" ] || released6 "$1"
		;;
	esac
}

all_gone() {
	local before
	before=$(heard6_of RELEASE)
	ip -n box addr flush dev eth0 scope global
	del dhcp <<<"$conf"
	expect_silent
	nothing_kept
	released6 "$before"
}

one_add() {
	CID=c$1
	arm "$1"
	add dhcp <<<"$conf"
	disarm
	echo "fault $1: $what"
	is_alive
	if [ "$status" -eq 0 ]; then
		is_kept
		daemon_end -KILL
		start_well
		is_kept
		all_gone
	else
		expect_error_object
		[ -n "$what" ] || fail "success without a fault"
		del dhcp <<<"$conf"
		expect_silent
		released
		nothing_kept
	fi
}

snapshot() {
	:
}

@test "an ADD" {
	book
	start_well
	least=10 each_fault one_add
}

@test "an ADD of both families" {
	book
	of_both
	start_well
	least=20 each_fault one_add
}

one_del() {
	local before
	CID=c$1
	add dhcp <<<"$conf"
	expect_ok
	before=$(heard6_of RELEASE)
	arm "$1"
	del dhcp <<<"$conf"
	disarm
	echo "fault $1: $what"
	is_alive
	if [ "$status" -ne 0 ]; then
		expect_error_object
		[ -n "$what" ] || fail "success without a fault"
		del dhcp <<<"$conf"
		expect_silent
	fi
	nothing_kept
	released "$before"
}

@test "a DEL" {
	book
	start_well
	least=5 each_fault one_del
}

@test "a DEL of both families" {
	book
	of_both
	start_well
	least=10 each_fault one_del
}

is_confirmed() {
	[ "$(grep -c ACK "$dhcp_log")" -gt "$1" ]
}

# until_confirmed N : the server has sent more than N ACKs.
until_confirmed() {
	soon is_confirmed "$1" || fail "it goes on with its lease: $(cat "$daemon_log")"
}

# A lease is there and the daemon starts; it ends with words, or goes on with it soon.
one_start() {
	CID=c$1
	start_well
	add dhcp <<<"$conf"
	expect_ok
	daemon_end -KILL
	acks=$(grep -c ACK "$dhcp_log")
	arm "$1"
	faulty_daemon
	until grep -q 'listens at' "$daemon_log" || ! kill -0 "$daemon"; do sleep 0.02; done
	if ! grep -q 'listens at' "$daemon_log"; then
		wait "$daemon" || true
		disarm
		echo "fault $1: $what, it ends: $(<"$daemon_log")"
		[[ -n $what && -s $daemon_log ]] || fail "not without a fault, nor words"
		start_well
		until_confirmed "$acks"
	else
		until_confirmed "$acks"
		disarm
		echo "fault $1: $what"
	fi
	is_alive
	is_kept
	all_gone
	until_booked ''
	daemon_end
}

@test "a start" {
	book
	least=10 each_fault one_start
}

@test "a start, of both families" {
	book
	of_both
	least=15 each_fault one_start
}

# T1 comes soon, and T2. What could not be written is written by the next renewal.
one_renewal() {
	local i
	CID=c$1
	add dhcp <<<"$conf"
	expect_ok
	acks=$(grep -c ACK "$dhcp_log")
	arm "$1"
	until_confirmed "$acks"
	until [ -n "$what" ] || ! [ "$(grep -c ACK "$dhcp_log")" -lt $((acks + 2)) ]; do
		IFS= read -r -d '' what <"$fault_state" || true
		sleep 0.02
	done
	disarm
	echo "fault $1: $what"
	is_alive
	is_kept
	daemon_end -KILL
	start_well
	is_kept
	all_gone
	until_booked ''
}

@test "a renewal" {
	book '.t1 = 1 | .t2 = 2'
	start_well
	FAULT_EVERY=$((FAULT_EVERY == 1 ? 1 : FAULT_EVERY * 2)) least=10 each_fault one_renewal
}

@test "a renewal, of both families" {
	book '.t1 = 1 | .t2 = 2'
	of_both
	start_well
	FAULT_EVERY=$((FAULT_EVERY == 1 ? 1 : FAULT_EVERY * 2)) least=15 each_fault one_renewal
}
