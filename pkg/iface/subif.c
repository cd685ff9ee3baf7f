/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/subif.h"

#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "iface/announce.h"
#include "iface/configure.h"
#include "iface/holder.h"
#include "iface/inside.h"
#include "iface/verify.h"
#include "iface/veth.h"
#include "nl/route.h"
#include "skel/delegate.h"
#include "skel/record.h"

/* ---- the master ------------------------------------------------------------------------------ */

static struct nl *master_nl(const struct cni_call *c, const struct subif *s)
{
	return s->in_container ? c->sandbox : c->host;
}

static const char *master_place(const struct subif *s)
{
	return s->in_container ? "the container" : "the host";
}

/* The first in the main table, IPv4 before IPv6. */
static int default_route_oif(struct cni_call *c, const struct subif *s, int *oif)
{
	struct route_list list = { .arena = c->arena };

	if (nl_route_list(master_nl(c, s), AF_UNSPEC, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_route; i++) {
		const struct route *r = &list.route[i];

		if (!r->dst.plen && r->oif && r->table == RT_TABLE_MAIN) {
			*oif = r->oif;
			return 0;
		}
	}
	return err_config(c->err, "master: not given, and %s has no default route to take it from",
			  master_place(s));
}

static int master_find(struct cni_call *c, const struct subif *s, struct link *master)
{
	int oif;

	*master = (struct link){ 0 };
	if (s->no_master)
		return 0;
	if (!*s->master) {
		if (default_route_oif(c, s, &oif) < 0)
			return -1;
		return nl_link_get_index(master_nl(c, s), oif, master);
	}
	if (nl_link_get_allow(master_nl(c, s), s->master, master) < 0)
		return -1;
	if (!master->index)
		return err_config(c->err, "master: %s has no interface %s", master_place(s),
				  s->master);
	return 0;
}

static int check_mtu(struct cni_call *c, const struct subif *s, const struct link *master)
{
	if (!master->index || s->any_mtu || s->req.mtu <= master->mtu)
		return 0;
	return err_config(c->err, "mtu: %u exceeds the %u of master %s", s->req.mtu, master->mtu,
			  master->name);
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static void undo_create(struct cni_call *c, void *name)
{
	nl_link_del_name(c->sandbox, name);
	if (nl_commit_allow(c->sandbox, ENODEV) < 0)
		fprintf(stderr, "rollback: %s %s\n", (const char *)name, c->err->msg);
}

static void undo_rename(struct cni_call *c, void *link)
{
	nl_link_del(c->sandbox, ((struct link *)link)->index);
	if (nl_commit_allow(c->sandbox, ENODEV) < 0)
		fprintf(stderr, "rollback: %s %s\n", c->req->ifname, c->err->msg);
}

/* An interface that was refused is not ours to undo: the name may be another's by now. */
static int request(struct cni_call *c, struct subif *s, struct nl *nl)
{
	bool made;

	nl_link_add(nl, &s->req);
	made = nl_commit(nl) == 0;
	if (made || nl->ack_lost)
		undo_push(c, undo_create, arena_strdup(c->arena, s->req.name));
	return made ? 0 : -1;
}

/*
 * The name is taken where the socket is, which counts before Linux 6.15: made under another one,
 * still where it belongs, and renamed there.
 */
static int create_and_rename(struct cni_call *c, struct subif *s, struct nl *nl)
{
	struct link *link = arena_new(c->arena, struct link);

	err_clear(c->err);
	if (veth_random_name(c, &s->req.name) < 0 || request(c, s, nl) < 0 ||
	    nl_link_get(c->sandbox, s->req.name, link) < 0)
		return -1;
	undo_push(c, undo_rename, link);
	nl_link_rename(c->sandbox, link->index, c->req->ifname);
	return nl_commit(c->sandbox);
}

static int create(struct cni_call *c, struct subif *s, const struct link *master)
{
	struct nl *nl = s->no_master ? c->sandbox : master_nl(c, s);

	s->req.name = c->req->ifname;
	s->req.parent = master->index;
	s->req.netns = nl == c->host ? c->netns_fd : -1;
	if (request(c, s, nl) == 0)
		return 0;
	if (c->err->sys == EEXIST && nl == c->host && create_and_rename(c, s, nl) == 0)
		return 0;
	return holder_explain(c, nl, master, &s->req);
}

/* The interface, down. That the name is free is asked first: an undo may have to go by it. */
static int make(struct cni_call *c, struct subif *s, const struct link *master, struct link *inside)
{
	if (inside_name_is_free(c) < 0 || check_mtu(c, s, master) < 0 || create(c, s, master) < 0 ||
	    nl_link_get(c->sandbox, c->req->ifname, inside) < 0)
		return -1;
	if (!s->req.mac || !memcmp(s->req.mac, inside->mac, MAC_LEN))
		return 0;
	/* a macvlan of mode passthru takes its master's */
	nl_link_mac(c->sandbox, inside->index, s->req.mac);
	memcpy(inside->mac, s->req.mac, MAC_LEN);
	return nl_commit(c->sandbox);
}

static void set_metric(struct cni_call *c, uint32_t metric)
{
	for (size_t i = 0; i < c->result.n_routes; i++)
		if (!c->result.routes[i].dst.plen && !c->result.routes[i].priority)
			c->result.routes[i].priority = metric;
}

static struct configure_options options_of(struct subif *s)
{
	return (struct configure_options){
		.arp_notify = true,
		.ndisc_notify = true,
		.slaac = s->slaac || s->no_master,
		.sysctls = &s->sysctls,
	};
}

/*
 * Up, with the result's addresses and routes. The kernel announces them to the neighbours then:
 * arp_notify, ndisc_notify. An announcement that is not heard fails nothing.
 */
static int configure(struct cni_call *c, struct subif *s, const struct link *inside)
{
	const struct configure_options options = options_of(s);

	if (!c->result.n_ips)
		return configure_up(c, inside, &s->sysctls, true);
	set_metric(c, s->metric);
	return configure_iface(c, inside, 0, &options);
}

/* In a chain the master is the interface that the plugin before has made. */
static int choose_master(struct cni_call *c, struct subif *s)
{
	const struct cni_result *prev = c->req->prev;

	if (*s->master || !s->prev_master || !prev || c->req->command != CNI_ADD || c->req->record)
		return 0;
	if (prev->n_interfaces != 1 || !*prev->interfaces[0].name)
		return err_config(c->err,
				  "master: not given, and prevResult has %zu interfaces, not one "
				  "with a name",
				  prev->n_interfaces);
	s->master = prev->interfaces[0].name;
	return 0;
}

int subif_validate(struct cni_call *c)
{
	struct subif *s = c->conf;
	const char *fault = NULL;

	if (choose_master(c, s) < 0)
		return -1;
	if (*s->master && strlen(s->master) < IFNAMSIZ) /* a longer one is an alternative name */
		fault = str_ifname_fault(s->master);
	if (fault)
		return err_config(c->err, "master: %s", fault);
	return sysctl_list_validate(c, &s->sysctls);
}

int subif_need_ipam(struct cni_call *c, bool l2_only)
{
	bool ipam = *c->req->net.ipam.type;

	if (!ipam && !l2_only)
		return err_config(c->err, "ipam.type: missing, and l2Only is not true");
	if (ipam && l2_only)
		return err_config(c->err, "l2Only and ipam exclude each other");
	return 0;
}

static int take_addresses(struct cni_call *c, struct subif *s, const struct ipam *ipam,
			  const struct link *inside)
{
	const struct configure_options options = options_of(s);

	if (configure_for_ipam(c, inside, &options) < 0)
		return -1;
	if (ipam->path || !s->prev_ips || !c->req->prev)
		return cni_ipam_add(c, ipam);
	c->result.ips = c->req->prev->ips;
	c->result.n_ips = c->req->prev->n_ips;
	c->result.routes = c->req->prev->routes;
	c->result.n_routes = c->req->prev->n_routes;
	c->result.dns = c->req->prev->dns;
	return 0;
}

int subif_add(struct cni_call *c)
{
	struct subif *s = c->conf;
	struct link master, inside;
	struct ipam ipam;

	if (cni_ipam_find(c, &ipam) < 0 || master_find(c, s, &master) < 0 ||
	    make(c, s, &master, &inside) < 0)
		return -1;
	if (!*s->master && !s->no_master)
		fprintf(stderr, "%s: master %s, of the default route\n", s->req.kind, master.name);
	cni_add_interface(c, &inside, c->req->netns);
	if (take_addresses(c, s, &ipam, &inside) < 0 || configure(c, s, &inside) < 0)
		return -1;
	if (cni_ipam_asks_network(c)) /* it was up before it had the address */
		announce(c, &inside, ANNOUNCE_GARP);
	configure_dns(c);
	return record_write(c, master.name); /* where a default route was, another may be by then */
}

/* ---- the other verbs ------------------------------------------------------------------------- */

int subif_del(struct cni_call *c)
{
	const struct subif *s = c->conf;
	struct cni_steps steps = { 0 };
	struct record *record;

	cni_step(c, &steps, record_read(c, &record)); /* it keeps a repair out */
	cni_step(c, &steps, cni_ipam_del_before(c));
	cni_step(c, &steps, inside_del(c, s->req.kind));
	cni_step(c, &steps, cni_ipam_del_after(c));
	if (!steps.failed)
		cni_step(c, &steps, record_remove(c));
	return cni_steps_end(c, &steps);
}

/* On a macvlan or ipvlan, the kernel puts one of the same kind on what that is on. */
static bool is_on(const struct link *inside, const struct link *master)
{
	bool beside = strcmp(inside->kind, "vlan") != 0 && !strcmp(inside->kind, master->kind);

	return inside->peer == master->index || (beside && inside->peer == master->peer);
}

/* A master that went down, or away and came back as another one, carries nothing. */
static int check_master(struct cni_call *c, const struct subif *s, const struct link *inside)
{
	struct nl *nl = master_nl(c, s);
	struct link master;
	int rc;

	if (s->no_master)
		return 0;
	rc = *s->master ? nl_link_get_allow(nl, s->master, &master)
			: nl_link_get_index_allow(nl, inside->peer, &master);
	if (rc < 0)
		return -1;
	if (!master.index)
		return err_set(c->err, ERR_CHECK, "the master of %s is gone", inside->name);
	if (*s->master && !is_on(inside, &master))
		return err_set(c->err, ERR_CHECK, "the master of %s is not %s any more",
			       inside->name, s->master);
	if (!(master.flags & IFF_UP) || inside->operstate == LINK_LOWER_DOWN)
		return err_set(c->err, ERR_CHECK, "master %s of %s is down", master.name,
			       inside->name);
	return 0;
}

/* A VLAN goes down with its master, which is the better thing to say. */
static int check_link(struct cni_call *c, const struct subif *s, struct link *inside,
		      uint32_t *index)
{
	if (verify_inside(c, s->req.kind, false, inside, index) < 0 ||
	    check_master(c, s, inside) < 0)
		return -1;
	if (!(inside->flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "interface %s is down", inside->name);
	return 0;
}

int subif_check(struct cni_call *c, struct link *inside)
{
	struct subif *s = c->conf;
	uint32_t index;

	if (cni_ipam_forward(c) < 0 || check_link(c, s, inside, &index) < 0 ||
	    verify_ips_and_routes(c, inside, index) < 0)
		return -1;
	return sysctl_list_check(c, &s->sysctls);
}

/* With another backend there is nothing to do: it has no rules. */
int subif_repair(struct cni_call *c)
{
	const struct cni_result *prev = c->req->prev;
	struct subif *s = c->conf;
	struct link master, inside;
	uint8_t mac[MAC_LEN];

	if (c->req->backend || !prev->n_interfaces)
		return 0;
	if (nl_link_get_allow(c->sandbox, c->req->ifname, &inside) < 0)
		return -1;
	if (inside.index)
		return 0;
	if (prev->interfaces[0].mac && mac_parse(mac, prev->interfaces[0].mac))
		s->req.mac = mac;
	c->result = *prev;
	if (!s->no_master && !*s->master)
		s->master = c->req->record->extra;
	if (master_find(c, s, &master) < 0 || make(c, s, &master, &inside) < 0)
		return -1;
	return configure(c, s, &inside);
}

int subif_gc(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, record_gc(c));
	cni_step(c, &steps, cni_ipam_forward(c));
	return cni_steps_end(c, &steps);
}

int subif_status(struct cni_call *c)
{
	const struct subif *s = c->conf;
	struct link master;

	bool known = !s->in_container && (*s->master || !s->prev_master);

	if (known && !s->no_master && master_find(c, s, &master) < 0) {
		c->err->code = ERR_UNAVAILABLE;
		return -1;
	}
	return cni_ipam_forward(c);
}
