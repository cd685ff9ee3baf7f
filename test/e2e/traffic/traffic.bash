# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154,SC2016
#
# Real traffic, for the tests that have loaded lib.bash: a remote host behind the throw-away one,
# containers attached by a chain of plugins, and questions that tell who answers and whom he sees.
#
#	chain bridge '{"ipMasq": true}' portmap '{}'    the network
#	MAPPINGS=$(map_ports <<<"8080 80 tcp,udp")
#	container web; chain_add                         ADD of each plugin, as a runtime does it
#	serve web tcp/80 udp/80
#	from remote "tcp udp" <<<"46 any HOST 8080 web:80 REMOTE"
#	chain_check; chain_del
#
# SIDE=ref runs a file against the reference's plugins: what a test says of ours and is not true
# of those it asks `is_ref` about.

: "${SIDE:=ours}"

# What questions call by name, with the family behind it. The host has a second address that
# nothing is published on; a container is there by its name in capitals once chain_add is done.
declare -gA ADDRESS=(
	[HOST4]=192.0.2.1 [HOST6]=2001:db8:2::1
	[ALIAS4]=192.0.2.11 [ALIAS6]=2001:db8:2::11
	[REMOTE4]=192.0.2.2 [REMOTE6]=2001:db8:2::2
	[LOOPBACK4]=127.0.0.1 [LOOPBACK6]=::1
	[GATEWAY4]=10.88.0.1 [GATEWAY6]=fd00:88::1
)

# Of network net<N>, bridge br<N>, `NET=N chain ...`.
subnet() {
	if [ "$1" = 4 ]; then echo "10.88.$2.0/24"; else echo "fd00:88:0:$2::/64"; fi
}

is_ref() {
	[ "$SIDE" = ref ]
}

# ---- the tool ------------------------------------------------------------------------------

TRAFFIC=$ROOT/build/net/traffic

# Files of tests that start together build it once.
traffic_build() {
	mkdir -p "${TRAFFIC%/*}"
	exec 8>"${TRAFFIC%/*}/lock"
	flock 8
	if [ -n "$(find "$ROOT"/test/net -name '*.[ch]' -newer "$TRAFFIC" 2>&1)" ]; then
		"${CC:-cc}" -std=gnu11 -D_GNU_SOURCE -O2 -g -Wall -Wextra -Wshadow -Wconversion \
			-Wno-sign-conversion "$ROOT"/test/net/*.c -o "$TRAFFIC.new"
		mv "$TRAFFIC.new" "$TRAFFIC"
	fi
	exec 8>&-
}

setup_file() {
	traffic_build
}

# within NAME COMMAND... : "" is the host.
within() {
	local name=$1
	shift
	if [ -n "$name" ]; then in_ns "$name" "$@"; else "$@"; fi
}

SERVERS=()

# serve NAME PROTO/PORT... : the container answers as NAME from here on, "" as "host".
serve() {
	local name=$1
	shift
	SERVERS+=("$(within "$name" "$TRAFFIC" serve "${name:-host}" "$@")")
}

servers_end() {
	[ ${#SERVERS[@]} -eq 0 ] || kill "${SERVERS[@]}" 2>/dev/null || true
	SERVERS=()
}

# expect_answers NAME : asks from there; lines LABEL PROTO SOURCE[#PORT]|- ADDRESS PORT ANSWER,
# where ANSWER is "server:port address-it-saw" or "none".
expect_answers() {
	local expected got
	expected=$(awk 'NF { $1 = $1; print }')
	[ -n "$expected" ] || fail "questions"
	got=$(within "$1" "$TRAFFIC" ask <<<"$expected" 2>&1) || fail "no error: $got"
	[ "$got" = "$expected" ] || {
		diff -U0 --label "expected from ${1:-host}" --label got \
			<(echo "$expected") <(echo "$got") | grep -v '^@@'
		fail "these answers"
	}
}

# questions "PROTO..." : makes questions of lines FAMILIES LABEL TARGET PORT ANSWER [PEER], one for
# each protocol and family; TARGET and PEER are names of ADDRESS, or addresses.
questions() {
	local families label target port answer peer proto family
	while read -r families label target port answer peer; do
		for proto in $1; do
			for family in 4 6; do
				[[ $families == *$family* ]] || continue
				echo "$label-$proto$family $proto - ${ADDRESS[$target$family]-$target}" \
					"$port $answer ${ADDRESS[$peer$family]-$peer}"
			done
		done
	done
}

# from NAME "PROTO..." <<< lines of questions
from() {
	expect_answers "$1" < <(questions "$2")
}

# ---- the host and the remote host ----------------------------------------------------------

prefix() {
	if [ "$1" = 4 ]; then echo 24; else echo 64; fi
}

# The remote host has its default routes by this one, so that a source address that nobody
# translated is seen and answered. ALIAS is deprecated: no source address by itself.
#
# nodad: an address is tentative from its making until a worker of the kernel comes to it, whatever
# dad_transmits says, and who asks meanwhile asks from his link-local address, which nobody forwards.
remote_setup() {
	local family nodad
	ip netns add remote
	ip link add up0 type veth peer name eth0 netns remote
	no_dad_wait ""
	no_dad_wait remote
	for family in 4 6; do
		nodad=()
		[ $family = 4 ] || nodad=(nodad)
		ip addr add "${ADDRESS[HOST$family]}/$(prefix $family)" dev up0 "${nodad[@]}"
		ip addr add "${ADDRESS[ALIAS$family]}/$(prefix $family)" dev up0 preferred_lft 0 "${nodad[@]}"
		ns_ip remote addr add "${ADDRESS[REMOTE$family]}/$(prefix $family)" dev eth0 "${nodad[@]}"
	done
	ip link set up0 up
	ns_ip remote link set lo up
	ns_ip remote link set eth0 up
	ns_ip remote -4 route add default via "${ADDRESS[HOST4]}"
	ns_ip remote -6 route add default via "${ADDRESS[HOST6]}"
}

# All rules there are, of every family and kind. Lists of iptables come after nft's, since they make
# tables where there are none.
all_rules() {
	nft -j list ruleset
	iptables-nft-save
	ip6tables-nft-save
	[ -z "$(cat /proc/net/ip_tables_names)" ] || iptables-legacy-save
	[ -z "$(cat /proc/net/ip6_tables_names)" ] || ip6tables-legacy-save
}

# expect_no_trace CID WORD... : no rule, element, comment or chain has one of these words in it, a
# container's id, address, link or the like. Tables and chains for all may stay.
expect_no_trace() {
	local word rules
	rules=$(all_rules 2>/dev/null)
	for word; do
		! grep -wiF -m3 -e "$word" <<<"$rules" || fail "no trace of $word"
	done
}

# expect_trace WORD... : so that what is not there later was there.
expect_trace() {
	local word rules
	rules=$(all_rules 2>/dev/null)
	for word; do
		grep -qwiF -e "$word" <<<"$rules" || fail "a trace of $word: $rules"
	done
}

traffic_setup() {
	local name
	host_setup
	for name in "${!RESULTS[@]}"; do
		unset "ADDRESS[${name^^}4]" "ADDRESS[${name^^}6]"
	done
	CID='' NS='' MAPPINGS='[]' RESULTS=() MAPPED=()
	remote_setup
}

traffic_teardown() {
	servers_end
	rules_clean
	host_clean
}

# The next backend begins where the first one did.
again() {
	traffic_teardown
	traffic_setup
}

setup() {
	traffic_setup
}

teardown() {
	traffic_teardown
}

# ---- containers ----------------------------------------------------------------------------

declare -gA RESULTS MAPPED

# chain PLUGIN CONF... : the network that containers are attached to from here on. NET is its
# number (0); bridge and ptp get addresses of both families, default routes and, the bridge, a gateway.
# jq takes longer than a plugin: it runs here, once, and what is sent is put together from CONFS.
chain() {
	mapfile -t CONFS < <(jq -nc --arg net "${NET:-0}" --arg subnet4 "$(subnet 4 "${NET:-0}")" \
		--arg subnet6 "$(subnet 6 "${NET:-0}")" '
		{ipam: {type: "host-local", ranges: [[{subnet: $subnet4}], [{subnet: $subnet6}]],
			routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}} as $layer3 |
		{bridge: ($layer3 + {bridge: "br\($net)", isGateway: true, hairpinMode: true}), ptp: $layer3} as $usual |
		$ARGS.positional | range(0; length; 2) as $i |
		{name: "net\($net)", cniVersion: "1.0.0", type: .[$i]} + $usual[.[$i]] + (.[$i + 1] | fromjson)' \
		--args -- "$@")
	PLUGIN_NAMES=()
	while [ $# -gt 0 ]; do
		PLUGIN_NAMES+=("$1")
		shift 2
	done
	[ ${#CONFS[@]} -eq ${#PLUGIN_NAMES[@]} ] || fail "a chain"
}

# backend NAME [MORE] : the keys of portmap and firewall; "" leaves the choice to the plugin.
backend() {
	jq -nc --arg backend "$1" --argjson more "${2:-{\}}" \
		'(if $backend == "" then {} else {backend: $backend} end) + $more'
}

# map_ports : mappings as runtimes send them; lines HOSTPORT PORT PROTO[,PROTO...] [HOSTIP [COUNT]],
# COUNT ports in a row.
map_ports() {
	jq -Rnc '[inputs | [splits("\\s+") | select(. != "")] | select(. != []) as [$host, $port, $protos, $ip, $count] |
		($protos | split(",")[]) as $proto | range($count // "1" | tonumber) |
		{hostPort: (($host | tonumber) + .), containerPort: (($port | tonumber) + .), protocol: $proto} +
		if ($ip // "-") == "-" then {} else {hostIP: $ip} end]'
}

# container NAME : a namespace, and the attachment that calls are about from here on.
container() {
	netns "$1"
	no_dad_wait "$1"
	CID=$1
}

# about NAME : one that is there.
about() {
	NS=$1 CID=$1
}

# call VERB PLUGIN : by whom the file is about.
call() {
	by "$SIDE" "$@" eth0
}

# plugin_conf N [RESULT] : what a runtime sends the chain's N-th plugin: prevResult once there is one,
# and port mappings to the plugin that has a capability for them.
plugin_conf() {
	local conf=${CONFS[$1]} mappings=${MAPPED[$CID]:-[]}
	conf=${conf%\}}
	[ -z "${2-}" ] || conf+=",\"prevResult\":$2"
	[ "${PLUGIN_NAMES[$1]}" != portmap ] || [ "$mappings" = '[]' ] ||
		conf+=",\"runtimeConfig\":{\"portMappings\":$mappings}"
	echo "$conf}"
}

# The container's own addresses, by the last result.
name_addresses() {
	[ -z "${ADDRESS[${CID^^}4]-}" ] || fail "a container's name that is not taken"
	[[ $result =~ \"address\":\ *\"([0-9.]+)/ ]] && ADDRESS[${CID^^}4]=${BASH_REMATCH[1]}
	[[ $result =~ \"address\":\ *\"([0-9a-f]+:[0-9a-f:]+)/ ]] && ADDRESS[${CID^^}6]=${BASH_REMATCH[1]}
	true
}

# chain_add [SIDE] : stops at the first plugin that fails.
chain_add() {
	local n
	forget_result
	MAPPED[$CID]=$MAPPINGS
	for n in "${!PLUGIN_NAMES[@]}"; do
		by "${1:-$SIDE}" add "${PLUGIN_NAMES[$n]}" eth0 <<<"$(plugin_conf "$n" "$result")"
		expect_ok || return 1
	done
	RESULTS[$CID]=$result
	name_addresses
}

chain_check() {
	local n
	for n in "${!PLUGIN_NAMES[@]}"; do
		by "${1:-$SIDE}" check "${PLUGIN_NAMES[$n]}" eth0 <<<"$(plugin_conf "$n" "${RESULTS[$CID]}")"
		expect_silent || return 1
	done
}

# The last one first; the runtime goes on where one fails, and so does this.
chain_del() {
	local n rc=0
	for ((n = ${#PLUGIN_NAMES[@]} - 1; n >= 0; n--)); do
		by "${1:-$SIDE}" del "${PLUGIN_NAMES[$n]}" eth0 <<<"$(plugin_conf "$n" "${RESULTS[$CID]-}")"
		expect_silent || rc=1
	done
	return $rc
}
