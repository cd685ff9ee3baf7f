# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# containerd with `ctr run --cni`, which looks for plugins in /opt/cni/bin and runs loopback for
# lo and the first list of /etc/cni/net.d for eth0.

load runtimes

setup_file() {
	make_rootfs "$BATS_FILE_TMPDIR/rootfs"
	mkdir -p /etc/cni/net.d
	mount -t tmpfs tmpfs /etc/cni/net.d
	mount -t tmpfs tmpfs /opt
	mkdir -p /opt/cni/bin
	mount --bind "$CNIC_BIN" /opt/cni/bin
	[ ! -d /usr/lib/cni ] || mount -t tmpfs tmpfs /usr/lib/cni
	conflist ctrnet ctr0 10.87.0.0/16 10.87.0.1 >/etc/cni/net.d/10-ctrnet.conflist
	cat >"$BATS_FILE_TMPDIR/config.toml" <<-END
		version = 2
		root = "$BATS_FILE_TMPDIR/root"
		state = "/run/containerd"
		disabled_plugins = ["io.containerd.grpc.v1.cri"]
		[grpc]
		address = "/run/containerd.sock"
	END
	containerd --config "$BATS_FILE_TMPDIR/config.toml" >"$BATS_FILE_TMPDIR/log" 2>&1 3>&- 4>&- &
	echo $! >"$BATS_FILE_TMPDIR/pid"
	ctr_with version
}

teardown_file() {
	kill "$(cat "$BATS_FILE_TMPDIR/pid")"
}

ctr_with() {
	ctr --address /run/containerd.sock --connect-timeout 30s "$@" 3>&- 4>&-
}

# ctr_run NAME SCRIPT : what the container says goes through a file: of a task that is over at once, ctr
# may lose the end.
ctr_run() {
	ctr_with run --rm --cni --rootfs "$BATS_FILE_TMPDIR/rootfs" "$1" /bin/sh -c "{ $2; } >/said 2>&1"
	output=$(<"$BATS_FILE_TMPDIR/rootfs/said")
	echo "$output"
}

@test "ctr: a container has its address, its lo, and reaches the gateway" {
	require ctr
	ctr_run t1 'ip -4 addr; ip route; ping -c 1 -W 5 10.87.0.1'
	grep -q 'inet 10.87.0.2/16 brd 10.87.255.255 scope global eth0' <<<"$output"
	grep -q 'lo: <LOOPBACK,UP,LOWER_UP>' <<<"$output"
	grep -q 'default via 10.87.0.1 dev eth0' <<<"$output"
	grep -q '1 packets received' <<<"$output"
	expect_nothing_left
}

@test "ctr: containers one after the other get one address after the other" {
	local i
	for i in 2 3 4; do
		ctr_run "t$i" 'ip -4 addr show eth0'
		grep -q "inet 10.87.0.$i/16" <<<"$output"
	done
	expect_nothing_left
}

@test "ctr: through bridge with ipMasq, portmap, firewall and tuning; no rule is left" {
	jq '.plugins[0].ipMasq = true | .plugins += [{type: "portmap", capabilities: {portMappings: true}},
		{type: "firewall"}, {type: "tuning", mtu: 1400, sysctl: {"net.ipv4.conf.IFNAME.arp_filter": "1"}}]' \
		/etc/cni/net.d/10-ctrnet.conflist >/etc/cni/net.d/00-chain.conflist
	ctr_run t1 'ip link show eth0; cat /proc/sys/net/ipv4/conf/eth0/arp_filter; ping -c 1 -W 5 10.87.0.1'
	grep -q 'mtu 1400' <<<"$output"
	grep -qx 1 <<<"$output"
	grep -q '1 packets received' <<<"$output"
	expect_nothing_left
	expect_no_rules
}

@test "ctr: the same list folded into one chain" {
	jq '.plugins[0].ipMasq = true | .plugins += [{type: "portmap", capabilities: {portMappings: true}},
		{type: "firewall"}, {type: "tuning", mtu: 1400, sysctl: {"net.ipv4.conf.IFNAME.arp_filter": "1"}}] |
		.plugins = [{type: "chain", capabilities: {portMappings: true}, plugins: .plugins}]' \
		/etc/cni/net.d/10-ctrnet.conflist >/etc/cni/net.d/00-chain.conflist
	ctr_run t1 'ip link show eth0; cat /proc/sys/net/ipv4/conf/eth0/arp_filter; ping -c 1 -W 5 10.87.0.1'
	grep -q 'mtu 1400' <<<"$output"
	grep -qx 1 <<<"$output"
	grep -q '1 packets received' <<<"$output"
	expect_nothing_left
	expect_no_rules
}
