# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# An Open vSwitch for the tests that have loaded lib.bash: ovsdb-server and ovs-vswitchd of the file's own,
# in its throw-away host, and a bridge br0 with the userspace datapath, which passes traffic between
# veths on any kernel.

export OVS_RUNDIR=/run/openvswitch OVS_LOGDIR=/run/openvswitch OVS_DBDIR=/run/openvswitch
SOCKET=$OVS_RUNDIR/db.sock
MEMOS=/var/lib/cni/ovs-cni/cache
OWNER=ovs-cni.network.kubevirt.io

server_start() {
	ovsdb-server "$OVS_RUNDIR/conf.db" --remote=punix:"$SOCKET" "$@" --pidfile --detach \
		--no-chdir -vconsole:off --log-file >/dev/null
}

switch_start() {
	ovs-vswitchd "unix:$SOCKET" --pidfile --detach --no-chdir -vconsole:off --log-file
}

# pid_of ovsdb-server|ovs-vswitchd
pid_of() {
	cat "$OVS_RUNDIR/$1.pid" 2>/dev/null
}

# Ends one of ours by its pid and waits until it has gone.
end_process() {
	local pid
	pid=$(pid_of "$1") || return 0
	kill -CONT "$pid" 2>/dev/null || true
	kill -KILL "$pid" 2>/dev/null || true
	while kill -0 "$pid" 2>/dev/null; do
		read -r -t 0.02 <> <(:) || true
	done
	rm -f "$OVS_RUNDIR/$1.pid"
}

ovs_daemons() {
	mkdir -p "$OVS_RUNDIR"
	ovsdb-tool create "$OVS_RUNDIR/conf.db" /usr/share/openvswitch/vswitch.ovsschema
	server_start
	ovs-vsctl --no-wait init
	switch_start
}

ovs_start() {
	ovs_daemons
	ovs_bridge br0
}

ovs_bridge() {
	ovs-vsctl add-br "$1" -- set bridge "$1" "datapath_type=${DATAPATH:-netdev}"
}

ovs_stop() {
	end_process ovs-vswitchd
	end_process ovsdb-server
	rm -rf "$OVS_RUNDIR"
}

# port_of [NS/IFNAME...] : the port's name, which is the host's end's.
port_of() {
	jq -r '.interfaces[0].name' <<<"${1:-$result}"
}

# column TABLE RECORD COLUMN[:KEY] : as JSON, sets as lists, maps as objects.
column() {
	ovs-vsctl --format=json --columns="${3%%:*}" list "$1" "$2" | jq -c --arg key "${3#*:}" '
		def plain: if type != "array" then .
			elif .[0] == "map" then .[1] | map({key: .[0], value: .[1]}) | from_entries
			elif .[0] == "set" then .[1] | map(plain) else .[1] end;
		.data[0][0] | plain | if type == "object" and has($key) then .[$key] else . end'
}

# expect_column TABLE RECORD COLUMN VALUE : compact JSON with sorted keys.
expect_column() {
	local actual
	actual=$(column "$1" "$2" "$3" | jq -cS .)
	[ "$actual" = "$4" ] || fail "$1 $2 $3 to be $4, not $actual"
}

# All rows that a port is made of, and the ports of bridges but their own.
ovs_rows() {
	local table
	for table in Bridge Port Interface Mirror; do
		echo "$table: $(ovs-vsctl --format=json --columns=name list $table | jq -cS '.data | sort')"
	done
}

expect_no_ports() {
	[ "$(ovs-vsctl --bare --columns=name list Interface | sed '/^$/d' | sort)" = "$(ovs-vsctl list-br | sort)" ] ||
		fail "no interfaces but the bridges' own"
	[ -z "$(ls -A $MEMOS 2>/dev/null)" ] || fail "no memo"
}

expect_nothing_left() {
	expect_no_ports
	[ -z "$(ip -o link show type veth)" ] || fail "no veth"
	[ -z "$(find /var/lib/cni/networks -name .cnic -prune -o -type f -name '*.*.*.*' -print 2>/dev/null)" ] ||
		fail "no address held"
}
