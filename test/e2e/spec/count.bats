#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Does every numbered entry of the specification have a test?

load ../lib

@test "every numbered entry has a test" {
	"$ROOT/test/spec-count"
}

@test "row 22: an entry is excused only as long as the plugin that it waits for is not here" {
	local plugin
	touch "$BATS_TEST_TMPDIR"/bandwidth.c
	! output=$(PLUGIN_SOURCES=$BATS_TEST_TMPDIR "$ROOT/test/spec-count") || fail "complaints"
	for plugin in bandwidth; do
		grep -q "waits for a plugin that is here ($plugin" <<<"$output" || fail "one of $plugin, not $output"
	done
	! grep -E '^C-(085|095|108|125) .*(exempt|;)' <<<"$output" || fail "tests, with NAT and OVS here"
}
