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

# radvd_from NS DEV : the same by radvd, as fast as it goes, with the same to say.
radvd_from() {
	cat >"$BATS_TEST_TMPDIR/radvd.conf" <<-END
		interface $2 {
			AdvSendAdvert on;
			AdvIntervalOpt on;
			AdvSourceLLAddress off;
			MinRtrAdvInterval 0.03;
			MaxRtrAdvInterval 0.07;
			MinDelayBetweenRAs 0.03;
			AdvDefaultLifetime 1800;
			prefix $ROUTER_PREFIX/64 {
				AdvValidLifetime 600;
				AdvPreferredLifetime 300;
			};
		};
	END
	in_ns "$1" radvd -n -m stderr -C "$BATS_TEST_TMPDIR/radvd.conf" -p "$BATS_TEST_TMPDIR/radvd.pid" 3>&- &
	advertiser=$!
}

advertiser_end() {
	[ -z "${advertiser:-}" ] || {
		kill "$advertiser"
		wait "$advertiser" || true # for it to be silent
	}
	advertiser=
}

# heard N : the N-th advertisement from now on that comes to the container, but for its checksum, and its prefix.
heard() {
	in_ns box timeout 10 perl -MSocket=:all -e '
		socket(my $s, AF_INET6, SOCK_RAW, 58) or die "socket: $!";
		my ($n, $packet, $at, @prefix) = (0, "", 16);
		while ($n < $ARGV[0]) {
			defined(recv($s, $packet, 1500, 0)) or die "recv: $!";
			$n++ if ord($packet) == 134;
		}
		while ($at + 8 <= length($packet)) {
			my ($type, $len) = unpack("x${at}CC", $packet) or last;
			push @prefix, substr($packet, $at, 8 * $len) if $type == 3;
			$at += 8 * $len || last;
		}
		print join(" ", map(unpack("H*", $_), substr($packet, 0, 2), substr($packet, 4, 12), @prefix)), "\n";
	' "$1" || fail "$1 advertisements within 10 s"
}

# One process a time: it is asked 200 times.
configured_itself() {
	local there
	there=$(ip -n box -6 -batch - <<<$'addr show dev eth0\nroute show dev eth0') || fail "an interface"
	[[ $there == *"$ROUTER_PREFIX"* || $there == *'proto ra'* ]]
}

# nothing_unasked ROUNDS PLUGIN CONF : so often, and of one that stays; with slaac it does configure itself, by one of the
# first advertisements.
nothing_unasked() {
	local rounds=$1 plugin=$2 conf=$3 i
	set +T
	for ((i = 0; i < rounds; i++)); do
		add "$plugin" <<<"$conf" >/dev/null
		expect_ok
		[ -z "${AWAIT:-}" ] || heard 2 >/dev/null
		! configured_itself || fail "no address and no route of the router's in round $i"
		del "$plugin" <<<"$conf" >/dev/null
		expect_silent
	done
	add "$plugin" <<<"$conf"
	expect_ok
	heard 3
	! configured_itself || fail "no address and no route of the router's in time"
	del "$plugin" <<<"$conf"
	add "$plugin" <<<"$(jq -c '.slaac = true' <<<"$conf")"
	expect_ok
	for i in {1..20}; do
		heard 1
		! configured_itself || return 0
	done
	fail "an address of the router's with slaac"
}
