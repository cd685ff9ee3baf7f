# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# Pods by containerd's CRI, as the kubelet runs them: with host ports and rates of both directions, through
# bridge, portmap, firewall, tuning and bandwidth, IPv4 and IPv6. Whatever becomes of a pod, what
# StopPodSandbox leaves is what was there before it: the store, the rules, the results, the links, our records.

load ../lib
load ../traffic/traffic
load cri

LIST='{"cniVersion": "1.0.0", "name": "pods", "plugins": [
	{"type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "hairpinMode": true,
	 "ipam": {"type": "host-local", "ranges": [[{"subnet": "10.85.0.0/24"}], [{"subnet": "fd00:85::/64"}]],
		"routes": [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]}},
	{"type": "portmap", "capabilities": {"portMappings": true}},
	{"type": "firewall"},
	{"type": "tuning", "sysctl": {"net.ipv4.conf.IFNAME.arp_filter": "1"}},
	{"type": "bandwidth", "capabilities": {"bandwidth": true}}]}'

# The first pod makes what is for all: the bridge, the tables.
setup_file() {
	traffic_build
	remote_setup
	mkdir "$BATS_FILE_TMPDIR"/{bin,net.d}
	ln -s "$CNIC_BIN"/* "$BATS_FILE_TMPDIR/bin"
	echo "$LIST" >"$BATS_FILE_TMPDIR/net.d/pods.conflist"
	containerd_start "$BATS_FILE_TMPDIR/bin" "$BATS_FILE_TMPDIR/net.d"
	pods_end "$(usual_pod first 8000 | cri run)"
}

teardown_file() {
	containerd_stop
}

setup() {
	set +T
	before=$(everything)
}

teardown() {
	local all
	servers_end
	ln -sf "$CNIC_BIN"/* "$BATS_FILE_TMPDIR/bin"
	tail -n 3 "$BATS_FILE_TMPDIR/containerd/log"
	mapfile -t all < <(cri list)
	[ ${#all[@]} -eq 0 ] || pods_end "${all[@]}"
}

# What pods may leave nothing in. Which address was the last one given is to be another one.
everything() {
	ip -j link | jq -c '.[] | [.ifname, .master]'
	ls /run/netns
	tc -j qdisc
	nft -j list ruleset | jq -c '.nftables[] | del(.. | .handle?)'
	find /run/cni* /var/lib/cni -name .cnic -prune -o -type f ! -name 'last_reserved_ip.*' -print
}

expect_as_before() {
	expect_same "state" "$before" "$(everything)"
}

# usual_pod NAME HOSTPORT [ATTEMPT] : TCP and UDP to its port 80, 10 Mbit/s in, 5 out.
usual_pod() {
	pod "$1" "$(jq -n --argjson port "$2" --argjson attempt "${3:-0}" '
		{metadata: {attempt: $attempt},
		 port_mappings: ["TCP", "UDP" | {protocol: ., container_port: 80, host_port: $port}],
		 annotations: {"kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "5M"}}')"
}

pods_end() {
	cri stop "$@"
	cri remove "$@"
}

# serve_as NAME : in the pod that about_pod was about.
serve_as() {
	SERVERS+=("$(in_ns "$pod_ns" "$TRAFFIC" serve "$1" tcp/80 udp/80)")
}

# rules_of ID : a line TABLE SET KEY for each element whose comment has it.
rules_of() {
	nft -j list ruleset | jq -r --arg id "$1" '.nftables[] | (.set, .map) | values | . as $set | .elem[]? |
		(if type == "array" then .[0] else . end).elem | select(.comment | contains($id)) | .val |
		"\($set.table) \($set.name) \(if type == "object" then .concat | join(" ") else . end)"' | sort
}

# files_of ID : those named by it, and what the plugins themselves have with it inside.
files_of() {
	{
		find /var/lib/cni /run/cni* -type f -name "*$1*"
		grep -rlF "$1" /var/lib/cni/networks /run/cnic
	} | sed "s/$1/ID/; s/[0-9a-f]\{16\}-[0-9a-f]\{16\}/INSTANCE/; s/bwp.*/IFB/" | sort
}

# rate_of LINK : of its token bucket, in bytes a second.
rate_of() {
	tc -j qdisc show dev "$1" | jq -r '.[] | select(.kind == "tbf") | .options.rate'
}

# The pod's link on the host.
host_end() {
	local index
	index=$(ns_ip "$pod_ns" -j link show eth0 | jq '.[].link_index')
	ip -j link | jq -r --argjson index "$index" '.[] | select(.ifindex == $index).ifname'
}

# pod_killed ID : returns when containerd says so.
pod_killed() {
	local i
	about_pod "$1"
	kill -9 "$pod_pid"
	for ((i = 0; i < 50; i++)); do # the kubelet asks again and again, too
		[ "$pod_state" = SANDBOX_READY ] || break
		about_pod "$1"
	done
	expect_same "state" SANDBOX_NOTREADY "$pod_state"
}

@test "cri: a pod has its addresses, its ports answer from outside, it reaches out" {
	local id
	id=$(usual_pod web 8080 | cri run)
	about_pod "$id"
	expect_same "state" SANDBOX_READY "$pod_state"
	expect_same "addresses" "$pod_ips" "$(ns_ip "$pod_ns" -j addr show eth0 scope global |
		jq -r '.[].addr_info[].local | values' | sort)"
	serve_as web
	from remote "tcp udp" <<<"46 any HOST 8080 web:80 REMOTE"
	serve remote tcp/7 udp/7
	from "$pod_ns" "tcp udp" <<<"46 out REMOTE 7 remote:7 HOST"
	servers_end
	pods_end "$id"
	from remote tcp <<<"46 gone HOST 8080 none"
	expect_as_before
}

@test "cri: a pod's rules, rates, sysctl, files; all gone by StopPodSandbox, and by another" {
	local id ip4 ip6
	id=$(usual_pod web 8080 | cri run)
	about_pod "$id"
	read -r -d '' ip4 ip6 <<<"$pod_ips" || true
	expect_same "rules" "$(printf '%s\n' cnic_{firewall,masquerade}\ v{"4 $ip4","6 $ip6"} \
		cnic_portmap\ {any{4,6,6_lo}\ {tcp,udp}\ 8080,snat{"4 $ip4","6 $ip6"}} | sort)" "$(rules_of "$id")"
	expect_same "ingress" 1250000 "$(rate_of "$(host_end)")"
	expect_same "egress" 625000 "$(rate_of "$(ip -j link show type ifb | jq -r '.[].ifname')")"
	expect_same "sysctl" 1 "$(in_ns "$pod_ns" cat /proc/sys/net/ipv4/conf/eth0/arp_filter)"
	expect_same "files" "$(printf '%s\n' /run/cnic/{bandwidth/IFB,rules/INSTANCE-{bridge,firewall,portmap}} \
		/var/lib/cni/{networks/pods/{"$ip4","$ip6"},results/{cni-loopback-ID-lo,pods-ID-eth0}})" "$(files_of "$id")"
	expect_same "the result's addresses" "$pod_ips" \
		"$(jq -r '.result.ips[].address | split("/")[0]' "/var/lib/cni/results/pods-$id-eth0" | sort)"
	cri stop "$id"
	expect_as_before
	cri stop "$id"
	about_pod "$id"
	expect_same "state" SANDBOX_NOTREADY "$pod_state"
	cri remove "$id"
	cri remove "$id"
	expect_as_before
}

@test "cri: ten pods, four at a time" {
	local n ids questions=''
	mapfile -t ids < <(for n in {0..9}; do usual_pod "web$n" "810$n"; done | cri run)
	expect_same "pods" 10 "${#ids[@]}"
	expect_same "addresses" 20 "$(find /var/lib/cni/networks/pods -type f -name '*[.:]85*' | wc -l)"
	for n in {0..9}; do
		about_pod "${ids[n]}"
		serve_as "$pod_name"
		questions+="46 $pod_name HOST 810${pod_name#web} $pod_name:80 REMOTE"$'\n'
	done
	from remote "tcp udp" <<<"$questions"
	servers_end
	pods_end "${ids[@]}"
	expect_as_before
}

@test "cri: a pod whose process was killed; another attempt, before the first one is removed" {
	local first second
	first=$(usual_pod web 8080 | cri run)
	pod_killed "$first"
	cri stop "$first"
	expect_as_before
	second=$(usual_pod web 8080 1 | cri run)
	cri remove "$first"
	about_pod "$second"
	serve_as second
	from remote "tcp udp" <<<"46 any HOST 8080 second:80 REMOTE"
	servers_end
	pods_end "$second"
	expect_as_before
}

@test "cri: a pod whose process and namespace are gone" {
	local id
	id=$(usual_pod web 8080 | cri run)
	pod_killed "$id"
	ip netns del "$pod_ns"
	pods_end "$id"
	expect_as_before
}

@test "cri: a host port that is taken: the second pod fails and leaves nothing, the first one keeps it" {
	local id with_first errors
	id=$(usual_pod web 8080 | cri run)
	with_first=$(everything)
	! errors=$(usual_pod other 8080 | cri run 2>&1) || fail "no second pod"
	[[ $errors == *portmap*8080* ]] || fail "the port's name, not: $errors"
	expect_same "state" "$with_first" "$(everything)"
	about_pod "$id"
	serve_as web
	from remote "tcp udp" <<<"46 any HOST 8080 web:80 REMOTE"
	servers_end
	pods_end "$id"
	expect_as_before
}

# libcni calls DEL from the last plugin on and stops where one is missing, so until it is there again nobody
# asks the others.
@test "cri: a chained plugin is missing: the pod fails, and is gone when the plugin is back" {
	local errors id
	rm "$BATS_FILE_TMPDIR/bin/tuning"
	! errors=$(usual_pod web 8080 | cri run 2>&1) || fail "no pod"
	[[ $errors == *'failed to find plugin "tuning"'* ]] || fail "the plugin's name, not: $errors"
	id=$(cri list)
	! errors=$(cri stop "$id" 2>&1) || fail "still no plugin"
	ln -s "$CNIC_BIN/tuning" "$BATS_FILE_TMPDIR/bin"
	pods_end "$id"
	expect_as_before
}

# fold TYPE [--unfold] : returns when containerd has seen that the first plugin is of that type now.
fold() {
	local i
	"$CNIC_BIN/cnic" fold "${@:2}" "$BATS_FILE_TMPDIR/net.d/pods.conflist"
	for ((i = 0; i < 50; i++)); do # as the kubelet waits for a network
		cri networks | grep -q '"type": *"'"$1"'"' && return
	done
	fail "containerd to have read it"
}

answers() {
	about_pod "$1"
	expect_same "addresses" "$pod_ips" "$(ns_ip "$pod_ns" -j addr show eth0 scope global |
		jq -r '.[].addr_info[].local | values' | sort)"
	serve_as "$pod_name"
	from remote "tcp udp" <<<"46 any HOST $2 $pod_name:80 REMOTE"
	servers_end
}

@test "cri: the list is folded while a pod runs, and unfolded: each form removes what the other has added" {
	local old new
	old=$(usual_pod old 8080 | cri run)
	fold chain
	new=$(usual_pod new 8081 | cri run)
	answers "$old" 8080
	answers "$new" 8081
	pods_end "$old" "$new"
	expect_as_before
	old=$(usual_pod old 8080 | cri run)
	fold bridge --unfold
	answers "$old" 8080
	pods_end "$old"
	expect_as_before
}
