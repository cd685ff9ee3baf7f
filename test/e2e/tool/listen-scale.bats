# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154,SC2016
#
# cnic listen, many of everything: namespaces, connections that do nothing, connections that come and break off. Sampled,
# as faults are: with FAULT_EVERY=1 (make test-long) 1,000 namespaces, and two minutes of connections.

load ../lib
load ../listen

setup() {
	listen_setup
}

teardown() {
	listen_teardown
}

is_long() {
	[ "${FAULT_EVERY:-1}" -eq 1 ]
}

# rests_below KB : so much memory is resident, once what the start has touched is given back.
rests_below() {
	local i
	[ -z "${SAN:-}" ] || return 0
	for ((i = 0; i < 100; i++)); do
		[ "$(rss_kb)" -gt "$1" ] || break
		sleep 0.02
	done
	echo "# $(rss_kb) kB" >&3
	[ "$(rss_kb)" -le "$1" ] || fail "at most $1 kB, not $(rss_kb)"
}

@test "many namespaces, little memory; each is answered" {
	local n=100 i most=2000
	! is_long || n=1000
	[[ $CNIC_BIN != *static* ]] || most=1200
	for ((i = 0; i < n; i++)); do
		echo "netns add n$i"
	done | ip -batch -
	served 127.0.0.1:9000 proxy
	listens --netns /run/netns/* 127.0.0.1:8080 --connect 127.0.0.1:9000 --proxy-protocol
	awaited "$said" "$n sockets in $n namespaces"
	rests_below $most
	for i in 0 $((n / 2)) $((n - 1)); do
		ip -n n$i link set lo up
		: >"$log"
		peer n$i ask 127.0.0.1:8080 1000
		ended 1
		json_is "$(cat "$log")" .tlv30 "n$i"
	done
	for ((i = 0; i < n; i++)); do
		echo "netns del n$i"
	done | ip -batch -
}

@test "thousands of idle connections, little memory" {
	local n=1000
	! is_long || n=8000
	netns red
	served 127.0.0.1:9000 echo
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	mkfifo "$BATS_TEST_TMPDIR/in"
	in_ns red python3 "$PEER" hold 127.0.0.1:80 $n <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec 8>"$BATS_TEST_TMPDIR/in"
	until [ -s "$BATS_TEST_TMPDIR/out" ] || ! kill -0 $!; do sleep 0.02; done
	awaited "$BATS_TEST_TMPDIR/out" held
	rests_below 8000
	[ "$(find "/proc/$listener/fd" -lname 'pipe:*' | wc -l)" -le 70 ] || fail "no pipes of connections that are idle"
	exec 8>&-
	awaited "$BATS_TEST_TMPDIR/out" well
	rests_at 90
}

@test "connections that begin, end and break off at random: nothing is lost, nothing left" {
	local seconds=4 seed=$RANDOM
	! is_long || seconds=120
	netns red
	echo "seed $seed"
	served 127.0.0.1:9000 echo
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000 --idle 60s
	base=$(descriptors)
	echo "# $(in_ns red python3 "$PEER" storm 127.0.0.1:80 $seconds $seed)" >&3
	rests_at $((base + 2 * 32))
	peer red ask 127.0.0.1:80 100000
	kill "$listener"
	ends 0
	! grep 'cut off' "$said" || fail "nothing is left"
}
