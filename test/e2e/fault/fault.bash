# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the fault*.bats files share: test/fault/shim.c in front of a plugin, the loop that lets each of its
# calls fail once, and what is right afterwards. A file loads lib.bash first, says by `plugin` and `conf`
# whom it is about, and defines
#
#	snapshot       prints the state, which must be as before
#	restore        names what leads back to that state when ADD and DEL have been well (nothing)
#	before_fault, after_refusal, after_fault      more to do at these points, more to expect
#
# FAULT_EVERY=N lets only every N-th call fail; FAULT_SEED says from where on, another for each test.

SHIM=$ROOT/build/fault/shim.so

# Files that start together build it at once, each as the same process of its own namespace.
build_shim() {
	local built
	command -v "${CC:-cc}" >/dev/null || return 0 # in the VM, which is given it
	mkdir -p "$ROOT/build/fault"
	built=$(mktemp "$SHIM.XXXXXX")
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -U_FORTIFY_SOURCE -Wall -Wextra -shared -fPIC \
		-o "$built" "$ROOT/test/fault/shim.c"
	mv -f "$built" "$SHIM"
}

fault_begin() {
	fault_state=$BATS_TEST_TMPDIR/fault
	log=$BATS_TEST_TMPDIR/log
}

# with_fault N COMMAND... : the N-th call of the plugin fails; $what is what it was, or empty.
with_fault() {
	local number=$1
	shift
	# shellcheck disable=SC2183
	printf '\0%.0s' {1..256} >"$fault_state"
	FAULT_STATE=$fault_state FAULT_AT=$number with_preload "$SHIM" "$@"
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

# ---- which of them ---------------------------------------------------------------------------

: "${FAULT_EVERY:=1}" "${FAULT_SEED:=0}"

# is_sampled N
is_sampled() {
	[ $((($1 + FAULT_SEED + BATS_TEST_NUMBER) % FAULT_EVERY)) -eq 0 ]
}

# ---- one failing call ------------------------------------------------------------------------

nothing() {
	:
}

before_fault() {
	:
}

after_refusal() {
	:
}

after_fault() {
	:
}

restore=nothing

expect_state() {
	local now
	now=$(snapshot)
	[ "$now" = "$base" ] || {
		diff <(echo "$base") <(echo "$now") || true
		fail "the state as before"
	}
}

expect_refused() {
	expect_error_object
	[ -n "$what" ] || fail "success without a fault"
}

# A tolerated failure: the ADD is to be as good as any.
expect_tolerated() {
	echo "tolerated: $what"
	check "$plugin" "${IFN:-eth0}" <<<"$(with_result "$conf")"
	expect_silent
	del "$plugin" "${IFN:-eth0}" <<<"$conf"
	expect_silent
	"$restore"
}

judge_add() {
	if [ "$status" -eq 0 ]; then
		expect_tolerated
	else
		expect_refused
		after_refusal
	fi
	expect_state
	after_fault
}

# What a DEL leaves in the registry is said.
expect_unregistered() {
	! grep -qsF "\"containerID\":\"$CID\"" /var/lib/cni/cnic/*-"$plugin" || [[ $errors == *"cnic gc"* ]] ||
		fail "no entry in the registry, or word of it"
}

judge_del() {
	if [ "$status" -ne 0 ]; then
		expect_refused
		del "$plugin" "${IFN:-eth0}" <<<"$conf"
	fi
	expect_silent
	expect_unregistered
	"$restore"
	expect_state
	after_fault
}

add_well() {
	add "$plugin" "${IFN:-eth0}" <<<"$conf"
	expect_ok
}

add_with_fault() {
	before_fault
	with_fault "$1" add "$plugin" "${IFN:-eth0}" <<<"$conf"
	echo "fault $1: $what"
	judge_add
}

del_with_fault() {
	add_well
	with_fault "$1" del "$plugin" "${IFN:-eth0}" <<<"$conf"
	echo "fault $1: $what"
	judge_del
}

# A GC by which the attachment is not valid any more, $alive is: the next DEL leaves nothing, whatever it has left.
gc_with_fault() {
	add_well
	with_fault "$1" gc "$plugin" <<<"$(with_valid "$conf" ${alive:+"$alive"})"
	echo "fault $1: $what"
	[ "$status" -eq 0 ] || expect_refused
	del "$plugin" "${IFN:-eth0}" <<<"$conf"
	expect_silent
	"$restore"
	expect_state
}

# ---- all of them -----------------------------------------------------------------------------

# each_fault COMMAND : COMMAND N for every N that is reached. Few of them are a broken shim.
each_fault() {
	local number=0
	needs_preload
	set +T # bats' own DEBUG trap, which doubles the time
	"$restore"
	base=$(snapshot)
	what=first
	while [ -n "$what" ]; do
		number=$((number + 1))
		is_sampled $number || continue
		tally "${column:-fault}" 1 0
		"$1" $number >"$log" 2>&1
		tally "${column:-fault}" 0 1
	done
	expect_state
	echo "# $((number - 1)) calls" >&3
	[ "$number" -gt "${least:-15}" ] || fail "more calls that can fail"
}

# The kernel's answer is lost: what was asked for has been done, or not.
lost_answers() {
	local least=${least:-4} column=lost
	export FAULT_SET=recv FAULT_ERRNO=11 # EAGAIN, of SO_RCVTIMEO
	each_fault "$1"
}
