# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
#
# A router that advertises itself and a prefix every few milliseconds while containers come and go; what
# they have, and what they have not. For files that have loaded lib.bash.

ROUTER_PREFIX=2001:db8:5::

# advertise_from NS DEV : until advertiser_end.
advertise_from() {
	in_ns "$1" perl -MSocket=:all -MTime::HiRes=sleep -e '
		my ($prefix, $index) = @ARGV;
		socket(my $s, AF_INET6, SOCK_RAW, 58) or die "socket: $!";
		setsockopt($s, 41, $_->[0], pack("i", $_->[1])) or die "option: $!" for [17, $index], [18, 255];
		my $ra = pack("CCnCCnNN", 134, 0, 0, 64, 0, 1800, 0, 0) .
			pack("CCCCNNN", 3, 4, 64, 0xc0, 600, 300, 0) . inet_pton(AF_INET6, $prefix);
		for (;;) {
			send($s, $ra, 0, pack_sockaddr_in6(0, inet_pton(AF_INET6, "ff02::1"), $index));
			sleep(0.002);
		}' "$ROUTER_PREFIX" "$(ip -n "$1" -j link show "$2" | jq '.[].ifindex')" 3>&- &
	advertiser=$!
}

advertiser_end() {
	[ -z "${advertiser:-}" ] || kill "$advertiser"
	advertiser=
}

configured_itself() {
	ip -n box -6 addr show dev eth0 | grep -q "${ROUTER_PREFIX%:}" ||
		ip -n box -6 route show dev eth0 | grep -q 'proto ra'
}

# nothing_unasked ROUNDS PLUGIN CONF : so often; and with slaac it does configure itself, in time.
nothing_unasked() {
	local rounds=$1 plugin=$2 conf=$3 i
	set +T
	for ((i = 0; i < rounds; i++)); do
		add "$plugin" <<<"$conf" >/dev/null
		expect_ok
		! configured_itself || fail "no address and no route of the router's in round $i"
		del "$plugin" <<<"$conf" >/dev/null
		expect_silent
	done
	add "$plugin" <<<"$(jq -c '.slaac = true' <<<"$conf")"
	expect_ok
	for i in {1..200}; do
		! configured_itself || return 0
	done
	fail "an address of the router's with slaac"
}
