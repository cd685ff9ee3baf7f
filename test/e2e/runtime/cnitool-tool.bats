# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2059,SC2086,SC2089,SC2090,SC2154
#
# What our cnitool does better than the real one, and what it does with files and plugins that mean no good.

load cnitool

setup() {
	cnitool_setup
	list 1.1.0 "$FIRST" "$SECOND"
}

# refuses TEXT ARGUMENT... : exit 1, TEXT in the error, no plugin called.
refuses() {
	local text=$1
	shift
	ours "$@"
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	[ -z "$output" ] || fail "no output"
	[[ $errors == *"$text"* ]] || fail "'$text' in '$errors'"
	expect_calls
}

# within SECONDS COMMAND... : of a build with sanitizers four times as many.
within() {
	local limit=$1 start=${EPOCHREALTIME/./} took
	shift
	[ -z "${SAN:-}" ] || limit=$((limit * 4))
	"$@"
	took=$((${EPOCHREALTIME/./} - start))
	[ $took -lt $((limit * 1000000)) ] || fail "less than $limit s, not $((took / 1000)) ms"
}

# ---- the command line ----------------------------------------------------------------------

@test "tool: too few arguments are answered with the usage, --help with help" {
	local line
	for line in "" add "add net" "check net" "--trace add net" "-i net1 add net"; do
		# shellcheck disable=SC2086
		refuses 'status' $line
	done
	for line in -h --help "--help add net $NETNS" "add --help" "add net $NETNS -h"; do
		# shellcheck disable=SC2086
		ours $line
		expect_ok
		[ -z "$errors" ]
		[[ $output == *--timeout* && $output == *--ifname* && $output == *--trace* && $output == *--json* ]]
		expect_calls
	done
}

@test "tool: an unknown verb or option is said before anything else" {
	no_confs
	refuses frob frob net $NETNS
	refuses ADD ADD net $NETNS
	refuses version version net $NETNS
	refuses --frob add net $NETNS --frob
	refuses -x -x add net $NETNS
	refuses --ifnam --ifnam=net1 add net $NETNS
}

@test "tool: what comes behind the third argument is not looked at, as with the real one" {
	compare whole add net $NETNS more "and more"
	expect_ok
	compare whole del net $NETNS /other
	expect_ok
}

@test "tool: --ifname, in its forms and places, before CNI_IFNAME" {
	local line
	for line in "-i net1 add net $NETNS" "add -i net1 net $NETNS" "add net $NETNS -i net1" "--ifname net1 add net $NETNS" \
		"add net --ifname=net1 $NETNS" "add net $NETNS --ifname net1" "--ifname=eth5 add net $NETNS -i net1"; do
		export CNI_IFNAME=other
		# shellcheck disable=SC2086
		ours $line
		expect_ok
		expect_env 0 CNI_IFNAME net1
		unset CNI_IFNAME
		# shellcheck disable=SC2086
		ours ${line/add/del}
		expect_ok
		expect_env 0 CNI_IFNAME net1
		expect_cached
	done
	ours add net $NETNS --ifname a/b
	expect_error 'plugin type="first" failed (add): interface name contains / or : or whitespace characters'
	refuses '' add net $NETNS -i
	refuses '' add net $NETNS --ifname
}

@test "tool: an empty CNI_IFNAME is eth0" {
	CNI_IFNAME='' ours add net $NETNS
	expect_ok
	expect_env 0 CNI_IFNAME eth0
	CNI_IFNAME='' ours add net $NETNS --ifname=
	expect_ok
	expect_env 0 CNI_IFNAME eth0
}

@test "tool: empty elements of CNI_PATH are not the working directory" {
	recorder first
	local path
	for path in : :: :/nowhere /nowhere: ''; do
		CNI_PATH=$path ours add net $NETNS
		[ "$status" -eq 1 ]
		[ ! -e log ]
	done
	CNI_PATH=:$CNI_PATH: ours add net $NETNS
	expect_ok
	expect_calls first:ADD second:ADD
}

@test "tool: a result that cannot be printed" {
	"$CNITOOL" add net $NETNS >/dev/full 2>err && fail "an error"
	[ -s err ]
	"$CNITOOL" del net $NETNS >/dev/full 2>err
	[ ! -s err ]
}

# ---- --trace -------------------------------------------------------------------------------

# expect_trace REGEX... : the lines of the trace, without "cnitool: "; "@" is a time.
expect_trace() {
	local line lines
	mapfile -t lines < <(grep '^cnitool: ' <<<"$errors")
	[ "${#lines[@]}" -eq $# ] || fail "$# lines of trace"
	for line in "${lines[@]}"; do
		[[ $line =~ ^cnitool:\ ${1//@/[0-9]+\\.[0-9][0-9][0-9]\ ms}$ ]] || fail "'$1', not '$line'"
		shift
	done
}

@test "tool: --trace tells each step, its time, and what the result changed" {
	answers second ADD 'echo "{\"interfaces\":[{\"name\":\"first\"},{\"name\":\"eth0\"}],\"routes\":[{\"dst\":\"0.0.0.0/0\"}],
		\"ips\":[{\"address\":\"10.1.0.9/24\"},{\"address\":\"fd00::2/64\"}]}"'
	ours --trace add net $NETNS
	expect_ok
	expect_trace 'ADD first: @, exit 0: \+interface first, \+ip 10\.1\.0\.2/24' 'ADD second: @, exit 0: .*'
	local change
	for change in '+interface eth0' '+ip 10.1.0.9/24' '+ip fd00::2/64' '+route 0.0.0.0/0' '-ip 10.1.0.2/24'; do
		[[ $errors == *"$change"* ]] || fail "$change"
	done
	[[ $errors != *'-interface'* ]]
	expect_json '.ips | length' 2
	ours check net $NETNS --trace
	expect_trace 'CHECK first: @, exit 0' 'CHECK second: @, exit 0'
	ours --trace status net $NETNS
	expect_trace 'STATUS first: @, exit 0' 'STATUS second: @, exit 0'
	ours del --trace net $NETNS
	expect_trace 'DEL second: @, exit 0' 'DEL first: @, exit 0'
	ours gc --trace net $NETNS
	expect_trace 'GC first: @, exit 0' 'GC second: @, exit 0'
}

@test "tool: --trace where nothing changed, where a step fails or is killed" {
	answers second ADD 'cat "$dir/answers/same"'
	echo '{"interfaces":[{"name":"first"}],"ips":[{"address":"10.1.0.2/24"}]}' >bin/answers/same
	ours --trace add net $NETNS
	expect_trace 'ADD first: @, exit 0: .*' 'ADD second: @, exit 0'
	answers second ADD 'echo warning >&2; exit 3'
	ours --trace add net $NETNS
	[ "$status" -eq 1 ]
	expect_trace 'ADD first: @, exit 0: .*' 'ADD second: @, exit 3'
	[[ $errors == *'plugin type="second" failed (add): netplugin failed: "warning\n"' ]]
	answers second ADD 'kill -9 $$'
	ours --trace add net $NETNS
	[[ $errors == *'ADD second: '*' ms, exit 137'* ]]
	answers second ADD 'echo rubbish'
	ours --trace add net $NETNS
	expect_trace 'ADD first: @, exit 0: .*' 'ADD second: @, exit 0'
}

@test "tool: --trace in the versions of old results" {
	list 0.2.0 "$FIRST"
	answers first ADD 'echo "{\"ip4\":{\"ip\":\"10.1.0.2/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}"'
	ours add net $NETNS --trace
	expect_ok
	expect_trace 'ADD first: @, exit 0: \+ip 10\.1\.0\.2/24, \+route 0\.0\.0\.0/0.*'
}

# ---- --json --------------------------------------------------------------------------------

# one_object : stdout was one line, one JSON object, in UTF-8.
one_object() {
	[ "$(wc -l <ours/out)" -eq 1 ] || fail "one line"
	iconv -f UTF-8 -t UTF-8 <ours/out >/dev/null || fail "UTF-8"
	[ "$(jq -s 'length == 1 and (.[0] | type == "object")' ours/out)" = true ] || fail "one object"
}

@test "tool: --json of each verb" {
	local verb
	for verb in add check status del gc; do
		ours --json $verb net $NETNS
		expect_ok
		one_object
		[ -z "$errors" ]
		expect_json '[.command, .network, .containerId, .ifName, .netns]' "[\"$verb\",\"net\",\"$ID\",\"eth0\",\"$NETNS\"]"
		expect_json '.steps | length' 2
		expect_json '.steps | all(.exitCode == 0 and .milliseconds > 0)' true
		expect_json '[.steps[].command] | unique' "[\"${verb^^}\"]"
		expect_json 'has("error")' false
		expect_json 'has("result")' "$([ $verb = add ] && echo true || echo false)"
		[ $verb != add ] || expect_json '.result.interfaces[0].name' second
	done
	ours del net $NETNS --json
	expect_json '[.steps[].plugin]' '["second","first"]'
}

@test "tool: --json of an ADD says what each step changed" {
	ours add net $NETNS --json
	expect_json '.steps[0].changes' '["+interface first","+ip 10.1.0.2/24"]'
	expect_json '.steps[1].changes | sort' '["+interface second","-interface first"]'
}

@test "tool: --json of what fails" {
	answers second ADD 'cat "$dir/answers/no"; exit 2'
	echo '{"code":107,"msg":"a \"b\"\n","details":"<c>"}' >bin/answers/no
	ours --json add net $NETNS
	[ "$status" -eq 1 ]
	one_object
	expect_json '.error.code' 107
	expect_json '.error.details' '<c>'
	expect_json '.error.msg | contains("a \"b\"\n")' true
	expect_json '.steps | map(.exitCode)' '[0,2]'
	expect_json 'has("result")' false
	[[ $errors == 'plugin type="second" failed (add): a "b"'* ]]
	ours --json add nowhere $NETNS
	[ "$status" -eq 1 ]
	one_object
	expect_json '[.command, .network, (.steps | length)]' '["add","nowhere",0]'
	expect_json '.error.msg | contains("no net configuration with name")' true
	CAP_ARGS='[' ours --json add net $NETNS
	[ "$status" -eq 1 ]
	one_object
	CNI_PATH='' ours --json gc net $NETNS
	[ "$status" -eq 1 ]
	one_object
	expect_json '.error.msg | contains("no paths provided")' true
}

@test "tool: --json and --trace of names that mean no good" {
	local evil=$'\x1b[2J"\\\n\xff'
	jq -n --arg name "$evil" '{cniVersion: "1.0.0", name: "net", plugins: [{type: "first", name: $name}]}' |
		conf net.conflist
	answers first ADD 'printf "{\"interfaces\":[{\"name\":\"\\\\u001b[2J\\\\n\\\\u0007\"}]}"'
	ours --json --trace add net "$evil" -i "${evil:0:8}"
	one_object
	ours --json --trace add net "$evil"
	one_object
	# a terminal is not to obey a plugin
	[[ $errors != *$'\x1b'* ]]
	[ "$(grep -c '^cnitool: ADD' <<<"$errors")" -eq 1 ]
}

# ---- --timeout -----------------------------------------------------------------------------

@test "tool: --timeout, in its forms" {
	local time
	for time in 60000ms 60s 1m 1h; do
		ours --timeout $time status net $NETNS
		expect_ok
		ours status --timeout=$time net $NETNS
		expect_ok
		expect_calls first:STATUS second:STATUS
	done
	for time in '' 0 0s -1s s ms 1d 1.5s 1sm x '1 s' 99999999999999999999s 2147483648s; do
		refuses "$time" status net $NETNS --timeout "$time"
	done
	refuses '' status net $NETNS --timeout
}

@test "tool: a plugin that never ends is killed" {
	local verb
	for verb in ADD CHECK DEL STATUS GC; do
		answers second $verb 'echo $$ >"$dir/pid"; exec sleep 1000'
		[ $verb != CHECK ] || echo '{"cniVersion":"1.0.0"}' | cache_file $ENTRY
		within 5 ours ${verb,,} net $NETNS --timeout 200ms --trace
		[ "$status" -eq 1 ]
		[[ $errors == *200* ]]
		[ ! -e "/proc/$(<bin/pid)" ]
		grep -q "^cnitool: $verb second: [1-9][0-9][0-9]\." <<<"$errors"
	done
	expect_calls first:GC second:GC
}

@test "tool: one that never ends and lets itself not be asked" {
	local what
	list 1.1.0 "$FIRST"
	for what in "trap '' TERM INT HUP; while :; do sleep 0.05; done" 'exec sleep 1000 >&- 2>&-' 'kill -STOP $$' \
		'sleep 1000 & echo $! >"$dir/orphan"; wait' 'while :; do :; done'; do
		answers first ADD "echo \$\$ >\"\$dir/pid\"; $what"
		within 5 ours add net $NETNS --timeout 300ms
		[ "$status" -eq 1 ]
		[ ! -e "/proc/$(<bin/pid)" ]
		expect_cached
	done
	kill "$(<bin/orphan)" || true
}

@test "tool: one that never ends to complain" {
	list 1.1.0 "$FIRST"
	answers first STATUS 'echo $$ >"$dir/pid"; yes >&2'
	endless() {
		"$CNITOOL" status net $NETNS --timeout 200ms 2>/dev/null || status=$?
	}
	within 5 endless
	[ "$status" -eq 1 ]
	[ ! -e "/proc/$(<bin/pid)" ]
}

@test "tool: the time is each plugin's, not that of all" {
	local name
	list 1.1.0 "$FIRST" "$SECOND" '{"type":"third"}'
	for name in first second third; do
		answers $name STATUS 'sleep 0.4'
	done
	ours --timeout 1s status net $NETNS
	expect_ok
}

# ---- what plugins do -----------------------------------------------------------------------

@test "tool: a plugin that fills stdout" {
	local what
	list 1.1.0 "$FIRST"
	for what in 'yes' 'cat /dev/zero' 'printf "{\"x\":\""; tr "\0" x </dev/zero' 'head -c 3000000 /dev/zero'; do
		answers first ADD "$what"
		answers first STATUS "$what"
		within 4 ours add net $NETNS
		[ "$status" -eq 1 ]
		[[ $errors == *first* ]]
		expect_cached
		within 4 ours status net $NETNS
		[ "$status" -eq 1 ]
	done
}

@test "tool: a plugin that leaves a child with its stdout open is waited for, as by the real one, up to the time-out" {
	list 1.1.0 "$FIRST"
	answers first ADD 'sleep 0.5 & echo "{}"'
	both_well add
	answers first ADD 'sleep 0.5 >&2 & echo "{}"'
	both_well add
	answers first ADD 'sleep 1000 >&- 2>&- & echo $! >"$dir/pid"; echo "{}"'
	within 5 both_well add
	kill "$(<bin/pid)"
	answers first ADD 'sleep 1000 & echo $! >"$dir/pid"; echo "{}"'
	within 5 ours add net $NETNS --timeout 300ms
	kill "$(<bin/pid)" || true
}

@test "tool: a plugin that is being written is tried again" {
	sleep 0.3 9>>bin/first &
	within 5 ours add net $NETNS
	expect_ok
	expect_calls first:ADD second:ADD
	wait $!
	sleep 4 9>>bin/first &
	within 4 ours add net $NETNS
	[ "$status" -eq 1 ]
	[[ $errors == *'text file busy' ]]
	kill $!
}

@test "tool: a plugin that is no program is not read as a script" {
	printf 'echo {}\n' >bin/first
	ours add net $NETNS
	[ "$status" -eq 1 ]
	[[ $errors == *'exec format error' ]]
}

# ---- files that mean no good ---------------------------------------------------------------

@test "tool: names of files that have to be printed, quoted or sorted" {
	local name
	for name in $'a\nb' 'a b' '%s%n%d' '-rf' '--help' '*' "'" '"' '$(reboot)' '\' $'\x1b[2J' $'\xff' '..' '...' '#' '~'; do
		no_confs
		conf "$name.conflist" <<<'{"name":"net","cniVersion":"1.0.0","plugins":[{"type":"first"}]}'
		both_well add
		conf "$name.conflist" <<<'{"name":'
		both_refuse 'unexpected end of JSON input' add
		rm "$NETCONFPATH/$name.conflist"
		conf "$name.conf" <<<'{"name":"net","cniVersion":"1.0.0","type":"first"}'
		both_well add
		mkdir "$NETCONFPATH/net"
		mv "$NETCONFPATH/$name.conf" "$NETCONFPATH/net/"
		conf net.conflist <<<'{"name":"net","cniVersion":"1.0.0"}'
		both_well add
	done
}

@test "tool: a fifo, a device, a socket, a loop of links among the configurations" {
	local name
	for name in 1.conflist 1.conf 1.json net/1.conf; do
		no_confs
		mkdir "$NETCONFPATH/net"
		[[ $name != net/* ]] || conf net.conflist <<<'{"name":"net","cniVersion":"1.0.0"}'
		mkfifo "$NETCONFPATH/$name"
		within 5 refuses "$name" add net $NETNS
		ln -sf /dev/zero "$NETCONFPATH/$name"
		within 5 refuses "$name" add net $NETNS
		ln -sf /dev/tty "$NETCONFPATH/$name"
		within 5 refuses "$name" add net $NETNS
		ln -sf "$NETCONFPATH/$name" "$NETCONFPATH/$name"
		within 5 refuses "$name" add net $NETNS
	done
	mkfifo fifo
	NETCONFPATH=$PWD/fifo within 5 refuses fifo add net $NETNS
}

@test "tool: a list, a configuration, a plugin's file of more than 1 MB" {
	local large
	large=$(head -c 1100000 /dev/zero | tr '\0' x)
	conf 1.conflist <<<"{\"name\":\"net\",\"plugins\":[{\"type\":\"first\",\"x\":\"$large\"}]}"
	refuses 1.conflist add net $NETNS
	rm "$NETCONFPATH/1.conflist"
	conf net/1.conf <<<"{\"type\":\"first\",\"x\":\"$large\"}"
	refuses net/1.conf add net $NETNS
	no_confs
	conf 1.conf <<<"{\"name\":\"net\",\"type\":\"first\",\"x\":\"$large\"}"
	refuses 1.conf add net $NETNS
}

@test "tool: 64 levels are read, more are refused" {
	local deep levels
	for levels in 50 100 100000; do
		deep=$(printf '[%.0s' $(seq $levels))$(printf ']%.0s' $(seq $levels))
		conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"first\",\"x\":$deep}]}"
		if [ $levels -eq 50 ]; then
			both_well status
		else
			refuses 'error parsing configuration list: ' status net $NETNS
		fi
		answers second STATUS :
		answers second ADD "echo '{\"x\":$deep}'"
		list 1.1.0 "$SECOND"
		if [ $levels -eq 50 ]; then
			both_well add
		elif [ $levels -eq 100 ]; then
			ours add net $NETNS
			[ "$status" -eq 1 ]
		fi
	done
}

@test "tool: a list of 50,000 plugins, a plugin of 50,000 keys, are read in a second" {
	seq -f '{"type":"f%g"}' -s, 50000 >large
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"plugins\":[$(<large)]}"
	within 4 ours status net $NETNS
	[[ $errors == 'failed to find plugin "f1" in path'* ]]
	seq -f '"k%g":1' -s, 50000 >large
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"first\",$(<large)}]}"
	within 4 ours status net $NETNS
	expect_ok
	expect_stdin 0 .k50000 1
	seq -f '"k%g":true' -s, 40000 >large
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"plugins\":[{\"type\":\"first\",\"capabilities\":{$(<large)}}]}"
	CAP_ARGS={$(seq -f '"k%g":1' -s, 5000)} within 4 ours add net $NETNS
	expect_ok
}

@test "tool: a cache whose files mean no good" {
	local verb
	mkdir -m 700 -p /var/lib/cni/ours
	for verb in check del gc add; do
		rm -rf /var/lib/cni/ours/*
		mkfifo "/var/lib/cni/ours/$ENTRY"
		ln -s /dev/zero /var/lib/cni/ours/net-c1-eth0
		ln -s net-c2-eth0 /var/lib/cni/ours/net-c2-eth0
		head -c 20000000 /dev/zero >/var/lib/cni/ours/net-c3-eth0
		{
			printf '{"kind":"cniCacheV1","containerId":"c4","ifName":"eth0","networkName":"net","x":'
			printf '[%.0s' {1..100000}
		} >/var/lib/cni/ours/net-c4-eth0
		within 5 ours $verb net $NETNS
	done
	expect_ok
	expect_calls first:ADD second:ADD
}

@test "tool: an entry of the cache cannot lead a DEL or a GC out of the cache" {
	echo precious >precious
	printf '{"kind":"cniCacheV1","containerId":"../../../..%s/precious","ifName":"x/../../y","networkName":"net"}' "$PWD" |
		cache_file net-c1-eth0
	ours gc net $NETNS
	[ -e precious ]
	conf net.conflist <<<'{"name":"../../../../..'"$PWD"'/precious","cniVersion":"0.1.0","plugins":[{"type":"first"}]}'
	ours del "../../../../..$PWD/precious" $NETNS
	[ -e precious ]
}

# ---- the cache, whole or not at all --------------------------------------------------------

RENAMES=?rename,?renameat,?renameat2

# below_strace CALLS INJECTION
below_strace() {
	PREFIX=("${STRACE[@]}" -f -o /dev/null -e trace="$1" -e inject="$1:$2")
}

@test "tool: killed while it writes the cache, it leaves the old entry" {
	ours add net $NETNS
	cp "/var/lib/cni/ours/$ENTRY" before
	below_strace "$RENAMES" signal=KILL
	CNI_ARGS=NEW=1 ours add net $NETNS
	[ "$status" -ne 0 ]
	PREFIX=()
	cmp before "/var/lib/cni/ours/$ENTRY"
	ours gc net $NETNS
	expect_ok
	CNI_ARGS=NEW=1 ours add net $NETNS
	expect_ok
	expect_cached $ENTRY
}

@test "tool: the cache that cannot be written keeps its old entry, and no other file" {
	local calls
	ours add net $NETNS
	cp "/var/lib/cni/ours/$ENTRY" before
	for calls in $RENAMES fsync,fdatasync; do
		below_strace "$calls" error=EIO
		CNI_ARGS=NEW=1 ours add net $NETNS
		PREFIX=()
		if [ "$status" -ne 0 ]; then
			[[ $errors == *'failed to set network "net" cached result: '* ]]
			cmp before "/var/lib/cni/ours/$ENTRY"
		fi
		expect_cached $ENTRY
	done
}
