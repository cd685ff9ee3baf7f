#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# bandwidth with fq_codel, which the machine's own kernel does not have.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"

IFB=bwp623e1c388032
LIMITS='"ingressRate":20000000,"ingressBurst":80000,"egressRate":20000000,"egressBurst":80000'

setup() {
	host_setup
	netns box
	ip link add v0 type veth peer name eth0 netns box
	ip addr add 10.1.0.1/24 dev v0
	ip link set v0 up
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 up
}

limited() {
	echo '{"cniVersion":"1.1.0","name":"net","type":"bandwidth",'"$1"',"prevResult":{"cniVersion":"1.1.0",
		"interfaces":[{"name":"v0"},{"name":"eth0","sandbox":"/run/netns/box"}]}}'
}

# fq_codel_on NETNS DEV : beneath a tbf; "" is the host
fq_codel_on() {
	local qdiscs
	qdiscs=$(if [ -n "$1" ]; then in_ns "$1" tc qdisc show dev "$2"; else tc qdisc show dev "$2"; fi)
	[[ $qdiscs == *"qdisc tbf 1: "*"qdisc fq_codel 2: "*"parent 1:1 "* ]] || fail "fq_codel beneath a tbf on $2: $qdiscs"
}

@test "fq_codel in both directions, on the host's end and inside" {
	local place
	conf=$(limited "$LIMITS,\"queue\":\"fq_codel\"")
	status_of bandwidth <<<"$conf"
	expect_silent
	for place in host box; do
		if [ $place = box ]; then
			ip link del v0
			ip -n box tuntap add eth0 mode tap
			ip -n box link set eth0 up
		fi
		add bandwidth <<<"$conf"
		expect_ok
		add bandwidth <<<"$conf" # again
		expect_ok
		check bandwidth <<<"$(with_result "$conf")"
		expect_silent
		case $place in
		host) fq_codel_on '' v0 && fq_codel_on '' $IFB ;;
		box) fq_codel_on box eth0 && fq_codel_on box $IFB ;;
		esac
		add bandwidth <<<"$(limited "$LIMITS")" # its own queue
		expect_ok
		check bandwidth <<<"$(with_result "$conf")"
		expect_code 102 'wanted fq_codel, found none'
		add bandwidth <<<"$conf"
		expect_ok
		check bandwidth <<<"$(with_result "$conf")"
		expect_silent
		del bandwidth <<<"$conf"
		expect_silent
		! { tc qdisc show && in_ns box tc qdisc show; } | grep -E 'tbf|fq_codel 2:|ingress' || fail "no qdisc of ours"
	done
}

@test "ipvlan, vlan, dummy: shaped in the container's namespace" {
	local kind
	conf=$(limited "$LIMITS,\"queue\":\"fq_codel\"")
	ip link del v0
	ip link add up0 type dummy
	ip link set up0 up
	for kind in 'ipvlan mode l2' 'ipvlan mode l3' 'vlan id 7' 'macvlan mode bridge' dummy; do
		# shellcheck disable=SC2086
		if [ "$kind" = dummy ]; then
			ip -n box link add eth0 type dummy
		else
			ip link add link up0 name x0 type $kind
			ip link set x0 netns box name eth0
		fi
		ip -n box link set eth0 up
		add bandwidth <<<"$conf"
		expect_ok
		check bandwidth <<<"$(with_result "$conf")"
		expect_silent
		fq_codel_on box eth0
		fq_codel_on box $IFB
		del bandwidth <<<"$conf"
		expect_silent
		! in_ns box tc qdisc show | grep -E 'tbf|fq_codel 2:|ingress' || fail "no qdisc of ours on $kind"
		! ip -n box link show $IFB 2>/dev/null || fail "no ifb"
		ip -n box link del eth0
	done
}

# ping_beside_flow : milliseconds, the median of 40 to the container while the link is saturated. The flow is
# to a neighbour that nobody is, so that it gets no answer.
ping_beside_flow() {
	local flow
	ip neigh replace 10.1.0.9 lladdr "$(ip -n box -j link show eth0 | jq -r '.[0].address')" dev v0 nud permanent
	timeout 30 bash -c 'exec dd if=/dev/zero bs=1400 status=none >/dev/udp/10.1.0.9/9' 3>&- &
	flow=$!
	ping -c 60 -i 0.1 -W 1 10.1.0.2 | sed -n 's/.*time=\([0-9.]*\) ms/\1/p' | tail -n 40 | sort -n >"$BATS_TEST_TMPDIR/times"
	kill $flow
	wait $flow 2>/dev/null || true
	sed -n "$((($(wc -l <"$BATS_TEST_TMPDIR/times") + 1) / 2))p" "$BATS_TEST_TMPDIR/times"
}

@test "a ping beside a saturating flow: under 5 ms with fq_codel, over 20 with the reference's queue" {
	local ours reference
	conf=$(limited "$LIMITS")
	by ref add bandwidth <<<"$conf"
	expect_ok
	reference=$(ping_beside_flow)
	by ref del bandwidth <<<"$conf"
	tc qdisc del dev v0 root
	tc qdisc del dev v0 ingress
	conf=$(limited "$LIMITS,\"queue\":\"fq_codel\"")
	add bandwidth <<<"$conf"
	expect_ok
	ours=$(ping_beside_flow)
	echo "# ping beside a flow: reference $reference ms, fq_codel $ours ms" >&3
	awk -v r="$reference" -v o="$ours" 'BEGIN { exit !(r > 20 && o < 5) }' || fail "over 20 and under 5: $reference, $ours"
	del bandwidth <<<"$conf"
	expect_silent
}
