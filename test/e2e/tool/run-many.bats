# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic run, many at a time: started and killed at random they leave nothing, and no address is given twice.
#
#	RUN_MANY=200 RUN_MANY_SECONDS=60    how many at a time, for how long (40 for 10; the first two where nothing is sampled)

load run-net

MANY=${RUN_MANY:-$([ "${FAULT_EVERY:-1}" -eq 1 ] && echo 200 || echo 40)}
LAST=${RUN_MANY_SECONDS:-$([ "${FAULT_EVERY:-1}" -eq 1 ] && echo 60 || echo 10)}

# One after the other until it is time, each ended in another way, but by SIGINT, which a shell ignores for what it runs in
# the background, at first. There are some 20 a second, which is less than can be started: else none would get as far as
# its command. Each has a port of its own: that of one that was killed is free when its watcher has ended.
worker() {
	local pid signals=(TERM KILL USR1 HUP) until=$((SECONDS + LAST)) port
	RANDOM=$((SEED + $1))
	for ((port = 20000 + $1; SECONDS < until; port += MANY)); do
		cnic run --publish $port:80 -- \
			sh -c 'ip -4 -br addr show eth0; exec sleep 100' >>"$BATS_TEST_TMPDIR/$1" 2>>"$BATS_TEST_TMPDIR/says" &
		pid=$!
		sleep "$((RANDOM % (MANY / 10))).$((RANDOM % 10))"
		kill -"${signals[RANDOM % 4]}" $pid || true
		wait $pid || true
	done
}

@test "started and killed at random they leave nothing" {
	local i workers=()
	SEED=${RACE_SEED:-$(date +%s)}
	echo "RACE_SEED=$SEED"
	for ((i = 0; i < MANY; i++)); do
		worker $i 2>/dev/null 3>&- &
		workers+=($!)
	done
	wait "${workers[@]}"
	in_time 60 nothing_left || fail "nothing left, not: $(left)"
	ran=$(cat "$BATS_TEST_TMPDIR"/[0-9]* | grep -c eth0)
	echo "$ran commands have run" >&3
	[ "$ran" -ge $MANY ] || fail "more than $ran have run"
	! grep -v 'the other side has ended' "$BATS_TEST_TMPDIR/says" || fail "nothing else said by those that are killed"
}

@test "at the same time each has an address of its own" {
	local i pids=()
	mkfifo "$BATS_TEST_TMPDIR/end"
	for ((i = 0; i < MANY; i++)); do
		cnic run -- sh -c 'ip -4 -br addr show eth0; read -r x' <"$BATS_TEST_TMPDIR/end" >"$BATS_TEST_TMPDIR/$i" 3>&- &
		pids+=($!)
	done
	exec 9>"$BATS_TEST_TMPDIR/end"
	in_time 120 all_up
	[ "$(cat "$BATS_TEST_TMPDIR"/[0-9]* | awk '{ print $3 }' | sort -u | wc -l)" -eq "$MANY" ]
	exec 9>&-
	wait "${pids[@]}" || true
	expect_nothing_left
}

all_up() {
	[ "$(cat "$BATS_TEST_TMPDIR"/[0-9]* | wc -l)" -eq "$MANY" ]
}
