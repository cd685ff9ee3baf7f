# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# macspoofchk: frames leave a container with its own address or not at all.

load ../lib
load ../traffic/traffic

FOREIGN=02:00:00:00:00:99

# spoofs ADDRESS : the container's frames come from there; nobody remembers another.
spoofs() {
	local name
	ns_ip web link set eth0 address "$1"
	for name in web near; do
		ns_ip $name neigh flush dev eth0
		ns_ip $name -6 neigh flush dev eth0
		ns_ip $name -6 route replace default via "${ADDRESS[GATEWAY6]}" dev eth0
	done
	ip neigh flush dev br0
	ip -6 neigh flush dev br0
}

mac_of() {
	ns_ip "$1" -j link show eth0 | jq -r '.[0].address'
}

veth_of() {
	jq -r .interfaces[1].name <<<"${RESULTS[$1]}"
}

# web_gets ANSWER HOST_ANSWER [SEEN] : web asks its neighbour and the host
web_gets() {
	from web "tcp udp" <<-EOF
		46 neighbour NEAR 80 $1 ${3-}
		46 host GATEWAY 91 $2 ${3-}
	EOF
}

start() {
	chain bridge "$1"
	container near
	chain_add
	serve near {tcp,udp}/80
	container web
	chain_add
	serve '' {tcp,udp}/91
	own=$(mac_of web)
}

@test "without macspoofchk any address passes" {
	start '{}'
	web_gets near:80 host:91 WEB
	spoofs $FOREIGN
	web_gets near:80 host:91 WEB
}

@test "its own address passes, a foreign one and a neighbour's do not" {
	start '{"macspoofchk": true}'
	chain_check
	web_gets near:80 host:91 WEB
	spoofs $FOREIGN
	web_gets none none
	spoofs "$(mac_of near)"
	web_gets none none
	spoofs "$own"
	web_gets near:80 host:91 WEB
}

@test "DEL removes what was this container's and nothing else" {
	local veth
	start '{"macspoofchk": true}'
	veth=$(veth_of web)
	expect_trace "$veth" "$own"
	chain_del
	expect_no_trace web "$veth" "$own"
	expect_trace "$(veth_of near)" "$(mac_of near)"
	serve '' tcp/92
	from near tcp <<<"46 still GATEWAY 92 host:92 NEAR"
	about near
	chain_del
	expect_no_trace near "$(veth_of near)"
}

# The reference leaves the rules of a namespace that is gone.
@test "DEL without a namespace removes them as well" {
	local veth
	! is_ref || skip "the reference leaves them"
	start '{"macspoofchk": true}'
	veth=$(veth_of web)
	ip netns del web
	CNI_NETNS='' call del bridge <<<"$(plugin_conf 0)"
	expect_silent
	expect_no_trace web "$veth" "$own"
}

@test "a container without an address from IPAM" {
	chain bridge '{"macspoofchk": true, "ipam": {}, "isGateway": false}'
	container web
	call add bridge <<<"$(plugin_conf 0)"
	expect_ok
	RESULTS[web]=$output
	own=$(mac_of web)
	ip addr add 10.88.0.1/24 dev br0
	ns_ip web addr add 10.88.0.2/24 dev eth0
	serve '' tcp/91
	from web tcp <<<"4 own 10.88.0.1 91 host:91 10.88.0.2"
	ns_ip web link set eth0 address $FOREIGN
	from web tcp <<<"4 foreign 10.88.0.1 91 none"
	chain_del
	expect_no_trace web "$own" "$(veth_of web)"
}

@test "rules that are gone: CHECK says so" {
	! is_ref || skip "the reference's CHECK does not look at them"
	start '{"macspoofchk": true}'
	nft flush ruleset
	call check bridge <<<"$(plugin_conf 0 "$result")"
	expect_code 102
}

# ref_rules WHO [MAC_RULES] : the reference's rules of a port, with these in the last chain.
ref_rules() {
	local chain=cni-br-iface-$1-eth0
	nft -f - <<-END
		table bridge nat {
			chain $chain-mac { ${2:+$2;} }
			chain $chain { jump $chain-mac; }
			chain PREROUTING {
				type filter hook prerouting priority dstnat
				iifname "${3-$(veth_of "$1")}" jump $chain
			}
		}
	END
}

@test "row 4: rules of the reference that check nothing: CHECK fails, repair restores" {
	local rules
	! is_ref || skip "the reference's CHECK does not look at them"
	start '{"macspoofchk": true}'
	for rules in '' 'drop' "ether saddr $own return" "ether saddr $FOREIGN return; drop"; do
		nft delete table bridge cnic_macspoof
		ref_rules web "$rules"
		call check bridge <<<"$(plugin_conf 0 "$result")"
		expect_code 102 macspoofchk
		"$CNIC_BIN/cnic" repair
		chain_check
		spoofs $FOREIGN
		web_gets none none
		spoofs "$own"
		nft delete table bridge nat
		web_gets near:80 host:91 WEB
	done
	nft delete table bridge cnic_macspoof
	ref_rules web "ether saddr $own return; drop" another
	call check bridge <<<"$(plugin_conf 0 "$result")"
	expect_code 102 macspoofchk
	nft delete table bridge nat
	ref_rules web "ether saddr $own return; drop"
	chain_check
}

@test "row 4: CHECK misses each rule that the reference has made" {
	local chain
	chain bridge '{"macspoofchk": true}'
	container web
	chain_add ref
	chain_check ours
	nft list ruleset >"$BATS_TEST_TMPDIR/rules"
	for chain in PREROUTING cni-br-iface-web-eth0 cni-br-iface-web-eth0-mac; do
		nft flush chain bridge nat $chain
		ours_run check bridge <<<"$(plugin_conf 0 "$result")"
		expect_code 102 macspoofchk
		nft delete table bridge nat
		nft -f "$BATS_TEST_TMPDIR/rules"
		chain_check ours
	done
	chain_del ours
	expect_no_trace web "$(veth_of web)"
}
