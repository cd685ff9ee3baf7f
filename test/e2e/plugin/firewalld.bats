# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# firewall with a real firewalld. The plugin and the helper it executes are copies in a directory of
# their own, whatever the build under test has beside it.

load ../lib
load firewalld
bats_require_minimum_version 1.5.0

setup_file() {
	env -u SAN -u STATIC -u SPLIT make -s -C "$ROOT" FIREWALLD=1 bin/cnic-firewalld
	mkdir -p "$BATS_FILE_TMPDIR/bin"
	cp "$CNIC_BIN/firewall" "$ROOT/bin/cnic-firewalld" "$BATS_FILE_TMPDIR/bin"
	[ ! -x "$CNIC_BIN/cnic" ] || cp "$CNIC_BIN/cnic" "$BATS_FILE_TMPDIR/bin"
}

setup() {
	host_setup
	nft flush ruleset
	rm -rf /run/cnic
	netns box
	PLUGINS=$BATS_FILE_TMPDIR/bin
	firewalld_start
}

teardown() {
	firewalld_end
	host_clean
	nft flush ruleset
	rm -rf /run/cnic
}

# Gone when its last process is: the bus takes the name from it then.
firewalld_stops() {
	local pid pids
	mapfile -t pids < <(pgrep -x firewalld)
	kill "${pids[@]}"
	for pid in "${pids[@]}"; do
		tail --pid="$pid" -s 0.1 -f /dev/null
	done
}

# conf [JQ]
conf() {
	jq -c "${1:-.}" <<-END
		{"cniVersion": "1.1.0", "name": "net", "type": "firewall", "prevResult": {"cniVersion": "1.1.0",
			"interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": "/run/netns/box"}],
			"ips": [{"address": "10.1.0.2/16", "interface": 1}, {"address": "fd00::2/64", "interface": 1}]}}
	END
}

NAMED='.backend = "firewalld"'

sources() {
	local text
	text=$(firewall-cmd --zone="${1:-trusted}" --list-sources | tr ' ' '\n' | sort | paste -sd' ')
	[ "$text" = "${2-}" ] || fail "sources '${2-}' of ${1:-trusted}, not '$text'"
}

BOTH="10.1.0.2/32 fd00::2/128"

@test "an address is a source of the zone; chosen where firewalld runs" {
	add firewall <<<"$(conf)"
	expect_ok
	[ "$errors" = "firewall: backend firewalld" ] || fail "it to say so"
	sources trusted "$BOTH"
	jq -e '.note == "firewalld"' /run/cnic/rules/*-firewall
	[ "$(nft list tables)" = "table inet firewalld" ] || fail "no other table"
	check firewall <<<"$(conf)"
	expect_silent
	add firewall <<<"$(conf)"
	expect_ok
	sources trusted "$BOTH"
	del firewall <<<"$(conf)"
	expect_silent
	sources trusted
	del firewall <<<"$(conf)"
	expect_silent
	firewalld_stops
	add firewall <<<"$(conf)"
	expect_ok
	[ "$errors" != "firewall: backend firewalld" ] || fail "another one"
}

@test "another zone" {
	local zoned='.firewalldZone = "internal"'
	add firewall <<<"$(conf "$NAMED | $zoned")"
	expect_ok
	sources trusted
	sources internal "$BOTH"
	del firewall <<<"$(conf)"
	expect_silent
	sources internal "$BOTH"
	add firewall <<<"$(conf "$NAMED | $zoned")"
	del firewall <<<"$(conf "$NAMED | $zoned | del(.prevResult)")"
	expect_silent
	sources internal
}

@test "a reload, a restart: CHECK fails, repair restores" {
	add firewall <<<"$(conf)"
	firewall-cmd --reload
	sources trusted
	check firewall <<<"$(conf)"
	expect_code 102 "10.1.0.2/32 is not in zone trusted"
	run -0 "$PLUGINS/cnic" repair
	[ "$output" = "1 repaired, 0 failed, 0 gone" ] || fail "$output"
	sources trusted "$BOTH"
	check firewall <<<"$(conf)"
	expect_silent
	firewall-cmd --zone=trusted --remove-source=fd00::2/128
	check firewall <<<"$(conf)"
	expect_code 102 "fd00::2/128 is not in zone trusted"
	firewalld_stops
	check firewall <<<"$(conf)"
	expect_code 102 "firewalld is not running"
	firewalld_await
	run -0 "$PLUGINS/cnic" repair
	check firewall <<<"$(conf)"
	expect_silent
}

@test "an ADD that fails leaves no source" {
	firewall-cmd --zone=public --add-source=fd00::2/128
	add firewall <<<"$(conf "$NAMED")"
	expect_code 999 ZONE_CONFLICT
	sources trusted
	[ -z "$(ls /run/cnic/rules)" ] || fail "no record"
	add firewall <<<"$(conf "$NAMED | .firewalldZone = \"nowhere\"")"
	expect_code 999 INVALID_ZONE
	firewall-cmd --zone=public --remove-source=fd00::2/128
	firewall-cmd --zone=trusted --add-source=10.1.0.2/32
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/box CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"$PLUGINS/firewall" <<<"$(conf)" >/dev/full && fail "a failure"
	sources trusted 10.1.0.2/32
}

@test "C-108 DEL without firewalld, without a bus, by the record alone" {
	add firewall <<<"$(conf)"
	firewalld_stops
	del firewall <<<"$(conf)"
	expect_silent
	[ -z "$(ls /run/cnic/rules)" ] || fail "no record"
	firewalld_await
	add firewall <<<"$(conf)"
	del firewall <<<"$(conf '.backend = "nftables" | del(.prevResult)')"
	expect_silent
	sources trusted
}

@test "a policy is beside it in our table, or in iptables' if that is in use" {
	local policy='.ingressPolicy = "isolated"'
	add firewall <<<"$(conf "$policy")"
	expect_ok
	nft list map inet cnic_firewall within | grep -q '"br0" . "br0".* : drop'
	! nft list set inet cnic_firewall v4 | grep elements || fail "no address"
	check firewall <<<"$(conf "$policy")"
	expect_silent
	del firewall <<<"$(conf "$policy")"
	nft delete table inet cnic_firewall
	iptables -A FORWARD -j ACCEPT
	add firewall <<<"$(conf "$policy")"
	expect_ok
	iptables -S CNI-ISOLATION-STAGE-1 | grep -q -- '-i br0 -o br0 .* -j DROP'
	[ -z "$(iptables -S CNI-FORWARD 2>/dev/null)" ] || fail "no chain of addresses"
	check firewall <<<"$(conf "$policy")"
	expect_silent
	iptables -F
	check firewall <<<"$(conf "$policy")"
	expect_code 102 "rule gone"
}

@test "the reference's sources are as good as ours, and back" {
	ref_run add firewall <<<"$(conf "$NAMED")"
	expect_ok
	PLUGINS=$BATS_FILE_TMPDIR/bin
	check firewall <<<"$(conf)"
	expect_silent
	del firewall <<<"$(conf)"
	expect_silent
	sources trusted
	add firewall <<<"$(conf)"
	ref_run check firewall <<<"$(conf "$NAMED")"
	expect_silent
	ref_run del firewall <<<"$(conf "$NAMED")"
	sources trusted
}

@test "GC goes by the records, and leaves an address to its next holder" {
	CID=c1 add firewall <<<"$(conf)"
	CID=c2 add firewall <<<"$(conf '.prevResult.ips[0].address = "10.1.0.3/16"')"
	CID=c3 add firewall <<<"$(conf '.name = "other" | .prevResult.ips = [{address: "10.1.0.4/16"}]')"
	gc firewall <<<"$(with_valid "$(conf)" c2/eth0)"
	expect_silent
	sources trusted "10.1.0.3/32 10.1.0.4/32 fd00::2/128"
	[ "$(ls /run/cnic/rules | wc -l)" = 2 ] || fail "two records"
}

@test "a DEL that is repeated without a record leaves an address to its next holder" {
	CID=c1 add firewall <<<"$(conf)"
	CID=c1 del firewall <<<"$(conf)"
	expect_silent
	CID=c2 add firewall <<<"$(conf '.prevResult.ips |= .[:1]')"
	CID=c1 del firewall <<<"$(conf "$NAMED")"
	expect_silent
	sources trusted 10.1.0.2/32
	CID=c2 del firewall <<<"$(conf)"
	expect_silent
	sources trusted
}

@test "STATUS: is it there?" {
	status_of firewall <<<"$(conf "$NAMED")"
	expect_silent
	firewalld_stops
	status_of firewall <<<"$(conf "$NAMED")"
	expect_code 50 "firewalld is not running"
	status_of firewall <<<"$(conf)"
	expect_silent
}

@test "without the helper: an error that says so, and nothing else is chosen behind firewalld's back" {
	mkdir -p "$BATS_TEST_TMPDIR/bare"
	cp "$CNIC_BIN/firewall" "$BATS_TEST_TMPDIR/bare"
	PLUGINS=$BATS_TEST_TMPDIR/bare
	for verb in ADD STATUS; do
		cni $verb firewall <<<"$(conf "$NAMED")"
		expect_code 2 "make FIREWALLD=1"
		cni $verb firewall <<<"$(conf)"
		expect_code 2 "firewalld has rules here, and no backend is named"
	done
	add firewall <<<"$(conf '.backend = "nftables"')"
	expect_ok
	del firewall <<<"$(conf)"
	expect_silent
}
