# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# firewall: what is in the rule set, beside the reference's; what CHECK, DEL, GC and repair make of it.
# Traffic is in firewall-traffic.bats.

load ../lib
bats_require_minimum_version 1.5.0

setup() {
	host_setup
	nft flush ruleset
	rm -rf /run/cnic
	netns box
}

teardown() {
	host_clean
	nft flush ruleset
	rm -rf /run/cnic
}

# conf BACKEND [POLICY [BRIDGE [LAST [NETWORK]]]] : addresses 10.1.0.LAST and fd00::LAST.
conf() {
	local network=${5:-net} last=${4:-2}
	cat <<-END
		{"cniVersion": "1.1.0", "name": "$network", "type": "firewall", "backend": "$1",
			"ingressPolicy": "${2-}", "prevResult": {"cniVersion": "1.1.0",
			"interfaces": [{"name": "${3:-br0}"}, {"name": "eth0", "sandbox": "/run/netns/box"}],
			"ips": [{"address": "10.1.0.$last/16", "interface": 1},
				{"address": "fd00::$last/64", "interface": 1}]}}
	END
}

# add_ok, del_ok, check_ok CONF
add_ok() {
	add firewall <<<"$1"
	expect_ok
}

del_ok() {
	del firewall <<<"$1"
	expect_silent
}

check_ok() {
	check firewall <<<"$1"
	expect_silent
}

check_fails() {
	check firewall <<<"$1"
	expect_code 102 "${2-}"
}

# saved : both families' filter tables as iptables-save has them, without counters and dates.
saved() {
	{ iptables-save -t filter && ip6tables-save -t filter; } 2>/dev/null |
		sed -E '/^#/d; s/\[[0-9:]+\]//'
}

# Of attachments: what is in the sets, and rules about addresses.
held() {
	nft -j list ruleset | jq -r '.nftables[] | .set, .map | select(.elem) | .name as $set | .elem[] |
		if type == "array" then "\($set) \(.[0].elem.val.concat | join(" ")) \(.[1] | keys[0])"
		else "\($set) \(.elem.val)" end' | sort
	saved | grep -E '^-A CNI-FORWARD.*ACCEPT$' || true
}

of_table() {
	nft list "$1" inet cnic_firewall "$2"
}

expect_held() {
	local line
	expect_same "what is held" "$(for line; do echo "$line"; done)" "$(held)"
}

both() {
	local backend
	for backend in nftables iptables; do
		"$@" "$backend"
		nft flush ruleset
		rm -rf /run/cnic
	done
}

# ---- which backend ---------------------------------------------------------------------------

expect_backend() {
	add_ok "$(conf '')"
	[ "$errors" = "firewall: backend $1" ] || fail "it to choose $1 and say so"
	jq -e --arg backend "$1" '.note == $backend' /run/cnic/rules/*-firewall
	del_ok "$(conf '')"
	[ -z "$(held)" ] || fail "nothing left"
}

@test "without a backend: our table, unless somebody uses iptables for forwarding" {
	expect_backend nftables
	iptables -t nat -A POSTROUTING -j MASQUERADE
	expect_backend nftables
	ip6tables -P FORWARD DROP
	expect_backend iptables
	nft flush ruleset
	iptables -A FORWARD -j ACCEPT
	expect_backend iptables
}

@test "a backend that is named is used, and nothing is said" {
	iptables -A FORWARD -j ACCEPT
	add firewall <<<"$(conf nftables)"
	expect_ok
	[ -z "$errors" ] || fail "nothing on stderr"
	expect_held "v4 10.1.0.2" "v6 fd00::2"
}

# ---- our table -------------------------------------------------------------------------------

@test "nftables: an address is an element with its owner, and the admin chain is asked first" {
	add_ok "$(conf nftables)"
	expect_json '[.ips[].address]' '["10.1.0.2/16","fd00::2/64"]'
	expect_held "v4 10.1.0.2" "v6 fd00::2"
	of_table set v4 | grep -qF 'net: net, if: eth0, id: c1"'
	expect_same forward "$(of_table chain forward | sed '1,3d' | sed 's/^[\t ]*//')" "$(
		cat <<-'END'
			jump admin
			iifname @bridges oifname @bridges jump isolation
			ct state established,related ip daddr @v4 accept
			ip saddr @v4 accept
			ct state established,related ip6 daddr @v6 accept
			ip6 saddr @v6 accept
			}
			}
		END
	)"
	of_table chain admin | grep -q 'jump CNI-ADMIN'
	[ -z "$(nft list tables | grep -v cnic_firewall)" ] || fail "no other table"
	del_ok "$(conf nftables)"
	expect_held
}

@test "nftables: nft(8) reads what it has listed" {
	local before
	CID=c1 add_ok "$(conf nftables isolated)"
	CID=c2 add_ok "$(conf nftables same-bridge br1 3 net1)"
	before=$(nft list ruleset)
	nft flush ruleset
	nft -f - <<<"$before"
	expect_same "rule set" "$before" "$(nft list ruleset)"
	CID=c1 check_ok "$(conf nftables isolated)"
	CID=c2 check_ok "$(conf nftables same-bridge br1 3 net1)"
}

@test "nftables: rules in an admin chain stay; another name is another jump" {
	local conf other
	conf=$(conf nftables)
	other=$(conf nftables same-bridge br1 3 | jq -c '.iptablesAdminChainName = "OTHER"')
	add_ok "$conf"
	nft add rule inet cnic_firewall CNI-ADMIN tcp dport 22 drop
	CID=c2 add_ok "$other"
	of_table chain CNI-ADMIN | grep -q 'tcp dport 22 drop'
	[ "$(of_table chain admin | grep -c jump)" = 2 ] || fail "two jumps"
	nft flush chain inet cnic_firewall forward
	check_fails "$conf" forward
	run -0 "$CNIC_BIN/cnic" repair
	of_table chain CNI-ADMIN | grep -q 'tcp dport 22 drop'
	[ "$(of_table chain admin | grep -c jump)" = 2 ] || fail "two jumps"
	check_ok "$conf"
	CID=c2 check_ok "$other"
}

# ---- the chains of iptables ------------------------------------------------------------------

# The same by both: networks with every policy, on top of each other.
some_networks() {
	CID=c1 add_ok "$(conf iptables '' br0 2)"
	CID=c2 add_ok "$(conf iptables same-bridge br1 3 net1)"
	CID=c3 add_ok "$(conf iptables isolated br2 4 net2)"
	CID=c4 add_ok "$(conf iptables open br3 5 net3)"
}

@test "iptables: the same rules in the same order as the reference's" {
	local theirs
	ref_run some_networks
	theirs=$(saved)
	nft flush ruleset
	some_networks
	expect_same rules "$theirs" "$(saved)"
	some_networks
	expect_same rules "$theirs" "$(saved)"
	iptables-save | iptables-restore --test
	ip6tables-save | ip6tables-restore --test
}

@test "iptables: a base chain is made as iptables-nft makes it, and one that is there is left alone" {
	local theirs
	iptables -A FORWARD -j ACCEPT
	theirs=$(nft -j list chain ip filter FORWARD | jq -c '.nftables[1].chain | del(.handle)')
	nft flush ruleset
	add_ok "$(conf iptables)"
	expect_same chain "$theirs" "$(nft -j list chain ip filter FORWARD | jq -c '.nftables[1].chain | del(.handle)')"
	nft flush ruleset
	iptables -P FORWARD DROP
	iptables -A FORWARD -i lo -j ACCEPT
	add_ok "$(conf iptables)"
	[ "$(iptables -S FORWARD 1)" = "-A FORWARD -m comment --comment \"CNI firewall plugin rules\" -j CNI-FORWARD" ]
	[ "$(iptables -S FORWARD 2)" = "-A FORWARD -i lo -j ACCEPT" ]
	[ "$(iptables -S FORWARD | head -n1)" = "-P FORWARD DROP" ]
}

@test "iptables: isolation stays in front of what accepts" {
	local jump='-m comment --comment "CNI firewall plugin rules" -j CNI-FORWARD'
	local isolation='-A FORWARD -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge|isolated)" -j CNI-ISOLATION-STAGE-1'
	local conf
	for conf in "$(conf iptables same-bridge)" "$(conf iptables '' br1 3)"; do
		CID=c1 add_ok "$(conf iptables same-bridge)"
		eval "iptables -D FORWARD $jump"
		CID=c3 add_ok "$conf"
		[ "$(iptables -S FORWARD 1)" = "$isolation" ] || fail "isolation first: $(iptables -S FORWARD)"
		[ "$(iptables -S FORWARD 2)" = "-A FORWARD $jump" ]
		[ "$(iptables -S FORWARD | grep -c STAGE-1)" = 1 ] || fail "one jump"
		nft flush ruleset
		rm -rf /run/cnic
	done
}

@test "iptables: so does the jump that an older release of the reference has made" {
	CID=c1 add_ok "$(conf iptables same-bridge)"
	iptables -F FORWARD
	iptables -A FORWARD -m comment --comment "CNI firewall plugin rules (ingressPolicy: same-bridge)" \
		-j CNI-ISOLATION-STAGE-1
	CID=c3 add_ok "$(conf iptables '' br1 3)"
	[[ "$(iptables -S FORWARD 1)" = *" -j CNI-ISOLATION-STAGE-1" ]] || fail "isolation first: $(iptables -S FORWARD)"
	[[ "$(iptables -S FORWARD 2)" = *" -j CNI-FORWARD" ]]
	[ "$(iptables -S FORWARD | grep -c STAGE-1)" = 1 ] || fail "one jump"
}

@test "iptables: another admin chain is another jump, and the old one stays" {
	add_ok "$(conf iptables)"
	iptables -A CNI-ADMIN -p tcp --dport 22 -j DROP
	add_ok "$(conf iptables | jq -c '.iptablesAdminChainName = "OTHER"')"
	[ "$(iptables -S CNI-FORWARD | grep -c 'admin overrides')" = 2 ] || fail "two jumps"
	[ "$(iptables -S CNI-ADMIN | tail -n1)" = "-A CNI-ADMIN -p tcp -m tcp --dport 22 -j DROP" ]
}

@test "iptables: only the families that have addresses" {
	add_ok "$(conf iptables | jq -c 'del(.prevResult.ips[0])')"
	[ "$(nft list tables)" = "table ip6 filter" ] || fail "ip6 alone: $(nft list tables)"
}

@test "iptables: after a save and restore the rules are as good as before" {
	local before
	add_ok "$(conf iptables same-bridge)"
	before=$(saved)
	iptables-save | iptables-restore
	ip6tables-save | ip6tables-restore
	expect_same rules "$before" "$(saved)"
	check_ok "$(conf iptables same-bridge)"
	add_ok "$(conf iptables same-bridge)"
	expect_same rules "$before" "$(saved)"
	del_ok "$(conf iptables same-bridge)"
	expect_held
}

@test "a node changes over while containers run, in both directions" {
	local policy conf before
	for policy in '' same-bridge isolated; do
		conf=$(conf iptables $policy)
		ref_run add_ok "$conf"
		before=$(saved)
		check_ok "$conf"
		add_ok "$conf"
		expect_same rules "$before" "$(saved)"
		del_ok "$conf"
		expect_held
		ours_run add_ok "$conf"
		ref_run check_ok "$conf"
		ref_run add_ok "$conf"
		expect_same rules "$before" "$(saved)"
		ref_run del_ok "$conf"
		expect_held
		del_ok "$conf"
		nft flush ruleset
	done
}

# ---- policies --------------------------------------------------------------------------------

@test "nftables: bridges and their policies are elements of their network" {
	CID=c1 add_ok "$(conf nftables same-bridge br0 2)"
	CID=c2 add_ok "$(conf nftables isolated br1 3 net1)"
	CID=c3 add_ok "$(conf nftables open br2 4 net2)"
	held | grep -v '^v' | diff - <(
		cat <<-'END'
			bridges br0
			bridges br1
			within br0 br0 return
			within br1 br1 drop
		END
	)
	of_table map within | grep -qE '"br1" . "br1" comment "[0-9a-f]{16}, net: net1" : drop'
	[ "$(of_table chain isolation | sed '1,2d; s/^[\t ]*//' | head -n 2)" = $'iifname . oifname vmap @within\ndrop' ]
}

@test "of two networks on one bridge the stricter policy holds; of one network the newer" {
	one() {
		local order
		CID=c1 add_ok "$(conf "$1" isolated br0 2 net)"
		CID=c2 add_ok "$(conf "$1" same-bridge br0 3 other)"
		CID=c1 check_ok "$(conf "$1" isolated br0 2 net)"
		CID=c2 check_ok "$(conf "$1" same-bridge br0 3 other)"
		case $1 in
		nftables) held | grep -q 'within br0 br0 drop' ;;
		*) iptables -S CNI-ISOLATION-STAGE-1 | grep -qe '-i br0 -o br0 .* -j DROP' ;;
		esac
		CID=c3 add_ok "$(conf "$1" same-bridge br0 4 net)"
		case $1 in
		nftables) held | grep -q 'within br0 br0 return' ;;
		*) ! iptables -S CNI-ISOLATION-STAGE-1 | grep -e '-i br0 -o br0 .* -j DROP' ;;
		esac
	}
	both one
}

# ---- again, at once --------------------------------------------------------------------------

everything() {
	nft -j list ruleset | jq -c '.nftables[] | del(.. | .handle?)'
	saved
}

@test "ADD again changes nothing" {
	again() {
		local before
		add_ok "$(conf "$1" isolated)"
		before=$(everything)
		add_ok "$(conf "$1" isolated)"
		expect_same "rule set" "$before" "$(everything)"
		del_ok "$(conf "$1" isolated)"
		del_ok "$(conf "$1" isolated)"
	}
	both again
}

# all_at_once VERB BACKEND : for 32 containers, who wait for one lock to be let go.
all_at_once() {
	local i gate=$BATS_TEST_TMPDIR/gate pids=()
	exec {held}>"$gate"
	flock "$held"
	for i in {2..33}; do
		conf "$2" isolated br0 $i >"$BATS_TEST_TMPDIR/conf.$i"
		CNI_COMMAND=$1 CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/box CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
			flock -s "$gate" "$CNIC_BIN/firewall" <"$BATS_TEST_TMPDIR/conf.$i" \
			>"$BATS_TEST_TMPDIR/out.$i" 2>&1 {held}>&- &
		pids+=($!)
	done
	exec {held}>&-
	for i in "${pids[@]}"; do
		wait "$i" || { cat "$BATS_TEST_TMPDIR"/out.* && fail "every $1 to succeed"; }
	done
}

@test "many at once on a host where there was nothing: each rule once" {
	at_once() {
		local i
		all_at_once ADD "$1"
		for i in iptables ip6tables; do
			[ -z "$($i -S 2>/dev/null | sort | uniq -d)" ] || fail "no rule twice: $($i -S)"
		done
		case $1 in
		nftables)
			[ "$(held | grep -c '^v')" = 64 ] || fail "64 addresses"
			[ "$(of_table chain admin | grep -c jump)" = 1 ] || fail "one jump"
			;;
		*)
			[ "$(held | wc -l)" = 128 ] || fail "128 rules"
			[ "$(saved | grep -c -- '-j CNI-FORWARD')" = 2 ] || fail "a jump for each family"
			;;
		esac
		all_at_once DEL "$1"
		[ -z "$(held | grep -v br0)" ] || fail "nothing left: $(held)"
	}
	both at_once
	both at_once
}

# ---- CHECK and repair ------------------------------------------------------------------------

# lost COMMAND : CHECK fails after it, repair makes it as it was.
lost() {
	local before
	before=$(everything)
	echo "-- $*"
	eval "$*"
	check_fails "$conf" firewall
	run -0 "$CNIC_BIN/cnic" repair
	[ "$output" = "1 repaired, 0 failed, 0 gone" ] || fail "$output"
	check_ok "$conf"
	expect_same "rule set" "$before" "$(everything)"
	run -0 "$CNIC_BIN/cnic" repair
	expect_same "rule set" "$before" "$(everything)"
}

@test "nftables: whatever is gone, CHECK misses it and repair puts it back" {
	local conf t='inet cnic_firewall'
	conf=$(conf nftables isolated)
	add_ok "$conf"
	lost nft flush ruleset
	lost nft flush table $t
	lost nft flush chain $t forward
	lost nft flush chain $t admin
	lost nft flush chain $t isolation
	lost nft flush set $t v4
	lost nft delete element $t v6 '{ fd00::2 }'
	lost nft flush set $t bridges
	lost nft flush map $t within
	lost "nft flush map $t within; nft add element $t within '{ br0 . br0 : return }'"
}

@test "iptables: whatever is gone, CHECK misses it and repair puts it back" {
	local conf rules rule
	conf=$(conf iptables isolated)
	add_ok "$conf"
	lost nft flush ruleset
	lost iptables -F
	lost ip6tables -F CNI-FORWARD
	lost iptables -F CNI-ISOLATION-STAGE-1
	lost ip6tables -F CNI-ISOLATION-STAGE-2
	mapfile -t rules < <(iptables-save | grep '^-A')
	[ ${#rules[@]} -eq 10 ] || fail "10 rules"
	for rule in "${rules[@]}"; do
		eval "iptables -D ${rule#-A }"
		check_fails "$conf" "iptables: rule gone"
		run -0 "$CNIC_BIN/cnic" repair
		check_ok "$conf"
		expect_same "the number of rules" 10 "$(iptables-save | grep -c '^-A')"
	done
}

@test "CHECK changes nothing" {
	check_fails "$(conf iptables)"
	check_fails "$(conf nftables)"
	[ -z "$(nft list ruleset)" ] || fail "an empty rule set"
}

@test "CHECK and repair go by what ADD has chosen" {
	local conf
	conf=$(conf '')
	add_ok "$conf"
	iptables -A FORWARD -j ACCEPT
	check_ok "$conf"
	nft flush ruleset
	run -0 "$CNIC_BIN/cnic" repair
	expect_held "v4 10.1.0.2" "v6 fd00::2"
}

# ---- DEL -------------------------------------------------------------------------------------

@test "DEL needs neither prevResult nor record nor the backend of ADD" {
	anyhow() {
		local change
		for change in . 'del(.prevResult)' '.prevResult = null' '.prevResult = {}' '.backend = "nftables"' \
			'.backend = "iptables"' '.backend = ""' '.backend = "x"' '.ingressPolicy = "x"' \
			'.iptablesAdminChainName = ""' 'del(.prevResult.interfaces)'; do
			add_ok "$(conf "$1")"
			del_ok "$(conf "$1" | jq -c "$change")"
			expect_held
			add_ok "$(conf "$1")"
			rm -r /run/cnic/rules
			del_ok "$(conf "$1" | jq -c "$change")"
			expect_held
		done
		[ -z "$(ls -A /run/cnic/rules)" ] || fail "no record"
	}
	both anyhow
}

@test "a late DEL does not take what the address's next holder has" {
	late() {
		CID=c1 add_ok "$(conf "$1")"
		CID=c2 add_ok "$(conf "$1")"
		CID=c1 del_ok "$(conf "$1")"
		CID=c2 check_ok "$(conf "$1")"
		CID=c2 del_ok "$(conf "$1")"
		expect_held
	}
	both late
}

@test "a failing ADD leaves what was there before it" {
	undone() {
		local before
		CID=c0 add_ok "$(conf "$1" same-bridge br0 9)"
		before=$(everything)
		cni ADD firewall <<<"$(conf "$1" isolated br1 2 | jq -c '.cniVersion = "1.1.0"')" >/dev/full || true
		CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=/run/netns/box CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
			"$CNIC_BIN/firewall" <<<"$(conf "$1" isolated br1 2)" >/dev/full && fail "a failure"
		CID=c1 del_ok "$(conf "$1" isolated br1 2)"
		:
	}
	both undone
}

# ---- GC, STATUS ------------------------------------------------------------------------------

@test "GC takes what is not valid, and nothing of another network" {
	collect() {
		local before
		CID=c1 add_ok "$(conf "$1" same-bridge br0 2)"
		before=$(held)
		CID=c2 add_ok "$(conf "$1" same-bridge br0 3)"
		CID=c3 add_ok "$(conf "$1" same-bridge br1 4 other)"
		gc firewall <<<"$(conf "$1" same-bridge)"
		expect_silent
		CID=c2 check_ok "$(conf "$1" same-bridge br0 3)"
		gc firewall <<<"$(with_valid "$(conf "$1" same-bridge)" c1/eth0)"
		expect_silent
		CID=c1 check_ok "$(conf "$1" same-bridge br0 2)"
		CID=c3 check_ok "$(conf "$1" same-bridge br1 4 other)"
		CID=c2 check firewall <<<"$(conf "$1" same-bridge br0 3)"
		expect_code 102
		[ "$(ls /run/cnic/rules | wc -l)" = 2 ] || fail "two records"
		gc firewall <<<"$(with_valid "$(conf "$1" same-bridge br1 4 other)")"
		expect_silent
		expect_same "what is held" "$before" "$(held)"
		gc firewall <<<"$(with_valid "$(conf "$1")")"
		expect_silent
		expect_held
		[ -z "$(ls /run/cnic/rules)" ] || fail "no record"
		! iptables -S 2>/dev/null | grep -E 'br[01]' || fail "no rule of a bridge"
	}
	both collect
}

@test "GC of a bridge's network: its policy passes to a network that has the bridge as well" {
	inherit() {
		CID=c1 add_ok "$(conf "$1" isolated br0 2)"
		CID=c2 add_ok "$(conf "$1" same-bridge br0 3 other)"
		gc firewall <<<"$(with_valid "$(conf "$1")")"
		expect_silent
		CID=c2 check_ok "$(conf "$1" same-bridge br0 3 other)"
		! { held && iptables -S; } 2>/dev/null | grep -E 'within br0 br0 drop|-i br0 -o br0' ||
			fail "no isolation"
		{ held && iptables -S; } 2>/dev/null | grep -qE 'within br0 br0 return|-i br0 ! -o br0' ||
			fail "the other's policy"
		gc firewall <<<"$(with_valid "$(conf "$1" '' br0 3 other)")"
		expect_silent
		! { held && iptables -S; } 2>/dev/null | grep br0 || fail "nothing of br0"
	}
	both inherit
}

@test "STATUS is well with each backend" {
	local backend
	for backend in '' nftables iptables; do
		status_of firewall <<<"$(conf "$backend" | jq -c 'del(.prevResult)')"
		expect_silent
	done
	[ -z "$(nft list ruleset)" ] || fail "nothing made"
}

@test "nerdctl's question: the first line has a version that policies came before" {
	run -0 --separate-stderr env -u CNI_COMMAND "$CNIC_BIN/firewall" </dev/null
	[ -z "$output" ] || fail "nothing on stdout"
	[[ ${stderr_lines[0]} =~ ^CNI\ firewall\ plugin\ v1\.9\.1\+cnic\.v[0-9]+\.[0-9]+\.[0-9]+$ ]] || fail "$stderr"
}

# ---- configurations --------------------------------------------------------------------------

# Each line: a jq program that breaks the configuration, the code, a part of the text.
@test "what is wrong is named by its key before anything is done" {
	local program code text
	while IFS='#' read -r program code text; do
		add firewall <<<"$(conf nftables same-bridge | jq -c "$program")"
		expect_code "$code" "$text"
		[ -z "$(nft list ruleset)" ] || fail "nothing made"
		[ ! -e /run/cnic/rules ] || fail "no record"
		gc firewall <<<"$(conf nftables | jq -c "$program" | jq -c 'del(.prevResult)
			| if .backend != 1 then . else del(.backend) end')" || true
	done <<-'END'
		.backend = "ufw"#7#backend: "ufw"
		.backend = 1#6#backend: expected a string
		.ingressPolicy = "Isolated"#7#ingressPolicy: "Isolated"
		.ingressPolicy = []#6#ingressPolicy: expected a string
		.iptablesAdminChainName = "CNI-FORWARD"#7#iptablesAdminChainName: "CNI-FORWARD" is taken
		.iptablesAdminChainName = "forward"#7#iptablesAdminChainName: "forward" is taken
		.iptablesAdminChainName = "DROP"#7#iptablesAdminChainName: "DROP" is taken
		.iptablesAdminChainName = "a b"#7#iptablesAdminChainName: "a b" is no name
		.iptablesAdminChainName = "-a"#7#iptablesAdminChainName: "-a" is no name
		.iptablesAdminChainName = "a234567890123456789012345678b"#7#iptablesAdminChainName: "a2345678
		.iptablesAdminChainName = 1#6#iptablesAdminChainName: expected a string
		.firewalldZone = {}#6#firewalldZone: expected a string
		del(.prevResult)#7#prevResult: missing
		.prevResult.interfaces = []|del(.prevResult.ips[].interface)#7#prevResult.interfaces: missing, ingressPolicy
		.prevResult.interfaces[0].name = ""#7#prevResult.interfaces[0].name
		.prevResult.interfaces[0].name = "a/b"#7#prevResult.interfaces[0].name
		.prevResult.interfaces[0].sandbox = "/x"#7#prevResult.interfaces[0]: br0 is the container's
	END
}

@test "every version's prevResult is passed on; without addresses there is nothing to do" {
	local version
	for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
		add_ok "$(conf nftables | jq -c ".cniVersion = \"$version\" | .prevResult.cniVersion = \"$version\" |
			if \"$version\" < \"1\" then .prevResult.ips[0].version = \"4\" | .prevResult.ips[1].version = \"6\" else . end")"
		expect_json .cniVersion $version
		expect_held "v4 10.1.0.2" "v6 fd00::2"
		del_ok "$(conf nftables)"
	done
	nft flush ruleset
	add_ok "$(conf nftables same-bridge | jq -c 'del(.prevResult.ips)')"
	[ -z "$(nft list ruleset)$(ls /run/cnic/rules)" ] || fail "nothing made"
	check_ok "$(conf nftables same-bridge | jq -c 'del(.prevResult.ips)')"
}

@test "one address twice in the result is one" {
	local twice='.prevResult.ips += .prevResult.ips'
	one() {
		add_ok "$(conf "$1" | jq -c "$twice")"
		check_ok "$(conf "$1" | jq -c "$twice")"
		del_ok "$(conf "$1" | jq -c "$twice")"
		expect_held
	}
	both one
}

@test "a hundred addresses" {
	many() {
		local conf
		conf=$(conf "$1" isolated | jq -c '.prevResult.ips = [range(1; 101) | {address: "10.1.1.\(.)/16"}]')
		add_ok "$conf"
		check_ok "$conf"
		del_ok "$conf"
		[ -z "$(held | grep -v br0)" ] || fail "nothing left"
	}
	both many
}

# The last tests here: the legacy tables stay with this file's host, and every DEL looks into them.
@test "legacy iptables: a late DEL, or one that is repeated, does not take what the next holder has" {
	local before
	with_legacy
	CID=c1 add_ok "$(conf iptables)"
	before=$(held)
	[ -n "$before" ] || fail "rules"
	CID=c2 add_ok "$(conf iptables)"
	for _ in late repeated; do
		CID=c1 del_ok "$(conf iptables)"
		expect_same "what is held" "$before" "$(held)"
		CID=c2 check_ok "$(conf iptables)"
	done
	CID=c2 del_ok "$(conf iptables)"
	expect_held
	rules_clean
}

@test "legacy iptables: of two that have one address, and are deleted at once, nothing stays" {
	with_legacy
	CID=c1 add_ok "$(conf iptables)"
	CID=c2 add_ok "$(conf iptables)"
	# what it knows of c1 is there yet, while c2 is deleted
	CNI_COMMAND=DEL CNI_CONTAINERID=c1 CNI_IFNAME=eth0 CNI_NETNS='' CNI_PATH=$PLUGINS "${STRACE[@]}" -qq -o "$BATS_TEST_TMPDIR/calls" \
		-e trace=unlink -e inject=unlink:delay_enter=1000000 "$CNIC_BIN/firewall" <<<"$(conf iptables)" 3>&- &
	until grep -qs unlink "$BATS_TEST_TMPDIR/calls"; do
		[ -e /proc/$! ] || grep -qs unlink "$BATS_TEST_TMPDIR/calls" || fail "it is delayed"
	done
	CID=c2 del_ok "$(conf iptables)"
	wait $!
	expect_held
	rules_clean
}
