# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The vocabulary of the tests of `cnic run`. For files that have loaded lib.bash.
#
#	sandbox --net none -- id -u		$status, $output (stdout), $errors (stderr)
#	as_user sandbox --net none -- id	the same by a user who is not root
#	begin --net none -- sleep 1000		in the background: $runner is its process, $init its PID 1

USER_ID=1000

# Where everybody may execute it: a checkout may be root's alone.
CNIC=/run/cnic-test/cnic

run_setup() {
	host_setup
	mkdir -p "${CNIC%/*}"
	rm -rf "${CNIC%/*}/src"
	cp -u "$CNIC_BIN/cnic" "$CNIC"
	by_user=()
	runner='' init=''
	cd /
}

run_teardown() {
	[ -z "$runner" ] || kill -9 "$runner" 2>/dev/null || true
	host_clean
}

sandbox() {
	status=0
	output=$("${by_user[@]}" timeout --foreground -k 5 60 "$CNIC" run "$@" 2>"$BATS_TEST_TMPDIR/stderr" 3>&-) || status=$?
	errors=$(<"$BATS_TEST_TMPDIR/stderr")
	echo "\$ cnic run $*: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
}

# as_user COMMAND... : a command of this file, what it executes not being root's.
as_user() {
	local by_user=(setpriv --reuid "$USER_ID" --regid "$USER_ID" --clear-groups)
	"$@"
}

needs_user_namespaces() {
	unshare -U true 2>/dev/null || skip "no user namespaces"
	is_host_root || skip "in a user namespace: no other user"
}

# expect_output TEXT : of a command that has succeeded.
expect_output() {
	expect_ok
	expect_same output "$1" "$output"
}

# expect_refused STATUS TEXT : with one line that has this in it, and nothing done.
expect_refused() {
	[ "$status" -eq "$1" ] || fail "exit $1, not $status"
	[[ $errors == *"$2"* ]] || fail "stderr with '$2'"
	[ "$(wc -l <<<"$errors")" -eq 1 ] || fail "one line"
	[ -z "$output" ] || fail "no output"
}

has_line() {
	grep -qs "$2" "$1"
}

# begin ARG... : until the command has written its first line, which it must.
begin() {
	: >"$BATS_TEST_TMPDIR/said"
	"${by_user[@]}" env --default-signal "$CNIC" run "$@" >"$BATS_TEST_TMPDIR/said" 2>&1 3>&- &
	runner=$!
	in_time 20 has_line "$BATS_TEST_TMPDIR/said" .
	read -r init < <(pgrep -P "$runner" --nslist pid --ns "$$" || pgrep -P "$runner") || true
}

# end_of_runner : waits for it; its exit status is $status.
end_of_runner() {
	status=0
	{ wait "$runner" || status=$?; } 2>/dev/null
	runner=
}

is_gone() {
	! kill -0 "$1" 2>/dev/null
}

# What lives on this host besides the tests: processes, namespaces, mounts, links.
host_state() {
	pgrep -a -f 'cnic-test|sleep [1]000' || true
	wc -l </proc/self/mountinfo
	ls /sys/class/net
	ls /run/netns /run/cnic /var/lib/cni 2>/dev/null || true
}

# A root directory with busybox, in $root; and what it is made of.
make_root() {
	root=/run/cnic-test/root
	rm -rf "$root"
	mkdir -p "$root/bin" "$root/etc"
	cp /bin/busybox "$root/bin/"
	local name
	for name in sh cat cut grep head id ls mount od ping pwd rm sort stat touch tr wc; do
		ln -s busybox "$root/bin/$name"
	done
	echo here >"$root/etc/here"
}
