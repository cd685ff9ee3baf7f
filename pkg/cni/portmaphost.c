/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/portmaphost.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/ct.h"
#include "nl/route.h"
#include "sys/sysctl.h"

#define LOOPBACK_INDEX 1 /* of lo, in every namespace */

static const sa_family_t families[] = { AF_INET, AF_INET6 };

/* ---- loopback -------------------------------------------------------------------------------- */

/* The container's address, if a port of a loopback address of the family leads there. */
static const struct ip *loopback_target(const struct portmap_list *list, sa_family_t family)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct nft_mapping *m = &list->mapping[i];

		if (m->to.family == family && (!m->at.family || ip_is_loopback(&m->at)))
			return &m->to;
	}
	return NULL;
}

/* net.ipv4.conf.X.route_localnet: in both directions. */
static int allow_ipv4(struct cni_call *c, int oif)
{
	struct link link;

	if (nl_link_get_index(c->host, oif, &link) < 0)
		return -1;
	return sysctl_ensure(arena_printf(c->arena, "net/ipv4/conf/%s/route_localnet", link.name),
			     "1", c->err);
}

static int add_local_route(struct cni_call *c, const struct ip *dst, int oif)
{
	const struct route local = {
		.dst = *dst,
		.oif = oif,
		.table = RT_TABLE_LOCAL,
		.type = RTN_LOCAL,
	};

	nl_route_add(c->host, &local, 0); /* one for each interface */
	return nl_commit_allow(c->host, EEXIST);
}

/*
 * Our table shows connection tracking another address than ::1, which lives on lo. Without that, an answer has ::1 once
 * it is translated back, is then routed as coming from the container's bridge, and needs ::1 to be there;
 * from a bridge whose packets netfilter sees (bridge-nf-call-ip6tables) the kernel takes none.
 */
static int allow_ipv6(struct cni_call *c, enum portmap_backend way, int oif)
{
	static const struct ip loopback = { .family = AF_INET6,
					    .plen = 128,
					    .bytes = { [15] = 1 } };

	if (way == PORTMAP_OWN)
		return add_local_route(c, &nft_dnat_loopback6, LOOPBACK_INDEX);
	return add_local_route(c, &loopback, oif);
}

int portmap_allow_loopback(struct cni_call *c, const struct portmap *conf,
			   const struct portmap_list *list)
{
	for (size_t i = 0; conf->snat && i < ARRAY_SIZE(families); i++) {
		const struct ip *to = loopback_target(list, families[i]);
		int oif;

		if (!to)
			continue;
		if (cni_host(c) < 0 || nl_route_oif(c->host, to, &oif) < 0)
			return -1;
		if (!oif)
			continue; /* nobody reaches it */
		if ((families[i] == AF_INET ? allow_ipv4(c, oif) : allow_ipv6(c, conf->way, oif)) <
		    0)
			return err_wrap(c->err, "host ports at loopback addresses");
	}
	return 0;
}

/* ---- tracked connections --------------------------------------------------------------------- */

/* One family's, of one protocol or all (0); `own`: only those that the container answers. */
static int forget(struct cni_call *c, const struct portmap_list *list, sa_family_t family,
		  uint8_t protocol, bool own)
{
	struct ct_port *ports = arena_array(c->arena, struct ct_port, list->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++) {
		const struct nft_mapping *m = &list->mapping[i];

		if (m->to.family != family || (protocol && m->protocol != protocol))
			continue;
		ports[n] = (struct ct_port){ .proto = m->protocol, .port = m->port, .dst = m->at };
		if (own)
			ports[n].from = m->to;
		n++;
	}
	return n ? ct_flush(c->nft, family, ports, n, c->arena) : 0;
}

static int forget_all(struct cni_call *c, const struct portmap_list *list, uint8_t protocol,
		      bool own)
{
	for (size_t i = 0; i < ARRAY_SIZE(families); i++)
		if (forget(c, list, families[i], protocol, own) < 0)
			return err_wrap(c->err, "tracked connections to host ports");
	return 0;
}

/* A peer that has no handshake goes on as it did. */
int portmap_forget_old(struct cni_call *c, const struct portmap_list *list)
{
	return forget_all(c, list, IPPROTO_UDP, false);
}

int portmap_forget_own(struct cni_call *c, const struct portmap_list *list)
{
	return forget_all(c, list, 0, true);
}
