# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# cnic fold: a list's plugins become one chain, and back, and nothing else of the file changes. That a
# folded list does what the list did is in chain*.bats.

load ../lib

setup() {
	file=$BATS_TEST_TMPDIR/10-net.conflist
}

teardown() {
	:
}

fold() {
	run "$CNIC_BIN/cnic" fold "$@"
}

# as_folded FILE : by jq, what a folded list has to say.
as_folded() {
	jq -S '([.plugins[].capabilities // {} | to_entries[] | select(.value) | {(.key): true}] | add) as $all |
		.plugins = [{type: "chain", plugins: .plugins} + if $all then {capabilities: $all} else {} end]' "$1"
}

refused() {
	local before
	before=$(md5sum <"$file")
	fold "${@:2}" "$file"
	[ "$status" -eq 1 ] || fail "exit 1"
	[[ $output == *"$1"* ]] || fail "the reason: $1"
	[ "$(md5sum <"$file")" = "$before" ] || fail "the file is as it was"
	[ "$(ls "$BATS_TEST_TMPDIR")" = 10-net.conflist ] || fail "nothing beside it: $(ls "$BATS_TEST_TMPDIR")"
}

@test "fold, and --unfold: every example, byte for byte" {
	local example n=0
	for example in "$ROOT"/conf-examples/*.conflist; do
		[ "$(jq -r '.plugins[0].type' "$example")" != chain ] || continue
		rm -f "$BATS_TEST_TMPDIR"/*
		cp "$example" "$file"
		fold "$file"
		[ "$status" -eq 0 ] || fail "$example: $output"
		[ "$(jq -S . "$file")" = "$(as_folded "$example")" ] || fail "$example: folded: $(<"$file")"
		cmp "$example" "$file.unfolded" || fail "$example: the original beside it"
		fold --unfold "$file"
		[ "$status" -eq 0 ] || fail "$example: $output"
		cmp "$example" "$file" || fail "$example: unfolded"
		n=$((n + 1))
	done
	[ "$n" -gt 15 ] || fail "examples: $n"
}

@test "fold: the union of what the plugins are capable of, and nothing they are not" {
	echo '{"name":"net","cniVersion":"1.0.0","disableCheck":true,"plugins":[
		{"type":"a","capabilities":{"x":true,"y":false}},
		{"type":"b"},
		{"type":"c","capabilities":{"x":true,"z":true}}]}' >"$file"
	fold "$file"
	[ "$status" -eq 0 ] || fail "$output"
	json_is "$(<"$file")" '.plugins[0].capabilities' '{"x":true,"z":true}'
	json_is "$(<"$file")" '.disableCheck' true
}

@test "fold: numbers, escapes and spaces stay as they are written" {
	# shellcheck disable=SC1003
	printf '{ "name":"net","big":12345678901234567890,\n\t"plugins" : [ {"type":"a","s":"\\u00e4<>","n":1.50} ] , "e":1e2}' >"$file"
	cp "$file" "$BATS_TEST_TMPDIR/../as-it-was"
	fold "$file"
	grep -qF '"big":12345678901234567890' "$file" || fail "the number: $(<"$file")"
	grep -qF '{"type":"a","s":"\u00e4<>","n":1.50}' "$file" || fail "the plugin: $(<"$file")"
	fold --unfold "$file"
	cmp "$file" "$BATS_TEST_TMPDIR/../as-it-was" || fail "unfolded"
}

@test "fold: through a link, with the file's mode" {
	mkdir "$BATS_TEST_TMPDIR/real"
	echo '{"name":"net","plugins":[{"type":"a"}]}' >"$BATS_TEST_TMPDIR/real/net.conflist"
	chmod 640 "$BATS_TEST_TMPDIR/real/net.conflist"
	ln -s real/net.conflist "$file"
	fold "$file"
	[ "$status" -eq 0 ] || fail "$output"
	[ -L "$file" ] || fail "still a link"
	json_is "$(<"$file")" '.plugins[0].type' chain
	[ "$(stat -c %a "$BATS_TEST_TMPDIR"/real/* | sort -u)" = 640 ] || fail "modes"
}

@test "fold: what cannot be folded is refused, with the reason" {
	echo '{"name":"net","plugins":[{"type":"a"},{"type":"chain","plugins":[{"type":"b"}]}]}' >"$file"
	refused 'plugins[1].type: a chain already'
	refused 'not one chain and nothing else' --unfold
	echo '{"name":"net","type":"bridge"}' >"$file"
	refused 'plugins: none'
	jq -n '{name: "net", plugins: [range(65) | {type: "a"}]}' >"$file"
	refused 'more than the 64'
	echo '{"name":"net","plugins":[{"type":"a"' >"$file"
	refused 'unexpected end of JSON input'
	echo '{"name":"net","plugins":[{"type":7}]}' >"$file"
	refused 'plugin config 0'
	echo '{"name":"net","plugins":[{"type":"chain","plugins":[],"mtu":1}]}' >"$file"
	refused 'plugins[0].mtu' --unfold
	echo '{"name":"net","plugins":[{"type":"chain","plugins":{}}]}' >"$file"
	refused 'plugins[0].plugins' --unfold
	head -c 1000001 /dev/zero | tr '\0' ' ' >"$file"
	refused 'larger than 1000000 bytes'
}

# nested N : a list of which one plugin holds N lists in each other.
nested() {
	local open close
	printf -v open '%*s' "$1" ''
	close=${open// /]}
	echo '{"name":"net","plugins":[{"type":"a","x":'"${open// /[}$close"'}]}'
}

@test "fold: what would be read by nobody afterwards is refused" {
	local inner
	echo '{"name":"net","plugins":[{"type":"a"},{"type":"buildkit-chain","plugins":[{"type":"b"}]}]}' >"$file"
	refused 'plugins[1].type: a chain already'
	for inner in 7 '{}' '{"type":""}' '{"type":8}' '{"type":"a","capabilities":{"x":1}}'; do
		echo '{"name":"net","plugins":[{"type":"chain","plugins":[{"type":"a"},'"$inner"']}]}' >"$file"
		refused 'unfolded: failed to parse plugin config 1' --unfold
	done
	echo '{"name":"net","plugins":[{"type":"chain","plugins":[]}]}' >"$file"
	refused 'no plugins in list' --unfold
	nested 60 >"$file"
	refused 'folded: '
	jq -cn '{name: "net", plugins: [{type: "a", x: ("x" * 999950)}]}' >"$file"
	[ "$(stat -c %s "$file")" -le 1000000 ] || fail "one that can be read as it is"
	refused 'folded: larger than 1000000 bytes'
}

@test "fold: no file, a directory, no argument" {
	fold "$BATS_TEST_TMPDIR/none"
	[ "$status" -eq 1 ] && [[ $output == *"none: No such file"* ]] || fail "no file: $output"
	fold "$BATS_TEST_TMPDIR"
	[ "$status" -eq 1 ] && [[ $output == *"not a regular file"* ]] || fail "a directory: $output"
	fold
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
	fold --unfold
	[ "$status" -eq 1 ] && [[ $output == *usage* ]] || fail "usage: $output"
}
