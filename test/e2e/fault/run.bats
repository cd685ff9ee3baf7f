# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154
#
# cnic run: whatever system call of it, of PID 1 or of the command's start fails, or is the last before a kill,
# it ends, says why, and nothing is left. The networks' part is in run-net.bats of e2e/fault.

load ../lib
load ../tool/run
load fault
load run

setup() {
	run_setup
	make_root
	before=$(host_state)
	tree=$(find "$root" | sort)
}

teardown() {
	run_teardown
}

# Nothing of it runs, is mounted or has been made, but places to mount on in the root.
nothing_left() {
	soon nothing_runs && expect_same host "$before" "$(host_state)" &&
		expect_same root "$tree" "$(find "$root" | grep -vE '/(dev|proc|sys|mnt)$' | sort)"
}

nothing_runs() {
	! pgrep -f '^(/run/cnic-test/cnic|/bin/busybox (echo|sleep))' >/dev/null
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
	[ "$status" -ne 124 ] && { [ "$status" -eq 0 ] || in_time 8 nothing_runs; }
}

alone() {
	follow=()
	command=(/bin/busybox sleep 10)
	each_point signal=KILL gone_at_once "$@"
}

@test "run: any system call of cnic run itself is the last before it is killed: root" {
	alone --net none --tmpfs /mnt
}

@test "run: any system call of cnic run itself is the last before it is killed: ids that change" {
	alone --net none --uid-map 0:100000:65536 --gid-map 0:100000:65536
}
