# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic run --egress: what is named gets an answer from beyond; all else is refused at once, whatever happens to the
# host's rules.

load run-net

setup() {
	host_setup
	PATH=$CNIC_BIN:$PATH
	ASK=$TEST_DIR/tool/ask.py
	beyond
}

# Asks from a command's namespace: a line for each question, with how it ends.
ask_all() {
	local address questions=()
	for address in 198.51.100.{1,2,3} fd98::{1,2,3} 192.0.2.2 10.219.0.1; do
		questions+=(tcp $address 80 tcp $address 81 udp $address 53 udp $address 54 icmp $address 0)
	done
	paste -d ' ' <(printf '%s %s %s\n' "${questions[@]}") <(python3 "$ASK" "${questions[@]}")
}

# Of a refused datagram the errno is EPERM, or the ICMP error's.
judged() {
	sed -E 's/ (ECONNREFUSED|EPERM|EACCES|EHOSTUNREACH)$/ refused/; s/ (192.0.2.1|fd02::1|echo)$/ answered/'
}

ALLOWED=(--egress 198.51.100.1,198.51.100.2:80 --egress '198.51.100.2:53' --egress 'fd98::1/128,[fd98::2]:80,[fd98::2]:53')
expected() {
	cat <<-'END'
		tcp 198.51.100.1 80 answered
		tcp 198.51.100.1 81 answered
		udp 198.51.100.1 53 answered
		udp 198.51.100.1 54 answered
		icmp 198.51.100.1 0 answered
		tcp 198.51.100.2 80 answered
		tcp 198.51.100.2 81 refused
		udp 198.51.100.2 53 answered
		udp 198.51.100.2 54 refused
		icmp 198.51.100.2 0 refused
		tcp 198.51.100.3 80 refused
		tcp 198.51.100.3 81 refused
		udp 198.51.100.3 53 refused
		udp 198.51.100.3 54 refused
		icmp 198.51.100.3 0 refused
		tcp fd98::1 80 answered
		tcp fd98::1 81 answered
		udp fd98::1 53 answered
		udp fd98::1 54 answered
		icmp fd98::1 0 answered
		tcp fd98::2 80 answered
		tcp fd98::2 81 refused
		udp fd98::2 53 answered
		udp fd98::2 54 refused
		icmp fd98::2 0 refused
		tcp fd98::3 80 refused
		tcp fd98::3 81 refused
		udp fd98::3 53 refused
		udp fd98::3 54 refused
		icmp fd98::3 0 refused
		tcp 192.0.2.2 80 refused
		tcp 192.0.2.2 81 refused
		udp 192.0.2.2 53 refused
		udp 192.0.2.2 54 refused
		icmp 192.0.2.2 0 refused
		tcp 10.219.0.1 80 refused
		tcp 10.219.0.1 81 refused
		udp 10.219.0.1 53 refused
		udp 10.219.0.1 54 refused
		icmp 10.219.0.1 0 refused
	END
}

# A command that asks whenever a line on its stdin says how long an answer may take.
start_asking() {
	export -f ask_all
	export ASK
	mkfifo "$BATS_TEST_TMPDIR/tell"
	out=$BATS_TEST_TMPDIR/out
	cnic run "${ALLOWED[@]}" -- bash -c 'while read -r ASK_TIMEOUT; do export ASK_TIMEOUT; ask_all; echo asked; done' \
		<"$BATS_TEST_TMPDIR/tell" >>"$out" 2>"$BATS_TEST_TMPDIR/log" 3>&- &
	pid=$!
	exec 9>"$BATS_TEST_TMPDIR/tell"
}

# ask SECONDS : prints what comes of it; refused at once is much sooner than all these questions take to time out.
ask() {
	local before=$SECONDS
	: >"$out"
	echo "$1" >&9
	in_time 100 grep -q asked "$out"
	[ $((SECONDS - before)) -lt 60 ] || fail "refused at once, not after $((SECONDS - before)) s"
	grep -v asked "$out" | judged
}

@test "what is allowed answers, all else is refused at once: before and after nft flush ruleset and cnic repair" {
	start_asking
	expect_same before "$(expected)" "$(ask 10)"
	nft flush ruleset
	expect_same "refusals after the flush" "$(expected | grep refused)" "$(ask 1 | grep refused)"
	run -0 cnic repair
	expect_same "after repair" "$(expected)" "$(ask 10)"
	exec 9>&-
	wait "$pid"
	expect_nothing_left
}

@test "each destination that is refused is told of once" {
	run -0 --separate-stderr cnic run --egress 198.51.100.1 -- bash -c "for i in 1 2 3; do python3 $ASK tcp 198.51.100.2 80 \
		tcp 198.51.100.2 81 udp fd98::2 53 tcp 198.51.100.1 80 icmp 198.51.100.3 0; done"
	expect_same told "$(sort <<<"$stderr")" "$(sort <<<'cnic: refused by --egress: tcp 198.51.100.2:80
cnic: refused by --egress: tcp 198.51.100.2:81
cnic: refused by --egress: udp [fd98::2]:53
cnic: refused by --egress: icmp 198.51.100.3')"
}

@test "whoever does not read what is told does not keep the command from its signals" {
	local full=$BATS_TEST_TMPDIR/full out=$BATS_TEST_TMPDIR/out
	mkfifo "$full"
	exec 7<>"$full"
	head -c 65536 /dev/zero >&7
	cnic run --egress 198.51.100.1 -- bash -c "trap 'echo told; exit 3' TERM; python3 $ASK tcp 198.51.100.2 80
		while :; do sleep 0.02; done" >"$out" 2>"$full" 3>&- 7>&- &
	pid=$!
	in_time 20 grep -q ECONNREFUSED "$out"
	kill -TERM "$pid"
	soon has_ended "$pid" || kill -KILL "$pid"
	exec 7>&-
	status=0
	wait "$pid" || status=$?
	[ "$status" -eq 3 ] || fail "exit 3, not $status"
	[[ $(<"$out") == *told ]] || fail "the command has had the signal"
}

has_ended() {
	[[ $(awk '{ print $3 }' "/proc/$1/stat" 2>/dev/null) != [^Z] ]]
}

@test "an empty list lets nothing out; its own loopback and published ports answer" {
	run_in_background --egress '' --publish 8080:80 -- python3 "$TEST_DIR/tool/echo_peer.py"
	in_time 20 grep -q ready "$out"
	[ "$(in_ns beyond python3 "$ASK" tcp 192.0.2.1 8080)" = 192.0.2.2 ]
	local inside=$BATS_TEST_TMPDIR/inside
	run -0 cnic run --egress '' -- bash -c "python3 $TEST_DIR/tool/echo_peer.py >$inside & until grep -q ready $inside
		do :; done; python3 $ASK tcp 127.0.0.1 80 tcp ::1 80 tcp 198.51.100.1 80"
	[[ $output == *$'127.0.0.1\n::1\n'* ]]
	[[ $output == *ECONNREFUSED* ]]
}

@test "the command cannot change it" {
	run -0 cnic run --egress 198.51.100.1 -- bash -c "nft flush ruleset; nft delete table inet cnic_egress
		unshare -Urn true; unshare -Ur nft flush ruleset; python3 $ASK tcp 198.51.100.2 80"
	[[ $output == *ECONNREFUSED* ]]
}

@test "a thousand entries are one lookup's, and those that others cover are no error" {
	local list
	list=$(printf '198.18.%d.0/24,' {0..255})$(printf '198.18.%d.1:80,' {0..255})$(printf '[fd%02x::1]:443,' {0..255})198.18.0.0/15,198.51.100.1
	run -0 cnic run --egress "$list" -- python3 "$ASK" tcp 198.51.100.1 80
	[ "$output" = 192.0.2.1 ]
}

@test "twenty thousand entries are no matter of seconds, and what is next to them is refused" {
	local lists=() i j
	for ((i = 0; i < 200; i++)); do
		lists+=(--egress "$(for ((j = 0; j < 100; j++)); do printf '%s11.%d.%d.%d/32' "${j:+,}" "$i" "$j" $((i % 7)); done | sed 's/^,//')")
	done
	run -0 --separate-stderr timeout 10 cnic run "${lists[@]}" --egress 198.51.100.2,198.51.100.1,198.51.100.0/31,198.51.100.2:80 -- \
		python3 "$ASK" tcp 198.51.100.1 80 tcp 198.51.100.2 81 tcp 198.51.100.3 80
	expect_same answers "$output" $'192.0.2.1\n192.0.2.1\nECONNREFUSED'
}
