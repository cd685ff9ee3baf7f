/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/verify.h"

#include <string.h>

#include "nl/addr.h"
#include "nl/route.h"
#include "skel/delegate.h"

static int verify_link(struct cni_call *c, const struct cni_interface *f, const char *kind, bool up,
		       const struct link *l)
{
	uint8_t mac[MAC_LEN];

	if (!l->index)
		return err_set(c->err, ERR_CHECK, "interface %s is gone", f->name);
	if (kind && strcmp(l->kind, kind) != 0)
		return err_set(c->err, ERR_CHECK, "interface %s is not of type %s", f->name, kind);
	if (f->mac && *f->mac && (!mac_parse(mac, f->mac) || memcmp(mac, l->mac, MAC_LEN) != 0))
		return err_set(c->err, ERR_CHECK, "interface %s: MAC is not %s any more", f->name,
			       f->mac);
	if (up && !(l->flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "interface %s is down", f->name);
	return 0;
}

/* In the result of ADD; sandbox "": on the host. */
static const struct cni_interface *listed(const struct cni_call *c, const char *name,
					  const char *sandbox)
{
	for (size_t i = 0; i < c->req->prev->n_interfaces; i++) {
		const struct cni_interface *f = &c->req->prev->interfaces[i];

		if (!strcmp(f->name, name) && !strcmp(f->sandbox ? f->sandbox : "", sandbox))
			return f;
	}
	return NULL;
}

int verify_inside(struct cni_call *c, const char *kind, bool up, struct link *out, uint32_t *index)
{
	const struct cni_interface *f = listed(c, c->req->ifname, c->req->netns);

	if (!f)
		return err_config(c->err, "prevResult.interfaces: %s in %s is not among them",
				  c->req->ifname, c->req->netns);
	*index = (uint32_t)(f - c->req->prev->interfaces);
	if (nl_link_get_allow(c->sandbox, f->name, out) < 0)
		return -1;
	return verify_link(c, f, kind, up, out);
}

int verify_host(struct cni_call *c, const char *name, const char *kind, struct link *out)
{
	const struct cni_interface *f = listed(c, name, "");

	if (!f)
		return err_config(c->err, "prevResult.interfaces: %s %s is not among them", kind,
				  name);
	if (nl_link_get_allow(c->host, name, out) < 0)
		return -1;
	return verify_link(c, f, kind, true, out);
}

int verify_peer(struct cni_call *c, const struct link *inside, struct link *host)
{
	if (nl_link_get_index_allow(c->host, inside->peer, host) < 0)
		return -1;
	if (!host->index || strcmp(host->kind, "veth") != 0 || !(host->flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "the host's end of %s is gone or down",
			       c->req->ifname);
	return 0;
}

static bool has_address(const struct addr_list *list, const struct ip *ip)
{
	for (size_t i = 0; i < list->n_addr; i++)
		if (cidr_equal(&list->addr[i].ip, ip))
			return true;
	return false;
}

static int verify_ips(struct cni_call *c, const struct cni_result *r, const struct link *inside,
		      uint32_t index)
{
	struct addr_list list = { .arena = c->arena };
	char buf[IP_STRLEN];

	if (nl_addr_list(c->sandbox, inside->index, AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct cni_ipconfig *p = &r->ips[i];

		if (p->has_interface && p->interface == index && !has_address(&list, &p->address))
			return err_set(c->err, ERR_CHECK, "interface %s has no address %s any more",
				       inside->name, cidr_str(&p->address, buf));
	}
	return 0;
}

/* What the result says of it; scopes are IPv4's. */
static bool has_metrics(const struct route *have, const struct cni_route *want)
{
	return (!want->priority || have->priority == want->priority) &&
	       (!want->mtu || have->mtu == want->mtu) &&
	       (!want->advmss || have->advmss == want->advmss) &&
	       (!want->has_scope || want->dst.family != AF_INET || have->scope == want->scope);
}

/* The gateway of a default route is not compared: a later plugin may have moved it. */
static bool matches(const struct route *have, const struct cni_route *want)
{
	struct ip dst = ip_network(&want->dst);

	if (have->dst.family != dst.family || have->dst.plen != dst.plen ||
	    (dst.plen && !ip_equal(&have->dst, &dst)))
		return false;
	if (want->has_table && want->table && have->table != want->table)
		return false;
	if (!has_metrics(have, want))
		return false;
	if (ip_is_any(&want->gw)) /* DHCP: on the link */
		return !have->gw.family;
	return !dst.plen || !want->gw.family || ip_equal(&have->gw, &want->gw);
}

static int verify_routes(struct cni_call *c, const struct cni_result *r)
{
	struct route_list list = { .arena = c->arena };
	char buf[IP_STRLEN];

	if (!r->n_routes)
		return 0;
	if (nl_route_list(c->sandbox, AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < r->n_routes; i++) {
		const struct cni_route *want = &r->routes[i];
		size_t n = 0;

		while (n < list.n_route && !matches(&list.route[n], want))
			n++;
		if (n == list.n_route)
			return err_set(c->err, ERR_CHECK, "route to %s is gone",
				       cidr_str(&want->dst, buf));
	}
	return 0;
}

int verify_ips_and_routes(struct cni_call *c, const struct link *inside, uint32_t index)
{
	const struct cni_result *r = c->req->prev;

	if (cni_ipam_leases(c))
		return 0;
	return verify_ips(c, r, inside, index) < 0 ? -1 : verify_routes(c, r);
}

int verify_lease(struct cni_call *c, struct cni_result *now)
{
	struct link inside;

	for (size_t i = 0; i < now->n_ips; i++) {
		now->ips[i].has_interface = true;
		now->ips[i].interface = 0;
	}
	if (cni_sandbox(c) < 0 || nl_link_get(c->sandbox, c->req->ifname, &inside) < 0 ||
	    verify_ips(c, now, &inside, 0) < 0)
		return -1;
	return verify_routes(c, now);
}
