# SPDX-License-Identifier: Apache-2.0
#
# The differences from the reference that are meant, each with the name of its entry in README's
# "Differences from upstream" or of the plugin's page. Rewrites a state (see lib.bash) so that what is
# left must be equal, and prints it with one line for each object.
#
# Arguments: $who ("ref" or "ours"), $conf (the configuration).

def ours(f): if $who == "ours" then f else . end;
def ref(f): if $who == "ref" then f else . end;
def is(plugin): ($conf.type == plugin);
# A chained plugin leaves the interface's addresses and routes as it finds them.
def chained: $conf.type | IN("tuning", "sbr", "bandwidth", "vrf", "portmap", "firewall");
def has_addresses: chained | not and ($conf.ipam != null or (is("ipvlan") and $conf.prevResult.ips != null));
def version: ($conf.cniVersion // "" | if . == "" then "0.1.0" else . end);
def below(v): (version | split(".") | map(tonumber)) < (v | split(".") | map(tonumber));
def spaces: (.host, .containers[]);

# No duplicate address detection on links we make, unless `enabledad` asks for it.
def no_dad:
	.host.addresses |= map(del(.nodad))
	| ours(if $conf.enabledad or chained then . else .containers[].addresses |= map(del(.nodad)) end)
	| ref(if is("bridge") or (has_addresses | not) then . else .containers[].sysctls |= with_entries(
		if .key == "ipv6/conf/eth0/accept_dad" then .value = "0" else . end) end);

# Results of 1.1.0 tell each interface's mtu.
def mtu_told:
	ours(if .result.interfaces then .result.interfaces |= map(del(.mtu)) else . end);

# A bridge that we make keeps one MAC address, whether it is a gateway or not.
def own_mac:
	def name: ($conf.bridge // "cni0");
	def its: "mac of " + name;
	if is("bridge") then
		ref(.host.links |= map(if .ifname == name and (.address | startswith("02:aa:00:00:") | not)
				       then .address = its else . end)
		    | if .result.interfaces and (.host.links | any(.ifname == name and .address == its))
		      then .result.interfaces |= map(if .name == name then .mac = its else . end)
		      else . end)
	else . end;

# A bridge port has no IPv6 address of its own; its accept_ra is left as the kernel makes it.
def only_port:
	def port: test("^veth#[0-9]+$");
	ours(if is("bridge") then
		(.host.sysctls |= with_entries(
			if (.key | test("^ipv6/conf/veth#[0-9]+/accept_ra$")) and .value == "1"
			then .value = "0" else . end))
		| .host.links |= map(if (.ifname | port) and .inet6_addr_gen_mode == "none"
				     then .inet6_addr_gen_mode = "eui64" else . end)
	     else . end);

# Router advertisements do not configure an interface that IPAM gives an address, unless `slaac` lets them.
def no_advertisements:
	ours(if is("ptp") or $conf.slaac then . else .containers[].sysctls |= with_entries(
		if .key == "ipv6/conf/eth0/accept_ra" and .value == "0" then .value = "1" else . end) end);

# IPAM's dns is not dropped.
def ipam_dns:
	if (is("macvlan") or is("ipvlan") or is("vlan")) and $conf.dns == null then del(.result.dns) else . end;

# Nor is the configuration's.
def own_dns:
	if is("dummy") and $conf.dns != null then del(.result.dns) else . end;

# A route's mtu and advmss are set in the kernel, as specification 1.1.0 says.
def route_metrics:
	ours(if chained then . else spaces.routes |= map(del(.metrics)) end);

# Addresses of vlan and dummy are announced to the neighbours, as macvlan's and ipvlan's are.
def announced:
	ours(if is("vlan") or is("dummy") then .containers[].sysctls |= with_entries(
		if .key | test("conf/eth0/(arp|ndisc)_notify$") then .value = "0" else . end) else . end);

# loopback prints its result in the version that was asked for.
def loopback_result:
	if is("loopback") and below("1.0.0") then .result |= (. != null) else . end;

def lines:
	(spaces | .addresses, .routes | select(. != null)) |= sort_by(tojson)
	| ({key: "host", value: .host}, (.containers | to_entries[])) as $space
	| $space.value | to_entries[] | .key as $kind
	| if $kind == "sysctls" then .value | to_entries[] | "\(.key) = \(.value)"
	  else .value[] | tojson end
	| "\($space.key) \($kind): \(.)";

no_dad | mtu_told | own_mac | only_port | no_advertisements | ipam_dns | own_dns | route_metrics
| announced | loopback_result
| lines, "result: \(.result | tojson)"
