# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# ovs with a deviceID. No machine here has an adapter in switchdev mode: a sysfs of our own describes
# one, and a veth pair stands in for the VF (vf0) and its representor (rep0).

load ../lib
load ovs

CONF='{"cniVersion":"1.1.0","name":"net","type":"ovs","bridge":"br0","deviceID":"0000:03:00.3",
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.5.0.0/24"}]]}}'
PCI=/sys/bus/pci/devices
NET=/sys/class/net

setup() {
	host_setup
	ovs_start
	netns box
	ip link add rep0 type veth peer name vf0
	ip link add uplink0 type veth peer name wire0
	sysfs_make
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || tail -n 5 "$OVS_RUNDIR"/*.log || true
	umount $PCI $NET
	ovs_stop
	host_clean
}

# net_attr IFNAME SWITCH PORT
net_attr() {
	mkdir -p "$NET/$1"
	echo "$2" >"$NET/$1/phys_switch_id"
	echo "$3" >"$NET/$1/phys_port_name"
}

sysfs_make() {
	mkdir -p /run/fake
	mount -t tmpfs tmpfs $PCI
	mount -t tmpfs tmpfs $NET
	mkdir -p $PCI/0000:03:00.0/net/uplink0 $PCI/0000:03:00.{2,3,4}/net $PCI/0000:03:00.3/net/vf0
	ln -s ../0000:03:00.2 $PCI/0000:03:00.0/virtfn0
	ln -s ../0000:03:00.3 $PCI/0000:03:00.0/virtfn1
	ln -s ../0000:03:00.4 $PCI/0000:03:00.0/virtfn10
	ln -s ../0000:03:00.0 $PCI/0000:03:00.2/physfn
	ln -s ../0000:03:00.0 $PCI/0000:03:00.3/physfn
	ln -s ../0000:03:00.0 $PCI/0000:03:00.4/physfn
	ln -s ../../drivers/mlx5_core $PCI/0000:03:00.3/driver
	net_attr uplink0 abc p0
	net_attr rep9 abc pf1vf1
	net_attr rep8 abd pf0vf1
	net_attr rep7 abc pf0vf10
	net_attr rep0 abc pf0vf1
	mkdir $NET/lo
}

conf() {
	jq -c "$1" <<<"$CONF"
}

expect_vf_home() {
	[ "$(ip -j link show vf0 | jq -r '.[0].ifname')" = vf0 ] || fail "vf0 on the host"
	! ns_ip box link show eth0 2>/dev/null || fail "no eth0 in the container"
	expect_no_ports
}

@test "C-190 deviceID: ADD moves the VF in and plugs the representor, DEL moves it back" {
	add ovs <<<"$(conf '.mtu = 1400 | .vlan = 7')"
	expect_ok
	expect_json '.interfaces[0].name' rep0
	expect_json '.interfaces[1].name' eth0
	expect_json '.interfaces[1].sandbox' "$(ns_path)"
	expect_json '.interfaces[1].mac' "$(ns_ip box -j link show eth0 | jq -r '.[0].address')"
	! ip link show vf0 2>/dev/null || fail "vf0 to be gone from the host"
	[ "$(ovs-vsctl list-ports br0)" = rep0 ] || fail "the representor on br0"
	expect_column Port rep0 tag 7
	[ "$(ip -j link show rep0 | jq -c '.[0] | [.mtu, (.flags | contains(["UP"]))]')" = '[1400,true]' ] ||
		fail "rep0 up, mtu 1400"
	[ "$(ns_ip box -j addr show eth0 | jq -c '.[0] | [.mtu, .addr_info[0].local]')" = '[1400,"10.5.0.2"]' ] ||
		fail "eth0 with mtu and address"
	json_is "$(<$MEMOS/c1-eth0)" '[.OrigIfName, .UserspaceMode, .Netconf.deviceID, .Netconf.bridge]' \
		'["vf0",false,"0000:03:00.3","br0"]'
	rmdir $PCI/0000:03:00.3/net/vf0
	check ovs <<<"$(with_result "$(conf '.mtu = 1400 | .vlan = 7')")"
	expect_silent
	del ovs <<<"$CONF"
	expect_silent
	expect_vf_home
	[ -e /sys/class/net/rep0 ] && ip link show rep0 >/dev/null || fail "the representor to stay"
	del ovs <<<"$CONF"
	expect_silent
}

@test "mac: the VF's" {
	add ovs <<<"$(conf '.runtimeConfig.mac = "c2:11:22:33:44:55"')"
	expect_ok
	expect_json '.interfaces[1].mac' c2:11:22:33:44:55
	[ "$(ns_ip box -j link show eth0 | jq -r '.[0].address')" = c2:11:22:33:44:55 ] || fail "the MAC"
}

@test "the bridge is the uplink's, or its bond's" {
	ovs-vsctl --no-wait add-port br0 uplink0
	add ovs <<<"$(conf 'del(.bridge)')"
	expect_ok
	[ "$(ovs-vsctl port-to-br rep0)" = br0 ] || fail "on the uplink's bridge"
	json_is "$(<$MEMOS/c1-eth0)" .Netconf.bridge br0
	check ovs <<<"$(with_result "$(conf 'del(.bridge)')")"
	expect_silent
	del ovs <<<"$(conf 'del(.bridge)')"
	expect_silent
	ovs-vsctl --no-wait del-port br0 uplink0
	add ovs <<<"$(conf 'del(.bridge)')"
	expect_code 7 uplink0
	mkdir -p $NET/bond0/bonding
	ln -s ../bond0 $NET/uplink0/master
	echo 'uplink0 uplink1' >$NET/bond0/bonding/slaves
	ovs-vsctl --no-wait add-port br0 uplink1
	add ovs <<<"$(conf 'del(.bridge)')"
	expect_ok
	[ "$(ovs-vsctl port-to-br rep0)" = br0 ] || fail "on the bridge of the bond's member"
}

@test "a failing ADD leaves the VF and its representor as they were" {
	local before
	before=$(ip -j link show rep0 | jq -c '.[0] | [.mtu, .flags, .address]')
	add ovs <<<"$(conf '.mtu = 1400 | .ipam.ranges = [[{"subnet":"10.5.0.0/33"}]]')"
	expect_failure
	expect_vf_home
	expect_same representor "$before" "$(ip -j link show rep0 | jq -c '.[0] | [.mtu, .flags, .address]')"
	end_process ovs-vswitchd
	add ovs <<<"$(conf '.mtu = 1400')"
	expect_code 11 ovs-vswitchd
	expect_vf_home
	expect_same representor "$before" "$(ip -j link show rep0 | jq -c '.[0] | [.mtu, .flags, .address]')"
}

@test "a device that userspace drives has no interface" {
	rm $PCI/0000:03:00.3/driver
	ln -s ../../drivers/vfio-pci $PCI/0000:03:00.3/driver
	rmdir $PCI/0000:03:00.3/net/vf0
	add ovs <<<"$(conf '.runtimeConfig.mac = "c2:11:22:33:44:55"')"
	expect_ok
	expect_json '.interfaces[1] | [.name, .mac, .sandbox]' \
		"[\"eth0\",\"c2:11:22:33:44:55\",\"$(ns_path)\"]"
	expect_json .ips null
	json_is "$(<$MEMOS/c1-eth0)" .UserspaceMode true
	check ovs <<<"$(with_result "$(conf 'del(.ipam)')")"
	expect_silent
	del ovs <<<"$CONF"
	expect_silent
	expect_vf_home
}

@test "DEL when the namespace is gone renames the VF, or asks to be called again" {
	add ovs <<<"$CONF"
	expect_ok
	ip -n box link set eth0 down
	ip -n box link set eth0 netns 1
	ip netns del box
	mv $PCI/0000:03:00.3/net/vf0 $PCI/0000:03:00.3/net/eth0
	CNI_NETNS=/run/netns/box del ovs <<<"$CONF"
	expect_silent
	[ "$(ip -j link show vf0 | jq -r '.[0].ifname')" = vf0 ] || fail "vf0 under its name"
	expect_no_ports
	mv $PCI/0000:03:00.3/net/eth0 $PCI/0000:03:00.3/net/vf0
	netns box
	add ovs <<<"$CONF"
	expect_ok
	ip netns del box
	rmdir $PCI/0000:03:00.3/net/vf0
	del ovs <<<"$CONF"
	expect_code 11 'not back'
	rm -r $PCI/0000:03:00.3
	del ovs <<<"$CONF"
	expect_silent
	expect_no_ports
}

@test "what a deviceID can be wrong about" {
	local id
	for id in nonsense ../../../etc 0000:03:00.3/../x mlx5_core.sf.4; do
		add ovs <<<"$(conf ".deviceID = \"$id\"")"
		expect_code 7 deviceID
	done
	add ovs <<<"$(conf '.deviceID = "0000:09:00.1"')"
	expect_code 7 0000:09:00.1
	add ovs <<<"$(conf '.deviceID = "0000:03:00.0"')"
	expect_code 7 'no SR-IOV'
	add ovs <<<"$(conf '.deviceID = "0000:03:00.2"')"
	expect_code 7 'no representor'
	echo >$NET/uplink0/phys_switch_id
	add ovs <<<"$CONF"
	expect_code 7 switchdev
	add ovs eth0 <<<"$(conf '.runtimeConfig.CNIDeviceInfoFile = "/nowhere"')"
	expect_failure
	expect_json '.msg | contains("CNIDeviceInfoFile")' true
	echo '{"type":"vdpa","version":"1.1.0"}' >"$BATS_TEST_TMPDIR/info"
	add ovs eth0 <<<"$(conf ".runtimeConfig.CNIDeviceInfoFile = \"$BATS_TEST_TMPDIR/info\"")"
	expect_code 2 vDPA
	expect_vf_home
}

@test "an interface of that name in the container is left alone" {
	ip link add other0 type veth peer name other1
	ip link set other1 netns box name eth0
	add ovs <<<"$CONF"
	expect_code 101 eth0
	ip link show vf0 >/dev/null || fail "vf0 on the host"
	ns_ip box link show eth0 >/dev/null || fail "eth0 in the container"
}
