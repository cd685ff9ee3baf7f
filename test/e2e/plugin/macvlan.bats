# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# macvlan: each of its keys, what users of the reference complain of, and cnic repair.

load ../lib

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

IPAM='"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24","gateway":"10.1.0.1"},
	{"address":"fd00::2/64","gateway":"fd00::1"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}'

# macvlan [JQ] : a configuration, changed by a jq program.
macvlan() {
	jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","name":"net","type":"macvlan","master":"m0",'"$IPAM"'}'
}

# attached [JQ] : ADD succeeds, CHECK too.
attached() {
	conf=$(macvlan "${1:-.}")
	add macvlan <<<"$conf"
	expect_ok
	check macvlan <<<"$(with_result "$conf")"
	expect_silent
	output=$result
}

detached() {
	del macvlan <<<"$conf"
	expect_silent
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
}

records() {
	find /run/cnic/rules -type f 2>/dev/null || true
}

# refused CODE TEXT [JQ] : so, and nothing is made.
refused() {
	local before records
	before=$(state box)
	records=$(records)
	add macvlan <<<"$(macvlan "${3:-.}")"
	expect_code "$1" "$2"
	expect_same state "$before" "$(state box)"
	expect_same records "$records" "$(records)"
}

# The host's network starts anew: the master goes, and comes back.
new_master() {
	ip link del m0 2>/dev/null || true
	ip link add m0 type veth peer name w0 netns wire
	ip -n wire link set w0 up
	ip link set m0 up
}

# link_is JQPATH VALUE : of eth0 in the container.
link_is() {
	json_is "$(ip -n box -d -j link show eth0 | jq '.[0]')" "$1" "$2"
}

sysctl_of() {
	in_ns box cat "/proc/sys/net/$1"
}

routes() { # FAMILY
	ip -n box "-$1" -j route show default | jq -c '.[] | [.gateway, .metric]'
}

@test "an interface on the host's, with addresses and routes, that carries traffic" {
	attached
	expect_json '.interfaces | length' 1
	expect_json .interfaces[0].name eth0
	expect_json .interfaces[0].sandbox /run/netns/box
	expect_json '[.ips[].interface]' '[0,0]'
	link_is .linkinfo.info_kind macvlan
	link_is .linkinfo.info_data.mode bridge
	link_is .address "$(jq -r .interfaces[0].mac <<<"$result")"
	in_ns box ping -c 1 -W 10 10.1.0.1 >/dev/null
	in_ns box ping -c 1 -W 10 fd00::1 >/dev/null
	detached
	[ "$(ip -j link | jq length)" = 2 ] || fail "nothing left on the host"
	[ -z "$(records)" ] || fail "no record"
}

@test "mode: each of the four, and CHECK sees another" {
	local mode
	for mode in bridge private vepa passthru; do
		attached ".mode = \"$mode\""
		link_is .linkinfo.info_data.mode "$mode"
		if [ "$mode" != passthru ]; then
			ip -n box link set eth0 type macvlan mode "$([ $mode = vepa ] && echo bridge || echo vepa)"
			check macvlan <<<"$(with_result "$conf")"
			expect_code 102 "the mode of eth0 is not $mode any more"
		fi
		detached
	done
	refused 7 'mode: "source" is not bridge, private, vepa or passthru' '.mode = "source"'
}

@test "mtu: the master's, less, not more" {
	ip link set m0 mtu 1450
	attached
	link_is .mtu 1450
	detached
	attached '.mtu = 1300'
	link_is .mtu 1300
	expect_json .interfaces[0].mac "$(ip -n box -j link show eth0 | jq -r .[0].address)"
	detached
	refused 7 'mtu: 9000 exceeds the 1450 of master m0' '.mtu = 9000'
}

@test "mac: by capability, CNI_ARGS, key, in this order" {
	attached '.mac = "02:00:00:00:00:03"'
	link_is .address 02:00:00:00:00:03
	expect_json .interfaces[0].mac 02:00:00:00:00:03
	detached
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:02' attached '.mac = "02:00:00:00:00:03"'
	link_is .address 02:00:00:00:00:02
	detached
	CNI_ARGS='IgnoreUnknown=1;MAC=02:00:00:00:00:02' attached '.runtimeConfig.mac = "02:00:00:00:00:01"'
	link_is .address 02:00:00:00:00:01
	detached
	attached '.mac = "02:00:00:00:00:03" | .mode = "passthru"'
	link_is .address 02:00:00:00:00:03
	detached
	refused 7 'mac: "1" is not a MAC address' '.mac = "1"'
	refused 7 'mac: 01:00:5e:00:00:01 is not a unicast address' '.mac = "01:00:5e:00:00:01"'
	refused 7 'mac: 00:00:00:00:00:00 is not a unicast address' '.runtimeConfig.mac = "00:00:00:00:00:00"'
}

@test "bcqueuelen" {
	attached '.bcqueuelen = 77'
	link_is .linkinfo.info_data.bcqueuelen 77
	detached
}

@test "master: by default that of the default route, IPv4 before IPv6, and it is said" {
	refused 7 'master: not given, and the host has no default route' 'del(.master)'
	ip addr add fd00::8/64 dev m0 nodad
	ip -6 route add default via fd00::1 dev m0
	attached 'del(.master)'
	link_is .link_index "$(cat /sys/class/net/m0/ifindex)"
	detached
	ip link add m2 type veth peer name w2
	ip link set m2 up
	ip link set w2 up
	ip route add default dev m2
	add macvlan <<<"$(macvlan 'del(.master)')"
	expect_ok
	[[ $errors == *"master m2, of the default route"* ]] || fail "the master on stderr"
	[ "$(ip -n box -j link show eth0 | jq .[0].link_index)" = "$(cat /sys/class/net/m2/ifindex)" ]
}

@test "master: by an alternative name" {
	local name
	ip link property add dev m0 altname short0 altname longer.than.any.name.of.an.interface
	for name in short0 longer.than.any.name.of.an.interface; do
		attached ".master = \"$name\""
		link_is .link_index "$(ip -j link show m0 | jq .[0].ifindex)"
		ip link property del dev m0 altname $name
		check macvlan <<<"$(with_result "$conf")"
		expect_code 102 'the master of eth0 is gone'
		detached
	done
}

@test "master: a macvlan, of the host's and of the container's" {
	ip link add mv0 link m0 type macvlan mode bridge
	ip link set mv0 up
	attached '.master = "mv0"'
	ip link add m1 up type veth peer name other
	ip link del mv0
	ip link add mv0 link m1 type macvlan mode bridge
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102 'the master of eth0 is not mv0 any more'
	detached
	ip link del mv0
	ip link add mv0 link m0 type macvlan mode bridge
	ip link set mv0 netns box
	ip -n box link set mv0 up
	attached '.master = "mv0" | .linkInContainer = true'
	del macvlan <<<"$conf"
	expect_silent
}

@test "master: none of that name" {
	refused 7 'master: the host has no interface nix0' '.master = "nix0"'
	refused 7 'master: the container has no interface m0' '.linkInContainer = true'
	refused 7 'master: ' '.master = "a/b"'
	status_of macvlan <<<"$(macvlan '.master = "nix0"')"
	expect_code 50 'master: the host has no interface nix0'
	status_of macvlan <<<"$(macvlan)"
	expect_silent
}

@test "linkInContainer, with a master, by default route, with neither" {
	refused 7 'master: not given, and the container has no default route' 'del(.master) | .linkInContainer = true'
	ip link set m0 netns box
	ip -n box link set m0 up
	attached '.linkInContainer = true'
	link_is .link m0
	del macvlan <<<"$conf"
	expect_silent
	ip -n box route add default dev m0
	attached '.linkInContainer = true | del(.master)'
	link_is .link m0
	del macvlan <<<"$conf"
	expect_silent
	[ "$(ip -n box -j link | jq -r .[1].ifname)" = m0 ] || fail "the master to stay"
}

@test "without IPAM it is up, has no address, and the kernel's defaults" {
	local before
	before=$(sysctl_of ipv6/conf/default/accept_ra)
	attached 'del(.ipam)'
	expect_json .ips null
	link_is '.flags | contains(["UP"])' true
	[ "$(sysctl_of ipv6/conf/eth0/accept_ra) $(sysctl_of ipv6/conf/eth0/autoconf)" = "$before 1" ]
	detached
}

@test "router advertisements are off where IPAM gives an address, but with slaac" {
	attached
	[ "$(sysctl_of ipv6/conf/eth0/accept_ra) $(sysctl_of ipv6/conf/eth0/autoconf)" = "0 0" ]
	detached
	attached '.slaac = true'
	[ "$(sysctl_of ipv6/conf/eth0/accept_ra) $(sysctl_of ipv6/conf/eth0/autoconf)" = "1 1" ]
	detached
}

@test "metric is that of default routes which have none" {
	attached '.metric = 50 | .ipam.routes += [{"dst": "10.9.0.0/16"}]'
	[ "$(routes 4)$(routes 6)" = '["10.1.0.1",50]["fd00::1",50]' ] || fail "metric 50: $(routes 4)$(routes 6)"
	expect_json '[.routes[] | .priority]' '[50,50,null]'
	detached
	attached '.metric = 50 | .ipam.routes = [{"dst": "0.0.0.0/0", "priority": 7}]'
	[ "$(routes 4)" = '["10.1.0.1",7]' ] || fail "the route's own: $(routes 4)"
	detached
}

@test "a second default route counts before the first, but with metric" {
	local other='.name = "n2" | .master = "m1" | .ipam = {"type": "static", "addresses": [{"address": "10.2.0.2/24",
		"gateway": "10.2.0.1"}], "routes": [{"dst": "0.0.0.0/0"}]}'
	ip link add m1 up type veth peer name w1
	attached
	add macvlan net1 <<<"$(macvlan "$other | .metric = 100")"
	expect_ok
	json_is "$(ip -n box -j route get 10.9.0.1)" .[0].gateway 10.1.0.1
	del macvlan net1 <<<"$(macvlan "$other")"
	add macvlan net1 <<<"$(macvlan "$other")"
	expect_ok
	json_is "$(ip -n box -j route get 10.9.0.1)" .[0].gateway 10.2.0.1
}

@test "sysctl is set before the interface is up" {
	attached '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter": "1"}'
	[ "$(sysctl_of ipv4/conf/eth0/arp_filter)" = 1 ]
	detached
}

@test "sysctl wins over what the plugin sets" {
	attached '.sysctl = {"net.ipv4.conf.IFNAME.arp_notify": "0", "net.ipv6.conf.IFNAME.ndisc_notify": "0",
		"net.ipv6.conf.IFNAME.accept_ra": "2", "net.ipv6.conf.IFNAME.keep_addr_on_down": "0"}'
	detached
}

@test "the configuration's dns, or IPAM's" {
	attached '.ipam.dns.nameservers = ["10.1.0.9"]'
	expect_json .dns.nameservers '["10.1.0.9"]'
	detached
	attached '.ipam.dns.nameservers = ["10.1.0.9"] | .dns.domain = "d"'
	expect_json .dns '{"domain":"d"}'
	detached
}

@test "its addresses are announced by ARP and by neighbour advertisement" {
	in_ns wire nft 'add table netdev t; add chain netdev t c { type filter hook ingress device w0 priority 0; };
		add rule netdev t c arp operation request arp saddr ip 10.1.0.2 arp daddr ip 10.1.0.2 counter;
		add rule netdev t c icmpv6 type nd-neighbor-advert icmpv6 code 0 ip6 daddr ff02::1 counter'
	attached
	in_ns wire nft -j list table netdev t | jq -e '[.nftables[].rule // empty | .expr[].counter // empty
		| .packets] | length == 2 and all(. > 0)' || fail "both: $(in_ns wire nft list table netdev t)"
	detached
}

@test "a neighbour that knew the address of another container's learns the MAC address it has now" {
	local mac=02:00:00:00:00:0a address
	attached '.mac = "02:00:00:00:00:0b"'
	in_ns box ping -c 1 -W 10 10.1.0.1 >/dev/null
	in_ns box ping -c 1 -W 10 fd00::1 >/dev/null
	detached
	for address in 10.1.0.2 fd00::2; do
		json_is "$(ip -n wire -j neigh show $address)" '.[0].lladdr' 02:00:00:00:00:0b
	done
	attached ".mac = \"$mac\""
	for address in 10.1.0.2 fd00::2; do
		json_is "$(ip -n wire -j neigh show $address)" '.[0].lladdr' $mac
	done
	detached
}

@test "a master that is down fails no ADD, and CHECK says so" {
	ip link set m0 down
	conf=$(macvlan)
	add macvlan <<<"$conf"
	expect_ok
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102 "master m0 of eth0 is down"
	ip link set m0 up
	check macvlan <<<"$(with_result "$conf")"
	expect_silent
	detached
}

@test "the name of the interface may be one of the host's; not one of the container's" {
	ip link add eth0 type veth peer name eth1
	attached
	detached
	ip link set eth0 netns box
	refused 101 'interface eth0 exists in the container already'
	del macvlan <<<"$(macvlan)"
	expect_silent
	ip -n box link show eth0 >/dev/null || fail "another kind of interface to stay"
}

# stopped_after N : ADD in the background, which has stopped behind its N-th request to the kernel.
stopped_after() {
	mkfifo -m 600 "$BATS_TEST_TMPDIR/trace$1"
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"${STRACE[@]}" -o "$BATS_TEST_TMPDIR/trace$1" -e trace=sendto -e inject="sendto:signal=STOP:when=$1" \
		"$PLUGINS/macvlan" <<<"$(macvlan)" >"$BATS_TEST_TMPDIR/output" 2>/dev/null 3>&- &
	tracer=$!
	exec {trace}<"$BATS_TEST_TMPDIR/trace$1"
	grep -q -m 1 'stopped by SIGSTOP' <&"$trace"
}

# goes_on : to its end. What strace writes meanwhile is read.
goes_on() {
	kill -CONT "$(pgrep -P "$tracer")"
	cat <&"$trace" >/dev/null
	exec {trace}<&-
	wait "$tracer" || true
}

@test "an interface of that name that comes just now is left alone" {
	local n
	for n in 1 2 3 4 5 6; do
		stopped_after $n || fail "to stop behind request $n"
		ip -n box link add eth0 type veth peer name other 2>/dev/null || break
		goes_on
		grep -q '"code"' "$BATS_TEST_TMPDIR/output" || fail "an error"
		link_is .linkinfo.info_kind veth
		ip -n box link del eth0
	done
	goes_on
	[ "$n" -gt 1 ] || fail "one before it is made"
	[ -z "$(ip -n box -j link | jq -r '.[] | select(.ifname == "other")')" ] || fail "none beside"
}

@test "who holds the master: a bridge, a passthru interface of another container" {
	ip link add br0 type bridge
	ip link set m0 master br0
	refused 101 'master: m0 is a port of bridge br0'
	ip link set m0 nomaster
	netns other
	CID=c2 add macvlan net1 <<<"$(macvlan '.mode = "passthru"')"
	expect_ok
	NS=box
	refused 101 'master: m0 carries macvlan net1 already, of namespace /run/netns/other'
}

@test "an MTU that the kernel refuses is no matter of who else is on the master" {
	netns other
	CID=c2 add macvlan net1 <<<"$(macvlan)"
	expect_ok
	NS=box
	refused 999 'create link: Invalid argument' '.mtu = 20'
	ip link add tap0 link m0 type macvtap mode bridge 2>/dev/null || return 0
	refused 101 'master: m0 carries macvtap tap0 already: it cannot be shared in this mode' '.mode = "passthru"'
}

@test "DEL: of what is gone in whichever way" {
	attached
	ip -n box link del eth0
	detached
	attached
	ip link del m0
	detached
	del macvlan <<<"$(macvlan 'del(.master)')"
	expect_silent
	new_master
	attached
	ip netns del box
	del macvlan <<<"$conf"
	expect_silent
	CNI_NETNS='' del macvlan <<<"$conf"
	expect_silent
	[ -z "$(records)" ] || fail "no record"
}

@test "CHECK: what is not there any more" {
	attached
	ip -n box addr del 10.1.0.2/24 dev eth0
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102 'interface eth0 has no address 10.1.0.2/24 any more'
	ip -n box addr add 10.1.0.2/24 dev eth0
	ip -n box link set eth0 address 02:00:00:00:00:09
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102 'MAC is not'
	ip link set m0 down
	ip link set m0 name m9
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102
	ip link del m9
	check macvlan <<<"$(with_result "$conf")"
	expect_code 102 'interface eth0 is gone'
}

repair() {
	status=0
	output=$("$CNIC_BIN/cnic" repair 2>&1) || status=$?
	echo "cnic repair: exit $status $output"
}

@test "cnic repair makes it anew when the master has come back" {
	local change state4
	for change in . '.metric = 9' '.mac = "02:00:00:00:00:03" | .mtu = 1300' 'del(.ipam)' 'del(.master)'; do
		ip addr add 10.1.0.8/24 dev m0
		ip route add default via 10.1.0.1
		attached "$change"
		state4=$(ns_state box)
		new_master
		check macvlan <<<"$(with_result "$conf")"
		expect_code 102 'interface eth0 is gone'
		repair
		[ "$status" -eq 0 ] || fail "success"
		[ "$(ip -n box -j link show eth0 | jq -r .[0].address)" = "$(jq -r .interfaces[0].mac <<<"$result")" ]
		no_dad_wait box
		expect_same state "$state4" "$(ns_state box)"
		check macvlan <<<"$(with_result "$conf")"
		expect_silent
		repair
		[ "$status" -eq 0 ] || fail "nothing to do the second time"
		expect_same state "$state4" "$(ns_state box)"
		detached
		repair
		[ "$(ip -n box -j link | jq length)" = 1 ] || fail "nothing after DEL"
	done
}

@test "cnic repair says what it lacks, and makes nothing" {
	attached
	ip link del m0
	repair
	[ "$status" -ne 0 ] && [[ $output == *"master: the host has no interface m0"* ]] || fail "the master"
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone"
}

@test "cnic repair makes nothing in another namespace at the same path" {
	attached
	ip -n box link del eth0
	ip netns del box
	ip netns add box
	repair
	[[ $status -eq 0 && $output == '0 repaired, 0 failed, 1 gone' ]] || fail "as when it is gone"
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone"
	detached
	[ -z "$(records)" ] || fail "no record"
}

@test "GC forgets what is not valid" {
	attached
	ip netns del box
	gc macvlan <<<"$(with_valid "$conf")"
	expect_silent
	[ -z "$(records)" ] || fail "no record"
}

# Two containers on one master: whom the first reaches in each mode.
@test "who reaches whom: bridge the other, private and vepa only what is behind the master" {
	local mode
	for mode in bridge private vepa; do
		netns other
		CID=c2 add macvlan <<<"$(macvlan ".mode = \"$mode\"" | sed 's/10.1.0.2/10.1.0.3/; s/fd00::2/fd00::3/')"
		expect_ok
		NS=box
		attached ".mode = \"$mode\""
		in_ns box ping -c 1 -W 10 10.1.0.1 >/dev/null
		if [ $mode = bridge ]; then
			in_ns box ping -c 1 -W 10 10.1.0.3 >/dev/null
			in_ns box ping -c 1 -W 10 fd00::3 >/dev/null
		else
			! in_ns box ping -c 1 -W 1 10.1.0.3 >/dev/null
		fi
		CID=c2 NS=other del macvlan <<<"$conf"
		detached
		ip netns del other
	done
}
