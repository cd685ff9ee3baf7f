#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI conventions: capabilities, args, CNI_ARGS.

load spec

@test "C-190 runtimeConfig: mac by bridge, ips by host-local and static, ipRanges by host-local" {
	netns box
	add bridge <<<"$(conf bridge '.runtimeConfig.mac = "02:11:22:33:44:55" |
		.runtimeConfig.ips = ["10.1.0.77"]')"
	expect_ok
	expect_json .interfaces[2].mac 02:11:22:33:44:55
	json_is "$(ns_ip box -j link show eth0)" .[0].address 02:11:22:33:44:55
	expect_json .ips[0].address 10.1.0.77/24
	del bridge <<<"$(conf bridge)"
	for type in host-local static; do
		add $type <<<"$(conf $type '.runtimeConfig.ips = ["10.1.0.99/24"]')"
		expect_ok
		expect_json '[.ips[].address]' '["10.1.0.99/24"]'
		del $type <<<"$(conf $type)"
	done
	add host-local <<<"$(conf host-local 'del(.ipam.subnet) | .runtimeConfig.ipRanges =
		[[{subnet: "10.4.0.0/24", rangeStart: "10.4.0.7", gateway: "10.4.0.254"}],
		[{subnet: "fd00:4::/64"}]]')"
	expect_ok
	expect_json '[.ips[] | .address, .gateway]' \
		'["10.4.0.7/24","10.4.0.254","fd00:4::2/64","fd00:4::1"]'
	del host-local <<<"$(conf host-local)"
}

@test "C-190 row 22: runtimeConfig.portMappings by portmap" {
	netns box
	add portmap <<<"$(conf portmap '.prevResult = {cniVersion: "1.1.0", interfaces: [{name: "eth0",
		sandbox: "/run/netns/box"}], ips: [{address: "10.1.0.2/24", interface: 0}]} |
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]')"
	expect_ok
	nft list ruleset | grep -q 'tcp . 8080.* : 10.1.0.2 . 80' || fail "the port"
	del portmap <<<"$(conf portmap)"
	expect_silent
	! nft list ruleset | grep 8080 || fail "no port"
}

@test "C-190 runtimeConfig.bandwidth by bandwidth, mac by macvlan and tap, deviceID by host-device" {
	local type
	netns box
	ip link add v0 type veth peer name eth0 netns box
	ip -n box link set eth0 up
	add bandwidth <<<"$(conf bandwidth '.prevResult = {cniVersion: "1.1.0", interfaces: [{name: "v0"}, {name: "eth0",
		sandbox: "/run/netns/box"}]} | .runtimeConfig.bandwidth = {ingressRate: 8000000, ingressBurst: 8000000}')"
	expect_ok
	json_is "$(tc -j qdisc show dev v0)" '.[0] | .kind, .options.rate' $'tbf\n1000000'
	del bandwidth <<<"$(conf bandwidth)"
	expect_silent
	ip link del v0
	for type in macvlan tap; do
		add $type <<<"$(conf $type '.runtimeConfig.mac = "02:11:22:33:44:55"')"
		expect_ok
		json_is "$(ns_ip box -j link show eth0)" .[0].address 02:11:22:33:44:55
		del $type <<<"$(conf $type)"
	done
	add host-device <<<"$(jq -nc '{cniVersion: "1.1.0", name: "net", type: "host-device",
		runtimeConfig: {deviceID: "0000:00:1f.9"}}')"
	expect_code 7 0000:00:1f.9
}

@test "C-191 args.cni.ips goes before CNI_ARGS IP" {
	netns box
	for type in host-local static; do
		CNI_ARGS=IP=10.1.0.50/24 add $type <<<"$(conf $type 'del(.ipam.addresses) |
			.args.cni.ips = ["10.1.0.60/24"]')"
		expect_ok
		expect_json '[.ips[].address]' '["10.1.0.60/24"]'
		del $type <<<"$(conf $type)"
		CNI_ARGS=IP=10.1.0.50/24 add $type <<<"$(conf $type 'del(.ipam.addresses)')"
		expect_ok
		expect_json '[.ips[].address]' '["10.1.0.50/24"]'
		del $type <<<"$(conf $type)"
	done
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:01' \
		add bridge <<<"$(conf bridge '.args.cni.mac = "02:00:00:00:00:02"')"
	expect_ok
	json_is "$(ns_ip box -j link show eth0)" .[0].address 02:00:00:00:00:02
}

@test "C-192 an unknown key in CNI_ARGS is an error, unless IgnoreUnknown is true" {
	local before
	netns box
	before=$(snapshot)
	for plugin in bridge host-local static; do
		for args in FOO=1 'IgnoreUnknown=0;FOO=1' 'IgnoreUnknown=false;FOO=1' ip=10.1.0.5; do
			CNI_ARGS=$args add "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 "unknown args [\"${args#*;}\""
		done
		CNI_ARGS='IgnoreUnknown=maybe' add "$plugin" <<<"$(conf "$plugin")"
		expect_code 4 IgnoreUnknown
	done
	CNI_ARGS='A=1;B=2' add static <<<"$(conf static)"
	expect_code 4 'unknown args ["A=1" "B=2"]'
	unchanged "$before"
	for plugin in bridge host-local static; do
		for value in 1 true True; do
			CNI_ARGS="K8S_POD_NAME=x;IgnoreUnknown=$value" add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			CNI_ARGS=FOO=1 del "$plugin" <<<"$(conf "$plugin")" # DEL does not look
			expect_silent
		done
	done
}

@test "C-193 a malformed CNI_ARGS is an error where it is parsed" {
	netns box
	local before
	before=$(snapshot)
	for plugin in bridge host-local static; do
		for args in K 'IgnoreUnknown=1;K' 'IgnoreUnknown=1;K=V=W' 'IgnoreUnknown=1;' \
			';IgnoreUnknown=1' 'IgnoreUnknown=1;;K=V'; do
			CNI_ARGS=$args add "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 "CNI_ARGS: invalid pair"
		done
	done
	unchanged "$before"
}

# malformed PLUGIN CODE TEXT JQ
malformed() {
	add "$1" <<<"$(conf "$1" "$4")"
	expect_code "$2" "$3"
}

@test "C-194 a malformed capability value is an error" {
	netns box
	local before
	before=$(snapshot)
	for mac in zz 02:00:00:00:00 02:00:00:00:00:00:01 '02:00:00:00:00:0g'; do
		malformed bridge 7 runtimeConfig.mac ".runtimeConfig.mac = \"$mac\""
	done
	malformed bridge 6 runtimeConfig.mac '.runtimeConfig.mac = 5'
	for plugin in $EVERY_PLUGIN; do
		malformed "$plugin" 6 runtimeConfig '.runtimeConfig = []'
	done
	for plugin in $IPAM_PLUGINS; do
		malformed "$plugin" 7 'runtimeConfig.ips[1]' '.runtimeConfig.ips = ["10.1.0.9/24", "x"]'
		malformed "$plugin" 6 'runtimeConfig.ips' '.runtimeConfig.ips = "10.1.0.9/24"'
		malformed "$plugin" 6 'runtimeConfig.ips[0]' '.runtimeConfig.ips = [5]'
	done
	malformed host-local 6 runtimeConfig.ipRanges '.runtimeConfig.ipRanges = 5'
	malformed host-local 6 'runtimeConfig.ipRanges[0]' '.runtimeConfig.ipRanges = [{}]'
	malformed host-local 7 'runtimeConfig.ipRanges[0][0].subnet' \
		'.runtimeConfig.ipRanges = [[{subnet: "x"}]]'
	unchanged "$before"
}
