#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI spec, the configuration on stdin: decoding, the version gate, well-known keys.

load spec

# refused VERB CODE TEXT : every plugin says so to the configuration that jq program $4 makes of
# its own one, and nothing has changed.
refused() {
	local verb=$1 code=$2 text=$3 program=$4 plugin
	for plugin in $EVERY_PLUGIN; do
		cni "$verb" "$plugin" <<<"$(conf "$plugin" "$program")"
		expect_code "$code" "$text"
	done
}

# accepted PROGRAM : by ADD and DEL of every plugin.
accepted() {
	local plugin
	for plugin in $EVERY_PLUGIN; do
		add "$plugin" <<<"$(conf "$plugin" "$1")"
		expect_ok
		del "$plugin" <<<"$(conf "$plugin" "$1")"
		expect_silent
	done
}

@test "C-040 stdin that is no JSON object is code 6" {
	netns box
	local before good
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN; do
		good=$(conf "$plugin")
		for text in '' ' ' '{' '[]' '[{}]' '"text"' 5 true "$good junk" "$good$good" "$good]" \
			"${good%\}}" '{"name":"net",}' "{'name':'net'}" '{"name":"n"}//'; do
			add "$plugin" <<<"$text"
			expect_code 6
		done
		printf '%s\0' "$good" >"$BATS_TEST_TMPDIR/nul"
		add "$plugin" <"$BATS_TEST_TMPDIR/nul"
		expect_code 6
		add "$plugin" </dev/null
		expect_code 6
	done
	unchanged "$before"
}

@test "C-041 no name, an empty one, or a null document is code 7" {
	netns box
	local before
	before=$(snapshot)
	refused ADD 7 "missing network name" 'del(.name)'
	refused ADD 7 "missing network name" '.name = ""'
	refused ADD 7 "missing network name" '.name = null'
	refused ADD 7 "missing network name" null
	unchanged "$before"
}

@test "C-042 a name with bad characters is code 7 in every verb" {
	netns box
	local before verb
	before=$(snapshot)
	for verb in ADD DEL CHECK STATUS GC; do
		for name in 'a b' _a a/b 'a\n' .. -a 'a\u00e4'; do
			refused $verb 7 "invalid characters found in network name" ".name = \"$name\""
		done
	done
	unchanged "$before"
	add bridge <<<"$(conf bridge '.name = "a b"')"
	expect_json .details "a b"
}

@test "C-043 a name that is no string is code 6" {
	netns box
	local before
	before=$(snapshot)
	for name in 5 true '["net"]' '{"net": 1}'; do
		refused ADD 6 name ".name = $name"
	done
	unchanged "$before"
}

@test "C-044 a cniVersion that is not in the list is code 1 with both sides in details" {
	netns box
	local before verb
	before=$(snapshot)
	for verb in ADD DEL; do
		for version in 9.9.9 1.0 0.1 1.1 1.2.0 0.3.2 01.1.0 "1.1.0 " v1.1.0 x; do
			refused $verb 1 "config is \"$version\", plugin supports [\"0.1.0\"" \
				".cniVersion = \"$version\""
		done
	done
	unchanged "$before"
}

# D16
@test "C-045 cniVersion absent or empty means 0.1.0" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		for program in 'del(.cniVersion)' '.cniVersion = ""' '.cniVersion = null'; do
			add "$plugin" <<<"$(conf "$plugin" "$program")"
			expect_ok
			expect_json .cniVersion 0.1.0
			expect_json 'has("ip4"), has("ips"), has("interfaces")' $'true\nfalse\nfalse'
			del "$plugin" <<<"$(conf "$plugin" "$program")"
			expect_silent
		done
	done
}

@test "C-046 a cniVersion that is no string is code 6" {
	netns box
	for version in 1.1 1 true '["1.1.0"]' '{}'; do
		refused ADD 6 cniVersion ".cniVersion = $version"
		refused DEL 6 cniVersion ".cniVersion = $version"
	done
}

@test "C-047 CHECK before 0.4.0 is code 1" {
	netns box
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 ''; do
		refused CHECK 1 "config version does not allow CHECK" ".cniVersion = \"$version\""
	done
}

@test "C-048 GC before 1.1.0 is code 1" {
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 ''; do
		refused GC 1 "config version does not allow GC" ".cniVersion = \"$version\""
	done
}

@test "C-049 STATUS before 1.1.0 is code 1" {
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 ''; do
		refused STATUS 1 "config version does not allow STATUS" ".cniVersion = \"$version\""
	done
}

@test "C-050 CHECK, GC and STATUS of a version to come are code 1" {
	netns box
	for verb in CHECK GC STATUS; do
		for version in 1.1.1 1.2.0 2 9.9.9; do
			refused $verb 1 "plugin version does not allow $verb" \
				".cniVersion = \"$version\""
		done
	done
	refused CHECK 1 "incompatible CNI versions" '.cniVersion = "0.5.0"'
}

@test "C-051 a cniVersion that is none is code 6 on CHECK, GC and STATUS" {
	netns box
	for verb in CHECK GC STATUS; do
		for version in x.y 1.x 1.1.0.0 1..0 . 1.1.0-rc1 " 1.1.0" -1; do
			refused $verb 6 cniVersion ".cniVersion = \"$version\""
		done
	done
}

@test "C-052 unknown keys are ignored, at every level" {
	netns box
	accepted '.unknown = {"a": [1, "x", null]} | .extra = "value" | .["cni.dev/new"] = 1 |
		if .ipam then .ipam.unknown = [{}] else . end | .dns.unknown = 1 |
		.runtimeConfig.unknown = true'
}

@test "C-053 args with any content is no error" {
	netns box
	accepted '.args = {}'
	accepted '.args = {"labels": [1, "x"], "other.org": "text", "n": 1e300}'
	accepted '.args.cni = {"labels": [{"key": "app", "value": "x"}], "unknown": {"a": null}}'
	accepted '.args = null'
}

# D4: libcni leaves the operator's declaration in.
@test "C-054 capabilities on stdin are ignored" {
	netns box
	accepted '.capabilities = {"portMappings": true, "mac": false, "unknown": true}'
}

@test "C-055 top-level keys match in any case" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		add "$plugin" <<<"$(conf "$plugin" 'with_entries(.key |= ascii_upcase)')"
		expect_ok
		expect_json .cniVersion 1.1.0
		[ "$plugin" != bridge ] || [ "$(host_links | grep -cx br0)" = 1 ] || fail "bridge br0"
		del "$plugin" <<<"$(conf "$plugin" '.CNIVersion = .cniVersion | del(.cniVersion)')"
		expect_silent
		expect_leases
	done
}

@test "C-056 well-known keys keep their meaning: ipMasq, ipam, dns" {
	netns box
	for plugin in $VETH_PLUGINS; do
		add "$plugin" <<<"$(conf "$plugin" '.ipMasq = true')"
		expect_ok
		nft list ruleset | grep -qw masquerade || fail "masquerading"
		del "$plugin" <<<"$(conf "$plugin" '.ipMasq = true')"
		expect_silent
		ip link del br0 2>/dev/null || true
	done
	for plugin in $VETH_PLUGINS; do
		add "$plugin" <<<"$(conf "$plugin" '.ipMasq = false |
			.ipam = {type: "static", addresses: [{address: "10.5.0.7/24",
				gateway: "10.5.0.1"}]} |
			.dns = {nameservers: ["192.0.2.53"], domain: "d", search: ["s"], options: ["o"]}')"
		expect_ok
		expect_json .ips[0].address 10.5.0.7/24
		expect_json .dns \
			'{"domain":"d","nameservers":["192.0.2.53"],"options":["o"],"search":["s"]}'
		ns_ip box -4 -o addr show dev eth0 | grep -qF ' 10.5.0.7/24 '
		del "$plugin" <<<"$(conf "$plugin")"
	done
}
