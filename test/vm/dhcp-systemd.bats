#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2119,SC2154,SC2016
#
# dhcp's daemon below systemd, by the units of conf-examples/: started by its socket, and its packet sockets kept for
# the next one. systemd is the first process of a namespace with these two units and empty targets, on macvlan.

# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/lib.bash"
# shellcheck source-path=SCRIPTDIR
source "$BATS_TEST_DIRNAME/../e2e/dhcp.bash"

# What a unit names and has nothing to do with this.
TARGETS="basic sysinit sockets network multi-user shutdown umount"

setup() {
	host_setup
	netns wire
	ip link add m0 up type veth peer name w0 netns wire
	in_ns wire sh -c 'echo 0 >/proc/sys/net/ipv6/conf/w0/accept_dad'
	ip -n wire link set w0 up
	ip -n wire addr add 10.9.0.1/24 dev w0
	ip -n wire addr add fd09::1/64 dev w0 nodad
	dhcp_ns=wire dnsmasq_at w0 --dhcp-range=10.9.0.10,10.9.0.250,2m --dhcp-range=fd09::10,fd09::ff,64,2m
	netns box
	conf=$(lan '.type = "macvlan" | .master = "m0" | .ipam.ipv6 = "dhcp" | del(.bridge)')
	systemd_there
}

teardown() {
	[ -z "${systemd:-}" ] || kill -KILL "$systemd" # and with it what it has started
	dhcp_end
	host_clean
}

# The units, and a place for what the daemon says instead of a journal.
units_in() {
	local target
	mkdir -p "$1/cnic-dhcp.service.d" /usr/local/bin
	ln -sf "$CNIC_BIN/cnic" /usr/local/bin/cnic
	cp "$ROOT"/conf-examples/systemd/cnic-dhcp.* "$1/"
	for target in $TARGETS; do
		printf '[Unit]\nDescription=%s\n' "$target" >"$1/$target.target"
	done
	printf '[Unit]\nDescription=The socket\nWants=cnic-dhcp.socket\n' >"$1/test.target"
	daemon_log=$BATS_TEST_TMPDIR/daemon.log
	printf '[Service]\nStandardError=append:%s\n' "$daemon_log" >"$1/cnic-dhcp.service.d/log.conf"
}

systemd_there() {
	local units=$BATS_TEST_TMPDIR/units i
	units_in "$units"
	SYSTEMD_UNIT_PATH=$units container=cnic unshare --pid --mount --uts --cgroup --fork --kill-child --mount-proc sh -c '
		mount -t cgroup2 cgroup2 /sys/fs/cgroup
		exec /usr/lib/systemd/systemd --system --unit=test.target' 3>&- >"$BATS_TEST_TMPDIR/systemd.log" 2>&1 &
	systemd=$!
	for ((i = 0; i < 300; i++)); do
		! ctl is-active -q cnic-dhcp.socket 2>/dev/null || return 0
		sleep 0.1
	done
	fail "a socket: $(cat "$BATS_TEST_TMPDIR/systemd.log"; ctl status cnic-dhcp.socket 2>&1)"
}

# ctl ARGUMENT... : systemctl, inside.
ctl() {
	nsenter --target "$(pgrep -P "$systemd")" --pid --mount systemctl --no-pager "$@"
}

property() {
	ctl show --value --property "$1" cnic-dhcp.service
}

# The inodes of the packet sockets in the container's network.
packet_sockets() {
	in_ns box awk 'NR > 1 { print $9 }' /proc/net/packet | sort
}

well() {
	check macvlan <<<"$(with_result "$conf")"
	expect_silent
	[ "$(addresses) $(addresses6)" = "$(jq -r '[.ips[].address] | join(" ")' <<<"$result")" ]
}

# goes_on COMMAND... : the leases do, of another process.
goes_on() {
	local before
	before=$(property MainPID)
	: >"$dhcp_log"
	"$@"
	said DHCPACK
	said DHCPCONFIRM
	[ "$(property MainPID)" != "$before" ]
	[ "$(property NFileDescriptorStore)" = 2 ] || fail "both sockets are kept, once"
	well
}

kept_as_before() {
	[ "$(packet_sockets)" = "$sockets" ] || fail "the same sockets, $sockets, not $(packet_sockets)"
}

@test "the first connection starts it; restarted or killed, the next one has its packet sockets from the start" {
	local sockets
	[ "$(property ActiveState)" = inactive ]
	add macvlan <<<"$conf"
	expect_ok
	[ "$(property ActiveState) $(property SubState)" = "active running" ] || fail "it runs: $(ctl status cnic-dhcp.service)"
	sockets=$(packet_sockets)
	[ "$(wc -w <<<"$sockets")" = 2 ]
	[ "$(property NFileDescriptorStore)" = 2 ] || fail "both sockets are kept"
	well
	goes_on ctl restart cnic-dhcp.service
	kept_as_before
	goes_on ctl kill --signal=KILL --kill-who=main cnic-dhcp.service
	kept_as_before
	del macvlan <<<"$conf"
	expect_silent
	said 'DHCPRELEASE(w0) 10.9.0'
	said 'DHCPRELEASE(w0) 00:04:'
	[ "$(property NFileDescriptorStore)" = 0 ] || fail "no socket is kept"
	[ -z "$(ls -A /var/lib/cni/dhcp)" ] || fail "no lease left: $(lease)"
}

@test "stopped, it has no sockets; the next question starts it, with new ones" {
	add macvlan <<<"$conf"
	expect_ok
	ctl stop cnic-dhcp.service
	[ -z "$(packet_sockets)" ] || fail "no packet sockets"
	goes_on well
	[ "$(packet_sockets | wc -w)" = 2 ]
	del macvlan <<<"$conf"
	expect_silent
}

@test "the units of conf-examples/ say nothing that systemd does not know" {
	cp "$ROOT"/conf-examples/systemd/cnic-gc.* "$BATS_TEST_TMPDIR/units/"
	printf '[Unit]\nDescription=timers\n' >"$BATS_TEST_TMPDIR/units/timers.target"
	run env SYSTEMD_UNIT_PATH="$BATS_TEST_TMPDIR/units" systemd-analyze verify --man=no cnic-{dhcp,gc}.service cnic-dhcp.socket cnic-gc.timer
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing to be said: $output"
}
