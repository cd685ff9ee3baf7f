# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154
#
# cnic run: a terminal for the command, seen from the other side of one (terminal.py).

load ../lib
load run

setup() {
	run_setup
	export HISTFILE=/dev/null TERM=dumb CNIC
}

teardown() {
	run_teardown
}

# dialogue COMMAND... : what is on stdin is typed and wanted; see terminal.py.
dialogue() {
	timeout -k 5 100 "$TEST_DIR/tool/terminal.py" "$@" 3>&- || fail "the dialogue as written"
}

@test "run: a shell on a terminal has one of its own, with job control" {
	dialogue "$CNIC" run --net none -- bash --norc --noediting -i <<-'END'
		want # 
		type tty; echo m$((1))m; ps -o tty= -p 1\r
		want /dev/pts/0
		want m1m
		want ?
		want # 
		type sh -c 'echo $((2))b; exec sleep 1000'\r
		want 2b
		type \032
		want Stopped
		type kill %1; fg; sh -c 'echo $((3))c; exec sleep 1000'\r
		want 3c
		type \003
		want # 
		type echo =$?=; exit 7\r
		want =130=
		done 7
	END
}

@test "run: Ctrl-C is the command's, which ends by it" {
	dialogue "$CNIC" run --net none -- sh -c 'echo ready; exec sleep 1000' <<-'END'
		want ready
		type \003
		done 130
	END
}

@test "run: Ctrl-D ends what is typed, Ctrl-\\ is a signal" {
	dialogue "$CNIC" run --net none -- sh -c 'echo ready; cat; echo after; ulimit -c 0; exec sleep 1000' <<-'END'
		want ready
		type word\r
		want word
		want word
		type \004
		want after
		type \034
		done 131
	END
}

@test "run: the size of the terminal, and its changes" {
	dialogue sh -c 'stty rows 33 columns 101; exec "$CNIC" run --net none -- bash -c "stty size; trap \"stty size; exit 5\" WINCH; echo ready; while :; do sleep 0.02; done"' <<-'END'
		want 33 101
		want ready
		size 20 70
		want 20 70
		done 5
	END
}

@test "run: our terminal is as it was afterwards, also when the command is killed" {
	dialogue sh -c 'before=$(stty -g); "$CNIC" run --net none -- sh -c "stty raw -echo; kill -9 \$\$"; echo status $?; [ "$(stty -g)" = "$before" ] && echo same' <<-'END'
		want status 137
		want same
		done 0
	END
}

@test "run --no-tty: the terminal itself, as a stranger's" {
	dialogue "$CNIC" run --net none --no-tty -- sh -c 'ls /dev/pts; (: </dev/tty) 2>&1; test -t 0 && echo a terminal; read x; echo got $x' <<-'END'
		want ptmx
		want /dev/tty
		want a terminal
		type word\r
		want got word
		done 0
	END
}

@test "run: whatever is no terminal on one of the three leaves all of them as they are" {
	dialogue sh -c '"$CNIC" run --net none -- sh -c "ls /dev/pts; test -t 0 && echo in; test -t 1 || echo no out" | cat; echo end' <<-'END'
		want ptmx
		want in
		want no out
		want end
		done 0
	END
}

@test "run: stopped and continued from outside, it is on" {
	dialogue bash --norc --noediting -i <<-'END'
		want # 
		type "$CNIC" run --net none -- sh -c 'echo pid; read x; echo got $x; exit 4'\r
		want pid
		type word\r
		want got word
		want # 
		type exit $?\r
		done 4
	END
}

@test "run --tty: without a terminal outside: what is typed ends, what is printed is all there" {
	status=0
	output=$(printf 'one\ntwo\n' | timeout 20 "$CNIC" run --net none --tty -- sh -c 'cat; tty; exit 3' 2>&1 | tr -d '\r'; exit "${PIPESTATUS[1]}") || status=$?
	[ "$status" -eq 3 ] || fail "exit 3, not $status"
	expect_same output $'/dev/pts/0\none\none\ntwo\ntwo' "$(sort <<<"$output")"
	output=$(timeout 60 "$CNIC" run --net none --tty -- sh -c 'seq 100000' </dev/null | tr -d '\r\004' | sed 's/^^D//; s/\x08//g' | sha256sum)
	expect_same "many lines" "$(seq 100000 | sha256sum)" "$output"
}

@test "run --tty: whoever does not read holds the command up, and does not keep us from a signal" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	env --default-signal "$CNIC" run --net none --tty -- yes </dev/null >"$BATS_TEST_TMPDIR/fifo" 2>&1 3>&- 7>&- &
	runner=$!
	within 10 is_full
	kill -TERM "$runner"
	within 10 is_without_children "$runner" || fail "the command has ended"
	kill -TERM "$runner" # what is printed is not waited for either
	end_of_runner
	exec 7<&-
	[ "$status" -eq 143 ] || fail "exit 143, not $status"
}

# As good as: how much goes into its 16 pages depends on the pieces.
is_full() {
	python3 -c 'import fcntl, sys, struct, termios; sys.exit(struct.unpack("i", fcntl.ioctl(7, termios.FIONREAD, b"\0" * 4))[0] < 20000)'
}

is_without_children() {
	! pgrep -P "$1" >/dev/null
}

@test "run: a user, as well" {
	needs_user_namespaces
	dialogue setpriv --reuid $USER_ID --regid $USER_ID --clear-groups "$CNIC" run --net none -- sh -c 'tty; id -u; exec sleep 1000' <<-'END'
		want /dev/pts/0
		want 0
		type \003
		done 130
	END
}

@test "run: a shell, as a person has it, below expect" {
	command -v expect >/dev/null || skip "there is no expect"
	timeout -k 5 60 env --default-signal expect - >"$BATS_TEST_TMPDIR/said" <<-'END' || fail "$(<"$BATS_TEST_TMPDIR/said")"
		set timeout 20
		proc want {text} {
			expect {
				-ex $text {}
				timeout { exit 1 }
				eof { exit 2 }
			}
		}
		spawn -noecho $env(CNIC) run --net none --hostname inside -- bash --norc
		want "# "
		send "hostname; tty; ip -o link | wc -l\r"
		want "inside"
		want "/dev/pts/0"
		want "1\r\n"
		want "# "
		send "sh -c 'echo u\$((1))p; exec sleep 1000'\r"
		want "u1p\r\n"
		send "\003"
		want "^C"
		want "# "
		send "exit 9\r"
		expect eof
		exit [expr {[lindex [wait] 3] == 9 ? 0 : 3}]
	END
}
