# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# sbr: each of its keys, which routes go where, and what users of the reference complain of.

load ../lib

# eth0 has the default routes; net1, whose routes are to move, has a default of each family beside it, one in
# a metric of its own, one of two next hops.
setup() {
	host_setup
	netns box
	no_dad_wait box
	link eth0 1
	link net1 2
	ip -n box route append default via 10.2.0.1
	ip -n box route add default via 10.2.0.9 metric 50 mtu 1400
	ip -n box -6 route append default via fd00:2::1
	ip -n box route add 192.168.0.0/16 via 10.2.0.1 mtu lock 1300 tos 0x10
	ip -n box route add 192.169.0.0/16 via 172.31.0.1 dev net1 onlink
	ip -n box route add 172.16.0.0/16 nexthop via 10.1.0.1 weight 3 nexthop via 10.2.0.1 weight 2
	settle
}

# link NAME N : a veth of the container's with addresses and a default route of each family.
link() {
	ip link add "v$2" type veth peer name "$1" netns box
	in_ns box sh -c "echo 0 >/proc/sys/net/ipv6/conf/$1/dad_transmits"
	ip link set "v$2" up
	ip -n box link set "$1" up
	ip -n box addr add "10.$2.0.2/24" dev "$1"
	ip -n box addr add "fd00:$2::2/64" dev "$1" nodad
	[ "$1" != eth0 ] || ip -n box route add default via 10.1.0.1
	[ "$1" != eth0 ] || ip -n box -6 route add default via fd00:1::1
}

# The link-local addresses and their routes come by themselves, a moment after the link.
settle() {
	for _ in $(seq 500); do
		[ "$(ip -n box -o -6 addr show scope link -tentative | grep -c fe80)" != 2 ] || return 0
		read -rt 0.01 <> <(:) || true
	done
	fail "link-local addresses"
}

# sbr [JQ] : a configuration in a chain, changed by a jq program.
sbr() {
	jq -c "${1:-.}" <<'END'
	{"cniVersion":"1.1.0","name":"net","type":"sbr","prevResult":{"cniVersion":"1.1.0",
	 "interfaces":[{"name":"v2"},{"name":"net1","sandbox":"/run/netns/box"}],
	 "ips":[{"address":"10.2.0.2/24","gateway":"10.2.0.1","interface":1},
	   {"address":"fd00:2::2/64","gateway":"fd00:2::1","interface":1}]}}
END
}

# All but the local table's, in the spelling of ip(8).
routes() {
	ip -n box -d route show table all | grep -v 'table local' | sort
	ip -n box -d -6 route show table all | grep -v 'table local' | sort
}

rules() {
	ip -n box -d rule
	ip -n box -d -6 rule
}

everything() {
	rules
	routes
}

# table FAMILY TABLE : its routes.
table() {
	ip -n box "-$1" -d route show table "$2" 2>/dev/null | sed 's/ pref medium//; s/ $//' | sort
}

# has FAMILY TABLE ROUTE...
has() {
	expect_same "IPv$1 table $2" "$(printf '%s\n' "${@:3}" | sort)" "$(table "$1" "$2")"
}

expect_rules() {
	expect_same rules "$(printf '%s\n' "$@")" "$(rules | sed -n '/proto kernel/!s/^[0-9]*:\t//p')"
}

# sourced [JQ] : ADD and CHECK that work.
sourced() {
	conf=$(sbr "$1")
	add sbr net1 <<<"$conf"
	expect_ok
	check sbr net1 <<<"$(with_result "$conf")"
	expect_silent
}

MOVED4=('unicast 10.2.0.0/24 dev net1 proto kernel scope link src 10.2.0.2'
	'unicast 172.16.0.0/16 via 10.2.0.1 dev net1 proto boot scope global'
	'unicast 192.168.0.0/16 tos 0x10 via 10.2.0.1 dev net1 proto boot scope global mtu lock 1300'
	'unicast 192.169.0.0/16 via 172.31.0.1 dev net1 proto boot scope global onlink')
DEFAULT4=('unicast default via 10.2.0.1 dev net1 proto boot scope global'
	'unicast default via 10.2.0.9 dev net1 proto boot scope global metric 50 mtu 1400')
MOVED6=('unicast fd00:2::/64 dev net1 proto kernel scope global metric 256'
	'unicast fe80::/64 dev net1 proto kernel scope global metric 256')
DEFAULT6=('unicast default via fd00:2::1 dev net1 proto boot scope global metric 1024')
OTHERS4=('unicast default via 10.1.0.1 dev eth0 proto boot scope global'
	'unicast 10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.2'
	'unicast 172.16.0.0/16 via 10.1.0.1 dev eth0 proto boot scope global')
OTHERS6=('unicast default via fd00:1::1 dev eth0 proto boot scope global metric 1024'
	'unicast fd00:1::/64 dev eth0 proto kernel scope global metric 256'
	'unicast fe80::/64 dev eth0 proto kernel scope global metric 256')

@test "a table for each address, with all the interface's routes; the main table has the others'" {
	sourced
	expect_same result "$(jq -S .prevResult <<<"$conf")" "$(jq -S . <<<"$result")"
	expect_rules 'from 10.2.0.2 lookup 100 proto unspec' 'from fd00:2::2 lookup 101 proto unspec'
	has 4 100 "${MOVED4[@]}" "${DEFAULT4[@]}"
	has 6 101 "${MOVED6[@]}" "${DEFAULT6[@]}"
	has 4 main "${OTHERS4[@]}"
	has 6 main "${OTHERS6[@]}"
	[ -z "$(table 4 101; table 6 100)" ] || fail "a table has one family"
}

@test "DEL takes rules and tables, twice, and what is not ours stays" {
	local before
	ip -n box rule add from 10.2.0.2 lookup 50 protocol static
	ip -n box rule add from 10.2.0.2 fwmark 7 lookup 200
	ip -n box rule add from 10.2.0.0/24 lookup 201
	ip -n box rule add from 10.9.0.2 lookup 202
	ip -n box rule add from 10.2.0.2 lookup 203
	ip -n box route add unreachable default table 203
	before=$(rules)
	sourced
	del sbr net1 <<<"$conf"
	expect_silent
	expect_same rules "$before" "$(rules)"
	[ -z "$(table 4 100; table 6 101)" ] || fail "no routes of ours"
	has 4 main "${OTHERS4[@]}"
	has 4 203 'unreachable default proto boot scope global'
	del sbr net1 <<<"$conf"
	expect_silent
	expect_same rules "$before" "$(rules)"
}

@test "a rule that looks up main is not ours: CHECK does not take it, DEL leaves it and the routes" {
	local before
	conf=$(sbr 'del(.prevResult.ips[1], .prevResult.ips[0].gateway)')
	ip -n box link del eth0
	ip -n box rule add from 10.2.0.2 lookup main pref 50 protocol 0
	before=$(everything)
	check sbr net1 <<<"$conf"
	expect_code 102 'rule from 10.2.0.2: wanted lookup a table from 100 on, found 254'
	del sbr net1 <<<"$conf"
	expect_silent
	expect_same state "$before" "$(everything)"
}

@test "DEL: by prevResult when the interface is gone, by its addresses without prevResult" {
	local before
	before=$(rules)
	sourced
	ip -n box link del net1
	del sbr net1 <<<"$(with_result "$conf")"
	expect_silent
	expect_same rules "$before" "$(rules)"
	link net1 2
	sourced
	for text in del .prevResult=7 '.prevResult={}'; do
		del sbr net1 <<<"$(jq -c "${text/#del/del(.prevResult)}" <<<"$conf")"
		expect_silent
		expect_same rules "$before" "$(rules)"
	done
	ip -n box link del net1
	del sbr net1 <<<"$(sbr 'del(.prevResult)')"
	expect_silent
}

@test "DEL without the namespace succeeds, and makes no file at its path" {
	sourced
	ip netns del box
	del sbr net1 <<<"$conf"
	expect_silent
	[ ! -e /run/netns/box ] || fail "no file at the path"
	CNI_NETNS='' del sbr net1 <<<"$conf"
	expect_silent
	CNI_NETNS=/run/netns/none/at/all del sbr net1 <<<"$conf"
	expect_silent
}

@test "tables that rules or routes have are not free, nor are 253 to 255" {
	ip -n box rule add from 10.9.0.1 lookup 100
	ip -n box route add blackhole 10.9.0.0/16 table 101
	ip -n box -6 rule add from fd00:9::1 lookup 102
	ip -n box -6 route add unreachable fd00:9::/64 table 104
	sourced
	expect_rules 'from 10.2.0.2 lookup 103 proto unspec' 'from 10.9.0.1 lookup 100 proto unspec' \
		'from fd00:2::2 lookup 105 proto unspec' 'from fd00:9::1 lookup 102 proto unspec'
	for table in $(seq 100 252); do
		echo "route replace blackhole 10.9.0.0/16 table $table"
	done | ip -n box -batch -
	link net2 3
	add sbr net2 <<<"$(sbr '.prevResult.interfaces[1].name = "net2" |
		.prevResult.ips = [{address: "10.3.0.2/24", gateway: "10.3.0.1"}]')"
	expect_ok
	rules | grep -q 'from 10.3.0.2 lookup 256' || fail "table 256"
	has 4 256 'unicast 10.3.0.0/24 dev net2 proto kernel scope link src 10.3.0.2' \
		'unicast default via 10.3.0.1 dev net2 proto boot scope global'
}

@test "a route of a next hop object has next hops of its own in the table" {
	ip -n box nexthop add id 7 via 10.2.0.1 dev net1
	ip -n box nexthop add id 8 via 10.1.0.1 dev eth0
	ip -n box nexthop add id 9 group 7/8
	ip -n box route add 10.50.0.0/16 nhid 7
	ip -n box route add 10.51.0.0/16 nhid 9
	sourced 'del(.prevResult.ips[1])'
	for n in 50 51; do
		table 4 100 | grep -qx "unicast 10.$n.0.0/16 via 10.2.0.1 dev net1 proto boot scope global" || fail "10.$n"
	done
	[[ $(table 4 main) != *10.50.0.0/16* ]] || fail "none of net1 in main: $(table 4 main)"
	table 4 main | grep -qx 'unicast 10.51.0.0/16 via 10.1.0.1 dev eth0 proto boot scope global' || fail "eth0's"
}

@test "several addresses of a family: each has the routes of its subnet" {
	ip -n box addr add 10.4.0.2/24 dev net1
	ip -n box route add 192.170.0.0/16 via 10.4.0.1
	sourced '.prevResult.ips += [{address: "10.4.0.2/24", gateway: "10.4.0.1", interface: 1}, {address: "10.2.0.2/24"}]'
	expect_rules 'from 10.4.0.2 lookup 102 proto unspec' 'from 10.2.0.2 lookup 100 proto unspec' \
		'from fd00:2::2 lookup 101 proto unspec'
	has 4 100 "${MOVED4[@]}" "${DEFAULT4[@]}"
	has 4 102 'unicast default via 10.4.0.1 dev net1 proto boot scope global' \
		'unicast 10.4.0.0/24 dev net1 proto kernel scope link src 10.4.0.2' \
		'unicast 192.169.0.0/16 via 172.31.0.1 dev net1 proto boot scope global onlink' \
		'unicast 192.170.0.0/16 via 10.4.0.1 dev net1 proto boot scope global'
}

@test "an address without a gateway: the default route is the interface's, or the result's" {
	sourced 'del(.prevResult.ips[].gateway)'
	has 4 100 "${MOVED4[@]}" "${DEFAULT4[@]}"
	has 6 101 "${MOVED6[@]}" "${DEFAULT6[@]}"
	link net2 3
	conf=$(sbr '.prevResult.interfaces[1].name = "net2" |
		.prevResult.ips = [{address: "10.3.0.2/24"}, {address: "fd00:3::2/64"}] |
		.prevResult.routes = [{dst: "0.0.0.0/0", gw: "10.8.0.1"}, {dst: "::/0", gw: "fd00:3::9"},
			{dst: "0.0.0.0/0", gw: "10.3.0.9"}, {dst: "10.0.0.0/8", gw: "10.3.0.8"}]')
	add sbr net2 <<<"$conf"
	expect_ok
	table 4 102 | grep -qx 'unicast default via 10.3.0.9 dev net2 proto boot scope global' || fail "10.3.0.9"
	table 6 103 | grep -q 'default via fd00:3::9 dev net2' || fail "fd00:3::9"
	check sbr net2 <<<"$(with_result "$conf")"
	expect_silent
}

@test "a default route of the result by another router than the address's gateway is what CHECK wants" {
	link net2 3
	ip -n box route append default via 10.3.0.9
	ip -n box -6 route append default via fd00:3::9 dev net2
	conf=$(sbr '.prevResult.interfaces[1].name = "net2" |
		.prevResult.ips = [{address: "10.3.0.2/24", gateway: "10.3.0.1"}, {address: "fd00:3::2/64", gateway: "fd00:3::1"}] |
		.prevResult.routes = [{dst: "0.0.0.0/0", gw: "10.3.0.9"}, {dst: "::/0", gw: "fd00:3::9"}]')
	add sbr net2 <<<"$conf"
	expect_ok
	table 4 100 | grep -q 'default via 10.3.0.9 dev net2' || fail "10.3.0.9: $(table 4 100)"
	check sbr net2 <<<"$(with_result "$conf")"
	expect_silent
	ip -n box route replace default via 10.3.0.8 dev net2 table 100
	check sbr net2 <<<"$(with_result "$conf")"
	expect_code 102 'default route of 10.3.0.2, table 100: wanted via 10.3.0.1, found 10.3.0.8'
}

@test "an IPv6 gateway that is link-local moves with its route" {
	ip -n box -6 route del default via fd00:2::1
	ip -n box -6 route append default via fe80::99 dev net1
	sourced 'del(.prevResult.ips[1].gateway)'
	has 6 101 "${MOVED6[@]}" 'unicast default via fe80::99 dev net1 proto boot scope global metric 1024'
	has 6 main "${OTHERS6[@]}"
}

@test "gateways: in place of every other default route, family by family" {
	sourced '.gateways = ["10.2.0.7"]'
	has 4 100 "${MOVED4[@]}" 'unicast default via 10.2.0.7 dev net1 proto boot scope global'
	has 6 101 "${MOVED6[@]}" "${DEFAULT6[@]}"
	has 4 main "${OTHERS4[@]}"
	ip -n box route del default table 100
	check sbr net1 <<<"$(with_result "$conf")"
	expect_code 102 'default route of 10.2.0.2, table 100: wanted via 10.2.0.7, found none'
	ip -n box route add default via 10.2.0.1 table 100 onlink dev net1
	check sbr net1 <<<"$(with_result "$conf")"
	expect_code 102 'wanted via 10.2.0.7, found 10.2.0.1'
}

@test "gateways that are wrong" {
	local before
	before=$(everything)
	add sbr net1 <<<"$(sbr '.gateways = ["10.2.0.7", "10.2.0.8"]')"
	expect_code 7 'gateways: two of IPv4'
	add sbr net1 <<<"$(sbr '.gateways = ["fd00:2::7", "fd00:2::8"]')"
	expect_code 7 'gateways: two of IPv6'
	add sbr net1 <<<"$(sbr '.gateways = ["fd00:2::7", "10.2.0.7", "10.2.0.8"]')"
	expect_code 7 'gateways'
	add sbr net1 <<<"$(sbr '.gateways = ["gateway"]')"
	expect_code 6 'gateways[0]'
	add sbr net1 <<<"$(sbr '.gateways = ["10.77.0.1"]')"
	expect_code 999 'default route via 10.77.0.1'
	expect_same state "$before" "$(everything)"
	add sbr net1 <<<"$(sbr '.gateways = ["fd00:2::7", "10.2.0.7"]')"
	expect_ok
	table 6 101 | grep -q 'default via fd00:2::7' || fail "the gateway of IPv6"
}

@test "addSourceHints: the main table keeps the subnets, with the address as source" {
	sourced '.addSourceHints = true'
	has 4 100 "${MOVED4[@]}" "${DEFAULT4[@]}"
	has 6 101 "${MOVED6[@]}" "${DEFAULT6[@]}"
	has 4 main "${OTHERS4[@]}" "${MOVED4[0]}"
	has 6 main "${OTHERS6[@]}" "${MOVED6[1]}" \
		'unicast fd00:2::/64 dev net1 proto boot scope global src fd00:2::2 metric 1024'
	ip -n box route get 10.2.0.9 | grep -q 'dev net1 src 10.2.0.2' || fail "10.2.0.9 by net1"
	ip -n box route get fd00:2::9 | grep -q 'dev net1.*src fd00:2::2' || fail "fd00:2::9 by net1"
}

@test "addSourceHints with the subnet on another interface, too" {
	ip -n box addr add 10.2.0.3/24 dev eth0
	ip -n box addr change 10.2.0.2/24 dev net1 noprefixroute
	ip -n box route del 10.2.0.0/24 dev net1
	ip -n box route append 10.2.0.0/24 dev net1 scope link
	sourced '.addSourceHints = true | del(.prevResult.ips[1])'
	table 4 main | grep -qx 'unicast 10.2.0.0/24 dev eth0 proto kernel scope link src 10.2.0.3' ||
		fail "the route of eth0"
	table 4 main | grep -qx 'unicast 10.2.0.0/24 dev net1 proto boot scope link src 10.2.0.2' ||
		fail "a route of net1"
}

@test "table: rules alone, no route is touched" {
	local before
	before=$(routes)
	sourced '.table = 5000'
	expect_rules 'from 10.2.0.2 lookup 5000 proto unspec' 'from fd00:2::2 lookup 5000 proto unspec'
	expect_same routes "$before" "$(routes)"
	ip -n box route add default via 10.2.0.1 table 5000
	add sbr net1 <<<"$conf"
	expect_ok
	expect_rules 'from 10.2.0.2 lookup 5000 proto unspec' 'from fd00:2::2 lookup 5000 proto unspec'
	del sbr net1 <<<"$(jq '.table = 5001' <<<"$conf")"
	expect_silent
	expect_rules 'from 10.2.0.2 lookup 5000 proto unspec' 'from fd00:2::2 lookup 5000 proto unspec'
	del sbr net1 <<<"$conf"
	expect_silent
	[ -z "$(rules | grep -v 'proto kernel')" ] || fail "no rule"
	[ "$(table 4 5000)" = 'unicast default via 10.2.0.1 dev net1 proto boot scope global' ] || fail "its route"
}

@test "table with gateways or addSourceHints is refused" {
	local before
	before=$(everything)
	add sbr net1 <<<"$(sbr '.table = 7 | .gateways = ["10.2.0.1"]')"
	expect_code 7 'gateways: not together with table'
	add sbr net1 <<<"$(sbr '.table = 7 | .addSourceHints = true')"
	expect_code 7 'addSourceHints: not together with table'
	status_of sbr <<<"$(sbr '.table = 7 | .addSourceHints = true')"
	expect_code 7 addSourceHints
	add sbr net1 <<<"$(sbr '.table = 0')"
	expect_code 7 'table: '
	expect_same state "$before" "$(everything)"
	add sbr net1 <<<"$(sbr '.table = 7 | .addSourceHints = false | .gateways = []')"
	expect_ok
}

@test "ADD that fails leaves all as it was" {
	local before
	before=$(everything)
	add sbr net1 <<<"$(sbr 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
	add sbr net1 <<<"$(sbr '.prevResult.ips = []')"
	expect_code 7 'prevResult.ips: none is of net1'
	add sbr net1 <<<"$(sbr '.prevResult.ips[].interface = 0')"
	expect_code 7 'none is of net1'
	add sbr net7 <<<"$(sbr '.prevResult.interfaces[1].name = "net7"')"
	expect_code 999 net7
	expect_same state "$before" "$(everything)"
}

@test "CHECK says wanted and found" {
	sourced
	ip -n box rule del from 10.2.0.2 lookup 100
	check sbr net1 <<<"$(with_result "$conf")"
	expect_code 102 'rule from 10.2.0.2: wanted lookup a table from 100 on, found none'
	ip -n box rule add from 10.2.0.2 lookup 50
	check sbr net1 <<<"$(with_result "$conf")"
	expect_code 102 'rule from 10.2.0.2: wanted lookup a table from 100 on, found 50'
	check sbr net1 <<<"$(with_result "$(sbr '.table = 7')")"
	expect_code 102 'wanted lookup 7, found 50'
	check sbr net1 <<<"$(sbr 'del(.prevResult)')"
	expect_code 7 'prevResult: missing'
}

@test "two interfaces at once take tables of their own" {
	local n pids=()
	for n in 3 4 5 6; do
		link "net$n" $n
	done
	for n in 3 4 5 6; do
		( add sbr "net$n" <<<"$(sbr ".prevResult.interfaces[1].name = \"net$n\" |
			.prevResult.ips = [{address: \"10.$n.0.2/24\", gateway: \"10.$n.0.1\"}]")" && expect_ok ) 3>&- &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		wait "$n"
	done
	[ "$(rules | sed -n 's/.*lookup \(10[0-9]\).*/\1/p' | sort | paste -sd' ')" = '100 101 102 103' ] ||
		fail "four tables: $(rules)"
}

@test "ADD waits for another in the same namespace, ours or the reference's; DEL does not" {
	local adding
	hold_lock /run/netns/box
	( add sbr net1 <<<"$(sbr)" && expect_ok ) 3>&- &
	adding=$!
	lock_is_awaited
	del sbr net1 <<<"$(sbr)"
	expect_silent
	[ -z "$(rules | grep -v 'proto kernel')" ] || fail "no rule yet"
	free_lock
	wait $adding
	rules | grep -q 'lookup 100' || fail "a rule"
}

@test "STATUS" {
	status_of sbr <<<"$(sbr 'del(.prevResult)')"
	expect_silent
}

# What the reference gets wrong is left out: routes of two next hops, of both interfaces; and the flag onlink.
plain_routes() {
	ip -n box route del 172.16.0.0/16
	ip -n box route del 192.169.0.0/16
	ip -n box route del default via 10.2.0.9
	ip -n box -6 route del default via fd00:2::1
	ip -n box -6 route del default via fd00:1::1
}

# The same interface and routes as at first.
anew() {
	ip -n box link del net1
	link net1 2
	ip -n box route add 192.168.0.0/16 via 10.2.0.1 mtu lock 1300 tos 0x10
	settle
}

# It puts routes of IPv6 into the table of the IPv4 address, where no packet finds them.
of_rules() {
	rules
	table 4 100
	table 6 101
	table 4 main
	table 6 main
}

@test "equal states and results beside the reference" {
	local first keys
	plain_routes
	for keys in . '.table = 300' 'del(.prevResult.ips[].interface)' 'del(.prevResult.ips[].gateway)'; do
		conf=$(sbr "$keys")
		anew
		ref_run add sbr net1 <<<"$conf"
		expect_ok
		first=$(jq -S . <<<"$output"; of_rules)
		ref_run del sbr net1 <<<"$conf"
		expect_ok
		anew
		add sbr net1 <<<"$conf"
		expect_ok
		expect_same state "$first" "$(jq -S . <<<"$output"; of_rules)"
		del sbr net1 <<<"$conf"
		expect_silent
	done
}

@test "ours and the reference's take over from each other, either way" {
	local keys before
	plain_routes
	before=$(rules)
	for keys in . '.table = 300'; do
		conf=$(sbr "$keys")
		anew
		ref_run add sbr net1 <<<"$conf"
		expect_ok
		check sbr net1 <<<"$(with_result "$conf")"
		expect_silent
		del sbr net1 <<<"$conf"
		expect_silent
		expect_same rules "$before" "$(rules)"
		anew
		add sbr net1 <<<"$conf"
		expect_ok
		ref_run check sbr net1 <<<"$(with_result "$conf")"
		expect_ok
		ref_run del sbr net1 <<<"$conf"
		expect_ok
		expect_same rules "$before" "$(rules)"
	done
}
