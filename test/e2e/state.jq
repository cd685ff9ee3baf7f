# SPDX-License-Identifier: Apache-2.0
#
# Turns what `ip -j` and /proc/sys say into a text that is equal for equal states: see state() in
# lib.bash. Left out is what the kernel settles in its own time after a call (carrier, link-local
# IPv6 and what follows from it, tentative addresses) and counters.

def random_name: test("^veth[0-9a-f]{6,}$");
def fixed_mac: startswith("02:aa:00:00:") or . == "00:00:00:00:00:00" or . == "ff:ff:ff:ff:ff:ff";

# Random names are numbered in the order of creation.
def names:
	[.host.links | sort_by(.ifindex)[].ifname | select(random_name)]
	| to_entries | map({key: .value, value: "veth#\(.key + 1)"}) | from_entries;

# What a MAC address belongs to; a bridge often has that of a port, and then the port counts.
def macs($names):
	[ (.host.links | sort_by(.linkinfo.info_kind != "bridge", .ifindex)[]
		| {key: .address, value: "mac of \($names[.ifname] // .ifname)"}),
	  (.containers | to_entries[] | .key as $ns | .value.links[]
		| {key: .address, value: "mac of \($ns)/\(.ifname)"}) ]
	| map(select(.key != null and (.key | fixed_mac | not)))
	| from_entries;

def replace($map):
	walk(if type == "string" then ($map[.] // .) else . end);

# Names inside of longer texts: sysctl paths.
def replace_keys($names):
	with_entries(.key |= (split("/") | map($names[.] // .) | join("/")));

def link:
	{ifname, mtu, txqlen, qdisc, master, group, link_type, promiscuity, allmulti, address,
	 broadcast, inet6_addr_gen_mode, ifalias, altnames,
	 flags: (.flags - ["LOWER_UP", "NO-CARRIER", "M-DOWN"] | sort),
	 kind: .linkinfo.info_kind,
	 data: (.linkinfo.info_data
		| if type == "object" then with_entries(select(.key
			| test("timer|bridge_id|root_|topology|gc_|designated|_tcn|fdb_n_learned") | not))
		  else . end),
	 port: (.linkinfo.info_slave_data
		| if type == "object" then with_entries(select(.key
			| test("timer|bridge_id|root_|designated|^no$|^id$|cost|state|config_pending|topology")
			| not))
		  else . end)}
	| with_entries(select(.value != null));

def link_local: test("^(fe80|ff0|ff[0-9a-f]{2}:)");

def address:
	.ifname as $ifname
	| .addr_info[]
	| select(.family == "inet" or (.local | link_local | not))
	| del(.tentative, .dadfailed, .valid_life_time, .preferred_life_time)
	| . + {ifname: $ifname};

# The kernel adds IPv6 routes to a link's own addresses when their detection of duplicates is over.
def settles_later: .table == "local" and .protocol == "kernel" and .pref != null;

def route:
	select(settles_later | not)
	| select((.dst // "" | link_local | not) and (.gateway // "" | link_local | not))
	| .flags = ((.flags // []) - ["linkdown", "dead"] | sort)
	| del(.expires, .cache, .users, .age);

def namespace:
	{links: (.links | sort_by(.ifindex) | map(link)),
	 addresses: ([.addresses[] | address] | sort),
	 routes: ([(.routes4, .routes6)[] | route] | sort),
	 rules: .rules,
	 sysctls: .sysctls};

. as $raw
| names as $names
| macs($names) as $macs
| {host: .host | namespace,
   containers: .containers | map_values(namespace),
   result: $result}
| .host.sysctls |= replace_keys($names)
| replace($names)
| replace($macs)
