# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# Leaks without a runtime's help: of many attachments of five plugins each fifth is killed while it is added,
# each fifth's namespace is destroyed without a DEL, each fifth loses an executable before its DEL, and in
# the middle the machine boots anew. After one `cnic gc` nothing of the dead is left, and nothing of the living
# is touched. 1,000 of them; with FAULT_EVERY so many-th of 250.

load ../lib

setup() {
	host_setup
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d CNI_PATH=$BATS_TEST_TMPDIR/bin
	mkdir "$NETCONFPATH" "$CNI_PATH"
	plugins_back
	cat >"$NETCONFPATH/10-net.conflist" <<-'END'
		{"cniVersion":"1.0.0","name":"net","plugins":[
		{"type":"bridge","bridge":"lk0","isGateway":true,"ipMasq":true,
		 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.6.0.0/16"}],[{"subnet":"fd00:6::/64"}]]}},
		{"type":"portmap","capabilities":{"portMappings":true}},
		{"type":"firewall"},
		{"type":"tuning","mtu":1400},
		{"type":"bandwidth","ingressRate":100000000,"ingressBurst":10000000,"egressRate":100000000,"egressBurst":10000000}]}
	END
	count=$((${FAULT_EVERY:-1} == 1 ? 1000 : 250 / FAULT_EVERY))
	RANDOM=${FAULT_SEED:-1}
	living=()
}

teardown() {
	umount /proc/sys/kernel/random/boot_id 2>/dev/null || true
	host_clean
}

plugins_back() {
	local file
	for file in "$CNIC_BIN"/*; do
		[ -e "$CNI_PATH/${file##*/}" ] || ln "$file" "$CNI_PATH/" 2>/dev/null || cp "$file" "$CNI_PATH/"
	done
}

tool() {
	CAP_ARGS="{\"portMappings\":[{\"hostPort\":$((10000 + $2)),\"containerPort\":80,\"protocol\":\"tcp\"}]}" \
		"${@:3}" "$CNI_PATH/cnitool" "$1" net "$(ns_path "n$2")" >/dev/null 2>"$BATS_TEST_TMPDIR/stderr"
}

# At a call that is another one each time; one that is over before has not been killed, and lives.
killed() {
	tool add "$1" "${STRACE[@]}" -f -o /dev/null -e inject=all:signal=KILL:when=$((RANDOM % 400 + 1)) || true
}

without() {
	local plugins=(bridge portmap firewall tuning bandwidth host-local) lost
	lost=${plugins[RANDOM % ${#plugins[@]}]}
	tool add "$1" env || fail "add $1: $(<"$BATS_TEST_TMPDIR/stderr")"
	rm "$CNI_PATH/$lost"
	tool del "$1" env || true
	plugins_back
}

one() {
	netns "n$1"
	case $(($1 % 5)) in
	0) killed "$1" ;;
	1)
		tool add "$1" env || fail "add $1: $(<"$BATS_TEST_TMPDIR/stderr")"
		;;
	2) without "$1" ;;
	*)
		tool add "$1" env || fail "add $1: $(<"$BATS_TEST_TMPDIR/stderr")"
		living+=("n$1")
		return
		;;
	esac
	ip netns del "n$1"
}

# What a boot takes with it, and what it does not: /var/lib/cni.
boot() {
	local name
	for name in $(ip netns list | cut -d' ' -f1); do
		ip netns del "$name"
	done
	until [ -z "$(ip -br link show type veth)" ]; do :; done
	ip link show type ifb | sed -n 's/^[0-9]*: \([^:@]*\).*/\1/p' | xargs -r -n 1 ip link del
	ip link del lk0
	nft flush ruleset
	find /run -mindepth 1 -maxdepth 1 ! -name lock -exec rm -rf {} + 2>/dev/null || true
	cat /proc/sys/kernel/random/uuid >"$BATS_TEST_TMPDIR/boot_id"
	mount --bind "$BATS_TEST_TMPDIR/boot_id" /proc/sys/kernel/random/boot_id
	living=()
}

is_left() {
	{
		find /var/lib/cni/networks/net -name '10.*' -o -name 'fd00*' -type f
		ls /var/lib/cni/results /var/lib/cni/cnic /run/cnic/rules /run/cnic/bandwidth /run/cni/tuning
	} 2>/dev/null | grep -v ':$' | sed '/^$/d'
}

# Of each kind as many as there are living.
holds() {
	local n
	n=$(eval "$2" | wc -l)
	[ "$n" -eq "$3" ] || fail "$1: $3, not $n: $(eval "$2" | head -n 20)"
}

whole() {
	local n=${#living[@]}
	holds "addresses" "find /var/lib/cni/networks/net -type f -name '10.*'" "$n"
	holds "IPv6 addresses" "find /var/lib/cni/networks/net -type f -name 'fd00*'" "$n"
	holds "cache" "find /var/lib/cni/results -type f" "$n"
	holds "registry" "find /var/lib/cni/cnic -type f" "$n"
	holds "records" "find /run/cnic/rules -type f" $((3 * n))
	holds "veths" "ip -br link show type veth" "$n"
	holds "ifbs" "ip -br link show type ifb" "$n"
	holds "backups" "find /run/cni/tuning -type f" "$n"
	holds "ports" "nft -j list map inet cnic_portmap any4 | jq -c '.nftables[] | select(.map) | .map.elem[]?'" "$n"
	holds "masquerading" "nft -j list map inet cnic_masquerade v4 | jq -c '.nftables[] | select(.map) | .map.elem[]?'" "$n"
}

@test "leaks: killed, destroyed, without their executables, and over a boot: one cnic gc" {
	local i
	for ((i = 0; i < count; i++)); do
		[ "$i" -ne $((count / 2)) ] || boot
		one "$i"
	done
	until [ "$(ip -br link show type veth | wc -l)" -le "$(ip netns list | wc -l)" ]; do :; done
	run "$CNIC_BIN/cnic" gc
	[ "$status" -eq 0 ] || fail "gc: $output"
	[[ ${lines[-1]} == *" removed, 0 failed, ${#living[@]} alive, 0 not known to be dead" ]] || fail "counts: ${lines[-1]}"
	whole
	run "$CNIC_BIN/cnic" verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "healthy: $output"
	for i in "${living[@]}"; do
		tool check "${i#n}" env || fail "check $i: $(<"$BATS_TEST_TMPDIR/stderr")"
		tool del "${i#n}" env || fail "del $i: $(<"$BATS_TEST_TMPDIR/stderr")"
	done
	[ -z "$(is_left)" ] || fail "nothing left: $(is_left)"
}
