#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
# cluster on one real etcd: nodes are directories, each with an identity of its own.

load ../lib
load ../etcd
load ../exhaust

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

# down_file : by which the current node knows that $url could not be reached.
down_file() {
	echo "/var/lib/cni/$node/.down.$(printf '%s\0' "$url" '' '' '' '' | sha512sum | cut -c 1-8)"
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

# node_call VERB I ID : of the I-th of the 80 attachments that crowd has given, or not.
node_call() {
	pool=$(<"$BATS_TEST_TMPDIR/conf.$((($2 + 3) / 4))") one_call "$1" "$3$((($2 - 1) % 4 + 1))"
}

node_del_and_add() {
	node_call DEL "$1" c && { ! grep -q '"ips"' "$BATS_TEST_TMPDIR/out.$((($1 + 3) / 4)).$((($1 - 1) % 4 + 1))" || node_call ADD "$1" d; }
}

node_del() {
	node_call DEL "$1" d
}

@test "20 nodes at once on one small pool until it is exhausted, and again" {
	crowd 4 20 '.ipam.range = "10.9.0.0/26"'
	no_duplicates
	[ "$(grep -c . <<<"$all")" -eq 62 ] || fail "62 of 62, not $(grep -c . <<<"$all"): $(sort <<<"$failed" | uniq -c)"
	[ "$(grep -c '^100 ' <<<"$failed")" -eq 18 ] && [ "$(grep -c . <<<"$failed")" -eq 18 ] || fail "exhausted, not $failed"
	at_once 80 node_del_and_add || fail "every release to be usable at once, by whichever node: $answers"
	each_once 62
	add_id x '.ipam.range = "10.9.0.0/26"'
	expect_code 100
	at_once 80 node_del || fail "all to go: $answers"
	[ -z "$(etcd_keys /cnic/v1/n/addr/)" ] || fail "nothing left: $(etcd_keys /cnic/v1/n/addr/)"
}

@test "64 at once on one node until the pool is exhausted: each address once, and every release is usable at once" {
	exhaust 62 "$(conf '.ipam.range = "10.9.0.0/26"')"
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 62 ]
}

# ---- a range that changes --------------------------------------------------------------------

# give NODE ID KEYS : an address that nobody has, to $owner.
give() {
	local ip
	node=$1 add_id "$2" "$3"
	[ "$status" -eq 0 ] || return 0
	ip=$(ip_of) ip=${ip%/*}
	[ -z "${owner[$ip]:-}" ] || fail "$ip is of ${owner[$ip]}"
	owner[$ip]="$1 $2"
}

# give_all NODE ID KEYS : until there is none.
give_all() {
	local i
	for ((i = 1; i < 40; i++)); do
		give "$1" "$2$i" "$3"
		[ "$status" -eq 0 ] || return 0
	done
}

# gc_owned KEYS : on both nodes; nothing is wrong then.
gc_owned() {
	local ip ids
	for node in n1 n2; do
		ids=()
		for ip in "${!owner[@]}"; do
			[ "${owner[$ip]% *}" != $node ] || ids+=("${owner[$ip]#* }/eth0")
		done
		gc_valid "$1" "${ids[@]}"
		expect_silent
		all_is_well '' "$1"
	done
}

@test "a range that shrinks and grows again over two nodes: no live address is given, the drained ones are in the end" {
	local i ip keys='.ipam += {blockSize: 30, blockIdle: 0}' drained=()
	local old="$keys | .ipam += {range: \"10.9.0.0/27\", poolVersion: 1}"
	local small="$keys | .ipam += {range: \"10.9.0.0/28\", poolVersion: 2}"
	local grown="$keys | .ipam += {range: \"10.9.0.0/27\", poolVersion: 3}"
	declare -A owner=()
	for i in {1..6}; do
		give n1 "c$i" "$old"
		give n2 "c$i" "$old"
	done
	give n1 single "$old | .runtimeConfig.ips = [\"10.9.0.29\"]"
	[ ${#owner[@]} -eq 13 ] || fail "13 to begin with"
	for node in n1 n2; do
		give_all $node s "$small"
		expect_code 100
	done
	for i in {1..14}; do
		[ -n "${owner[10.9.0.$i]:-}" ] || fail "all of the small range, 10.9.0.$i as well"
	done
	give_all n2 old "$old" # what its blocks have left
	expect_code 7 'the pool is at 2'
	for ip in "${!owner[@]}"; do
		node=${owner[$ip]% *} add_id "${owner[$ip]#* }" "$grown"
		[ "$(ip_of | cut -d/ -f1)" = "$ip" ] || fail "$ip to be ${owner[$ip]}'s still"
	done
	for ip in "${!owner[@]}"; do
		[[ $ip =~ \.(1[6-9]|2[0-9]|30)$ && ${owner[$ip]} = n1* ]] || continue
		node=n1 del_id "${owner[$ip]#* }" "$small"
		drained+=("$ip")
		unset "owner[$ip]"
	done
	gc_owned "$small"
	for node in n1 n2; do
		give $node more "$small"
		expect_code 100
	done
	for node in n1 n2; do
		give_all $node g "$grown"
		expect_code 100
	done
	printf '%s\n' "${!owner[@]}" | sort -V >"$BATS_TEST_TMPDIR/live"
	printf '10.9.0.%s\n' {1..30} | diff - "$BATS_TEST_TMPDIR/live" || fail "all of it, the drained ${drained[*]} as well"
	gc_owned "$grown"
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
	rm -f /var/lib/cni/$node/.down.*
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
	needs_faketime
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
	touch -d tomorrow "$(down_file)"
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

@test "an etcd that hangs up, or is not there, is not waited for" {
	local start=$SECONDS w
	etcd_proxy_start
	for w in refuse lose cut; do
		plan $w
		url=http://127.0.0.1:2378 add_id "$w" '.ipam.etcd.timeout = 30000'
		expect_code 11 'etcd cannot be reached'
		rm -f /var/lib/cni/$node/.down.*
	done
	etcd_stop
	add_id a '.ipam.etcd.timeout = 30000'
	expect_code 11 'etcd cannot be reached'
	((SECONDS - start < 25)) || fail "less than the timeout, not $((SECONDS - start)) s"
}

@test "a request that nobody answers is made again in the time that a call has, and done once" {
	local w start n=0 small='.ipam.range = "10.9.0.0/27" | .ipam.etcd.timeout = 15000'
	etcd_proxy_start
	url=http://127.0.0.1:2378
	for w in hold mute; do
		plan $w pass
		start=$SECONDS
		add_id $w "$small"
		expect_ok
		((SECONDS - start < 14)) || fail "before all of the time has gone, not $((SECONDS - start)) s"
		n=$((n + 1))
		[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq $n ] || fail "$n: $(etcd_keys /cnic/)"
	done
	ipam_conf=$small ipam verify
	[ "$status" -eq 0 ]
}

@test "an etcd that cannot be reached holds up no network of another one" {
	for _ in {1..5}; do # a moment is two seconds
		rm -f /var/lib/cni/$node/.down.*
		add_id a '.name = "other" | .ipam.etcd.endpoints = ["http://127.0.0.1:1"]'
		expect_code 11 'etcd cannot be reached'
		add_id b '.name = "other" | .ipam.etcd.endpoints = ["http://127.0.0.1:1"]'
		[[ $output != *'a moment ago'* ]] || break
	done
	expect_code 11 'a moment ago'
	add_id a
	expect_ok
	add_id c '.ipam.etcd.tls.ca = "/nosuch" | .ipam.etcd.endpoints = ["https://127.0.0.1:2379"] | .name = "tls"'
	expect_code 11
	kill -STOP "${etcd_pid[one]}"
	node=n2 add_id a '.ipam.etcd.timeout = 300'
	expect_code 11 'etcd cannot be reached'
	[ -f "$(node=n2 down_file)" ] || fail "the name that down_file tells"
	kill -CONT "${etcd_pid[one]}"
}

# while_down COMMAND... : a second after the current node has found that $url cannot be reached; where libfaketime can be
# used, however long it takes.
while_down() {
	if has_faketime; then
		touch -d '2001-09-09 01:46:40 UTC' "$(down_file)"
		TZ=UTC NO_FAKE_STAT=1 DONT_FAKE_MONOTONIC=1 at '2001-09-09 01:46:41' "$@"
	else
		touch "$(down_file)"
		"$@"
	fi
}

@test "DEL of a single address without etcd: stock, for the next ADD; with it, the address is free" {
	local small='.ipam.range = "10.9.0.0/28"' ip
	add_id c1 "$small"
	expect_ok
	ip=$(ip_of)
	kill -STOP "${etcd_pid[one]}"
	while_down del_id c1 "$small" # not asked: it is certain that nothing was sent
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

@test "GC without a list frees the single addresses of earlier boots" {
	local small='.ipam.range = "10.9.0.0/28"' boot_id=/proc/sys/kernel/random/boot_id
	add_id c1 "$small"
	expect_ok
	add_id c2 "$small | .ipam.claim = \"vm\""
	expect_ok
	gc cluster <<<"$(conf "$small")"
	expect_silent
	json_is "$(state .singles)" 'map(.id)' '["c1","c2"]'
	echo 01234567-89ab-cdef-0123-456789abcdef >"$BATS_TEST_TMPDIR/boot"
	mount --bind "$BATS_TEST_TMPDIR/boot" $boot_id
	add_id c3 "$small"
	expect_ok
	gc cluster <<<"$(conf "$small")"
	umount $boot_id
	expect_silent
	json_is "$(state .singles)" 'map(.id)' '["c3"]'
	[ "$(etcd_keys /cnic/v1/n/addr/ | grep -c '"node":""')" -eq 1 ] && [ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 2 ] ||
		fail "c3's address, and the claim's, which nobody has"
}

@test "GC keeps an empty block of each range: the next ADD needs no etcd" {
	local two='.ipam.ipRanges = [{range: "fd00:9::/64"}]' i
	for i in 1 2 3; do
		add_id "c$i" "$two | .ipam += {blockSize: 30, blockSize6: 126}"
		expect_ok
	done
	gc_valid "$two | .ipam += {blockSize: 30, blockSize6: 126, blockIdle: 0}"
	expect_silent
	gc_valid "$two | .ipam += {blockSize: 30, blockSize6: 126, blockIdle: 0}"
	expect_silent
	[ "$(etcd_keys /cnic/v1/n/block/ | wc -l)" -eq 2 ] || fail "one of each: $(etcd_keys /cnic/v1/n/block/)"
	etcd_stop
	add_id d "$two | .ipam += {blockSize: 30, blockSize6: 126}"
	expect_ok
}

@test "answers that are lost, late, cut, given twice: nothing is lost, nothing given twice" {
	local i w small='.ipam += {range: "10.9.0.0/27", etcd: {endpoints: ["http://127.0.0.1:2378"], timeout: 800}}'
	etcd_proxy_start
	for w in refuse lose late cut twice delay; do
		plan "$w" pass
		add_id "$w" "$small"
		rm -f /var/lib/cni/$node/.down.*
		del_id "$w" "$small"
		rm -f /var/lib/cni/$node/.down.*
		add_id "x$w" "$small"
		expect_ok
		plan "$w" pass
		del_id "x$w" "$small"
		rm -f /var/lib/cni/$node/.down.*
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

# through PLAN COMMAND... : the proxy does so to the requests of the command; then, behind $between, it is done again,
# and succeeds.
through() {
	local words=$1
	shift
	# shellcheck disable=SC2086
	plan $words pass
	url=http://127.0.0.1:2378 "$@"
	[ "$status" -eq 0 ] || expect_code 11
	${between:+"$between"}
	rm -f "/var/lib/cni/$node"/.down.*
	"$@"
	[ "$status" -eq 0 ] || fail "the second time to be well"
}

# all_is_well WORD KEYS : what is late has come by then.
all_is_well() {
	[ "$1" != late ] || sleep 1.2
	ipam_conf=$2 ipam verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "nothing to find after $1"
}

has() { # BLOCKS SINGLES WORD : so many, in etcd and by the state
	json_is "$(state .)" '[(.blocks | length), (.singles | length), .pending]' "[$1,$2,null]"
	[ "$(etcd_keys /cnic/v1/n/block/ | grep -c "$(cut -d' ' -f1 "/var/lib/cni/$node/.node")")" -eq "$1" ] || fail "blocks after $3: $(etcd_keys /cnic/)"
	[ "$(etcd_keys /cnic/v1/n/addr/ | grep -c "$(cut -d' ' -f1 "/var/lib/cni/$node/.node")")" -eq "$2" ] || fail "singles after $3: $(etcd_keys /cnic/)"
}

@test "claims and returns of blocks that are lost, late, cut, done twice: nothing is lost, nothing given twice" {
	local i w ip live='' keys='.ipam += {range: "10.9.0.0/24", blockSize: 30, blockIdle: 0}'
	etcd_proxy_start
	for w in refuse lose late cut twice delay; do
		node=$w all=$live
		for i in {1..5}; do # the fifth is in another block
			((i % 4 == 1)) && through "$w" add_id "c$i" "$keys" || add_id "c$i" "$keys"
			ip=$(ip_of)
			all+=$ip$'\n'
		done
		no_duplicates
		all_is_well "$w" "$keys"
		has 2 0 "$w"
		for i in 1 2 3 4; do
			del_id "c$i" "$keys"
		done
		through "$w" gc_valid "$keys" c5/eth0
		all_is_well "$w" "$keys"
		has 1 0 "$w"
		add_id c5 "$keys"
		[ "$(ip_of)" = "$ip" ] || fail "c5 to have $ip"
		live+=$ip$'\n'
	done
}

@test "claims that are lost, late, cut, done twice, the first time and later: the address stays" {
	local w n ip keys
	etcd_proxy_start
	for w in refuse lose late cut twice delay; do
		node=$w keys=".ipam.claim = \"$w\""
		through "pass $w" add_id c "$keys" # it is read before that
		ip=$(ip_of)
		all+=$ip$'\n'
		through "$w" del_id c "$keys"
		for n in '' 'pass ' 'pass pass '; do # the claim, its address, the transaction
			through "$n$w" add_id d "$keys"
			[ "$(ip_of)" = "$ip" ] || fail "$ip after $n$w"
			del_id d "$keys"
		done
		node=n2 add_id e "$keys"
		[ "$(ip_of)" = "$ip" ] || fail "$ip on another node"
		node=n2 del_id e "$keys"
		all_is_well "$w" "$keys"
		has 0 0 "$w"
	done
	no_duplicates
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 6 ] && [ "$(etcd_keys /cnic/v1/n/claim/ | wc -l)" -eq 6 ] || fail "one for each claim"
}

@test "GC's returns of single addresses that are lost, late, cut, done twice: nothing stays, nothing of another's goes" {
	local i w keys='.ipam.range = "10.9.0.1-10.9.0.2/24"' between=take_free
	take_free() {
		node=n2 add_id x "$keys"
	}
	etcd_proxy_start
	for w in refuse lose late cut twice delay; do
		for i in '' 'pass '; do
			add_id a "$keys"
			add_id b "$keys | .ipam.claim = \"vm\""
			expect_ok
			through "$i$w" gc_valid "$keys"
			has 0 0 "$w"
			take_free
			node=n2 all_is_well "$w" "$keys"
			node=n2 has 0 1 "$w"
			node=n2 del_id x "$keys"
		done
		all_is_well '' "$keys"
	done
}

# again : what the plan had of that name reaches etcd once more.
again() {
	python3 -c 'import urllib.request; urllib.request.urlopen("http://127.0.0.1:2378/")'
}

@test "a transaction that was refused and comes again, when it would not be refused any more, does nothing" {
	local keys='.ipam.range = "10.9.0.0/27"' asked='.args.cni.ips = ["10.9.0.20"]'
	etcd_proxy_start
	add_id a0 "$keys"
	expect_ok
	node=n2 add_id b "$keys | $asked"
	expect_ok
	plan again again pass
	url=http://127.0.0.1:2378 add_id a1 "$keys | $asked"
	expect_code 101 10.9.0.20
	node=n2 del_id b "$keys"
	again
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 1 ] || fail "nobody has 10.9.0.20: $(etcd_keys /cnic/)"
	add_id a2 "$keys"
	expect_ok
	gc_valid "$keys" a0/eth0
	expect_silent
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

@test "networks of one network_name share sticky keys; those of another have their own" {
	local ip claim='.ipam.claim = "db"' two='.name = "two"'
	add_id a "$claim"
	ip=$(ip_of)
	node=n2 add_id b "$claim | $two"
	expect_code 11 'still held'
	del_id a "$claim"
	node=n2 add_id b "$claim | $two"
	[ "$(ip_of)" = "$ip" ] || fail "$ip in the other network"
	gc_valid "$claim"
	expect_silent
	add_id a "$claim"
	expect_code 11 'still held'
	node=n2 del_id b "$claim | $two"
	add_id c "$claim | $two | .ipam.range = \"10.8.0.0/16\""
	expect_code 7 'cnic ipam release-claim'
	add_id c "$claim | $two | .ipam += {range: \"10.8.0.0/16\", network_name: \"two\"}"
	expect_ok
	add_id a "$claim"
	[ "$(ip_of)" = "$ip" ] || fail "$ip still"
}

@test "an ADD that fails keeps no address for its key" {
	local two='.ipam += {range: "10.9.0.0/29", ipRanges: [{range: "10.8.0.0/32"}]}' before
	add_id a "$two | .ipam.claim = \"a\""
	expect_ok
	before=$(etcd_keys /cnic/v1/n/addr/)$(etcd_keys /cnic/v1/n/claim/)
	for i in 1 2; do
		node=n$i add_id b "$two | .ipam.claim = \"b\""
		expect_code 100
		node=n$i add_id c "$two"
		expect_code 100
		json_is "$(node=n$i state '.singles | map(.id)')" . "[$([ $i = 2 ] || echo '"a","a"')]"
	done
	[ "$(etcd_keys /cnic/v1/n/addr/)$(etcd_keys /cnic/v1/n/claim/)" = "$before" ] || fail "nothing of b: $(etcd_keys /cnic/)"
	del_id a "$two"
	node=n2 add_id b "$two | .ipam.claim = \"a\" | .runtimeConfig.ips = [\"10.9.0.9\"]"
	expect_code 7
	[ "$(etcd_keys /cnic/v1/n/claim/ | wc -l)" -eq 2 ]
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
		rm -f /var/lib/cni/$node/.down.*
		add_id a '.ipam.etcd.timeout = 500'
		[ "$status" -eq 1 ] && json_is "$output" '.msg | test("etcd")' true
		wait "$n"
	done
}

@test "endpoints that are none are named; IPv6 is one" {
	local e
	for e in http:// http://:2379 http://127.0.0.1:0 http://127.0.0.1:99999 http://127.0.0.1:2379x http://127.0.0.1:2379/ \
		http://127.0.0.1:2379/v3 'http://127.0.0.1:2379?x=' 'http://127.0.0.1:2379#x' http://cni:secret@127.0.0.1:2379 \
		'http://[::1' 'http://[]:2379' 'http://[::1]2379' 127.0.0.1:2379 ftp://127.0.0.1:2379 ''; do
		add_id a ".ipam.etcd.endpoints = [\"$url\", \"$e\"]"
		expect_code 7 'ipam.etcd.endpoints[1]'
	done
	etcd_stop
	etcd_start --listen-client-urls 'http://127.0.0.1:2379,http://[::1]:2379'
	for e in '[::1]:2379' localhost:2379; do
		add_id "c${#e}" ".ipam.etcd.endpoints = [\"http://$e\"] | .name = \"net${#e}\""
		expect_ok
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
	node=n2 add_id d '.ipam.range = "10.9.254.0/30"'
	expect_ok
	etcd_put /cnic/v1/n/cfg '[]'
	node=n3 add_id e
	expect_code 999 "/cnic/v1/n/cfg is none of cluster's"
	del_id a
	etcd_keys /cnic/ | grep -qx '/cnic/else z'
	[ "$(etcd_keys /cnicother/)" = "/cnicother/x y" ]
}

@test "a claim that somebody has put into a block is not given" {
	local ip key
	add_id a
	ip=$(ip_of)
	key=$(etcd_keys /cnic/v1/n/block/ | cut -d' ' -f1)
	key=${key/block/addr}
	etcd_put "${key%?}9" '{"node":"","network":"net","claim":"claim/db"}'
	etcd_put /cnic/v1/n/claim/claim%2Fdb,0 "{\"addr\":\"${ip%.*}.$((0x${key: -2:1}9))\"}"
	node=n2 add_id b '.ipam.claim = "db"'
	expect_code 999 "${key%?}9 of the claim claim/db lies in a block"
	ipam verify
	says 'lies in block'
}

@test "a key with a NUL under our prefix: it is named, and in nobody's way" {
	local key
	add_id a
	expect_ok
	for key in addr/40a09ff01 block/40a0900 block/40a09ff00 x; do
		etcd_post /v3/kv/put "{\"key\":\"$(printf '/cnic/v1/n/%s\0z' "$key" | base64 -w 0)\",\"value\":\"eA==\"}"
	done
	node=n2 add_id b
	expect_ok
	node=n2 add_id c '.ipam.claim = "db"'
	expect_ok
	ipam verify
	[ "$status" -eq 1 ]
	says '/cnic/v1/n/block/40a0900%00z: is none of cluster'
	says '/cnic/v1/n/x%00z: is none of cluster'
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

@test "poolVersion is raised by who finds nothing left, too" {
	local small='.ipam += {range: "10.9.0.0/30", poolVersion: 1}'
	local large='.ipam += {range: "10.9.0.0/28", poolVersion: 1}'
	for i in a b; do
		add_id $i "$small"
		expect_ok
	done
	for i in c d; do # with what was known, then with what is
		add_id $i "$small | .ipam.poolVersion = 2"
		expect_code 100
	done
	node=n2 add_id e "$large"
	expect_code 7 'the pool is at 2'
	add_id f "$large | .ipam.poolVersion = 3"
	expect_ok
	node=n2 add_id e "$large | .ipam.poolVersion = 4"
	expect_ok
	add_id g "$small | .ipam.poolVersion = 3"
	expect_code 7 'the pool is at 4'
}

# exhausted_at ID VERSION [JQ] : an ADD of a pool with two addresses, which are gone.
exhausted_at() {
	add_id "$1" ".ipam += {range: \"10.9.0.0/30\", poolVersion: $2} | ${3:-.}"
}

pool_version() {
	etcd_keys /cnic/v1/n/ | sed -n 's/.*cfg //p' | jq .version
}

@test "poolVersion is raised where a pool is exhausted, whoever else does so, and whatever becomes of the request" {
	local w adding patient='.ipam.etcd.timeout = 30000'
	etcd_proxy_start
	for node in n1 n2; do
		exhausted_at a 1
		expect_ok
	done
	# another raises it meanwhile, to a lower one
	plan pass gate # what is asked again waits there, too
	node=n2 url=http://127.0.0.1:2378 exhausted_at b 3 "$patient" >"$BATS_TEST_TMPDIR/said" 2>&1 &
	adding=$!
	gate_is_reached
	node=n1 exhausted_at b 2
	expect_code 100
	[ "$(pool_version)" -eq 2 ] || fail "2 for now"
	gate_opens
	wait $adding
	grep -q '"code":100' "$BATS_TEST_TMPDIR/said" || fail "exhausted: $(<"$BATS_TEST_TMPDIR/said")"
	[ "$(pool_version)" -eq 3 ] || fail "3 by the one that had to wait, not $(pool_version)"
	# and to a higher one
	plan pass gate # what is asked again waits there, too
	node=n2 url=http://127.0.0.1:2378 exhausted_at b 4 "$patient" >"$BATS_TEST_TMPDIR/said" 2>&1 &
	adding=$!
	gate_is_reached
	node=n1 exhausted_at b 5
	expect_code 100
	gate_opens
	wait $adding
	grep -q 'the pool is at 5' "$BATS_TEST_TMPDIR/said" || fail "an old one: $(<"$BATS_TEST_TMPDIR/said")"
	[ "$(pool_version)" -eq 5 ]
	# with other blocks nothing is raised
	exhausted_at c 6 '.ipam.blockSize = 29'
	expect_code 7 'blocks of /26'
	node=n3 exhausted_at c 6 '.ipam.blockSize = 29'
	expect_code 7 'blocks of /26'
	[ "$(pool_version)" -eq 5 ]
	# the request, or its answer, is lost
	local version=5
	for w in refuse lose late cut twice; do
		version=$((version + 1))
		plan pass "$w" pass
		url=http://127.0.0.1:2378 exhausted_at d "$version"
		[ "$w" = twice ] || expect_code 11 'etcd'
		[ "$w" != late ] || sleep 1.2
		rm -f /var/lib/cni/$node/.down.*
		exhausted_at d "$version"
		expect_code 100
		[ "$(pool_version)" -eq $version ] || fail "$version after $w"
		json_is "$(state .)" '[.version, .pending, (.singles | length)]' "[$version,null,1]"
	done
	node=n2 exhausted_at e 9
	expect_code 7 "the pool is at $version"
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

@test "a pool of more single addresses than one answer lists: exhausted is said, and the last one is found" {
	local i keys='.ipam += {range: "10.9.0.1-10.9.7.190/16"}'
	etcd_proxy_start
	url=http://127.0.0.1:2378
	for i in {1..1982}; do
		printf '/cnic/v1/n/addr/4%08x\n' $((0x0a090000 + i))
	done | etcd_put_all '{"node":"x","network":"net","claim":""}'
	add_id a "$keys"
	expect_code 100 'no IP addresses available'
	(($(requests) <= 10)) || fail "few requests, not $(requests)"
	status_of cluster <<<"$(conf "$keys")"
	expect_code 50
	for i in 1 700 1982; do
		etcd_delete "$(printf '/cnic/v1/n/addr/4%08x' $((0x0a090000 + i)))"
		status_of cluster <<<"$(conf "$keys")"
		expect_silent
		add_id "n$i" "$keys"
		expect_ok
	done
	[ "$(ip_of)" = 10.9.7.190/16 ]
	add_id a "$keys"
	expect_code 100
	status_of cluster <<<"$(conf "$keys")"
	expect_code 50
}

@test "blocks that others have, more than one answer lists, are gone round once" {
	local i keys='.ipam += {range: "10.9.0.0/19", blockSize: 30}'
	etcd_proxy_start
	url=http://127.0.0.1:2378
	for i in {0..1535}; do
		printf '/cnic/v1/n/block/4%08x\n' $((0x0a090000 + 4 * i))
	done | etcd_put_all '{"node":"x","network":"net","claim":""}'
	add_id a "$keys"
	expect_ok
	[ "$(state '[(.blocks | length), (.singles | length)]')" = '[0,1]' ]
	(($(requests) <= 10)) || fail "few requests, not $(requests)"
	etcd_delete "$(printf '/cnic/v1/n/block/4%08x' $((0x0a090000 + 4 * 700)))"
	add_id b "$keys"
	expect_ok
	[ "$(state '.blocks[0].base')" = '"10.9.10.240/30"' ]
}

@test "without cnic-etcd the error says so" {
	mkdir "$BATS_TEST_TMPDIR/bin"
	cp "$PLUGINS/cluster" "$BATS_TEST_TMPDIR/bin/"
	PLUGINS=$BATS_TEST_TMPDIR/bin add_id a
	expect_code 2 'make CLUSTER=1'
}

# ---- a network that has moved ----------------------------------------------------------------

# move_from OLD : two blocks, a single address, and a claim's are in the old place; of all but c1 there is a DEL.
move_from() {
	local i old="$1 | .ipam += {blockSize: 30, blockIdle: 60}"
	rm -rf "/var/lib/cni/$node"
	etcd_delete_all /
	for i in {1..5}; do
		add_id "c$i" "$old"
		expect_ok
	done
	add_id vm "$old | .ipam.claim = \"vm\""
	expect_ok
	add_id asked "$old | .runtimeConfig.ips = [\"10.9.255.9\"]"
	expect_ok
	json_is "$(state .)" '[.blocks, .singles | length]' '[2,2]'
}

# moved_keys KIND : what is there, of either place.
moved_keys() {
	{
		etcd_keys /
		jq -r '.kvs // [] | .[] | "\(.key) \(.value)"' "/var/lib/cni/$node/.kv" 2>/dev/null || true
	} | grep "/v1/n[a-z]*/$1/" || true
}

@test "a network that has moved to another prefix, name, or to etcd: GC gives back what it had in the old place" {
	local old new i
	while IFS=';' read -r old new; do
		move_from "$old"
		for i in c2 c3 c4 vm; do
			del_id "$i" "$new"
		done
		add_id c1 "$new"
		expect_ok
		gc_valid "$new" c1/eth0 c5/eth0 # both blocks are in use, or another one
		expect_silent
		[ "$(grep -l '^c[15]' "/var/lib/cni/$node/net"/10.* | wc -l)" -eq 2 ] || fail "what is valid to stay, of $old"
		del_id c1 "$new"
		gc_valid "$new" c5/eth0
		expect_silent
		[ "$(moved_keys block | wc -l)" -eq 1 ] || fail "c5's block, of $old"
		gc_valid "$new"
		expect_silent
		[ -z "$(moved_keys block)" ] || fail "no block of $old: $(moved_keys block)"
		[[ $(moved_keys addr) = *'{"node":"",'*'"claim":"claim/vm"}' ]] || fail "the claim's address of $old: $(moved_keys addr)"
		[ "$(moved_keys addr | wc -l)" -eq 1 ] || fail "that alone of $old: $(moved_keys addr)"
	done <<-'END'
		.;.ipam.etcd.prefix = "/other"
		.;.ipam.network_name = "other"
		del(.ipam.etcd);.
	END
}

@test "a network that has moved where its old place cannot be reached: GC does all else, and says how that ends" {
	local away='del(.ipam.etcd)' uuid
	move_from .
	uuid=$(cut -d' ' -f1 "/var/lib/cni/$node/.node")
	for i in 1 2; do
		gc_valid "$away" c1/eth0
		expect_silent
		[[ $errors = *"/cnic/v1/n: "*"2 blocks and 2 single addresses"*"cnic ipam release-node $uuid"*"/var/lib/cni/n1/.state/net/%2Fcnic%2Fv1%2Fn"* ]] || fail "to say it"
		[ "$(cat /var/lib/cni/n1/net/10.*)" = $'c1\r\neth0' ] || fail "c1's reservation alone"
	done
	json_is "$(state .singles)" 'map(.id)' '["",""]'
	gc_valid . c1/eth0 # it is back
	expect_silent
	has 2 0 back
	# once it is released there as it was told, nothing is said any more
	ipam release-node "$uuid"
	[ "$status" -eq 0 ]
	rm "/var/lib/cni/n1/.state/net/%2Fcnic%2Fv1%2Fn"
	gc_valid "$away" c1/eth0
	expect_silent
	[ -z "$errors" ] || fail "nothing to say"
	ipam verify
	says '10.9.'
}

@test "a network that has moved from a prefix that its user may not use: GC does all else, and says how that ends" {
	local user='.ipam.etcd += {user: "cni", password: "secret"}'
	move_from '.ipam.etcd.prefix = "/old"'
	etcd_users
	gc_valid "$user" c1/eth0
	expect_silent
	[[ $errors = *"/old/v1/n: "*'may not use the prefix'*'release-node'* ]] || fail "to say it"
	add_id n1 "$user"
	expect_ok
	gc_valid "$user | .ipam.etcd.user = \"root\"" n1/eth0
	expect_silent
	[ -z "$errors" ]
	json_is "$(cat /var/lib/cni/n1/.state/net/%2Fold*)" '[.blocks, .singles | length]' '[0,0]'
}

@test "a network that has moved to another etcd and back: what it has there is its own still" {
	local there='.ipam.etcd += {endpoints: ["http://127.0.0.2:2379"], prefix: "/other"}'
	move_from .
	rm -rf "$ETCD_DIR/two"
	etcd_member two 127.0.0.2 http two=http://127.0.0.2:2380
	etcd_await http://127.0.0.2:2379
	del_id c5 "$there"
	del_id vm "$there"
	for i in 1 2; do
		gc_valid "$there" c1/eth0
		expect_silent
		[[ $errors = *"/cnic/v1/n: "*'another etcd'*'release-node'* ]] || fail "to say it: $errors"
	done
	gc_valid . c1/eth0
	expect_silent
	add_id c6 '.ipam.blockSize = 30'
	expect_ok
	ipam verify
	[ "$status" -eq 0 ] || fail "all is well: $output"
}

@test "GC on a copy of another machine's directory gives back nothing of that one's" {
	local old='.ipam += {blockSize: 30, blockIdle: 0}' new uuid before
	for new in "$old" "$old | .ipam.network_name = \"other\""; do
		move_from .
		del_id vm "$old"
		del_id asked "$old"
		read -r uuid _ </var/lib/cni/n1/.node
		before=$(etcd_keys /cnic/v1/n/ | grep "$uuid")
		rm -rf /var/lib/cni/n2
		cp -r /var/lib/cni/n1 /var/lib/cni/n2
		echo "$uuid 0123456789abcdef0123456789abcdef" >/var/lib/cni/n2/.node
		node=n2 gc_valid "$new"
		[ "$(etcd_keys /cnic/v1/n/ | grep "$uuid")" = "$before" ] ||
			fail "all that n1 has: $(diff <(etcd_keys /cnic/v1/n/ | grep "$uuid") - <<<"$before")"
		expect_silent
	done
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

@test "cnic ipam show tells how many addresses are left while etcd is away" {
	add_id a
	add_id s '.ipam.claim = "vm"'
	etcd_stop
	add_id b
	expect_ok
	ipam show
	[ "$status" -eq 1 ]
	says 'etcd cannot be reached'
	says ': 2 held, of 64 that the configuration gives'
	says ': s eth0, claim claim/vm'
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

@test "more under our prefix than an answer may have: it says so, and where" {
	local i verb
	add_id a
	for i in {1..24}; do
		{ printf '{"key":"%s","value":"' "$(b64 "/cnic/v1/n/junk$i")" && head -c 1100000 /dev/zero | base64 -w 0 && printf '"}'; } >"$BATS_TEST_TMPDIR/put"
		etcd_curl http://127.0.0.1:2379/v3/kv/put -d "@$BATS_TEST_TMPDIR/put" >/dev/null
	done
	for verb in verify show 'trace 10.9.0.1'; do
		# shellcheck disable=SC2086
		ipam $verb
		[ "$status" -eq 1 ]
		says '/cnic/v1/n/: '
		says 'the answer is too large: more than 32 MB'
	done
	add_id b '.ipam.claim = "vm"'
	expect_ok
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

# tool_through PLAN VERB ARG : the proxy does so to its requests; then it is called again, if it has not ended well.
tool_through() {
	local words=$1
	shift
	# shellcheck disable=SC2086
	plan $words pass
	node=n2 url=http://127.0.0.1:2378 ipam "$@"
	[ "$status" -ne 0 ] || return 0
	[[ $words != *late ]] || sleep 1.2
	node=n2 ipam "$@"
}

@test "release-node and release-claim whose requests are lost, late, done twice: once more ends it" {
	local w
	etcd_proxy_start
	for w in pass\ {lose,twice} pass\ pass\ lose pass\ pass\ pass\ {twice,late}; do # register, block, address
		rm -rf /var/lib/cni/n1
		add_id a
		add_id b '.ipam.claim = "vm"'
		expect_ok
		tool_through "$w" release-node "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
		[ -z "$(etcd_keys /cnic/v1/n/block/)$(etcd_keys /cnic/v1/n/node/)" ] || fail "nothing of it after $w: $(etcd_keys /cnic/)"
		node=n2 all_is_well '' .
		[ "$w" != "pass lose" ] && [ "$w" != "pass twice" ] || tool_through "$w" release-claim claim/vm
		node=n2 all_is_well '' .
	done
	tool_through pass release-claim claim/vm
	[ -z "$(etcd_keys /cnic/v1/n/addr/)$(etcd_keys /cnic/v1/n/claim/)" ] || fail "no claim: $(etcd_keys /cnic/)"
}

# release_alive UUID : by another node, while that one lives; its next ADD of $keys says so.
release_alive() {
	node=n2 ipam release-node "$1"
	[ "$status" -eq 0 ]
	add_id told "$keys"
	expect_code 11 'was released'
}

@test "a node that is released while it lives gives no address that its own attachments have" {
	local keys i held
	local three='.ipam += {range: "10.9.0.0/28", exclude: ["10.9.0.4/32", "10.9.0.8/32"]}' # of each block
	for keys in "$three" "$three | .ipam.blockSize = 30"; do
		rm -rf /var/lib/cni/n1
		all=
		for i in {1..6}; do
			add_id "c$i" "$keys"
			expect_ok
			all+=$(ip_of)$'\n'
		done
		held=$all
		release_alive "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
		for i in {1..6}; do
			add_id "d$i" "$keys"
			expect_ok
			all+=$(ip_of)$'\n'
		done
		no_duplicates
		add_id e "$keys"
		expect_code 100
		status_of cluster <<<"$(conf "$keys")"
		expect_code 50
		add_id e "$keys | .runtimeConfig.ips = [\"$(head -n 1 <<<"$held" | cut -d/ -f1)\"]"
		expect_code 101
		for i in {1..6}; do
			add_id "c$i" "$keys"
			[ "$(ip_of)" = "$(sed -n "${i}p" <<<"$held")" ] || fail "c$i to have what it had"
			CID=c$i check cluster <<<"$(with_result "$(conf "$keys")")"
			expect_silent
		done
		# gone by DEL, and by GC
		del_id c1 "$keys"
		gc_valid "$keys" {c{2,3,4,5},d{1,2,3,4,5,6}}/eth0
		expect_silent
		for i in 1 2; do
			add_id "f$i" "$keys"
			expect_ok
			[[ $(ip_of) = @($(sed -n 1p <<<"$held")|$(sed -n 6p <<<"$held")) ]] || fail "c1's or c6's"
		done
		etcd_delete_all /cnic/
	done
}

@test "a node that is released while it lives claims its blocks again, however many are full" {
	local keys='.ipam += {blockSize: 30, exclude: ["10.9.0.0/30"]}' i # all blocks of four
	for i in {1..32}; do
		add_id "c$i" "$keys"
		expect_ok
		all+=$(ip_of)$'\n'
	done
	release_alive "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
	add_id d "$keys"
	expect_ok
	all+=$(ip_of)$'\n'
	no_duplicates
	ipam verify
	[ "$status" -eq 0 ] && [ -z "$output" ] || fail "all to be in a block of this node"
}

@test "a node that is released while it lives: a claim's address stays its attachment's" {
	local keys='.ipam.claim = "vm"' ip
	add_id a "$keys"
	ip=$(ip_of)
	release_alive "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
	add_id b "$keys"
	expect_code 11 'still held by a'
	add_id a "$keys"
	[ "$(ip_of)" = "$ip" ]
	del_id a "$keys"
	add_id b "$keys"
	expect_ok
	[ "$(ip_of)" = "$ip" ]
}

@test "a node that is released between two addresses of an ADD keeps neither" {
	local keys='.ipam += {range: "10.9.0.0/28", ipRanges: [{range: "10.8.0.0/28"}]}' adding
	etcd_proxy_start
	url=http://127.0.0.1:2378
	add_id a "$keys"
	plan pass gate
	add_id b "$keys | .ipam.etcd.timeout = 30000" >"$BATS_TEST_TMPDIR/said" 2>&1 &
	adding=$!
	gate_is_reached
	node=n2 url=http://127.0.0.1:2379 ipam release-node "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
	[ "$status" -eq 0 ]
	gate_opens
	wait $adding
	grep -q 'was released' "$BATS_TEST_TMPDIR/said" || fail "$(<"$BATS_TEST_TMPDIR/said")"
	[ "$(find /var/lib/cni/n1/net -name '10.*' -exec grep -l '^a' {} + | wc -l)" -eq 2 ] || fail "a's two to be kept"
	[ "$(find /var/lib/cni/n1/net -name '10.*' | wc -l)" -eq 2 ] || fail "nothing of b's"
}

@test "a node that is released while it is off: what was given in an earlier boot is not kept" {
	local keys='.ipam.range = "10.9.0.0/28"' boot_id=/proc/sys/kernel/random/boot_id
	add_id a "$keys"
	expect_ok
	echo 01234567-89ab-cdef-0123-456789abcdef >"$BATS_TEST_TMPDIR/boot"
	mount --bind "$BATS_TEST_TMPDIR/boot" $boot_id
	release_alive "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
	umount $boot_id
	[ -z "$(find /var/lib/cni/n1/net -name '10.*')" ]
}

@test "a register that is overwritten: verify names it, release-node ends it" {
	local key
	add_id a
	key=$(etcd_keys /cnic/v1/n/node/ | cut -d' ' -f1)
	for value in junk '{"node":"x"}'; do
		etcd_put "$key" "$value"
		add_id b '.ipam.claim = "vm"'
		expect_code 999 "$key is no register"
		node=n2 ipam verify
		[ "$status" -eq 1 ]
		says "$key: is none of cluster"
		node=n2 ipam release-node "$(cut -d' ' -f1 /var/lib/cni/n1/.node)"
		[ "$status" -eq 0 ]
		[ -z "$(etcd_keys /cnic/v1/n/node/)" ] || fail "the register to go"
		add_id b '.ipam.claim = "vm"'
		expect_code 11 'was released'
		add_id b '.ipam.claim = "vm"'
		expect_ok
		del_id b '.ipam.claim = "vm"'
	done
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
