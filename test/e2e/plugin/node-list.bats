# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic list and show: what is attached on this node, and what is known of it.

load ../lib

setup() {
	host_setup
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$CNIC_BIN
	mkdir "$NETCONFPATH"
	cat >"$NETCONFPATH/10-net.conflist" <<-'END'
		{"cniVersion":"1.0.0","name":"net","plugins":[
		{"type":"bridge","bridge":"ls0","isGateway":true,"ipMasq":true,
		 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd00:6::/64"}]]}},
		{"type":"portmap","capabilities":{"portMappings":true}},
		{"type":"bandwidth","ingressRate":1000000,"ingressBurst":100000}]}
	END
	netns box
	export CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80},{"hostIP":"127.0.0.1","hostPort":53,"containerPort":5353,"protocol":"udp"}]}'
	"$CNIC_BIN/cnitool" add net "$(ns_path)" >/dev/null 2>&1
	unset CAP_ARGS
	netns two
	"$CNIC_BIN/cnitool" add net "$(ns_path two)" >/dev/null 2>&1
	id=$(jq -r 'select(.netns == "/run/netns/box").containerId' /var/lib/cni/results/*)
	nsenter --net=/run/netns/box sleep 1000 &
	keeper=$!
	until [ "$(readlink /proc/$keeper/exe)" = "$(realpath "$(command -v sleep)")" ]; do :; done
}

teardown() {
	kill -9 "$keeper" 2>/dev/null || true
	host_clean
}

show() {
	run "$CNIC_BIN/cnic" show "$@"
	echo "$output"
}

@test "list: a row for each attachment" {
	run "$CNIC_BIN/cnic" list
	[ "$status" -eq 0 ] && [ ${#lines[@]} -eq 3 ] || fail "three lines: $output"
	[[ ${lines[0]} == NETWORK*CONTAINER*IFNAME*STATE*AGE*ADDRESSES*PORTS ]] || fail "a head"
	[[ $output == *"net "*"${id:0:13}"*eth0*alive*"10.6.0.2/24,fd00:6::2/64"*"8080/tcp -> 80,127.0.0.1 53/udp -> 5353"* ]] ||
		fail "box: $output"
}

@test "list --json, and nothing attached" {
	run "$CNIC_BIN/cnic" list --json
	json_is "$output" length 2
	json_is "$output" '.[] | select(.netns == "/run/netns/box") | .pids' "[$keeper]"
	json_is "$output" '.[] | select(.netns == "/run/netns/two") | .pids' '[]'
	"$CNIC_BIN/cnitool" del net "$(ns_path box)" 2>/dev/null
	"$CNIC_BIN/cnitool" del net "$(ns_path two)" 2>/dev/null
	run "$CNIC_BIN/cnic" list --json
	json_is "$output" . '[]'
	run "$CNIC_BIN/cnic" list
	[ ${#lines[@]} -eq 1 ] || fail "the head alone"
}

@test "show: by container, network, namespace, address, port, link" {
	local what link
	link=$(ip -n box -j link show eth0 | jq -r '.[0].link_index')
	link=$(ip -j link | jq -r --argjson i "$link" '.[] | select(.ifindex == $i).ifname')
	for what in "$id" /run/netns/box 10.6.0.2 10.6.0.2/24 fd00:6::2 8080 53 "$link"; do
		show --json "$what"
		[ "$status" -eq 0 ] || fail "$what"
		json_is "$output" '[.[].netns]' '["/run/netns/box"]'
	done
	show --json net
	json_is "$output" length 2
	for what in 80 10.6.0.4 10.6.0 nobody; do
		show "$what"
		[ "$status" -eq 1 ] && [[ $output == "cnic: no attachment of $what" ]] || fail "none of $what"
	done
}

@test "show: what the plugins say, and where it stands" {
	show --json 8080
	json_is "$output" '.[0].bridge' ls0
	json_is "$output" '.[0].ingressRate' 1000000
	json_is "$output" '.[0].plugins' '["bridge","portmap","bandwidth"]'
	json_is "$output" '.[0].state' alive
	jq -r '.[0].kept[]' <<<"$output" | while read -r file; do
		[ -f "$file" ] || fail "$file is a file"
	done
	[ "$(jq '.[0].kept | length' <<<"$output")" -eq 4 ] || fail "cache, registry, two records"
	show 8080
	[[ $output == *"bridge"*"ls0"*"why"*"its namespace is at its path"* ]] || fail "in words"
}

@test "show --dot: a graph that Graphviz would take" {
	ip link add up0 type veth peer name up1
	ip link set up0 master ls0
	show --dot
	[[ ${lines[0]} == "graph node {" && ${lines[-1]} == "}" ]] || fail "a graph"
	[[ $output == *'"up0" -- "ls0";'* ]] || fail "the uplink"
	[[ $output == *"\"ls0\" -- \"c:net/$id/eth0\""* ]] || fail "the container at its bridge"
	[[ $output == *'10.6.0.2/24\nfd00:6::2/64'* ]] || fail "its addresses"
	[[ $output == *'"p:8080/tcp -> 80" -- '* ]] || fail "its ports"
	[ "$(tr -cd '{' <<<"$output")" = "$(tr '}' '{' <<<"$output" | tr -cd '{' | cut -c 2)" ] || fail "braces"
	[ $(($(tr -cd '"' <<<"$output" | wc -c) % 2)) -eq 0 ] || fail "quotes"
	ip link del up0
}

@test "list: control characters of a hostile cache do not reach the terminal" {
	printf '{"kind":"cniCacheV1","containerId":"a\\u001b[2Jb\\u009b2J","config":"e30=","ifName":"e\\n0","networkName":"n"}' \
		>/var/lib/cni/results/n-evil-e
	run "$CNIC_BIN/cnic" list
	[ "$status" -eq 0 ] || fail "exit 0"
	[[ $output == *'a?[2Jb??2J'*'e?0'* && $output != *$'\e'* ]] || fail "escaped: $output"
	run "$CNIC_BIN/cnic" show --dot
	[[ $output != *$'\e'* && $output != *$'\u009b'* ]] || fail "dot: $output"
}

@test "list: names of files that are not ours do not reach the terminal" {
	mkdir -p /var/lib/cni/cnic /run/cnic/rules
	touch "/var/lib/cni/cnic/0123456789abcdef-0123456789abcdef-"$'\e[2J' "/run/cnic/rules/0123456789abcdef-0123456789abcdef-"$'\e[2J' \
		"/var/lib/cni/results/"$'\e[2J'
	run "$CNIC_BIN/cnic" list
	[ "$status" -eq 0 ] && [[ $output != *$'\e'* ]] || fail "escaped: $output"
	run "$CNIC_BIN/cnic" list --cache $'/proc/self/cmdline/\e[2J' 2>&1
	[ "$status" -eq 1 ] && [[ $output == *'?[2J'* && $output != *$'\e'* ]] || fail "of an error: $output"
}

@test "list and show: bad arguments" {
	local args
	for args in "list here" "list --dot" "show --json --dot" "show a b" "show --nothing" "list --cache"; do
		# shellcheck disable=SC2086
		run "$CNIC_BIN/cnic" $args
		[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "$args: $output"
	done
}

# As a newcomer would, but for sudo, and with this build in the place of bin/.
@test "README: looking at a node" {
	local block
	"$CNIC_BIN/cnitool" del net "$(ns_path box)" 2>/dev/null
	"$CNIC_BIN/cnitool" del net "$(ns_path two)" 2>/dev/null
	block=$(sed -n '/^## Looking at a node/,/^## /s/^    //p' "$ROOT/README.md" | sed "s|sudo ||; s|\$PWD/bin|$CNIC_BIN|; s|bin/cni|$CNIC_BIN/cni|")
	[ "$(wc -l <<<"$block")" -eq 9 ] || fail "nine commands: $block"
	cd "$ROOT"
	run bash -ex <<<"${block/ip netns del demo/ip netns del demo; until ! ip -br link show type veth | grep -q veth.*@; do :; done}"
	[ "$status" -eq 0 ] || fail "it goes through: $output"
	[[ $output == *"cnitool: ADD bridge: "*"+interface eth0"*"example-bridge"*alive*"all is well"*"its namespace is gone; cnic gc"*"something is left"*"1 removed, 0 failed"*"all is well" ]] ||
		fail "as README says: $output"
}
