# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154
#
# podman's own lists, as it makes them: bridge with ipMasq, portmap, firewall, tuning. Ours are all the
# plugins there are.

load ../lib
load ../traffic/traffic
load runtimes # both have a container()

setup_file() {
	traffic_build
	podman_setup podman
}

setup() {
	host_setup
	remote_setup
}

teardown() {
	servers_end
	podman_with rm -f -t 0 --all >/dev/null 2>&1 || true
	host_clean
}

# names_of LIST : the plugins' in a line.
names_of() {
	jq -r '[.plugins[].type] | join(" ")' <<<"$1"
}

# attached NAME NETWORK : by the results that libcni keeps, $list is what podman sent and $box the namespace.
attached() {
	local id
	id=$(podman_with inspect --format '{{.Id}}' "$1")
	list=$(jq -r .config "/var/lib/cni/results/$2-$id-"* | base64 -d)
	box=$(basename "$(podman_with inspect --format '{{.NetworkSettings.SandboxKey}}' "$1")")
}

nothing_of_it() {
	ip link del up0
	expect_nothing_left
	expect_no_rules
}

@test "podman, its default list: ports answer from outside, the way out, a MAC address; nothing is left" {
	require podman
	container -d --name web -p 8080:80 -p 8081:81/udp --mac-address 02:aa:00:00:00:77 -- sleep 1000
	attached web podman
	expect_same "plugins" "bridge portmap firewall tuning" "$(names_of "$list")"
	json_is "$(ns_ip "$box" -j link show eth0)" '.[0].address' 02:aa:00:00:00:77
	[ -n "$(ls /run/cni/tuning)" ] || fail "a backup of tuning's"
	SERVERS+=("$(in_ns "$box" "$TRAFFIC" serve web tcp/80 udp/81)")
	serve remote tcp/7 udp/7
	from remote tcp <<<"4 any HOST 8080 web:80 REMOTE"
	from remote udp <<<"4 any HOST 8081 web:81 REMOTE"
	from "$box" "tcp udp" <<<"4 out REMOTE 7 remote:7 HOST"
	servers_end
	podman_with rm -f -t 0 web
	from remote tcp <<<"4 gone HOST 8080 none"
	nothing_of_it
}

@test "podman: a network that podman makes itself, beside the default one" {
	podman_with network create --disable-dns --subnet 10.99.0.0/24 --ipv6 --subnet fd00:99::/64 made
	container -d --name two --network podman,made -- sleep 1000
	attached two made
	expect_same "plugins" "bridge portmap firewall tuning" "$(names_of "$list")"
	ns_ip "$box" addr
	expect_same "addresses" "10.88.0.2 10.99.0.2 fd00:99::2" "$(ns_ip "$box" -j addr show scope global |
		jq -r '[.[].addr_info[].local | values] | sort | join(" ")')"
	podman_with rm -f -t 0 two
	podman_with network rm made
	nothing_of_it
}

@test "podman: an internal network that podman makes itself" {
	podman_with network create --disable-dns --subnet 10.99.0.0/24 --internal made
	output=$(container --rm --network made -- ip -4 addr show eth0)
	echo "$output"
	grep -q 'inet 10.99.0.2/24' <<<"$output"
	podman_with network rm made
	nothing_of_it
}
