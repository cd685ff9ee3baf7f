# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2016,SC2154
#
# cnic run: options about files, ids, capabilities, one by one.

load ../lib
load run

setup() {
	run_setup
	make_root
	before=$(host_state)
}

teardown() {
	run_teardown
}

nothing_left() {
	expect_same host "$before" "$(host_state)"
}

# files : of the root, but those in bin.
files() {
	(cd "$root" && find . -path ./bin -prune -o -print | sort)
}

@test "run --rootfs: its files, and nothing of the host's" {
	sandbox --net none --rootfs "$root" -- sh -c 'pwd; ls /; cat /etc/here; ls /..; [ -e /usr ] || echo no /usr; [ -e /proc/1/root/usr ] || echo none here either'
	expect_output $'/\nbin\ndev\netc\nproc\nsys\nhere\nbin\ndev\netc\nproc\nsys\nno /usr\nnone here either'
	sandbox --net none --rootfs "$root" -- sh -c "cut -d' ' -f5 /proc/self/mountinfo | grep -vE '^/(dev|proc)/' | sort"
	expect_output $'/\n/dev\n/proc\n/sys'
	nothing_left
}

@test "run --rootfs: relative, a symbolic link, a mount point, and what is no directory" {
	cd "${root%/*}"
	sandbox --net none --rootfs root -- cat /etc/here
	expect_output here
	ln -s root link
	sandbox --net none --rootfs link -- cat /etc/here
	expect_output here
	mount --bind root root
	sandbox --net none --rootfs "$root" -- cat /etc/here
	umount root
	expect_output here
	sandbox --net none --rootfs / -- cat "$root/etc/here"
	expect_output here
	cd /
	sandbox --net none --rootfs "$root/etc/here" -- true
	expect_refused 125 "$root/etc/here"
	sandbox --net none --rootfs "$root/nosuch" -- true
	expect_refused 125 "$root/nosuch: No such file or directory"
	nothing_left
}

@test "run --rootfs: written to, by root and in a user namespace; what is mounted below is there, too" {
	mkdir "$root/below"
	mount -t tmpfs tmpfs "$root/below"
	touch "$root/below/file"
	for user in '' --user; do
		# shellcheck disable=SC2086
		sandbox --net none $user --rootfs "$root" -- sh -c 'ls /below; echo written >/etc/new; cat /etc/new; rm /etc/new; id -u'
		expect_output $'file\nwritten\n0'
	done
	umount "$root/below"
	nothing_left
}

@test "run --rootfs: by a user, of its own files" {
	needs_user_namespaces
	chown -R $USER_ID "$root"
	as_user sandbox --net none --rootfs "$root" -- sh -c 'id -u; echo x >/etc/x; cat /etc/x; ls /dev | wc -l'
	expect_output $'0\nx\n13'
	chown -R 0 "$root"
	as_user sandbox --net none --rootfs "$root" -- sh -c 'echo x >/etc/y'
	[ "$status" -ne 0 ] || fail "not root's files"
	nothing_left
}

@test "run --rootfs: places to mount on are made; links in it lead nowhere outside" {
	mkdir "$root/var" "$root/usr" && ln -s /usr "$root/var/usr" && ln -s /etc/here "$root/etc/link"
	mkdir -p /run/cnic-test/src && echo source >/run/cnic-test/src/file
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/src:/a/b/c --bind /run/cnic-test/src/file:/d/e -- \
		sh -c 'cat /a/b/c/file /d/e'
	expect_output $'source\nsource'
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/src:/var/usr/x -- ls /usr/x
	expect_output file
	[ ! -e /usr/x ] || fail "not in the host's /usr"
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/src/file:/etc/link -- cat /etc/link /etc/here
	expect_output $'source\nhere'
	nothing_left
}

@test "run --read-only: nothing is written but to what is mounted" {
	mkdir -p /run/cnic-test/src
	sandbox --net none --rootfs "$root" --read-only --tmpfs /tmp --bind /run/cnic-test/src:/mnt/deep -- \
		sh -c 'for d in / /etc /sys /tmp /mnt/deep /dev/shm; do (echo x >$d/x) 2>/dev/null && echo $d; done; true'
	expect_output $'/tmp\n/mnt/deep\n/dev/shm'
	[ -e /run/cnic-test/src/x ] || fail "the bind is written to"
	[ ! -e "$root/etc/x" ] || fail "the root is not"
	sandbox --net none --read-only --tmpfs /mnt -- sh -c 'for d in /etc /usr /run /tmp /var/lib/cni /mnt; do (echo x >$d/x) 2>/dev/null && echo $d; done; true'
	expect_output /mnt
	sandbox --net none --read-only -- sh -c 'mount -o remount,rw / 2>/dev/null || echo refused'
	expect_output refused
	echo x >/run/cnic-test/writable
	nothing_left
}

@test "run --read-only: a root without places to mount on gets them before" {
	local was
	was=$(files)
	sandbox --net none --rootfs "$root" --read-only --tmpfs /t --bind /etc:/t/etc:ro -- ls /t/etc/passwd
	expect_output /t/etc/passwd
	expect_same files "$(printf '%s\n' "$was" ./dev ./proc ./sys ./t | sort)" "$(files)"
}

@test "run --bind: files and directories, :ro with all below, and what cannot be" {
	mkdir -p /run/cnic-test/src/below /run/cnic-test/at
	mount -t tmpfs tmpfs /run/cnic-test/src/below
	echo one >/run/cnic-test/src/file
	sandbox --net none --bind /run/cnic-test/src:/run/cnic-test/at -- sh -c 'cd /run/cnic-test/at; cat file; echo two >file; echo x >below/x'
	expect_output one
	[ "$(cat /run/cnic-test/src/file)" = two ] || fail "written"
	[ -e /run/cnic-test/src/below/x ] || fail "what is mounted below comes along"
	[ -z "$(ls /run/cnic-test/at)" ] || fail "not outside"
	sandbox --net none --bind /run/cnic-test/src:/run/cnic-test/at:ro -- sh -c 'cd /run/cnic-test/at; cat file; (echo 3 >file) 2>&1; (echo x >below/y) 2>&1'
	[[ $output == two*"Read-only file system"*"Read-only file system"* ]] || fail "read-only"
	cd /run/cnic-test
	sandbox --net none --bind src/file:/etc/hostname:ro -- cat /etc/hostname
	expect_output two
	cd /
	umount /run/cnic-test/src/below
	sandbox --net none --bind /run/cnic-test/nosuch:/mnt -- true
	expect_refused 125 "/run/cnic-test/nosuch: No such file or directory"
	sandbox --net none --bind /etc:/run/cnic-test/nosuch -- true
	expect_refused 125 "there is no /run/cnic-test/nosuch to mount on"
	[ ! -e /run/cnic-test/nosuch ] || fail "none is made"
	sandbox --net none --bind /etc/passwd:/mnt -- true
	expect_refused 125 "--bind /mnt: mount on /mnt"
	nothing_left
}

@test "run --bind, --tmpfs: in their order; devices are ours to add" {
	mkdir -p /run/cnic-test/src
	echo in >/run/cnic-test/src/in
	sandbox --net none --tmpfs /mnt --bind /run/cnic-test/src:/mnt/a/b -- sh -c 'ls /mnt/a/b; touch /mnt/c; ls /mnt; stat -fc %T /mnt'
	expect_output $'in\na\nc\ntmpfs'
	[ ! -e /mnt/c ] || fail "not outside"
	sandbox --net none --bind /run/cnic-test/src:/mnt --tmpfs /mnt/x -- true
	expect_refused 125 "there is no /mnt/x to mount on"
	sandbox --net none --bind /dev/null:/dev/mine --bind /dev/shm:/dev/all/shm -- sh -c 'echo x >/dev/mine; stat -c %t:%T /dev/mine; [ -d /dev/all/shm ] && echo all'
	expect_output $'1:3\nall'
	nothing_left
}

@test "run --tmpfs: /tmp is the command's own, the host's cannot be seen; what it holds is gone" {
	touch /tmp/cnic-test-outside
	cd /tmp
	sandbox --net none --tmpfs /tmp -- sh -c 'ls; pwd; touch inside; stat -c %a .'
	cd /
	rm /tmp/cnic-test-outside
	expect_output $'/tmp\n1777'
	[ ! -e /tmp/inside ] || fail "not outside"
	nothing_left
}

@test "run --user: root of a namespace that has one id" {
	sandbox --net none --user -- sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; stat -c %u /usr; chown 1 /run/cnic-test/cnic 2>&1'
	[[ $output == $' 0 0 1\n 0 0 1\n0\n'*"hown"* ]] || fail "one id"
}

@test "run --uid-map, --gid-map: written as they are by root, the first id is the command's" {
	needs_host_root "other ids"
	sandbox --net none --uid-map 0:100000:1000 --uid-map 5000:200000:5 --gid-map 0:300000:10 -- \
		sh -c 'tr -s " " </proc/self/uid_map; tr -s " " </proc/self/gid_map; id -u; id -g; stat -c %u /usr; cat /etc/shadow 2>/dev/null; cat /proc/sys/net/ipv4/ping_group_range'
	expect_output $' 0 100000 1000\n 5000 200000 5\n 0 300000 10\n0\n0\n65534\n0\t0'
	sandbox --net none --uid-map 10:100000:5 --gid-map 20:100000:5 -- sh -c 'id -u; id -g; grep CapEff /proc/self/status'
	expect_output $'10\n20\nCapEff:\t0000000000000000'
	sandbox --net none --uid-map 0:100000:10 --uid-map 5:200000:10 -- true
	expect_refused 125 "to uid_map: Invalid argument"
	nothing_left
}

@test "run --uid-map: ranges of a user by newuidmap, as /etc/subuid says" {
	needs_user_namespaces
	command -v newuidmap >/dev/null || skip "no newuidmap"
	local name
	name=$(id -nu $USER_ID 2>/dev/null) || skip "no user of the id $USER_ID"
	echo "$name:100000:65536" >/run/cnic-test/subid
	mount --bind /run/cnic-test/subid /etc/subuid
	mount --bind /run/cnic-test/subid /etc/subgid
	as_user sandbox --net none --uid-map 0:$USER_ID:1 --uid-map 1:100000:65535 --gid-map 0:$USER_ID:1 --gid-map 1:100000:65535 -- \
		sh -c 'tr -s " " </proc/self/uid_map; id -u; cat /proc/sys/net/ipv4/ping_group_range'
	expect_output " 0 $USER_ID 1"$'\n 1 100000 65535\n0\n0\t65535'
	as_user begin --net none --uid-map 0:100000:65536 --gid-map 0:100000:65536 -- sh -c 'id -u; exec sleep 1000'
	kill -TERM "$runner" # which is of another user than PID 1
	end_of_runner
	[ "$status" -eq 143 ] || fail "exit 143, not $status"
	as_user sandbox --net none --uid-map 0:0:10 -- true
	[[ $status -eq 125 && $errors == *newuidmap* ]] || fail "not root's ids"
	umount /etc/subuid /etc/subgid
	nothing_left
}

@test "run --uid-map: without newuidmap it is said what is missing" {
	needs_user_namespaces
	local dir
	for dir in /usr/bin /bin /usr/local/bin; do
		! [ -e $dir/newuidmap ] || mount --bind /etc/passwd $dir/newuidmap
	done
	as_user sandbox --net none --uid-map 0:100000:65536 -- true
	for dir in /usr/bin /bin /usr/local/bin; do
		! mountpoint -q $dir/newuidmap || umount $dir/newuidmap
	done
	expect_refused 125 "newuidmap is not installed (Debian: the package uidmap)"
	nothing_left
}

# refused_with ERROR WORDS : where the kernel makes no namespaces, and says so like this.
refused_with() {
	status=0 output=''
	errors=$("${STRACE[@]}" -qq -o /dev/null -e trace=clone3 -e inject=clone3:error="$1" "$CNIC" run --user --net none -- true 2>&1) || status=$?
	expect_refused 125 "$2"
}

@test "run: user namespaces that are off, or too many, are named with the sysctl" {
	refused_with EPERM "user namespaces are off or forbidden here (sysctl kernel.unprivileged_userns_clone=1"
	refused_with ENOSPC "sysctl user.max_*_namespaces"
	refused_with ENOMEM "make namespaces: "
	nothing_left
}

@test "run --cap-add: those, for root and for another id; none the caller has not" {
	local set='grep -E "^Cap(Inh|Prm|Eff|Bnd|Amb)" /proc/self/status | cut -f2 | sort -u'
	sandbox --net none --cap-add net_raw --cap-add CAP_NET_ADMIN -- sh -c "$set; ip link set lo mtu 1400 && echo done"
	expect_output $'0000000000003000\ndone'
	needs_user_namespaces
	sandbox --net none --cap-add net_admin --uid-map 1000:100000:1 --gid-map 1000:100000:1 -- sh -c "$set; id -u; ip link set lo mtu 1400 && echo done"
	expect_output $'0000000000001000\n1000\ndone'
	as_user sandbox --net none --cap-add all -- sh -c 'grep CapEff /proc/self/status | cut -f2; hostname inside && mount -t tmpfs tmpfs /mnt && echo done; hostname'
	expect_ok
	[[ $output == 000001ffffffffff$'\n'done$'\n'inside ]] || fail "all of its namespace's"
	nothing_left
}

@test "run: set-user-id programs and programs with capabilities gain nothing" {
	needs_host_root "setcap"
	cp /usr/bin/id /run/cnic-test/suid
	chmod 4755 /run/cnic-test/suid
	as_user sandbox --net none --uid-map 1000:1000:1 --gid-map 1000:1000:1 -- /run/cnic-test/suid -u
	expect_output 1000
	sandbox --net none --uid-map 0:100000:65536 --gid-map 0:100000:65536 -- /run/cnic-test/suid -u
	expect_output 0
}

# resolv_conf_is LINK : the file that the networks give is there, whatever lies at its name.
@test "run --dns: /etc/resolv.conf, also where it is a link, to nowhere, or not there at all" {
	sandbox --net none --rootfs "$root" --dns 192.0.2.53 -- cat /etc/resolv.conf
	expect_output "nameserver 192.0.2.53"
	local to
	for to in ../run/systemd/resolve/stub-resolv.conf /etc/here here; do
		ln -sf $to "$root/etc/resolv.conf"
		sandbox --net none --rootfs "$root" --dns 192.0.2.53 -- cat /etc/resolv.conf
		expect_output "nameserver 192.0.2.53"
		[ "$(readlink "$root/etc/resolv.conf")" = $to ] || fail "the link stays"
	done
	[ "$(cat "$root/etc/here")" = here ] || fail "what it leads to, too"
	echo old >/run/cnic-test/resolv.conf
	sandbox --net none --dns 192.0.2.53 --dns fd00::53 -- sh -c 'cat /etc/resolv.conf; (echo x >>/etc/resolv.conf) && tail -n 1 /etc/resolv.conf'
	expect_output $'nameserver 192.0.2.53\nnameserver fd00::53\nx'
	! grep -q 192.0.2.53 /etc/resolv.conf || fail "the host's is as it was"
	nothing_left
}
