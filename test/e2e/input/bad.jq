# SPDX-License-Identifier: Apache-2.0
#
# From what `cnic keys` says, cases for keys.bats, one a line:
#	plugin TAB kind TAB path TAB configuration TAB the same without that path
# where the configuration is wrong (or, for the kind "null", right) at that path. $bases has a good
# configuration for every plugin.

def written($path):
	reduce $path[] as $p (""; . + (if ($p | type) == "number" then "[\($p)]"
		elif . == "" then $p else ".\($p)" end));

def many($n; $item): [range($n) | $item];
def long($n): "x" * $n;
def is_element: (.path[-1] | type) == "number";

# {kind: [values]} of all that is bad for a key.
def bad_values:
	if .type == "bool" then {type: ["true", 1, {}, []]}
	elif .type == "uint" then
		{type: ["1", true, {}, [], 1.5],
		 range: [-1, .max + 1, 1e300, (if .min > 0 then .min - 1 else empty end)]}
	elif .type == "string" then {type: [5, true, {}, []], long: [long(.max + 1)]}
	elif .type == "ip" then
		{type: [5, true, {}, []], range: ["nonsense", "1.2.3", "1.2.3.4/24", "1.2.3.4.5"],
		 long: [long(5000)]}
	elif .type == "cidr" then
		{type: [5, true, {}, []], range: ["nonsense", "", "1.2.3.4", "1.2.3.4/33", "fd00::/129",
		 "1.2.3.4/-1", "1.2.3.4/"], long: [long(5000)]}
	elif .type == "object" or .type == "map" then {type: ["x", 5, true, []]}
	elif .type == "list" then {type: ["x", 5, true, {}], long: [many(.max + 1; null)]}
	elif .type == "any" then {}
	else error("a type that no case is made for: \(.type)") end;

def bad:
	bad_values
	| to_entries[]
	| .key as $kind
	| .value[]
	| {kind: $kind, value: .};

# null is as good as absent, so an error where the key must be there.
def all_of:
	bad,
	(if (.type == "string" or .type == "ip") and (is_element or .required | not)
	 then {kind: "empty", value: ""} else empty end),
	(if .required then {kind: "missing", value: null}
	 elif is_element then empty
	 else {kind: "null", value: null} end);

def cases($plugin; $base):
	.path as $path
	| .max as $max
	| all_of
	# 65536 elements once for each shared table are enough
	| select(.kind != "long" or (.value | type) == "string" or $max < 65536 or $plugin == "loopback")
	| (.value as $v | $base | setpath($path; $v)) as $conf
	| [$plugin, .kind, written($path), ($conf | tojson),
	   if .value == null or .value == "" then ($conf | delpaths([$path]) | tojson) else "" end];

def below($key): .path |= [$key] + .;

. as $all
| (
	$all.plugins[]
	| .plugin as $plugin
	| ($all.configuration.keys[], .keys[])
	| cases($plugin; $bases[$plugin])
  ),
  (
	$all.prevResult.keys[] | below("prevResult")
	| cases(("bridge", "host-local"); $bases.bridge)
	| .[1] |= "prev-" + .
  ),
  (
	$all["prevResult-0.2.0"].keys[] | below("prevResult")
	| cases("loopback"; $bases.loopback | .cniVersion = "0.2.0" | .prevResult = {ip4: {ip: "10.0.0.2/24"}})
	| .[1] |= "old-" + .
  ),
  (
	$all.plugins[] | select(.plugin == "host-local") | .keys[] | select(.path[0] == "ipam")
	| cases("bridge"; $bases.bridge)
	| select(.[1] == "type" or .[1] == "range")
	| .[1] |= "delegated-" + .
  )
| join("\t")
