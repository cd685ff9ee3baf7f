# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# portmap: what is in the rule set, and what CHECK, DEL, GC and repair make of it. Traffic is in
# portmap-traffic.bats, the change-over in crossover-netfilter.bats, each call failing once in
# fault/portmap.bats.

load ../lib

RECORDS=/run/cnic/rules
BACKENDS='"" nftables iptables'

setup() {
	host_setup
	nft flush ruleset
	rm -rf /run/cnic
	netns box
}

teardown() {
	host_clean
	nft flush ruleset
}

# ---- configurations ------------------------------------------------------------------------

PORTS='{"hostPort":8080,"containerPort":80,"protocol":"tcp"},
	{"hostPort":8081,"containerPort":81,"protocol":"udp","hostIP":"192.0.2.1"},
	{"hostPort":8082,"containerPort":82,"protocol":"sctp","hostIP":"::1"}'

# conf BACKEND [PORTS [LAST [MORE]]] : leads to 10.1.0.LAST and fd00::LAST.
conf() {
	local last=${3:-2} backend=
	[ -z "$1" ] || backend="\"backend\":\"$1\","
	cat <<-END
		{"cniVersion":"1.1.0","name":"net","type":"portmap",$backend${4-}
			"runtimeConfig":{"portMappings":[${2-$PORTS}]},"prevResult":{"cniVersion":"1.1.0",
			"interfaces":[{"name":"br0"},{"name":"eth0","sandbox":"/run/netns/box"}],
			"ips":[{"address":"10.1.0.$last/16","interface":1},
				{"address":"fd00::$last/64","interface":1}]}}
	END
}

port() {
	echo "{\"hostPort\":$1,\"containerPort\":${2:-80},\"protocol\":\"${3:-tcp}\"}"
}

# of_attachment CONF : what a runtime may leave out of a DEL.
bare() {
	jq -c 'del(.prevResult, .runtimeConfig)' <<<"$1"
}

add_ok() {
	add portmap <<<"$1"
	expect_ok
}

del_ok() {
	del portmap <<<"$1"
	expect_silent
}

check_ok() {
	check portmap <<<"$1"
	expect_silent
}

check_fails() {
	check portmap <<<"$1"
	expect_code 102 "${2-}"
}

# ---- what is there -------------------------------------------------------------------------

# Everything that names a container or leads to it; shared chains, empty, are no trace.
held() {
	nft list ruleset 2>/dev/null | grep -E '10\.1\.0\.[1-9]|fd00::[1-9]|CNI-DN|comment "c[0-9]"' || true
	ls $RECORDS 2>/dev/null || true
}

rules() {
	nft -s list ruleset 2>/dev/null
}

nothing_held() {
	[ -z "$(held)" ] || fail "nothing left, not $(held)"
}

elements() {
	nft -j list map inet cnic_portmap "$1" | jq -cS '[.nftables[].map.elem // empty | .[] |
		[(.[0].elem.val | .concat? // .), (.[1].concat? // .[1].goto.target)]] | sort'
}

# ---- ADD -----------------------------------------------------------------------------------

@test "mappings are elements of one table, and prevResult is passed on" {
	local conf
	conf=$(conf "")
	add_ok "$conf"
	expect_json .ips[1].address fd00::2/64
	[ "$(elements any4)" = '[[["tcp",8080],["10.1.0.2",80]]]' ]
	[ "$(elements host4)" = '[[["192.0.2.1","udp",8081],["10.1.0.2",81]]]' ]
	[ "$(elements any6)" = '[[["tcp",8080],["fd00::2",80]]]' ]
	[ "$(elements host6)" = '[[["::1","sctp",8082],["fd00::2",82]]]' ]
	[ "$(nft list set inet cnic_portmap any6_lo | grep -c 'tcp . 8080')" -eq 1 ]
	[ "$(nft list set inet cnic_portmap host6_lo | grep -c 'sctp . 8082')" -eq 1 ]
	[ "$(elements snat4)" = '[["10.1.0.2","from_10.1.0.0/16"]]' ]
	check_ok "$conf"
	del_ok "$conf"
	nothing_held
}

@test "nft(8) reads what it has listed" {
	local before
	add_ok "$(conf "")"
	CID=c2 add_ok "$(conf "" "$(port 9)" 3 '"conditionsV4":["!","-i","eth0"],')"
	before=$(nft -s list ruleset)
	nft -s list ruleset >"$BATS_TEST_TMPDIR/rules"
	nft flush ruleset
	nft -f "$BATS_TEST_TMPDIR/rules"
	expect_same rules "$before" "$(nft -s list ruleset)"
	check_ok "$(conf "")"
}

@test "an interface whose name has a quote" {
	local quoted
	quoted=$(conf "" | jq -c '.prevResult.interfaces[1].name = "a\"b"')
	add portmap 'a"b' <<<"$quoted"
	expect_ok
	nft -s list ruleset >"$BATS_TEST_TMPDIR/rules"
	nft flush ruleset
	nft -f "$BATS_TEST_TMPDIR/rules"
	check portmap 'a"b' <<<"$quoted"
	expect_silent
	del portmap 'a"b' <<<"$quoted"
	nothing_held
}

@test "a container's id of 64 digits, and longer names" {
	local CID long backend
	for CID in "$(printf 'a%.0s' {1..64})" "$(printf 'b%.0s' {1..200})"; do
		long=$(conf "" | jq -c '.name = "n" * 200 | .prevResult.interfaces[1].name = "fifteen_letters"')
		for _ in 1 2; do
			add portmap fifteen_letters <<<"$long"
			expect_ok
		done
		check portmap fifteen_letters <<<"$long"
		expect_silent
		CID=c9 add portmap <<<"$(conf "" "$(port 8080)" 3)"
		expect_code 101
		rm -r $RECORDS
		del portmap fifteen_letters <<<"$long"
		expect_silent
		nothing_held
	done
	for backend in '"nftables"' '"iptables"'; do
		for CID in "$(printf 'a%.0s' {1..64})" "$(printf 'b%.0s' {1..200})"; do
			long=$(conf "" | jq -c ".backend = $backend")
			add_ok "$long"
			add_ok "$long"
			check_ok "$long"
			del_ok "$long"
			! nft list ruleset 2>/dev/null | grep -E '10\.1\.0\.2|CNI-DN' || fail "nothing left"
		done
	done
}

@test "snat and masqAll" {
	add_ok "$(conf "" "$PORTS" 2 '"snat":false,')"
	[ "$(elements snat4)" = '[]' ]
	del_ok "$(conf "")"
	add_ok "$(conf "" "$PORTS" 2 '"masqAll":true,')"
	[ "$(elements snat6)" = '[["fd00::2","from_all"]]' ]
}

@test "which address: the interface's, or one that is nobody's" {
	local filter
	for filter in '.prevResult.ips |= [{address: "10.1.0.9/16", interface: 0}] + .' \
		'.prevResult.ips |= map(del(.interface))' \
		'.prevResult.ips |= [{address: "10.1.0.9/16", interface: 2}] + . |
			.prevResult.interfaces += [{name: "eth1", sandbox: "/run/netns/box"}]'; do
		add_ok "$(conf "" | jq -c "$filter")"
		[ "$(elements any4)" = '[[["tcp",8080],["10.1.0.2",80]]]' ]
		del_ok "$(conf "")"
	done
	add_ok "$(conf "" | jq -c '.prevResult.ips = []')"
	nothing_held
}

@test "protocols: TCP if none is said, in either case, each with ports of its own" {
	add_ok "$(conf "" '{"hostPort":1,"containerPort":2},{"hostPort":1,"containerPort":3,"protocol":"UDP"},
		{"hostPort":1,"containerPort":4,"protocol":"dccp"},{"hostPort":1,"containerPort":4,"protocol":"DCCP"}')"
	[ "$(elements any4)" = '[[["dccp",1],["10.1.0.2",4]],[["tcp",1],["10.1.0.2",2]],[["udp",1],["10.1.0.2",3]]]' ]
}

@test "hostIP: all addresses of a family, or none that the container has" {
	add_ok "$(conf "" '{"hostPort":1,"containerPort":2,"hostIP":"0.0.0.0"},
		{"hostPort":2,"containerPort":2,"hostIP":"::"},{"hostPort":3,"containerPort":2,"hostIP":""}')"
	[ "$(elements any4)" = '[[["tcp",1],["10.1.0.2",2]],[["tcp",3],["10.1.0.2",2]]]' ]
	[ "$(elements any6)" = '[[["tcp",2],["fd00::2",2]],[["tcp",3],["fd00::2",2]]]' ]
	del_ok "$(conf "")"
	add_ok "$(conf "" '{"hostPort":1,"containerPort":2,"hostIP":"::1"}' | jq -c 'del(.prevResult.ips[1])')"
	nothing_held
}

@test "ADD twice is ADD once" {
	local backend before
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		add_ok "$(conf "$backend")"
		before=$(rules)
		add_ok "$(conf "$backend")"
		expect_same rules "$before" "$(rules)"
		del_ok "$(conf "$backend")"
		nothing_held
	done
}

@test "a port that another container has: an error that names both, and nothing is changed" {
	local backend before
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		add_ok "$(conf "$backend")"
		before=$(rules)$(held)
		CID=c2 add portmap <<<"$(conf "$backend" "$(port 8079),$(port 8080)" 3)"
		expect_code 101 8080/tcp
		expect_code 101 c1
		expect_same state "$before" "$(rules)$(held)"
		CID=c2 add_ok "$(conf "$backend" "$(port 8080 80 udp)" 3)"
		CID=c2 del_ok "$(conf "$backend" "$(port 8080 80 udp)" 3)"
		expect_same state "$before" "$(rules)$(held)"
		del_ok "$(conf "$backend")"
		nft flush ruleset
	done
}

@test "a port of who had our address before is ours" {
	CID=c2 add_ok "$(conf "")"
	add_ok "$(conf "")"
	check_ok "$(conf "")"
	CID=c2 del_ok "$(conf "")"
	check_ok "$(conf "")"
}

@test "two interfaces of one container ask for the same port: the first has it" {
	local second
	second=$(conf "" "$PORTS" 3 | jq -c '.name = "other" | .prevResult.interfaces[1].name = "eth1"')
	add_ok "$(conf "")"
	add portmap eth1 <<<"$second"
	expect_ok
	[ "$(elements any4)" = '[[["tcp",8080],["10.1.0.2",80]]]' ]
	check portmap eth1 <<<"$second"
	expect_silent
	del portmap eth1 <<<"$second"
	expect_silent
	check_ok "$(conf "")"
}

# kin [NETWORK] : the configuration of c1's second interface.
kin() {
	conf "$1" "${2-$PORTS}" 4 | jq -c --arg net "${3-net}" '.name = $net | .prevResult.interfaces[1].name = "net1"'
}

@test "row 1: an ADD that fails at its end leaves the other interface's ports as they were" {
	local backend net before
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		for net in net other; do
			add_ok "$(conf "$backend")"
			before=$(rules)$(ls $RECORDS)
			! CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=net1 CNI_PATH=$CNIC_BIN \
				"$CNIC_BIN/portmap" <<<"$(kin "$backend" "$PORTS,$(port 9)" $net)" >/dev/full || fail "no result"
			expect_same state "$before" "$(rules)$(ls $RECORDS)"
			del_ok "$(conf "$backend")"
			nft flush ruleset
		done
	done
}

@test "a thousand ports" {
	local ports backend
	ports=$(seq -f '{"hostPort":%g,"containerPort":80,"protocol":"tcp"}' -s, 20001 21000)
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		[ "$backend" != iptables ] || is_host_root || continue # its own socket buffer is too small there
		add_ok "$(conf "$backend" "$ports")"
		check_ok "$(conf "$backend" "$ports")"
		del_ok "$(bare "$(conf "$backend")")"
		nothing_held
	done
}

@test "without mappings nothing is opened or asked" {
	local conf verb
	conf=$(conf "" "")
	for verb in ADD CHECK DEL; do
		CNI_COMMAND=$verb CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
			"${STRACE[@]}" -f -o "$BATS_TEST_TMPDIR/trace" "$CNIC_BIN/portmap" <<<"$conf" >/dev/null
		! grep -E '(socket|clone|fork|execve)\(' "$BATS_TEST_TMPDIR/trace" | grep -vE '^[0-9]+ +execve' ||
			fail "no socket for $verb"
		[ "$verb" = DEL ] || ! grep -F /run/cnic "$BATS_TEST_TMPDIR/trace" || fail "no record for $verb"
	done
	nothing_held
	[ ! -e /run/cnic ]
}

# Nothing of the process' own: the one child is for the socket whose closing takes long.
@test "ADD and DEL are one transaction each" {
	local verb
	add_ok "$(conf "" "$(port 1)" 3)"
	for verb in ADD DEL; do
		CNI_COMMAND=$verb CNI_CONTAINERID=c2 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
			"${STRACE[@]}" -f -e trace=sendto,execve -o "$BATS_TEST_TMPDIR/trace" \
			"$CNIC_BIN/portmap" <<<"$(conf "")" >/dev/null
		[ "$(grep -c BATCH_BEGIN "$BATS_TEST_TMPDIR/trace")" -eq 1 ] || fail "one transaction of $verb"
		[ "$(grep -c execve "$BATS_TEST_TMPDIR/trace")" -eq 1 ] || fail "no program for $verb"
	done
}

# base : the rules that lead to the containers', with their handles.
base() {
	nft -ja list table ip cni_hostport | jq -c '.nftables[].rule // empty | select(.comment | not) | [.chain, .handle]'
}

# What a transaction deletes, and each chain that it only updates, holds up whoever closes a netfilter socket.
@test "nftables: an ADD beside another's makes nothing anew and leaves no process" {
	local before
	add_ok "$(conf nftables "$(port 1)" 3)"
	before=$(base)
	[ "$(wc -l <<<"$before")" -eq 4 ] || fail "$before"
	CNI_COMMAND=ADD CNI_CONTAINERID=c2 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
		"${STRACE[@]}" -f -e trace=sendto,clone,clone3,fork,vfork -o "$BATS_TEST_TMPDIR/trace" \
		"$CNIC_BIN/portmap" <<<"$(conf nftables)" >/dev/null
	[ "$(base)" = "$before" ] || fail "$(base)"
	! grep -E 'NFT_MSG_(DEL|NEWCHAIN)|(clone3?|fork)\(' "$BATS_TEST_TMPDIR/trace" || fail "nothing anew"
	grep -q NFT_MSG_NEWRULE "$BATS_TEST_TMPDIR/trace" || fail "its own rules"
}

@test "nftables: what is gone of what all share is made again by the next ADD" {
	local t='ip cni_hostport' whole gone
	add_ok "$(conf nftables "$(port 1)" 3 '"snat":false,')"
	whole=$(nft list table $t)
	for gone in "flush chain $t prerouting" "flush chain $t output" "flush chain $t hostports_all" \
		"delete chain $t masquerading" "add rule $t hostports_all jump hostports" \
		"add rule $t output return" "insert rule $t prerouting jump hostports" "delete table $t"; do
		nft $gone
		[ "$(nft list table $t 2>&1)" != "$whole" ] || fail "$gone"
		add_ok "$(conf nftables "$(port 1)" 3 '"snat":false,')"
		[ "$(nft list table $t)" = "$whole" ] || fail "$gone: $(nft list table $t)"
	done
}

@test "backends: what decides if none is named" {
	local mark='"externalSetMarkChain":"MINE",' strange='"conditionsV4":["-m","comment","--comment","a b\"\\"],'
	local known='"conditionsV4":["-s","10.0.0.0/8"],' nft='"conditionsV4":["ip saddr != 10.0.0.0/8"],'
	for more in "$known" "$nft"; do
		add_ok "$(conf "" "$PORTS" 2 "$more")"
		check_ok "$(conf "" "$PORTS" 2 "$more")"
		nft list tables | grep -q 'inet cnic_portmap_' || fail "a table of the conditions"
		del_ok "$(bare "$(conf "" "$PORTS" 2 "$more")")"
		nothing_held
	done
	add_ok "$(conf "" "$PORTS" 2 "$strange")"
	iptables-save -t nat 2>/dev/null | grep -qF -- '--comment "a b\"\\"' || fail "the words as they are"
	check_ok "$(conf "" "$PORTS" 2 "$strange")"
	del_ok "$(conf "" "$PORTS" 2 "$strange")"
	nft flush ruleset
	iptables -t nat -N MINE && ip6tables -t nat -N MINE
	add_ok "$(conf "" "$PORTS" 2 "$mark")"
	! nft list ruleset 2>/dev/null | grep SETMARK || fail "no chain of our own"
	check_ok "$(conf "" "$PORTS" 2 "$mark")"
	del_ok "$(conf "" "$PORTS" 2 "$mark")"
	nothing_held
}

@test "a port twice under different conditions" {
	add_ok "$(conf "" "$(port 80)" 2 '"conditionsV4":["-i","a"],')"
	CID=c2 add_ok "$(conf "" "$(port 80)" 3 '"conditionsV4":["-i","b"],')"
	CID=c3 add portmap <<<"$(conf "" "$(port 80)" 4 '"conditionsV4":["-i","b"],')"
	expect_code 101 c2
}

# ---- CHECK and repair ----------------------------------------------------------------------

@test "whatever is gone, CHECK misses it and repair puts it back" {
	local backend
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		add_ok "$(conf "$backend")"
		before=$(rules)
		nft flush ruleset
		check_fails "$(conf "$backend")"
		"$CNIC_BIN/cnic" repair
		check_ok "$(conf "$backend")"
		expect_same rules "$before" "$(rules)"
		del_ok "$(conf "$backend")"
		nothing_held
		nft flush ruleset
	done
}

@test "an element or a rule that is gone" {
	local gone
	add_ok "$(conf "")"
	for gone in 'delete element inet cnic_portmap any4 { tcp . 8080 }' 'flush map inet cnic_portmap host6' \
		'flush chain inet cnic_portmap ports4' 'flush chain inet cnic_portmap loopback' \
		'flush chain inet cnic_portmap from_10.1.0.0/16' 'flush map inet cnic_portmap snat4' \
		'flush chain inet cnic_portmap output'; do
		nft "$gone"
		check_fails "$(conf "")" nf_tables
		"$CNIC_BIN/cnic" repair --plugin portmap c1
		check_ok "$(conf "")"
	done
}

@test "chains by the names of earlier releases are fine, and go when the table is made anew" {
	add_ok "$(conf "")"
	before=$(rules)
	nft rename chain inet cnic_portmap lo_snat lo_away
	nft rename chain inet cnic_portmap lo_unsnat lo_home
	check_ok "$(conf "")"
	"$CNIC_BIN/cnic" repair
	nft list chain inet cnic_portmap lo_away
	for gone in ports6 lo_home; do
		nft flush chain inet cnic_portmap "$gone"
		check_fails "$(conf "")" 'rules of chain'
		"$CNIC_BIN/cnic" repair --plugin portmap c1
		check_ok "$(conf "")"
		expect_same rules "$(sort <<<"$before")" "$(rules | sort)"
		[ "$gone" = lo_home ] || nft rename chain inet cnic_portmap lo_unsnat lo_home
	done
}

@test "repair brings back what the host needs for its loopback addresses" {
	ip link add br0 type bridge
	ip addr add 10.1.0.1/16 dev br0
	ip addr add fd00::1/64 dev br0 nodad
	ip link set br0 up
	add_ok "$(conf "")"
	[ "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1 ]
	ip -6 route show table local | grep -q 'local fd63:6e69:6300::1 dev lo' || fail "the route"
	echo 0 >/proc/sys/net/ipv4/conf/br0/route_localnet
	ip -6 route del local fd63:6e69:6300::1 dev lo table local
	"$CNIC_BIN/cnic" repair
	[ "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1 ]
	ip -6 route show table local | grep -q 'local fd63:6e69:6300::1 dev lo' || fail "the route"
}

@test "only ports that a loopback address leads to open it" {
	ip link add br0 type bridge
	ip addr add 10.1.0.1/16 dev br0
	ip link set br0 up
	add_ok "$(conf "" '{"hostPort":1,"containerPort":2,"hostIP":"192.0.2.1"}')"
	[ "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 0 ]
	CID=c2 add_ok "$(conf "" '{"hostPort":1,"containerPort":2,"hostIP":"127.0.0.1"}' 3 '"snat":false,')"
	[ "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 0 ]
	CID=c3 add_ok "$(conf "" '{"hostPort":2,"containerPort":2,"hostIP":"127.0.0.1"}' 4)"
	[ "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)" = 1 ]
}

# ---- DEL -----------------------------------------------------------------------------------

@test "DEL goes by the record: no prevResult, no mappings, another backend, no namespace" {
	local backend other
	for backend in $BACKENDS; do
		for other in $BACKENDS; do
			add_ok "$(conf "${backend//\"/}")"
			NS='' del_ok "$(bare "$(conf "${other//\"/}")")"
			nothing_held
		done
	done
}

@test "DEL without a record goes by the container's mark" {
	local backend
	for backend in $BACKENDS; do
		add_ok "$(conf "${backend//\"/}")"
		CID=c2 add_ok "$(conf "${backend//\"/}" "$(port 9)" 3)"
		rm -r $RECORDS
		del_ok "$(conf "${backend//\"/}" "$(port 1)")"
		! held | grep -E '10\.1\.0\.2|fd00::2' || fail "nothing of c1"
		CID=c2 check_ok "$(conf "${backend//\"/}" "$(port 9)" 3)"
		nft flush ruleset
	done
}

@test "DEL with a record that nobody can read" {
	add_ok "$(conf "")"
	echo '{' >"$(echo $RECORDS/*)"
	del_ok "$(bare "$(conf "")")"
	nothing_held
}

@test "DEL of nothing is success, again and again" {
	del_ok "$(conf "")"
	del_ok "$(bare "$(conf "")")"
	del_ok "$(bare "$(conf iptables)")"
	add_ok "$(conf "")"
	del_ok "$(conf "")"
	del_ok "$(conf "")"
	del_ok "$(conf "" | jq -c '.backend = "nonsense" | .conditionsV4 = ["x"]')"
	nothing_held
}

@test "a late DEL does not take what the next holder of the port has" {
	local backend
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		add_ok "$(conf "$backend")"
		rm -rf "$BATS_TEST_TMPDIR/kept"
		cp -r $RECORDS "$BATS_TEST_TMPDIR/kept"
		del_ok "$(conf "$backend")"
		CID=c2 add_ok "$(conf "$backend")"
		cp -n "$BATS_TEST_TMPDIR"/kept/* $RECORDS/
		del_ok "$(conf "$backend")"
		CID=c2 check_ok "$(conf "$backend")"
		CID=c2 del_ok "$(conf "$backend")"
	done
}

@test "DEL makes the kernel forget the container's connections, and nobody else's" {
	local entry='-p tcp --state ESTABLISHED -t 99 -s 192.0.2.9 --sport 7 -d 192.0.2.1'
	add_ok "$(conf "" "$(port 8080),$(port 8081 81 udp)")"
	# shellcheck disable=SC2086
	conntrack -I $entry --dport 8080 -r 10.1.0.2 -q 192.0.2.9 --reply-port-src 80 --reply-port-dst 7
	# shellcheck disable=SC2086
	conntrack -I ${entry/sport 7/sport 8} --dport 8080 -r 203.0.113.1 -q 192.0.2.9 --reply-port-src 8080 --reply-port-dst 8
	[ "$(conntrack -L 2>/dev/null | grep -c 8080)" -eq 2 ]
	del_ok "$(conf "")"
	conntrack -L 2>/dev/null | grep -q 203.0.113.1 || fail "another's connection"
	! conntrack -L 2>/dev/null | grep 10.1.0.2 || fail "no connection to the container"
}

loopback_routes() {
	ip -6 -j route show table local | jq -r '.[] | select(.dst == "::1" and .dev != "lo") | .dev'
}

# on_bridge NAME NET : conf's addresses are there, of this network.
on_bridge() {
	ip link add "$1" type bridge
	ip addr add "fd00:$2::1/64" dev "$1" nodad
	ip link set "$1" up
}

of_net() {
	jq -c --arg net "$2" '.prevResult.ips[1].address |= sub("fd00:"; "fd00:\($net):")' <<<"$1"
}

@test "row 13: the route of ::1 goes with the last that needs it" {
	local backend conf
	on_bridge br0 0
	on_bridge br1 1
	for backend in iptables nftables; do
		conf=$(of_net "$(conf $backend)" 0)
		[ -z "$(loopback_routes)" ]
		add_ok "$conf"
		CID=c2 add_ok "$(of_net "$(conf $backend "$(port 1)" 3)" 0)"
		CID=c3 add_ok "$(of_net "$(conf $backend "$(port 2)" 4)" 1)"
		CID=c4 add_ok "$(of_net "$(conf $backend "$(port 3)" 5 '"snat":false,')" 1)"
		CID=c5 add_ok "$(of_net "$(conf $backend '{"hostPort":4,"containerPort":4,"hostIP":"2001:db8::1"}' 6)" 1)"
		CID=c6 add_ok "$(of_net "$(conf "" "$(port 5)" 7)" 1)"
		[ "$(loopback_routes)" = $'br0\nbr1' ] || fail "$(loopback_routes)"
		del_ok "$(bare "$conf")"
		[ "$(loopback_routes)" = $'br0\nbr1' ] || fail "$(loopback_routes)"
		CID=c3 del_ok "$(bare "$conf")"
		[ "$(loopback_routes)" = br0 ] || fail "$(loopback_routes)"
		CID=c2 NS='' del_ok "$(bare "$conf")"
		[ -z "$(loopback_routes)" ] || fail "$(loopback_routes)"
		CID=c2 del_ok "$(bare "$conf")"
		for CID in c4 c5 c6; do
			del_ok "$(bare "$conf")"
		done
		CID=c1
	done
}

@test "row 13: GC takes the route of ::1 where nobody is left, and a failing ADD the one it has made" {
	local backend conf
	on_bridge br0 0
	on_bridge br1 1
	for backend in iptables nftables; do
		conf=$(of_net "$(conf $backend)" 0)
		add_ok "$conf"
		CID=c2 add_ok "$(of_net "$(conf $backend "$(port 1)" 3)" 1)"
		CID=c3 add_ok "$(of_net "$(conf $backend "$(port 2)" 4 | jq -c '.name = "other"')" 1)"
		gc portmap <<<"$(with_valid "$(bare "$conf")")"
		expect_silent
		[ "$(loopback_routes)" = br1 ] || fail "$(loopback_routes)"
		gc portmap <<<"$(with_valid "$(bare "$conf" | jq -c '.name = "other"')")"
		expect_silent
		[ -z "$(loopback_routes)" ] || fail "$(loopback_routes)"
		! CNI_COMMAND=ADD CNI_CONTAINERID=c1 CNI_NETNS=$(ns_path) CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN \
			"$CNIC_BIN/portmap" <<<"$conf" >/dev/full || fail "no result"
		nothing_held
		[ -z "$(loopback_routes)" ] || fail "$(loopback_routes)"
	done
}

# ---- GC, STATUS ----------------------------------------------------------------------------

@test "GC takes what is not valid, and nothing of another network" {
	local backend conf other
	for backend in $BACKENDS; do
		backend=${backend//\"/}
		conf=$(conf "$backend" "$(port 1)")
		add_ok "$conf"
		CID=c2 add_ok "$(conf "$backend" "$(port 2)" 3)"
		other=$(conf "$backend" "$(port 3)" 4 | jq -c '.name = "other"')
		CID=c3 add_ok "$other"
		gc portmap <<<"$(bare "$conf")"
		expect_silent
		check_ok "$conf"
		gc portmap <<<"$(with_valid "$(bare "$conf")" c2/eth0)"
		expect_silent
		! held | grep -E '10\.1\.0\.2|fd00::2' || fail "nothing of c1"
		CID=c2 check_ok "$(conf "$backend" "$(port 2)" 3)"
		CID=c3 check_ok "$other"
		[ "$(find $RECORDS -type f | wc -l)" -eq 2 ]
		rm -r $RECORDS
		nft flush ruleset
	done
}

@test "GC finds a table of conditions by the records" {
	add_ok "$(conf "" "$PORTS" 2 '"conditionsV4":["-i","a"],')"
	gc portmap <<<"$(with_valid "$(bare "$(conf "")")")"
	expect_silent
	nothing_held
}

# drafted CONF : an ADD that is killed with its record written, but not under its name yet.
drafted() {
	killed_at rename,renameat,renameat2 ADD portmap <<<"$1"
	[ "$(find $RECORDS -name '*.tmp' | wc -l)" = 1 ] || fail "a draft, not $(ls $RECORDS)"
}

no_draft() {
	[ -z "$(find $RECORDS -name '*.tmp')" ] || fail "no draft, not $(ls $RECORDS)"
}

@test "row 20: what an ADD that was killed has left of its record goes with the next call" {
	local conf other
	conf=$(conf "")
	other=$(jq -c '.name = "other"' <<<"$conf")
	drafted "$conf"
	add_ok "$conf"
	no_draft
	check_ok "$conf"
	drafted "$conf"
	check_ok "$conf"
	del_ok "$conf"
	no_draft
	nothing_held
	for valid in "" c1/eth0; do
		drafted "$conf"
		# shellcheck disable=SC2086
		gc portmap <<<"$(with_valid "$(bare "$other")" $valid)"
		expect_silent
		no_draft
	done
	drafted "$conf"
	jq -e . "$(find $RECORDS -name '*.tmp')" >/dev/null || fail "all of it, with the configuration"
	del_ok "$(bare "$conf")"
	no_draft
	nothing_held
}

@test "row 20: the draft of a call that goes on is left to it" {
	local conf draft
	conf=$(conf "")
	drafted "$conf"
	draft=$(find $RECORDS -name '*.tmp')
	exec {held}<"$draft"
	flock "$held"
	gc portmap <<<"$(with_valid "$(bare "$conf")")" {held}<&-
	expect_silent
	[ -e "$draft" ] || fail "the draft"
	exec {held}<&-
	gc portmap <<<"$(with_valid "$(bare "$conf")")"
	expect_silent
	no_draft
}

@test "STATUS is well with each backend, and not without a program" {
	local backend
	for backend in $BACKENDS; do
		status_of portmap <<<"$(bare "$(conf "${backend//\"/}")")"
		expect_silent
	done
	mount -t tmpfs tmpfs /usr/sbin
	PATH=/nowhere:$PATH status_of portmap <<<"$(bare "$(conf iptables)")"
	umount /usr/sbin
	expect_code 50 iptables-restore
}

@test "iptables: as many ports as a configuration may have" {
	needs_host_root "socket buffers beyond the machine's limit"
	local conf
	conf=$(conf iptables "$(seq -f '{"hostPort":%g,"containerPort":80}' -s, 10001 15000)")
	add_ok "$conf"
	check_ok "$conf"
	del_ok "$conf"
	! iptables -t nat -S | grep -m 1 CNI-DN- || fail "no chain left"
}

declare -gA NEGATED=([nftables]='ip saddr != 192.0.2.1' [iptables]='!","-s","192.0.2.1')
declare -gA PLAIN=([nftables]='ip saddr 192.0.2.1' [iptables]='-s","192.0.2.1')

# conditioned BACKEND WORDS : ADD, which passes CHECK, and again, which changes nothing; DEL leaves nothing.
conditioned() {
	local conf before
	conf=$(conf "$1" "$PORTS" 2 "\"conditionsV4\":[$2],")
	add_ok "$conf"
	before=$(nft -s list ruleset)
	check portmap <<<"$conf"
	expect_silent
	add_ok "$conf"
	expect_same rules "$before" "$(nft -s list ruleset)"
	del_ok "$conf"
	nothing_held
}

@test "conditions that are turned round are others" {
	local backend conf
	for backend in nftables iptables; do
		add_ok "$(conf "$backend" "$PORTS" 2 '"conditionsV4":["'"${NEGATED[$backend]}"'"],')"
		conf=$(conf "$backend" "$PORTS" 2 '"conditionsV4":["'"${PLAIN[$backend]}"'"],')
		check portmap <<<"$conf"
		expect_code 102 'gone'
		add_ok "$conf"
		check portmap <<<"$conf"
		expect_silent
		del_ok "$conf"
		nothing_held
	done
}

@test "conditions on addresses, in each spelling, are not taken for the mapping's own" {
	local words
	for words in '"ip daddr 192.0.2.1"' '"ip saddr 192.0.2.1"' '"ip daddr 192.0.2.1 ip saddr 10.1.2.3/8"'; do
		conditioned '' "$words"
		conditioned nftables "$words"
	done
	for words in '"-d","192.0.2.1"' '"-s","192.0.2.1/32"' '"--source","10.1.2.3/8"' '"!","--dst","192.0.2.1"' \
		'"--src","192.0.2.1,192.0.2.2"' '"-s","10.0.0.0/255.0.0.0"' '"--source","0.0.0.0/0"' \
		'"-d","0/0"'; do
		conditioned '' "$words"
		conditioned iptables "$words"
	done
}
