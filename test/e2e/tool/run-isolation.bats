# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154
#
# cnic run: what a command sees of the host, and does not; looked at from inside, and from outside when
# it has ended.

load ../lib
load run

setup() {
	run_setup
	before=$(host_state)
}

teardown() {
	run_teardown
}

# nothing_left : the host is as it was before the test.
nothing_left() {
	expect_same host "$before" "$(host_state)"
}

# namespaces_of PID : "net net:[...]", one a line.
namespaces_of() {
	local name
	for name in net mnt pid ipc uts cgroup user; do
		echo "$name $(readlink "/proc/$1/ns/$name")"
	done
}

# kinds_that_differ : between the host's and the command's, from the output of LIST.
LIST='for n in net mnt pid ipc uts cgroup user; do echo $n $(readlink /proc/self/ns/$n); done'
kinds_that_differ() {
	diff <(namespaces_of self) <(echo "$output") | sed -n 's/^> \([a-z]*\) .*/\1/p' | paste -sd' '
}

@test "run: namespaces: all but the user's are new; that one when it is asked for, or not root" {
	sandbox --net none -- sh -c "$LIST"
	expect_ok
	expect_same namespaces "net mnt pid ipc uts cgroup" "$(kinds_that_differ)"
	sandbox --net none --user -- sh -c "$LIST"
	expect_same namespaces "net mnt pid ipc uts cgroup user" "$(kinds_that_differ)"
	sandbox --net host -- sh -c "$LIST"
	expect_same namespaces "mnt pid ipc uts cgroup" "$(kinds_that_differ)"
	needs_user_namespaces
	as_user sandbox --net none -- sh -c "$LIST"
	expect_same namespaces "net mnt pid ipc uts cgroup user" "$(kinds_that_differ)"
}

@test "run: namespaces: they end with the command" {
	begin --net none -- sh -c 'echo ready; exec sleep 1000'
	inside=$(readlink "/proc/$init/ns/net" "/proc/$init/ns/pid" "/proc/$init/ns/mnt" | paste -sd'|')
	[ -n "$inside" ] || fail "namespaces of PID 1"
	kill "$runner"
	end_of_runner
	soon is_gone "$init"
	[ -z "$(find /proc/[0-9]*/ns -maxdepth 1 -printf '%l\n' 2>/dev/null | grep -F -e "${inside//|/$'\n'}")" ] ||
		fail "no process in them"
	nothing_left
}

@test "run: namespaces: where /proc is another PID namespace's, none of a stranger's is taken for ours" {
	unshare --pid --fork --mount-proc bash -c 'for i in {1..9}; do sleep 20 & done
		exec unshare --pid --fork "$@"' - "$CNIC" run --net none -- true >"$BATS_TEST_TMPDIR/out" 2>&1 3>&- && fail "refused"
	expect_same output "cnic: /proc is another PID namespace's than ours: mount one (unshare(1): --mount-proc)" \
		"$(<"$BATS_TEST_TMPDIR/out")"
}

@test "run: processes: PID 1, which is ours, and the command" {
	sandbox --net none -- ps -e -o pid=,ppid=,comm=
	expect_output $'      1       0 cnic\n      2       1 ps'
	nothing_left
}

@test "run: links: lo alone, which is up, in /sys as by netlink" {
	ip link add seen type veth peer name seen2
	sandbox --net none -- sh -c 'ls /sys/class/net; ip -br link show up | cut -d" " -f1; ping -c1 -W2 127.0.0.1 >/dev/null && ping -c1 -W2 ::1 >/dev/null && echo answers'
	expect_output $'lo\nlo\nanswers'
	sandbox --net none --user -- ls /sys/class/net
	expect_output lo
	sandbox --net host -- ls /sys/class/net
	expect_output "$(ls /sys/class/net)"
	sandbox --net host --user -- sh -c 'ls /sys/class/net; touch /sys/x 2>&1'
	[[ $output == "$(ls /sys/class/net)"*"Read-only file system" ]] || fail "the host's, read-only"
	ip link del seen
	nothing_left
}

@test "run: capabilities: none in any set, whoever is root; no new ones" {
	local none='CapInh|CapPrm|CapEff|CapBnd|CapAmb'
	for user in '' --user; do
		# shellcheck disable=SC2086
		sandbox --net none $user -- grep -E "^($none|NoNewPrivs)" /proc/self/status
		expect_output "$(printf 'CapInh:\t%016d\nCapPrm:\t%016d\nCapEff:\t%016d\nCapBnd:\t%016d\nCapAmb:\t%016d\nNoNewPrivs:\t1' 0 0 0 0 0)"
	done
	sandbox --net none -- sh -c 'ip link set lo down; mount -t tmpfs tmpfs /tmp; chown 1 /; hostname x; true'
	expect_ok
	[ "$(grep -ciE 'not permitted|denied|must be|invalid' <<<"$errors")" -ge 4 ] || fail "each is refused"
	nothing_left
}

@test "run: capabilities: PID 1 has none either" {
	begin --net none --cap-add net_raw -- sh -c 'echo ready; exec sleep 1000'
	expect_same "of PID 1" "$(grep -E '^(Cap(Prm|Eff|Bnd)|NoNew)' "/proc/$init/status")" \
		$'CapPrm:\t0000000000002000\nCapEff:\t0000000000002000\nCapBnd:\t0000000000002000\nNoNewPrivs:\t1'
}

@test "run: ping and low ports need none" {
	# shellcheck disable=SC2016
	local both='ping -c1 -W2 127.0.0.1 >/dev/null && ping -c1 -W2 ::1 >/dev/null && echo answers
		busybox nc -l -p 80 -e echo served & until busybox nc 127.0.0.1 80 </dev/null; do sleep 0.1; done'
	sandbox --net none -- sh -c "$both"
	expect_output $'answers\nserved'
	sandbox --net none --user -- sh -c "$both"
	expect_output $'answers\nserved'
	[ "$(cat /proc/sys/net/ipv4/ip_unprivileged_port_start)" = 1024 ] || fail "the host's is as it was"
	needs_user_namespaces
	as_user sandbox --net none -- sh -c "$both"
	expect_output $'answers\nserved'
	as_user sandbox --net none --uid-map 1000:1000:1 --gid-map 1000:1000:1 -- sh -c 'id -u; busybox nc -l -p 80 -e echo served & until busybox nc 127.0.0.1 80 </dev/null; do sleep 0.1; done'
	expect_output $'1000\nserved'
}

@test "run: mounts: what is mounted inside is not outside, nor the other way round" {
	begin --net none --tmpfs /mnt -- sh -c 'touch /mnt/inside; echo ready; while ! [ -e /run/cnic-test/go ]; do sleep 0.01; done; ls /run/cnic-test/later'
	[ ! -e /mnt/inside ] || fail "not outside"
	mkdir -p /run/cnic-test/later
	mount -t tmpfs tmpfs /run/cnic-test/later
	touch /run/cnic-test/later/outside /run/cnic-test/go
	end_of_runner
	umount /run/cnic-test/later
	rm /run/cnic-test/go
	[ "$(<"$BATS_TEST_TMPDIR/said")" = ready ] || fail "not inside: $(<"$BATS_TEST_TMPDIR/said")"
	nothing_left
}

@test "run: /proc is the namespace's; without capabilities the host's root changes nothing in it" {
	local core
	core=$(</proc/sys/kernel/core_pattern)
	for user in '' --user; do
		# shellcheck disable=SC2086
		sandbox --net none $user -- sh -c 'for f in sys/kernel/core_pattern sys/vm/drop_caches sysrq-trigger irq/default_smp_affinity; do
			! [ -e /proc/$f ] || (echo 1 >/proc/$f) 2>/dev/null && [ -e /proc/$f ] && echo written $f; done; echo 0 >/proc/self/oom_score_adj; echo >/proc/self/comm; ls -d /proc/[0-9]* | wc -l'
		expect_ok
		[[ $output != *written* ]] || fail "not written"
	done
	expect_same core_pattern "$core" "$(</proc/sys/kernel/core_pattern)"
	nothing_left
}

# Whatever the kernel has there: pressure's files are for whoever waits, and take nothing.
@test "run: what the machine's root could write in /proc without a capability is read-only, whatever it is" {
	sandbox --net none -- bash -c '
		find /proc -path "/proc/[0-9]*" -prune -o -path "/proc/pressure/*" -prune -o -type f -print 2>/dev/null |
			while read -r f; do [ ! -w "$f" ] || echo "$f"; done'
	expect_output ""
}

# socket(AF_VSOCK), which no network namespace holds, and io_uring, which makes sockets without socket(2).
@test "run: with --net none and --egress there is no AF_VSOCK" {
	local how vsock='
import ctypes, os, socket
try: print(socket.socket(40, socket.SOCK_STREAM) and "a socket")
except OSError as e: print(e.errno)
socket.socket(socket.AF_INET, socket.SOCK_STREAM), socket.socket(socket.AF_UNIX)
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall(425, 1, None)
print(ctypes.get_errno())'
	python3 -c 'import socket; socket.socket(40, socket.SOCK_STREAM)' 2>/dev/null || skip "no AF_VSOCK here"
	sandbox --net host -- python3 -c "$vsock"
	[[ $output == "a socket"* ]] || fail "a socket of it: $output"
	for how in '--net none' '--net none --cap-add all' '--egress 192.0.2.1'; do
		# shellcheck disable=SC2086 # words
		sandbox $how -- python3 -c "$vsock"
		expect_output $'97\n38'
	done
}

@test "run: /sys cannot be written to" {
	sandbox --net none -- sh -c 'for f in $(find /sys/class/net/lo/ -maxdepth 1 -type f -perm -200) /sys/kernel/uevent_helper; do
		(echo 1 >$f) 2>/dev/null && [ -e $f ] && echo written $f; done; true'
	expect_output ""
	nothing_left
}

@test "run: /dev: the few that every program may expect, terminals and shared memory of its own" {
	touch /dev/shm/outside
	for user in '' --user; do
		# shellcheck disable=SC2086
		sandbox --net none $user -- sh -c 'ls /dev; ls /dev/pts /dev/shm; head -c 4 /dev/zero | od -An -tx1; echo x >/dev/null; (echo x >/dev/full) 2>/dev/null || echo full
			head -c 1 /dev/urandom | wc -c; echo y >/dev/shm/y; cat /dev/shm/y; echo z | cat /dev/stdin; mknod /tmp/cnic-node c 1 1 2>/dev/null && echo made a node'
		expect_same /dev "$output" "fd
full
null
ptmx
pts
random
shm
stderr
stdin
stdout
tty
urandom
zero
/dev/pts:
ptmx

/dev/shm:
 00 00 00 00
full
1
y
z"
	done
	rm /dev/shm/outside
	[ ! -e /dev/shm/y ] || fail "not the host's /dev/shm"
	nothing_left
}

@test "run: System V objects are not shared" {
	id=$(ipcmk -Q | grep -oE '[0-9]+$')
	queues=$(ipcs -q)
	sandbox --net none -- sh -c 'ipcs -q | grep -cE "^0x"; ipcmk -Q >/dev/null; ipcs -q | grep -cE "^0x"'
	expect_output $'0\n1'
	ipcrm -q "$id"
	grep -qw "$id" <<<"$queues" || fail "there was a queue outside"
}

@test "run: the host's name is the host's, another one the command's alone" {
	sandbox --net none -- hostname
	expect_output "$(hostname)"
	sandbox --net none --hostname other.name -- hostname
	expect_output other.name
	[ "$(hostname)" != other.name ] || fail "the host keeps its name"
}

@test "run: cgroups: the command's is the root of what it sees" {
	sandbox --net none -- sh -c 'cut -d: -f3 /proc/self/cgroup | sort -u'
	expect_output /
}

@test "run: abstract sockets are not shared" {
	python3 - <<-'END' 3>&- &
		import socket, time
		s = socket.socket(socket.AF_UNIX)
		s.bind("\0cnic-test-abstract")
		s.listen()
		open("/run/cnic-test/listening", "w").close()
		time.sleep(100)
	END
	local server=$! connect='import socket; socket.socket(socket.AF_UNIX).connect("\0cnic-test-abstract"); print("connected")'
	soon test -e /run/cnic-test/listening
	sandbox --net host -- python3 -c "$connect"
	expect_output connected
	sandbox --net none -- python3 -c "$connect"
	[[ $status -eq 1 && $errors == *ConnectionRefusedError* ]] || fail "refused"
	kill $server
}

# A program that makes a key in a session keyring of its own and executes a command, or looks for that key.
cat_key() {
	cat <<-'END'
		import ctypes, os, platform, subprocess, sys
		call = ctypes.CDLL(None, use_errno=True).syscall
		add, request, keyctl = (217, 218, 219) if platform.machine() == "aarch64" else (248, 249, 250)
		if sys.argv[1] == "make":
		    if call(keyctl, 1, None) < 0 or call(add, b"user", b"cnic-test", b"secret", 6, -3) < 0:
		        sys.exit(os.strerror(ctypes.get_errno()))
		    sys.exit(subprocess.call(sys.argv[2:]))
		print("found" if call(request, b"user", b"cnic-test", None, 0) > 0 else "no key")
	END
}

@test "run: keys of the session are not the command's" {
	cat_key >/run/cnic-test/key.py
	python3 /run/cnic-test/key.py make true || skip "this kernel has no keys"
	expect_same "outside" found "$(python3 /run/cnic-test/key.py make python3 /run/cnic-test/key.py find)"
	expect_same "inside" "no key" "$(python3 /run/cnic-test/key.py make "$CNIC" run --net none -- python3 /run/cnic-test/key.py find)"
}

@test "run: a user: no other id than its own, no group of root's, files it may not read" {
	needs_user_namespaces
	as_user sandbox --net none -- sh -c 'id -u; id -g; cat /proc/self/uid_map; cat /etc/shadow; setpriv --reuid 1 true'
	[ "$status" -ne 0 ] || fail "no other user"
	[[ $(tr -s ' ' <<<"$output") == $'0\n0\n 0 '$USER_ID' 1' ]] || fail "root of one id"
	[[ $errors == *"/etc/shadow: Permission denied"* ]] || fail "the host's secret"
	nothing_left
}

@test "run: joined: --netns is the namespace, by path and by descriptor, and stays as it is" {
	netns box
	ip -n box link add inbox type veth peer name inbox2
	local start
	start=$(in_ns box cat /proc/sys/net/ipv4/ip_unprivileged_port_start)
	sandbox --netns "$(ns_path box)" -- sh -c 'readlink /proc/self/ns/net; ls /sys/class/net'
	expect_output "$(in_ns box readlink /proc/self/ns/net)"$'\ninbox\ninbox2\nlo'
	exec 9<"$(ns_path box)"
	sandbox --netns 9 -- ls /sys/class/net
	expect_output $'inbox\ninbox2\nlo'
	sandbox --netns 9 -- sh -c '[ -e /proc/self/fd/9 ] && echo inherited; true'
	expect_output ''
	sandbox --netns 9 --user -- readlink /proc/self/ns/net
	expect_output "$(in_ns box readlink /proc/self/ns/net)"
	exec 9<&-
	expect_same ip_unprivileged_port_start "$start" "$(in_ns box cat /proc/sys/net/ipv4/ip_unprivileged_port_start)"
	ip -n box link show inbox >/dev/null || fail "it is left as it was"
}
