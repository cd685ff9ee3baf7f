# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034
#
# The same steps through the reference and through ours, of the plugins that the machine's own kernel does not have: what
# the files here have in common beside compat/differential.bash.

# What that file loads it finds beside itself.
load() {
	# shellcheck source=/dev/null
	source "$BATS_TEST_DIRNAME/../e2e/compat/$1.bash"
}
load differential

# conf TYPE EXTRA [IPAM] : JSON objects merged into a configuration.
conf() {
	jq -nc --arg type "$1" --argjson extra "$2" --argjson ipam "${3:-null}" '
		{cniVersion: "1.1.0", name: "net", type: $type}
		+ if $type == "ipvlan" or $type == "vlan" then {master: "m0"} else {} end
		+ if $type == "vlan" then {vlanId: 100} else {} end
		+ $extra + if $ipam then {ipam: $ipam} else {} end'
}

# Sampled, of a test's cases the first and every sixth, and of the specification's versions two; an emulator takes
# seconds for one.
cases=0
is_spared() {
	cases=$((cases + 1))
	[ "$FAULT_EVERY" -ne 1 ] && [ $cases -ne 1 ] && [ $(((cases + FAULT_SEED) % 6)) -ne 0 ]
}

[ "$FAULT_EVERY" -eq 1 ] || {
	versions=(0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0)
	ALL_VERSIONS="${versions[FAULT_SEED % ${#versions[@]}]} 1.1.0"
}

# alike TYPE EXTRA [IPAM], refused TYPE EXTRA [IPAM]
alike() { is_spared || same "$1" "$(conf "$@")"; }
refused() { is_spared || both_refuse "$1" "$(conf "$@")"; }
