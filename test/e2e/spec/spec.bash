# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2016,SC2034,SC2154
#
# What the spec-*.bats files share. Each of their tests names the numbered entries it covers
# (C-nnn); test/spec-count holds the list of all of them.

load ../lib

INTERFACE_PLUGINS="bridge ptp loopback macvlan tap chain"
IPAM_PLUGINS="host-local static"
VETH_PLUGINS="bridge ptp"
EVERY_PLUGIN="$INTERFACE_PLUGINS $IPAM_PLUGINS"
# Whose ADD needs a prevResult; what they owe beyond that is in a file of their own.
RULE_PLUGINS="portmap firewall"
CHAINED_PLUGINS="$RULE_PLUGINS tuning bandwidth sbr vrf"
# Whose ADD needs a device; what they owe beyond that is in a file of their own.
DEVICE_PLUGINS="host-device"
# Whose ADD needs a switch; what they owe beyond that is in ovs*.bats.
OVS_PLUGINS="ovs ovs-mirror-producer ovs-mirror-consumer"
STORE=/var/lib/cni/networks/net

# For macvlan, one that no test takes for a container's interface.
master() {
	[ -e /sys/class/net/m0 ] || ip link add m0 up type bridge
}

netns() {
	master
	NS=$1
	ip netns add "$NS"
	ip -n "$NS" link set lo up
}

# conf PLUGIN [JQ] : a valid 1.1.0 configuration on a network of its own, changed by a jq program.
# jq is slow beside a plugin: where there is a choice, these tests use the shell.
conf() {
	local text='{"cniVersion":"1.1.0","name":"net"'
	case $1 in
	bridge) text+=',"type":"bridge","bridge":"br0","isGateway":true' ;;
	macvlan)
		master
		text+=',"type":"macvlan","master":"m0"'
		;;
	*) text+=",\"type\":\"$1\"" ;;
	esac
	case $1 in
	loopback) ;;
	chain) text+=',"plugins":[{"type":"ptp","ipam":{"type":"host-local","subnet":"10.1.0.0/24"}}]' ;;
	static)
		text+=',"ipam":{"type":"static","addresses":[{"address":"10.1.0.2/24",'
		text+='"gateway":"10.1.0.1"}]}'
		;;
	*) text+=',"ipam":{"type":"host-local","subnet":"10.1.0.0/24"}' ;;
	esac
	if [ $# -gt 1 ]; then
		jq -c "$2" <<<"$text}"
	else
		echo "$text}"
	fi
}

# as_version VERSION CONF : CONF is one of conf.
as_version() {
	echo "${2/'"cniVersion":"1.1.0"'/"\"cniVersion\":\"$1\""}"
}

# expect_code N [TEXT] : as lib's, but without a process: the error object of our plugins is this
# regular expression and nothing else. C-004 looks at it with a JSON parser.
expect_code() {
	local string='"(([^"\]|\\.)*)"' text=${2:-}
	local object="^\\{\"cniVersion\":$string,\"code\":([0-9]+),\"msg\":$string(,\"details\":$string)?\\}\$"
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	[[ $output =~ $object ]] || fail "one error object"
	[ "${BASH_REMATCH[3]}" = "$1" ] || fail "code $1"
	text=${text//\\/\\\\} text=${text//\"/\\\"}
	[[ "${BASH_REMATCH[4]} ${BASH_REMATCH[7]}" == *"$text"* ]] || fail "error text with '$2'"
}

# ifname_of PLUGIN : loopback is asked for lo, as runtimes do.
ifname_of() {
	[ "$1" = loopback ] && echo lo || echo eth0
}

# raw [VAR=VALUE...] PLUGIN [ARG...] : a call with this environment and nothing else in it.
raw() {
	local vars=(PATH="$PATH") plugin
	while [[ $1 == *=* ]]; do
		vars+=("$1")
		shift
	done
	plugin=$1
	shift
	status=0
	output=$(env -i "${vars[@]}" timeout -k 5 60 "$PLUGINS/$plugin" "$@" \
		2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	errors=$(<"$BATS_TEST_TMPDIR/stderr")
	echo "\$ ${vars[*]:1} $plugin $*: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
}

# The environment of an ordinary call as words for raw; a test takes away or changes some.
full_env() {
	ENV_WORDS=(CNI_COMMAND="$1" CNI_CONTAINERID="$CID" CNI_NETNS="$(ns_path)"
		CNI_IFNAME="${2:-eth0}" CNI_PATH="$PLUGINS")
}

# without NAME... : full_env's words less these.
without() {
	local name word kept
	for name; do
		kept=()
		for word in "${ENV_WORDS[@]}"; do
			[[ $word == "$name="* ]] || kept+=("$word")
		done
		ENV_WORDS=("${kept[@]}")
	done
}

# snapshot : all that a failed or a mere look may not change. Names are random: no result helps.
snapshot() {
	local result='' name
	# shellcheck disable=SC2046
	state $(ip netns list | awk '{ print $1 }' | sort)
	store_state /var/lib/cni/networks
}

# unchanged BEFORE : the same snapshot still.
unchanged() {
	expect_same "state" "$1" "$(snapshot)"
}

# leases [NETWORK] : the addresses that host-local holds.
leases() {
	local dir=/var/lib/cni/networks/${1:-net}
	[ ! -d "$dir" ] || (cd "$dir" && find . -maxdepth 1 -type f -name '*[.:]*' \
		! -name 'last_*' -printf '%f\n' | sort | paste -sd' ')
}

expect_leases() {
	local network=net
	[ "$1" != -n ] || { network=$2 && shift 2; }
	[ "$(leases "$network")" = "$*" ] || fail "leases '$*', not '$(leases "$network")'"
}

# host_veths : names of the host's veth ends.
host_veths() {
	ip -o link show type veth | awk -F'[ :@]+' '{ print $2 }'
}

expect_no_veths() {
	[ -z "$(host_veths)" ] || fail "no veth on the host, not $(host_veths)"
}

expect_link() {
	ns_ip "$1" link show "$2" >/dev/null || fail "link $2 in $1"
}

expect_no_link() {
	ns_ip "$1" link show "$2" 2>/dev/null && fail "no link $2 in $1"
	return 0
}

# ---- delegates of the test's own -----------------------------------------------------------

# delegate NAME : a plugin in a private directory that notes each call (calls, env.VERB,
# stdin.VERB) and then does as told by on; ADD answers with one address.
delegate() {
	DELEGATES=$BATS_TEST_TMPDIR/delegates
	mkdir -p "$DELEGATES"
	cat >"$DELEGATES/$1" <<-'END'
		#!/bin/sh
		dir=${0%/*}
		echo "$CNI_COMMAND" >>"$dir/calls"
		env >"$dir/env.$CNI_COMMAND"
		cat >"$dir/stdin.$CNI_COMMAND"
		[ ! -e "$dir/do.$CNI_COMMAND" ] || . "$dir/do.$CNI_COMMAND"
		exit 0
	END
	chmod +x "$DELEGATES/$1"
	answers <<<'{"cniVersion": "1.1.0", "ips": [{"address": "10.1.0.9/24", "gateway": "10.1.0.1"}]}'
}

# on VERB : what the delegates do (shell on stdin) in this verb.
on() {
	cat >"$DELEGATES/do.$1"
}

# answers : the delegates' ADD prints stdin.
answers() {
	cat >"$DELEGATES/answer"
	on ADD <<<'cat "$dir/answer"'
}

# fails VERB CODE MSG : the delegates' VERB answers with this error.
fails() {
	on "$1" <<-END
		echo '{"cniVersion": "1.1.0", "code": $2, "msg": "$3", "details": "the details"}'
		exit 1
	END
}

calls() {
	paste -sd' ' "$DELEGATES/calls" 2>/dev/null || true
}

expect_calls() {
	[ "$(calls)" = "$*" ] || fail "calls '$*' of the delegate, not '$(calls)'"
	rm -f "$DELEGATES/calls"
}

# delegated PLUGIN [JQ] : its configuration with IPAM by the delegate "mine".
delegated() {
	conf "$1" ".ipam = {type: \"mine\"} | ${2:-.}"
}

# with_delegates COMMAND... : the delegates' directory before the plugins'.
with_delegates() {
	CNI_PATH=$DELEGATES:$PLUGINS "$@"
}
