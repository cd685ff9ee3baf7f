# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# bandwidth: more is sent than the limit lets through. What comes in the first 0.2 s is the burst, and what the
# rate adds; what comes in 5 s after that is the rate, within 5 %.

load ../lib
load traffic

RATE=16000000
BURST=8000000 # 1 MB
LIMITS='"ingressRate":16000000,"ingressBurst":8000000,"egressRate":16000000,"egressBurst":8000000'

setup() {
	host_setup
	netns box
}

teardown() {
	host_clean
}

limited() {
	echo '{"cniVersion":"1.1.0","name":"net","type":"bandwidth",'"$1"',"prevResult":{"cniVersion":"1.1.0",
		"interfaces":[{"name":"v0"},{"name":"eth0","sandbox":"/run/netns/box"}]}}'
}

# flow FROM TO ADDRESS : $burst and $rate of a flow of 80 Mbit/s, "" is the host.
flow() {
	local ready sender fd
	exec {fd}< <(within "$2" "$TRAFFIC" flow-receive 7000 5 2>&1)
	read -r ready <&"$fd"
	[ "$ready" = ready ] || fail "a receiver, not $ready"
	within "$1" "$TRAFFIC" flow-send "$3" 7000 80000000 6.5 3>&- &
	sender=$!
	read -r burst rate <&"$fd"
	exec {fd}<&-
	wait "$sender"
	echo "from ${1:-host}: $burst bytes at first, then $rate bit/s"
}

# expect_limit BURST-BYTES RATE : of the last flow
expect_limit() {
	local most=$(($1 + $2 / 8 / 5))
	[ $((burst * 100)) -gt $((most * 90)) ] && [ $((burst * 100)) -lt $((most * 110)) ] ||
		fail "$most bytes at first, not $burst"
	[ $((rate * 100)) -gt $(($2 * 95)) ] && [ $((rate * 100)) -lt $(($2 * 105)) ] ||
		fail "$2 bit/s, not $rate"
}

# Both directions at the same time would share the machine's two cores; one after the other.
both_directions() {
	flow "$1" box 10.1.0.2
	expect_limit $((BURST / 8)) $RATE
	flow box "$1" 10.1.0.1
	expect_limit $((BURST / 8)) $RATE
}

@test "a veth: the rate within 5 % over 5 s and the burst, in both directions" {
	ip link add v0 type veth peer name eth0 netns box
	ip addr add 10.1.0.1/24 dev v0
	ip link set v0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 up
	add bandwidth <<<"$(limited "$LIMITS")"
	expect_ok
	both_directions ""
}

@test "macvlan: the same, inside the container" {
	ip netns add wire
	ip link add up0 type veth peer name eth0 netns wire
	ip link set up0 up
	ip -n wire addr add 10.1.0.1/24 dev eth0
	ip -n wire link set eth0 up
	ip link add eth0 link up0 netns box type macvlan mode bridge
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 up
	add bandwidth <<<"$(limited "$LIMITS")"
	expect_ok
	both_directions wire
}

@test "the default burst, and none after DEL" {
	ip link add v0 type veth peer name eth0 netns box
	ip addr add 10.1.0.1/24 dev v0
	ip link set v0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 up
	add bandwidth <<<"$(limited '"ingressRate":16000000')"
	expect_ok
	flow "" box 10.1.0.2
	expect_limit 69632 16000000
	del bandwidth <<<"$(limited '"ingressRate":16000000')"
	expect_silent
	flow "" box 10.1.0.2
	[ "$rate" -gt 76000000 ] || fail "80 Mbit/s, not $rate"
}
