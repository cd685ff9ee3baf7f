#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2034,SC2154
# CNI spec, delegation to an IPAM plugin: who is run, with what, and what becomes of its answer.

load spec

setup() {
	host_setup
	delegate mine
	netns box
}

# verbs_after_add : every verb that is passed on once there is an attachment.
each_forwarded() {
	with_delegates check "$1" <<<"$(with_result "$(delegated "$1")")"
	"${@:2}" CHECK
	NS='' CID='' with_delegates cni STATUS "$1" <<<"$(delegated "$1")"
	"${@:2}" STATUS
	NS='' CID='' with_delegates cni GC "$1" <<<"$(with_valid "$(delegated "$1")")"
	"${@:2}" GC
	with_delegates del "$1" <<<"$(delegated "$1")"
	"${@:2}" DEL
}

nothing_left() {
	expect_no_veths
	expect_no_link box eth0
	expect_leases
}

# answer_refused CODE TEXT <<<ANSWER : a delegate's ADD that says this with success, in vain.
answer_refused() {
	local plugin
	answers
	for plugin in $VETH_PLUGINS; do
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_code "$1" "$2"
		expect_calls ADD DEL
		nothing_left
	done
}

@test "C-170 the first regular file on CNI_PATH is the delegate" {
	local first=$BATS_TEST_TMPDIR/first
	mkdir -p "$first"
	answers <<<'{"cniVersion": "1.1.0", "ips": [{"address": "10.9.0.9/24", "gateway": "10.9.0.1"}]}'
	cp "$DELEGATES/mine" "$DELEGATES/host-local"
	for plugin in $VETH_PLUGINS; do
		CNI_PATH=$DELEGATES:$PLUGINS add "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		expect_json .ips[0].address 10.9.0.9/24
		CNI_PATH=$DELEGATES:$PLUGINS del "$plugin" <<<"$(conf "$plugin")"
		expect_calls ADD DEL
		CNI_PATH=$PLUGINS:$DELEGATES add "$plugin" <<<"$(conf "$plugin" \
			'.forceAddress = true')"
		expect_ok
		[[ $(jq -r .ips[0].address <<<"$output") == 10.1.0.* ]] || fail "our host-local's"
		CNI_PATH=$PLUGINS:$DELEGATES del "$plugin" <<<"$(conf "$plugin")"
		expect_calls
		mkdir -p "$first/host-local" # no file
		CNI_PATH=/nowhere::$first:$DELEGATES:$PLUGINS add "$plugin" <<<"$(conf "$plugin" \
			'.forceAddress = true')"
		expect_ok
		expect_json .ips[0].address 10.9.0.9/24
		with_delegates del "$plugin" <<<"$(conf "$plugin")"
		expect_calls ADD DEL
	done
	cd "$DELEGATES" # an empty piece is not the current directory
	CNI_PATH=:$first add ptp <<<"$(delegated ptp)"
	expect_code 7 'failed to find plugin "mine"'
	expect_calls
}

same_environment() {
	expect_ok
	expect_same "environment of $1" "$(sort "$BATS_TEST_TMPDIR/env" |
		sed "s/^CNI_COMMAND=.*/CNI_COMMAND=$1/")" \
		"$(grep -vE '^(PWD|SHLVL|OLDPWD|_)=' "$DELEGATES/env.$1" | sort)"
}

@test "C-171 the delegate has the caller's environment, but for CNI_COMMAND" {
	for plugin in $VETH_PLUGINS; do
		full_env ADD
		ENV_WORDS+=(CNI_ARGS='IgnoreUnknown=1;A=b' CNI_PATH="$DELEGATES:$PLUGINS" EXTRA='a b='
			CNI_NETNS_OVERRIDE=0 TRACEPARENT=00-1 TRACESTATE=a=1,b=2 BAGGAGE='k=v;p=1, l=w' CNI_EMPTY=)
		printf '%s\n' PATH="$PATH" "${ENV_WORDS[@]}" | grep -v "^CNI_PATH=$PLUGINS" \
			>"$BATS_TEST_TMPDIR/env"
		raw "${ENV_WORDS[@]}" "$plugin" <<<"$(delegated "$plugin")"
		same_environment ADD
		raw "${ENV_WORDS[@]}" CNI_COMMAND=CHECK "$plugin" \
			<<<"$(with_result "$(delegated "$plugin")" "$output")"
		same_environment CHECK
		for verb in STATUS GC DEL; do
			raw "${ENV_WORDS[@]}" CNI_COMMAND=$verb "$plugin" <<<"$(delegated "$plugin")"
			same_environment $verb
		done
	done
}

same_stdin() {
	cmp "$BATS_TEST_TMPDIR/conf" "$DELEGATES/stdin.$1" || fail "the same bytes for $1"
}

@test "C-172 C-152 the delegate's stdin is the caller's, byte for byte" {
	for plugin in $VETH_PLUGINS; do
		printf ' %s\n\t ' "$(jq . <<<"$(delegated "$plugin" '.n = 0.10 | .big = "ä\u0001" |
			.ipam.x = {a: []} | .["cni.dev/valid-attachments"] = null')")" |
			sed 's/0.1$/9007199254740993.10e0/' >"$BATS_TEST_TMPDIR/conf"
		with_delegates add "$plugin" <"$BATS_TEST_TMPDIR/conf"
		expect_ok
		same_stdin ADD
		for verb in STATUS GC DEL; do
			with_delegates cni $verb "$plugin" <"$BATS_TEST_TMPDIR/conf"
			expect_silent
			same_stdin $verb
		done
		expect_calls ADD STATUS GC DEL
	done
}

heard() {
	[[ $errors == *"$1 speaks"* ]] || fail "the delegate's stderr"
}

# D9: libcni drops it when the delegate fails.
@test "C-173 the delegate's stderr is ours, whether it succeeds or fails" {
	for plugin in $VETH_PLUGINS; do
		on ADD <<<'echo "ADD speaks" >&2; cat "$dir/answer"'
		for verb in DEL CHECK GC STATUS; do
			on $verb <<<"echo '$verb speaks' >&2"
		done
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_ok
		heard ADD
		each_forwarded "$plugin" heard
		for verb in ADD DEL CHECK GC STATUS; do
			on $verb <<<"echo '$verb speaks' >&2; echo '{\"code\": 5, \"msg\": \"x\"}'; exit 1"
		done
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_code 5
		heard ADD
		heard DEL
		each_forwarded "$plugin" heard
	done
}

same_error() {
	expect_code 119 "refused \"$1\" the details"
}

@test "C-174 the delegate's error is ours: code, msg, details" {
	for plugin in $VETH_PLUGINS; do
		fails ADD 119 'refused \\"ADD\\"'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		same_error ADD
		json_is "$output" .details "the details"
		nothing_left
		on ADD <<<'exit 7'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_code 999 "exit status 7"
		on ADD <<<'kill -SEGV $$'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_code 999 "signal 11"
		nothing_left
	done
}

# D8: libcni's plugins do not. One in-process takes back what it did by itself.
@test "C-175 a delegate whose ADD fails gets a DEL, and its error stays the first" {
	for plugin in $VETH_PLUGINS; do
		fails ADD 119 "first"
		fails DEL 120 "second"
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_code 119 first
		expect_calls ADD DEL
		nothing_left
	done
	for always in '' 1; do
		for plugin in $VETH_PLUGINS; do
			CNI_ALWAYS_EXEC=$always add "$plugin" <<<"$(conf "$plugin" '.ipam = {
				type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}],
				[{subnet: "10.2.0.0/30", rangeStart: "10.2.0.1", rangeEnd: "10.2.0.1"}]]}')"
			expect_code 100
			nothing_left
		done
	done
}

@test "C-176 our own failure after the delegate's ADD: it gets a DEL" {
	for plugin in $VETH_PLUGINS; do
		with_delegates add "$plugin" <<<"$(delegated "$plugin" '.mtu = 20')"
		expect_failure # no such MTU, before the delegate is asked
		expect_calls
		answers <<<'{"ips": [{"address": "10.1.0.9/24", "gateway": "10.1.0.1"}],
			"routes": [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]}'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_failure
		expect_calls ADD DEL
		nothing_left
		answers <<<'{"ips": []}'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_failure
		expect_calls ADD DEL
		nothing_left
	done
}

@test "C-177 DEL reaches the delegate, also when the namespace is gone or not given" {
	for plugin in $VETH_PLUGINS; do
		with_delegates del "$plugin" <<<"$(delegated "$plugin")"
		expect_silent
		for path in '' /run/netns/none /etc/passwd; do
			CNI_NETNS=$path with_delegates del "$plugin" <<<"$(delegated "$plugin")"
			expect_silent
		done
		expect_calls DEL DEL DEL DEL
		fails DEL 131 "cannot"
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_ok
		with_delegates del "$plugin" <<<"$(delegated "$plugin")"
		expect_code 131 cannot
		expect_no_link box eth0 # every step is tried
		on DEL <<<''
		rm "$DELEGATES/calls"
	done
}

passed_on() {
	expect_calls "$1"
	expect_silent
}

error_passed_on() {
	expect_calls "$1"
	expect_code 119 "refused $1"
}

@test "C-178 C-179 C-142 CHECK, STATUS, GC and DEL reach the delegate, and its error comes back" {
	for plugin in $VETH_PLUGINS; do
		for verb in CHECK STATUS GC DEL; do
			on $verb <<<''
		done
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_calls ADD
		each_forwarded "$plugin" passed_on
		for verb in CHECK STATUS GC DEL; do
			fails $verb 119 "refused $verb"
		done
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_calls ADD
		each_forwarded "$plugin" error_passed_on
	done
}

# says ANSWER VERB... : the delegates fail with it in these verbs.
says() {
	local verb
	for verb in "${@:2}"; do
		printf "echo '%s'; exit 1\n" "$1" | on "$verb"
	done
}

wordless() {
	expect_code "$code" "$words"
}

@test "row 3: a delegate that fails without a word or a number has failed, in every verb" {
	local answer code words verb
	for answer in '{"code":7,"msg":""}|7|mine failed with code 7 and no message' \
		'{"code":7}|7|mine failed with code 7 and no message' \
		'{"code":8,"msg":null,"details":"why"}|8|why' \
		'{}|999|mine failed with code 0 and no message' \
		'{"code":0,"msg":""}|999|mine failed with code 0 and no message' \
		'{"code":0,"msg":"why"}|999|why' '{"msg":"why"}|999|why'; do
		IFS='|' read -r answer code words <<<"$answer"
		for plugin in $VETH_PLUGINS; do
			says "$answer" ADD CHECK STATUS GC DEL
			with_delegates add "$plugin" <<<"$(delegated "$plugin")"
			wordless
			nothing_left
			answers <<<'{"ips": [{"address": "10.1.0.9/24", "gateway": "10.1.0.1"}]}'
			with_delegates add "$plugin" <<<"$(delegated "$plugin")"
			expect_ok
			each_forwarded "$plugin" wordless
			expect_no_link box eth0 # every step is tried
		done
	done
}

@test "C-180 an ipam.type with a slash is an error in every verb, and nothing is executed" {
	local config
	for plugin in $VETH_PLUGINS; do
		for type in ../delegates/mine ./mine /mine mine/ "$DELEGATES/mine"; do
			config=$(conf "$plugin" ".ipam = {type: \"$type\"}")
			for verb in ADD DEL CHECK STATUS GC; do
				with_delegates cni $verb "$plugin" \
					<<<"$(with_result "$config" '{"interfaces": []}')"
				expect_failure
				[[ $output == *"invalid plugin name"* ]] || fail "the reason"
			done
			expect_calls
			nothing_left
		done
	done
}

@test "C-181 a delegate that is not found is an error that leaves nothing" {
	local before
	before=$(snapshot)
	for plugin in $VETH_PLUGINS; do
		add "$plugin" <<<"$(conf "$plugin" '.ipam = {type: "missing"}')"
		expect_code 7 "failed to find plugin \"missing\" in path [$PLUGINS]"
		nothing_left
	done
	[ ! -e /sys/class/net/br0 ] || fail "the bridge is taken back"
	expect_same "host" "$(jq .host.links <<<"${before%%$'\n=='*}")" "$(state box | jq .host.links)"
}

@test "C-182 a delegate's answer without cniVersion is of the configuration's version" {
	for plugin in $VETH_PLUGINS; do
		for version in 0.3.0 0.4.0 1.0.0 1.1.0; do
			answers <<<'{"ips": [{"version": "4", "address": "10.1.0.9/24",
				"gateway": "10.1.0.1"}], "dns": {"domain": "d"}}'
			with_delegates add "$plugin" <<<"$(as_version $version "$(delegated "$plugin")")"
			expect_ok
			expect_json .ips[0].address 10.1.0.9/24
			expect_json .dns.domain d
			with_delegates del "$plugin" <<<"$(delegated "$plugin")"
		done
		for version in 0.1.0 0.2.0 ''; do
			answers <<<'{"ip4": {"ip": "10.1.0.9/24", "gateway": "10.1.0.1"}}'
			with_delegates add "$plugin" <<<"$(as_version "$version" "$(delegated "$plugin")")"
			expect_ok
			expect_json .ip4.ip 10.1.0.9/24
			with_delegates del "$plugin" <<<"$(delegated "$plugin")"
		done
		answers <<<'{"cniVersion": "0.2.0", "ip4": {"ip": "10.1.0.9/24", "gateway": "10.1.0.1"}}'
		with_delegates add "$plugin" <<<"$(delegated "$plugin")"
		expect_ok
		expect_json .ips[0].address 10.1.0.9/24 # an answer of another version is converted
		with_delegates del "$plugin" <<<"$(delegated "$plugin")"
	done
}

@test "C-183 IPAM results have no interfaces and no ips[].interface" {
	for plugin in $IPAM_PLUGINS; do
		for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin")")"
			expect_ok
			expect_json 'has("interfaces"), ([.ips[] | has("interface")] | any)' \
				$'false\nfalse'
			del "$plugin" <<<"$(conf "$plugin")"
		done
	done
}

@test "C-184 a delegate that succeeds with no result is an error that leaves nothing" {
	answer_refused 6 mine <<<'not JSON'
	answer_refused 6 mine <<<''
	answer_refused 6 mine <<<'[]'
	answer_refused 6 mine <<<'{} {}'
	answer_refused 6 mine <<<'{"ips": [{"address": "10.1.0.9"}]}'
	answer_refused 6 mine <<<'{"cniVersion": "9.9.9"}'
	answer_refused 999 "missing IP config" <<<'{}'
}
