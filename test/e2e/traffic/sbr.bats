# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# sbr: what is asked by one interface is answered by it, and by none else; IPv4 and IPv6.

load ../lib
load two_ways

setup() {
	host_setup
	two_ways
	add bridge eth0 <<<"$(bridge_conf 1)"
	expect_ok
	add bridge net1 <<<"$(bridge_conf 2)"
	expect_ok
	second=$result
}

# sbr [JQ] : behind the bridge of net1.
sbr() {
	conf=$(jq -c --argjson prev "$second" ".prevResult = \$prev | ${1:-.}" <<<'{"cniVersion":"1.1.0","name":"net2","type":"sbr"}')
	add sbr net1 <<<"$conf"
	expect_ok
	check sbr net1 <<<"$conf"
	expect_silent
}

both_answer() {
	reaches far 10.1.0.2 -I 203.0.113.9
	reaches far 10.2.0.2 -I 203.0.113.9
	reaches far fd00:1::2 -I fd00:f::9
	reaches far fd00:2::2 -I fd00:f::9
}

both_ask() {
	reaches box 203.0.113.9 -I 10.1.0.2
	reaches box 203.0.113.9 -I 10.2.0.2
	reaches box fd00:f::9 -I fd00:1::2
	reaches box fd00:f::9 -I fd00:2::2
	reaches box 203.0.113.9
	reaches box fd00:f::9
}

@test "answers leave by the interface of their address, and so do questions; without sbr they do not" {
	ip -n box route del default via 10.2.0.1
	misses far 10.2.0.2 -I 203.0.113.9
	ip -n box route append default via 10.2.0.1
	sbr
	both_answer
	both_ask
	misses box 10.2.0.1 -I 10.1.0.2
}

@test "with addSourceHints the subnet is reached without a source address, too" {
	sbr '.addSourceHints = true'
	both_answer
	both_ask
	reaches box 10.2.0.1
	reaches box fd00:2::1
	reaches box 10.2.0.1 -I 10.2.0.2
}

@test "a table of the user's, and a gateway of the configuration's" {
	ip -n box route add default via 10.2.0.1 table 900
	ip -n box -6 route add default via fd00:2::1 table 900
	ip -n box route del default via 10.2.0.1
	ip -n box -6 route del default via fd00:2::1
	sbr '.table = 900'
	both_answer
	del sbr net1 <<<"$conf"
	expect_silent
	misses far 10.2.0.2 -I 203.0.113.9
	misses far fd00:2::2 -I fd00:f::9
	ip -n way2 addr add 10.2.0.77/24 dev in
	sbr '.gateways = ["10.2.0.77", "fd00:2::1"] | del(.prevResult.ips[].gateway)'
	both_answer
}

@test "what the reference makes of it: IPv6 stays where it was" {
	conf=$(jq -c --argjson prev "$second" '.prevResult = $prev' <<<'{"cniVersion":"1.0.0","name":"net2","type":"sbr"}' |
		jq -c 'del(.prevResult.interfaces[].mtu) | .prevResult.cniVersion = "1.0.0"')
	ref_run add sbr net1 <<<"$conf"
	expect_ok
	ip -n box -6 route show default | grep -q 'nexthop via fd00:2::1' || fail "two next hops still"
	reaches far 10.2.0.2 -I 203.0.113.9
	del sbr net1 <<<"$conf"
	expect_silent
}
