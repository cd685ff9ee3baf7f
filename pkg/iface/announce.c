/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/announce.h"

#include "sys/neigh.h"
#include "sys/netns.h"

/*
 * To set the MAC it has is NETDEV_CHANGEADDR, at which both families announce. A driver that
 * refuses to while the link is up costs the announcement.
 */
static void announce_by_kernel(struct cni_call *c, const struct link *inside)
{
	nl_link_mac(c->sandbox, inside->index, inside->mac);
	if (nl_commit(c->sandbox) < 0)
		err_clear(c->err);
}

struct announcement {
	const struct cni_call *c;
	const struct link *inside;
	const struct cni_ipconfig *ipv4;
};

static int send_advertisements(void *arg)
{
	const struct announcement *a = arg;
	const struct cni_result *r = &a->c->result;

	for (size_t i = 0; i < r->n_ips; i++)
		if (r->ips[i].address.family == AF_INET6)
			neigh_advertise(a->inside->name, &r->ips[i].address.v6, a->inside->mac);
	return 0;
}

static void announce_na(struct cni_call *c, const struct link *inside)
{
	struct announcement a = { .c = c, .inside = inside };

	if (cni_result_has_family(&c->result, AF_INET6) &&
	    netns_run(c->netns_fd, send_advertisements, &a, c->err) < 0)
		err_clear(c->err);
}

static int send_request(void *arg)
{
	const struct announcement *a = arg;

	neigh_request_gateway(a->inside->name, &a->ipv4->address.v4, &a->ipv4->gateway.v4);
	return 0;
}

static bool announce_arp(struct cni_call *c, const struct link *inside)
{
	struct announcement a = { .c = c, .inside = inside };

	for (size_t i = 0; i < c->result.n_ips; i++) {
		if (c->result.ips[i].address.family != AF_INET)
			continue;
		if (a.ipv4)
			return false;
		a.ipv4 = &c->result.ips[i];
	}
	if (!a.ipv4)
		return true;
	if (a.ipv4->gateway.family != AF_INET)
		return false;
	if (netns_run(c->netns_fd, send_request, &a, c->err) < 0)
		err_clear(c->err);
	return true;
}

void announce(struct cni_call *c, const struct link *inside, enum announce_mode mode)
{
	if (mode != ANNOUNCE_KERNEL)
		announce_na(c, inside);
	if (mode != ANNOUNCE_ARP || !announce_arp(c, inside))
		announce_by_kernel(c, inside);
}
