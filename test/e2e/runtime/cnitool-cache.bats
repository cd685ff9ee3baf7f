# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2030,SC2031,SC2034,SC2059,SC2086,SC2089,SC2090,SC2154
#
# What ADD caches, what becomes of it, and in which order cnitool calls a list's plugins: ours beside the real
# Go libcni, and each with what the other has cached.

load cnitool

setup() {
	cnitool_setup
	list 1.1.0 "$FIRST" "$SECOND"
}

FIRST='{"type":"first","capabilities":{"mac":true}}'
FAILS='echo "{\"code\":100,\"msg\":\"no\",\"details\":\"$name\"}"; exit 1'

# entry NETWORK ID IFNAME [MORE] : an entry as ADD makes it, with more keys before the result.
entry() {
	cache_file "$1-$2-$3" <<-END
		{"kind":"cniCacheV1","containerId":"$2","config":"e30=","ifName":"$3","networkName":"$1",${4:-}
		"result":{"cniVersion":"1.0.0","interfaces":[{"name":"$3"}]}}
	END
}

# dropped VERB... : as both, but ours tells of a cached result that it has dropped.
dropped() {
	compare but_stderr "$1" net $NETNS
	expect_ok
	[[ $errors == "cnitool: dropped the cached result "* ]] || fail "to be told, not '$errors'"
}

# ---- what ADD writes -----------------------------------------------------------------------

@test "cache: an entry, byte for byte" {
	printf '{"name":"net", "cniVersion":"1.0.0",\n\t"plugins":[{"type":"first"}]}\n\n' >"$NETCONFPATH/net.conflist"
	CAP_ARGS='{"portMappings":[{"hostPort":80}],"mac":"x"}' CNI_ARGS='B=1;A=<2>;B=3' both_well add
	expect_cached $ENTRY
	expect_same entry "$(</var/lib/cni/ours/$ENTRY)" "$(printf %s \
		'{"kind":"cniCacheV1","containerId":"'$ID'","config":"'"$(base64 -w0 "$NETCONFPATH/net.conflist")"'",' \
		'"ifName":"eth0","networkName":"net","netns":"/run/netns/box",' \
		'"cniArgs":[["B","1"],["A","\u003c2\u003e"],["B","3"]],' \
		'"capabilityArgs":{"mac":"x","portMappings":[{"hostPort":80}]},' \
		'"result":{"cniVersion":"1.0.0","interfaces":[{"name":"first"}],"ips":[{"address":"10.1.0.2/24"}]}}')"
	[ "$(stat -c %a /var/lib/cni/ours /var/lib/cni/ours/$ENTRY | paste -sd' ')" = "700 600" ]
}

@test "cache: the list as it stands in its file, to the last byte" {
	local end
	for end in '' $'\n' $'\r\n\r\n' ' ' $'\t\n'; do
		printf '{\r\n "name":"net",\t"cniVersion" :"1.0.0","x":[1.0,1e1,"\\u00e9é<"],"plugins":[ {"type":"first"} ]}%s' "$end" |
			conf net.conflist
		both_well add
	done
	conf net/more.conf <<<"$SECOND" # which are no part of it
	both_well add
	expect_json '.interfaces[0].name' second
}

@test "cache: its modes, whatever the umask, and a directory that was there" {
	umask 0
	both_well add
	no_cache
	umask 077
	both_well add
	chmod 755 /var/lib/cni/theirs /var/lib/cni/ours
	umask 022
	both_well add
	CNI_IFNAME=net1 both_well add
	[ "$(stat -c %a /var/lib/cni/ours)" = 755 ]
	expect_cached $ENTRY net-$ID-net1
}

@test "cache: an ADD replaces what an earlier one has written" {
	local large
	printf -v large '"%0100d",' {1..100}
	answers second ADD "echo '{\"dns\":{\"search\":[${large%,}]}}'"
	both_well add
	answers second ADD 'echo "{}"'
	both_well add
	echo rubbish | cache_file $ENTRY
	both_well add
	expect_cached $ENTRY
}

@test "cache: it cannot be written" {
	local side
	for side in theirs ours; do
		touch /var/lib/cni/$side
	done
	both_refuse 'failed to set network "net" cached result: ' add
	[ -z "$output" ]
	expect_calls first:ADD second:ADD
	rm /var/lib/cni/theirs /var/lib/cni/ours
	mkdir -p -m 700 /var/lib/cni/{theirs,ours}/$ENTRY/x
	both_refuse 'failed to set network "net" cached result: ' add
	expect_calls first:ADD second:ADD
}

@test "cache: it is a link to elsewhere" {
	mkdir -m 700 /var/lib/cni/{one,other}
	ln -s one /var/lib/cni/theirs
	ln -s other /var/lib/cni/ours
	both_well add
	both_well check
	both_well del
	[ -z "$(ls /var/lib/cni/other)" ]
}

# ---- the order of the calls ----------------------------------------------------------------

@test "cache: ADD stops at the first that fails, undoes nothing, caches nothing" {
	list 1.1.0 "$FIRST" "$SECOND" '{"type":"third"}'
	answers second ADD "$FAILS"
	both_fail 'plugin type="second" failed (add): no; second' add
	expect_calls first:ADD second:ADD
	expect_cached
	list 1.1.0 "$FIRST" '{"type":"nowhere"}'
	both_fail "plugin type=\"nowhere\" failed (add): failed to find plugin \"nowhere\" in path [$CNI_PATH]" add
	expect_calls first:ADD
}

@test "cache: an ADD that fails leaves an earlier one's entry" {
	both_well add
	answers second ADD "$FAILS"
	both add
	expect_cached $ENTRY
	both_well check
}

@test "cache: CHECK in order, stops at the first that fails" {
	list 1.1.0 "$FIRST" "$SECOND" '{"type":"third"}'
	both_well check
	expect_stdin 2 'has("prevResult")' false
	both_well add
	both_well check
	expect_calls first:CHECK second:CHECK third:CHECK
	answers second CHECK "$FAILS"
	both_fail 'no; second' check
	expect_calls first:CHECK second:CHECK
	expect_cached $ENTRY
}

@test "cache: CHECK from 0.4.0 on, and not where it is disabled" {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.3.9 0 0.3; do
		list $version "$FIRST"
		both_fail "configuration version \"$version\" does not support the CHECK command" check
	done
	for version in 0.4.0 0.4 0.5.0 1.0.0 1.1.0 1.2.0 2 10.0.0; do
		list $version "$FIRST"
		both_well check
		expect_calls first:CHECK
	done
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"0.3.1\",\"disableCheck\":true,\"plugins\":[$FIRST]}"
	both_fail 'configuration version "0.3.1" does not support the CHECK command' check
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"0.4.0\",\"disableCheck\":true,\"plugins\":[$FIRST]}"
	echo rubbish | cache_file $ENTRY
	both_well check
	expect_calls
}

@test "cache: a version that is none" {
	local version
	entry net c1 eth0
	for version in x 1.x 1.1.1.1 1.1.0-rc v1.1.0; do
		list "$version" "$FIRST"
		both_refuse '' check
		both_refuse '' del
		expect_calls
		both_well status
		expect_calls
		both_refuse 'failed to delete stale attachment c1 eth0: ' gc
		expect_calls
		both_refuse "unsupported CNI result version \"$version\"" add
		expect_calls first:ADD
	done
	expect_cached net-c1-eth0
}

@test "cache: DEL from the last to the first, then the entry goes" {
	list 1.1.0 "$FIRST" "$SECOND" '{"type":"third"}'
	both_well add
	both_well del
	expect_calls third:DEL second:DEL first:DEL
	expect_cached
	both_well del
	expect_calls third:DEL second:DEL first:DEL
	expect_stdin 0 'has("prevResult")' false
}

@test "cache: CHECK and DEL go by the list and the arguments of the day" {
	CNI_ARGS='A=1' CAP_ARGS='{"mac":"one"}' both_well add
	list 1.0.0 '{"type":"third"}' "$FIRST"
	CNI_ARGS='B=2' CAP_ARGS='{"mac":"two"}' both_well check
	expect_calls third:CHECK first:CHECK
	CNI_ARGS='B=2' CAP_ARGS='{"mac":"two"}' both_well del
	expect_calls first:DEL third:DEL
	expect_env 0 CNI_ARGS B=2
	expect_stdin 0 .runtimeConfig.mac two
	expect_stdin 0 .prevResult.cniVersion 1.0.0
	expect_cached
}

@test "cache: a DEL that fails stops there and may be repeated" {
	list 1.1.0 "$FIRST" "$SECOND" '{"type":"third"}'
	both_well add
	answers second DEL "$FAILS"
	both_fail 'plugin type="second" failed (delete): no; second' del
	expect_calls third:DEL second:DEL
	expect_cached $ENTRY
	rm bin/answers/second.DEL
	both_well del
	expect_stdin 0 '.prevResult.interfaces[0].name' third
	expect_cached
	list 1.1.0 '{"type":"nowhere"}' "$SECOND"
	both_fail "plugin type=\"nowhere\" failed (delete): failed to find plugin \"nowhere\" in path [$CNI_PATH]" del
	expect_calls second:DEL
}

@test "cache: before 0.4.0 DEL hands on no result, and removes it" {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1; do
		list $version "$FIRST"
		answers first ADD 'echo "{\"ip4\":{\"ip\":\"10.1.0.2/24\"},\"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.2/24\"}]}"'
		both_well add
		both_well del
		expect_stdin 0 'has("prevResult")' false
		expect_cached
		echo rubbish | cache_file $ENTRY
		both_well del
		expect_cached
	done
}

@test "cache: STATUS in order, stops at the first that fails, from 1.1.0 on" {
	local version
	both_well status
	expect_calls first:STATUS second:STATUS
	answers first STATUS "$FAILS"
	both_fail 'no; first' status
	expect_calls first:STATUS
	for version in 0.1.0 0.4.0 1.0.0 1.0.9; do
		list $version "$FIRST"
		both_well status
		expect_calls
	done
	for version in 1.1.0 1.1 1.2.0 2.0.0; do
		list $version "$FIRST"
		both_fail 'no; first' status
		expect_calls first:STATUS
	done
}

# ---- what is wrong with an entry -----------------------------------------------------------

@test "cache: results without an entry around them" {
	local json
	list 1.0.0 "$FIRST"
	for json in '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0"}]}' '{"cniVersion":"1.1.0","ips":[{"address":"10.1.0.2/24"}]}' \
		'{"cniVersion":"0.4.0","interfaces":[{"name":"a"}],"ips":[{"version":"4","address":"10.1.0.2/24"}]}' \
		'{"cniVersion":"0.2.0","ip4":{"ip":"10.1.0.2/24","routes":[{"dst":"0.0.0.0/0"}]}}' \
		'{"ip4":{"ip":"10.1.0.2/24"},"dns":{"domain":"a"}}' '{"kind":"other","cniVersion":"1.0.0"}' \
		'{"kind":1,"cniVersion":"1.0.0","dns":{"search":["x"]}}' '{"cniVersion":"1.0.0","containerId":5,"kind":"cniCacheV1"}'; do
		echo "$json" | cache_file $ENTRY
		both_well check
		expect_stdin 0 .prevResult.cniVersion 1.0.0
		both_well del
		expect_stdin 0 .prevResult.cniVersion 1.0.0
		expect_cached
	done
}

@test "cache: an entry that cannot be understood fails CHECK, and DEL drops it" {
	local json
	list 1.0.0 "$FIRST"
	for json in '' '{' rubbish '{"kind":"cniCacheV1","result":{"cniVersion":"3.0.0"}}' '[]' '"x"' 1 \
		'{"kind":"cniCacheV1","result":{"cniVersion":"1.0.0","ips":{}}}' '{"cniVersion":"3.0.0"}' '{"cniVersion":1}' \
		'{"kind":"cniCacheV1","result":{"cniVersion":"1.0.0","ips":[{"address":"x"}]}}' \
		'{"kind":"cniCacheV1","result":{"cniVersion":"0.2.0","ip4":{"ip":"x"}}}' '{"cniVersion":"1.0.0"}x'; do
		echo "$json" | cache_file $ENTRY
		both_refuse 'failed to get network "net" cached result: ' check
		expect_calls
		dropped del
		expect_stdin 0 'has("prevResult")' false
		expect_cached
	done
}

@test "cache: an entry that DEL has dropped is gone, even where a plugin fails" {
	list 1.0.0 "$FIRST"
	echo rubbish | cache_file $ENTRY
	answers first DEL "$FAILS"
	compare but_stderr del net $NETNS
	[ "$status" -eq 1 ]
	[[ $errors == *'plugin type="first" failed (delete): no; first' ]]
	expect_cached
}

@test "cache: an entry without a result, or with an empty one" {
	local json
	list 1.0.0 "$FIRST"
	for json in '{"kind":"cniCacheV1"}' '{"kind":"cniCacheV1","result":null}' '{"kind":"cniCacheV1","result":{}}' '{}' null \
		'{"kind":"cniCacheV1","result":{"cniVersion":""}}' '{"kind":"cniCacheV1","result":{"cniVersion":"1.0.0"}}' \
		'{"kind":"cniCacheV1","result":[]}' '{"kind":"cniCacheV1","config":"%%%","result":{"cniVersion":"1.0.0"}}'; do
		echo "$json" | cache_file $ENTRY
		both_well check
		compare but_stderr del net $NETNS
		expect_ok
	done
}

@test "cache: an entry that cannot be read is none" {
	mkdir -m 700 -p /var/lib/cni/{theirs,ours}/$ENTRY/x
	both_well check
	expect_stdin 0 'has("prevResult")' false
	both_well del
	both_well gc
}

@test "cache: half an entry, as a runtime leaves that was killed" {
	local size
	list 1.0.0 "$FIRST"
	both_well add
	size=$(stat -c %s /var/lib/cni/ours/$ENTRY)
	truncate -s $((size / 2)) /var/lib/cni/{theirs,ours}/$ENTRY
	both_refuse 'failed to get network "net" cached result: ' check
	dropped del
	expect_cached
}

# ---- garbage collection --------------------------------------------------------------------

@test "cache: GC deletes all attachments of the network with what was stored, then asks the plugins" {
	list 1.1.0 "$FIRST" "$SECOND"
	CNI_ARGS='A=1;B=2' CAP_ARGS='{"mac":"one"}' both_well add net /run/netns/b
	CNI_IFNAME=net1 CAP_ARGS='{"mac":"two","ips":[]}' both_well add net /run/netns/a
	CNI_IFNAME=net1 both_well add net /run/netns/b
	entry other c1 eth0
	CNI_ARGS=C=3 CAP_ARGS='{"mac":"three"}' CNI_IFNAME=eth9 both_well gc net /elsewhere
	[ "$(jq length calls)" -eq 8 ]
	expect_cached other-c1-eth0
	jq -e '.[:6] | map(.stdin.runtimeConfig.mac // "-") | sort == ["-", "-", "-", "-", "one", "two"]' calls
	jq -e '[.[:6][].env[] | select(. == "CNI_ARGS=A=1;B=2")] | length == 2' calls
	expect_env 6 CNI_ARGS ''
}

@test "cache: GC goes by what stands in the entries, sorted by the files' names" {
	entry net c2 eth0
	entry net c10 eth0 '"netns":"/run/netns/x",'
	entry net C1 eth0 '"cniArgs":[["A","1"],["B","=;"]],'
	entry net c1 eth10 '"capabilityArgs":{"mac":null},'
	entry net c1 eth1
	mv /var/lib/cni/theirs/net-c2-eth0 /var/lib/cni/theirs/0
	mv /var/lib/cni/ours/net-c2-eth0 /var/lib/cni/ours/0
	list 1.0.0 "$FIRST"
	both_well gc
	expect_same containers "c2 C1 c1 c1 c10" "$(jq -r '[.[].env[] | select(startswith("CNI_CONTAINERID="))[16:]] | join(" ")' calls)"
	expect_cached 0
}

@test "cache: GC leaves what is no entry" {
	entry net c1 ''
	entry '' c1 eth0
	echo rubbish | cache_file net-c1-eth1
	: | cache_file net-c1-eth2
	echo '{"kind":"other","containerId":"c1","ifName":"eth3","networkName":"net"}' | cache_file net-c1-eth3
	echo '{"cniVersion":"1.0.0"}' | cache_file net-c1-eth4
	echo '[]' | cache_file net-c1-eth5
	echo '{"kind":"cniCacheV1","containerId":1,"ifName":"eth6","networkName":"net"}' | cache_file net-c1-eth6
	echo '{"kind":"cniCacheV1","containerId":"c1","ifName":"eth7","networkName":"net","config":"%"}' | cache_file net-c1-eth7
	mkdir -m 700 /var/lib/cni/{theirs,ours}/net-c1-eth8
	ln -s nothing /var/lib/cni/theirs/net-c1-eth9
	ln -s nothing /var/lib/cni/ours/net-c1-eth9
	both_well gc
	expect_calls first:GC second:GC
}

@test "cache: GC of an entry without a container, without a result, with a result that is none" {
	list 1.0.0 "$FIRST"
	entry net '' eth0
	echo '{"kind":"cniCacheV1","containerId":"c1","ifName":"eth0","networkName":"net"}' | cache_file net-c1-eth0
	echo '{"kind":"cniCacheV1","containerId":"c2","ifName":"eth0","networkName":"net","result":{"cniVersion":"3.0.0"}}' |
		cache_file net-c2-eth0
	echo '{"kind":"cniCacheV1","containerId":"c3","ifName":"eth0","networkName":"net","result":null,"cniArgs":null}' |
		cache_file net-c3-eth0
	compare but_stderr gc net $NETNS
	expect_ok
	expect_calls first:DEL first:DEL first:DEL first:DEL
	[[ $errors == *"network net, container c2, interface eth0"* ]]
}

@test "cache: GC goes on where a DEL or a plugin fails, and tells all of it" {
	entry net c1 eth0
	entry net c2 eth0
	answers first DEL "[ \$CNI_CONTAINERID != c1 ] || { $FAILS; }"
	both_fail 'failed to delete stale attachment c1 eth0: plugin type="first" failed (delete): no; first' gc
	expect_calls second:DEL first:DEL second:DEL first:DEL first:GC second:GC
	expect_cached net-c1-eth0
	answers first DEL "$FAILS"
	answers first GC "$FAILS"
	answers second GC "$FAILS"
	entry net c2 eth0
	both gc
	expect_error 'failed to delete stale attachment c1 eth0: plugin type="first" failed (delete): no; first
failed to delete stale attachment c2 eth0: plugin type="first" failed (delete): no; first
failed to GC plugin first: no; first
failed to GC plugin second: no; second'
}

@test "cache: GC in the versions before it deletes only, where it is disabled nothing" {
	local version
	for version in 0.1.0 0.3.1 0.4.0 1.0.0; do
		entry net c1 eth0
		list $version "$FIRST"
		both_well gc
		expect_calls first:DEL
		expect_cached
	done
	entry net c1 eth0
	conf net.conflist <<<"{\"name\":\"net\",\"cniVersion\":\"1.1.0\",\"disableGC\":true,\"plugins\":[$FIRST]}"
	both_well gc
	expect_calls
	expect_cached net-c1-eth0
}

@test "cache: GC where there is no cache, and where it is a file" {
	both_well gc
	expect_calls first:GC second:GC
	touch /var/lib/cni/theirs /var/lib/cni/ours
	both_well gc
	expect_calls
}

# ---- each with the other's -----------------------------------------------------------------

@test "cache: what one has added the other checks and deletes, in every version" {
	local version
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
		list $version "$FIRST" "$SECOND"
		answers first ADD 'echo "{\"ip4\":{\"ip\":\"10.1.0.2/24\"},\"ips\":[{\"version\":\"4\",\"address\":\"10.1.0.2/24\"}]}"'
		cp bin/answers/first.ADD bin/answers/second.ADD
		CAP_ARGS='{"mac":"<x>"}' CNI_ARGS='A=é' both_well add
		swap
		case $version in
		0.[123]*) ;;
		*) both_well check ;;
		esac
		swap
		both_well del
		expect_cached
		swap
	done
}

@test "cache: what one has added the other collects" {
	CAP_ARGS='{"mac":"x"}' CNI_ARGS='A=1;B=2' both_well add
	CNI_IFNAME=net1 both_well add
	swap
	both_well gc
	expect_calls second:DEL first:DEL second:DEL first:DEL first:GC second:GC
	expect_cached
}

# real SIDE VERB : with plugins that do something, and the one cache that there is.
real() {
	if [ "$1" = theirs ]; then
		"$THEIRS" -cnitool "$2" net $NETNS
	else
		"$CNITOOL" "$2" net $NETNS
	fi
}

@test "cache: a real chain, added by one, checked and deleted by the other" {
	local one other
	export CNI_PATH=$CNIC_BIN CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
	list 1.1.0 '{"type":"bridge","bridge":"tool0","ipMasq":true,"isGateway":true,"ipam":{"type":"host-local",
		"ranges":[[{"subnet":"10.7.0.0/24"}]],"routes":[{"dst":"0.0.0.0/0"}]}}' \
		'{"type":"portmap","capabilities":{"portMappings":true}}'
	for one in theirs ours; do
		[ $one = ours ] && other=theirs || other=ours
		netns box
		output=$(real $one add)
		expect_json '.ips[0].address' 10.7.0.2/24
		[ -z "$(real $other check)" ]
		[ -z "$(real $other status)" ]
		[ -z "$(real $other del)" ]
		expect_same "veths" "" "$(ip -br link show type veth)"
		expect_same "cached" "" "$(ls "$CACHE")"
		real $one add >/dev/null
		[ -z "$(real $other gc)" ]
		expect_same "held" "" "$(find /var/lib/cni/networks/net -name '10.*')"
		expect_same "cached" "" "$(ls "$CACHE")"
		host_clean
	done
}
