# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# cluster with etcd, of a pool whose addresses are all single ones: each ADD and DEL asks. It is killed in front of any
# of its system calls, and so is the helper that asks; then DEL and GC leave nothing, of either side.

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
	rm -f /var/lib/cni/cluster/.down
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
				rm -f /var/lib/cni/cluster/.down
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
