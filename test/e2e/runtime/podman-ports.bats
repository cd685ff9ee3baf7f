# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# podman publishes a port on its usual chain, bridge with ipMasq, portmap and firewall: it answers from
# outside, and again after somebody has flushed the rules and `cnic repair` has been run.

load ../lib
load ../traffic/traffic
load runtimes # both have a container()
load ../plugin/firewalld

CHAIN_PLUGINS='[
	{"type":"bridge","bridge":"pod0","isGateway":true,"ipMasq":true,"hairpinMode":true,
	 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16","gateway":"10.88.0.1"}]],
		"routes":[{"dst":"0.0.0.0/0"}]}},
	{"type":"portmap","capabilities":{"portMappings":true}},
	{"type":"firewall"}]'

setup_file() {
	podman_setup podnet
	mkdir "$BATS_FILE_TMPDIR/rootfs/www"
	echo "it answers" >"$BATS_FILE_TMPDIR/rootfs/www/index.html"
	jq -n --argjson plugins "$CHAIN_PLUGINS" \
		'{cniVersion: "0.4.0", name: "podnet", plugins: $plugins}' \
		>"$BATS_FILE_TMPDIR/net.d/podnet.conflist"
}

setup() {
	host_setup
	remote_setup
}

teardown() {
	podman_with rm -f -t 0 --all >/dev/null 2>&1 || true
	firewalld_end
	host_clean
}

# The server is there when its first line says so.
publish() {
	container -d --name web -p 8080:80 -- /bin/busybox httpd -f -p 80 -h /www
}

answer() {
	in_ns remote timeout 2 bash -c 'exec 9<>/dev/tcp/192.0.2.1/8080 &&
		printf "GET / HTTP/1.0\r\n\r\n" >&9 && cat <&9' 2>&1 | tail -n 1
}

expect_answer() {
	local i said
	for ((i = 0; i < 50; i++)); do # until httpd listens
		said=$(answer)
		[ "$said" != "it answers" ] || return 0
		[[ $said == *refused* ]] || break
	done
	fail "an answer from outside, not: $said"
}

nothing_of_it() {
	ip link del up0
	expect_nothing_left
	expect_no_rules
}

@test "podman: a published port answers from outside, and again after a flush and a repair" {
	require podman
	publish
	expect_answer
	nft flush ruleset
	[ "$(answer)" != "it answers" ] || fail "no answer without rules"
	"$CNIC_BIN/cnic" repair
	expect_answer
	podman_with rm -f -t 0 web
	[ "$(answer)" != "it answers" ] || fail "no answer when it is gone"
	nothing_of_it
}

fold() {
	"$CNIC_BIN/cnic" fold "$@" "$BATS_FILE_TMPDIR/net.d/podnet.conflist"
}

@test "podman: the same list folded, and each form removes what the other has added" {
	publish
	fold
	podman_with rm -f -t 0 web
	publish
	expect_answer
	podman_with exec web ip -4 addr show eth0 | grep -q 'inet 10\.88\.0\.[0-9]*/16' || fail "an address"
	nft flush ruleset
	"$CNIC_BIN/cnic" repair
	expect_answer
	fold --unfold
	podman_with rm -f -t 0 web
	[ "$(answer)" != "it answers" ] || fail "no answer when it is gone"
	nothing_of_it
}

# From the container's own namespace, wherever podman has it.
reaches_out() {
	nsenter --net="$(jq -r .netns /run/cnic/rules/*-firewall)" ping -q -c 1 -W "$1" 192.0.2.2
}

@test "podman: a container reaches out where iptables' forward policy is DROP" {
	iptables -P FORWARD DROP
	publish
	reaches_out 5
	iptables -F
	! reaches_out 1 || fail "nothing forwarded without rules"
	"$CNIC_BIN/cnic" repair
	reaches_out 5
	podman_with rm -f -t 0 web
	nothing_of_it
	! iptables -S | grep -F 10.88. || fail "no rule of the container's"
}

@test "podman: firewalld's reload takes a container's zone, and a repair brings it back" {
	firewalld_start
	publish
	expect_answer
	reaches_out 5
	firewall-cmd --reload 3>&- 4>&-
	! reaches_out 1 || fail "nothing forwarded after the reload"
	"$CNIC_BIN/cnic" repair
	expect_answer
	reaches_out 5
	podman_with rm -f -t 0 web
	nothing_of_it
	[ -z "$(firewall-cmd --zone=trusted --list-sources 3>&- 4>&-)" ] || fail "no source"
}
