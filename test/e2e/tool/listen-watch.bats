# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154,SC2016
#
# cnic listen --connect with namespaces that come and go: of a directory, and of a network's attachments.

load ../lib
load ../listen

setup() {
	listen_setup
	mkdir -p /run/netns
	served 127.0.0.1:9000 proxy
}

teardown() {
	listen_teardown
}

watches() {
	listens "$@" --connect 127.0.0.1:9000 --proxy-protocol
}

# tenant NAME : the last connection's namespace by its header.
tenant() {
	json_is "$(tail -n 1 "$log")" .tlv30 "$1"
}

# How many sockets the forwarder has.
sockets_in() {
	find "/proc/$listener/fd" -lname 'socket:*' | wc -l
}

sockets_are() {
	[ "$(sockets_in)" -eq "$1" ]
}

# has_sockets N : soon: what it says of a namespace comes before it closes the sockets there.
has_sockets() {
	soon sockets_are "$1" || fail "$1 sockets, not $(sockets_in)"
}

@test "a directory: namespaces come, go, and come again" {
	local n
	netns old
	watches --watch /run/netns 127.0.0.1:80 127.0.0.1:81
	expect_same "what it says" "cnic: listen: 2 sockets in 1 namespaces" "$(cat "$said")"
	peer old ask 127.0.0.1:80 100
	ended 1
	tenant old
	for n in 1 2; do
		netns red
		awaited "$said" "red has come"
		peer red ask 127.0.0.1:81 100
		ended $((1 + n))
		tenant red
		ip netns del red
		awaited "$said" "red has gone"
		: >"$said"
	done
	has_sockets 2 # of one namespace
}

@test "a directory: what is no namespace yet may become one" {
	watches --watch /run/netns 127.0.0.1:80
	base=$(descriptors)
	touch /run/netns/later /run/netns/never
	netns red
	awaited "$said" "red has come"
	unshare --net mount --bind /proc/self/ns/net /run/netns/later
	awaited "$said" "later has come"
	umount /run/netns/later
	rm /run/netns/later /run/netns/never
	awaited "$said" "later has gone"
	[ "$(grep -vc -e sockets -e 'has come' -e 'later has gone' "$said")" -eq 0 ] || fail "nothing else is said"
}

# answered NAME : in that namespace, within 30 s.
answered() {
	soon in_ns "$1" timeout 5 python3 "$PEER" ask 127.0.0.1:80 100 2>/dev/null || fail "an answer in $1"
}

@test "a directory: whoever does not read what is said holds nothing up" {
	mkfifo "$BATS_TEST_TMPDIR/full"
	exec 7<>"$BATS_TEST_TMPDIR/full"
	head -c 65536 /dev/zero >&7
	netns red
	"$CNIC_BIN/cnic" listen --watch /run/netns 127.0.0.1:80 --connect 127.0.0.1:9000 --proxy-protocol 2>&7 3>&- &
	listener=$!
	answered red
	netns blue
	answered blue
	kill -TERM "$listener"
	ends 0
	exec 7>&-
}

@test "a directory: whose namespace goes is reset, and it is gone" {
	netns red
	watches --watch /run/netns 127.0.0.1:80
	in_ns red python3 "$PEER" wait 127.0.0.1:80 >"$BATS_TEST_TMPDIR/out" 3>&- &
	awaited "$BATS_TEST_TMPDIR/out" through
	ip link add h0 type veth peer name eth0 netns red
	ip netns del red
	awaited "$BATS_TEST_TMPDIR/out" reset
	wait $!
	until [ ! -e /sys/class/net/h0 ]; do sleep 0.02; done
	has_sockets 0
}

@test "a directory: 200 that come and go at once" {
	local i
	watches --watch /run/netns 127.0.0.1:80
	base=$(descriptors)
	for ((i = 0; i < 200; i++)); do
		ip netns add "n$i"
		[ $i -lt 100 ] || ip netns del "n$((i - 100))"
	done
	has_sockets 100
	ip -n n150 link set lo up
	peer n150 ask 127.0.0.1:80 1
	ip -all netns del
	rests_at "$((base + 4))"
}

@test "a directory that is none" {
	run "$CNIC_BIN/cnic" listen --watch "$BATS_TEST_TMPDIR/none" 127.0.0.1:80 --connect 127.0.0.1:9000
	[ "$status" -eq 1 ] && [[ $output == *"watch $BATS_TEST_TMPDIR/none: No such file"* ]] || fail "$output"
}

@test "a network: its attachments come and go" {
	local conf='{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	netns red
	CID=id-red add ptp <<<"$conf"
	expect_ok
	watches --all-of tenants 0.0.0.0:80
	peer red ask 127.0.0.1:80 1
	ended 1
	tenant id-red
	netns blue
	CID=id-blue add ptp <<<"$conf"
	expect_ok
	awaited "$said" "id-blue has come"
	peer blue ask 127.0.0.1:80 1
	ended 2
	tenant id-blue
	NS=red CID=id-red del ptp <<<"$conf"
	expect_ok
	awaited "$said" "id-red has gone"
	! grep -q "id-blue has gone" "$said" || fail "blue stays"
	has_sockets 1
}

@test "a network that nothing is attached to yet" {
	local conf='{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	watches --all-of tenants 0.0.0.0:80
	netns other
	add ptp <<<"$(sed "s/tenants/others/; s/10.8/10.9/" <<<"$conf")"
	netns red
	CID=id-red add ptp <<<"$conf"
	awaited "$said" "id-red has come"
	peer red ask 127.0.0.1:80 1
	[ "$(grep -c 'has come' "$said")" -eq 1 ] || fail "nobody else has"
}

@test "a network: a container that has two namespaces does not change between them" {
	local name conf='{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	for name in red blue; do
		netns $name
		CID=id NS=$name add ptp eth-$name <<<"$conf"
		expect_ok
	done
	watches --all-of tenants 0.0.0.0:80
	expect_same "what it says" "cnic: listen: 1 sockets in 1 namespaces" "$(cat "$said")"
	netns other
	CID=id-other add ptp <<<"$conf"
	awaited "$said" "id-other has come"
	! grep -q "id has" "$said" || fail "it stays: $(cat "$said")"
}

is_asleep() {
	[ "$(state)" = S ]
}

# asleep : the forwarder waits for an event, or soon.
asleep() {
	soon is_asleep || fail "it waits for an event"
}

@test "a network: SIGTERM at a change: it waits for its connections, and looks at nothing any more" {
	local first
	netns red
	CID=id-red add ptp <<<'{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
	expect_ok
	mkfifo "$BATS_TEST_TMPDIR/in"
	for first in change signal; do
		: >"$BATS_TEST_TMPDIR/out"
		watches --all-of tenants 127.0.0.1:80
		in_ns red python3 "$PEER" hold 127.0.0.1:80 1 <"$BATS_TEST_TMPDIR/in" >"$BATS_TEST_TMPDIR/out" 3>&- &
		exec 8>"$BATS_TEST_TMPDIR/in"
		awaited "$BATS_TEST_TMPDIR/out" held
		kill -STOP "$listener" # both come at once
		[ $first = signal ] || touch /var/lib/cni/cnic/$first
		kill "$listener"
		[ $first = change ] || touch /var/lib/cni/cnic/$first
		kill -CONT "$listener"
		until [ -z "$(in_ns red ss -Hlnt)" ]; do sleep 0.02; done
		sleep 0.3 # more than a change is left for others
		asleep
		exec 8>&-
		awaited "$BATS_TEST_TMPDIR/out" well
		ends 0
	done
}
