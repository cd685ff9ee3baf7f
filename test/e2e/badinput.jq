# SPDX-License-Identifier: Apache-2.0
#
# From the tables that badinput.awk found (--slurp), cases for badinput.bats, one a line:
#	plugin TAB kind TAB path TAB configuration TAB the same without that path
# where the configuration is wrong (or, for the kind "null", right) at that path. $bases has a good
# configuration for every plugin.

def number($name):
	if $name == "" then null
	else {"VLAN_MAX": 4094, "IFNAMSIZ-1": 15, "MAX_SETS": 64, "MAX_RANGES": 256,
	      "MAX_ADDRESSES": 1024, "OVS_VLANS-1": 4095, "OVS_MAX_MIRRORS": 30,
	      "PORTMAP_MAX": 5000}[$name] // ($name | tonumber) end;

def rows($all; $file; $table):
	[$all[] | select(.table == $table and .file == $file)] as $own
	| if ($own | length) > 0 then $own else [$all[] | select(.table == $table)] end;

# Every row below a table, with its path.
def walk_table($all; $file; $table; $path):
	rows($all; $file; $table)[]
	| . as $row
	| ($path + (if .key == "" then [] else [.key] end)) as $here
	| ($row | .path = $here),
	  if .type == "LIST" or .type == "STRS" then
		walk_table($all; .file; .sub; $here + [0])
	  elif .sub != "" then
		walk_table($all; .file; .sub; $here)
	  else empty end;

def written($path):
	reduce $path[] as $p (""; . + (if ($p | type) == "number" then "[\($p)]"
		elif . == "" then $p else ".\($p)" end));

def many($n; $item): [range($n) | $item];
def long($n): "x" * $n;

# {kind, value} of every bad value for a row.
def bad:
	. as $row
	| number(.max) as $max
	| {
		BOOL: {type: ["true", 1, {}, []]},
		UINT: {type: ["1", true, {}, [], 1.5],
		       range: [-1, ($max // 4294967295) + 1, 1e300,
			       (if $row.min == "" then empty else (number($row.min) - 1) end)]},
		STR: {type: [5, true, {}, []], long: [long(($max // 4096) + 1)]},
		IP: {type: [5, true, {}, []], range: ["nonsense", "1.2.3", "1.2.3.4/24", "1.2.3.4.5"],
		     long: [long(5000)]},
		CIDR: {type: [5, true, {}, []], range: ["nonsense", "", "1.2.3.4", "1.2.3.4/33", "fd00::/129",
		       "1.2.3.4/-1", "1.2.3.4/"], long: [long(5000)]},
		OBJ: {type: ["x", 5, true, []]},
		HERE: {type: ["x", 5, true, []]},
		MAP: {type: ["x", 5, true, []]},
		LIST: {type: ["x", 5, true, {}], long: [many(($max // 65536) + 1; null)]},
		STRS: {type: ["x", 5, true, {}], long: [many(($max // 65536) + 1; null)]},
		RAW: {}
	  }[.type]
	| to_entries[]
	| .key as $kind
	| .value[]
	| {kind: $kind, value: .};

# null is as good as absent, so an error where the key must be there.
def all_of:
	bad,
	(if (.type == "STR" or .type == "IP") and .key != "" and (.required | not)
	 then {kind: "empty", value: ""} else empty end),
	(if .required then {kind: "missing", value: null}
	 elif .key == "" then empty
	 else {kind: "null", value: null} end);

def cases($plugin; $base):
	.path as $path
	| select($path != [])
	| .max as $max
	| all_of
	# 65536 elements once for each shared table are enough
	| select(.kind != "long" or (.value | type) == "string" or $max != "" or $plugin == "loopback")
	| (.value as $v | $base | setpath($path; $v)) as $conf
	| [$plugin, .kind, written($path), ($conf | tojson),
	   if .value == null or .value == "" then ($conf | delpaths([$path]) | tojson) else "" end];

. as $all
| ([.[] | select(.plugin)]) as $plugins
| (
	$plugins[]
	| .plugin as $plugin
	| .file as $file
	| walk_table($all; "pkg/skel/run.c"; ("name_fields", "cni_version_fields", "conf_fields", "ignored_fields"); []),
	  (select(.fields != "") | walk_table($all; $file; .fields; []))
	| cases($plugin; $bases[$plugin])
  ),
  (
	walk_table($all; "pkg/cni/result.c"; "list_fields", "version_fields"; ["prevResult"])
	| cases(("bridge", "host-local"); $bases.bridge)
	| .[1] |= "prev-" + .
  ),
  (
	walk_table($all; "pkg/cni/result.c"; "blocks_fields"; ["prevResult"])
	| cases("loopback"; $bases.loopback | .cniVersion = "0.2.0" | .prevResult = {ip4: {ip: "10.0.0.2/24"}})
	| .[1] |= "old-" + .
  ),
  (
	$plugins[]
	| select(.plugin == "host-local")
	| walk_table($all; .file; .fields; [])
	| select(.path[0] == "ipam")
	| cases("bridge"; $bases.bridge)
	| select(.[1] == "type" or .[1] == "range")
	| .[1] |= "delegated-" + .
  )
| join("\t")
