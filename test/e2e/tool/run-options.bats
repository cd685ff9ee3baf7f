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

@test "run --rootfs: neither .. nor a link by it leads above it" {
	local there=/run/cnic-test/above up
	mkdir -p "$there/etc"
	for up in .. ../../.. /.. /../..; do
		rm -rf "${root:?}/etc" "${root:?}/run"
		mkdir -p "$root$there/etc"
		ln -sfn "$up$there/etc" "$root/etc"
		ln -sfn "$up$there" "$root/link"
		sandbox --net none --hostname box --rootfs "$root" --tmpfs /link/made --tmpfs "/..$there/more" -- \
			ls "$there" "$there/etc"
		expect_same "files outside" "$there/etc" "$(find "$there" -mindepth 1)"
		expect_output "$there:"$'\netc\nmade\nmore\n\n'"$there/etc:"$'\nhosts\nresolv.conf'
	done
	rm -r "${root:?}/etc" "${root:?}/run" "$there" && mkdir "$root/etc"
	nothing_left
}

@test "run --rootfs: a link in it that goes by a descriptor in /proc leads nowhere outside either" {
	local fd there=/run/cnic-test/there
	mkdir "$there"
	rm -r "${root:?}/etc"
	for fd in {3..20}; do
		ln -sfn "/proc/self/fd/$fd$there" "$root/etc"
		sandbox --net none --hostname box --rootfs "$root" -- true
		expect_refused 125 /etc/resolv.conf
		ln -sfn "/proc/self/fd/$fd" "$root/etc"
		sandbox --net none --rootfs "$root" --tmpfs "/etc$there/made" --bind "$there:/mnt:ro" -- true
		expect_refused 125 "/etc$there/made"
		expect_same "files outside" '' "$(ls "$there")"
	done
	rm "$root/etc" && mkdir "$root/etc"
	nothing_left
}

@test "run --rootfs: devices in it are none" {
	needs_host_root "mknod"
	mknod -m 666 "$root/zero" c 1 5
	local user
	for user in '' --user; do
		# shellcheck disable=SC2086
		sandbox --net none $user --rootfs "$root" -- sh -c 'head -c 1 /zero | wc -c; head -c 1 /dev/zero | wc -c'
		expect_output $'0\n1'
	done
	sandbox --net none --rootfs "$root" --bind /dev/zero:/zero -- sh -c 'head -c 1 /zero | wc -c'
	expect_output 1
	nothing_left
}

@test "run --rootfs: /proc, /sys and /dev are directories in it; a link could hide /proc from what makes it read-only" {
	mkdir "$root/proc" "$root/m" "$root/sys" && ln -s /proc "$root/m/link"
	local write='read x <$0/sys/vm/swappiness; echo $x >$0/sys/vm/swappiness && echo written'
	sandbox --net none --rootfs "$root" -- sh -c "$write" /proc
	[[ $errors == *"Read-only"* && -z $output ]] || fail "read-only"
	rmdir "$root/sys" && mv "$root/proc" "$root/real"
	ln -sfn /real "$root/m/link" && ln -s m/link "$root/proc" && ln -s m "$root/sys"
	sandbox --net none --rootfs "$root" -- sh -c "$write" /real
	expect_refused 125 "/proc: not a directory"
	local name
	for name in dev proc sys; do
		rm -rf "$root"/{dev,proc,sys}
		ln -s m "$root/$name"
		sandbox --net none --rootfs "$root" -- true
		expect_refused 125 "/$name: not a directory"
	done
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
	expect_refused 125 "--bind /mnt: a file cannot be mounted on a directory"
	nothing_left
}

@test "run --bind, --tmpfs: a directory is mounted behind a link, in the root; a file covers one" {
	local to what
	mkdir -p /run/cnic-test/src "$root/real" && touch /run/cnic-test/src/seen "$root/file"
	echo text >/run/cnic-test/text
	for to in /real real ../../../real; do
		ln -sfn $to "$root/link"
		sandbox --net none --rootfs "$root" --bind /run/cnic-test/src:/link:ro -- ls /link/ /real
		expect_output $'/link/:\nseen\n\n/real:\nseen'
		sandbox --net none --rootfs "$root" --tmpfs /link --bind /run/cnic-test/text:/link/text -- ls /real
		expect_output text
	done
	ln -sfn nowhere "$root/link"
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/text:/link -- cat /link
	expect_output text
	for what in "--bind /run/cnic-test/src:" "--tmpfs "; do
		# shellcheck disable=SC2086
		sandbox --net none --rootfs "$root" ${what}/link -- true
		expect_refused 125 "/link: look for it: No such file"
		# shellcheck disable=SC2086
		sandbox --net none --rootfs "$root" ${what}/file -- true
		expect_refused 125 "/file: a directory cannot be mounted on a file"
	done
	ln -sfn / "$root/link"
	for to in /link /real/.. /real/../..; do
		for what in "--bind /run/cnic-test/src:" "--tmpfs "; do
			# shellcheck disable=SC2086
			sandbox --net none --rootfs "$root" $what$to -- true
			expect_refused 125 "$to: leads to the root directory"
		done
	done
	for to in {3..12}; do # the host's root among them
		ln -sfn "/proc/self/fd/$to/etc" "$root/link"
		sandbox --net none --rootfs "$root" --bind /run/cnic-test/src:/link -- true
		expect_refused 125 "/link: "
	done
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/text:/real -- true
	expect_refused 125 "--bind /real: a file cannot be mounted on a directory"
	nothing_left
}

@test "run --bind, --tmpfs: no place is made in the host's files behind links, and one is in a tmpfs there" {
	local way
	mkdir -p /run/cnic-test/src/deep "$root/real" "$root/dev"
	for way in 'real /real' 'real/../real /real' '/dev /dev' 'dev/shm /dev/shm'; do
		ln -sfn "${way% *}" "$root/link"
		for what in /run/cnic-test/src: /run/cnic-test/src/deep:; do
			sandbox --net none --rootfs "$root" --bind "$what/link" --tmpfs "${way#* }/new/er" -- true
			expect_refused 125 "there is no ${way#* }/new/er to mount on"
			sandbox --net none --rootfs "$root" --bind "$what${way#* }" --bind /etc/passwd:/link/new -- true
			expect_refused 125 "there is no /link/new to mount on"
		done
	done
	[ "$(find /run/cnic-test/src)" = $'/run/cnic-test/src\n/run/cnic-test/src/deep' ] || fail "made: $(find /run/cnic-test/src)"
	for way in /dev/x/../../run/cnic-test/src/new /dev/x/y/../../../run/cnic-test/src/new /mnt/x/../../run/cnic-test/src/new; do
		for what in --tmpfs\ "$way" --bind\ "/etc/passwd:$way"; do
			# shellcheck disable=SC2086
			sandbox --net none --tmpfs /mnt $what -- true
			expect_refused 125 "there is no $way to mount on"
		done
	done
	sandbox --net none --rootfs "$root" --bind /run/cnic-test/src:/real --tmpfs /x/../real/new -- true
	expect_refused 125 "there is no /x/../real/new to mount on"
	[ "$(find /run/cnic-test/src)" = $'/run/cnic-test/src\n/run/cnic-test/src/deep' ] || fail "made: $(find /run/cnic-test/src)"
	ln -sfn real "$root/link"
	for way in '/link /real' '/real /link'; do
		sandbox --net none --rootfs "$root" --tmpfs "${way% *}" --bind /run/cnic-test/src:"${way#* }/new" -- ls "${way#* }" /real/new
		expect_output "${way#* }:"$'\nnew\n\n/real/new:\ndeep'
	done
	[ -z "$(ls -A "$root/real")" ] || fail "made in the root: $(ls -A "$root/real")"
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
	local outside
	outside=$(mktemp /tmp/cnic-test.XXXXXX)
	cd /tmp
	sandbox --net none --tmpfs /tmp -- sh -c 'ls; pwd; touch inside; stat -c %a .'
	cd /
	rm "$outside"
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

# Else the caller's own group would be the command's: that of the machine's root.
@test "run --uid-map or --gid-map alone, by root: the other list is the same" {
	needs_user_namespaces
	sandbox --net none --uid-map 0:100000:65536 -- sh -c 'echo $(cat /proc/self/gid_map)'
	expect_output "0 100000 65536"
	sandbox --net none --gid-map 5:100000:10 -- sh -c 'echo $(cat /proc/self/uid_map); id -u'
	expect_output $'5 100000 10\n5'
	echo secret >/run/cnic-test/secret
	chmod 640 /run/cnic-test/secret
	sandbox --net none --uid-map 0:100000:65536 -- cat /run/cnic-test/secret
	[ "$status" -eq 1 ] || fail "a file of group 0 is none of its own"
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

@test "run --netns: who is not root is told that this is the reason" {
	needs_user_namespaces
	as_user sandbox --netns /proc/self/ns/net -- true
	expect_refused 125 "--netns: only root"
	[[ $errors != *sysctl* ]] || fail "no other advice"
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
@test "run --bind: /etc/resolv.conf and /etc/hosts are those of it" {
	mkdir -p /run/cnic-test/src && echo mine >/run/cnic-test/src/file
	local of=("" "--rootfs $root") rootfs
	for rootfs in "${of[@]}"; do
		# shellcheck disable=SC2086
		sandbox --net none --hostname box --dns 192.0.2.1 $rootfs --bind /run/cnic-test/src/file:/etc/resolv.conf -- \
			sh -c 'cat /etc/resolv.conf; grep -c box /etc/hosts'
		expect_output $'mine\n1'
		# shellcheck disable=SC2086
		sandbox --net none --hostname box --dns 192.0.2.1 $rootfs --bind /run/cnic-test/src/file:/etc/hosts -- \
			cat /etc/resolv.conf /etc/hosts
		expect_output $'nameserver 192.0.2.1\nmine'
	done
	nothing_left
}

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
