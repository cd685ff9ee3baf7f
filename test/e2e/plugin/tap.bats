# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# tap: each of its keys, what users of the reference complain of, and packets through it.

load ../lib

CONF='{"cniVersion":"1.1.0","name":"net","type":"tap",
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd06::/64"}]]}}'
STORE=/var/lib/cni/networks/net

setup() {
	host_setup
	netns box
}

conf() {
	jq -c "$1" <<<"$CONF"
}

# link_is JQPATH VALUE : of eth0 in the container.
link_is() {
	json_is "$(ip -n box -d -j link show eth0 | jq '.[0]')" "$1" "$2"
}

result_is() {
	json_is "$result" "$@"
}

leases() {
	find $STORE -name '[0-9f]*' 2>/dev/null | wc -l
}

nothing_left() {
	[ "$(ip -n box -j link show | jq -r '.[].ifname' | paste -sd' ')" = "${1:-lo}" ] || fail "no device: $(ip -n box -br link)"
	[ "$(leases)" = 0 ] || fail "no lease"
}

# tap [JQ] : ADD that works, CHECK of its result.
tap() {
	conf=$(conf "${1:-.}")
	add tap <<<"$conf"
	expect_ok
	check tap <<<"$(with_result "$conf")"
	expect_silent
}

untap() {
	del tap <<<"$conf"
	expect_silent
	nothing_left "$@"
	del tap <<<"$conf"
	expect_silent
}

@test "a tap device that persists, up, with its addresses" {
	tap
	link_is '[.linkinfo.info_kind, .linkinfo.info_data.type, .linkinfo.info_data.persist, .linkinfo.info_data.pi,
		.linkinfo.info_data.vnet_hdr, .linkinfo.info_data.multi_queue]' '["tun","tap",true,false,false,false]'
	link_is '.flags | contains(["UP"])' true
	result_is '.interfaces[0] | [.name, .mtu, .sandbox]' '["eth0",1500,"/run/netns/box"]'
	link_is .address "$(jq -r '.interfaces[0].mac' <<<"$result")"
	result_is '[.ips[] | [.address, .interface]]' '[["10.6.0.2/24",0],["fd06::2/64",0]]'
	[ -z "$(host_links)" ] || fail "nothing on the host"
	untap
}

@test "IPv6 with a gateway waits for nothing" {
	local began took
	for _ in {1..5}; do # a busy machine may take as long by itself
		began=${EPOCHREALTIME/./}
		tap '.ipam.ranges = [[{"subnet":"fd06::/64"}]]'
		took=$(((${EPOCHREALTIME/./} - began) / 1000))
		[ $took -ge 2000 ] || break
		untap
	done
	[ $took -lt 2000 ] || fail "less than two seconds, not $took ms"
	[ -z "$(ip -n box -6 addr show eth0 tentative | grep fd06)" ] || fail "no tentative address"
}

@test "without IPAM it is up" {
	tap 'del(.ipam)'
	link_is '.flags | contains(["UP"])' true
	result_is .ips null
	ip -n box link set eth0 down
	check tap <<<"$(with_result "$conf")"
	expect_code 102 'is down'
	untap
}

@test "mtu and mac, with owner and group and without" {
	local more ids=('.owner = 61000 | .group = 61001' '.group = 61001')
	is_host_root || ids=()
	for more in . '.owner = 0' "${ids[@]}"; do
		tap ".mtu = 1400 | .mac = \"02:aa:00:00:00:07\" | $more"
		link_is '[.mtu, .address]' '[1400,"02:aa:00:00:00:07"]'
		result_is '.interfaces[0] | [.mtu, .mac]' '[1400,"02:aa:00:00:00:07"]'
		untap
	done
	tap '.mtu = 1400'
	ip -n box link set eth0 mtu 1300
	check tap <<<"$(with_result "$conf")"
	expect_code 102 'mtu of eth0: wanted 1400, found 1300'
	untap
	add tap <<<"$(conf '.mtu = 20')"
	expect_code 999 eth0
	add tap <<<"$(conf '.mac = "01:00:5e:00:00:01"')"
	expect_failure
	nothing_left
}

@test "mac: runtimeConfig before CNI_ARGS before the key" {
	CNI_ARGS='IgnoreUnknown=1;MAC=02:aa:00:00:00:02' tap '.mac = "02:aa:00:00:00:01" | .runtimeConfig.mac = "02:aa:00:00:00:03"'
	link_is .address 02:aa:00:00:00:03
	untap
	CNI_ARGS='IgnoreUnknown=1;MAC=02:aa:00:00:00:02' tap '.mac = "02:aa:00:00:00:01"'
	link_is .address 02:aa:00:00:00:02
	untap
	add tap <<<"$(conf '.mac = "nonsense"')"
	expect_code 7 'mac: "nonsense" is not a MAC address'
}

@test "an owner or group that is none in this user namespace" {
	! is_host_root || skip "not in a user namespace"
	add tap <<<"$(conf '.owner = 61000')"
	expect_code 7 'owner: 61000 is no id of this user namespace'
	add tap <<<"$(conf '.group = 61000')"
	expect_code 7 'group: 61000 is no id of this user namespace'
	! ip -n box link show eth0 2>/dev/null || fail "no device"
}

@test "owner, group, multiQueue; a header of virtio where both owner and group are given" {
	needs_host_root "ids but one"
	tap '.owner = 61000'
	link_is '[.linkinfo.info_data.user, .linkinfo.info_data.group, .linkinfo.info_data.vnet_hdr]' '[61000,null,false]'
	untap
	tap '.owner = 0 | .group = 61001 | .multiQueue = true'
	link_is '[.linkinfo.info_data.user, .linkinfo.info_data.group, .linkinfo.info_data.vnet_hdr,
		.linkinfo.info_data.multi_queue]' '["root",61001,true,true]'
	untap
	tap '.owner = null | .group = null'
	link_is '[.linkinfo.info_data.user, .linkinfo.info_data.group]' '[null,null]'
	untap
}

# attaches FLAGS... : one after the other to eth0, by TUNSETIFF, and all stay.
attaches() {
	in_ns box python3 -c '
import fcntl, struct, sys
taps = [open("/dev/net/tun", "r+b", buffering=0) for _ in sys.argv[1:]]
for tap, flags in zip(taps, sys.argv[1:]):
    fcntl.ioctl(tap, 0x400454ca, struct.pack("16sH22x", b"eth0", int(flags, 0)))' "$@"
}

@test "multiQueue: several attach, each for a queue, as a monitor of virtual machines does; without it one" {
	tap '.multiQueue = true'
	attaches 0x5102 0x5102 0x5102 0x5102 # IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE | IFF_VNET_HDR
	! attaches 0x1002 2>/dev/null || fail "not as one of a single queue"
	untap
	tap
	attaches 0x5002
	attaches 0x1002
	! attaches 0x1002 0x1002 2>/dev/null || fail "one at a time"
	! attaches 0x1102 2>/dev/null || fail "not as one of several"
	untap
}

@test "bridge: the container's, not the host's" {
	ip link add br0 type bridge
	add tap <<<"$(conf '.bridge = "br0"')"
	expect_code 7 'bridge: br0 is no bridge in /run/netns/box'
	nothing_left
	ip -n box link add br0 type bridge
	tap '.bridge = "br0" | del(.ipam)'
	link_is .master br0
	ip -n box link set eth0 nomaster
	check tap <<<"$(with_result "$conf")"
	expect_code 102 'eth0 is no port of br0 any more'
	untap 'lo br0'
	add tap <<<"$(conf '.bridge = "lo"')"
	expect_code 7 'bridge: lo is no bridge'
	nothing_left 'lo br0'
}

@test "an interface of that name is left alone" {
	ip -n box tuntap add mode tap name eth0
	add tap <<<"$CONF"
	expect_code 101 'eth0 exists in the container'
	ip -n box link show eth0
	ip -n box link del eth0
	ip -n box link add eth0 type veth peer name other
	add tap <<<"$CONF"
	expect_code 101 'eth0 exists in the container'
	del tap <<<"$CONF"
	expect_silent
	ip -n box link show eth0
	# its name on the host is no matter
	ip link add eth7 type veth peer name other
	add tap eth7 <<<"$CONF"
	expect_ok
}

@test "packets: what the container sends, whoever attaches to the device reads" {
	tap 'del(.ipam.ranges[1]) | .mac = "02:aa:00:00:00:01"'
	in_ns box python3 - <<-'END'
		import fcntl, socket, struct
		tap = open('/dev/net/tun', 'r+b', buffering=0)
		fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'eth0', 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
		s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
		s.sendto(b'hello', ('10.6.0.9', 7))
		while True:
		    frame = tap.read(2000)
		    if frame[12:14] == b'\x08\x06':  # the request for 10.6.0.9
		        break
		assert frame[6:12] == bytes.fromhex('02aa00000001')
		peer = bytes.fromhex('02bb00000001')
		tap.write(frame[6:12] + peer + frame[12:20] + b'\0\2' + peer + frame[38:42] + frame[22:32])
		while frame[12:14] != b'\x08\x00' or frame[23] != 17:
		    frame = tap.read(2000)
		assert frame[-5:] == b'hello' and frame[:6] == peer, frame
	END
	untap
}

@test "DEL when the device, or the namespace, has gone" {
	tap
	ip -n box link del eth0
	untap
	tap
	ip netns del box
	CNI_NETNS=/run/netns/box del tap <<<"$conf"
	expect_silent
	CNI_NETNS='' del tap <<<"$conf"
	expect_silent
	[ "$(leases)" = 0 ] || fail "no lease"
}

@test "DEL of a device that is in use" {
	local line pid
	tap
	exec {attached}< <(exec nsenter --net="$(ns_path)" python3 -c "
import fcntl, struct, time
tap = open('/dev/net/tun', 'r+b', buffering=0)
fcntl.ioctl(tap, 0x400454ca, struct.pack('16sH22x', b'eth0', 0x1002))
print('attached', flush=True)
time.sleep(100)" 3>&-)
	pid=$!
	read -r line <&"$attached"
	[ "$line" = attached ] || fail "it to be attached"
	untap
	kill $pid
	exec {attached}<&-
}

@test "a failing ADD leaves nothing" {
	add tap <<<"$(conf '.ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
	nothing_left
	add tap <<<"$(conf '.ipam.routes = [{"dst":"10.9.0.0/16","gw":"10.77.0.1"}]')"
	expect_failure
	nothing_left
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "$PLUGINS/tap" \
		<<<"$CONF" >/dev/full && fail "an error"
	nothing_left
}

@test "no /dev/net/tun: ADD and STATUS say so" {
	mkdir -p "$BATS_TEST_TMPDIR/net"
	no_tun() {
		unshare -m sh -c 'mount --bind "$0" /dev/net && exec "$@"' "$BATS_TEST_TMPDIR/net" "$@"
	}
	[ "$(no_tun env CNI_COMMAND=STATUS CNI_PATH="$PLUGINS" "$PLUGINS/tap" <<<"$CONF" | jq -r '[.code, .msg] | tojson')" = \
		'[50,"open /dev/net/tun (modprobe tun): No such file or directory"]' ]
	[ "$(no_tun env CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS="$(ns_path)" CNI_IFNAME=eth0 CNI_PATH="$PLUGINS" \
		"$PLUGINS/tap" <<<"$CONF" | jq -r '[.code, .msg] | tojson')" = \
		'[999,"open /dev/net/tun (modprobe tun): No such file or directory"]' ]
	status_of tap <<<"$CONF"
	expect_silent
	nothing_left
}

@test "selinuxContext: refused aloud where there is no SELinux" {
	[ ! -e /sys/fs/selinux/enforce ] || skip "there is SELinux"
	add tap <<<"$(conf '.selinuxContext = "system_u:system_r:container_t:s0"')"
	expect_code 999 'selinuxContext: cannot take "system_u:system_r:container_t:s0"'
	nothing_left
}

# A file stands in for the kernel's.
@test "selinuxContext: taken by the process that makes the device" {
	needs_preload
	needs_host_root "ids but one"
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -shared -fPIC -o "$BATS_TEST_TMPDIR/context.so" \
		"$ROOT/test/fault/context.c"
	: >"$BATS_TEST_TMPDIR/context"
	conf=$(conf '.selinuxContext = "system_u:system_r:container_t:s0" | .owner = 61000 | .group = 61000')
	CONTEXT_FILE=$BATS_TEST_TMPDIR/context with_preload "$BATS_TEST_TMPDIR/context.so" add tap <<<"$conf"
	expect_ok
	[ "$(<"$BATS_TEST_TMPDIR/context")" = system_u:system_r:container_t:s0 ] || fail "the context"
	link_is '[.linkinfo.info_data.type, .linkinfo.info_data.persist, .linkinfo.info_data.user]' '["tap",true,61000]'
	untap
}

@test "GC and STATUS are IPAM's" {
	tap
	gc tap <<<"$(with_valid "$CONF" c1/eth0)"
	expect_silent
	[ "$(leases)" = 2 ] || fail "both leases"
	gc tap <<<"$(with_valid "$CONF")"
	expect_silent
	[ "$(leases)" = 0 ] || fail "no lease"
	status_of tap <<<"$(conf '.ipam.ranges = [[{"subnet":"10.6.0.0/33"}]]')"
	expect_failure
}

@test "sysctls are set before the link is up, dns is the configuration's or IPAM's" {
	tap '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"1"} | .dns = {"nameservers":["10.6.0.1"]}'
	[ "$(in_ns box cat /proc/sys/net/ipv4/conf/eth0/arp_filter)" = 1 ] || fail "arp_filter"
	result_is '.dns.nameservers[0]' 10.6.0.1
	check tap <<<"$(with_result "$(conf '.sysctl = {"net.ipv4.conf.IFNAME.arp_filter":"0"}')")"
	expect_code 102 arp_filter
}
