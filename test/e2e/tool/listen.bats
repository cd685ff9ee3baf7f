# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2154,SC2016
#
# cnic listen -- COMMAND: sockets of several namespaces for one command, by the protocol of socket activation.

load ../lib
load ../listen

setup() {
	listen_setup
	for name in red blue; do
		netns $name
		no_dad_wait $name
	done
}

teardown() {
	listen_teardown
}

cnic_listen() {
	run "$CNIC_BIN/cnic" listen "$@"
	echo "$output"
}

# tells LINE WORD... : the command's output is that line.
tells() {
	cnic_listen "${@:2}"
	[ "$status" -eq 0 ] || fail "success"
	expect_same output "$1" "$output"
}

# refuses TEXT WORD... : exit 1, and one line on stderr with the text.
refuses() {
	run "$CNIC_BIN/cnic" listen "${@:2}"
	[ "$status" -eq 1 ] || fail "exit 1, not $status: $output"
	[[ ${#lines[@]} -eq 1 && $output == "cnic: listen: "*"$1"* ]] || fail "'$1', not $output"
}

sockets_of() {
	in_ns "$1" ss -Hlntu | awk '{ print $1, $5 }' | LC_ALL=C sort | paste -sd ' '
}

activated() {
	"$CNIC_BIN/cnic" listen "$@" -- python3 "$PEER" activated >"$said" 2>&1 3>&- &
	listener=$!
	awaited "$said" ready
}

@test "one process answers in two namespaces, TCP and UDP, IPv4 and IPv6" {
	activated --netns red --netns blue 127.0.0.1:80 '[::1]:80' 127.0.0.1:53/udp '[::1]:53/udp' '*:81'
	for name in red blue; do
		for at in 127.0.0.1:80 '[::1]:80' 127.0.0.1:81 '[::1]:81'; do
			expect_same "$name $at" "$name tcp" "$(peer $name tcp "$at")"
		done
		for at in 127.0.0.1:53 '[::1]:53'; do
			expect_same "$name $at" "$name udp" "$(peer $name udp "$at")"
		done
		expect_same "sockets in $name" "tcp *:81 tcp 127.0.0.1:80 tcp [::1]:80 udp 127.0.0.1:53 udp [::1]:53" "$(sockets_of $name)"
	done
	expect_same "sockets at home" "" "$(ss -Hlntu)"
	expect_same "the command's namespace" "$(readlink /proc/self/ns/net)" "$(readlink "/proc/$listener/ns/net")"
}

@test "the command has the sockets in order, and nothing else" {
	exec 7</dev/null
	tells "red:red:blue:blue:own:own" \
		--netns red --netns blue=/run/netns/blue --netns own=/proc/self/ns/net 127.0.0.1:80 127.0.0.1:81 -- sh -c '
			[ "$LISTEN_PID" = $$ ] && [ "$LISTEN_FDS" = 6 ] || exit 1
			for fd in 3 4 5 6 7 8; do [ -S /proc/$$/fd/$fd ] || exit 1; done
			for fd in 9 10 11 12 13 14 15; do [ ! -e /proc/$$/fd/$fd ] || exit 1; done
			echo $LISTEN_FDNAMES'
}

@test "what a manager of our own has said of sockets is not the command's" {
	export LISTEN_PID=1 LISTEN_PIDFDID=1 LISTEN_FDS=7 LISTEN_FDNAMES=other
	tells "1 host " 127.0.0.1:80 -- sh -c 'echo "$LISTEN_FDS $LISTEN_FDNAMES $LISTEN_PIDFDID"'
}

@test "a pattern of the shell's names the namespaces" {
	tells "blue:red" --netns /run/netns/* 127.0.0.1:80 -- sh -c 'echo $LISTEN_FDNAMES'
	tells "blue:red" --netns /run/netns/blue /run/netns/red 127.0.0.1:80 -- sh -c 'echo $LISTEN_FDNAMES'
}

@test "without a namespace it is the host's" {
	tells "host LISTEN 0 7 127.0.0.1:80 0.0.0.0:*" --backlog 7 127.0.0.1:80 -- sh -c 'echo $LISTEN_FDNAMES $(ss -Hlnt)'
}

@test "an address may come later" {
	activated --netns red 10.7.0.1:80
	ip -n red addr add 10.7.0.1/24 dev lo
	expect_same answer "red tcp" "$(peer red tcp 10.7.0.1:80)"
}

@test "all attachments of a network" {
	local n
	for n in red blue; do
		CID=id-$n NS=$n add ptp <<<'{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'
		expect_ok
	done
	netns other
	add ptp <<<'{"cniVersion":"1.0.0","name":"others","type":"ptp","ipam":{"type":"host-local","subnet":"10.9.0.0/24"}}'
	expect_ok
	tells "id-blue:id-red" --all-of tenants 0.0.0.0:80 -- sh -c 'echo $LISTEN_FDNAMES'
	refuses "no namespace" --all-of nobodys 0.0.0.0:80 -- true
}

TENANTS='{"cniVersion":"1.0.0","name":"tenants","type":"ptp","ipam":{"type":"host-local","subnet":"10.8.0.0/24"}}'

# attach ID NETNS : to the network tenants, by one of our plugins.
attach() {
	CID=$1 NS=$2 add ptp <<<"$TENANTS"
	expect_ok
}

# cached ID NETNS : what libcni keeps of an attachment.
cached() {
	mkdir -p /var/lib/cni/results
	cat >"/var/lib/cni/results/tenants-$1-eth0" <<-END
		{"kind":"cniCacheV1","containerId":"$1","config":"e30=","ifName":"eth0","networkName":"tenants","netns":"$(ns_path "$2")"}
	END
}

# now_at NETNS PATH : the namespace at the path is the one of NETNS from here on.
now_at() {
	umount "$(ns_path "$1")"
	mount --bind "$2" "$(ns_path "$1")"
}

NAMES='echo $LISTEN_FDNAMES'

@test "all attachments of a network: not what is in the place of a namespace that has gone" {
	attach id-red red
	attach id-blue blue
	cached id-red red
	tells "id-blue:id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
	now_at red /proc/self/ns/net
	tells "id-blue" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
	netns other
	now_at red "$(ns_path other)"
	tells "id-blue" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
	CID=id-red NS=red del ptp <<<"$TENANTS"
	attach id-red red
	tells "id-blue:id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
}

@test "all attachments of a network: those of this boot, whatever inode is used again" {
	local entry
	attach id-red red
	entry=$(echo /var/lib/cni/cnic/*)
	CID=id-red NS=red add firewall <<<"$(jq '.type = "firewall" | .prevResult = {"cniVersion":"1.0.0"}' <<<"$TENANTS")"
	expect_ok
	tells "id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
	cp "$entry" "$BATS_TEST_TMPDIR/entry"
	sed -i 's/"netnsCookie":/&1/' "$entry" # the firewall's has none
	refuses "no namespace" --all-of tenants 0.0.0.0:80 -- true
	cp "$BATS_TEST_TMPDIR/entry" "$entry"
	sed -i 's/"boot":"/&1/' /var/lib/cni/cnic/*
	refuses "no namespace" --all-of tenants 0.0.0.0:80 -- true
}

@test "all attachments of a network: those of others' plugins where they are, but not the host's namespace" {
	cached id-red red
	cached id-blue blue
	now_at blue /proc/self/ns/net
	tells "id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
}

@test "all attachments of a network: a namespace once, and a container once" {
	attach id-red red
	cached id-more red
	cached id-red blue
	tells "id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
	rm /var/lib/cni/cnic/*
	tells "id-more:id-red" --all-of tenants 0.0.0.0:80 -- sh -c "$NAMES"
}

@test "names that cannot be told" {
	touch "$BATS_TEST_TMPDIR/a:b"
	mount --bind /run/netns/red "$BATS_TEST_TMPDIR/a:b"
	refuses "a:b: no name for LISTEN_FDNAMES" --netns "$BATS_TEST_TMPDIR/a:b" 127.0.0.1:80 -- true
	refuses "no name for LISTEN_FDNAMES" --netns $'x\ny=/run/netns/red' 127.0.0.1:80 -- true
	tells "fine" --netns "fine=$BATS_TEST_TMPDIR/a:b" 127.0.0.1:80 -- sh -c 'echo $LISTEN_FDNAMES'
	umount "$BATS_TEST_TMPDIR/a:b"
}

@test "names that are too long together are left out, and that is said" {
	local long at=() i
	long=$(printf 'n%.0s' {1..250})
	for ((i = 1; i <= 500; i++)); do
		at+=("127.0.0.1:$i")
	done
	cnic_listen --netns "$long=/run/netns/red" "${at[@]}" -- sh -c 'echo $LISTEN_FDS ${LISTEN_FDNAMES-none}'
	[ "${lines[0]}" = "cnic: listen: 125500 bytes of names are more than 122880: no LISTEN_FDNAMES" ] || fail "it says so"
	[ "${lines[1]}" = "500 none" ] || fail "the command runs"
	cnic_listen --netns "$long=/run/netns/red" "${at[@]:0:480}" -- sh -c 'echo $LISTEN_FDS ${#LISTEN_FDNAMES}'
	[ "${lines[0]}" = "480 120479" ] || fail "120 KB are told"
}

@test "the limit of descriptors is the command's own, unless it is too low" {
	ulimit -S -n 100
	tells 100 --netns red 127.0.0.1:80 -- sh -c 'ulimit -S -n'
	mapfile -t at < <(printf '127.0.0.1:%d\n' {1..90})
	tells "$(ulimit -H -n)" --netns red "${at[@]}" -- sh -c 'ulimit -S -n'
}

@test "nearly as many sockets as there may be descriptors" {
	mapfile -t at < <(printf '127.0.0.1:%d\n' {1..80})
	ulimit -S -n 100
	tells "80 100" --netns red "${at[@]}" -- sh -c 'echo $LISTEN_FDS $(ulimit -S -n)'
	ulimit -H -n 100
	tells "80 100" --netns red "${at[@]}" -- sh -c 'echo $LISTEN_FDS $(ulimit -S -n)'
}

@test "signals that it ignores are the command's again" {
	tells 0000000000000000 127.0.0.1:80 -- sh -c "awk '/SigIgn/ { print \$2 }' /proc/self/status"
}

@test "--help is its synopsis" {
	run "$CNIC_BIN/cnic" listen --help
	[ "$status" -eq 0 ]
	[[ $output == "usage: cnic listen [--netns "*--connect* ]]
}

@test "what makes no sense is refused with words" {
	touch "$BATS_TEST_TMPDIR/file"
	refuses "no address" -- true
	refuses "no address" --netns red -- true
	refuses "127.0.0.1: expected ADDRESS:PORT" 127.0.0.1 -- true
	refuses "127.0.0.1:0: expected" 127.0.0.1:0 -- true
	refuses "127.0.0.1:65536: expected" 127.0.0.1:65536 -- true
	refuses "127.0.0.1:+80: expected" 127.0.0.1:+80 -- true
	refuses "127.0.0.1:80/sctp: expected" 127.0.0.1:80/sctp -- true
	refuses "::1:80: expected" ::1:80 -- true
	refuses "[127.0.0.1]:80: expected" '[127.0.0.1]:80' -- true
	refuses "[::1]80: expected" '[::1]80' -- true
	refuses "localhost:80: expected" localhost:80 -- true
	refuses "unix:/x: expected" unix:/x -- true
	refuses "--frob: no such option" --frob 127.0.0.1:80 -- true
	refuses "--netns: no value" 127.0.0.1:80 --netns
	refuses "--netns =/x: expected" --netns =/x 127.0.0.1:80 -- true
	refuses "--backlog 0: expected" --backlog 0 127.0.0.1:80 -- true
	refuses "--backlog x: expected" --backlog x 127.0.0.1:80 -- true
	refuses "one of --netns, --all-of and --watch" --netns red --all-of net 127.0.0.1:80 -- true
	refuses "either --connect or --" 127.0.0.1:80
	refuses "either --connect or --" 127.0.0.1:80 --connect 127.0.0.1:81 -- true
	refuses "no command" 127.0.0.1:80 --
	refuses "--watch: only with --connect" --watch /run/netns 127.0.0.1:80 -- true
	refuses "--idle: only with --connect" --idle 5s 127.0.0.1:80 -- true
	refuses "--idle never: expected a time" --idle never 127.0.0.1:80 --connect 127.0.0.1:81
	refuses "--drain 597h: expected a time up to 596h" --drain 597h 127.0.0.1:80 --connect 127.0.0.1:81
	refuses "no UDP" 127.0.0.1:80/udp --connect 127.0.0.1:81
	refuses "--connect: *:81: expected" 127.0.0.1:80 --connect '*:81'
	refuses "no namespace before the @" 127.0.0.1:80 --connect @127.0.0.1:81
	refuses "a path has 1 to 107 bytes" 127.0.0.1:80 --connect "unix:/$(printf 'x%.0s' {1..107})"
	refuses "/run/netns/none: " --netns none 127.0.0.1:80 -- true
	refuses "is not a network namespace" --netns "$BATS_TEST_TMPDIR/file" 127.0.0.1:80 -- true
	refuses "run no-such-command: " 127.0.0.1:80 -- no-such-command
}

@test "an address that is taken" {
	served_in="nsenter --net=/run/netns/blue" served 127.0.0.1:80 echo
	refuses "/run/netns/blue: listen at 127.0.0.1:80: Address " --netns red --netns blue 127.0.0.1:80 -- true
	expect_same "sockets in red" "" "$(sockets_of red)"
}
