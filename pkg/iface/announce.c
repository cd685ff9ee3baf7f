/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/announce.h"

#include "sys/neigh.h"
#include "sys/netns.h"

struct announcement {
	const struct cni_result *result;
	const struct link *inside;
	const struct cni_ipconfig *arp; /* by a request for its gateway; NULL = none */
};

static int send_all(void *arg)
{
	const struct announcement *a = arg;

	for (size_t i = 0; i < a->result->n_ips; i++)
		if (a->result->ips[i].address.family == AF_INET6)
			neigh_advertise(a->inside->name, &a->result->ips[i].address.v6,
					a->inside->mac);
	if (a->arp)
		neigh_request_gateway(a->inside->name, &a->arp->address.v4, &a->arp->gateway.v4);
	return 0;
}

void announce(struct cni_call *c, const struct link *inside, enum announce_mode mode)
{
	struct announcement a = { .result = &c->result, .inside = inside };
	bool by_arp = mode == ANNOUNCE_ARP;

	for (size_t i = 0; by_arp && i < c->result.n_ips; i++) {
		const struct cni_ipconfig *p = &c->result.ips[i];

		if (p->address.family != AF_INET)
			continue;
		by_arp = !a.arp && p->gateway.family == AF_INET;
		a.arp = by_arp ? p : NULL;
	}
	if (mode != ANNOUNCE_KERNEL && (a.arp || cni_result_has_family(a.result, AF_INET6)) &&
	    netns_run(c->netns_fd, send_all, &a, c->err) < 0)
		err_clear(c->err);
	if (by_arp)
		return;
	/*
	 * To set the MAC it has is NETDEV_CHANGEADDR, at which both families announce. A driver
	 * that refuses to while the link is up costs the announcement.
	 */
	nl_link_mac(c->sandbox, inside->index, inside->mac);
	if (nl_commit(c->sandbox) < 0)
		err_clear(c->err);
}
