#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI spec, CHECK: what prevResult promises is there, and nothing is repaired.

load spec

# Both families and a route.
more='.ipam = {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]],
	routes: [{dst: "192.0.2.0/24"}, {dst: "0.0.0.0/0"}]}'

# attach PLUGIN [VERSION] : $config and its ADD.
attach() {
	netns box
	config=$(conf "$1")
	[[ $1 != bridge && $1 != ptp ]] || config=$(conf "$1" "$more")
	config=$(as_version "${2:-1.1.0}" "$config")
	add "$1" "$(ifname_of "$1")" <<<"$config"
	expect_ok
}

again() {
	host_clean
	forget_result
}

check_it() {
	check "$1" "$(ifname_of "$1")" <<<"$(with_result "$config" "${2:-$result}")"
}

# notices PLUGIN TEXT COMMAND... : after COMMAND, CHECK fails with code 102 and this text.
notices() {
	attach "$1"
	check_it "$1"
	expect_silent
	"${@:3}"
	check_it "$1"
	expect_code 102 "$2"
	again
}

@test "C-120 CHECK right after ADD is silent success" {
	for plugin in $EVERY_PLUGIN; do
		for version in 0.4.0 1.0.0 1.1.0; do
			attach "$plugin" $version
			check_it "$plugin"
			expect_silent
			again
		done
	done
}

@test "C-121 CHECK without prevResult is an error" {
	for plugin in $EVERY_PLUGIN; do
		attach "$plugin"
		check "$plugin" "$(ifname_of "$plugin")" <<<"$config"
		expect_code 7 "prevResult: missing"
		check "$plugin" "$(ifname_of "$plugin")" <<<"$(with_result "$config" null)"
		expect_code 7 "prevResult: missing"
		again
	done
}

# Which releases of the reference took for a pointer.
@test "C-121 CHECK of a chained plugin without prevResult is an error, and with an empty one no panic" {
	local prev config
	netns box
	for plugin in $CHAINED_PLUGINS; do
		config="{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"$plugin\",\"vrfname\":\"red\",\"ingressRate\":8000000}"
		check "$plugin" <<<"$config"
		expect_code 7 "prevResult: missing"
		check "$plugin" <<<"$(with_result "$config" null)"
		expect_code 7 "prevResult: missing"
		for prev in '{}' '{"cniVersion":"1.1.0","interfaces":null,"ips":null}' '{"cniVersion":"1.1.0","interfaces":[],"ips":[]}'; do
			check "$plugin" <<<"$(with_result "$config" "$prev")"
			[ "$status" -le 1 ] || fail "success or an error"
			[ "$status" -eq 0 ] || expect_failure
		done
	done
}

@test "C-122 CHECK notices that the interface is gone, or not what it was" {
	for plugin in $VETH_PLUGINS; do
		notices "$plugin" eth0 ns_ip box link del eth0
		notices "$plugin" eth0 ns_ip box link set eth0 down name eth9
		attach "$plugin"
		ns_ip box link del eth0
		ns_ip box link add eth0 type bridge
		check_it "$plugin"
		expect_code 102 "not of type veth"
		again
		attach "$plugin"
		ns_ip box link set eth0 address 02:00:00:00:00:99
		check_it "$plugin"
		expect_code 102 MAC
		again
		attach "$plugin"
		check "$plugin" eth1 <<<"$(with_result "$config")"
		expect_code 102 host-local # which is asked first, knows no address of eth1
		again
	done
	attach bridge
	ip link set "$(host_veths)" nomaster
	check_it bridge
	expect_code 102 "no port of bridge br0"
	again
	notices bridge "interface br0 is gone" ip link del br0
}

@test "C-123 CHECK notices that an address is gone" {
	for plugin in $VETH_PLUGINS; do
		notices "$plugin" 10.1.0.2/24 ns_ip box addr del 10.1.0.2/24 dev eth0
		notices "$plugin" fd00:1::2/64 ns_ip box addr del fd00:1::2/64 dev eth0
		attach "$plugin"
		ns_ip box addr del 10.1.0.2/24 dev eth0
		ns_ip box addr add 10.1.0.2/25 dev eth0
		check_it "$plugin"
		expect_code 102 10.1.0.2/24
		again
	done
}

@test "C-124 CHECK notices that a route is gone" {
	for plugin in $VETH_PLUGINS; do
		notices "$plugin" 192.0.2.0/24 ns_ip box route del 192.0.2.0/24
		notices "$plugin" 0.0.0.0/0 ns_ip box route del default
	done
}

# unruly PLUGIN KEYS : what has made rules misses them.
unruly() {
	config=$(conf "$1" "$2")
	add "$1" <<<"$config"
	expect_ok
	check_it "$1"
	expect_silent
	nft flush ruleset
	check_it "$1"
	expect_code 102
	del "$1" <<<"$config"
	expect_silent
	nft flush ruleset
}

@test "C-125 row 22: CHECK notices that rules, chains, tables, elements of its own are gone" {
	local plugin backend prev
	netns box
	for plugin in $VETH_PLUGINS; do
		for backend in null '"nftables"' '"iptables"'; do
			unruly "$plugin" ".ipMasq = true | .ipMasqBackend = $backend"
		done
	done
	unruly bridge '.macspoofchk = true'
	prev='.prevResult = {cniVersion: "1.1.0", interfaces: [{name: "br0"}, {name: "eth0", sandbox: "/run/netns/box"}],
		ips: [{address: "10.1.0.2/24", interface: 1}, {address: "fd00::2/64", interface: 1}]} |'
	for backend in null '"nftables"' '"iptables"'; do
		unruly portmap "$prev .backend = $backend | .runtimeConfig.portMappings =
			[{hostPort: 8080, containerPort: 80, protocol: \"tcp\"}]"
		unruly firewall "$prev .backend = $backend | .ingressPolicy = \"same-bridge\""
	done
}

@test "C-126 CHECK notices that the reservation is gone" {
	for plugin in $VETH_PLUGINS host-local; do
		for always in '' 1; do
			attach "$plugin"
			rm "$STORE/10.1.0.2"
			CNI_ALWAYS_EXEC=$always check_it "$plugin"
			expect_code 102
			again
		done
	done
	attach static
	config=$(conf static '.ipam.addresses = [{address: "10.1.0.9/24"}]')
	check_it static
	expect_code 102 10.1.0.9/24
}

@test "C-127 CHECK accepts what a later plugin of the chain added and recorded" {
	local later
	for plugin in $VETH_PLUGINS; do
		attach "$plugin"
		ns_ip box route add 198.51.100.0/24 dev eth0
		ns_ip box addr add 10.7.0.7/24 dev eth0
		ns_ip box link set eth0 address 02:00:00:00:00:99
		check_it "$plugin" "$(jq -c '.routes += [{dst: "198.51.100.0/24"}] |
			.ips += [{address: "10.7.0.7/24", interface: .ips[0].interface}] |
			(.interfaces[] | select(.name == "eth0")).mac = "02:00:00:00:00:99" |
			.interfaces += [{name: "ifb0"}] | .unknown = 1' <<<"$result")"
		expect_silent
		again
		attach "$plugin" # extra ones that nobody recorded
		ns_ip box route add 198.51.100.0/24 dev eth0
		ns_ip box addr add 10.7.0.7/24 dev eth0
		check_it "$plugin"
		expect_silent
		again
	done
}

@test "C-128 CHECK changes nothing, be it content or not" {
	local before
	for plugin in $EVERY_PLUGIN; do
		attach "$plugin"
		before=$(snapshot)
		check_it "$plugin"
		expect_silent
		unchanged "$before"
		again
	done
	for plugin in $VETH_PLUGINS; do
		attach "$plugin"
		ns_ip box link set eth0 down
		rm "$STORE/10.1.0.2"
		before=$(snapshot)
		check_it "$plugin"
		expect_code 102
		unchanged "$before"
		again
	done
}

@test "C-129 CHECK notices a link that is down" {
	for plugin in $VETH_PLUGINS; do
		notices "$plugin" "eth0 is down" ns_ip box link set eth0 down
	done
	notices loopback "is down" ns_ip box link set lo down
	notices bridge "br0 is down" ip link set br0 down
	attach ptp
	ip link set "$(host_veths)" down
	check_it ptp
	expect_code 102 "host's end"
}
