# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# Other people's plugins in a chain of ours: what they are given, and that all comes to the same, unfolded and folded.
# See chain.bash.

load ../lib
load ../plugin/chain
load chain

PORTS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":8081,"containerPort":81,"protocol":"udp"}]}'

# mixed NAME... : a directory of our plugins in which these are the reference's.
mixed() {
	local name dir=$BATS_TEST_TMPDIR/mixed
	mkdir -p "$dir"
	for name in $("$CNIC_BIN/cnic" plugins); do
		ln -sf "$CNIC_BIN/$name" "$dir/$name"
	done
	for name; do
		ln -sf "$REF_BIN/$name" "$dir/$name"
	done
	CHAIN_PATH=$dir:$FOREIGN
}

# with_these ELEMENT... : the five plugins' list with these in it, "INDEX JSON".
list_with() {
	local list each
	list=$(list_of chain.conflist)
	for each; do
		list=$(jq -c --argjson i "${each%% *}" --argjson p "${each#* }" '.plugins[$i:$i] = [$p]' <<<"$list")
	done
	echo "$list"
}

# recorded : what the test's own plugins were given since the last time.
recorded() {
	local file
	cat "$FOREIGN/calls"
	for file in "$FOREIGN"/stdin.*; do
		echo "== ${file##*/}"
		jq -S . "$file"
	done
	for file in "$FOREIGN"/env.*; do
		echo "== ${file##*/}"
		cat "$file"
	done
	rm -f "$FOREIGN"/{calls,stdin.*,env.*}
}

# records_of HOW LIST : of each verb.
records_of() {
	foreign first second last
	afresh 3>&2
	{
		well ctl "$1" add "$2"
		well ctl "$1" check "$2"
		well ctl "$1" status "$2"
		well ctl "$1" gc "$2" -valid c1/eth0,c7/eth7
		well ctl "$1" del "$2"
	} >&2
	recorded | masked
}

@test "a foreign plugin is given what libcni gives it: stdin and environment, of each verb" {
	local list one other version
	CAPS=${PORTS%\}}',"mac":"02:aa:00:00:00:01","ips":["10.103.0.7"],"bandwidth":{"egressRate":8000000,"egressBurst":800000}}'
	ARGS='IgnoreUnknown=1;K8S_POD_NAME=p'
	list=$(list_with '0 {"type":"first","capabilities":{"mac":true,"portMappings":false}}' \
		'3 {"type":"second","name":"mine","capabilities":{"portMappings":true,"none":true},"n":12345678901234567890,"z":{"b":1,"a":"<&>"}}' \
		'7 {"type":"last","runtimeConfig":{"own":[1,2.50]},"cniVersion":"9"}')
	for version in 0.4.0 1.0.0 1.1.0; do
		list=$(jq -c --arg v $version '.cniVersion = $v' <<<"$list")
		one=$(records_of unfolded "$list" 2>&3)
		other=$(records_of folded "$list" 2>&3)
		expect_same "what the plugins are given" "$one" "$other"
		[ "$(grep -c '^==' <<<"$one")" -ge 18 ] || fail "records of three verbs and three plugins"
	done
} 3>&2

@test "the reference's tuning, portmap, firewall between ours" {
	CAPS=$PORTS
	mixed tuning portmap firewall
	in_versions "$(list_of chain.conflist | jq -c 'del(.plugins[2].ingressPolicy, .plugins[4])')" 0.4.0 1.0.0
	mixed portmap
	in_versions "$(list_of chain.conflist | jq -c '.plugins[1].backend = "nftables"')" 1.0.0 1.1.0
}

@test "the reference's bridge and host-local in front of ours" {
	CAPS=$PORTS
	mixed bridge host-local
	in_versions "$(list_of chain.conflist)" 0.4.0 1.0.0
	mixed host-local
	in_versions "$(list_of chain.conflist)" 0.4.0 1.1.0
}

@test "all executed, and the test's own among them" {
	foreign first second
	export CNI_ALWAYS_EXEC=1
	CAPS=$PORTS
	in_versions "$(list_with '1 {"type":"first"}' '5 {"type":"second"}')" 0.4.0 1.1.0
	in_versions "$(list_of sbr.conflist)" 0.4.0 1.1.0
	crossed "$(list_of chain.conflist)"
}

@test "executed or in the process: the same results, states, records" {
	local one list
	CAPS=$PORTS
	for list in chain portmap sbr tuning ptp; do
		list=$(list_of $list.conflist)
		one=$(CNI_ALWAYS_EXEC=1 steps folded "$list" 3>&2)
		expect_same "what the chain does" "$one" "$(steps folded "$list" 3>&2)"
	done
}
