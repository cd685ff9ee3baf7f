# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# Whatever a runtime or a user gives us: one error object with a code that names the place, exit 1,
# and nothing has changed. The keys come from the tables in the code (`cnic keys`; bad.jq makes the
# cases), so a key that is added is tested from then on.

load ../lib

DATA=/var/lib/cni/networks
ALIVE='{"containerID":"c9","ifname":"eth9"}'
BASES='{
	"bridge": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"bridge","bridge":"br0","isGateway":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"ptp": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"ptp",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"ovs": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"ovs","bridge":"br0",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"ovs-mirror-producer": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"ovs-mirror-producer",
		"bridge":"br0","mirrors":[{"name":"m1","ingress":true}]},
	"ovs-mirror-consumer": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"ovs-mirror-consumer",
		"bridge":"br0","mirrors":[{"name":"m1"}]},
	"macvlan": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"macvlan","master":"m0","linkInContainer":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"ipvlan": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"ipvlan","master":"m0","linkInContainer":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"vlan": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"vlan","master":"m0","linkInContainer":true,"vlanId":7,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"dummy": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"dummy",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"host-device": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"host-device","device":"x","DPDKMode":true},
	"tap": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"tap"},
	"loopback": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"loopback"},
	"host-local": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"any",
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.2.0.0/24"}]]}},
	"firewall": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"firewall","prevResult":{"cniVersion":"1.1.0",
		"interfaces":[{"name":"br0"}],"ips":[{"address":"10.2.0.2/24"}]}},
	"portmap": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"portmap",
		"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}},
	"bandwidth": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"bandwidth","ingressRate":8000000,"ingressBurst":80000,
		"prevResult":{"cniVersion":"1.1.0"}},
	"tuning": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"tuning","prevResult":{"cniVersion":"1.1.0"}},
	"sbr": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"sbr","prevResult":{"cniVersion":"1.1.0",
		"ips":[{"address":"10.2.0.2/24"}]}},
	"vrf": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"vrf","vrfname":"red",
		"prevResult":{"cniVersion":"1.1.0","ips":[{"address":"10.2.0.2/24"}]}},
	"static": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"any",
		"ipam":{"type":"static","addresses":[{"address":"10.2.0.2/24"}]}}}'

BASES=${BASES//ALIVE/\"cni.dev\/attachments\":[$ALIVE],\"cni.dev\/valid-attachments\":[$ALIVE]}

MIRRORS="ovs-mirror-producer ovs-mirror-consumer"
EVERY_PLUGIN=$(sed -n 's/^PLUGIN[^"]*"\([^"]*\)".*/\1/p' "$ROOT/plugins/list.h")
declare -gA base

setup_file() {
	"$CNIC_BIN/cnic" keys | jq -r --argjson bases "$BASES" -f "$TEST_DIR/input/bad.jq" >"$BATS_FILE_TMPDIR/cases"
	awk -F '\t' -v dir="$BATS_FILE_TMPDIR" '{ print >(dir "/" $1 "." $2) }' "$BATS_FILE_TMPDIR/cases"
	jq -r 'to_entries[] | "\(.key)\t\(.value | tojson)"' <<<"$BASES" >"$BATS_FILE_TMPDIR/bases"
}

setup() {
	host_setup
	no_dad_wait ''
	netns box
	ip -n box link set lo down
	log=$BATS_TEST_TMPDIR/log
	stderr_file=$BATS_TEST_TMPDIR/stderr
	reset_env
	while IFS=$'\t' read -r plugin conf; do
		base[$plugin]=$conf
	done <"$BATS_FILE_TMPDIR/bases"
	before=$(everything)
	set +T # bats' own DEBUG trap costs more than the calls
}

# What was said about the case that went wrong, not about the hundreds before it.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || cut -c1-1000 "$log"
	host_clean
}

everything() {
	host_state
	ns_state box
	find "$DATA" -name .cnic -prune -o -type f ! -name lock -print 2>/dev/null || true
}

# Ends every test here.
nothing_changed() {
	expect_same state "$before" "$(everything)"
}

# ---- calls: like those of lib.bash, but thousands of them ------------------------------------

reset_env() {
	export CNI_CONTAINERID=c1 CNI_NETNS CNI_IFNAME=eth0 CNI_PATH=$CNIC_BIN CNI_ARGS=
	unset CNI_NETNS_OVERRIDE CNI_ALWAYS_EXEC
	CNI_NETNS=$(ns_path box)
}

# try VERB PLUGIN : configuration on stdin; to $status and $output.
try() {
	status=0
	output=$(CNI_COMMAND=$1 exec "$CNIC_BIN/$2" 2>"$stderr_file") || status=$?
	IFS= read -r -d '' errors <"$stderr_file" || true
	printf '%s\n' "\$ $1 $2: exit $status" "$output" "$errors" >"$log"
}

no_traces() {
	local links=(/sys/class/net/*) records=("$DATA"/*/[0-9f]* "$DATA"/*/last*)
	case ${links[*]} in
	/sys/class/net/lo) ;;
	*) fail "no links" ;;
	esac
	case ${records[*]} in
	"$DATA/*/[0-9f]* $DATA/*/last*") ;;
	*) fail "no records" ;;
	esac
}

# refused CODES TEXT : the answer is an error object with one of the codes, its text contains TEXT.
refused() {
	local code
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	case $output in
	*$'\n'*) fail "one line" ;;
	'{"cniVersion":"'*'","code":'*,\"msg\":\"*'}') ;;
	*) fail "an error object" ;;
	esac
	code=${output#*\"code\":}
	code=${code%%,*}
	[[ " $1 " == *" $code "* ]] || fail "code $1, not $code"
	[[ $output == *"$2"* ]] || fail "a text with '$2'"
	[ "${#output}" -lt 4096 ] || fail "an error object that can be read"
	[ ! -s "$stderr_file" ] || [[ $(<"$stderr_file") != *Sanitizer* ]] || fail "no sanitizer finding"
	no_traces
}

# refuse VERB PLUGIN CODES TEXT <<<CONF
refuse() {
	try "$1" "$2"
	refused "$3" "$4"
}

base_of() {
	echo "${base[$1]}"
}

# ---- each key of each table ------------------------------------------------------------------

# each_case PLUGIN KIND COMMAND : COMMAND PATH CONF OTHER for all cases of a kind; there must be some.
each_case() {
	local case_plugin kind path conf other cases=0
	plugin=$1
	while IFS=$'\t' read -r case_plugin kind path conf other; do
		cases=$((cases + 1))
		tally keys 1 0
		"$3" "$path" "$conf" "$other"
		tally keys 0 1
	done <"$BATS_FILE_TMPDIR/$1.$2"
	[ $cases -gt 0 ] || fail "cases of $2 for $1"
}

bad_add() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	no_matter_to_del "$1" "$2"
}

bad_in_every_verb() {
	local verb
	for verb in ADD CHECK STATUS; do
		refuse $verb "$plugin" 6 "\"msg\":\"$1: " <<<"$2"
	done
	no_matter_to_del "$1" "$2"
	case $1 in
	cni.dev/*) refuse GC "$plugin" 6 "\"msg\":\"$1: " <<<"$2" ;; # else none would be valid
	esac
}

# Row 10: a sandbox whose DEL fails can never be removed. DEL uses the network's name, and the version.
no_matter_to_del() {
	case $1 in
	name | cniVersion)
		refuse DEL "$plugin" "1 6 7" '"msg":"' <<<"$2"
		return
		;;
	esac
	try DEL "$plugin" <<<"$2"
	[ "$status $output" = "0 " ] || fail "DEL that does not mind $1"
}

# null is as good as nothing: for CHECK, which finds no interface, and STATUS, which finds no fault.
null_is_absent() {
	local verb with
	for verb in CHECK STATUS; do
		try $verb "$plugin" <<<"$2"
		with="$status $output"
		try $verb "$plugin" <<<"$3"
		[ "$with" = "$status $output" ] || fail "for $verb with $1 null as without: $with"
	done
}

# Not of these: the error object of a delegate (see "a delegate"), what ovs-cni's cache and what records hold
# (test_record.c), nor what host-device writes down (test_origin.c).
@test "every key in the source has cases" {
	local key
	grep -ohE --exclude=origin.c '(F_[A-Z_]+\(|\.key = )"[^"]+"' "$ROOT"/pkg/cni/{conf,result}.c "$ROOT"/pkg/iface/*.h "$ROOT"/plugins/*/*/*.c |
		sed 's/^[^"]*"//; s/"$//' | sort -u >"$BATS_TEST_TMPDIR/keys"
	[ "$(wc -l <"$BATS_TEST_TMPDIR/keys")" -gt 80 ]
	cut -f3 "$BATS_FILE_TMPDIR/cases" | sort -u >"$BATS_TEST_TMPDIR/paths"
	while read -r key; do
		grep -qE "(^|\.)${key//./\\.}\$" "$BATS_TEST_TMPDIR/paths" || fail "a case for $key"
	done <"$BATS_TEST_TMPDIR/keys"
}

# Where "" is wrong to the reference, too, for what it means there, and so is not as good as nothing.
means_something() {
	case "$plugin $1" in
	"bridge bridge" | "host-local ipam.subnet" | "portmap externalSetMarkChain" | *" name") ;;
	*) return 1 ;;
	esac
}

empty_is_absent() {
	if means_something "$1"; then
		refuse ADD "$plugin" 7 "${1##*.}" <<<"$2"
	else
		null_is_absent "$@"
	fi
}

# once BIN CONF : the exit status of an ADD, after which nothing is left
once() {
	local status=0
	CNI_COMMAND=ADD CNI_PATH=$1 "$1/$plugin" <<<"$2" >/dev/null 2>&1 || status=$?
	CNI_COMMAND=DEL CNI_PATH=$1 "$1/$plugin" <<<"$2" >/dev/null 2>&1 || true
	ip -n box link del eth0 2>/dev/null || true
	ip link del br0 2>/dev/null || true
	nft flush ruleset
	rm -rf "$DATA"
	echo "$status"
}

# What the reference takes, so do we, unless it is not the empty string that we refuse.
as_the_reference() {
	case $plugin.$1 in # the same code in all
	bridge.*) ;;
	*.name | *.cniVersion | *.type | *.dns.domain) return ;;
	esac
	[ "$(once "$REF_BIN" "$2")" != 0 ] || [ "$(once "$CNIC_BIN" "$2")" = 0 ] ||
		[ "$(once "$CNIC_BIN" "$3")" != 0 ] || fail "$1 empty is taken: $2"
}

@test "row 11: an empty string is as good as none, whichever key's it is" {
	local plugin
	for plugin in $EVERY_PLUGIN; do
		each_case "$plugin" empty empty_is_absent
	done
	nothing_changed
}

@test "row 11: what the reference takes for an empty string, so do we" {
	local plugin
	for plugin in bridge ptp loopback host-device tap host-local static firewall; do
		each_case "$plugin" empty as_the_reference
	done
}

@test "row 11: CNI_ARGS with empty values" {
	local CNI_ARGS plugin
	for plugin in host-local static; do
		for CNI_ARGS in IP= 'IgnoreUnknown=1;IP=' 'IgnoreUnknown=true;IP=;K8S_POD_NAME=' 'IP=10.2.0.2/24;IP='; do
			[ "$(once "$CNIC_BIN" "$(base_of "$plugin")")" = 0 ] || fail "$plugin with $CNI_ARGS"
		done
	done
	plugin=static
	for CNI_ARGS in GATEWAY= 'IP=;GATEWAY='; do
		[ "$(once "$CNIC_BIN" "$(base_of static)")" = 0 ] || fail "static with $CNI_ARGS"
	done
	plugin=bridge
	CNI_ARGS='IgnoreUnknown=1;MAC='
	[ "$(once "$CNIC_BIN" "$(base_of bridge)")" = 0 ]
}

@test "row 11: an empty dns.domain of the configuration does not take IPAM's dns away" {
	try ADD bridge <<<"$(base_of bridge | jq -c '.dns = {domain: ""} | .isGateway = false |
		.ipam = {type: "static", addresses: [{address: "10.2.0.2/24"}], dns: {nameservers: ["192.0.2.1"]}}')"
	[ "$status" = 0 ]
	[ "$(jq -c .dns.nameservers <<<"$output")" = '["192.0.2.1"]' ]
}

for_each_key_of() {
	each_case "$1" type bad_in_every_verb
	codes="6 7" each_case "$1" range bad_add
	codes="6 7" each_case "$1" long bad_add
	codes=7 each_case "$1" missing bad_add
	each_case "$1" null null_is_absent
	nothing_changed
}

@test "bridge: each key with a wrong type, out of range, too long, null" {
	for_each_key_of bridge
}

@test "ptp: each key with a wrong type, out of range, too long, null" {
	for_each_key_of ptp
}

@test "ovs: each key with a wrong type, out of range, too long, null" {
	each_case ovs type bad_in_every_verb
	codes="6 7" each_case ovs range bad_add
	codes="6 7" each_case ovs long bad_add
	each_case ovs null null_is_absent
	nothing_changed
}

@test "the mirrors: each key with a wrong type, too long, missing, null" {
	local each
	for each in $MIRRORS; do
		each_case "$each" type bad_in_every_verb
		codes="6 7" each_case "$each" long bad_add
		codes=7 each_case "$each" missing bad_add
		each_case "$each" null null_is_absent
	done
	nothing_changed
}

# Not by a word of what DEL does not use: ovs and mirrors have a server in their own files.
@test "row 10: DEL removes what is there, with wrong types all over" {
	local plugin wrong='.dns = 5 | .runtimeConfig = [] | .args = "x" | .capabilities = 5 | .prevResult = "x"
		| .["cni.dev/attachments"] = [{containerID: 5}] | .mtu = "x" | .ipMasq = 1
		| .ipMasqBackend = 5 | .vlan = "1000" | .vlanTrunk = {} | .macspoofchk = {}
		| .ipam.ranges = 5 | .ipam.routes = [{dst: 5}, 5] | .ipam.subnet = [] | .ipam.resolvConf = 5
		| .ipam.addresses = [[5]] | .bridge = 5'
	for plugin in bridge ptp; do
		try ADD "$plugin" <<<"$(base_of "$plugin")"
		[ "$status" -eq 0 ]
		ip -n box link show eth0
		[ -e "$DATA/bad/10.2.0.2" ]
		try DEL "$plugin" <<<"$(base_of "$plugin" | jq -c "$wrong")"
		[ "$status $output" = "0 " ]
		[ ! -e "$DATA/bad/10.2.0.2" ]
		[ "$(ip -n box -j link | jq -r '.[].ifname')" = lo ]
		ip link del br0 2>/dev/null || true
		rm -rf "$DATA/bad"
		echo 0 >/proc/sys/net/ipv4/ip_forward
	done
	nothing_changed
}

# A master in the container, so that no link of the host's is a trace.
@test "macvlan, ipvlan, vlan, dummy: each key with a wrong type, out of range, too long, missing, null" {
	ip -n box link add m0 type veth peer name m1
	before=$(everything)
	for_each_key_of macvlan
	for_each_key_of ipvlan
	for_each_key_of vlan
	for_each_key_of dummy
}

@test "host-local: each key with a wrong type, out of range, too long, null" {
	for_each_key_of host-local
}

@test "static: each key with a wrong type, out of range, too long, null" {
	for_each_key_of static
}

@test "loopback: each key with a wrong type, too long, null" {
	each_case loopback type bad_in_every_verb
	codes="6 7" each_case loopback long bad_add
	codes=7 each_case loopback missing bad_add
	each_case loopback null null_is_absent
	nothing_changed
}

@test "host-device: each key with a wrong type, too long, null" {
	each_case host-device type bad_in_every_verb
	codes="6 7" each_case host-device long bad_add
	each_case host-device null null_is_absent
	nothing_changed
}

@test "tap: each key with a wrong type, out of range, too long, null" {
	each_case tap type bad_in_every_verb
	codes="6 7" each_case tap range bad_add
	codes="6 7" each_case tap long bad_add
	each_case tap null null_is_absent
	nothing_changed
}

@test "firewall: each key with a wrong type, too long, null" {
	each_case firewall type bad_in_every_verb
	codes="6 7" each_case firewall long bad_add
	each_case firewall null null_is_absent
	nothing_changed
}

@test "portmap: each key with a wrong type, out of range, too long, missing, null" {
	for_each_key_of portmap
}

@test "tuning: each key with a wrong type, out of range, too long, null" {
	each_case tuning type bad_in_every_verb
	codes="6 7" each_case tuning range bad_add
	codes="6 7" each_case tuning long bad_add
	each_case tuning null null_is_absent
	nothing_changed
}

@test "sbr: each key with a wrong type, out of range, too long, null" {
	each_case sbr type bad_in_every_verb
	codes="6 7" each_case sbr range bad_add
	codes="6 7" each_case sbr long bad_add
	each_case sbr null null_is_absent
	nothing_changed
}

@test "vrf: each key with a wrong type, out of range, too long, null" {
	each_case vrf type bad_in_every_verb
	codes="6 7" each_case vrf range bad_add
	codes="6 7" each_case vrf long bad_add
	each_case vrf null null_is_absent
	nothing_changed
}

bad_prev() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	refuse CHECK "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

@test "bandwidth: each key with a wrong type, out of range, too long, null" {
	each_case bandwidth type bad_in_every_verb
	codes="6 7" each_case bandwidth range bad_add
	codes="6 7" each_case bandwidth long bad_add
	each_case bandwidth null null_is_absent
	nothing_changed
}

bad_prev() {
	refuse ADD "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
	refuse CHECK "$plugin" "$codes" "\"msg\":\"$1:" <<<"$2"
}

@test "bridge: each key of prevResult" {
	codes=6 each_case bridge prev-type bad_prev
	codes="6 7" each_case bridge prev-range bad_prev
	codes="6 7" each_case bridge prev-long bad_prev
	codes=7 each_case bridge prev-missing bad_prev
	each_case bridge prev-null null_is_absent
	nothing_changed
}

@test "host-local: each key of prevResult" {
	codes=6 each_case host-local prev-type bad_prev
	codes="6 7" each_case host-local prev-range bad_prev
	codes=7 each_case host-local prev-missing bad_prev
	each_case host-local prev-null null_is_absent
	nothing_changed
}

@test "loopback: each key of prevResult in its old shape" {
	codes=6 each_case loopback old-type bad_add
	codes="6 7" each_case loopback old-range bad_add
	codes="6 7" each_case loopback old-long bad_add
	codes=7 each_case loopback old-missing bad_add
	nothing_changed
}

@test "bridge: a delegate's keys" {
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	ip link del br0 2>/dev/null || true
	nothing_changed
}

@test "bridge: a delegate's keys, exec'ed" {
	export CNI_ALWAYS_EXEC=1
	codes=6 each_case bridge delegated-type bad_add
	codes="6 7" each_case bridge delegated-range bad_add
	nothing_changed
}

# ---- values that are of the right type and wrong ---------------------------------------------

# changed PLUGIN FILTER... : the base of PLUGIN as each jq filter makes it, one a line.
changed() {
	local plugin=$1
	shift
	jq -c --arg plugin "$plugin" ".[\$plugin] | $(printf '(%s),' "$@")empty" <<<"$BASES"
}

# wrong PLUGIN CODES TEXT FILTER... : the base of PLUGIN, changed by jq filters, is refused.
wrong() {
	local plugin=$1 codes=$2 text=$3 conf
	shift 3
	while read -r conf; do
		refuse ADD "$plugin" "$codes" "$text" <<<"$conf"
		refuse STATUS "$plugin" "$codes 50" "$text" <<<"$conf"
	done < <(changed "$plugin" "$@")
}

# What STATUS does not look at.
wrong_add() {
	local plugin=$1 codes=$2 text=$3 conf
	shift 3
	while read -r conf; do
		refuse ADD "$plugin" "$codes" "$text" <<<"$conf"
	done < <(changed "$plugin" "$@")
}

@test "network names" {
	local name
	for name in '' '.' '..' '-a' '_a' 'a b' 'a/b' '../a' 'ä' 'a\n' 'a\t' '*' 'a;b' '.cnic'; do
		refuse ADD bridge 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
		refuse GC loopback 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
		refuse STATUS host-local 7 '' <<<"{\"cniVersion\":\"1.1.0\",\"name\":\"$name\"}"
	done
	refuse ADD host-local 7 'name: longer' <<<"$(base_of host-local | jq -c '.name = "n" * 256')"
	nothing_changed
}

@test "bridge: values" {
	wrong bridge 7 'bridge: ' '.bridge = ""' '.bridge = "a/b"' '.bridge = "a b"' '.bridge = "."' \
		'.bridge = ".."' '.bridge = "a:b"' '.bridge = "a\u00a0b"' '.bridge = "a\tb"'
	wrong bridge 7 'vlanTrunk[0].' '.vlanTrunk = [{minID: 5}]' '.vlanTrunk = [{maxID: 5}]' \
		'.vlanTrunk = [{minID: 5, maxID: 4}]'
	wrong bridge 7 'hairpinMode' '.hairpinMode = true | .promiscMode = true'
	wrong bridge 7 'disableContainerInterface' '.disableContainerInterface = true'
	wrong bridge 7 'plugin' '.ipam.type = "a/b"' '.ipam.type = "../bridge"' '.ipam.type = "nosuch"' \
		'.ipam.type = "/bin/true"' '.ipam.type = "."' '.ipam.type = ".."'
	nothing_changed
}

@test "ovs: values" {
	wrong ovs 7 "trunk[0]" ".trunk = [{minID: 5}]" ".trunk = [{maxID: 5}]" ".trunk = [{minID: 5, maxID: 4}]" \
		".trunk = [{}]"
	wrong ovs "7 11" "" ".socket_file = \"nonsense\"" ".socket_file = \"unix:\"" ".socket_file = \"tcp:x:1\""
	wrong ovs "2" "ssl" ".socket_file = \"ssl:127.0.0.1:1\""
	wrong_add ovs 7 "bridge" "del(.bridge)" ".bridge = \"\""
	wrong_add ovs 7 "runtimeConfig.mac: " ".runtimeConfig.mac = \"x\""
	wrong_add ovs 7 "args.cni.mac: " ".args.cni.mac = \"x\""
	nothing_changed
}

@test "the mirrors: values" {
	local each
	for each in $MIRRORS; do
		wrong "$each" 7 "bridge: " "del(.bridge)" '.bridge = ""'
		wrong "$each" 7 "mirrors: missing" "del(.mirrors)" ".mirrors = []"
		wrong "$each" 7 "mirrors[1].name: " '.mirrors += [{name: "", ingress: true}]'
		wrong_add "$each" 7 "prevResult: missing" .
		wrong_add "$each" "7 11" "" '.socket_file = "nonsense" | .prevResult = {}'
		wrong_add "$each" 11 db.sock ".prevResult = {}"
	done
	wrong ovs-mirror-producer 7 "mirrors[0]: neither ingress nor egress" \
		".mirrors[0].ingress = false" "del(.mirrors[0].ingress)"
	nothing_changed
}

@test "firewall: values" {
	wrong firewall 7 'backend: ' '.backend = "nft"' '.backend = "IPTABLES"' '.backend = "ufw"'
	wrong firewall 7 'ingressPolicy: ' '.ingressPolicy = "Open"' '.ingressPolicy = "closed"'
	wrong firewall 7 'iptablesAdminChainName: ' '.iptablesAdminChainName = "a b"' \
		'.iptablesAdminChainName = "-a"' '.iptablesAdminChainName = "RETURN"' '.iptablesAdminChainName = "a;b"' \
		'.iptablesAdminChainName = "CNI-ISOLATION-STAGE-1"' '.iptablesAdminChainName = "a" * 29' \
		'.iptablesAdminChainName = "a\"b"' '.iptablesAdminChainName = "a\nCOMMIT"' '.iptablesAdminChainName = "ä"'
	wrong_add firewall 7 'prevResult: missing' 'del(.prevResult)'
	wrong_add firewall 7 'prevResult.interfaces' '.ingressPolicy = "isolated" | del(.prevResult.interfaces)' \
		'.ingressPolicy = "isolated" | .prevResult.interfaces[0].name = "a b"' \
		'.ingressPolicy = "isolated" | .prevResult.interfaces[0].sandbox = "/x"'
	[ -z "$(nft list ruleset)" ] || fail "no rules"
	nothing_changed
}

@test "portmap: values" {
	wrong portmap 7 'backend: ' '.backend = "nft"' '.backend = "IPTABLES"'
	wrong portmap 7 'markMasqBit' '.markMasqBit = 32' '.markMasqBit = 13 | .externalSetMarkChain = "M"'
	wrong portmap 7 'externalSetMarkChain: ' '.externalSetMarkChain = ""' '.externalSetMarkChain = "a b"' \
		'.externalSetMarkChain = "-j"' '.externalSetMarkChain = "x" * 29' '.externalSetMarkChain = "a\"b"' \
		'.externalSetMarkChain = "M" | .backend = "nftables"' '.externalSetMarkChain = "a\nb"'
	wrong portmap 7 'conditionsV4' '.conditionsV4 = ["-s", "x"] | .backend = "nftables"' \
		'.conditionsV4 = ["-s", "10.0.0.0/8"] | .backend = "nftables"' \
		'.conditionsV4 = ["ip", "saddr", "10.0.0.0/8"] | .backend = "iptables"' \
		'.conditionsV4 = ["-i", "a\nb"] | .backend = "iptables"' '.conditionsV4 = [""]' \
		'.conditionsV4 = ["tcp dport 80"]' '.conditionsV4 = ["ip saddr"]' '.conditionsV4 = ["ip saddr fd00::1"]' \
		'.conditionsV4 = ["iifname", "a/b"]' '.conditionsV4 = ["iifname *"]' \
		'.conditionsV4 = ["ip saddr 10.0.0.0/8"] | .conditionsV6 = ["-i", "eth0"]' \
		'.conditionsV4 = ["-i", "x" * 5000] | .backend = "iptables"'
	wrong portmap "6 7" 'conditionsV6' '.conditionsV6 = ["ip6 daddr 10.0.0.1"]' '.conditionsV6 = ["ip saddr 10.0.0.1"]' \
		'.conditionsV6 = ["ip6 saddr != fd00::/129"]'
	wrong portmap 7 'runtimeConfig.portMappings[0].protocol: ' '.runtimeConfig.portMappings[0].protocol = "icmp"' \
		'.runtimeConfig.portMappings[0].protocol = "6"' '.runtimeConfig.portMappings[0].protocol = "tcp "'
	wrong portmap 7 'runtimeConfig.portMappings[1].hostPort: ' \
		'.runtimeConfig.portMappings[1] = {hostPort: 8080, containerPort: 81}' \
		'.runtimeConfig.portMappings[1] = {hostPort: 8080, containerPort: 81, protocol: "TCP", hostIP: "::"}'
	wrong_add portmap 7 'prevResult: missing' . 'del(.runtimeConfig)' '.runtimeConfig.portMappings = []'
	nothing_changed
}

@test "bridge, MAC addresses" {
	local mac
	for mac in 'x' '00:11:22:33:44' '00:11:22:33:44:55:66' '00:11:22:33:44:5g' '001122334455' \
		'00:11:22:33:44:55 ' '00-11:22-33:44-55' ; do
		wrong_add bridge 7 'runtimeConfig.mac: ' ".runtimeConfig.mac = \"$mac\""
		wrong_add bridge 7 'args.cni.mac: ' ".args.cni.mac = \"$mac\""
		CNI_ARGS="MAC=$mac" refuse ADD bridge "4 7" MAC <<<"$(base_of bridge)"
	done
	nothing_changed
}

@test "ptp: values" {
	wrong ptp 7 'ipam.type' 'del(.ipam)' '.ipam = {}' '.ipam.type = ""'
	wrong ptp 7 'plugin' '.ipam.type = "nosuch"' '.ipam.type = "a/b"'
	nothing_changed
}

@test "host-local: values" {
	wrong host-local 7 'ipam.ranges[0][0]' \
		'.ipam.ranges[0][0].subnet = "10.2.0.0"' '.ipam.ranges[0][0].subnet = "10.2.0.0/33"' \
		'.ipam.ranges[0][0].subnet = "10.2.0.0/31"' '.ipam.ranges[0][0].subnet = "10.2.0.0/32"' \
		'.ipam.ranges[0][0].subnet = "10.2.0.1/24"' '.ipam.ranges[0][0].subnet = ""' \
		'.ipam.ranges[0][0].subnet = "nonsense"' '.ipam.ranges[0][0] = {}' \
		'.ipam.ranges[0][0].rangeStart = "10.3.0.1"' '.ipam.ranges[0][0].rangeEnd = "10.3.0.1"' \
		'.ipam.ranges[0][0].rangeStart = "x"' '.ipam.ranges[0][0].rangeEnd = "x"' \
		'.ipam.ranges[0][0].rangeStart = "fd00::1"' \
		'.ipam.ranges[0][0] += {rangeStart: "10.2.0.9", rangeEnd: "10.2.0.8"}' \
		'.ipam.ranges[0][0].gateway = "x"'
	wrong host-local 7 range '.ipam = {type: "host-local"}' '.ipam.ranges = []' '.ipam.ranges = [[]]' \
		'.ipam.ranges[1] = .ipam.ranges[0]' '.ipam.ranges[0][1] = .ipam.ranges[0][0]' \
		'.ipam.ranges[0][1] = {subnet: "fd00::/64"}' \
		'.ipam.subnet = "10.2.0.0/16"'
	wrong host-local 7 'ipam.subnet: ' '.ipam.subnet = "x"' 'del(.ipam.ranges) | .ipam.subnet = "x"'
	wrong host-local 7 'runtimeConfig' '.runtimeConfig.ipRanges = [[{subnet: "x"}]]' \
		'.runtimeConfig.ipRanges = [[]]'
	nothing_changed
}

@test "host-local: what is asked for" {
	wrong_add host-local 7 'runtimeConfig.ips[0]: ' '.runtimeConfig.ips = ["x"]' '.runtimeConfig.ips = [""]'
	wrong_add host-local 7 'args.cni.ips[0]: ' '.args.cni.ips = ["x"]'
	wrong_add host-local 7 '10.3.0.1' '.runtimeConfig.ips = ["10.3.0.1"]' '.args.cni.ips = ["10.3.0.1"]'
	wrong_add host-local 7 'gateway' '.runtimeConfig.ips = ["10.2.0.1"]'
	wrong_add host-local "5 7 999" 'ipam.resolvConf: ' '.ipam.resolvConf = "/nosuch"' '.ipam.resolvConf = "/run"'
	wrong_add host-local "5 7 999" '' '.ipam.dataDir = "/dev/null"' '.ipam.dataDir = "/dev/null/x"' \
		'.ipam.dataDir = "/proc/nosuch"'
	CNI_ARGS=IP=x refuse ADD host-local "4 7" 'IP' <<<"$(base_of host-local)"
	CNI_ARGS=IP=10.3.0.1 refuse ADD host-local "4 7" '10.3.0.1' <<<"$(base_of host-local)"
	nothing_changed
}

@test "static: values" {
	local conf
	wrong static 7 'ipam.addresses[0].address: ' '.ipam.addresses[0].address = "10.2.0.2"' \
		'.ipam.addresses[0].address = ""' '.ipam.addresses[0].address = "10.2.0.2/33"' \
		'.ipam.addresses[0].address = "x"' '.ipam.addresses[0] = {}'
	wrong static 7 'ipam.addresses[0].gateway: ' '.ipam.addresses[0].gateway = "x"' \
		'.ipam.addresses[0].gateway = "10.2.0.1/24"'
	wrong static 7 'runtimeConfig.ips[0]' '.runtimeConfig.ips = ["10.2.0.2"]' '.runtimeConfig.ips = ["x"]'
	wrong static 7 'args.cni.ips[1]' '.args.cni.ips = ["10.2.0.2/24", "x"]'
	wrong static "6 7" 'ipam' 'del(.ipam)'
	conf=$(base_of static)
	for CNI_ARGS in IP=x IP=10.2.0.3 'IP=10.2.0.3/24,' 'IP=10.2.0.3/24;GATEWAY=x' 'IP=,'; do
		refuse ADD static "4 7" "CNI_ARGS" <<<"$conf"
	done
	nothing_changed
}

# ---- the text --------------------------------------------------------------------------------

nested() {
	printf '{"name":"bad","cniVersion":"1.1.0","x":'
	printf "%${1}s" '' | tr ' ' "$2"
	printf "%${1}s" '' | tr ' ' "$3"
	printf '}'
}

in_each_plugin() {
	local plugin
	for plugin in $EVERY_PLUGIN; do
		"$@"
	done
}

texts_that_are_no_json() {
	local text
	for text in '' ' ' $'\n' x '{' '}' '[' '{]' '{"a"}' '{"a":}' '{"a":1,}' '{,}' "{'name':1}" '{name:1}' \
		'{"name":"bad"}x' '{"name":"bad"}{}' '{"name":"bad"},' '{"name":"bad"' '{"name":"bad' '"name' \
		'{"name":"bad","x":01}' '{"name":"bad","x":+1}' '{"name":"bad","x":1.}' '{"name":"bad","x":.5}' \
		'{"name":"bad","x":1e}' '{"name":"bad","x":0x1}' '{"name":"bad","x":NaN}' \
		'{"name":"bad","x":tru}' '{"name":"bad","x":True}' '{"name":"bad","x":"\x"}' \
		'{"name":"bad","x":"\u12"}' '{"name":"bad\u0000"}' '{"nam\u0000e":"bad"}' \
		$'{"name":"bad","x":"\t"}' $'{"name":"bad","x":"\xff"}' $'{"name":"bad","x":"\xc0\xaf"}' \
		$'{"name":"bad","x":"\xed\xa0\x80"}' $'\xef\xbb\xbf{"name":"bad"}' '// x' '{"name":"bad"}//'; do
		refuse ADD "$plugin" 6 'invalid JSON' < <(printf %s "$text")
	done
	refuse ADD "$plugin" 6 'invalid JSON' < <(printf '{"name":"bad"}\0')
	refuse ADD "$plugin" 6 'invalid JSON' < <(printf '\0{"name":"bad"}')
}

@test "texts that are no JSON" {
	in_each_plugin texts_that_are_no_json
	nothing_changed
}

documents_that_are_no_configuration() {
	local text
	for text in '[]' '5' '"x"' true false '[{"name":"bad"}]'; do
		refuse ADD "$plugin" 6 'document: expected an object' <<<"$text"
	done
	for text in null '{}' '{"name":null}' '{"name":""}'; do
		refuse ADD "$plugin" 7 'missing network name' <<<"$text"
		refuse DEL "$plugin" 7 'missing network name' <<<"$text"
	done
	refuse ADD "$plugin" 6 'name: ' <<<'{"name":5}'
}

@test "documents that are no configuration" {
	in_each_plugin documents_that_are_no_configuration
	nothing_changed
}

too_deep() {
	refuse ADD "$plugin" 6 'nested too deep' < <(nested 64 '[' ']')
	refuse ADD "$plugin" 6 'nested too deep' < <(nested 100000 '[' ']')
	refuse ADD "$plugin" 6 'invalid JSON' < <(nested 900000 '[' '[')
	refuse STATUS "$plugin" 6 'invalid JSON' < <(nested 450000 '[' ']')
	refuse ADD "$plugin" 6 'nested too deep' < <(printf '{"a":%.0s' {1..5000})
}

@test "deep nesting" {
	in_each_plugin too_deep
	try STATUS loopback < <(nested 63 '[' ']')
	[ "$status" -eq 0 ]
	nothing_changed
}

# megabyte N FILTER : the base of $plugin with N bytes more of the filter's making.
megabyte() {
	base_of "$plugin" | jq -c --argjson n "$1" "$2"
}

# Nothing is wrong with the text; that no database server runs here, or the kernel has no vrf, is another matter.
is_fine() {
	[ "$status" -eq 0 ] || [[ $plugin == ovs* && $output == *'"code":50,'*db.sock* ]] ||
		[[ $plugin == vrf && $output == *'"code":50,'*modprobe* ]]
}

# shellcheck disable=SC2016 # jq's variables
too_large() {
	refuse ADD "$plugin" 6 'too large' < <(megabyte 1048576 '.x = "x" * $n')
	refuse DEL "$plugin" 6 'too large' < <(megabyte 1048576 '.x = [range($n / 2) | 1]')
	refuse ADD "$plugin" 6 'too large' < <(megabyte 4000000 '. + {"": ("x" * $n)}')
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero)
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero | tr '\0' ' ')
	refuse ADD "$plugin" 6 '' < <(head -c 1048576 /dev/zero | tr '\0' '{')
	refuse ADD "$plugin" 7 'name: ' < <(megabyte 900000 '.name = "x" * $n')
	refuse STATUS "$plugin" 7 'type: ' < <(megabyte 900000 '.type = "x" * $n')
	refuse ADD "$plugin" "1 7" '' < <(megabyte 900000 '.cniVersion = "1" * $n')
	try STATUS "$plugin" < <(megabyte 900000 '.x = "x" * $n')
	is_fine || fail "900 kB of what we do not know to be fine"
	try STATUS "$plugin" < <(megabyte 100000 '.x = [range($n) | {a: 1}]')
	is_fine || fail "100000 objects that we do not know to be fine"
}

@test "a megabyte of JSON" {
	in_each_plugin too_large
	nothing_changed
}

# ---- versions --------------------------------------------------------------------------------

of_version() {
	echo "{\"cniVersion\":\"$1\",\"name\":\"bad\"}"
}

versions() {
	local version
	for version in 1.2.0 0.5.0 2.0.0 x 1.0 1 1.0.0.0 ' 1.0.0' '1.0.0 ' -1.0.0 v1.0.0 01.0.0 1.0.0-rc1 0.3; do
		refuse ADD "$plugin" 1 'incompatible CNI versions' <<<"$(of_version "$version")"
		refuse DEL "$plugin" 1 'incompatible CNI versions' <<<"$(of_version "$version")"
	done
	for version in 0.1.0 0.2.0 0.3.0 0.3.1 ''; do
		refuse CHECK "$plugin" 1 'config version does not allow CHECK' <<<"$(of_version "$version")"
	done
	for version in 0.1.0 0.3.1 0.4.0 1.0.0 ''; do
		refuse GC "$plugin" 1 'config version does not allow GC' <<<"$(of_version "$version")"
		refuse STATUS "$plugin" 1 'config version does not allow STATUS' <<<"$(of_version "$version")"
	done
	for version in 1.2.0 2.0.0; do
		refuse CHECK "$plugin" 1 'plugin version does not allow CHECK' <<<"$(of_version "$version")"
		refuse STATUS "$plugin" 1 'plugin version does not allow STATUS' <<<"$(of_version "$version")"
	done
	for version in x 1.x -1 1.0.0.0; do
		refuse CHECK "$plugin" 6 'cniVersion: ' <<<"$(of_version "$version")"
	done
	refuse CHECK "$plugin" 1 'incompatible' <<<"$(of_version 1.0.5)"
	refuse CHECK "$plugin" 1 'incompatible' <<<"$(of_version 1.1)"
}

@test "versions nobody speaks, and verbs they do not have" {
	in_each_plugin versions
	nothing_changed
}

# ---- the environment -------------------------------------------------------------------------

# missing VERB VARIABLE LIST : with the variable unset, and with it empty.
missing_variable() {
	export "$2="
	refuse "$1" bridge 4 "required env variables [$3] missing" <<<"$(base_of bridge)"
	unset "$2"
	refuse "$1" bridge 4 "required env variables [$3] missing" <<<"$(base_of bridge)"
}

@test "variables that are missing" {
	local verb name
	for verb in ADD CHECK; do
		for name in CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH; do
			missing_variable $verb $name $name
			reset_env
		done
	done
	for name in CNI_CONTAINERID CNI_IFNAME CNI_PATH; do
		missing_variable DEL $name $name
		reset_env
	done
	missing_variable GC CNI_PATH CNI_PATH
	reset_env
	missing_variable STATUS CNI_PATH CNI_PATH
	unset CNI_CONTAINERID CNI_NETNS CNI_IFNAME CNI_PATH
	refuse ADD loopback 4 '[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH]' </dev/null
	refuse DEL loopback 4 '[CNI_CONTAINERID,CNI_IFNAME,CNI_PATH]' </dev/null
	nothing_changed
}

bad_container_ids() {
	local CNI_CONTAINERID
	for CNI_CONTAINERID in . .. -a _a /a a/b ../a 'a b' ä $'a\n' $'a\r\n' 'a*' 'a;b' "a'b" $'\xff' \
		'a"b' 'a\b'; do
		refuse ADD "$plugin" 4 'invalid characters in containerID' <<<"$(base_of "$plugin")"
		refuse DEL "$plugin" 4 'invalid characters in containerID' <<<"$(base_of "$plugin")"
	done
}

bad_ifnames() {
	local CNI_IFNAME
	for CNI_IFNAME in . .. a/b a:b 'a b' $'a\tb' $'a\n' $'a\u00a0b' $'a\u0085' $'a\u2003' \
		sixteen_letters_ "$(printf %5000s x)"; do
		refuse ADD "$plugin" 4 'interface name' <<<"$(base_of "$plugin")"
		refuse DEL "$plugin" 4 'interface name' <<<"$(base_of "$plugin")"
	done
}

@test "container ids and interface names" {
	in_each_plugin bad_container_ids
	in_each_plugin bad_ifnames
	CNI_CONTAINERID='' CNI_IFNAME=a/b refuse ADD bridge 4 'interface name' <<<"$(base_of bridge)"
	CNI_CONTAINERID=$(printf 'a%.0s' {1..5000}) refuse ADD host-local 4 'container id' \
		<<<"$(base_of host-local)"
	nothing_changed
	CNI_CONTAINERID=$(printf 'a%.0s' {1..5000}) refuse ADD ptp 4 'container id' <<<"$(base_of ptp)"
	nothing_changed
}

# The kernel takes the name for a pattern, and picks a number.
patterns_as_ifnames() {
	local CNI_IFNAME verb
	for CNI_IFNAME in eth%d %d %s % 'a%' a%%b; do
		for verb in ADD DEL CHECK; do
			refuse $verb "$plugin" 4 'interface name contains' <<<"$(base_of "$plugin")"
		done
	done
}

@test "row 16: a % is refused wherever an interface is named" {
	local name
	in_each_plugin patterns_as_ifnames
	for name in br%d %d br% br%s; do
		wrong bridge 7 'bridge: interface name contains' ".bridge = \"$name\"" \
			".bridge = \"$name\" | .vlan = 7" ".bridge = \"$name\" | del(.ipam)"
		wrong_add firewall 7 'prevResult.interfaces[0].name: interface name contains' \
			".ingressPolicy = \"same-bridge\" | .prevResult.interfaces[0].name = \"$name\""
	done
	nothing_changed
}

@test "verbs nobody knows" {
	local verb
	for verb in FOO add ADDD 'ADD ' $'ADD\n' DELETE 5 "$(printf 'A%.0s' {1..5000})"; do
		refuse "$verb" bridge 4 'unknown CNI_COMMAND' <<<"$(base_of bridge)"
		refuse "$verb" bridge 6 'invalid JSON' </dev/null
	done
	nothing_changed
}

# The namespaces that are none; DEL takes them for gone, see core.bats.
bad_namespaces() {
	local CNI_NETNS verb dir=$BATS_TEST_TMPDIR
	for CNI_NETNS in /nowhere "$dir/file" "$dir/fifo" "$dir/loop" "$dir" /dev/null /dev/zero \
		/proc/self/ns/mnt "$dir/socket" "$(printf '/%.0s' {1..5000})" relative; do
		for verb in ADD CHECK; do
			refuse $verb "$plugin" 8 '' <<<"$(base_of "$plugin" |
				jq -c '.prevResult = {cniVersion: "1.1.0"}')"
		done
	done
	CNI_NETNS=/proc/self/ns/net
	refuse ADD "$plugin" 8 'should not be the same' <<<"$(base_of "$plugin")"
	refuse DEL "$plugin" 8 'should not be the same' <<<"$(base_of "$plugin")"
}

@test "namespaces that are none" {
	local plugin
	touch "$BATS_TEST_TMPDIR/file"
	mkfifo "$BATS_TEST_TMPDIR/fifo"
	ln -s loop "$BATS_TEST_TMPDIR/loop"
	for plugin in bridge ptp loopback ovs host-device tap firewall $MIRRORS; do
		bad_namespaces
	done
	nothing_changed
}

@test "CNI_PATH without the delegate" {
	local CNI_PATH dir=$BATS_TEST_TMPDIR
	mkdir -p "$dir/a/host-local" "$dir/b" "$dir/c"
	touch "$dir/b/host-local"
	ln -s host-local "$dir/c/host-local"
	for CNI_PATH in /nowhere : "$dir" "$dir/a" "$dir/b" "$dir/c" relative "$dir/a:/nowhere:"; do
		refuse ADD bridge "7 999" '' <<<"$(base_of bridge)"
		refuse ADD ptp "7 999" '' <<<"$(base_of ptp)"
	done
	nothing_changed
}

bad_args() {
	local CNI_ARGS
	for CNI_ARGS in FOO '=;' 'A=b=c' ';' 'IgnoreUnknown=1;' ';IgnoreUnknown=1' 'IgnoreUnknown=maybe' \
		'IgnoreUnknown=' 'IgnoreUnknown' 'K8S_POD=x' 'mac=00:11:22:33:44:55' 'ip=10.2.0.9' \
		'IgnoreUnknown=0;K8S_POD=x' 'K8S_POD=x;IgnoreUnknown=false' $'A\xff=\xff' \
		"$(printf 'A%.0s' {1..100000})" "$(printf 'A=b;%.0s' {1..10000})A=b" "=$(printf 'x%.0s' {1..100000})"; do
		refuse ADD "$plugin" 4 CNI_ARGS <<<"$(base_of "$plugin")"
	done
}

@test "CNI_ARGS" {
	local plugin
	for plugin in bridge host-local static; do
		bad_args
	done
	nothing_changed
}

# ---- a delegate ------------------------------------------------------------------------------

# says STATUS TEXT : there is a delegate "mine" that answers so; and notes a DEL.
says() {
	cat >"$BATS_TEST_TMPDIR/mine" <<-END
		#!/bin/sh
		[ \$CNI_COMMAND = ADD ] || exit 0
		cat <<'EOT'
		$2
		EOT
		exit $1
	END
	chmod 755 "$BATS_TEST_TMPDIR/mine"
}

delegate_says() {
	local CNI_PATH=$BATS_TEST_TMPDIR
	says "$1" "$2"
	refuse ADD bridge "$3" "$4" <<<"$(base_of bridge | jq -c '.ipam = {type: "mine"}')"
	refuse ADD ptp "$3" "$4" <<<"$(base_of ptp | jq -c '.ipam = {type: "mine"}')"
}

@test "a delegate that does not say what it should" {
	local text
	for text in '' x '{' '[]' 5 '{"cniVersion":"9.9.9"}' '{"cniVersion":5}' '{"ips":5}' '{"ips":[{}]}' \
		'{"ips":[{"address":"10.2.0.2"}]}' '{"ips":[{"address":"10.2.0.2/24","gateway":"x"}]}' \
		'{"cniVersion":"0.2.0","ip4":{"ip":"x"}}' '{"ips":[{"address":"10.2.0.2/24"}]} x' \
		'{"ips":[{"address":"10.2.0.2/24","interface":-1}]}' \
		'{"ips":[{"address":"10.2.0.2/24"}],"routes":[{}]}' "$(nested 2000 '[' ']')"; do
		delegate_says 0 "$text" "6 7" mine
	done
	for text in '{}' '{"cniVersion":"1.1.0"}' '{"ips":[]}' '{"ips":null}'; do
		delegate_says 0 "$text" 999 'missing IP config'
	done
	for text in '' x '{"code":"x"}' '{"code":-1}' '{"code":5,"msg":5}' '[]'; do
		delegate_says 1 "$text" 999 mine
	done
	delegate_says 1 '{"code":77,"msg":"mine alone"}' 77 'mine alone'
	delegate_says 0 "$(head -c 1100000 /dev/zero | tr '\0' x)" 999 'output too large'
	nothing_changed
}
