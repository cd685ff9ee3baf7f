# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# ptp: the routes inside, whatever gateway and routes IPAM names.

load ../lib

# What lies beyond the gateway.
setup() {
	host_setup
	netns box
	no_dad_wait ''
	no_dad_wait box
	ip link add outside type bridge
	ip address add 192.0.2.1/24 dev outside
	ip -6 address add 2001:db8::1/64 dev outside nodad
	ip link set outside up
	echo 1 >/proc/sys/net/ipv4/ip_forward
	echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
}

# ptp ADDRESSES ROUTES : addresses as ADDRESS@GATEWAY, routes as JSON; static hands out both.
ptp() {
	jq -nc --arg addresses "$1" --argjson routes "$2" '{cniVersion: "1.1.0", name: "net", type: "ptp",
		ipam: {type: "static", routes: $routes, addresses: [$addresses | split(" ")[] | split("@")
			| {address: .[0], gateway: .[1]}]}}'
}

reaches() {
	in_ns box ping -c 1 -W 10 "$1" >/dev/null || fail "$1 answers: $(ip -n box route; ip -n box -6 route)"
}

# works ADDRESSES ROUTES : ADD, gateways and what is beyond answer, CHECK, DEL leaves nothing.
works() {
	local conf each before
	conf=$(ptp "$@")
	before=$(host_state)
	add ptp eth0 <<<"$conf"
	expect_ok
	for each in $1; do
		reaches "${each#*@}"
		case $each in
		*::*) reaches 2001:db8::1 ;;
		*) reaches 192.0.2.1 ;;
		esac
		each=${each%/*}
		ping -c 1 -W 10 "$each" >/dev/null || fail "$each answers the host"
	done
	ip -n box -j route show dev eth0 | jq -e 'all(.[]; .protocol != "kernel")' ||
		fail "no route of the kernel's"
	check ptp eth0 <<<"$(with_result "$conf")"
	expect_ok
	del ptp eth0 <<<"$conf"
	expect_ok
	expect_same state "$before" "$(host_state)"
}

@test "row 6: a gateway that is off the link" {
	works 10.3.1.9/32@10.3.1.1 '[{"dst": "0.0.0.0/0"}]'
	works 10.3.1.9/32@10.3.1.1 '[{"dst": "0.0.0.0/0", "gw": "10.3.1.1"}, {"dst": "10.9.0.0/16"}]'
	works 10.3.6.9/24@169.254.1.1 '[{"dst": "0.0.0.0/0"}]'
	works fd00:3::9/128@fd00:3::1 '[{"dst": "::/0"}]'
	works fd00:3::9/64@fd00:4::1 '[{"dst": "::/0"}]'
	works '10.3.1.9/32@10.3.1.1 fd00:3::9/128@fd00:3::1' '[{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]'
	works '10.3.1.9/32@10.3.1.1 10.3.2.9/24@10.3.1.1' '[{"dst": "0.0.0.0/0"}]'
}

@test "row 6: a route of IPAM's that is the gateway's" {
	local scope
	for scope in '' ', "scope": 253'; do
		works 10.3.1.9/32@10.3.1.1 '[{"dst": "10.3.1.1/32"'"$scope"'}, {"dst": "0.0.0.0/0"}]'
		works 10.3.1.9/32@10.3.1.1 '[{"dst": "0.0.0.0/0"}, {"dst": "10.3.1.1/32"'"$scope"'}]'
		works 10.3.6.9/24@10.3.6.1 '[{"dst": "0.0.0.0/0"}, {"dst": "10.3.6.1/32"'"$scope"'}]'
		works fd00:3::9/128@fd00:3::1 '[{"dst": "::/0"}, {"dst": "fd00:3::1/128"'"$scope"'}]'
		works fd00:3::9/64@fd00:3::1 '[{"dst": "fd00:3::1/128"'"$scope"'}, {"dst": "::/0"}]'
	done
	works 10.3.1.9/32@10.3.1.1 '[{"dst": "10.3.1.1/32", "gw": "10.3.1.1"}, {"dst": "0.0.0.0/0"}]'
	works 10.3.1.9/32@10.3.1.1 '[{"dst": "10.3.1.1/32", "priority": 50}, {"dst": "0.0.0.0/0"}]'
}

@test "row 6: a route of IPAM's that is the own subnet's" {
	local scope
	for scope in '' ', "scope": 253' ', "priority": 50' ', "table": 100'; do
		works 10.3.6.9/24@10.3.6.1 '[{"dst": "0.0.0.0/0"}, {"dst": "10.3.6.0/24"'"$scope"'}]'
		works 10.3.6.9/24@169.254.1.1 '[{"dst": "10.3.6.0/24"'"$scope"'}, {"dst": "0.0.0.0/0"}]'
		works fd00:3::9/64@fd00:3::1 '[{"dst": "::/0"}, {"dst": "fd00:3::/64"'"$scope"'}]'
	done
	works 10.3.1.9/32@10.3.1.1 '[{"dst": "10.3.1.9/32"}, {"dst": "0.0.0.0/0"}]'
	works fd00:3::9/128@fd00:3::1 '[{"dst": "fd00:3::9/128"}, {"dst": "::/0"}]'
}
