# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# ipMasq and macspoofchk: what is in the rule set, what CHECK, GC and repair make of it, and that a
# DEL leaves nothing whatever it has to go by. Traffic is in masq-traffic.bats and spoof.bats.

load ../lib
bats_require_minimum_version 1.5.0

IPAM='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]]}'

conf() {
	jq -c --arg backend "$2" '.ipMasqBackend = $backend' \
		<<<'{"cniVersion":"1.1.0","name":"net","type":"'"$1"'","ipMasq":true,"isGateway":true,'"$IPAM"'}'
}

# What the attachments have: elements, rules of tables that are not ours alone, records.
held() {
	nft -j list ruleset | jq -r '.nftables[] |
		(.set, .map | select(.elem) | .elem[] | tojson),
		(.rule | select(. and (.table | startswith("cnic_") | not) and .chain != "postrouting") |
			"\(.table) \(.chain)")'
	! [ -d /run/cnic/rules ] || ls /run/cnic/rules
}

nothing_held() {
	[ -z "$(held)" ] || fail "nothing left, not: $(held)"
}

elements() {
	nft -j list map inet cnic_masquerade "$1" | jq -c '[.nftables[].map // empty | .elem // [] | .[] |
		(.[0].elem.val // .[0]), (.[1].goto.target // .[1])]'
}

@test "by default an address is an element of our table, with its owner, that goes to its subnet's chain" {
	netns box
	add bridge <<<"$(conf bridge '')"
	expect_ok
	[ "$(elements v4)" = '["10.2.0.2","to_10.2.0.0/24"]' ] || fail "$(elements v4)"
	[ "$(elements v6)" = '["fd00:2::2","to_fd00_2__/64"]' ] || fail "$(elements v6)"
	nft list map inet cnic_masquerade v4 | grep -qF 'net: net, if: eth0, id: c1"'
	[ -z "$(nft list tables | grep -v cnic_)" ] || fail "no other table"
	del bridge <<<"$(conf bridge '')"
	expect_silent
	nothing_held
}

@test "an unknown backend is refused before anything is done" {
	netns box
	for plugin in bridge ptp; do
		for verb in ADD STATUS; do
			cni $verb $plugin <<<"$(conf $plugin ebtables)"
			expect_code 7 ipMasqBackend
		done
	done
	[ -z "$(host_links)$(nft list ruleset)" ] || fail "nothing made"
	nothing_held
}

@test "CHECK misses what is gone and repair puts it back: each backend, both families" {
	local backend plugin
	netns box
	for plugin in bridge ptp; do
		for backend in '' nftables iptables; do
			conf=$(conf $plugin "$backend")
			add $plugin <<<"$conf"
			expect_ok
			checked=$(with_result "$conf")
			check $plugin <<<"$checked"
			expect_silent
			held >"$BATS_TEST_TMPDIR/before"
			nft flush ruleset
			check $plugin <<<"$checked"
			expect_code 102 ipMasq
			run -0 "$CNIC_BIN/cnic" repair
			[ "$output" = "1 repaired, 0 failed, 0 gone" ] || fail "$output"
			check $plugin <<<"$checked"
			expect_silent
			held | diff "$BATS_TEST_TMPDIR/before" -
			run -0 "$CNIC_BIN/cnic" repair --network other
			run -0 "$CNIC_BIN/cnic" repair --network net c1
			held | diff "$BATS_TEST_TMPDIR/before" -
			del $plugin <<<"$conf"
			expect_silent
			nothing_held
		done
	done
}

@test "CHECK misses a rule that is gone from a chain of ours" {
	netns box
	conf=$(conf bridge '')
	add bridge <<<"$conf"
	checked=$(with_result "$conf")
	for chain in postrouting to_10.2.0.0/24 to_fd00_2__/64; do
		nft flush chain inet cnic_masquerade $chain
		check bridge <<<"$checked"
		expect_code 102 "$chain"
		run -0 "$CNIC_BIN/cnic" repair
		check bridge <<<"$checked"
		expect_silent
	done
}

# chain_restored : each rule of the container's chain is missed, and comes back in its place
chain_restored() {
	local family chain before how
	netns box
	conf=$(conf bridge iptables)
	add bridge <<<"$conf"
	expect_ok
	checked=$(with_result "$conf")
	for family in ip ip6; do
		before=$("${family}tables" -t nat -S)
		chain=$(sed -n 's/^-N \(CNI-.*\)/\1/p' <<<"$before")
		for how in "-F $chain" "-D $chain 1" "-D $chain 2"; do
			# shellcheck disable=SC2086
			"${family}tables" -t nat $how
			check bridge <<<"$checked"
			expect_code 102 ipMasq
			run -0 "$CNIC_BIN/cnic" repair
			diff <(echo "$before") <("${family}tables" -t nat -S) || fail "after $how"
			check bridge <<<"$checked"
			expect_silent
		done
	done
	del bridge <<<"$conf"
	expect_silent
}

@test "iptables: CHECK misses a rule that is gone from the container's chain, and repair puts it back" {
	chain_restored
}

@test "ADD again changes nothing" {
	local backend
	netns box
	for backend in '' nftables iptables; do
		conf=$(conf ptp "$backend")
		add ptp eth0 <<<"$conf"
		expect_ok
		before=$(held)
		add ptp eth0 <<<"$conf"
		[ "$status" -ne 0 ] || fail "the interface is there"
		[ "$(held)" = "$before" ] || fail "as before: $(held)"
		del ptp eth0 <<<"$conf"
		nothing_held
	done
}

@test "DEL without its record, without ipMasq in the configuration, without its namespace" {
	local backend
	for backend in '' nftables iptables; do
		netns box
		conf=$(conf bridge "$backend")
		add bridge <<<"$conf"
		expect_ok
		rm /run/cnic/rules/*
		del bridge <<<"$conf"
		expect_silent
		nothing_held

		add bridge <<<"$conf"
		del bridge <<<"$(jq -c 'del(.ipMasq)' <<<"$conf")"
		expect_silent
		nothing_held

		add bridge <<<"$conf"
		: >"$(echo /run/cnic/rules/*)"
		del bridge <<<"$(jq -c 'del(.ipMasq)' <<<"$conf")"
		[ "$status" -eq 0 ] || fail "success"
		nothing_held

		add bridge <<<"$conf"
		ip netns del box
		del bridge <<<"$conf"
		expect_silent
		nothing_held
		del bridge <<<"$conf"
		expect_silent
	done
}

@test "DEL leaves the neighbour's" {
	local backend
	netns one
	netns two
	for backend in '' nftables iptables; do
		conf=$(conf bridge "$backend")
		NS=one CID=c1 add bridge <<<"$conf"
		before=$(held)
		NS=two CID=c2 add bridge <<<"$conf"
		NS=two CID=c2 del bridge <<<"$conf"
		expect_silent
		[ "$(held)" = "$before" ] || fail "as before: $(held)"
		NS=one CID=c1 del bridge <<<"$conf"
		nothing_held
	done
}

# two_interfaces : of one container on one network; the DEL of one, either, leaves the other its rules
two_interfaces() {
	local first second conf other
	declare -A checked
	conf=$(conf bridge "$1")
	other=$(jq -c '.bridge = "br3" | .ipam.ranges = [[{subnet: "10.3.0.0/24"}], [{subnet: "fd00:3::/64"}]]' <<<"$conf")
	for first in eth0 net1; do
		for second in "$conf" "$other"; do
			add bridge eth0 <<<"$conf"
			expect_ok
			checked[eth0]=$(with_result "$conf")
			add bridge net1 <<<"$second"
			expect_ok
			checked[net1]=$(with_result "$second")
			check bridge eth0 <<<"${checked[eth0]}"
			expect_silent
			check bridge net1 <<<"${checked[net1]}"
			expect_silent
			[ "$1" != iptables ] || subnets_first
			if [ $first = eth0 ]; then
				del bridge eth0 <<<"$conf"
				expect_silent
				check bridge net1 <<<"${checked[net1]}"
				expect_silent
				del bridge net1 <<<"$second"
			else
				gc bridge <<<"$(jq -c '.["cni.dev/valid-attachments"] =
					[{containerID: "c1", ifname: "eth0"}]' <<<"$second")"
				expect_silent
				check bridge eth0 <<<"${checked[eth0]}"
				expect_silent
				[ "$1" != iptables ] || [ "$(iptables -t nat -S POSTROUTING | grep -c CNI-)" -eq 1 ]
				del bridge net1 <<<"$second"
				del bridge eth0 <<<"$conf"
			fi
			expect_silent
			! { iptables -t nat -S && ip6tables -t nat -S; } | grep CNI- || fail "no chain left"
			nothing_held
		done
	done
}

# A subnet that comes after the rule for all the rest would never be asked for.
subnets_first() {
	local family
	for family in ip ip6; do
		"${family}tables" -t nat -S | awk '/^-A CNI-.*MASQUERADE/ { all = 1 }
			/^-A CNI-.*ACCEPT/ && all { exit 1 }' || fail "$("${family}tables" -t nat -S)"
	done
}

@test "two interfaces on one network: either leaves, the other is masqueraded still" {
	local backend
	netns box
	for backend in '' nftables iptables; do
		two_interfaces "$backend"
	done
}

@test "GC removes what is not in the valid attachments, and of this network only" {
	local backend
	netns one
	netns two
	for backend in '' nftables iptables; do
		conf=$(conf bridge "$backend" | jq -c '.macspoofchk = true')
		NS=one CID=c1 add bridge <<<"$conf"
		before=$(held)
		NS=two CID=c2 add bridge <<<"$conf"
		both=$(held)
		gc bridge <<<"$(jq -c '.name = "other" | .["cni.dev/valid-attachments"] = []' <<<"$conf")"
		expect_silent
		[ "$(held)" = "$both" ] || fail "another network's stay: $(held)"
		gc bridge <<<"$conf"
		expect_silent
		[ "$(held)" = "$both" ] || fail "without a list all stay: $(held)"
		gc bridge <<<"$(jq -c '.["cni.dev/valid-attachments"] =
			[{containerID: "c1", ifname: "eth0"}]' <<<"$conf")"
		expect_silent
		[ "$(held)" = "$before" ] || fail "the valid one's stay: $(held)"
		gc bridge <<<"$(jq -c '.["cni.dev/valid-attachments"] = []' <<<"$conf")"
		expect_silent
		nothing_held
		! nft list ruleset | grep 'chain to_' || fail "no chain of a subnet without containers"
		NS=one CID=c1 del bridge <<<"$conf"
		NS=two CID=c2 del bridge <<<"$conf"
	done
}

@test "an element that a container of the past has left is taken over" {
	netns box
	conf=$(conf bridge '')
	CID=past add bridge <<<"$conf"
	expect_ok
	elements=$(nft -j list map inet cnic_masquerade v4)
	CID=past del bridge <<<"$conf"
	nft add element inet cnic_masquerade v4 \
		'{ 10.2.0.3 comment "0123456789abcdef-0123456789abcdef, net: net" : goto to_10.2.0.0/24 }'
	add bridge <<<"$conf"
	expect_ok
	expect_json .ips[0].address 10.2.0.3/24
	nft list map inet cnic_masquerade v4 | grep -qF 'id: c1'
	! nft list map inet cnic_masquerade v4 | grep -F 0123456789abcdef || fail "its owner is c1"
	del bridge <<<"$conf"
	nothing_held
}

@test "one transaction for an ADD, a look and one for a DEL, and no process but the one a DEL has" {
	needs_ipam_inside
	netns box
	conf=$(conf bridge '')
	CID=c0 add bridge eth9 <<<"$conf"
	trace=$BATS_TEST_TMPDIR/trace
	for verb in ADD DEL; do
		CNI_COMMAND=$verb CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$(ns_path) CNI_PATH=$CNIC_BIN \
			"${STRACE[@]}" -f -xx -s 20 -o "$trace.$verb" -e trace=sendto,clone,clone3,fork,vfork,execve,membarrier \
			"$CNIC_BIN/bridge" <<<"$conf" >/dev/null
		[ "$(grep -c nlmsg_type=NFNL_MSG_BATCH_BEGIN "$trace.$verb")" -eq 1 ] ||
			fail "$(cat "$trace.$verb")"
	done
	[ "$(grep -cE '(clone3?|fork)\(' "$trace.ADD")" -eq 0 ] || fail "$(cat "$trace.ADD")"
	[ "$(grep -cE '(clone3?|fork)\(' "$trace.DEL")" -eq 1 ] || fail "$(cat "$trace.DEL")"
	[ "$(grep -c 'execve(' "$trace.DEL")" -eq 1 ] || fail "$(cat "$trace.DEL")"
	[ "$(grep -c membarrier "$trace.ADD")" -eq 0 ] || fail "$(cat "$trace.ADD")"
}

@test "nftables: an ADD beside another's makes nothing anew, and what is gone of what all share" {
	local t='inet cni_plugins_masquerade' trace=$BATS_TEST_TMPDIR/trace whole gone
	needs_ipam_inside
	netns box
	conf=$(conf bridge nftables)
	CID=c0 add bridge eth9 <<<"$conf"
	whole=$(nft -a list chain $t postrouting)
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$(ns_path) CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -f -o "$trace" -e trace=sendto,clone,clone3,fork,vfork "$CNIC_BIN/bridge" <<<"$conf" >/dev/null
	[ "$(nft -a list chain $t postrouting)" = "$whole" ] || fail "$(nft -a list chain $t postrouting)"
	! grep -E 'NFT_MSG_(DEL|NEWCHAIN)|(clone3?|fork)\(' "$trace" || fail "nothing anew"
	whole=$(nft list chain $t postrouting)
	for gone in "flush chain $t postrouting" "add rule $t postrouting return" "delete table $t"; do
		nft $gone
		del bridge <<<"$conf"
		add bridge <<<"$conf"
		expect_ok
		[ "$(nft list chain $t postrouting)" = "$whole" ] || fail "$gone: $(nft list table $t)"
	done
}

# Its socket's closing would hold nf_tables' lock until a grace period is over, and all others up.
@test "the process that a DEL leaves has waited out the grace period before it closes its netfilter socket" {
	needs_ipam_inside
	netns box
	conf=$(conf bridge '')
	add bridge <<<"$conf"
	trace=$BATS_TEST_TMPDIR/trace
	CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS=$(ns_path) CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -f -o "$trace" -e trace=membarrier,clone,clone3,fork,exit_group \
		"$CNIC_BIN/bridge" <<<"$conf" >/dev/null
	child=$(sed -nE 's/.*(clone|fork).* = ([0-9]+)$/\2/p' "$trace")
	[ "$(awk -v pid="$child" '$1 == pid && /[(]/ { sub(/[(].*/, "", $2); print $2 }' "$trace" | xargs)" = \
		"membarrier exit_group" ] || fail "$(cat "$trace")"
}

# The last test here: the legacy tables stay with this file's host, and every DEL looks into them.
@test "legacy iptables: CHECK misses a rule that is gone from the container's chain, and repair puts it back" {
	with_legacy
	chain_restored
	two_interfaces iptables
	rules_clean
}
