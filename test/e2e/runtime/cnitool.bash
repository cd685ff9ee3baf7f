# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# Our cnitool beside cnitool on the real Go libcni (`cnictl -cnitool`): each in a state of its own, with the
# same paths, arguments and environment. A plugin in shell records what it is called with and answers what
# the test says.
#
#	list 1.0.0 '{"type":"first"}' '{"type":"second"}'    net.conflist, named net
#	answers second ADD 'echo no; exit 3'                 instead of a result that names the plugin
#	both add                                             the same calls, cache, output, exit code on both sides
#	expect_calls first:ADD second:ADD                    of both, as they are the same
#
# `both`, in the forms of it below, is what compares; what it leaves ($status, $output, $errors) is ours.

load ../lib

: "${CNITOOL:=$CNIC_BIN/cnitool}"
THEIRS=$ROOT/build/peers/cnictl
NETNS=/run/netns/box
ID=cnitool-0073ccf9afa81c2fe2c5 # of this path

# Plugins that a test may name; all of them are one script.
RECORDERS="first second third"

FIRST='{"type":"first"}'
SECOND='{"type":"second"}'
ENTRY=net-$ID-eth0 # in the cache

cnitool_setup() {
	host_setup
	export CNI_PATH=$BATS_TEST_TMPDIR/bin NETCONFPATH=$BATS_TEST_TMPDIR/net.d
	unset CAP_ARGS CNI_ARGS CNI_IFNAME
	LOG=$CNI_PATH/log
	CACHE=/var/lib/cni/results
	cd "$BATS_TEST_TMPDIR" || return
	mkdir bin bin/answers net.d theirs ours
	recorder bin/first
	ln bin/first bin/second
	ln bin/first bin/third
}

setup() {
	cnitool_setup
}

teardown() {
	rm -rf /var/lib/cni/* /etc/cni/net.d
}

# recorder FILE : a call is its name, its environment, its input, in this order, each ended by a NUL; what
# it answers stands in answers/NAME.VERB, a piece of shell. JSON has no byte 036.
recorder() {
	cat >"$1" <<-'END'
		#!/bin/sh
		dir=${0%/*} name=${0##*/}
		{
			printf '\036%s\0' "$name"
			cat "/proc/$$/environ" -
		} >>"$dir/log"
		if [ -e "$dir/answers/$name.$CNI_COMMAND" ]; then
			. "$dir/answers/$name.$CNI_COMMAND"
		elif [ "$CNI_COMMAND" = ADD ]; then
			echo '{"interfaces":[{"name":"'"$name"'"}],"ips":[{"version":"4","address":"10.1.0.2/24"}]}'
		fi
	END
	chmod +x "$1"
}

# answers NAME VERB SCRIPT
answers() {
	echo "$3" >"$BATS_TEST_TMPDIR/bin/answers/$1.$2"
}

# list VERSION PLUGIN... : plugins as JSON objects.
list() {
	local version=$1 IFS=,
	shift
	echo "{\"cniVersion\":\"$version\",\"name\":\"net\",\"plugins\":[$*]}" >"$NETCONFPATH/net.conflist"
}

# conf FILE <<<TEXT : a file of NETCONFPATH, byte for byte.
conf() {
	mkdir -p "$NETCONFPATH/$(dirname "$1")"
	cat >"$NETCONFPATH/$1"
}

no_confs() {
	rm -rf "${NETCONFPATH:?}"
	mkdir "$NETCONFPATH"
}

# ---- one side's call -----------------------------------------------------------------------
#
# Few processes: there are hundreds of such calls.

# Each side's cache waits beside the place where a call looks for it.
#
# call SIDE COMMAND... : leaves in the side's folder what the tool has said, in the log what its plugins have. What
# stands in $PREFIX executes the tool.
PREFIX=()
call() {
	local side=$1 rc=0
	shift
	[ ! -e "/var/lib/cni/$side" ] || mv "/var/lib/cni/$side" "$CACHE"
	timeout --foreground -k 2 60 "${PREFIX[@]}" "$@" >"$side/out" 2>"$side/err" </dev/null 3>&- 4>&- || rc=$?
	[ ! -e "$CACHE" ] || mv "$CACHE" "/var/lib/cni/$side"
	echo "$rc" >"$side/rc"
}

# The log, of which byte 035 divides the sides, as JSON: a line for each. Numbers are as Go has them, whatever jq keeps.
read_calls() {
	# shellcheck disable=SC2016
	jq -RsSc 'split("\u001d")[] | split("\u001e")[1:] | map(split("\u0000") |
		{name: .[0], env: (.[1:-1] | sort), stdin: (.[-1] | (fromjson | walk(numbers |= . + 0))? // .)})' "$LOG"
}

# Names, modes and bytes of a side's cache.
cache_of() {
	local file text
	[ -d "/var/lib/cni/$1" ] || return 0
	cd "/var/lib/cni/$1" || return
	shopt -s nullglob
	stat -c "%A %n" -- . *
	for file in *; do
		if [ -f "$file" ]; then
			IFS= read -r -d '' text <"$file" || true
			printf '== %s\n%s\n--\n' "$file" "$text"
		fi
	done
}

# report SIDE [whole]
report() {
	local out err
	IFS= read -r -d '' out <"$1/out" || true
	IFS= read -r -d '' err <"$1/err" || true
	printf 'exit %s\n' "$(<"$1/rc")"
	(cache_of "$1")
	printf '== stdout\n%s\n--\n' "$out"
	[ "${2:-}" != whole ] || printf '== stderr\n%s\n--\n' "$err"
}

# What was compared is what the test may ask about afterwards.
take_ours() {
	status=$(<ours/rc) output=$(<ours/out) errors=$(<ours/err)
	echo "\$ cnitool $*: exit $status ${output:+$'\n'}$output"
	echo "${errors:+stderr: }$errors"
}

differ() {
	diff -u --label theirs --label ours "$1" "$2" ||
		fail "what the real one does, whose stderr was: $(<theirs/err)"
}

# compare MODE ARGUMENT... : MODE is whole, or says that stderr may differ.
compare() {
	local mode=$1 one=[] other=[] said=
	shift
	: >"$LOG"
	call theirs "$THEIRS" -cnitool "$@"
	printf '\035' >>"$LOG"
	call ours "$CNITOOL" "$@"
	IFS= read -r -N 2 said <"$LOG" || true
	[ "${#said}" -lt 2 ] || { read -r one && read -r other; } < <(read_calls)
	echo "$other" >calls
	take_ours "$@"
	[ "$one" = "$other" ] || differ <(jq . <<<"$one") <(jq . <<<"$other")
	one=$(report theirs "$mode") other=$(report ours "$mode")
	[ "$one" = "$other" ] || differ <(echo "$one") <(echo "$other")
}

# ---- both sides ----------------------------------------------------------------------------

# both VERB [NAME [NETNS]] : everything is the same.
both() {
	compare whole "$1" "${2-net}" "${3-$NETNS}"
}

# both_well VERB... : and it succeeds.
both_well() {
	both "$@"
	expect_ok
}

# both_fail TEXT VERB... : both say exactly TEXT and exit with 1.
both_fail() {
	local text=$1
	shift
	both "$@"
	expect_error "$text"
}

# both_refuse WORD VERB... : both exit with 1 and do the same before. What they say differs where the one's
# text is that of Go's JSON decoder; ours has WORD in it.
both_refuse() {
	local word=$1
	shift
	compare but_stderr "$1" "${2-net}" "${3-$NETNS}"
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	[[ $errors == *"$word"* ]] || fail "'$word' in '$errors'; theirs: $(<theirs/err)"
}

# expect_error TEXT : of the last call, which printed nothing on stdout.
expect_error() {
	[ "$status" -eq 1 ] || fail "exit 1, not $status"
	[ "$errors" = "$1" ] || fail "the error '$1', not '$errors'"
	[ -z "$output" ] || fail "no output"
}

# swap : what the one has cached is the other's from here on.
swap() {
	[ -e /var/lib/cni/theirs ] && [ -e /var/lib/cni/ours ] || fail "two caches"
	mv /var/lib/cni/theirs /var/lib/cni/swap
	mv /var/lib/cni/ours /var/lib/cni/theirs
	mv /var/lib/cni/swap /var/lib/cni/ours
}

# cache_file NAME <<<TEXT : in either cache. Without a text the file goes.
cache_file() {
	local side
	mkdir -m 700 -p /var/lib/cni/{theirs,ours}
	(umask 077 && cat >"/var/lib/cni/theirs/$1")
	cp -p "/var/lib/cni/theirs/$1" "/var/lib/cni/ours/$1"
}

no_cache() {
	rm -rf /var/lib/cni/theirs /var/lib/cni/ours
}

# ours ARGUMENT... : only ours, in its state.
ours() {
	: >"$LOG"
	call ours "$CNITOOL" "$@"
	read_calls >calls
	take_ours "$@"
}

# expect_calls NAME:VERB... : the plugins executed, in order.
expect_calls() {
	local seen
	seen=$(jq -r 'map(.name + ":" + ([.env[] | select(startswith("CNI_COMMAND="))[12:]] | join("+"))) |
		join(" ")' calls)
	[ "$seen" = "$*" ] || fail "the calls '$*', not '$seen'"
}

# expect_stdin N JQPATH VALUE, expect_env N KEY VALUE : of the N-th call, from 0.
expect_stdin() {
	local actual
	actual=$(jq -cSr ".[$1].stdin | $2" calls)
	[ "$actual" = "$3" ] || fail "$2 to be '$3', not '$actual'"
}

expect_env() {
	[ "$(jq -r --arg key "$2=" ".[$1].env[] | select(startswith(\$key))[(\$key | length):]" calls)" = "$3" ] ||
		fail "$2=$3 in the environment"
}

# expect_cached NAME... : the files of our cache.
expect_cached() {
	local seen
	seen=$(find /var/lib/cni/ours -mindepth 1 -printf '%f\n' 2>/dev/null | sort | paste -sd' ')
	[ "$seen" = "$*" ] || fail "the cache to have '$*', not '$seen'"
}
