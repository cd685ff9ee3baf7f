# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2034,SC2154,SC1091
#
# What bash offers behind cnic and cnitool: pkg/cmd/completion.bash.

load ../lib

setup() {
	PATH=$CNIC_BIN:$PATH
	export NETCONFPATH=$BATS_TEST_TMPDIR/net.d
	mkdir "$NETCONFPATH"
	mkdir "$BATS_TEST_TMPDIR/here" && cd "$BATS_TEST_TMPDIR/here"
	source "$ROOT/pkg/cmd/completion.bash"
}

teardown() {
	:
}

# offered WORD... : for the last word, which is the one being typed, one a line.
offered() {
	COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
	"_$1" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
	printf '%s\n' "${COMPREPLY[@]}" | sort
}

# expect_offer "A B" WORD...
expect_offer() {
	local want=$1
	shift
	expect_same "offer for $*" "$want" "$(offered "$@" | paste -sd' ')"
}

@test "completion: each command has its function" {
	[[ $(complete -p cnic) == *"-F _cnic "* ]] || fail "cnic"
	[[ $(complete -p cnitool) == *"-F _cnitool "* ]] || fail "cnitool"
}

@test "completion: cnic's verbs are those of its help, their options, too" {
	expect_same verbs "$(cnic help | sed -n 's/^  cnic \([a-z]*\).*/\1/p' | sort)" "$(offered cnic '')"
	expect_offer "repair" cnic rep
	expect_offer "" cnic x
	expect_offer "--backend --network --plugin" cnic repair --
	expect_offer "--network" cnic repair --n
	expect_offer "--network" cnic repair --plugin bridge --n
	expect_offer "--tools" cnic install -
	expect_offer "--read-only --rootfs" cnic run --r
	expect_offer "--net --netns --no-tty" cnic run --n
	expect_offer "--all-of --backlog --connect --drain --idle --netns --proxy-protocol --watch" cnic listen --
	expect_offer "" cnic version -
	expect_offer "" cnic 'x;touch y' -
	[ ! -e y ] || fail "a verb is no command"
}

@test "completion: cnic's values" {
	mkdir dir other && touch diary
	expect_same plugins "$(cnic plugins | sort)" "$(offered cnic keys '')"
	expect_offer "host-device host-local" cnic repair --plugin host
	expect_offer "iptables nftables own" cnic repair --backend ''
	expect_offer "dir other" cnic install ''
	expect_offer "release-claim release-node" cnic ipam rel
	expect_offer "" cnic ipam trace net ''
	expect_offer "dir" cnic uninstall d
	expect_offer "diary dir" cnic fold di
}

@test "completion: cnitool's words" {
	expect_offer "add check del gc status" cnitool ''
	expect_offer "check" cnitool --trace c
	expect_offer "check" cnitool -i net1 c
	expect_offer "--help --ifname --json --timeout --trace" cnitool -
	expect_offer "--timeout --trace" cnitool add net --t
	expect_offer "" cnitool --ifname ''
	expect_offer "" cnitool add net /x ''
}

@test "completion: networks are those of NETCONFPATH, whatever else is there" {
	echo '{"cniVersion":"1.1.0","name":"one","plugins":[{"type":"a","name":"inner"}]}' >"$NETCONFPATH/1.conflist"
	printf '{\n\t"name"\n:\n "two" }\n' >"$NETCONFPATH/2.conf"
	echo '{"type":"a","name":"three"}' >"$NETCONFPATH/3.json"
	echo '{"name":"no"}' >"$NETCONFPATH/4.txt"
	# shellcheck disable=SC2016
	echo '{"name":"$(touch hurt)"}' >"$NETCONFPATH/5.conf"
	echo '{"name":"a b"}' >"$NETCONFPATH/6.conf"
	head -c 1000 /dev/urandom >"$NETCONFPATH/7.conf"
	mkfifo "$NETCONFPATH/8.conf"
	mkdir "$NETCONFPATH/9.conf"
	expect_offer "one three two" cnitool add ''
	expect_offer "three two" cnitool --timeout 2s add -i eth1 t
	expect_offer "one three two" cnic repair --network ''
	[ ! -e hurt ] || fail "a name is no command"
	NETCONFPATH=nosuch expect_offer "" cnitool add ''
}

@test "completion: namespaces are named ones, else paths" {
	ip netns add red
	ip netns add blue
	touch path
	expect_offer "/run/netns/blue /run/netns/red" cnitool add net ''
	expect_offer "/run/netns/red" cnitool add net /run/netns/r
	expect_offer "path" cnitool add net p
	ip netns del red
	ip netns del blue
}
