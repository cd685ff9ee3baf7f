# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154,SC2016
#
# The daemon of dhcp killed at random moments, while containers come, stay and go, and started again within five seconds.
# A server with a book of its own (dhcp_server.py) and a journal of the containers are compared at the end: of who has an
# address no lease has ended, none is refused, and what is seen in a container is what the server has given it.
#
#	DHCP_KILLS       how often (of each test; 6, 100 where nothing is sampled)
#	                 and for how many seconds, 30 at most, many things at once are asked for
#	DHCP_CONTAINERS  how many (12, 30); each third one comes and goes
#	FAULT_SEED       repeats the choices, though not the moments

load ../lib
load ../dhcp

if [ "${FAULT_EVERY:-1}" = 1 ]; then
	: "${DHCP_KILLS:=100}" "${DHCP_CONTAINERS:=30}"
	BATS_TEST_TIMEOUT=900
fi
: "${DHCP_KILLS:=6}" "${DHCP_CONTAINERS:=12}" "${FAULT_SEED:=$RANDOM}"

setup() {
	host_setup
	dhcp_network
	journal=$BATS_TEST_TMPDIR/journal
	: >"$journal"
	scripted '. + {address: "10.9.1.1", mask: "255.255.0.0", pool: 1000, leases: [range(10; 61)]} | del(.lease)'
	conf=$(lan)
	RANDOM=$((FAULT_SEED % 32768))
	echo "# FAULT_SEED=$FAULT_SEED" >&3
	for ((i = 0; i < DHCP_CONTAINERS; i++)); do netns "c$i"; done
}

teardown() {
	churn_end
	[ -z "${unit:-}" ] || {
		kill "$unit"
		end_unit
		wait "$unit" || true
	}
	dhcp_end
	dhcp6_end
	host_clean
}

# note WHAT ADDRESS [TIME] : of $CID, the current container.
note() {
	echo "{\"at\":${3:-$EPOCHREALTIME},\"client\":\"$CID/lan/eth0\",\"what\":\"$1\",\"address\":\"$2\"}" >>"$journal"
}

use() {
	NS=$1 CID=$1
}

# As a runtime does it: a DEL is tried until it is well.
leave() {
	local try
	note goes ''
	for try in {1..8}; do
		del bridge <<<"$conf"
		[ "$status" -ne 0 ] || return 0
		pause 1000
	done
	note broken "no DEL of $CID is well"
}

# An ADD that fails is followed by a DEL.
come() {
	add bridge <<<"$conf"
	if [ "$status" -eq 0 ]; then
		[[ $output =~ \"address\":\"([0-9.]*/16)\" ]]
		note has "${BASH_REMATCH[1]}"
	else
		leave
		return 1
	fi
}

# pause MILLISECONDS : until a moment that was chosen; nothing is waited for.
pause() {
	sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

# Two of them: the containers I, I + 6, ... go and come.
churn() {
	local i
	trap 'exit 0' TERM
	use "c$1"
	RANDOM=$((RANDOM + $1))
	for (( ; ; )); do
		for ((i = $1; i < DHCP_CONTAINERS; i += 6)); do
			use "c$i"
			come || true
			pause $((RANDOM % 500))
			[ $((RANDOM % 3)) -eq 0 ] || leave
		done
		for ((i = $1; i < DHCP_CONTAINERS; i += 6)); do
			use "c$i"
			leave
		done
	done >>"$BATS_TEST_TMPDIR/churn.$1" 2>&1
}

churn_end() {
	local pid
	for pid in ${workers:-}; do
		kill "$pid" 2>/dev/null || true
		wait "$pid" || true
	done
	workers=
}

# What each container has, noted where it has neither come nor gone meanwhile.
look() {
	local i before
	for ((i = 0; i < DHCP_CONTAINERS; i++)); do
		use "c$i"
		before=$(grep -c "\"$CID/" "$journal" || true)
		seen=$(ip -n "$NS" -4 -br addr show dev eth0 2>/dev/null | awk '{ print $3 }')
		at=$EPOCHREALTIME
		[ "$(grep -c "\"$CID/" "$journal" || true)" != "$before" ] || note seen "$seen" "$at"
	done
}

# What is wrong, a line each. The server's book and the journal in one order; who has an address keeps it, unless the machine
# was so slow that the daemon was away for more than five seconds meanwhile.
judge() {
	jq -rn '
		def address: split("/")[0];
		([inputs | select(.what)] | sort_by(.at)) as $events |
		[$events | map(select(.what | IN("killed", "started"))) | range(1; length) as $i | select(.[$i].what == "started") |
			{from: .[$i - 1].at, to: .[$i].at} | select(.to - .from > 5)] as $slow |
		def excused($since): .at as $at | any($slow[]; .from < $at and .to > $since);
		reduce $events[] as $e ({book: {}, has: {}, wrong: []};
			$e.client as $c | .has[$c] as $has | .book[$c] as $book |
			if $e.what == "ACK" then .book[$c] = $e
			elif $e.what | IN("RELEASE", "EXPIRED") then .book[$c] = null else . end |
			if $e.what == "goes" then .has[$c] = null
			elif $e.what == "has" then
				.has[$c] = ($e.address | address) |
				if ([.has[] | select(.)] | length) != ([.has[] | select(.)] | unique | length) then
					.wrong += ["two have it: \($e)"] else . end |
				if $book.address != ($e.address | address) or $book.end <= $e.at then
					.wrong += ["not in the book: \($e) \($book)"] else . end
			elif $has and ($book.address == $has) and ($e.what | IN("EXPIRED", "seen")) and ($book.end <= $e.at) and
				($e | excused($book.at)) then .has[$c] = null
			elif $e.what == "seen" and $has then
				if ($e.address | address) != $has then .wrong += ["it had \($has): \($e)"]
				elif $book.address != $has or $book.end <= $e.at then
					.wrong += ["has ended in the book: \($e) \($book)"] else . end
			elif $e.what == "broken" then .wrong += ["\($e)"]
			elif ($e.what | IN("RELEASE", "EXPIRED", "NAK")) and $has then
				.wrong += ["the lease of one that has it: \($e)"] else . end) |
		.wrong[]' "$dhcp_log" "$journal"
}

# kills BEGIN END : each round END kills the daemon, and BEGIN starts it again.
kills() {
	local round i
	"$1"
	for ((i = 0; i < DHCP_CONTAINERS; i++)); do
		use "c$i"
		[ $((i % 3)) -eq 2 ] || come
	done
	for i in 2 5; do
		churn $i 3>&- &
		workers="${workers:-} $!"
	done
	for ((round = 0; round < DHCP_KILLS; round++)); do
		pause $((500 + RANDOM % 1500)) # a lease of 10 s outlives no two restarts without a life between them
		CID=daemon note killed ''
		"$2"
		pause $((RANDOM % 70 * (RANDOM % 70))) # below five seconds, most of them far
		"$1"
		CID=daemon note started ''
		[ $((round % 5)) -ne 0 ] || look
	done
	churn_end
	pause 1000
	look
}

# Everything goes, and nothing is left of it.
all_leave() {
	local i
	for ((i = 0; i < DHCP_CONTAINERS; i++)); do
		use "c$i"
		leave
	done
	[ -z "$(ls -A /var/lib/cni/dhcp)" ] || fail "no lease left: $(ls /var/lib/cni/dhcp)"
}

# Of the first that is wrong, what was before.
history() {
	jq -s --arg wrong "$(head -n 1 "$BATS_TEST_TMPDIR/wrong")" -c '($wrong | sub("^[^{]*"; "") | fromjson) as $w | sort_by(.at) | .[] |
		select(.at > $w.at - 20 and .at < $w.at + 1 and (.client | IN($w.client, "daemon/lan/eth0")))' "$dhcp_log" "$journal"
}

well() {
	judge >"$BATS_TEST_TMPDIR/wrong"
	echo "# $(jq -sr 'map(select(.what)) | group_by(.what) | map("\(.[0].what) \(length)") | join(", ")' "$dhcp_log" "$journal")" >&3
	[ ! -s "$BATS_TEST_TMPDIR/wrong" ] || fail "no lease lost: $(head -n 20 "$BATS_TEST_TMPDIR/wrong" && history)"
}

# ---- how it is killed and started ------------------------------------------------------------

begin() {
	dhcp_daemon -timeout 500ms
}

end() {
	daemon_end -KILL 2>/dev/null
}

@test "the daemon is killed and started again" {
	kills begin end
	all_leave
	well
}

# ---- the same by a socket unit, which starts it when somebody asks, and within three seconds --

begin_unit() {
	[ -z "${unit:-}" ] || return 0
	unit_pid=$BATS_TEST_TMPDIR/unit.pid
	python3 "$ROOT/test/e2e/socket_unit.py" /run/cni/dhcp.sock "$unit_pid" 3 "$CNIC_BIN/cnic" dhcp -timeout 500ms \
		3>&- 2>>"$BATS_TEST_TMPDIR/unit.log" &
	unit=$!
	listened_at /run/cni/dhcp.sock
}

end_unit() {
	! [ -s "$unit_pid" ] || kill -KILL "$(<"$unit_pid")" || true
}

@test "the daemon is killed, and started by its socket" {
	kills begin_unit end_unit
	all_leave
	well
	! grep -iE 'sanitizer|runtime error' "$BATS_TEST_TMPDIR/unit.log" || fail "no finding"
}

# ---- many at once, by the daemon's own protocol ----------------------------------------------

@test "ADDs hung up on, DELs, GCs, interfaces that go, and kills, all at once" {
	dhcp6_network
	scripted '. + {address: "10.9.1.10", mask: "255.255.0.0", pool: 12, leases: [range(2; 9)]} | del(.lease)'
	scripted6 '.preferred = 4 | .valid = 6 | .t1 = 1 | .t2 = 3 | .each = true'
	daemon_log=$BATS_TEST_TMPDIR/daemon.log
	# an ADD is answered, be it by a refusal, and all can be given back, whatever has been
	python3 "$ROOT/test/e2e/dhcp_storm.py" "$FAULT_SEED" $((DHCP_KILLS < 30 ? DHCP_KILLS : 30)) 18 50 "$CNIC_BIN/cnic" dhcp -timeout 300ms \
		3>&- 2>"$daemon_log" >"$BATS_TEST_TMPDIR/storm" || fail "all is well: $(<"$BATS_TEST_TMPDIR/storm")"
	! grep -iE 'sanitizer|runtime error' "$daemon_log" || fail "no finding"
	echo "# $(<"$BATS_TEST_TMPDIR/storm")" >&3
}
