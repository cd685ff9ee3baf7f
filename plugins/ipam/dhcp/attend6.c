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

static void change(const struct lease *l, const struct cni_result *had,
		   const struct cni_result *now)
{
	const struct wire6 *w = &l->ipv6->wire;
	struct apply to = { .index = w->index };
	struct err err = { 0 };

	to.netns_fd = wire_netns(w->fd, &err);
	if (to.netns_fd < 0 || apply_result(&to, had, now, &err) < 0)
		lease_say(l, "%s", err.msg);
	drop_fd(&to.netns_fd);
}

/* Without a file of what it has left, a start goes on with what it had. */
static void lose(struct lease *l)
{
	const struct dhcp6_client *c = &l->ipv6->client;
	struct dhcp_answer now;
	struct lease_given had;
	struct err err = { 0 };

	dhcp6_answer(&c->lease, NULL, &now);
	l->ipv6->lost = !c->holds;
	if (lease_file_given(l, NULL, &had) == 0) {
		now.result.dns = had.result.dns;
		change(l, &had.result, c->holds ? &now.result : NULL);
	}
	lease_say(l, "an IPv6 address has ended, and goes; %u are left", c->lease.n);
	if (c->holds && lease_file_write(l, NULL, &now, &err) < 0)
		lease_say(l, "%s", err.msg);
}

static int bind_first(struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	if (lease_file_write(l, NULL, a, err) < 0)
		return -1;
	lease_say(l, "bound to %s", json_print(cni_result_object(&a->result, "1.1.0")));
	return 0;
}

/* Its file is not true: the next renewal writes it again. */
static void renew_soon(struct dhcp6_client *c)
{
	int64_t soon = lease_now() + LEASE_TRY_AGAIN;

	if (c->lease.t1 > soon)
		c->lease.t1 = c->next = soon;
}

/* A renewal, or other addresses after the last ones were lost. */
static void bind_again(struct lease *l, const struct dhcp_answer *a)
{
	const struct json *now = cni_result_object(&a->result, "1.1.0");
	bool lost = l->ipv6->lost;
	struct lease_given had;
	bool known = lease_file_given(l, NULL, &had) == 0;
	struct err err = { 0 };

	if (lost || !known || strcmp(json_print(had.text), json_print(now)) != 0) {
		change(l, known && !lost ? &had.result : NULL, &a->result);
		l->ipv6->look = lease_now() + LOOK_AFTER;
		lease_say(l, "bound to %s", json_print(now));
	}
	if (lease_file_write(l, NULL, a, &err) < 0) {
		lease_say(l, "%s", err.msg);
		renew_soon(&l->ipv6->client);
	}
}

static int bind_to(struct lease *l, const struct dhcp6_message *m, struct err *err)
{
	struct dhcp_answer a;

	dhcp6_answer(&l->ipv6->client.lease, m, &a);
	if (l->waiter && bind_first(l, &a, err) < 0)
		return -1;
	if (!l->waiter)
		bind_again(l, &a);
	l->ipv6->lost = false;
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
 * done with all.
 */
static int decline_duplicates(struct lease *l, bool *pending)
{
	struct dhcp6_client *c = &l->ipv6->client;
	struct err ignored = { 0 };
	auto_close int netns_fd = wire_netns(l->ipv6->wire.fd, &ignored);
	struct addr_list list = { .arena = json_arena() };
	auto_nl struct nl nl = { 0 };
	int todo = 0;

	*pending = false;
	if (netns_fd < 0 || nl_open_at(&nl, netns_fd, &ignored) < 0 ||
	    nl_addr_list(&nl, l->ipv6->wire.index, AF_INET6, &list) < 0)
		return 0;
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
