# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Two nodes, each a namespace, on one wire (w0 of either), with one range of cluster's; etcd is on the host, which
# both reach by another one. For files that have loaded lib.bash and etcd.bash.

setup() {
	host_setup
	needs_etcd
	two_nodes
}

teardown() {
	etcd_stop
	host_clean
}

two_nodes() {
	local n
	ip link add mgmt up type bridge
	ip addr add 10.200.0.254/24 dev mgmt
	for n in 1 2; do
		netns "node$n"
		ip link add "m$n" master mgmt up type veth peer name m0 netns "node$n"
		ip -n "node$n" addr add "10.200.0.$n/24" dev m0
		ip -n "node$n" link set m0 up
	done
	ip -n node1 link add w0 up type veth peer name w0 netns node2
	ip -n node2 link set w0 up
	mkdir -p "$ETCD_DIR"
	etcd_url=http://10.200.0.254:2379
	etcd_member one 10.200.0.254 http one=http://10.200.0.254:2380
	etcd_await "$etcd_url"
}

# pod_conf N MAIN : of node N; MAIN are the keys of the interface.
pod_conf() {
	jq -nc --arg n "$1" --arg url "$etcd_url" --argjson main "$2" '{cniVersion: "1.1.0", name: "net", ipam: {
		type: "cluster", ipRanges: [{range: "10.9.0.0/24"}, {range: "fd00:9::/112"}], sticky: "pod",
		dataDir: "/var/lib/cni/n\($n)", etcd: {endpoints: [$url], timeout: 30000}}} + $main'
}

# call VERB N NAME ID : for a pod of that name on node N, in the namespace ID.
call() {
	NODE=node$2 NS=$4 CID=$4 CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=$3" "$1" "$type" <<<"$(pod_conf "$2" "$main")"
}

# pod N NAME ID : ADD of a pod of that name on node N, in the namespace ID; its addresses to $addresses.
pod() {
	netns "$3"
	call add "$@"
	expect_ok
	mapfile -t addresses < <(jq -r '.ips[].address | sub("/.*"; "")' <<<"$output")
}

# pod_ends N NAME ID
pod_ends() {
	call del "$@"
	expect_silent
}

# reach ID ADDRESS... : answers at once; what is new on the wire has announced itself.
reach() {
	local ip
	for ip in "${@:2}"; do
		in_ns "$1" ping -c 1 -W 3 "$ip" >/dev/null || fail "$1 to reach $ip"
	done
}

# pods_of_two_nodes JQ-OBJECT : with that interface they reach each other, and one that moves takes its addresses along.
pods_of_two_nodes() {
	local web db
	main=$1
	type=$(jq -r .type <<<"$main")
	pod 1 web a
	web=("${addresses[@]}")
	pod 2 db b
	db=("${addresses[@]}")
	[ "${web[*]}" != "${db[*]}" ] || fail "addresses of their own"
	reach a "${db[@]}"
	reach b "${web[@]}"
	netns early
	call add 2 web early
	expect_code 11 'still held'
	pod_ends 1 web a
	pod 2 web c
	[ "${addresses[*]}" = "${web[*]}" ] || fail "${web[*]} after the move, not ${addresses[*]}"
	reach b "${web[@]}"
	pod 1 other d
	reach d "${web[@]}" "${db[@]}"
	reach c "${addresses[@]}"
	pod_ends 2 web c
	pod_ends 2 db b
	pod_ends 1 other d
	! etcd_keys /cnic/v1/n/addr/ | grep -q '"node":"[^"]' || fail "held by nobody: $(etcd_keys /cnic/)"
}
