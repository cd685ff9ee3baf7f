# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the fault*.bats files share: test/fault/shim.c in front of a plugin. For files that have loaded
# lib.bash.

SHIM=$ROOT/build/fault/shim.so

# Two files may build it at once.
build_shim() {
	mkdir -p "$ROOT/build/fault"
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -U_FORTIFY_SOURCE -Wall -Wextra -shared -fPIC \
		-o "$SHIM.$$" "$ROOT/test/fault/shim.c"
	mv -f "$SHIM.$$" "$SHIM"
}

fault_begin() {
	fault_state=$BATS_TEST_TMPDIR/fault
	log=$BATS_TEST_TMPDIR/log
}

needs_preload() {
	ldd "$CNIC_BIN/bridge" 2>/dev/null | grep -q libc ||
		skip "LD_PRELOAD does not reach a static executable"
}

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
