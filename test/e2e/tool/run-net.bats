# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic run: the networks of a command, while it runs, and what is left when it has ended, however it has ended.

load run-net

ASK=$TEST_DIR/tool/ask.py

@test "without --net a command is on a network of both families, and gets out" {
	beyond
	run -0 cnic run -- ip -j addr show eth0
	json_is "$output" '.[0].addr_info[] | select(.scope == "global") | .local' $'10.219.0.2\nfd00:219::2'
	run -0 cnic run -- python3 "$ASK" tcp 198.51.100.1 80
	[ "$output" = 192.0.2.1 ] || fail "masqueraded: $output"
	run -0 cnic run -- python3 "$ASK" tcp fd98::1 80
	[ "$output" = fd02::1 ] || fail "masqueraded: $output"
	run -0 cnic run -- ping -c1 -W10 10.219.0.1
	expect_nothing_left
}

watcher_is_alone() {
	[ -z "$(ps -o stat= --ppid "$(pgrep -x cnic-watcher)")" ]
}

@test "a published port is answered from beyond and from the host, as long as the command runs" {
	beyond
	run_in_background --publish 8080:80 --publish 127.0.0.1:8081:81 -- python3 "$TEST_DIR/tool/echo_peer.py"
	in_time 20 grep -q ready "$out"
	[ "$(in_ns beyond python3 "$ASK" tcp 192.0.2.1 8080)" = 192.0.2.2 ]
	[ "$(in_ns beyond python3 "$ASK" tcp fd02::1 8080)" = fd02::2 ]
	[ "$(in_ns beyond python3 "$ASK" tcp 192.0.2.1 8081)" = ECONNREFUSED ]
	[ "$(python3 "$ASK" tcp 127.0.0.1 8080)" = 10.219.0.1 ]
	[ "$(python3 "$ASK" tcp 127.0.0.1 8081)" = 10.219.0.1 ]
	cnic list --json | jq -e '.[0].ports | tostring | contains("8080")'
	soon watcher_is_alone || fail "no child of the watcher's: $(ps f)"
	kill "$pid"
	wait "$pid" || true
	[ "$(in_ns beyond python3 "$ASK" tcp 192.0.2.1 8080)" = ECONNREFUSED ]
	expect_nothing_left
}

@test "--ip, --mac, --dns and --hostname are what the command sees" {
	run -0 cnic run --ip 10.219.7.7 --ip fd00:219::7 --mac 02:00:00:00:00:77 --dns 192.0.2.53 --dns fd02::53 \
		--hostname box -- sh -c 'ip -br addr show eth0; ip -br link show eth0; cat /etc/resolv.conf /etc/hosts'
	echo "$output"
	[[ $output == *10.219.7.7/16*fd00:219::7/64* ]]
	[[ $output == *02:00:00:00:00:77* ]]
	[[ $output == *$'nameserver 192.0.2.53\nnameserver fd02::53\n127.0.0.1\tlocalhost\n'* ]]
	[[ $output == *$'\n10.219.7.7\tbox\nfd00:219::7\tbox' ]]
	expect_nothing_left
}

@test "the host's name is in /etc/hosts, be it as long as it can be" {
	local name
	name=$(printf 'n%.0s' {1..64})
	run -0 unshare --uts sh -c "hostname $name; exec cnic run --ip 10.219.7.7 --ip fd00:219::7 -- tail -n2 /etc/hosts"
	[ "$output" = $'10.219.7.7\t'"$name"$'\nfd00:219::7\t'"$name" ]
}

@test "the host's resolver on its loopback is left out, for what it asks itself" {
	printf 'search here\nnameserver 127.0.0.53\nnameserver ::1\n' >"$BATS_TEST_TMPDIR/resolv.conf"
	mount --bind "$BATS_TEST_TMPDIR/resolv.conf" "$(realpath /etc/resolv.conf)"
	run -0 cnic run -- cat /etc/resolv.conf
	[ "$output" = "search here" ]
	mkdir -p /run/systemd/resolve
	echo nameserver 192.0.2.54 >/run/systemd/resolve/resolv.conf
	run -0 cnic run -- cat /etc/resolv.conf
	[ "$output" = "nameserver 192.0.2.54" ]
	umount "$(realpath /etc/resolv.conf)"
	rm -r /run/systemd
}

@test "a network's dns settings are the command's" {
	conflist one 10.61.0.0/24 ',"dns":{"nameservers":["10.61.0.53"],"domain":"a.test","search":["b.test","c.test"],"options":["ndots:2"]}'
	run -0 cnic run --net one -- cat /etc/resolv.conf
	[ "$output" = $'nameserver 10.61.0.53\ndomain a.test\nsearch b.test c.test\noptions ndots:2' ]
}

# conflist NAME SUBNET [KEYS] : a bridge network in $NETCONFPATH.
conflist() {
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d
	mkdir -p "$NETCONFPATH"
	cat >"$NETCONFPATH/$1.conflist" <<-END
		{"cniVersion":"1.1.0","name":"$1","plugins":[{"type":"bridge","bridge":"br-$1","isGateway":true,
		"ipam":{"type":"host-local","subnet":"$2"}${3:-}}]}
	END
}

@test "of several networks each is an interface; a file is one, too" {
	conflist one 10.61.0.0/24
	conflist two 10.62.0.0/24
	mkdir "$BATS_TEST_TMPDIR/else"
	mv "$NETCONFPATH/two.conflist" "$BATS_TEST_TMPDIR/else/file"
	run -0 cnic run --net one --net "$BATS_TEST_TMPDIR/else/file" -- ip -br addr
	[[ $output == *eth0@*10.61.0.2/24*eth1@*10.62.0.2/24* ]]
	expect_nothing_left
}

# A plugin of another's: notes its calls in $notes, and whether its namespace could be entered, and with which key.
foreign() {
	export CNI_PATH=$BATS_TEST_TMPDIR/bin notes=$BATS_TEST_TMPDIR/notes
	mkdir -p "$CNI_PATH"
	ln -sf "$CNIC_BIN"/{bridge,host-local} "$CNI_PATH"
	cat >"$CNI_PATH/$1" <<-'END'
		#!/bin/bash
		input=$(cat)
		links=$(nsenter --net="$CNI_NETNS" ls /sys/class/net 2>&1 | wc -l)
		nsenter --net="$CNI_NETNS" true && in=entered || in=lost
		echo "${0##*/} $CNI_COMMAND $CNI_IFNAME $in $(jq -c .runtimeConfig <<<"$input")" >>"$notes"
		[ "$CNI_COMMAND" = ADD ] || exit 0
		${fail:+"$fail"} jq -c '.prevResult // {cniVersion: "1.0.0", interfaces: [], ips: []}' <<<"$input"
	END
	chmod +x "$CNI_PATH/$1"
}

@test "plugins that are not ours are executed, and deleted in the reverse order while the namespace is there" {
	foreign first
	foreign second
	conflist one 10.61.0.0/24
	jq -c '.plugins += [{type: "first", capabilities: {portMappings: true}}, {type: "second"}]' \
		"$NETCONFPATH/one.conflist" >"$NETCONFPATH/two.conflist"
	sed -i 's/"one"/"two"/' "$NETCONFPATH/two.conflist"
	run -0 cnic run --net one --net two --publish 8080:80 -- true
	expect_same calls 'first ADD eth1 entered {"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}
second ADD eth1 entered null
second DEL eth1 entered null
first DEL eth1 entered {"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' "$(<"$notes")"
	expect_nothing_left
}

@test "signals are not blocked nor ignored in a plugin, but where they were outside" {
	foreign signals
	sed -i "/^#!/a grep -E 'Sig(Blk|Ign)' /proc/self/status | paste -sd' ' >>\"\$notes\"" "$CNI_PATH/signals"
	conflist one 10.61.0.0/24
	jq -c '.plugins += [{type: "signals"}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/two.conflist"
	sed -i 's/"one"/"two"/' "$NETCONFPATH/two.conflist"
	run -0 env --default-signal cnic run --net two -- true
	expect_same signals $'SigBlk:\t0000000000000000 SigIgn:\t0000000000000000' "$(grep Sig "$notes" | sort -u)"
	: >"$notes"
	run -0 env --default-signal --ignore-signal=HUP cnic run --net two -- true
	expect_same signals $'SigBlk:\t0000000000000000 SigIgn:\t0000000000000001' "$(grep Sig "$notes" | sort -u)"
	expect_nothing_left
}

@test "an attachment that fails undoes those before it, and the command does not run" {
	foreign broken
	conflist one 10.61.0.0/24
	jq -c '.name = "two" | .plugins += [{type: "broken"}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/two.conflist"
	fail=false run -125 cnic run --net one --net two -- touch "$BATS_TEST_TMPDIR/ran"
	echo "$output"
	[[ $output == *'network two: plugin type="broken" failed (add)'* ]]
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	grep -q 'broken DEL' "$notes"
	expect_nothing_left
}

@test "where a route of the host is in the way the default takes another range, and says so once" {
	ip link add up0 type veth peer name up1
	ip link set up0 up
	ip route add 10.219.128.0/24 dev up0
	run -0 --separate-stderr cnic run -- ip -br addr show eth0
	[[ $output == *10.220.0.2/16*fd00:220::2/64* ]]
	[[ $stderr == "cnic: the host has a route to 10.219.128.0/24: network cnic-run is 10.220.0.0/16 and fd00:220::/64" ]]
	ip route del 10.219.128.0/24 dev up0
	run -0 --separate-stderr cnic run -- ip -br addr show eth0
	[[ $output == *10.220.0.3/16* ]]
	[ -z "$stderr" ]
	ip link del up0
}

@test "it is listed while it runs" {
	run_in_background -- sleep 100
	in_time 20 is_listed
	json_is "$(cnic list --json)" '.[] | "\(.network) \(.ifName) \(.state)"' 'cnic-run eth0 alive'
	run -0 cnic verify
	run -0 cnic gc
	[[ $output == *"0 removed, 0 failed, 1 alive, 0 not known"* ]]
	kill "$pid"
	wait "$pid" || true
	json_is "$(cnic list --json)" length 0
	expect_nothing_left
}

@test "every signal that ends it, SIGKILL too, leaves nothing" {
	local signal
	for signal in HUP INT QUIT TERM USR1 KILL SEGV; do
		# a sanitizer would take SIGSEGV for a finding
		ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}handle_segv=0 \
			run_in_background --publish 8080:80 -- sleep 100
		in_time 20 is_listed
		kill -$signal "$pid"
		wait "$pid" && fail "ended by SIG$signal"
		expect_nothing_left
	done
}

@test "a signal ends it soon while a plugin does not end; what that has made goes when it has" {
	local signal hold=$BATS_TEST_TMPDIR/hold
	mkfifo "$hold"
	printf '#!/bin/bash\nread -r _ <%s\nexec "$@"\n' "$hold" >"$hold.sh"
	chmod +x "$hold.sh"
	foreign stuck
	conflist one 10.61.0.0/24
	jq -c '.name = "two" | .plugins += [{type: "stuck"}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/two.conflist"
	for signal in INT TERM; do
		rm -f "$notes"
		fail=$hold.sh run_in_background --net two -- touch "$BATS_TEST_TMPDIR/ran"
		in_time 20 grep -qs 'stuck ADD' "$notes"
		kill -$signal "$pid"
		status=0
		wait "$pid" || status=$?
		[ "$status" -eq $((128 + $(kill -l $signal))) ]
		grep -q 'does not end.*within 60 s' "$log"
		pgrep -x cnic-watcher
		echo >"$hold"
		expect_nothing_left
		[ ! -e "$BATS_TEST_TMPDIR/ran" ]
		grep -q 'stuck DEL' "$notes"
	done
}

@test "SIGKILL at the moment of its start leaves nothing" {
	local i
	for i in {1..40}; do # the port of the one before may be held until its watcher has removed it
		run_in_background --publish "$((8080 + i)):80" -- sleep 100
		sleep "0.0$(printf %02d $((i % 40)))"
		kill -KILL "$pid"
		wait "$pid" || true
	done
	expect_nothing_left
}

@test "when the watcher is killed as well, cnic gc removes what is left" {
	run_in_background --publish 8080:80 -- sleep 100
	in_time 20 is_listed
	kill -STOP "$pid"
	kill -KILL "$(watcher)"
	kill -KILL "$pid"
	wait "$pid" || true
	in_time 20 gc_removes
	expect_nothing_left
}

gc_removes() {
	cnic gc | grep -q '^1 removed, 0 failed, 0 alive, 0 not known'
}

@test "when the watcher alone is killed, that is said, and cnic gc removes what is left" {
	run_in_background -- sh -c "until [ -e $BATS_TEST_TMPDIR/end ]; do sleep 0.02; done"
	in_time 20 is_listed
	kill -KILL "$(watcher)"
	touch "$BATS_TEST_TMPDIR/end"
	wait "$pid" && fail "not all is well"
	grep -q 'the watcher.*killed; cnic gc' "$log"
	in_time 20 gc_removes
	expect_nothing_left
}

@test "a network that cannot be taken away is told of; a command that has failed has its status" {
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/bash\njq -c "if .prevResult then .prevResult else {cniVersion: .cniVersion} end"; [ "$CNI_COMMAND" = ADD ]\n' \
		>"$BATS_TEST_TMPDIR/bin/stays"
	chmod +x "$BATS_TEST_TMPDIR/bin/stays"
	conflist one 10.61.0.0/24
	jq '.plugins += [{type: "stays"}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/one.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin run -3 cnic run --net one -- sh -c 'exit 3'
	[[ $output == *'which cnic gc will remove'* ]] || fail "said: $output"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin run -125 cnic run --net one -- true
	[[ $output == *'which cnic gc will remove'* ]] || fail "said: $output"
	printf '#!/bin/sh\n' >"$BATS_TEST_TMPDIR/bin/stays"
	in_time 20 gc_has_nothing
	expect_nothing_left
}

@test "a network whose list is folded into a chain leaves no entry" {
	conflist one 10.61.0.0/24
	jq '.plugins = [{type: "chain", plugins: (.plugins + [{type: "firewall"}])}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/one.conflist"
	run cnic run --net one -- ls /var/lib/cni/cnic
	[ "$status" -eq 0 ] || fail "$output"
	[ -n "$output" ]
	expect_nothing_left
	[ -z "$(ls -A /var/lib/cni/cnic)" ] || fail "no entry: $(ls /var/lib/cni/cnic)"
}

gc_has_nothing() {
	cnic gc | grep -q ' 0 failed, 0 alive, 0 not known'
}

# While a network is attached, the owner of the root directory has its place for /proc renamed.
@test "/proc stays protected where the directory that it is on gets another name" {
	local root=/run/root-of-it
	mkdir -p "$BATS_TEST_TMPDIR/bin" "$root/bin" "$root/proc"
	cp /bin/busybox "$root/bin/sh"
	cp /bin/busybox "$root/bin/ls"
	cat >"$BATS_TEST_TMPDIR/bin/renames" <<-END
		#!/bin/bash
		conf=\$(cat)
		[ "\$CNI_COMMAND" = ADD ] || exit 0
		until grep -ls ' /root-of-it / ' /proc/[0-9]*/mountinfo | xargs grep -qs ' /proc .* - proc '; do :; done
		mv $root/proc $root/p2 && mkdir $root/proc
		jq -c .prevResult <<<"\$conf"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/renames"
	conflist one 10.61.0.0/24
	jq '.plugins += [{type: "renames"}]' "$NETCONFPATH/one.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/one.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin run cnic run --net one --rootfs "$root" -- \
		sh -c 'ls -d /p2/self && ! echo core >/p2/sys/kernel/core_pattern'
	[ "$status" -eq 0 ] && [[ $output == */p2/self*'Read-only file system'* ]] || fail "exit $status: $output"
}

@test "--keep leaves the namespace with its network; --netns joins it" {
	run -0 cnic run --netns /run/netns/kept --keep -- true
	[[ $(ns_ip kept -br addr show eth0) == *10.219.0.2/16* ]]
	json_is "$(cnic list --json)" '.[] | "\(.netns) \(.state)"' '/run/netns/kept alive'
	run -0 cnic run --netns /run/netns/kept -- ip -br addr show eth0
	[[ $output == *10.219.0.2/16* ]]
	run -0 cnic run --netns 5 5</run/netns/kept -- ip -br addr show eth0
	[[ $output == *10.219.0.2/16* ]]
	run -0 cnic run --netns /run/netns/kept --keep -- ip -br addr show eth0
	[[ $output == *10.219.0.2/16* ]]
	ip netns del kept
	in_time 20 gc_removes
	expect_nothing_left
}

@test "a command that cannot be kept, or fails to start, leaves no file" {
	run -125 cnic run --netns /nowhere/at/all --keep -- true
	[[ $output == *"--netns: make /nowhere/at/all"* ]]
	conflist one 10.61.0.0/24
	sed -i 's/host-local/no-such/' "$NETCONFPATH/one.conflist"
	run -125 cnic run --net one --netns /run/netns/kept --keep -- true
	[ ! -e /run/netns/kept ]
	run -125 cnic run --rootfs /nowhere --netns /run/netns/kept --keep -- true
	[ ! -e /run/netns/kept ]
	run -125 cnic run --hostname box --bind /etc/passwd:/etc --netns /run/netns/kept --keep -- true
	[ ! -e /run/netns/kept ]
	run -127 cnic run --publish 8080:80 --netns /run/netns/kept --keep -- /nowhere
	[ ! -e /run/netns/kept ]
	run -126 cnic run --publish 8080:80 --netns /run/netns/kept --keep -- /etc/passwd
	[ ! -e /run/netns/kept ]
	expect_nothing_left
	run -125 cnic run --netns /run/netns/kept --keep -- sh -c 'exit 125'
	[ -e /run/netns/kept ]
	ip netns del kept
	in_time 20 gc_removes
	expect_nothing_left
}

# refused TEXT ARGS... : before anything is done.
refused() {
	local text=$1
	shift
	run -125 cnic run "$@" -- touch "$BATS_TEST_TMPDIR/ran"
	[[ $output == *"$text"* ]] || fail "'$text', not: $output"
	[ ! -e "$BATS_TEST_TMPDIR/ran" ]
	[ -z "$(host_links)" ] || fail "no links"
}

@test "what does not go together is refused, by name, before anything is done" {
	conflist one 10.61.0.0/24
	netns there
	refused '--publish: needs a network' --net none --publish 80:80
	refused '--ip: needs a network' --net host --ip 10.0.0.1
	refused '--mac: there is no network' --netns /run/netns/there --mac 02:00:00:00:00:01
	refused '--net: not in a namespace that is there' --netns /run/netns/there --net one
	refused '--publish: no plugin of network one takes it' --net one --publish 80:80
	refused '--ip: no plugin of network one takes it' --net one --ip 10.61.0.9
	refused '--net two: no net configuration' --net two
	refused '--net ./two' --net ./two
	refused '--egress: needs a network' --net host --egress 10.0.0.1
	refused '--egress: not in a namespace that is there' --netns /run/netns/there --egress 10.0.0.1
	refused '--egress: with --cap-add NET_ADMIN' --egress 10.0.0.1 --cap-add NET_ADMIN
	refused '--egress: with --cap-add NET_RAW' --egress 10.0.0.1 --cap-add CAP_NET_RAW
}
