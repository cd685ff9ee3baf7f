# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154
#
# cnic run: whatever system call of it, of PID 1 or of the command's start fails, or is the last before a kill,
# it ends, says why, and nothing is left. The networks' part is in run-net.bats of e2e/fault.

load ../lib
load ../tool/run
load fault

setup() {
	run_setup
	make_root
	before=$(host_state)
	tree=$(find "$root" | sort)
}

teardown() {
	run_teardown
}

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

# Nothing of it runs, is mounted or has been made, but places to mount on in the root.
nothing_left() {
	within 10 nothing_runs && expect_same host "$before" "$(host_state)" &&
		expect_same root "$tree" "$(find "$root" | grep -vE '/(dev|proc|sys|mnt)$' | sort)"
}

nothing_runs() {
	! pgrep -f '^(/run/cnic-test/cnic|/bin/busybox (echo|sleep))' >/dev/null
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

@test "run: any system call fails: root" {
	needs_own_calls
	each_point error=ENOMEM said_why --net none --tmpfs /mnt
}

@test "run: any system call fails: with a root directory and a user namespace" {
	needs_own_calls
	each_point error=ENOMEM said_why --net none --user --rootfs "$root" --read-only --bind /etc:/mnt --cap-add net_raw
}

@test "run: any system call is the last before a kill: root" {
	each_point signal=KILL ended --net none --tmpfs /mnt
}

@test "run: any system call is the last before a kill: with a root directory and a user namespace" {
	each_point signal=KILL ended --net none --user --rootfs "$root" --read-only --bind /etc:/mnt
}

# What is killed alone, before its time, has PID 1 and the command go with it: they do not end by themselves so soon.
gone_at_once() {
	[ "$status" -ne 124 ] && { [ "$status" -eq 0 ] || within 2 nothing_runs; }
}

alone() {
	follow=()
	command=(/bin/busybox sleep 4)
	each_point signal=KILL gone_at_once "$@"
}

@test "run: any system call of cnic run itself is the last before it is killed: root" {
	alone --net none --tmpfs /mnt
}

@test "run: any system call of cnic run itself is the last before it is killed: ids that change" {
	alone --net none --uid-map 0:100000:65536 --gid-map 0:100000:65536
}
