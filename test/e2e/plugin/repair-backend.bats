# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# cnic repair --backend: the rules of attachments become another backend's while their traffic goes on,
# and back; a node that has gone over to the reference's has nothing of ours left.

load ../lib
load ../traffic/traffic
bats_require_minimum_version 1.5.0

teardown() {
	[ -z "${CLIENTS:-}" ] || kill "$CLIENTS" 2>/dev/null || true
	traffic_teardown
}

# usual BACKEND : all plugins that make rules, as they are configured for it.
usual() {
	local masq= other=
	[ -z "$1" ] || masq=",\"ipMasqBackend\":\"$1\"" other="\"backend\":\"$1\","
	chain bridge "{\"ipMasq\":true,\"macspoofchk\":true$masq}" portmap "{$other\"snat\":true}" \
		firewall "{${other/nftables/iptables}\"ingressPolicy\":\"same-bridge\"}"
}

begin() {
	usual "$1"
	container box
	MAPPINGS=$(map_ports <<<$'8080 80 tcp,udp\n8081 80 tcp 192.0.2.1\n8082 80 tcp ::1')
	chain_add
	serve box {tcp,udp}/80
	container near
	MAPPINGS=$(map_ports <<<"8090 80 tcp")
	chain_add
	about box
	serve remote {tcp,udp}/90
}

asks() {
	from remote "tcp udp" <<<"46 in HOST 8080 box:80 REMOTE" &&
		from box "tcp udp" <<<"46 out REMOTE 90 remote:90 HOST" &&
		from '' tcp <<<"4 loopback LOOPBACK 8080 box:80 GATEWAY"
}

# New connections all the time, until there is a file "done"; says how many there were, or what failed.
clients_begin() {
	local dir=$BATS_TEST_TMPDIR
	rm -f "$dir"/{done,failed,rounds}
	{
		local n=0
		until [ -e "$dir/done" ]; do
			asks >"$dir/last" 2>&1 || cp "$dir/last" "$dir/failed"
			n=$((n + 1))
			echo $n >"$dir/rounds.new"
			mv "$dir/rounds.new" "$dir/rounds"
		done
	} 3>&- &
	CLIENTS=$!
	rounds 1
}

# rounds N : so many have begun and ended since.
rounds() {
	local now
	now=$(cat "$BATS_TEST_TMPDIR/rounds" 2>/dev/null || echo 0)
	until [ "$(cat "$BATS_TEST_TMPDIR/rounds" 2>/dev/null || echo 0)" -ge $((now + $1)) ]; do
		kill -0 "$CLIENTS" || fail "clients"
	done
}

clients_end() {
	touch "$BATS_TEST_TMPDIR/done"
	wait "$CLIENTS"
	CLIENTS=
	[ ! -e "$BATS_TEST_TMPDIR/failed" ] || {
		cat "$BATS_TEST_TMPDIR/failed"
		fail "no connection that failed"
	}
}

turn() {
	local n
	n=$(find /run/cnic/rules -type f | wc -l)
	run -0 --separate-stderr "$CNIC_BIN/cnic" repair --backend "$@"
	# shellcheck disable=SC2154
	echo "$output$stderr"
	[ "$output" = "$n repaired, 0 failed, 0 gone" ] || fail "$output"
}

nothing_of_ours() {
	local left
	left=$(nft list tables | grep cnic_) && fail "no table of ours, not $left"
	left=$(ip -6 route show table local | grep fd63:) && fail "no route of ours, not $left"
	true
}

# Rules by which the reference goes: names of its tables and chains that are about the container.
reference_rules() {
	all_rules 2>/dev/null | grep -cE '"(table|chain)": "(cni_hostport|cni_plugins_masquerade|cni-br-iface-box-eth0[-mac]*|masq_checks)"|CNI-DN-[0-9a-f]+ |CNI-FORWARD -[sd]' || true
}

elements() {
	nft -j list ruleset | jq -r '.nftables[] | (.set, .map) | select(. and (.table | startswith("cnic_"))) |
		"\(.table) \(.name) \(.elem // [] | length)"' | grep -v ' 0$' | sort || true
}

own_rules() {
	local left
	left=$(nft -j list ruleset | jq -r '.nftables[].rule // empty |
		select((.table == "cni_hostport" and .comment) or .chain == "masq_checks" or
			(.family == "bridge" and .table == "nat")) | "\(.table) \(.chain)"')
	[ -z "$left" ] || fail "none of the reference's, not $left"
	left=$(all_rules 2>/dev/null | grep -E '^-A (CNI-DN-|CNI-[0-9a-f]{24}|CNI-FORWARD -[sd])') &&
		fail "none of iptables', not $left"
	elements | grep -q 'cnic_portmap any4 ' && elements | grep -q 'cnic_masquerade v4 2' &&
		elements | grep -q 'cnic_macspoof ports 2' && elements | grep -q 'cnic_firewall v4 2' ||
		fail "elements, not $(elements)"
}

@test "repair --backend: there and back with traffic running" {
	local to before
	begin ''
	before=$(elements)
	chain_check
	clients_begin
	for to in iptables own nftables own iptables nftables iptables own; do
		turn $to
		rounds 2
		if [ $to = own ]; then
			own_rules
			expect_same elements "$before" "$(elements)"
		else
			nothing_of_ours
		fi
		chain_check
		about near
		chain_check
		about box
		turn $to
		chain_check
	done
	clients_end
	chain_del
	about near
	chain_del
	expect_no_trace box "${ADDRESS[BOX4]}" "${ADDRESS[BOX6]}" "${ADDRESS[NEAR4]}"
	[ -z "$(elements | grep -vE ' (bridges|within) ')" ] || fail "$(elements)"
	[ -z "$(ls /run/cnic/rules)" ]
}

@test "repair --backend: the reference takes over, checks and deletes" {
	local to
	for to in iptables nftables; do
		begin ''
		turn $to
		nothing_of_ours
		usual $to
		ref_run check portmap eth0 <<<"$(plugin_conf 1 "${RESULTS[box]}")"
		expect_silent
		ref_run check firewall eth0 <<<"$(plugin_conf 2 "${RESULTS[box]}")"
		expect_silent
		asks
		chain_del ref || echo "(as expected: its bridge deletes what was not there)"
		expect_no_trace box "${ADDRESS[BOX4]}" "${ADDRESS[BOX6]}"
		about near
		chain_check
		chain_del ref || echo "(as expected: its bridge deletes what was not there)"
		expect_no_trace near "${ADDRESS[NEAR4]}" "${ADDRESS[NEAR6]}"
		nothing_of_ours
		again
	done
}

@test "repair --backend own: a node whose configuration names the reference's" {
	local from
	for from in iptables nftables; do
		begin $from
		clients_begin
		turn own
		rounds 2
		own_rules
		chain_check
		turn $from
		nothing_of_ours
		rounds 2
		clients_end
		chain_check
		chain_del
		expect_no_trace box "${ADDRESS[BOX4]}" "${ADDRESS[BOX6]}"
		again
	done
}

@test "repair --backend: what has been turned comes back as that after a flush" {
	local to
	for to in iptables nftables; do
		begin ''
		turn $to
		nft flush ruleset
		run -0 "$CNIC_BIN/cnic" repair
		nothing_of_ours
		asks
		chain_check
		again
	done
}

@test "repair --backend: of one network, the other's stays" {
	local before
	begin ''
	NET=1 usual ''
	NET=1 chain bridge '{"ipMasq":true,"macspoofchk":true}' portmap '{}' firewall '{"ingressPolicy":"isolated"}'
	container other
	MAPPINGS=$(map_ports <<<"8070 80 tcp")
	chain_add
	serve other tcp/80
	run -0 "$CNIC_BIN/cnic" repair --backend iptables --network net0
	[ "$output" = "6 repaired, 0 failed, 0 gone" ] || fail "$output"
	chain_check
	elements | grep -q 'cnic_portmap any4 1' || fail "$(elements)"
	from remote tcp <<-EOF
		46 turned HOST 8080 box:80 REMOTE
		46 not HOST 8070 other:80 REMOTE
	EOF
	usual ''
	about box
	chain_check
}

@test "repair --backend: legacy iptables" {
	with_legacy
	iptables -t nat -N SOMEBODYS
	begin ''
	clients_begin
	turn iptables
	rounds 2
	nothing_of_ours
	chain_check
	turn own
	rounds 2
	clients_end
	chain_check
	! iptables-save | grep -E 'CNI-DN-|-A CNI-[0-9a-f]{24}|CNI-FORWARD -[sd]' || fail "nothing of iptables'"
	chain_del
}

@test "repair --backend: what cannot be said in the other backend's words is told, and stays" {
	local before
	chain bridge '{}' portmap '{"conditionsV4": ["ip saddr != 10.0.0.0/8"]}'
	container box
	MAPPINGS=$(map_ports <<<"8080 80 tcp")
	chain_add
	before=$(nft list ruleset)
	run -1 --separate-stderr "$CNIC_BIN/cnic" repair --backend iptables
	[[ $stderr == *conditionsV4* ]] || fail "$stderr"
	[ "$output" = "0 repaired, 1 failed, 0 gone" ] || fail "$output"
	expect_same rules "$before" "$(nft list ruleset)"
	run -1 "$CNIC_BIN/cnic" repair --backend ebtables
	run -1 "$CNIC_BIN/cnic" repair --backend
	expect_same rules "$before" "$(nft list ruleset)"
}

@test "repair --backend: conditions of iptables, and an administrator's rule" {
	chain bridge '{}' portmap '{"conditionsV4": ["!", "-s", "10.0.0.0/8"]}' firewall '{}'
	container box
	MAPPINGS=$(map_ports <<<"8080 80 tcp")
	chain_add
	serve box tcp/80
	nft add rule inet cnic_firewall CNI-ADMIN ip saddr 203.0.113.9 drop
	turn iptables
	from remote tcp <<<"46 in HOST 8080 box:80 REMOTE"
	[ "$(nft list tables | grep cnic_)" = "table inet cnic_firewall" ] || fail "the administrator's rule"
	chain_check
	turn own
	chain_check
	from remote tcp <<<"46 in HOST 8080 box:80 REMOTE"
	nft flush chain inet cnic_firewall CNI-ADMIN
	turn iptables
	nothing_of_ours
}

build_no_nft() {
	${CC:-cc} -std=gnu11 -D_GNU_SOURCE -O2 -shared -fPIC -o "$BATS_TEST_TMPDIR/no_nft.so" "$ROOT/test/fault/no_nft.c"
}

# without_nf_tables COMMAND... : as on a kernel that has none; with NFT_LACKS, none of that part.
without_nf_tables() {
	with_preload "$BATS_TEST_TMPDIR/no_nft.so" "$@"
}

legacy_rules() {
	iptables-save | grep '^-A'
	ip6tables-save | grep '^-A'
}

@test "without nf_tables own cannot be had: repair says so, and the rules stay" {
	local before
	needs_preload
	build_no_nft
	with_legacy
	chain bridge '{"ipMasq":true}' portmap '{"snat":true}'
	container box
	MAPPINGS=$(map_ports <<<$'8080 80 tcp,udp\n8082 80 tcp ::1')
	without_nf_tables chain_add
	before=$(legacy_rules)
	[[ $before == *CNI-DN-*MASQUERADE* || $before == *MASQUERADE*CNI-DN-* ]] || fail "rules of both plugins"
	run ! without_nf_tables "$CNIC_BIN/cnic" repair --backend own
	[[ $output == *"0 repaired, 2 failed"* ]] || fail "two that failed, not $output"
	expect_same rules "$before" "$(legacy_rules)"
	run without_nf_tables "$CNIC_BIN/cnic" repair
	[ "$status" = 0 ] || fail "a repair as recorded works: $output"
	expect_same rules "$before" "$(legacy_rules)"
	rules_clean
}

@test "where nf_tables lacks a part, or nfnetlink is missing, iptables does it and ADD says so" {
	local who
	needs_preload
	build_no_nft
	with_legacy
	for NFT_LACKS in nat masq nfnetlink; do
		export NFT_LACKS
		chain bridge '{"ipMasq":true}' portmap '{"snat":true}'
		container box
		MAPPINGS=$(map_ports <<<$'8080 80 tcp,udp\n8082 80 tcp ::1')
		echo "-- without $NFT_LACKS"
		without_nf_tables chain_add >"$BATS_TEST_TMPDIR/said"
		for who in ipMasq portmap; do
			grep "^stderr: $who: backend iptables, since " "$BATS_TEST_TMPDIR/said" || fail "$who to say so"
		done
		[[ $(legacy_rules) == *MASQUERADE* && $(legacy_rules) == *CNI-DN-* ]] || fail "rules of both"
		without_nf_tables chain_check
		run without_nf_tables "$CNIC_BIN/cnic" repair
		[ "$status" = 0 ] || fail "nothing to repair: $output"
		without_nf_tables chain_del
		! legacy_rules | grep -E 'CNI-DN-|10\.88|fd00:88' || fail "no rules of the container's"
		again
	done
	rules_clean
}
