/* SPDX-License-Identifier: Apache-2.0 */
#include "ensure.h"

#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/str.h"
#include "iface/iface.h"
#include "nl/addr.h"
#include "sys/netns.h"

#define UP_TIMEOUT_MS 3000

/* An address of a host's interface that this call has added or removed. */
struct address_change {
	int index;
	struct ip ip;
	const struct addr *removed; /* NULL = it was added */
};

/* What this call changed about what is shared, to be taken back if it fails. */
struct change {
	char name[IFNAMSIZ];
	bool made;
	const char *vlan_port; /* the bridge's port of a VLAN interface that it made */
	struct address_change *address;
	size_t n_address;
};

/*
 * What was added goes, then what was removed comes back in its order, for the first of a subnet is the
 * primary one. Where an answer was lost it may be so already.
 */
static int restore_addresses(struct cni_call *c, const struct change *ch)
{
	int rc = 0;

	for (size_t i = 0; i < ch->n_address; i++) {
		if (ch->address[i].removed)
			continue;
		nl_addr_del(c->host, ch->address[i].index, &ch->address[i].ip);
		rc |= nl_commit_allow(c->host, EADDRNOTAVAIL);
	}
	for (size_t i = 0; i < ch->n_address; i++) {
		if (!ch->address[i].removed)
			continue;
		nl_addr_restore(c->host, ch->address[i].removed);
		rc |= nl_commit_allow(c->host, EEXIST);
	}
	return rc;
}

/*
 * Bridge and port are made in one turn, so a bridge without ports is a bridge nobody uses (our port
 * has left it: its undo ran before this one). With ports, what we changed may be what another call has
 * relied on since, unless the turn was ours all the time.
 */
static int take_back(struct cni_call *c, const struct change *ch)
{
	bool given_up = c->lock_dropped;
	unsigned int ports;
	struct link br; /* by name: the index may be what could not be had */

	if (host_lock(c) < 0)
		return -1;
	if (nl_link_get(c->host, ch->name, &br) < 0)
		return -1;
	if (nl_bridge_ports(c->host, br.index, &ports) < 0)
		return -1;
	if (ports > (ch->vlan_port ? 1 : 0) && given_up)
		return 0;
	if (!ch->made && restore_addresses(c, ch) < 0)
		return -1;
	if (ch->vlan_port)
		nl_link_del_name(c->host, ch->vlan_port);
	if (ch->made)
		nl_link_del(c->host, br.index);
	return nl_commit(c->host);
}

static void undo_bridge(struct cni_call *c, const void *arg)
{
	const struct change *ch = arg;

	if ((ch->made || ch->n_address || ch->vlan_port) && take_back(c, ch) < 0)
		fprintf(stderr, "rollback: bridge %s: %s\n", ch->name, c->err->msg);
}

static void note_address(struct cni_call *c, const struct link *link, const struct ip *ip,
			 const struct addr *removed)
{
	struct change *ch = c->bridge_change;
	struct address_change *a = arena_append(c->arena, ch->address, ch->n_address);

	*a = (struct address_change){ .index = link->index, .ip = *ip, .removed = removed };
}

/* Did a request whose answer was lost make the bridge? Nobody else's has that MAC. */
static bool created_despite_lost_ack(struct cni_call *c, const char *name, const uint8_t mac[MAC_LEN])
{
	struct err first = *c->err;
	struct link br;
	bool made =
		!nl_link_get_allow(c->host, name, &br) && br.index && !memcmp(br.mac, mac, MAC_LEN);

	*c->err = first;
	return made;
}

/* A MAC of its own from the start: one that follows the ports would change under everybody's ARP. */
static int make(struct cni_call *c, const struct bridge_options *conf, struct change *ch,
		struct link *br)
{
	uint8_t mac[MAC_LEN];
	struct bridge bridge = {
		.name = conf->name,
		.mtu = conf->mtu,
		.vlan_filtering = conf->vlan_filtering,
		.mac = mac,
	};

	if (!mac_random(mac))
		return err_sys(c->err, "get random bytes");
	nl_bridge_add(c->host, &bridge);
	if (nl_commit(c->host) == 0) {
		ch->made = true;
	} else if (c->host->ack_lost || c->err->sys != EEXIST) {
		ch->made = c->host->ack_lost && created_despite_lost_ack(c, conf->name, mac);
		return err_wrap(c->err, "%s", conf->name);
	}
	err_clear(c->err);
	return nl_link_get(c->host, conf->name, br);
}

/* Bring up what is not, in one request. */
static int set_flags(struct cni_call *c, const struct bridge_options *conf, const struct link *br)
{
	uint32_t want = IFF_UP | (conf->promisc ? IFF_PROMISC : 0);

	if ((br->flags & want) == want)
		return 0;
	nl_link_flags(c->host, br->index, want, want);
	return nl_commit(c->host);
}

int bridge_ensure(struct cni_call *c, const struct bridge_options *conf, struct link *br)
{
	struct change *ch = arena_new(c->arena, struct change);

	if (str_copy_ifname(ch->name, conf->name, c->err) < 0)
		return -1;
	c->bridge_change = ch;
	if (nl_link_get_allow(c->host, conf->name, br) < 0)
		return -1;
	undo_push(c, undo_bridge, ch);
	if (!br->index && make(c, conf, ch, br) < 0)
		return -1;
	if (strcmp(br->kind, "bridge") != 0)
		return err_set(c->err, ERR_CONFIG, "bridge: \"%s\" exists but is not a bridge",
			       br->name);
	iface_refuse_ra(c, br);
	return set_flags(c, conf, br);
}

/* It had ports, and none of them is above the new one: nothing can have changed. */
int bridge_refresh(struct cni_call *c, const struct link *port, struct link *br)
{
	if (br->flags & IFF_RUNNING && memcmp(port->mac, br->mac, MAC_LEN) > 0)
		return 0;
	return nl_link_get_index(c->host, br->index, br);
}

static bool conflicts(const struct ip *have, const struct ip *want)
{
	return want->family == AF_INET || cidr_contains(have, want) || cidr_contains(want, have);
}

/* Noted before, all of them: a secondary address goes with its primary, and a failure may have done it. */
static int clear_conflicts(struct cni_call *c, const struct bridge_options *conf,
			   const struct link *link, const struct ip *want,
			   const struct addr_list *list)
{
	char buf[IP_STRLEN];

	for (size_t i = 0; i < list->n_addr; i++) {
		if (!conflicts(&list->addr[i].ip, want))
			continue;
		if (!conf->force_address)
			return err_set(c->err, ERR_IN_USE,
				       "\"%s\" already has an IP address different from %s",
				       link->name, cidr_str(want, buf));
		note_address(c, link, &list->addr[i].ip, &list->addr[i]);
	}
	for (size_t i = 0; i < list->n_addr; i++) {
		if (!conflicts(&list->addr[i].ip, want))
			continue;
		nl_addr_del(c->host, link->index, &list->addr[i].ip);
		if (nl_commit_allow(c->host, EADDRNOTAVAIL) < 0)
			return err_wrap(c->err, "%s", link->name);
	}
	return 0;
}

/* As long as nobody has set it, a bridge's MAC follows the ports. */
static int pin_mac(struct cni_call *c, const struct link *link)
{
	if (strcmp(link->kind, "bridge") != 0 || mac_is_zero(link->mac))
		return 0;
	nl_link_mac(c->host, link->index, link->mac);
	return nl_commit(c->host);
}

int bridge_add_address(struct cni_call *c, const struct bridge_options *conf, const struct link *link,
		       const struct ip *address)
{
	struct addr_list list = { .arena = c->arena };

	if (nl_addr_list(c->host, link->index, address->family, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++)
		if (cidr_equal(&list.addr[i].ip, address))
			return 0;
	if (clear_conflicts(c, conf, link, address, &list) < 0)
		return -1;
	nl_addr_add(c->host, link->index, address, address->family == AF_INET6 ? IFA_F_NODAD : 0);
	if (nl_commit(c->host) < 0) {
		if (c->host->ack_lost)
			note_address(c, link, address, NULL);
		return err_wrap(c->err, "%s", link->name);
	}
	note_address(c, link, address, NULL);
	return pin_mac(c, link);
}

int bridge_port_set_vlans(struct cni_call *c, const struct link *br, const struct link *port,
		   const struct bridge_port_vlans *v)
{
	if (!v->vid && !v->has_trunk)
		return 0;
	if (!v->preserve_default && br->default_pvid)
		nl_vlan_del(c->host, port->index, br->default_pvid);
	if (v->vid)
		nl_vlan_add_pvid(c->host, port->index, v->vid);
	if (v->has_trunk)
		nl_vlan_add_set(c->host, port->index, &v->trunk);
	if (!v->vid)
		nl_vlan_add_pvid(c->host, port->index, 1); /* untagged frames need some VLAN */
	if (nl_commit(c->host) < 0)
		return err_wrap(c->err, "VLANs of %s", port->name);
	return 0;
}

int bridge_verify_port_vlans(struct cni_call *c, const struct link *port,
			  const struct bridge_port_vlans *v)
{
	uint16_t pvid = v->vid ? v->vid : 1;
	struct port_vlans have;

	if (!v->vid && !v->has_trunk)
		return 0;
	if (nl_vlan_get(c->host, port->index, &have) < 0)
		return -1;
	if (have.pvid != pvid)
		return err_set(c->err, ERR_CHECK, "port %s: untagged VLAN is %u, not %u",
			       port->name, have.pvid, pvid);
	for (uint16_t vid = 1; v->has_trunk && vid <= VLAN_MAX; vid++)
		if (vlan_set_has(&v->trunk, vid) && !vlan_set_has(&have.members, vid))
			return err_set(c->err, ERR_CHECK, "port %s is not in VLAN %u any more",
				       port->name, vid);
	return 0;
}

/*
 * Both ends are the host's: the far one is named, the near one, with a random name, becomes the port.
 * It carries the one VLAN, whatever else the container's port does.
 */
static int make_vlan_gateway(struct cni_call *c, const struct link *br, const char *name,
			     const struct bridge_port_vlans *v)
{
	struct bridge_port_vlans own_vlan = { .vid = v->vid, .preserve_default = v->preserve_default };
	int home = netns_home(c->err);
	struct veth veth = {
		.peer = name, .peer_netns = home, .mtu = br->mtu, .master = br->index
	};
	struct change *ch = c->bridge_change;
	struct link port, gateway;

	if (home < 0 || iface_random_name(c, &veth.name) < 0)
		return -1;
	nl_veth_add(c->host, &veth);
	if (nl_commit_allow(c->host, EEXIST) < 0) {
		if (c->host->ack_lost)
			ch->vlan_port = veth.name;
		return err_wrap(c->err, "%s", name);
	}
	ch->vlan_port = veth.name;
	if (nl_link_get_allow(c->host, veth.name, &port) < 0 ||
	    nl_link_get(c->host, name, &gateway) < 0)
		return -1;
	if (!port.index) { /* another ADD made it just now */
		ch->vlan_port = NULL;
		return 0;
	}
	iface_refuse_ra(c, &port);
	nl_link_up(c->host, gateway.index);
	if (nl_commit(c->host) < 0)
		return err_wrap(c->err, "%s", name);
	return bridge_port_set_vlans(c, br, &port, &own_vlan);
}

bool bridge_vlan_ifname(const char *bridge, uint16_t vid, char name[IFNAMSIZ])
{
	int n = snprintf(name, IFNAMSIZ, "%s.%u", bridge, vid);

	return n > 0 && n < IFNAMSIZ;
}

int bridge_vlan_gateway(struct cni_call *c, const struct link *br, const struct bridge_port_vlans *v,
		     struct link *out)
{
	char name[IFNAMSIZ];

	if (!bridge_vlan_ifname(br->name, v->vid, name))
		return err_set(c->err, ERR_INTERNAL, "%s.%u: name too long", br->name, v->vid);
	if (nl_link_get_allow(c->host, name, out) < 0)
		return -1;
	if (!out->index && make_vlan_gateway(c, br, arena_strdup(c->arena, name), v) < 0)
		return -1;
	return out->index ? 0 : nl_link_get(c->host, name, out);
}

int bridge_port_forward(struct cni_call *c, const struct link *port, bool held)
{
	bool up;

	if (held)
		nl_port_activate(c->host, port->index);
	if (nl_link_is_up(c->host, port->index, &up) < 0)
		return -1;
	if (up)
		return 0;
	host_unlock(c);
	return nl_link_wait_up(c->host, port->index, UP_TIMEOUT_MS);
}
