#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2016
#
# vlan and dummy, which the machine's own kernel does not have, and router advertisements beside ipvlan and vlan.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/plugin/examples.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/advertiser.bash"

IPAM='"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24","gateway":"10.1.0.1"},
	{"address":"fd00::2/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0"}]}'

# The host's m0 leads to the namespace wire, where w0.100 has VLAN 100 and w0.s the same of 802.1ad.
setup() {
	host_setup
	no_dad_wait ''
	netns wire
	no_dad_wait wire
	ip link add m0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	tagged w0.100 802.1Q 10.1.0.1/24 fd00::1/64
	tagged w0.s 802.1ad 10.2.0.1/24
	netns box
}

teardown() {
	advertiser_end
	host_clean
}

tagged() { # NAME PROTOCOL ADDRESS...
	local name=$1 address
	ip -n wire link add "$name" link w0 type vlan proto "$2" id 100
	shift 2
	for address; do
		ip -n wire addr add "$address" dev "$name"
	done
	ip -n wire link set "$name" up
}

# vlan [JQ]
vlan() {
	jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","name":"net","type":"vlan","master":"m0","vlanId":100,'"$IPAM"'}'
}

dummy() {
	jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","name":"net","type":"dummy",'"$IPAM"'}'
}

attached() { # vlan|dummy [JQ]
	conf=$("$1" "${2:-.}")
	plugin=$1
	add "$1" <<<"$conf"
	expect_ok
	check "$1" <<<"$(with_result "$conf")"
	expect_silent
	output=$result
}

detached() {
	del "$plugin" <<<"$conf"
	expect_silent
	! ip -n box link show eth0 2>/dev/null || fail "eth0 to be gone"
}

refused() { # vlan|dummy CODE TEXT [JQ]
	local before
	before=$(state box)
	add "$1" <<<"$("$1" "${4:-.}")"
	expect_code "$2" "$3"
	expect_same state "$before" "$(state box)"
}

link_is() {
	json_is "$(ip -n box -d -j link show eth0 | jq '.[0]')" "$1" "$2"
}

reaches() {
	in_ns box ping -c 1 -W 10 "$1" >/dev/null
}

# ---- vlan ------------------------------------------------------------------------------------

@test "vlan: its tag is seen on the master's wire" {
	attached vlan
	expect_json '[.interfaces[] | [.name, .sandbox]]' '[["eth0","/run/netns/box"]]'
	link_is .linkinfo.info_kind vlan
	link_is .linkinfo.info_data.id 100
	link_is .linkinfo.info_data.protocol 802.1Q
	reaches 10.1.0.1
	reaches fd00::1
	detached
	[ "$(ip -j link | jq length)" = 2 ] || fail "nothing left on the host"
}

@test "vlan: 802.1ad by protocol, and QinQ in the container" {
	attached vlan '.protocol = "802.1ad" | .ipam.addresses = [{"address": "10.2.0.2/24"}] | .ipam.routes = []'
	link_is .linkinfo.info_data.protocol 802.1ad
	reaches 10.2.0.1
	ip -n wire link add w0.s.7 link w0.s type vlan id 7
	ip -n wire addr add 10.3.0.1/24 dev w0.s.7
	ip -n wire link set w0.s.7 up
	CID=c1 add vlan eth0.7 <<<"$(vlan '.name = "inner" | .linkInContainer = true | .master = "eth0" | .vlanId = 7
		| .ipam.addresses = [{"address": "10.3.0.2/24"}] | .ipam.routes = []')"
	expect_ok
	reaches 10.3.0.1
	ip -n box link set eth0.7 down
	! reaches 10.3.0.1
	detached
	refused vlan 7 'protocol: "x" is neither 802.1Q nor 802.1ad' '.protocol = "x"'
}

@test "vlan: the id by capability, by args, by key, in this order" {
	attached vlan '.runtimeConfig.vlan = 100 | .args.cni.vlan = 9 | .vlanId = 8'
	link_is .linkinfo.info_data.id 100
	detached
	attached vlan '.args.cni.vlan = 100 | .vlanId = 8'
	link_is .linkinfo.info_data.id 100
	detached
	refused vlan 7 'vlanId: ' '.vlanId = 4095'
	refused vlan 7 'runtimeConfig.vlan: ' '.runtimeConfig.vlan = 4095'
}

@test "vlan: mtu, metric, dns, no IPAM by l2Only" {
	attached vlan '.mtu = 1300 | .metric = 9 | .dns.domain = "d"'
	link_is .mtu 1300
	json_is "$(ip -n box -j route show default)" .[0].metric 9
	expect_json .dns '{"domain":"d"}'
	ip -n box link set eth0 mtu 1299
	check vlan <<<"$(with_result "$conf")"
	expect_code 102 'the mtu of eth0 is 1299, not 1300 any more'
	detached
	attached vlan 'del(.ipam) | .l2Only = true'
	link_is '.flags | contains(["UP"])' true
	[ "$(ip -n box -j addr show dev eth0 | jq '[.[].addr_info[] | select(.scope == "global")] | length')" = 0 ]
	detached
	refused vlan 7 'mtu: 9000 exceeds the 1500 of master m0' '.mtu = 9000'
	refused vlan 7 'ipam.type: missing, and l2Only is not true' 'del(.ipam)'
	refused vlan 7 'l2Only and ipam exclude each other' '.l2Only = true'
	refused vlan 7 'master: missing' 'del(.master)'
	refused vlan 7 'master: the host has no interface m9' '.master = "m9"'
}

@test "vlan: one that is there already is named, on the host and in a container" {
	ip link add m0.100 link m0 type vlan id 100
	refused vlan 101 'master: m0 carries vlan m0.100 already'
	ip link del m0.100
	netns other
	CID=c2 add vlan net1 <<<"$(vlan)"
	expect_ok
	NS=box
	refused vlan 101 'master: m0 carries vlan net1 already, of namespace /run/netns/other'
	attached vlan '.protocol = "802.1ad"'
	detached
}

@test "vlan: linkInContainer, dotted names, prevResult's interface" {
	ip link set m0 netns box
	ip -n box link set m0 name net1.5
	ip -n box link set net1.5 up
	attached vlan '.linkInContainer = true | .master = "net1.5"'
	link_is .link net1.5
	reaches 10.1.0.1
	detached
	attached vlan '.linkInContainer = true | del(.master) | .prevResult = {"cniVersion": "1.1.0",
		"interfaces": [{"name": "net1.5", "sandbox": "/run/netns/box"}]}'
	link_is .link net1.5
	detached
	refused vlan 7 'master: the container has no interface m0' '.linkInContainer = true'
}

@test "vlan: an interface of the host's of the same name; 16 at a time" {
	local i pids=()
	ip link add eth0 type veth peer name eth1
	attached vlan
	detached
	set +T
	for i in {1..16}; do
		netns "b$i"
	done
	for i in {1..16}; do
		NS=b$i CID=b$i add vlan <<<"$(vlan ".vlanId = $i")" >"$BATS_TEST_TMPDIR/$i" 2>&1 &
		pids+=($!)
	done
	wait "${pids[@]}"
	for i in {1..16}; do
		json_is "$(ip -n "b$i" -d -j link show eth0)" '.[0].linkinfo.info_data.id' "$i"
	done
}

@test "vlan: CHECK of another VLAN; DEL of what is gone; repair" {
	local before
	attached vlan
	before=$(ns_state box)
	ip link set m0 down
	check vlan <<<"$(with_result "$conf")"
	expect_code 102 'master m0 of eth0 is down'
	ip link del m0
	check vlan <<<"$(with_result "$conf")"
	expect_code 102 'interface eth0 is gone'
	del vlan <<<"$(vlan '.master = "m0"' | jq -c 'del(.ipam)')"
	expect_silent
	ip link add m0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	attached vlan
	ip link del m0
	ip link add m0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	"$CNIC_BIN/cnic" repair
	check vlan <<<"$(with_result "$conf")"
	expect_silent
	detached
	attached vlan
	ip -n box link del eth0
	ip link set m0 netns box
	ip -n box link set m0 up
	ip -n box link add eth0 link m0 type vlan id 101
	ip -n box link set eth0 address "$(jq -r .interfaces[0].mac <<<"$result")" up
	check vlan <<<"$(with_result "$conf" | jq -c '.linkInContainer = true | del(.ipam, .prevResult.ips, .prevResult.routes) | .l2Only = true')"
	expect_code 102
}

@test "vlan: the reference's is checked and removed by ours, and the other way round" {
	each_way "$(vlan '.ipam = {"type": "host-local", "subnet": "10.1.0.0/24", "rangeStart": "10.1.0.9"}')"
}

each_way() {
	local who other
	for who in ref ours; do
		other=$([ $who = ref ] && echo ours || echo ref)
		by $who add "$(jq -r .type <<<"$1")" <<<"$1"
		expect_ok
		by "$other" check "$(jq -r .type <<<"$1")" <<<"$(with_result "$1")"
		expect_silent
		by "$other" del "$(jq -r .type <<<"$1")" <<<"$(with_result "$1")"
		expect_silent
		[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
		[ -z "$(find /var/lib/cni/networks/net -name '10.*')" ] || fail "no address held"
		ours_run del "$(jq -r .type <<<"$1")" <<<"$1"
		expect_silent
	done
}

@test "vlan.conflist" {
	ip link del m0
	ip link add eth0 up type veth peer name w0 netns wire
	ip -n wire link set w0 up
	ip -n wire link add w0.100 link w0 type vlan id 100
	ip -n wire addr add 10.98.0.1/16 dev w0.100
	ip -n wire link set w0.100 up
	ip netns del box
	run_example vlan.conflist 10.98.0.1
}

# ---- dummy -----------------------------------------------------------------------------------

@test "dummy: an interface with addresses, up; mtu, mac" {
	attached dummy '.mtu = 1400 | .mac = "02:00:00:00:00:05"'
	expect_json '[.interfaces[] | [.name, .mac, .sandbox]]' '[["eth0","02:00:00:00:00:05","/run/netns/box"]]'
	link_is .linkinfo.info_kind dummy
	link_is .mtu 1400
	link_is .address 02:00:00:00:00:05
	reaches 10.1.0.2
	reaches fd00::2
	ip -n box link set eth0 down
	check dummy <<<"$(with_result "$conf")"
	expect_code 102 'interface eth0 is down'
	detached
	attached dummy '.mac = "02:00:00:00:00:05" | .runtimeConfig.mac = "02:00:00:00:00:06"'
	link_is .address 02:00:00:00:00:06
	detached
	[ "$(ip -j link | jq length)" = 2 ] || fail "nothing left on the host"
}

@test "dummy: the host may have an eth0; not the container" {
	ip link add eth0 type dummy
	attached dummy
	detached
	ip link set eth0 netns box
	refused dummy 101 'interface eth0 exists in the container already'
	ip -n box link del eth0
}

@test "dummy: without IPAM only by l2Only; routes are checked; DEL of what is gone; GC" {
	refused dummy 7 'ipam.type: missing, and l2Only is not true' 'del(.ipam)'
	attached dummy 'del(.ipam) | .l2Only = true'
	detached
	attached dummy
	ip -n box route del default
	check dummy <<<"$(with_result "$conf")"
	expect_code 102 'route to 0.0.0.0/0 is gone'
	ip -n box link del eth0
	detached
	attached dummy
	ip netns del box
	del dummy <<<"$conf"
	expect_silent
	gc dummy <<<"$(with_valid "$conf")"
	expect_silent
}

@test "dummy: the reference's is checked and removed by ours, and the other way round" {
	each_way "$(dummy '.ipam = {"type": "host-local", "subnet": "10.1.0.0/24"}')"
}

@test "dummy.conflist" {
	ip netns del box
	run_example dummy.conflist 10.99.0.2
}

# ---- router advertisements -------------------------------------------------------------------

@test "ipvlan: no address and no route of a router's" {
	no_dad_wait wire
	advertise_from wire w0
	nothing_unasked $((200 / FAULT_EVERY)) ipvlan '{"cniVersion":"1.1.0","name":"net","type":"ipvlan","master":"m0",'"$IPAM"'}'
}

@test "vlan: no address and no route of a router's" {
	no_dad_wait wire
	advertise_from wire w0.100
	nothing_unasked $((200 / FAULT_EVERY)) vlan "$(vlan)"
}
