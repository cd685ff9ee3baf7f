#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Does every numbered entry of the specification have a test?

load ../lib

@test "every numbered entry has a test" {
	"$ROOT/test/spec-count"
}
