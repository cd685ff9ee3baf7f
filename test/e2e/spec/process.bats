#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2034,SC2154
# CNI spec, process and I/O: exit status, stdout, stderr, argv, children, parallel calls.

load spec

# Every verb of a plugin, all of which succeed.
each_verb() {
	local plugin=$1 ifname config
	ifname=$(ifname_of "$plugin") config=$(conf "$plugin")
	add "$plugin" "$ifname" <<<"$config"
	"${@:2}"
	check "$plugin" "$ifname" <<<"$(with_result "$config")"
	"${@:2}"
	status_of "$plugin" <<<"$config"
	"${@:2}"
	gc "$plugin" <<<"$(with_valid "$config" "$CID/$ifname")"
	"${@:2}"
	del "$plugin" "$ifname" <<<"$(with_result "$config")"
	"${@:2}"
	raw CNI_COMMAND=VERSION "$plugin" </dev/null
	"${@:2}"
}

# Every kind of failure of a plugin.
each_failure() {
	local plugin=$1 ifname config
	ifname=$(ifname_of "$plugin") config=$(conf "$plugin")
	add "$plugin" "$ifname" <<<'not JSON'
	"${@:2}"
	add "$plugin" "$ifname" <<<"$(conf "$plugin" 'del(.name)')"
	"${@:2}"
	add "$plugin" "$ifname" <<<"$(as_version 9.9.9 "$config")"
	"${@:2}"
	CID='' add "$plugin" "$ifname" <<<"$config"
	"${@:2}"
	CID=../up del "$plugin" "$ifname" <<<"$config"
	"${@:2}"
	check "$plugin" "$ifname" <<<"$config"
	"${@:2}"
	check "$plugin" "$ifname" <<<"$(with_result "$config" '{"ips": [{"address": "x"}]}')"
	"${@:2}"
	gc "$plugin" <<<"$(as_version 1.0.0 "$config")"
	"${@:2}"
	status_of "$plugin" <<<"$(as_version 1.0.0 "$config")"
	"${@:2}"
	cni add "$plugin" "$ifname" <<<"$config"
	"${@:2}"
}

# Failures of what plugins do rather than of what they are told.
each_late_failure() {
	delegate mine
	CNI_NETNS=/run/netns/none add bridge <<<"$(conf bridge)"
	"$@"
	add ptp <<<"$(conf ptp '.ipmasqbackend = "x"')"
	"$@"
	add bridge <<<"$(delegated bridge)"
	"$@"
	fails ADD 173 "no more"
	with_delegates add ptp <<<"$(delegated ptp)"
	"$@"
	on ADD <<<'echo "not JSON"; exit 3'
	with_delegates add ptp <<<"$(delegated ptp)"
	"$@"
	on ADD <<<'kill -9 $$'
	with_delegates add ptp <<<"$(delegated ptp)"
	"$@"
	ns_ip "$NS" link add eth0 type bridge
	add ptp <<<"$(conf ptp)"
	"$@"
	status_of host-local <<<"$(conf host-local '.ipam.dataDir = "/proc/version/none"')"
	"$@"
}

is_error_object() {
	[ "$status" -ne 0 ] || fail "a failure"
	jq -se 'length == 1 and (.[0] | (.code | type == "number") and
		(.msg | type == "string" and length > 0))' <<<"$output" >/dev/null ||
		fail "one error object with code and msg"
}

is_exit_1() {
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
}

is_known_code() {
	jq -e '.code | (. >= 1 and . <= 8) or . == 11 or . == 50 or . == 51 or . >= 100' \
		<<<"$output" >/dev/null || fail "a code of the spec's table, or one of our own"
}

@test "C-001 success is exit 0, in every verb of every plugin" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		each_verb "$plugin" expect_ok
	done
}

@test "C-002 failure is exit 1, in every verb of every plugin" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		each_failure "$plugin" is_exit_1
	done
	each_late_failure is_exit_1
}

@test "C-003 ADD prints one JSON object and nothing around it" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		add "$plugin" "$(ifname_of "$plugin")" <<<"$(conf "$plugin")"
		expect_ok
		[ "$(jq -sc 'map(type)' <<<"$output")" = '["object"]' ] || fail "one object"
		[ "${output:0:1}${output: -1}" = '{}' ] || fail "nothing around the object"
		del "$plugin" "$(ifname_of "$plugin")" <<<"$(conf "$plugin")"
	done
}

@test "C-004 failure prints one JSON object with a numeric code and a text msg" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		each_failure "$plugin" is_error_object
	done
	each_late_failure is_error_object
}

@test "C-005 diagnostics go to stderr: a rollback that has something to say, a noisy delegate" {
	netns box
	delegate mine
	on DEL <<-'END'
		echo "delegate grumbles" >&2
		echo '{"code": 120, "msg": "cannot release"}'
		exit 1
	END
	answers <<<'{"ips": [{"address": "10.1.0.9/24"}]}'
	with_delegates add ptp <<<"$(delegated ptp)"
	expect_code 7 "has no gateway"
	[[ $errors == *grumbles*"cannot release"* ]] || fail "both on stderr"
	on ADD <<<'echo "delegate chats" >&2; cat "$dir/answer"'
	with_delegates add bridge <<<"$(delegated bridge)"
	expect_ok
	expect_json '.ips[0].address' 10.1.0.9/24
	[[ $errors == *"delegate chats"* ]] || fail "the delegate's words on stderr"
}

@test "C-006 arguments change nothing" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		full_env ADD "$(ifname_of "$plugin")"
		raw "${ENV_WORDS[@]}" "$plugin" --help DEL -x <<<"$(conf "$plugin")"
		expect_ok
		expect_json .cniVersion 1.1.0
		full_env DEL "$(ifname_of "$plugin")"
		raw "${ENV_WORDS[@]}" "$plugin" --version <<<"$(conf "$plugin")"
		expect_silent
		raw CNI_COMMAND=VERSION "$plugin" --list <<<''
		expect_ok
		expect_json .cniVersion 1.1.0
	done
}

# Reads until EOF, which a child that keeps the pipe would delay.
ends_with_its_process() {
	local verb=$1 plugin=$2 ended now
	# shellcheck disable=SC2094
	output=$(CNI_COMMAND=$verb CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 \
		CNI_PATH=$PLUGINS "$PLUGINS/$plugin" <<<"$(conf "$plugin")" 2>&1
	date +%s%N >"$BATS_TEST_TMPDIR/ended")
	now=$(date +%s%N)
	ended=$(<"$BATS_TEST_TMPDIR/ended")
	echo "$verb $plugin: EOF $(((now - ended) / 1000000)) ms after exit: $output"
	[ $((now - ended)) -lt 1000000000 ] || fail "EOF within a second of the exit"
}

@test "C-007 no descendant holds stdout or stderr open after ADD and DEL" {
	netns box
	for plugin in $VETH_PLUGINS; do
		for always in '' 1; do
			export CNI_ALWAYS_EXEC=$always
			ends_with_its_process ADD "$plugin"
			expect_link box eth0
			ends_with_its_process DEL "$plugin"
			expect_no_link box eth0
		done
	done
}

@test "C-008 ADDs in parallel on one bridge and one pool all succeed with distinct addresses" {
	local i n=16 pids=()
	for i in $(seq $n); do
		netns "box$i"
	done
	for i in $(seq $n); do
		CNI_COMMAND=ADD CNI_CONTAINERID=c$i CNI_NETNS=$(ns_path "box$i") CNI_IFNAME=eth0 \
			CNI_PATH=$PLUGINS timeout 60 "$PLUGINS/bridge" <<<"$(conf bridge)" \
			>"$BATS_TEST_TMPDIR/out.$i" 2>&1 &
		pids+=($!)
	done
	for i in "${pids[@]}"; do
		wait "$i" || fail "ADD to succeed: $(cat "$BATS_TEST_TMPDIR"/out.*)"
	done
	[ "$(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR"/out.* | sort -u | wc -l)" -eq $n ] ||
		fail "$n addresses: $(cat "$BATS_TEST_TMPDIR"/out.*)"
	for i in $(seq $n); do
		ns_ip "box$i" -4 -o addr show dev eth0 | grep -qF \
			" $(jq -r '.ips[0].address' "$BATS_TEST_TMPDIR/out.$i") " ||
			fail "box$i to have what its result says"
	done
}

# D2: libcni leaves cniVersion out of errors, the spec wants it.
@test "C-009 an error object carries the cniVersion in use" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		for version in $ALL_VERSIONS; do
			add "$plugin" <<<"$(conf "$plugin" ".cniVersion = \"$version\" | .dns = 5")"
			expect_code 6
			expect_json .cniVersion "$version"
		done
		add "$plugin" <<<"$(as_version 9.9.9 "$(conf "$plugin")")"
		expect_code 1
		expect_json .cniVersion 1.1.0
		add "$plugin" <<<'not JSON'
		expect_json .cniVersion 1.1.0
	done
}

# version_told VERB PLUGIN JQ [VAR=VALUE] : whatever is wrong, the object says the configuration's.
version_told() {
	full_env "$1"
	raw "${ENV_WORDS[@]}" ${4+"$4"} "$2" <<<"$(conf "$2" ".cniVersion = \"0.4.0\" | $3")"
	expect_failure
	expect_json .cniVersion 0.4.0
}

@test "row 14: the configuration's cniVersion, wherever it could be read" {
	netns box
	local plugin program
	for plugin in $EVERY_PLUGIN $RULE_PLUGINS ovs; do
		for program in 'del(.name)' '.name = ""' '.name = 5' '.name = "a b"' '.type = 5' \
			'.ipam = 5' '.dns = 5' '.prevResult = 5' '.runtimeConfig = 5' \
			'{CNIVersion: .cniVersion, name: [], type: {}}'; do
			version_told ADD "$plugin" "$program"
			version_told CHECK "$plugin" "$program"
		done
		version_told DEL "$plugin" 'del(.name)'
		version_told GC "$plugin" .
		version_told NOTHING "$plugin" .
		version_told ADD "$plugin" . CNI_CONTAINERID=
		version_told ADD "$plugin" . CNI_IFNAME=a/b
		version_told DEL "$plugin" . CNI_PATH=
	done
	full_env ADD # nothing to be read
	raw "${ENV_WORDS[@]}" CNI_PATH= bridge </dev/null
	expect_code 4
	expect_json .cniVersion 1.1.0
}

# limited SIZE COMMAND... : a call whose files may have so many bytes.
limited() {
	local size=$1 plugin
	shift
	PLUGINS=$BATS_TEST_TMPDIR/limited.$size
	mkdir -p "$PLUGINS"
	for plugin in $EVERY_PLUGIN $RULE_PLUGINS; do
		printf '#!/bin/sh\nexec prlimit --fsize=%s %s/%s\n' "$size" "$CNIC_BIN" "$plugin" >"$PLUGINS/$plugin"
		chmod +x "$PLUGINS/$plugin"
	done
	CNI_PATH=$CNIC_BIN "$@"
}

too_large() {
	expect_code "$1" "File too large"
	expect_no_veths
	expect_no_link box eth0
	expect_leases
	[ -z "$(ls /run/cnic/rules 2>/dev/null)" ] || fail "no record"
}

@test "row 18: a limit on the size of files is an error that leaves nothing, not a death" {
	netns box
	local plugin always size config with
	for size in 0 1 20; do
		for always in '' 1; do
			for plugin in $VETH_PLUGINS; do
				CNI_ALWAYS_EXEC=$always limited $size add "$plugin" <<<"$(conf "$plugin")"
				[ $size = 20 ] && [ $status = 0 ] || too_large 999
				CNI_ALWAYS_EXEC=$always limited $size del "$plugin" <<<"$(conf "$plugin")"
				expect_silent
				expect_leases
				config=$(conf "$plugin" '.ipMasq = true | .ipam = {type: "static",
					addresses: [{address: "10.1.0.2/24", gateway: "10.1.0.1"}]}')
				CNI_ALWAYS_EXEC=$always limited $size add "$plugin" <<<"$config"
				too_large 999
			done
		done
		limited $size add host-local <<<"$(conf host-local)"
		[ $size = 20 ] && [ $status = 0 ] || too_large 999
		limited $size del host-local <<<"$(conf host-local)"
		expect_silent
		config='{"cniVersion": "1.1.0", "name": "net", "prevResult": {"cniVersion": "1.1.0",
			"interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": "/run/netns/box"}],
			"ips": [{"address": "10.1.0.2/24", "interface": 1}]},
			"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80}]}}'
		for plugin in $RULE_PLUGINS; do
			with=$(jq -c --arg type "$plugin" '.type = $type' <<<"$config")
			limited $size add "$plugin" <<<"$with"
			too_large 999
			limited $size del "$plugin" <<<"$with"
			expect_silent
		done
	done
}

@test "row 18: a delegate has the signal as it was" {
	delegate mine
	netns box
	on ADD <<<'grep SigIgn /proc/self/status >"$dir/ignored"; exit 1'
	with_delegates add bridge <<<"$(delegated bridge)"
	expect_failure
	# SIGPIPE is bit 12, SIGXFSZ bit 24
	(((0x$(awk '{ print $2 }' "$DELEGATES/ignored") & 0x1001000) == 0)) || fail "neither of them ignored"
}

# without_capability COMMAND... : a call of root's that may not touch the network.
without_capability() {
	local plugin
	mkdir -p "$BATS_TEST_TMPDIR/bin"
	for plugin in "$CNIC_BIN"/*; do
		printf '#!/bin/sh\nexec setpriv --bounding-set -net_admin --inh-caps -net_admin timeout 10 %s\n' \
			"$plugin" >"$BATS_TEST_TMPDIR/bin/${plugin##*/}"
		chmod +x "$BATS_TEST_TMPDIR/bin/${plugin##*/}"
	done
	PLUGINS=$BATS_TEST_TMPDIR/bin CNI_PATH=$CNIC_BIN "$@"
}

# refused_at_once VERB PLUGIN CONF : without waiting for answers that do not come.
refused_at_once() {
	local begun=$EPOCHREALTIME
	without_capability cni "$1" "$2" <<<"$3"
	expect_code 999
	[[ $output == *"Operation not permitted"* || $output == *"you must be root"* ]] || fail "words of EPERM"
	((${EPOCHREALTIME/./} - ${begun/./} < 5000000)) || fail "an answer at once"
}

@test "row 17: without CAP_NET_ADMIN every verb says so at once" {
	netns box
	local plugin backend config checked verb
	for plugin in $VETH_PLUGINS; do
		for backend in '' nftables iptables; do
			config=$(conf "$plugin" ".ipMasq = true | .ipMasqBackend = \"$backend\" | .macspoofchk = true |
				.ipam = {type: \"host-local\", ranges: [[{subnet: \"10.1.0.0/24\"}],
				[{subnet: \"fd00:1::/64\"}]]}")
			refused_at_once ADD "$plugin" "$config"
			add "$plugin" <<<"$config"
			expect_ok
			refused_at_once CHECK "$plugin" "$(with_result "$config")"
			refused_at_once GC "$plugin" "$(with_valid "$config")"
			refused_at_once DEL "$plugin" "$config"
			del "$plugin" <<<"$config"
			expect_silent
			expect_leases
		done
	done
	for plugin in $RULE_PLUGINS; do
		for backend in null '"nftables"' '"iptables"'; do
			config=$(jq -c --arg type "$plugin" --argjson backend "$backend" '.type = $type | .backend = $backend |
				del(.backend | nulls)' <<<'{"cniVersion": "1.1.0", "name": "net", "prevResult": {
				"cniVersion": "1.1.0", "interfaces": [{"name": "br0"}, {"name": "eth0", "sandbox": "/run/netns/box"}],
				"ips": [{"address": "10.1.0.2/24", "interface": 1}, {"address": "fd00::2/64", "interface": 1}]},
				"runtimeConfig": {"portMappings": [{"hostPort": 80, "containerPort": 80},
				{"hostPort": 81, "containerPort": 81, "protocol": "udp"}]}}')
			add "$plugin" <<<"$config"
			expect_ok
			for verb in CHECK DEL; do
				refused_at_once $verb "$plugin" "$config"
			done
			refused_at_once GC "$plugin" "$(with_valid "$config")"
			del "$plugin" <<<"$config"
			expect_silent
			refused_at_once ADD "$plugin" "$config"
		done
	done
	refused_at_once DEL loopback "$(conf loopback)"
	nft flush ruleset
}

@test "C-010 error codes are the spec's or at least 100" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		each_failure "$plugin" is_known_code
	done
	each_late_failure is_known_code
	netns other
	for plugin in $VETH_PLUGINS; do
		add "$plugin" <<<"$(conf "$plugin" '.ipam.routes = [{dst: "192.0.2.0/24",
			gw: "203.0.113.1"}]')"
		is_known_code
	done
}

# Wherever a byte string of the caller is shown again.
@test "C-011 stdout is UTF-8 with strings escaped, whatever a path contains" {
	netns box
	local strange name
	for name in $'quo"te\\back\nline\x01' $'umlaut-\xc3\xa4' $'broken-\xff\xc0\xaf-\xe4'; do
		strange=/run/$name
		CNI_NETNS=$strange add bridge <<<"$(conf bridge)"
		expect_code 8
		iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null || fail "UTF-8"
		touch "$strange"
		mount --bind "$(ns_path)" "$strange"
		CNI_NETNS=$strange add ptp <<<"$(conf ptp)"
		expect_ok
		iconv -f UTF-8 -t UTF-8 <<<"$output" >/dev/null || fail "UTF-8"
		[[ $name == broken* ]] || expect_json .interfaces[1].sandbox "$strange"
		CNI_NETNS=$strange del ptp <<<"$(conf ptp)"
		umount "$strange"
	done
}
