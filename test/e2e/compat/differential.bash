# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# The same steps through the reference and through ours: the results, the kernel's state (links,
# addresses, routes, rules, sysctls) and the IPAM store must be equal after ADD and after DEL.
#
# The differences that are meant are entries of intended.jq and of README's "Differences from
# upstream" or of the plugin's page; a case that shows another one fails.

load ../lib

STORE=/var/lib/cni/networks
ARGS=         # CNI_ARGS of the calls
PREPARE=      # a function that makes the host what the case wants to find
MORE=         # a function that prints what `state` does not see
CLEAN=        # a function that takes away what DEL leaves to another plugin's
REF_CHECK=0   # 1: the reference's CHECK fails on its own ADD here; ours must succeed
REF_DEL=0     # 1: the reference's second DEL fails

# ---- one case ------------------------------------------------------------------------------

# everything WHEN WHO CONF
everything() {
	echo "--- $1"
	state box | jq -Sr --arg who "$2" --argjson conf "$3" -f "$TEST_DIR/compat/intended.jq"
	store_state "$STORE"
	${MORE:+"$MORE"}
}

# observe WHO PLUGIN CONF : all the steps on a fresh host, what they did on stdout.
observe() {
	local who=$1 plugin=$2 conf=$3
	host_clean
	netns box
	no_dad_wait box
	no_dad_wait ''
	result=
	${PREPARE:+"$PREPARE"} >&3
	CNI_ARGS=$ARGS by "$who" add "$plugin" eth0 <<<"$conf" >&3
	echo "ADD exit $status"
	if [ "$status" -ne 0 ]; then
		jq -e 'has("code") and has("msg")' <<<"$output" >/dev/null || echo "$output"
		return
	fi
	everything "after ADD" "$who" "$conf"
	CNI_ARGS=$ARGS by "$who" check "$plugin" eth0 <<<"$(with_result "$conf")" >&3
	if [ "$who" = ref ] && [ "$REF_CHECK" -eq 1 ]; then
		[ "$status" -eq 1 ] || echo "the reference's CHECK no longer fails"
		status=0
	fi
	echo "CHECK exit $status"
	CNI_ARGS=$ARGS by "$who" del "$plugin" eth0 <<<"$(with_result "$conf")" >&3
	echo "DEL exit $status $output"
	result=
	${CLEAN:+"$CLEAN"} >&3
	everything "after DEL" "$who" "$conf"
	CNI_ARGS=$ARGS by "$who" del "$plugin" eth0 <<<"$conf" >&3
	if [ "$who" = ref ] && [ "$REF_DEL" -eq 1 ]; then
		[ "$status" -eq 1 ] || echo "the reference's second DEL no longer fails"
		status=0 output=
	fi
	echo "second DEL exit $status $output"
}

# The chatter of the calls goes to a file that is shown with a failure.
compare() {
	local chatter=$BATS_TEST_TMPDIR/chatter one plugin=$1
	tally differential 1 0
	one=$(observe ref "$@" 3>"$chatter")
	observed=$(observe ours "$@" 3>>"$chatter")
	cat "$chatter"
	expect_same "success or failure of ADD" "${one%%$'\n'*}" "${observed%%$'\n'*}"
	expect_same "what the reference and ours do" "$one" "$observed"
	tally differential 0 1
}

# same PLUGIN CONF : equal, and the case is one where ADD succeeds.
same() {
	compare "$@"
	[ "${observed%%$'\n'*}" = "ADD exit 0" ] || fail "ADD to succeed"
}

# both_refuse PLUGIN CONF : ADD fails on both sides. What ours leaves is another test's matter.
both_refuse() {
	compare "$@"
	[ "$observed" = "ADD exit 1" ] || fail "ADD to fail"
}

# bridge EXTRA [IPAM] : JSON objects merged into a bridge configuration.
bridge() {
	jq -nc --argjson extra "${1:-{\}}" --argjson ipam "${2:-null}" '
		{cniVersion: "1.1.0", name: "net", type: "bridge", bridge: "br0"} + $extra
		+ if $ipam then {ipam: $ipam} else {} end'
}

ptp() {
	jq -nc --argjson extra "$1" --argjson ipam "$2" '
		{cniVersion: "1.1.0", name: "net", type: "ptp", ipam: $ipam} + $extra'
}

ipam_only() {
	jq -nc --argjson ipam "$1" --argjson extra "${2:-{\}}" '
		{cniVersion: "1.1.0", name: "net", type: "bridge", ipam: $ipam} + $extra'
}

V4='{"type":"host-local","subnet":"10.9.0.0/24"}'
V6='{"type":"host-local","subnet":"fd00:9::/64"}'
DUAL='{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/24"}],[{"subnet":"fd00:9::/64"}]]}'

STATIC='{"type":"static","addresses":[{"address":"10.9.0.5/24","gateway":"10.9.0.1"},
	{"address":"fd00:9::5/64","gateway":"fd00:9::1"}],"routes":[{"dst":"10.100.0.0/16"}],
	"dns":{"nameservers":["10.9.0.53"]}}'

FULL='{"type":"host-local","ranges":[[{"subnet":"10.9.0.0/24"}],[{"subnet":"fd00:9::/64"}]],
	"routes":[{"dst":"0.0.0.0/0"},{"dst":"fd00:100::/32","gw":"fd00:9::9","mtu":1300}]}'
DNS='{"dns":{"nameservers":["10.9.0.53"],"domain":"d.example","search":["s"],"options":["o"]}}'

resolv_conf() {
	printf '%s\n' '# a comment' 'nameserver 10.9.0.53' 'domain ipam.example' \
		'search a.example b.example' 'options ndots:3' >"$BATS_TEST_TMPDIR/resolv.conf"
}

# Below 0.4.0 there is no CHECK: both say so.
in_every_version() {
	local version
	for version in $ALL_VERSIONS; do
		echo "version $version"
		same "$1" "$(jq -c --arg v "$version" '.cniVersion = $v' <<<"$2")"
	done
	same "$1" "$(jq -c 'del(.cniVersion)' <<<"$2")"
}
