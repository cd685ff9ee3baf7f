#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
# CNI spec, environment variables: which a verb needs and what they may hold.

load spec

# Attachment verbs with a variable missing: code 4 with its name, nothing changed.
missing_is_code_4() {
	local name=$1 plugin verb before
	shift
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		for verb in "$@"; do
			full_env "$verb"
			without "$name"
			raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 "$name"
			raw "${ENV_WORDS[@]}" "$name=" "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 "$name"
		done
	done
	unchanged "$before"
}

@test "C-020 without CNI_COMMAND: about and versions on stderr, exit 0, nothing done" {
	netns box
	local before
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		full_env ADD
		without CNI_COMMAND
		raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
		expect_silent
		[[ ${errors%%$'\n'*} == "CNI $plugin plugin v"* ]] || fail "an about line"
		[[ $errors == *"CNI protocol versions supported: ${ALL_VERSIONS// /, }" ]] ||
			fail "the versions"
		raw "${ENV_WORDS[@]}" CNI_COMMAND= "$plugin" </dev/null
		expect_silent
	done
	unchanged "$before"
}

@test "C-021 C-022 an unknown CNI_COMMAND, and one in lower case, is code 4" {
	netns box
	local before
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		for verb in FOO add "ADD " Check VERSIONS; do
			cni "$verb" "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 CNI_COMMAND
			expect_code 4 "$verb"
		done
	done
	unchanged "$before"
}

@test "C-023 CNI_CONTAINERID unset or empty is code 4 on ADD, DEL and CHECK" {
	netns box
	missing_is_code_4 CNI_CONTAINERID ADD DEL CHECK
}

@test "C-024 CNI_NETNS unset or empty is code 4 on ADD and CHECK" {
	netns box
	missing_is_code_4 CNI_NETNS ADD CHECK
}

@test "C-025 DEL works with CNI_NETNS unset or empty and frees the address" {
	for plugin in $EVERY_PLUGIN; do
		for given in no yes; do
			netns box
			add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			full_env DEL
			without CNI_NETNS
			[ $given = no ] || ENV_WORDS+=(CNI_NETNS=)
			raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			expect_leases
			host_clean
		done
	done
}

@test "C-026 CNI_IFNAME unset or empty is code 4 on ADD, DEL and CHECK" {
	netns box
	missing_is_code_4 CNI_IFNAME ADD DEL CHECK
}

@test "C-027 several variables missing: all are named, in order" {
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		for verb in ADD CHECK; do
			raw CNI_COMMAND=$verb "$plugin" <<<"$(conf "$plugin")"
			expect_code 4 "required env variables \
[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH] missing"
		done
		raw CNI_COMMAND=DEL "$plugin" <<<"$(conf "$plugin")"
		expect_code 4 "[CNI_CONTAINERID,CNI_IFNAME,CNI_PATH]"
		raw CNI_COMMAND=ADD CNI_NETNS=/x CNI_PATH=/ "$plugin" <<<"$(conf "$plugin")"
		expect_code 4 "[CNI_CONTAINERID,CNI_IFNAME]"
	done
}

@test "C-028 CNI_ARGS is optional" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		full_env ADD
		raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
		expect_ok
		full_env DEL
		raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
		expect_silent
	done
}

# D3: optional by the spec but for GC, required by libcni.
@test "C-029 C-030 CNI_PATH unset or empty is code 4 in every verb that may delegate" {
	netns box
	missing_is_code_4 CNI_PATH ADD DEL CHECK STATUS GC
}

@test "C-031 VERSION needs CNI_COMMAND alone" {
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $OVS_PLUGINS $CHAINED_PLUGINS; do
		raw CNI_COMMAND=VERSION "$plugin" </dev/null
		expect_ok
		expect_json .cniVersion 1.1.0
	done
}

@test "C-032 STATUS and GC need no container, namespace or interface, nor mind empty ones" {
	for plugin in $EVERY_PLUGIN; do
		for verb in STATUS GC; do
			raw CNI_COMMAND=$verb CNI_PATH="$PLUGINS" "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			raw CNI_COMMAND=$verb CNI_PATH="$PLUGINS" CNI_CONTAINERID= CNI_NETNS= \
				CNI_IFNAME= CNI_ARGS= "$plugin" <<<"$(conf "$plugin")"
			expect_silent
		done
	done
}

@test "C-033 GC and STATUS do not look at the container's variables" {
	for plugin in $EVERY_PLUGIN; do
		for verb in STATUS GC; do
			raw CNI_COMMAND=$verb CNI_PATH="$PLUGINS" CNI_CONTAINERID="a b" \
				CNI_NETNS=/none CNI_IFNAME=a/b "$plugin" <<<"$(conf "$plugin")"
			expect_silent
		done
	done
}

@test "C-034 container ids: the bad are code 4, the good are taken" {
	netns box
	local before
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN; do
		for verb in ADD CHECK DEL; do
			for id in "a b" -x ../x x/ $'x\n' .x _x x$'\t' 'x;y' x$'\xc3\xa4'; do
				CID=$id cni $verb "$plugin" <<<"$(conf "$plugin")"
				expect_code 4 containerID
			done
		done
	done
	unchanged "$before"
	CID='a b' add bridge <<<"$(conf bridge)"
	expect_json .details 'a b'
	for plugin in $EVERY_PLUGIN; do
		for id in x A.b_c-1 0 "$(printf 'a%.0s' {1..64})"; do
			CID=$id add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			CID=$id del "$plugin" <<<"$(conf "$plugin")"
			expect_silent
		done
	done
}

@test "C-035 interface names: the bad are code 4, 15 bytes are taken" {
	netns box
	local before
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN; do
		for verb in ADD CHECK DEL; do
			for name in sixteen-bytes-16 . .. a/b a:b "a b" $'a\tb' $'a\n' $'a\xc2\xa0b' \
				$'a\xe2\x80\xa8b' $'a\xe3\x80\x80' ääääääää; do
				cni $verb "$plugin" "$name" <<<"$(conf "$plugin")"
				expect_code 4 "interface name"
			done
		done
	done
	unchanged "$before"
	for plugin in $VETH_PLUGINS; do
		for name in fifteen-bytes15 a ... äöü; do
			add "$plugin" "$name" <<<"$(conf "$plugin")"
			expect_ok
			expect_link box "$name"
			del "$plugin" "$name" <<<"$(conf "$plugin")"
			expect_silent
			expect_no_link box "$name"
		done
	done
}

@test "C-036 a bad interface name goes before a missing container id" {
	netns box
	for plugin in $EVERY_PLUGIN; do
		full_env ADD a/b
		without CNI_CONTAINERID
		raw "${ENV_WORDS[@]}" "$plugin" <<<"$(conf "$plugin")"
		expect_code 4 "interface name contains"
		CID="a b" cni ADD "$plugin" a/b <<<"$(conf "$plugin")"
		expect_code 4 containerID
	done
}

# D14: libcni looks after the fact; here nothing has been done.
@test "C-037 ADD into the plugin's own namespace is code 8, unless overridden" {
	local before own=/proc/self/ns/net
	for plugin in $EVERY_PLUGIN; do
		[ "$plugin" != loopback ] || continue
		master
		before=$(snapshot)
		CNI_NETNS=$own add "$plugin" <<<"$(conf "$plugin")"
		expect_code 8 "should not be the same"
		unchanged "$before"
		for override in 0 yes ''; do
			CNI_NETNS_OVERRIDE=$override CNI_NETNS=$own \
				add "$plugin" <<<"$(conf "$plugin")"
			expect_code 8
		done
		for override in 1 true TRUE True; do
			export CNI_NETNS_OVERRIDE=$override
			CNI_NETNS=$own add "$plugin" <<<"$(conf "$plugin")"
			expect_ok
			CNI_NETNS=$own del "$plugin" <<<"$(conf "$plugin")"
			expect_silent
			unset CNI_NETNS_OVERRIDE
		done
		expect_leases
		host_clean
	done
	CNI_NETNS=$own add loopback lo <<<"$(conf loopback)"
	expect_code 8
	CNI_NETNS_OVERRIDE=1 CNI_NETNS=$own add loopback lo <<<"$(conf loopback)"
	expect_ok
	ip link set lo up
}

@test "C-038 DEL in the plugin's own namespace is code 8 and touches nothing there" {
	local before
	ip link add eth0 type veth peer name eth1
	master
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN; do
		CNI_NETNS=/proc/self/ns/net del "$plugin" <<<"$(conf "$plugin")"
		expect_code 8
	done
	unchanged "$before"
	[ "$(cat /sys/class/net/lo/operstate)" != down ] || fail "lo up"
}

@test "C-039 ADD with a netns that is missing or is none is an error that leaves nothing" {
	local before
	touch /run/plain
	mkdir /run/directory
	mkfifo /run/fifo
	master
	before=$(snapshot)
	for plugin in $INTERFACE_PLUGINS; do
		for path in /run/none /run/none/deeper /run/plain /run/directory /run/fifo \
			/proc/self/ns/mnt relative; do
			CNI_NETNS=$path add "$plugin" <<<"$(conf "$plugin")"
			expect_code 8
			unchanged "$before"
		done
	done
	[ ! -e /run/none ] || fail "no file made at the path"
}

# called NAME HOW PLUGIN : the executable of that plugin under another name, by link or by copy.
called() {
	local dir=$BATS_TEST_TMPDIR/called
	mkdir -p "$dir"
	rm -f "$dir/$1"
	case $2 in
	link) ln -s "$CNIC_BIN/$3" "$dir/$1" ;;
	copy) cp "$CNIC_BIN/$3" "$dir/$1" ;;
	esac
	PLUGINS=$dir
}

# is_plugin NAME PLUGIN : as a link and as a copy, in all that a runtime asks.
is_plugin() {
	local how
	for how in link copy; do
		called "$1" $how "$2"
		raw "$1"
		expect_silent
		[[ $errors == "CNI $2 plugin "* ]] || fail "$1 to be $2"
		raw CNI_COMMAND=VERSION "$1" </dev/null
		expect_json .cniVersion 1.1.0
	done
}

@test "row 9: a plugin is what its file's name is, or ends with behind a dash" {
	local plugin
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $CHAINED_PLUGINS $OVS_PLUGINS; do
		is_plugin "cnv-$plugin" "$plugin"
		is_plugin "buildkit-cni-$plugin" "$plugin"
	done
	is_plugin static-bridge bridge
	is_plugin host-local-static static
	is_plugin ovs-host-local host-local
	netns box
	called cnv-bridge link bridge
	ln -sf "$CNIC_BIN/host-local" "$PLUGINS/buildkit-cni-host-local"
	add cnv-bridge <<<"$(conf bridge '.ipam.type = "buildkit-cni-host-local"')"
	expect_ok
	expect_leases 10.1.0.2
	del cnv-bridge <<<"$(conf bridge '.ipam.type = "buildkit-cni-host-local"')"
	expect_silent
	expect_leases
}

@test "row 9: under a name that is no plugin's, an error object" {
	[ "$CNIC_BIN/bridge" -ef "$CNIC_BIN/ptp" ] || skip "each plugin an executable of its own"
	netns box
	local name how
	for name in other mybridge bridge2 bridge- cnv-bridge.bak; do
		for how in link copy; do
			called "$name" $how bridge
			for verb in ADD DEL VERSION; do
				cni $verb "$name" <<<"$(as_version 0.4.0 "$(conf bridge)")"
				expect_code 7 "$name: no such plugin in this executable"
				expect_json .cniVersion 0.4.0
			done
		done
		raw "$name"
		[ "$status|$output" = "1|" ] || fail "a word to a person"
	done
	PLUGINS=$CNIC_BIN
	raw CNI_COMMAND=ADD cnic --plugins
	[[ $status = 0 && $output == *host-local* ]] || fail "a person's question, whatever is in the environment"
}

@test "row 9: an executable that is one plugin is that under every name" {
	[ ! "$CNIC_BIN/bridge" -ef "$CNIC_BIN/ptp" ] || skip "one executable for all"
	local plugin
	for plugin in $EVERY_PLUGIN $DEVICE_PLUGINS $CHAINED_PLUGINS $OVS_PLUGINS; do
		is_plugin "other$plugin.bak" "$plugin"
	done
}
