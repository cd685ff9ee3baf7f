# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154,SC2016
#
# cnic listen --connect: what connects in a namespace is connected to one address, byte for byte, end for end.

load ../lib
load ../listen

setup() {
	listen_setup
	netns red
	no_dad_wait red
}

teardown() {
	listen_teardown
}

# to AT KIND WORD... : a server, and a forwarder from red to it.
to() {
	served "$1" "$2"
	listens --netns red 127.0.0.1:80 '[::1]:80' --connect "$1" "${@:3}"
	base=$(descriptors)
}

@test "bytes of both ways, IPv4, IPv6, UNIX, and nothing is left open" {
	local at
	for at in 127.0.0.1:9000 '[::1]:9000' "unix:$BATS_TEST_TMPDIR/sock" unix:@listen; do
		to "$at" echo
		peer red ask 127.0.0.1:80 0 1 1000 65536 5000000
		peer red ask '[::1]:80' 0 1 1000 65536 5000000
		rests_at $((base + 2 * 4)) # pipes that are kept
		kill "$listener"
		ends 0
	done
}

@test "in another namespace, which has the same address" {
	netns blue
	served_in="nsenter --net=/run/netns/blue" served 127.0.0.1:80 sum
	listens 127.0.0.1:80 --connect blue@127.0.0.1:80
	peer '' sum 127.0.0.1:80 100000
	kill "$listener"
	ends 0
	listens 127.0.0.1:80 --connect /run/netns/blue@127.0.0.1:80
	peer '' sum 127.0.0.1:80 100000
	expect_same "the forwarder's namespace" "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$listener/ns/net")"
}

@test "an end of one way leaves the other open" {
	to 127.0.0.1:9000 push:3000000
	peer red half 127.0.0.1:80 3000000
	ended 1
	kill "$listener"
	ends 0
	to 127.0.0.1:9001 sum
	peer red sum 127.0.0.1:80 3000000
}

@test "a reader that does not read holds its writer, and nothing else" {
	local client n
	to 127.0.0.1:9000 "deaf:$BATS_TEST_TMPDIR/now"
	mkfifo "$BATS_TEST_TMPDIR/go"
	in_ns red python3 -c '
import socket, sys
s = socket.create_connection(("127.0.0.1", 80)); s.settimeout(0.5); n = 0
try:
    while n < 1 << 28: n += s.send(b"x" * 65536)
except TimeoutError: pass
print(n, flush=True)
open(sys.argv[1]).read()
s.settimeout(20); s.shutdown(1); print(s.recv(100).decode(), flush=True)' "$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	until [ -s "$BATS_TEST_TMPDIR/out" ]; do sleep 0.02; done
	read -r n <"$BATS_TEST_TMPDIR/out"
	[ "$n" -lt 100000000 ] || fail "a writer that is held, not $n bytes"
	[ "$(rss_kb)" -lt 20000 ] || [ -n "${SAN:-}" ] || fail "no memory for it: $(rss_kb) kB"
	touch "$BATS_TEST_TMPDIR/now"
	: >"$BATS_TEST_TMPDIR/go"
	wait $client
	awaited "$BATS_TEST_TMPDIR/out" "$n "
}

@test "a reset of one side is a reset of the other" {
	to 127.0.0.1:9000 echo
	peer red reset 127.0.0.1:80
	ended 1
	grep -q ConnectionResetError "$log" || fail "the server is reset: $(cat "$log")"
	kill "$listener"
	ends 0
	to 127.0.0.1:9001 reset
	run peer red wait 127.0.0.1:80
	[[ $output == *ConnectionResetError* ]] || fail "the client is reset: $output"
	rests_at $((base + 4))
}

# answers_early AT HOW : of a server that does not wait for the end of the question; what the client has seen.
answers_early() {
	local client
	rm -f "$BATS_TEST_TMPDIR"/now{,.asked} "$BATS_TEST_TMPDIR/out"
	to "$1" "early:$2:$BATS_TEST_TMPDIR/now:20000"
	in_ns red python3 "$PEER" full 127.0.0.1:80 >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	awaited "$BATS_TEST_TMPDIR/out" full
	until [ -e "$BATS_TEST_TMPDIR/now.asked" ]; do sleep 0.02; done
	kill -STOP "$listener" # all that the server does is there at once
	touch "$BATS_TEST_TMPDIR/now"
	ended 1
	kill -CONT "$listener"
	wait $client
	expect_same "$* is seen" "$3" "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	rests_at $((base + 4))
	kill "$listener"
	ends 0
}

@test "an answer that comes before the end of the question is passed on, and what was behind it" {
	answers_early 127.0.0.1:9000 close "20000 reset"
	answers_early 127.0.0.1:9001 end "20000 end"
	answers_early "unix:$BATS_TEST_TMPDIR/sock" close "20000 reset"
}

# answers_much AT HOW : the same of an answer that a client with a small window reads when the server is long gone.
answers_much() {
	local client
	rm -f "$BATS_TEST_TMPDIR/now" "$BATS_TEST_TMPDIR/read" "$BATS_TEST_TMPDIR/out"
	to "$1" "early:$2:$BATS_TEST_TMPDIR/now:200000"
	in_ns red python3 "$PEER" late 127.0.0.1:80 "$BATS_TEST_TMPDIR/read" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	awaited "$BATS_TEST_TMPDIR/out" full
	touch "$BATS_TEST_TMPDIR/now"
	ended 1
	touch "$BATS_TEST_TMPDIR/read"
	wait $client
	expect_same "$* is seen" "$3" "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	rests_at $((base + 2 * 4))
	kill "$listener"
	ends 0
}

@test "an answer of a server that resets behind it is passed on to a client that reads late" {
	answers_much 127.0.0.1:9000 close "200000 reset"
	answers_much 127.0.0.1:9001 end "200000 end"
	answers_much "unix:$BATS_TEST_TMPDIR/sock" close "200000 reset"
}

# Both are there at once: what the client asks, which finds that its server has reset, and that itself.
@test "an answer is passed on where the client asks on, when its server has reset" {
	local client
	to 127.0.0.1:9000 "replies:$BATS_TEST_TMPDIR/now:20000"
	in_ns red python3 "$PEER" more 127.0.0.1:80 "$BATS_TEST_TMPDIR/go" "$BATS_TEST_TMPDIR/read" >"$BATS_TEST_TMPDIR/out" 3>&- &
	client=$!
	awaited "$BATS_TEST_TMPDIR/out" through
	kill -STOP "$listener"
	touch "$BATS_TEST_TMPDIR/go"
	awaited "$BATS_TEST_TMPDIR/out" sent
	touch "$BATS_TEST_TMPDIR/now"
	ended 1
	kill -CONT "$listener"
	rests_at $((base + 2 * 4 + 1))
	touch "$BATS_TEST_TMPDIR/read"
	wait $client
	expect_same "the answer" "20000 reset" "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
}

@test "who does not take what was sent before a reset is not waited for beyond the idle time" {
	to 127.0.0.1:9000 "early:close:$BATS_TEST_TMPDIR/now:200000" --idle 2s
	in_ns red python3 "$PEER" late 127.0.0.1:80 "$BATS_TEST_TMPDIR/read" >"$BATS_TEST_TMPDIR/out" 3>&- &
	awaited "$BATS_TEST_TMPDIR/out" full
	touch "$BATS_TEST_TMPDIR/now"
	ended 1
	rests_at $((base + 2 * 4))
	touch "$BATS_TEST_TMPDIR/read"
	wait $!
	grep -q reset "$BATS_TEST_TMPDIR/out" || fail "a reset: $(cat "$BATS_TEST_TMPDIR/out")"
}

# sends_before N HOW : of a client that sends N bytes and resets; what its server, which reads late, has seen.
sends_before() {
	local n server
	rm -f "$BATS_TEST_TMPDIR/read" "$BATS_TEST_TMPDIR/out"
	python3 "$PEER" take 127.0.0.1:9000 "$BATS_TEST_TMPDIR/read" >"$BATS_TEST_TMPDIR/out" 3>&- &
	server=$!
	awaited "$BATS_TEST_TMPDIR/out" ready
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	n=$(peer red drop 127.0.0.1:80 "$BATS_TEST_TMPDIR/read" "$1" "$2" "$listener")
	wait $server
	expect_same "what the server has seen" "$n ${2/rest/end}" "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	kill "$listener"
	ends 0
}

@test "what a client sends before it resets is passed on to a server that reads late" {
	sends_before 200000 reset # all is in the server's socket
	sends_before 30000 end
	sends_before 200000 end
	sends_before 30000 rest # it has ended before: not for the time of one that has not
	sends_before 100000000 reset # more than there is room for
}

@test "a server that has answered and reset before its connection is known" {
	limit="${STRACE[*]} -D -qq -o /dev/null -e trace=connect -e inject=connect:delay_exit=500000"
	to 127.0.0.1:9000 banner:20000 --proxy-protocol
	in_ns red python3 "$PEER" late 127.0.0.1:80 / >"$BATS_TEST_TMPDIR/out"
	expect_same "the banner" "20000 reset" "$(tail -n 1 "$BATS_TEST_TMPDIR/out")"
	! grep connect: "$said" || fail "it can be reached"
}

@test "a reset of a client ends it where its server does not read, or not answer" {
	local kind
	for kind in "deaf:$BATS_TEST_TMPDIR/never" none; do
		if [ $kind = none ]; then # a queue that is full does not answer
			python3 -c '
import socket, time
s = socket.create_server(("127.0.0.1", 9001), backlog=1)
print("ready", flush=True); time.sleep(100)' >"$BATS_TEST_TMPDIR/none" 3>&- &
			servers+=($!)
			awaited "$BATS_TEST_TMPDIR/none" ready
			listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9001
			base=$(descriptors)
		else
			to 127.0.0.1:9000 $kind
		fi
		rm -f "$BATS_TEST_TMPDIR/in"
		mkfifo "$BATS_TEST_TMPDIR/in"
		in_ns red python3 "$PEER" stuff 127.0.0.1:80 10 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
		exec 8>"$BATS_TEST_TMPDIR/in"
		awaited "$BATS_TEST_TMPDIR/out" full
		until [ "$(descriptors)" -ge $((base + 20)) ]; do sleep 0.02; done # 10 connections
		exec 8>&-
		rests_at $((base + 2 * 4)) # long before the 30 s of a server that does not answer
		kill "$listener"
		ends 0
	done
}

@test "a server that is not there is told of once" {
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	for _ in 1 2 3; do
		run peer red wait 127.0.0.1:80
		[ "$status" -ne 0 ] || fail "a reset"
	done
	[ "$(grep -c 'connect: 127.0.0.1:9000: Connection refused' "$said")" -eq 1 ] || fail "one line"
	served 127.0.0.1:9000 echo
	peer red ask 127.0.0.1:80 10
	kill "${servers[0]}"
	wait "${servers[0]}" || true
	servers=()
	run peer red wait 127.0.0.1:80
	[ "$(grep -c 'connect: 127.0.0.1:9000: Connection refused' "$said")" -eq 2 ] || fail "another line"
}

@test "a namespace to connect in that is not there, and comes" {
	listens 127.0.0.1:80 --connect blue@127.0.0.1:80
	run peer '' wait 127.0.0.1:80
	[ "$status" -ne 0 ] || fail "a reset"
	grep -q 'connect: open netns "/run/netns/blue"' "$said" || fail "the reason"
	netns blue
	served_in="nsenter --net=/run/netns/blue" served 127.0.0.1:80 echo
	peer '' ask 127.0.0.1:80 10
}

@test "urgent data holds nothing up" {
	served 127.0.0.1:9000 echo
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	in_ns red python3 -c '
import socket
s = socket.create_connection(("127.0.0.1", 80)); s.settimeout(10)
got = b""
for n in range(50):
    s.send(b"a" * 10); s.send(b"!", socket.MSG_OOB); s.send(b"b" * 10)
    while len(got.replace(b"!", b"")) < 20 * (n + 1): got += s.recv(100)'
}

@test "urgent data is no end, and hides none that comes behind it" {
	served 127.0.0.1:9000 echo
	listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	cat >"$BATS_TEST_TMPDIR/client" <<-'END'
		import os, signal, socket, sys
		listener, ends = int(sys.argv[1]), sys.argv[2] == "ends"
		os.kill(listener, signal.SIGSTOP)
		s = socket.create_connection(("127.0.0.1", 80)); s.settimeout(10)
		s.sendall(b"a" * 30000); s.send(b"!", socket.MSG_OOB); s.sendall(b"b" * 20000)
		if ends: s.shutdown(socket.SHUT_WR)
		os.kill(listener, signal.SIGCONT)
		n = 0
		while n < 50000 and (data := s.recv(65536)): n += len(data)
		print(n)
	END
	expect_same "bytes before an end" 50000 "$(in_ns red python3 "$BATS_TEST_TMPDIR/client" "$listener" ends)"
	expect_same "bytes" 50000 "$(in_ns red python3 "$BATS_TEST_TMPDIR/client" "$listener" stays)"
}

@test "who is idle is reset" {
	local begin took
	to 127.0.0.1:9000 echo --idle 400ms
	for _ in {1..50}; do # on a machine that is busy the first byte may come too late
		begin=$EPOCHREALTIME
		run peer red wait 127.0.0.1:80
		[ "${lines[0]}" != through ] || break
	done
	took=$(((${EPOCHREALTIME/./} - ${begin/./}) / 1000))
	[ "${lines[1]}" = reset ] || fail "a reset: $output"
	[ "$took" -ge 400 ] && [ "$took" -lt 15000 ] || fail "0.4 s, not $took ms"
	rests_at $((base + 4))
}

ticks() {
	awk '{ print $14 + $15 }' "/proc/$listener/stat"
}

@test "the longest times are waited for, not turned over" {
	local before
	to 127.0.0.1:9000 echo --idle 2147483647ms --drain 596h
	in_ns red python3 "$PEER" wait 127.0.0.1:80 >"$BATS_TEST_TMPDIR/out" 3>&- &
	awaited "$BATS_TEST_TMPDIR/out" through
	kill "$listener"
	before=$(ticks)
	sleep 0.3
	kill -0 "$listener" || fail "it waits"
	! grep -E 'end|reset' "$BATS_TEST_TMPDIR/out" || fail "the connection goes on"
	[ $(($(ticks) - before)) -lt 20 ] || fail "it sleeps meanwhile"
	kill "$listener"
	ends 0
}

@test "who is not idle goes on beyond the time" {
	to 127.0.0.1:9000 echo --idle 400ms
	in_ns red python3 -c '
import socket, time
def goes_on():
    s = socket.create_connection(("127.0.0.1", 80)); s.settimeout(10)
    sent = [time.monotonic()]
    try:
        for _ in range(10):
            sent.append(time.monotonic()); s.sendall(b"x"); assert s.recv(1) == b"x"; time.sleep(0.1)
        return True
    except ConnectionError: # on a machine that is busy it may have been idle
        assert time.monotonic() - sent[-2] >= 0.4, "reset in time"
while not goes_on(): pass'
}

@test "SIGTERM: what is there goes on to its end, what comes is refused" {
	to 127.0.0.1:9000 echo
	mkfifo "$BATS_TEST_TMPDIR/in"
	in_ns red python3 "$PEER" hold 127.0.0.1:80 20 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec 8>"$BATS_TEST_TMPDIR/in"
	awaited "$BATS_TEST_TMPDIR/out" held
	kill "$listener"
	until [ -z "$(in_ns red ss -Hlnt)" ]; do sleep 0.02; done
	run peer red wait 127.0.0.1:80
	[[ $output == *ConnectionRefused* ]] || fail "refused"
	kill -0 "$listener" || fail "it waits"
	exec 8>&-
	awaited "$BATS_TEST_TMPDIR/out" well
	ends 0
	! grep 'cut off' "$said" || fail "nothing is cut off"
}

@test "SIGTERM once more, --drain and SIGINT end it at once" {
	local how
	served 127.0.0.1:9000 echo
	for how in term drain int; do
		: >"$BATS_TEST_TMPDIR/out"
		listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000 --drain 300ms
		[ $how = drain ] || {
			kill -KILL "$listener"
			wait "$listener" || true
			listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
		}
		in_ns red python3 "$PEER" wait 127.0.0.1:80 >"$BATS_TEST_TMPDIR/out" 3>&- &
		awaited "$BATS_TEST_TMPDIR/out" through
		case $how in
		int) kill -INT "$listener" ;;
		term) kill "$listener" && until [ -z "$(in_ns red ss -Hlnt)" ]; do sleep 0.02; done && kill "$listener" ;;
		drain) kill "$listener" ;;
		esac
		ends 0
		awaited "$BATS_TEST_TMPDIR/out" reset
		grep -q '1 connections were cut off' "$said" || fail "it says so"
	done
}

@test "PROXY header: addresses, namespace, unique id" {
	to 127.0.0.1:9000 proxy --proxy-protocol
	peer red ask 127.0.0.1:80 5000
	ended 1
	json_is "$(tail -n 1 "$log")" '[.command, .family, .from, .to, .ports[1], .tlv30, .bytes]' '[33,17,"127.0.0.1","127.0.0.1",80,"red",5000]'
	[[ $(tail -n 1 "$log" | jq -r .tlv05) =~ ^red/[0-9a-f]{16}$ ]] || fail "an id"
	peer red ask '[::1]:80' 5000
	ended 2
	json_is "$(tail -n 1 "$log")" '[.family, .from, .to, .ports[1], .tlv30]' '[33,"::1","::1",80,"red"]'
	[ "$(grep -v ready "$log" | jq -r .tlv05 | sort -u | wc -l)" -eq 2 ] || fail "another id"
}

@test "PROXY header: IPv4 at a socket of both families, a long name, a long one without an id" {
	local id none
	id=$(printf 'n%.0s' {1..111}) none=n$id
	served 127.0.0.1:9000 proxy
	listens --netns "$id=/run/netns/red" '*:80' --connect 127.0.0.1:9000 --proxy-protocol
	peer red ask 127.0.0.1:80 1
	ended 1
	json_is "$(tail -n 1 "$log")" '[.family, .from, .tlv30, (.tlv05 | length)]' "[17,\"127.0.0.1\",\"$id\",128]"
	kill "$listener"
	ends 0
	listens --netns "$none=/run/netns/red" '*:80' --connect 127.0.0.1:9000 --proxy-protocol
	peer red ask '[::1]:80' 1
	ended 2
	json_is "$(tail -n 1 "$log")" '[.family, .tlv30, has("tlv05")]' "[33,\"$none\",false]"
}

@test "haproxy knows the tenant by the header" {
	local name
	command -v haproxy >/dev/null || skip "haproxy is not installed"
	netns blue
	cat >"$BATS_TEST_TMPDIR/haproxy.cfg" <<-'END'
		defaults
			mode http
			timeout client 10s
			timeout connect 10s
			timeout server 10s
		frontend tenants
			bind 127.0.0.1:9000 accept-proxy
			http-request return status 200 content-type text/plain lf-string "%[fc_pp_unique_id] %[src] %[dst_port]"
	END
	haproxy -db -f "$BATS_TEST_TMPDIR/haproxy.cfg" >"$BATS_TEST_TMPDIR/haproxy" 2>&1 3>&- &
	servers+=($!)
	until [ -n "$(ss -Hlnt sport = 9000)" ]; do sleep 0.02; done
	listens --netns red --netns blue 127.0.0.1:80 --connect 127.0.0.1:9000 --proxy-protocol
	for name in red blue; do
		run in_ns $name python3 -c 'import urllib.request; print(urllib.request.urlopen("http://127.0.0.1/", timeout=10).read().decode())'
		[[ $output =~ ^$name/[0-9a-f]{16}\ 127\.0\.0\.1\ 80$ ]] || fail "$name: $output, $(cat "$BATS_TEST_TMPDIR/haproxy")"
	done
}

@test "few descriptors: who cannot be served yet waits, and bytes go without pipes" {
	served 127.0.0.1:9000 echo
	limit="prlimit --nofile=90" listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000
	base=$(descriptors)
	in_ns red python3 "$PEER" storm 127.0.0.1:80 3 "$RANDOM"
	rests_at $((base + 4))
	kill "$listener"
	ends 0
}

@test "a pipe of a page is not used: it does not hold what is read at a time" {
	limit="${STRACE[*]} -D -qq -o /dev/null -e trace=fcntl -e inject=fcntl:retval=4096"
	to 127.0.0.1:9000 echo
	peer red ask 127.0.0.1:80 1 5000 5000000 # more than sockets hold
	rests_at "$base"
}

# queued WORD... : 100 clients are connected to a forwarder that has descriptors for 21 of them.
queued() {
	limit="prlimit --nofile=80" listens --netns red 127.0.0.1:80 --connect 127.0.0.1:9000 "$@"
	rm -f "$BATS_TEST_TMPDIR/in" "$BATS_TEST_TMPDIR/out"
	mkfifo "$BATS_TEST_TMPDIR/in"
	in_ns red python3 "$PEER" queue 127.0.0.1:80 100 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
	exec 8>"$BATS_TEST_TMPDIR/in"
	awaited "$BATS_TEST_TMPDIR/out" queued
}

@test "SIGTERM with few descriptors: who waits in the queue is served yet, who comes is not" {
	served 127.0.0.1:9000 echo
	queued
	kill "$listener"
	sleep 0.2 # whatever is done to the queue has been done
	! in_ns red timeout 0.3 python3 "$PEER" wait 127.0.0.1:80 || fail "no connection that comes later"
	exec 8>&-
	awaited "$BATS_TEST_TMPDIR/out" '100 answered'
	ends 0
	! grep 'cut off' "$said" || fail "nothing is cut off"
}

@test "what waits in the queue when the time is over, or at SIGINT, is counted" {
	served 127.0.0.1:9000 echo
	queued --drain 300ms
	kill "$listener"
	ends 0
	grep -q ' 100 connections were cut off' "$said" || fail "100 of them"
	exec 8>&-
	queued
	kill -INT "$listener"
	ends 0
	grep -q ' 100 connections were cut off' "$said" || fail "100 of them"
}

@test "a UNIX server whose queue is full is asked again" {
	ACCEPT_AFTER=$BATS_TEST_TMPDIR/now to "unix:$BATS_TEST_TMPDIR/sock" echo
	in_ns red python3 "$PEER" hold 127.0.0.1:80 20 </dev/null >"$BATS_TEST_TMPDIR/out" 3>&- &
	until [ "$(descriptors)" -ge $((base + 40)) ]; do sleep 0.02; done
	[ "$(ss -Hx dst "$BATS_TEST_TMPDIR/sock" | wc -l)" -lt 10 ] || fail "a queue that is full"
	touch "$BATS_TEST_TMPDIR/now"
	awaited "$BATS_TEST_TMPDIR/out" held
	wait $!
	rests_at $((base + 4))
}
