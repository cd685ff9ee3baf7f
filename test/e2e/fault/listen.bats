# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154,SC2016
#
# Each system call of cnic listen fails once, by strace: it says so and has left nothing, or goes on and is as good as any. Of
# FAULT_EVERY calls one does (FAULT_SEED says from where on).

load ../lib
load ../listen

: "${FAULT_EVERY:=1}" "${FAULT_SEED:=0}"

# What may fail; not what gives back (close, shutdown), nor the words themselves (write), nor memory.
CALLS='open|openat|ioctl|setns|stat|fstat|newfstatat|statx|socket|setsockopt|bind|listen|epoll_create1|epoll_ctl|epoll_wait|epoll_pwait'
CALLS+='|signalfd4|inotify_init1|inotify_add_watch|getdents64|accept4|connect|getsockopt|getpeername|getsockname|sendto'
CALLS+='|recvfrom|splice|pipe2|fcntl|dup2|dup3|execve|close_range|madvise|prlimit64|read'

setup() {
	listen_setup
	[ -z "${SAN:-}" ] || skip "a sanitizer makes calls of its own"
	for name in red blue; do
		netns $name
	done
}

teardown() {
	listen_teardown
}

# error_of CALL : with which it fails.
error_of() {
	case $1 in
	accept4 | openat | open | pipe2 | socket) echo EMFILE ;;
	epoll_wait | epoll_pwait) echo EINTR ;;
	recvfrom) echo ECONNRESET ;;
	connect) echo ECONNREFUSED ;;
	sendto | splice) echo EPIPE ;;
	*) echo ENOMEM ;;
	esac
}

# points FILE : "CALL NUMBER" of each call in strace's log that may fail, but for the loader's.
points() {
	awk -v calls="^($CALLS)\$" '
		{ sub(/^[0-9]+ +/, ""); call = $0; sub(/\(.*/, "", call); n[call]++ }
		/SIGPIPE, .*SIG_IGN/ { begun = 1 }
		begun && call ~ calls { print call, n[call] }' "$1"
}

# each_point FILE COMMAND... : COMMAND CALL NUMBER of those that are sampled.
each_point() {
	local call number i=0 tried=0
	while read -r call number <&9; do
		i=$((i + 1))
		[ $(((i + FAULT_SEED + BATS_TEST_NUMBER) % FAULT_EVERY)) -eq 0 ] || continue
		tried=$((tried + 1))
		echo "$call $number" >"$BATS_TEST_TMPDIR/point"
		"${@:2}" "$call" "$number" >"$BATS_TEST_TMPDIR/log" 2>&1 9<&- || {
			cat "$BATS_TEST_TMPDIR/point" "$BATS_TEST_TMPDIR/log"
			return 1
		}
	done 9< <(points "$1")
	echo "# $tried of $i calls" >&3
	[ "$i" -gt 30 ] || fail "more calls that can fail"
}

injected() { # CALL NUMBER
	inject=("${STRACE[@]}" -D -qq -o /dev/null -e "trace=$1" -e "inject=$1:error=$(error_of "$1"):when=$2")
}

no_sockets() {
	[ -z "$(in_ns red ss -Hlntu)$(in_ns blue ss -Hlntu)" ] || fail "no socket is left"
}

# ---- for a command -------------------------------------------------------------------------------

words=(listen --netns red --netns blue 127.0.0.1:80 '[::1]:53/udp' -- sh -c '[ $LISTEN_FDS = 4 ] && [ $LISTEN_PID = $$ ] &&
	[ -S /proc/$$/fd/6 ] && [ ! -e /proc/$$/fd/7 ] && [ $LISTEN_FDNAMES = red:red:blue:blue ] && echo fine')

# It is refused; the way home has failed: it ends at once; the call can be done without.
command_fault() {
	local inject rc=0 out
	injected "$1" "$2"
	out=$("${inject[@]}" "$CNIC_BIN/cnic" "${words[@]}" 2>"$said") || rc=$?
	echo "exit $rc: $out; $(cat "$said")"
	case $rc in
	0) [ "$out" = fine ] || fail "the command has what it wants" ;;
	1) [[ -z $out && $(cat "$said") == "cnic: listen: "* && $(wc -l <"$said") -eq 1 ]] || fail "one line that says why" ;;
	134) [[ $1 == setns || $1 == *stat* ]] || fail "only for the way home" ;;
	*) fail "exit 0 or 1" ;;
	esac
	no_sockets
}

@test "a command: whatever call fails" {
	strace -qq -o "$BATS_TEST_TMPDIR/calls" "$CNIC_BIN/cnic" "${words[@]}" >/dev/null
	each_point "$BATS_TEST_TMPDIR/calls" command_fault
}

@test "who cannot come home from another namespace ends at once" {
	local inject rc=0
	injected setns 2
	"${inject[@]}" "$CNIC_BIN/cnic" "${words[@]}" || rc=$?
	[ $rc -eq 134 ] || fail "SIGABRT, not exit $rc"
	no_sockets
}

# ---- forwarding ----------------------------------------------------------------------------------

# forwards WORD... : as listens(), of the system calls in $inject.
forwards() {
	limit="${inject[*]}" listens --netns red --netns blue 127.0.0.1:80 --connect 127.0.0.1:9000 --proxy-protocol
}

forward_life() {
	ip -n red link set lo up
	served 127.0.0.1:9000 proxy
	inject=("${STRACE[@]}" -D -qq -o "$BATS_TEST_TMPDIR/calls")
	forwards
	peer red ask 127.0.0.1:80 1 100000
	kill "$listener"
	ends 0
}

# It does not begin, or serves: the connection of the fault may be reset, the next is whole, nothing is left open.
forward_fault() {
	local inject rc=0
	injected "$1" "$2"
	: >"$said"
	"${inject[@]}" "$CNIC_BIN/cnic" listen --netns red --netns blue 127.0.0.1:80 --connect 127.0.0.1:9000 --proxy-protocol \
		>"$said" 2>&1 3>&- &
	listener=$!
	awaited "$said" 'cnic: listen:' || [ "$1" = setns ] || [[ $1 == *stat* ]] || return 1
	if grep -q sockets "$said"; then
		peer red ask 127.0.0.1:80 1 100000 || true
		peer red ask 127.0.0.1:80 1 100000 || fail "the next one is whole"
		rests_at 30
		kill "$listener"
		ends 0
	else
		wait "$listener" || rc=$?
		listener=
		[ $rc -eq 1 ] || [ $rc -eq 134 ] || fail "exit 1, not $rc"
	fi
	no_sockets
}

@test "forwarding: whatever call fails" {
	forward_life
	each_point "$BATS_TEST_TMPDIR/calls" forward_fault
}
