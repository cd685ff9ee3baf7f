/* SPDX-License-Identifier: Apache-2.0 */
#include "attend.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "apply.h"
#include "attend6.h"
#include "base/scope.h"
#include "lease_file.h"
#include "sys/file.h"
#include "sys/netns.h"

#define SPREAD_MOST 3000 /* milliseconds over which leases go on after a start */
#define DOWN_MS     200  /* from an interface that goes down to a look whether it is gone */
#define SPREAD_EACH 5    /* for each of them */
#define SPREAD_LEFT 16   /* the part of what is left of a lease that it may wait at most */
#define TRY_AGAIN   5000 /* what failed for want of something: a descriptor, a disk */

static void say(const struct lease *l, const char *fmt, ...) PRINTF(2, 3);
static void say(const struct lease *l, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	lease_say(l, fmt, ap);
	va_end(ap);
}

static const char *address_text(const struct lease *l)
{
	const struct ip ip = { .family = AF_INET, .v4 = l->client.address };

	return ip_str(&ip, arena_alloc(json_arena(), IP_STRLEN));
}

/* ---- namespaces ------------------------------------------------------------------------------ */

static const char *path_to(const struct attend *d, const struct lease *l)
{
	return arena_printf(json_arena(), "%s%s", d->prefix, l->netns);
}

static uint64_t inode_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

static bool is_at_path(const struct attend *d, const struct lease *l)
{
	struct stat st;

	return *l->netns && stat(path_to(d, l), &st) == 0 && st.st_ino == l->netns_inode;
}

/* Not where it is only that one cannot look. */
static bool has_left_path(const struct attend *d, const struct lease *l)
{
	struct stat st;

	if (stat(path_to(d, l), &st) < 0)
		return errno == ENOENT || errno == ENOTDIR;
	return st.st_ino != l->netns_inode;
}

/* By which the manager keeps its socket. */
static const char *socket_name(const struct lease *l)
{
	return strrchr(lease_file_path(l->network, l->container_id, l->ifname), '/') + 1;
}

static int watch(const struct attend *d, int fd, void *source, struct err *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = source };

	if (epoll_ctl(d->epoll, EPOLL_CTL_ADD, fd, &e) < 0)
		return err_sys(err, "watch a packet socket");
	return 0;
}

static void unwatch(const struct attend *d, int fd)
{
	if (fd >= 0)
		(void)epoll_ctl(d->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static int watch_ipv4(const struct attend *d, struct lease *l, struct err *err)
{
	if (watch(d, l->wire.fd, l, err) < 0)
		return -1;
	manager_store(socket_name(l), l->wire.fd);
	return 0;
}

static int enter_ipv6(const struct attend *d, struct lease *l, int netns_fd, struct err *err)
{
	struct lease_ipv6 *s = l->ipv6;

	if (!s)
		return 0;
	return wire6_open(&s->wire, netns_fd, l->ifname, err) < 0 ? -1
								  : watch(d, s->wire.fd, s, err);
}

/* The socket of the daemon before this, which needs no path. */
static bool enter_again(struct attend *d, struct lease *l)
{
	int fd = l->ipv4 ? manager_take(d->manager, socket_name(l)) : -1;
	auto_close int netns_fd = -1;
	struct err err = { 0 };

	if (fd < 0 || wire_adopt(&l->wire, fd, l->ifname, &err) < 0)
		return false;
	netns_fd = wire_netns(&l->wire, &err);
	l->at_path = is_at_path(d, l);
	return netns_fd >= 0 && inode_of(netns_fd) == l->netns_inode &&
	       watch_ipv4(d, l, &err) == 0 && enter_ipv6(d, l, netns_fd, &err) == 0;
}

/* Its sockets and what is to be known of its namespace. */
static int enter(struct attend *d, struct lease *l, int netns_fd, struct err *err)
{
	if (!l->netns_inode)
		l->netns_inode = inode_of(netns_fd);
	l->at_path = is_at_path(d, l);
	if (l->ipv4 &&
	    (wire_open(&l->wire, netns_fd, l->ifname, err) < 0 || watch_ipv4(d, l, err) < 0))
		return -1;
	return enter_ipv6(d, l, netns_fd, err);
}

/* The socket's namespace needs no path. */
static int apply_to(const struct lease *l, struct apply *to, struct err *err)
{
	to->index = l->wire.index;
	to->netns_fd = wire_netns(&l->wire, err);
	return to->netns_fd < 0 ? -1 : 0;
}

/* ---- the end --------------------------------------------------------------------------------- */

static void end_probe(const struct attend *d, struct lease *l)
{
	unwatch(d, l->wire.arp);
	wire_close_probe(&l->wire, d->closer);
	free(l->ack);
	l->ack = NULL;
}

static void close_sockets(const struct attend *d, struct lease *l)
{
	end_probe(d, l);
	unwatch(d, l->wire.fd);
	wire_close(&l->wire, d->closer);
	if (!l->ipv6)
		return;
	unwatch(d, l->ipv6->wire.fd);
	wire6_close(&l->ipv6->wire, d->closer);
}

static void forget(struct attend *d, struct lease *l)
{
	if (l->wire.fd >= 0)
		manager_remove(socket_name(l));
	close_sockets(d, l);
	lease_remove(&d->leases, l);
	lease_free(l);
}

static void refuse_waiter(struct attend *d, struct lease *l, const struct err *err)
{
	if (l->waiter)
		d->answer(l->waiter, NULL, err);
	l->waiter = NULL;
}

static void end(struct attend *d, struct lease *l, const char *why)
{
	struct err err = { 0 };

	say(l, "%s", why);
	if (lease_file_remove(l, &err) < 0)
		say(l, "%s", err.msg);
	forget(d, l);
}

/* ---- what a client wants done ---------------------------------------------------------------- */

static void send_message(const struct attend *d, const struct lease *l, bool from_here)
{
	static const uint8_t nobody[MAC_LEN];
	const uint8_t *to = l->client.server_mac;
	struct dhcp_request r = {
		.broadcast = l->broadcast || d->broadcast,
		.options = l->options,
		.options_len = l->options_len,
	};
	uint8_t packet[DHCP_MTU];
	bool unicast;
	size_t len;

	memcpy(r.chaddr, l->wire.mac, sizeof(r.chaddr));
	dhcp_client_request(&l->client, lease_now(), &r, &unicast);
	if (!unicast || !memcmp(to, nobody, sizeof(nobody)))
		to = NULL;
	len = dhcp_write(&r, packet);
	if (from_here)
		wire_send_from_here(packet, len, l->client.server);
	else
		wire_send(&l->wire, packet, len, to);
}

/* Its interface may be gone. */
static void release(const struct attend *d, struct lease *l)
{
	if (dhcp_client_release(&l->client, lease_now()) & DHCP_DO_SEND)
		send_message(d, l, !wire_is_there(&l->wire));
	if (l->ipv6)
		attend6_release(l);
}

/* An ADD that has failed gives all back. */
static void fail(struct attend *d, struct lease *l, const struct err *err)
{
	release(d, l);
	refuse_waiter(d, l, err);
	end(d, l, err->msg);
}

/* What the container has of it by now. */
static int read_result(const struct lease *l, sa_family_t family, struct cni_result *r,
		       const struct json **text)
{
	struct err ignored;

	*text = lease_file_result(l, family);
	return *text && cni_result_parse(*text, "1.1.0", false, "result", r, &ignored) == 0 ? 0
											    : -1;
}

int attend_result(const struct lease *l, struct cni_result *r)
{
	const struct json *ignored;
	struct cni_result more;

	*r = (struct cni_result){ 0 };
	if (l->ipv4 && read_result(l, AF_INET, r, &ignored) < 0)
		return -1;
	if (l->ipv6 && read_result(l, AF_INET6, &more, &ignored) < 0)
		return -1;
	if (l->ipv6)
		dhcp_answer_merge(r, &more);
	return 0;
}

static void take_away(const struct lease *l)
{
	const struct json *ignored;
	struct cni_result had;
	struct err err = { 0 };
	struct apply to;

	if (read_result(l, AF_INET, &had, &ignored) < 0)
		return;
	if (apply_to(l, &to, &err) < 0 || apply_result(&to, &had, NULL, &err) < 0)
		say(l, "%s", err.msg);
	drop_fd(&to.netns_fd);
}

static void lose(struct lease *l)
{
	l->lost = true;
	take_away(l);
	say(l, "the lease has ended, its address goes");
}

/* Of two halves: what the ADD asked for, by its file; as soon as all that it wants is there. */
static int answer_waiter(const struct attend *d, struct lease *l, struct err *err)
{
	struct dhcp_answer a = { 0 };

	if (!l->waiter || !lease_holds(l))
		return 0;
	if (attend_result(l, &a.result) < 0)
		return err_set(err, ERR_INTERNAL, "dhcp: the lease's file cannot be read");
	d->answer(l->waiter, &a, NULL);
	l->waiter = NULL;
	l->ipv6->client.deadline = 0;
	return 0;
}

/* For an ADD: nobody is told of a lease that is not on disk. */
static int bind_first(struct attend *d, struct lease *l, const struct dhcp_answer *a,
		      struct err *err)
{
	struct apply to;
	int rc;

	if (a->mtu) {
		if (apply_to(l, &to, err) < 0)
			return -1;
		rc = apply_mtu(&to, a->mtu, err);
		drop_fd(&to.netns_fd);
		if (rc < 0)
			return -1;
	}
	if (lease_file_write(l, a, NULL, err) < 0)
		return -1;
	l->lost = false;
	say(l, "bound to %s", address_text(l));
	if (l->ipv6)
		return answer_waiter(d, l, err);
	d->answer(l->waiter, a, NULL);
	l->waiter = NULL;
	return 0;
}

static int change(const struct lease *l, const struct cni_result *had, const struct dhcp_answer *a,
		  struct err *err)
{
	struct apply to;
	int rc;

	if (apply_to(l, &to, err) < 0)
		return -1;
	rc = apply_result(&to, had, &a->result, err);
	if (!rc)
		rc = apply_mtu(&to, a->mtu, err);
	drop_fd(&to.netns_fd);
	return rc;
}

/* Its file is not true: the next renewal writes it again. */
static void renew_soon(struct lease *l)
{
	int64_t soon = lease_now() + TRY_AGAIN;

	if (l->client.t1 > soon)
		l->client.t1 = l->client.next = soon;
}

/* A renewal, or another lease after the last one was lost. */
static void bind_again(struct lease *l, const struct dhcp_answer *a)
{
	const struct json *text, *now = cni_result_object(&a->result, "1.1.0");
	struct cni_result had;
	bool known = read_result(l, AF_INET, &had, &text) == 0;
	struct err err = { 0 };

	if (l->lost || !known || strcmp(json_print(text), json_print(now)) != 0) {
		if (change(l, known && !l->lost ? &had : NULL, a, &err) < 0)
			say(l, "%s", err.msg);
		say(l, "bound to %s, now %s", address_text(l), json_print(now));
	}
	l->lost = false;
	err_clear(&err);
	if (lease_file_write(l, a, NULL, &err) < 0) {
		say(l, "%s", err.msg);
		renew_soon(l);
	}
}

/* False: the lease is no more. */
static bool bind_to(struct attend *d, struct lease *l, const struct dhcp_message *m)
{
	struct dhcp_answer a;
	struct err err = { 0 };
	int rc = dhcp_answer(m, l->priority, &a, &err);

	if (!rc && !l->waiter)
		bind_again(l, &a);
	else if (!rc)
		rc = bind_first(d, l, &a, &err);
	else if (!l->waiter)
		say(l, "%s", err.msg);
	if (!rc || !l->waiter)
		return true;
	fail(d, l, &err);
	return false;
}

static void give_up(struct attend *d, struct lease *l)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_RETRY,
		      "dhcp: no server has given %s an address within %u s: no more tries",
		      l->ifname, l->times.deadline / 1000);
	fail(d, l, &err);
}

/* The packet is kept until it is known whether anybody objects. */
static void probe(struct attend *d, struct lease *l, const uint8_t *packet)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = l };
	struct err err = { 0 };

	end_probe(d, l);
	l->ack = malloc(DHCP_MTU);
	if (l->ack && packet)
		memcpy(l->ack, packet, DHCP_MTU);
	if (wire_probe(&l->wire, l->client.address, &err) < 0 ||
	    epoll_ctl(d->epoll, EPOLL_CTL_ADD, l->wire.arp, &e) < 0)
		say(l, "not probed: %s", err.msg);
}

/* Nobody has. False: the lease is no more. */
static bool bind_probed(struct attend *d, struct lease *l)
{
	uint8_t *packet = l->ack;
	struct dhcp_message m;
	bool is_there = true;

	l->ack = NULL;
	end_probe(d, l);
	if (packet && dhcp_read(packet, DHCP_MTU, true, &m))
		is_there = bind_to(d, l, &m);
	free(packet);
	return is_there;
}

/* m and its packet are NULL where it is time that has come. */
static void act(struct attend *d, struct lease *l, int todo, const struct dhcp_message *m,
		const uint8_t *packet)
{
	if (todo & DHCP_DO_LOSE)
		lose(l);
	if (todo & DHCP_DO_BIND && !(m ? bind_to(d, l, m) : bind_probed(d, l)))
		return;
	if (todo & DHCP_DO_PROBE)
		probe(d, l, packet);
	if (todo & DHCP_DO_SEND)
		send_message(d, l, false);
	if (todo & DHCP_DO_FAIL) {
		give_up(d, l);
		return;
	}
	l->wake = lease_next(l);
	lease_set_time(&d->leases, l);
}

/* The same of the other half. */
static void act6(struct attend *d, struct lease *l, int todo, const struct dhcp6_message *m)
{
	struct err err = { 0 };

	if (attend6_act(l, todo, m, &err) < 0 || answer_waiter(d, l, &err) < 0) {
		fail(d, l, &err);
		return;
	}
	l->wake = lease_next(l);
	lease_set_time(&d->leases, l);
}

/* ---- what happens ---------------------------------------------------------------------------- */

static void end_without_interface(struct attend *d, struct lease *l)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_INTERNAL, "interface %s is gone", l->ifname);
	refuse_waiter(d, l, &err);
	release(d, l);
	end(d, l, err.msg);
}

static void object(struct attend *d, struct lease *l)
{
	int todo;

	say(l, "somebody else has %s", address_text(l));
	end_probe(d, l);
	todo = dhcp_client_conflict(&l->client, lease_now());
	act(d, l, todo, NULL, NULL);
}

static bool has_link(const struct lease *l)
{
	return l->ipv4 ? wire_is_there(&l->wire)
		       : wire_has_link(l->ipv6->wire.fd, l->ipv6->wire.index);
}

void attend_event(struct attend *d, struct lease *l)
{
	uint8_t packet[DHCP_MTU], from[MAC_LEN];
	struct dhcp_message m;
	int got;

	if (l->wire.arp >= 0 && wire_conflict(&l->wire, l->client.address)) {
		object(d, l);
		return;
	}
	got = wire_receive(&l->wire, packet, &m, from);
	if (got < 0) {
		l->wake = lease_now() + DOWN_MS;
		lease_set_time(&d->leases, l);
	} else if (got) {
		act(d, l, dhcp_client_receive(&l->client, &l->times, &m, from, lease_now()), &m,
		    packet);
	}
}

/* By the socket, else by the path. */
static int come_back(struct attend *d, struct lease *l, struct err *err)
{
	auto_close int fd = -1;
	bool gone = false;
	uint64_t inode;

	if (enter_again(d, l))
		return 0;
	close_sockets(d, l);
	if (netns_open(path_to(d, l), &fd, &gone, err) < 0)
		return -1;
	inode = gone ? 0 : inode_of(fd);
	if (!gone && !inode)
		return err_sys(err, "stat %s", l->netns);
	if (gone || (l->netns_inode && inode != l->netns_inode))
		return err_set(err, ERR_NETNS, "its namespace is gone");
	return enter(d, l, fd, err);
}

void attend_event6(struct attend *d, struct lease_ipv6 *s)
{
	struct lease *l = s->lease;
	const struct dhcp6_config f = lease_config6(l);
	uint8_t packet[WIRE6_MTU];
	struct dhcp6_message m;
	int got = wire6_receive(&s->wire, packet, &m);

	if (got < 0) {
		l->wake = lease_now() + DOWN_MS;
		lease_set_time(&d->leases, l);
	} else if (got) {
		act6(d, l, dhcp6_client_receive(&s->client, &f, &m, lease_now()), &m);
	}
}

/* What has no lease has not been answered, or has lost it: without an end. */
static void restart(struct attend *d, struct lease *l)
{
	const struct dhcp6_config f = l->ipv6 ? lease_config6(l) : (struct dhcp6_config){ 0 };
	struct dhcp_times times = l->times;
	int todo;

	if (l->ipv6) {
		struct dhcp6_client *c = &l->ipv6->client;

		todo = c->holds ? dhcp6_client_reboot(c, &f, lease_now())
				: dhcp6_client_begin(c, &f, lease_now());
		act6(d, l, todo, NULL);
	}
	if (!l->ipv4)
		return;
	times.deadline = 0;
	todo = l->client.holds ? dhcp_client_reboot(&l->client, &times, lease_now())
			       : dhcp_client_begin(&l->client, &times, lease_now());
	act(d, l, todo, NULL, NULL);
}

/* What a system call says for another reason than that there is no such interface passes. */
static bool may_come_back(const struct err *err)
{
	return err->sys && err->sys != ENODEV;
}

/* After a start. */
static void go_on(struct attend *d, struct lease *l)
{
	struct err err = { 0 };
	bool is_there = come_back(d, l, &err) == 0;

	if (!is_there && may_come_back(&err)) {
		say(l, "%s: later again", err.msg);
		l->wake = lease_now() + TRY_AGAIN;
		lease_set_time(&d->leases, l);
		return;
	}
	l->resumed = false;
	if (is_there && !l->removed) {
		restart(d, l);
		return;
	}
	release(d, l);
	end(d, l, is_there ? "released" : err.msg);
}

static void wake6(struct attend *d, struct lease *l)
{
	act6(d, l, dhcp6_client_wake(&l->ipv6->client, lease_now()), NULL);
}

void attend_wake(struct attend *d, struct lease *l)
{
	if (l->resumed)
		go_on(d, l);
	else if (!has_link(l))
		end_without_interface(d, l);
	else if (l->ipv6 && l->ipv6->client.next < l->client.next)
		wake6(d, l);
	else
		act(d, l, dhcp_client_wake(&l->client, &l->times, lease_now()), NULL, NULL);
}

static void end_if_gone(struct attend *d, struct lease *l)
{
	if (l->waiter || l->resumed)
		return;
	if (!has_link(l)) {
		end_without_interface(d, l);
		return;
	}
	if (!l->at_path || !has_left_path(d, l))
		return;
	release(d, l);
	end(d, l, "its namespace is gone");
}

/* ---- what is asked --------------------------------------------------------------------------- */

static int begin(struct attend *d, const struct ask *a, int netns_fd, struct connection *waiter,
		 struct err *err)
{
	struct lease *l = lease_new(a, &d->times, err);
	struct dhcp6_config f;

	if (!l)
		return -1;
	if (lease_add(&d->leases, l, err) < 0) {
		lease_free(l);
		return -1;
	}
	if (enter(d, l, netns_fd, err) < 0) {
		forget(d, l);
		return -1;
	}
	l->waiter = waiter;
	if (l->ipv6) {
		f = lease_config6(l);
		act6(d, l, dhcp6_client_begin(&l->ipv6->client, &f, lease_now()), NULL);
	}
	if (l->ipv4)
		act(d, l, dhcp_client_begin(&l->client, &l->times, lease_now()), NULL, NULL);
	return 0;
}

/* What it has got already. */
static int repeat(const struct attend *d, const struct lease *l, struct connection *waiter,
		  struct err *err)
{
	struct dhcp_answer a = { 0 };

	if (attend_result(l, &a.result) < 0)
		return err_set(err, ERR_INTERNAL, "dhcp: the lease's file cannot be read");
	d->answer(waiter, &a, NULL);
	return 0;
}

/* A container that comes again without a DEL has another namespace. */
static int replace(struct attend *d, struct lease *l, int netns_fd, struct connection *waiter,
		   bool *done, struct err *err)
{
	*done = true;
	if (l->waiter)
		return err_set(err, ERR_RETRY, "dhcp: an ADD of %s is under way", l->ifname);
	if (inode_of(netns_fd) == l->netns_inode && !l->lost && lease_holds(l) && !l->removed)
		return repeat(d, l, waiter, err);
	*done = false;
	forget(d, l);
	return 0;
}

int attend_add(struct attend *d, const struct ask *a, int netns_fd, struct connection *waiter,
	       struct err *err)
{
	struct lease *l = lease_find(&d->leases, a->network, a->container_id, a->ifname);
	const char *path = arena_printf(json_arena(), "%s%s", d->prefix, a->netns);
	auto_close int opened = -1;
	bool done = false;

	if (netns_fd < 0) {
		if (netns_open(path, &opened, NULL, err) < 0)
			return -1;
		netns_fd = opened;
	}
	if (l && replace(d, l, netns_fd, waiter, &done, err) < 0)
		return -1;
	return done ? 0 : begin(d, a, netns_fd, waiter, err);
}

static void give_back(struct attend *d, struct lease *l)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_RETRY, "dhcp: there was a DEL meanwhile");
	release(d, l);
	refuse_waiter(d, l, &err);
}

int attend_del(struct attend *d, const char *network, const char *container_id, const char *ifname,
	       struct err *err)
{
	struct lease *l = lease_find(&d->leases, network, container_id, ifname);
	const char *path = lease_file_path(network, container_id, ifname);

	if (!l)
		return file_remove(path, json_arena(), err);
	if (l->resumed) { /* as soon as its socket is open */
		l->removed = true;
		go_on(d, l);
		if (lease_find(&d->leases, network, container_id, ifname))
			return err_set(err, ERR_RETRY, "dhcp: %s: its namespace cannot be entered",
				       ifname);
		return file_remove(path, json_arena(), err);
	}
	give_back(d, l);
	if (lease_file_remove(l, err) < 0)
		return -1;
	say(l, "released");
	forget(d, l);
	return 0;
}

static bool is_valid(const struct ask *a, const struct lease *l)
{
	for (size_t i = 0; i < a->n_valid; i++)
		if (!strcmp(a->valid[i].container_id, l->container_id) &&
		    !strcmp(a->valid[i].ifname, l->ifname))
			return true;
	return false;
}

int attend_gc(struct attend *d, const struct ask *a, struct err *err)
{
	struct lease **stale = arena_array(json_arena(), struct lease *, d->leases.n + 1);
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < d->leases.n; i++) {
		struct lease *l = d->leases.heap[i];

		if (!strcmp(l->network, a->network) && !is_valid(a, l))
			stale[n++] = l;
	}
	for (size_t i = 0; i < n && !rc; i++)
		rc = attend_del(d, stale[i]->network, stale[i]->container_id, stale[i]->ifname,
				err);
	return rc;
}

void attend_cancel(struct attend *d, struct lease *l)
{
	l->waiter = NULL;
	release(d, l);
	end(d, l, "whoever asked for it has gone");
}

/* ---- the start ------------------------------------------------------------------------------- */

/* Not all at once; but a lease that ends soon does not wait for the others. */
static int64_t time_to_go_on(const struct attend *d, const struct lease *l)
{
	int64_t now = lease_now(), over = SPREAD_MOST, left = l->client.end - now;
	uint32_t v = 0;

	(void)!getrandom(&v, sizeof(v), 0);
	if (d->leases.n < SPREAD_MOST / SPREAD_EACH)
		over = (int64_t)d->leases.n * SPREAD_EACH;
	if (over > left / SPREAD_LEFT)
		over = left > 0 ? left / SPREAD_LEFT : 0;
	return now + v % (over + 1);
}

/* What is no lease is passed over; what cannot be read now, not for good. */
static void resume(struct attend *d, const char *path)
{
	struct lease_file f;
	struct lease *l;
	struct err err = { 0 };

	if (lease_file_read(path, &d->times, &l, &f, &err) < 0) {
		fprintf(stderr, "dhcp: %s: %s\n", path, err.msg);
		d->unread |= err.sys && err.sys != ENOENT;
		return;
	}
	if (lease_find(&d->leases, l->network, l->container_id, l->ifname)) {
		lease_free(l);
		return;
	}
	l->wake = time_to_go_on(d, l);
	if (lease_add(&d->leases, l, &err) < 0) {
		say(l, "%s", err.msg);
		lease_free(l);
		d->unread = true;
	} else if (f.other_boot) {
		release(d, l);
		end(d, l, "its container was of another boot");
	}
}

int attend_adopt(struct attend *d, const struct ask *a, struct in_addr address, int64_t most,
		 struct err *err)
{
	struct lease *l = lease_new(a, &d->times, err);

	if (!l)
		return -1;
	l->resumed = true;
	l->client.holds = true;
	l->client.address = address;
	l->client.t1 = l->client.t2 = lease_now();
	l->client.end = l->client.t1 + most;
	l->wake = time_to_go_on(d, l);
	if (lease_add(&d->leases, l, err) == 0)
		return 0;
	lease_free(l);
	return -1;
}

/* Two would renew, and take away, the same addresses. It is held as long as this process lives. */
static int lock_dir(struct attend *d, struct err *err)
{
	if (file_make_dirs(LEASE_DIR, 0700, err) < 0)
		return -1;
	d->lock = open(LEASE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return err_sys(err, "open " LEASE_DIR);
	if (flock(d->lock, LOCK_EX | LOCK_NB) == 0)
		return 0;
	return err_set(err, ERR_INTERNAL, "another daemon looks after " LEASE_DIR);
}

static int read_files(struct attend *d, struct err *err)
{
	const struct dirent *e;
	auto_dir DIR *dir = opendir(LEASE_DIR);

	if (!dir)
		return err_sys(err, "open " LEASE_DIR);
	d->unread = false;
	file_remove_drafts(LEASE_DIR, json_arena());
	while (errno = 0, (e = readdir(dir)))
		if (*e->d_name != '.' && !file_is_draft(e->d_name))
			resume(d, arena_printf(json_arena(), LEASE_DIR "/%s", e->d_name));
	return errno ? err_sys(err, "read " LEASE_DIR) : 0;
}

int attend_resume(struct attend *d, struct err *err)
{
	return lock_dir(d, err) < 0 ? -1 : read_files(d, err);
}

/* From the end: the last of the heap takes the place of one that is removed. */
void attend_end_gone(struct attend *d)
{
	struct err err = { 0 };

	for (size_t i = d->leases.n; i; i--)
		if (i <= d->leases.n)
			end_if_gone(d, d->leases.heap[i - 1]);
	if (d->unread && read_files(d, &err) < 0)
		d->unread = true;
}
