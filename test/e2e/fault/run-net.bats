# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154
#
# cnic run on the default network, with a published port and limits: whatever system call of it, of its watcher, of
# PID 1 fails, it ends, says why, and nothing is left, or it says that cnic gc removes it; whichever is the last before
# a kill, cnic gc removes what is left.

load ../lib
load ../tool/run
load fault
load run

ARGS=(--publish 8080:80 --egress 10.0.0.0/8)

# The bridge, which stays, is there before.
setup() {
	run_setup
	sandbox -- true
	expect_ok
}

teardown() {
	run_teardown
}

nothing_runs() {
	! pgrep -f '^(/run/cnic-test/cnic|/bin/busybox echo)' >/dev/null
}

# Of attachments; a link goes a little later than its DEL returns.
left() {
	find /var/lib/cni/{results,cnic,networks/*} /run/cnic/rules -type f 2>/dev/null |
		grep -vE '/(last_reserved_ip[.].*|lock|.*/[.]cnic.*)$' || true
	ip -br link show type veth
	nft list ruleset | grep elements || true
}

is_clean() {
	[ -z "$(left)" ]
}

nothing_left() {
	soon nothing_runs || fail "it has ended"
	! is_garbage || "$CNIC" gc
	soon is_clean || fail "nothing left, not: $(left)"
}

is_garbage() {
	[[ ${killed:-$errors} == *killed* || $errors == *"cnic gc"* ]]
}

@test "run: any system call fails: on the default network" {
	needs_own_calls
	each_point error=ENOMEM said_why "${ARGS[@]}"
}

@test "run: any system call is the last before a kill: on the default network" {
	killed=killed
	each_point signal=KILL ended "${ARGS[@]}"
}
