#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2034,SC2154
# CNI spec, prevResult on ADD. loopback runs inside a chain or alone.

load spec

prev10='{"cniVersion":"1.1.0","dns":{"nameservers":["192.0.2.1"]},
	"interfaces":[{"name":"br0","mac":"02:00:00:00:00:01"},
		{"name":"eth0","mac":"02:00:00:00:00:02","mtu":1400,"sandbox":"/run/netns/box",
		"socketPath":"/run/x.sock","pciID":"0000:04:00.5"}],
	"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":1},
		{"address":"fd00::2/64","interface":1}],
	"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1","mtu":1300,"advmss":1200,"priority":7,
		"table":0,"scope":0},{"dst":"192.0.2.0/24"}]}'
prev03='{"cniVersion":"0.4.0","dns":{},
	"interfaces":[{"name":"eth0","mac":"02:00:00:00:00:02","sandbox":"/run/netns/box"}],
	"ips":[{"version":"4","address":"10.1.0.2/24","gateway":"10.1.0.1","interface":0}],
	"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]}'
prev02='{"cniVersion":"0.2.0","dns":{},"ip4":{"ip":"10.1.0.2/24","gateway":"10.1.0.1",
	"routes":[{"dst":"0.0.0.0/0","gw":"10.1.0.1"}]},"ip6":{"ip":"fd00::2/64"}}'

# chained VERSION PREV [JQ] : loopback after a plugin that answered PREV.
chained() {
	add loopback lo <<<"$(with_result "$(as_version "$1" "$(conf loopback)")" \
		"$(jq -c "${3:-.}" <<<"$2")")"
}

# passed_on PREV [JQ] : what came out is what went in.
passed_on() {
	expect_ok
	expect_json . "$(jq -cS "${2:-.}" <<<"$1")"
}

# D5: also one that the user wrote into the first plugin's configuration.
# It would be the interface of the default route instead.
@test "prevResult's interface has no name: no master for ipvlan and vlan" {
	local plugin
	netns box
	ip link set m0 up
	ip route add default dev m0
	for plugin in ipvlan vlan; do
		add $plugin <<<'{"cniVersion":"1.0.0","name":"net","type":"'$plugin'","vlanId":5,
			"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24"}]},
			"prevResult":{"cniVersion":"1.0.0","interfaces":[{"name":""}]}}'
		expect_code 7 'master: not given'
	done
}

@test "C-090 a chained ADD with nothing to change prints prevResult" {
	netns box
	chained 1.1.0 "$prev10"
	passed_on "$prev10"
	chained 0.4.0 "$prev03"
	passed_on "$prev03"
	chained 0.2.0 "$prev02"
	passed_on "$prev02"
}

# As for the reference's portmap and sbr, an address of no interface in particular.
@test "an address of prevResult whose interface is not in the list is passed on without" {
	netns box
	chained 1.1.0 "$prev10" '.ips[0].interface = 2'
	passed_on "$prev10" 'del(.ips[0].interface)'
}

@test "C-092 a prevResult without cniVersion is of the configuration's version" {
	netns box
	chained 1.1.0 "$prev10" 'del(.cniVersion)'
	passed_on "$prev10"
	chained 0.3.1 "$prev03" 'del(.cniVersion)'
	passed_on "$prev03" '.cniVersion = "0.3.1"'
	chained 0.1.0 "$prev02" 'del(.cniVersion)'
	passed_on "$prev02" '.cniVersion = "0.1.0"'
}

@test "C-093 a prevResult of another version of the same family comes out in ours" {
	netns box
	for pair in "0.3.1 0.4.0" "0.4.0 0.3.0" "0.3.0 0.3.1"; do
		chained "${pair#* }" "$prev03" ".cniVersion = \"${pair% *}\""
		passed_on "$prev03" ".cniVersion = \"${pair#* }\""
	done
	chained 1.0.0 "$prev10"
	passed_on "$prev10" '.cniVersion = "1.0.0"'
	chained 1.1.0 "$prev10" '.cniVersion = "1.0.0"'
	passed_on "$prev10"
	chained 0.2.0 "$prev02" '.cniVersion = "0.1.0"'
	passed_on "$prev02"
}

@test "C-094 a prevResult of another family is an error" {
	netns box
	ns_ip box link set lo down
	for version in 1.0.0 1.1.0 0.1.0 0.2.0; do
		chained $version "$prev03"
		expect_code 6 'prevResult: cniVersion "0.4.0"'
	done
	for version in 0.2.0 0.3.1 0.4.0; do
		chained $version "$prev10"
		expect_code 6 prevResult
	done
	chained 1.1.0 "$prev02"
	expect_code 6 prevResult
	for bad in 9.9.9 1.0 x; do
		chained 1.1.0 "$prev10" ".cniVersion = \"$bad\""
		expect_code 6 "unsupported CNI result version"
	done
	[[ $(ns_ip box -o link show lo) != *,UP* ]] || fail "nothing done"
}

@test "C-095 an empty prevResult is accepted where no content is needed" {
	netns box
	chained 1.1.0 '{}'
	expect_ok
	expect_json . '{"cniVersion":"1.1.0"}'
	chained 0.4.0 '{}'
	expect_ok
	expect_json . '{"cniVersion":"0.4.0","dns":{}}'
	add loopback lo <<<"$(conf loopback '.prevResult = null')"
	expect_ok
	expect_json .interfaces[0].name lo
}

@test "C-095 row 22: what only works inside a chain says so when there is no prevResult" {
	local plugin keys='.bridge = "br0" | .vrfname = "red" | .mirrors = [{name: "m", ingress: true}] |
		.runtimeConfig.portMappings = [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]'
	netns box
	for plugin in $CHAINED_PLUGINS ovs-mirror-producer ovs-mirror-consumer; do
		for prev in 'del(.prevResult)' '.prevResult = null'; do
			add "$plugin" <<<"$(conf "$plugin" "$keys | $prev")"
			expect_code 7 prevResult
			[ -z "$(nft list ruleset)" ] || fail "no rules"
		done
	done
}

@test "C-096 a malformed prevResult is an error that names the place" {
	netns box
	ns_ip box link set lo down
	local -A faults=(
		['.ips[0].address = "10.1.0.2"']='prevResult.ips[0].address'
		['.ips[1].address = "fd00::2/129"']='prevResult.ips[1].address'
		['.ips[0].address = 5']='prevResult.ips[0].address'
		['del(.ips[0].address)']='prevResult.ips[0].address'
		['.ips[0].gateway = "10.1.0.1/24"']='prevResult.ips[0].gateway'
		['.ips[0].interface = -1']='prevResult.ips[0].interface'
		['.routes[1].dst = "x"']='prevResult.routes[1].dst'
		['.routes[0].gw = "x"']='prevResult.routes[0].gw'
		['.routes[0].mtu = -1']='prevResult.routes[0].mtu'
		['.interfaces = {}']='prevResult.interfaces'
		['.dns = []']='prevResult.dns'
	)
	for program in "${!faults[@]}"; do
		chained 1.1.0 "$prev10" "$program"
		expect_failure
		[[ $output == *"${faults[$program]}"* ]] || fail "${faults[$program]}"
	done
	for prev in '[]' '"x"' 5 true; do
		add loopback lo <<<"$(conf loopback ".prevResult = $prev")"
		expect_code 6 prevResult
	done
	[[ $(ns_ip box -o link show lo) != *,UP* ]] || fail "nothing done"
}

@test "C-097 mtu, socketPath, pciID and route attributes survive in 1.1.0" {
	netns box
	chained 1.1.0 "$prev10"
	expect_ok
	expect_json '.interfaces[1] | .mtu, .socketPath, .pciID' $'1400\n/run/x.sock\n0000:04:00.5'
	expect_json '.routes[0] | .mtu, .advmss, .priority, .table, .scope' $'1300\n1200\n7\n0\n0'
	expect_json '.routes[1]' '{"dst":"192.0.2.0/24"}'
}

@test "C-098 0.3.0 to 0.4.0 do not print an interface's mtu, socketPath and pciID" {
	netns box
	for version in 0.3.0 0.3.1 0.4.0; do
		chained $version "$prev03" '.interfaces[0] +=
			{mtu: 1400, socketPath: "/run/x.sock", pciID: "0000:04:00.5"}'
		passed_on "$prev03" ".cniVersion = \"$version\""
	done
}
