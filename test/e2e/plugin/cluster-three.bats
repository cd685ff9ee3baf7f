#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2046,SC2154
# cluster on three members of etcd: TLS, users, members that die, stop, are cut off, while nodes ask.

load ../lib
load ../etcd

setup() {
	host_setup
	needs_etcd
	command -v openssl >/dev/null || skip "there is no openssl"
	export CNI_NETNS=/run/netns/none
	node=n1 scheme=https etcd_tls=1 etcd_scheme=https
	etcd_url=https://127.0.0.11:2379
	endpoints='["https://127.0.0.11:2379","https://127.0.0.12:2379","https://127.0.0.13:2379"]'
}

teardown() {
	nft flush ruleset
	etcd_stop
	umount "$ETCD_DIR" 2>/dev/null || true
	host_clean
}

# conf [JQ]
conf() {
	jq -c --arg dir "/var/lib/cni/$node" --argjson urls "$endpoints" --arg d "$ETCD_DIR" '.ipam += {dataDir: $dir,
		etcd: {endpoints: $urls, tls: {ca: "\($d)/ca.crt", cert: "\($d)/client.crt", key: "\($d)/client.key"}}} | '"${1:-.}" \
		<<<'{"cniVersion": "1.1.0", "name": "net", "type": "none", "ipam": {"type": "cluster", "range": "10.9.0.0/24"}}'
}

add_id() {
	CID=$1 add cluster <<<"$(conf "${2:-.}")"
}

members() {
	etcd_cert server /CN=etcd "${1:-serverAuth,clientAuth}"
	etcd_cert client "${2:-/CN=cni}" clientAuth
	etcd_start_three https $(etcd_tls_options)
}

@test "TLS: with our certificate, and not without it, nor to a server of another authority" {
	members
	add_id a
	expect_ok
	add_id b 'del(.ipam.etcd.tls.cert, .ipam.etcd.tls.key)'
	expect_code 11 'etcd cannot be reached'
	rm -f /var/lib/cni/$node/.down.*
	add_id b 'del(.ipam.etcd.tls)'
	expect_code 11 certificate
	rm -f /var/lib/cni/$node/.down.*
	add_id b '.ipam.etcd.tls.ca = "/nosuch"'
	expect_code 11 nosuch
	rm -f /var/lib/cni/$node/.down.*
	# of another authority, of another key, a member by another name than its certificate's
	(
		ETCD_DIR=$ETCD_DIR/other
		etcd_cert other /CN=cni clientAuth
	)
	add_id b '.ipam.etcd.tls += {cert: "\($d)/other/other.crt", key: "\($d)/other/other.key"}'
	expect_code 11 'certificate'
	rm -f /var/lib/cni/$node/.down.*
	add_id b '.ipam.etcd.tls.key = "\($d)/other/other.key"'
	expect_code 11 'other.key'
	rm -f /var/lib/cni/$node/.down.*
	add_id b '.ipam.etcd.endpoints = ["https://localhost:2379"]'
	expect_code 11 localhost
	rm -f /var/lib/cni/$node/.down.*
	[ "$(etcd_keys /cnic/v1/n/addr/ | wc -l)" -eq 1 ] || fail "nothing of b: $(etcd_keys /cnic/)"
	add_id b '.ipam.etcd.endpoints = ["https://localhost:2379", "https://127.0.0.11:2379"]'
	expect_ok
	[ -z "$(find /var/lib/cni -name '.token*')" ]
}

@test "a server's certificate without clientAuth: the error says what is wrong" {
	etcd_cert server /CN=etcd serverAuth
	etcd_cert client /CN=cni clientAuth
	mkdir -p "$ETCD_DIR"
	etcd_member one 127.0.0.11 https one=http://127.0.0.11:2380 $(etcd_tls_options)
	etcd_await "$etcd_url"
	add_id a '.ipam.etcd += {endpoints: ["https://127.0.0.11:2379"], timeout: 1500}'
	expect_code 11 clientAuth
}

@test "users: a token is asked for once, kept 0600, made anew when a member has forgotten it" {
	local file i
	members '' /
	etcd_users
	add_id a
	expect_code 7 'it wants a user'
	add_id a '.ipam.etcd += {user: "cni", password: "wrong"}'
	expect_code 7 'wrong user or password'
	add_id a '.ipam.etcd += {user: "cni", password: "secret"}'
	expect_ok
	file=$(find /var/lib/cni/$node -name '.token*')
	[ "$(stat -c %a "$file")" = 600 ]
	cp "$file" "$BATS_TEST_TMPDIR/token"
	echo secret >"$BATS_TEST_TMPDIR/password"
	for i in 1 2 3; do
		add_id "b$i" ".ipam.etcd += {user: \"cni\", passwordFile: \"$BATS_TEST_TMPDIR/password\"}"
		expect_ok
	done
	cmp "$file" "$BATS_TEST_TMPDIR/token" || fail "the same token"
	for text in '' x.1 $'a\nb'; do
		printf %s "$text" >"$file"
		add_id "c${#text}" '.ipam.etcd += {user: "cni", password: "secret"}'
		expect_ok
	done
	add_id d '.ipam.etcd += {user: "cni", password: "secret", prefix: "/other"}'
	expect_code 7 'may not use the prefix'
}

@test "users, and a certificate with a common name: the error says what is wrong" {
	members
	etcd_users
	add_id a '.ipam.etcd += {user: "cni", password: "secret"}'
	expect_code 7 'common name'
}

# ---- members that fail -----------------------------------------------------------------------

# Four nodes ask while there is trouble. What each of their calls was answered, and when, goes to history.NODE, for the
# checker, and to calls.NODE: "MS STATUS VERB ID CODE".

# By single addresses, each a transaction; by blocks of four, which come and go.
singles='.ipam += {range: "10.9.0.0/23"} | .ipam.etcd.timeout = 3000'
blocks='.ipam += {range: "10.9.0.0/22", blockSize: 30, blockIdle: 0} | .ipam.etcd.timeout = 3000'

# on NODE COMMAND... : as that node.
on() {
	"${@:2}"
}

# node_call VERB ID [CONF] : $status, $output, $began, $ended.
node_call() {
	began=${EPOCHREALTIME/./}
	output=$(CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_IFNAME=eth0 CNI_PATH=$PLUGINS on "$node" "$PLUGINS/cluster" \
		<<<"${3:-$conf}" 2>/dev/null 3>&-) && status=0 || status=1
	ended=${EPOCHREALTIME/./}
	[[ $output =~ \"code\":([0-9]+) ]] || true
	echo "$(((ended - began) / 1000)) $status $1 $2 ${BASH_REMATCH[1]:-}" >>"$BATS_TEST_TMPDIR/calls.$node"
}

# probe NODE : an ADD that has to ask.
probe() {
	local node=$1
	node_call ADD probe "$(conf "$blocks | .ipam.claim = \"$1\"")"
}

# end_of ID : if it has an address, a DEL.
end_of() {
	[ -n "${held[$1]:-}" ] || return 0
	node_call DEL "$1"
	echo "$node $1 ${held[$1]} $began $ended" >>"$BATS_TEST_TMPDIR/history.$node"
	unset "held[$1]"
}

# stream NODE JQ : attachments come, two of three go, GC comes by, until $going has gone and two more have come.
stream() {
	local i=0 more=2 node=$1 valid conf began ended status output
	local -A held=()
	conf=$(conf "$2")
	while ((more > 0 && ++i < 1000)); do
		node_call ADD "c$i"
		if [ "$status" -ne 0 ]; then
			sleep 0.1
		elif [[ $output =~ \"address\":\"([^\"]+) ]]; then
			held[c$i]="${BASH_REMATCH[1]} $began $ended"
			[ -e "$going" ] || more=$((more - 1))
		fi
		((i % 3)) || { end_of "c$((i - 1))" && end_of "c$((i - 2))"; }
		((i % 8)) && continue
		valid=("${!held[@]}")
		node_call GC all "$(with_valid "$conf" "${valid[@]/%//eth0}")"
	done
	for i in "${!held[@]}"; do
		echo "$node $i ${held[$i]} - -" >>"$BATS_TEST_TMPDIR/history.$node"
	done
}

# streams JQ : of nodes n1 to n4 at once; the function trouble beside.
streams() {
	local n pids=()
	going=$BATS_TEST_TMPDIR/going
	touch "$going"
	for n in 1 2 3 4; do
		stream "n$n" "$1" 3>&- &
		pids+=($!)
	done
	sleep 0.5
	trouble
	etcd_await_three https
	rm "$going"
	wait "${pids[@]}"
	all_is_well "$1"
}

tried() { # STATUS : so many ADDs
	awk -v status="$1" '$3 == "ADD" && $2 == status { n++ } END { print n + 0 }' "$BATS_TEST_TMPDIR/calls"
}

# What holds after every trouble: each address had one holder at a time, no call went beyond its bound, etcd has what the
# nodes have, and nothing is left of what has gone.
all_is_well() {
	local n slowest
	cat "$BATS_TEST_TMPDIR"/history.n? >"$BATS_TEST_TMPDIR/history"
	cat "$BATS_TEST_TMPDIR"/calls.n? >"$BATS_TEST_TMPDIR/calls"
	python3 "$TEST_DIR/cluster_history.py" check "$BATS_TEST_TMPDIR/history" || fail "one holder at a time"
	slowest=$(sort -n "$BATS_TEST_TMPDIR/calls" | tail -n 1)
	((${slowest%% *} < 6000)) || fail "no call longer than its bound: $slowest"
	awk '$2 == 1 && ($5 != 11 || $3 == "DEL") { print; bad = 1 } END { exit bad }' "$BATS_TEST_TMPDIR/calls" ||
		fail "no error but 11, and none of DEL"
	echo "$(tried 0) given, $(tried 1) to be tried again, slowest $slowest"
	(($(tried 0) > 15)) || fail "more to be given"
	for n in 1 2 3 4; do
		node=n$n
		rm -f /var/lib/cni/$node/.down.*
		# shellcheck disable=SC2046
		gc cluster <<<"$(with_valid "$(conf "$1")" $(awk '$6 == "-" { print $2 "/eth0" }' "$BATS_TEST_TMPDIR/history.n$n"))"
		expect_silent
	done
	for n in addr:singles block:blocks; do
		cmp <(etcd_keys "/cnic/v1/n/${n%:*}/" | grep -v '"node":"",' | sed 's/.*"node":"\([^"]*\)".*/\1/' | sort | uniq -c | awk '{ print $1 }' | sort -n) \
			<(jq ".${n#*:} | length | select(. > 0)" /var/lib/cni/n?/.state/net/* | sort -n) || fail "as many ${n#*:} in etcd as the nodes have"
	done
	[ "$(jq -s '[.[].singles[] | select(.id == "")] | length' /var/lib/cni/n?/.state/net/*)" -eq 0 ]
}

@test "the leader is killed while four nodes ask, and comes back" {
	members
	trouble() {
		local leader
		leader=$(etcd_leader)
		kill -KILL "${etcd_pid[$leader]}"
		sleep 2.5
		etcd_again "$leader"
	}
	streams "$singles"
}

@test "a member stops, and goes on; then another one" {
	members
	trouble() {
		local n
		for n in 1 2 3; do
			kill -STOP "${etcd_pid[m$n]}"
			sleep 1.5
			kill -CONT "${etcd_pid[m$n]}"
			sleep 0.3
		done
	}
	streams "$blocks"
}

@test "the leader changes again and again, what was is compacted, members are defragmented" {
	local leaders
	members
	trouble() {
		local i leader to rev
		leaders=$BATS_TEST_TMPDIR/leaders
		for i in {1..5}; do
			leader=$(etcd_leader)
			[ -n "$leader" ] || continue
			echo "$leader" >>"$leaders"
			etcd_url=https://$(etcd_ip "${leader#m}"):2379
			rev=$(etcd_post /v3/kv/range "{\"key\":\"$(b64 x)\"}" | jq -r .header.revision)
			etcd_post /v3/kv/compaction "{\"revision\":\"$rev\",\"physical\":true}" >/dev/null
			etcd_post /v3/maintenance/defragment '{}' >/dev/null
			to=$(etcd_post /v3/cluster/member/list '{}' | jq -r --arg name "$leader" 'first(.members[] | select(.name != $name)).ID')
			etcd_post /v3/maintenance/transfer-leadership "{\"targetID\":\"$to\"}" >/dev/null
			sleep 0.3
		done
	}
	streams "$blocks"
	[ "$(uniq "$leaders" | wc -l)" -ge 3 ] || fail "more leaders than $(<"$leaders")"
	[[ $(etcd_post /v3/kv/range "{\"key\":\"$(b64 x)\",\"revision\":\"2\"}") = *compacted* ]] || fail "the past to be gone"
}

@test "members are cut off from each other and from us" {
	members
	trouble() {
		nft -f - <<-'END'
			table inet cut { chain out { type filter hook output priority 0;
				ip daddr 127.0.0.11 tcp dport 2380 drop; ip daddr 127.0.0.11 tcp sport 2380 drop
				ip saddr 127.0.0.11 tcp dport 2380 drop
				ip daddr 127.0.0.12 tcp dport 2379 drop
			}
			}
		END
		sleep 2.5
		nft flush ruleset
		sleep 0.5
		nft -f - <<-'END'
			table inet cut { chain out { type filter hook output priority 0;
				tcp dport 2380 drop
			}
			}
		END
		sleep 2
		nft flush ruleset
	}
	streams "$singles"
}

@test "a node and the leader beside it are cut off from the rest, which goes on; then all are, and one hears and is not heard" {
	local leader
	etcd_apart=yes etcd_url=https://10.201.0.11:2379
	endpoints='["https://10.201.0.11:2379","https://10.201.0.12:2379","https://10.201.0.13:2379"]'
	on() { # n4 is here, the others are where a member is
		[ "$1" = n4 ] && "${@:2}" || nsenter --net="$(ns_path "m${1#n}")" "${@:2}"
	}
	members
	leader=$(etcd_leader)
	trouble() {
		local n
		ip link set "wire${leader#m}" down
		sleep 2
		probe "n${leader#m}"
		[ "$status" -eq 1 ] || fail "a node that is cut off to be told so: $output"
		for ((n = 0; n < 20; n++)); do # there may be no other leader yet
			probe n4
			[ "$status" -ne 0 ] || break
			sleep 0.3
		done
		[ "$status" -eq 0 ] || fail "the rest to go on: $output"
		ip link set "wire${leader#m}" up
		sleep 0.5
		for n in 1 2 3; do ip link set "wire$n" down; done
		sleep 1.5
		for n in 1 2 3; do ip link set "wire$n" up; done
		etcd_await_three https
		nsenter --net="$(ns_path m2)" nft 'table inet cut { chain out { type filter hook output priority 0; oif wire drop; }; }'
		sleep 1.5
		nsenter --net="$(ns_path m2)" nft flush ruleset
	}
	streams "$blocks"
}

@test "clocks that are days apart, and jump, of nodes that ask: nothing is given twice, nothing alive is given back" {
	local n
	needs_faketime
	on() {
		DONT_FAKE_MONOTONIC=1 FAKETIME_NO_CACHE=1 FAKETIME_TIMESTAMP_FILE=$BATS_TEST_TMPDIR/clock.$1 with_preload "$faketime" "${@:2}"
	}
	clocks() {
		for n in 1 2 3 4; do
			echo "${!n}" >"$BATS_TEST_TMPDIR/clock.n$n"
		done
	}
	etcd_days=1000 members
	clocks +2000d -3d +0d +400d
	[ "$(on n1 date +%s)" -gt $((EPOCHSECONDS + 150000000)) ] || fail "another clock"
	on n1 add_id early
	expect_code 11 certificate
	trouble() {
		sleep 1
		clocks +3d -3d +0d +400d
		sleep 1
		clocks +3d +3d -30d +399d
		sleep 1
		clocks -400d -3d -30d +399d
		kill -STOP "${etcd_pid[m1]}"
		sleep 1
		kill -CONT "${etcd_pid[m1]}"
		clocks +30d +0d +30d -9d
	}
	clocks +3d -3d +0d +400d
	streams "$blocks"
}

@test "the disk of all members is full for a while" {
	mkdir -p "$ETCD_DIR"
	mount -t tmpfs -o size=420m etcd "$ETCD_DIR"
	members
	trouble() {
		local i n
		dd if=/dev/zero of="$ETCD_DIR/filler" bs=64k status=none 2>/dev/null || true
		for i in {1..20}; do # what makes them ask for more of it
			etcd_put "/other/$i" "$(printf '%060000d' "$i")" || true
		done
		sleep 1
		df --output=avail "$ETCD_DIR" | tail -n 1 >"$BATS_TEST_TMPDIR/avail"
		rm "$ETCD_DIR/filler"
		for n in 1 2 3; do
			kill -0 "${etcd_pid[m$n]}" 2>/dev/null || etcd_again "m$n"
		done
	}
	streams "$singles"
	[ "$(<"$BATS_TEST_TMPDIR/avail")" -eq 0 ] || fail "a full disk"
}
