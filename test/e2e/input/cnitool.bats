# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# The command line of cnitool that makes no sense: one line on stderr that names what, exit 1, nobody called. What it
# does with one that makes sense is in runtime/cnitool*.bats.

load ../lib

bats_require_minimum_version 1.5.0

setup() {
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$BATS_TEST_TMPDIR/bin
	mkdir "$NETCONFPATH" "$CNI_PATH"
	echo '{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"p"}]}' >"$NETCONFPATH/net.conflist"
	# shellcheck disable=SC2016
	printf '#!/bin/sh\necho "$CNI_IFNAME" >>%s/called\necho {}\n' "$BATS_TEST_TMPDIR" >"$CNI_PATH/p"
	chmod +x "$CNI_PATH/p"
}

teardown() {
	:
}

# senseless TEXT ARGUMENT... : the line on stderr is "cnitool: TEXT".
senseless() {
	local text=$1
	shift
	run -1 --separate-stderr "$CNIC_BIN/cnitool" "$@"
	[ -z "$output" ] || fail "nothing on stdout, not $output"
	expect_same "cnitool $*" "cnitool: $text" "$stderr"
	[ ! -e "$BATS_TEST_TMPDIR/called" ] || fail "nobody is called"
}

@test "cnitool: an option that wants a value and is the last word" {
	senseless "an option without its value: --ifname" add net /x --ifname
	senseless "an option without its value: -i" add net /x -i
	senseless "an option without its value: --timeout" add net /x --timeout
	senseless "an option without its value: --ifname" --ifname
}

@test "cnitool: an unknown option, verb, time" {
	senseless "unknown option: --frob" add net /x --frob
	senseless "unknown option: --trace=1" add net /x --trace=1
	senseless "unknown command: frob" frob net /x
	senseless "--timeout: not a time: 1y" add net /x --timeout=1y
}

@test "cnitool: an empty --ifname= is none; behind -- there are no options" {
	CNI_IFNAME=net7 run -0 "$CNIC_BIN/cnitool" add net "$BATS_TEST_TMPDIR/x" --ifname=
	run -0 "$CNIC_BIN/cnitool" add net -- "$BATS_TEST_TMPDIR/y" -i net8
	run -1 --separate-stderr "$CNIC_BIN/cnitool" -- add -i "$BATS_TEST_TMPDIR/z"
	expect_same network "no net configuration with name \"-i\" in $NETCONFPATH" "$stderr"
	expect_same interfaces net7,eth0 "$(paste -sd, "$BATS_TEST_TMPDIR/called")"
}
