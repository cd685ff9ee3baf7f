# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash disable=SC2034,SC2119,SC2120,SC2154,SC2016
#
# A network with a DHCP server, and our daemon. For files that have loaded lib.bash.

# The bridge br0 with the server's address 10.9.0.1.
dhcp_network() {
	ip link add br0 address 02:00:00:00:09:01 type bridge
	ip addr add 10.9.0.1/24 dev br0
	ip link set br0 up
	dhcp_log=$BATS_TEST_TMPDIR/server.log
	dhcp_script=$BATS_TEST_TMPDIR/server.json
}

# scripted JQ : from now on the scripted server does so (dhcp_server.py); begins with leases of an hour.
scripted() {
	jq -nc '{address:"10.9.0.50",lease:3600} | '"$1" >"$dhcp_script.new"
	mv "$dhcp_script.new" "$dhcp_script"
	[ -n "${dhcp_server:-}" ] || {
		${scripted_at:-} python3 "$ROOT/test/e2e/dhcp_server.py" "${scripted_on:-br0}" "$dhcp_script" "$dhcp_log" 3>&- &
		dhcp_server=$!
		heard '.type == "READY"'
	}
}

# follow FILE COMMAND... : the lines of a file as they come, until the command is true of one in $line, 30 s for each.
follow() {
	local file=$1 line
	shift
	touch "$file"
	while read -rt 30 line; do
		"$@" || continue
		kill $!
		return 0
	done < <(exec tail -n +1 -f "$file" 3>&-)
	kill $!
	return 1
}

is_message() {
	jq -e "$1" <<<"$line" >/dev/null 2>&1
}

# heard JQ : a message of which that is true has come to the scripted server, or comes soon.
heard() {
	follow "$dhcp_log" is_message "$1" || fail "no message with $1: $(cut -c1-300 "$dhcp_log" "${daemon_log:-/dev/null}")"
}

# heard_of TYPE : how many.
# renewal_waits : the server has one, and answers it when its script is another one.
renewal_waits() {
	scripted '.held = ["REQUEST"]'
	: >"$dhcp_log"
	heard '.type == "REQUEST"'
}

heard_of() {
	grep -c "\"type\": \"$1\"" "$dhcp_log" || true
}

# exchanges_of TYPE [LOG] : how many, one that is repeated once.
exchanges_of() {
	jq -r --arg type "$1" 'select(.type == $type).xid' "${2:-$dhcp_log}" | sort -u | wc -l
}

has_heard() {
	[ "$(grep -c "$2" "$dhcp_log")" = "$1" ]
}

# heard_so_often N TEXT : so many lines of the server's log have that, or soon.
heard_so_often() {
	soon has_heard "$@" || fail "$1 times $2: $(cat "$dhcp_log")"
}

# dnsmasq_at DEVICE OPTION... : a real one, in the namespace $dhcp_ns, if there is one. Its leases are in $dhcp_leases. As the
# user it is: root of a user namespace may not change its groups.
dnsmasq_at() {
	local device=$1
	shift
	dhcp_log=$BATS_TEST_TMPDIR/server.log
	dhcp_leases=$BATS_TEST_TMPDIR/leases
	${dhcp_ns:+nsenter --net="$(ns_path "$dhcp_ns")"} dnsmasq --keep-in-foreground --user=root --group= --no-ping \
		--conf-file=/dev/null --port=0 --interface="$device" --bind-interfaces --dhcp-leasefile="$dhcp_leases" --log-dhcp \
		--log-facility="$dhcp_log" --pid-file="$BATS_TEST_TMPDIR/dnsmasq.pid" "$@" 3>&- >&2 &
	dhcp_server=$!
	said 'sockets bound'
}

# dnsmasq_from [OPTION...] : at br0, leases of two minutes.
dnsmasq_from() {
	dnsmasq_at br0 --dhcp-range=10.9.0.10,10.9.0.250,2m "$@"
}

has_text() {
	[[ $line == *"$1"* ]]
}

# said TEXT [FILE] : is in the server's log, or the other one, or comes soon.
said() {
	follow "${2:-$dhcp_log}" has_text "$1" || fail "nobody says $1: $(tail -n 20 "${2:-$dhcp_log}")"
}

# dhcp_daemon [OPTION...] : ours; what it says is in $daemon_log.
dhcp_daemon() {
	daemon_log=$(mktemp -p "$BATS_TEST_TMPDIR" daemon.XXX)
	"$CNIC_BIN/cnic" dhcp "$@" 3>&- 2>"$daemon_log" &
	daemon=$!
	said 'listens at' "$daemon_log"
}

is_listened_at() {
	grep -q " 00010000 .* $1\$" /proc/net/unix
}

# listened_at PATH : somebody listens at that socket, or soon; it is there a moment before.
listened_at() {
	soon is_listened_at "$1" || fail "nobody listens at $1"
}

# daemon_end [SIGNAL] : by which it ends, not before.
daemon_end() {
	local pid=${daemon:-} rc=0
	daemon=
	[ -n "$pid" ] || return 0
	kill "${1:--TERM}" "$pid" || fail "the daemon is alive: $(tail -n 5 "$daemon_log")"
	{ wait "$pid" || rc=$?; } 2>/dev/null
	[ $rc -eq "$([ "${1:--TERM}" = -KILL ] && echo 137 || echo 0)" ] || fail "the daemon has ended with $rc: $(tail "$daemon_log")"
}

dhcp_end() {
	daemon_end
	[ -z "${dhcp_server:-}" ] || {
		kill "$dhcp_server"
		wait "$dhcp_server" || true
	}
	dhcp_server=
}

# Whether the daemon sleeps, and how often it has begun to.
daemon_sleep() {
	grep -e '^State:' -e ctxt "/proc/$daemon/status"
}

# descriptors N : so many more may the daemon have, from now on, than while it waits for something to do.
descriptors() {
	local n=0 before=
	until [[ $before == *'S (sleeping)'* && $(daemon_sleep) == "$before" ]]; do
		before=$(daemon_sleep) n=0
		while [ -e "/proc/$daemon/fd/$n" ]; do n=$((n + 1)); done
	done
	prlimit --pid "$daemon" --nofile="$((n + $1)):"
}

# failing_calls : a library, $failing, by which a process's next call of a kind fails (fail_next).
failing_calls() {
	needs_preload
	command -v "${CC:-cc}" >/dev/null || skip "no compiler"
	failing=$BATS_TEST_TMPDIR/failing.so
	${CC:-cc} -D_GNU_SOURCE -shared -fPIC -o "$failing" -xc - <<-END
		#include <dlfcn.h>
		#include <errno.h>
		#include <signal.h>
		#include <stdarg.h>
		#include <stdio.h>
		#include <sys/socket.h>
		#include <unistd.h>
		static int fails(unsigned long call)
		{
			FILE *f = fopen("$failing.next", "r");
			static int seen;
			unsigned long which = 0;
			int error = 0, before = 0;
			int is_it = f && fscanf(f, "%lu %d %d", &which, &error, &before) >= 2 && which == call &&
				    (before < 0 || seen++ == before);
			if (f)
				fclose(f);
			if (is_it && before >= 0) {
				unlink("$failing.next");
				seen = 0;
			}
			if (is_it && error < 0)
				kill(getpid(), SIGKILL);
			errno = error;
			return is_it;
		}
		ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to, socklen_t size)
		{
			ssize_t (*next)(int, const void *, size_t, int, const struct sockaddr *, socklen_t) = dlsym(RTLD_NEXT, "sendto");
			if (to && to->sa_family == AF_NETLINK && fails(((const unsigned short *)buf)[2]))
				return -1;
			return next(fd, buf, len, flags, to, size);
		}
		int ioctl(int fd, unsigned long request, ...)
		{
			int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
			va_list ap;
			va_start(ap, request);
			void *arg = va_arg(ap, void *);
			va_end(ap);
			return fails(request) ? -1 : next(fd, request, arg);
		}
	END
}

# fail_next CALL ERRNO [N] : a message of rtnetlink's by its type, or an ioctl(2) by its request, all as numbers; not the
# first N of them. ERRNO -1: it is killed in front of it. N -1: each that comes, until fail_no_more.
fail_next() {
	echo "$@" >"$failing.new"
	mv "$failing.new" "$failing.next"
}

fail_no_more() {
	rm "$failing.next"
}

# failed : that call has been, or comes soon.
failed() {
	soon [ ! -e "$failing.next" ] || fail "a call $(cat "$failing.next") comes"
}

# managed : the daemon as a service manager starts it (manager.py), which tells $manager_log; killed, it is started again.
managed() {
	manager_log=$BATS_TEST_TMPDIR/manager.log
	python3 "$ROOT/test/e2e/manager.py" /run/cni/dhcp.sock "$manager_log" "$CNIC_BIN/cnic" dhcp 3>&- 2>/dev/null &
	daemon=$!
	said READY=1 "$manager_log"
}

# path_lost : the container lives, by $keeper; its path is gone.
path_lost() {
	ip netns exec box sleep 1000 3>&- &
	keeper=$!
	until [ "$(readlink /proc/$keeper/ns/net)" = "net:[$(stat -Lc %i /run/netns/box)]" ]; do :; done
	umount /run/netns/box && rm /run/netns/box
}

managed_killed() {
	kill -KILL "$(sed -n 's/^PID //p' "$manager_log" | tail -n 1)"
}

# lan [JQ] : a configuration, changed by a jq program.
lan() {
	jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","name":"lan","type":"bridge","bridge":"br0","ipam":{"type":"dhcp"}}'
}

# What the daemon keeps of the one lease that there is.
lease() {
	cat /var/lib/cni/dhcp/*
}

lease_is() {
	lease 2>/dev/null | jq -e "$1" >/dev/null
}

# lease_becomes JQ : that is true of its file, or soon: what the daemon does it says before it writes it.
lease_becomes() {
	soon lease_is "$1" || fail "the lease has $1: $(lease)"
}

no_lease() {
	[ -z "$(ls -A /var/lib/cni/dhcp)" ]
}

# no_lease_soon : the daemon has said that it ends, and removes its file then.
no_lease_soon() {
	soon no_lease || fail "no lease left: $(lease)"
}

# attach CONF : box has an address by it, and CHECK agrees.
attach() {
	local type
	conf=$1
	type=$(jq -r .type <<<"$conf")
	add "$type" <<<"$conf"
	expect_ok
	check "$type" <<<"$(with_result "$conf")"
	expect_silent
	output=$result
}

# attached [JQ] : by lan().
attached() {
	attach "$(lan "${1:-.}")"
}

# has JQ : that is true of the result.
has() {
	jq -e "$1" <<<"$result" >/dev/null || fail "the result has $1"
}

nothing_left() {
	no_lease || fail "no lease left: $(lease)"
	[ "$(ip -n box -j link | jq length)" = 1 ] || fail "lo alone in the container"
}

addresses() {
	ip -n box -4 -br addr show dev eth0 | awk '{ print $3 }'
}

# ---- IPv6: for files that have called dhcp_network --------------------------------------------------

# The server's address is fd09::1, too, as soon as there is a port.
dhcp6_network() {
	echo 0 >/proc/sys/net/ipv6/conf/br0/accept_dad
	ip addr add fd09::1/64 dev br0 nodad
	dhcp6_log=$BATS_TEST_TMPDIR/server6.log
	dhcp6_script=$BATS_TEST_TMPDIR/server6.json
}

# scripted6 JQ : as scripted, of DHCPv6 (dhcp6_server.py).
scripted6() {
	jq -nc '{addresses:["fd09::50"],preferred:1800,valid:3600} | '"$1" >"$dhcp6_script.new"
	mv "$dhcp6_script.new" "$dhcp6_script"
	[ -n "${dhcp6_server:-}" ] || {
		python3 "$ROOT/test/e2e/dhcp6_server.py" br0 "$dhcp6_script" "$dhcp6_log" 3>&- &
		dhcp6_server=$!
		heard6 '.type == "READY"'
	}
}

dhcp6_end() {
	[ -z "${dhcp6_server:-}" ] || {
		kill "$dhcp6_server"
		wait "$dhcp6_server" || true
	}
	dhcp6_server=
}

heard6() {
	follow "$dhcp6_log" is_message "$1" || fail "no message with $1: $(cut -c1-300 "$dhcp6_log")"
}

heard6_of() {
	grep -c "\"type\": \"$1\"" "$dhcp6_log" || true
}

exchanges6_of() {
	exchanges_of "$1" "$dhcp6_log"
}

# All but the link-local one.
addresses6() {
	ip -n box -6 -j addr show dev eth0 scope global | jq -r '.[].addr_info[]? | select(.local) | "\(.local)/\(.prefixlen)"' | sort
}

# advertised : a router's advertisement has come to the container, or comes soon.
advertised() {
	local line until=$((SECONDS + 20))
	while ((SECONDS < until)) && ! ip -n box -6 route show default proto ra | grep -q .; do
		read -rt 1 line || true
	done < <(exec ip -n box -6 monitor route 3>&-)
	kill $!
	ip -n box -6 route show default proto ra | grep -q . || fail "no default route: $(ip -n box -6 route)"
}
