# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# 64 processes at a time, each with a container of its own that it adds, checks and deletes at random: what is to
# succeed does, and when all are deleted nothing is left.
#
# For files that have loaded lib.bash, fault.bash, faults.bash and rows.bash.

WORKERS=64 TURNS=6

# The N-th container's configuration.
conf_of() {
	local n=$1 c=$conf
	c=${c//10.1.0.2\//10.1.0.$n/} c=${c//fd00::2\//fd00::$n/}
	c=${c//8080/$((10000 + n))} c=${c//8081/$((20000 + n))}
	c=${c//dev1/dev$n} c=${c//\"vlanId\":100/\"vlanId\":$n} c=${c//netns\/box/netns/b$n}
	c=${c//02:aa:00:00:00:01/$(printf '02:aa:00:00:01:%02x' "$n")}
	echo "${c//02:bb:00:00:00:01/$(printf '02:bb:00:00:01:%02x' "$n")}"
}

call() { # VERB N CONF
	CNI_COMMAND=$1 CNI_CONTAINERID=c$2 CNI_NETNS=/run/netns/b$2 CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"$PLUGINS/$plugin" <<<"$3" 2>&1
}

worker() { # N
	local n=$1 turn out with='' there='' own
	own=$(conf_of "$n")
	RANDOM=$((FAULT_SEED % 32768 + n))
	for ((turn = 0; turn < TURNS; turn++)); do
		case $((RANDOM % 3))$there in
		0) out=$(call ADD "$n" "$own") || { echo "c$n ADD: $out" && return 1; }
			there=+ with=${own%\}}',"prevResult":'${out##*$'\n'}'}' # behind words on stderr
			[[ $own != *'"prevResult"'* ]] || with=$own ;;
		[12]+) out=$(call CHECK "$n" "$with") || { echo "c$n CHECK: $out" && return 1; } ;;
		*) out=$(call DEL "$n" "$own") || { echo "c$n DEL: $out" && return 1; }
			there='' ;;
		esac
	done
	out=$(call DEL "$n" "$own") || { echo "c$n last DEL: $out" && return 1; }
}

# The containers, with an interface where it is another plugin's.
boxes() {
	local n
	for ((n = 2; n < WORKERS + 2; n++)); do
		ip netns add "b$n"
		! is_chained || interface "$n"
		[ "$plugin" != host-device ] || ip link add "dev$n" up type veth peer name "wire$n"
	done
}

interface() { # N
	ip link add "v$1" type veth peer name eth0 netns "b$1"
	ip link set "v$1" up
	ip -n "b$1" addr add "10.1.0.$1/16" dev eth0
	ip -n "b$1" addr add "fd00::$1/64" dev eth0 nodad
	ip -n "b$1" link set eth0 up
	ip -n "b$1" route add default via 10.1.0.1
}

# Of the host; what stays of a first attachment is made before.
left() {
	ip -j link | jq -r '.[] | "\(.ifname) \(.master // "")"' | sort
	tc qdisc show | grep -v noqueue | sed 's/ refcnt.*//' | sort
	stored "/$LAST"
	more_state | sort
	[ "$plugin" != sbr ] || ip -all netns exec ip rule | grep -E 'from|netns'
}

crowd() {
	local n before pids=()
	row "$1"
	[ "$plugin" != host-device ] || ip link del dev1
	[ "$plugin" != host-device ] || ip link del dev0
	boxes
	call ADD 2 "$(conf_of 2)" >/dev/null
	call DEL 2 "$(conf_of 2)"
	before=$(left)
	set +T
	for ((n = 2; n < WORKERS + 2; n++)); do
		worker "$n" >"$BATS_TEST_TMPDIR/$n" &
		pids+=($!)
	done
	for n in "${pids[@]}"; do
		tally crowd 1 0
		wait "$n" || fail "all well: $(cat "$BATS_TEST_TMPDIR"/[0-9]*)"
		tally crowd 0 1
	done
	expect_same "state" "$before" "$(left)"
}
