# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
#
# What is promised of every main plugin alike. For files that have loaded lib.bash and plugin/ovs.bash.

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip link add m0 up type veth peer name w0
	ip link set w0 up
}

teardown() {
	ovs_stop
	host_clean
}

# main TYPE [KEYS] [JQ] : a configuration with an address of each family, whose gateways are .1.
main() {
	jq -c "${3:-.}" <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"$1\"${2:+,$2}"',"ipam":{"type":"static","addresses":[
		{"address":"10.1.0.2/24","gateway":"10.1.0.1"},{"address":"fd00::2/64","gateway":"fd00::1"}]}}'
}

# ---- the order of things -----------------------------------------------------------------------

# What the kernel announces of box's links and of their sysctls, in its order, from here on.
watch_begin() {
	watch_at -n box
}

# watch_at IP-OPTION... : there.
watch_at() {
	local line
	exec {seen}< <(exec ip "$@" monitor link netconf 3>&-)
	watcher=$!
	until read -r -t 0.05 -u "$seen" line; do
		ip "$@" link add beg0 type veth peer name beg1
		ip "$@" link del beg0
	done
}

# watched : all of it, once it has come.
watched() {
	watched_at -n box
}

watched_at() {
	local line
	ip "$@" link add end0 type veth peer name end1
	while read -r -t 10 -u "$seen" line && [[ $line != *end[01]* ]]; do
		echo "$line"
	done
	ip "$@" link del end0
	kill "$watcher"
	exec {seen}<&-
}

# sysctl_comes_first PLUGIN IFNAME CONF : a sysctl of the interface is set before that is up.
sysctl_comes_first() {
	local events conf
	conf=$(jq -c '.sysctl = {"net.ipv4.conf.IFNAME.rp_filter": "2"}' <<<"$3")
	watch_begin
	add "$1" "$2" <<<"$conf"
	expect_ok
	watched >"$BATS_TEST_TMPDIR/events"
	events=$(sed -nE "s/^inet $2 .*rp_filter loose.*/set/p; s/^[0-9]+: $2(@[^:]*)?: <([A-Z_,-]*,)?UP[,>].*/up/p" \
		"$BATS_TEST_TMPDIR/events" | uniq)
	[ "$events" = $'set\nup' ] || fail "set, then up: $(cat "$BATS_TEST_TMPDIR/events")"
	check "$1" "$2" <<<"$(with_result "$conf")"
	expect_silent
	in_ns box sh -c "echo 0 >/proc/sys/net/ipv4/conf/$2/rp_filter"
	check "$1" "$2" <<<"$(with_result "$conf")"
	expect_code 102 'net.ipv4.conf.IFNAME.rp_filter: wanted "2", found "0"'
	del "$1" "$2" <<<"$conf"
	expect_silent
}

# slaac_off PLUGIN CONF : the interface takes no router advertisements unless it is asked to.
slaac_off() {
	local slaac of='cd /proc/sys/net/ipv6/conf/eth0 && cat accept_ra autoconf'
	for slaac in false true; do
		add "$1" <<<"$(jq -c ".slaac = $slaac" <<<"$2")"
		expect_ok
		[ "$(in_ns box sh -c "$of" | paste -sd' ')" = "$([ $slaac = true ] && echo 1 1 || echo 0 0)" ] ||
			fail "slaac $slaac: $(in_ns box sh -c "$of")"
		del "$1" <<<"$2"
		expect_silent
	done
}

# ---- routes ------------------------------------------------------------------------------------

ROUTES='[{"dst":"0.0.0.0/0","gw":"10.1.0.1"},{"dst":"0.0.0.0/0","gw":"10.1.0.9"},
	{"dst":"::/0","gw":"fd00::1"},{"dst":"::/0","gw":"fd00::9"},
	{"dst":"10.9.0.0/16","gw":"10.1.0.1"},{"dst":"10.9.0.0/16","gw":"10.1.0.9"},
	{"dst":"fd00:9::/32","gw":"fd00::1"},{"dst":"fd00:9::/32","gw":"fd00::9"},
	{"dst":"10.7.0.0/16","gw":"10.1.0.1","priority":7,"mtu":1300,"advmss":1200},
	{"dst":"fd00:7::/32","gw":"fd00::1","priority":7,"mtu":1300,"advmss":1200},
	{"dst":"10.8.0.0/16","scope":253,"table":100}]'

# misses_route PLUGIN CONF DST FAMILY ROUTE [OTHER] : CHECK misses a route that is deleted; it comes back, or another.
# (The gateways of ptp are not all on the link.)
misses_route() {
	# shellcheck disable=SC2086
	ip -n box "-$4" route del $5 dev eth0
	check "$1" <<<"$(with_result "$2")"
	expect_code 102 "route to $3 is gone"
	# shellcheck disable=SC2086
	ip -n box "-$4" route append ${6:-$5} dev eth0
}

# routes_all_go_in PLUGIN CONF : IPAM's, with one destination and several gateways, with each attribute; and CHECK
# looks at each.
routes_all_go_in() {
	local conf dst
	conf=$(jq -c --argjson routes "$ROUTES" '.ipam.routes = $routes' <<<"$2")
	add "$1" <<<"$conf"
	expect_ok
	for dst in default 10.9.0.0/16; do
		json_is "$(ip -n box -j -4 route show "$dst")" '[.[].gateway] | sort' '["10.1.0.1","10.1.0.9"]'
	done
	for dst in default fd00:9::/32; do
		json_is "$(ip -n box -j -6 route show "$dst")" '[.. | .gateway? // empty] | sort' '["fd00::1","fd00::9"]'
	done
	json_is "$(ip -n box -j -4 route show 10.7.0.0/16)" '.[0] | [.metric, .metrics[0].mtu, .metrics[0].advmss]' '[7,1300,1200]'
	json_is "$(ip -n box -j -6 route show fd00:7::/32)" '.[0] | [.metric, .metrics[0].mtu, .metrics[0].advmss]' '[7,1300,1200]'
	json_is "$(ip -n box -j route show table 100)" '.[0] | [.dst, .scope]' '["10.8.0.0/16","link"]'
	json_is "$result" '.routes | length' 11
	check "$1" <<<"$(with_result "$conf")"
	expect_silent
	misses_route "$1" "$conf" 10.9.0.0/16 4 '10.9.0.0/16 via 10.1.0.9' '10.9.0.0/16 via 10.1.0.9 onlink'
	misses_route "$1" "$conf" fd00:9::/32 6 'fd00:9::/32 via fd00::9' 'fd00:9::/32 via fd00::9 onlink'
	misses_route "$1" "$conf" 10.8.0.0/16 4 '10.8.0.0/16 scope link table 100'
	misses_route "$1" "$conf" 10.7.0.0/16 4 '10.7.0.0/16 via 10.1.0.1 metric 7' '10.7.0.0/16 via 10.1.0.1 metric 7 mtu 1301 advmss 1200'
	check "$1" <<<"$(with_result "$conf")"
	expect_code 102 'route to 10.7.0.0/16 is gone'
	del "$1" <<<"$conf"
	expect_silent
}

# ---- made where it belongs -----------------------------------------------------------------------

# one_name PLUGIN CONF : the interface is seen under its name alone, on the host not at all.
one_name() {
	local host hosts
	watch_at
	host=$seen hosts=$watcher
	watch_begin
	add "$1" <<<"$2"
	expect_ok
	watched >"$BATS_TEST_TMPDIR/events"
	seen=$host watcher=$hosts
	watched_at >"$BATS_TEST_TMPDIR/host"
	grep -qE '^[0-9]+: eth0' "$BATS_TEST_TMPDIR/events" || fail "eth0: $(cat "$BATS_TEST_TMPDIR/events")"
	! grep -E '^[0-9]+: ' "$BATS_TEST_TMPDIR/events" | grep -vE '^[0-9]+: (eth0|lo|beg[01]|if[0-9]+)[@:]' || fail "no other name"
	! grep -E '^[0-9]+: (veth|eth0)' "$BATS_TEST_TMPDIR/host" || fail "none on the host"
	del "$1" <<<"$2"
	expect_silent
}
