#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
# cluster on one real etcd: nodes are directories, each with an identity of its own.

load ../lib
load ../etcd

node=n1

setup() {
	host_setup
	needs_etcd
	export CNI_NETNS=/run/netns/none
	etcd_start
	url=http://127.0.0.1:2379
}

teardown() {
	etcd_stop
	host_clean
}

# conf [JQ] : of the current node.
conf() {
	jq -c --arg dir "/var/lib/cni/$node" --arg url "$url" '.ipam += {dataDir: $dir, etcd: {endpoints: [$url]}} | '"${1:-.}" \
		<<<'{"cniVersion": "1.1.0", "name": "net", "type": "none", "ipam": {"type": "cluster", "range": "10.9.0.0/16"}}'
}

add_id() {
	CID=$1 add cluster <<<"$(conf "${2:-.}")"
}

del_id() {
	CID=$1 del cluster <<<"$(conf "${2:-.}")"
	expect_silent
}

# gc_valid JQ ID... : those are valid.
gc_valid() {
	gc cluster <<<"$(with_valid "$(conf "$1")" "${@:2}")"
}

ip_of() {
	jq -r '.ips[].address' <<<"$output"
}

state() {
	jq -c "$1" /var/lib/cni/$node/.state/net/*
}

# crowd N NODES [JQ] : N attachments at once on each of so many nodes; their addresses, and what failed, to $all, $failed.
crowd() {
	local i n pids=()
	rm -f "$BATS_TEST_TMPDIR"/out.*
	for ((n = 1; n <= $2; n++)); do
		node=n$n conf "${3:-.}" >"$BATS_TEST_TMPDIR/conf.$n"
	done
	for ((i = 1; i <= $1; i++)); do
		for ((n = 1; n <= $2; n++)); do
			CNI_COMMAND=ADD CNI_CONTAINERID=c$i CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "$PLUGINS/cluster" \
				<"$BATS_TEST_TMPDIR/conf.$n" >"$BATS_TEST_TMPDIR/out.$n.$i" 2>/dev/null 3>&- &
			pids+=($!)
		done
	done
	wait "${pids[@]}" || true
	all=$(cat "$BATS_TEST_TMPDIR"/out.* | jq -r '.ips // [] | .[].address')
	failed=$(cat "$BATS_TEST_TMPDIR"/out.* | jq -r 'select(.code) | "\(.code) \(.msg)"')
}

no_duplicates() {
	local twice
	twice=$(sort <<<"$all" | uniq -d)
	[ -z "$twice" ] || fail "given twice: $twice"
}

# ---- blocks ----------------------------------------------------------------------------------

@test "a block is one transaction, and its addresses are none" {
	etcd_proxy_start
	url=http://127.0.0.1:2378
	local i
	for i in {1..20}; do
		add_id "c$i"
		expect_ok
	done
	[ "$(requests)" -eq 1 ] || fail "one request, not $(requests)"
	json_is "$(state .)" '[.blocks, .singles | length]' '[1,0]'
	for i in {1..20}; do
		del_id "c$i"
	done
	[ "$(requests)" -eq 1 ]
}

@test "nodes have blocks of their own; another's first ADD takes three requests at most" {
	local n before
	etcd_proxy_start
	url=http://127.0.0.1:2378
	for n in 1 2 3 4 5; do
		before=$(requests)
		node=n$n add_id c1
		expect_ok
		(($(requests) - before <= 3)) || fail "$(requests) requests"
		ip_of
	done | grep / | grep -v : | sort | uniq -d >"$BATS_TEST_TMPDIR/twice"
	[ ! -s "$BATS_TEST_TMPDIR/twice" ]
	[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq 5 ]
}

@test "all of a pool is given, with blocks and the rest, over nodes; then it is exhausted, and a release is usable at once" {
	local one two
	crowd 16 4 '.ipam += {range: "10.9.0.0/26", blockSize: 28}'
	no_duplicates
	[ "$(wc -l <<<"$all")" -ge 32 ] || fail "most of it: $all $failed"
	while read -r line; do
		[[ $line = 100* ]] || fail "exhausted, not $line"
	done < <(grep . <<<"$failed")
	# what is left lies in blocks: those nodes give it
	for node in n1 n2 n3 n4; do
		for i in {1..62}; do
			add_id "more$i" '.ipam += {range: "10.9.0.0/26", blockSize: 28}' >/dev/null
			[ "$status" -eq 0 ] || break
			all+=$'\n'$(ip_of)
		done
		expect_code 100
	done
	no_duplicates
	[ "$(wc -l <<<"$all")" -eq 62 ] || fail "62, not $(wc -l <<<"$all")"
}

@test "20 nodes at once on one small pool until it is exhausted, and again" {
	local i round
	for round in 1 2; do
		crowd 4 20 '.ipam.range = "10.9.0.0/26"'
		no_duplicates
		[ "$(grep -c . <<<"$all")" -eq 62 ] || fail "62 of 62, not $(grep -c . <<<"$all"): $(sort <<<"$failed" | uniq -c)"
		[ "$(grep -vc '^100 ' <<<"$failed")" -eq 0 ] || fail "exhausted, not $failed"
		for ((n = 1; n <= 20; n++)); do
			for ((i = 1; i <= 4; i++)); do
				node=n$n del_id "c$i" '.ipam.range = "10.9.0.0/26"' >/dev/null
			done
		done
		[ -z "$(etcd_keys /cnic/v1/n/addr/)" ] || fail "nothing left: $(etcd_keys /cnic/v1/n/addr/)"
	done
}

# ---- etcd is away ----------------------------------------------------------------------------

@test "without etcd ADD and DEL go on in the block; beyond it 11, STATUS 51, and all is well afterwards" {
	local i two='.ipam.range = "10.9.0.0/16" | .ipam.blockSize = 30'
	add_id c1 "$two"
	expect_ok
	kill -STOP "${etcd_pid[one]}"
	for i in {2..9}; do
		CID=c$i add cluster <<<"$(conf "$two | .ipam.etcd.timeout = 500")"
		[ "$status" -eq 0 ] || break
	done
	((i >= 4)) || fail "the rest of the block"
	expect_code 11
	sleep 2.1 # .down has been there for so long then
	status_of cluster <<<"$(conf "$two | .ipam.etcd.timeout = 500")"
	expect_code 51 'no free address on this node'
	del_id c1 "$two"
	status_of cluster <<<"$(conf "$two")"
	expect_silent
	add_id again "$two"
	expect_ok
	kill -CONT "${etcd_pid[one]}"
	sleep 2.1
	add_id "c$i" "$two"
	expect_ok
	gc_valid "$two"
	expect_silent
	[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq "$(state '.blocks | length')" ]
}

@test "a full etcd: the error says so, what the node has goes on, and with space again all is well" {
	local i id rev two='.ipam.blockSize = 30'
	etcd_stop
	rm -rf "$ETCD_DIR"
	etcd_start --quota-backend-bytes 1000000
	add_id c1 "$two"
	expect_ok
	for ((i = 0; i < 40; i++)); do
		answer=$(etcd_post /v3/kv/put "{\"key\":\"$(b64 "/other/$i")\",\"value\":\"$(b64 "$(printf '%060000d' "$i")")\"}")
		[[ $answer != *exceeded* ]] || break
	done
	((i < 40)) || fail "the quota to be reached"
	for i in {2..9}; do
		add_id "c$i" "$two"
		[ "$status" -eq 0 ] || break
	done
	((i >= 4)) || fail "the rest of the block"
	expect_code 11 'its disk or quota is full'
	del_id c1 "$two"
	add_id again "$two"
	expect_ok
	rev=$(etcd_post /v3/kv/deleterange "{\"key\":\"$(b64 /other/)\",\"range_end\":\"$(b64 /other0)\"}" | jq -r .header.revision)
	etcd_post /v3/kv/compaction "{\"revision\":\"$rev\",\"physical\":true}" >/dev/null
	etcd_post /v3/maintenance/defragment '{}' >/dev/null
	id=$(etcd_post /v3/maintenance/status '{}' | jq -r .header.member_id)
	etcd_post /v3/maintenance/alarm "{\"action\":\"DEACTIVATE\",\"memberID\":\"$id\",\"alarm\":\"NOSPACE\"}" >/dev/null
	rm -f /var/lib/cni/$node/.down
	add_id "c$i" "$two"
	expect_ok
	gc_valid "$two"
	expect_silent
	[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq "$(state '.blocks | length')" ]
}

# ---- clocks ----------------------------------------------------------------------------------

# at OFFSET COMMAND... : the plugin's clock is so far from the machine's.
at() {
	FAKETIME=$1 with_preload "$faketime" "${@:2}"
}

@test "clocks that are days apart, and one that jumps: nothing given twice, nothing alive given back" {
	local i n keys='.ipam += {blockSize: 30, blockIdle: 60}' clocks=(0 -3d +3d +0 +400d)
	needs_preload
	faketime=$(echo /usr/lib/*/faketime/libfaketime.so.1)
	[ -e "$faketime" ] || skip "there is no libfaketime"
	[ "$(at +3d date +%s)" -gt $((EPOCHSECONDS + 200000)) ] || fail "another clock"
	for i in {1..5}; do
		for n in 1 2 3 4; do
			node=n$n at "${clocks[n]}" add_id "c$i" "$keys"
			expect_ok
			all+=$(ip_of)$'\n'
		done
	done
	no_duplicates
	# n1's clock jumps by six days: its empty blocks go back, its live ones stay; so when it jumps back
	node=n1
	for i in 1 2 3 4; do
		at "${clocks[1]}" del_id "c$i" "$keys"
	done
	for n in +3d +4d -9d -8d; do
		at "$n" gc_valid "$keys" c5/eth0
		expect_silent
		[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq "$(cat /var/lib/cni/n?/.state/net/* | jq -s '[.[].blocks[]] | length')" ]
	done
	[ "$(state '.blocks | length')" -eq 1 ] || fail "the block that is in use: $(state .)"
	add_id c5 "$keys"
	grep -qx "$(ip_of)" <<<"$all" || fail "c5 to have kept its address"
	# a mark of tomorrow's holds nobody up
	: >/var/lib/cni/n1/.down
	touch -d tomorrow /var/lib/cni/n1/.down
	for i in 6 7 8 9; do
		add_id "c$i" "$keys"
		expect_ok
	done
}

@test "calls that wait for each other do not wait for etcd one by one" {
	local start=$SECONDS
	etcd_stop
	crowd 16 1 '.ipam.etcd.timeout = 1000'
	[ -z "$all" ] && [ "$(wc -l <<<"$failed")" -eq 16 ] || fail "none: $all $failed"
	((SECONDS - start <= 15)) || fail "$((SECONDS - start)) s"
}

@test "DEL of a single address without etcd: stock, for the next ADD; with it, the address is free" {
	local small='.ipam.range = "10.9.0.0/28"' ip
	add_id c1 "$small"
	expect_ok
	ip=$(ip_of)
	kill -STOP "${etcd_pid[one]}"
	touch /var/lib/cni/$node/.down # not asked: it is certain that nothing was sent
	del_id c1 "$small"
	json_is "$(state .singles)" 'map([.ip, .id])' "[[\"$ip\",\"\"]]"
	add_id c2 "$small"
	expect_ok
	[ "$(ip_of)" = "$ip" ]
	sleep 2.1
	CID=c2 del cluster <<<"$(conf "$small | .ipam.etcd.timeout = 300")"
	expect_silent
	kill -CONT "${etcd_pid[one]}"
	sleep 2.1
	gc_valid "$small"
	expect_silent
	[ -z "$(etcd_keys /cnic/v1/n/addr/)" ]
	json_is "$(state .)" '[.singles, .pending]' '[[],null]'
}

@test "answers that are lost, late, cut, given twice: nothing is lost, nothing given twice" {
	local i w small='.ipam += {range: "10.9.0.0/27", etcd: {endpoints: ["http://127.0.0.1:2378"], timeout: 800}}'
	etcd_proxy_start
	for w in refuse lose late cut twice delay; do
		plan "$w" pass
		add_id "$w" "$small"
		rm -f /var/lib/cni/$node/.down
		del_id "$w" "$small"
		rm -f /var/lib/cni/$node/.down
		add_id "x$w" "$small"
		expect_ok
		plan "$w" pass
		del_id "x$w" "$small"
		rm -f /var/lib/cni/$node/.down
		add_id "y$w" "$small"
		expect_ok
		[ "$w" != late ] || sleep 2.2
		gc_valid "$small" "y$w/eth0"
		expect_silent
		[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 1 ] || fail "one after $w: $(etcd_keys /cnic/)"
		json_is "$(state .)" '[(.singles | length), .pending]' '[1,null]'
		del_id "y$w" "$small"
	done
}

# ---- moving, releasing -----------------------------------------------------------------------

@test "a sticky address moves from node to node; while it is held it does not" {
	local ip claim='.ipam.claim = "db"'
	add_id a "$claim"
	expect_ok
	ip=$(ip_of)
	node=n2 add_id b "$claim"
	expect_code 11 'still held'
	del_id a "$claim"
	node=n2 add_id b "$claim"
	expect_ok
	[ "$(ip_of)" = "$ip" ]
	add_id a "$claim"
	expect_code 11
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 1 ]
}

@test "no block is claimed around a single address, no single address taken in a block" {
	local i
	add_id a '.ipam += {range: "10.9.0.0/29", blockSize: 30, claim: "x"} | .runtimeConfig.ips = ["10.9.0.1"]'
	expect_ok
	for i in {1..5}; do
		node=n2 add_id "b$i" '.ipam += {range: "10.9.0.0/29", blockSize: 30}'
		expect_ok
		[ "$(ip_of)" != 10.9.0.1/29 ]
	done
	node=n2 add_id b6 '.ipam += {range: "10.9.0.0/29", blockSize: 30}'
	expect_code 100
	node=n3 add_id c '.ipam += {range: "10.9.0.0/16", blockSize: 30}'
	expect_ok
	ip=$(ip_of)
	node=n4 add_id d '.ipam.blockSize = 30 | .runtimeConfig.ips = ["'"${ip%/*}"'"]'
	expect_code 101 'in another node'
}

# ---- what is not ours ------------------------------------------------------------------------

@test "endpoints that speak rubbish, and none" {
	local answer n
	etcd_stop
	add_id a '.ipam.etcd.timeout = 500'
	expect_code 11 'etcd cannot be reached'
	for answer in 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}' 'HTTP/1.1 404 Not Found\r\nContent-Length: 3\r\n\r\nno\n' \
		'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello' 'SSH-2.0-x\r\n' \
		'HTTP/1.1 200 OK\r\nContent-Length: 44\r\n\r\n{"header":{"revision":"x"},"succeeded":true}'; do
		python3 - "$answer" 3>&- <<-'END' &
			import socket, sys
			s = socket.socket()
			s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
			s.bind(("127.0.0.1", 2379))
			s.listen()
			s.settimeout(10)
			c = s.accept()[0]
			c.recv(65536)
			c.sendall(sys.argv[1].encode().decode("unicode_escape").encode())
			c.close()
		END
		n=$!
		for ((i = 0; i < 100; i++)); do
			[ -z "$(ss -Hltn 'sport = 2379')" ] || break
			sleep 0.05
		done
		rm -f /var/lib/cni/$node/.down
		add_id a '.ipam.etcd.timeout = 500'
		[ "$status" -eq 1 ] && json_is "$output" '.msg | test("etcd")' true
		wait "$n"
	done
}

@test "hostile values under our prefix, and a prefix that others use: nothing lost" {
	local key
	etcd_put /cnicother/x y
	etcd_put /cnic/else z
	add_id a
	expect_ok
	for key in /cnic/v1/n/addr/40a09zzzz /cnic/v1/n/addr/4 /cnic/v1/n/addr/40a09ff01/x /cnic/v1/n/block/x /cnic/v1/n/block/60a0900 \
		"/cnic/v1/n/claim/claim%2Fdb,0"; do
		etcd_put "$key" $'\x01{{{'
	done
	node=n2 add_id b
	expect_ok
	node=n2 add_id c '.ipam.claim = "db"'
	expect_code 999 "claim%2Fdb,0 is none of cluster's"
	node=n2 add_id d '.ipam.range = "10.9.9.0/30"'
	expect_ok
	etcd_put /cnic/v1/n/cfg '[]'
	node=n3 add_id e
	expect_code 999 "/cnic/v1/n/cfg is none of cluster's"
	del_id a
	etcd_keys /cnic/ | grep -qx '/cnic/else z'
	[ "$(etcd_keys /cnicother/)" = "/cnicother/x y" ]
}

@test "poolVersion and block sizes hold over nodes" {
	add_id a '.ipam.poolVersion = 2'
	expect_ok
	node=n2 add_id b '.ipam.poolVersion = 1'
	expect_code 7 'the pool is at 2'
	node=n2 add_id b '.ipam += {poolVersion: 2, blockSize: 27}'
	expect_code 7 'blocks of /26'
	node=n2 add_id b '.ipam.poolVersion = 3'
	expect_ok
	node=n3 add_id c '.ipam.poolVersion = 2'
	expect_code 7 'the pool is at 3'
}

@test "compaction, and a key of ours in a store that is restored: it says who" {
	local rev
	add_id a '.ipam.blockSize = 30'
	expect_ok
	rev=$(etcd_post /v3/kv/range "{\"key\":\"$(b64 x)\"}" | jq -r .header.revision)
	etcd_post /v3/kv/compaction "{\"revision\":\"$rev\",\"physical\":true}" >/dev/null
	for i in 1 2 3 4 5; do
		add_id "b$i" '.ipam.blockSize = 30'
		expect_ok
	done
	key=$(etcd_keys /cnic/v1/n/node/ | cut -d' ' -f1)
	etcd_put "$key" '{"token":"x","host":"twin","machine":"m"}'
	for i in 1 2 3; do
		add_id "c$i" '.ipam.blockSize = 30'
	done
	for i in 4 5; do
		expect_code 999 'host twin, machine m'
		add_id "c$i" '.ipam.blockSize = 30'
	done
	del_id a '.ipam.blockSize = 30'
}

@test "a node that was released begins anew, with other blocks" {
	local key old
	add_id a '.ipam.blockSize = 30'
	old=$(ip_of)
	etcd_delete "$(etcd_keys /cnic/v1/n/node/ | cut -d' ' -f1)"
	for i in 1 2 3 4; do
		add_id "b$i" '.ipam.blockSize = 30'
	done
	expect_code 11 'was released'
	add_id b4 '.ipam.blockSize = 30'
	expect_ok
	[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq 2 ]
	[ "$(state '.blocks | length')" -eq 1 ]
}

@test "STATUS: exhausted is 50" {
	local i
	for i in {1..6}; do
		add_id "c$i" '.ipam.range = "10.9.0.0/29"'
		expect_ok
	done
	status_of cluster <<<"$(conf '.ipam.range = "10.9.0.0/29"')"
	expect_code 50
	node=n2 status_of cluster <<<"$(node=n2 conf '.ipam.range = "10.9.0.0/29"')"
	expect_code 50
	del_id c3 '.ipam.range = "10.9.0.0/29"'
	status_of cluster <<<"$(conf '.ipam.range = "10.9.0.0/29"')"
	expect_silent
}

@test "without cnic-etcd the error says so" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$PLUGINS/cluster" "$BATS_TEST_TMPDIR/bin/"
	PLUGINS=$BATS_TEST_TMPDIR/bin add_id a
	expect_code 2 'make CLUSTER=1'
}

# ---- cnic ipam -------------------------------------------------------------------------------

# ipam VERB [ARG] : of the current node's configuration.
ipam() {
	[ -x "$CNIC_BIN/cnic" ] || skip "the tool is elsewhere"
	conf "${ipam_conf:-.}" >"$BATS_TEST_TMPDIR/net.conf"
	status=0
	output=$("$CNIC_BIN/cnic" ipam "$1" "$BATS_TEST_TMPDIR/net.conf" "${@:2}" 2>&1) || status=$?
	printf '%s\n' "$ cnic ipam $*: exit $status" "$output"
}

says() {
	[[ $output = *"$1"* ]] || fail "to say $1"
}

@test "cnic ipam show and trace say who has what, and why" {
	local uuid ip single
	add_id a
	ip=$(ip_of)
	add_id s '.ipam.claim = "vm"'
	single=$(ip_of)
	node=n2 add_id b
	uuid=$(cut -d' ' -f1 /var/lib/cni/n1/.node)
	ipam show
	[ "$status" -eq 0 ]
	says 'space /cnic/v1/n: version 0, blocks of /26 and /122, 2 networks of nodes, 1 claims'
	says 'range 10.9.0.0/16: 65534 addresses, 2 of 768 blocks of /26, 1 single addresses'
	says "node $uuid ($(uname -n)), network net: 1 blocks, 1 single addresses, this node"
	says ': 1 held, of 64 that the configuration gives'
	says "single ${single%/*}: s eth0, claim claim/vm"
	ipam trace "${ip%/*}"
	says "node $uuid"
	says 'container a, interface eth0'
	ipam trace "${single%/*}"
	says 'claim claim/vm'
	says 'container s, interface eth0'
	node=n2 ipam trace "${single%/*}"
	says "node $uuid"
	ipam trace 10.9.255.200
	says free
	ipam trace x
	[ "$status" -eq 1 ]
	ipam trace
	[ "$status" -ne 0 ]
}

@test "cnic ipam verify: nothing when all is well, a line for each fault" {
	add_id a
	add_id s '.ipam.claim = "vm"'
	node=n2 add_id b
	ipam verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing to say"
	key=$(etcd_keys /cnic/v1/n/block/ | grep "$(cut -d' ' -f1 /var/lib/cni/n1/.node)" | cut -d' ' -f1)
	etcd_put "${key/block/addr}" '{"node":"x","network":"y","claim":""}'
	etcd_put /cnic/v1/n/junk 1
	etcd_delete "/cnic/v1/n/claim/claim%2Fvm,0"
	node=n2 ipam verify
	[ "$status" -eq 1 ]
	says 'lies in block'
	says '/cnic/v1/n/junk: is none of cluster'
	says 'node x, network y: has 0 blocks and 1 single addresses, and no register'
	says 'the claim claim/vm does not know of it'
	etcd_delete "$key"
	ipam verify
	says 'this node gives its addresses, and does not own it'
	rm -r /var/lib/cni/n1/.state
	etcd_put "$key" "{\"node\":\"$(cut -d' ' -f1 /var/lib/cni/n1/.node)\",\"network\":\"net\",\"claim\":\"\"}"
	ipam verify
	says 'and it lies in no block of this node'
}

@test "cnic ipam release-node gives up a node and says what is free; one that is at work is not given up by half" {
	local uuid ip
	add_id a
	add_id b '.ipam.claim = "vm"'
	ip=$(ip_of)
	uuid=$(cut -d' ' -f1 /var/lib/cni/n1/.node)
	node=n2 ipam release-node nosuch
	[ "$status" -eq 1 ]
	says 'nosuch has nothing in'
	node=n2 ipam release-node "$uuid"
	[ "$status" -eq 0 ]
	says 'free: block'
	says "free: single address ${ip%/*}, for claim claim/vm"
	[ -z "$(etcd_keys /cnic/v1/n/block/)$(etcd_keys /cnic/v1/n/node/)" ]
	node=n2 add_id c '.ipam.claim = "vm"'
	expect_ok
	[ "$(ip_of)" = "$ip" ]
	node=n2 ipam verify
	[ "$status" -eq 0 ]
}

@test "cnic ipam release-claim frees what nobody has" {
	add_id a '.ipam.claim = "vm/1"'
	ipam release-claim claim/vm/1
	[ "$status" -eq 1 ]
	says 'an attachment of node'
	del_id a
	ipam release-claim claim/vm/1
	[ "$status" -eq 0 ]
	[ -z "$(etcd_keys /cnic/v1/n/claim/)$(etcd_keys /cnic/v1/n/addr/)" ]
	ipam release-claim claim/vm/1
	[ "$status" -eq 1 ]
}
