# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# What the fault-ovs*.bats files share: the plugins of OVS beside another container that has all they
# make, everything they may leave, and what is right after a call in which something went wrong. For
# files that have loaded lib.bash, ovs.bash and fault.bash.

OVS='{"cniVersion":"1.1.0","name":"net","type":"ovs","bridge":"br0","vlan":7,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.5.0.0/24"}]]}}'
PRODUCER='{"cniVersion":"1.1.0","name":"net","type":"ovs-mirror-producer","bridge":"br0",
	"mirrors":[{"name":"old","ingress":true},{"name":"new","ingress":true,"egress":true}]}'
CONSUMER='{"cniVersion":"1.1.0","name":"net","type":"ovs-mirror-consumer","bridge":"br0",
	"mirrors":[{"name":"old"},{"name":"new"}]}'
STORE=/var/lib/cni/networks/net

fault_ovs_setup() {
	host_setup
	no_dad_wait ''
	ovs_start
	fault_begin
	netns other
	CID=c0
	add ovs <<<"$OVS"
	expect_ok
	add ovs-mirror-producer <<<"$(jq -c --argjson r "$result" \
		'.prevResult = $r | del(.mirrors[1])' <<<"$PRODUCER")"
	expect_ok
	CID=c1
	netns box
}

fault_ovs_teardown() {
	[ -n "${BATS_TEST_COMPLETED:-}" ] || {
		! [ -f "$log" ] || cat "$log"
		tail -n 5 "$OVS_RUNDIR"/*.log || true
	}
	ovs_stop
	host_clean
}

# use CONF : what the test is about; the mirrors go behind ovs in a chain.
use() {
	conf=$1
	plugin=$(jq -r .type <<<"$conf")
	[ "$plugin" = ovs ] || {
		add ovs <<<"$OVS"
		expect_ok
		conf=$(with_result "$conf")
	}
	db=$(database)
	base=$(snapshot)
}

# ---- the state ---------------------------------------------------------------------------------

# select_op TABLE COLUMN... : an operation.
select_op() {
	local table=$1 columns
	shift
	printf -v columns '"%s",' "$@"
	echo "{\"op\":\"select\",\"table\":\"$table\",\"where\":[],\"columns\":[${columns%,}]}"
}

EVERYTHING="[\"Open_vSwitch\",$(select_op Bridge name ports mirrors),\
$(select_op Port _uuid name tag external_ids interfaces),$(select_op Interface _uuid name external_ids),\
$(select_op Mirror _uuid name select_src_port select_dst_port output_port external_ids)]"

# A row a line, without a jq for each of some thousand answers.
database() {
	ovsdb-client transact "unix:$SOCKET" "$EVERYTHING" |
		sed 's/"rows":\[/\n/g; s/},{/\n{/g; s/[]},]*\n/\n/g; s/[]},]*$//' | sort
}

# Outside of the database; notes are left out, and what the kernel does in its own time.
kernel() {
	ip -o link show type veth | sed 's/: <.*//'
	ip -n box -o -batch - <<<$'addr show\nroute show table all' | sed '/fe80\|ff00/d'
	ls $STORE
}

snapshot() {
	database
	kernel
	ls $MEMOS
}

# A server that goes on does what it has been asked meanwhile in its own time.
await_database() {
	local tries=0
	while [ "$(database)" != "$db" ]; do
		tries=$((tries + 1))
		[ $tries -lt 100 ] || fail "the database as before, not $(database)"
		read -r -t 0.05 <> <(:) || true
	done
}

# ---- after the call ----------------------------------------------------------------------------

# An ADD that cannot take back what it has done because there is nobody to ask says so and leaves its
# note; the runtime's DEL then leaves nothing.
expect_said_so() {
	local kernel suffix=${plugin#ovs}
	kernel=$(kernel)
	suffix=${suffix:+_${suffix#-mirror-}}
	[ -s "$MEMOS/c1-eth0${suffix::5}" ] || fail "its note"
	[[ $base == *"$kernel"* ]] || fail "nothing left in the kernel and the store: $kernel"
	del "$plugin" <<<"$conf"
	expect_silent
}

# strict: everything can be taken back at once.
strict=true

after_refusal() {
	[[ $output == *\"msg\":\"?* ]] || fail "words"
	[[ $errors == *"may remain"* ]] || return 0
	! $strict || fail "it to be taken back"
	expect_said_so
}
