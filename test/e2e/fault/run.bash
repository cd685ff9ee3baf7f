# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# Each system call of `cnic run` fails in turn, or is the last before a kill, by strace: of all its processes the
# Nth of a kind. For files that have loaded tool/run.bash and fault.bash, and have a function nothing_left.

follow=(-f)
command=(/bin/busybox echo was run)

# traced STRACE-OPTION... -- ARG... : `cnic run ARG...` below strace, which follows all its processes.
traced() {
	local options=()
	while [ "$1" != -- ]; do options+=("$1") && shift; done
	shift
	status=0
	timeout -k 5 60 "${STRACE[@]}" "${follow[@]}" -qq -o "$BATS_TEST_TMPDIR/trace" "${options[@]}" \
		"$CNIC" run "$@" -- "${command[@]}" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" </dev/null 3>&- &
	{ wait $! || status=$?; } 2>/dev/null
	output=$(<"$BATS_TEST_TMPDIR/out") errors=$(<"$BATS_TEST_TMPDIR/err")
}

# Each system call that can fail, by name and the most that one process makes of it: "openat 12". What the loader
# and the C library do before main() is not ours; wait4 cannot fail with a child and these flags.
points() {
	local command=(/bin/busybox echo was run)
	traced -- "$@"
	[ "$output" = "was run" ] || fail "below strace: $output $errors"
	sed -nE 's/^([0-9]* *)([a-z0-9_]+)\(.*/\2 p\1/p' "$BATS_TEST_TMPDIR/trace" |
		awk '{ n[$1 " " $2]++; if (n[$1 " " $2] > most[$1]) most[$1] = n[$1 " " $2] }
			END { for (name in most) print name, most[name] }' |
		grep -vE '^(execve|exit_group|exit|brk|mmap|munmap|mprotect|arch_prctl|set_tid_address|set_robust_list|rseq|prlimit64|rt_sigreturn|pread64|getrandom|wait4) ' | sort
}

# each_point HOW JUDGE ARG... : HOW is what strace injects.
each_point() {
	local how=$1 judge=$2 number=0 done=0 name most count
	shift 2
	while read -r name most; do
		for ((count = 1; count <= most; count++)); do
			number=$((number + 1))
			is_sampled $number || continue
			echo "$how in $name $count" >"$BATS_TEST_TMPDIR/log"
			traced -e trace="$name" -e inject="$name:$how:when=$count" -- "$@"
			"$judge" || fail "$how in $name $count: exit $status, '$output', '$errors'"
			nothing_left || fail "$how in $name $count"
			done=$((done + 1))
		done
	done < <(points "$@")
	echo "# $how in $done of $number system calls: $*" >&3
	[ $done -gt 0 ] || fail "some system calls"
}

# Done or not, and then it is said; but where it cannot be known whether stderr is open (occupy_stdio in main.c).
said_why() {
	[ "$status" -ne 124 ] || return 1
	! grep -q ' in fcntl [123]$' "$BATS_TEST_TMPDIR/log" || return 0
	if [ "$status" -eq 0 ]; then
		[ "$output" = "was run" ] || [ -n "$errors" ]
	else
		[ -n "$errors" ]
	fi
}

ended() {
	[ "$status" -ne 124 ]
}

needs_own_calls() {
	! ldd "$CNIC" 2>/dev/null | grep -q libasan || skip "calls of the sanitizer would fail as well"
}
