# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests with real container runtimes: a root file system and a network to run on.

load lib

require() {
	command -v "$1" >/dev/null || fail "$1 to be installed (hack/deps peers)"
}

# make_rootfs DIR : busybox and nothing else.
make_rootfs() {
	local name
	mkdir -p "$1"/{bin,proc,sys,dev,etc,tmp,run}
	cp "$(command -v busybox)" "$1/bin/busybox"
	for name in sh ip ping sleep cat; do
		ln -s busybox "$1/bin/$name"
	done
}

# conflist NAME BRIDGE SUBNET GATEWAY : bridge with host-local, and loopback behind it.
conflist() {
	jq -n --arg name "$1" --arg bridge "$2" --arg subnet "$3" --arg gateway "$4" '
		{cniVersion: "0.4.0", name: $name, plugins: [
			{type: "bridge", bridge: $bridge, isGateway: true, hairpinMode: true,
			 ipam: {type: "host-local", ranges: [[{subnet: $subnet, gateway: $gateway}]],
				routes: [{dst: "0.0.0.0/0"}]}},
			{type: "loopback"}]}'
}

# ctr's DEL names no namespace: the links go with the task's, when the kernel gets round to it.
await_no_veth() {
	local i
	for ((i = 0; i < 20; i++)); do
		[ -n "$(ip -br link show type veth)" ] || break
		read -r -t 1 || true
	done < <(exec timeout 30 ip monitor link 3>&- 4>&-)
}

# What a runtime leaves behind when its containers are gone: no veth, no reservation.
expect_nothing_left() {
	await_no_veth
	expect_same "veths on the host" "" "$(ip -br link show type veth)"
	expect_same "reservations" "" "$(find /var/lib/cni/networks -name .cnic -prune -o \
		-type f -name '[0-9]*' -print)"
	expect_same "cached results" "" "$(find /var/lib/cni/results -type f 2>/dev/null)"
}
