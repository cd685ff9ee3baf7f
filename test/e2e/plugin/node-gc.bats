# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic gc: what is left by attachments that are dead goes, without any runtime's help; what could be
# alive stays, whatever it looks like.

load ../lib

setup() {
	host_setup
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$CNIC_BIN
	export CAP_ARGS PORT=8080
	mkdir "$NETCONFPATH"
	cat >"$NETCONFPATH/10-net.conflist" <<-'END'
		{"cniVersion":"1.0.0","name":"net","plugins":[
		{"type":"bridge","bridge":"gc0","isGateway":true,"ipMasq":true,
		 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd00:6::/64"}]]}},
		{"type":"portmap","capabilities":{"portMappings":true}},
		{"type":"firewall"},
		{"type":"tuning","mac":"02:00:00:00:00:01"},
		{"type":"bandwidth","ingressRate":1000000,"ingressBurst":100000,"egressRate":1000000,"egressBurst":100000}]}
	END
}

teardown() {
	[ -z "${keeper:-}" ] || kill -9 "$keeper" 2>/dev/null || true
	umount /run/dir "/run/a b\\c/ns" /run/dir/ns 2>/dev/null || true
	host_clean
}

# attach NAME : a container of its own, on the network.
attach() {
	netns "$1"
	CAP_ARGS="{\"portMappings\":[{\"hostPort\":$((PORT++)),\"containerPort\":80,\"protocol\":\"tcp\"}]}"
	"$CNIC_BIN/cnitool" add net "$(ns_path "$1")" >"$BATS_TEST_TMPDIR/result" 2>"$BATS_TEST_TMPDIR/stderr" ||
		fail "add: $(<"$BATS_TEST_TMPDIR/stderr")"
}

# destroy NAME... : and its links on the host, which the kernel takes away a little later.
destroy() {
	local name
	for name; do
		ip netns del "$name"
	done
	until [ "$(ip -br link show type veth | wc -l)" -le "$(ip netns list | wc -l)" ]; do :; done
}

gc_node() {
	run "$CNIC_BIN/cnic" gc "$@"
	echo "$output"
}

# says REMOVED FAILED ALIVE UNKNOWN
says() {
	[[ $output == *"$1 removed, $2 failed, $3 alive, $4 not known to be dead" ]] ||
		fail "removed $1, failed $2, alive $3, unknown $4: $output"
}

addresses() {
	find /var/lib/cni/networks/net -name '10.*' -o -name 'fd00*' 2>/dev/null | wc -l
}

# What an attachment has on the host, as words; "" when there is nothing.
left() {
	local n
	n=$(addresses)
	[ "$n" -eq 0 ] || echo "addresses: $n"
	ls /var/lib/cni/results /var/lib/cni/cnic /run/cnic/rules /run/cnic/bandwidth /run/cni/tuning 2>/dev/null |
		grep -v ':$' | sed '/^$/d'
	ip -br link show type veth
	ip -br link show type ifb
	nft list ruleset | grep -E 'elements|cnitool' || true
}

# A process in the namespace; its path can go.
live_in() {
	nsenter --net="$(ns_path "$1")" sleep 1000 &
	keeper=$!
	until [ "$(readlink /proc/$keeper/ns/net)" = "net:[$(stat -Lc %i "$(ns_path "$1")")]" ]; do :; done
}

kept() {
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 0 0 "$1" "$2"
	[ "$(addresses)" -eq 2 ] || fail "the addresses stay"
	[ -n "$(ls /var/lib/cni/results)" ] || fail "the cache stays"
	ip -br link show type veth | grep -q . || fail "the link stays"
}

@test "gc: nothing at all" {
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 0 0 0 0
}

@test "gc: a container whose namespace is destroyed leaves nothing, through its list" {
	attach box
	attach other
	[ -n "$(left)" ] || fail "something to remove"
	destroy box other
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 2 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
	gc_node
	says 0 0 0 0
}

@test "gc: one is dead, the other is not" {
	attach box
	attach other
	destroy box
	gc_node
	says 1 0 1 0
	[ "$(addresses)" -eq 2 ] || fail "two addresses: $(left)"
	"$CNIC_BIN/cnitool" check net "$(ns_path other)" || fail "the other one is whole"
	"$CNIC_BIN/cnitool" del net "$(ns_path other)"
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc --dry-run says what it would do, and does nothing" {
	local before
	attach box
	destroy box
	before=$(left)
	gc_node --dry-run
	[ "$status" -eq 0 ] || fail "exit 0"
	[[ $output == *"net cnitool-"*" eth0: its namespace is gone"*"1 would be removed"* ]] || fail "a line: $output"
	[ "$(left)" = "$before" ] || fail "all as it was"
}

@test "gc --older-than leaves what is young" {
	attach box
	destroy box
	gc_node --older-than 5m
	says 0 0 0 1
	touch -d '10 minutes ago' /var/lib/cni/cnic/* /var/lib/cni/results/*
	gc_node --older-than 5m
	says 1 0 0 0
}

@test "gc: a process in the namespace keeps it, whatever has become of its path" {
	attach box
	live_in box
	umount -l /run/netns/box
	rm /run/netns/box
	kept 1 0
	kill -9 "$keeper"
	wait "$keeper" || true
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: another file at the path proves nothing" {
	attach box
	live_in box
	umount /run/netns/box
	mount --bind /proc/self/ns/net /run/netns/box
	kept 1 0
	umount /run/netns/box
	echo hello >/run/netns/box
	kept 1 0
	rm /run/netns/box
}

# As a runtime's that numbers its containers, or a path in /proc.
@test "gc: another container at the same path is left alone" {
	local link
	attach box
	destroy box
	netns box
	ns_ip box link add eth0 type veth peer name peer0
	link=$(ns_ip box -br link show eth0)
	gc_node
	says 1 0 0 0
	[ "$(ns_ip box -br link show eth0)" = "$link" ] || fail "its interface stays"
	ns_ip box link del eth0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
	ip netns del box
	attach box
	reboot
	netns box
	ns_ip box link add eth0 type veth peer name peer0
	gc_node
	says 1 0 0 0
	ns_ip box link show eth0 >/dev/null || fail "after a boot as well"
	umount /proc/sys/kernel/random/boot_id
}

@test "gc: an open file keeps it" {
	attach box
	sleep 1000 </run/netns/box &
	keeper=$!
	until [ "$(readlink /proc/$keeper/exe)" = "$(realpath "$(command -v sleep)")" ]; do :; done
	umount -l /run/netns/box
	rm /run/netns/box
	kept 1 0
}

@test "gc: a mount in another mount namespace keeps it" {
	attach box
	unshare -m --propagation private sleep 1000 &
	keeper=$!
	until [ "$(readlink /proc/$keeper/exe)" = "$(realpath "$(command -v sleep)")" ]; do :; done
	umount /run/netns/box # the file stays: to remove it would take the mount away everywhere
	kept 1 0
}

@test "gc: a thread in it keeps it, be its process elsewhere" {
	attach box
	python3 -c '
import ctypes, os, threading, time
def enter():
    fd = os.open("/run/netns/box", os.O_RDONLY)
    assert ctypes.CDLL(None).setns(fd, 0x40000000) == 0
    os.close(fd)
    open("'"$BATS_TEST_TMPDIR"'/ready", "w").close()
    time.sleep(1000)
threading.Thread(target=enter).start()
' &
	keeper=$!
	until [ -e "$BATS_TEST_TMPDIR/ready" ]; do :; done
	umount -l /run/netns/box
	rm /run/netns/box
	kept 1 0
}

# The next ones have no link on the host that would keep them: only what holds the namespace can.
macvlan() {
	ip link add up0 type veth peer name up1
	ip link set up0 up
	ip link set up1 up
	echo '{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"macvlan","master":"up0",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/24"}],[{"subnet":"fd00:6::/64"}]]}}]}' \
		>"$NETCONFPATH/10-net.conflist"
}

# mounted FILE : the namespace box, with an attachment, is mounted there and nowhere else.
mounted() {
	macvlan
	netns box
	mkdir -p "${1%/*}"
	: >"$1"
	mount --bind "$(ns_path box)" "$1"
	"$CNIC_BIN/cnitool" add net "$1" >/dev/null
	ip netns del box
}

@test "gc: a mount at a path with a space keeps it" {
	mounted "/run/a b\\c/ns"
	kept 1 0
	umount "/run/a b\\c/ns"
	gc_node
	says 1 0 0 0
}

@test "gc: a mount that another one hides keeps it" {
	mounted /run/dir/ns
	mount -t tmpfs hides /run/dir
	kept 1 0
	: >/run/dir/ns
	kept 1 0
	umount /run/dir
	kept 1 0
	umount /run/dir/ns
	gc_node
	says 1 0 0 0
}

# The process of a mount namespace with the lowest number sees only what is below its root.
@test "gc: a mount in a mount namespace whose first process is in a chroot keeps it" {
	macvlan
	netns box
	"$CNIC_BIN/cnitool" add net "$(ns_path box)" >/dev/null
	mkdir "$BATS_TEST_TMPDIR/root"
	mkfifo "$BATS_TEST_TMPDIR/ready"
	unshare -m --propagation private bash -c '
		for dir in bin lib lib64 usr; do
			[ ! -e "/$dir" ] || { mkdir "$1/root/$dir" && mount --bind "/$dir" "$1/root/$dir"; }
		done
		sleep 1000 3>&- &
		echo $! >"$1/other"
		exec chroot "$1/root" bash -c "echo >&4; exec sleep 1000" 4>"$1/ready"' - "$BATS_TEST_TMPDIR" 3>&- &
	keeper=$!
	read -r <"$BATS_TEST_TMPDIR/ready"
	umount /run/netns/box # the file stays: to remove it would take the mount away everywhere
	kept 1 0
	kill -9 "$keeper" "$(<"$BATS_TEST_TMPDIR/other")"
	wait "$keeper" || true
	until [ ! -e "/proc/$(<"$BATS_TEST_TMPDIR/other")" ]; do :; done
	gc_node
	says 1 0 0 0
}

# stranger open|chroot : a process that has a directory open whose path is longer than any may be, or has it as its root.
stranger() {
	mkdir -p "$BATS_TEST_TMPDIR/deep"
	mkfifo "$BATS_TEST_TMPDIR/ready"
	python3 -c '
import os, sys, time
os.chdir(sys.argv[1] + "/deep")
for _ in range(20):
    if not os.path.exists("d" * 250):
        os.mkdir("d" * 250)
    os.chdir("d" * 250)
fd = os.open(".", os.O_RDONLY)
ready = os.open(sys.argv[1] + "/ready", os.O_WRONLY)
if sys.argv[2] == "chroot":
    os.close(fd)
    os.chroot(".")
os.close(ready)
time.sleep(1000)' "$BATS_TEST_TMPDIR" "$1" 3>&- &
	keeper=$!
	cat "$BATS_TEST_TMPDIR/ready" # until it is closed
	rm "$BATS_TEST_TMPDIR/ready"
}

# A process that no network namespace is held by must not keep the dead from being told.
@test "gc: paths beyond PATH_MAX, of a stranger's directory or root, keep nobody's" {
	local how
	for how in open chroot; do
		attach box
		destroy box
		stranger $how
		run readlink "/proc/$keeper/$([ $how = open ] && echo fd/3 || echo root)"
		[ "$status" -ne 0 ] || fail "a path that cannot be told: $output"
		gc_node
		says 1 0 0 0
		kill -9 "$keeper"
		wait "$keeper" || true
	done
	keeper=
}

@test "gc: a stranger's root of which nobody is told (FUSE in a user namespace) keeps nobody's" {
	local error
	sleep 1000 3>&- &
	keeper=$!
	for error in EACCES ENOTCONN ESTALE; do
		attach box
		destroy box
		run "${STRACE[@]}" -qq -o /dev/null -P "/proc/$keeper/root" -e trace=newfstatat -e "inject=newfstatat:error=$error" "$CNIC_BIN/cnic" gc
		says 1 0 0 0
	done
}

@test "gc: an open file of what is mounted nowhere any more keeps it" {
	macvlan
	netns box
	"$CNIC_BIN/cnitool" add net "$(ns_path box)" >/dev/null
	sleep 1000 <"$(ns_path box)" 3>&- &
	keeper=$!
	until [ "$(readlink /proc/$keeper/exe)" = "$(realpath "$(command -v sleep)")" ]; do :; done
	ip netns del box
	kept 1 0
	kill -9 "$keeper"
	wait "$keeper" || true
	gc_node
	says 1 0 0 0
}

@test "gc: an open file of a thread keeps it, whose process's first thread has ended" {
	macvlan
	netns box
	"$CNIC_BIN/cnitool" add net "$(ns_path box)" >/dev/null
	python3 -c '
import ctypes, os, threading, time
fd = os.open("/run/netns/box", os.O_RDONLY)
threading.Thread(target=lambda: time.sleep(1000)).start()
ctypes.CDLL(None).syscall(60, 0)
' 3>&- &
	keeper=$!
	until grep -qs '^State:.*zombie' "/proc/$keeper/status"; do :; done
	ip netns del box
	kept 1 0
}

# While gc is between its look at all processes and its judgement.
@test "gc: a process that takes the namespace over from one that ends keeps it" {
	local other tracer
	macvlan
	netns box
	"$CNIC_BIN/cnitool" add net "$(ns_path box)" >/dev/null
	live_in box
	ip netns del box
	other=$keeper
	"${STRACE[@]}" -f -o "$BATS_TEST_TMPDIR/trace" -e trace=sendto -e inject=sendto:signal=STOP:when=1 \
		"$CNIC_BIN/cnic" gc >"$BATS_TEST_TMPDIR/out" 3>&- &
	tracer=$!
	until grep -qs 'stopped by SIGSTOP' "$BATS_TEST_TMPDIR/trace"; do :; done
	nsenter --net="/proc/$other/ns/net" sleep 1000 3>&- &
	keeper=$!
	until [ "$(readlink "/proc/$keeper/ns/net")" = "$(readlink "/proc/$other/ns/net")" ]; do :; done
	kill -9 "$other"
	wait "$other" || true
	kill -CONT "$(awk 'NR == 1 { print $1 }' "$BATS_TEST_TMPDIR/trace")"
	wait "$tracer" || true
	output=$(<"$BATS_TEST_TMPDIR/out")
	says 0 0 1 0
}

@test "gc: a socket keeps it, which no process shows: the link on the host does" {
	attach box
	python3 -c '
import ctypes, os, socket, time
home = os.open("/proc/self/ns/net", os.O_RDONLY)
fd = os.open("/run/netns/box", os.O_RDONLY)
libc = ctypes.CDLL(None)
assert libc.setns(fd, 0x40000000) == 0
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
s.bind(("127.0.0.1", 0))
s.listen()
assert libc.setns(home, 0x40000000) == 0
os.close(fd)
open("'"$BATS_TEST_TMPDIR"'/ready", "w").close()
time.sleep(1000)
' &
	keeper=$!
	until [ -e "$BATS_TEST_TMPDIR/ready" ]; do :; done
	umount -l /run/netns/box
	rm /run/netns/box
	kept 1 0
}

@test "gc: the same inode is another namespace now" {
	local inode i
	attach box
	inode=$(stat -Lc %i "$(ns_path box)")
	destroy box
	for i in {1..200}; do
		ip netns add "n$i"
		[ "$(stat -Lc %i "$(ns_path "n$i")")" != "$inode" ] || break
	done
	[ "$(stat -Lc %i "$(ns_path "n$i")")" = "$inode" ] || skip "the kernel did not use the inode again"
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

# Another boot: what is in /run is gone, and the kernel's boot id is another.
reboot() {
	echo 11111111-2222-3333-4444-555555555555 >"$BATS_TEST_TMPDIR/boot_id"
	mount --bind "$BATS_TEST_TMPDIR/boot_id" /proc/sys/kernel/random/boot_id
	ip netns del box 2>/dev/null || true
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	rm -rf /run/cnic /run/cni
	nft flush ruleset
	ip link del gc0
}

@test "gc: what another boot has left" {
	attach box
	reboot
	[ "$(addresses)" -eq 2 ] || fail "addresses are held over a reboot"
	gc_node
	umount /proc/sys/kernel/random/boot_id
	[[ $output == *"added in another boot"* ]] || fail "why: $output"
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: a cache of multus's, and one that is named" {
	attach box
	mkdir -p /var/lib/cni/multus "$BATS_TEST_TMPDIR/mine"
	mv /var/lib/cni/results /var/lib/cni/multus/results
	attach other
	mv /var/lib/cni/results "$BATS_TEST_TMPDIR/mine/results"
	destroy box other
	gc_node --cache "$BATS_TEST_TMPDIR/mine"
	says 2 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
	[ -z "$(ls /var/lib/cni/multus/results "$BATS_TEST_TMPDIR/mine/results" | grep cnitool)" ] || fail "caches"
}

@test "gc: an attachment in several caches, and under another name, goes from all of them" {
	local other=$BATS_TEST_TMPDIR/other
	attach box
	mkdir -p "$other/results"
	cp /var/lib/cni/results/* "$other/results"
	cp /var/lib/cni/results/* /var/lib/cni/results/copy
	destroy box
	gc_node --cache "$other" --cache /var/lib/cni --cache "$other/../other"
	says 1 0 0 0
	[ -z "$(left)$(ls "$other/results")" ] || fail "nothing left: $(left) $(ls "$other/results")"
}

@test "gc: what no cache knows goes by the registry and the records" {
	attach box
	destroy box
	rm -r /var/lib/cni/results
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: a plugin of ours whose file is gone" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp -l "$CNIC_BIN"/* "$BATS_TEST_TMPDIR/bin" 2>/dev/null || cp "$CNIC_BIN"/* "$BATS_TEST_TMPDIR/bin"
	CNI_PATH=$BATS_TEST_TMPDIR/bin attach box
	rm "$BATS_TEST_TMPDIR"/bin/{portmap,bridge,host-local,bandwidth}
	destroy box
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: a chain's plugins of ours whose files are gone, and one that only ends in such a name" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp -l "$CNIC_BIN"/* "$BATS_TEST_TMPDIR/bin" 2>/dev/null || cp "$CNIC_BIN"/* "$BATS_TEST_TMPDIR/bin"
	"$CNIC_BIN/cnic" fold "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$BATS_TEST_TMPDIR/bin attach box
	rm "$BATS_TEST_TMPDIR"/bin/{chain,bridge,host-local,firewall}
	destroy box
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
	printf '#!/bin/bash\n[ $CNI_COMMAND != ADD ] || jq .prevResult\n' >"$BATS_TEST_TMPDIR/bin/their-firewall"
	chmod +x "$BATS_TEST_TMPDIR/bin/their-firewall"
	jq '.plugins[0].plugins += [{type: "their-firewall"}]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
	rm "$BATS_TEST_TMPDIR"/bin/their-firewall
	destroy box
	gc_node
	says 0 1 0 0
	[[ $output == *'failed to find plugin "their-firewall"'* ]] || fail "which, and why: $output"
	[ "$(addresses)" -eq 0 ] || fail "the addresses are released"
}

@test "gc: a foreign plugin that fails is said, the others are tried" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/foreign" <<-'END'
		#!/bin/bash
		conf=$(cat)
		[ "$CNI_COMMAND" = ADD ] || { echo '{"code":123,"msg":"will not\u001b[2J\u009b"}'; exit 1; }
		jq .prevResult <<<"$conf"
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/foreign"
	jq '.plugins += [{type: "foreign"}]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
	destroy box
	gc_node
	[ "$status" -eq 1 ] || fail "exit 1"
	[[ $output == *'plugin type="foreign" failed (delete): will not?[2J??'* ]] || fail "which, and why: $output"
	says 0 1 0 0
	[ "$(addresses)" -eq 0 ] || fail "the addresses are released"
	[ -n "$(ls /var/lib/cni/results)" ] || fail "the cache keeps it, for the next time"
	gc_node
	says 0 1 0 0
	rm "$BATS_TEST_TMPDIR/bin/foreign"
	gc_node
	says 0 1 0 0
	[[ $output == *'failed to find plugin "foreign"'* ]] || fail "which, and why: $output"
	ln -s /bin/true "$BATS_TEST_TMPDIR/bin/foreign"
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc and verify: a plugin that is gone and has one of our names at its end is not taken for ours" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	printf '#!/bin/bash\n[ $CNI_COMMAND != ADD ] || jq .prevResult\n' >"$BATS_TEST_TMPDIR/bin/accelerated-bridge"
	chmod +x "$BATS_TEST_TMPDIR/bin/accelerated-bridge"
	jq '.plugins += [{type: "accelerated-bridge"}]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
	mv "$BATS_TEST_TMPDIR/bin/accelerated-bridge" "$BATS_TEST_TMPDIR"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [[ $output == *'failed to find plugin "accelerated-bridge"'*'its DEL will fail'* && $output != *$'\n'* ]] ||
		fail "only that it is gone: $output"
	destroy box
	gc_node
	says 0 1 0 0
	[[ $output == *'failed to find plugin "accelerated-bridge"'* ]] || fail "which, and why: $output"
	[ "$(addresses)" -eq 0 ] || fail "the addresses are released"
	mv "$BATS_TEST_TMPDIR/accelerated-bridge" "$BATS_TEST_TMPDIR/bin"
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: a plugin of ours that a vendor has named, and that is gone" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$CNIC_BIN/bridge" "$BATS_TEST_TMPDIR/bin/cnv-bridge"
	jq '.plugins[0].type = "cnv-bridge"' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing wrong: $output"
	rm "$BATS_TEST_TMPDIR/bin/cnv-bridge"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 1 ] && [[ $output == *'"cnv-bridge"'*'cnic gc when the container is gone' && $output != *$'\n'* ]] ||
		fail "only that it is gone: $output"
	destroy box
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

# Of some of them nothing is kept but the cache's list.
@test "gc: a vendor's directory of plugins of ours that is gone as a whole, in a list and in a chain" {
	local type how
	mkdir "$BATS_TEST_TMPDIR/bin"
	jq '.plugins[].type |= "cnv-" + .' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/list"
	jq '.plugins = [.plugins[0], {type: "cnv-chain", plugins: .plugins[1:]}]' "$NETCONFPATH/list" >"$NETCONFPATH/chain"
	for how in list chain; do
		for type in bridge portmap firewall tuning bandwidth chain; do
			cp "$CNIC_BIN/$type" "$BATS_TEST_TMPDIR/bin/cnv-$type"
		done
		mv "$NETCONFPATH/$how" "$NETCONFPATH/10-net.conflist"
		CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
		rm "$BATS_TEST_TMPDIR"/bin/*
		destroy box
		gc_node
		says 1 0 0 0
		[ -z "$(left)" ] || fail "nothing left: $(left)"
	done
}

@test "gc: a plugin that is executed has removed its entry, and an ADD of the same container is quicker" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/quick" <<-END
		#!/bin/bash
		conf=\$(cat)
		[ "\$CNI_COMMAND" != ADD ] || exec jq -c .prevResult <<<"\$conf"
		[ "\$CNI_COMMAND" = DEL ] && [ ! -e "$BATS_TEST_TMPDIR/done" ] || exit 0
		: >"$BATS_TEST_TMPDIR/done"
		rm /var/lib/cni/cnic/*
		ip netns add box && ip -n box link set lo up
		"$CNIC_BIN/cnitool" add net /run/netns/box >"$BATS_TEST_TMPDIR/again" 2>&1 || { cat "$BATS_TEST_TMPDIR/again"; exit 1; } >&2
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/quick"
	jq '.plugins |= [.[0], {type: "quick"}] | .plugins[0].ipam = {type: "static", addresses: [{address: "10.6.0.2/24"}]}' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	export CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin
	attach box
	destroy box
	reboot
	gc_node
	says 0 1 0 0
	[[ $output == *'it has been added anew meanwhile'* ]] || fail "which is said"
	jq -e .ips "$BATS_TEST_TMPDIR/again" >/dev/null || fail "an ADD: $(<"$BATS_TEST_TMPDIR/again")"
	ip -n box -br addr show eth0 | grep -q 10.6.0.2 || fail "its interface"
	gc_node
	says 0 0 1 0
	"$CNIC_BIN/cnic" verify || fail "it is whole"
	umount /proc/sys/kernel/random/boot_id
}

@test "gc and verify: an IPAM plugin that is executed is told which attachment" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/foreign" <<-'END'
		#!/bin/bash
		cat >/dev/null
		echo "$CNI_COMMAND ${CNI_CONTAINERID-none} ${CNI_IFNAME-none} ${CNI_NETNS-none} ${CNI_ARGS-none} $CNI_PATH" >>"$CALLS"
		[ "$CNI_COMMAND" != ADD ] || echo '{"cniVersion":"1.0.0","ips":[{"address":"10.6.0.2/24"}]}'
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/foreign"
	jq '.plugins |= .[:1] | .plugins[0].ipam = {type: "foreign"}' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	export CALLS=$BATS_TEST_TMPDIR/calls CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin
	CNI_ARGS='IgnoreUnknown=true;K=V' attach box
	id=$(jq -r .containerId /var/lib/cni/results/*)
	: >"$CALLS"
	CNI_CONTAINERID=another "$CNIC_BIN/cnic" verify || fail "healthy"
	[ "$(<"$CALLS")" = "CHECK $id eth0 $(ns_path box) IgnoreUnknown=true;K=V $CNI_PATH" ] || fail "$(<"$CALLS")"
	destroy box
	: >"$CALLS"
	CNI_CONTAINERID=another gc_node
	says 1 0 0 0
	[ "$(sort -u "$CALLS")" = "DEL $id eth0  IgnoreUnknown=true;K=V $CNI_PATH" ] || fail "$(<"$CALLS")"
}

@test "gc and verify: programs that do not end, or leave a child with their stdout, are not waited for" {
	local type
	mkdir "$BATS_TEST_TMPDIR/bin"
	for type in ipam plugin child; do
		cat >"$BATS_TEST_TMPDIR/bin/$type" <<-END
			#!/bin/bash
			conf=\$(cat)
			if [ "\$CNI_COMMAND" != ADD ]; then
				[ $type != child ] || { sleep 100 3>&- & exit 0; }
				exec sleep 100
			elif [ $type = ipam ]; then
				echo '{"cniVersion":"1.0.0","ips":[{"address":"10.6.0.2/24"}]}'
			else
				jq .prevResult <<<"\$conf"
			fi
		END
		chmod +x "$BATS_TEST_TMPDIR/bin/$type"
	done
	jq '.plugins |= .[:1] | .plugins[0].ipam = {type: "ipam"} | .plugins += [{type: "plugin"}, {type: "child"}]' \
		"$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach box
	"$CNIC_BIN/cnic" fold "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin attach other
	run timeout 20 "$CNIC_BIN/cnic" verify --timeout 200ms
	[ "$status" -eq 2 ] || fail "damaged: $output"
	for type in ipam plugin child; do
		[ "$(grep -c "bin/$type has not ended after 200 ms" <<<"$output")" -eq 2 ] || fail "$type: $output"
	done
	destroy box other
	run timeout 20 "$CNIC_BIN/cnic" gc --timeout 200ms
	says 0 2 0 0
	for type in ipam plugin child; do
		[[ $output == *"bin/$type has not ended after 200 ms"* ]] || fail "$type: $output"
	done
	for type in ipam plugin child; do
		ln -sf /bin/true "$BATS_TEST_TMPDIR/bin/$type"
	done
	gc_node
	says 2 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: an entry that cannot be removed is no success, in the cache and in the registry" {
	jq '.plugins |= .[:1] | del(.plugins[0].ipam)' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	attach box
	destroy box
	mount -o remount,ro /var/lib/cni
	gc_node
	mount -o remount,rw /var/lib/cni
	[[ $output == *"remove /var/lib/cni/results/net-"*": Read-only file system"* ]] || fail "of the cache: $output"
	says 0 1 0 0
	rm /var/lib/cni/results/*
	mount -o remount,ro /var/lib/cni
	gc_node
	mount -o remount,rw /var/lib/cni
	[[ $output == *"cnic: network net, "*": remove /var/lib/cni/cnic/"*": Read-only file system"* ]] || fail "of the registry: $output"
	says 0 1 0 0
	gc_node
	says 1 0 0 0
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

# The first one's DEL comes to a plugin that adds the second one anew, as a runtime might meanwhile.
@test "gc: what is added anew meanwhile is left alone" {
	local first second
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/foreign" <<-'END'
		#!/bin/bash
		conf=$(cat)
		if [ "$CNI_COMMAND" = ADD ]; then
			exec jq .prevResult <<<"$conf"
		elif mv "$AGAIN" "$AGAIN.done" 2>/dev/null; then
			second=$(<"$AGAIN.done")
			"$CNIC_BIN/cnitool" del net "/run/netns/$second"
			ip netns add "$second"
			"$CNIC_BIN/cnitool" add net "/run/netns/$second" >/dev/null
		fi
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/foreign"
	jq '.plugins += [{type: "foreign"}]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	export CNIC_BIN CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin AGAIN=$BATS_TEST_TMPDIR/again
	attach box
	attach other
	second=$(jq -r .netns "$(ls /var/lib/cni/results/net-* | tail -n 1)")
	destroy box other
	echo "${second##*/}" >"$AGAIN"
	CAP_ARGS='{"portMappings":[{"hostPort":9999,"containerPort":80}]}'
	gc_node
	says 1 0 0 1
	[ -e "$AGAIN.done" ] || fail "it was added anew"
	"$CNIC_BIN/cnitool" check net "$second" || fail "and is whole"
	gc_node
	says 0 0 1 0
	"$CNIC_BIN/cnitool" del net "$second"
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

# While gc is at it, a runtime adds the same attachment anew, in a namespace at the same path.
@test "gc: right after the namespace, whose links the kernel takes away a little later" {
	local i
	for i in {1..5}; do
		netns "box$i"
		add bridge <<<'{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"gc0","ipam":{"type":"host-local","subnet":"10.6.0.0/24"}}'
		expect_ok
		ip netns del "box$i"
		run "$CNIC_BIN/cnic" gc
		[ "$output" = "net c1 eth0: its namespace is gone; removed
1 removed, 0 failed, 0 alive, 0 not known to be dead" ] || fail "round $i: $output"
	done
}

@test "gc: an ADD of the attachment that gc is at waits for it, and is whole" {
	local file
	mkdir "$BATS_TEST_TMPDIR/bin"
	cat >"$BATS_TEST_TMPDIR/bin/foreign" <<-'END'
		#!/bin/bash
		conf=$(cat)
		if [ "$CNI_COMMAND" = ADD ]; then
			exec jq .prevResult <<<"$conf"
		elif mkdir "$AGAIN" 2>/dev/null; then
			ip netns add "$NAME"
			(
				"$CNIC_BIN/cnitool" add net "/run/netns/$NAME" >"$AGAIN/out" 2>&1
				echo $? >"$AGAIN/status"
			) >/dev/null 2>&1 3>&- &
			until [ -e "$AGAIN/status" ] || grep -q 'FLOCK.*-> \|-> FLOCK' /proc/locks; do :; done
		fi
	END
	chmod +x "$BATS_TEST_TMPDIR/bin/foreign"
	jq '.plugins += [{type: "foreign"}]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	export CNIC_BIN CNI_PATH=$CNIC_BIN:$BATS_TEST_TMPDIR/bin AGAIN=$BATS_TEST_TMPDIR/again NAME
	attach box
	NAME=$(basename "$(ns_path box)")
	destroy box
	CAP_ARGS='{"portMappings":[{"hostPort":9999,"containerPort":80}]}'
	gc_node
	says 1 0 0 0
	until [ -s "$AGAIN/status" ]; do :; done
	[ "$(<"$AGAIN/status")" -eq 0 ] || fail "added: $(<"$AGAIN/out")"
	"$CNIC_BIN/cnitool" check net "$(ns_path box)" || fail "and is whole"
	for file in /var/lib/cni/cnic/*; do
		jq -s . "$file" >/dev/null || fail "$file is an entry: $(<"$file")"
	done
	gc_node
	says 0 0 1 0
	"$CNIC_BIN/cnitool" del net "$(ns_path box)"
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

# ---- foreign main plugins -------------------------------------------------------------------

# A main plugin that is not ours, and rules of ours: DEL does what $DO says (a program) before its own.
foreign_main() {
	FOREIGN=$BATS_TEST_TMPDIR/theirs
	mkdir "$FOREIGN"
	cat >"$FOREIGN/main" <<-'END'
		#!/bin/bash
		cat >/dev/null
		ns=${CNI_NETNS##*/}
		case $CNI_COMMAND in
		ADD)
			ip -n "$ns" link add eth0 type veth peer name peer
			echo "$CNI_NETNS" >"$FOREIGN/state-$CNI_CONTAINERID"
			echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"'"$CNI_NETNS"'"}],"ips":[{"address":"10.9.9.'"${ns#box}"'/24","interface":0}]}'
			;;
		DEL)
			[ ! -e "$FOREIGN/do" ] || . "$FOREIGN/do"
			rm -f "$FOREIGN/state-$CNI_CONTAINERID"
			;;
		esac
	END
	chmod +x "$FOREIGN/main"
	cat >"$NETCONFPATH/10-net.conflist" <<-'END'
		{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"main"},
		{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}
	END
	export FOREIGN CNIC_BIN CNI_PATH=$CNIC_BIN:$FOREIGN
}

theirs() {
	ls "$FOREIGN" | grep state- || true
}

registered() {
	[ "$(ls /var/lib/cni/cnic | wc -l)" -eq "$1" ] || fail "$1 in the registry: $(ls /var/lib/cni/cnic)"
}

@test "registry: one entry an attachment, of the first plugin of ours that makes something" {
	attach box
	registered 1
	[[ $(ls /var/lib/cni/cnic) == *-bridge ]] || fail "bridge's"
	"$CNIC_BIN/cnitool" del net "$(ns_path box)"
	registered 0
	foreign_main
	attach box2
	registered 1
	[[ $(ls /var/lib/cni/cnic) == *-portmap ]] || fail "portmap's"
	[ "$(jq .netnsCookie /var/lib/cni/cnic/*)" -gt 0 ] || fail "with the namespace's cookie"
	"$CNIC_BIN/cnitool" del net "$(ns_path box2)"
	registered 0
	[ -z "$(left)$(theirs)" ] || fail "nothing left: $(left) $(theirs)"
	netns box3
	CAP_ARGS='' "$CNIC_BIN/cnitool" add net "$(ns_path box3)" # no ports
	[[ $(ls /var/lib/cni/cnic) == *-firewall ]] || fail "firewall's"
	registered 1
}

@test "gc: behind a foreign main plugin, found on the CNI_PATH of its ADD" {
	foreign_main
	attach box2
	destroy box2
	CNI_PATH='' gc_node
	says 1 0 0 0
	[ -z "$(left)$(theirs)" ] || fail "nothing left: $(left) $(theirs)"
}

@test "gc: a foreign main plugin whose DEL fails gets it again the next time" {
	foreign_main
	attach box2
	destroy box2
	cat >"$FOREIGN/do" <<-'END'
		echo '{"code":11,"msg":"its API is down"}'
		exit 1
	END
	gc_node
	says 0 1 0 0
	[[ $output == *"its API is down"* ]] || fail "why: $output"
	[ -n "$(theirs)" ] || fail "theirs is there"
	rm "$FOREIGN/do"
	gc_node
	says 1 0 0 0
	[ -z "$(left)$(theirs)" ] || fail "nothing left: $(left) $(theirs)"
}

@test "gc: one that is killed at a foreign main plugin's DEL is done the next time" {
	foreign_main
	attach box2
	destroy box2
	echo 'kill -TERM $PPID; exit 1' >"$FOREIGN/do"
	gc_node
	[ "$status" -eq 143 ] || fail "killed: $status"
	rm "$FOREIGN/do"
	gc_node
	says 1 0 0 0
	[ -z "$(left)$(theirs)" ] || fail "nothing left: $(left) $(theirs)"
}

# The first one's DEL adds the second one anew, as a runtime might meanwhile.
@test "gc: what is added anew meanwhile behind a foreign main plugin is left alone" {
	foreign_main
	attach box2
	attach box3
	destroy box2 box3
	cat >"$FOREIGN/do" <<-'END'
		if mkdir "$FOREIGN/once" 2>/dev/null; then
			unset CNI_COMMAND
			for file in "$FOREIGN"/state-*; do
				[ "$file" != "$FOREIGN/state-$CNI_CONTAINERID" ] || continue
				ip netns add "$(basename "$(<"$file")")"
				PATH=$PATH "$CNIC_BIN/cnitool" add net "$(<"$file")" >"$FOREIGN/result"
			done
		fi
	END
	export CAP_ARGS='{"portMappings":[{"hostPort":9999,"containerPort":80}]}'
	gc_node
	says 1 0 0 1
	[ "$(theirs | wc -l)" -eq 1 ] || fail "the living one's: $(theirs)"
	gc_node
	says 0 0 1 0
	"$CNIC_BIN/cnitool" check net "$(cat "$FOREIGN"/state-*)" || fail "and is whole"
}

# ---- of the reference -----------------------------------------------------------------------

@test "gc: what the reference has added is not known to be dead" {
	[ -x "$REF_BIN/bridge" ] || skip "no reference"
	jq '.plugins |= .[:1]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$REF_BIN attach box
	destroy box
	gc_node
	says 0 0 0 1
	[ "$(addresses)" -eq 2 ] || fail "its reservations stay"
	CNI_PATH=$REF_BIN "$CNIC_BIN/cnitool" del net "$(ns_path box)"
}

@test "gc --foreign: the reference's, from before this boot" {
	[ -x "$REF_BIN/bridge" ] || skip "no reference"
	jq '.plugins |= .[:1]' "$NETCONFPATH/10-net.conflist" >"$NETCONFPATH/new"
	mv "$NETCONFPATH/new" "$NETCONFPATH/10-net.conflist"
	CNI_PATH=$REF_BIN attach box
	destroy box
	gc_node --foreign
	says 0 0 0 1
	touch -d '2001-01-01' /var/lib/cni/results/*
	gc_node
	says 0 0 0 1
	gc_node --foreign --dry-run
	[ "$(addresses)" -eq 2 ] || fail "still there"
	gc_node --foreign
	says 1 0 0 0
	[ "$(addresses)" -eq 0 ] || fail "its reservations are released: $(left)"
}

@test "gc --foreign: what has its namespace at its path stays, whatever the clock has been" {
	attach box
	rm -r /var/lib/cni/cnic /run/cnic/rules
	touch -d '2001-01-01' /var/lib/cni/results/*
	gc_node --foreign
	says 0 0 0 1
	[ "$(addresses)" -eq 2 ] || fail "its reservations stay"
	destroy box
	gc_node --foreign
	says 1 0 0 0
}

@test "gc --foreign: an entry of the cache cannot lead out of the plugins' directories" {
	local up victim # one of them is in the root directory, which is not this test's alone
	victim=$(mktemp -u victim.XXXXXX)
	attach box
	mkdir -p /run/cni/tuning
	for up in .. ../.. ../../..; do
		echo '{}' >"/run/cni/tuning/$up/${victim}_eth0.json"
		jq -c --arg id "$up/$victim" '.containerId = $id | .netns = ""' /var/lib/cni/results/net-* >"/var/lib/cni/results/evil${#up}"
	done
	jq -c '.ifName = "../x" | .netns = ""' /var/lib/cni/results/net-* >/var/lib/cni/results/evil0
	touch -d '2001-01-01' /var/lib/cni/results/evil*
	gc_node --foreign
	[ "$status" -eq 1 ] || fail "exit 1"
	says 0 4 1 0
	[[ $output == *"network net, container ../$victim, interface eth0: "*"invalid characters in containerID"* ]] || fail "why: $output"
	for up in .. ../.. ../../..; do
		[ -e "/run/cni/tuning/$up/${victim}_eth0.json" ] || fail "$up is left alone"
		rm "/run/cni/tuning/$up/${victim}_eth0.json"
	done
}

@test "gc --foreign: reservations that no attachment has" {
	attach box
	printf 'ghost\r\neth0' >/var/lib/cni/networks/net/10.6.0.77
	printf 'older' >/var/lib/cni/networks/net/10.6.0.78
	printf 'young\r\neth0' >/var/lib/cni/networks/net/10.6.0.79
	touch -d '2001-01-01' /var/lib/cni/networks/net/10.6.0.7[78]
	touch -d '2001-01-01' /var/lib/cni/networks/net/10.6.0.2 # of one that lives
	gc_node
	says 0 0 1 0
	gc_node --foreign
	says 2 0 1 1
	[[ $output == *"net ghost eth0: address 10.6.0.77 of network net, from before this boot; removed"* ]] || fail "says what: $output"
	[ "$(addresses)" -eq 3 ] || fail "two of box, one of young: $(left)"
	rm /var/lib/cni/networks/net/10.6.0.79
}

@test "gc: seen from another PID namespace, or another network, nothing is dead" {
	attach box
	destroy box
	run unshare --pid --fork --mount-proc "$CNIC_BIN/cnic" gc
	says 0 0 0 1
	run unshare --net "$CNIC_BIN/cnic" gc
	says 0 0 0 1
	gc_node
	says 1 0 0 0
}

@test "gc: an ADD that was killed" {
	local n
	netns box
	for n in 3 20 60 100 140 180; do
		"${STRACE[@]}" -f -o /dev/null -e inject=all:signal=KILL:when="$n" "$CNIC_BIN/cnitool" add net "$(ns_path)" >/dev/null 2>&1 || true
	done
	destroy box
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	[ -z "$(left)" ] || fail "nothing left: $(left)"
}

@test "gc: bad arguments, files that are none" {
	run "$CNIC_BIN/cnic" gc --older-than never
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	run "$CNIC_BIN/cnic" gc --timeout 0
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	run "$CNIC_BIN/cnic" gc --nothing
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	attach box
	for file in /var/lib/cni/cnic/* /var/lib/cni/results/*; do
		head -c 100 "$file" >"$file.cut"
		mv "$file.cut" "$file"
	done
	destroy box
	gc_node
	[ "$status" -eq 0 ] || fail "exit 0"
	[[ $output == *"passed over"* ]] || fail "the file is named: $output"
}

@test "gc: drafts, and entries without content, that killed writers have left go; not those that are being written" {
	local dir file
	attach red
	for dir in /var/lib/cni/results /run/cnic/rules; do
		mkdir -p "$dir"
		echo half >"$dir/net-$NS:.tmp"
		echo half >"$dir/other:.tmp"
	done
	file=/var/lib/cni/cnic/0123456789abcdef-0123456789abcdef-bridge
	: >"$file"
	gc_node --dry-run
	[ -e "$file" ]
	exec 8</var/lib/cni/results/other:.tmp
	flock 8
	gc_node
	says 0 0 1 0
	[ ! -e "$file" ]
	[ -z "$(find /run/cnic/rules -name '*:.tmp')" ]
	[ "$(find /var/lib/cni/results -name '*:.tmp')" = /var/lib/cni/results/other:.tmp ]
	exec 8<&-
}
