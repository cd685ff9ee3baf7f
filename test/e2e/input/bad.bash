# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# What the files here share: a good configuration of each plugin, calls by the thousand, and what a bad one is answered. The
# keys come from the tables in the code (`cnic keys`; bad.jq makes the cases), so a key that is added is tested from
# then on. For files that have loaded lib.bash.

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
	"cluster": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"any","ipam":{"type":"cluster",
		"range":"10.2.0.0/24","ipRanges":[{"range":"10.3.0.0/24"}],"addresses":[{"address":"10.4.0.2/24"}]}},
	"dhcp": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"any","ipam":{"type":"dhcp","resendTimeout":1,
		"provide":[{"option":"12","value":"x"}],"request":[{"option":"6"}],"request6":[{"option":"23"}]}},
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
	"chain": {"cniVersion":"1.1.0","name":"bad",ALIVE,"type":"chain","plugins":[{"type":"loopback"}]},
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
	"$CNIC_BIN/dhcp" daemon 3>&- 2>/dev/null & # for STATUS
	daemon=$!
	until grep -q ' 00010000 .* /run/cni/dhcp.sock$' /proc/net/unix; do :; done
	before=$(everything)
	set +T # bats' own DEBUG trap costs more than the calls
}

# What was said about the case that went wrong, not about the hundreds before it.
teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || ! [ -f "$log" ] || cut -c1-1000 "$log"
	kill "$daemon"
	wait "$daemon" || true
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
	plugins*) # of a chain: what cannot be called is said
		refuse DEL "$plugin" "6 7" '"msg":"plugins' <<<"$2"
		return
		;;
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
