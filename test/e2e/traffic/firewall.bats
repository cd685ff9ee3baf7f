# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# firewall: on a host that forwards nothing, containers get out and answers get in; ingressPolicy says
# which bridges a container can be reached from.

load ../lib
load traffic

ALL="tcp udp sctp"

forwards_nothing() {
	iptables -P FORWARD DROP
	ip6tables -P FORWARD DROP
}

# attach NAME : to the chain that is there; it serves as NAME.
attach() {
	container "$1"
	chain_add
	serve "$1" {tcp,udp,sctp}/80
}

# closed : without the plugin nothing gets through, so that what does is the plugin's doing.
closed() {
	chain bridge '{}'
	attach bare
	serve remote {tcp,udp,sctp}/90
	from bare "$ALL" <<<"46 out REMOTE 90 none"
	from remote "$ALL" <<<"46 in BARE 80 none"
}

# opens BACKEND
opens() {
	forwards_nothing
	closed
	chain bridge '{}' firewall "$(backend "$1")"
	attach near
	attach web
	chain_check
	from web "$ALL" <<-EOF
		46 out REMOTE 90 remote:90 WEB
		46 neighbour NEAR 80 near:80 WEB
	EOF
	from bare "$ALL" <<<"46 others REMOTE 90 none"
	from remote "$ALL" <<<"46 in WEB 80 none"
	chain_del
	expect_no_trace "${ADDRESS[WEB4]}" "${ADDRESS[WEB6]}"
	expect_trace "${ADDRESS[NEAR4]}" "${ADDRESS[NEAR6]}"
	from near "$ALL" <<<"46 still REMOTE 90 remote:90 NEAR"
}

@test "FORWARD drops, by iptables over nf_tables: no backend chosen" { opens ""; }
@test "FORWARD drops, by iptables over nf_tables: iptables" { opens iptables; }

@test "FORWARD drops, by legacy iptables: no backend chosen" {
	with_legacy
	opens ""
}

@test "FORWARD drops, by legacy iptables: iptables" {
	with_legacy
	opens iptables
}

@test "what is added by netlink is as iptables lists, saves and restores it" {
	forwards_nothing
	chain bridge '{}' firewall "$(backend iptables)"
	attach web
	serve remote tcp/90
	iptables -S FORWARD | grep -- '-j CNI-FORWARD' || fail "a jump"
	iptables -S CNI-FORWARD | grep -- "-s ${ADDRESS[WEB4]}/32 -j ACCEPT" || fail "a rule"
	iptables -S CNI-FORWARD | grep -- "-d ${ADDRESS[WEB4]}/32 .*ctstate RELATED,ESTABLISHED -j ACCEPT" || fail "a rule"
	! iptables-save | grep -i incompatible || fail "a list that iptables understands"
	iptables-save >"$BATS_TEST_TMPDIR/4"
	ip6tables-save >"$BATS_TEST_TMPDIR/6"
	nft flush ruleset
	iptables-restore <"$BATS_TEST_TMPDIR/4"
	ip6tables-restore <"$BATS_TEST_TMPDIR/6"
	from web tcp <<<"46 restored REMOTE 90 remote:90 WEB"
	chain_check
	chain_del
	expect_no_trace "${ADDRESS[WEB4]}" "${ADDRESS[WEB6]}"
}

# admin_overrides CHAIN CONF
admin_overrides() {
	chain bridge '{}' firewall "$2"
	attach web
	serve remote tcp/90
	from web tcp <<<"46 out REMOTE 90 remote:90 WEB"
	iptables -A "$1" -s "${ADDRESS[WEB4]}" -p tcp --dport 90 -j DROP
	ip6tables -A "$1" -s "${ADDRESS[WEB6]}" -p tcp --dport 90 -j DROP
	from web tcp <<<"46 overridden REMOTE 90 none"
	iptables -F "$1"
	ip6tables -F "$1"
	from web tcp <<<"46 again REMOTE 90 remote:90 WEB"
	chain_del
}

@test "the admin's chain comes first, by its usual name and by one of his own" {
	forwards_nothing
	admin_overrides CNI-ADMIN "$(backend iptables)"
	again
	forwards_nothing
	admin_overrides MY-RULES "$(backend iptables '{"iptablesAdminChainName": "MY-RULES"}')"
}

# two_bridges CONF : web and near on one, far on the other
two_bridges() {
	NET=1 chain bridge '{}' firewall "$1"
	attach far
	chain bridge '{}' firewall "$1"
	attach near
	attach web
	serve remote {tcp,udp,sctp}/90
}

# policy BACKEND POLICY NEIGHBOUR OTHER_BRIDGE : who reaches web: yes or no
policy() {
	local near=none far=none
	two_bridges "$(backend "$1" "{\"ingressPolicy\": \"$2\"}")"
	chain_check
	[ "$3" = no ] || near="web:80 NEAR"
	[ "$4" = no ] || far="web:80 FAR"
	from near "$ALL" <<<"46 neighbour WEB 80 $near"
	from far "$ALL" <<<"46 other-bridge WEB 80 $far"
	from remote "$ALL" <<<"46 in WEB 80 web:80 REMOTE"
	from web "$ALL" <<<"46 out REMOTE 90 remote:90 WEB"
	from far "$ALL" <<<"46 out REMOTE 90 remote:90 FAR"
	chain_del
	again
}

# What runs each: the reference has no nftables backend.
backends() {
	if is_ref; then echo iptables; else echo "iptables nftables"; fi
}

@test "ingressPolicy open: everybody is let in" {
	local backend
	for backend in $(backends); do policy "$backend" open yes yes; done
}

@test "ingressPolicy same-bridge: neighbours are, other bridges are not" {
	local backend
	for backend in $(backends); do policy "$backend" same-bridge yes no; done
}

@test "ingressPolicy isolated: not even neighbours" {
	local backend
	for backend in $(backends); do policy "$backend" isolated no no; done
}

@test "ingressPolicy is of one bridge, not of all" {
	local backend
	for backend in $(backends); do
		NET=1 chain bridge '{}'
		attach far
		chain bridge '{}' firewall "$(backend "$backend" '{"ingressPolicy": "same-bridge"}')"
		attach web
		from far "$ALL" <<<"46 unprotected-bridge WEB 80 web:80 FAR"
		from web "$ALL" <<<"46 to-it FAR 80 far:80 WEB"
		again
	done
}

@test "rules that are gone: CHECK says so" {
	local backend
	for backend in $(backends); do
		chain bridge '{}' firewall "$(backend "$backend")"
		attach web
		chain_check
		nft flush ruleset
		call check firewall <<<"$(plugin_conf 1 "$result")"
		expect_failure
		chain_del
		again
	done
}
