# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154
#
# cnic run: a command's life, its exit status, its signals, its descriptors.

load ../lib
load run

setup() {
	run_setup
}

teardown() {
	run_teardown
}

@test "run: the exit status is the command's" {
	for code in 0 1 3 124 255; do
		sandbox --net none -- sh -c "exit $code"
		[ "$status" -eq $code ] || fail "exit $code"
		[ -z "$errors" ] || fail "nothing said"
	done
}

@test "run: a signal's end is 128 and its number" {
	for signal in 9 15 11 6; do
		sandbox --net none -- sh -c "ulimit -c 0; kill -$signal \$\$"
		[ "$status" -eq $((128 + signal)) ] || fail "exit $((128 + signal))"
	done
}

@test "run: 127 where there is no command, 126 where it is none" {
	sandbox --net none -- nosuchcommand
	expect_refused 127 "cnic: nosuchcommand: No such file or directory"
	sandbox --net none -- /etc/passwd/x
	expect_refused 127 "cnic: /etc/passwd/x: Not a directory"
	sandbox --net none -- /etc/passwd
	expect_refused 126 "cnic: /etc/passwd: Permission denied"
	sandbox --net none -- /etc
	expect_refused 126 "cnic: /etc: Permission denied"
}

@test "run: 125 for a command line that makes no sense, with words that name the option" {
	sandbox
	expect_refused 125 "no command is given"
	sandbox --nonsense -- true
	expect_refused 125 "--nonsense: no such option"
	sandbox --net none --publish 80:80 -- true
	expect_refused 125 "--publish: needs a network"
	sandbox --net none --fd 77 -- true
	expect_refused 125 "--fd 77: is not open"
	sandbox --netns /run/nosuch --net none -- true
	expect_refused 125 "/run/nosuch"
	sandbox --help
	[[ $status -eq 0 && $output == "usage: cnic run "*--egress* ]] || fail "how it is called"
}

@test "run: the words of the command are its own" {
	sandbox --net none sh -c 'printf "%s|" "$@"' x '' 'a b' --net -- '$(id)'
	expect_output "|a b|--net|--|\$(id)|"
}

@test "run: stdin, stdout, stderr and the environment are handed on" {
	output=$(echo typed | WORD=handed "$CNIC" run --net none -- sh -c 'read -r line; echo "$line $WORD"; echo bad >&2' 2>&1)
	expect_same output $'typed handed\nbad' "$output"
}

@test "run: the working directory is the same, among the host's files" {
	cd /usr/bin
	sandbox --net none -- pwd
	expect_output /usr/bin
	cd /
}

@test "run: signals reach the command, which may take them its own way" {
	for signal in HUP INT QUIT USR1 USR2 TERM ALRM; do
		begin --net none -- bash -c "trap 'echo got $signal; exit 42' $signal; echo ready; while :; do sleep 0.01; done"
		kill -$signal "$runner"
		end_of_runner
		[ "$status" -eq 42 ] || fail "$signal: exit 42, not $status"
		has_line "$BATS_TEST_TMPDIR/said" "got $signal" || fail "$signal was not seen"
	done
}

@test "run: a command that does not take a signal ends by it" {
	begin --net none -- bash -c 'echo ready; exec sleep 1000'
	kill -TERM "$runner"
	end_of_runner
	[ "$status" -eq 143 ] || fail "exit 143, not $status"
	soon is_gone "$init"
}

@test "run: killed, it takes all inside along" {
	before=$(host_state)
	begin --net none -- bash -c 'setsid sleep 1000 & (trap "" TERM HUP INT; sleep 1000) & echo ready; sleep 1000'
	kill -9 "$runner"
	end_of_runner
	soon is_gone "$init"
	expect_same "host" "$before" "$(host_state)"
}

@test "run: as root of a user namespace of many ids, too: the ids that change take the signal back" {
	needs_host_root "other ids"
	begin --net none --uid-map 0:100000:65536 --gid-map 0:100000:65536 -- bash -c 'echo ready; sleep 1000'
	kill -9 "$runner"
	end_of_runner
	soon is_gone "$init"
}

@test "run: PID 1 killed is the end of the command" {
	begin --net none -- bash -c 'sleep 1000 & echo ready; sleep 1000'
	kill -9 "$init"
	end_of_runner
	[ "$status" -eq 137 ] || fail "exit 137, not $status"
	[ -z "$(pgrep -f 'sleep 100[0]')" ] || fail "nothing left"
}

@test "run: what the command leaves running ends with it; what it orphans is reaped" {
	sandbox --net none -- sh -c 'sleep 1000 & setsid sleep 1000 & true'
	expect_output ""
	[ -z "$(pgrep -f 'sleep 100[0]')" ] || fail "nothing left"
	sandbox --net none -- timeout 30 bash -c 'for n in 1 2; do
		pid=$(sleep 0.05 >/dev/null & echo $!)
		while [ -e /proc/$pid ]; do :; done
	done'
	expect_output ""
}

@test "run: no descriptor is inherited but 0-2, and those of --fd" {
	exec 8</etc/passwd 9</etc/hostname
	local open='for n in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 100 255; do [ ! -e /proc/$$/fd/$n ] || echo $n; done'
	sandbox --net none -- sh -c "$open"
	expect_output $'0\n1\n2'
	sandbox --net none --fd 9 -- sh -c "$open; cat <&9"
	expect_output $'0\n1\n2\n9\n'"$(</etc/hostname)"
	exec 8<&- 9<&-
}

@test "run: whoever reads a descriptor of --fd notices when the command has closed it" {
	for net in none cnic-run; do
		[ $net = none ] && set -- --net none || set --
		mkfifo "$BATS_TEST_TMPDIR/fifo-$net"
		"$CNIC" run "$@" --fd 9 -- sh -c 'echo said >&9; exec 9>&-; exec sleep 1000' >/dev/null 2>&1 3>&- 9>"$BATS_TEST_TMPDIR/fifo-$net" &
		runner=$!
		expect_same said said "$(timeout 20 cat "$BATS_TEST_TMPDIR/fifo-$net")"
		kill -0 $runner || fail "it is still running"
		kill -TERM $runner
		end_of_runner
	done
}

@test "run: the command is a process group, and in another session than the caller's" {
	sandbox --net none -- sh -c 'trap "echo got it" TERM; kill -TERM 0; sleep 0.2; ps -o pgid= -p $$ | tr -d " "; ps -o sid= -p $$ | tr -d " "'
	expect_output $'got it\n2\n1'
}

@test "run: what is PID 1's is hidden from the command: executable and descriptors" {
	sandbox --net none -- sh -c 'readlink /proc/1/exe /proc/1/cwd /proc/1/fd/*; cat /proc/1/environ 2>/dev/null; true'
	expect_output ""
}

@test "run: SIGPIPE and signals that are blocked are the command's as without us" {
	sandbox --net none -- grep -E '^Sig(Blk|Ign)' /proc/self/status
	expect_output "$(grep -E '^Sig(Blk|Ign)' /proc/self/status)"
}

@test "run: a terminating signal before the command runs ends all" {
	(trap - TERM; exec "${STRACE[@]}" -f -qq -o /dev/null -e trace=clone3 -e inject=clone3:signal=TERM:when=1 \
		"$CNIC" run --net none -- echo was run) >"$BATS_TEST_TMPDIR/said" 2>&1 || status=$?
	[ "$status" -eq 143 ] || fail "exit 143, not $status: $(<"$BATS_TEST_TMPDIR/said")"
	! has_line "$BATS_TEST_TMPDIR/said" "was run" || fail "the command was run"
}

@test "run: in itself, where it may: as root with its capabilities, as a user by the one that maps root" {
	sandbox --net none --cap-add all -- "$CNIC" run --net none -- sh -c 'set -- $(ps -e -o pid=); echo $#; grep CapEff /proc/self/status'
	expect_output $'3\nCapEff:\t0000000000000000'
	needs_user_namespaces
	as_user sandbox --net none --cap-add setfcap -- "$CNIC" run --net none -- sh -c 'id -u; grep CapEff /proc/self/status'
	expect_output $'0\nCapEff:\t0000000000000000'
	sandbox --net none -- "$CNIC" run --net none -- true
	expect_refused 125 "--cap-add"
}
