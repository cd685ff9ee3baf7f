# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# podman with its CNI back end, the directory under test being all the plugins it has.

load runtimes

setup_file() {
	podman_setup podnet
	conflist podnet pod0 10.88.0.0/16 10.88.0.1 >"$BATS_FILE_TMPDIR/net.d/podnet.conflist"
}

teardown() {
	podman_with rm -f -t 0 --all >/dev/null 2>&1 || true
	host_clean
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
