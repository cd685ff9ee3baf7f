#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2034,SC2154
# CNI spec, ADD: what it makes and what its result says of it.

load spec

# Both families, a route of each.
dual='.ipam = {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}], [{subnet: "fd00:1::/64"}]],
	routes: [{dst: "0.0.0.0/0"}, {dst: "::/0"}]}'

# kernel_link NAME : {ifname, address, mtu} of a link in the container, or on the host without $1.
kernel_link() {
	if [ -n "${2:-}" ]; then
		ns_ip "$2" -j link show dev "$1"
	else
		ip -j link show dev "$1"
	fi | jq -c '.[0] | {ifname, address, mtu}'
}

@test "C-070 the interface exists in the container, up, with its address" {
	netns box
	for plugin in $VETH_PLUGINS; do
		add "$plugin" net5 <<<"$(conf "$plugin")"
		expect_ok
		expect_link box net5
		[[ $(ns_ip box -o link show net5) == *,UP* ]] || fail "net5 up"
		ns_ip box -4 -o addr show dev net5 |
			grep -qF " $(jq -r .ips[0].address <<<"$output") " || fail "its address"
		del "$plugin" net5 <<<"$(conf "$plugin")"
	done
	ns_ip box link set lo down
	add loopback lo <<<"$(conf loopback)"
	expect_ok
	[[ $(ns_ip box -o link show lo) == *,UP* ]] || fail "lo up"
}

@test "C-071 an interface of that name in the container is an error and stays as it is" {
	netns box
	ns_ip box link add eth0 type bridge
	ns_ip box addr add 192.0.2.1/24 dev eth0
	local before
	add bridge other <<<"$(conf bridge)" # so that a bridge to be made is no difference
	expect_ok
	forget_result
	before=$(snapshot)
	for plugin in $VETH_PLUGINS; do
		CID=c2 add "$plugin" <<<"$(conf "$plugin")"
		expect_code 101 eth0
		unchanged "$before"
	done
}

# As the reference's, two ptp interfaces of one subnet would need the same route: another network.
@test "C-072 one container, two interfaces: each result lists its own" {
	netns box
	local second
	for plugin in $VETH_PLUGINS; do
		add "$plugin" eth0 <<<"$(conf "$plugin")"
		expect_ok
		expect_json '[.interfaces[] | select(.sandbox) | .name]' '["eth0"]'
		local first
		first=$(jq -r .ips[0].address <<<"$output")
		second=$(conf "$plugin")
		[ "$plugin" = bridge ] || second=${second//10.1.0.0/10.2.0.0}
		add "$plugin" eth1 <<<"$second"
		expect_ok
		expect_json '[.interfaces[] | select(.sandbox) | .name]' '["eth1"]'
		[ "$(jq -r .ips[0].address <<<"$output")" != "$first" ] || fail "another address"
		expect_link box eth0
		expect_link box eth1
		del "$plugin" eth1 <<<"$(conf "$plugin")"
		del "$plugin" eth0 <<<"$(conf "$plugin")"
	done
}

@test "C-073 the result's cniVersion is the configuration's" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		for version in $ALL_VERSIONS; do
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin")")"
			expect_ok
			expect_json .cniVersion "$version"
			del "$plugin" <<<"$(conf "$plugin")"
		done
	done
}

@test "C-074 C-075 the container's side has CNI_NETNS as given for sandbox, the host's none" {
	netns box
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		for plugin in $INTERFACE_PLUGINS; do
			local name
			name=$(ifname_of "$plugin")
			for path in /run/netns/box /run/./netns/../netns/box; do
				CNI_NETNS=$path add "$plugin" "$name" \
					<<<"$(as_version $version "$(conf "$plugin")")"
				expect_ok
				expect_json ".interfaces[] | select(.name == \"$name\") | .sandbox" "$path"
				expect_json "[.interfaces[] | select(.name != \"$name\") | .sandbox
					| select(. != null and . != \"\")]" '[]'
				CNI_NETNS=$path del "$plugin" "$name" <<<"$(conf "$plugin")"
			done
		done
	done
}

@test "C-076 every ips[].interface points at the container's interface" {
	netns box
	for version in 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		for plugin in $VETH_PLUGINS; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" "$dual")")"
			expect_ok
			expect_json '. as $r | [.ips[] | $r.interfaces[.interface].name]' \
				'["eth0","eth0"]'
			del "$plugin" <<<"$(conf "$plugin" "$dual")"
		done
		add loopback lo <<<"$(as_version $version "$(conf loopback)")"
		expect_json '. as $r | [.ips[] | $r.interfaces[.interface].name] | unique' '["lo"]'
	done
}

@test "C-077 addresses have a prefix, gateways have none and are of the same family" {
	netns box
	for version in $ALL_VERSIONS; do
		for plugin in bridge ptp host-local; do
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin" "$dual")")"
			expect_ok
			expect_json '[(.ips // [.ip4, .ip6])[] | (.address // .ip), .gateway]' \
				'["10.1.0.2/24","10.1.0.1","fd00:1::2/64","fd00:1::1"]'
			del "$plugin" <<<"$(conf "$plugin" "$dual")"
			rm -rf /var/lib/cni/networks
		done
	done
}

@test "C-078 ips[].version is the family from 0.3.0 to 0.4.0 and absent from 1.0.0 on" {
	netns box
	for plugin in bridge ptp host-local; do
		for version in 0.3.0 0.3.1 0.4.0; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" "$dual")")"
			expect_json '[.ips[].version]' '["4","6"]'
			del "$plugin" <<<"$(conf "$plugin" "$dual")"
		done
		for version in 1.0.0 1.1.0; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" "$dual")")"
			expect_json '[.ips[] | has("version")]' '[false,false]'
			del "$plugin" <<<"$(conf "$plugin" "$dual")"
		done
	done
	add loopback lo <<<"$(as_version 0.4.0 "$(conf loopback)")"
	expect_json '[.ips[] | .version == (if .address | contains(":") then "6" else "4" end)] | all' \
		true
}

@test "C-079 results of 0.1.0 and 0.2.0 have ip4 and ip6 and no lists" {
	netns box
	for version in 0.1.0 0.2.0; do
		for plugin in bridge ptp host-local; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" "$dual")")"
			expect_ok
			expect_json keys '["cniVersion","dns","ip4","ip6"]'
			expect_json '.ip4.ip, .ip6.ip' $'10.1.0.2/24\nfd00:1::2/64'
			expect_json '.ip4.routes[0].dst, .ip6.routes[0].dst' $'0.0.0.0/0\n::/0'
			del "$plugin" <<<"$(conf "$plugin" "$dual")"
			rm -rf /var/lib/cni/networks
		done
		add static <<<"$(as_version $version "$(conf static)")"
		expect_json keys '["cniVersion","dns","ip4"]'
		add loopback lo <<<"$(as_version $version "$(conf loopback)")"
		expect_json '.ip4.ip, has("interfaces")' $'127.0.0.1/8\nfalse'
	done
}

@test "C-080 0.1.0 and 0.2.0: two addresses of a family, or none at all, are errors" {
	netns box
	local before plugin
	local two='.ipam = {type: "host-local", ranges: [[{subnet: "10.1.0.0/24"}],
		[{subnet: "10.2.0.0/24"}]]}'
	local none='.ipam = {type: "static"}'
	before=$(snapshot)
	for version in 0.1.0 0.2.0; do
		for plugin in bridge ptp host-local; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" "$two")")"
			expect_code 1 "CNI version $version does not support more than 1 address per family"
			unchanged "$before"
		done
		add static <<<"$(as_version $version "$(conf static '.ipam.addresses +=
			[{address: "10.2.0.2/24"}]')")"
		expect_code 1 "more than 1 address per family"
		add static <<<"$(as_version $version "$(conf static "$none")")"
		expect_code 7 "cannot convert: no valid IP addresses"
		add bridge <<<"$(as_version $version "$(conf bridge 'del(.ipam, .isGateway)')")"
		expect_code 7 "cannot convert: no valid IP addresses"
		unchanged "$before"
	done
}

# D11: the key is 1.1.0's.
@test "C-081 1.1.0 reports the kernel's MTU of every interface" {
	netns box
	for plugin in $INTERFACE_PLUGINS; do
		for version in 0.3.1 0.4.0 1.0.0 1.1.0; do
			local name
			name=$(ifname_of "$plugin")
			add "$plugin" "$name" \
				<<<"$(as_version $version "$(conf "$plugin" '.mtu = 1400')")"
			expect_ok
			if [ $version = 1.1.0 ]; then
				while read -r link sandbox mtu; do
					json_is "$(kernel_link "$link" "$sandbox")" .mtu "$mtu"
				done < <(jq -r '.interfaces[] |
					"\(.name) \(.sandbox // "" | sub(".*/"; "")) \(.mtu)"' <<<"$output")
			else
				expect_json '[.interfaces[] | has("mtu")] | any' false
			fi
			del "$plugin" "$name" <<<"$(conf "$plugin")"
		done
	done
}

@test "C-082 the reported MACs are the kernel's after ADD" {
	netns box
	for plugin in $INTERFACE_PLUGINS; do
		local name count=0
		name=$(ifname_of "$plugin")
		add "$plugin" "$name" <<<"$(conf "$plugin")"
		expect_ok
		while read -r link mac sandbox; do
			json_is "$(kernel_link "$link" "$sandbox")" .address "$mac"
			count=$((count + 1))
		done < <(jq -r '.interfaces[] |
			"\(.name) \(.mac) \(.sandbox // "" | sub(".*/"; ""))"' <<<"$output")
		[ $count -gt 0 ] || fail "interfaces in the result"
		del "$plugin" "$name" <<<"$(conf "$plugin")"
	done
}

@test "C-083 routes are installed with IPAM's attributes and reported with them" {
	netns box
	local routes='[{"dst":"192.0.2.0/24","gw":"10.1.0.9","mtu":1300,"advmss":1200,"priority":77},
		{"dst":"198.51.100.0/24","table":1234},{"dst":"203.0.113.0/24","scope":253}]'
	for plugin in $VETH_PLUGINS; do
		for version in 0.3.1 1.0.0 1.1.0; do
			add "$plugin" <<<"$(as_version $version "$(conf "$plugin" ".ipam.routes = $routes")")"
			expect_ok
			expect_json .routes "$(jq -cS . <<<"$routes")"
			json_is "$(ns_ip box -j -d route show 192.0.2.0/24)" \
				'.[0] | .gateway, .metric, (.metrics[0] | .mtu, .advmss)' \
				$'10.1.0.9\n77\n1300\n1200'
			json_is "$(ns_ip box -j route show table 1234)" '.[0].dst, .[0].gateway' \
				$'198.51.100.0/24\n10.1.0.1'
			json_is "$(ns_ip box -j -d route show 203.0.113.0/24)" \
				'.[0] | .scope, has("gateway")' $'link\nfalse'
			del "$plugin" <<<"$(conf "$plugin")"
		done
	done
}

@test "C-084 dns of configuration or IPAM is reported, an empty one omitted in 1.x" {
	netns box
	local ours='{"nameservers": ["192.0.2.1"], "search": ["a", "b"]}' dns
	for plugin in $VETH_PLUGINS; do
		for version in $ALL_VERSIONS; do
			dns=".dns = $ours"
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin" "$dns")")"
			expect_json .dns "$(jq -cS . <<<"$ours")"
			del "$plugin" <<<"$(conf "$plugin")"
			dns=".ipam = {type: \"static\", dns: {domain: \"d\"}, addresses:
				[{address: \"10.1.0.2/24\", gateway: \"10.1.0.1\"}]}"
			add "$plugin" <<<"$(as_version "$version" "$(conf "$plugin" "$dns")")"
			expect_json .dns '{"domain":"d"}'
			del "$plugin" <<<"$(conf "$plugin" "$dns")"
		done
	done
	for plugin in $EVERY_PLUGIN; do
		add "$plugin" <<<"$(conf "$plugin")"
		expect_json 'has("dns")' false
		del "$plugin" <<<"$(conf "$plugin")"
		add "$plugin" <<<"$(as_version 0.4.0 "$(conf "$plugin")")"
		expect_json '.dns // {}' '{}'
		del "$plugin" <<<"$(conf "$plugin")"
	done
}

@test "C-085 without ipMasq no NAT rule is made" {
	netns box
	nft flush ruleset
	for plugin in $VETH_PLUGINS; do
		add "$plugin" <<<"$(conf "$plugin" '.ipMasq = false')"
		expect_ok
		[ -z "$(nft list ruleset)$(in_ns box nft list ruleset)" ] || fail "no rules"
		del "$plugin" <<<"$(conf "$plugin")"
	done
}

@test "C-086 C-176 an ADD that fails midway leaves no interface, rule, file or lease" {
	netns box
	local before after_ipam='.ipam.routes = [{dst: "192.0.2.0/24", gw: "203.0.113.1"}]'
	mkdir -p /var/lib/cni/networks
	for always in '' 1; do
		export CNI_ALWAYS_EXEC=$always
		for plugin in $VETH_PLUGINS; do
			before=$(state box)
			add "$plugin" <<<"$(conf "$plugin" "$after_ipam")"
			expect_code 999
			expect_leases
			expect_no_veths
			expect_no_link box eth0
			expect_same "state" "$(jq 'del(.host.sysctls)' <<<"$before")" \
				"$(state box | jq 'del(.host.sysctls)')" # forwarding stays on
		done
	done
	add loopback lo <<<"$(conf loopback '.prevResult = {ips: 5}')"
	expect_code 6
}

@test "C-087 integers of a result are JSON integers" {
	netns box
	local routes='[{dst: "192.0.2.0/24", mtu: 1300, advmss: 1200, priority: 4294967295, table: 7,
		scope: 0}]'
	for plugin in bridge ptp; do
		add "$plugin" <<<"$(conf "$plugin" ".mtu = 1400 | .ipam.routes = $routes")"
		expect_ok
		for pair in '"priority":4294967295' '"table":7' '"scope":0' '"mtu":1300' \
			'"advmss":1200' '"mtu":1400' '"interface":'; do
			[[ $output == *"$pair"* ]] || fail "$pair"
		done
		grep -qE '":-?[0-9]*[.eE]' <<<"$output" && fail "no fraction or exponent"
		del "$plugin" <<<"$(conf "$plugin")"
	done
}
