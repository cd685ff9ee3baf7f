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

@test "run: in the background our terminal is left as it is, also when we are continued there" {
	dialogue sh -i <<-'END'
		want # 
		type before=$(stty -g); "$CNIC" run --net none -- sh -c 'until [ -e /run/cnic-test/go ]; do sleep 0.02; done' & echo m$((1))m\r
		want m1m
		type sleep 0.3; [ "$(stty -g)" = "$before" ] && echo same$((2)); echo m$((2))m\r
		want same2
		want m2m
		type kill -STOP $!; kill -CONT $!; sleep 0.3; [ "$(stty -g)" = "$before" ] && echo same$((3)); echo m$((3))m\r
		want same3
		want m3m
		type touch /run/cnic-test/go; fg %1; echo =$?=; [ "$(stty -g)" = "$before" ] && echo same$((4))\r
		want =0=
		want same4
		type rm /run/cnic-test/go; exit 5\r
		done 5
	END
}

@test "run: a terminal that nobody inside has open any more may be opened again" {
	dialogue "$CNIC" run --net none -- sh -c 'exec </dev/null >/dev/null 2>&1; sleep 0.3; echo again >/dev/tty; read x </dev/tty; echo got $x >/dev/tty; exit 6' <<-'END'
		want again
		type word\r
		want got word
		done 6
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
	for typed in one $'one\r' $'one\ntwo' $'\004one'; do
		output=$(printf %s "$typed" | timeout 20 "$CNIC" run --net none --tty -- sh -c 'cat >/dev/null; echo end') || fail "an end behind $typed"
		[[ $output == *end* ]] || fail "end"
	done
	output=$(timeout 60 "$CNIC" run --net none --tty -- sh -c 'seq 100000' </dev/null | tr -d '\r\004' | sed 's/^^D//; s/\x08//g' | sha256sum)
	expect_same "many lines" "$(seq 100000 | sha256sum)" "$output"
}

@test "run --tty: whoever does not read holds the command up, and does not keep us from a signal" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	env --default-signal "$CNIC" run --net none --tty -- yes </dev/null >"$BATS_TEST_TMPDIR/fifo" 2>&1 3>&- 7>&- &
	runner=$!
	in_time 10 is_full
	kill -TERM "$runner"
	in_time 10 is_without_children "$runner" || fail "the command has ended"
	kill -TERM "$runner" # what is printed is not waited for either
	end_of_runner
	exec 7<&-
	[ "$status" -eq 143 ] || fail "exit 143, not $status"
}

@test "run --tty: when nobody reads any more the command's terminal is hung up" {
	local rc
	rc=$(set +e; timeout 10 "$CNIC" run --net none --tty -- yes </dev/null 2>&1 | head -n 1 >/dev/null; echo "${PIPESTATUS[0]}")
	expect_same "exit status" 129 "$rc"
}

# Nothing more can be written: with room left the rest could go there, and the end come by itself.
is_full() {
	python3 -c 'import select, sys; sys.exit(bool(select.select([], [7], [], 0)[1]))'
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
