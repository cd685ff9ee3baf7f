# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# For the tests with real container runtimes: a root file system and a network to run on.

load ../lib
load podman_conf

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

# podman_setup NETWORK : containers are on that one; its .conflist goes to $BATS_FILE_TMPDIR/net.d.
podman_setup() {
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	podman_conf "$BATS_FILE_TMPDIR" "$CNIC_BIN" "$1"
}

podman_with() {
	CONTAINERS_CONF=$BATS_FILE_TMPDIR/containers.conf podman \
		--root "$BATS_FILE_TMPDIR/root" --runroot "$BATS_FILE_TMPDIR/runroot" \
		--tmpdir "$BATS_FILE_TMPDIR/tmp" --storage-driver vfs "$@" 3>&- 4>&-
}

# container OPTIONS... -- COMMAND...
container() {
	local options=()
	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	shift
	podman_with run --cgroups=disabled "${options[@]}" --rootfs "$BATS_FILE_TMPDIR/rootfs" "$@"
}

# What a runtime leaves behind when its containers are gone: no veth, no reservation.
expect_nothing_left() {
	await_no_veth
	expect_same "veths on the host" "" "$(ip -br link show type veth)"
	expect_same "reservations" "" "$(find /var/lib/cni/networks -name .cnic -prune -o \
		-type f -name '[0-9]*' -print)"
	expect_same "cached results" "" "$(find /var/lib/cni/results -type f 2>/dev/null)"
}

# The same of those that make rules; sets and tables for all may stay.
expect_no_rules() {
	expect_same "records" "" "$(find /run/cni* -type f ! -name 'netns-*')"
	[ -z "$(nft -j list ruleset | jq -c '.nftables[] | (.set, .map | select(.elem))')" ] ||
		fail "no element: $(nft list ruleset)"
}
