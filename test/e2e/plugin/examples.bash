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

run_example() {
	local file=$EXAMPLES/$1
	netns box
	add_all "$file"
	each CHECK "$file"
	each STATUS "$file"
	[ "$2" = none ] || in_ns box ping -c 1 -W 5 "$2" >/dev/null || fail "an answer from $2"
	each DEL "$file" reverse
	each DEL "$file" reverse
	! ip -n box link show eth0 2>/dev/null || [ "$1" = loopback.conflist ] || fail "eth0 to be gone"
	[ -z "$(find /var/lib/cni/networks -name .cnic -prune -o -type f -name '*.*.*.*' -print)" ] ||
		fail "no address held"
}
