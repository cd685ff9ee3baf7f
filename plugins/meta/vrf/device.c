/* SPDX-License-Identifier: Apache-2.0 */
#include "device.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "nl/table.h"

/* ---- links ----------------------------------------------------------------------------------- */

const struct vrf_link *device_find(const struct device *d, const char *name)
{
	for (size_t i = 0; i < d->links.n_link; i++)
		if (!strcmp(d->links.link[i].link.name, name))
			return &d->links.link[i];
	return NULL;
}

const char *device_name(const struct device *d, int index)
{
	for (size_t i = 0; i < d->links.n_link; i++)
		if (d->links.link[i].link.index == index)
			return d->links.link[i].link.name;
	return "none";
}

bool device_has_others(const struct device *d)
{
	for (size_t i = 0; i < d->links.n_link; i++) {
		const struct link *l = &d->links.link[i].link;

		if (l->master == d->index && l != d->link)
			return true;
	}
	return false;
}

int device_list(struct cni_call *c, const char *name, struct device *d)
{
	const struct vrf_link *own, *vrf;

	d->name = name;
	d->links = (struct vrf_list){ .arena = c->arena };
	if (nl_vrf_list(c->sandbox, &d->links) < 0)
		return -1;
	own = device_find(d, c->req->ifname);
	vrf = device_find(d, name);
	d->link = own ? &own->link : NULL;
	d->table = vrf ? vrf->table : 0;
	d->index = d->table ? vrf->link.index : 0;
	return 0;
}

static uint32_t choose_table(struct cni_call *c, const struct device *d,
			     const struct rule_list *rules, const struct route_list *routes)
{
	struct table_set used;

	table_set_init(&used, 1, rules, routes, d->links.n_link + 1, c->arena);
	for (size_t i = 0; i < d->links.n_link; i++)
		table_set_add(&used, d->links.link[i].table);
	return table_set_take(&used);
}

static int create(struct cni_call *c, uint32_t table, const struct route_list *routes,
		  struct device *d)
{
	struct rule_list rules = { .arena = c->arena };
	struct link l;

	if (nl_rule_list(c->sandbox, &rules) < 0)
		return -1;
	d->table = table ? table : choose_table(c, d, &rules, routes);
	d->added = true;
	nl_vrf_add(c->sandbox, d->name, d->table);
	if (nl_commit(c->sandbox) < 0) {
		d->added = c->sandbox->ack_lost || c->err->sys != EEXIST;
		if (c->err->sys != EOPNOTSUPP)
			return -1;
		return err_set(c->err, ERR_INTERNAL, NO_VRF);
	}
	if (nl_link_get(c->sandbox, d->name, &l) < 0)
		return -1;
	d->index = l.index;
	return 0;
}

int device_ensure(struct cni_call *c, uint32_t table, const struct route_list *routes,
		  struct device *d)
{
	if (!d->index && device_find(d, d->name))
		return err_set(c->err, ERR_IN_USE, "vrfname: %s is there and no vrf", d->name);
	if (!d->index)
		return create(c, table, routes, d);
	if (table && d->table != table)
		return err_set(c->err, ERR_IN_USE, "vrfname: %s is there with table %u, wanted %u",
			       d->name, d->table, table);
	return 0;
}

/* ---- the last default route ------------------------------------------------------------------ */

static struct route unreachable(sa_family_t family, uint32_t table)
{
	return (struct route){
		.dst = { .family = family },
		.table = table,
		.priority = UNREACHABLE_METRIC,
		.type = RTN_UNREACHABLE,
		.protocol = RTPROT_BOOT,
	};
}

static bool has_unreachable(const struct route_list *routes, sa_family_t family, uint32_t table)
{
	for (size_t i = 0; i < routes->n_route; i++) {
		const struct route *r = &routes->route[i];

		if (r->table == table && r->type == RTN_UNREACHABLE && !r->dst.plen &&
		    r->dst.family == family && r->priority == UNREACHABLE_METRIC)
			return true;
	}
	return false;
}

int device_add_unreachable(struct cni_call *c, const struct route_list *before, struct device *d)
{
	d->unreachable_added = true;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct route r = unreachable(ip_families[i], d->table);

		if (has_unreachable(before, ip_families[i], d->table))
			continue;
		nl_route_add(c->sandbox, &r, NLM_F_EXCL);
		if (nl_commit(c->sandbox) < 0)
			return -1;
	}
	return 0;
}

int device_check_unreachable(struct cni_call *c, uint32_t table)
{
	struct route_list routes = { .arena = c->arena, .whole = true };

	if (nl_route_list(c->sandbox, AF_UNSPEC, &routes) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++)
		if (!has_unreachable(&routes, ip_families[i], table))
			return err_set(c->err, ERR_CHECK,
				       "IPv%d's default route of table %u: wanted unreachable, "
				       "found none",
				       ip_families[i] == AF_INET ? 4 : 6, table);
	return 0;
}

int device_remove_unreachable(struct cni_call *c, const struct device *d,
			      const struct route_list *keep)
{
	struct cni_steps steps = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(ip_families); i++) {
		const struct route r = unreachable(ip_families[i], d->table);

		if (keep && has_unreachable(keep, ip_families[i], d->table))
			continue;
		nl_route_del(c->sandbox, &r);
		cni_step(c, &steps, nl_commit_allow(c->sandbox, ESRCH));
	}
	return cni_steps_end(c, &steps);
}

void device_undo(struct cni_call *c, struct cni_steps *steps, const struct device *d)
{
	if (!d->added)
		return;
	nl_link_del_name(c->sandbox, d->name);
	cni_step(c, steps, nl_commit_allow(c->sandbox, ENODEV));
}
