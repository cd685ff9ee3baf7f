#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI spec, DEL: best effort, whatever is gone already.

load spec

# attach PLUGIN : ADD c1/eth0 into a new box; the bridge stays when the test is through.
attach() {
	netns box
	add "$1" <<<"$(conf "$1")"
	expect_ok
	[ "$1" = static ] || expect_leases 10.1.0.2
}

# all_gone : neither link nor lease nor route.
all_gone() {
	expect_leases
	expect_no_veths
	[ -z "$(ip route show 10.1.0.2)" ] || fail "no route to the container"
}

# again : the next plugin begins anew.
again() {
	host_clean
	forget_result
}

@test "C-100 DEL takes back what ADD made" {
	local before
	for plugin in $VETH_PLUGINS; do
		attach "$plugin"
		del "$plugin" <<<"$(conf "$plugin")"
		ip link del br0 2>/dev/null || true
		forget_result
		before=$(state box) # after a first round: forwarding is on now, and stays on
		add "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		expect_link box eth0
		del "$plugin" <<<"$(with_result "$(conf "$plugin")")"
		expect_silent
		expect_no_link box eth0
		all_gone
		ip link del br0 2>/dev/null || true
		forget_result
		expect_same "state" "$before" "$(state box)"
		again
	done
	netns box
	add loopback lo <<<"$(conf loopback)"
	del loopback lo <<<"$(conf loopback)"
	expect_silent
	[[ $(ns_ip box -o link show lo) != *,UP* ]] || fail "lo down"
	add host-local <<<"$(conf host-local)"
	expect_leases 10.1.0.2
	del host-local <<<"$(conf host-local)"
	expect_silent
	expect_leases
}

@test "C-101 DEL may be repeated" {
	for plugin in $EVERY_PLUGIN; do
		netns box
		add "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		for _ in 1 2 3 4; do
			del "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			all_gone
		done
		again
	done
}

@test "C-102 DEL without an ADD succeeds and makes nothing" {
	netns box
	local before
	before=$(state box)
	for plugin in $EVERY_PLUGIN; do
		[ "$plugin" != loopback ] || continue # sets lo down, as it always does
		del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		CNI_NETNS=/run/netns/none del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
	done
	expect_same "state" "$before" "$(state box)"
	del loopback lo <<<"$(conf loopback)"
	expect_silent
}

@test "C-103 DEL after the namespace is gone frees the address" {
	for plugin in $EVERY_PLUGIN; do
		netns box
		add "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		ip netns del box
		del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		expect_leases
		again
	done
}

@test "C-104 DEL after someone removed the interface frees the rest" {
	for plugin in $VETH_PLUGINS; do
		attach "$plugin"
		ns_ip box link del eth0
		del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		all_gone
		again
		attach "$plugin"
		for link in $(host_veths); do
			ip link del "$link"
		done
		del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		all_gone
		again
	done
}

@test "C-105 DEL does not need prevResult, nor mind an empty or odd one" {
	for plugin in $EVERY_PLUGIN; do
		for prev in '{}' null '{"cniVersion": "9.9.9"}' '{"ips": [{"address": "x"}]}' \
			'{"interfaces": null}'; do
			netns box
			add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			del "$plugin" <<<"$(conf "$plugin" ".prevResult = $prev")"
			expect_silent
			all_gone
			again
		done
	done
}

@test "C-106 DEL after the plugin's files were removed succeeds" {
	for plugin in $VETH_PLUGINS host-local; do
		for victim in /var/lib/cni/networks /var/lib/cni/networks/.cnic "$STORE/10.1.0.2" \
			"$STORE/lock" "$STORE"; do
			netns box
			add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			[ -e "$victim" ] || fail "$victim to be there"
			rm -rf "$victim"
			del "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			all_gone
			again
		done
	done
}

@test "C-107 DEL of one interface leaves the container's other one working" {
	for plugin in $VETH_PLUGINS; do
		attach "$plugin"
		add "$plugin" eth1 <<<"$(conf "$plugin" '.ipam.subnet = "10.2.0.0/24" | .name = "two" |
			if .bridge then .bridge = "br1" else . end')"
		expect_ok
		del "$plugin" eth0 <<<"$(conf "$plugin")"
		expect_silent
		expect_no_link box eth0
		expect_link box eth1
		expect_leases
		expect_leases -n two 10.2.0.2
		in_ns box ping -c 1 -W 5 10.2.0.1 >/dev/null || fail "eth1 to reach its gateway"
		again
	done
	attach bridge
	add bridge eth1 <<<"$(conf bridge)"
	expect_ok
	del bridge eth0 <<<"$(conf bridge)"
	expect_silent
	expect_leases 10.1.0.3
	in_ns box ping -c 1 -W 5 10.1.0.1 >/dev/null || fail "eth1 to reach its gateway"
}

@test "C-109 DEL prints nothing" {
	for plugin in $EVERY_PLUGIN; do
		netns box
		for version in $ALL_VERSIONS; do
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_ok
			del "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_silent
			[ -z "$errors" ] || fail "nothing on stderr"
		done
		again
	done
}

# D17, D19
@test "C-110 DEL with a netns path that is no namespace frees everything and makes no file" {
	mkdir -p /run/strange/directory
	touch /run/strange/plain
	mkfifo /run/strange/fifo
	for plugin in $EVERY_PLUGIN; do
		for path in plain directory fifo missing missing/deeper plain/below; do
			netns box
			add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			ip netns del box # else its links stay: nobody told us where they are
			CNI_NETNS=/run/strange/$path del "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			expect_leases
			again
		done
	done
	[ "$(cd /run/strange && echo *)" = "directory fifo plain" ] || fail "nothing made there"
}

@test "C-111 DEL of one network leaves the same id and interface of another alone" {
	for plugin in $VETH_PLUGINS host-local; do
		netns box
		add "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		add host-local <<<"$(conf host-local '.name = "other"')"
		expect_ok
		expect_leases -n other 10.1.0.2
		del "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		expect_leases
		expect_leases -n other 10.1.0.2
		del host-local <<<"$(conf host-local '.name = "other"')"
		expect_leases -n other
		again
	done
}
