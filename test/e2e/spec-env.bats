#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
# CNI spec, environment variables: which a verb needs and what they may hold.

load spec

# Attachment verbs with a variable missing: code 4 with its name, nothing changed.
missing_is_code_4() {
	local name=$1 plugin verb before
	shift
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $OVS_PLUGINS $CHAINED_PLUGINS; do
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
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $OVS_PLUGINS $CHAINED_PLUGINS; do
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
	before=$(snapshot)
	for plugin in $EVERY_PLUGIN $OVS_PLUGINS $CHAINED_PLUGINS; do
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
	for plugin in $EVERY_PLUGIN $OVS_PLUGINS $CHAINED_PLUGINS; do
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
	for plugin in $EVERY_PLUGIN $OVS_PLUGINS $CHAINED_PLUGINS; do
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
