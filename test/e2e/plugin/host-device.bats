# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# host-device: each way to say which device, each way home, what users of the reference complain of. No machine
# here has a device to spare: one end of a veth pair stands in for it (dev1), a sysfs of our own says where it is.
# What only the kernel does to real ones, when a namespace ends, is in test/vm.

load ../lib

CONF='{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"dev1",
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd06::/64"}]]}}'
STORE=/var/lib/cni/networks/net
RECORDS=/run/cnic/devices
MAC=02:aa:00:00:00:01

setup() {
	host_setup
	no_dad_wait ''
	netns box
	device 1
}

# ---- sysfs: trees of our own, laid over the machine's -------------------------------------------

PCI=/sys/bus/pci/devices
AUX=/sys/bus/auxiliary/devices
DEVICES=/sys/devices

with_sysfs() {
	mount -t tmpfs tmpfs $DEVICES
	mount -t tmpfs tmpfs /sys/bus
	mkdir -p $PCI $AUX
}

teardown() {
	! mountpoint -q /sys/bus || umount /sys/bus $DEVICES
	host_clean
}

# pci ADDRESS DRIVER [IFNAME] : a device; an IFNAME of virtio3/dev1 is below its virtio device.
pci() {
	mkdir -p "$PCI/$1"
	ln -sfn "../../drivers/$2" "$PCI/$1/driver"
	case ${3:-} in
	*/*) mkdir -p "$PCI/$1/${3%/*}/net/${3#*/}" ;;
	?*) mkdir -p "$PCI/$1/net/$3" ;;
	esac
}

# ---- devices -----------------------------------------------------------------------------------

# device N : devN, wired to wireN, up.
device() {
	ip link add "dev$1" up address "02:aa:00:00:00:$(printf %02x "$1")" type veth peer name "wire$1"
	ip link set "wire$1" up
}

conf() {
	jq -c "$1" <<<"$CONF"
}

links() {
	ip -j -d link show "$1" | jq -cS '.[0] | [.ifname, .ifindex, .address, .mtu, .ifalias, .altnames,
		(.flags | contains(["UP"])), .promiscuity]'
}

leases() {
	find $STORE -name '[0-9f]*' 2>/dev/null | wc -l
}

# came_home [NAME] : as it was before ($before), with nothing left of the attachment.
came_home() {
	expect_same "${1:-dev1}" "$before" "$(links "${1:-dev1}")"
	[ -z "$(ls $RECORDS 2>/dev/null)" ] || fail "no record"
	[ "$(leases)" = 0 ] || fail "no lease"
}

add_dev1() {
	before=$(links dev1)
	add host-device <<<"${1:-$CONF}"
	expect_ok
	! [ -e /sys/class/net/dev1 ] || fail "no dev1 on the host"
}

del_dev1() {
	del host-device <<<"${1:-$CONF}"
	expect_silent
	came_home
}

# in_box ARGS... : `ip ARGS` in the container.
in_box() {
	ip -n box "$@"
}

@test "ADD moves the device in with its addresses, CHECK agrees, DEL brings it home as it was" {
	add_dev1
	expect_json '.interfaces | length' 1
	expect_json '.interfaces[0] | [.name, .mac, .mtu, .sandbox]' "[\"eth0\",\"$MAC\",1500,\"/run/netns/box\"]"
	expect_json '[.ips[] | [.address, .interface]]' '[["10.6.0.2/24",0],["fd06::2/64",0]]'
	json_is "$(in_box -j link show eth0)" '.[0] | [.ifalias, (.flags | contains(["UP"]))]' '["dev1",true]'
	json_is "$(in_box -j addr show eth0)" '[.[0].addr_info[] | select(.scope == "global") | .local]' '["10.6.0.2","fd06::2"]'
	[ "$(ls $RECORDS)" = c1:eth0.json ] || fail "one record"
	check host-device <<<"$(with_result "$CONF")"
	expect_silent
	del_dev1
	del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "packets pass" {
	ip addr add 10.6.0.1/24 dev wire1
	add_dev1
	ping -c1 -W10 -q 10.6.0.2
	in_box -6 addr show eth0
	ip addr add fd06::1/64 dev wire1 nodad
	ping -c1 -W10 -q fd06::2
}

@test "without IPAM it is up, and has its name and MAC in the result" {
	add_dev1 "$(conf 'del(.ipam)')"
	expect_json '.interfaces[0] | [.name, .mac]' "[\"eth0\",\"$MAC\"]"
	expect_json '.ips' null
	json_is "$(in_box -j link show eth0)" '.[0].flags | contains(["UP"])' true
	check host-device <<<"$(with_result "$(conf 'del(.ipam)')")"
	expect_silent
	in_box link set eth0 down
	check host-device <<<"$(with_result "$(conf 'del(.ipam)')")"
	expect_code 102 'is down'
	del_dev1 "$(conf 'del(.ipam)')"
}

@test "the host's name of it is taken in the container, or the container's on the host" {
	in_box link add dev1 type veth peer name other
	add_dev1
	expect_json '.interfaces[0].name' eth0
	ip link add eth0 type veth peer name other
	del_dev1
}

@test "up or down, MTU, altnames, alias, MAC, promiscuous or not: home as it was" {
	ip link set dev1 down mtu 1400 alias 'my device'
	ip link property add dev dev1 altname a-name-that-is-longer-than-fifteen altname enp1s0
	add_dev1
	in_box link set eth0 mtu 1300 address 02:cc:00:00:00:01 promisc on allmulticast on
	in_box link property del dev eth0 altname enp1s0
	in_box link property add dev eth0 altname mine
	del_dev1
	[[ $before == *1400* && $before == *'"my device"'* && $before == *enp1s0* ]]
	ip link set dev1 promisc on up
	add_dev1
	in_box link set eth0 promisc off
	del_dev1
}

@test "a virtual function whose MAC address is the host's matter comes home all the same" {
	local as_before errno
	needs_preload
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -shared -fPIC -o "$BATS_TEST_TMPDIR/busy.so" \
		"$ROOT/test/fault/busy_mac.c"
	ip link set dev1 mtu 1400 alias mine
	for errno in 1 5 11 13 16 98; do
		add_dev1
		in_box link set eth0 address 02:cc:00:00:00:01 mtu 1300
		BUSY_ALWAYS='at once' BUSY_ERRNO=$errno with_preload "$BATS_TEST_TMPDIR/busy.so" del host-device <<<"$CONF"
		expect_silent
		[[ $errors == *'host-device: dev1: set MAC address: '* ]] || fail "to be told"
		before=${before/$MAC/02:cc:00:00:00:01}
		came_home
		ip link set dev1 address $MAC
	done
}

@test "the container has renamed it" {
	add_dev1
	in_box link set eth0 down
	in_box link set eth0 name net7
	del_dev1
	add_dev1
	in_box link set eth0 down
	in_box link set eth0 name eth7 alias nonsense
	in_box link add eth0 type veth peer name x
	del_dev1
	in_box link show eth0
}

@test "the container has given it another name of the host's" {
	add_dev1
	in_box link property add dev eth0 altname wire1
	in_box link property add dev eth0 altname dev1
	del_dev1
	ip link show wire1
}

@test "the container has given another interface its name and its alias" {
	ip link set dev1 mtu 1400
	add_dev1
	in_box link set eth0 down
	in_box link set eth0 name old
	in_box link add eth0 type veth peer name other
	in_box link set eth0 alias dev1
	del_dev1
	in_box link show eth0
}

@test "the namespace has gone and the device is on the host under another name" {
	add_dev1
	in_box link set eth0 netns 1 name dev77
	ip netns del box
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_silent
	came_home
	netns box
	add_dev1
	in_box link set eth0 netns 1
	del_dev1
	add_dev1
	in_box link set eth0 netns 1
	CNI_NETNS='' del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "the namespace's path is not given any more, but the device is in it" {
	add_dev1
	CNI_NETNS='' del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "the device has gone with its namespace, or in it: IPAM is released" {
	add_dev1
	in_box link del eth0
	del host-device <<<"$CONF"
	expect_silent
	[ "$(leases)" = 0 ] || fail "no lease"
	[ -z "$(ls $RECORDS)" ] || fail "no record"
	device 1
	add_dev1
	ip netns del box
	ip link add dev1 type veth peer name wire9
	before=$(links dev1)
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_silent
	came_home
	CNI_NETNS='' del host-device <<<"$CONF"
	expect_silent
}

@test "after a reboot, DEL has the lease only" {
	add_dev1
	rm -r /run/cnic
	ip netns del box
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_silent
	[ "$(leases)" = 0 ] || fail "no lease"
}

@test "its name is taken on the host by another: it comes home under one of its others, or any" {
	ip link property add dev dev1 altname enp1s0
	add_dev1
	ip link add dev1 type veth peer name other
	before=$(links dev1)
	del host-device <<<"$CONF"
	expect_silent
	[[ $errors == *"the name dev1 is taken on the host: the device comes home as enp1s0"* ]] || fail "to be told"
	came_home
	json_is "$(ip -j link show enp1s0)" '.[0] | [.ifname, .address, .altnames, (.flags | contains(["UP"]))]' \
		"[\"enp1s0\",\"$MAC\",null,true]"
	add host-device <<<"$(conf '.device = "enp1s0"')"
	expect_ok
	ip link property add dev other altname enp1s0
	del host-device <<<"$CONF"
	expect_silent
	[[ $errors == *"comes home as dev0"* ]] || fail "to be told"
	json_is "$(ip -j link show dev0)" '.[0] | [.ifname, .address]' "[\"dev0\",\"$MAC\"]"
}

@test "useInterfaceNetwork: addresses and routes go along, and come home" {
	local network
	ip addr add 10.7.0.2/24 dev dev1
	ip addr add 10.7.0.3/24 dev dev1 valid_lft 1000 preferred_lft 1000
	ip addr add fd07::2/64 dev dev1 nodad
	ip route add 10.8.0.0/16 via 10.7.0.1 metric 7
	ip route add 10.9.0.0/16 dev dev1 proto ra
	ip route add 10.11.0.0/16 via 10.7.0.1 proto dhcp
	ip route add 10.10.0.0/16 dev dev1 scope link table 77
	ip -6 route add fd08::/64 via fd07::1
	network=$(ip -br addr show dev1 | tr ' ' '\n' | grep -v '10.7.0.3\|fe80'; ip route show table all dev dev1 | grep 'via' | grep -v dhcp)
	add_dev1 "$(conf '.useInterfaceNetwork = true')"
	expect_json '[.ips[].address]' '["10.6.0.2/24","fd06::2/64","10.7.0.2/24","fd07::2/64"]'
	expect_json '[.routes[] | [.dst, .gw, .priority, .table, .scope]]' \
		'[["10.10.0.0/16",null,null,77,253],["10.8.0.0/16","10.7.0.1",7,null,null],["fd08::/64","fd07::1",1024,null,null]]'
	json_is "$(in_box -j route show 10.8.0.0/16)" '.[0].gateway' 10.7.0.1
	json_is "$(in_box -j -6 route show fd08::/64)" '.[0].gateway' fd07::1
	check host-device <<<"$(with_result "$(conf '.useInterfaceNetwork = true')")"
	expect_silent
	del_dev1
	expect_same network "$network" \
		"$(ip -br addr show dev1 | tr ' ' '\n' | grep -v 'fe80'; ip route show table all dev dev1 | grep via)"
	ip route show table 77 | grep 10.10.0.0/16
	add_dev1 "$(conf '.useInterfaceNetwork = true | del(.ipam)')"
	expect_json '[.ips[].address]' '["10.7.0.2/24","fd07::2/64"]'
}

# routes_of_dev1 [-6] : the host's, but for the kernel's own.
routes_of_dev1() {
	ip "${1:--4}" route show | grep -v 'proto kernel\|fe80' | sed 's/ $//; s/ linkdown//'
}

@test "useInterfaceNetwork: an address that the kernel does not take any more is told of" {
	local conf
	ip addr add fd07::2/64 dev dev1 nodad
	ip addr add 10.7.0.2/24 dev dev1
	conf=$(conf '.useInterfaceNetwork = true | del(.ipam)')
	add_dev1 "$conf"
	echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	del host-device <<<"$conf"
	echo 0 >/proc/sys/net/ipv6/conf/default/disable_ipv6
	expect_silent
	[[ $errors == *'host-device: fd07::2/64: add address: Permission denied'* ]] || fail "to be told"
	came_home
	ip addr show dev1 | grep 10.7.0.2/24
}

@test "useInterfaceNetwork: a gateway that a route on the link leads to; ADD that fails, DEL" {
	local v4 v6 conf
	ip addr add 10.7.0.7/32 dev dev1
	ip route add 192.168.9.1/32 dev dev1 scope link
	ip route add default via 192.168.9.1 dev dev1
	ip addr add fd07::7/128 dev dev1 nodad
	ip -6 route add fd09::1 dev dev1
	ip -6 route add default via fd09::1 dev dev1
	v4=$(routes_of_dev1) v6=$(routes_of_dev1 -6)
	[[ $v4 == *default* && $v6 == *default* ]]
	conf=$(conf '.useInterfaceNetwork = true | del(.ipam)')
	add_dev1 "$conf"
	json_is "$(in_box -j route show default)" '.[0].gateway' 192.168.9.1
	del_dev1 "$conf"
	expect_same routes "$v4$v6" "$(routes_of_dev1)$(routes_of_dev1 -6)"
	add host-device <<<"$(conf '.useInterfaceNetwork = true | .ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
	came_home
	expect_same routes "$v4$v6" "$(routes_of_dev1)$(routes_of_dev1 -6)"
}

@test "useInterfaceNetwork: a route over several next hops comes home whole, or stderr says that it does not" {
	local v4 v6 conf
	ip addr add 10.7.0.2/24 dev dev1
	ip addr add fd07::2/64 dev dev1 nodad
	ip route add 10.8.0.0/16 nexthop via 10.7.0.1 nexthop via 10.7.0.3 nexthop via 10.7.0.4
	ip -6 route add fd08::/64 nexthop via fd07::1 nexthop via fd07::3
	v4=$(routes_of_dev1) v6=$(routes_of_dev1 -6)
	conf=$(conf '.useInterfaceNetwork = true | del(.ipam)')
	add_dev1 "$conf"
	del_dev1 "$conf"
	expect_same routes "$v4$v6" "$(routes_of_dev1)$(routes_of_dev1 -6)"
	[ -z "$errors" ] || fail "nothing to tell"
	device 2
	ip addr add 10.9.0.2/24 dev dev2
	ip route add 10.10.0.0/16 nexthop via 10.7.0.1 nexthop via 10.9.0.1
	add_dev1 "$conf"
	[[ $errors == *'the route to 10.10.0.0/16 has next hops over other interfaces, too'* ]] || fail "to be told"
	ip route add 10.8.0.0/16 via 10.9.0.1
	del_dev1 "$conf"
	[[ $errors == *'host-device: 10.8.0.0/16: add route: File exists'* ]] || fail "to be told"
	expect_same route '10.8.0.0/16 via 10.9.0.1 dev dev2' "$(ip route show 10.8.0.0/16 | sed 's/ $//')"
}

@test "useInterfaceNetwork: what cannot be given back is refused first" {
	local network
	ip addr add 10.9.0.1 peer 10.9.0.2/32 dev dev1
	before=$(links dev1)
	network=$(ip addr show dev1; ip route show dev dev1)
	add host-device <<<"$(conf '.useInterfaceNetwork = true')"
	expect_code 7 'useInterfaceNetwork: the address 10.9.0.1 has a peer'
	came_home
	expect_same network "$network" "$(ip addr show dev1; ip route show dev dev1)"
	ip addr flush dev dev1
	ip addr add 10.9.1.1/24 dev dev1
	ip route add 10.78.0.0/16 via 10.99.1.2 dev dev1 onlink
	network=$(ip addr show dev1; ip route show dev dev1)
	add host-device <<<"$(conf '.useInterfaceNetwork = true')"
	expect_code 7 'useInterfaceNetwork: the route to 10.78.0.0/16 is of the kind onlink'
	came_home
	expect_same network "$network" "$(ip addr show dev1; ip route show dev dev1)"
}

@test "a device that is in the container already is configured, and stays there" {
	local before
	ip link set dev1 netns box
	in_box addr add 10.5.0.9/24 dev dev1
	before=$(in_box -j addr show dev1 | jq -c '.[0] | [.ifname, .mtu, .flags, [.addr_info[].local]]')
	# it is of no hardware: it has the name
	add host-device eth0 <<<"$CONF"
	expect_code 7 'device: there is no interface of dev1 on the host, nor a device of it in /run/netns/box'
	add host-device dev1 <<<"$CONF"
	expect_ok
	expect_json '.interfaces[0].name' dev1
	check host-device dev1 <<<"$(with_result "$CONF")"
	expect_silent
	in_box addr show dev1 | grep 10.6.0
	in_box link show dev1 up | grep dev1
	del host-device dev1 <<<"$CONF"
	expect_silent
	expect_same dev1 "$before" "$(in_box -j addr show dev1 | jq -c '.[0] | [.ifname, .mtu, .flags, [.addr_info[].local]]')"
	[ "$(leases)" = 0 ] || fail "no lease"
	add host-device dev1 <<<"$(conf '.ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
	expect_same dev1 "$before" "$(in_box -j addr show dev1 | jq -c '.[0] | [.ifname, .mtu, .flags, [.addr_info[].local]]')"
}

# in_place : dev1 is in the container, up, with addresses and routes of its own.
in_place() {
	ip link set dev1 netns box
	in_box link set dev1 up
	in_box addr add 10.7.0.2/24 brd + dev dev1
	in_box addr add fd07::2/64 dev dev1 nodad
	in_box route add 10.8.0.0/16 via 10.7.0.1
	in_box route add 192.168.77.0/24 dev dev1
	in_box -6 route add fd08::/64 via fd07::1
}

network_of_box() {
	in_box addr show dev1 | sed '/fe80/,+1d'
	in_box route
	in_box -6 route | grep -v fe80
}

@test "in place, useInterfaceNetwork: its own addresses and routes are in the result, and stay" {
	local before conf
	in_place
	before=$(network_of_box)
	for conf in 'del(.ipam)' '.ipam = {"type":"static","addresses":[{"address":"10.6.0.2/24"}]}'; do
		conf=$(conf ".useInterfaceNetwork = true | $conf")
		add host-device dev1 <<<"$conf"
		expect_ok
		expect_json '[.routes[].dst]' '["10.8.0.0/16","192.168.77.0/24","fd08::/64"]'
		check host-device dev1 <<<"$(with_result "$conf")"
		expect_silent
		del host-device dev1 <<<"$conf"
		expect_silent
		[ -z "$errors" ] || fail "nothing to tell"
		expect_same network "$before" "$(network_of_box)"
	done
	add host-device dev1 <<<"$(conf '.useInterfaceNetwork = true | .ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
	expect_same network "$before" "$(network_of_box)"
}

@test "in place: IPAM gives an address and a route that it has" {
	local before conf use
	in_place
	before=$(network_of_box)
	for use in false true; do
		conf=$(conf ".useInterfaceNetwork = $use"' | .ipam = {"type":"static",
			"addresses":[{"address":"10.7.0.2/24","gateway":"10.7.0.1"},{"address":"fd07::2/64"}],
			"routes":[{"dst":"10.8.0.0/16"},{"dst":"fd08::/64","gw":"fd07::1"}]}')
		add host-device dev1 <<<"$conf"
		expect_ok
		check host-device dev1 <<<"$(with_result "$conf")"
		expect_silent
		del host-device dev1 <<<"$conf"
		expect_silent
		expect_same network "$before" "$(network_of_box)"
	done
	in_box addr del fd07::2/64 dev dev1
	in_box addr add fd07::2/128 dev dev1 nodad
	add host-device dev1 <<<"$(jq -c 'del(.useInterfaceNetwork)' <<<"$conf")"
	expect_code 999 'add address: File exists'
}

@test "useInterfaceNetwork: IPAM gives an address and routes that the device has" {
	local conf
	ip addr add 10.7.0.2/24 dev dev1
	ip addr add fd07::2/64 dev dev1 nodad
	ip route add 10.8.0.0/16 via 10.7.0.1
	ip route add 10.9.0.0/16 via 10.7.0.1 metric 7
	ip route add 192.168.77.0/24 dev dev1
	ip -6 route add fd08::/64 via fd07::1
	conf=$(conf '.useInterfaceNetwork = true | .ipam = {"type":"static",
		"addresses":[{"address":"10.7.0.2/24","gateway":"10.7.0.1"},{"address":"fd07::2/64"}],
		"routes":[{"dst":"10.8.0.0/16"},{"dst":"10.9.0.0/16","gw":"10.7.0.1"},{"dst":"192.168.77.0/24","scope":253},
			{"dst":"fd08::/64","gw":"fd07::1"}]}')
	add_dev1 "$conf"
	expect_json '[.routes[] | [.dst, .priority]]' \
		'[["10.8.0.0/16",null],["10.9.0.0/16",null],["192.168.77.0/24",null],["fd08::/64",null],["10.9.0.0/16",7]]'
	check host-device <<<"$(with_result "$conf")"
	expect_silent
	del_dev1 "$conf"
	ip route show 10.9.0.0/16 | grep 'metric 7'
}

# but for what the kernel gives it in its own time
addressed() {
	in_box -j addr show eth0 | jq '.[0] | [.ifname, .address, .mtu, .flags - ["NO-CARRIER", "LOWER_UP"],
		(.addr_info[] | select(.scope == "global"))]'
}

@test "a second ADD is refused by IPAM and changes nothing" {
	local inside
	add_dev1
	inside=$(addressed)
	add host-device <<<"$(conf ".hwaddr = \"$MAC\" | del(.device)")"
	expect_failure
	expect_same eth0 "$inside" "$(addressed)"
	del_dev1
}

@test "hwaddr" {
	device 2
	before=$(links dev2)
	add host-device <<<"$(conf 'del(.device) | .hwaddr = "02:AA:00:00:00:02"')"
	expect_ok
	expect_json '.interfaces[0].mac' 02:aa:00:00:00:02
	del host-device <<<"$(conf 'del(.device) | .hwaddr = "02:AA:00:00:00:02"')"
	expect_silent
	came_home dev2
	add host-device <<<"$(conf 'del(.device) | .hwaddr = "02:aa:00:00:00:03"')"
	expect_code 7 hwaddr
	add host-device <<<"$(conf 'del(.device) | .hwaddr = "02:aa:00:00:00"')"
	expect_code 7 'hwaddr: "02:aa:00:00:00" is not a MAC address'
}

# by_key JQ : ADD and DEL of dev1 by another key than `device`.
by_key() {
	local conf
	conf=$(conf "del(.device) | $1")
	add_dev1 "$conf"
	expect_json '.interfaces[0].mac' $MAC
	check host-device <<<"$(with_result "$conf")"
	expect_silent
	del_dev1 "$conf"
}

# refused_key JQ TEXT
refused_key() {
	add host-device <<<"$(conf "del(.device) | $1")"
	expect_code 7 "$2"
	came_home
}

@test "kernelpath" {
	local path=$DEVICES/pci0000:00/0000:00:03.0
	with_sysfs
	mkdir -p $path/net/dev1 $path/net/dev9 $DEVICES/empty/net $DEVICES/virt/virtio3/net/dev1
	by_key ".kernelpath = \"$path\""
	by_key ".kernelpath = \"$path//\""
	by_key ".kernelpath = \"$DEVICES/virt\""
	before=$(links dev1)
	refused_key '.kernelpath = "/sys/devices/empty"' 'kernelpath: there is no interface of /sys/devices/empty'
	refused_key '.kernelpath = "/sys/devices/nowhere"' 'kernelpath: there is no interface'
	refused_key '.kernelpath = "/sys/devicespci0000:00/0000:00:03.0"' 'kernelpath: '
	refused_key '.kernelpath = "/sys/class/net/dev1/device"' 'kernelpath: "/sys/class/net/dev1/device" is no path below'
	refused_key '.kernelpath = "/sys/devices/../class/net/dev1"' 'is no path below'
	refused_key '.kernelpath = "/sys/devices/.."' 'is no path below'
}

@test "pciBusID: of a device, or of its virtio device" {
	with_sysfs
	pci 0000:03:00.1 ixgbevf dev1
	pci 0000:03:00.2 virtio-pci virtio3/dev1
	pci 0000:03:00.3 ixgbevf
	mkdir -p $PCI/0000:03:00.4/net/dev1
	by_key '.pciBusID = "0000:03:00.1"'
	by_key '.pciBusID = "0000:03:00.2"'
	before=$(links dev1)
	refused_key '.pciBusID = "0000:03:00.3"' 'pciBusID: there is no interface of 0000:03:00.3'
	refused_key '.pciBusID = "0000:03:00.4"' 'pciBusID: no driver has the device'
	refused_key '.pciBusID = "0000:03:00.9"' 'pciBusID: there is no PCI device'
	refused_key '.pciBusID = "../../../class/net/dev1"' 'is not a PCI address'
}

@test "runtimeConfig.deviceID: a PCI device, which wins over pciBusID, or an auxiliary one" {
	with_sysfs
	pci 0000:03:00.1 ixgbevf dev1
	mkdir -p $AUX/mlx5_core.sf.4/net/dev1
	by_key '.runtimeConfig.deviceID = "0000:03:00.1"'
	by_key '.runtimeConfig.deviceID = "0000:03:00.1" | .pciBusID = "0000:03:00.9"'
	by_key '.runtimeConfig.deviceID = "mlx5_core.sf.4" | .pciBusID = "0000:03:00.9"'
	before=$(links dev1)
	refused_key '.runtimeConfig.deviceID = "mlx5_core.sf.5"' 'runtimeConfig.deviceID: '
	refused_key '.runtimeConfig.deviceID = "../../../class/net/dev1"' 'runtimeConfig.deviceID: '
	refused_key . 'device: missing'
}

@test "of the keys device counts, then hwaddr, kernelpath, pciBusID" {
	with_sysfs
	device 2
	device 3
	device 4
	pci 0000:03:00.1 ixgbevf dev2
	mkdir -p $DEVICES/x/net/dev3
	by_key '.device = "dev1" | .hwaddr = "02:aa:00:00:00:04" | .pciBusID = "0000:03:00.1" | .kernelpath = "/sys/devices/x"'
	by_key ".hwaddr = \"$MAC\" | .pciBusID = \"0000:03:00.1\" | .kernelpath = \"/sys/devices/x\""
	add host-device <<<"$(conf 'del(.device) | .pciBusID = "0000:03:00.1" | .kernelpath = "/sys/devices/x"')"
	expect_json '.interfaces[0].mac' 02:aa:00:00:00:03
}

@test "a driver for userspace: addresses, but no interface" {
	local conf driver tries key=.pciBusID
	with_sysfs
	before=$(links dev1)
	tries=0
	for driver in vfio-pci uio_pci_generic igb_uio; do
		pci 0000:03:00.1 $driver dev1
		conf=$(conf "del(.device) | $key = \"0000:03:00.1\"")
		[ "$key" = .pciBusID ] && key=.runtimeConfig.deviceID || key=.pciBusID
		add host-device <<<"$conf"
		expect_ok
		expect_json '.interfaces' '[{"name":"eth0","sandbox":"/run/netns/box"}]'
		expect_json '.ips[0] | [.address, .interface]' '["10.6.0.'"$((2 + tries))"'/24",0]'
		tries=$((tries + 1))
		check host-device <<<"$(with_result "$conf")"
		expect_silent
		del host-device <<<"$conf"
		expect_silent
		came_home
	done
	add host-device <<<"$(conf 'del(.ipam) | .DPDKMode = true')"
	expect_ok
	expect_json '.interfaces' '[{"name":"eth0","sandbox":"/run/netns/box"}]'
	expect_json .ips null
	came_home
}

@test "DEL needs nothing that the configuration names" {
	local conf
	with_sysfs
	pci 0000:03:00.1 ixgbevf dev1
	conf=$(conf 'del(.device) | .runtimeConfig.deviceID = "0000:03:00.1"')
	add_dev1 "$conf"
	rm -r $PCI/0000:03:00.1
	del_dev1 "$conf"
	add_dev1
	del_dev1 "$(conf 'del(.device)')"
}

@test "a container id too long for a file's name: ADD fails, and DEL does not" {
	local CID
	CID=$(printf 'a%.0s' {1..250})
	before=$(links dev1)
	add host-device <<<"$CONF"
	expect_code 999 'File name too long'
	[[ $output != *rollback* ]] || fail "nothing to undo: $output"
	del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "an interface of that name in the container is left alone" {
	in_box link add eth0 type veth peer name other
	before=$(links dev1)
	add host-device <<<"$CONF"
	expect_code 101 'eth0 exists in the container'
	came_home
	in_box link show eth0
}

@test "a failing ADD brings the device home" {
	before=$(links dev1)
	add host-device <<<"$(conf '.ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
	came_home
	add host-device <<<"$(conf '.ipam.routes = [{"dst":"10.9.0.0/16","gw":"10.77.0.1"}]')"
	expect_failure
	came_home
	add host-device <<<"$(conf '.sysctl = {"net.ipv4.conf.IFNAME.nonsense":"1"}')"
	expect_failure
	came_home
	add host-device <<<"$(conf '.device = "lo"')"
	expect_code 7 'device: lo is a loopback interface'
	came_home
	json_is "$(ip -j link show lo)" '.[0].ifalias' null
}

@test "another container gets it before the first one's DEL: it comes home as it was at first" {
	ip link set dev1 mtu 1400 alias mine
	add_dev1
	in_box link set eth0 netns 1 name dev77 mtu 1300
	ip netns del box
	netns box
	CID=c2 add host-device eth1 <<<"$(conf "del(.device) | .hwaddr = \"$MAC\"")"
	expect_ok
	[ "$(ls $RECORDS)" = c2:eth1.json ] || fail "one record"
	CNI_NETNS='' del host-device <<<"$CONF"
	expect_silent
	in_box link show eth1
	CID=c2 del host-device eth1 <<<"$CONF"
	expect_silent
	came_home
}

# hardware COMMAND... : dev1, whose index is 77, passes for a device of the hardware.
hardware() {
	needs_preload
	[ -e "$BATS_TEST_TMPDIR/hw.so" ] || ${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -shared -fPIC \
		-o "$BATS_TEST_TMPDIR/hw.so" "$ROOT/test/fault/hardware.c"
	HARDWARE=77 with_preload "$BATS_TEST_TMPDIR/hw.so" "$@"
}

hardware_device() {
	ip link del dev1
	ip link add dev1 index 77 address $MAC type veth peer name wire1
	ip link set wire1 up
}

@test "a device that has come home already, and is in use: DEL and GC leave it as it is" {
	local how used
	hardware_device
	for how in del gc; do
		hardware add host-device <<<"$CONF"
		expect_ok
		ref_run del host-device <<<"$CONF"
		expect_silent
		[ -e $RECORDS/c1:eth0.json ] || fail "the record to stay"
		ip link set dev1 up mtu 9000
		ip addr add 192.0.2.5/24 dev dev1
		ip route add default via 192.0.2.1
		used=$(links dev1; ip -4 addr show dev1; ip route)
		if [ $how = del ]; then
			hardware del host-device <<<"$CONF"
		else
			hardware gc host-device <<<"$(with_valid "$CONF")"
		fi
		expect_silent
		expect_same dev1 "$used" "$(links dev1; ip -4 addr show dev1; ip route)"
		[ -z "$(ls $RECORDS)" ] || fail "no record"
		ip addr flush dev dev1
		ip link set dev1 down mtu 1500
	done
}

@test "a second attachment does not get the first one's device in the same container" {
	local conf inside
	hardware_device
	conf=$(conf "del(.device, .ipam) | .hwaddr = \"$MAC\"")
	before=$(links dev1)
	hardware add host-device net1 <<<"$conf"
	expect_ok
	inside=$(in_box -o link show net1)
	hardware add host-device net2 <<<"$(jq -c '.name = "other"' <<<"$conf")"
	expect_code 101 'device dev1 is the container'"'"'s already: another attachment has made it net1'
	hardware del host-device net2 <<<"$conf"
	expect_silent
	expect_same net1 "$inside" "$(in_box -o link show net1)"
	# of another container, which has lost it, the file does not count
	mv $RECORDS/c1:net1.json $RECORDS/c0:net1.json
	hardware add host-device net2 <<<"$conf"
	expect_ok
	hardware del host-device net2 <<<"$conf"
	expect_silent
	mv $RECORDS/c0:net1.json $RECORDS/c1:net1.json
	hardware del host-device net1 <<<"$conf"
	expect_silent
	came_home
}

@test "a device of the hardware that is half home is brought home" {
	hardware_device
	ip link set dev1 up mtu 1400
	before=$(links dev1)
	hardware add host-device <<<"$CONF"
	expect_ok
	in_box link set eth0 netns 1 name dev1 mtu 1300
	hardware del host-device <<<"$CONF"
	expect_silent
	came_home
}

# forged : the container's namespace has ended; the device is on the host as the kernel sends it back, down, with a name,
# an alias and more of the container's choice.
forged() {
	in_box link set eth0 alias any mtu 1300
	in_box link set eth0 netns 1 name dev1
	ip netns del box
}

@test "a container that passes its device off as one that was brought home does not keep it from that" {
	local how
	hardware_device
	ip link set dev1 up mtu 1400 alias mine
	before=$(links dev1)
	for how in del gc other; do
		hardware add host-device <<<"$CONF"
		expect_ok
		forged
		case $how in
		del) hardware del host-device <<<"$CONF" ;;
		gc) hardware gc host-device <<<"$(with_valid "$CONF")" ;;
		other)
			netns box
			CID=c2 hardware add host-device <<<"$CONF"
			expect_ok
			CID=c2 hardware del host-device <<<"$CONF"
			expect_silent
			hardware del host-device <<<"$CONF"
			;;
		esac
		expect_silent
		came_home
		ip netns add box 2>/dev/null || true
	done
}

@test "an attachment that the reference has deleted: what is now counts" {
	add_dev1
	ref_run del host-device <<<"$CONF"
	expect_silent
	ip link set dev1 mtu 1300
	add_dev1
	del_dev1
}

@test "GC brings home what is not valid, and releases its addresses" {
	local before1 before2
	device 2
	before1=$(links dev1)
	before2=$(links dev2)
	add host-device <<<"$CONF"
	expect_ok
	CID=c2 add host-device eth1 <<<"$(conf '.device = "dev2"')"
	expect_ok
	gc host-device <<<"$CONF"
	expect_silent
	gc host-device <<<"$(with_valid "$CONF" c1/eth0 c2/eth1)"
	expect_silent
	gc host-device <<<"$(with_valid "$(conf '.name = "other"')")"
	expect_silent
	[ "$(ls $RECORDS | wc -l)" = 2 ] || fail "both records"
	in_box link set eth0 netns 1 name dev77
	gc host-device <<<"$(with_valid "$CONF" c2/eth1)"
	expect_silent
	expect_same dev1 "$before1" "$(links dev1)"
	[ "$(ls $RECORDS)" = c2:eth1.json ] || fail "one record"
	gc host-device <<<"$(with_valid "$CONF")"
	expect_silent
	expect_same dev2 "$before2" "$(links dev2)"
	before=$before1
	came_home
}

@test "an alias that looks like a name: no DEL without a record moves what no ADD has" {
	local before
	ip link set dev1 alias storage netns box up
	before=$(in_box -o link show dev1)
	add host-device dev1 <<<"$CONF"
	expect_ok
	del host-device dev1 <<<"$CONF"
	expect_silent
	del host-device dev1 <<<"$CONF"
	expect_silent
	expect_same dev1 "$before" "$(in_box -o link show dev1)"
	in_box link set dev1 down
	in_box link set dev1 name eth0 up
	before=$(in_box -o link show eth0)
	ip link add dev7 type veth peer name wire7
	add host-device <<<"$(conf '.device = "dev7"')"
	expect_code 101 'eth0 exists in the container'
	forget_result
	del host-device <<<"$CONF"
	expect_silent
	del host-device <<<"$(with_result "$CONF" '{"cniVersion":"1.1.0","interfaces":[
		{"name":"eth0","mac":"02:aa:00:00:00:09","sandbox":"/run/netns/box"},{"name":"eth0","mac":"'$MAC'"},
		{"name":"eth1","mac":"'$MAC'","sandbox":"/run/netns/box"}]}')"
	expect_silent
	del host-device <<<"$(with_result "$CONF" '{"cniVersion":"1.1.0","interfaces":[
		{"mac":"'$MAC'","sandbox":"/run/netns/box"}]}')"
	expect_silent
	expect_same eth0 "$before" "$(in_box -o link show eth0)"
	del host-device <<<"$(conf '.cniVersion = "0.3.1"')"
	expect_silent
	ip link show storage
}

@test "a record that is nonsense" {
	local text
	for text in '' '{' '[]' '{}' '{"name":"../x"}' '{"name":"dev1","flags":-1}' '{"name":"dev1","interfaceNetwork":{"ips":1}}'; do
		add_dev1
		echo "$text" >$RECORDS/c1:eth0.json
		gc host-device <<<"$(with_valid "$CONF" c1/eth0)"
		expect_silent
		del host-device <<<"$(with_result "$CONF")"
		expect_silent
		# by the alias, as the reference's
		ip link set dev1 up
		came_home
	done
}

@test "STATUS is IPAM's, without a deviceID" {
	status_of host-device <<<"$(conf 'del(.device)')"
	expect_silent
	status_of host-device <<<"$(conf '.ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
}

@test "dns: the configuration's with IPAM, as in the reference none without" {
	add_dev1 "$(conf '.dns = {"nameservers":["10.6.0.1"]}')"
	expect_json '.dns.nameservers[0]' 10.6.0.1
	del_dev1
	add_dev1 "$(conf 'del(.ipam) | .dns = {"nameservers":["10.6.0.1"]}')"
	expect_json '.dns | length' 0
}

@test "sysctls are set before the link is up" {
	add_dev1 "$(conf '.sysctl = {"net.ipv6.conf.IFNAME.addr_gen_mode":"1"} | del(.ipam)')"
	in_box -6 addr show eth0
	[ -z "$(in_box -6 -o addr show eth0)" ] || fail "no link-local address"
	check host-device <<<"$(with_result "$(conf '.sysctl = {"net.ipv6.conf.IFNAME.addr_gen_mode":"0"} | del(.ipam)')")"
	expect_code 102 addr_gen_mode
}

@test "enabledad: a duplicate address fails the ADD" {
	local conf
	conf=$(conf '.enabledad = true | .ipam.ranges = [[{"subnet":"fd06::/64"}]]')
	ip addr add fd06::2/64 dev wire1 nodad
	before=$(links dev1)
	add host-device <<<"$conf"
	expect_code 101 fd06::2
	came_home
	ip addr del fd06::2/64 dev wire1
	add_dev1 "$conf"
	in_box -6 addr show eth0 tentative | grep -q fd06 && fail "no tentative address"
	del_dev1
}

@test "what is never moved is not, nor one like it in the container" {
	ip link add br7 index 1077 type bridge
	in_box link add br8 index 1077 type bridge
	add host-device <<<"$(conf '.device = "br7"')"
	expect_failure
	[ "$(ip -j link show br7 | jq -r '.[0].ifalias')" = null ] || fail "no alias"
	in_box link show br8
	[ -z "$(ls $RECORDS)" ] || fail "no record"
}

@test "20 devices at a time, in and home, by each way" {
	local n
	for n in {2..20}; do
		device "$n"
	done
	links_of_all() {
		for n in {1..20}; do
			links "dev$n"
		done
	}
	before=$(links_of_all)
	for_all() {
		local pids=() pid
		for n in {1..20}; do
			(
				CID=c$n "$1" host-device "net$n" <<<"$(conf ".device = \"dev$n\"")"
				expect_ok
			) >"$BATS_TEST_TMPDIR/$1$n" 2>&1 &
			pids+=($!)
		done
		for pid in "${pids[@]}"; do
			wait "$pid" || { cat "$BATS_TEST_TMPDIR/$1"*; fail "all to be well"; }
		done
	}
	for_all add
	[ "$(in_box -j link show | jq '[.[] | select(.ifname | startswith("net"))] | length')" = 20 ] || fail "20 inside"
	# each way home: renamed, back on the host under another name, with another's name and alias, as it was
	for n in {1..20..4}; do
		in_box link set "net$n" name "x$n"
		in_box link set "net$((n + 1))" netns 1 name "dev7$n"
		in_box link set "net$((n + 2))" name "x$((n + 2))" alias nonsense mtu 1300
		in_box link add "net$((n + 2))" type veth peer name "y$n"
		in_box link set "net$((n + 2))" alias "dev$((n + 2))"
	done
	for_all del
	expect_same devices "$before" "$(links_of_all)"
	[ "$(leases)" = 0 ] || fail "no lease"
	[ -z "$(ls $RECORDS)" ] || fail "no record"
}
