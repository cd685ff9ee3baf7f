# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2154
#
# Runs a file of conf-examples/ as a runtime would: ADD down the list, CHECK and STATUS, DEL up the
# list. For test files that have loaded lib.bash.

EXAMPLES=$ROOT/conf-examples

# plugins_of FILE [FILTER] : one plugin's configuration a line, as libcni passes it.
plugins_of() {
	jq -c "{name, cniVersion} as \$list | .plugins | ${2:-.} | .[] + \$list" "$1"
}

add_all() {
	local conf previous=null
	while read -r conf; do
		conf=$(jq -c --argjson r "$previous" 'if $r then . + {prevResult: $r} else . end' <<<"$conf")
		add "$(jq -r .type <<<"$conf")" eth0 <<<"$conf"
		expect_ok
		previous=$output
	done < <(plugins_of "$1")
}

# each VERB FILE [FILTER] : the other verbs, with the final result.
each() {
	local verb=$1 conf
	while read -r conf; do
		cni "$verb" "$(jq -r .type <<<"$conf")" eth0 <<<"$(with_result "$conf")"
		expect_silent
	done < <(plugins_of "$2" "${3:-.}")
}

# uplink ADDRESS... : the host's eth0 leads to w0 of the namespace wire, which has these.
uplink() {
	local address
	netns wire
	ip link add eth0 up type veth peer name w0 netns wire
	for address; do
		case $address in
		*:*) ip -n wire addr add "$address" dev w0 nodad ;;
		*) ip -n wire addr add "$address" dev w0 ;;
		esac
	done
	ip -n wire link set w0 up
}

# run_example FILE ADDRESS|none [COMMAND...] : the address answers, after the command.
run_example() {
	local file=$EXAMPLES/$1
	netns box
	add_all "$file"
	each CHECK "$file"
	each STATUS "$file"
	"${@:3}"
	[ "$2" = none ] || in_ns box ping -c 1 -W 5 "$2" >/dev/null || fail "an answer from $2"
	each DEL "$file" reverse
	each DEL "$file" reverse
	! ip -n box link show eth0 2>/dev/null || [ "$1" = loopback.conflist ] || fail "eth0 to be gone"
	[ -z "$(find /var/lib/cni/networks -name .cnic -prune -o -type f -name '*.*.*.*' -print)" ] ||
		fail "no address held"
	look_at_example "$file"
}

# The tools on it: what is well is not complained of, and what is gone has left nothing.
look_at_example() {
	local name
	[ -x "$CNIC_BIN/cnitool" ] || return 0 # as installed: the tools are in another directory
	name=$(jq -r .name "$1")
	mkdir -p "$BATS_TEST_TMPDIR/net.d"
	cp "$1" "$BATS_TEST_TMPDIR/net.d/"
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$PLUGINS
	"$CNIC_BIN/cnitool" add "$name" "$(ns_path box)" >"$BATS_TEST_TMPDIR/result" 2>&1 || fail "cnitool: $(<"$BATS_TEST_TMPDIR/result")"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "cnic verify to say nothing: $output"
	json_is "$("$CNIC_BIN/cnic" list --json)" '[.[].network]' "[\"$name\"]"
	"$CNIC_BIN/cnitool" del "$name" "$(ns_path box)" 2>"$BATS_TEST_TMPDIR/result" || fail "cnitool: $(<"$BATS_TEST_TMPDIR/result")"
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing left: $output"
	json_is "$("$CNIC_BIN/cnic" list --json)" . '[]'
}
