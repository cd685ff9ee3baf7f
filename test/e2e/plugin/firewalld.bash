# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2154
#
# A system bus and firewalld of the test's own, in the throw-away host. For files that have loaded
# lib.bash.

# firewalld_start : returns when it has its name on the bus.
firewalld_start() {
	mkdir -p /run/dbus /run/firewalld
	cat >/run/dbus/system.conf <<-END
		<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
		 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
		<busconfig>
		  <type>system</type>
		  <listen>unix:path=/run/dbus/system_bus_socket</listen>
		  <policy context="default">
		    <allow user="*"/>
		    <allow own="*"/>
		    <allow send_destination="*"/>
		    <allow receive_sender="*"/>
		    <allow receive_type="method_return"/>
		    <allow receive_type="error"/>
		    <allow receive_type="signal"/>
		    <allow send_type="signal"/>
		    <allow send_type="method_return"/>
		    <allow send_type="error"/>
		  </policy>
		</busconfig>
	END
	dbus-daemon --config-file=/run/dbus/system.conf --fork --nopidfile 3>&- 4>&-
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
	firewalld_await
}

# The watch first, then firewalld, so that its name cannot come unseen.
firewalld_await() {
	local line
	coproc watch { exec timeout 60 dbus-monitor --system \
		"type='signal',member='NameOwnerChanged',arg0='org.fedoraproject.FirewallD1'" 3>&- 4>&-; }
	while read -r line <&"${watch[0]}"; do
		[[ $line != *NameAcquired* ]] || break
	done
	firewalld --nofork --nopid >"$BATS_TEST_TMPDIR/firewalld.log" 2>&1 3>&- 4>&- &
	while read -r line <&"${watch[0]}"; do
		[[ $line != *NameOwnerChanged* ]] || break
	done
	kill "$watch_PID"
	firewall-cmd --state 3>&- 4>&-
}

firewalld_end() {
	pkill -x firewalld || true
	pkill -x dbus-daemon || true
}
