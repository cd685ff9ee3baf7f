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
	rm -f /var/lib/cni/$node/.down
	add_id b 'del(.ipam.etcd.tls)'
	expect_code 11 certificate
	rm -f /var/lib/cni/$node/.down
	add_id b '.ipam.etcd.tls.ca = "/nosuch"'
	expect_code 11 nosuch
	rm -f /var/lib/cni/$node/.down
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

# stream NODE N : so many ADDs, one after the other; "MS STATUS ADDRESS|CODE" of each to out.NODE.
stream() {
	local i start output status node=$1
	conf "${3:-.}" >"$BATS_TEST_TMPDIR/conf.$1"
	for ((i = 1; i <= $2; i++)); do
		start=${EPOCHREALTIME/./}
		output=$(CNI_COMMAND=ADD CNI_CONTAINERID=c$i CNI_IFNAME=eth0 CNI_PATH=$PLUGINS "$PLUGINS/cluster" \
			<"$BATS_TEST_TMPDIR/conf.$1" 2>/dev/null 3>&-) && status=0 || status=1
		echo "$(((${EPOCHREALTIME/./} - start) / 1000)) $status $i $(jq -r '.ips[0].address // .code' <<<"$output")"
	done >"$BATS_TEST_TMPDIR/out.$1"
}

# streams N [JQ] : of nodes n1 to n4 at once; the functions `trouble` names run beside.
streams() {
	local n pids=()
	for n in 1 2 3 4; do
		stream "n$n" "$@" 3>&- &
		pids+=($!)
	done
	trouble
	wait "${pids[@]}"
}

# What holds after every trouble: each address once, no call beyond its bound, etcd has what the nodes have.
all_is_well() {
	local n slowest
	cat "$BATS_TEST_TMPDIR"/out.n? >"$BATS_TEST_TMPDIR/all"
	[ -z "$(awk '$2 == 0 { print $4 }' "$BATS_TEST_TMPDIR/all" | sort | uniq -d)" ] || fail "each address once"
	slowest=$(sort -n "$BATS_TEST_TMPDIR/all" | tail -n 1)
	((${slowest%% *} < 8000)) || fail "no call longer than its bound: $slowest"
	awk '$2 == 1 && $4 != 11 { print; bad = 1 } END { exit bad }' "$BATS_TEST_TMPDIR/all" || fail "no error but 11"
	echo "$(awk '$2 == 0' "$BATS_TEST_TMPDIR/all" | wc -l) given, $(awk '$2 == 1' "$BATS_TEST_TMPDIR/all" | wc -l) to be tried again, slowest $slowest"
	for n in 1 2 3 4; do
		node=n$n
		rm -f /var/lib/cni/$node/.down
		# shellcheck disable=SC2046
		gc cluster <<<"$(with_valid "$(conf "${1:-.}")" $(awk '$2 == 0 { print "c" $3 "/eth0" }' "$BATS_TEST_TMPDIR/out.n$n"))"
		expect_silent
	done
	etcd_keys /cnic/v1/n/addr/ | sed 's/.*"node":"\([^"]*\)".*/\1/' | sort | uniq -c | awk '{ print $1 }' | sort >"$BATS_TEST_TMPDIR/theirs"
	for n in 1 2 3 4; do
		jq '.singles | length' /var/lib/cni/n$n/.state/net/*
	done | sort >"$BATS_TEST_TMPDIR/ours"
	cmp "$BATS_TEST_TMPDIR/theirs" "$BATS_TEST_TMPDIR/ours" || fail "as many in etcd as the nodes have"
	[ "$(jq -s '[.[].singles[] | select(.id == "")] | length' /var/lib/cni/n?/.state/net/*)" -eq 0 ]
}

@test "the leader is killed while four nodes ask" {
	members
	trouble() {
		local leader
		sleep 0.7
		leader=$(etcd_leader)
		kill -KILL "${etcd_pid[$leader]}"
		[ "$leader" != m1 ] || etcd_url=https://127.0.0.12:2379
	}
	streams 25
	all_is_well
}

@test "a member stops, and goes on; then another one" {
	members
	trouble() {
		local n
		for n in 1 2 3; do
			kill -STOP "${etcd_pid[m$n]}"
			sleep 1.5
			kill -CONT "${etcd_pid[m$n]}"
			sleep 0.5
		done
	}
	streams 20
	all_is_well
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
		sleep 3
		nft flush ruleset
		sleep 1
		nft -f - <<-'END'
			table inet cut { chain out { type filter hook output priority 0;
				tcp dport 2380 drop
			}
			}
		END
		sleep 3
		nft flush ruleset
	}
	streams 20
	for n in 1 2 3; do etcd_await "https://127.0.0.1$n:2379"; done
	all_is_well
}

@test "the disk of all members is full for a while" {
	mkdir -p "$ETCD_DIR"
	mount -t tmpfs -o size=420m etcd "$ETCD_DIR"
	members
	trouble() {
		local i n
		sleep 0.5
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
		for n in 1 2 3; do etcd_await "https://127.0.0.1$n:2379"; done
	}
	streams 25
	[ "$(<"$BATS_TEST_TMPDIR/avail")" -eq 0 ] || fail "a full disk"
	all_is_well
}
