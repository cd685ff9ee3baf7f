# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# `cnic listen` with servers and clients (listen_peer.py). For files that have loaded lib.bash.

PEER=$ROOT/test/e2e/listen_peer.py

listen_setup() {
	host_setup
	listener='' servers=()
	said=$BATS_TEST_TMPDIR/said
}

listen_teardown() {
	[ -z "$listener" ] || kill -KILL "$listener" 2>/dev/null || true
	[ ${#servers[@]} -eq 0 ] || kill -KILL "${servers[@]}" 2>/dev/null || true
	cat "$said" 2>/dev/null || true
	host_clean
}

# awaited FILE TEXT : until a line of the file has the text, 30 s.
awaited() {
	soon grep -qsF -- "$2" "$1" || fail "'$2' in $(cat "$1")"
}

# listens WORD... : cnic listen in the background, until it says that it listens.
listens() {
	: >"$said"
	${limit:-} "$CNIC_BIN/cnic" listen "$@" >"$said" 2>&1 3>&- &
	listener=$!
	awaited "$said" sockets
}

# served AT KIND : a server in the background; its log is $log.
served() { # its limit of descriptors is as high as it may be
	ulimit -S -n "$(ulimit -H -n)"
	log=$BATS_TEST_TMPDIR/server-${#servers[@]}
	: >"$log"
	${served_in:-} python3 "$PEER" serve "$1" "$2" "$log" 3>&- &
	servers+=($!)
	awaited "$log" ready
}

# peer NAME MODE WORD... : a client in a namespace; "" is the host's.
peer() {
	if [ -n "$1" ]; then
		in_ns "$1" python3 "$PEER" "${@:2}"
	else
		python3 "$PEER" "${@:2}"
	fi
}

have_ended() {
	[ "$(grep -vc ready "$log")" -eq "$1" ]
}

# ended N : the server's log has N connections, or soon.
ended() {
	soon have_ended "$1" || fail "$1 connections, not $(cat "$log")"
}

descriptors() {
	find "/proc/$listener/fd" -mindepth 1 | wc -l
}

are_open() {
	[ "$(descriptors)" -le "$1" ]
}

# rests_at N : so many descriptors are open when all is over.
rests_at() {
	soon are_open "$1" || { ls -l "/proc/$listener/fd" && fail "$1 descriptors"; }
}

# Of the listener, as ps(1) names it; none when it has been waited for.
state() {
	awk '{ print $3 }' "/proc/$listener/stat" 2>/dev/null
}

is_over() {
	[[ $(state) != [^Z] ]]
}

# ends STATUS : the listener has ended so; no finding of a sanitizer.
ends() {
	local rc=0
	soon is_over || true
	wait "$listener" || rc=$?
	listener=
	[ "$rc" -eq "$1" ] || fail "exit $1, not $rc"
	! grep -E 'Sanitizer|runtime error' "$said" || fail "no finding of a sanitizer"
}

rss_kb() {
	awk '/^VmRSS/ { print $2 }' "/proc/$listener/status"
}

needs_no_sanitizer() {
	[ -z "${SAN:-}" ] || skip "memory and time under a sanitizer say nothing"
}
