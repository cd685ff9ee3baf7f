# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Through the real Go libcni (cnictl, test/libcni): lists, chains, capabilities, cached results,
# garbage collection, status.

load ../lib

setup() {
	host_setup
	CNICTL=$ROOT/build/peers/cnictl
	CHAIN=$BATS_TEST_TMPDIR/chain
	CACHE=/var/lib/cni/results
	mkdir -p "$CHAIN"
	pass_through
}

# A chained plugin in shell: logs the call, hands prevResult on, fails when told to.
pass_through() {
	cat >"$CHAIN/pass" <<-'END'
		#!/bin/bash
		conf=$(cat)
		[ "$CNI_COMMAND" != VERSION ] ||
			exec echo '{"cniVersion":"1.1.0","supportedVersions":["0.4.0","1.0.0","1.1.0"]}'
		echo "$CNI_COMMAND $conf" >>"${0%/*}/calls"
		if [ -e "${0%/*}/fail-$CNI_COMMAND" ]; then
			echo '{"cniVersion":"1.0.0","code":123,"msg":"told to fail"}'
			exit 1
		fi
		[ "$CNI_COMMAND" != ADD ] || jq .prevResult <<<"$conf"
	END
	chmod +x "$CHAIN/pass"
}

# list FILE VERSION PLUGIN... : plugins as JSON objects.
list() {
	local file=$BATS_TEST_TMPDIR/$1.conflist version=$2
	shift 2
	jq -n --arg v "$version" '{cniVersion: $v, name: "lib", plugins: $ARGS.positional}' \
		--jsonargs -- "$@" >"$file"
	NETCONF=$file
}

# cnictl VERB [FLAG...] : as `cni` in lib.bash.
cnictl() {
	local verb=$1
	shift
	status=0
	output=$("$CNICTL" -conf "$NETCONF" -path "$CNIC_BIN:$CHAIN:$REF_BIN" -id "$CID" \
		-netns "$(ns_path)" "$@" "$verb" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	errors=$(<"$BATS_TEST_TMPDIR/stderr")
	echo "\$ cnictl $verb $*: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
}

held() {
	find /var/lib/cni/networks/lib -type f -name '10.*' -printf '%f\n' 2>/dev/null | sort | paste -sd' '
}

cached() {
	find "$CACHE" -type f -printf '%f\n' 2>/dev/null | sort | paste -sd' '
}

BRIDGE='{"type":"bridge","bridge":"lib0","isGateway":true,"capabilities":{"ips":true,"mac":true,
	"ipRanges":true},"ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}]],
	"routes":[{"dst":"0.0.0.0/0"}]}}'
PTP='{"type":"ptp","ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}]]}}'
PASS='{"type":"pass"}'
LOOPBACK='{"type":"loopback"}'
TUNING='{"type":"tuning","sysctl":{"net.ipv4.conf.eth0.arp_filter":"1"}}'

@test "libcni: add, check, del in every version that has CHECK" {
	local version
	netns box
	for version in 0.4.0 1.0.0 1.1.0; do
		list bridge "$version" "$BRIDGE" "$LOOPBACK"
		cnictl add
		expect_ok
		expect_json .cniVersion "$version"
		json_is "$(jq . "$CACHE/lib-c1-eth0")" .result.cniVersion "$version"
		cnictl check
		expect_silent
		cnictl del
		expect_silent
		expect_same "held" "" "$(held)"
		expect_same "cached" "" "$(cached)"
		expect_same "veths" "" "$(ip -br link show type veth)"
	done
}

@test "libcni: add and del in the versions before CHECK" {
	local version
	netns box
	for version in 0.1.0 0.2.0 0.3.0 0.3.1; do
		list ptp "$version" "$PTP"
		cnictl add
		expect_ok
		expect_json .cniVersion "$version"
		cnictl del
		expect_silent
		expect_same "held" "" "$(held)"
	done
}

@test "libcni: validate finds every plugin and its versions" {
	list chain 1.0.0 "$BRIDGE" "$LOOPBACK" "$PASS"
	cnictl validate
	expect_ok
	expect_json 'sort' '["ipRanges","ips","mac"]'
}

@test "libcni: a chain with the reference's tuning and a plugin in shell" {
	netns box
	list chain 1.0.0 "$BRIDGE" "$TUNING" "$PASS"
	cnictl add
	expect_ok
	expect_json '[.interfaces[].name] | contains(["lib0", "eth0"])' true
	expect_json '.ips[0].address' 10.6.0.2/24
	[ "$(in_ns box cat /proc/sys/net/ipv4/conf/eth0/arp_filter)" = 1 ]
	cnictl check
	expect_silent
	cnictl del
	expect_silent
	expect_same "what the chain was called for" "ADD CHECK DEL" \
		"$(cut -d' ' -f1 "$CHAIN/calls" | paste -sd' ')"
}

@test "libcni: loopback first in a chain, and behind bridge" {
	netns box
	ns_ip box link set lo down
	list lo 1.0.0 "$LOOPBACK"
	cnictl add -ifname lo
	expect_ok
	expect_json '.ips | map(.address)' '["127.0.0.1/8","::1/128"]'
	cnictl check -ifname lo
	expect_silent
	list chain 1.0.0 "$BRIDGE" "$LOOPBACK"
	cnictl add
	expect_json '.interfaces | length' 3
	cnictl check
	expect_silent
	cnictl del
	expect_silent
	expect_same "held" "" "$(held)"
}

@test "libcni: a later plugin fails; the runtime's DEL cleans up" {
	netns box
	list chain 1.0.0 "$BRIDGE" "$PASS"
	touch "$CHAIN/fail-ADD"
	cnictl add
	expect_code 123 'told to fail'
	expect_same "held" 10.6.0.2 "$(held)"
	cnictl del
	expect_silent
	expect_same "held" "" "$(held)"
	expect_same "veths" "" "$(ip -br link show type veth)"
}

@test "libcni: capabilities ips and mac" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add -caps '{"ips":["10.6.0.66"],"mac":"02:aa:00:00:06:66","unknown":{"a":1}}'
	expect_json '.ips[0].address' 10.6.0.66/24
	expect_json '.interfaces[2].mac' 02:aa:00:00:06:66
	json_is "$(ns_ip box -j link show eth0)" '.[0].address' 02:aa:00:00:06:66
	cnictl check -caps '{"ips":["10.6.0.66"],"mac":"02:aa:00:00:06:66"}'
	expect_silent
	cnictl del -caps '{"ips":["10.6.0.66"],"mac":"02:aa:00:00:06:66"}'
	expect_silent
}

@test "libcni: capability ipRanges comes before the configured range" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add -caps '{"ipRanges":[[{"subnet":"fd00:66::/64","gateway":"fd00:66::9"}]]}'
	expect_ok
	expect_json '.ips | map(.address)' '["fd00:66::1/64","10.6.0.2/24"]'
	expect_json '.ips[0].gateway' fd00:66::9
	cnictl del
	expect_silent
	expect_same "held" "" "$(held)"
}

@test "libcni: CNI_ARGS with keys for several plugins" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add -args 'IgnoreUnknown=1;K8S_POD_NAME=p;IP=10.6.0.99;MAC=02:aa:00:00:06:99'
	expect_json '.ips[0].address' 10.6.0.99/24
	expect_json '.interfaces[2].mac' 02:aa:00:00:06:99
}

@test "libcni: DEL and CHECK work from the cached result after the list changed" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add
	expect_ok
	list bridge 1.1.0 "$BRIDGE"
	cnictl check
	expect_silent
	cnictl del
	expect_silent
	expect_same "held" "" "$(held)"
}

@test "libcni: CHECK tells what is wrong" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add
	ns_ip box addr del 10.6.0.2/24 dev eth0
	cnictl check
	[ "$status" -eq 1 ]
	[ -n "$errors" ]
	cnictl del
	expect_silent
}

@test "libcni: DEL after the namespace is gone" {
	netns box
	list bridge 1.0.0 "$BRIDGE"
	cnictl add
	ip netns del box
	cnictl del
	expect_silent
	expect_same "held" "" "$(held)"
	cnictl del
	expect_silent
}

@test "libcni: gc deletes what is cached and no longer valid" {
	netns box
	list bridge 1.1.0 "$BRIDGE"
	cnictl add
	cnictl add -ifname eth1
	cnictl gc -valid c1/eth1
	expect_silent
	expect_same "held" 10.6.0.3 "$(held)"
	expect_same "cached" lib-c1-eth1 "$(cached)"
	expect_same "links" "eth1" "$(ns_ip box -j link | jq -r '.[].ifname' | grep eth)"
	cnictl check -ifname eth1
	expect_silent
}

@test "libcni: gc frees what no cache remembers, and only in this network" {
	netns box
	list bridge 1.1.0 "$BRIDGE"
	cnictl add
	cnictl add -ifname eth1
	rm "$CACHE/lib-c1-eth0"
	cp -r /var/lib/cni/networks/lib /var/lib/cni/networks/neighbour
	cnictl gc -valid c1/eth1
	expect_silent
	expect_same "held" 10.6.0.3 "$(held)"
	expect_same "the neighbour's" 2 "$(find /var/lib/cni/networks/neighbour -name '10.*' | wc -l)"
	cnictl gc
	expect_silent
	expect_same "held" "" "$(held)"
}

@test "libcni: status says when no address is left" {
	netns box
	list bridge 1.1.0 "$(jq -c '.ipam.ranges = [[{subnet: "10.6.0.0/30"}]]' <<<"$BRIDGE")"
	cnictl status
	expect_silent
	cnictl add
	expect_ok
	cnictl status
	[ "$status" -eq 1 ]
	expect_json '.code | IN(50, 51)' true
	cnictl del
	cnictl status
	expect_silent
}
