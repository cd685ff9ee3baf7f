# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2030,SC2031,SC2034,SC2154
#
# A plugin that is killed in front of any of its system calls: the next DEL leaves nothing, nor, where the
# container has died with it, does the next GC. Each is done beside another container, whose things stay.
#
# For files that have loaded lib.bash, fault.bash, faults.bash and rows.bash.

# traced VERB STRACE-OPTION... : the call below strace; its exit status. In the background, so that the shell
# says nothing of a call that is killed.
traced() {
	local verb=$1 rc=0
	shift
	CNI_COMMAND=$verb CNI_CONTAINERID=$CID CNI_NETNS=$(ns_path box) CNI_IFNAME=eth0 CNI_PATH=$PLUGINS \
		"${STRACE[@]}" -qq -o "$BATS_TEST_TMPDIR/trace" "$@" "$PLUGINS/$plugin" <<<"$conf" \
		>"$BATS_TEST_TMPDIR/out" 2>&1 3>&- &
	{ wait $! || rc=$?; } 2>/dev/null
	return $rc
}

# points VERB : its system calls, "NAME N" for the N-th one of that name. The first is the execve of strace's.
points() {
	traced "$1" || fail "$1 below strace: $(<"$BATS_TEST_TMPDIR/out")"
	sed -n 's/^\([a-z0-9_]*\)(.*/\1/p' "$BATS_TEST_TMPDIR/trace" | awk 'NR > 1 { print $1, ++n[$1] }'
}

# prepare VERB : for a call of it.
prepare() {
	del "$plugin" <<<"$conf"
	"$restore"
	! [ "$1" = DEL ] || add_well
}

# each_kill VERB COMMAND : COMMAND for each system call of VERB that is sampled, in front of which it was killed.
each_kill() {
	local number=0 tried=0 killed=0 name count list rc
	prepare "$1" >"$log" 2>&1
	list=$(points "$1")
	while read -r name count; do
		number=$((number + 1))
		is_sampled $number || continue
		tried=$((tried + 1))
		prepare "$1" >"$log" 2>&1
		echo "$1 killed in front of $name $count" >>"$log"
		rc=0
		traced "$1" -e trace="$name" -e inject="$name:signal=KILL:when=$count" || rc=$?
		[ $rc -ne 0 ] || continue # it has not come to that this time
		[ $rc -eq 137 ] || fail "killed, not exit $rc: $(<"$BATS_TEST_TMPDIR/out")"
		killed=$((killed + 1))
		tally kill 1 0
		"$2" >>"$log" 2>&1
		tally kill 0 1
	done <<<"$list"
	echo "# $plugin $1, then ${2#next_}: $killed of $number" >&3
	[ $number -gt 15 ] && [ $killed -ge $((tried / 2)) ] || fail "more of $tried of $number system calls"
}

next_del() {
	del "$plugin" <<<"$conf"
	expect_silent
	"$restore"
	expect_state
}

# What was in the container has gone with it, where that was all of it; the other one is alive.
next_gc() {
	if dies_with_box; then
		ip -n box link del eth0 2>/dev/null || true # a namespace's end is not waited for
		ip netns del box
	fi
	gc "$plugin" <<<"$(with_valid "$conf" c0/eth0)"
	expect_silent
	! dies_with_box || box
	"$restore"
	expect_state
}

dies_with_box() {
	case $plugin in
	host-device | ovs-mirror-*) return 1 ;; # a device of the host's, a port of another plugin's
	esac
}

matrix_kill() {
	begin "$1"
	each_kill ADD next_del
	each_kill DEL next_del
	each_kill ADD next_gc
}
