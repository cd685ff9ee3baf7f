# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic run without root: pasta makes the way out, and says what is missing where it cannot.

load run-net

# A user of no name, and a tun device that it may open.
setup() {
	host_setup
	command -v pasta >/dev/null || skip "no pasta here (Debian: passt)"
	is_host_root || skip "in a user namespace: no device nodes"
	PATH=$CNIC_BIN:$PATH
	ASK=$TEST_DIR/tool/ask.py
	HOME_DIR=/run/user-4000
	mkdir -p "$HOME_DIR"
	chown 4000:4000 "$HOME_DIR"
	USER_DO=(setpriv --reuid=4000 --regid=4000 --clear-groups env -C "$HOME_DIR" --default-signal=INT,QUIT)
	tun 0666
}

tun() {
	[ -e "$BATS_TEST_TMPDIR/tun-$1" ] || mknod -m "$1" "$BATS_TEST_TMPDIR/tun-$1" c 10 200
	mount --bind "$BATS_TEST_TMPDIR/tun-$1" /dev/net/tun
}

teardown() {
	while umount /dev/net/tun 2>/dev/null; do :; done
	[ -z "${peer:-}" ] || kill "$peer"
	kill_all
	host_clean
}

@test "a command gets out of its own network, to an address beyond its gateway" {
	beyond
	run -0 "${USER_DO[@]}" cnic run -- ip -br addr show eth0
	[[ $output == *192.0.2.1/24* ]]
	run -0 "${USER_DO[@]}" cnic run -- python3 - tcp 198.51.100.1 80 tcp fd98::1 80 udp 198.51.100.1 53 <"$ASK"
	expect_same answers "$output" $'192.0.2.1\nfd02::1\n192.0.2.1'
	expect_nothing_left
}

@test "its published ports are answered from beyond, as long as it runs" {
	beyond
	"${USER_DO[@]}" cnic run --publish 8080:80 --publish 127.0.0.1:8081:81 --publish 8053:53/udp -- python3 - \
		<"$TEST_DIR/tool/echo_peer.py" >"$BATS_TEST_TMPDIR/out" 3>&- &
	pid=$!
	in_time 20 grep -q ready "$BATS_TEST_TMPDIR/out"
	run -0 in_ns beyond python3 "$ASK" tcp 192.0.2.1 8080 tcp 192.0.2.1 8081 udp 192.0.2.1 8053
	expect_same answers "$output" $'192.0.2.2\nECONNREFUSED\n192.0.2.2'
	kill "$pid"
	wait "$pid" || true
	run -0 in_ns beyond python3 "$ASK" tcp 192.0.2.1 8080
	[ "$output" = ECONNREFUSED ]
	expect_nothing_left
}

@test "--egress holds there, too" {
	beyond
	run -0 --separate-stderr "${USER_DO[@]}" cnic run --egress 198.51.100.1:80 -- python3 - tcp 198.51.100.1 80 tcp 198.51.100.1 81 \
		tcp 198.51.100.2 80 <"$ASK"
	expect_same answers "$output" $'192.0.2.1\nECONNREFUSED\nECONNREFUSED'
	expect_same told "$stderr" 'cnic: refused by --egress: tcp 198.51.100.1:81
cnic: refused by --egress: tcp 198.51.100.2:80'
}

@test "SIGKILL leaves nothing, pasta neither" {
	beyond
	"${USER_DO[@]}" cnic run -- sleep 100 3>&- &
	in_time 20 pasta_runs
	kill -KILL $!
	wait $! || true
	expect_nothing_left
}

@test "SIGKILL of the watcher leaves no pasta, and is told" {
	beyond
	"${USER_DO[@]}" cnic run --publish 8080:80 -- sh -c 'echo on; until [ -e end ]; do sleep 0.02; done' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
	pid=$!
	in_time 20 grep -q on "$BATS_TEST_TMPDIR/out"
	pkill -KILL cnic-watcher
	touch "$HOME_DIR/end"
	wait "$pid" && fail "not all is well"
	grep -q '^cnic: the watcher has been killed; pasta goes, too$' "$BATS_TEST_TMPDIR/log" || fail "$(<"$BATS_TEST_TMPDIR/log")"
	expect_nothing_left
}

@test "pasta that ends by itself is told of, and the command goes on" {
	beyond
	"${USER_DO[@]}" cnic run -- sh -c 'echo on; exec sleep 100' >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
	pid=$!
	in_time 20 grep -q on "$BATS_TEST_TMPDIR/out"
	pkill -KILL '^pas(st|ta)'
	in_time 20 grep -q '^cnic: pasta has ended' "$BATS_TEST_TMPDIR/log"
	kill -0 "$pid"
	kill "$pid"
	wait "$pid" || true
	[ "$(wc -l <"$BATS_TEST_TMPDIR/log")" -eq 1 ]
	expect_nothing_left
}

pasta_runs() {
	pgrep '^pas(st|ta)' >/dev/null
}

# refused TEXT ARGS... : before anything is done.
refused() {
	local text=$1
	shift
	run -125 "${USER_DO[@]}" cnic run "$@" -- touch "$HOME_DIR/ran"
	[[ $output == *"$text"* ]] || fail "'$text', not: $output"
	[ ! -e "$HOME_DIR/ran" ]
}

@test "what is missing is said, and what is left to do" {
	refused "--net NAME: for root alone" --net some
	refused "--ip: for root alone" --ip 10.0.0.1
	refused "--publish: no sctp" --publish 80:80/sctp
	tun 0600
	refused "pasta needs /dev/net/tun, which may not be opened (root can allow it: chmod 0666 /dev/net/tun)"
	umount /dev/net/tun
	tun 0666
	mkdir -p "$HOME_DIR/bin"
	ln -sf "$CNIC_BIN/cnic" "$(command -v setpriv)" "$(command -v env)" "$HOME_DIR/bin"
	PATH=$HOME_DIR/bin refused "without root the network is made by pasta, which is not installed (Debian: apt install passt)"
	run -0 "${USER_DO[@]}" cnic run --net none -- true
	rm -r "$HOME_DIR/bin"
}

@test "a pasta that fails is an error, and the command does not run" {
	refused "pasta has failed"
	expect_nothing_left
}
