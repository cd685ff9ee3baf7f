# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154
#
# cnic run: a terminal for the command, seen from the other side of one that expect(1) has.

load ../lib
load run

setup() {
	command -v expect >/dev/null || skip "no expect"
	run_setup
}

teardown() {
	[ -n "${runner-}" ] || runner=
	host_clean
}

# dialogue <<SCRIPT : of expect; what it does not meet within its time-out is a failure. `finish CODE` awaits the
# end, and the exit status. $CNIC is the tool.
dialogue() {
	{
		cat <<-'END'
			set timeout 20
			proc want {text} { expect { -ex $text {} timeout { puts "not met: $text"; exit 99 } eof { puts "ended before: $text"; exit 98 } } }
			proc finish {code} { expect { eof {} timeout { puts "no end"; exit 97 } }
				set got [lindex [wait] 3]
				if {$got != $code} { puts "exit $got, not $code"; exit 96 } }
			set cnic $env(CNIC)
		END
		cat
	} >"$BATS_TEST_TMPDIR/script"
	status=0
	output=$(CNIC=$CNIC TERM=dumb expect "$BATS_TEST_TMPDIR/script" 2>&1 3>&-) || status=$?
	echo "$output"
	[ "$status" -eq 0 ] || fail "the dialogue: $status"
}

@test "run: a shell on a terminal has one of its own, with job control" {
	dialogue <<-'END'
		spawn $cnic run --net none -- bash --norc --noediting -i
		want "# "
		send "tty; ps -o tty= -p 1; echo m\$((1))m\r"
		want "/dev/pts/0"
		want "m1m"
		send "sleep 1000\r"
		sleep 0.2
		send "\032"
		want "Stopped"
		send "jobs; fg\r"
		want "sleep 1000"
		sleep 0.2
		send "\003"
		want "# "
		send "echo \$?; exit 7\r"
		want "130"
		finish 7
	END
}

@test "run: Ctrl-C is the command's, which ends by it" {
	dialogue <<-'END'
		spawn $cnic run --net none -- sh -c "echo ready; exec sleep 1000"
		want "ready"
		send "\003"
		finish 130
	END
}

@test "run: the size of the terminal, and its changes" {
	dialogue <<-'END'
		spawn -noecho sh
		want "# "
		stty rows 33 columns 101 < $spawn_out(slave,name)
		send "$cnic run --net none -- bash -c 'stty size; trap \"stty size; exit 5\" WINCH; echo ready; while :; do sleep 0.02; done'\r"
		want "33 101"
		want "ready"
		stty rows 20 columns 70 < $spawn_out(slave,name)
		want "20 70"
		send "exit \$?\r"
		finish 5
	END
}

@test "run: our terminal is as it was afterwards, also when the command is killed" {
	dialogue <<-'END'
		spawn -noecho sh
		want "# "
		send "stty -g >before; $cnic run --net none -- sh -c 'stty raw -echo; kill -9 \$\$'; echo st\$?; stty -g | cmp - before && echo sa''me\r"
		want "st137"
		want "same"
		send "rm before; exit\r"
		finish 0
	END
}

@test "run --no-tty: the terminal itself, as a stranger's" {
	dialogue <<-'END'
		spawn $cnic run --net none --no-tty -- sh -c "ls /dev/pts; (: </dev/tty) 2>&1; test -t 0 && echo a terminal; read x; echo got \$x"
		want "/dev/tty"
		want "a terminal"
		send "word\r"
		want "got word"
		finish 0
	END
}

@test "run: whatever is no terminal on one of the three leaves all of them as they are" {
	dialogue <<-'END'
		spawn sh -c "$cnic run --net none -- sh -c 'ls /dev/pts; test -t 0 && echo in; test -t 1 || echo no out' | cat; echo end"
		want "ptmx"
		want "in"
		want "no out"
		want "end"
		finish 0
	END
}

@test "run --tty: without a terminal outside: what is typed ends, what is printed is all there" {
	output=$(printf 'one\ntwo\n' | "$CNIC" run --net none --tty -- sh -c 'stty -echo; echo ready; cat; tty; exit 3' 2>&1) && fail "exit 3"
	expect_same output $'ready\none\ntwo\n/dev/pts/0' "$(tr -d '\r' <<<"$output" | sed '1{/^one/d};' | grep -vE '^$' | awk '/^ready/ { r = 1 } r')"
	output=$("$CNIC" run --net none --tty -- sh -c 'seq 100000; exit 0' </dev/null | tr -d '\r' | sha256sum)
	expect_same "many lines" "$(seq 100000 | sha256sum)" "$output"
}

@test "run --tty: whoever does not read holds the command up, and does not keep us from a signal" {
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	exec 7<>"$BATS_TEST_TMPDIR/fifo"
	env --default-signal "$CNIC" run --net none --tty -- sh -c 'yes' </dev/null >"$BATS_TEST_TMPDIR/fifo" 2>&1 3>&- 7>&- &
	runner=$!
	sleep 0.5
	kill -TERM "$runner"
	within 10 is_gone "$runner" || fail "it takes the signal"
	end_of_runner
	exec 7<&-
	[ "$status" -eq 143 ] || fail "exit 143, not $status"
}

@test "run: a user, as well" {
	needs_user_namespaces
	dialogue <<-'END'
		spawn setpriv --reuid 1000 --regid 1000 --clear-groups $cnic run --net none -- sh -c "tty; id -u; exec sleep 1000"
		want "/dev/pts/0"
		want "0"
		send "\003"
		finish 130
	END
}
