#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2154
#
# Programs that we execute: their words reach the runtime, and they do not outlive the call.

load ../lib
bats_require_minimum_version 1.5.0

setup() {
	host_setup
	rules_clean
	netns box
	FAKE=$BATS_TEST_TMPDIR/fake
	mkdir -p "$FAKE"
}

teardown() {
	[ -z "${holder_PID:-}" ] || free_lock
	umount "$(command -v xtables-legacy-multi)" 2>/dev/null || true
	rules_clean
	host_clean
}

# portmap [JQ], masq PLUGIN, firewall BACKEND : configurations whose rules a program makes.
portmap() {
	jq -c "${1:-.}" <<-END
		{"cniVersion":"1.1.0","name":"net","type":"portmap","backend":"iptables",
			"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80}]},
			"prevResult":{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],
				"ips":[{"address":"10.1.0.2/16","interface":0},{"address":"fd00::2/64","interface":0}]}}
	END
}

masq() {
	echo '{"cniVersion":"1.1.0","name":"net","type":"'"$1"'","ipMasq":true,"ipMasqBackend":"iptables",
		"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}'
}

firewall() {
	jq -c --arg backend "$1" '.type = "firewall" | .backend = $backend | del(.runtimeConfig)' <<<"$(portmap)"
}

# fake NAME... : these programs are what stdin says, as a script.
fake() {
	local name text
	text=$(cat)
	for name; do
		printf '#!/bin/sh\n%s\n' "$text" >"$FAKE/$name"
		chmod +x "$FAKE/$name"
	done
	PATH=$FAKE:${PATH#"$FAKE:"}
}

# leftovers : rules of ours, whichever iptables has them, addresses and records.
leftovers() {
	{ nft list ruleset && iptables-legacy-save && ip6tables-legacy-save; } 2>/dev/null |
		grep -E '10\.1\.0\.[1-9]|fd00::[1-9]|CNI-DN|CNI-[0-9a-f]{8}' || true
	find /run/cnic/rules /var/lib/cni/networks -type f -name '[1-9a-f]*' 2>/dev/null
}

nothing_left() {
	[ -z "$(leftovers)" ] || fail "nothing left, not $(leftovers)"
}

# details TEXT : the error object has it there, not only somewhere.
details() {
	expect_code 999 "failed: exit status"
	jq -e --arg text "$1" '.details | contains($text)' <<<"$output" >/dev/null || fail "details with '$1'"
	[[ $errors == *"$1"* ]] || fail "the words on stderr as well"
	nothing_left
}

# ---- row 8: their words --------------------------------------------------------------------

refused_by_iptables() {
	add portmap <<<"$(portmap '.externalSetMarkChain = "KUBE-MARK-MASQ" | .snat = true |
		.runtimeConfig.portMappings[0].hostPort = 8081')"
	details KUBE-MARK-MASQ
	add portmap <<<"$(portmap '.conditionsV4 = ["-m", "nosuchmatch"]')"
	details nosuchmatch
	add portmap <<<"$(portmap '.conditionsV6 = ["-m", "set", "--match-set", "missing", "src"]')"
	details "missing"
}

@test "row 8: what iptables refuses, it tells the runtime: the newer kind" {
	refused_by_iptables
}

@test "row 8: what iptables refuses, it tells the runtime: legacy" {
	with_legacy
	refused_by_iptables
}

# A node with many services has such a table.
@test "iptables-save prints more than a megabyte" {
	local conf checked
	{
		echo "*nat" && echo ":FILLER - [0:0]"
		seq 8000 | sed "s/.*/-A FILLER -m comment --comment \"$(printf '%0100d' 0)\" -p tcp --dport & -j RETURN/"
		echo COMMIT
	} | iptables-restore --noflush
	[ "$(iptables-save -t nat | wc -c)" -gt 1000000 ]
	conf=$(portmap)
	add portmap <<<"$conf"
	expect_ok
	check portmap <<<"$(with_result "$conf")"
	expect_silent
	del portmap <<<"$conf"
	expect_silent
	conf=$(masq bridge)
	add bridge <<<"$conf"
	expect_ok
	check bridge <<<"$(with_result "$conf")"
	expect_silent
	del bridge <<<"$conf"
	expect_silent
	nothing_left
}

@test "row 8: the words of every iptables program, in every plugin" {
	local name plugin
	fake iptables-restore iptables-save iptables-legacy-restore iptables-legacy-save <<<'
		cat >/dev/null
		echo "no: \"${0##*/}\"" >&2
		echo "a second line" >&2
		exit 3'
	add portmap <<<"$(portmap)"
	details $'save"\na second line'
	rm "$FAKE"/iptables{,-legacy}-save
	for plugin in bridge ptp; do
		add $plugin <<<"$(masq $plugin)"
		details $'no: "iptables-restore"\na second line'
	done
	add portmap <<<"$(portmap)"
	details $'no: "iptables-restore"\na second line'
	fake iptables-legacy-save <<<'echo "no: \"${0##*/}\"" >&2; exit 3'
	iptables-legacy -t filter -S >/dev/null # so that the kernel has the table
	add firewall <<<"$(firewall iptables)"
	details 'no: "iptables-legacy-save"'
	add firewall <<<"$(firewall nftables)"
	expect_ok
	CID=c2 del firewall <<<"$(firewall iptables)"
	details_on_del='no: "iptables-legacy-save"'
	jq -e --arg text "$details_on_del" '.details | contains($text)' <<<"$output" || fail "a DEL's details"
}

# without_legacy : the kernel has the legacy tables, but no program is installed that reads them, as
# where only a container brings one along.
without_legacy() {
	local family
	for family in ip ip6; do
		"${family}tables-legacy" -t nat -S >/dev/null
	done
	mount --bind /dev/null "$(readlink -f "$(command -v xtables-legacy-multi)")"
}

@test "a DEL leaves legacy tables alone that nothing installed can read" {
	local backend plugin
	without_legacy
	for plugin in bridge ptp; do
		for backend in iptables nftables; do
			conf=$(masq $plugin | jq -c --arg backend $backend '.ipMasqBackend = $backend')
			add $plugin <<<"$conf"
			expect_ok
			del $plugin <<<"$conf"
			expect_silent
			gc $plugin <<<"$(jq -c '.["cni.dev/valid-attachments"] = []' <<<"$conf")"
			expect_silent
		done
	done
	for conf in "$(portmap)" "$(portmap 'del(.backend)')"; do
		add portmap <<<"$conf"
		expect_ok
		del portmap <<<"$conf"
		expect_silent
	done
	nothing_left
}

@test "row 8: many words, none, and those of a program that is killed" {
	fake iptables-restore <<<'seq 1 200000 >&2; exit 1'
	add portmap <<<"$(portmap)"
	expect_code 999 "exit status 1"
	[[ $(jq -r .details <<<"$output") == $'1\n2\n3\n'* ]] || fail "the first of them"
	[ "$(tail -n 1 <<<"$errors")" = 200000 ] || fail "all of them on stderr"
	fake iptables-restore <<<'exit 1'
	add portmap <<<"$(portmap)"
	expect_code 999 "exit status 1"
	expect_json 'has("details")' false
	fake iptables-restore <<<'echo last words >&2; kill -SEGV $$'
	add portmap <<<"$(portmap)"
	expect_code 999 "signal 11"
	expect_json .details "last words"
	fake iptables-restore <<<'echo a warning >&2; exec /usr/sbin/iptables-restore "$@"'
	add portmap <<<"$(portmap)"
	expect_ok
	[[ $errors == *"a warning"* ]] || fail "a warning on stderr"
}

@test "row 8: the words of firewalld's helper" {
	local dir=$BATS_TEST_TMPDIR/bin
	mkdir "$dir"
	cp "$CNIC_BIN/firewall" "$dir"
	printf '#!/bin/sh\necho "no library for me" >&2\nexit 127\n' >"$dir/cnic-firewalld"
	chmod +x "$dir/cnic-firewalld"
	PLUGINS=$dir
	add firewall <<<"$(firewall firewalld)"
	expect_code 999 "exit status 127"
	expect_json .details "no library for me"
}

# ---- row 15: they die with the call --------------------------------------------------------

# waits NAME : until that program of ours waits for a lock. There is no event for it.
waits() {
	timeout 20 sh -c "until grep -qs lock /proc/\$(pgrep -n '$1')/wchan; do sleep 0.02; done" || fail "$1 to wait"
}

# killed PLUGIN CONF : an ADD whose program waits for the lock of legacy iptables is killed.
killed() {
	local pid
	hold_lock /run/xtables.lock
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
		"$CNIC_BIN/$1" <<<"$2" >"$BATS_TEST_TMPDIR/killed" 2>&1 3>&- 4>&- &
	pid=$!
	waits tables-
	kill -KILL $pid
	wait $pid || true
}

# legacy_del PLUGIN CONF : what comes after it, with the lock held and then free.
legacy_del() {
	killed "$1" "$2"
	del "$1" <<<"$2"
	expect_silent
	free_lock
	flock /run/xtables.lock true
	nothing_left
	! pgrep --runstates D,R,S,T 'tables-' || fail "no program left"
}

@test "row 15: a program that waits for the lock of iptables dies with the call, and DEL leaves nothing" {
	with_legacy
	for plugin in bridge ptp; do
		rules_clean
		legacy_del $plugin "$(masq $plugin)"
	done
	rules_clean
	legacy_del portmap "$(portmap)"
	rules_clean
	legacy_del firewall "$(firewall iptables)"
}

# Tables that are there already, so that DEL has something to look into.
@test "row 15: the same where legacy rules are in use" {
	with_legacy
	iptables -t nat -N OTHER && ip6tables -t nat -N OTHER
	iptables -t filter -N OTHER && ip6tables -t filter -N OTHER
	for plugin in bridge ptp; do
		legacy_del $plugin "$(masq $plugin)"
	done
	legacy_del portmap "$(portmap)"
	legacy_del firewall "$(firewall iptables)"
}

# late VERB PLUGIN CONF : comes while a program of a killed ADD, which nothing kills, still waits.
late() {
	local late
	killed "$2" "$3"
	{ cni "$1" "$2" <<<"$4" && expect_silent; } >"$BATS_TEST_TMPDIR/late" 3>&- 4>&- &
	late=$!
	waits "^$2"
	free_lock
	wait $late || fail "$1 to succeed, not $(<"$BATS_TEST_TMPDIR/late")"
	nothing_left
}

# A node's iptables may be a script that starts the right one.
@test "row 15: DEL, GC and ADD wait for what a killed ADD's program has started" {
	local name conf
	with_legacy
	for name in iptables ip6tables; do
		fake $name-restore <<<"/usr/sbin/xtables-legacy-multi $name-restore \"\$@\"; exit \$?"
	done
	conf=$(portmap)
	late DEL portmap "$conf" "$conf"
	late GC portmap "$conf" "$(with_valid "$(jq -c 'del(.prevResult, .runtimeConfig)' <<<"$conf")")"
	conf=$(masq ptp)
	late DEL ptp "$conf" "$conf"
	conf=$(firewall iptables)
	fake iptables-legacy-restore <<<'/usr/sbin/xtables-legacy-multi iptables-restore "$@"; exit $?'
	late DEL firewall "$conf" "$conf"
}

@test "row 15: a delegate dies with the call that has started it" {
	local dir=$BATS_TEST_TMPDIR/delegates plugin pid
	mkdir -p "$dir"
	printf '#!/bin/sh\n[ $CNI_COMMAND != ADD ] || { echo $$ >%s/pid.new; mv %s/pid.new %s/pid; exec sleep 60; }\n' \
		"$dir" "$dir" "$dir" >"$dir/slow"
	chmod +x "$dir/slow"
	for plugin in bridge ptp; do
		rm -f "$dir/pid"
		CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=$plugin CNI_PATH=$dir \
			"$CNIC_BIN/$plugin" <<<"$(jq -c '.ipam.type = "slow"' <<<"$(masq $plugin)")" >/dev/null &
		pid=$!
		timeout 20 sh -c "until [ -e $dir/pid ]; do sleep 0.02; done"
		kill -KILL $pid
		wait $pid || true
		timeout 20 tail --pid="$(<"$dir/pid")" -s 0.05 -f /dev/null || fail "the delegate to die"
	done
}
