/* SPDX-License-Identifier: Apache-2.0 */
#include "attend6.h"

#include <linux/if_addr.h>
#include <string.h>

#include "apply.h"
#include "base/scope.h"
#include "lease_file.h"
#include "nl/addr.h"
#include "nl/nl.h"

#define LOOK_AFTER 1000 /* milliseconds; it takes the kernel one or two seconds (RFC 4862, 5.4) */

static void send_message(const struct lease *l)
{
	const struct dhcp6_config f = lease_config6(l);
	struct dhcp6_request r;

	dhcp6_client_request(&l->ipv6->client, &f, lease_now(), &r);
	wire6_send(&l->ipv6->wire, &r);
}

/* ---- the container --------------------------------------------------------------------------- */

static int change(const struct lease *l, const struct cni_result *had, const struct cni_result *now,
		  struct err *err)
{
	const struct wire6 *w = &l->ipv6->wire;
	struct apply to = { .index = w->link.index };
	bool ignored = false; /* there are no routes */
	int rc;

	to.netns_fd = wire_netns(w->fd, err);
	rc = to.netns_fd < 0 ? -1 : apply_result(&to, had, now, &ignored, err);
	drop_fd(&to.netns_fd);
	return rc;
}

/* What fails is set with the next renewal. */
static void set_preferred(const struct lease *l)
{
	const struct wire6 *w = &l->ipv6->wire;
	struct apply to = { .index = w->link.index };
	struct err err = { 0 };

	to.netns_fd = wire_netns(w->fd, &err);
	if (to.netns_fd < 0 || apply_preferred(&to, &l->ipv6->client.lease, lease_now(), &err) < 0)
		lease_say(l, "%s", err.msg);
	drop_fd(&to.netns_fd);
}

static bool write_file(struct lease *l, const struct dhcp_answer *a)
{
	struct err err = { 0 };

	if (lease_file_write(l, NULL, a, &err) == 0)
		return true;
	lease_say(l, "%s: later again", err.msg);
	return false;
}

/* To what it has still, and what the server had said beside that. False: later again. */
static bool change_to_rest(struct lease *l, const struct lease_given *had, struct dhcp_answer *rest)
{
	struct lease_ipv6 *s = l->ipv6;
	bool holds = s->client.holds, later;
	struct err err = { 0 };

	rest->result.dns = had->answer.result.dns;
	rest->ntp = had->answer.ntp;
	rest->n_ntp = had->answer.n_ntp;
	s->unapplied = change(l, &had->answer.result, holds ? &rest->result : NULL, &err) < 0;
	later = s->unapplied && (!holds || apply_may_be_later(&err));
	if (s->unapplied)
		lease_say(l, "%s%s", err.msg, later ? ": later again" : "");
	return !later;
}

/*
 * The container gets what the lease has still. Its file comes first where that is nothing: of what
 * has ended, the next daemon neither asks for it nor leaves it where it is, as this one. False:
 * later again.
 */
static bool apply_rest(struct lease *l)
{
	struct lease_ipv6 *s = l->ipv6;
	bool holds = s->client.holds, written = holds || write_file(l, NULL), done = true;
	struct dhcp_answer rest;
	struct lease_given had;

	dhcp6_answer(&s->client.lease, NULL, &rest);
	if (!s->lost && lease_file_given(l, NULL, &had) == 0)
		done = change_to_rest(l, &had, &rest);
	s->lost = !holds && done;
	done = write_file(l, holds && done ? &rest : NULL) && written && done;
	s->again = done ? INT64_MAX : lease_now() + LEASE_TRY_AGAIN;
	return done;
}

static void lose(struct lease *l)
{
	if (apply_rest(l))
		lease_say(l, "an IPv6 address has ended, and goes; %u are left",
			  l->ipv6->client.lease.n);
}

void attend6_try_again(struct lease *l)
{
	if (!apply_rest(l))
		return;
	set_preferred(l);
	l->ipv6->look = lease_now() + LOOK_AFTER;
	lease_say(l, "has %u IPv6 addresses by now", l->ipv6->client.lease.n);
}

static int bind_first(struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	if (lease_file_write(l, NULL, a, err) < 0)
		return -1;
	l->ipv6->lost = l->ipv6->unapplied = false;
	l->ipv6->again = INT64_MAX;
	lease_say(l, "bound to %s", json_print(cni_result_object(&a->result, "1.1.0")));
	return 0;
}

/* What the kernel refuses for good is tried once a renewal. False: not for now. */
static bool apply(struct lease *l, const struct cni_result *from, const struct cni_result *now)
{
	struct lease_ipv6 *s = l->ipv6;
	struct err err = { 0 };

	s->unapplied = change(l, from, now, &err) < 0;
	if (s->unapplied && apply_may_be_later(&err)) {
		lease_say(l, "%s: later again", err.msg);
		return false;
	}
	s->look = lease_now() + LOOK_AFTER;
	if (s->unapplied)
		lease_say(l, "%s", err.msg);
	lease_say(l, "bound to %s", json_print(cni_result_object(now, "1.1.0")));
	return true;
}

/* A renewal, or other addresses after the last ones were lost. */
static void bind_again(struct lease *l, const struct dhcp_answer *a)
{
	const struct json *now = cni_result_object(&a->result, "1.1.0");
	struct lease_ipv6 *s = l->ipv6;
	struct dhcp_answer before = { 0 }, given = *a;
	struct lease_given had;
	bool has = !s->lost && lease_file_given(l, NULL, &had) == 0, done = true;

	if (has)
		before = had.answer;
	if ((s->unapplied || !has || strcmp(json_print(had.text), json_print(now)) != 0) &&
	    !apply(l, has ? &before.result : NULL, &a->result)) {
		given = before; /* and of the new ones, any */
		dhcp_answer_add_ips(&given, a);
		done = false;
	}
	set_preferred(l);
	s->lost = false;
	done = write_file(l, &given) && done;
	s->again = done ? INT64_MAX : lease_now() + LEASE_TRY_AGAIN;
}

static int bind_to(struct lease *l, const struct dhcp6_message *m, struct err *err)
{
	struct dhcp_answer a;

	dhcp6_answer(&l->ipv6->client.lease, m, &a);
	if (l->waiter && bind_first(l, &a, err) < 0)
		return -1;
	if (!l->waiter)
		bind_again(l, &a);
	return 0;
}

int attend6_act(struct lease *l, int todo, const struct dhcp6_message *m, struct err *err)
{
	if (todo & DHCP_DO_LOSE)
		lose(l);
	if (todo & DHCP_DO_BIND && bind_to(l, m, err) < 0)
		return -1;
	if (todo & DHCP_DO_SEND)
		send_message(l);
	if (todo & DHCP_DO_FAIL)
		return err_set(
			err, ERR_RETRY,
			"dhcp: no server has given %s an IPv6 address within %u s: no more tries",
			l->ifname, l->times.deadline / 1000);
	return 0;
}

/* ---- duplicates ------------------------------------------------------------------------------ */

static bool is_ours(const struct lease *l, const struct addr *a)
{
	const struct dhcp6_lease *has = &l->ipv6->client.lease;

	return dhcp6_lease_find(has, &a->ip.v6) < has->n;
}

/*
 * The kernel has found that another host has one of them (RFC 4862, 5.4.5). `pending`: it has not
 * done with all, or cannot be asked for now.
 */
static int decline_duplicates(struct lease *l, bool *pending)
{
	struct dhcp6_client *c = &l->ipv6->client;
	struct err ignored = { 0 };
	auto_close int netns_fd = wire_netns(l->ipv6->wire.fd, &ignored);
	struct addr_list list = { .arena = json_arena() };
	auto_nl struct nl nl = { 0 };
	int todo = 0;

	*pending = true;
	if (netns_fd < 0 || nl_open_at(&nl, netns_fd, &ignored) < 0 ||
	    nl_addr_list(&nl, l->ipv6->wire.link.index, AF_INET6, &list) < 0)
		return 0;
	*pending = false;
	for (size_t i = 0; i < list.n_addr; i++) {
		const struct addr *a = &list.addr[i];

		if (!is_ours(l, a))
			continue;
		if (a->flags & IFA_F_DADFAILED) {
			todo |= dhcp6_client_conflict(c, &a->ip.v6, lease_now());
			send_message(l);
		} else if (a->flags & IFA_F_TENTATIVE) {
			*pending = true;
		}
	}
	return todo & DHCP_DO_LOSE;
}

int attend6_look(struct lease *l)
{
	bool pending;
	int todo = decline_duplicates(l, &pending);

	l->ipv6->look = pending ? lease_now() + LOOK_AFTER : INT64_MAX;
	return todo;
}

/* ---- the end --------------------------------------------------------------------------------- */

void attend6_release(struct lease *l)
{
	if (l->ipv6->wire.fd < 0)
		return;
	if (l->ipv6->client.holds)
		(void)attend6_look(l);
	if (dhcp6_client_release(&l->ipv6->client, lease_now()) & DHCP_DO_SEND)
		send_message(l);
}
