# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the tests of chain share: a chain of five plugins, and plugins of the tests' own, which note what they are
# called with.
#
# For files that have loaded lib.bash.

FOREIGN=$BATS_FILE_TMPDIR/foreign
PORTS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
FIVE='{"cniVersion":"1.1.0","name":"net","type":"chain","runtimeConfig":'$PORTS',"plugins":[
	{"type":"bridge","bridge":"br0","isGateway":true,"ipMasq":true,
	 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}],[{"subnet":"fd00:2::/64"}]]}},
	{"type":"portmap","capabilities":{"portMappings":true}},
	{"type":"firewall","ingressPolicy":"same-bridge"},
	{"type":"tuning","mac":"02:bb:00:00:00:01","mtu":1400},
	{"type":"bandwidth","ingressRate":100000000,"egressRate":50000000}]}'
ORDER="bridge portmap firewall tuning bandwidth"

# ---- plugins of the test's own ---------------------------------------------------------------

# foreign NAME... : each notes its calls in $FOREIGN/calls, its stdin and environment beside it, does what do.NAME.VERB
# says (shell), and hands prevResult on. What it does to a container is a file in done/, which DEL removes.
foreign() {
	local name
	mkdir -p "$FOREIGN/done"
	for name; do
		cat >"$FOREIGN/$name" <<-'END'
			#!/bin/sh
			dir=${0%/*} name=${0##*/} verb=$CNI_COMMAND
			in=$(cat)
			echo "$verb $name" >>"$dir/calls"
			echo "$in" >"$dir/stdin.$name.$verb"
			env | grep -vE '^(_|PWD|OLDPWD|SHLVL)=' | sort >"$dir/env.$name.$verb"
			[ ! -e "$dir/do.$name.$verb" ] || . "$dir/do.$name.$verb"
			case $verb in
			ADD) echo "$CNI_CONTAINERID" >"$dir/done/$name"
				out=$(echo "$in" | jq -c '.prevResult // {cniVersion, interfaces: []}') ;;
			DEL) rm -f "$dir/done/$name" ;;
			esac
			[ ! -e "$dir/then.$name.$verb" ] || . "$dir/then.$name.$verb"
			[ "$verb" != ADD ] || echo "$out"
		END
		chmod 755 "$FOREIGN/$name"
	done
}

# on, after NAME VERB : what it does (shell on stdin) before, or after, it has done its own.
on() {
	cat >"$FOREIGN/do.$1.$2"
}

after() {
	cat >"$FOREIGN/then.$1.$2"
}

# refuses WHEN NAME VERB [CODE] : WHEN is on or after.
refuses() {
	"$1" "$2" "$3" <<-END
		echo '{"cniVersion":"1.1.0","code":${4:-123},"msg":"$2 will not","details":"its details"}'
		exit 1
	END
}

calls() {
	paste -sd, "$FOREIGN/calls" 2>/dev/null || true
}

# ---- chains ----------------------------------------------------------------------------------

# five [JQ] : the chain, changed.
five() {
	jq -c "${1:-.}" <<<"$FIVE"
}

# with_foreign COMMAND... : theirs are found behind ours.
with_foreign() {
	CNI_PATH=$CNIC_BIN:$FOREIGN "$@"
}

# ---- what there is of c1/eth0 ----------------------------------------------------------------

traces() {
	local name
	for name in $ORDER foreign; do
		"trace_of_$name" | sed "s/^/$name: /"
	done
}

trace_of_bridge() {
	ip -n box -j link show 2>/dev/null | jq -r '.[].ifname | select(. != "lo")'
	grep -rls '^c1' /var/lib/cni/networks --exclude-dir=.cnic
	grep -ls '"c1"' /var/lib/cni/cnic/*
	nft list ruleset | grep 'id: c1' | grep '" : goto to_'
	find /run/cnic/rules -name '*-bridge' -size +0 -exec grep -l '"c1"' {} + 2>/dev/null
}

trace_of_portmap() {
	nft list ruleset | grep -E '\. 8080 |id: c1.*: goto from_'
	grep -ls '"c1"' /run/cnic/rules/*-portmap
}

trace_of_firewall() {
	grep -ls '"c1"' /run/cnic/rules/*-firewall
	nft list ruleset | grep 'id: c1' | grep -E 'elements = \{ (10|fd)[^ ]* comment "[^"]*" \}'
}

trace_of_tuning() {
	find /run/cni/tuning -name 'c1_*' 2>/dev/null
}

trace_of_bandwidth() {
	ip -j link show type ifb | jq -r '.[].ifname'
	find /run/cnic/bandwidth -type f 2>/dev/null
}

trace_of_foreign() {
	find "$FOREIGN/done" -type f 2>/dev/null
}

expect_no_traces() {
	expect_same "traces" "" "$(traces)"
}
