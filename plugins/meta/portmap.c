/* SPDX-License-Identifier: Apache-2.0 */
/* portmap - ports of the host that lead to the container: behind an interface plugin in a chain. */
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "cni/portmapconf.h"
#include "cni/record.h"
#include "nl/route.h"
#include "sys/sysctl.h"

static int portmap_validate(struct cni_call *c)
{
	struct portmap *conf = c->own;

	if (portmap_settle(conf, c->arena, c->err) < 0)
		return -1;
	if (portmap_check_ports(conf, c->arena, c->err) < 0)
		return -1;
	if (c->command == CNI_ADD && !c->prev)
		return err_set(c->err, ERR_CONFIG,
			       "prevResult: missing, portmap goes behind another plugin in a chain");
	return 0;
}

/* ---- whose ----------------------------------------------------------------------------------- */

/*
 * The mark of owner.h, but with the container's id in front, so that it is never cut: two interfaces of one
 * container may ask for the same ports.
 */
static const char *owner_of(struct cni_call *c)
{
	struct cni_owner o;

	cni_owner_init(&o, c->conf.name, c->ifname, c->container_id);
	return arena_printf(c->arena, "%.*s, id: %.64s, net: %.12s, if: %s", CNI_OWNER_ID,
			    o.comment, c->container_id, c->conf.name, c->ifname);
}

#define ID_AT (CNI_OWNER_ID + sizeof(", id: ") - 1)

/* The first of them to come has the port; the reference, too, leaves it to him. */
static bool is_same_container(const struct nft_claim *claim, const char *other)
{
	size_t n = strcspn(claim->owner + ID_AT, ",");

	return strlen(other) > ID_AT + n &&
	       !strncmp(other + CNI_OWNER_ID, claim->owner + CNI_OWNER_ID,
			ID_AT + n + 1 - CNI_OWNER_ID);
}

static struct nft_claim claim_of(struct cni_call *c, const struct portmap *conf,
				 const struct portmap_list *list)
{
	struct nft_claim claim = portmap_claim(conf, list, owner_of(c), c->arena);

	claim.is_kin = is_same_container;
	return claim;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static void undo_claim(struct cni_call *c, const void *arg)
{
	if (nft_unclaim(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: host ports: %s\n", c->err->msg);
}

static int add_nftables(struct cni_call *c, const struct portmap_list *list)
{
	struct nft_claim *claim = arena_new(c->arena, struct nft_claim);

	*claim = claim_of(c, c->own, list);
	if (cni_nft(c) < 0 || nft_claim(c->nft, claim, c->arena) < 0)
		return -1;
	cni_undo_push(c, undo_claim, claim);
	return 0;
}

/*
 * What the host sends from a loopback address may leave by the container's bridge, and its answers come in
 * there. IPv6 needs no leave. The interface is shared, so it is never taken back.
 */
static int allow_loopback(struct cni_call *c, const struct portmap_list *list)
{
	const struct portmap *conf = c->own;
	struct link link;
	int oif;

	if (!conf->snat || !list->n || list->mapping[0].to.family != AF_INET)
		return 0;
	if (cni_host(c) < 0 || nl_route_oif(c->host, &list->mapping[0].to, &oif) < 0)
		return -1;
	if (!oif)
		return 0;
	if (nl_link_get_index(c->host, oif, &link) < 0)
		return -1;
	return sysctl_ensure(arena_printf(c->arena, "net/ipv4/conf/%s/route_localnet", link.name),
			     "1", c->err);
}

static int portmap_add(struct cni_call *c)
{
	const struct portmap *conf = c->own;
	struct portmap_list list;

	c->result = *c->prev;
	if (!conf->n_ports)
		return 0;
	list = portmap_list(conf, c->prev, c->ifname, c->arena);
	if (!list.n)
		return 0;
	if (cni_record_write(c) < 0)
		return -1;
	if (add_nftables(c, &list) < 0)
		return -1;
	return allow_loopback(c, &list);
}

static int portmap_del(struct cni_call *c)
{
	struct portmap_list list;
	struct nft_claim claim;
	struct portmap conf;
	struct cni_record *r;

	if (cni_record_read(c, &r) < 0)
		return -1;
	if (!r)
		return 0;
	conf = portmap_defaults;
	if (json_decode_lenient(r->conf, portmap_fields, "", &conf, c->err) < 0 ||
	    portmap_settle(&conf, c->arena, c->err) < 0)
		return -1;
	list = portmap_list(&conf, &r->prev, c->ifname, c->arena);
	claim = claim_of(c, &conf, &list);
	if (cni_nft(c) < 0 || nft_release(c->nft, &claim, c->arena) < 0)
		return -1;
	return cni_record_remove(c);
}

const struct cni_plugin portmap_plugin = {
	.name = "portmap",
	.fields = portmap_fields,
	.defaults = &portmap_defaults,
	.conf_size = sizeof(struct portmap),
	.bare = true,
	.validate = portmap_validate,
	.add = portmap_add,
	.del = portmap_del,
};
