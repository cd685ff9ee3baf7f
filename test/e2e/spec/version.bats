#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
# CNI spec, VERSION.

load spec

version_of() {
	raw CNI_COMMAND=VERSION "$1"
	expect_ok
}

@test "C-060 VERSION prints cniVersion and supportedVersions" {
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		version_of "$plugin" <<<'{"cniVersion": "1.1.0"}'
		[ "$(jq -s length <<<"$output")" = 1 ] || fail "one object"
		expect_json .cniVersion 1.1.0
		expect_json '.supportedVersions | join(" ")' "$ALL_VERSIONS"
	done
}

# D1: the spec would have stdin echoed; libcni never reads it.
@test "C-061 VERSION's cniVersion is 1.1.0, whatever stdin says" {
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		for version in $ALL_VERSIONS 9.9.9; do
			version_of "$plugin" <<<"{\"cniVersion\": \"$version\"}"
			expect_json .cniVersion 1.1.0
		done
	done
}

@test "C-062 ADD takes every listed version and no other" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		version_of "$plugin" </dev/null
		for version in $(jq -r '.supportedVersions[]' <<<"$output"); do
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_ok
			expect_json .cniVersion "$version"
			del "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_silent
		done
		for version in 0.0.1 0.1.1 0.2.1 0.3.2 0.4.1 0.5.0 1.0.1 1.1.1 1.2.0 2.0.0 1 1.1; do
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_code 1
		done
	done
}

@test "C-062 a chain speaks every listed version of each of its plugins" {
	local main conf tuning='"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1"},"mtu":1400'
	declare -A keys=([portmap]='"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80}]}' [tuning]=$tuning
		[firewall]='"backend":"iptables"' [bandwidth]='"ingressRate":8000000,"egressRate":8000000' [sbr]='"addSourceHints":true')
	for plugin in portmap firewall tuning bandwidth sbr; do
		version_of "$plugin" </dev/null
		for version in $(jq -r '.supportedVersions[]' <<<"$output"); do
			netns box
			main=$(as_version "$version" "$(conf bridge)")
			add bridge <<<"$main"
			expect_ok
			conf="{\"cniVersion\":\"$version\",\"name\":\"net\",\"type\":\"$plugin\",${keys[$plugin]}}"
			add "$plugin" <<<"$(with_result "$conf")"
			expect_ok
			expect_json .cniVersion "$version"
			expect_json '.ip4.ip // .ips[0].address' 10.1.0.2/24
			if [[ $version != 0.[123].* ]]; then
				check "$plugin" <<<"$(with_result "$conf")"
				expect_silent
			fi
			del "$plugin" <<<"$(with_result "$conf")"
			expect_silent
			del bridge <<<"$main"
			rm -rf "$STORE"
			ip netns del box
		done
	done
}

@test "C-063 VERSION does not depend on stdin: closed, empty, garbage" {
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		version_of "$plugin" <&-
		expect_json .cniVersion 1.1.0
		version_of "$plugin" </dev/null
		expect_json .cniVersion 1.1.0
		version_of "$plugin" <<<'{]'
		expect_json .cniVersion 1.1.0
		head -c 2000000 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
		version_of "$plugin" <"$BATS_TEST_TMPDIR/zeros"
		expect_json .cniVersion 1.1.0
	done
}

@test "C-064 VERSION has no side effects, whatever else is set" {
	netns box
	local before
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		cni VERSION "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		CNI_NETNS=/run/none cni VERSION "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		raw CNI_COMMAND=VERSION CNI_CONTAINERID=dummy CNI_NETNS=dummy CNI_IFNAME=dummy \
			CNI_PATH=dummy CNI_ARGS= "$plugin" </dev/null
		expect_ok
	done
	unchanged "$before"
	[ -z "$(find /var/lib/cni /run/none -mindepth 1 2>/dev/null)" ] || fail "no files"
}
