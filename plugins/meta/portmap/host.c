/* SPDX-License-Identifier: Apache-2.0 */
#include "host.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "nft_table.h"
#include "nl/conntrack.h"
#include "nl/route.h"
#include "siblings.h"
#include "sys/sysctl.h"

#define LOOPBACK_INDEX 1 /* of lo, in every namespace */

/* ---- loopback -------------------------------------------------------------------------------- */

/* The container's address, if a port of a loopback address of the family leads there. */
static const struct ip *loopback_target(const struct portmap_list *list, sa_family_t family)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct portmap_mapping *m = &list->mapping[i];

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

/* Of what our table has in place of ::1, on lo; or of ::1, one for each interface. */
static struct route local_route(int oif)
{
	return (struct route){
		.dst = oif == LOOPBACK_INDEX ? portmap_loopback6 : ip_loopback[1],
		.oif = oif,
		.table = RT_TABLE_LOCAL,
		.type = RTN_LOCAL,
	};
}

/* Where there is a route of ::1, or of what our table has in its place, for it; 0: nowhere. */
static int loopback6_oif(struct cni_call *c, const struct portmap *conf, int *oif)
{
	const struct ip *to = loopback_target(&conf->list, AF_INET6);

	*oif = to && conf->snat ? LOOPBACK_INDEX : 0;
	if (!*oif || conf->chosen == PORTMAP_OWN)
		return 0;
	return cni_host(c) < 0 ? -1 : nl_route_oif(c->host, to, oif);
}

/* As a rule one of the first records ends the search. */
static int on_record(struct cni_call *c, const struct record *r, void *data)
{
	struct portmap conf;
	int *oif = data, other;

	if (portmap_from_record(c, r, &conf) < 0) {
		err_clear(c->err);
		return 0;
	}
	if (loopback6_oif(c, &conf, &other) < 0)
		return -1;
	if (other != *oif)
		return 0;
	*oif = 0;
	return 1;
}

/* A GC comes here for each stale attachment: once for each interface. */
static bool is_decided(struct cni_call *c, int oif)
{
	struct portmap *own = c->conf;

	for (size_t i = 0; i < own->n_oifs; i++)
		if (own->oifs[i] == oif)
			return true;
	*arena_append(c->arena, own->oifs, own->n_oifs) = oif;
	return false;
}

int portmap_close_loopback(struct cni_call *c, const struct portmap *conf)
{
	struct route local;
	int oif, left;

	if (conf->chosen == PORTMAP_OWN && !c->req->backend)
		return 0;
	if (loopback6_oif(c, conf, &oif) < 0)
		return -1;
	if (!oif || is_decided(c, oif))
		return 0;
	left = oif;
	if (record_each_other(c, NULL, on_record, &left) < 0 || cni_host(c) < 0)
		return -1;
	if (!left)
		return 0;
	local = local_route(oif);
	nl_route_del(c->host, &local);
	return nl_commit_allow(c->host, ESRCH);
}

static void undo_loopback(struct cni_call *c, void *arg)
{
	(void)arg;
	if (portmap_close_loopback(c, c->conf) < 0)
		fprintf(stderr, "rollback: host ports at ::1: %s\n", c->err->msg);
}

/*
 * Our table shows connection tracking another address than ::1, which lives on lo. Without that, an
 * answer has ::1 once it is translated back, is then routed as coming from the container's bridge,
 * and needs ::1 to be there; from a bridge whose packets netfilter sees (bridge-nf-call-ip6tables)
 * the kernel takes none.
 */
static int allow_ipv6(struct cni_call *c, const struct portmap *conf, int oif)
{
	bool own = conf->chosen == PORTMAP_OWN;
	const struct route local = local_route(own ? LOOPBACK_INDEX : oif);

	if (!own)
		undo_push(c, undo_loopback, NULL);
	nl_route_add(c->host, &local, 0);
	return nl_commit_allow(c->host, EEXIST);
}

int portmap_allow_loopback(struct cni_call *c, const struct portmap *conf)
{
	for (size_t i = 0; conf->snat && i < ARRAY_SIZE(ip_families); i++) {
		const struct ip *to = loopback_target(&conf->list, ip_families[i]);
		int oif;

		if (!to)
			continue;
		if (cni_host(c) < 0 || nl_route_oif(c->host, to, &oif) < 0)
			return -1;
		if (!oif)
			continue; /* not reached from here */
		if ((ip_families[i] == AF_INET ? allow_ipv4(c, oif) : allow_ipv6(c, conf, oif)) < 0)
			return err_wrap(c->err, "host ports at loopback addresses");
	}
	return 0;
}

/* ---- tracked connections --------------------------------------------------------------------- */

/* On ADD UDP's: a peer that has no handshake goes on as it did. On DEL the container's. */
int portmap_conntrack_flush(struct cni_call *c, const struct portmap_list *list)
{
	struct conntrack_port *ports = arena_array(c->arena, struct conntrack_port, list->n + 1);
	bool add = c->req->command == CNI_ADD;

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		size_t n = 0;

		for (size_t k = 0; k < list->n; k++) {
			const struct portmap_mapping *m = &list->mapping[k];

			if (m->to.family != ip_families[i] || (add && m->protocol != IPPROTO_UDP))
				continue;
			ports[n++] = (struct conntrack_port){
				.proto = m->protocol,
				.port = m->port,
				.dst = m->at,
				.from = add ? (struct ip){ 0 } : m->to,
			};
		}
		if (n && conntrack_flush(c->nft, ip_families[i], ports, n, c->arena) < 0)
			return err_wrap(c->err, "tracked connections to host ports");
	}
	return 0;
}
