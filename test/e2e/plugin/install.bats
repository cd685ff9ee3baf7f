# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2154
#
# What `make` gives to a node or to a packager, and what the tool says of itself. That an install is all
# or nothing is in regression.bats.

load ../lib

bats_require_minimum_version 1.5.0

setup() {
	dir=$BATS_TEST_TMPDIR/dest
	mkdir "$dir"
}

teardown() {
	:
}

# mk ARGUMENT... : make, whatever make has started this.
mk() {
	run --separate-stderr env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$ROOT" "$@"
	[ "$status" -eq 0 ] || fail "make $*: $output $stderr"
}

# install_all, uninstall_all [ARGUMENT...] : both with the same places.
install_all() {
	mk DESTDIR="$dir" CNI_BIN_DIR=/opt/cni/bin PREFIX=/usr "$@" install
}

uninstall_all() {
	mk DESTDIR="$dir" CNI_BIN_DIR=/opt/cni/bin PREFIX=/usr uninstall
}

one_inode() {
	local name
	for name in $("$dir/opt/cni/bin/cnic" plugins); do
		[ "$dir/opt/cni/bin/$name" -ef "$dir/opt/cni/bin/cnic" ] || fail "$name is a link to cnic"
	done
	[ "$(stat -c %a "$dir/opt/cni/bin/cnic")" = 755 ] || fail "executable"
	! readelf -S "$dir/opt/cni/bin/cnic" | grep -q '\.symtab' || fail "stripped"
}

# What is beside the plugins: the tools, which are no plugins, and their completion.
tools() {
	local name
	for name in cnic cnitool; do
		[ "$dir/usr/bin/$name" -ef "$dir/opt/cni/bin/cnic" ] || fail "$name is a link to cnic"
		cmp "$dir/usr/share/bash-completion/completions/$name" "$ROOT/pkg/cmd/completion.bash" || fail "completion"
	done
	expect_same tools "cnic cnitool" "$(ls "$dir/usr/bin" | paste -sd' ')"
	[ ! -e "$dir/opt/cni/bin/cnitool" ] || fail "cnitool is no plugin"
	run -0 "$dir/usr/bin/cnitool" --help
	[[ $output == *"cnitool [OPTION...] VERB NETWORK NETNS"* ]] || fail "its help"
}

pages() {
	local name
	for name in cnic cnic-listen cnitool $("$dir/opt/cni/bin/cnic" plugins | sed 's/^/cni-/'); do
		[ "$(head -c 5 "$dir/usr/share/man/man8/$name.8")" = "'\\\" t" ] || fail "a page $name(8)"
		grep -q "^\.TH \"$name\" \"8\"" "$dir/usr/share/man/man8/$name.8" || fail "a title of $name(8)"
	done
}

@test "make install: one inode under every name, stripped; make uninstall leaves nothing" {
	install_all
	install_all
	one_inode
	tools
	uninstall_all
	[ -z "$(find "$dir" -mindepth 1)" ] || fail "an empty directory, not $(find "$dir" -mindepth 1)"
	uninstall_all
}

@test "make install: manual pages, which go with make uninstall" {
	command -v lowdown >/dev/null || skip "lowdown is not installed"
	install_all
	pages
	uninstall_all
	[ -z "$(find "$dir" -mindepth 1)" ] || fail "an empty directory, not $(find "$dir" -mindepth 1)"
}

@test "make install without lowdown says that there are no pages" {
	install_all LOWDOWN=
	[[ $output == *"no manual pages"* ]] || fail "a word about the pages"
	[ ! -e "$dir/usr/share/man" ] || fail "no pages"
}

@test "make uninstall leaves what is another vendor's" {
	mkdir -p "$dir/opt/cni/bin" "$dir/usr/bin" "$dir/usr/share/man/man8"
	install_all
	for file in opt/cni/bin/bridge opt/cni/bin/dhcp usr/bin/cnitool usr/bin/bridge usr/share/man/man8/cni-bridge.8 \
		usr/share/man/man8/cni.8 usr/share/bash-completion/completions/cnitool; do
		rm -f "$dir/$file"
		echo "another vendor's" >"$dir/$file"
	done
	uninstall_all
	[[ $stderr == *"/bridge is not ours, and stays"* ]] || fail "a word about bridge"
	[[ $stderr == *"/cnitool is not ours, and stays"* ]] || fail "a word about cnitool"
	[[ $stderr != *"usr/bin/bridge is not ours"* ]] || fail "no word about a bridge that no plugin is"
	expect_same files "bridge bridge cni-bridge.8 cni.8 cnitool cnitool dhcp" \
		"$(find "$dir" -type f -printf '%f\n' | sort | paste -sd' ')"
}

@test "cnic install --tools: links on one file system, a copy on another, and of what others may write to" {
	local name
	mkdir "$dir/bin" "$dir/tools" "$dir/other"
	"$CNIC_BIN/cnic" install "$dir/bin"
	"$dir/bin/cnic" install --tools "$dir/tools"
	[ "$dir/tools/cnic" -ef "$dir/bin/cnic" ] && [ "$dir/tools/cnitool" -ef "$dir/bin/cnic" ] || fail "links"
	expect_same tools "cnic cnitool" "$(ls -A "$dir/tools" | paste -sd' ')"
	"$dir/tools/cnic" install --tools "$dir/tools"
	[ "$dir/tools/cnitool" -ef "$dir/bin/cnic" ] || fail "over itself"
	expect_same tools "cnic cnitool" "$(ls -A "$dir/tools" | paste -sd' ')"
	mount -t tmpfs tmpfs "$dir/other"
	"$dir/bin/cnic" install --tools "$dir/other"
	expect_same inodes "$(stat -c %i "$dir/other/cnic")" "$(stat -c %i "$dir/other/cnitool")"
	cmp "$dir/other/cnic" "$dir/bin/cnic" || fail "a copy"
	umount "$dir/other"
	chmod g+w "$dir/bin/cnic"
	"$dir/bin/cnic" install --tools "$dir/tools"
	[ ! "$dir/tools/cnic" -ef "$dir/bin/cnic" ] || fail "no link to what a group may write to"
	expect_same mode "755" "$(stat -c %a "$dir/tools/cnitool")"
	"$dir/bin/cnic" uninstall --tools "$dir/tools"
	[ -z "$(ls -A "$dir/tools")" ] || fail "nothing is left"
	for name in "install --tools" "install --tools $dir/tools $dir/bin/cnic" "uninstall --tools" "uninstall $dir/tools $dir"; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$CNIC_BIN/cnic" $name
	done
	mkdir "$dir/tools/cnitool"
	run -1 --separate-stderr "$dir/bin/cnic" install --tools "$dir/tools"
	expect_same tools cnitool "$(ls -A "$dir/tools")"
}

# Not all of it: what is compiled is compiled as fast as can be.
@test "make dist: the tarball knows its version and builds without git" {
	local version
	git -C "$ROOT" rev-parse HEAD >/dev/null 2>&1 || skip "no git here"
	git -C "$ROOT" archive HEAD Makefile | tar xO | grep -q '^dist:' || skip "HEAD has no such target"
	version=v7.8.9-test
	mk VERSION=$version dist
	tar xf "$ROOT/cnic-$version.tar.gz" -C "$dir"
	rm "$ROOT/cnic-$version.tar.gz"
	cd "$dir/cnic-$version"
	[ ! -e .git ] || fail "no git"
	env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL -u SAN make -s -j2 CFLAGS=-O0 all
	expect_same version $version "$(bin/cnic version)"
	[ bin/bridge -ef bin/cnic ] || fail "links"
}

@test "make help tells of every target" {
	local target targets
	read -ra targets < <(sed -n 's/^\.PHONY: //p' "$ROOT/Makefile")
	mk help
	for target in "${targets[@]}"; do
		[ "$target" = all ] || grep -qw "make $target" <<<"$output" || fail "a line about $target"
	done
}

@test "cnic help is a page, and an error is told with how the tool is called" {
	local word
	for word in help --help; do
		run -0 --separate-stderr "$CNIC_BIN/cnic" "$word"
		[ -z "$stderr" ] || fail "no words on stderr"
		for verb in list keys repair install uninstall version help; do
			grep -q "^  cnic $verb" <<<"$output" || fail "a word about $verb"
		done
	done
	for word in nosuch --nosuch "" install repair\ --backend; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr "$CNIC_BIN/cnic" $word
		[ -z "$output" ] || fail "nothing on stdout"
		[[ $stderr == *"usage: cnic list"* ]] || fail "usage"
	done
	for word in help list keys version; do
		! "$CNIC_BIN/cnic" "$word" >/dev/full 2>&1 || fail "an error when $word cannot be printed"
	done
}

# Its head says what is printed; what a script may rely on.
@test "cnic keys prints one object" {
	local plugin
	run -0 "$CNIC_BIN/cnic" keys
	expect_json 'has("plugins") and has("configuration") and has("prevResult")' true
	for plugin in $("$CNIC_BIN/cnic" plugins); do
		run -0 "$CNIC_BIN/cnic" keys "$plugin"
		expect_json '.plugin' "$plugin"
		expect_json '.keys | all(has("path") and has("type") and has("required"))' true
	done
	run -1 "$CNIC_BIN/cnic" keys nosuch
}
