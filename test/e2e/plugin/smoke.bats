# SPDX-License-Identifier: Apache-2.0
# shellcheck disable=SC2030,SC2031,SC2034,SC2154
#
# One life of each plugin, with every verb: for builds of which the other files have nothing new to say.

load ../lib
load ovs

HOST_LOCAL='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.5.0.0/24"}],[{"subnet":"fd05::/64"}]],
	"routes":[{"dst":"0.0.0.0/0"}]}'
STATIC='"ipam":{"type":"static","addresses":[{"address":"10.5.0.2/24","gateway":"10.5.0.1"}]}'
PORTS='"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
MIRRORS='"bridge":"br0","mirrors":[{"name":"m1","ingress":true,"egress":true}]'
SINKS='"bridge":"br0","mirrors":[{"name":"m1"}]'

teardown() {
	ovs_stop
	host_clean
}

# of TYPE [KEYS] : a configuration.
of() {
	echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"$1\"${2:+,$2}}"
}

# each VERB [CONF...] : silent success, of the whole chain.
each() {
	local verb=$1 conf
	shift
	for conf; do
		cni "$verb" "$(jq -r .type <<<"$conf")" "$ifname" <<<"$(with_result "$conf")"
		expect_silent
	done
}

up() {
	local conf
	for conf; do
		cni VERSION "$(jq -r .type <<<"$conf")" <<<'{"cniVersion":"1.1.0"}'
		expect_json '.supportedVersions | index("1.1.0") != null' true
		status_of "$(jq -r .type <<<"$conf")" <<<"$conf"
		expect_silent
		[ -z "$result" ] || conf=$(with_result "$conf")
		add "$(jq -r .type <<<"$conf")" "$ifname" <<<"$conf"
		expect_ok
	done
}

# down CONF... : from the last to the first.
down() {
	local conf all=()
	for conf; do
		all=("$conf" "${all[@]}")
	done
	each DEL "${all[@]}"
	each DEL "${all[@]}"
}

# collect ID/IFNAME|"" CONF... : GC that keeps this one, or none.
collect() {
	local valid conf
	read -ra valid <<<"$1"
	shift
	for conf; do
		gc "$(jq -r .type <<<"$conf")" <<<"$(with_valid "$conf" "${valid[@]}")"
		expect_silent
	done
}

# What containers hold, on the host.
traces() {
	nft list ruleset | grep -E '10\.5\.0\.[1-9]|fd05::[1-9]' || true
	find /var/lib/cni/networks -name .cnic -prune -o -type f -name '*.*.*.*' -print 2>/dev/null
	ip -o link show type veth
	! [ -e "$SOCKET" ] || ovs-vsctl --bare --columns=name list Mirror
}

# life CONF... : a container, and a second one that GC finds to be gone.
life() {
	local ifname=${ifname:-eth0}
	netns box
	forget_result
	up "$@"
	each CHECK "$@"
	collect "c1/$ifname" "$@"
	each CHECK "$@"
	[ -n "$(traces)" ] || ${traceless:-false} || fail "a trace of it"
	down "$@"
	[ -z "$(traces)" ] || fail "nothing left of a DEL, not $(traces)"
	netns other
	forget_result
	CID=c2 up "$@"
	ip netns del other
	collect '' "$@"
	! traces | grep -v veth || fail "nothing left of a GC"
}

@test "bridge, portmap, firewall with IPAM of host-local" {
	life "$(of bridge '"bridge":"br0","isGateway":true,"ipMasq":true,"macspoofchk":true,'"$HOST_LOCAL")" \
		"$(of portmap "$PORTS")" "$(of firewall)"
}

@test "bridge, portmap, firewall by iptables" {
	life "$(of bridge '"bridge":"br0","isGateway":true,"ipMasq":true,"ipMasqBackend":"iptables",'"$HOST_LOCAL")" \
		"$(of portmap '"backend":"iptables",'"$PORTS")" "$(of firewall '"backend":"iptables"')"
}

@test "a chain of bridge, portmap, firewall" {
	life "$(of chain "$PORTS"',"plugins":[{"type":"bridge","bridge":"br0","isGateway":true,"ipMasq":true,'"$HOST_LOCAL"'},
		{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]')"
}

@test "ptp with IPAM of static" {
	life "$(of ptp "$STATIC")"
}

@test "loopback" {
	local ifname=lo traceless=true
	life "$(of loopback)"
}

@test "host-local" {
	life "$(of host-local "$HOST_LOCAL")"
}

@test "static" {
	local traceless=true
	life "$(of static "$STATIC")"
}

@test "ovs, ovs-mirror-producer" {
	ovs_start
	life "$(of ovs '"bridge":"br0",'"$HOST_LOCAL")" "$(of ovs-mirror-producer "$MIRRORS")"
}

@test "ovs, ovs-mirror-consumer" {
	ovs_start
	life "$(of ovs '"bridge":"br0",'"$HOST_LOCAL")" "$(of ovs-mirror-consumer "$SINKS")"
}

# No library, no file of a library: names, numbers and messages come from the executable alone.
@test "a static executable in an empty root" {
	local dir=$BATS_TEST_TMPDIR/root
	! ldd "$CNIC_BIN/cnic" 2>/dev/null | grep -q libc || skip "needs its libraries"
	mkdir "$dir"
	cp "$CNIC_BIN/cnic" "$dir/host-local"
	in_root() {
		output=$(CNI_COMMAND=$1 CNI_CONTAINERID=c CNI_NETNS=/n CNI_IFNAME=eth0 CNI_PATH=/ LC_ALL=de_DE.UTF-8 \
			chroot "$dir" /host-local <<<"$(with_result "$(of host-local "$HOST_LOCAL" | jq -c '.ipam.dataDir = "/d"')" "${2:-null}")")
	}
	in_root ADD
	expect_json .ips[0].address 10.5.0.2/24
	in_root CHECK "$output"
	[ -e "$dir/d/net/10.5.0.2" ] || fail "a reservation"
	in_root DEL
	[ ! -e "$dir/d/net/10.5.0.2" ] || fail "no reservation"
	! in_root BAD || fail "an error"
	expect_json .code 4
}

@test "what bears a process id in its name, /dev/shm too, is of this host alone" {
	echo x >"/dev/shm/mine.$$"
	"$TEST_DIR/host" test ! -e "/dev/shm/mine.$$"
}
