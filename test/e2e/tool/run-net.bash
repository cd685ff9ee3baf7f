# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the tests of `cnic run` and its networks share: a world beyond the host, and what must not be left.

bats_require_minimum_version 1.5.0
load ../lib

setup() {
	host_setup
	PATH=$CNIC_BIN:$PATH
}

# What runs still is killed, the watchers last: they clean up.
teardown() {
	[ -z "${peer:-}" ] || kill "$peer"
	kill_all
	host_clean
}

# What is of cnic run's making, but for commands, and has not ended. pasta is a link to passt.
processes() {
	ps -eo pid=,stat=,comm= | awk '$2 !~ /^Z/ && $3 ~ /^(cnic|cnic-watcher|passt.*|pasta.*)$/ { print $1 }'
}

kill_all() {
	local pid
	for pid in $(processes); do
		kill -9 "$pid" 2>/dev/null || true
	done
}

# A namespace behind the host's default route: 192.0.2.2, fd02::2, and the addresses 198.51.100.1-3, fd98::1-3,
# where port 80 and 81 answer by TCP with the address they are asked from, and port 53 and 54 by UDP.
beyond() {
	netns beyond
	ip link add up0 type veth peer name up1 netns beyond
	ip addr add 192.0.2.1/24 dev up0
	ip addr add fd02::1/64 dev up0 nodad
	ip link set up0 up
	ns_ip beyond addr add 192.0.2.2/24 dev up1
	ns_ip beyond addr add fd02::2/64 dev up1 nodad
	local i
	for i in 1 2 3; do
		ns_ip beyond addr add 198.51.100.$i/32 dev lo
		ns_ip beyond addr add fd98::$i/128 dev lo nodad
	done
	ns_ip beyond link set up1 up
	ip route add default via 192.0.2.2
	ip -6 route add default via fd02::2
	in_ns beyond python3 "$TEST_DIR/tool/echo_peer.py" 3>&- >"$BATS_TEST_TMPDIR/beyond" 2>&1 &
	peer=$!
	in_time 20 grep -q ready "$BATS_TEST_TMPDIR/beyond"
}

# What there may be of attachments, as words: "" when there is nothing.
left() {
	find /var/lib/cni/{results,cnic,networks/*} /run/cnic/rules -type f 2>/dev/null |
		grep -vE '/(last_reserved_ip[.].*|lock|.*/[.]cnic.*)$' || true
	ip -br link show type veth | grep -v '^up0' || true
	nft list ruleset | grep elements || true
	processes
}

nothing_left() {
	[ -z "$(left)" ]
}

expect_nothing_left() {
	in_time 20 nothing_left || fail "nothing left, not: $(left)"
}

# run_in_background ARGS... : `cnic run ARGS`; $pid is its process. Its output is in $out, what it says in $log. A
# shell ignores two signals for what it runs so.
run_in_background() {
	out=$BATS_TEST_TMPDIR/out log=$BATS_TEST_TMPDIR/log
	: >"$out" >"$log"
	env --default-signal=INT,QUIT cnic run "$@" >"$out" 2>"$log" 3>&- &
	pid=$!
}

# An attachment is listed, alive.
is_listed() {
	cnic list --json | jq -e 'any(.[]; .state == "alive")' >/dev/null
}

# The watcher of $pid.
watcher() {
	pgrep -P "$pid" -x cnic-watcher
}
