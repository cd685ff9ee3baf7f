# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# etcd for tests: one member or three, on loopback addresses of the namespace they are started in, each a
# process of the test's own; or three in namespaces of their own (etcd_apart). For files that have loaded lib.bash.

ETCD_DIR=$BATS_TEST_TMPDIR/etcd
declare -gA etcd_pid etcd_command

needs_etcd() {
	[ -x "$CNIC_BIN/cnic-etcd" ] || skip "cnic-etcd is not built (make CLUSTER=1)"
	command -v etcd >/dev/null || skip "there is no etcd"
}

# etcd_member NAME IP SCHEME CLUSTER [OPTION...]
etcd_member() {
	local name=$1 ip=$2 scheme=$3 cluster=$4
	shift 4
	etcd_command[$name]=$(printf '%q ' "$name" "$ip" "$scheme" "$cluster" "$@")
	${etcd_apart:+nsenter --net="$(ns_path "$name")"} etcd --name "$name" --data-dir "$ETCD_DIR/$name" \
		--listen-client-urls "$scheme://$ip:2379" --advertise-client-urls "$scheme://$ip:2379" \
		--listen-peer-urls "http://$ip:2380" --initial-advertise-peer-urls "http://$ip:2380" \
		--initial-cluster "$cluster" --initial-cluster-state "${etcd_state:-new}" --log-level error \
		"$@" >>"$BATS_TEST_TMPDIR/etcd.$name" 2>&1 3>&- &
	etcd_pid[$name]=$!
}

# etcd_again NAME : a member that has died, with the data it had.
etcd_again() {
	eval "etcd_member ${etcd_command[$1]}"
}

# etcd_start [OPTION...] : one member at 127.0.0.1.
etcd_start() {
	mkdir -p "$ETCD_DIR"
	etcd_member one 127.0.0.1 http one=http://127.0.0.1:2380 "$@"
	etcd_await http://127.0.0.1:2379
}

# etcd_start_three SCHEME [OPTION...] : members m1, m2, m3 at 127.0.0.11 to 13, or with etcd_apart at 10.201.0.11 to 13.
etcd_start_three() {
	local scheme=$1 n all=
	shift
	mkdir -p "$ETCD_DIR"
	[ -z "${etcd_apart:-}" ] || etcd_wire
	for n in 1 2 3; do
		[ -n "${etcd_apart:-}" ] || ip addr add "$(etcd_ip $n)/8" dev lo 2>/dev/null || true
		all+=${all:+,}m$n=http://$(etcd_ip $n):2380
	done
	for n in 1 2 3; do
		etcd_member "m$n" "$(etcd_ip $n)" "$scheme" "$all" "$@"
	done
	etcd_await_three "$scheme"
}

# etcd_ip N : of the N-th of three.
etcd_ip() {
	[ -n "${etcd_apart:-}" ] && echo "10.201.0.1$1" || echo "127.0.0.1$1"
}

# etcd_wire : the namespaces m1, m2, m3, on a bridge of this one, of which wire1, wire2, wire3 are the ports.
etcd_wire() {
	local n
	ip link add wire up type bridge
	ip addr add 10.201.0.254/24 dev wire
	for n in 1 2 3; do
		netns "m$n"
		ip link add "wire$n" master wire up type veth peer name wire netns "m$n"
		ip -n "m$n" addr add "$(etcd_ip $n)/24" dev wire
		ip -n "m$n" link set wire up
	done
}

# etcd_await_three SCHEME : each of them has a leader.
etcd_await_three() {
	local n
	for n in 1 2 3; do
		etcd_await "$1://$(etcd_ip $n):2379"
	done
}

etcd_is_well() {
	[[ $(etcd_curl "$1/health" 2>/dev/null) == *true* ]]
}

# etcd_await URL : it has a leader.
etcd_await() {
	soon etcd_is_well "$1" || fail "etcd at $1: $(tail -n 3 "$BATS_TEST_TMPDIR"/etcd.* 2>/dev/null)"
}

# etcd_curl ARGS... : with the certificates of the test, if it has any.
etcd_curl() {
	curl -s --max-time 5 ${etcd_tls:+--cacert "$ETCD_DIR/ca.crt" --cert "$ETCD_DIR/client.crt" --key "$ETCD_DIR/client.key"} "$@"
}

# etcd_post PATH JSON : to $etcd_url.
etcd_post() {
	etcd_curl "${etcd_url:-http://127.0.0.1:2379}$1" -d "$2"
}

b64() {
	printf '%s' "$1" | base64 -w 0
}

# etcd_keys [PREFIX] : "KEY VALUE" of each.
etcd_keys() {
	local from=${1:-/}
	etcd_post /v3/kv/range "{\"key\":\"$(b64 "$from")\",\"range_end\":\"$(b64 "${from%?}0")\"}" |
		jq -r '.kvs // [] | .[] | "\(.key | @base64d) \(.value // "" | @base64d)"'
}

etcd_put() {
	etcd_post /v3/kv/put "{\"key\":\"$(b64 "$1")\",\"value\":\"$(b64 "$2")\"}" >/dev/null
}

# etcd_put_all VALUE : of each key on stdin.
etcd_put_all() {
	local body
	while read -r body; do
		etcd_post /v3/kv/txn "$body" >/dev/null
	done < <(jq -Rnc --arg value "$(b64 "$1")" '[inputs] as $keys | range(0; $keys | length; 100) as $i |
		{success: [$keys[$i:$i + 100][] | {request_put: {key: @base64, value: $value}}]}')
}

etcd_delete() {
	etcd_post /v3/kv/deleterange "{\"key\":\"$(b64 "$1")\"}" >/dev/null
}

# etcd_delete_all PREFIX
etcd_delete_all() {
	etcd_post /v3/kv/deleterange "{\"key\":\"$(b64 "$1")\",\"range_end\":\"$(b64 "${1%?}0")\"}" >/dev/null
}

etcd_stop() {
	local name
	for name in "${!etcd_pid[@]}"; do
		kill -KILL "${etcd_pid[$name]}" 2>/dev/null || true
		wait "${etcd_pid[$name]}" 2>/dev/null || true
		unset "etcd_pid[$name]"
	done
}

# ---- in between, and nodes -------------------------------------------------------------------

proxy_listens() {
	(: <>/dev/tcp/127.0.0.1/2378) 2>/dev/null
}

# etcd_proxy_start : in front of the one member, at port 2378; see etcd_proxy.py.
etcd_proxy_start() {
	echo pass >"$BATS_TEST_TMPDIR/plan"
	: >"$BATS_TEST_TMPDIR/requests"
	python3 "$TEST_DIR/etcd_proxy.py" 2378 http://127.0.0.1:2379 "$BATS_TEST_TMPDIR/plan" \
		"$BATS_TEST_TMPDIR/requests" 3>&- &
	etcd_pid[proxy]=$!
	soon proxy_listens || fail "the proxy to listen"
}

# plan WORD... : for the requests from here on; the last for all that follow.
plan() {
	local done
	done=$(wc -l <"$BATS_TEST_TMPDIR/requests")
	rm -f "$BATS_TEST_TMPDIR/plan.open"
	{ yes x | head -n "$done"; printf '%s\n' "$@"; } >"$BATS_TEST_TMPDIR/plan"
}

# has_faketime : $faketime is libfaketime, and the plugin loads it.
has_faketime() {
	faketime=$(echo /usr/lib/*/faketime/libfaketime.so.1)
	can_preload && [ -e "$faketime" ]
}

needs_faketime() {
	has_faketime || skip "there is no libfaketime, or a static executable, which it does not reach"
}

# gate_is_reached, gate_opens : by a request that waits there; for all that do, until the next plan.
gate_is_reached() {
	local done
	done=$(grep -c x "$BATS_TEST_TMPDIR/plan" || true)
	until tail -n "+$((done + 1))" "$BATS_TEST_TMPDIR/requests" | grep -q gate; do sleep 0.02; done
}

gate_opens() {
	: >"$BATS_TEST_TMPDIR/plan.open"
}

requests() {
	wc -l <"$BATS_TEST_TMPDIR/requests"
}

# ---- TLS and users ---------------------------------------------------------------------------

# etcd_cert NAME SUBJECT USAGE : $ETCD_DIR/NAME.crt and .key, of the test's own authority; valid for two days, or with
# etcd_days that long, from half of it ago on.
etcd_cert() {
	mkdir -p "$ETCD_DIR"
	(
		cd "$ETCD_DIR" || exit
		openssl() {
			command ${etcd_days:+faketime -f "-$((etcd_days / 2))d"} openssl "$@"
		}
		[ -f ca.crt ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days ${etcd_days:-2} -subj /CN=ca \
			-keyout ca.key -out ca.crt
		openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "$2" -keyout "$1.key" -out "$1.csr"
		openssl x509 -req -days ${etcd_days:-2} -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -out "$1.crt" -extfile <(
			echo "extendedKeyUsage=$3"
			echo "subjectAltName=IP:127.0.0.1$(printf ',IP:127.0.0.1%s,IP:10.201.0.1%s' 1 1 2 2 3 3)"
		)
	) >/dev/null 2>"$BATS_TEST_TMPDIR/openssl" || fail "certificates: $(<"$BATS_TEST_TMPDIR/openssl")"
}

# etcd_tls_options : what a member takes for TLS with client certificates.
etcd_tls_options() {
	echo "--cert-file $ETCD_DIR/server.crt --key-file $ETCD_DIR/server.key --trusted-ca-file $ETCD_DIR/ca.crt --client-cert-auth"
}

# etcd_users : root and cni, both with the password "secret"; cni may use /cnic/.
etcd_users() {
	etcd_post /v3/auth/user/add '{"name":"root","password":"secret"}'
	etcd_post /v3/auth/role/add '{"name":"root"}'
	etcd_post /v3/auth/user/grant '{"user":"root","role":"root"}'
	etcd_post /v3/auth/user/add '{"name":"cni","password":"secret"}'
	etcd_post /v3/auth/role/add '{"name":"cni"}'
	etcd_post /v3/auth/role/grant "{\"name\":\"cni\",\"perm\":{\"permType\":\"READWRITE\",\"key\":\"$(b64 /cnic/)\",\"range_end\":\"$(b64 /cnic0)\"}}"
	etcd_post /v3/auth/user/grant '{"user":"cni","role":"cni"}'
	etcd_post /v3/auth/enable '{}'
} >/dev/null

# etcd_leader : its name.
etcd_leader() {
	local n id
	for n in 1 2 3; do
		id=$(etcd_curl "${etcd_scheme:-http}://$(etcd_ip $n):2379/v3/maintenance/status" -d '{}' |
			jq -r 'select(.leader == .header.member_id) | .leader')
		[ -z "$id" ] || echo "m$n"
	done
}
