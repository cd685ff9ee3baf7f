# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A list through the real libcni (build/peers/cnictl), and the same list folded into one plugin of type chain: results,
# the kernel's state, the IPAM store and the records must be equal after ADD and after DEL.
#
# For files that have loaded lib.bash.

CNICTL=$ROOT/build/peers/cnictl
CACHE=/var/lib/cni/results
FOREIGN=$BATS_FILE_TMPDIR/foreign # plugins of the test's own
CHAIN_PATH=                       # CNI_PATH, if not our plugins and then those
CAPS=                             # CAP_ARGS
ARGS=                             # CNI_ARGS
IFN=eth0
PREPARE=                          # a function that makes the host what the case wants to find

# ---- lists -----------------------------------------------------------------------------------

# fold <<<LIST : as `cnic fold` does, a list with one plugin.
fold() {
	jq -c '.plugins = [{type: "chain", capabilities: (.plugins | map(.capabilities // {}) | add), plugins: .plugins}]'
}

# list_of FILE : the list of conf-examples, unfolded if it is not.
list_of() {
	jq -c '.plugins |= if .[0].type == "chain" then .[0].plugins else . end' "$ROOT/conf-examples/$1"
}

# written HOW LIST : the file of the list, folded or unfolded.
written() {
	local file=$BATS_TEST_TMPDIR/$1.conflist
	case $1 in
	folded) fold <<<"$2" >"$file" ;;
	unfolded) echo "$2" >"$file" ;;
	esac
	echo "$file"
}

# ctl HOW VERB LIST [FLAG...] : as `cni` in lib.bash.
ctl() {
	local how=$1 verb=$2 file
	file=$(written "$1" "$3")
	shift 3
	status=0
	output=$(timeout -k 5 60 "$CNICTL" -conf "$file" -path "${CHAIN_PATH:-$CNIC_BIN:$FOREIGN}" -id "$CID" -ifname "$IFN" \
		-netns "$(ns_path)" -caps "$CAPS" -args "$ARGS" "$@" "$verb" 2>"$BATS_TEST_TMPDIR/stderr") || status=$?
	errors=$(<"$BATS_TEST_TMPDIR/stderr")
	echo "\$ cnictl $verb $how: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
	[ "$verb" != add ] || [ "$status" -ne 0 ] || result=$output
}

# ---- what there is ---------------------------------------------------------------------------

# Names and MAC addresses that the kernel has made up, numbered as they come.
masked() {
	perl -pe 's/veth[0-9a-f]{6,}/$v{$&} \/\/= "veth#".++$n/ge; s/\b(?!02:aa:00:00)([0-9a-f]{2}:){5}[0-9a-f]{2}\b/$m{$&} \/\/= "mac#".++$k/ge;
		s/ refcnt \d+//'
}

# The records, attfiles and entries of the registry; a namespace's numbers and a device's index are others each time.
records() {
	local file
	while read -r file; do
		echo "== $file $(stat -c %a "$file")"
		jq -S 'if type == "object" then del(.netnsCookie, .netnsInode, .index) else . end' "$file" 2>/dev/null || cat "$file"
	done < <(find /run/cni /run/cnic /var/lib/cni/cnic -type f ! -name 'netns-*' ! -name '*lock*' 2>/dev/null | sort)
}

# Table by table: the reference makes those of the families in any order.
rules() {
	nft list tables | sort | while read -r table; do
		# shellcheck disable=SC2086
		nft -s list $table 2>/dev/null
	done
}

# What `state` does not see.
more() {
	records
	rules
	tc qdisc show
	in_ns box tc qdisc show
	in_ns box cat /proc/sys/net/core/somaxconn
}

# everything WHEN
everything() {
	echo "--- $1"
	state box
	store_state /var/lib/cni/networks
	more | masked
}

# What is an attachment's. What is for all of them, such as tables and forwarding, stays.
attached() {
	ip -j link | jq -r '.[].ifname' # not sysfs, where a link is for a moment after its end
	ip -n box -j link | jq -r '.[].ifname'
	find /var/lib/cni/networks -name .cnic -prune -o -type f ! -name lock ! -name 'last_*' -print 2>/dev/null | sort
	records
	nft -j list ruleset | jq -c '.nftables[] | (.set, .map | select(.elem) | {table, name, elem}),
		(.rule | select(. and (.table | startswith("cnic_") | not)) | del(.handle))'
	tc qdisc show
}

cached() {
	find "$CACHE" -type f -printf '%f\n' 2>/dev/null | sort
}

# said : the error as libcni says it, without chain's words in front.
said() {
	echo "exit $status ${errors/'plugin type="chain" failed ('@(add|delete)'): '/}"
}

# ---- both ways -------------------------------------------------------------------------------

afresh() {
	host_clean
	rm -rf /run/cnic /run/cni "$CACHE"
	nft flush ruleset
	netns box
	no_dad_wait box
	no_dad_wait ''
	result=
	${PREPARE:+"$PREPARE"} >&3
}

# steps HOW LIST : the life of an attachment, what there was on stdout, what was said on &3.
steps() {
	afresh
	local before how=$1
	before=$(attached)
	ctl "$1" add "$2" >&3
	echo "ADD $(said)"
	if [ "$status" -ne 0 ]; then
		[ "$how" = unfolded ] || expect_same "what a failed ADD leaves" "$before" "$(attached)" >&3 || echo "not all is gone"
		return
	fi
	everything "after ADD"
	cached
	ctl "$1" check "$2" >&3
	echo "CHECK $(said)"
	ctl "$1" status "$2" >&3
	echo "STATUS $(said)"
	ctl "$1" del "$2" >&3
	echo "DEL $(said)"
	result=
	everything "after DEL"
	cached
	ctl "$1" del "$2" >&3
	echo "second DEL $(said)"
}

# same_as_unfolded LIST : both ways; in $observed what both have done.
same_as_unfolded() {
	local chatter=$BATS_TEST_TMPDIR/chatter one
	shopt -s extglob
	plugin=chain tally differential 1 0
	one=$(steps unfolded "$1" 3>"$chatter")
	observed=$(steps folded "$1" 3>>"$chatter")
	cat "$chatter"
	expect_same "what the list does unfolded and folded" "$one" "$observed"
	plugin=chain tally differential 0 1
}

# in_versions LIST VERSION... : it is to succeed in the newest one.
in_versions() {
	local list=$1 version
	shift
	for version; do
		echo "version $version"
		same_as_unfolded "$(jq -c --arg v "$version" '.cniVersion = $v' <<<"$list")"
	done
	[[ $observed == "ADD exit 0"* ]] || fail "ADD to succeed"
}

# The newest, and where calls are sampled one of the others.
VERSIONS="0.1.0 0.4.0 1.0.0 1.1.0"
[ "${FAULT_EVERY:-1}" -eq 1 ] || VERSIONS="$(cut -d ' ' -f $((FAULT_SEED % 3 + 1)) <<<"$VERSIONS") 1.1.0"

# example FILE : of conf-examples
example() {
	# shellcheck disable=SC2086
	in_versions "$(list_of "$1")" $VERSIONS
}

# ---- ADD one way, the rest the other way -----------------------------------------------------

well() {
	"$@"
	expect_ok
}

# begun HOW LIST : added that way, where it has been before.
begun() {
	afresh 3>&2
	well ctl "$1" add "$2"
	well ctl "$1" del "$2"
	before=$(attached)
	well ctl "$1" add "$2"
	plugin=chain tally crossover 1 0
}

ended() {
	expect_same "what is there" "$before" "$(attached)"
	plugin=chain tally crossover 0 1
}

# by_the_other ONE OTHER LIST
by_the_other() {
	begun "$1" "$3"
	well ctl "$2" check "$3"
	well ctl "$2" del "$3"
	[ -z "$(cached)" ] || fail "no result in the cache"
	ended
	[[ $3 == *'"1.1.0"'* ]] || return 0
	begun "$1" "$3"
	rm -rf "$CACHE" # so that no DEL goes before the plugins' GC
	well ctl "$2" gc "$3" -valid c1/eth0,c2/eth0
	well ctl "$1" gc "$3" -valid c1/eth0
	CHECKED=$result still_there "$1" "$3"
	well ctl "$2" gc "$3" -valid c1/eth1
	well ctl "$2" del "$3"
	ended
}

# Valid attachments have reached all plugins: nothing of it is missed.
still_there() {
	mkdir -p "$CACHE"
	jq -nc --argjson result "$CHECKED" --arg name "$(jq -r .name <<<"$2")" '{kind: "cniCacheV1", containerId: "c1",
		config: "", ifName: "eth0", networkName: $name, result: $result}' >"$CACHE/$(jq -r .name <<<"$2")-c1-eth0"
	well ctl "$1" check "$2"
	rm -rf "$CACHE"
}

# crossed LIST
crossed() {
	by_the_other folded unfolded "$1"
	by_the_other unfolded folded "$1"
}
