# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2059,SC2086,SC2089,SC2090,SC2154
#
# Which configuration cnitool takes, and what it says of one that is wrong: ours beside the real Go libcni.

load cnitool

# one FILE PLUGIN [NAME] : a list with one plugin.
one() {
	conf "$1" <<<"{\"cniVersion\":\"1.0.0\",\"name\":\"${3:-net}\",\"plugins\":[{\"type\":\"$2\"}]}"
}

# single FILE PLUGIN [NAME] : a configuration of one plugin.
single() {
	conf "$1" <<<"{\"cniVersion\":\"1.0.0\",\"name\":\"${3:-net}\",\"type\":\"$2\"}"
}

# wrong FILE : what no decoder takes.
wrong() {
	conf "$1" <<<'{"name":'
}

NOT_IN='no net configuration with name "net" in'

# ---- which file ----------------------------------------------------------------------------

@test "lists: no directory, an empty one, a file instead of one" {
	both_fail "no net configurations found in $NETCONFPATH" add
	NETCONFPATH=$PWD/nowhere both_fail "no net configurations found in $PWD/nowhere" add
	touch file
	NETCONFPATH=$PWD/file both_refuse "$PWD/file: not a directory" add
	expect_calls
}

@test "lists: /etc/cni/net.d where NETCONFPATH is empty or unset, a relative one" {
	local dir=$NETCONFPATH
	one net.conflist first
	NETCONFPATH=net.d both_well add
	NETCONFPATH= both_fail "no net configurations found in /etc/cni/net.d" add
	mkdir -p /etc/cni/net.d
	cp "$dir/net.conflist" /etc/cni/net.d/
	NETCONFPATH= both_well add
	unset NETCONFPATH
	both_well add
	expect_calls first:ADD
}

@test "lists: files, but none of that name" {
	one a.conflist first other
	both_fail "$NOT_IN $NETCONFPATH" add
	single a.conf first other
	both_fail "$NOT_IN $NETCONFPATH" add
	rm "$NETCONFPATH/a.conflist"
	both_fail "$NOT_IN $NETCONFPATH" add
	both_fail "no net configuration with name \"\" in $NETCONFPATH" add ''
	both_fail "no net configuration with name \"NET\" in $NETCONFPATH" add NET
}

@test "lists: the first in the order of the bytes" {
	local order
	for order in "1.conflist 2.conflist" "10.conflist 9.conflist" "B.conflist a.conflist" "a-b.conflist a.conflist" \
		"a .conflist a.conflist" "z.conflist é.conflist" ".conflist a.conflist"; do
		no_confs
		one "${order##*[!\\].conflist }" second
		one "${order%.conflist *}.conflist" first
		both_well add
		expect_calls first:ADD
	done
}

@test "lists: the extension is exactly .conflist" {
	local name
	for name in net.CONFLIST net.conflist~ net.conflist.bak netconflist; do
		no_confs
		one $name first
		both_fail "no net configurations found in $NETCONFPATH" add
	done
	no_confs
	one net.conf.conflist first
	both_well add
}

@test "lists: a broken one before the right one ends the search, one behind it is not read" {
	one 5.conflist first
	wrong 6.conflist
	both_well add
	wrong 4.conflist
	both_refuse 'error parsing configuration list: unexpected end of JSON input' add
	conf 4.conflist <<<'{"name":"other"}'
	both_fail 'no plugin configs found' add
	conf 4.conflist <<<'{}'
	both_fail 'error parsing configuration list: no name' add
	expect_calls
}

@test "lists: folders are skipped, links followed, those to folders or to nothing are errors" {
	one 5.conflist first
	mkdir "$NETCONFPATH/4.conflist"
	both_well add
	ln -s "$NETCONFPATH" "$NETCONFPATH/3.conflist"
	both_refuse "error reading $NETCONFPATH/3.conflist: " add
	ln -sf nothing "$NETCONFPATH/2.conflist"
	both_fail "error reading $NETCONFPATH/2.conflist: open $NETCONFPATH/2.conflist: no such file or directory" add
	ln -sf "$PWD/elsewhere" "$NETCONFPATH/2.conflist"
	echo '{"name":"net","cniVersion":"1.0.0","plugins":[{"type":"second"}]}' >elsewhere
	both_well add
	expect_calls second:ADD
}

# ---- single configurations -----------------------------------------------------------------

@test "lists: .conf and .json together, behind all lists" {
	single 2.conf second
	single 1.json first
	both_well add
	expect_calls first:ADD
	single 0.conf third
	both_well add
	expect_calls third:ADD
	one 9.conflist second
	both_well add
	expect_calls second:ADD
	one 9.conflist second other
	both_well add
	expect_calls third:ADD
}

@test "lists: a broken single one before the right one, and behind it" {
	single 5.conf first
	wrong 6.json
	both_well add
	wrong 4.json
	both_refuse 'error parsing configuration: unexpected end of JSON input' add
	conf 4.json <<<'{"name":"net"}'
	both_fail "error parsing configuration: missing 'type'" add
	rm "$NETCONFPATH/4.json"
	one 4.conf first
	both_fail "error parsing configuration: missing 'type'" add
	rm "$NETCONFPATH/4.conf"
	ln -s nothing "$NETCONFPATH/4.conf"
	both_fail "error reading $NETCONFPATH/4.conf: open $NETCONFPATH/4.conf: no such file or directory" add
}

@test "lists: a single one is wrapped, and the wrapped one cached" {
	conf net.conf <<<'{"a":1,"b":[1,2],"cniVersion":"0.4.0","name":"net","type":"first"}'
	both_well add
	expect_stdin 0 .cniVersion 0.4.0
	both_well check
	both_well del
	conf net.conf <<<'{ "type": "first", "name": "net", "b": [ 1 ] }'
	answers first ADD 'echo "{\"ip4\":{\"ip\":\"10.1.0.2/24\"}}"'
	both_well add
	expect_stdin 0 . '{"b":[1],"cniVersion":"","name":"net","type":"first"}'
}

@test "lists: keys of a list mean nothing in a single one" {
	conf net.conf <<<'{"cniVersion":"1.1.0","cniVersions":["0.4.0"],"disableCheck":true,"disableGC":"true",
		"loadOnlyInlinedPlugins":1,"name":"net","type":"first"}'
	conf net/1.conf <<<'{"type":"second"}'
	both_well add
	expect_calls first:ADD
	both_well check
	expect_calls first:CHECK
	both_well gc
	expect_calls first:DEL first:GC
}

@test "lists: a single one's own keys in any case, a wrong type among them" {
	conf net.conf <<<'{"NAME":"net","Type":"first","CNIVERSION":"0.4.0"}'
	both_well add
	expect_stdin 0 .cniVersion 0.4.0
	conf net.conf <<<'{"name":"net","type":1}'
	both_refuse type add
	conf net.conf <<<'{"name":["net"],"type":"first"}'
	both_refuse name add
	conf net.conf <<<'{"name":"net","type":"first","cniVersion":1}'
	both_refuse cniVersion add
	conf net.conf <<<'[]'
	both_refuse 'error parsing configuration: ' add
}

# ---- what a list has to be -----------------------------------------------------------------

# errors_of : each line of stdin is TEXT|LIST; both say so.
errors_of() {
	local text json
	while IFS='|' read -r text json; do
		conf net.conflist <<<"$json"
		both_fail "error parsing configuration list: $text" add
	done
}

@test "lists: what is no object" {
	local json
	for json in '' '{' '{"name":"net"' '[]' '"net"' 1 true nul '{"name":"net"}x' '{"name":"net",}' "{'name':1}" \
		'{"name":"net"}{}' $'\xef\xbb\xbf{"name":"net","plugins":[{"type":"first"}]}' $'{"name":"n\x01"}'; do
		conf net.conflist <<<"$json"
		both_refuse 'error parsing configuration list: ' add
	done
	printf '{"name":"net"' >"$NETCONFPATH/net.conflist"
	both_fail 'error parsing configuration list: unexpected end of JSON input' add
	: >"$NETCONFPATH/net.conflist"
	both_fail 'error parsing configuration list: unexpected end of JSON input' add
	expect_calls
}

@test "lists: name and cniVersion, their types" {
	errors_of <<-'END'
		no name|{}
		no name|null
		no name|{"Name":"net","plugins":[{"type":"first"}]}
		invalid name type float64|{"name":1}
		invalid name type float64|{"name":1.5}
		invalid name type bool|{"name":true}
		invalid name type <nil>|{"name":null}
		invalid name type []interface {}|{"name":["net"]}
		invalid name type map[string]interface {}|{"name":{}}
		invalid cniVersion type float64|{"name":"net","cniVersion":1}
		invalid cniVersion type bool|{"name":"net","cniVersion":false}
		invalid cniVersion type <nil>|{"name":"net","cniVersion":null}
		invalid cniVersion type []interface {}|{"name":"net","cniVersion":[]}
		invalid cniVersion type map[string]interface {}|{"name":"net","cniVersion":{"a":1}}
	END
}

@test "lists: cniVersions, its types" {
	errors_of <<-'END'
		invalid type for cniVersions: []interface {}|{"name":"net","cniVersions":"1.0.0"}
		invalid type for cniVersions: []interface {}|{"name":"net","cniVersions":1}
		invalid type for cniVersions: []interface {}|{"name":"net","cniVersions":null}
		invalid type for cniVersions: []interface {}|{"name":"net","cniVersions":{}}
		invalid type for cniVersions index 0: float64|{"name":"net","cniVersions":[1]}
		invalid type for cniVersions index 1: <nil>|{"name":"net","cniVersions":["1.0.0",null]}
		invalid type for cniVersions index 0: []interface {}|{"name":"net","cniVersions":[[]]}
		invalid type for cniVersions index 0: map[string]interface {}|{"name":"net","cniVersions":[{}]}
		invalid type for cniVersions index 2: bool|{"name":"net","cniVersions":["1.0.0","0.4.0",true]}
	END
}

@test "lists: cniVersions and cniVersion that are no versions" {
	local json text
	while IFS='|' read -r text json; do
		conf net.conflist <<<"{\"name\":\"net\",$json,\"plugins\":[{\"type\":\"first\"}]}"
		both_refuse "error parsing configuration list: invalid $text" add
	done <<-'END'
		cniVersions entry x at index 0|"cniVersions":["x"]
		cniVersions entry 1.x at index 1|"cniVersions":["1.0.0","1.x"]
		cniVersions entry 1.0. at index 0|"cniVersions":["1.0."]
		cniVersions entry 1.0.0.0 at index 0|"cniVersions":["1.0.0.0"]
		cniVersions entry v1.0.0 at index 0|"cniVersions":["v1.0.0"]
		cniVersions entry 1.0.0-rc1 at index 0|"cniVersions":["1.0.0-rc1"]
		cniVersions entry 99999999999999999999 at index 0|"cniVersions":["99999999999999999999"]
		cniVersion y|"cniVersion":"y","cniVersions":[]
	END
	expect_calls
}

@test "lists: the highest version up to 1.1.0 of cniVersion and cniVersions" {
	local have want
	while IFS='|' read -r want have; do
		conf net.conflist <<<"{\"name\":\"net\",$have,\"plugins\":[{\"type\":\"first\"}]}"
		both_well del
		expect_stdin 0 .cniVersion "$want"
	done <<-'END'
		1.0.0|"cniVersion":"1.0.0"
		1.0.0|"cniVersions":["0.3.1","1.0.0","0.4.0"]
		1.0.0|"cniVersions":["0.3.1","1.0.0"],"cniVersion":"0.4.0"
		1.1.0|"cniVersions":["0.3.1","1.0.0"],"cniVersion":"1.1.0"
		1.1.0|"cniVersions":["1.1.0","1.1.1","1.2.0","2.0.0"],"cniVersion":"0.1.0"
		1.0.0|"cniVersions":["1.2.0"],"cniVersion":"1.0.0"
		1.0.0|"cniVersions":["1.0.0"],"cniVersion":"2.0.0"
		2.0.0|"cniVersions":["3.0.0"],"cniVersion":"2.0.0"
		0.4.0|"cniVersions":[],"cniVersion":"0.4.0"
		|"cniVersions":["1.2.0"]
		|"cniVersions":[]
		|"cniVersions":[""]
		|"cniVersion":""
		0.10.0|"cniVersions":["0.9.9","0.10.0"]
		1|"cniVersions":["0.9","1"]
		2.0.0|"cniVersion":"2.0.0"
		1.0.0|"cniVersion":"0.4.0","cniVersion":"1.0.0"
	END
}

@test "lists: disableCheck, disableGC, loadOnlyInlinedPlugins, their types and values" {
	local key
	for key in disableCheck disableGC loadOnlyInlinedPlugins; do
		errors_of <<-END
			invalid type float64 for $key|{"name":"net","$key":1}
			invalid type <nil> for $key|{"name":"net","$key":null}
			invalid type []interface {} for $key|{"name":"net","$key":[true]}
			invalid type map[string]interface {} for $key|{"name":"net","$key":{}}
			invalid value "" for $key|{"name":"net","$key":""}
			invalid value "yes" for $key|{"name":"net","$key":"YES"}
			invalid value "a\"b\n" for $key|{"name":"net","$key":"A\"b\\n"}
		END
	done
	expect_calls
}

# switched KEY VERB CALLS_OFF CALLS_ON : what VERB executes, by what stands there for KEY.
switched() {
	local value
	for value in true '"true"' '"TRUE"' '"True"' false '"false"' '"FALSE"'; do
		conf net.conflist <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"$1\":$value,\"plugins\":[{\"type\":\"first\"}]}"
		both_well "$2"
		case ${value,,} in
		*true*) expect_calls $4 ;;
		*) expect_calls $3 ;;
		esac
	done
}

@test "lists: disableCheck, disableGC, loadOnlyInlinedPlugins, in the forms of true and false" {
	conf net/1.conf <<<'{"type":"second"}'
	switched disableCheck check "first:CHECK second:CHECK" ""
	switched disableGC gc "first:GC second:GC" ""
	switched loadOnlyInlinedPlugins status "first:STATUS second:STATUS" "first:STATUS"
}

@test "lists: keys of the list are exact, later ones count, escapes are the same key" {
	conf net.conflist <<<'{"cniVersion":"1.1.0","name":"net","DisableCheck":true,"Plugins":[],"disableGC":true,
		"disableGC":false,"na\u006de":"net","plugins":[{"type":"second"}],"plugins":[{"type":"first"}]}'
	both_well check
	expect_calls first:CHECK
	both_well gc
	expect_calls first:GC
}

# ---- its plugins ---------------------------------------------------------------------------

@test "lists: plugins, its types" {
	errors_of <<-'END'
		invalid 'plugins' type string|{"name":"net","plugins":"x"}
		invalid 'plugins' type float64|{"name":"net","plugins":1}
		invalid 'plugins' type bool|{"name":"net","plugins":true}
		invalid 'plugins' type <nil>|{"name":"net","plugins":null}
		invalid 'plugins' type map[string]interface {}|{"name":"net","plugins":{"type":"first"}}
		no plugins in list|{"name":"net","plugins":[]}
		`loadOnlyInlinedPlugins` is true, and no 'plugins' key|{"name":"net","loadOnlyInlinedPlugins":true}
		`loadOnlyInlinedPlugins` is true, and no 'plugins' key|{"name":"net","loadOnlyInlinedPlugins":"true"}
	END
	conf net.conflist <<<'{"name":"net"}'
	both_fail 'no plugin configs found' add
	conf net.conflist <<<'{"name":"net","loadOnlyInlinedPlugins":false}'
	both_fail 'no plugin configs found' add
}

@test "lists: a plugin without a type" {
	local json i=0
	for json in '{}' '{"type":""}' '{"type":null}' null '{"type":"first"},{}'; do
		[ "$json" != '{"type":"first"},{}' ] || i=1
		conf net.conflist <<<"{\"name\":\"net\",\"plugins\":[$json]}"
		both_fail "failed to parse plugin config $i: error parsing configuration: missing 'type'" add
	done
	expect_calls
}

@test "lists: a plugin whose keys have wrong types" {
	local word plugin
	while IFS='|' read -r word plugin; do
		list 1.0.0 '{"type":"first"}' "$plugin"
		both_refuse 'failed to parse plugin config 1: error parsing configuration: ' add
		[[ $errors == *"$word"* ]] || fail "'$word' in '$errors'"
	done <<-'END'
		|"first"
		|[]
		|1
		type|{"type":1}
		type|{"type":["first"]}
		name|{"type":"first","name":1}
		cniVersion|{"type":"first","cniVersion":1.0}
		capabilities|{"type":"first","capabilities":[]}
		capabilities|{"type":"first","capabilities":"x"}
		capabilities|{"type":"first","capabilities":{"mac":"true"}}
		capabilities|{"type":"first","capabilities":{"mac":1}}
		prevResult|{"type":"first","prevResult":[]}
		prevResult|{"type":"first","prevResult":"x"}
		ipam|{"type":"first","ipam":"x"}
		type|{"type":"first","ipam":{"type":1}}
		dns|{"type":"first","dns":[]}
		nameservers|{"type":"first","dns":{"nameservers":"x"}}
		domain|{"type":"first","dns":{"domain":1}}
		valid-attachments|{"type":"first","cni.dev/valid-attachments":{}}
	END
	expect_calls
}

@test "lists: keys of a plugin that are null, in another case, or twice" {
	local plugin
	for plugin in '{"TYPE":"first"}' '{"type":"second","type":"first"}' '{"type":"first","capabilities":null}' \
		'{"type":"first","capabilities":{"mac":null}}' '{"type":"first","prevResult":null,"ipam":null,"dns":null}' \
		'{"type":"first","name":null,"cniVersion":null,"cni.dev/valid-attachments":null}'; do
		list 1.0.0 "$plugin"
		both_well add
		expect_calls first:ADD
	done
}

# ---- plugins in files of their own ---------------------------------------------------------

@test "lists: plugins of a folder come behind those in the list, in the order of their names" {
	one net.conflist third
	conf net/2.conf <<<'{"type":"second","x":1}'
	conf net/10.conf <<<'{"type":"first","cniVersion":"0.1.0","name":"other"}'
	conf net/1.json <<<'{"type":"nowhere"}'
	conf net/1.conflist <<<'{"type":"nowhere"}'
	conf net/1.CONF <<<'{"type":"nowhere"}'
	conf net/1.conf/1.conf <<<'{"type":"nowhere"}'
	both_well add
	expect_calls third:ADD first:ADD second:ADD
	expect_stdin 1 '[.name, .cniVersion]' '["net","1.0.0"]'
	both_well check
	expect_calls third:CHECK first:CHECK second:CHECK
	both_well del
	expect_calls second:DEL first:DEL third:DEL
}

@test "lists: plugins of a folder alone" {
	conf net.conflist <<<'{"cniVersion":"1.1.0","name":"net"}'
	conf net/1.conf <<<'{"type":"first"}'
	both_well add
	both_well status
	both_well gc
	expect_calls first:DEL first:GC
}

@test "lists: the folder is beside the list and has the network's name" {
	local name
	for name in a a.b 0-_; do
		one "sub/$name.conflist" first "$name"
		conf "sub/$name/1.conf" <<<'{"type":"third"}'
		NETCONFPATH=$NETCONFPATH/sub both_well add "$name"
		expect_calls first:ADD third:ADD
	done
}

# Where the real one looks for plugins beside its directory.
@test "lists: a name that is none of a network has no folder" {
	local name
	mkdir -p "$NETCONFPATH/sub/a"
	conf 1.conf <<<'{"type":"second"}'
	conf sub/1.conf <<<'{"type":"second"}'
	conf sub/a/1.conf <<<'{"type":"second"}'
	for name in .. . ./a ../sub/a; do
		one sub/net.conflist first "$name"
		NETCONFPATH=$NETCONFPATH/sub ours del "$name" $NETNS
		expect_ok
		expect_calls first:DEL
	done
}

@test "lists: a bad file in the folder" {
	one net.conflist first
	wrong net/1.conf
	both_refuse 'error parsing configuration: unexpected end of JSON input' add
	conf net/1.conf <<<'{"name":"x"}'
	both_fail "error parsing configuration: missing 'type'" add
	conf net/1.conf <<<'{"type":"second","capabilities":{"a":1}}'
	both_refuse capabilities add
	rm "$NETCONFPATH/net/1.conf"
	ln -s nothing "$NETCONFPATH/net/1.conf"
	both_fail "error reading $NETCONFPATH/net/1.conf: open $NETCONFPATH/net/1.conf: no such file or directory" add
	ln -sfn "$NETCONFPATH" "$NETCONFPATH/net/1.conf"
	both_refuse "error reading $NETCONFPATH/net/1.conf: " add
	rm -r "$NETCONFPATH/net"
	touch "$NETCONFPATH/net"
	both_refuse "failed to read plugin config files in $NETCONFPATH/net: " add
	expect_calls
}

@test "lists: a bad file in the folder of a list before the right one" {
	one 1.conflist first other
	one 2.conflist first
	wrong other/1.conf
	both_refuse 'error parsing configuration: ' add
	wrong net/1.conf
	rm -r "$NETCONFPATH/other"
	both_refuse 'error parsing configuration: ' add
}

@test "lists: loadOnlyInlinedPlugins does not even look into the folder" {
	conf net.conflist <<<'{"cniVersion":"1.0.0","name":"net","loadOnlyInlinedPlugins":true,"plugins":[{"type":"first"}]}'
	wrong net/1.conf
	both_well add
	expect_calls first:ADD
}
