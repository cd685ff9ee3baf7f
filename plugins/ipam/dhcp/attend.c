/* SPDX-License-Identifier: Apache-2.0 */
#include "attend.h"

#include <string.h>

#include "attend4.h"
#include "attend6.h"
#include "base/scope.h"
#include "lease_file.h"
#include "sys/file.h"
#include "sys/netns.h"

#define DOWN_MS 200  /* from an interface that goes down to a look whether it is gone */
#define LATE    1000 /* milliseconds that a lease waits beyond what its clients do */

/* ---- the end --------------------------------------------------------------------------------- */

static void forget(struct attend *d, struct lease *l)
{
	sockets_close(&d->sockets, l, true);
	lease_remove(&d->leases, l);
	lease_free(l);
}

static void refuse_waiter(struct attend *d, struct lease *l, const struct err *err)
{
	if (l->waiter)
		d->answer(l->waiter, NULL, err);
	l->waiter = NULL;
	l->deadline = INT64_MAX;
}

static void end(struct attend *d, struct lease *l, const char *why)
{
	struct err err = { 0 };

	lease_say(l, "%s", why);
	if (lease_file_remove(l, &err) < 0)
		lease_say(l, "%s", err.msg);
	forget(d, l);
}

static void release(const struct attend *d, struct lease *l)
{
	attend4_release(&d->sockets, l);
	if (l->ipv6)
		attend6_release(l);
}

void attend_end(struct attend *d, struct lease *l, const char *why)
{
	release(d, l);
	end(d, l, why);
}

/* An ADD that has failed gives all back. */
static void fail(struct attend *d, struct lease *l, const struct err *err)
{
	release(d, l);
	refuse_waiter(d, l, err);
	end(d, l, err->msg);
}

int attend_result(const struct lease *l, struct cni_result *r)
{
	struct lease_given v4 = { 0 }, v6;

	if (lease_file_given(l, l->ipv4 ? &v4 : NULL, l->ipv6 ? &v6 : NULL) < 0)
		return -1;
	*r = v4.answer.result;
	if (l->ipv6)
		dhcp_answer_merge(r, &v6.answer.result);
	return 0;
}

/* What the ADD asked for, as soon as all that it wants is there. */
static int answer_waiter(const struct attend *d, struct lease *l, struct err *err)
{
	struct cni_result r;

	if (!l->waiter || !lease_holds(l))
		return 0;
	if (attend_result(l, &r) < 0)
		return err_set(err, ERR_INTERNAL, "dhcp: what the lease has given is not known");
	d->answer(l->waiter, &r, NULL);
	l->waiter = NULL;
	l->deadline = INT64_MAX;
	if (l->ipv6)
		l->ipv6->client.deadline = 0;
	return 0;
}

/* ---- what a client wants done ---------------------------------------------------------------- */

static void act(struct attend *d, struct lease *l, int todo, const struct dhcp_message *m,
		const uint8_t *packet)
{
	struct err err = { 0 };

	if (attend4_act(&d->sockets, l, todo, m, packet, &err) < 0 ||
	    answer_waiter(d, l, &err) < 0) {
		fail(d, l, &err);
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
	const struct ip ip = { .family = AF_INET, .v4 = l->client.address };
	int todo;

	lease_say(l, "somebody else has %s", ip_str(&ip, arena_alloc(json_arena(), IP_STRLEN)));
	sockets_end_probe(&d->sockets, l);
	todo = dhcp_client_conflict(&l->client, lease_now());
	act(d, l, todo, NULL, NULL);
}

/* What cannot be applied is no answer: the server is asked on, and the lease ends in its time. */
static bool is_usable(const struct lease *l, const struct dhcp_message *m)
{
	struct dhcp_answer ignored;
	struct err err = { 0 };

	if (l->waiter || m->type != DHCP_ACK || m->xid != l->client.xid ||
	    dhcp_answer(m, l->priority, &ignored, &err) == 0)
		return true;
	lease_say(l, "%s", err.msg);
	return false;
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
	} else if (got && is_usable(l, &m)) {
		act(d, l, dhcp_client_receive(&l->client, &l->times, &m, from, lease_now()), &m,
		    packet);
	}
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

/* After a start. False: later again; else it has gone on, or has ended. */
static bool go_on(struct attend *d, struct lease *l)
{
	struct err err = { 0 };
	bool is_there = sockets_reopen(&d->sockets, l, &err) == 0;

	if (!is_there && may_come_back(&err)) {
		lease_say(l, "%s: later again", err.msg);
		l->wake = lease_now() + LEASE_TRY_AGAIN;
		lease_set_time(&d->leases, l);
		return false;
	}
	l->resumed = false;
	if (is_there && !l->removed)
		restart(d, l);
	else
		attend_end(d, l, is_there ? "released" : err.msg);
	return true;
}

static void wake6(struct attend *d, struct lease *l)
{
	if (l->ipv6->look <= lease_now())
		act6(d, l, attend6_look(l), NULL);
	else
		act6(d, l, dhcp6_client_wake(&l->ipv6->client, lease_now()), NULL);
}

static void try_again(struct lease *l)
{
	if (l->again <= lease_now())
		attend4_try_again(l);
	if (l->ipv6 && l->ipv6->again <= lease_now())
		attend6_try_again(l);
}

/*
 * The clients have their own deadlines, which come first (LATE), but do not know of one half lost
 * and the other found.
 */
static bool is_late(const struct lease *l)
{
	int64_t now = lease_now();

	return l->deadline <= now && l->client.next > now &&
	       (!l->ipv6 || l->ipv6->client.next > now);
}

static void fail_late(struct attend *d, struct lease *l)
{
	struct err err = { 0 };

	(void)err_set(&err, ERR_RETRY,
		      "dhcp: %s has not had addresses of both families within %u s: no more tries",
		      l->ifname, l->times.deadline / 1000);
	fail(d, l, &err);
}

void attend_wake(struct attend *d, struct lease *l)
{
	if (l->resumed) {
		(void)go_on(d, l);
		return;
	}
	if (!sockets_have_link(l)) {
		end_without_interface(d, l);
		return;
	}
	try_again(l);
	if (is_late(l))
		fail_late(d, l);
	else if (l->ipv6 && l->client.next > lease_now())
		wake6(d, l);
	else
		act(d, l, dhcp_client_wake(&l->client, &l->times, lease_now()), NULL, NULL);
}

static void end_if_gone(struct attend *d, struct lease *l)
{
	if (l->waiter || l->resumed)
		return;
	if (!sockets_have_link(l)) {
		end_without_interface(d, l);
		return;
	}
	if (sockets_lost_path(&d->sockets, l))
		attend_end(d, l, "its namespace is gone");
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
	if (sockets_open(&d->sockets, l, netns_fd, err) < 0) {
		forget(d, l);
		return -1;
	}
	l->waiter = waiter;
	l->deadline = lease_now() + l->times.deadline + l->times.probe + LATE;
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
	struct cni_result r;

	if (attend_result(l, &r) < 0)
		return err_set(err, ERR_INTERNAL, "dhcp: what the lease has given is not known");
	d->answer(waiter, &r, NULL);
	return 0;
}

/* A container that comes again without a DEL has another namespace, or another interface. */
static int replace(struct attend *d, struct lease *l, int netns_fd, struct connection *waiter,
		   bool *done, struct err *err)
{
	*done = true;
	if (l->waiter)
		return err_set(err, ERR_RETRY, "dhcp: an ADD of %s is under way", l->ifname);
	if (sockets_are_at(l, netns_fd) && !l->lost && lease_holds(l) && !l->removed)
		return repeat(d, l, waiter, err);
	*done = false;
	forget(d, l);
	return 0;
}

int attend_add(struct attend *d, const struct ask *a, int netns_fd, struct connection *waiter,
	       struct err *err)
{
	struct lease *l = lease_find(&d->leases, a->network, a->container_id, a->ifname);
	const char *path = sockets_path(&d->sockets, a->netns);
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
		if (!go_on(d, l))
			return err_set(err, ERR_RETRY, "dhcp: %s: its namespace cannot be entered",
				       ifname);
		return file_remove(path, json_arena(), err);
	}
	give_back(d, l);
	if (lease_file_remove(l, err) < 0)
		return -1;
	lease_say(l, "released");
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
	struct err ignored;
	size_t n = 0;
	int rc = 0;

	for (size_t i = 0; i < d->leases.n; i++) {
		struct lease *l = d->leases.heap[i];

		if (!strcmp(l->network, a->network) && !is_valid(a, l))
			stale[n++] = l;
	}
	for (size_t i = 0; i < n; i++)
		if (attend_del(d, stale[i]->network, stale[i]->container_id, stale[i]->ifname,
			       rc ? &ignored : err) < 0)
			rc = -1;
	return rc;
}

void attend_cancel(struct attend *d, struct lease *l)
{
	l->waiter = NULL;
	attend_end(d, l, "whoever asked for it has gone");
}

bool attend_has_resumed(const struct attend *d)
{
	for (size_t i = 0; i < d->leases.n; i++)
		if (d->leases.heap[i]->resumed)
			return false;
	return !d->unread;
}

/* From the end: the last of the heap takes the place of one that is removed. */
void attend_end_gone(struct attend *d)
{
	for (size_t i = d->leases.n; i; i--)
		if (i <= d->leases.n)
			end_if_gone(d, d->leases.heap[i - 1]);
}
