# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# chain: a list of plugins as one. That it does what the list does is in compat/chain*.bats.

load ../lib
load chain

setup() {
	host_setup
	no_dad_wait ''
	netns box
	foreign first second last
	rm -f "$FOREIGN"/{calls,do.*,then.*,stdin.*,env.*,done/*}
}

# three [JQ] : two of the test's own, ours between them.
three() {
	jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","name":"net","type":"chain",
		"plugins":[{"type":"first"},{"type":"loopback"},{"type":"last"}]}'
}

# ---- the life of an attachment ---------------------------------------------------------------

@test "five plugins: added, checked, added again in vain, deleted, deleted again" {
	local before
	add chain <<<"$(five)"
	expect_ok
	expect_json '[.interfaces[].name | select(test("^veth|^bwp") | not)]' '["br0","eth0"]'
	expect_json '.interfaces[2].mac' 02:bb:00:00:00:01
	check chain <<<"$(with_result "$(five)")"
	expect_silent
	status_of chain <<<"$(five)"
	expect_silent
	before=$(traces)
	cni ADD chain <<<"$(five)"
	expect_code 101 'plugin type="bridge" failed (add): '
	expect_same traces "$before" "$(traces)"
	del chain <<<"$(with_result "$(five)")"
	expect_silent
	expect_no_traces
	del chain <<<"$(five)"
	expect_silent
}

@test "CHECK: the first plugin that finds something says so" {
	add chain <<<"$(five)"
	ip -n box link set eth0 mtu 1300
	check chain <<<"$(with_result "$(five)")"
	expect_code 102 mtu
	ip -n box link set eth0 mtu 1400
	nft flush set inet cnic_firewall v4
	check chain <<<"$(with_result "$(five)")"
	expect_code 102
	check chain <<<"$(five)"
	expect_code 7 prevResult
}

@test "GC: of this network what is not valid goes, from each plugin" {
	netns other
	NS=other CID=c9 add chain <<<"$(five '.runtimeConfig.portMappings[0].hostPort = 9090 | .plugins[3].mac = "02:bb:00:00:00:09"')"
	local others=$result conf
	conf=$(five '.runtimeConfig.portMappings[0].hostPort = 9090 | .plugins[3].mac = "02:bb:00:00:00:09"')
	NS=box add chain <<<"$(five)"
	expect_ok
	gc chain <<<"$(five)" # the runtime does not say which are valid
	expect_silent
	NS=box check chain <<<"$(with_result "$(five)")"
	expect_silent
	ip -n box link del eth0
	gc chain <<<"$(with_valid "$(five)" c9/eth0)"
	expect_silent
	NS=other CID=c9 check chain <<<"$(with_result "$conf" "$others")"
	expect_silent
	expect_same traces "" "$(traces | grep -v bandwidth)"
	gc chain <<<"$(with_valid "$(five)")"
	expect_same traces "" "$(trace_of_bandwidth)"
}

# As Go writes a list that is none (CRI-O, of a network without a pod).
@test "GC: null is an empty list" {
	local key
	for key in cni.dev/valid-attachments cni.dev/attachments; do
		add chain <<<"$(five)"
		expect_ok
		gc chain <<<"$(five ".[\"$key\"] = null")"
		expect_silent
		expect_same traces "" "$(trace_of_bandwidth)"
		ip -n box link del eth0 2>/dev/null || true
	done
}

@test "a prevResult that chain gets is the first plugin's" {
	with_foreign add chain <<<"$(three '.prevResult = {cniVersion: "1.1.0", interfaces: [{name: "x0"}]}')"
	expect_json '.interfaces[0].name' x0
	json_is "$(<"$FOREIGN/stdin.first.ADD")" '.prevResult.interfaces[0].name' x0
	json_is "$(<"$FOREIGN/stdin.last.ADD")" '.prevResult.interfaces[0].name' x0
	with_foreign add chain <<<"$(three '.plugins |= [.[1], .[0], .[2]]')"
	expect_json '.interfaces[0].name' lo
	json_is "$(<"$FOREIGN/stdin.last.ADD")" '.prevResult.interfaces[0].name' lo
}

@test "a result of another version is brought into the configuration's" {
	after last ADD <<<'out="{\"cniVersion\":\"0.4.0\",\"ips\":[{\"version\":\"4\",\"address\":\"10.2.0.2/24\"}]}"'
	with_foreign add chain <<<"$(three)"
	expect_ok
	expect_json .cniVersion 1.1.0
	expect_json '.ips[0]' '{"address":"10.2.0.2/24"}'
}

@test "what the runtime gives reaches the plugins that declare it, and no other" {
	local conf
	conf=$(three '.runtimeConfig = {mac: "02:aa:00:00:00:01", ips: ["10.2.0.9"], other: {a: 5}} |
		.plugins[0].capabilities = {mac: true, ips: false, other: true} |
		.plugins[2] += {runtimeConfig: {own: 1}, "x-own": "<&>", name: "overwritten", cniVersion: "0.1.0"}' |
		sed 's/"a":5/"a":12345678901234567890/')
	CNI_ARGS='IgnoreUnknown=1;A=b' with_foreign add chain <<<"$conf"
	expect_ok
	json_is "$(<"$FOREIGN/stdin.first.ADD")" '.runtimeConfig | keys' '["mac","other"]'
	grep -q '"a":12345678901234567890' "$FOREIGN/stdin.first.ADD" || fail "each digit of a number"
	json_is "$(<"$FOREIGN/stdin.last.ADD")" '.runtimeConfig' '{"own":1}'
	json_is "$(<"$FOREIGN/stdin.last.ADD")" '[.name, .cniVersion, .["x-own"]]' '["net","1.1.0","<&>"]'
	grep -qx 'CNI_ARGS=IgnoreUnknown=1;A=b' "$FOREIGN/env.last.ADD"
	gc_with_path chain <<<"$(with_valid "$conf" c7/eth7)"
	expect_silent
	json_is "$(<"$FOREIGN/stdin.last.GC")" '.["cni.dev/valid-attachments"]' '[{"containerID":"c7","ifname":"eth7"}]'
	json_is "$(<"$FOREIGN/stdin.first.GC")" '.["cni.dev/attachments"]' '[{"containerID":"c7","ifname":"eth7"}]'
}

gc_with_path() {
	with_foreign gc "$@"
}

@test "cnic repair puts back the rules of each plugin" {
	add chain <<<"$(five)"
	nft flush ruleset
	"$CNIC_BIN/cnic" repair
	check chain <<<"$(with_result "$(five)")"
	expect_silent
	del chain <<<"$(five)"
	expect_no_traces
}

# ---- ADD fails -------------------------------------------------------------------------------

# broken PLUGIN : the five plugins, of which this one fails when those before it have done their part.
broken() {
	case $1 in
	bridge) five '.plugins[0].bridge = "taken0"' ;;
	portmap) five '.runtimeConfig.portMappings[0].hostPort = 9090' ;;
	firewall) five '.plugins[2].backend = "no such"' ;;
	tuning) five '.plugins[3].sysctl = {"net.core.none": "1"}' ;;
	bandwidth) five '.plugins[4].ingressRate = 1' ;;
	esac
}

# neighbour : another container on the network, with port 9090; taken0 is no bridge.
neighbour() {
	ip link add taken0 type veth peer name taken1
	netns other
	CID=c9 add chain <<<"$(five '.runtimeConfig.portMappings[0].hostPort = 9090 | .plugins[3].mac = "02:bb:00:00:00:09"')"
	expect_ok
	NS=box
	result=
}

# All of it but addresses' order of use.
everything() {
	state box other | sed 's/"mac of [^"]*"//'
	store_state /var/lib/cni/networks | sed '/last_reserved/,/^$/d'
	nft -s list ruleset
	tc qdisc show | sed 's/ refcnt.*//'
	find /run/cni /run/cnic /var/lib/cni/cnic -type f | sort
}

each_fails_in_turn() {
	local plugin before code
	neighbour
	before=$(everything)
	for plugin in $ORDER; do
		cni ADD chain <<<"$(broken "$plugin")"
		case $plugin in
		portmap) code=101 ;;
		*) code=$(jq .code <<<"$output") ;;
		esac
		expect_code "$code" "plugin type=\"$plugin\" failed (add): "
		[ "$code" -gt 0 ] || fail "a code"
		expect_same "state after $plugin has failed" "$before" "$(everything)"
	done
}

@test "ADD: each of five plugins fails in turn, and all is as before" {
	each_fails_in_turn
}

@test "ADD: the same when all are executed" {
	export CNI_ALWAYS_EXEC=1
	each_fails_in_turn
}

# in_the_middle NAME : the five plugins, and one of the test's own behind this one.
in_the_middle() {
	five "(.plugins | map(.type) | index(\"$1\")) as \$i | .plugins |= .[:\$i + 1] + [{type: \"first\"}] + .[\$i + 1:]"
}

@test "ADD: an executed plugin fails in each place, before and after it has done something" {
	local plugin when before
	neighbour
	before=$(everything)
	for plugin in $ORDER; do
		for when in on after; do
			rm -f "$FOREIGN"/{calls,do.*,then.*}
			refuses $when first ADD
			with_foreign cni ADD chain <<<"$(in_the_middle "$plugin")"
			expect_code 123 'plugin type="first" failed (add): first will not its details'
			expect_same "calls" "ADD first,DEL first" "$(calls)"
			expect_same "state" "$before" "$(everything)"
			expect_same "what first has done" "" "$(trace_of_foreign)"
		done
	done
}

@test "ADD: what was executed is deleted from the last to the first, with its own stdin" {
	refuses after last ADD
	with_foreign cni ADD chain <<<"$(three '.plugins += [{type: "second"}] | .plugins |= [.[0], .[3], .[1], .[2]]')"
	expect_code 123 'plugin type="last" failed (add): last will not'
	expect_same "calls" "ADD first,ADD second,ADD last,DEL last,DEL second,DEL first" "$(calls)"
	expect_same "what was done" "" "$(trace_of_foreign)"
	[ "$(in_ns box cat /sys/class/net/lo/flags)" = 0x9 ] || fail "lo as it was"
}

@test "ADD: a plugin that says it is there already is not deleted" {
	refuses on last ADD 101
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 101 'last will not'
	expect_same "calls" "ADD first,ADD last,DEL first" "$(calls)"
}

@test "ADD: a DEL that fails does not hide why, and the others are deleted" {
	refuses on last ADD
	refuses on last DEL 77
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 123 'last will not'
	[[ $errors == *"last will not"* ]] || fail "the second failure on stderr"
	expect_same "calls" "ADD first,ADD last,DEL last,DEL first" "$(calls)"
}

@test "ADD: a result that cannot be printed undoes all" {
	local before status=0
	neighbour
	before=$(everything)
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN:$FOREIGN \
		"$CNIC_BIN/chain" <<<"$(in_the_middle bandwidth)" >/dev/full || status=$?
	[ "$status" -eq 1 ] || fail "exit 1"
	expect_same "calls" "ADD first,DEL first" "$(calls)"
	expect_same "state" "$before" "$(everything)"
}

@test "ADD: an executable is missing: nothing is done, no plugin called" {
	local before
	before=$(everything_alone)
	with_foreign cni ADD chain <<<"$(five '.plugins += [{type: "first"}, {type: "nowhere"}]')"
	expect_code 7 'plugins[6].type: failed to find plugin "nowhere" in path ['
	[ -z "$(calls)" ] || fail "no calls"
	expect_same "state" "$before" "$(everything_alone)"
	[ ! -e /var/lib/cni/networks ] || fail "no store"
}

everything_alone() {
	state box
	nft -s list ruleset
	find /run/cni /run/cnic /var/lib/cni -type f 2>/dev/null | sort
}

# ---- DEL, GC, STATUS -------------------------------------------------------------------------

@test "DEL: a plugin fails in each place: all others are done, it is reported" {
	local plugin
	for plugin in $ORDER; do
		rm -f "$FOREIGN"/{calls,do.*}
		with_foreign add chain <<<"$(in_the_middle "$plugin")"
		expect_ok
		refuses on first DEL
		with_foreign del chain <<<"$(with_result "$(in_the_middle "$plugin")")"
		expect_code 123 'plugin type="first" failed (delete): first will not its details'
		expect_same "what is left" "$FOREIGN/done/first" "$(traces | sed 's/^foreign: //')"
		rm -f "$FOREIGN"/do.*
		with_foreign del chain <<<"$(in_the_middle "$plugin")"
		expect_silent
		expect_no_traces
	done
}

@test "DEL: several fail: the first error is reported, the others are told on stderr" {
	with_foreign add chain <<<"$(three)"
	refuses on first DEL 71
	refuses on last DEL 72
	with_foreign del chain <<<"$(three)"
	expect_code 72 'plugin type="last" failed (delete): last will not'
	[[ $errors == *'also: plugin type="first" failed (delete): first will not'* ]] || fail "first's error on stderr"
	expect_same "calls" "ADD first,ADD last,DEL last,DEL first" "$(calls)"
}

# Each call of a DEL fails once. What is another plugin's than that which says so is gone.
@test "DEL: where one of ours fails, the others are done" {
	local number=0 failed=0 who what=first fault_state=$BATS_TEST_TMPDIR/fault
	# shellcheck source=test/e2e/fault/fault.bash
	. "$TEST_DIR/fault/fault.bash"
	needs_preload
	build_shim
	set +T
	while [ -n "$what" ]; do
		number=$((number + 1))
		is_sampled $number || continue
		add chain <<<"$(five)" >"$BATS_TEST_TMPDIR/log"
		expect_ok
		with_fault $number del chain <<<"$(five)" >"$BATS_TEST_TMPDIR/log"
		if [ "$status" -ne 0 ] && [[ $output =~ plugin\ type=\\\"([a-z]+)\\\"\ failed\ \(delete\) ]]; then
			who=${BASH_REMATCH[1]}
			failed=$((failed + 1))
			expect_same "left when $what failed ($output)" "" "$(traces | grep -v "^$who: ")"
		fi
		del chain <<<"$(five)" >"$BATS_TEST_TMPDIR/log"
		expect_silent
		expect_no_traces
	done
	echo "# $failed of $((number / FAULT_EVERY)) DELs failed in a plugin" >&3
	[ $failed -gt 0 ] || [ $((number / FAULT_EVERY)) -lt 10 ] || fail "some to fail"
}

@test "DEL: an executable is missing, an element cannot be understood: the others are done" {
	with_foreign add chain <<<"$(in_the_middle firewall)"
	expect_ok
	del chain <<<"$(in_the_middle firewall)"
	expect_code 7 'plugin type="first" failed (delete): failed to find plugin "first" in path ['
	expect_same "what is left" "$FOREIGN/done/first" "$(traces | sed 's/^foreign: //')"
	add chain <<<"$(five)"
	expect_ok
	del chain <<<"$(five '.plugins[1:1] = [{type: 5}, 7, {}, null, {type: "a/b"}, {type: "chain", plugins: []}]')"
	expect_code 6 'plugins[1]: '
	[[ $errors == *'plugins[5].type: invalid plugin name: a/b'* ]] || fail "the next one on stderr"
	[[ $errors == *'plugins[6].type: a chain in a chain'* ]] || fail "the last one on stderr"
	expect_same "what is left" "$FOREIGN/done/first" "$(traces | sed 's/^foreign: //')"
}

@test "DEL: the namespace is gone, and was never there" {
	add chain <<<"$(five)"
	ip netns del box
	CNI_NETNS=/run/netns/box del chain <<<"$(five)"
	expect_silent
	expect_no_traces
	CNI_NETNS='' del chain <<<"$(five)"
	expect_silent
}

@test "GC: each plugin is called, whichever fails" {
	refuses on first GC 71
	refuses on last GC 72
	gc_with_path chain <<<"$(three)"
	expect_code 71 'failed to GC plugin first: first will not its details'
	[[ $errors == *'also: failed to GC plugin last: last will not'* ]] || fail "last's error on stderr"
	expect_same "calls" "GC first,GC last" "$(calls)"
	gc chain <<<"$(three '.plugins += [{type: 5}]')"
	expect_code 6 'plugins[3]: '
	[[ $errors == *'failed to GC plugin first: failed to find plugin'* ]] || fail "a missing one on stderr"
}

@test "STATUS: the first error with its code; 50 where an executable is missing" {
	with_foreign status_of chain <<<"$(three)"
	expect_silent
	refuses on last STATUS 51
	with_foreign status_of chain <<<"$(three)"
	expect_code 51 'last will not'
	status_of chain <<<"$(three)"
	expect_code 50 'plugins[0].type: failed to find plugin "first" in path ['
	status_of chain <<<"$(three '.plugins[0].type = "a/b"')"
	expect_code 7 'plugins[0].type: invalid plugin name: a/b'
	status_of chain <<<"$(five '.plugins[0].ipam = {type: "nowhere"}')"
	expect_code 50 nowhere
}

# ---- bad input -------------------------------------------------------------------------------

# refused CODE TEXT <<<CONF : of ADD, CHECK and STATUS; and there is nothing afterwards.
refused() {
	local conf verb
	conf=$(cat)
	for verb in ADD CHECK STATUS; do
		with_foreign cni $verb chain <<<"$(with_result "$conf" '{"cniVersion":"1.1.0"}')" >/dev/null
		expect_code "$1" "$2"
		[ "${#output}" -lt 4096 ] || fail "an error that can be read"
	done
	[ -z "$(calls)" ] || fail "no calls"
	expect_no_traces
}

@test "a chain in a chain, under any of its names, and in another one" {
	refused 7 'plugins[0].type: a chain in a chain' <<<"$(three '.plugins = [.]')"
	refused 7 'plugins[2].type: a chain in a chain' <<<"$(three '.plugins[2] = {type: "x-chain", plugins: .plugins}')"
	ln -sf "$CNIC_BIN/chain" "$FOREIGN/buildkit-cni-chain"
	refused 7 'plugins[1].type: a chain in a chain' <<<"$(three '.plugins[1] = {type: "buildkit-cni-chain", plugins: [.]}')"
	rm "$FOREIGN/buildkit-cni-chain"
}

@test "plugins that are missing, empty, no list, too many" {
	refused 7 'plugins: missing, or empty' <<<"$(three 'del(.plugins)')"
	refused 7 'plugins: missing, or empty' <<<"$(three '.plugins = []')"
	refused 7 'plugins: missing, or empty' <<<"$(three '.plugins = null')"
	refused 6 'plugins: ' <<<"$(three '.plugins = {}')"
	refused 6 'plugins: ' <<<"$(three '.plugins = "loopback"')"
	refused 7 'plugins: ' <<<"$(three '.plugins = [range(65) | {type: "loopback"}]')"
	refused 7 'plugins' <<<"$(three '.PLUGINS = [] | .plugins = null')"
}

@test "64 plugins" {
	local conf
	conf=$(three '.plugins = [range(64) | {type: "loopback"}]')
	add chain <<<"$conf"
	expect_ok
	expect_json '.interfaces | length' 1 # loopback hands its prevResult on
	check chain <<<"$(with_result "$conf")"
	expect_silent
	del chain <<<"$conf"
	expect_silent
}

@test "elements that are no plugins" {
	refused 7 'plugins[1].type: ' <<<"$(three '.plugins[1] = {}')"
	refused 7 'plugins[1].type: ' <<<"$(three '.plugins[1] = {type: null}')"
	refused 7 'plugins[1]' <<<"$(three '.plugins[1] = {type: ""}')"
	refused 6 'plugins[1].type: ' <<<"$(three '.plugins[1] = {type: 5}')"
	refused 6 'plugins[2]' <<<"$(three '.plugins[2] = "loopback"')"
	refused 6 'plugins[2]' <<<"$(three '.plugins[2] = null')"
	refused 7 'plugins[0].type: invalid plugin name: ../loopback' <<<"$(three '.plugins[0].type = "../loopback"')"
	refused 7 'plugins[0].type: invalid plugin name: ' <<<"$(three '.plugins[0].type = "/bin/sh"')"
	refused 6 'plugins[0]: error parsing configuration: capabilities.x: ' <<<"$(three '.plugins[0].capabilities = {x: 1}')"
	refused 6 'plugins[0].capabilities: ' <<<"$(three '.plugins[0].capabilities = [1]')"
	refused 6 'plugins[0]' <<<"$(three '.plugins[0].prevResult = 1')"
}

# Big texts do not go through jq's arguments.
big() {
	printf '{"cniVersion":"1.1.0","name":"net","type":"chain","plugins":[{"type":"loopback"},{"type":"loopback","x":"'
	head -c "$1" /dev/zero | tr '\0' x
	printf '"}]}'
}

@test "a configuration of a megabyte" {
	add chain <<<"$(big 990000)"
	expect_ok
	del chain <<<"$(big 990000)"
	expect_silent
	add chain <<<"$(big 1000000)"
	expect_code 6 'too large'
	big 999900 >"$BATS_TEST_TMPDIR/big" # with prevResult it is too large for the second plugin
	[ "$(stat -c %s "$BATS_TEST_TMPDIR/big")" -lt 1000200 ]
	add chain <"$BATS_TEST_TMPDIR/big"
	expect_failure
	[ "$(in_ns box cat /sys/class/net/lo/flags)" = 0x9 ] || fail "lo as it was"
}

# says TEXT : the last plugin of three answers so.
says() {
	printf '%s' "$1" >"$FOREIGN/text"
	on last ADD <<<'cat "$dir/text"; exit 0'
}

@test "a plugin that prints rubbish, or too much: all is undone, the error names it" {
	local text
	for text in '' x '{' '[]' 5 '{"cniVersion":"9.9.9"}' '{"ips":5}' '{"ips":[{}]}' '{} {}'; do
		rm -f "$FOREIGN/calls"
		says "$text"
		with_foreign cni ADD chain <<<"$(three)"
		[ "$status" -eq 1 ] || fail "a failure of '$text'"
		expect_code "$(jq .code <<<"$output")" 'plugin type="last" failed (add): '
		expect_same "calls" "ADD first,ADD last,DEL last,DEL first" "$(calls)"
	done
	rm -f "$FOREIGN/calls"
	on last ADD <<<'head -c 3000000 /dev/zero | tr "\0" x; exit 0'
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 999 'plugin type="last" failed (add): '
	[[ $output == *'output too large'* ]] || fail "why"
	expect_same "calls" "ADD first,ADD last,DEL last,DEL first" "$(calls)"
	for text in x '{"code":"x"}' '[]'; do
		says "$text"
		echo 'exit 1' >>"$FOREIGN/do.last.ADD"
		sed -i 's/; exit 0$//' "$FOREIGN/do.last.ADD"
		with_foreign cni ADD chain <<<"$(three)"
		expect_code 999 'plugin type="last" failed (add): netplugin failed'
	done
	on last ADD <<<'kill -9 $$'
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 999 'signal: killed'
	expect_same "what was done" "" "$(trace_of_foreign)"
}

@test "a plugin that cannot be executed" {
	chmod 644 "$FOREIGN/last"
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 999 'plugin type="last" failed (add): netplugin failed with no error message: fork/exec '
	expect_same "calls" "ADD first,DEL first" "$(calls)"
	printf '#!/nowhere\n' >"$FOREIGN/last"
	chmod 755 "$FOREIGN/last"
	with_foreign cni ADD chain <<<"$(three)"
	expect_code 999 'no such file or directory'
}

# Its time is the runtime's to bound: when that kills chain, the plugin dies, and the next DEL leaves nothing.
@test "a plugin that never ends" {
	mkfifo "$FOREIGN/never"
	on first ADD <<<'echo $$ >"$dir/pid"; read -r x <"$dir/never"'
	CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN:$FOREIGN \
		"$CNIC_BIN/chain" <<<"$(in_the_middle tuning)" >/dev/null 2>&1 3>&- &
	local pid=$! child
	until [ -s "$FOREIGN/pid" ]; do read -r -t 0.02 <> <(:) || true; done
	child=$(<"$FOREIGN/pid")
	kill -9 $pid
	wait $pid || true
	until ! kill -0 "$child" 2>/dev/null; do read -r -t 0.02 <> <(:) || true; done
	with_foreign del chain <<<"$(in_the_middle tuning)"
	expect_silent
	expect_no_traces
	rm -f "$FOREIGN"/{never,pid}
}

# ---- one process -----------------------------------------------------------------------------

# counted VERB CONF : its system calls of these kinds in $BATS_TEST_TMPDIR/trace, of all its processes.
counted() {
	CNI_COMMAND=$1 CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -f -qq -o "$BATS_TEST_TMPDIR/trace" -e trace=execve,socket,setsockopt "$CNIC_BIN/chain" <<<"$2" >/dev/null
	cat "$BATS_TEST_TMPDIR/trace"
}

# expect_count N WHAT
expect_count() {
	[ "$(grep -c "$2" "$BATS_TEST_TMPDIR/trace")" -eq "$1" ] || fail "$1 times $2"
}

# What waits for an announcement listens on a socket of its own, which joins a group.
@test "one process, one socket of rtnetlink in each namespace, one of nf_tables" {
	local verb listening
	needs_ipam_inside
	for verb in ADD DEL; do
		counted $verb "$(five)"
		listening=$(grep -c NETLINK_ADD_MEMBERSHIP "$BATS_TEST_TMPDIR/trace" || true)
		expect_count 1 execve
		expect_count $((2 + listening)) NETLINK_ROUTE
		expect_count 1 NETLINK_NETFILTER
	done
	expect_no_traces
}

@test "with CNI_ALWAYS_EXEC all are executed" {
	export CNI_ALWAYS_EXEC=1
	counted ADD "$(five)"
	expect_count 7 execve # host-local, too
	counted DEL "$(five)"
	expect_count 7 execve
	expect_no_traces
}
