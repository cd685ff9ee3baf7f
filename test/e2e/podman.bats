# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# podman with its CNI back end, the directory under test being all the plugins it has.

load runtimes

setup_file() {
	# Below the legacy hierarchy this one confuses crun; a machine without it is fine.
	umount /sys/fs/cgroup/unified 2>/dev/null || true
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	mkdir "$BATS_FILE_TMPDIR/net.d"
	cat >"$BATS_FILE_TMPDIR/containers.conf" <<-END
		[containers]
		default_ulimits=["nofile=1024:1024","nproc=1024:1024"]
		[network]
		network_backend="cni"
		cni_plugin_dirs=["$CNIC_BIN"]
		network_config_dir="$BATS_FILE_TMPDIR/net.d"
		default_network="podnet"
		[engine]
		runtime="crun"
		cgroup_manager="cgroupfs"
		events_logger="none"
	END
	conflist podnet pod0 10.88.0.0/16 10.88.0.1 >"$BATS_FILE_TMPDIR/net.d/podnet.conflist"
}

teardown() {
	podman_with rm -f -t 0 --all >/dev/null 2>&1 || true
	host_clean
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

@test "podman: a container has its address, its lo, and reaches the gateway" {
	require podman
	output=$(container --rm -- sh -c 'ip -4 addr; ip route; ping -c 1 -W 5 10.88.0.1')
	echo "$output"
	grep -q 'inet 10.88.0.2/16 brd 10.88.255.255 scope global eth0' <<<"$output"
	grep -q 'inet 127.0.0.1/8' <<<"$output"
	grep -q 'default via 10.88.0.1 dev eth0' <<<"$output"
	grep -q '1 packets received' <<<"$output"
	expect_nothing_left
}

@test "podman: --ip and --mac-address" {
	output=$(container --rm --ip 10.88.0.77 --mac-address 02:aa:00:00:00:77 -- ip addr show eth0)
	echo "$output"
	grep -q 'inet 10.88.0.77/16' <<<"$output"
	grep -q 'link/ether 02:aa:00:00:00:77' <<<"$output"
	expect_nothing_left
}

@test "podman: two containers reach each other; removed by force, nothing is left" {
	container -d --name first -- sleep 1000
	container --rm -- ping -c 1 -W 5 10.88.0.2
	expect_same "veths while one runs" 1 "$(ip -br link show type veth | wc -l)"
	podman_with rm -f -t 0 first
	expect_nothing_left
}

@test "podman: a network that podman makes itself" {
	podman_with network create --disable-dns --subnet 10.99.0.0/24 --internal made
	jq -e '.plugins[0].type == "bridge"' "$BATS_FILE_TMPDIR/net.d/made.conflist"
	jq '.plugins |= map(select(.type | IN("bridge", "host-local", "loopback")))' \
		"$BATS_FILE_TMPDIR/net.d/made.conflist" >"$BATS_TEST_TMPDIR/made"
	cat "$BATS_TEST_TMPDIR/made"
	cp "$BATS_TEST_TMPDIR/made" "$BATS_FILE_TMPDIR/net.d/made.conflist"
	output=$(container --rm --network made -- ip -4 addr show eth0)
	echo "$output"
	grep -q 'inet 10.99.0.2/24' <<<"$output"
	expect_nothing_left
}
