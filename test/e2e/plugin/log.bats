# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# CNIC_LOG and the key `log`: one line a call, and nothing where nobody asks.

load ../lib

setup() {
	host_setup
	netns box
	log=$BATS_TEST_TMPDIR/log
	conf='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"lg0","ipam":{"type":"host-local","subnet":"10.6.0.0/24"}}'
}

line() {
	sed -n "${1}p" "$log"
}

@test "log: a line for each call, with what it was and how long it took" {
	CNIC_LOG=$log TRACEPARENT=00-abc-def-01 add bridge <<<"$conf"
	expect_ok
	CNIC_LOG=$log check bridge <<<"$(with_result "$conf")"
	CNIC_LOG=$log del bridge <<<"$conf"
	expect_silent
	[ "$(wc -l <"$log")" -eq 3 ] || fail "three lines: $(<"$log")"
	[ "$(jq -r .verb "$log" | paste -sd' ')" = "ADD CHECK DEL" ] || fail "verbs: $(<"$log")"
	json_is "$(line 1)" '[.plugin, .network, .container, .ifname, .code, .trace]' '["bridge","net","c1","eth0",0,"00-abc-def-01"]'
	json_is "$(line 1)" '.us >= .prepareUs and .prepareUs > 0 and (.time | test("^20..-..-..T..:..:..[.]......Z$"))' true
	json_is "$(line 2)" 'has("trace") or has("error")' false
	[ "$(stat -c %a "$log")" = 600 ] || fail "mode"
}

@test "log: what failed, with its code and words" {
	add bridge <<<"$conf"
	CNIC_LOG=$log add bridge <<<"$conf"
	expect_failure
	json_is "$(line 1)" '.code' "$(jq .code <<<"$output")"
	json_is "$(line 1)" '.error' "$(jq -r .msg <<<"$output")"
}

@test "log: the key of the configuration; the environment comes first" {
	add bridge <<<"$(jq -c --arg log "$log" '.log = $log' <<<"$conf")"
	expect_ok
	[ "$(wc -l <"$log")" -eq 1 ] || fail "one line"
	CNIC_LOG=stderr del bridge <<<"$(jq -c --arg log "$log" '.log = $log' <<<"$conf")"
	[ "$(wc -l <"$log")" -eq 1 ] || fail "not there"
	json_is "$errors" .verb DEL
}

@test "log: how long the host's lock was waited for" {
	local lock adding
	add bridge <<<"$conf"
	del bridge <<<"$conf"
	lock=$(ls /run/cnic/netns-*)
	hold_lock "$lock"
	(CNIC_LOG=$log add bridge <<<"$conf" && expect_ok) 3>&- &
	adding=$!
	lock_is_awaited
	sleep 0.1 # for as long as it does at least
	free_lock
	wait $adding
	json_is "$(line 1)" '.lockUs > 50000' true
}

@test "log: a chain's parts each have a line" {
	CNIC_LOG=$log add chain <<<"$(jq -c '{cniVersion, name, type: "chain", plugins: [., {type: "tuning", mac: "02:00:00:00:00:07"}]}' <<<"$conf")"
	expect_ok
	[ "$(jq -r .plugin "$log" | paste -sd' ')" = "bridge tuning chain" ] || fail "lines: $(<"$log")"
}

@test "log: a file that cannot be written fails nothing" {
	local where
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	ln -s /nowhere "$BATS_TEST_TMPDIR/link"
	for where in /nonexistent/log relative "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/fifo" "$BATS_TEST_TMPDIR/link" /dev/full; do
		CNIC_LOG=$where add bridge <<<"$conf"
		expect_ok
		CNIC_LOG=$where del bridge <<<"$conf"
		expect_silent
	done
	[ ! -e relative ] && [ ! -e /nowhere ] || fail "no file made"
}

@test "log: names cannot break the line" {
	CNI_ARGS=$'IgnoreUnknown=1' CNIC_LOG=$log TRACEPARENT=$'a"\nb' add bridge <<<"$(jq -c '.ipam = {type: "no\nsuch"}' <<<"$conf")"
	[ "$(wc -l <"$log")" -eq 1 ] || fail "one line: $(<"$log")"
	json_is "$(<"$log")" .trace $'a"\nb'
}

@test "log: calls of cnic gc" {
	export CNIC_LOG=$log
	add bridge <<<"$conf"
	expect_ok
	ip netns del box
	"$CNIC_BIN/cnic" gc >"$BATS_TEST_TMPDIR/gc"
	[ "$(jq -c 'select(.plugin == "bridge") | [.verb, .network, .container, .code]' "$log" | tail -n 1)" = '["DEL","net","c1",0]' ] ||
		fail "a DEL of bridge: $(<"$log")"
}
