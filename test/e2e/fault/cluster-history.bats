# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# cluster on many simulated nodes at once, calls killed at random moments: what all of them were answered has
# to be what one allocator could have said. With FAULT_EVERY=1 100 nodes with 250 attachments each; else as many fewer.

load ../lib
load ../etcd

setup() {
	host_setup
	needs_etcd
	history=$BATS_TEST_TMPDIR/run/history
	nodes=$((100 / FAULT_EVERY < 8 ? 8 : 100 / FAULT_EVERY))
	attachments=$((250 / FAULT_EVERY < 12 ? 12 : 250 / FAULT_EVERY))
}

teardown() {
	etcd_stop
	host_clean
}

look_into() {
	python3 "$TEST_DIR/cluster_history.py" check "$1"
}

# run_history JSON : of ipam's keys.
run_history() {
	etcd_start
	echo "seed $FAULT_SEED, $nodes nodes, $attachments attachments"
	BATS_TEST_TIMEOUT='' python3 "$TEST_DIR/cluster_history.py" run "$BATS_TEST_TMPDIR/run" "$nodes" "$attachments" "$FAULT_SEED" \
		"$PLUGINS" http://127.0.0.1:2379 "$1" || fail "all calls to end well"
	look_into "$history" || fail "one holder at a time"
}

# nothing_is_left : after a GC of all nodes with what they hold, etcd has what they have.
nothing_is_left() {
	local dir conf
	for dir in "$BATS_TEST_TMPDIR"/run/n*; do
		conf=$(jq -nc --arg dir "$dir" --argjson more "$1" '{cniVersion: "1.1.0", name: "net", type: "none", ipam: ({type: "cluster",
			dataDir: $dir, blockIdle: 0, etcd: {endpoints: ["http://127.0.0.1:2379"]}} + $more)}')
		# shellcheck disable=SC2046
		gc cluster <<<"$(with_valid "$conf" $(awk -v node="${dir##*/}" '$1 == node && $6 == "-" { print $2 "/eth0" }' "$history"))"
		expect_silent
	done
	[ "$(find "$BATS_TEST_TMPDIR"/run/n*/net -name '10.*' | wc -l)" -eq \
		"$(($(awk '$6 == "-"' "$history" | wc -l) - $(etcd_keys /cnic/v1/n/addr/ | wc -l)))" ] || fail "an address for each that holds one"
	[ "$(cat "$BATS_TEST_TMPDIR"/run/n*/.state/net/* | jq -s '[.[].blocks[]] | length')" -eq "$(etcd_keys /cnic/v1/n/block/ | wc -l)" ] ||
		fail "the blocks that etcd has"
}

@test "the checker finds a violation that is planted, and takes what is none" {
	printf '%s\n' "n1 a 10.9.0.1/24 10 20 30 40" "n2 b 10.9.0.1/24 32 50 - -" >"$BATS_TEST_TMPDIR/good"
	look_into "$BATS_TEST_TMPDIR/good"
	printf '%s\n' "n1 a 10.9.0.1/24 10 20 60 70" "n2 b 10.9.0.1/24 32 50 - -" >"$BATS_TEST_TMPDIR/bad"
	! look_into "$BATS_TEST_TMPDIR/bad" || fail "a violation"
	printf '%s\n' "n1 a 10.9.0.1/24 10 20 - -" "n2 b 10.9.0.1/24 12 19 - -" >"$BATS_TEST_TMPDIR/bad"
	! look_into "$BATS_TEST_TMPDIR/bad" || fail "two for ever"
	printf '%s\n' "n1 a 10.9.0.1/24 10 20 25 70" "n2 b 10.9.0.1/24 12 23 26 30" >"$BATS_TEST_TMPDIR/bad"
	! look_into "$BATS_TEST_TMPDIR/bad" || fail "no order fits"
}

@test "by blocks" {
	local keys='{"range":"10.9.0.0/16","blockSize":29}'
	run_history "$keys"
	nothing_is_left "$keys"
	# one of another node's, while it is held
	awk '$6 == "-" { print; $1 = "nx"; print; exit }' "$history" >"$BATS_TEST_TMPDIR/planted"
	cat "$history" >>"$BATS_TEST_TMPDIR/planted"
	! look_into "$BATS_TEST_TMPDIR/planted" >/dev/null || fail "the planted violation"
}

@test "by single addresses, of a pool that is exhausted again and again" {
	local keys='{"range":"10.9.0.0/26"}'
	((attachments <= 50)) || attachments=50
	run_history "$keys"
	nothing_is_left "$keys"
}
