#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
#
# host-device with devices of the hardware: the VM has two virtio adapters, nic1 and nic2 here. When a namespace
# ends the kernel sends them to its first one, which is the host in these tests.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"

CONF='{"cniVersion":"1.1.0","name":"net","type":"host-device","device":"nic1",
	"ipam":{"type":"host-local","subnet":"10.6.0.0/24"}}'
STORE=/var/lib/cni/networks/net
MAC=52:54:00:00:00:01

on_host() {
	nsenter --net=/first-netns "$@"
}

# The plugins run on that host, with its sysfs.
setup_file() {
	modprobe virtio_net
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	cat >"$BATS_FILE_TMPDIR/bin/host-device" <<-END
		#!/bin/sh
		exec nsenter --net=/first-netns unshare --mount sh -c \
			'mount -t sysfs sysfs /sys && exec $CNIC_BIN/host-device'
	END
	chmod +x "$BATS_FILE_TMPDIR/bin/host-device"
}

# nic_of MAC : the name of the adapter, wherever it has got to on the host.
nic_of() {
	on_host ip -j link show | jq -r --arg mac "$1" '.[] | select(.permaddr // .address == $mac) | .ifname'
}

# await_nic MAC : the end of a namespace is not waited for.
await_nic() {
	local deadline=$((SECONDS + 30))
	while [ -z "$(nic_of "$1")" ]; do
		[ $SECONDS -lt $deadline ] || fail "$1 on the host: $(on_host ip -br link)"
	done
}

rename() {
	on_host ip link set "$(nic_of "$1")" down
	[ "$(nic_of "$1")" = "$2" ] || on_host ip link set "$(nic_of "$1")" name "$2"
}

setup() {
	host_setup
	PLUGINS=$BATS_FILE_TMPDIR/bin
	CNI_PATH=$CNIC_BIN
	rename $MAC nic1
	rename 52:54:00:00:00:02 nic2
	on_host ip link set nic1 address $MAC mtu 1400 alias mine up
	on_host ip link property add dev nic1 altname enp1s0 2>/dev/null || true
	on_host ip link set nic2 mtu 1500 up
	netns box
	before=$(links nic1)
	# shellcheck disable=SC2012
	[ "$(ls /run/cnic/devices 2>/dev/null | wc -l)" = 0 ]
}

links() {
	on_host ip -j -d link show "$1" | jq -cS '.[0] | [.ifname, .address, .mtu, .ifalias, .altnames,
		(.flags | contains(["UP"])), .permaddr]'
}

came_home() {
	expect_same nic1 "$before" "$(links nic1)"
	[ -z "$(ls /run/cnic/devices)" ] || fail "no record"
	[ -z "$(find $STORE -name '10.*')" ] || fail "no lease"
}

add_nic1() {
	add host-device <<<"${1:-$CONF}"
	expect_ok
	! on_host ip link show nic1 2>/dev/null || fail "no nic1 on the host"
}

@test "in and home" {
	add_nic1
	expect_json '.interfaces[0].mac' $MAC
	check host-device <<<"$(with_result "$CONF")"
	expect_silent
	json_is "$(jq -c . /run/cnic/devices/c1:eth0.json)" '[.bus, .name, .permanentMAC, .kind]' \
		"[\"virtio\",\"nic1\",\"$MAC\",\"\"]"
	del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "pciBusID: the interface of its virtio device" {
	local pci conf
	pci=$(nsenter --net=/first-netns unshare --mount sh -c \
		'mount -t sysfs sysfs /sys && basename $(dirname $(readlink -f /sys/class/net/nic1/device))')
	conf=$(jq -c --arg pci "$pci" 'del(.device) | .pciBusID = $pci' <<<"$CONF")
	add_nic1 "$conf"
	expect_json '.interfaces[0].mac' $MAC
	del host-device <<<"$conf"
	expect_silent
	came_home
	conf=$(jq -c --arg pci "$pci" 'del(.device) | .runtimeConfig.deviceID = $pci' <<<"$CONF")
	add_nic1 "$conf"
	del host-device <<<"$conf"
	expect_silent
	came_home
}

@test "the container has changed all it can" {
	add_nic1
	ns_ip box link set eth0 down
	ns_ip box link set eth0 name x7 address 02:cc:00:00:00:01 alias nonsense mtu 1300
	ns_ip box link add eth0 type dummy
	del host-device <<<"$CONF"
	expect_silent
	came_home
	ns_ip box link show eth0
}

@test "the namespace has ended first: the kernel has sent it back" {
	add_nic1
	ns_ip box link set eth0 address 02:cc:00:00:00:01 alias nonsense mtu 1300
	ip netns del box
	await_nic $MAC
	! on_host ip link show nic1 2>/dev/null || fail "another name: the test is to be of use"
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "the namespace ends just now: DEL waits for it" {
	local n
	for n in {1..5}; do
		add_nic1
		ip netns del box
		CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
		expect_silent
		came_home
		netns box
	done
}

@test "the namespace ends, and its name is taken by then" {
	add_nic1
	on_host ip link add nic1 type dummy
	ip netns del box
	CNI_NETNS='' del host-device <<<"$CONF"
	expect_silent
	[[ $errors == *"the name nic1 is taken on the host: the device comes home as enp1s0"* ]] || fail "to be told"
	on_host ip link del nic1
	json_is "$(links enp1s0)" '[.[0], .[1], .[5]]' "[\"enp1s0\",\"$MAC\",true]"
}

@test "another process keeps the namespace: addresses are released, and DEL is to be tried again" {
	local sleeper began
	add_nic1
	nsenter --net=/run/netns/box sleep 100 >/dev/null 2>&1 3>&- &
	sleeper=$!
	until [ /proc/$sleeper/ns/net -ef /run/netns/box ]; do :; done
	umount /run/netns/box
	began=$SECONDS
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_code 11 'nic1 is in no namespace that is known'
	[ $((SECONDS - began)) -lt 20 ] || fail "a bound"
	[ -z "$(find $STORE -name '10.*')" ] || fail "no lease"
	kill $sleeper
	CNI_NETNS=/run/netns/box del host-device <<<"$CONF"
	expect_silent
	came_home
}

# await_queue FILE N : so many calls have queued up for a lock, each of which holds a byte of it.
await_queue() {
	local inode
	inode=$(stat -c %i "$1")
	until [ "$(grep -c "OFDLCK .*WRITE .*:$inode " /proc/locks)" -ge "$2" ]; do :; done
}

@test "another container gets it while the first one's DEL waits: that one has nothing to bring home" {
	local adding deleting held lock
	lock=/run/cnic/netns-$(stat -Lc %d-%i /first-netns)
	add_nic1
	ip netns del box
	await_nic $MAC
	rename $MAC nic1
	netns other
	exec {held}<"$lock"
	flock "$held"
	( CID=c2 add host-device <<<"$CONF" && expect_ok ) 3>&- {held}<&- &
	adding=$!
	await_queue "$lock" 1
	( CNI_NETNS=/run/netns/box del host-device <<<"$CONF" && expect_silent ) 3>&- {held}<&- &
	deleting=$!
	await_queue "$lock" 2
	exec {held}<&-
	wait $adding
	wait $deleting
	json_is "$(ns_ip other -j link show eth0)" '.[0].address' $MAC
	CID=c2 del host-device <<<"$CONF"
	expect_silent
	came_home
}

@test "GC brings it home" {
	add_nic1
	ip netns del box
	gc host-device <<<"$(with_valid "$CONF")"
	expect_silent
	came_home
}

@test "one that the runtime has moved is configured, and left there" {
	on_host ip link set nic2 netns "$(ns_path box)"
	add host-device <<<"${CONF/nic1/nic2}"
	expect_ok
	expect_json '.interfaces[0].name' eth0
	check host-device <<<"$(with_result "${CONF/nic1/nic2}")"
	expect_silent
	del host-device <<<"${CONF/nic1/nic2}"
	expect_silent
	json_is "$(ns_ip box -j addr show nic2)" '.[0] | [.ifname, (.addr_info | map(select(.family == "inet")) | length)]' \
		'["nic2",0]'
	ip netns del box
	await_nic 52:54:00:00:00:02
}

@test "crossover: theirs in, ours home, and back" {
	local ref=$BATS_TEST_TMPDIR/ref
	mkdir -p "$ref"
	sed "s|$CNIC_BIN|$REF_BIN|" "$PLUGINS/host-device" >"$ref/host-device"
	chmod +x "$ref/host-device"
	PLUGINS=$ref CNI_PATH=$REF_BIN add host-device <<<"$CONF"
	expect_ok
	del host-device <<<"$(with_result "$CONF")"
	expect_silent
	on_host ip link show nic1
	add_nic1
	PLUGINS=$ref CNI_PATH=$REF_BIN del host-device <<<"$CONF"
	expect_silent
	on_host ip link show nic1
	del host-device <<<"$CONF"
	expect_silent
	[ -z "$(ls /run/cnic/devices)" ] || fail "no record"
}
