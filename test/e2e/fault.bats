# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Whatever single call fails: an ADD leaves kernel and store as they were, or succeeds and all is
# right; a DEL fails or leaves nothing, and the next one leaves nothing. test/fault/shim.c makes the
# n-th call fail; each test counts n up until the command does not get that far any more.

load lib

NET=net
STORE=/var/lib/cni/networks/$NET
EVERYTHING=$'link show\naddr show\nroute show table all\nrule show'
SHIM=$ROOT/build/fault/shim.so
IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]],
	"routes":[{"dst":"192.168.0.0/16"},{"dst":"fd00:3::/32"}]}'
BRIDGE='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","isGateway":true,
	"hairpinMode":true,'$IPAM'}'
PTP='{"cniVersion":"1.1.0","name":"net","type":"ptp",'$IPAM'}'
HOST_LOCAL='{"cniVersion":"1.1.0","name":"net","type":"any",'$IPAM'}'
LOOPBACK='{"cniVersion":"1.1.0","name":"net","type":"loopback"}'

setup_file() {
	mkdir -p "$ROOT/build/fault"
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -U_FORTIFY_SOURCE -Wall -Wextra -shared -fPIC \
		-o "$SHIM" "$ROOT/test/fault/shim.c"
}

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	fault_state=$BATS_TEST_TMPDIR/fault
	log=$BATS_TEST_TMPDIR/log
}

# What was said about the call that went wrong, not about the hundred before it.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || cat "$log"
	host_clean
}

needs_preload() {
	[ -n "$(ldd "$CNIC_BIN/bridge" 2>/dev/null | grep libc)" ] ||
		skip "LD_PRELOAD does not reach a static executable"
}

# ---- the fault -------------------------------------------------------------------------------

# with_fault N COMMAND... : the N-th call of the plugin fails; $what is what it was, or empty.
with_fault() {
	local number=$1
	shift
	# shellcheck disable=SC2183
	printf '\0%.0s' {1..256} >"$fault_state"
	LD_PRELOAD=$SHIM FAULT_STATE=$fault_state FAULT_AT=$number \
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 "$@"
	IFS= read -r -d '' what <"$fault_state" || true
}

# One error object and nothing else; without a process for each of some thousand answers.
expect_error_object() {
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	case $output in
	*$'\n'*) fail "one line" ;;
	'{"cniVersion":"1.1.0","code":'*'}') ;;
	*) fail "an error object" ;;
	esac
	case $errors in
	*Sanitizer* | *"runtime error"*) fail "no finding of a sanitizer" ;;
	esac
}

# ---- the state -------------------------------------------------------------------------------

# Everything a plugin may have left, quickly: the interfaces are all the same ones, so nothing needs
# to be masked but what the kernel does in its own time. The lock file of a store holds nothing.
snapshot() {
	{
		ip -batch - <<<"$EVERYTHING"
		ip -n box -batch - <<<"$EVERYTHING"
	} | sed -E '/fe80|ff00/d; s/NO-CARRIER,|,LOWER_UP//; s/ state [A-Z]+ / /; s/linkdown//'
	stored "$@"
}

stored() {
	[ -d "$STORE" ] || return 0
	find "$STORE" -type f ! -name lock ${1:+! -name "$1"} -printf '%m %p\n' | sort
	find "$STORE" -type f ! -name lock ${1:+! -name "$1"} -exec grep -H '' {} + | sort
}

# The round robin goes on after an ADD that was well, DEL or not; so when IPAM's part of an ADD was.
LAST='last_reserved_ip.*'

expect_state() {
	local now
	now=$(snapshot "${2:-}")
	[ "$now" = "$1" ] || {
		diff <(echo "$1") <(echo "$now") || true
		fail "the state as before"
	}
}

# ---- one failing call ------------------------------------------------------------------------

# A tolerated failure: the ADD is to be as good as any.
expect_all_right() {
	echo "tolerated: $what"
	check "$plugin" <<<"$(with_result "$conf")"
	expect_silent
}

# The store, and our index of it, are to be as good as ever.
cycle() {
	add host-local <<<"$conf"
	expect_ok
	del host-local <<<"$conf"
	expect_silent
}

add_with_fault() {
	local before after
	before=$(snapshot "$ignored")
	after=$(snapshot "$LAST")
	with_fault "$1" add "$plugin" <<<"$conf"
	echo "fault $1: $what"
	if [ "$status" -eq 0 ]; then
		expect_all_right
		del "$plugin" <<<"$conf"
		expect_silent
		"$restore"
		expect_state "$after" "$LAST"
	else
		expect_error_object
		[ -n "$what" ] || fail "success without a fault"
		expect_state "$before" "$ignored"
	fi
	cycle
	"$restore"
	expect_state "$after" "$LAST"
}

del_with_fault() {
	local before
	before=$(snapshot "$LAST")
	add "$plugin" <<<"$conf"
	expect_ok
	with_fault "$1" del "$plugin" <<<"$conf"
	echo "fault $1: $what"
	if [ "$status" -ne 0 ]; then
		expect_error_object
		[ -n "$what" ] || fail "success without a fault"
		del "$plugin" <<<"$conf"
	fi
	expect_silent
	"$restore"
	expect_state "$before" "$LAST"
	cycle
	"$restore"
	expect_state "$before" "$LAST"
}

# ---- all of them -----------------------------------------------------------------------------

# nothing, fresh: what there was before, and how to get there again after an ADD and DEL.
nothing() {
	:
}

fresh() {
	ip link del br0 2>/dev/null || true
	rm -rf "${STORE%/*}"
}

# The network is in use by another container, the bridge is there.
busy() {
	netns other
	CID=c0 add "$plugin" <<<"$conf"
	expect_ok
	NS=box
}

# each_fault COMMAND : COMMAND N for every N that is reached. Fewer than 20 is a broken shim.
each_fault() {
	local number=0
	needs_preload
	what=first
	while [ -n "$what" ]; do
		number=$((number + 1))
		"$1" $number >"$log" 2>&1
	done
	echo "$((number - 1)) calls"
	[ $number -gt 20 ] || fail "more calls that can fail"
}

use() {
	plugin=$1
	conf=$2
	restore=nothing
	ignored=$LAST
	[ "$plugin" != host-local ] || ignored=
}

@test "bridge ADD, first on the host" {
	use bridge "$BRIDGE"
	restore=fresh
	each_fault add_with_fault
}

@test "bridge ADD, first on the host, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	restore=fresh
	each_fault add_with_fault
}

@test "bridge ADD beside another container" {
	use bridge "$BRIDGE"
	busy
	each_fault add_with_fault
}

@test "bridge ADD beside another container, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	busy
	each_fault add_with_fault
}

@test "bridge DEL" {
	use bridge "$BRIDGE"
	busy
	each_fault del_with_fault
}

@test "bridge DEL, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use bridge "$BRIDGE"
	busy
	each_fault del_with_fault
}

@test "ptp ADD" {
	use ptp "$PTP"
	each_fault add_with_fault
}

@test "ptp ADD, IPAM exec'ed" {
	export CNI_ALWAYS_EXEC=1
	use ptp "$PTP"
	busy
	each_fault add_with_fault
}

@test "ptp DEL" {
	use ptp "$PTP"
	busy
	each_fault del_with_fault
}

@test "host-local ADD into no store" {
	use host-local "$HOST_LOCAL"
	restore=fresh
	each_fault add_with_fault
}

@test "host-local ADD with its index" {
	use host-local "$HOST_LOCAL"
	busy
	each_fault add_with_fault
}

# Somebody else has changed the directory since.
disturb() {
	touch "$STORE"
}

@test "host-local ADD with an index to rebuild" {
	use host-local "$HOST_LOCAL"
	busy
	restore=disturb
	disturb
	each_fault add_with_fault
}

@test "host-local DEL" {
	use host-local "$HOST_LOCAL"
	busy
	each_fault del_with_fault
}

@test "host-local DEL with an index to rebuild" {
	use host-local "$HOST_LOCAL"
	busy
	restore=disturb
	disturb
	each_fault del_with_fault
}
