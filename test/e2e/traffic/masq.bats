# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# ipMasq of bridge and ptp: what leaves the container's subnet comes from the host, what stays in it
# and what goes to a multicast group comes from the container.

load ../lib
load traffic

ALL="tcp udp sctp"
ADDRESS[GROUP4]=239.1.2.3 ADDRESS[GROUP6]=ff05::123

masq() {
	jq -nc --arg backend "$1" '{ipMasq: true} + if $backend == "" then {} else {ipMasqBackend: $backend} end'
}

# The host's end of the container's link, where multicast comes in.
host_end() {
	jq -r .interfaces[0].name <<<"${RESULTS[$1]}"
}

# Has the host forward what web sends to the groups.
forward_groups() {
	local family
	for family in 4 6; do
		SERVERS+=("$("$TRAFFIC" mroute "${ADDRESS[GROUP$family]}" "${ADDRESS[WEB$family]}" \
			"$(host_end web)" up0)")
	done
}

start() {
	chain "$1" "$2"
	container near
	chain_add
	serve near {tcp,udp,sctp}/80
	container web
	chain_add
	serve web {tcp,udp,sctp}/80
	serve remote {tcp,udp,sctp}/90 "udp/5000@${ADDRESS[GROUP4]}%eth0" "udp/5000@${ADDRESS[GROUP6]}%eth0"
	serve '' {tcp,udp}/91@{192.0.2.1,2001:db8:2::1,10.88.0.1,fd00:88::1}
	forward_groups
}

# seen_as SEEN : by those outside the subnet; nobody else sees a difference.
seen_as() {
	from web "$ALL" <<-EOF
		46 outside REMOTE 90 remote:90 $1
		46 neighbour NEAR 80 near:80 WEB
	EOF
	from web "tcp udp" <<-EOF
		46 host HOST 91 host:91 WEB
		46 gateway GATEWAY 91 host:91 WEB
	EOF
	from web udp <<<"46 multicast GROUP 5000 remote:5000 WEB"
	from remote "$ALL" <<<"46 inwards WEB 80 web:80 REMOTE"
}

# The reference's bridge fails where the chain of the backend that was not used is not there.
del_with_masq() {
	if is_ref; then chain_del || true; else chain_del; fi
}

# masquerades PLUGIN BACKEND : and what was the container's is gone afterwards.
masquerades() {
	start "$1" "$(masq "$2")"
	chain_check
	seen_as HOST
	del_with_masq
	expect_no_trace web "${ADDRESS[WEB4]}" "${ADDRESS[WEB6]}"
	expect_trace "${ADDRESS[NEAR4]}"
	from near "$ALL" <<<"46 still REMOTE 90 remote:90 HOST"
}

@test "without ipMasq the container is seen by its own address everywhere" {
	start bridge '{}'
	seen_as WEB
	again
	start ptp '{}'
	seen_as WEB
}

@test "bridge, no backend chosen" { masquerades bridge ""; }
@test "bridge, nftables" { masquerades bridge nftables; }
@test "bridge, iptables" { masquerades bridge iptables; }
@test "ptp, no backend chosen" { masquerades ptp ""; }
@test "ptp, nftables" { masquerades ptp nftables; }
@test "ptp, iptables" { masquerades ptp iptables; }

@test "another network of the host is outside, whoever masquerades there" {
	local backend
	for backend in nftables iptables; do
		NET=1 chain bridge "$(masq nftables)"
		container far
		chain_add
		serve far {tcp,udp,sctp}/80
		chain bridge "$(masq "$backend")"
		container web
		chain_add
		ADDRESS[FARGATE4]=10.88.1.1 ADDRESS[FARGATE6]=fd00:88:0:1::1
		from web "$ALL" <<<"46 other-network FAR 80 far:80 FARGATE"
		again
	done
}

# Between the ports of a bridge the kernel's bridge netfilter runs the same rules.
@test "multicast between neighbours keeps the container's address" {
	local backend
	for backend in nftables iptables; do
		chain bridge "$(masq "$backend")"
		container near
		chain_add
		container web
		chain_add
		serve near "udp/5000@${ADDRESS[GROUP4]}%eth0" "udp/5000@${ADDRESS[GROUP6]}%eth0"
		from web udp <<<"46 multicast GROUP 5000 near:5000 WEB"
		again
	done
}

@test "rules that are gone: CHECK says so" {
	local plugin backend
	! is_ref || skip "the reference's CHECK does not look at them"
	for plugin in bridge ptp; do
		for backend in nftables iptables; do
			chain $plugin "$(masq $backend)"
			container web
			chain_add
			chain_check
			nft flush ruleset
			call check $plugin <<<"$(plugin_conf 0 "$result")"
			expect_code 102
			chain_del
			again
		done
	done
}
