#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC2016
#
# dhcp: the plugin's keys and verbs, and what its daemon does, with dnsmasq and with a server that does what it is told.

load ../lib
load ../dhcp

setup() {
	host_setup
	dhcp_network
	netns box
}

teardown() {
	dhcp_end
	host_clean
}

# In ticks of 10 ms.
daemon_time() {
	awk '{ print $14 + $15 }' "/proc/$daemon/stat"
}

@test "dnsmasq: an address, its routes, a ping; DEL gives it back" {
	dnsmasq_from
	dhcp_daemon
	attached
	has '.ips | length == 1 and .[0].gateway == "10.9.0.1" and .[0].interface == 2'
	has '.routes == [{"dst":"0.0.0.0/0","gw":"10.9.0.1"}] and (.dns | length) == 0'
	[ "$(addresses)" = "$(jq -r '.ips[0].address' <<<"$result")" ]
	ping -qc 1 -W 2 "$(jq -r '.ips[0].address | sub("/.*"; "")' <<<"$result")"
	# client identifier: 0x00 and CONTAINERID/NETWORK/IFNAME
	[ "$(awk '{ print $5 }' "$dhcp_leases")" = "00:$(printf 'c1/lan/eth0' | xxd -p | sed 's/../&:/g; s/:$//')" ] ||
		fail "option 61: $(cat "$dhcp_leases")"
	del bridge <<<"$conf"
	expect_silent
	said DHCPRELEASE
	nothing_left
}

@test "a daemon that was killed goes on with its leases: INIT-REBOOT" {
	scripted .
	dhcp_daemon
	attached
	daemon_end -KILL
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not) and .ciaddr == "0.0.0.0"'
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	[ "$(addresses)" = 10.9.0.50/24 ]
	del bridge <<<"$conf"
	expect_silent
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	nothing_left
}

@test "no daemon: ADD and CHECK say so, STATUS is 50, a DEL is made up for by the next one" {
	scripted .
	add bridge <<<"$(lan)"
	expect_code 11 "nobody listens at /run/cni/dhcp.sock"
	status_of bridge <<<"$(lan)"
	expect_code 50 "nobody listens at /run/cni/dhcp.sock"
	dhcp_daemon
	status_of bridge <<<"$(lan)"
	expect_silent
	attached
	daemon_end
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 "nobody listens"
	add dhcp <<<"$(lan '.type = "dhcp"')"
	expect_code 11 "nobody listens"
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
	[ "$(lease | jq .removed)" = true ]
	dhcp_daemon
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50"'
	said 'eth0: released' "$daemon_log"
	[ -z "$(ls -A /var/lib/cni/dhcp)" ]
}

# ends_when_asked LATER : who listens at the socket gets a question and is gone; LATER: with it one that waits, too.
ends_when_asked() {
	rm -f /run/cni/dhcp.sock
	python3 -c '
import select, socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("/run/cni/dhcp.sock")
s.listen()
print("listens", flush=True)
c = s.accept()[0]
c.recv(4096)
c.close()
while sys.argv[1] == "never":
    s.accept()[0].close()
if sys.argv[1] == "later":
    select.select([s], [], [])' "$1" 3>&- >"$BATS_TEST_TMPDIR/ends" &
	ender=$!
	said listens "$BATS_TEST_TMPDIR/ends"
}

@test "a daemon that ends before it answers: a DEL is made up for by the next one" {
	local when ender
	scripted .
	for when in now later; do
		dhcp_daemon
		attached
		daemon_end -KILL
		ends_when_asked $when
		del dhcp <<<"$(jq -c '.type = "dhcp"' <<<"$conf")"
		expect_silent
		[ "$(lease | jq .removed)" = true ] || fail "a file that says so: $(lease)"
		dhcp_daemon
		said 'eth0: released' "$daemon_log"
		del bridge <<<"$conf"
		expect_silent
		daemon_end
	done
	ends_when_asked never
	del dhcp <<<"$(jq -c '.type = "dhcp"' <<<"$conf")"
	expect_code 11 'has ended before it answered'
	kill $ender
	wait $ender || true
}

@test "what is provided and requested: options, and what comes of them" {
	scripted '.options = {"6":"01010101","15":"6578616d706c652e6f7267","26":"0514","33":"0a1400000a090002",
		"119":"0161076578616d706c6503636f6d000162c002", "42":"0a090003"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"6"},{"option":"15"}] | .ipam.priority = 77 |
		.ipam.provide = [{"option":"host-name","value":"box"},{"option":"60","value":"a","fromArg":"CLASS"}]'
	heard '.type == "REQUEST" and .options["55"] == "060f0301" and .options["12"] == "626f78" and
		.options["60"] == "61" and .options["57"] == "05dc"'
	has '.dns == {"nameservers":["1.1.1.1"],"domain":"example.org","search":["a.example.com","b.example.com"]}'
	has '.routes == [{"dst":"10.0.0.0/8","gw":"10.9.0.2","priority":77},{"dst":"0.0.0.0/0","gw":"10.9.0.1","priority":77}]'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	[ "$(lease | jq -c '[.mtu, .ntp]')" = '[1300,["10.9.0.3"]]' ]
	del bridge <<<"$conf"
	scripted '.options = {"121":"180a14000a09000210ac1000000000", "33":"0a1400000a090002"}'
	attached '.ipam.request = [{"option":"121"},{"skipDefault":true}]'
	heard '.type == "REQUEST" and .options["55"] == "79"'
	has '.routes == [{"dst":"10.20.0.0/24","gw":"10.9.0.2"},{"dst":"172.16.0.0/16","gw":"0.0.0.0","scope":253}]'
}

# The plugin that calls may ask more of CNI_ARGS: here nothing does.
@test "fromArg: of CNI_ARGS a piece without = is passed over, a value has all behind the first" {
	scripted .
	dhcp_daemon
	ip link add v0 master br0 up type veth peer name eth0 netns box
	CNI_ARGS='IgnoreUnknown;;K8S_POD_NAME=pod;CLASS=a=b;K8S' add dhcp <<<"$(lan '.type = "dhcp" |
		.ipam.provide = [{"option":"host-name","fromArg":"K8S_POD_NAME"},{"option":"60","value":"x","fromArg":"CLASS"}]')"
	expect_ok
	heard '.type == "REQUEST" and .options["12"] == "706f64" and .options["60"] == "613d62"'
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
}

@test "an option that is none, a path that is none" {
	add bridge <<<"$(lan '.ipam.request = [{"option":"nonsense"}]')"
	expect_code 7 'ipam.request[0].option: Can not parse option "nonsense"'
	add bridge <<<"$(lan '.ipam.provide = [{"option":"256","value":"x"}]')"
	expect_code 7 'ipam.provide[0].option'
	add bridge <<<"$(lan '.ipam.provide = [{"option":"53","value":"x"}]')"
	expect_code 7 'ipam.provide[0].option'
	add bridge <<<"$(lan '.ipam.daemonSocketPath = "dhcp.sock"')"
	expect_code 7 'ipam.daemonSocketPath'
	add dhcp <<<'{"cniVersion":"1.1.0","name":"lan","type":"dhcp"}'
	expect_code 7 "'ipam'"
}

@test "a lease is renewed at T1, at its server; then by any, until its end takes the address away" {
	scripted '.lease = 6 | .t1 = 1 | .t2 = 2'
	dhcp_daemon
	attached
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50" and .to == "10.9.0.1" and (.options | has("50") or has("54") | not)'
	scripted '.lease = 6 | .t1 = 1 | .t2 = 2 | .silent = ["REQUEST","DISCOVER"]'
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50" and .to == "255.255.255.255"'
	[ "$(addresses)" = 10.9.0.50/24 ] || fail "until the end it has it"
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ] || fail "its address goes: $(addresses)"
	scripted '.address = "10.9.0.51"'
	said 'bound to 10.9.0.51' "$daemon_log"
	[ "$(addresses)" = 10.9.0.51/24 ]
	[ "$(ip -n box -j route show default | jq -r '.[].gateway')" = 10.9.0.1 ]
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "what a renewal changes goes into the container: address, routes, MTU" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.address = "10.9.0.60" | .options = {"26":"0514","33":"0a1400000a090002"}'
	said 'bound to 10.9.0.60' "$daemon_log"
	[ "$(addresses)" = 10.9.0.60/24 ]
	ip -n box -j route | jq -e 'map(.dst) | sort == ["10.0.0.0/8","10.9.0.0/24","default"]'
	check bridge <<<"$(with_result "$conf")" # the ADD's result has the old ones
	expect_silent
	ip -n box route del 10.0.0.0/8
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'route to 10.0.0.0/8 is gone'
	ip -n box addr flush dev eth0
	check bridge <<<"$(with_result "$conf")"
	expect_code 102 'eth0 has no address 10.9.0.60/24 any more'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	[ "$(lease | jq -r .address)" = 10.9.0.60 ]
}

@test "an MTU that alone is another one goes into the container; one that the server does not change stays as it is" {
	scripted '.lease = 20 | .t1 = 1 | .options = {"26":"0514"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"26"}]'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1300 ]
	ip -n box link set eth0 mtu 1250 # as tuning does
	heard '.type == "REQUEST" and .ciaddr == "10.9.0.50"'
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1250 ]
	scripted '.lease = 20 | .t1 = 1 | .options = {"26":"04b0"}'
	said 'MTU 1200' "$daemon_log"
	[ "$(ip -n box -j link show eth0 | jq '.[].mtu')" = 1200 ]
	[ "$(grep -c MTU "$daemon_log")" = 1 ]
}

@test "a NAK takes the address away, and another one comes at once" {
	scripted '.lease = 8 | .t1 = 1 | .t2 = 6'
	dhcp_daemon
	attached
	scripted '.nak = ["REQUEST"] | .silent = ["DISCOVER"]'
	said 'the lease has ended' "$daemon_log"
	[ -z "$(addresses)" ]
	scripted '.address = "10.9.0.61"'
	said 'bound to 10.9.0.61' "$daemon_log"
	[ "$(addresses)" = 10.9.0.61/24 ]
}

@test "servers that are slow, silent, refuse, lie" {
	scripted '.delay = 0.5 | .twice = true'
	dhcp_daemon
	attached
	del bridge <<<"$conf"
	for lie in '.silent = ["DISCOVER"]' '.silent = ["REQUEST"]' '.nak = ["REQUEST"]' '.xid = 1' '.address = "0.0.0.0"' \
		'.address = "127.0.0.1"' '.address = "255.255.255.255"' '.address = "224.0.0.1"' '.server = ""' '.lease = 0' \
		'.raw = ""' '.raw = "0201060000"' '.options = {"53":"05"} | .silent = ["REQUEST"]'; do
		scripted "$lie"
		add bridge <<<"$(lan '.ipam.resendTimeout = 1')"
		expect_code 11 'no server has given eth0 an address within 1 s'
	done
	scripted '.mask = ""'
	add bridge <<<"$(lan)"
	expect_code 999 'Subnet Mask not found'
	heard '.type == "RELEASE"'
	scripted '.mask = "255.0.255.0"'
	add bridge <<<"$(lan)"
	expect_code 999 'is no mask'
	nothing_left
}

@test "an ADD that is killed gives back what the server may have given meanwhile" {
	local pid
	scripted '.silent = ["REQUEST"]'
	dhcp_daemon
	conf=$(lan '.type = "dhcp"')
	ip link add o0 master br0 up type veth peer name eth0 netns box
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"$CNIC_BIN/dhcp" <<<"$conf" 3>&- &
	pid=$!
	heard '.type == "REQUEST"'
	kill -KILL "$pid"
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .options["54"] == "0a090001"'
	wait "$pid" || true
	said 'whoever asked for it has gone' "$daemon_log"
}

@test "an ADD whose time is over gives back what the server may still give" {
	scripted '.silent = ["REQUEST"]'
	dhcp_daemon
	add bridge <<<"$(lan '.ipam.resendTimeout = 1')"
	expect_code 11 'within 1 s'
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .options["54"] == "0a090001"'
	nothing_left
}

@test "the reference's plugin is told by its own means; rubbish is answered or dropped" {
	dhcp_daemon
	ask() {
		python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect("/run/cni/dhcp.sock")
s.settimeout(5)
s.sendall(sys.argv[1].encode())
print(s.recv(4096).decode())' "$1"
	}
	[[ $(ask $'CONNECT /_goRPC_ HTTP/1.0\n\n') == 'HTTP/1.0 501 '* ]]
	[[ $(ask $'nonsense\n') == *'"code":6'* ]]
	[[ $(ask $'{}\n') == *'"code":6'* ]]
	[[ $(ask $'{"command":"add","network":"lan"}\n') == *'of no attachment'* ]]
	[[ $(ask $'{"command":"add","network":"lan","containerID":"x","ifname":"eth0","netns":"/nowhere","options":"00"}\n') == *'"code":8'* ]]
	[[ $(ask $'{"command":"fly","network":"lan","containerID":"x","ifname":"eth0"}\n') == *'no question'* ]]
	[[ $(ask "$(head -c 3000000 /dev/zero | tr '\0' x)" || true) != *code* ]]
	kill -0 "$daemon"
}

@test "GC gives back what is not valid, with a daemon and without" {
	scripted .
	dhcp_daemon
	attached
	gc bridge <<<"$(with_valid "$conf" c1/eth0)"
	expect_silent
	[ "$(heard_of RELEASE)" = 0 ]
	daemon_end
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
	[ "$(lease | jq .removed)" = true ]
	dhcp_daemon
	heard '.type == "RELEASE"'
}

@test "GC by a daemon that has not gone on with its leases yet" {
	local i unit
	scripted '. + {pool: 100, leases: [3600]} | del(.lease)'
	dhcp_daemon
	for i in {1..8}; do
		netns "c$i"
		CID=c$i attached
	done
	daemon_end -KILL
	rm /run/cni/dhcp.sock
	python3 "$ROOT/test/e2e/socket_unit.py" /run/cni/dhcp.sock "$BATS_TEST_TMPDIR/unit.pid" 60 "$CNIC_BIN/cnic" dhcp \
		3>&- 2>"$daemon_log" &
	unit=$!
	until [ -S /run/cni/dhcp.sock ]; do sleep 0.02; done
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')" c3/eth0)"
	kill "$unit"
	expect_silent
	[ "$(lease | jq -r .attachment.containerID)" = c3 ]
	[ "$(grep -c RELEASE "$dhcp_log")" = 7 ]
	[ "$(grep -c 'eth0: released' "$daemon_log")" = 7 ]
	kill -TERM "$(<"$BATS_TEST_TMPDIR/unit.pid")"
}

@test "GC gives back the others, too, where one cannot be" {
	local file i
	scripted '. + {pool: 100, leases: [60]} | del(.lease)' # the first to be renewed is the first that it comes to
	dhcp_daemon
	for i in 1 2 3; do
		netns "c$i"
		CID=c$i attached
		scripted '. + {pool: 100, leases: [3600]} | del(.lease)'
	done
	file=$(grep -l '"c1"' /var/lib/cni/dhcp/*)
	rm "$file"
	mkdir -p "$file/not empty"
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_failure
	[ "$(grep -c RELEASE "$dhcp_log")" = 3 ] || fail "all are given back: $(cat "$dhcp_log")"
	[ "$(ls /var/lib/cni/dhcp)" = "${file##*/}" ]
	rm -r "$file"
	gc dhcp <<<"$(with_valid "$(lan '.type = "dhcp"')")"
	expect_silent
}

@test "a failing disk refuses the ADD, and gives the address back" {
	scripted .
	dhcp_daemon
	mkdir -p /var/lib/cni/dhcp
	mount -t tmpfs -o size=4k,nr_inodes=1 none /var/lib/cni/dhcp
	add bridge <<<"$(lan)"
	expect_failure
	[[ $output == *dhcp* ]] || fail "it names the file: $output"
	heard '.type == "RELEASE"'
	umount /var/lib/cni/dhcp
	nothing_left
	attached
}

@test "a container that is gone gives its address back, its interface too: from the host" {
	netns wire
	NS=box
	ip link set br0 down
	ip addr del 10.9.0.1/24 dev br0
	ip link add u0 master br0 up type veth peer name w0 netns wire
	ip -n wire addr add 10.9.0.1/24 dev w0
	ip -n wire link set w0 up
	ip addr add 10.9.0.2/24 dev br0
	ip link set br0 up
	scripted_at="in_ns wire" scripted_on=w0
	scripted .
	dhcp_daemon
	attached
	ip -n box link del eth0
	said 'interface eth0 is gone' "$daemon_log"
	heard '.type == "RELEASE" and .ciaddr == "10.9.0.50" and .chaddr == "'"$(jq -r '.interfaces[2].mac' <<<"$result")"'"'
	[ -z "$(ls -A /var/lib/cni/dhcp)" ]
	del bridge <<<"$conf"
	expect_silent
}

@test "sockets that are not closed yet are of no lease any more" {
	scripted .
	dhcp_daemon
	kill -STOP "$(pgrep -P "$daemon")" # what closes them
	for _ in 1 2 3; do
		attached
		del bridge <<<"$conf"
		expect_silent
		nothing_left
	done
	used=$(daemon_time)
	sleep 0.3
	[ $(($(daemon_time) - used)) -le 3 ] || fail "it has nothing to do: $used, now $(daemon_time) ticks"
	kill -CONT "$(pgrep -P "$daemon")"
	daemon_end
	! grep -v -e listens -e bound -e released "$daemon_log" || fail "nothing of a lease that is no more"
}

@test "what closes sockets has none itself, however many the daemon was started with" {
	daemon_log=$BATS_TEST_TMPDIR/log
	(
		ulimit -n 4096
		exec 2000</dev/null
		exec "$CNIC_BIN/cnic" dhcp 3>&- 2>"$daemon_log"
	) &
	daemon=$!
	said 'listens at' "$daemon_log"
	for _ in {1..100}; do
		[ "$(ls "/proc/$(pgrep -P "$daemon")/fd")" != 0 ] || return 0
		sleep 0.02
	done
	fail "its own alone: $(ls -l "/proc/$(pgrep -P "$daemon")/fd")"
}

@test "the daemon: options of both spellings, its pid, its end, a second one, a socket that is left" {
	dhcp_socket=/run/other/dhcp.sock
	dhcp_daemon -socketpath $dhcp_socket --pidfile=/run/dhcp.pid -timeout 3s --resendmax 10s -resendtimeout=20s -broadcast
	[ "$(cat /run/dhcp.pid)" = "$daemon" ]
	run "$CNIC_BIN/cnic" dhcp -socketpath $dhcp_socket
	[ "$status" -eq 1 ] && [[ $output == *'another daemon looks after /var/lib/cni/dhcp'* ]]
	run "$CNIC_BIN/cnic" dhcp -socketpath /run/third/dhcp.sock
	[ "$status" -eq 1 ] && [[ $output == *'another daemon looks after /var/lib/cni/dhcp'* ]]
	[ ! -e /run/third/dhcp.sock ]
	scripted .
	attached '.ipam.daemonSocketPath = "/run/other/dhcp.sock"'
	heard '.type == "DISCOVER" and .broadcast'
	daemon_end -KILL
	dhcp_daemon -socketpath $dhcp_socket
	daemon_end
	[ ! -e $dhcp_socket ]
	run "$CNIC_BIN/dhcp" daemon -nonsense
	[ "$status" -eq 2 ]
	run "$CNIC_BIN/cnic" dhcp -timeout never
	[ "$status" -eq 1 ]
}

@test "a node changes over: leases of the reference's daemon are gone on with" {
	local ref
	scripted .
	"$REF_BIN/dhcp" daemon 3>&- 2>/dev/null &
	ref=$!
	until [ -S /run/cni/dhcp.sock ]; do read -rt 0.02 < <(exec sleep 1) || true; done
	mkdir -p /etc/cni/net.d
	jq -c '{cniVersion: "1.0.0", name, plugins: [del(.name, .cniVersion)]}' <<<"$(lan)" >/etc/cni/net.d/10-lan.conflist
	CNI_PATH=$REF_BIN "$CNIC_BIN/cnitool" add lan /run/netns/box
	kill -KILL $ref
	wait $ref || true
	: >"$dhcp_log"
	dhcp_daemon
	heard '.type == "REQUEST" and .options["50"] == "0a090032" and (.options | has("54") | not)'
	said 'bound to 10.9.0.50' "$daemon_log"
	[ "$(lease | jq -r '.attachment.netns')" = /run/netns/box ]
	CNI_PATH=$CNIC_BIN "$CNIC_BIN/cnitool" check lan /run/netns/box
	CNI_PATH=$CNIC_BIN "$CNIC_BIN/cnitool" del lan /run/netns/box
	heard '.type == "RELEASE"'
	nothing_left
}

@test "an address that somebody else has is declined, where the configuration has it probed" {
	scripted .
	dhcp_daemon
	netns other
	NS=box
	ip link add o0 master br0 up type veth peer name eth0 netns other
	ip -n other addr add 10.9.0.50/24 dev eth0
	ip -n other link set eth0 up
	conf=$(lan '.ipam.probe = 200')
	local pid
	add bridge <<<"$conf" &
	pid=$!
	heard '.type == "DECLINE" and .options["50"] == "0a090032" and .options["54"] == "0a090001" and
		(.options | has("55") | not) and .ciaddr == "0.0.0.0"'
	said 'somebody else has 10.9.0.50' "$daemon_log"
	scripted '.address = "10.9.0.51"'
	wait $pid
	[ "$(addresses)" = 10.9.0.51/24 ]
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "cnic list, show and verify know of leases" {
	scripted '.options = {"26":"0514"}'
	dhcp_daemon
	attached '.ipam.request = [{"option":"26"}]'
	[ "$(jq '.interfaces[2].mtu' <<<"$result")" = 1300 ]
	"$CNIC_BIN/cnic" show --json c1 | jq -e '.[0] | .lease == "10.9.0.50" and .leaseServer == "10.9.0.1" and
		(.leaseEnd | fromdate) - now > 3500 and (.leaseRenewal | fromdate) - now < 1800' || fail "a lease: $("$CNIC_BIN/cnic" show --json)"
	"$CNIC_BIN/cnic" verify
	rm -rf /var/lib/cni/cnic
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [[ $output == *'the lease of 10.9.0.50 '*' is of container c1, which is not attached'* ]] || fail "$output"
}

@test "under a service manager: its socket, being ready, sockets that outlive the daemon and need no path" {
	scripted .
	managed
	attached
	said FDSTORE=1 "$manager_log"
	path_lost
	: >"$dhcp_log"
	managed_killed
	heard '.type == "REQUEST" and .options["50"] == "0a090032"'
	[ "$(nsenter -n -t $keeper ip -4 -br addr show eth0 | awk '{ print $3 }')" = 10.9.0.50/24 ]
	del dhcp <<<"$(lan '.type = "dhcp"')"
	expect_silent
	said FDSTOREREMOVE=1 "$manager_log"
	heard '.type == "RELEASE"'
	kill $keeper
	daemon_end
	[ -S /run/cni/dhcp.sock ] || fail "the socket is the manager's"
}

@test "under a service manager: a socket that is given to it again under a name stays, one without a lease goes" {
	local names
	scripted .
	managed
	attached
	netns other
	CID=c2 add bridge <<<"$(lan)"
	expect_ok
	NS=box
	rm /var/lib/cni/dhcp/*
	managed_killed
	until [ "$(grep -c READY=1 "$manager_log")" = 2 ]; do :; done
	: >"$manager_log"
	ip -n box link del eth0
	attached
	mapfile -t names < <(sed -n 's/^FDSTORE=1 FDNAME=//p' "$manager_log")
	[ "${#names[@]}" = 1 ]
	timeout 40 tail -n +1 -f "$manager_log" 3>&- | grep -m 1 '^FDSTOREREMOVE=1' | grep -F "${names[0]}"
	timeout 40 tail -n +1 -f "$manager_log" 3>&- | grep -m 1 -v "${names[0]}" | grep '^FDSTOREREMOVE=1'
	[ "$(grep -nF "FDNAME=${names[0]}" "$manager_log" | tail -n 1 | cut -d: -f2)" = "FDSTORE=1 FDNAME=${names[0]}" ] ||
		fail "the last of it: $(cat "$manager_log")"
}

@test "a daemon that has no descriptor left refuses, and does not spin" {
	local used n=0
	scripted .
	dhcp_daemon
	while [ -e "/proc/$daemon/fd/$n" ]; do n=$((n + 1)); done
	prlimit --pid "$daemon" --nofile="$n:"
	for _ in 1 2 3; do
		add bridge <<<"$(lan)"
		expect_code 11
	done
	used=$(daemon_time)
	sleep 0.3
	[ $(($(daemon_time) - used)) -le 3 ] || fail "it has nothing to do: $used, now $(daemon_time) ticks"
	prlimit --pid "$daemon" --nofile=1024:
	attached
}
