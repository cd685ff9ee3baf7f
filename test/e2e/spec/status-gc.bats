#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI spec, STATUS and GC.

load spec

boot_id=/proc/sys/kernel/random/boot_id

teardown() {
	while umount "$STORE"/10.1.0.* "$boot_id" 2>/dev/null; do :; done
	host_clean
}

small='.ipam = {type: "host-local", ranges: [[{subnet: "10.1.0.0/30"}]]}'

# attached PLUGIN ID/IFNAME... : an attachment each, of boxes named after the ids.
attached() {
	local plugin=$1 pair
	shift
	for pair; do
		[ -e "/run/netns/${pair%/*}" ] || netns "${pair%/*}"
		NS=${pair%/*} CID=${pair%/*} add "$plugin" "${pair#*/}" <<<"$(conf "$plugin")"
		expect_ok
	done
}

# ---- STATUS --------------------------------------------------------------------------------

@test "C-140 STATUS of what works is silent success" {
	for plugin in $EVERY_PLUGIN; do
		status_of "$plugin" <<<"$(conf "$plugin")"
		expect_silent
	done
	netns box
	for plugin in $EVERY_PLUGIN; do
		add "$plugin" <<<"$(conf "$plugin" '.name = .type')"
		expect_ok
		status_of "$plugin" <<<"$(conf "$plugin" '.name = .type')"
		expect_silent
		del "$plugin" <<<"$(conf "$plugin" '.name = .type')"
	done
}

# D18
@test "C-141 STATUS says code 50 when the pool is exhausted or what ADD needs is missing" {
	for plugin in bridge ptp host-local; do
		for always in '' 1; do
			netns box
			add "$plugin" <<<"$(conf "$plugin" "$small")"
			expect_ok
			CNI_ALWAYS_EXEC=$always status_of "$plugin" <<<"$(conf "$plugin" "$small")"
			expect_code 50
			host_clean
		done
		status_of "$plugin" <<<"$(conf "$plugin" '.ipam.dataDir = "/proc/version/x"')"
		expect_code 50
	done
	for plugin in $VETH_PLUGINS; do
		status_of "$plugin" <<<"$(conf "$plugin" '.ipam = {type: "missing"}')"
		expect_code 50 'failed to find plugin "missing"'
	done
	ip link add br0 type veth peer name other
	status_of bridge <<<"$(conf bridge)"
	expect_code 50 br0
}

# It has no prevResult, from which they take their master.
@test "STATUS of ipvlan and vlan in a chain" {
	for plugin in ipvlan vlan; do
		status_of $plugin <<<'{"cniVersion":"1.1.0","name":"net","type":"'$plugin'","vlanId":5,
			"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24"}]}}'
		expect_silent
	done
}

@test "C-143 C-144 STATUS is no condition: ADD without one, DEL while it says 50" {
	for plugin in bridge ptp host-local; do
		netns box
		add "$plugin" <<<"$(conf "$plugin" "$small")"
		expect_ok
		status_of "$plugin" <<<"$(conf "$plugin" "$small")"
		expect_code 50
		del "$plugin" <<<"$(conf "$plugin" "$small")"
		expect_silent
		expect_leases
		status_of "$plugin" <<<"$(conf "$plugin" "$small")"
		expect_silent
		host_clean
	done
}

# ---- GC ------------------------------------------------------------------------------------

@test "C-150 GC frees the attachment that is not listed and leaves the listed one" {
	local before
	for plugin in $VETH_PLUGINS host-local; do
		for always in '' 1; do
			attached "$plugin" c1/eth0 c2/eth0
			before=$(state c1)
			CNI_ALWAYS_EXEC=$always gc "$plugin" \
				<<<"$(with_valid "$(conf "$plugin")" c1/eth0)"
			expect_silent
			expect_leases 10.1.0.2
			expect_same "state" "$before" "$(state c1)"
			host_clean
		done
	done
}

@test "C-151 GC with an empty list frees the whole network and no other" {
	for plugin in $VETH_PLUGINS host-local; do
		attached "$plugin" c1/eth0 c2/eth0
		CID=c1 add host-local <<<"$(conf host-local '.name = "other"')"
		gc "$plugin" <<<"$(with_valid "$(conf "$plugin")")"
		expect_silent
		expect_leases
		expect_leases -n other 10.1.0.2
		host_clean
	done
}

@test "C-153 GC frees the rest when one cannot be freed, and says so" {
	for plugin in $VETH_PLUGINS host-local; do
		attached "$plugin" c1/eth0 c2/eth0 c3/eth0
		mount --bind "$STORE/10.1.0.3" "$STORE/10.1.0.3"
		gc "$plugin" <<<"$(with_valid "$(conf "$plugin")")"
		expect_failure
		expect_leases 10.1.0.3
		umount "$STORE/10.1.0.3"
		gc "$plugin" <<<"$(with_valid "$(conf "$plugin")")"
		expect_silent
		expect_leases
		host_clean
	done
}

# D6: libcni sends both keys with the same value.
@test "C-154 GC honours a list under cni.dev/attachments alone, or valid-attachments alone" {
	for key in cni.dev/attachments cni.dev/valid-attachments; do
		for plugin in $VETH_PLUGINS host-local; do
			attached "$plugin" c1/eth0 c2/eth0
			gc "$plugin" <<<"$(conf "$plugin" \
				".[\"$key\"] = [{containerID: \"c2\", ifname: \"eth0\"}]")"
			expect_silent
			expect_leases 10.1.0.3
			host_clean
		done
	done
	gc host-local <<<"$(conf host-local '.["cni.dev/attachments"] = {}')"
	expect_code 6 cni.dev/attachments
	gc host-local <<<"$(conf host-local '.["cni.dev/attachments"] = [{containerID: "x"}]')"
	expect_code 7 'cni.dev/attachments[0].ifname'
}

@test "C-155 GC takes null for an empty list" {
	for plugin in $VETH_PLUGINS host-local; do
		attached "$plugin" c1/eth0
		gc "$plugin" <<<"$(conf "$plugin" '.["cni.dev/valid-attachments"] = null')"
		expect_silent
		expect_leases
		host_clean
	done
}

@test "C-156 GC without a list frees only what an earlier boot left" {
	for plugin in $VETH_PLUGINS host-local; do
		attached "$plugin" c1/eth0
		gc "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		expect_leases 10.1.0.2
		echo 11111111-2222-3333-4444-555555555555 >/run/boot_id
		mount --bind /run/boot_id "$boot_id"
		attached "$plugin" c2/eth0
		expect_leases 10.1.0.2 10.1.0.3
		gc "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		expect_leases 10.1.0.3
		umount "$boot_id"
		host_clean
	done
}

@test "C-157 GC compares id and interface, not the id alone" {
	attached bridge c1/eth0 c1/eth1 c2/eth0
	gc bridge <<<"$(with_valid "$(conf bridge)" c1/eth1 c2/eth1)"
	expect_silent
	expect_leases 10.1.0.3
	attached host-local c3/eth0 c3/eth1
	expect_leases 10.1.0.3 10.1.0.5 10.1.0.6
	gc host-local <<<"$(with_valid "$(conf host-local)" c3/eth0)"
	expect_silent
	expect_leases 10.1.0.5
}

@test "C-158 GC prints nothing and may be repeated" {
	for plugin in $EVERY_PLUGIN; do
		for _ in 1 2 3; do
			gc "$plugin" <<<"$(with_valid "$(conf "$plugin")" c1/eth0)"
			expect_silent
			[ -z "$errors" ] || fail "nothing on stderr"
		done
	done
	attached host-local c1/eth0 c2/eth0
	for _ in 1 2 3; do
		gc host-local <<<"$(with_valid "$(conf host-local)" c1/eth0)"
		expect_silent
		expect_leases 10.1.0.2
	done
}
