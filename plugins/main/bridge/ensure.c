/* SPDX-License-Identifier: Apache-2.0 */
#include "ensure.h"

#include <linux/if_addr.h>
#include <stdio.h>
#include <string.h>

#include "iface/verify.h"
#include "iface/veth.h"
#include "nl/addr.h"

/*
 * What was added goes, then what was removed comes back in its order, for the first of a subnet is
 * the primary one. Where an answer was lost it may be so already.
 */
static int restore_addresses(struct cni_call *c, const struct bridge *br)
{
	int rc = 0;

	for (size_t i = 0; i < br->n_address; i++) {
		if (br->address[i].removed)
			continue;
		nl_addr_del(c->host, br->address[i].index, &br->address[i].ip);
		rc |= nl_commit_allow(c->host, EADDRNOTAVAIL);
	}
	for (size_t i = 0; i < br->n_address; i++) {
		if (!br->address[i].removed)
			continue;
		nl_addr_restore(c->host, br->address[i].removed);
		rc |= nl_commit_allow(c->host, EEXIST);
	}
	return rc;
}

/*
 * Bridge and port are made under one lock, so a bridge without ports is not in use (our port has
 * left it: its undo ran before this one). With ports, another call may rely on what was changed
 * since, unless the lock was held all the time.
 */
static int undo_changes(struct cni_call *c, const struct bridge *br)
{
	bool dropped = c->lock.dropped;
	unsigned int ports;
	struct link now; /* by name: the index may be what could not be had */

	if (host_lock(c) < 0 || nl_link_get(c->host, br->options->name, &now) < 0 ||
	    nl_bridge_ports(c->host, now.index, &ports) < 0)
		return -1;
	if (ports > (br->vlan_port ? 1 : 0) && dropped)
		return 0;
	if (!br->created && restore_addresses(c, br) < 0)
		return -1;
	if (br->vlan_port)
		nl_link_del_name(c->host, br->vlan_port);
	if (br->created)
		nl_link_del(c->host, now.index);
	return nl_commit(c->host);
}

static void undo_bridge(struct cni_call *c, void *arg)
{
	const struct bridge *br = arg;

	if ((br->created || br->n_address || br->vlan_port) && undo_changes(c, br) < 0)
		fprintf(stderr, "rollback: bridge %s: %s\n", br->options->name, c->err->msg);
}

static void add_change(struct cni_call *c, struct bridge *br, const struct link *link,
		       const struct ip *ip, const struct addr *removed)
{
	struct bridge_address *a = arena_append(c->arena, br->address, br->n_address);

	*a = (struct bridge_address){ .index = link->index, .ip = *ip, .removed = removed };
}

/* Did a request whose answer was lost make the bridge? No other one has that MAC. */
static bool created_despite_lost_ack(struct cni_call *c, const char *name,
				     const uint8_t mac[MAC_LEN])
{
	struct err first = *c->err;
	struct link br;
	bool made =
		!nl_link_get_allow(c->host, name, &br) && br.index && !memcmp(br.mac, mac, MAC_LEN);

	*c->err = first;
	return made;
}

/*
 * A MAC of its own from the start: one that follows the ports would change under the ARP caches.
 */
static int create(struct cni_call *c, struct bridge *br)
{
	const struct bridge_options *o = br->options;
	uint8_t mac[MAC_LEN];

	if (!mac_random(mac))
		return err_sys(c->err, "get random bytes");
	nl_bridge_add(c->host, o->name, mac, o->mtu, o->vlan_filtering);
	if (nl_commit(c->host) == 0) {
		br->created = true;
	} else if (c->host->ack_lost || c->err->sys != EEXIST) {
		br->created = c->host->ack_lost && created_despite_lost_ack(c, o->name, mac);
		return err_wrap(c->err, "%s", o->name);
	}
	err_clear(c->err);
	return nl_link_get(c->host, o->name, &br->link);
}

/* Bring up what is not, in one request. */
static int set_flags(struct cni_call *c, const struct bridge *br)
{
	uint32_t want = IFF_UP | (br->options->promisc ? IFF_PROMISC : 0);

	if ((br->link.flags & want) == want)
		return 0;
	nl_link_flags(c->host, br->link.index, want, want);
	return nl_commit(c->host);
}

int bridge_ensure(struct cni_call *c, const struct bridge_options *options, struct bridge **out)
{
	struct bridge *br = arena_new(c->arena, struct bridge);

	br->options = options;
	*out = br;
	if (nl_link_get_allow(c->host, options->name, &br->link) < 0)
		return -1;
	undo_push(c, undo_bridge, br);
	if (!br->link.index && create(c, br) < 0)
		return -1;
	if (strcmp(br->link.kind, "bridge") != 0)
		return err_config(c->err, "bridge: \"%s\" exists but is not a bridge",
				  br->link.name);
	veth_refuse_ra(c, &br->link);
	return set_flags(c, br);
}

/*
 * It had ports, and none of them is above the new one: nothing can have changed. One whose last
 * port has just left may still be RUNNING, with no MAC.
 */
int bridge_refresh(struct cni_call *c, struct bridge *br, const struct link *port)
{
	if (br->link.flags & IFF_RUNNING && !mac_is_zero(br->link.mac) &&
	    memcmp(port->mac, br->link.mac, MAC_LEN) > 0)
		return 0;
	return nl_link_get_index(c->host, br->link.index, &br->link);
}

static bool conflicts(const struct ip *have, const struct ip *want)
{
	return want->family == AF_INET || cidr_contains(have, want) || cidr_contains(want, have);
}

/*
 * Noted before, all of them: a secondary address goes with its primary, and a failure may have done
 * it.
 */
static int clear_conflicts(struct cni_call *c, struct bridge *br, const struct link *link,
			   const struct ip *want, const struct addr_list *list)
{
	size_t first = br->n_address;
	char buf[IP_STRLEN];

	for (size_t i = 0; i < list->n_addr; i++) {
		if (!conflicts(&list->addr[i].ip, want))
			continue;
		if (!br->options->force_address)
			return err_set(c->err, ERR_IN_USE,
				       "\"%s\" already has an IP address different from %s",
				       link->name, cidr_str(want, buf));
		add_change(c, br, link, &list->addr[i].ip, &list->addr[i]);
	}
	for (size_t i = first; i < br->n_address; i++) {
		nl_addr_del(c->host, link->index, &br->address[i].ip);
		if (nl_commit_allow(c->host, EADDRNOTAVAIL) < 0)
			return err_wrap(c->err, "%s", link->name);
	}
	return 0;
}

/* As long as it has not been set, a bridge's MAC follows the ports. */
static int pin_mac(struct cni_call *c, const struct link *link)
{
	if (strcmp(link->kind, "bridge") != 0 || mac_is_zero(link->mac))
		return 0;
	nl_link_mac(c->host, link->index, link->mac);
	return nl_commit(c->host);
}

/* What another process has added since the list was made is not this call's to undo. */
static int add_address(struct cni_call *c, struct bridge *br, const struct link *link,
		       const struct ip *address)
{
	int rc;

	nl_addr_add(c->host, link->index, address, address->family == AF_INET6 ? IFA_F_NODAD : 0);
	rc = nl_commit(c->host);
	if (rc == 0 || c->host->ack_lost)
		add_change(c, br, link, address, NULL);
	if (rc == 0 || c->host->ack_lost || c->err->sys != EEXIST)
		return rc;
	err_clear(c->err);
	return 0;
}

int bridge_add_address(struct cni_call *c, struct bridge *br, const struct link *link,
		       const struct ip *address)
{
	struct addr_list list = { .arena = c->arena };
	int rc;

	if (nl_addr_list(c->host, link->index, address->family, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++)
		if (cidr_equal(&list.addr[i].ip, address))
			return 0;
	if (clear_conflicts(c, br, link, address, &list) < 0)
		return -1;
	rc = add_address(c, br, link, address);
	if (!rc)
		rc = nl_addr_wait_local(c->host, -1, address);
	return rc < 0 ? err_wrap(c->err, "%s", link->name) : pin_mac(c, link);
}

int bridge_verify(struct cni_call *c, const struct bridge_options *options, struct link *br)
{
	if (verify_host(c, options->name, "bridge", br) < 0)
		return -1;
	if (options->promisc && !br->promiscuity)
		return err_set(c->err, ERR_CHECK, "bridge %s is not promiscuous any more",
			       br->name);
	return 0;
}
