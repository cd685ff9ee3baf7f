# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# cluster with etcd, of a pool whose addresses are all single ones: each ADD and DEL asks. It is killed in front of any
# of its system calls, and so is the helper that asks; then DEL and GC leave nothing, of either side. So is GC, of a
# pool with blocks as well.

load ../lib
load ../etcd
load fault
load faults
load rows
load kill

setup() {
	host_setup
	needs_etcd
	netns box
	fault_begin
	etcd_start
	plugin=cluster restore=nothing
	conf='{"cniVersion":"1.1.0","name":"net","type":"cluster","ipam":{"type":"cluster","range":"10.9.0.0/27",
		"etcd":{"endpoints":["http://127.0.0.1:2379"]}}}'
	CID=c0 add cluster <<<"$conf"
	expect_ok
	set +T
}

teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || tail -n 30 "$log"
	etcd_stop
	host_clean
}

# nothing_is_left : DEL, GC, and there is what c0 has: in etcd, in the state, in the journal.
nothing_is_left() {
	rm -f /var/lib/cni/cluster/.down.*
	del cluster <<<"$conf"
	expect_silent
	gc cluster <<<"$(with_valid "$conf" c0/eth0)"
	expect_silent
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 1 ] || fail "one address: $(etcd_keys /cnic/)"
	json_is "$(cat /var/lib/cni/cluster/.state/net/*)" '[(.singles | map(.id)), .pending]' '[["c0"],null]'
	[ "$(ls /var/lib/cni/cluster/net)" = lock ] || fail "no journal of singles: $(ls /var/lib/cni/cluster/net)"
}

@test "the plugin is killed" {
	each_kill ADD nothing_is_left
	each_kill DEL nothing_is_left
}

# helper_below OPTION... : from here on cnic-etcd is called below strace with these.
helper_below() {
	printf '#!/bin/sh\nexec %s "%s/cnic-etcd" "$@"\n' "$(printf '%q ' "${STRACE[@]}" -qq "$@")" "$CNIC_BIN" >"$PLUGINS/cnic-etcd"
	chmod 755 "$PLUGINS/cnic-etcd"
}

@test "the helper is killed" {
	local verb name count number=0 tried=0 killed=0 list FAULT_EVERY=$((FAULT_EVERY == 1 ? 1 : FAULT_EVERY * 4))
	PLUGINS=$BATS_TEST_TMPDIR/bin
	cp -a "$CNIC_BIN" "$PLUGINS"
	rm "$PLUGINS/cnic-etcd"
	helper_below -o "$BATS_TEST_TMPDIR/trace"
	add_well
	list=$(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | awk 'NR > 1 { print $1, ++n[$1] }')
	nothing_is_left
	for verb in ADD DEL; do
		while read -r name count; do
			number=$((number + 1))
			is_sampled $number || continue
			tried=$((tried + 1))
			{
				echo "$verb, helper killed in front of $name $count"
				rm -f /var/lib/cni/cluster/.down.*
				helper_below -o /dev/null
				[ $verb = ADD ] || add_well
				helper_below -o /dev/null -e trace="$name" -e inject="$name:signal=KILL:when=$count"
				cni $verb cluster <<<"$conf"
				[ "$status" -eq 0 ] || killed=$((killed + 1))
				[ $verb = ADD ] || expect_silent
				[ $verb != ADD ] || [ "$status" -eq 0 ] || expect_code 11
				helper_below -o /dev/null
				nothing_is_left
			} >"$log" 2>&1
		done <<<"$list"
	done
	echo "# cnic-etcd: $killed ADDs of $number calls" >&3
	[ $number -gt 100 ] && [ $killed -ge $((tried / 4)) ] || fail "more of $tried of $number system calls"
}

# ---- of blocks, and claims ---------------------------------------------------------------------

# use_both : c0 has the one address of a block and a single one; so have the next, each of a block of its own.
use_both() {
	conf=$(jq -c '.name = "both" | .ipam += {network_name: "both", range: "10.8.0.0/26", blockSize: 30, blockIdle: 0,
		exclude: [range(64) | select(. % 4 != 1) | "10.8.0.\(.)"], ipRanges: [{range: "fd00:8::/123"}]}' <<<"$conf")
	echo "$conf" >"$BATS_TEST_TMPDIR/net.conf"
	CID=c0 add cluster <<<"$conf"
	expect_ok
}

both_are_left() {
	rm -f /var/lib/cni/cluster/.down.*
	del cluster <<<"$conf"
	expect_silent
	gc cluster <<<"$(with_valid "$conf" c0/eth0)"
	expect_silent
	json_is "$(cat /var/lib/cni/cluster/.state/both/*)" '[(.blocks | length), (.singles | map(.id)), .pending]' '[1,["c0"],null]'
	[ "$(etcd_keys /cnic/v1/nboth/block/ | wc -l)" -eq 1 ] || fail "c0's block: $(etcd_keys /cnic/)"
	[ "$(etcd_keys /cnic/v1/nboth/addr/ | grep -vc '"node":"",')" -eq 1 ] || fail "c0's single address: $(etcd_keys /cnic/)"
	[ "$(cat /var/lib/cni/cluster/both/10.*)" = $'c0\r\neth0' ] || fail "c0's reservation alone"
	! [ -x "$CNIC_BIN/cnic" ] || "$CNIC_BIN/cnic" ipam verify "$BATS_TEST_TMPDIR/net.conf" || fail "nothing for verify to find"
}

@test "the plugin is killed while it gets a block and a single address, or two claims" {
	local FAULT_EVERY=$((FAULT_EVERY == 1 ? 1 : FAULT_EVERY * 4))
	use_both
	each_kill ADD both_are_left
	conf=$(jq -c '.ipam.claim = "vm"' <<<"$conf")
	each_kill ADD both_are_left
	[ "$(etcd_keys /cnic/v1/nboth/claim/ | wc -l)" -eq "$(etcd_keys /cnic/v1/nboth/addr/ | grep -c '"claim":"claim/vm"')" ] || fail "an address for each claim"
}

# ---- GC --------------------------------------------------------------------------------------

# use_gc : c0 lives in a block; dead_ones are beside it, with another block, a single address, and a claim's.
use_gc() {
	local all='"type":"cluster","network_name":"blocks","range":"10.8.0.0/26","blockSize":30,"blockIdle":0'
	local etcd='"etcd":{"endpoints":["http://127.0.0.1:2379"]}}'
	blocks='{"cniVersion":"1.1.0","name":"blocks","type":"cluster","ipam":{'$all,$etcd'}'
	claim='{"cniVersion":"1.1.0","name":"blocks","type":"cluster","ipam":{'$all',"claim":"vm",'$etcd'}'
	asked='{"cniVersion":"1.1.0","name":"blocks","type":"cluster","args":{"cni":{"ips":["10.8.0.60"]}},"ipam":{'$all,$etcd'}'
	conf=$(with_valid "$blocks" c0/eth0) restore=dead_ones
	echo "$blocks" >"$BATS_TEST_TMPDIR/net.conf"
	CID=c0 add cluster <<<"$blocks"
	expect_ok
}

dead_ones() {
	local i
	rm -f /var/lib/cni/cluster/.down.*
	CID=asked add cluster <<<"$asked"
	expect_ok
	CID=vm add cluster <<<"$claim"
	expect_ok
	for ((i = 1; i <= 4; i++)); do
		CID=d$i add cluster <<<"$blocks"
		expect_ok
	done
	json_is "$(cat /var/lib/cni/cluster/.state/blocks/*)" '[.blocks, .singles | length]' '[2,2]'
}

# all_is_returned : by a second GC.
all_is_returned() {
	rm -f /var/lib/cni/cluster/.down.*
	gc cluster <<<"$conf"
	expect_silent
	json_is "$(cat /var/lib/cni/cluster/.state/blocks/*)" '[(.blocks | length), .singles, .pending]' '[1,[],null]'
	[ "$(etcd_keys /cnic/v1/nblocks/block/ | wc -l)" -eq 1 ] || fail "c0's block: $(etcd_keys /cnic/)"
	[[ $(etcd_keys /cnic/v1/nblocks/addr/) = *' {"node":"",'*'"claim":"claim/vm"}' ]] || fail "the claim's address: $(etcd_keys /cnic/)"
	[ "$(etcd_keys /cnic/v1/nblocks/addr/ | wc -l)" -eq 1 ] || fail "that alone: $(etcd_keys /cnic/)"
	[ "$(cat /var/lib/cni/cluster/blocks/10.*)" = $'c0\r\neth0' ] || fail "c0's reservation alone"
	! [ -x "$CNIC_BIN/cnic" ] || "$CNIC_BIN/cnic" ipam verify "$BATS_TEST_TMPDIR/net.conf" || fail "nothing for verify to find"
}

@test "the plugin is killed in GC" {
	use_gc
	each_kill GC all_is_returned
}

# helper_killed RUN CALL COUNT : its so many-th run is, in front of that call.
helper_killed() {
	echo 0 >"$BATS_TEST_TMPDIR/runs"
	cat >"$PLUGINS/cnic-etcd" <<-END
		#!/bin/sh
		n=\$((\$(cat "$BATS_TEST_TMPDIR/runs") + 1))
		echo \$n >"$BATS_TEST_TMPDIR/runs"
		[ \$n -eq $1 ] || exec "$CNIC_BIN/cnic-etcd" "\$@"
		exec $(printf '%q ' "${STRACE[@]}") -qq -o "$BATS_TEST_TMPDIR/trace" ${2:+-e trace=$2 -e inject=$2:signal=KILL:when=$3} "$CNIC_BIN/cnic-etcd" "\$@"
	END
	chmod 755 "$PLUGINS/cnic-etcd"
}

@test "the helper is killed in GC, at each of its requests" {
	local run name count list number=0 tried=0 killed=0 FAULT_EVERY=$((FAULT_EVERY == 1 ? 1 : FAULT_EVERY * 4))
	use_gc
	PLUGINS=$BATS_TEST_TMPDIR/bin
	cp -a "$CNIC_BIN" "$PLUGINS"
	rm "$PLUGINS/cnic-etcd"
	for run in 1 2 3; do
		{
			helper_killed 0
			dead_ones
			helper_killed $run
			gc cluster <<<"$conf"
			expect_silent
			[ "$(<"$BATS_TEST_TMPDIR/runs")" -eq 3 ] || fail "three requests"
		} >"$log" 2>&1
		list=$(sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | awk 'NR > 1 { print $1, ++n[$1] }')
		while read -r name count; do
			number=$((number + 1))
			is_sampled $number || continue
			tried=$((tried + 1))
			{
				echo "GC, helper killed in front of $name $count of request $run"
				helper_killed 0
				dead_ones
				helper_killed $run "$name" "$count"
				gc cluster <<<"$conf"
				[ "$status" -eq 0 ] || expect_code 11
				[ "$status" -eq 0 ] || killed=$((killed + 1))
				helper_killed 0
				all_is_returned
			} >"$log" 2>&1
		done <<<"$list"
	done
	echo "# cnic-etcd: $killed GCs of $number calls" >&3
	[ $number -gt 100 ] && [ $killed -ge $((tried / 4)) ] || fail "more of $tried of $number system calls"
}
