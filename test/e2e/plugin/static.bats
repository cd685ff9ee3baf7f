#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# static: every way to say an address, and what CHECK makes of it.

load ../lib

setup() {
	host_setup
	export CNI_NETNS=/run/netns/none
}

# conf [JQ] : two addresses, changed by a jq program.
conf() {
	jq -c "${1:-.}" <<-END
		{"cniVersion": "1.1.0", "name": "net", "type": "none", "ipam": {"type": "static",
			"addresses": [{"address": "10.9.0.2/24", "gateway": "10.9.0.1"},
				{"address": "fd00::2/64"}]}}
	END
}

# gives CONF IPS : ADD answers with these "address gateway" pairs.
gives() {
	add static <<<"$1"
	expect_ok
	expect_json '[.ips[]? | "\(.address) \(.gateway // "-")"]' "$2"
}

need_reference() {
	[ -x "$REF_BIN/static" ] || skip "no reference plugins in $REF_BIN"
}

@test "addresses, routes and dns are the result, in every version's shape" {
	local version program='.ipam.routes = [{dst: "0.0.0.0/0"}, {dst: "fd01::/64", gw: "fd00::1"}] |
		.ipam.dns = {nameservers: ["192.0.2.1"], domain: "d", search: ["a"], options: ["o"]}'
	for version in $ALL_VERSIONS; do
		add static <<<"$(conf "$program | .cniVersion = \"$version\"")"
		expect_ok
		expect_json .cniVersion "$version"
		expect_json .dns '{"domain":"d","nameservers":["192.0.2.1"],"options":["o"],"search":["a"]}'
		case $version in
		0.[12].0)
			expect_json .ip4.ip 10.9.0.2/24
			expect_json .ip4.gateway 10.9.0.1
			expect_json .ip4.routes[0].dst 0.0.0.0/0
			expect_json .ip6.ip fd00::2/64
			expect_json .ip6.routes[0].gw fd00::1
			;;
		*)
			expect_json '[.ips[].address]' '["10.9.0.2/24","fd00::2/64"]'
			expect_json .ips[0].gateway 10.9.0.1
			expect_json '.ips[1] | has("gateway")' false
			expect_json '[.ips[] | has("interface")]' '[false,false]'
			expect_json .routes[1].gw fd00::1
			;;
		esac
	done
}

@test "no address at all is a result without addresses" {
	gives "$(conf '.ipam.addresses = []')" '[]'
	gives "$(conf 'del(.ipam.addresses)')" '[]'
	add static <<<"$(conf '.cniVersion = "0.2.0" | .ipam.addresses = []')"
	expect_failure
}

@test "CNI_ARGS IP and GATEWAY come behind the configuration's addresses" {
	CNI_ARGS="IP=10.8.0.2/24, 10.7.0.2/24;GATEWAY=10.8.0.1,10.9.0.9,10.8.0.9;IgnoreUnknown=1;X=y" \
		gives "$(conf)" '["10.9.0.2/24 10.9.0.1","fd00::2/64 -","10.8.0.2/24 10.8.0.9","10.7.0.2/24 -"]'
	CNI_ARGS="IP=;GATEWAY=" gives "$(conf 'del(.ipam.addresses)')" '[]'
	CNI_ARGS="IP=10.8.0.2" add static <<<"$(conf)"
	expect_code 7 "CNI_ARGS IP: expected to be in CIDR notation, got: '10.8.0.2'"
	CNI_ARGS="IP=10.8.0.2/24 x" add static <<<"$(conf)"
	expect_code 7 "CNI_ARGS IP"
	CNI_ARGS="GATEWAY=x" add static <<<"$(conf)"
	expect_code 7 "CNI_ARGS GATEWAY: invalid gateway address"
	CNI_ARGS="MAC=x" add static <<<"$(conf)"
	expect_code 4 MAC
}

@test "C-191: args.cni.ips replaces all addresses, capability ips replaces those" {
	CNI_ARGS="IP=10.8.0.2/24" gives "$(conf '.args.cni.ips = ["10.7.0.2/24", "10.6.0.2/24"]')" \
		'["10.7.0.2/24 -","10.6.0.2/24 -"]'
	gives "$(conf '.args.cni.ips = ["10.7.0.2/24"] | .runtimeConfig.ips = ["10.9.0.2/16"]')" \
		'["10.9.0.2/16 -"]'
	gives "$(conf '.args.cni.ips = [] | .runtimeConfig.ips = []')" \
		'["10.9.0.2/24 10.9.0.1","fd00::2/64 -"]'
}

@test "versions before 0.3.0 have one address of a family" {
	add static <<<"$(conf '.cniVersion = "0.2.0" | .ipam.addresses += [{address: "10.8.0.2/24"}]')"
	expect_code 1 "CNI version 0.2.0 does not support more than 1 address per family"
}

# Each line: a jq program that breaks the configuration, the code, a part of the text.
@test "what is wrong in the configuration is named by its key" {
	local program code text
	while IFS='#' read -r program code text; do
		add static <<<"$(conf "$program")"
		expect_code "$code" "$text"
		del static <<<"$(conf "$program" | jq -c 'del(.ipam, .runtimeConfig, .args)')"
		expect_silent
	done <<-'END'
		del(.ipam)#7#IPAM config missing 'ipam' key
		.ipam.addresses = {}#6#ipam.addresses: expected an array
		.ipam.addresses = ["10.9.0.2/24"]#6#ipam.addresses[0]: expected an object
		.ipam.addresses[1] = {}#7#ipam.addresses[1].address: expected to be in CIDR notation
		.ipam.addresses[1].address = "10.9.0.2"#7#ipam.addresses[1].address: expected to be in CIDR
		.ipam.addresses[1].address = 1#6#ipam.addresses[1].address: expected a string
		.ipam.addresses[0].gateway = 1#6#ipam.addresses[0].gateway: expected a string
		.ipam.addresses[0].gateway = "10.9.0.1/24"#7#ipam.addresses[0].gateway: invalid gateway address
		.ipam.routes = 1#6#ipam.routes: expected an array
		.ipam.routes = [{dst: 1}]#6#ipam.routes[0].dst: expected a string
		.ipam.dns = 1#6#ipam.dns: expected an object
		.ipam.dns.search = 1#6#ipam.dns.search: expected an array
		.runtimeConfig.ips = 1#6#runtimeConfig.ips: expected an array
		.runtimeConfig.ips = ["10.9.0.2"]#7#runtimeConfig.ips[0]: expected to be in CIDR notation
		.args.cni.ips = [1]#6#args.cni.ips[0]: expected a string
		.args.cni.ips = ["x"]#7#args.cni.ips[0]: expected to be in CIDR notation
	END
}

@test "CHECK finds every configured address in prevResult, with its gateway" {
	add static <<<"$(conf)"
	check static <<<"$(with_result "$(conf)")"
	expect_silent
	check static <<<"$(with_result "$(conf)" "$(jq -c 'del(.ips[1])' <<<"$result")")"
	expect_code 102 "static: address fd00::2/64 of interface eth0 is not in prevResult"
	check static <<<"$(with_result "$(conf)" "$(jq -c '.ips[0].address = "10.9.0.2/16"' <<<"$result")")"
	expect_code 102 "static: address 10.9.0.2/24"
	check static <<<"$(with_result "$(conf)" "$(jq -c '.ips[0].gateway = "10.9.0.9"' <<<"$result")")"
	expect_code 102 "static: Failed to match addr 10.9.0.2/24 on interface eth0"
	check static <<<"$(with_result "$(conf)" "$(jq -c '.ips += [{address: "10.7.0.2/24"}]' <<<"$result")")"
	expect_silent
	check static <<<"$(conf)"
	expect_code 7 prevResult
}

@test "DEL, GC and STATUS succeed and leave nothing" {
	CNI_NETNS='' del static <<<"$(conf)"
	expect_silent
	gc static <<<"$(with_valid "$(conf)" c1/eth0)"
	expect_silent
	gc static <<<"$(conf)"
	expect_silent
	status_of static <<<"$(conf)"
	expect_silent
	status_of static <<<"$(conf '.ipam.addresses[0].address = "x"')"
	expect_code 7 "ipam.addresses[0].address"
	[ -z "$(ls -A /var/lib/cni)" ]
}

@test "results equal the reference's" {
	need_reference
	local theirs program
	while read -r program; do
		by ref add static <<<"$(conf "$program")"
		expect_ok
		theirs=$(jq -S . <<<"$output")
		add static <<<"$(conf "$program")"
		expect_ok
		expect_same "result of $program" "$theirs" "$(jq -S . <<<"$output")"
	done <<-'END'
		.
		.cniVersion = "0.2.0" | .ipam.routes = [{dst: "0.0.0.0/0", gw: "10.9.0.1"}]
		.cniVersion = "0.3.1" | .ipam.dns = {nameservers: ["192.0.2.1"]}
		.cniVersion = "1.0.0" | .ipam.routes = [{dst: "10.0.0.0/8", mtu: 1400, priority: 5}]
		.ipam.addresses[1].address = "::ffff:10.8.0.2/120"
		.args.cni.ips = ["10.7.0.2/24"]
		.runtimeConfig.ips = ["10.7.0.2/24", "fd00::9/64"]
		.ipam.addresses = []
	END
}
