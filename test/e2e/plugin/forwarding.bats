# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# A host that learns its own way out from router advertisements keeps it when it begins to forward.

load ../lib

CONF6=/proc/sys/net/ipv6/conf

setup() {
	host_setup
	no_dad_wait ''
	echo 0 >$CONF6/default/accept_dad
	netns box
}

# uplink NAME : an interface of the host that leads to a router, in a namespace of that name.
uplink() {
	ip netns add "$1"
	in_ns "$1" sh -c "echo 0 >$CONF6/default/accept_dad; echo 1 >$CONF6/all/forwarding"
	ip link add "$1" type veth peer name eth0 netns "$1"
	ip -n "$1" link set eth0 up
	ip link set "$1" up
}

# send_advertisement ROUTER LIFETIME PREFIX : what radvd(8) would send
send_advertisement() {
	in_ns "$1" perl -MSocket=:all -e '
		my ($lifetime, $prefix, $index) = @ARGV;
		socket(my $s, AF_INET6, SOCK_RAW, 58) or die "socket: $!";
		setsockopt($s, 41, $_->[0], pack("i", $_->[1])) or die "option: $!" for [17, $index], [18, 255];
		my $ra = pack("CCnCCnNN", 134, 0, 0, 64, 0, $lifetime, 0, 0) .
			pack("CCCCNNN", 3, 4, 64, 0xc0, 600, 300, 0) . inet_pton(AF_INET6, $prefix);
		send($s, $ra, 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, "ff02::1"), $index)) or die "send: $!"' \
		"$2" "$3" "$(ip -n "$1" -j link show eth0 | jq '.[].ifindex')"
}

# advertise ROUTER LIFETIME PREFIX : until it has been heard, which a link that has just come up may not.
advertise() {
	local end=$((SECONDS + 30))
	while [ $SECONDS -lt $end ]; do
		send_advertisement "$@" || continue # it has no address yet
		[ -z "$(ip -6 route show "$3/64" dev "$1")" ] || return 0
	done
	fail "$1 hears the router"
}

default_route() {
	ip -6 -j route show default dev "$1" | jq -c '.[] | [.protocol, .gateway]'
}

accept_ra() {
	cat "$CONF6/$1/accept_ra"
}

network() { # PLUGIN SUBNET...
	jq -nc '{cniVersion: "1.1.0", name: "net", type: $ARGS.positional[0], bridge: "br0", isGateway: true,
		ipam: {type: "host-local", ranges: [$ARGS.positional[1:][] | [{subnet: .}]]}}' --args "$@"
}

keeps_its_route() {
	local before
	uplink up0
	advertise up0 60 2001:db8:1::
	before=$(default_route up0)
	[[ $before = '["ra"'* ]]
	add "$1" eth0 <<<"$(network "$@")"
	expect_ok
	[ "$(cat $CONF6/all/forwarding)" = 1 ]
	expect_same "default route" "$before" "$(default_route up0)"
	[ "$(accept_ra up0)" = 2 ]
	advertise up0 1800 2001:db8:1::
	timeout 30 sh -c 'until ip -6 -j route show default dev up0 | jq -e ".[0].expires > 60"; do :; done'
}

@test "row 7: bridge: the host's default route by advertisement stays, and is renewed" {
	keeps_its_route bridge fd00:7::/64
}

@test "row 7: ptp, two families: the same" {
	keeps_its_route ptp 10.7.0.0/24 fd00:7::/64
}

@test "row 7: a prefix that was advertised without a default route is renewed as well" {
	uplink up0
	advertise up0 0 2001:db8:1::
	[ -z "$(default_route up0)" ]
	add bridge eth0 <<<"$(network bridge fd00:7::/64)"
	expect_ok
	[ "$(accept_ra up0)" = 2 ]
}

@test "row 7: an interface that has learnt nothing, or accepts nothing, is left alone" {
	uplink up0
	uplink up1
	uplink up2
	advertise up1 60 2001:db8:1::
	echo 0 >$CONF6/up1/accept_ra
	ip -6 route add default via fe80::1 dev up2 metric 5
	add bridge eth0 <<<"$(network bridge fd00:7::/64)"
	expect_ok
	[ "$(accept_ra up0) $(accept_ra up1) $(accept_ra up2)" = "1 0 1" ]
}

@test "row 7: nothing changes where IPv6 is not used, or forwarded already" {
	uplink up0
	advertise up0 60 2001:db8:1::
	add bridge eth0 <<<"$(network bridge 10.7.0.0/24)"
	expect_ok
	[ "$(accept_ra up0) $(cat $CONF6/all/forwarding)" = "1 0" ]
	del bridge eth0 <<<"$(network bridge 10.7.0.0/24)"
	echo 2 >$CONF6/up0/accept_ra
	echo 1 >$CONF6/all/forwarding
	echo 1 >$CONF6/up0/accept_ra
	add bridge eth0 <<<"$(network bridge fd00:7::/64)"
	expect_ok
	[ "$(accept_ra up0)" = 1 ]
}
