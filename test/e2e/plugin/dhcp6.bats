#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# dhcp's ipam.ipv6: leases of DHCPv6 beside those of DHCP and without them, and what a router advertises. With dnsmasq, and
# with a server that does what it is told.

load ../lib
load ../advertiser
load ../dhcp

setup() {
	host_setup
	dhcp_network
	dhcp6_network
	netns box
}

teardown() {
	[ -z "${advertiser:-}" ] || advertiser_end
	dhcp_end
	dhcp6_end
	host_clean
}

@test "dnsmasq: addresses of both families, a ping of each; DEL gives both back" {
	dnsmasq_from --dhcp-range=fd09::10,fd09::ff,64,2m --enable-ra --dhcp-option=option6:dns-server,[fd09::53] \
		--dhcp-option=option6:domain-search,example.org
	dhcp_daemon
	attached '.slaac = true | .ipam.ipv6 = "dhcp"'
	has '.ips | length == 2 and (.[0].address | endswith("/24")) and (.[1].address | test("^fd09::.*/128$"))'
	has '.dns == {"nameservers":["fd09::53"],"search":["example.org"]}'
	has '.routes == [{"dst":"0.0.0.0/0","gw":"10.9.0.1"}]'
	[ "$(addresses6)" = "$(jq -r '.ips[1].address' <<<"$result")" ]
	ping -qc 1 -W 10 "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")"
	advertised
	# the host is the router, and has told the container what is on the link
	ping -qc 1 -W 10 "$(jq -r '.ips[1].address | sub("/.*"; "")' <<<"$result")"
	"$CNIC_BIN/cnic" show --json c1 | jq -e --arg ip "$(addresses6)" '.[0] | (.lease | startswith("10.9.0.")) and
		.lease6 == [$ip[:-4]] and (.lease6Renewal | fromdate) - now < 61 and (.lease6End | fromdate) - now > 60' ||
		fail "both leases: $("$CNIC_BIN/cnic" show --json)"
	[ "$(lease | jq -c '.ipv6 | [.addresses[0].address + "/128", (.t1 < .t2), (.server | length > 10)]')" = \
		"$(jq -c '[.ips[1].address, true, true]' <<<"$result")" ]
	# of another boot, a month ago
	lease | jq -c '.boot = "other" | .wall -= 30 * 86400000' >"$BATS_TEST_TMPDIR/old"
	cp "$BATS_TEST_TMPDIR/old" /var/lib/cni/dhcp/*
	"$CNIC_BIN/cnic" show --json c1 | jq -e '.[0].lease6End | fromdate | . > now - 31 * 86400 and . < now - 29 * 86400' ||
		fail "an end before this boot: $("$CNIC_BIN/cnic" show --json)"
	del bridge <<<"$conf"
	expect_silent
	said 'DHCPRELEASE(br0) 10.9.0'
	said 'DHCPRELEASE(br0) 00:04:'
	nothing_left
}

@test "a daemon that was killed goes on with both halves: INIT-REBOOT and CONFIRM" {
	scripted .
	scripted6 .
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp"'
	heard6 '.type == "SOLICIT" and (.from | startswith("fe80:")) and .options["6"] == "001700180052" and .addresses == []'
	heard6 '.type == "REQUEST" and .addresses == ["fd09::50"] and .options["2"] == "00030001020000000901"'
	daemon_end -KILL
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not)'
	heard6 '.type == "CONFIRM" and .addresses == ["fd09::50"] and (.options | has("2") | not)'
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	[ "$(addresses) $(addresses6)" = "10.9.0.50/24 fd09::50/128" ]
	del bridge <<<"$conf"
	expect_silent
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	heard6 '.type == "RELEASE" and .addresses == ["fd09::50"] and .options["2"] == "00030001020000000901"'
	nothing_left
	# the DUID and the IAID are the attachment's, for ever: a UUID
	[ "$(jq -r '.options["1"] // empty, .iaid // empty' "$dhcp6_log" | sort -u | wc -l)" = 2 ] || fail "one DUID and IAID"
	jq -se 'map(.options["1"] // empty | startswith("0004") and length == 36) | all' "$dhcp6_log"
}

@test "an ADD of IPv6 whose time is over gives back what the server may still give" {
	scripted6 '.silent = ["REQUEST"]'
	dhcp_daemon
	add bridge <<<"$(lan '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false | .ipam.resendTimeout = 6')"
	expect_code 11 'within 6 s'
	heard6 '.type == "RELEASE" and .addresses == ["fd09::50"]'
	nothing_left
}

@test "sockets of both families outlive the daemon under a service manager, and need no path" {
	local ipv4
	scripted .
	scripted6 .
	for ipv4 in true false; do
		managed
		[ -e /run/netns/box ] || netns box
		attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = '$ipv4
		said 'FDNAME=6-' "$manager_log"
		path_lost
		: >"$dhcp6_log"
		managed_killed
		heard6 '.type == "CONFIRM" and .addresses == ["fd09::50"]'
		[[ $(nsenter -n -t "$keeper" ip -6 -br addr show eth0) == *fd09::50/128* ]]
		del dhcp <<<"$(lan '.type = "dhcp"')"
		expect_silent
		heard6 '.type == "RELEASE" and .addresses == ["fd09::50"]'
		grep -q 'FDSTOREREMOVE=1 FDNAME=6-' "$manager_log"
		kill "$keeper"
		daemon_end
		rm "$manager_log" /run/cni/dhcp.sock
	done
}

@test "sockets that cannot be taken for a moment are kept by the daemon until they can" {
	local ipv4
	failing_calls
	scripted .
	scripted6 .
	for ipv4 in true false; do
		with_preload "$failing" managed
		[ -e /run/netns/box ] || netns box
		attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = '$ipv4
		said 'FDNAME=6-' "$manager_log"
		path_lost
		: >"$dhcp6_log"
		fail_next 35148 24 # SIOCGSKNS, EMFILE
		managed_killed
		failed
		heard6 '.type == "CONFIRM" and .addresses == ["fd09::50"]'
		[[ $(nsenter -n -t "$keeper" ip -6 -br addr show eth0) == *fd09::50/128* ]]
		[ "$(heard6_of RELEASE)" = 0 ] || fail "it goes on: $(cat "$dhcp6_log")"
		del dhcp <<<"$(lan '.type = "dhcp"')"
		expect_silent
		heard6 '.type == "RELEASE" and .addresses == ["fd09::50"]'
		kill "$keeper"
		daemon_end
		rm "$manager_log" /run/cni/dhcp.sock
	done
}

@test "of an interface that went while the daemon was down the service manager keeps no socket" {
	scripted .
	scripted6 .
	managed
	attached '.ipam.ipv6 = "dhcp"'
	said 'FDNAME=6-' "$manager_log"
	kill -STOP "$(sed -n 's/^PID //p' "$manager_log")"
	ip -n box link del eth0
	managed_killed
	said 'FDSTOREREMOVE=1 FDNAME=6-' "$manager_log"
	[ "$(grep -c '^FDSTOREREMOVE=1' "$manager_log")" = 2 ] || fail "of both families: $(cat "$manager_log")"
}

@test "without IPv4: one lease, one file, no message of the other family" {
	scripted .
	scripted6 '.addresses = ["fd09::50","fd09::51"]'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false | .ipam.request6 = [{"option":"56"}]'
	has '[.ips[] | .address, .gateway] == ["fd09::50/128",null,"fd09::51/128",null] and .routes == null'
	heard6 '.type == "REQUEST" and .options["6"] == "00380052"'
	daemon_end -KILL
	dhcp_daemon
	heard6 '.type == "CONFIRM" and (.addresses | sort) == ["fd09::50","fd09::51"]'
	[ "$(addresses)$(addresses6)" = $'fd09::50/128\nfd09::51/128' ]
	[ "$(lease | jq -c '[.address, .ipv6.addresses[].address]')" = '[null,"fd09::50","fd09::51"]' ]
	daemon_end
	del dhcp <<<"$(jq -c '.type = "dhcp"' <<<"$conf")"
	expect_silent
	dhcp_daemon
	heard6 '.type == "RELEASE"'
	said 'eth0: released' "$daemon_log"
	no_lease_soon
	[ "$(jq -s length "$dhcp_log")" = 1 ] || fail "a message of DHCP: $(cat "$dhcp_log")"
}

@test "addresses without an end that are to be renewed at some time go on after a start" {
	scripted6 '.t1 = 3600 | .preferred = 4294967295 | .valid = 4294967295'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	daemon_end -KILL
	dhcp_daemon
	heard6 '.type == "CONFIRM" and .addresses == ["fd09::50"]'
}

@test "leases of IPv6 alone go on after a start, too, but not all at once" {
	local file text i
	scripted6 .
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	daemon_end -KILL
	file=$(echo /var/lib/cni/dhcp/*)
	text=$(<"$file")
	for i in {1..600}; do # each by its name: H1-H2, H2 that of interface and container
		echo "${text/\"c1\"/\"x$i\"}" >"${file%-*-*}-$(printf %s "eth0:x$i" | sha512sum | cut -c -16)-dhcp"
	done
	dhcp_daemon
	until [ "$(heard6_of CONFIRM)" -ge 601 ]; do sleep 0.05; done
	jq -se 'map(select(.type == "CONFIRM").at) | max - min > 0.7' "$dhcp6_log"
}

@test "both are wanted: without one the ADD fails, and gives the other back" {
	scripted .
	scripted6 '.silent = ["SOLICIT"]'
	dhcp_daemon
	conf=$(lan '.ipam.ipv6 = "dhcp" | .ipam.resendTimeout = 6')
	add bridge <<<"$conf"
	expect_code 11 'no server has given eth0 an IPv6 address within 6 s'
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	nothing_left
	scripted '.silent = ["DISCOVER"]'
	scripted6 .
	add bridge <<<"$conf"
	expect_code 11 'no server has given eth0 an address within 6 s'
	heard6 '.type == "RELEASE" and .addresses == ["fd09::50"]'
	nothing_left
}

@test "both are wanted: an ADD ends in its time, too, where one is lost while the other is waited for" {
	local pid
	scripted '.lease = 3 | .t1 = 1 | .t2 = 2'
	scripted6 '.silent = ["SOLICIT"]'
	dhcp_daemon
	(
		add bridge <<<"$(lan '.ipam.ipv6 = "dhcp" | .ipam.resendTimeout = 18 | .ipam.resendMax = 1')"
		expect_code 11 'within 18 s'
	) &
	pid=$!
	said 'bound to 10.9.0.50' "$daemon_log"
	scripted '.silent = ["REQUEST","DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	scripted6 .
	said 'bound to {"cniVersion":"1.1.0","ips":[{"address":"fd09::50/128"}]' "$daemon_log"
	said 'within 18 s' "$daemon_log"
	wait "$pid"
	heard6 '.type == "RELEASE" and .addresses == ["fd09::50"]'
	nothing_left
}

@test "the daemon is killed between the halves: the DEL gives back what there was" {
	scripted .
	scripted6 '.silent = ["SOLICIT"]'
	dhcp_daemon
	conf=$(lan '.ipam.ipv6 = "dhcp"')
	add bridge <<<"$conf" >/dev/null 2>&1 &
	local pid=$!
	said 'bound to 10.9.0.50' "$daemon_log"
	daemon_end -KILL
	wait $pid || true
	[ "$(lease | jq -c '[.removed, .address, .ipv6]')" = '[true,"10.9.0.50",null]' ] || fail "the rollback's DEL: $(lease)"
	dhcp_daemon
	said 'c1 eth0: ' "$daemon_log"
	daemon_end
	nothing_left
}

@test "rapid commit: two messages where the server agrees, four where it does not" {
	scripted6 '.rapid = true'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false | .ipam.rapidCommit = true'
	heard6 '.type == "SOLICIT" and .options["14"] == ""'
	[ "$(heard6_of REQUEST)" = 0 ]
	del bridge <<<"$conf"
	scripted6 .
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false | .ipam.rapidCommit = true'
	[ "$(exchanges6_of REQUEST)" = 1 ]
	del bridge <<<"$conf"
	scripted6 '.rapid = true'
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	[ "$(exchanges6_of REQUEST)" = 2 ]
}

@test "addresses are renewed at T1, at their server; then by any, until their end takes them away" {
	scripted6 '.preferred = 14 | .valid = 14 | .t1 = 1 | .t2 = 3'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	heard6 '.type == "RENEW" and .addresses == ["fd09::50"] and (.options | has("2"))'
	scripted6 '.silent = ["RENEW","REBIND","SOLICIT"]'
	heard6 '.type == "REBIND" and .addresses == ["fd09::50"] and (.options | has("2") | not)'
	[ "$(addresses6)" = fd09::50/128 ] || fail "until the end it has it"
	said 'an IPv6 address has ended' "$daemon_log"
	[ -z "$(addresses6)" ] || fail "its address goes: $(addresses6)"
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'eth0 has no lease'
	scripted6 '.addresses = ["fd09::51"]'
	said 'bound to {"cniVersion":"1.1.0","ips":[{"address":"fd09::51/128"}]' "$daemon_log"
	[ "$(addresses6)" = fd09::51/128 ]
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

# By an answer, or by the time.
is_alone() {
	has_text 'an IPv6 address has ended' || has_text '[{"address":"fd09::60/128"}]'
}

@test "what a renewal changes goes into the container; what it does not name stays until its end" {
	scripted6 '.preferred = 14 | .valid = 14 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	scripted6 '.addresses = ["fd09::60"]'
	said '"fd09::60/128"' "$daemon_log"
	[ "$(addresses6)" = $'fd09::50/128\nfd09::60/128' ]
	follow "$daemon_log" is_alone
	[ "$(addresses6)" = fd09::60/128 ]
	lease_becomes '[.ipv6.addresses[].address] == ["fd09::60"]'
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	ip -n box addr del fd09::60/128 dev eth0
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'has no address fd09::60'
}

# is6 ADDRESS JQ : that is true of it.
is6() {
	ip -n box -6 -j addr show dev eth0 | jq -e --arg ip "$1" '.[].addr_info[]? | select(.local == $ip) | '"$2" >/dev/null
}

# becomes6 ADDRESS JQ : that is true of it, or soon.
becomes6() {
	local line until=$((SECONDS + 30))
	while ((SECONDS < until)) && ! is6 "$@"; do
		read -rt 1 line || true
	done < <(exec ip -n box -6 monitor address 3>&-)
	kill $!
	is6 "$@" || fail "$2 of $1: $(ip -n box -6 addr show dev eth0)"
}

source_to() {
	ip -n box -6 -j route get "$1" | jq -r '.[].prefsrc'
}

@test "an address that its server deprecates is preferred no longer, nor one whose time is over" {
	scripted6 '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	ip -n box -6 route add default dev eth0
	scripted6 '.t1 = 2 | .t2 = 3000 | .preferred = 0'
	becomes6 fd09::50 '.deprecated and .valid_life_time == 4294967295 and .preferred_life_time == 0'
	scripted6 '.t1 = 2 | .t2 = 3000 | .addresses = ["fd0a::51"]'
	becomes6 fd0a::51 '(.deprecated | not) and .valid_life_time == 4294967295 and .preferred_life_time > 1700 and
		.preferred_life_time <= 1800'
	is6 fd09::50 .deprecated
	[ "$(source_to fd09::1)" = fd0a::51 ] || fail "the preferred one, not the nearer one: $(source_to fd09::1)"
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	# again
	scripted6 '.t1 = 1 | .t2 = 3000 | .preferred = 12'
	becomes6 fd09::50 '.deprecated | not'
	[ "$(source_to fd09::1)" = fd09::50 ]
	scripted6 '.silent = ["RENEW"]'
	becomes6 fd09::50 .deprecated
	[ "$(source_to fd09::1)" = fd0a::51 ]
}

@test "when one of two addresses ends, what the server has said beside them stays" {
	local ntp=0001001020010db8000000000000000000000123
	local options=".options = {\"56\":\"$ntp\",\"23\":\"${ntp:8}\"}"
	scripted6 ".preferred = 12 | .valid = 12 | .t1 = 1 | .t2 = 3 | $options"
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	scripted6 ".addresses = [\"fd09::60\"] | .preferred = 60 | .valid = 60 | $options"
	said '"fd09::60/128"' "$daemon_log"
	scripted6 '.silent = ["RENEW","REBIND"]'
	said '; 1 are left' "$daemon_log"
	[ "$(lease | jq -c '.ipv6 | [.addresses[].address, .ntp[], .result.dns.nameservers[]]')" = \
		'["fd09::60","2001:db8::123","2001:db8::123"]' ] || fail "$(lease)"
}

@test "files of leases that somebody has removed: what has ended goes, what a renewal changes goes into the container" {
	scripted .
	scripted6 '.t1 = 1 | .t2 = 6 | .preferred = 6 | .valid = 8'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp"'
	rm /var/lib/cni/dhcp/*
	scripted6 '.t1 = 1 | .t2 = 3 | .preferred = 4 | .valid = 5 | .addresses = ["fd09::60"]'
	said '"fd09::60/128"' "$daemon_log"
	rm -f /var/lib/cni/dhcp/*
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	scripted6 '.silent = ["RENEW","REBIND","SOLICIT"]'
	said '; 0 are left' "$daemon_log"
	[ -z "$(addresses6)" ] || fail "they have gone: $(addresses6)"
	[ "$(addresses)" = 10.9.0.50/24 ]
	scripted6 '.addresses = ["fd09::61"]'
	said '"fd09::61/128"' "$daemon_log"
	[ "$(addresses6)" = fd09::61/128 ]
	# a file of both again
	lease_becomes '[.address, .ipv6.addresses[0].address, .result.ips[0].address] == ["10.9.0.50","fd09::61","10.9.0.50/24"]'
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "an interface that is renamed before the daemon starts again keeps its lease of IPv6, too" {
	scripted6 '.t1 = 1 | .t2 = 3000'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	daemon_end -KILL
	: >"$dhcp6_log"
	ip -n box link set eth0 down
	ip -n box link set eth0 name net0
	ip -n box link set net0 up
	dhcp_daemon
	heard6 '(.type | IN("CONFIRM", "RENEW")) and .addresses == ["fd09::50"]' # a RENEW beyond T1
	scripted6 '.addresses = ["fd09::60"] | .t1 = 1 | .t2 = 3000'
	said '"fd09::60/128"' "$daemon_log"
	ip -n box -6 addr show dev net0 | grep -q fd09::60/128
}

@test "addresses that were refused before the daemon was killed: the next one asks for any, and the container has them" {
	scripted .
	scripted6 '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp"'
	scripted6 '.status = {RENEW:4} | .silent = ["SOLICIT"]'
	said '; 0 are left' "$daemon_log"
	daemon_end -KILL
	[ "$(addresses) $(addresses6)" = '10.9.0.50/24 ' ]
	[ "$(lease | jq -c '[.address, .ipv6]')" = '["10.9.0.50",null]' ] || fail "of IPv4 alone: $(lease)"
	: >"$dhcp6_log"
	scripted6 .
	dhcp_daemon
	said 'bound to {"cniVersion":"1.1.0","ips":[{"address":"fd09::50/128"}]' "$daemon_log"
	[ "$(heard6_of CONFIRM)" = 0 ] || fail "nothing to confirm: $(cut -c1-100 "$dhcp6_log")"
	[ "$(addresses6)" = fd09::50/128 ] || fail "it has an address: $(addresses6)"
	check bridge <<<"$(with_result "$conf")"
	expect_silent
}

@test "without IPv4: addresses that were refused leave a lease that has none, and goes on" {
	scripted6 '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	scripted6 '.status = {RENEW:4} | .silent = ["SOLICIT"]'
	said '; 0 are left' "$daemon_log"
	daemon_end -KILL
	"$CNIC_BIN/cnic" verify
	scripted6 .
	dhcp_daemon
	said '; 1 leases' "$daemon_log"
	said 'bound to {"cniVersion":"1.1.0","ips":[{"address":"fd09::50/128"}]' "$daemon_log"
	[ "$(addresses6)" = fd09::50/128 ] || fail "it has an address: $(addresses6)"
}

# renewed_without N JQ LEASE : the next daemon's RENEW is answered so when that may have N more descriptors. With one it is killed
# as soon as its file is so.
renewed_without() {
	daemon_end
	: >"$dhcp6_log"
	scripted6 '.held = ["RENEW"]'
	dhcp_daemon
	heard6 '.type == "RENEW"'
	descriptors "$1"
	scripted6 "$2"
	said ': Too many open files: later again' "$daemon_log"
	scripted6 '.silent = ["SOLICIT","CONFIRM","RENEW","REBIND"]'
	[ "$1" != 0 ] || descriptors 100
	[ "$1" = 0 ] || { lease_becomes "$3" && daemon_end -KILL; }
}

@test "an IPv6 address that has ended, and for want of a descriptor cannot go, goes soon, by the next daemon too" {
	local more
	for more in 0 1; do
		scripted6 '.t1 = 2 | .t2 = 3000'
		dhcp_daemon
		attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
		renewed_without $more '.status = {RENEW:4} | .silent = ["SOLICIT"]' \
			'.ipv6 | [.addresses, .result.ips[].address] == [null,"fd09::50/128"]'
		[ "$(addresses6)" = fd09::50/128 ]
		[ -n "$daemon" ] || dhcp_daemon
		said 'has 0 IPv6 addresses by now' "$daemon_log"
		[ -z "$(addresses6)" ] || fail "its address goes: $(addresses6)"
		del bridge <<<"$conf"
		expect_silent
		nothing_left
		daemon_end
	done
}

@test "what a renewal changes of IPv6, and for want of a descriptor cannot be, is changed soon, by the next daemon too" {
	local more
	scripted6 '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	for more in 0 1; do
		renewed_without $more '.addresses = ["fd09::6'$more'"] | .t1 = 2 | .t2 = 3000' .ipv6.unapplied # to be done by the next
		[[ $(addresses6) != *fd09::6$more* ]]
		[ -n "$daemon" ] || dhcp_daemon
		said "has $((more + 2)) IPv6 addresses by now" "$daemon_log"
		[[ $(addresses6) == *fd09::50/128*fd09::6$more/128* ]] || fail "the new address, too: $(addresses6)"
		check bridge <<<"$(with_result "$conf")"
		expect_silent
		[ "$(lease | jq .ipv6.unapplied)" = null ]
	done
}

@test "IPv4 is lost and found, and IPv6 stays as it is" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	scripted6 .
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp"'
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	[ "$(addresses) $(addresses6)" = " fd09::50/128" ]
	scripted '.address = "10.9.0.61"'
	said 'bound to 10.9.0.61' "$daemon_log"
	[ "$(addresses) $(addresses6)" = "10.9.0.61/24 fd09::50/128" ]
	lease_becomes '[.address, .ipv6.addresses[0].address, .ipv6.result.ips[0].address] == ["10.9.0.61","fd09::50","fd09::50/128"]'
}

@test "servers that are slow, silent, have none, lie" {
	local lie
	scripted6 '.delay = 0.5'
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	del bridge <<<"$conf"
	for lie in '.silent = ["REQUEST"]' '.xid = 1' '.raw = ""' '.raw = "02000000"' '.valid = 0' '.addresses = ["fe80::5"]' \
		'.addresses = ["::1"]' '.addresses = ["ff02::5"]' '.status = {SOLICIT:2}' '.message_status = {SOLICIT:2}' \
		'.status = {REQUEST:2}' '.preferred = 7200' '.duid = "00"' '.t1 = 20 | .t2 = 10'; do
		scripted6 "$lie"
		add bridge <<<"$(lan '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false | .ipam.resendTimeout = 1')"
		expect_code 11 'no server has given eth0 an IPv6 address within 1 s'
	done
	nothing_left
}

@test "an address that another host has is declined, where the kernel looks for one" {
	scripted6 .
	dhcp_daemon
	netns other
	NS=box
	ip link add o0 master br0 up type veth peer name eth0 netns other
	ip -n other addr add fd09::50/64 dev eth0 nodad
	ip -n other link set eth0 up
	add bridge <<<"$(lan '.enabledad = true | .ipam.ipv6 = "dhcp" | .ipam.ipv4 = false')"
	expect_code 101 'duplicate address fd09::50'
	heard6 '.type == "DECLINE" and .addresses == ["fd09::50"] and (.options | has("2"))'
	[ "$(heard6_of RELEASE)" = 0 ]
	nothing_left
	scripted6 '.addresses = ["fd09::51"]'
	attached '.enabledad = true | .ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
}

@test "an address of a renewal that another host has is declined, too, and goes" {
	scripted6 '.t1 = 1 | .t2 = 30'
	dhcp_daemon
	netns other
	NS=box
	ip link add o0 master br0 up type veth peer name eth0 netns other
	ip -n other addr add fd09::60/64 dev eth0 nodad
	ip -n other link set eth0 up
	attached '.enabledad = true | .ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	# beside another one
	scripted6 '.t1 = 1 | .t2 = 30 | .addresses = ["fd09::60"] | .instead = {"fd09::60": "fd09::61"}'
	heard6 '.type == "DECLINE" and .addresses == ["fd09::60"]'
	said '"ips":[{"address":"fd09::50/128"},{"address":"fd09::61/128"}]' "$daemon_log"
	[ "$(addresses6)" = $'fd09::50/128\nfd09::61/128' ]
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	# alone
	: >"$dhcp6_log"
	scripted6 '.t1 = 1 | .t2 = 30 | .status = {RENEW: 3} | .silent = ["SOLICIT"] | .addresses = ["fd09::60"]'
	heard6 '.type == "DECLINE" and .addresses == ["fd09::60"]'
	said 'has ended, and goes; 0 are left' "$daemon_log"
	scripted6 '.addresses = ["fd09::62"]'
	said 'bound to {"cniVersion":"1.1.0","ips":[{"address":"fd09::62/128"}]' "$daemon_log"
	[ "$(addresses6)" = fd09::62/128 ]
	lease_becomes '[.ipv6.addresses[].address] == ["fd09::62"]'
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "an address of a renewal that another host has is declined, be it that the kernel cannot be asked for a moment" {
	failing_calls
	scripted6 '.t1 = 1 | .t2 = 30'
	with_preload "$failing" dhcp_daemon
	netns other
	NS=box
	ip link add o0 master br0 up type veth peer name eth0 netns other
	ip -n other addr add fd09::60/64 dev eth0 nodad
	ip -n other link set eth0 up
	attached '.enabledad = true | .ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	fail_next 22 105 1 # RTM_GETADDR, ENOBUFS: not of what is preferred, but of what is a duplicate
	scripted6 '.t1 = 3000 | .t2 = 3000 | .addresses = ["fd09::60"]'
	failed
	heard6 '.type == "DECLINE" and .addresses == ["fd09::60"]'
}

@test "a namespace without IPv6 gets it; the container's port 546 and firewall are its own" {
	scripted6 .
	dhcp_daemon
	in_ns box sh -c 'for i in all default lo; do echo 1 >/proc/sys/net/ipv6/conf/$i/disable_ipv6; done'
	in_ns box nft 'add table inet f; add chain inet f in { type filter hook input priority 0; policy drop; };
		add rule inet f in icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept'
	in_ns box python3 -c '
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 546))
print("bound", flush=True)
time.sleep(60)' 3>&- >"$BATS_TEST_TMPDIR/port" &
	local pid=$!
	said bound "$BATS_TEST_TMPDIR/port"
	attached '.ipam.ipv6 = "dhcp" | .ipam.ipv4 = false'
	[ "$(addresses6)" = fd09::50/128 ]
	kill $pid
	wait $pid || true
}

@test "GC gives back both halves; the interface gone ends both" {
	scripted .
	scripted6 .
	dhcp_daemon
	attached '.ipam.ipv6 = "dhcp"'
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
	heard '.type == "RELEASE"'
	heard6 '.type == "RELEASE"'
	del bridge <<<"$conf"
	attached '.ipam.ipv6 = "dhcp"'
	ip -n box link del eth0
	said 'interface eth0 is gone' "$daemon_log"
	no_lease_soon
	kill -0 "$daemon"
}

# A router in br0's network.
router() {
	netns router
	NS=box
	ip link add r0 master br0 up type veth peer name eth0 netns router
	in_ns router sh -c 'echo 1 >/proc/sys/net/ipv6/conf/all/forwarding; echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_dad'
	ip -n router link set eth0 up
}

@test "slaac: the addresses of an advertisement are reported, and stay the kernel's; no daemon is needed" {
	router
	radvd_from router eth0
	attached '.slaac = true | .ipam.ipv6 = "slaac" | .ipam.ipv4 = false'
	has ".ips | length == 1 and (.[0].address | startswith(\"${ROUTER_PREFIX%:}\") and endswith(\"/64\"))"
	has ".ips[0].gateway == \"$(ip -n router -6 -j addr show dev eth0 scope link | jq -r '.[0].addr_info[0].local')\""
	has '.routes == null'
	ip -n box -6 -j addr show dev eth0 scope global | jq -e '[.[].addr_info[] | select(.local) | .dynamic and .valid_life_time <= 600] == [true]'
	[ "$(ip -n box -6 -j route show default | jq -c '[.[].protocol]')" = '["ra"]' ]
	in_ns box sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra'
	ip -n box -6 addr flush dev eth0 scope global
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'no address that a router has advertised'
	status_of bridge <<<"$conf"
	expect_silent
	del bridge <<<"$conf"
	expect_silent
	[ "$(ip -n box -j link | jq length)" = 1 ]
}

@test "slaac beside DHCP; where nothing is advertised the lease is given back; where it is not listened to" {
	router
	scripted .
	dhcp_daemon
	conf=$(lan '.slaac = true | .ipam.ipv6 = "slaac" | .ipam.resendTimeout = 6')
	add bridge <<<"$conf"
	expect_code 11 'no router has advertised a prefix for eth0 within 6 s'
	heard '.type == "RELEASE"'
	nothing_left
	radvd_from router eth0
	add bridge <<<"$(lan '.ipam.ipv6 = "slaac"')"
	expect_code 7 'ipam.ipv6'
	nothing_left
	attached '.slaac = true | .ipam.ipv6 = "slaac"'
	has '[.ips[].address | split("/")[1]] == ["24","64"]'
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "keys that make no sense" {
	add bridge <<<"$(lan '.ipam.ipv6 = "auto"')"
	expect_code 7 '"auto" is neither dhcp nor slaac'
	add bridge <<<"$(lan '.ipam.ipv4 = false')"
	expect_code 7 'ipam.ipv4'
	for option in 0 65536 x 99999999999; do
		add bridge <<<"$(lan ".ipam.ipv6 = \"dhcp\" | .ipam.request6 = [{option:\"$option\"}]")"
		expect_code 7 'ipam.request6[0].option'
	done
}
