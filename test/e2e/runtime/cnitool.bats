# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2059,SC2086,SC2089,SC2090,SC2154
#
# What cnitool is told and what it tells its plugins, how it finds them and what becomes of their failures:
# ours beside the real Go libcni.

load cnitool

VERBS="add check del gc status"

# ---- the input -----------------------------------------------------------------------------

@test "cnitool: name and cniVersion are the list's, whatever a plugin's object says" {
	local verb
	list 1.1.0 '{"type":"first","name":"mine","cniVersion":"0.1.0","Name":"x"}' "$SECOND"
	for verb in $VERBS; do
		both_well $verb
		expect_stdin 0 '[.name, .cniVersion, .Name // "x"]' '["net","1.1.0","x"]'
	done
}

@test "cnitool: ADD hands each plugin the result of the one before, no others" {
	list 1.0.0 "$FIRST" "$SECOND" '{"type":"third"}'
	both_well add
	expect_calls first:ADD second:ADD third:ADD
	expect_stdin 0 'has("prevResult")' false
	expect_stdin 1 '.prevResult.interfaces[0].name' first
	expect_stdin 2 '.prevResult.interfaces[0].name' second
	expect_json '.interfaces[0].name' third
}

@test "cnitool: a result is handed on in the version in which it came" {
	local version
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0 0.1.0 0.2.0; do
		answers first ADD "echo '{\"cniVersion\":\"$version\",\"interfaces\":[{\"name\":\"eth0\"}],
			\"ip4\":{\"ip\":\"10.1.0.3/24\"}, \"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.2/24\"}]}'"
		list 0.4.0 "$FIRST" "$SECOND"
		both_well add
		expect_stdin 1 '.prevResult.cniVersion' $version
		list 1.0.0 "$FIRST"
		both_well add
		expect_json .cniVersion $version
	done
}

@test "cnitool: CHECK and DEL hand all plugins the last result, GC and STATUS none" {
	list 1.1.0 "$FIRST" "$SECOND"
	both_well add
	both_well check
	expect_stdin 0 '.prevResult.interfaces[0].name' second
	expect_stdin 1 '.prevResult.interfaces[0].name' second
	both_well status
	expect_stdin 0 'has("prevResult")' false
	both_well del
	expect_calls second:DEL first:DEL
	expect_stdin 0 '.prevResult.interfaces[0].name' second
	expect_stdin 1 '.prevResult.interfaces[0].name' second
	both_well gc
	expect_calls first:GC second:GC
	expect_stdin 0 'has("prevResult") or has("cni.dev/attachments") or has("cni.dev/valid-attachments")' false
}

@test "cnitool: no version at all is an empty one" {
	conf net.conflist <<<"{\"name\":\"net\",\"plugins\":[$FIRST,$SECOND]}"
	answers first ADD 'echo "{\"ip4\":{\"ip\":\"10.1.0.2/24\"}}"'
	answers second ADD 'echo "{\"ip6\":{\"ip\":\"fd00::2/64\"}}"'
	both_well add
	expect_stdin 1 '[.cniVersion, .prevResult.cniVersion]' '["","0.1.0"]'
	both_well del
	both_well gc
	both_well status
	both_fail 'configuration version "" does not support the CHECK command' check
}

@test "cnitool: everything else is passed through, values of every kind" {
	local verb plugin
	plugin='{"type":"first","a":null,"b":[1,"x",{"y":[]}],"c":{"":true," ":{}},"é":"<&>\u2028\u0001\n\ud83d\ude00",
		"d":-0.5e-3,"e":1e2,"f":9007199254740993,"g":12345678901234567890,"i":0.1,"j":-0,
		"ipam":{"type":"static","addresses":[{"address":"1.2.3.4/8"}]},"dns":{"nameservers":["1.1.1.1"]},
		"plugins":[{}],"disableCheck":"x","args":{"cni":{"ips":[]}},"capabilities":{"mac":true}}'
	list 1.1.0 "$plugin"
	for verb in $VERBS; do
		both_well $verb
		expect_stdin 0 '.b[2].y' '[]'
		grep -qaF '"g":12345678901234567890' "$LOG" # which Go has rounded
		grep -qaF '"f":9007199254740993' "$LOG"
	done
}

@test "cnitool: a text with a zero byte is refused, wherever it stands" {
	list 1.1.0 '{"type":"first","a":["\u0000"]}'
	ours add net $NETNS
	[ "$status" -eq 1 ]
	[[ $errors == *'\u0000'* ]]
	expect_calls
}

@test "cnitool: prevResult and runtimeConfig that the user has written" {
	local plugin='{"type":"first","prevResult":{"mine":1},"runtimeConfig":{"mac":"mine","other":1},
		"capabilities":{"mac":true},"cni.dev/attachments":[{"x":1}],"cni.dev/valid-attachments":[]}' verb
	list 1.1.0 "$plugin" "${plugin/first/second}"
	both_well add
	expect_stdin 0 .prevResult.mine 1
	expect_stdin 1 '.prevResult | has("mine")' false
	expect_stdin 0 .runtimeConfig.other 1
	CAP_ARGS='{"mac":"given"}' both_well add
	expect_stdin 0 .runtimeConfig '{"mac":"given"}'
	for verb in check gc status del; do
		CAP_ARGS='{"mac":"given"}' both_well $verb
	done
	no_cache
	both_well del
	expect_stdin 0 .prevResult.mine 1
}

# ---- capabilities --------------------------------------------------------------------------

@test "cnitool: runtimeConfig is what a plugin can and the runtime gives" {
	local verb
	list 1.1.0 '{"type":"first","capabilities":{"mac":true,"ips":false,"portMappings":true,"bandwidth":true}}' \
		'{"type":"second","capabilities":{"ips":true,"Mac":true}}' '{"type":"third"}'
	for verb in $VERBS; do
		CAP_ARGS='{"ips":["10.1.0.9/24"],"mac":"02:00:00:00:00:01","portMappings":[],"x":{}}' both_well $verb
		case $verb in
		add | check)
			expect_stdin 0 .runtimeConfig '{"mac":"02:00:00:00:00:01","portMappings":[]}'
			expect_stdin 1 .runtimeConfig '{"ips":["10.1.0.9/24"]}'
			expect_stdin 2 'has("runtimeConfig")' false
			expect_stdin 0 '.capabilities | length' 4
			;;
		gc | status)
			expect_stdin 0 'has("runtimeConfig")' false
			expect_stdin 0 '.capabilities | length' 4
			;;
		esac
	done
}

@test "cnitool: CAP_ARGS with values of every kind" {
	list 1.0.0 '{"type":"first","capabilities":{"a":true,"b":true,"c":true}}'
	for CAP_ARGS in '' '{}' null ' { } ' '{"a":null}' '{"a":1,"b":"<x>","c":[{"z":1,"y":[]}]}' '{"a":{},"a":1}' \
		'{"a":true,"z":1}' '{"c":{"\u0062":"\u00e9\u2028"}}' '{"A":1}'; do
		export CAP_ARGS
		both_well add
		both_well check
		both_well del
	done
}

# Which the real one prints anew, as far as 64 bits of a float have them.
@test "cnitool: numbers of CAP_ARGS stay as they are written" {
	list 1.0.0 '{"type":"first","capabilities":{"a":true}}'
	CAP_ARGS='{"a":[0,-1,1.5]}' both_well add
	CAP_ARGS='{"a":[1e3,1.0,2.50,1E+2,12345678901234567890,-0]}' ours add net $NETNS
	expect_ok
	grep -qF '"capabilityArgs":{"a":[1e3,1.0,2.50,1E+2,12345678901234567890,-0]}' "/var/lib/cni/ours/net-$ID-eth0"
	grep -qaF '[1e3,1.0,2.50,1E+2,12345678901234567890,-0]' "$LOG"
}

@test "cnitool: CAP_ARGS that are no object" {
	local verb
	list 1.1.0 "$FIRST"
	for CAP_ARGS in '[]' '"x"' 1 true '{"a":1}x' '{' "{'a':1}" x; do
		export CAP_ARGS
		both_refuse '' add
		[ -n "$errors" ]
	done
	CAP_ARGS='{' both_fail 'unexpected end of JSON input' add
	CAP_ARGS='[]' both_fail 'json: cannot unmarshal array into Go value of type map[string]interface {}' add
	CAP_ARGS=1 both_fail 'json: cannot unmarshal number into Go value of type map[string]interface {}' add
	for verb in $VERBS; do
		CAP_ARGS='"' both_refuse 'unexpected end of JSON input' $verb
	done
	expect_calls
}

# ---- CNI_ARGS ------------------------------------------------------------------------------

@test "cnitool: CNI_ARGS" {
	list 1.0.0 "$FIRST"
	for CNI_ARGS in '' 'A=B' 'B=2;A=1' 'A=1;A=2' 'IgnoreUnknown=true;K8S_POD_NAME=x' 'A= ; =B' $'A=\n"\\<é' \
		'IP=10.1.0.5/24;MAC=02:00:00:00:00:05'; do
		export CNI_ARGS
		both_well add
		expect_env 0 CNI_ARGS "$CNI_ARGS"
		both_well check
		both_well del
		expect_env 0 CNI_ARGS "$CNI_ARGS"
	done
}

@test "cnitool: CNI_ARGS that are no pairs" {
	local piece verb
	list 1.1.0 "$FIRST"
	while IFS='|' read -r CNI_ARGS piece; do
		export CNI_ARGS
		both_fail "invalid CNI_ARGS pair \"$piece\"" add
	done <<-'END'
		A|A
		A=|A=
		=B|=B
		=|=
		;|
		A=B;|
		;A=B|
		A=B;;C=D|
		A=B=C|A=B=C
		A=B;C|C
		A==B|A==B
		"A"|\"A\"
		A\é|A\\é
	END
	CNI_ARGS=$'\n\r\t\x01\x7f\U1f600' both add
	for verb in $VERBS; do
		CNI_ARGS=x both_fail 'invalid CNI_ARGS pair "x"' $verb
	done
	expect_calls
}

@test "cnitool: what is wrong first is said: the list, CAP_ARGS, CNI_ARGS" {
	export CAP_ARGS='{' CNI_ARGS=x
	both_fail "no net configurations found in $NETCONFPATH" add
	list 1.0.0 "$FIRST"
	both_fail 'unexpected end of JSON input' add
	CAP_ARGS='' both_fail 'invalid CNI_ARGS pair "x"' add
}

# ---- interface, namespace, container -------------------------------------------------------

@test "cnitool: the interface's name, which ADD looks at and no other verb" {
	local ifname text
	list 1.1.0 "$FIRST"
	while IFS='|' read -r ifname text; do
		ifname=$(echo -e "$ifname")
		export CNI_IFNAME=$ifname
		both_fail "plugin type=\"first\" failed (add): interface name $text" add
		both_well check
		expect_env 0 CNI_IFNAME "$ifname"
		both_well del
		both_well gc
		expect_env 0 CNI_IFNAME ''
	done <<-'END'
		abcdefghijklmnop|is too long; interface name should be less than 16 characters
		ééééééééé|is too long; interface name should be less than 16 characters
		.|is . or ..
		..|is . or ..
		a/b|contains / or : or whitespace characters
		a:b|contains / or : or whitespace characters
		a b|contains / or : or whitespace characters
		a\tb|contains / or : or whitespace characters
		a\u00a0b|contains / or : or whitespace characters
		a\u2003b|contains / or : or whitespace characters
		a\u3000b|contains / or : or whitespace characters
		a\u0085b|contains / or : or whitespace characters
	END
	for CNI_IFNAME in abcdefghijklmno ... é $'a\u200bb' -x; do
		export CNI_IFNAME
		both_well add
		both_well del
	done
}

@test "cnitool: the namespace's path, absolute and clean, and the container's id of it" {
	local path
	list 1.0.0 "$FIRST"
	both_well add
	expect_env 0 CNI_CONTAINERID $ID
	for path in /x '' . .. x ./x/ /a/../b//c/ /../x //x / ../.. 'a b' $'a\nb' x/./y/..; do
		both_well add net "$path"
		both_well check net "$path"
		both_well del net "$path"
	done
	both_well add net /x
	expect_env 0 CNI_CONTAINERID cnitool-7d368988110efa22d5ba
	both_well add net /a/../b//c/
	expect_env 0 CNI_NETNS /b/c
	both_well add net ''
	expect_env 0 CNI_NETNS "$PWD"
}

@test "cnitool: the network's name, which ADD looks at and no other verb" {
	local name
	for name in 'a b' .a _a a/b ../a é $'a\nb' 'a%sb'; do
		jq -n --arg name "$name" '{cniVersion: "1.1.0", name: $name, plugins: [{type: "first"}]}' |
			conf net.conflist
		both_fail "plugin type=\"first\" failed (add): invalid characters found in network name; $name" add "$name"
		both_well check "$name"
		both_well status "$name"
		both_well del "$name"
		expect_calls first:DEL
	done
	for name in a 0 a-b a.b a_b a-- "$(printf 'a%.0s' {1..150})"; do
		conf net.conflist <<<"{\"name\":\"$name\",\"cniVersion\":\"1.0.0\",\"plugins\":[$FIRST]}"
		both_well add "$name"
		both_well del "$name"
	done
}

@test "cnitool: a network without a name" {
	local no_path='failed to get network "" cached result: cache file path requires network name ("")'
	no_path+=", container ID (\"$ID\"), and interface name (\"eth0\")"
	conf net.conflist <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"\",\"plugins\":[$FIRST]}"
	both_fail 'plugin type="first" failed (add): missing network name:' add ''
	both_fail "$no_path" check ''
	expect_calls
	both_well status ''
	both_well gc ''
	both_well del ''
	expect_calls first:DEL
}

# ---- the environment -----------------------------------------------------------------------

@test "cnitool: plugins get the environment, with the CNI variables of the call" {
	local verb
	list 1.1.0 "$FIRST"
	export CNI_COMMAND=RUBBISH CNI_CONTAINERID=other CNI_NETNS=/other CNI_ARGS='A=1;B=2' CNI_IFNAME=net1 CNI_OTHER=kept
	for verb in $VERBS; do
		both_well $verb
		expect_env 0 CNI_COMMAND ${verb^^}
		expect_env 0 CNI_PATH "$CNI_PATH"
		expect_env 0 CNI_OTHER kept
		case $verb in
		gc | status)
			expect_env 0 CNI_CONTAINERID ''
			expect_env 0 CNI_NETNS ''
			expect_env 0 CNI_ARGS ''
			expect_env 0 CNI_IFNAME ''
			;;
		*)
			expect_env 0 CNI_CONTAINERID $ID
			expect_env 0 CNI_NETNS $NETNS
			expect_env 0 CNI_ARGS 'A=1;B=2'
			expect_env 0 CNI_IFNAME net1
			;;
		esac
	done
}

@test "cnitool: variables twice, without a name, without a value" {
	cat >execve <<-'END'
		#!/usr/bin/env python3
		import ctypes, os, sys
		mine = [b"TWICE=1", b"TWICE=2", b"CNI_COMMAND=x", b"CNI_COMMAND=y", b"=empty", b"EMPTY=", b"BYTES=\xff\n", b"A=B=C"]
		env = mine + [os.fsencode(k + "=" + v) for k, v in os.environ.items() if k != "CNI_COMMAND"]
		args = [os.fsencode(a) for a in sys.argv[1:]]
		array = lambda texts: (ctypes.c_char_p * (len(texts) + 1))(*texts, None)
		ctypes.CDLL(None).execve(args[0], array(args), array(env))
	END
	chmod +x execve
	list 1.0.0 "$FIRST"
	PREFIX=(./execve)
	both_well add
	expect_env 0 TWICE 1
	expect_env 0 CNI_COMMAND ADD
}

@test "cnitool: no environment at all but where the list is" {
	mkdir -p /etc/cni/net.d
	list 1.0.0 "$FIRST"
	mv "$NETCONFPATH/net.conflist" /etc/cni/net.d/
	PREFIX=(env -i CNI_PATH="$CNI_PATH")
	both_well add
	json_is "$(<calls)" '.[0].env | length' 6
}

@test "cnitool: a plugin's directory, umask, signals and descriptors" {
	list 1.1.0 "$FIRST"
	# shellcheck disable=SC2016
	answers first STATUS 'exec >&2; pwd; umask; grep -E "^(Sig...|NoNewPrivs|Cap...|Uid|NSpid):" /proc/$$/status |
		sed "/NSpid/s/[0-9].*//"; ls -l /proc/$$/fd >fds; sed "s/.* \\([0-9]* -> [a-z]*\\).*/\\1/" fds; rm fds'
	umask 027
	both_well status
	[[ $errors == *"$PWD"*0027*SigIgn*"0 -> pipe"*"2 -> pipe"* ]]
}

# ---- the lookup ----------------------------------------------------------------------------

# everywhere TEXT : what each verb says where the plugin cannot be had.
everywhere() {
	both_fail "plugin type=\"$2\" failed (add): $1" add
	both_fail "$1" check
	both_fail "plugin type=\"$2\" failed (delete): $1" del
	both_fail "failed to GC plugin $2: $1" gc
	both_fail "$1" status
}

@test "cnitool: no CNI_PATH" {
	list 1.1.0 "$FIRST"
	CNI_PATH='' everywhere 'no paths provided' first
	unset CNI_PATH
	everywhere 'no paths provided' first
}

@test "cnitool: a plugin that is not there, or is no file" {
	list 1.1.0 '{"type":"nowhere"}'
	everywhere "failed to find plugin \"nowhere\" in path [$CNI_PATH]" nowhere
	CNI_PATH=/nowhere:$CNI_PATH:bin/ everywhere "failed to find plugin \"nowhere\" in path [/nowhere $CNI_PATH bin/]" nowhere
	mkdir bin/nowhere
	everywhere "failed to find plugin \"nowhere\" in path [$CNI_PATH]" nowhere
	rmdir bin/nowhere
	ln -s none bin/nowhere
	everywhere "failed to find plugin \"nowhere\" in path [$CNI_PATH]" nowhere
	rm bin/nowhere
	mkfifo bin/nowhere
	everywhere "failed to find plugin \"nowhere\" in path [$CNI_PATH]" nowhere
}

@test "cnitool: a plugin's name with a slash, and other strange ones" {
	list 1.1.0 '{"type":"../bin/first"}'
	everywhere 'invalid plugin name: ../bin/first' ../bin/first
	list 1.1.0 '{"type":"/"}'
	everywhere 'invalid plugin name: /' /
	list 1.1.0 '{"type":".."}'
	everywhere "failed to find plugin \"..\" in path [$CNI_PATH]" ..
	list 1.1.0 '{"type":"a\"b\n\u00e9\u0001"}'
	both add
	both check
	list 1.1.0 '{"type":" first"}'
	everywhere "failed to find plugin \" first\" in path [$CNI_PATH]" ' first'
}

@test "cnitool: the first of CNI_PATH's directories that has it, through links" {
	mkdir other links
	recorder other/first
	ln -s ../other links/first
	list 1.0.0 "$FIRST"
	CNI_PATH=/nowhere:$CNI_PATH:$PWD/other both_well add
	[ ! -e other/log ]
	mkdir other/answers
	answers first ADD 'exit 3'
	echo 'exit 4' >other/answers/first.ADD
	CNI_PATH=$PWD/other:$CNI_PATH both add
	[[ $errors == *'exit status 4' ]]
	CNI_PATH=$PWD/links:$CNI_PATH both add
	[[ $errors == *'exit status 3' ]]
	ln -sfT ../other/first links/first
	CNI_PATH=$PWD/links:$CNI_PATH both_well add
}

@test "cnitool: CNI_PATH is handed on as it is, relative, with slashes" {
	local path
	list 1.0.0 "$FIRST"
	for path in "bin" "./bin/" "bin:$PWD//bin/" "../${PWD##*/}/bin" "$PWD/./net.d/../bin"; do
		CNI_PATH=$path both_well add
		expect_env 0 CNI_PATH "$path"
	done
}

@test "cnitool: ADD looks for the plugin before it looks at names" {
	list 1.0.0 '{"type":"nowhere"}'
	CNI_IFNAME=. both_fail "plugin type=\"nowhere\" failed (add): failed to find plugin \"nowhere\" in path [$CNI_PATH]" add
}

@test "cnitool: a plugin that cannot be executed" {
	list 1.1.0 '{"type":"broken"}'
	echo 'echo {}' >bin/broken
	everywhere "netplugin failed with no error message: fork/exec $CNI_PATH/broken: permission denied" broken
	chmod +x bin/broken
	everywhere "netplugin failed with no error message: fork/exec $CNI_PATH/broken: exec format error" broken
	echo '#!/nowhere/sh' >bin/broken
	everywhere "netplugin failed with no error message: fork/exec $CNI_PATH/broken: no such file or directory" broken
	: >bin/broken
	everywhere "netplugin failed with no error message: fork/exec $CNI_PATH/broken: exec format error" broken
}

@test "cnitool: the one on the path that cannot be executed is taken before the one that can" {
	mkdir other
	touch other/first
	list 1.0.0 "$FIRST"
	CNI_PATH=$PWD/other:$CNI_PATH both add
	[[ $errors == *"fork/exec $PWD/other/first: permission denied" ]]
}

# ---- failures ------------------------------------------------------------------------------

# fails SCRIPT TEXT : what each verb says when `first` does that.
fails() {
	local verb
	for verb in ADD CHECK DEL GC STATUS; do
		answers first $verb "$1"
	done
	everywhere "$2" first
}

@test "cnitool: a plugin's error object" {
	list 1.1.0 "$FIRST"
	fails 'echo "{\"cniVersion\":\"1.1.0\",\"code\":7,\"msg\":\"no\"}"; exit 1' no
	fails 'echo "{\"code\":100,\"msg\":\"no\",\"details\":\"really\"}"; exit 9' 'no; really'
	fails 'echo "{\"code\":11,\"msg\":\"<a> & \\\"b\\\" \\u00e9\",\"details\":\"\",\"x\":1}"; exit 1' '<a> & "b" é'
	fails 'echo "{\"MSG\":\"no\",\"Details\":\"in capitals\",\"CODE\":0}"; exit 1' 'no; in capitals'
	fails 'echo "{\"msg\":\"no\",\"code\":null,\"details\":null}"; kill -9 $$' no
}

@test "cnitool: a plugin's error object without a message" {
	local json
	list 1.1.0 "$FIRST"
	for json in '{"code":7}' null '{}' '{"msg":""}' '{"msg":null,"details":""}'; do
		fails "echo '$json'; exit 1" ''
	done
	fails 'echo "{\"details\":\"only\"}"; exit 1' '; only'
}

@test "cnitool: what is no error object" {
	local text
	list 1.1.0 "$FIRST"
	for text in 'no json' '[]' '"x"' 1 '{"msg":"x"}y' '{"msg":' '{"code":-1,"msg":"x"}' '{"code":1.5,"msg":"x"}' \
		'{"code":"7","msg":"x"}' '{"code":18446744073709551616,"msg":"x"}' '{"msg":1}' '{"msg":"x","details":[]}' \
		'a\b"c' é; do
		echo "$text" >said
		answers first ADD "cat '$PWD/said'; exit 1"
		both_refuse 'plugin type="first" failed (add): netplugin failed but error parsing its diagnostic message "' add
		# what it said is quoted as Go's is
		[[ $errors == "$(sed 's/": [^"]*$/": /' theirs/err | head -c -1)"* ]] ||
			[[ "${errors%%\": *}" == "$(sed 's/": .*//' theirs/err)" ]] || fail "what is quoted"
	done
	answers first ADD 'printf "{\"msg\":"; exit 1'
	both_fail "$(printf '%s' 'plugin type="first" failed (add): netplugin failed but error parsing its diagnostic message ' \
		'"{\"msg\":": unexpected end of JSON input')" add
}

@test "cnitool: codes of an error object" {
	local code
	list 1.0.0 "$FIRST"
	for code in 0 1 11 100 999 2147483648 4294967295; do
		answers first ADD "echo '{\"code\":$code,\"msg\":\"no\"}'; exit 1"
		both_fail 'plugin type="first" failed (add): no' add
	done
}

@test "cnitool: a plugin that fails and says nothing" {
	local pair
	list 1.1.0 "$FIRST"
	fails 'exit 4' 'netplugin failed with no error message: exit status 4'
	for pair in "exit 1=exit status 1" "exit 255=exit status 255" "kill -9 \$\$=signal: killed" \
		"kill -TERM \$\$=signal: terminated" "kill -INT \$\$=signal: interrupt" "kill -HUP \$\$=signal: hangup" \
		"kill -USR1 \$\$=signal: user defined signal 1" "kill -ALRM \$\$=signal: alarm clock" \
		"kill -PIPE \$\$=signal: broken pipe" "kill -34 \$\$=signal: signal 34"; do
		answers first ADD "${pair%%=*}"
		both_fail "plugin type=\"first\" failed (add): netplugin failed with no error message: ${pair#*=}" add
	done
	ulimit -c 0
	for pair in ABRT SEGV BUS ILL FPE QUIT SYS TRAP; do
		answers first ADD "kill -$pair \$\$"
		both add
		[ "$status" -eq 1 ]
	done
}

@test "cnitool: a plugin that fails and says so on stderr" {
	local text
	list 1.1.0 "$FIRST"
	for text in 'no\n' 'a "quoted" word\\\n\tand more' 'é \0342\0200\0250 \001\0377' '{"code":7,"msg":"on the wrong side"}'; do
		answers first ADD "printf '$text' >&2; exit 1"
		compare but_stderr add net $NETNS
		# passed on, then told
		printf "$text" | cat - theirs/err | cmp - ours/err
	done
	answers first CHECK 'echo no >&2; exit 1'
	both_refuse 'netplugin failed: "no\n"' check
	answers first DEL 'echo no >&2; exit 1'
	both_refuse 'plugin type="first" failed (delete): netplugin failed: "no\n"' del
	answers first GC 'echo no >&2; exit 1'
	both_refuse 'failed to GC plugin first: netplugin failed: "no\n"' gc
	answers first STATUS 'echo no >&2; exit 1'
	both_refuse 'netplugin failed: "no\n"' status
}

@test "cnitool: stderr is passed on, in success and in failure" {
	local verb
	list 1.1.0 "$FIRST" "$SECOND"
	for verb in ADD CHECK DEL GC STATUS; do
		[ $verb = ADD ] || answers first $verb 'printf "first "; printf "warns: \001\377\n" >&2'
		answers second $verb 'printf "and the second" >&2; echo "{}"'
	done
	for verb in $VERBS; do
		both_well $verb
		[[ $errors == *'and the second'* ]]
	done
	answers second ADD 'echo a warning >&2; echo "{\"code\":7,\"msg\":\"no\"}"; exit 1'
	compare but_stderr add net $NETNS
	[ "$status" -eq 1 ]
	expect_same stderr $'a warning\nplugin type="second" failed (add): no' "$errors"
}

@test "cnitool: the plugin's own name stands in the error of ADD and DEL" {
	list 1.1.0 '{"type":"first","name":"my \"first\""}'
	answers first ADD 'exit 1'
	answers first DEL 'exit 1'
	answers first GC 'exit 1'
	both_fail 'plugin type="first" name="my \"first\"" failed (add): netplugin failed with no error message: exit status 1' add
	both_fail 'plugin type="first" name="my \"first\"" failed (delete): netplugin failed with no error message: exit status 1' del
	both_fail 'failed to GC plugin first: netplugin failed with no error message: exit status 1' gc
}

# ---- what flows through the pipes ----------------------------------------------------------

@test "cnitool: an input of 600 kB, an output, a stderr, all larger than a pipe" {
	local large=large
	head -c 600000 /dev/zero | tr '\0' x >$large
	echo "{\"name\":\"net\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"first\",\"x\":\"$(<$large)\"}]}" |
		conf net.conflist
	answers first ADD "cat '$PWD/large' >&2; printf '{\"x\":\"'; cat '$PWD/large'; echo '\"}'"
	both_well add
	expect_stdin 0 '.x | length' 600000
	[ "${#errors}" -eq 600000 ]
}

@test "cnitool: a plugin that reads nothing of a large input" {
	recorder bin/deaf
	sed -i '2,6d' bin/deaf
	sed -i '2i dir=${0%/*} name=${0##*/}; exec <\&-' bin/deaf
	head -c 300000 /dev/zero | tr '\0' x >large
	echo "{\"name\":\"net\",\"cniVersion\":\"1.0.0\",\"plugins\":[{\"type\":\"deaf\",\"x\":\"$(<large)\"}]}" |
		conf net.conflist
	both_well add
	answers deaf DEL 'exit 3'
	both_fail 'plugin type="deaf" failed (delete): netplugin failed with no error message: exit status 3' del
}

@test "cnitool: stdout of all verbs but ADD means nothing" {
	local verb
	list 1.1.0 "$FIRST"
	for verb in CHECK DEL GC STATUS; do
		answers first $verb 'echo "{\"code\":7,\"msg\":\"no\"}"; echo rubbish'
		both_well ${verb,,}
		expect_silent
	done
}
