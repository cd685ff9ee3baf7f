/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/veth.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/str.h"
#include "iface/configure.h"
#include "iface/inside.h"
#include "nl/link_wait.h"
#include "sys/sysctl.h"

void veth_undo(struct cni_call *c, void *name)
{
	nl_link_del_name(c->host, name);
	if (nl_commit_allow(c->host, ENODEV) < 0)
		fprintf(stderr, "rollback: %s %s\n", (const char *)name, c->err->msg);
}

int veth_random_name(struct cni_call *c, const char **name)
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return err_sys(c->err, "get random bytes");
	*name = arena_printf(c->arena, "veth%08x", r);
	return 0;
}

/* EEXIST says only that one of the two names is taken; which one decides whether to try another. */
static int create_pair(struct cni_call *c, struct veth_req *veth, struct link *host)
{
	for (int i = 0; i < 10; i++) {
		bool made;

		if (veth_random_name(c, &veth->name) < 0)
			return -1;
		*host = (struct link){ 0 };
		nl_veth_add(c->host, veth);
		made = nl_query(c->host, nl_link_parse, host) == 0;
		if (made || c->host->ack_lost) /* it may be there: the name is ours alone */
			undo_push(c, veth_undo, arena_strdup(c->arena, veth->name));
		c->host_link = veth->name;
		if (made || c->host->ack_lost || c->err->sys != EEXIST)
			return made ? 0 : -1;
		if (inside_name_is_free(c) < 0)
			return -1;
	}
	return err_set(c->err, ERR_INTERNAL, "no free name for the host's end of the veth pair");
}

void veth_refuse_ra(struct cni_call *c, const struct link *link)
{
	if (link->accept_ra &&
	    sysctl_write(configure_ipv6_path(c, link->name, "accept_ra"), "0", c->err) < 0)
		err_clear(c->err); /* a kernel without IPv6 */
}

int veth_add(struct cni_call *c, struct veth_req veth, bool is_port, struct link *host,
	     struct link *inside)
{
	uint8_t mac[MAC_LEN], host_mac[MAC_LEN];

	veth.peer = c->req->ifname;
	veth.peer_netns = c->netns_fd;
	veth.mac = host_mac;
	if (!veth.peer_mac)
		veth.peer_mac = mac;
	if (!mac_random(mac) || !mac_random(host_mac))
		return err_sys(c->err, "get random bytes");
	host_mac[0] = 0xfe; /* a bridge without a MAC of its own takes the lowest */
	if (create_pair(c, &veth, host) < 0)
		return -1;
	if (!host->index && nl_link_get(c->host, veth.name, host) < 0)
		return -1;
	/*
	 * A switch takes all that its port receives, router advertisements too, so an IPv6 address
	 * of the port's own could not be reached; only its announcements would go to the container.
	 */
	if (is_port && host->ipv6)
		nl_link_no_addrgen(c->host, host->index);
	if (nl_commit(c->host) < 0)
		return err_wrap(c->err, "%s", host->name);
	if (!veth.master)
		veth_refuse_ra(c, host);
	/* known without asking: the index from the host's end, the rest from the request */
	*inside = *host;
	inside->index = host->peer;
	inside->peer = host->index;
	inside->master = 0;
	memcpy(inside->mac, veth.peer_mac, MAC_LEN);
	return str_copy_ifname(inside->name, c->req->ifname, c->err);
}

int veth_del(struct cni_call *c)
{
	struct link inside, host = { 0 };

	if (!c->sandbox)
		return 0;
	if (nl_link_get_allow(c->sandbox, c->req->ifname, &inside) < 0)
		return -1;
	if (!inside.index || strcmp(inside.kind, "veth") != 0)
		return 0;
	if (inside.peer && nl_link_get_index_allow(c->host, inside.peer, &host) < 0)
		return -1;
	/*
	 * The far end is unlisted last, so that is the one to hear of; unless it lives elsewhere.
	 */
	if (host.index && !strcmp(host.kind, "veth") && host.peer == inside.index)
		return nl_link_del_announced(c->sandbox, inside.index, -1, host.index);
	nl_link_del(c->sandbox, inside.index);
	return nl_commit_allow(c->sandbox, ENODEV);
}
