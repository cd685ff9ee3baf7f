#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# vrf: each of its keys, traffic, what users of the reference complain of, and crossover with the
# reference. Here, since the machine's own kernel has no vrf.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/traffic/two_ways.bash"

# eth0 stays in the default VRF; net1 has routes of all sorts, some of which it shares with eth0.
setup() {
	host_setup
	two_ways
	add bridge eth0 <<<"$(bridge_conf 1)"
	expect_ok
	add bridge net1 <<<"$(bridge_conf 2)"
	expect_ok
	second=$result
}

more_routes() {
	ip -n box -batch - <<-'END'
		route add default via 10.2.0.8 dev net1 metric 50 mtu lock 1300
		route add 172.16.0.0/16 nexthop via 10.1.0.1 nexthop via 10.2.0.1 weight 4
		route add 172.17.0.0/16 nexthop via 10.2.0.1 nexthop via 10.2.0.7
		route add 172.18.0.0/16 dev net1 scope link src 10.2.0.2
		route add 172.19.0.0/16 via 172.30.0.1 dev net1 onlink
		route add 172.20.0.0/16 via 10.2.0.1 table 77
		addr add 10.4.0.2/24 dev net1
		addr add fd00:4::2/64 dev net1 nodad preferred_lft 4000 valid_lft 5000
		addr add fe80::77/64 dev net1 nodad
		route add fd00:9::/48 via fe80::99 dev net1
		route add fd00:a::/48 via fd00:2::7 src fd00:4::2 mtu 1400
	END
}

# vrf [JQ] : behind the bridge of net1.
vrf() {
	jq -c --argjson prev "$second" ".prevResult = \$prev | ${1:-.}" <<'END'
	{"cniVersion":"1.1.0","name":"net2","type":"vrf","vrfname":"red"}
END
}

# joined [JQ] : ADD and CHECK that work.
joined() {
	conf=$(vrf "$1")
	add vrf net1 <<<"$conf"
	expect_ok
	check vrf net1 <<<"$conf"
	expect_silent
}

parted() {
	del vrf net1 <<<"$conf"
	expect_silent
	del vrf net1 <<<"$conf"
	expect_silent
}

# table FAMILY TABLE : its routes, but those that each interface has by itself.
table() {
	ip -n box "-$1" -d route show table "$2" 2>/dev/null |
		sed 's/ pref medium//; s/ *$//' | grep -vE '^(local|broadcast|multicast|anycast)' | sort
}

# has FAMILY TABLE ROUTE...
has() {
	expect_same "IPv$1 table $2" "$(printf '%s\n' "${@:3}" | sort)" "$(table "$1" "$2")"
}

link_is() {
	json_is "$(ip -n box -d -j link show "$1" | jq '.[0]')" "$2" "$3"
}

no_vrf() {
	[ "$(ip -n box -j link show type vrf | jq -c '[.[] | select(. != {})]')" = '[]' ] || fail "no vrf"
}

# What the kernel makes of a link by itself, and when, is left out, as is what counts down.
everything() {
	ip -n box -batch - <<-'END' | sed -E '/l3mdev|fe80::[^ ]*ff:fe|^anycast|^multicast|ff00::/d
		s/(valid_lft|expires).*//; s/ state [A-Z]+ / /; s/NO-CARRIER,|,LOWER_UP//; s/ linkdown//; s/ *$//' | sort
		rule
		link show
		addr show
		route show table all
	END
}

@test "the interface's routes go along, those of others stay" {
	more_routes
	joined
	expect_same result "$(jq -S .prevResult <<<"$conf")" "$(jq -S . <<<"$result")"
	link_is red '.linkinfo.info_kind, .linkinfo.info_data.table, (.flags | index("UP") != null)' $'vrf\n1\ntrue'
	link_is net1 .master red
	link_is eth0 .master null
	has 4 1 'unicast default via 10.2.0.1 dev net1 proto boot scope global' \
		'unicast default via 10.2.0.8 dev net1 proto boot scope global metric 50 mtu lock 1300' \
		'unicast 10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2' \
		'unicast 10.4.0.0/24 dev net1 proto kernel scope link src 10.4.0.2' \
		'unicast 172.16.0.0/16 via 10.2.0.1 dev net1 proto boot scope global' \
		'unicast 172.17.0.0/16 proto boot scope global' \
		$'\tnexthop via 10.2.0.1 dev net1 weight 1' $'\tnexthop via 10.2.0.7 dev net1 weight 1' \
		'unicast 172.18.0.0/16 dev net1 proto boot scope link src 10.2.0.2' \
		'unicast 172.19.0.0/16 via 172.30.0.1 dev net1 proto boot scope global onlink'
	has 4 main 'unicast default via 10.1.0.1 dev eth0 proto boot scope global' \
		'unicast 10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2' \
		'unicast 172.16.0.0/16 via 10.1.0.1 dev eth0 proto boot scope global'
	has 4 77 'unicast 172.20.0.0/16 via 10.2.0.1 dev net1 proto boot scope global'
	table 6 1 | grep -qx 'unicast default via fd00:2::1 dev net1 proto boot scope global metric 1024' ||
		fail "IPv6's default route"
	table 6 1 | grep -q 'fd00:9::/48 via fe80::99 dev net1' || fail "fd00:9::/48"
	table 6 1 | grep -q 'fd00:a::/48 via fd00:2::7 dev net1.* src fd00:4::2 metric 1024 mtu 1400' || fail "fd00:a::/48"
	table 6 main | grep -qx 'unicast default via fd00:1::1 dev eth0 proto boot scope global metric 1024' ||
		fail "eth0's default route"
	! table 6 main | grep net1 || fail "none of net1"
}

@test "addresses of IPv6 are there, in their order, and local when ADD returns, the link-local ones, too" {
	local before
	more_routes
	before=$(ip -n box -o -6 addr show dev net1 | awk '{ print $4 }')
	joined
	expect_same "addresses, in their order" "$before" "$(ip -n box -o -6 addr show dev net1 | awk '{ print $4 }')"
	[ -z "$(ip -n box -o -6 addr show dev net1 tentative)" ] || fail "none is tentative"
	ip -n box -6 addr show dev net1 | grep -A1 fd00:4::2 | grep -qE 'valid_lft (49|50)..sec preferred_lft (39|40)..sec' ||
		fail "its lifetimes"
	for address in fd00:2::2 fd00:4::2 fe80::77; do
		ip -n box -6 route show table 1 type local | grep -q "^local $address " || fail "$address is local"
	done
}

@test "an address of IPv6 that is tentative still is not lost" {
	in_ns box sh -c 'cd /proc/sys/net/ipv6/conf/net1 && echo 1 >accept_dad && echo 60 >dad_transmits'
	ip -n box addr add fd00:4::2/64 dev net1
	ip -n box -o -6 addr show dev net1 tentative | grep -q 'fd00:4::2/64' || fail "tentative before"
	joined
	ip -n box -o -6 addr show dev net1 tentative | grep -q 'fd00:4::2/64' ||
		fail "tentative as before: $(ip -n box -o -6 addr show dev net1)"
	parted
}

@test "traffic: what comes by net1 leaves by net1, and eth0 knows nothing of it" {
	ip -n box route del default via 10.2.0.1
	misses far 10.2.0.2 -I 203.0.113.9
	ip -n box route append default via 10.2.0.1
	joined
	reaches far 10.2.0.2 -I 203.0.113.9
	reaches far fd00:2::2 -I fd00:f::9
	reaches far 10.1.0.2 -I 203.0.113.9
	reaches far fd00:1::2 -I fd00:f::9
	reaches box 203.0.113.9 -I red
	reaches box fd00:f::9 -I red
	reaches box 203.0.113.9
	reaches box fd00:f::9
	misses box 10.2.0.1
}

# ptp_conf [JQ] : its container reaches its subnet by the host, not on the link.
ptp_conf() {
	jq -c "${1:-.}" <<'END'
	{"cniVersion":"1.1.0","name":"net","type":"ptp","ipam":{"type":"static","addresses":[
	 {"address":"10.5.0.2/24","gateway":"10.5.0.1"},{"address":"fd00:5::2/64","gateway":"fd00:5::1"}]}}
END
}

# by_host TABLE : the ways to the subnet.
by_host() {
	expect_same "IPv4 table $1" 'unicast 10.5.0.0/24 via 10.5.0.1 dev net3 proto boot scope global src 10.5.0.2' \
		"$(table 4 "$1" | grep 10.5.0.0)"
	expect_same "IPv6 table $1" \
		'unicast fd00:5::/64 via fd00:5::1 dev net3 proto boot scope global src fd00:5::2 metric 1024' \
		"$(table 6 "$1" | grep fd00:5::/)"
}

@test "behind ptp the subnet is reached by the host, as before, and so it is when ADD fails" {
	netns other
	no_dad_wait other
	CID=c2 add ptp net3 \
		<<<"$(ptp_conf '.ipam.addresses[0].address = "10.5.0.3/24" | .ipam.addresses[1].address = "fd00:5::3/64"')"
	expect_ok
	NS=box
	add ptp net3 <<<"$(ptp_conf)"
	expect_ok
	second=$result
	by_host main
	! CNI_COMMAND=ADD CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path) CNI_IFNAME=net3 CNI_PATH=$CNIC_BIN \
		"$CNIC_BIN/vrf" <<<"$(vrf)" >/dev/full || fail "an ADD that fails at its end"
	no_vrf
	by_host main
	reaches box 10.5.0.3
	reaches box fd00:5::3
	add vrf net3 <<<"$(vrf)"
	expect_ok
	by_host 1
	reaches box 10.5.0.3 -I red
	reaches box fd00:5::3 -I red
}

@test "unreachableDefault: what the table does not know goes nowhere" {
	joined
	ip -n box route del default table 1
	ip -n box -6 route del default table 1
	ip -n box route get 203.0.113.9 oif red | grep -q 'dev eth0' || fail "a leak without it"
	parted
	add bridge net2 <<<"$(bridge_conf 2 | sed 's/0\.2\/24/0.3\/24/; s/::2\/64/::3\/64/')"
	conf=$(vrf ".unreachableDefault = true | .prevResult = $result")
	add vrf net2 <<<"$conf"
	expect_ok
	check vrf net2 <<<"$conf"
	expect_silent
	table 4 1 | grep -qx 'unreachable default proto boot scope global metric 4278198272' || fail "of IPv4"
	table 6 1 | grep -q '^unreachable default dev lo .*metric 4278198272' || fail "of IPv6"
	reaches box 203.0.113.9 -I red
	ip -n box route del default via 10.2.0.1 table 1
	ip -n box -6 route del default via fd00:2::1 table 1
	! ip -n box route get 203.0.113.9 oif red 2>/dev/null || fail "no route of IPv4"
	! ip -n box -6 route get fd00:f::9 oif red 2>/dev/null || fail "no route of IPv6"
	ip -n box -6 route del unreachable default metric 4278198272 table 1
	check vrf net2 <<<"$conf"
	expect_code 102 "IPv6's default route of table 1: wanted unreachable, found none"
	del vrf net2 <<<"$conf"
	expect_silent
	no_vrf
	[ -z "$(table 4 1; table 6 1)" ] || fail "table 1 is empty"
}

@test "table: the one that is asked for, or the first that is free" {
	joined '.table = 5000'
	link_is red .linkinfo.info_data.table 5000
	has 4 5000 'unicast default via 10.2.0.1 dev net1 proto boot scope global' \
		'unicast 10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2'
	parted
	no_vrf
	ip -n box link add blue type vrf table 1
	ip -n box route add unreachable default table 2
	ip -n box rule add from 10.9.9.9 lookup 3
	joined
	link_is red .linkinfo.info_data.table 4
}

@test "the name is taken: by another table, by what is no vrf; the interface has a master" {
	local before
	ip -n box link add blue type vrf table 5
	ip -n box link add br9 address 02:aa:00:00:00:09 type bridge
	before=$(everything)
	add vrf net1 <<<"$(vrf '.vrfname = "blue" | .table = 7')"
	expect_code 101 'vrfname: blue is there with table 5, wanted 7'
	add vrf net1 <<<"$(vrf '.vrfname = "br9"')"
	expect_code 101 'vrfname: br9 is there and no vrf'
	add vrf net1 <<<"$(vrf 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
	add vrf net7 <<<"$(vrf)"
	expect_code 999 net7
	add vrf net1 <<<"$(vrf '.vrfname = "a/b"')"
	expect_code 7 vrfname
	add vrf net1 <<<"$(vrf 'del(.vrfname)')"
	expect_code 7 vrfname
	ip -n box link set net1 master br9
	add vrf net1 <<<"$(vrf)"
	expect_code 101 'net1 has a master: br9'
	ip -n box link set net1 nomaster
	expect_same state "$before" "$(everything)"
	joined '.vrfname = "blue"'
	link_is blue .linkinfo.info_data.table 5
}

@test "ADD again changes nothing" {
	local before
	more_routes
	joined
	before=$(everything)
	joined
	expect_same state "$before" "$(everything)"
}

@test "two interfaces share a vrf: the last DEL removes it" {
	joined
	add bridge net2 <<<"$(bridge_conf 2 | sed 's/0\.2\/24/0.3\/24/; s/::2\/64/::3\/64/')"
	add vrf net2 <<<"$(vrf ".prevResult = $result")"
	expect_ok
	link_is net2 .master red
	parted
	link_is net1 .master null
	link_is net2 .master red
	del vrf net2 <<<"$conf"
	expect_silent
	no_vrf
}

@test "DEL with anything gone" {
	joined
	ip -n box link del net1
	parted
	no_vrf
	add bridge net1 <<<"$(bridge_conf 2)"
	joined
	ip -n box link del red
	parted
	joined
	ip -n box link set net1 nomaster
	ip -n box link add blue type vrf table 9
	ip -n box link set net1 master blue
	parted
	link_is net1 .master blue
	del vrf net1 <<<"$(vrf '.vrfname = "eth0"')"
	expect_silent
	del vrf net1 <<<"$(vrf '.vrfname = "blue" | .table = 10')"
	expect_silent
	del vrf net1 <<<"$(vrf 'del(.vrfname)')"
	expect_silent
	link_is net1 .master blue
	ip netns del box
	parted
	[ ! -e /run/netns/box ] || fail "no file at the path"
	CNI_NETNS='' parted
}

@test "CHECK says wanted and found" {
	joined
	check vrf net1 <<<"$(vrf '.table = 9')"
	expect_code 102 'table of red: wanted 9, found 1'
	ip -n box link add blue type vrf table 9
	ip -n box link set net1 master blue
	check vrf net1 <<<"$conf"
	expect_code 102 'master of net1: wanted red, found blue'
	ip -n box link set net1 nomaster
	check vrf net1 <<<"$conf"
	expect_code 102 'master of net1: wanted red, found none'
	ip -n box link del red
	check vrf net1 <<<"$conf"
	expect_code 102 'red: wanted a vrf, found none'
	check vrf net1 <<<"$(vrf '.vrfname = "eth0"')"
	expect_code 102 'eth0: wanted a vrf, found another kind of link'
	check vrf net7 <<<"$(vrf '.vrfname = "blue"')"
	expect_code 102 'net7: wanted an interface, found none'
}

@test "STATUS makes nothing" {
	local before
	before=$(host_links)
	status_of vrf <<<"$(vrf 'del(.prevResult)')"
	expect_silent
	expect_same links "$before" "$(host_links)"
}

# ---- beside the reference ------------------------------------------------------------------------

# What it gets wrong is left out: routes that eth0 shares.
anew() {
	ip -n box link del red 2>/dev/null || true
	ip -n box link del net1
	ip link del br2 2>/dev/null || true
	ip link add br2 type bridge
	ip link set br2 up
	ip link set p2 master br2
	ip -n box -6 route flush table main proto boot
	ip -n box route flush table main proto boot
	add bridge net1 <<<"$(bridge_conf 2)"
	expect_ok
	second=$result
	ip -n box route add 172.20.0.0/16 via 10.2.0.1 mtu 1400
	ip -n box -6 route add fd00:9::/48 via fd00:2::7
}

ref_vrf() {
	vrf "del(.prevResult.interfaces[].mtu) | $1"
}

@test "ours and the reference's take over from each other, either way" {
	anew
	conf=$(ref_vrf .)
	ref_run add vrf net1 <<<"$conf"
	expect_ok
	check vrf net1 <<<"$conf"
	expect_silent
	parted
	no_vrf
	anew
	conf=$(ref_vrf .)
	joined "del(.prevResult.interfaces[].mtu)"
	ref_run check vrf net1 <<<"$conf"
	expect_ok
	ref_run del vrf net1 <<<"$conf"
	expect_ok
	no_vrf
	ref_run del vrf net1 <<<"$conf"
	expect_ok
}
