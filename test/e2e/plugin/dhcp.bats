#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# dhcp: the plugin's keys and verbs, and what its daemon does, with dnsmasq and with a server that does what it is told.

load ../lib
load ../dhcp

setup() {
	host_setup
	dhcp_network
	netns box
}

teardown() {
	dhcp_end
	host_clean
}

# In ticks of 10 ms.
daemon_time() {
	awk '{ print $14 + $15 }' "/proc/$daemon/stat"
}

@test "dnsmasq: an address, its routes, a ping; DEL gives it back" {
	dnsmasq_from
	dhcp_daemon
	attached
	has '.ips | length == 1 and .[0].gateway == "10.9.0.1" and .[0].interface == 2'
	has '.routes == [{"dst":"0.0.0.0/0","gw":"10.9.0.1"}] and (.dns | length) == 0'
	[ "$(addresses)" = "$(jq -r '.ips[0].address' <<<"$result")" ]
	ping -qc 1 -W 10 "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")"
	# client identifier: 0x00 and CONTAINERID/NETWORK/IFNAME
	[ "$(awk '{ print $5 }' "$dhcp_leases")" = "00:$(printf 'c1/lan/eth0' | xxd -p | sed 's/../&:/g; s/:$//')" ] ||
		fail "option 61: $(cat "$dhcp_leases")"
	del bridge <<<"$conf"
	expect_silent
	said DHCPRELEASE
	nothing_left
}

@test "a daemon that was killed goes on with its leases: INIT-REBOOT" {
	scripted .
	dhcp_daemon
	attached
	daemon_end -KILL
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not) and .ciaddr == "0.0.0.0"'
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	[ "$(addresses)" = 10.9.0.50/24 ]
	del bridge <<<"$conf"
	expect_silent
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	nothing_left
}

@test "no daemon: ADD and CHECK say so, STATUS is 50, a DEL is made up for by the next one" {
	scripted .
	add bridge <<<"$(lan)"
	expect_code 11 "nobody listens at /run/cni/dhcp.sock"
	status_of bridge <<<"$(lan)"
	expect_code 50 "nobody listens at /run/cni/dhcp.sock"
	dhcp_daemon
	status_of bridge <<<"$(lan)"
	expect_silent
	attached
	daemon_end
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 "nobody listens"
	add dhcp <<<"$(lan '.type = "dhcp"')"
	expect_code 11 "nobody listens"
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
	[ "$(lease | jq .removed)" = true ]
	dhcp_daemon
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	said 'eth0: released' "$daemon_log"
	no_lease_soon
}

@test "each version of the specification" {
	local version
	scripted .
	dhcp_daemon
	ip link add h0 type veth peer name eth0 netns box
	ip link set h0 master br0 up
	ip -n box addr add 10.9.0.50/24 dev eth0
	ip -n box link set eth0 up
	ip -n box route add default via 10.9.0.1
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		conf=$(lan ".type = \"dhcp\" | .cniVersion = \"$version\"")
		add dhcp <<<"$conf"
		expect_json '[.cniVersion, .ip4.ip // .ips[0].address]' "[\"$version\",\"10.9.0.50/24\"]"
		[[ $version < 0.4.0 ]] || {
			check dhcp <<<"$(with_result "$conf")"
			expect_silent
		}
		[[ $version != 1.1.0 ]] || {
			status_of dhcp <<<"$conf"
			expect_silent
		}
		del dhcp <<<"$conf"
		expect_silent
		[ -z "$(ls -A /var/lib/cni/dhcp)" ]
	done
}

# ends_when_asked LATER : who listens at the socket gets a question and is gone; LATER: with it one that waits, too.
ends_when_asked() {
	rm -f /run/cni/dhcp.sock "$BATS_TEST_TMPDIR/ends" # the last one's "listens" as well
	python3 -c '
import select, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
s.listen()
print("listens", flush=True)
c = s.accept()[0]
c.recv(4096)
c.close()
while sys.argv[1] == "never":
    s.accept()[0].close()
if sys.argv[1] == "later":
    select.select([s], [], [])' "$1" 3>&- >"$BATS_TEST_TMPDIR/ends" &
	ender=$!
	said listens "$BATS_TEST_TMPDIR/ends"
}

@test "a daemon that ends before it answers: a DEL is made up for by the next one" {
	local when ender
	scripted .
	for when in now later; do
		dhcp_daemon
		attached
		daemon_end -KILL
		ends_when_asked $when
		del dhcp <<<"$(jq -c '.type = "dhcp"' <<<"$conf")"
		expect_silent
		[ "$(lease | jq .removed)" = true ] || fail "a file that says so: $(lease)"
		dhcp_daemon
		said 'eth0: released' "$daemon_log"
		del bridge <<<"$conf"
		expect_silent
		daemon_end
	done
	ends_when_asked never
	del dhcp <<<"$(jq -c '.type = "dhcp"' <<<"$conf")"
	expect_code 11 'has ended before it answered'
	kill $ender
	wait $ender || true
}

@test "no daemon, and a file that is no lease any more: DEL succeeds, and nothing is left of it" {
	scripted .
	dhcp_daemon
	attached
	daemon_end
	truncate -s 20 /var/lib/cni/dhcp/*
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "who listens and accepts nothing is waited for ten seconds, by the next one, too" {
	local listener
	mkdir -p /run/cni
	python3 -c '
import signal, socket
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
s.listen(0)
print("listens", flush=True)
signal.pause()' 3>&- >"$BATS_TEST_TMPDIR/listener" &
	listener=$!
	said listens "$BATS_TEST_TMPDIR/listener"
	for _ in 1 2; do # the second one finds the backlog full
		status_of dhcp <<<"$(lan '.type = "dhcp"')"
		expect_code 50 'does not answer'
	done
	kill $listener
	wait $listener || true
}

@test "what is provided and requested: options, and what comes of them" {
	scripted '.options = {"6":"01010101","15":"6578616d706c652e6f7267","26":"0514","33":"0a1400000a090002",
		"119":"0161076578616d706c6503636f6d000162c002", "42":"0a090003"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"6"},{"option":"15"}] | .ipam.priority = 77 |
		.ipam.provide = [{"option":"host-name","value":"box"},{"option":"60","value":"a","fromArg":"CLASS"}]'
	heard '.type == "REQUEST" and .options["55"] == "060f0301" and .options["12"] == "626f78" and
		.options["60"] == "61" and .options["57"] == "05dc"'
	has '.dns == {"nameservers":["1.1.1.1"],"domain":"example.org","search":["a.example.com","b.example.com"]}'
	has '.routes == [{"dst":"10.0.0.0/8","gw":"10.9.0.2","priority":77},{"dst":"0.0.0.0/0","gw":"10.9.0.1","priority":77}]'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	[ "$(lease | jq -c '[.mtu, .ntp]')" = '[1300,["10.9.0.3"]]' ]
	del bridge <<<"$conf"
	scripted '.options = {"121":"180a14000a09000210ac1000000000", "33":"0a1400000a090002"}'
	attached '.ipam.request = [{"option":"121"},{"skipDefault":true}]'
	heard '.type == "REQUEST" and .options["55"] == "79"'
	has '.routes == [{"dst":"10.20.0.0/24","gw":"10.9.0.2"},{"dst":"172.16.0.0/16","gw":"0.0.0.0","scope":253}]'
}

# The plugin that calls may ask more of CNI_ARGS: here nothing does.
@test "fromArg: of CNI_ARGS a piece without = is passed over, a value has all behind the first" {
	scripted .
	dhcp_daemon
	ip link add v0 master br0 up type veth peer name eth0 netns box
	CNI_ARGS='IgnoreUnknown;;K8S_POD_NAME=pod;CLASS=a=b;K8S' add dhcp <<<"$(lan '.type = "dhcp" |
		.ipam.provide = [{"option":"host-name","fromArg":"K8S_POD_NAME"},{"option":"60","value":"x","fromArg":"CLASS"}]')"
	expect_ok
	heard '.type == "REQUEST" and .options["12"] == "706f64" and .options["60"] == "613d62"'
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
}

@test "an option that is none, a path that is none" {
	add bridge <<<"$(lan '.ipam.request = [{"option":"nonsense"}]')"
	expect_code 7 'ipam.request[0].option: Can not parse option "nonsense"'
	add bridge <<<"$(lan '.ipam.provide = [{"option":"256","value":"x"}]')"
	expect_code 7 'ipam.provide[0].option'
	add bridge <<<"$(lan '.ipam.provide = [{"option":"53","value":"x"}]')"
	expect_code 7 'ipam.provide[0].option'
	add bridge <<<"$(lan '.ipam.daemonSocketPath = "dhcp.sock"')"
	expect_code 7 'ipam.daemonSocketPath'
	add bridge <<<"$(lan '.ipam.daemonSocketPath = "/" + 107 * "x"')"
	expect_code 7 'ipam.daemonSocketPath: longer than 107 bytes'
	add dhcp <<<'{"cniVersion":"1.1.0","name":"lan","type":"dhcp"}'
	expect_code 7 "'ipam'"
}

@test "where no daemon can listen DEL and GC succeed" {
	local path
	for path in "$(printf '/%0107d' 0)" /dev/null/dhcp.sock /dev /none/dhcp.sock; do
		conf=$(lan ".ipam.daemonSocketPath = \"$path\"")
		del bridge <<<"$conf"
		expect_silent
		gc dhcp <<<"$(with_valid "$(jq -c '.type = "dhcp"' <<<"$conf")")"
		expect_silent
	done
}

@test "a lease is renewed at T1, at its server; then by any, until its end takes the address away" {
	scripted '.lease = 14 | .t1 = 1 | .t2 = 2'
	dhcp_daemon
	attached
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50" and .to == "10.9.0.1" and (.options | has("50") or has("54") | not)'
	scripted '.lease = 14 | .t1 = 1 | .t2 = 2 | .silent = ["REQUEST","DISCOVER"]'
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50" and .to == "255.255.255.255"'
	[ "$(addresses)" = 10.9.0.50/24 ] || fail "until the end it has it"
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ] || fail "its address goes: $(addresses)"
	scripted '.address = "10.9.0.51"'
	said 'bound to 10.9.0.51' "$daemon_log"
	[ "$(addresses)" = 10.9.0.51/24 ]
	[ "$(ip -n box -j route show default | jq -r '.[].gateway')" = 10.9.0.1 ]
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "what a renewal changes goes into the container: address, routes, MTU" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.address = "10.9.0.60" | .options = {"26":"0514","33":"0a1400000a090002"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ]
	ip -n box -j route | jq -e 'map(.dst) | sort == ["10.0.0.0/8","10.9.0.0/24","default"]'
	check bridge <<<"$(with_result "$conf")" # the ADD's result has the old ones
	expect_silent
	ip -n box route del 10.0.0.0/8
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'route to 10.0.0.0/8 is gone'
	ip -n box addr flush dev eth0
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'eth0 has no address 10.9.0.60/24 any more'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	[ "$(lease | jq -r .address)" = 10.9.0.60 ]
}

# replies N : so many have come.
replies() {
	[ "$(grep -c 'bytes from' "$BATS_TEST_TMPDIR/pings")" -ge "$1" ]
}

# The DNS servers, which are the runtime's to pass on, are said.
@test "a renewal that changes all it may interrupts a ping for less than a second" {
	local before
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6 | .options = {"6":"0a090002"}'
	dhcp_daemon
	attached
	in_ns box ping -D -n -i 0.1 10.9.0.1 >"$BATS_TEST_TMPDIR/pings" 2>&1 3>&- &
	pings=$!
	follow "$BATS_TEST_TMPDIR/pings" replies 3
	scripted '.address = "10.9.0.60" | .lease = 8 | .t1 = 1 | .t2 = 6 |
		.options = {"6":"0a090003","26":"0514","33":"0a1400000a090002"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	before=$(grep -c 'bytes from' "$BATS_TEST_TMPDIR/pings")
	follow "$BATS_TEST_TMPDIR/pings" replies $((before + 12))
	kill "$pings"
	[ "$(addresses)" = 10.9.0.60/24 ]
	said 10.9.0.3 "$daemon_log"
	# by what was sent, ten a second where there is time for that
	sed -n 's/.*bytes from.* icmp_seq=\([0-9]*\) .*/\1/p' "$BATS_TEST_TMPDIR/pings" | awk '
		{ if (last && $1 - last > worst) worst = $1 - last; last = $1 }
		END { print "longest gap: " worst / 10 " s"; exit !(worst < 10) }'
}

@test "an MTU that alone is another one goes into the container; one that the server does not change stays as it is" {
	scripted '.lease = 20 | .t1 = 1 | .options = {"26":"0514"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"26"}]'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	ip -n box link set eth0 mtu 1250 # as tuning does
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50"'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1250 ]
	scripted '.lease = 20 | .t1 = 1 | .options = {"26":"04b0"}'
	said 'MTU 1200' "$daemon_log"
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1200 ]
	[ "$(grep -c MTU "$daemon_log")" = 1 ]
}

# The container's default routes, the preferred one first.
defaults() {
	ip -n box route show default | awk '{ print $3, $5 }' | paste -sd,
}

@test "what a renewal changes leaves the routes of another interface as they are, and before its own" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	add bridge eth1 <<<'{"cniVersion":"1.1.0","name":"other","type":"bridge","bridge":"br1","isDefaultGateway":true,
		"ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	expect_ok
	[ "$(defaults)" = '10.8.0.1 eth1,10.9.0.1 eth0' ] || fail "both: $(defaults)"
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6 | .router = "10.9.0.2"'
	said '"gw":"10.9.0.2"' "$daemon_log"
	[ "$(defaults)" = '10.8.0.1 eth1,10.9.0.2 eth0' ] || fail "another router: $(defaults)"
	scripted '.router = "10.9.0.2" | .address = "10.9.0.60"'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(defaults)" = '10.8.0.1 eth1,10.9.0.2 eth0' ] || fail "another address: $(defaults)"
	[ "$(addresses)" = 10.9.0.60/24 ]
	CID=c1 del bridge eth1 <<<'{"cniVersion":"1.1.0","name":"other","type":"bridge","bridge":"br1",
		"ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	expect_silent
}

@test "a route that somebody has taken away does not come again by a renewal that changes something else" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6 | .options = {"33":"0a1400000a090002"}'
	dhcp_daemon
	attached
	ip -n box route del default
	scripted '.address = "10.9.0.60" | .options = {"33":"0a1400000a090002"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ]
	[ -z "$(defaults)" ] || fail "no default route: $(defaults)"
	ip -n box route show 10.0.0.0/8 | grep -q 'via 10.9.0.2 dev eth0'
}

# The container's routes, the preferred one of a destination first.
routes() {
	ip -n box route show "$@" | awk '{ print $1, $2, $3 }' | paste -sd,
}

# 10.20.0.0/24 by .2, .2 again and .3, what the address has on its link anyway, twice, and the default, twice.
@test "a route that a server repeats is there once; of two routers to a destination the first is taken" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6 | .options = {"121":
		"180a14000a090002180a14000a090002180a14000a090003180a090000000000180a090000000000000a090001000a090001"}'
	dhcp_daemon
	attached
	has '.routes | length == 4 and map(.gw) == ["10.9.0.3","10.9.0.2","0.0.0.0","10.9.0.1"]'
	[ "$(routes 10.20.0.0/24)" = '10.20.0.0/24 via 10.9.0.2,10.20.0.0/24 via 10.9.0.3' ] || fail "both: $(routes)"
	scripted '.address = "10.9.0.60" | .lease = 8 | .t1 = 1 | .t2 = 6 | .options = {"121":
		"180a14000a090002180a1e000a090004180a1e000a090004180a1e000a090005180a090000000000000a090001000a090001"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(routes 10.20.0.0/24)" = '10.20.0.0/24 via 10.9.0.2' ] || fail "one has gone: $(routes)"
	[ "$(routes 10.30.0.0/24)" = '10.30.0.0/24 via 10.9.0.4,10.30.0.0/24 via 10.9.0.5' ] || fail "two have come: $(routes)"
	! grep 'File exists' "$daemon_log"
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	del bridge <<<"$conf"
	# option 33: 10.20.0.0 and 10.30.0.0, of class A, by the same, then by another; 0.0.0.0 is none (RFC 2132, 5.8)
	scripted '.options = {"33":"0a1400000a0900020a1e00000a0900020a2800000a090003000000000a090002"}'
	attached
	[ "$(routes)" = "$(printf '%s,' 'default via 10.9.0.1' '10.0.0.0/8 via 10.9.0.2' '10.0.0.0/8 via 10.9.0.3' '10.9.0.0/24 dev eth0' |
		sed 's/,$//')" ] || fail "of option 33: $(routes)"
}

@test "of two routers to a destination the first stays before the other, whichever a renewal changes" {
	local options=180a14000a090002180a14000a090003 times=".lease = 8 | .t1 = 1 | .t2 = 6"
	scripted "$times | .options = {\"121\":\"$options\"}"
	dhcp_daemon
	attached
	scripted "$times | .options = {\"121\":\"${options/0a090003/0a090004}\"}"
	said '"gw":"10.9.0.4"' "$daemon_log"
	[ "$(routes 10.20.0.0/24)" = '10.20.0.0/24 via 10.9.0.2,10.20.0.0/24 via 10.9.0.4' ] || fail "the other is another: $(routes)"
	scripted "$times | .options = {\"121\":\"180a14000a090005180a14000a090004\"}"
	said '"gw":"10.9.0.5"' "$daemon_log"
	[ "$(routes 10.20.0.0/24)" = '10.20.0.0/24 via 10.9.0.5,10.20.0.0/24 via 10.9.0.4' ] || fail "the first is: $(routes)"
	scripted '.address = "10.9.0.60" | .options = {"121":"180a14000a090004180a14000a090005"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(routes 10.20.0.0/24)" = '10.20.0.0/24 via 10.9.0.4,10.20.0.0/24 via 10.9.0.5' ] || fail "they change places: $(routes)"
	! grep 'File exists' "$daemon_log"
}

@test "a router that is reached by another route of the same answer, which comes after it, at a renewal too" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6 | .options = {"121":"00cb00710120cb00710100000000"}'
	dhcp_daemon
	attached
	[ "$(routes default)" = 'default via 203.0.113.1' ] || fail "by a router of another subnet: $(routes)"
	scripted '.options = {"121":"00cb00710220cb00710200000000"}'
	said '"gw":"203.0.113.2"' "$daemon_log"
	[ "$(routes default)" = 'default via 203.0.113.2' ] || fail "by another one: $(routes)"
	! grep unreachable "$daemon_log"
}

@test "a route of a renewal that the kernel refuses keeps nothing else from it" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.address = "10.9.0.60" | .options = {"33":"0a140000cb007109"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	said 'Network is unreachable' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ] || fail "the new address alone: $(addresses)"
	[ "$(defaults)" = '10.9.0.1 eth0' ]
}

# renewed_again : by a REQUEST that comes from now on, and what it brought is done.
renewed_again() {
	: >"$dhcp_log"
	until [ "$(heard_of REQUEST)" -gt 1 ]; do read -rt 0.05 < <(exec sleep 1) || true; done
}

# One that somebody has taken away is not tried again with it.
@test "a route that the kernel refuses is tried again by the next renewal, and an MTU" {
	scripted '.lease = 20 | .t1 = 1 | .t2 = 18 | .options = {"121":"180a14000a090002000a090001"}'
	dhcp_daemon
	ip link add up0 master br0 up type veth peer name up1
	ip link set up1 up
	attached '.type = "macvlan" | .master = "up1"'
	scripted '.lease = 20 | .t1 = 1 | .t2 = 18 | .options = {"121":"180a14000a090002180a1e00cb007109000a090001","26":"2328"}'
	said 'Network is unreachable' "$daemon_log"
	said "the server's MTU, 9000: set MTU: Invalid argument" "$daemon_log"
	renewed_again
	[ -z "$(ip -n box route show 10.30.0.0/24)" ]
	ip -n box route add 203.0.113.9 dev eth0
	ip link set up0 mtu 9000
	ip link set up1 mtu 9000
	said 'eth0: MTU 9000' "$daemon_log"
	ip -n box route show 10.30.0.0/24 | grep -q 'via 203.0.113.9 dev eth0' || fail "by now it can be: $(routes)"
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 9000 ]
	check macvlan <<<"$(with_result "$conf")"
	expect_silent
	ip -n box route del 10.20.0.0/24
	renewed_again
	[ -z "$(ip -n box route show 10.20.0.0/24)" ] || fail "what somebody has taken away stays away: $(routes)"
}

@test "where the container's routes cannot be listed for now its address and routes stay until they can be" {
	failing_calls
	scripted '.lease = 20 | .t1 = 1 | .t2 = 18'
	with_preload "$failing" dhcp_daemon
	attached
	fail_next 26 105 -1 # RTM_GETROUTE, ENOBUFS
	scripted '.address = "10.9.0.60"'
	said ': later again' "$daemon_log"
	[ "$(addresses)" = 10.9.0.50/24 ] || fail "as before: $(addresses)"
	[ "$(defaults)" = '10.9.0.1 eth0' ] || fail "as before: $(defaults)"
	fail_no_more
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ] || fail "the new address alone: $(addresses)"
	[ "$(defaults)" = '10.9.0.1 eth0' ] || fail "the default route: $(defaults)"
}

@test "a default route that went with the old address, and could not be set again at once, is set soon" {
	failing_calls
	scripted '.lease = 20 | .t1 = 1 | .t2 = 18'
	with_preload "$failing" dhcp_daemon
	attached
	fail_next 24 105 1 # RTM_NEWROUTE, ENOBUFS
	scripted '.address = "10.9.0.60"'
	said ': later again' "$daemon_log"
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ] || fail "the new address alone: $(addresses)"
	[ "$(defaults)" = '10.9.0.1 eth0' ] || fail "the default route: $(defaults)"
}

@test "a daemon killed in the middle of a change: the next one sets the rest, and needs no server for that" {
	local n
	failing_calls
	for n in 0 1; do # in front of the new route, and of that which went with the old address
		scripted '.lease = 60 | .t1 = 1 | .t2 = 50'
		with_preload "$failing" dhcp_daemon
		attached
		fail_next 24 -1 $n # RTM_NEWROUTE
		scripted '.lease = 60 | .t1 = 30 | .t2 = 50 | .address = "10.9.0.60"'
		failed
		wait "$daemon" || true
		daemon=
		scripted '.silent = ["DISCOVER", "REQUEST"]'
		dhcp_daemon
		said 'bound to 10.9.0.60' "$daemon_log"
		[ "$(addresses)" = 10.9.0.60/24 ] || fail "the new address alone: $(addresses)"
		[ "$(defaults)" = '10.9.0.1 eth0' ] || fail "the default route: $(defaults)"
		daemon_end
		del bridge <<<"$conf"
		rm -f /var/lib/cni/dhcp/*
	done
}

@test "an ACK without a mask renews nothing, and is no lease after one that was lost" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.mask = ""'
	said 'Subnet Mask not found' "$daemon_log"
	said 'the lease has ended' "$daemon_log"
	scripted '.address = "10.9.0.61"'
	said 'bound to 10.9.0.61' "$daemon_log"
	[ "$(addresses)" = 10.9.0.61/24 ]
}

@test "an MTU that the interface cannot have refuses the ADD, and says whose it is" {
	scripted '.options = {"26":"2328"}'
	dhcp_daemon
	ip link add up0 master br0 up type veth peer name up1
	ip link set up1 up
	conf=$(lan '.type = "macvlan" | .master = "up1"')
	add macvlan <<<"$conf"
	expect_code 999 "dhcp: the server's MTU, 9000: set MTU: Invalid argument"
	heard '.type == "RELEASE"'
	nothing_left
}

@test "a NAK takes the address away, and another one comes at once" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ]
	scripted '.address = "10.9.0.61"'
	said 'bound to 10.9.0.61' "$daemon_log"
	[ "$(addresses)" = 10.9.0.61/24 ]
}

# What the server has refused is asked for by no INIT-REBOOT, though it would agree to it now.
@test "a lease that was refused before the daemon was killed: the next one asks for any, and the container has it" {
	scripted '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	daemon_end -KILL
	: >"$dhcp_log"
	[ -z "$(addresses)" ]
	[ "$("$CNIC_BIN/cnic" show --json c1 | jq 'map(has("lease")) | any')" = false ] || fail "no address: $("$CNIC_BIN/cnic" show --json c1)"
	scripted .
	dhcp_daemon
	said '; 1 leases' "$daemon_log"
	said 'bound to 10.9.0.50' "$daemon_log"
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	! grep '"REQUEST"' "$dhcp_log" | grep -v '"54"' || fail "an address that was refused: $(cat "$dhcp_log")"
	[ "$(addresses)" = 10.9.0.50/24 ] || fail "it has an address: $(addresses)"
	[ "$(defaults)" = '10.9.0.1 eth0' ]
	check bridge <<<"$(with_result "$conf")"
	expect_silent
}

@test "a lease that has ended is known to GC and cnic verify, without a daemon, and ended by the next one" {
	scripted '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	daemon_end -KILL
	"$CNIC_BIN/cnic" verify
	mv /var/lib/cni/cnic "$BATS_TEST_TMPDIR/attachments"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [[ $output == *'a lease without an address '*' is of container c1, which is not attached'* ]] || fail "$output"
	mv "$BATS_TEST_TMPDIR/attachments" /var/lib/cni/cnic
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
	[ "$(lease | jq .removed)" = true ]
	dhcp_daemon
	said 'eth0: released' "$daemon_log"
	no_lease_soon
	[ "$(heard_of RELEASE)" = 0 ]
}

# The server answers a REQUEST at the address that it is from, which the container has not yet; the second time not even that.
@test "what a renewal changes, and for want of a descriptor cannot be, is changed soon, by the next daemon too" {
	local more
	scripted '.unicast = true | .t1 = 2 | .t2 = 3000 | .options = {"26":"0514"}'
	dhcp_daemon
	attached
	for more in 0 1; do
		renewal_waits
		descriptors $more
		scripted '.unicast = true | .address = "10.9.0.6'$more'" | .router = "10.9.0.2" | .t1 = 2 | .t2 = 3000 |
			.options = {"26":"04b'$more'"}'
		said ': Too many open files: later again' "$daemon_log"
		[ "$(addresses)" != "10.9.0.6$more/24" ]
		if [ $more = 0 ]; then
			descriptors 100
		else
			# to be done by the next
			lease_becomes '[.address, .pending.result.ips[].address] == ["10.9.0.61","10.9.0.61/24"]'
			daemon_end -KILL
			scripted '.silent = ["REQUEST","DISCOVER"]'
			dhcp_daemon
		fi
		said "bound to 10.9.0.6$more" "$daemon_log"
		said "MTU 120$more" "$daemon_log"
		[ "$(addresses)" = "10.9.0.6$more/24" ] || fail "the new address alone: $(addresses)"
		[ "$(defaults)" = '10.9.0.2 eth0' ] || fail "the new router alone: $(defaults)"
		[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 120$more ]
		check bridge <<<"$(with_result "$conf")"
		expect_silent
		[ "$(lease | jq -c '[.result.ips[].address, .unapplied, .pending]')" = "[\"10.9.0.6$more/24\",null,null]" ] ||
			fail "$(lease)"
		daemon_end
		: >"$dhcp_log"
		dhcp_daemon
		heard '.type == "REQUEST" and .options["50"]'
	done
}

@test "a renewal that the disk does not take is written soon, and needs no server for that" {
	scripted '.t1 = 2 | .t2 = 3000'
	dhcp_daemon
	attached
	renewal_waits
	mount -t tmpfs -o size=4k,nr_inodes=1 none /var/lib/cni/dhcp
	scripted '.address = "10.9.0.60" | .lease = 4294967295'
	said ': later again' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ]
	scripted '.silent = ["REQUEST","DISCOVER"]'
	umount -l /var/lib/cni/dhcp
	lease_becomes '.address == "10.9.0.60" and (has("t1") or has("end") | not)'
}

@test "an address that has ended, and for want of a descriptor cannot go, goes soon, by the next daemon too" {
	local more
	for more in 0 1; do
		scripted '.t1 = 2 | .t2 = 3000'
		dhcp_daemon
		attached
		descriptors $more
		scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
		said 'its address cannot go: ' "$daemon_log"
		[ "$(addresses)" = 10.9.0.50/24 ]
		check bridge <<<"$(with_result "$conf")"
		[ "$status" -ne 0 ] || fail 'there is no lease'
		if [ $more = 0 ]; then
			descriptors 100
		else
			[ "$(lease | jq -c '[.address, .result.ips[].address]')" = '[null,"10.9.0.50/24"]' ] || fail "$(lease)"
			daemon_end -KILL
			dhcp_daemon
		fi
		said 'the lease has ended' "$daemon_log"
		[ -z "$(addresses)" ] || fail "its address goes: $(addresses)"
		[ -z "$(defaults)" ]
		del bridge <<<"$conf"
		expect_silent
		nothing_left
		daemon_end
	done
}

@test "servers that are slow, silent, refuse, lie" {
	scripted '.delay = 0.5 | .twice = true'
	dhcp_daemon
	attached
	del bridge <<<"$conf"
	for lie in '.silent = ["DISCOVER"]' '.silent = ["REQUEST"]' '.nak = ["REQUEST"]' '.xid = 1' '.address = "0.0.0.0"' \
		'.address = "127.0.0.1"' '.address = "255.255.255.255"' '.address = "224.0.0.1"' '.server = ""' '.lease = 0' \
		'.raw = ""' '.raw = "0201060000"' '.options = {"53":"05"} | .silent = ["REQUEST"]'; do
		scripted "$lie"
		add bridge <<<"$(lan '.ipam.resendTimeout = 1')"
		expect_code 11 'no server has given eth0 an address within 1 s'
	done
	scripted '.mask = ""'
	add bridge <<<"$(lan)"
	expect_code 999 'Subnet Mask not found'
	heard '.type == "RELEASE"'
	scripted '.mask = "255.0.255.0"'
	add bridge <<<"$(lan)"
	expect_code 999 'is no mask'
	nothing_left
}

# The plugin's own patience is six seconds here, and as long after each sign of the daemon's.
@test "an ADD waits as long as the daemon does, which says so; for one that says nothing it waits for a time" {
	local listener
	mkdir -p /run/cni
	python3 -c '
import socket, time
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
s.listen()
print("listens", flush=True)
c = s.accept()[0]
for _ in range(16):
    time.sleep(0.5)
    c.send(b"\n")
c.send(b"""{"result":{"cniVersion":"1.1.0","ips":[{"address":"10.9.0.99/24"}]}}\n""")
c.close()
c = s.accept()[0]
c.send(b"\n")
c.close()
c = [s.accept()[0] for _ in range(9)]' 3>&- >"$BATS_TEST_TMPDIR/listener" &
	listener=$!
	said listens "$BATS_TEST_TMPDIR/listener"
	ip link add v0 master br0 up type veth peer name eth0 netns box
	conf=$(lan '.type = "dhcp" | .ipam.resendTimeout = 1')
	add dhcp <<<"$conf"
	expect_ok
	has '.ips[0].address == "10.9.0.99/24"'
	add dhcp <<<"$conf" # one that ends while it waits
	expect_code 11 'has ended before it answered'
	add dhcp <<<"$conf"
	expect_code 11 'does not answer'
	kill $listener
	wait $listener || true
	rm /run/cni/dhcp.sock
	scripted '.silent = ["DISCOVER"]'
	dhcp_daemon -resendtimeout 20m
	python3 -c '
import socket
s = socket.socket(socket.AF_UNIX)
s.settimeout(20)
s.connect("/run/cni/dhcp.sock")
s.sendall(b"""{"command":"add","network":"lan","containerID":"x","ifname":"eth0","netns":"/run/netns/box"}\n""")
assert s.recv(4096) == b"\n", "a sign"'
	said 'whoever asked for it has gone' "$daemon_log"
}

# framed KIND [JQ] : an ADD to which such frames are answered (dhcp_frames.py).
framed() {
	local server
	python3 "$ROOT/test/e2e/dhcp_frames.py" v0 "$1" 3>&- >"$BATS_TEST_TMPDIR/$1" &
	server=$!
	said listens "$BATS_TEST_TMPDIR/$1"
	conf=$(lan ".type = \"dhcp\" | ${2:-.}")
	add dhcp <<<"$conf"
	kill $server
	wait $server || true
	echo "answers that are: $1"
}

@test "frames of servers: without a checksum, with one that is not there yet, with a wrong one; of other VLANs and hosts" {
	local kind
	dhcp_daemon -timeout 300ms
	ip link add v0 up type veth peer name eth0 netns box
	for kind in whole unsummed partial priority; do
		framed $kind
		expect_ok
		has '.ips[0].address == "10.9.0.66/24"'
		del dhcp <<<"$conf"
		expect_silent
	done
	for kind in broken vlan foreign; do
		framed $kind '.ipam.resendTimeout = 1'
		expect_code 11 'no server has given eth0 an address within 1 s'
	done
	framed arp '.ipam.probe = 300'
	expect_ok
	! grep 'somebody else' "$daemon_log"
}

@test "an ADD that is killed gives back what the server may have given meanwhile" {
	local pid
	scripted '.silent = ["REQUEST"]'
	dhcp_daemon
	conf=$(lan '.type = "dhcp"')
	ip link add o0 master br0 up type veth peer name eth0 netns box
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"$CNIC_BIN/dhcp" <<<"$conf" 3>&- &
	pid=$!
	heard '.type == "REQUEST"'
	kill -KILL "$pid"
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .options["54"] == "0a090001"'
	wait "$pid" || true
	said 'whoever asked for it has gone' "$daemon_log"
}

@test "an ADD whose time is over gives back what the server may still give" {
	scripted '.silent = ["REQUEST"]'
	dhcp_daemon
	add bridge <<<"$(lan '.ipam.resendTimeout = 6')"
	expect_code 11 'within 6 s'
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .options["54"] == "0a090001"'
	nothing_left
}

@test "the reference's plugin is told by its own means; rubbish is answered or dropped" {
	dhcp_daemon
	ask() {
		python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/run/cni/dhcp.sock")
s.settimeout(30)
s.sendall(sys.argv[1].encode())
print(s.recv(4096).decode())' "$1"
	}
	[[ $(ask $'CONNECT /_goRPC_ HTTP/1.0\n\n') == 'HTTP/1.0 501 '* ]]
	[[ $(ask $'nonsense\n') == *'"code":6'* ]]
	[[ $(ask $'{}\n') == *'"code":6'* ]]
	[[ $(ask $'{"command":"add","network":"lan"}\n') == *'of no attachment'* ]]
	[[ $(ask $'{"command":"add","network":"lan","containerID":"x","ifname":"eth0","netns":"/nowhere","options":"00"}\n') == *'"code":8'* ]]
	[[ $(ask $'{"command":"fly","network":"lan","containerID":"x","ifname":"eth0"}\n') == *'no question'* ]]
	[[ $(ask "$(head -c 3000000 /dev/zero | tr '\0' x)" || true) != *code* ]]
	kill -0 "$daemon"
}

@test "GC gives back what is not valid, with a daemon and without" {
	scripted .
	dhcp_daemon
	attached
	gc bridge <<<"$(with_valid "$conf" c1/eth0)"
	expect_silent
	[ "$(heard_of RELEASE)" = 0 ]
	daemon_end
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
	[ "$(lease | jq .removed)" = true ]
	dhcp_daemon
	heard '.type == "RELEASE"'
}

@test "GC by a daemon that has not gone on with its leases yet" {
	local i unit
	scripted '. + {pool: 100, leases: [3600]} | del(.lease)'
	dhcp_daemon
	for i in {1..8}; do
		netns "c$i"
		CID=c$i attached
	done
	daemon_end -KILL
	rm /run/cni/dhcp.sock
	python3 "$ROOT/test/e2e/socket_unit.py" /run/cni/dhcp.sock "$BATS_TEST_TMPDIR/unit.pid" 60 "$CNIC_BIN/cnic" dhcp \
		3>&- 2>"$daemon_log" &
	unit=$!
	listened_at /run/cni/dhcp.sock
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')" c3/eth0)"
	kill "$unit"
	expect_silent
	[ "$(lease | jq -r .attachment.containerID)" = c3 ]
	heard_so_often 7 RELEASE
	[ "$(grep -c 'eth0: released' "$daemon_log")" = 7 ]
	kill -TERM "$(<"$BATS_TEST_TMPDIR/unit.pid")"
}

@test "GC gives back the others, too, where one cannot be" {
	local file i
	scripted '. + {pool: 100, leases: [60]} | del(.lease)' # the first to be renewed is the first that it comes to
	dhcp_daemon
	for i in 1 2 3; do
		netns "c$i"
		CID=c$i attached
		scripted '. + {pool: 100, leases: [3600]} | del(.lease)'
	done
	file=$(grep -l '"c1"' /var/lib/cni/dhcp/*)
	rm "$file"
	mkdir -p "$file/not empty"
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_failure
	heard_so_often 3 RELEASE
	[ "$(ls /var/lib/cni/dhcp)" = "${file##*/}" ]
	rm -r "$file"
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
}

@test "a failing disk refuses the ADD, and gives the address back" {
	scripted .
	dhcp_daemon
	mkdir -p /var/lib/cni/dhcp
	mount -t tmpfs -o size=4k,nr_inodes=1 none /var/lib/cni/dhcp
	add bridge <<<"$(lan)"
	expect_failure
	[[ $output == *dhcp* ]] || fail "it names the file: $output"
	heard '.type == "RELEASE"'
	umount -l /var/lib/cni/dhcp
	nothing_left
	attached
}

# renamed NAME : box's eth0; another interface gets its name.
renamed() {
	ip -n box link set eth0 down
	ip -n box link set eth0 name "$1"
	ip -n box link set "$1" up
	ip -n box link add eth0 up type bridge
}

@test "an interface that is renamed before the daemon starts again keeps its lease, whatever has its name now" {
	local mac
	scripted '.t1 = 1 | .t2 = 3000'
	dhcp_daemon
	attached
	mac=$(jq -r '.interfaces[2].mac' <<<"$result")
	daemon_end -KILL
	renamed net0
	dhcp_daemon
	heard ".type == \"REQUEST\" and .options[\"50\"] == \"0a090032\" and (.options | has(\"54\") | not) and .chaddr == \"$mac\""
	scripted '.address = "10.9.0.60" | .t1 = 1 | .t2 = 3000'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(ip -n box -4 -br addr show dev net0 | awk '{ print $3 }')" = 10.9.0.60/24 ]
	[ -z "$(addresses)" ] || fail "nothing on the other one: $(addresses)"
	daemon_end
	ip -n box link del net0
	dhcp_daemon
	said 'eth0 is another interface' "$daemon_log"
	[ -z "$(addresses)" ] || fail "nothing on the other one: $(addresses)"
	no_lease_soon
}

@test "an ADD for another interface that has the name by now gets a lease of its own, in the same container, too" {
	scripted .
	dhcp_daemon
	conf=$(lan '.type = "dhcp"')
	ip link add v0 master br0 up type veth peer name eth0 netns box
	add dhcp <<<"$conf"
	expect_ok
	add dhcp <<<"$conf"
	expect_ok
	[ "$(exchanges_of DISCOVER)" = 1 ] || fail "the same one again: $(cat "$dhcp_log")"
	ip -n box link set eth0 down
	ip -n box link set eth0 name net0
	ip link add v1 master br0 up type veth peer name eth0 netns box
	add dhcp <<<"$conf"
	expect_ok
	[ "$(exchanges_of DISCOVER)" = 2 ] || fail "one is renamed: $(cat "$dhcp_log")"
	ip -n box link del eth0
	ip link add v1 master br0 up type veth peer name eth0 netns box
	add dhcp <<<"$conf"
	expect_ok
	[ "$(exchanges_of DISCOVER)" = 3 ] || fail "one is deleted: $(cat "$dhcp_log")"
	[ "$(lease | jq .ifindex)" = "$(ip -n box -j link show eth0 | jq '.[].ifindex')" ]
}

@test "a namespace whose path is relative is found again by the next daemon" {
	scripted .
	dhcp_daemon
	ip link add v0 master br0 up type veth peer name eth0 netns box
	(
		cd /run/netns
		CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=./box CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
			"$CNIC_BIN/dhcp" <<<"$(lan '.type = "dhcp"')"
	)
	daemon_end -KILL
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not)'
	[ "$(lease | jq -r .attachment.netns)" = /run/netns/./box ]
}

# wall_clock : a library by which a process has it set by as many seconds as $set_by says.
wall_clock() {
	set_by=$BATS_TEST_TMPDIR/set-by
	echo 0 >"$set_by"
	${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o "$BATS_TEST_TMPDIR/wall.so" -xc - <<-END
		#include <dlfcn.h>
		#include <stdio.h>
		#include <time.h>
		int clock_gettime(clockid_t clock, struct timespec *t)
		{
			int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
			FILE *f = fopen("$set_by", "r");
			long by = 0;
			int rc = next(clock, t);
			if (f && fscanf(f, "%ld", &by) == 1 && clock == CLOCK_REALTIME)
				t->tv_sec += by;
			if (f)
				fclose(f);
			return rc;
		}
	END
}

@test "a wall clock that is set by years changes nothing, while the daemon runs and for the next one" {
	local by n
	needs_preload
	command -v "${CC:-cc}" >/dev/null || skip "no compiler"
	wall_clock
	scripted '.lease = 12 | .t1 = 2 | .t2 = 10'
	with_preload "$BATS_TEST_TMPDIR/wall.so" dhcp_daemon
	attached
	for by in 100000000 -1000000000; do
		n=$(heard_of REQUEST)
		echo $by >"$set_by"
		until [ "$(heard_of REQUEST)" -gt "$n" ]; do sleep 0.1; done
		daemon_end -KILL
		with_preload "$BATS_TEST_TMPDIR/wall.so" dhcp_daemon
		until [ "$(heard_of REQUEST)" -gt $((n + 1)) ]; do sleep 0.1; done
		[ "$(addresses)" = 10.9.0.50/24 ]
		check bridge <<<"$(with_result "$conf")"
		expect_silent
		! grep -v listens "$daemon_log" || fail "nothing to say"
	done
	lease_becomes '.wall / 1000 < now - 900000000' # the clock was set
}

@test "files of leases that somebody has removed: an end takes the address away, a renewal changes it and writes it again" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	rm -r /var/lib/cni/dhcp
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	scripted '.address = "10.9.0.60" | .lease = 8 | .t1 = 1 | .t2 = 6 | .router = "10.9.0.2"'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ] || fail "the new address alone: $(addresses)"
	[ "$(defaults)" = '10.9.0.2 eth0' ] || fail "the new router alone: $(defaults)"
	lease_becomes '.address == "10.9.0.60"' # a file again
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	rm /var/lib/cni/dhcp/*
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ] || fail "its address goes: $(addresses)"
	scripted '.address = "10.9.0.61"'
	said 'bound to 10.9.0.61' "$daemon_log"
	lease_becomes '.address == "10.9.0.61"'
	rm /var/lib/cni/dhcp/*
	del bridge <<<"$conf"
	expect_silent
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.61"'
	nothing_left
}

@test "a copy of a lease's file under another name is no lease, and is left alone" {
	local file name copy
	scripted .
	dhcp_daemon
	attached
	daemon_end
	file=$(echo /var/lib/cni/dhcp/*)
	for name in 0 lan zz; do
		jq -c '.address = "10.9.0.77"' "$file" >"/var/lib/cni/dhcp/$name"
	done
	copy=$(cat /var/lib/cni/dhcp/zz)
	[ "$("$CNIC_BIN/cnic" verify 2>&1)" = '' ] || fail "one lease alone: $("$CNIC_BIN/cnic" verify 2>&1)"
	: >"$dhcp_log"
	dhcp_daemon
	said 'listens at /run/cni/dhcp.sock; 1 leases' "$daemon_log"
	for name in 0 lan zz; do
		grep -q "/var/lib/cni/dhcp/$name: " "$daemon_log" || fail "it says so: $(cat "$daemon_log")"
	done
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	daemon_end
	gc dhcp <<<"$(with_valid "$(jq -c '.type = "dhcp"' <<<"$conf")")"
	expect_silent
	[ "$(jq .removed "$file")" = true ] || fail "GC gives the lease back"
	dhcp_daemon
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	cp /var/lib/cni/dhcp/zz "$file-x"
	mv "$file-x" /var/lib/cni/dhcp/zzz
	daemon_end
	dhcp_daemon
	said '; 0 leases' "$daemon_log"
	[ "$(heard_of RELEASE)" = 1 ]
	[ "$(cat /var/lib/cni/dhcp/zz)" = "$copy" ] || fail "as it was: $(cat /var/lib/cni/dhcp/zz)"
}

@test "a container that is gone gives its address back, its interface too: from the host" {
	netns wire
	NS=box
	ip link set br0 down
	ip addr del 10.9.0.1/24 dev br0
	ip link add u0 master br0 up type veth peer name w0 netns wire
	ip -n wire addr add 10.9.0.1/24 dev w0
	ip -n wire link set w0 up
	ip addr add 10.9.0.2/24 dev br0
	ip link set br0 up
	scripted_at="in_ns wire" scripted_on=w0
	scripted .
	dhcp_daemon
	attached
	ip -n box link del eth0
	said 'interface eth0 is gone' "$daemon_log"
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .chaddr == "'"$(jq -r '.interfaces[2].mac' <<<"$result")"'"'
	no_lease_soon
	del bridge <<<"$conf"
	expect_silent
}

@test "sockets that are not closed yet are of no lease any more" {
	scripted .
	dhcp_daemon
	kill -STOP "$(pgrep -P "$daemon")" # what closes them
	for _ in 1 2 3; do
		attached
		del bridge <<<"$conf"
		expect_silent
		nothing_left
	done
	used=$(daemon_time)
	sleep 0.3
	[ $(($(daemon_time) - used)) -le 3 ] || fail "it has nothing to do: $used, now $(daemon_time) ticks"
	kill -CONT "$(pgrep -P "$daemon")"
	daemon_end
	! grep -v -e listens -e bound -e released "$daemon_log" || fail "nothing of a lease that is no more"
}

@test "what closes sockets has none itself, however many the daemon was started with" {
	daemon_log=$BATS_TEST_TMPDIR/log
	(
		ulimit -n 4096
		exec 2000</dev/null
		exec "$CNIC_BIN/cnic" dhcp 3>&- 2>"$daemon_log"
	) &
	daemon=$!
	said 'listens at' "$daemon_log"
	for _ in {1..500}; do
		[ "$(ls "/proc/$(pgrep -P "$daemon")/fd")" != 0 ] || return 0
		sleep 0.02
	done
	fail "its own alone: $(ls -l "/proc/$(pgrep -P "$daemon")/fd")"
}

@test "the daemon: options of both spellings, its pid, its end, a second one, a socket that is left" {
	dhcp_socket=/run/other/dhcp.sock
	dhcp_daemon -socketpath $dhcp_socket --pidfile=/run/dhcp.pid -timeout 3s --resendmax 10s -resendtimeout=20s -broadcast
	[ "$(cat /run/dhcp.pid)" = "$daemon" ]
	run "$CNIC_BIN/cnic" dhcp -socketpath $dhcp_socket
	[ "$status" -eq 1 ] && [[ $output == *'another daemon looks after /var/lib/cni/dhcp'* ]]
	run "$CNIC_BIN/cnic" dhcp -socketpath /run/third/dhcp.sock
	[ "$status" -eq 1 ] && [[ $output == *'another daemon looks after /var/lib/cni/dhcp'* ]]
	[ ! -e /run/third/dhcp.sock ]
	scripted .
	attached '.ipam.daemonSocketPath = "/run/other/dhcp.sock"'
	heard '.type == "DISCOVER" and .broadcast'
	daemon_end -KILL
	dhcp_daemon -socketpath $dhcp_socket
	daemon_end
	[ ! -e $dhcp_socket ]
	run "$CNIC_BIN/dhcp" daemon -nonsense
	[ "$status" -eq 2 ]
	run "$CNIC_BIN/cnic" dhcp -timeout never
	[ "$status" -eq 1 ]
}

# by_reference : box has an address by the reference's bridge and its daemon, which is no more.
by_reference() {
	local ref
	"$REF_BIN/dhcp" daemon 3>&- 2>/dev/null &
	ref=$!
	listened_at /run/cni/dhcp.sock
	mkdir -p /etc/cni/net.d
	jq -c '{cniVersion: "1.0.0", name, plugins: [del(.name, .cniVersion)]}' <<<"$(lan)" >/etc/cni/net.d/10-lan.conflist
	CNI_PATH=$REF_BIN "$CNIC_BIN/cnitool" add lan /run/netns/box
	kill -KILL $ref
	wait $ref || true
	: >"$dhcp_log"
}

@test "a node changes over: leases of the reference's daemon are gone on with" {
	scripted .
	by_reference
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not)'
	said 'bound to 10.9.0.50' "$daemon_log"
	lease_becomes '.attachment.netns == "/run/netns/box"'
	CNI_PATH=$CNIC_BIN "$CNIC_BIN/cnitool" check lan /run/netns/box
	CNI_PATH=$CNIC_BIN "$CNIC_BIN/cnitool" del lan /run/netns/box
	heard '.type == "RELEASE"'
	nothing_left
}

@test "a lease of the reference's daemon that its server refuses takes its address and routes away" {
	scripted .
	by_reference
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	dhcp_daemon
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ] || fail "its address goes: $(addresses)"
	scripted '.address = "10.9.0.61" | .router = "10.9.0.2"'
	said 'bound to 10.9.0.61' "$daemon_log"
	[ "$(addresses)" = 10.9.0.61/24 ]
	[ "$(defaults)" = '10.9.0.2 eth0' ] || fail "the new router alone: $(defaults)"
}

# Of a container whose lease is nobody's to go on with: nothing is asked for, and no address is set.
not_adopted() {
	said 'listens at' "$daemon_log"
	[ -z "${1:-}" ] || said "$1" "$daemon_log"
	[ "$(heard_of REQUEST)" = 0 ] || fail "nothing is asked for: $(cat "$dhcp_log")"
	no_lease_soon
	daemon_end
}

@test "a lease of the reference's daemon ends with its boot, its namespace and its interface" {
	local cached mac
	scripted .
	by_reference
	cached=$(echo /var/lib/cni/results/lan-*)
	mac=$(jq -r '.result.interfaces[] | select(.sandbox) | .mac' "$cached")
	touch -d @1000 "$cached"
	dhcp_daemon
	said '; 0 leases' "$daemon_log"
	not_adopted
	touch "$cached"

	# the namespace is another one, its interface, too
	ip netns del box
	ip netns add box
	ip link add o0 up master br0 type veth peer name eth0 netns box
	ip -n box link set eth0 up
	dhcp_daemon
	not_adopted 'eth0 is another interface'
	[ -z "$(addresses)" ]

	# the path is that of a process by now, in our own namespace
	ip link add eth0 address "$mac" up type bridge
	jq -c '.result.interfaces |= map(if .sandbox then .sandbox = "/proc/'$$'/ns/net" else . end)' "$cached" >"$cached.new"
	mv "$cached.new" "$cached"
	dhcp_daemon
	not_adopted 'its namespace is gone'
}

@test "a node changes over to a daemon that sees its files elsewhere" {
	scripted .
	by_reference
	mkdir -p /run/node/run
	ln -s /run/netns /run/node/run/netns
	dhcp_daemon -hostprefix /run/node
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not)'
	said 'bound to 10.9.0.50' "$daemon_log"
}

@test "an address that somebody else has is declined, where the configuration has it probed" {
	scripted .
	dhcp_daemon
	netns other
	NS=box
	ip link add o0 master br0 up type veth peer name eth0 netns other
	ip -n other addr add 10.9.0.50/24 dev eth0
	ip -n other link set eth0 up
	conf=$(lan '.ipam.probe = 200')
	local pid
	add bridge <<<"$conf" &
	pid=$!
	heard '.type == "DECLINE" and .options["50"] == "0a090032" and .options["54"] == "0a090001" and
		(.options | has("55") | not) and .ciaddr == "0.0.0.0"'
	said 'somebody else has 10.9.0.50' "$daemon_log"
	scripted '.address = "10.9.0.51"'
	wait $pid
	[ "$(addresses)" = 10.9.0.51/24 ]
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "a probe takes the time that it takes, however soon a server has to answer" {
	scripted .
	dhcp_daemon
	attached '.ipam.resendTimeout = 6 | .ipam.probe = 12000'
	[ "$(addresses)" = 10.9.0.50/24 ]
}

@test "cnic list, show and verify know of leases" {
	scripted '.options = {"26":"0514"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"26"}]'
	[ "$(jq '.interfaces[2].mtu' <<<"$result")" = 1300 ]
	"$CNIC_BIN/cnic" show --json c1 | jq -e '.[0] | .lease == "10.9.0.50" and .leaseServer == "10.9.0.1" and
		(.leaseEnd | fromdate) - now > 3500 and (.leaseRenewal | fromdate) - now < 1800' || fail "a lease: $("$CNIC_BIN/cnic" show --json)"
	"$CNIC_BIN/cnic" verify
	rm -rf /var/lib/cni/cnic
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [[ $output == *'the lease of 10.9.0.50 '*' is of container c1, which is not attached'* ]] || fail "$output"
}

@test "under a service manager: its socket, being ready, sockets that outlive the daemon and need no path" {
	scripted .
	managed
	attached
	said FDSTORE=1 "$manager_log"
	path_lost
	: >"$dhcp_log"
	managed_killed
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	[ "$(nsenter -n -t $keeper ip -4 -br addr show eth0 | awk '{ print $3 }')" = 10.9.0.50/24 ]
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
	said FDSTOREREMOVE=1 "$manager_log"
	heard '.type == "RELEASE"'
	kill $keeper
	daemon_end
	[ -S /run/cni/dhcp.sock ] || fail "the socket is the manager's"
}

# What systemd keeps it throws away by an error, as ENETDOWN, which is still there while the daemon is slow.
@test "under a service manager: sockets outlive an interface that was down" {
	local pid
	scripted .
	managed
	attached
	said FDSTORE=1 "$manager_log"
	pid=$(sed -n 's/^PID //p' "$manager_log")
	kill -STOP "$pid"
	ip -n box link set eth0 down
	ip -n box link set eth0 up
	kill -CONT "$pid"
	path_lost
	: >"$dhcp_log"
	managed_killed
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	kill $keeper
}

# The daemon looks again every 15 s.
@test "under a service manager: a socket stays until its lease can be read" {
	local file i
	scripted .
	managed
	attached
	said FDSTORE=1 "$manager_log"
	path_lost
	file=$(echo /var/lib/cni/dhcp/*)
	mv "$file" "$BATS_TEST_TMPDIR/lease"
	ln -s "$file" "$file" # ELOOP
	: >"$dhcp_log"
	managed_killed
	until [ "$(grep -c READY=1 "$manager_log")" = 2 ]; do read -rt 0.05 < <(exec sleep 1) || true; done
	rm "$file"
	mv "$BATS_TEST_TMPDIR/lease" "$file"
	for ((i = 0; i < 20; i++)); do
		[ "$(heard_of REQUEST)" = 0 ] || break
		read -rt 1 < <(exec sleep 10) || true
	done
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	[ "$(nsenter -n -t $keeper ip -4 -br addr show eth0 | awk '{ print $3 }')" = 10.9.0.50/24 ]
	! grep FDSTOREREMOVE=1 "$manager_log"
	kill $keeper
}

# told N : so many sockets are not to be kept any more.
told() {
	[ "$(grep -c '^FDSTOREREMOVE=1' "$manager_log")" = "$1" ]
}

@test "under a service manager that is busy for a time: it is told all in the end, in order, and nothing waits for it" {
	local i pid used
	scripted '. + {pool: 100, leases: [3600]} | del(.lease)'
	echo 1 >/proc/sys/net/unix/max_dgram_qlen # messages that wait for it
	managed
	for i in {1..5}; do
		netns "c$i"
		CID=c$i attached
	done
	NS=box
	kill -STOP "$daemon"
	CID=c0 attached
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')" c0/eth0)"
	expect_silent
	pid=$(sed -n 's/^PID //p' "$manager_log")
	used=$(daemon=$pid daemon_time)
	sleep 0.3
	[ $(($(daemon=$pid daemon_time) - used)) -le 3 ] || fail "it has nothing to do but wait"
	kill -CONT "$daemon"
	follow "$manager_log" told 5 || fail "of five leases: $(cat "$manager_log")"
	[ "$(grep -c '^FDSTORE=1' "$manager_log")" = 6 ] || fail "of six leases: $(cat "$manager_log")"
	[[ $(grep '^FD' "$manager_log" | sed -n 6p) == FDSTORE=1* ]] || fail "in order: $(cat "$manager_log")"
	path_lost
	: >"$dhcp_log"
	managed_killed
	heard '.what == "ACK" and .client == "c0/lan/eth0"'
	kill $keeper
}

@test "under a service manager: a socket that is given to it again under a name stays, one without a lease goes" {
	local names
	scripted .
	managed
	attached
	netns other
	CID=c2 add bridge <<<"$(lan)"
	expect_ok
	NS=box
	rm /var/lib/cni/dhcp/*
	managed_killed
	until [ "$(grep -c READY=1 "$manager_log")" = 2 ]; do :; done
	: >"$manager_log"
	ip -n box link del eth0
	attached
	mapfile -t names < <(sed -n 's/^FDSTORE=1 .*FDNAME=//p' "$manager_log")
	[ "${#names[@]}" = 1 ]
	timeout 40 tail -n +1 -f "$manager_log" 3>&- | grep -m 1 '^FDSTOREREMOVE=1' | grep -F "${names[0]}"
	timeout 40 tail -n +1 -f "$manager_log" 3>&- | grep -m 1 -v "${names[0]}" | grep '^FDSTOREREMOVE=1'
	[ "$(grep -nF "FDNAME=${names[0]}" "$manager_log" | tail -n 1 | cut -d: -f2)" = "FDSTORE=1 FDPOLL=0 FDNAME=${names[0]}" ] ||
		fail "the last of it: $(cat "$manager_log")"
}

@test "whoever does not read what the daemon says holds no lease up" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 7<>"$BATS_TEST_TMPDIR/full"
	head -c 65536 /dev/zero >&7
	daemon_log=/dev/null
	"$CNIC_BIN/cnic" dhcp 3>&- 2>&7 &
	daemon=$!
	listened_at /run/cni/dhcp.sock
	attached
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50"'
	del bridge <<<"$conf"
	expect_silent
	nothing_left
	exec 7>&-
}

@test "a daemon that has no descriptor left refuses, and does not spin" {
	local used n=0
	scripted .
	dhcp_daemon
	while [ -e "/proc/$daemon/fd/$n" ]; do n=$((n + 1)); done
	prlimit --pid "$daemon" --nofile="$n:"
	for _ in 1 2 3; do
		add bridge <<<"$(lan)"
		expect_code 11
	done
	used=$(daemon_time)
	sleep 0.3
	[ $(($(daemon_time) - used)) -le 3 ] || fail "it has nothing to do: $used, now $(daemon_time) ticks"
	prlimit --pid "$daemon" --nofile=1024:
	attached
}
