# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2086
#
# IPAM's routes in the container, whoever gives them: all go in, with each attribute, and CHECK looks at each.

load ../lib

setup() {
	host_setup
	netns box
}

# bridged ROUTES : ADD of bridge with these routes.
bridged() {
	conf=$(jq -nc --argjson routes "$1" '{cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0", ipam: {
		type: "static", addresses: [{address: "10.1.0.2/24"}, {address: "fd00::2/64"}], routes: $routes}}')
	add bridge <<<"$conf"
	expect_ok
	check bridge <<<"$(with_result "$conf")"
	expect_silent
}

@test "routes with one destination and several gateways all go in" {
	bridged '[{"dst":"0.0.0.0/0","gw":"10.1.0.1"},{"dst":"0.0.0.0/0","gw":"10.1.0.9"},
		{"dst":"::/0","gw":"fd00::1"},{"dst":"::/0","gw":"fd00::9"}]'
	json_is "$(ip -n box -j -4 route show default)" '[.[].gateway] | sort' '["10.1.0.1","10.1.0.9"]'
	json_is "$(ip -n box -j -6 route show default)" '[.. | .gateway? // empty] | sort' '["fd00::1","fd00::9"]'
	json_is "$result" '.routes | length' 4
	ip -n box route del default via 10.1.0.9
	ip -n box route del default via 10.1.0.1
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'route to 0.0.0.0/0 is gone'
}

# seen ROUTE OTHER : CHECK misses the route when the other one stands in its place.
seen() {
	ip -n box route del $1
	ip -n box route add $2
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 "route to ${2%% *} is gone"
	ip -n box route del $2
	ip -n box route add $1
	check bridge <<<"$(with_result "$conf")"
	expect_silent
}

@test "CHECK sees a route's gateway, priority, mtu, advmss, scope, table" {
	local four='10.9.0.0/16 via 10.1.0.1 dev eth0 metric 7 mtu 1300 advmss 1200'
	local link='10.8.0.0/16 dev eth0 scope link table 100' six='fd00:9::/32 via fd00::1 dev eth0 mtu 1300'
	bridged '[{"dst":"10.9.0.0/16","gw":"10.1.0.1","priority":7,"mtu":1300,"advmss":1200},
		{"dst":"10.8.0.0/16","scope":253,"table":100},{"dst":"fd00:9::/32","gw":"fd00::1","mtu":1300}]'
	seen "$four" '10.9.0.0/16 via 10.1.0.9 dev eth0 metric 7 mtu 1300 advmss 1200'
	seen "$four" '10.9.0.0/16 via 10.1.0.1 dev eth0 metric 8 mtu 1300 advmss 1200'
	seen "$four" '10.9.0.0/16 via 10.1.0.1 dev eth0 metric 7 mtu 1301 advmss 1200'
	seen "$four" '10.9.0.0/16 via 10.1.0.1 dev eth0 metric 7 mtu 1300 advmss 1201'
	seen "$link" '10.8.0.0/16 dev eth0 scope host table 100'
	seen "$link" '10.8.0.0/16 dev eth0 scope link table 101'
	seen "$six" 'fd00:9::/32 via fd00::1 dev eth0 mtu 1301'
}

@test "a gateway of IPv6 that is link-local" {
	conf=$(jq -nc '{cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0", ipam: {type: "static",
		addresses: [{address: "fd00::2/64", gateway: "fe80::1"}], routes: [{dst: "::/0"}, {dst: "fd00:9::/32", gw: "fe80::9"}]}}')
	add bridge <<<"$conf"
	expect_ok
	json_is "$result" '.ips[0].gateway' fe80::1
	json_is "$(ip -n box -j -6 route show default)" '.[0] | [.gateway, .dev]' '["fe80::1","eth0"]'
	json_is "$(ip -n box -j -6 route show fd00:9::/32)" '.[0] | [.gateway, .dev]' '["fe80::9","eth0"]'
	check bridge <<<"$(with_result "$conf")"
	expect_silent
}

@test "addresses of a capability have no gateway: a route with one of its own, or a default route on the link" {
	bridged_with() {
		conf=$(jq -nc --argjson routes "$1" '{cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0",
			runtimeConfig: {ips: ["10.1.0.7/24"]}, ipam: {type: "static", addresses: [], routes: $routes}}')
		add bridge <<<"$conf"
		expect_ok
		json_is "$result" '.ips[0] | [.address, .gateway]' '["10.1.0.7/24",null]'
		check bridge <<<"$(with_result "$conf")"
		expect_silent
	}
	bridged_with '[{"dst":"0.0.0.0/0","gw":"10.1.0.1","priority":9,"table":100}]'
	json_is "$(ip -n box -j route show table 100)" '.[0] | [.dst, .gateway, .metric]' '["default","10.1.0.1",9]'
	del bridge <<<"$conf"
	bridged_with '[{"dst":"0.0.0.0/0","scope":253}]'
	json_is "$(ip -n box -j route show default)" '.[0] | [.scope, .gateway]' '["link",null]'
}
