#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2016
#
# ipvlan, which the machine's own kernel does not have: its keys, who reaches whom, chains, repair.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/examples.bash"

# The host's m0 leads to the namespace wire, whose end is w0.
setup() {
	host_setup
	no_dad_wait ''
	netns wire
	ip link add m0 type veth peer name w0 netns wire
	ip -n wire addr add 10.1.0.1/24 dev w0
	ip -n wire addr add fd00::1/64 dev w0 nodad
	ip -n wire link set w0 up
	ip link set m0 up
	netns box
}

# ipvlan [JQ] [N] : a configuration with the N-th address, changed by a jq program.
ipvlan() {
	jq -c --arg n "${2:-2}" '.ipam.addresses = [{address: "10.1.0.\($n)/24", gateway: "10.1.0.1"},
		{address: "fd00::\($n)/64", gateway: "fd00::1"}] | '"${1:-.}" <<'END'
	{"cniVersion": "1.1.0", "name": "net", "type": "ipvlan", "master": "m0",
	 "ipam": {"type": "static", "routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}}
END
}

attached() {
	conf=$(ipvlan "$@")
	add ipvlan <<<"$conf"
	expect_ok
	check ipvlan <<<"$(with_result "$conf")"
	expect_silent
	output=$result
}

detached() {
	del ipvlan <<<"$conf"
	expect_silent
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
}

refused() {
	local before
	before=$(state box)
	add ipvlan <<<"$(ipvlan "${3:-.}")"
	expect_code "$1" "$2"
	expect_same state "$before" "$(state box)"
}

link_is() {
	json_is "$(ip -n box -d -j link show eth0 | jq '.[0]')" "$1" "$2"
}

reaches() { # NAME ADDRESS
	in_ns "$1" ping -c 1 -W 10 "$2" >/dev/null
}

@test "an interface on the host's, with addresses and routes, that carries traffic" {
	attached
	expect_json '[.interfaces[] | [.name, .sandbox]]' '[["eth0","/run/netns/box"]]'
	expect_json '[.ips[].interface]' '[0,0]'
	link_is .linkinfo.info_kind ipvlan
	link_is .linkinfo.info_data.mode l2
	link_is .address "$(cat /sys/class/net/m0/address)"
	reaches box 10.1.0.1
	reaches box fd00::1
	detached
	[ "$(ip -j link | jq length)" = 2 ] || fail "nothing left on the host"
}

@test "mode and flag: each, and CHECK sees another" {
	local mode flag
	for mode in l2 l3 l3s; do
		for flag in bridge private vepa; do
			attached ".mode = \"$mode\" | .flag = \"$flag\""
			[[ $(ip -n box -d link show eth0) == *" ipvlan "*"mode $mode $flag "* ]] || fail "mode $mode $flag"
			detached
		done
	done
	attached
	ip -n box link set eth0 type ipvlan mode l3
	check ipvlan <<<"$(with_result "$conf")"
	expect_code 102 "the mode of eth0 is not l2 any more"
	ip -n box link set eth0 type ipvlan mode l2 private
	check ipvlan <<<"$(with_result "$conf")"
	expect_code 102 "the flag of eth0 is not bridge any more"
	detached
	refused 7 'mode: "l4" is not l2, l3 or l3s' '.mode = "l4"'
	refused 7 'flag: "x" is not bridge, private or vepa' '.flag = "x"'
}

@test "who reaches whom on one master: bridge all, private none" {
	local flag
	for flag in bridge private; do
		netns other
		CID=c2 add ipvlan <<<"$(ipvlan ".flag = \"$flag\"" 3)"
		expect_ok
		NS=box
		attached ".flag = \"$flag\""
		if [ $flag = bridge ]; then
			reaches box 10.1.0.3
			reaches box fd00::3
		else
			! reaches box 10.1.0.3
		fi
		reaches box 10.1.0.1
		detached
		ip netns del other
		wait_for_free
	done
}

# The kernel removes a dead namespace's interfaces in its own time.
wait_for_free() {
	local tries
	for tries in {1..100}; do
		! ip link show type ipvlan | grep -q . || continue
		ip link add probe link m0 type macvlan 2>/dev/null && ip link del probe && return 0
	done
}

@test "mode l3 needs no gateway and no neighbour" {
	attached '.mode = "l3" | .ipam.addresses = [{"address": "10.2.0.2/32"}] | .ipam.routes = [{"dst": "0.0.0.0/0", "scope": 253}]'
	ip addr add 10.1.0.8/24 dev m0
	ip -n wire route add 10.2.0.2 via 10.1.0.8
	link_is '.flags | contains(["NOARP"])' true
	reaches wire 10.2.0.2
	detached
}

@test "master: by default that of the default route, or prevResult's interface" {
	refused 7 'master: not given, and the host has no default route' 'del(.master)'
	ip addr add 10.1.0.8/24 dev m0
	ip route add default via 10.1.0.1
	attached 'del(.master)'
	detached
	refused 7 'master: not given, and prevResult has 0 interfaces, not one' 'del(.master) | .prevResult = {"cniVersion": "1.1.0"}'
	refused 7 'master: the host has no interface nix0' '.master = "nix0"'
	refused 7 'ipam.type: missing' 'del(.ipam)'
}

@test "in a chain: on prevResult's interface, with its addresses; DEL needs none of it" {
	local change='del(.master, .ipam) | .prevResult = {"cniVersion": "1.1.0", "interfaces": [{"name": "m0"}],
		"ips": [{"address": "10.1.0.2/24", "gateway": "10.1.0.1", "interface": 0}], "routes": [{"dst": "0.0.0.0/0"}],
		"dns": {"domain": "d"}}'
	conf=$(ipvlan "$change")
	add ipvlan <<<"$conf"
	expect_ok
	expect_json '[.interfaces[].name]' '["eth0"]'
	expect_json '[.ips[] | [.address, .interface]]' '[["10.1.0.2/24",0]]'
	expect_json .dns.domain d
	reaches box 10.1.0.1
	check ipvlan <<<"$(jq -c 'del(.prevResult)' <<<"$conf" | jq -c --argjson r "$result" '.prevResult = $r')"
	expect_silent
	status_of ipvlan <<<"$(jq -c 'del(.prevResult)' <<<"$conf")"
	expect_silent
	del ipvlan <<<"$(jq -c 'del(.prevResult)' <<<"$conf")"
	expect_silent
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
}

@test "DEL: of what is gone in whichever way" {
	attached
	ip link del m0
	detached
	ip link add m0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	attached
	ip netns del box
	del ipvlan <<<"$(ipvlan 'del(.master) | .prevResult = {"cniVersion": "1.1.0"}')"
	expect_silent
}

@test "an interface of the host's of the same name is in nobody's way" {
	ip link add eth0 type veth peer name eth1
	attached
	detached
	[ "$(ip -j link show type veth | jq -r '[.[].ifname] | sort | join(" ")')" = "eth0 eth1 m0" ] || fail "the host's"
}

@test "who holds the master: macvlan here, ipvlan of another container" {
	ip link add mv0 link m0 type macvlan
	refused 101 'master: m0 carries macvlan mv0 already: the kinds cannot share it'
	ip link del mv0
	netns other
	CID=c2 add ipvlan net1 <<<"$(ipvlan . 3)"
	expect_ok
	NS=box
	add macvlan <<<"$(ipvlan '.type = "macvlan" | del(.mode)')"
	expect_code 101 'master: m0 carries ipvlan net1 already, of namespace /run/netns/other: the kinds cannot share it'
}

@test "linkInContainer" {
	ip link set m0 netns box
	ip -n box link set m0 up
	attached '.linkInContainer = true'
	link_is .link m0
	del ipvlan <<<"$conf"
	expect_silent
	refused 7 'master: the container has no interface m9' '.linkInContainer = true | .master = "m9"'
}

@test "IPv6 can be turned off before the interface is up" {
	attached '.sysctl = {"net.ipv6.conf.IFNAME.disable_ipv6": "1"} | .ipam.addresses |= [.[0]] | .ipam.routes |= [.[0]]'
	[ -z "$(ip -n box -6 addr show dev eth0)" ] || fail "no IPv6"
	detached
}

@test "dns: the configuration's, or IPAM's; mtu; metric" {
	attached '.ipam.dns.nameservers = ["10.1.0.9"] | .mtu = 1300 | .metric = 9'
	expect_json .dns.nameservers '["10.1.0.9"]'
	link_is .mtu 1300
	json_is "$(ip -n box -j route show default)" .[0].metric 9
	detached
	attached '.ipam.dns.nameservers = ["10.1.0.9"] | .dns.domain = "d"'
	expect_json .dns '{"domain":"d"}'
	detached
}

@test "cnic repair makes it anew when the master has come back" {
	local before
	attached '.mode = "l3s"'
	before=$(ns_state box)
	ip link del m0
	check ipvlan <<<"$(with_result "$conf")"
	expect_code 102 'interface eth0 is gone'
	ip link add m0 address "$(jq -r .interfaces[0].mac <<<"$result")" type veth peer name w0 netns wire
	ip link set m0 up
	ip -n wire link set w0 up
	"$CNIC_BIN/cnic" repair
	no_dad_wait box
	expect_same state "$before" "$(ns_state box)"
	check ipvlan <<<"$(with_result "$conf")"
	expect_silent
	detached
}

@test "the reference's is checked and removed by ours, and the other way round" {
	local who
	conf=$(ipvlan '.ipam = {"type": "host-local", "subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9"}')
	for who in ref ours; do
		by $who add ipvlan <<<"$conf"
		expect_ok
		by "$([ $who = ref ] && echo ours || echo ref)" check ipvlan <<<"$(with_result "$conf")"
		expect_silent
		by "$([ $who = ref ] && echo ours || echo ref)" del ipvlan <<<"$(with_result "$conf")"
		expect_silent
		[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
		[ -z "$(find /var/lib/cni/networks/net -name '10.*')" ] || fail "no address held"
		ours_run del ipvlan <<<"$conf"
		expect_silent
	done
}

@test "ipvlan.conflist" {
	ip netns del wire
	netns wire
	ip link add eth0 up type veth peer name w0 netns wire
	ip -n wire addr add 10.94.0.1/16 dev w0
	ip -n wire link set w0 up
	ip netns del box
	run_example ipvlan.conflist 10.94.0.1
}
