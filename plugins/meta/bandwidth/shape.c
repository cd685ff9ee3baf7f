/* SPDX-License-Identifier: Apache-2.0 */
#include "shape.h"

#include <stdio.h>
#include <string.h>

#include "limit.h"
#include "nl/link_wait.h"
#include "nl/nl.h"

/* ---- where ----------------------------------------------------------------------------------- */

/* An index alone could be that of another container's veth. */
static int find_peer(struct cni_call *c, const struct link *inside, struct link *peer)
{
	struct link l;
	int nsid;

	*peer = (struct link){ 0 };
	if (strcmp(inside->kind, "veth") != 0 || !inside->peer)
		return 0;
	if (nl_link_get_index_allow(c->host, inside->peer, &l) < 0 ||
	    nl_netnsid(c->host, c->netns_fd, &nsid) < 0)
		return -1;
	if (l.index && !strcmp(l.kind, "veth") && l.peer == inside->index && nsid >= 0 &&
	    l.peer_netnsid == nsid)
		*peer = l;
	return 0;
}

int shape_find_place(struct cni_call *c, bool may_be_gone, struct shape_place *place)
{
	struct link inside, peer;

	if (nl_link_find(c->sandbox, c->req->ifname, 0, may_be_gone, &inside) < 0 ||
	    find_peer(c, &inside, &peer) < 0)
		return -1;
	place->inside = !peer.index;
	place->nl = place->inside ? c->sandbox : c->host;
	place->dev = place->inside ? inside : peer;
	return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static const char *describe(struct cni_call *c, const struct qdisc *q)
{
	return arena_printf(c->arena, "%s %x:", q->kind, q->handle >> 16);
}

static bool is_tbf(const struct qdisc *q)
{
	return !strcmp(q->kind, "tbf") && q->handle == QDISC_ROOT_HANDLE;
}

static void read_queue(const struct qdisc_set *set, struct shape_queue *q)
{
	q->exists = is_tbf(&set->root);
	q->tbf = set->root.tbf;
	q->fq_codel = !strcmp(set->leaf.kind, "fq_codel");
}

static int read_ifb(struct cni_call *c, const struct shape_place *place, struct shape *now)
{
	struct qdisc_set set;

	if (nl_link_get_allow(place->nl, place->ifb, &now->ifb) < 0)
		return -1;
	if (strcmp(now->ifb.kind, "ifb") != 0)
		now->ifb = (struct link){ 0 };
	if (!now->ifb.index)
		return 0;
	if (nl_qdisc_get(place->nl, now->ifb.index, &set) < 0)
		return err_wrap(c->err, "%s", place->ifb);
	read_queue(&set, &now->received);
	return 0;
}

/* Of an ingress qdisc. One without a redirection is that of an ADD that was killed. */
static int read_redirect(struct cni_call *c, const struct shape_place *place, bool own,
			 const struct qdisc *q, struct shape *now)
{
	int to;

	if (nl_redirect_get(place->nl, place->dev.index, &to) < 0)
		return err_wrap(c->err, "%s", place->dev.name);
	now->redirected = to && to == now->ifb.index;
	now->ingress = !strcmp(q->kind, "ingress") && (now->redirected || (own && !to));
	if (!now->ingress)
		now->foreign_ingress = describe(c, q);
	return 0;
}

int shape_read(struct cni_call *c, const struct shape_place *place, bool own, struct shape *now)
{
	struct qdisc_set set;

	*now = (struct shape){ 0 };
	if (nl_qdisc_get(place->nl, place->dev.index, &set) < 0)
		return err_wrap(c->err, "%s", place->dev.name);
	read_queue(&set, &now->sent);
	if (set.root.handle && !is_tbf(&set.root))
		now->foreign_root = describe(c, &set.root);
	if (read_ifb(c, place, now) < 0)
		return -1;
	return *set.ingress.kind ? read_redirect(c, place, own, &set.ingress, now) : 0;
}

/* ---- setting --------------------------------------------------------------------------------- */

static bool queue_equal(const struct shape_queue *now, const struct shape_queue *to)
{
	if (now->exists != to->exists || !to->exists)
		return now->exists == to->exists;
	return now->fq_codel == to->fq_codel && limit_tbf_equal(&to->tbf, &now->tbf);
}

static int commit(struct nl *nl, const struct link *dev)
{
	return nl_commit(nl) < 0 ? err_wrap(nl->err, "%s", dev->name) : 0;
}

static int add_fq_codel(struct nl *nl, const struct link *dev)
{
	nl_fq_codel_add(nl, dev->index);
	if (commit(nl, dev) == 0)
		return 0;
	if (nl->err->sys == ENOENT)
		return err_config(nl->err,
				  "queue: this kernel has no fq_codel (module sch_fq_codel)");
	return -1;
}

static int set_queue(struct nl *nl, const struct link *dev, const struct shape_queue *now,
		     const struct shape_queue *to)
{
	if (queue_equal(now, to))
		return 0;
	if (now->exists) {
		nl_tbf_del(nl, dev->index);
		if (commit(nl, dev) < 0)
			return -1;
	}
	if (!to->exists)
		return 0;
	nl_tbf_add(nl, dev->index, &to->tbf);
	if (commit(nl, dev) < 0)
		return -1;
	return to->fq_codel ? add_fq_codel(nl, dev) : 0;
}

/*
 * In the container it gets no address of its own, as it would by IPv6; on the host it is as the
 * reference makes it.
 */
static int ifb_add(const struct shape_place *place, struct link *ifb)
{
	struct nl *nl = place->nl;

	nl_ifb_add(nl, place->ifb, place->dev.mtu, !place->inside);
	if (nl_query(nl, nl_link_parse, ifb) < 0)
		return err_wrap(nl->err, "%s", place->ifb);
	if (!ifb->index && nl_link_get(nl, place->ifb, ifb) < 0) /* Linux before 6.2 */
		return -1;
	if (!place->inside)
		return 0;
	if (ifb->ipv6)
		nl_link_no_addrgen(nl, ifb->index);
	nl_link_up(nl, ifb->index);
	return commit(nl, ifb);
}

/* A filter to an ifb that is gone would drop everything in front of a new one: it goes as well. */
static int redirect(struct nl *nl, const struct link *dev, const struct shape *now)
{
	if (now->redirected)
		return 0;
	if (now->ingress) {
		nl_ingress_del(nl, dev->index);
		if (commit(nl, dev) < 0)
			return -1;
	}
	nl_ingress_add(nl, dev->index);
	if (commit(nl, dev) < 0)
		return -1;
	nl_redirect_add(nl, dev->index, now->ifb.index);
	return commit(nl, dev);
}

static int receive(const struct shape_place *place, struct shape *now, const struct shape *to)
{
	if (!now->ifb.index && ifb_add(place, &now->ifb) < 0)
		return -1;
	if (set_queue(place->nl, &now->ifb, &now->received, &to->received) < 0)
		return -1;
	return redirect(place->nl, &place->dev, now);
}

static int ifb_del(struct cni_call *c, struct nl *nl, const struct link *ifb)
{
	if (strcmp(ifb->kind, "ifb") != 0)
		return 0;
	return nl_link_del_announced(nl, ifb->index, nl == c->host ? -1 : c->netns_fd, ifb->index);
}

static int receive_no_more(struct cni_call *c, const struct shape_place *place,
			   const struct shape *now)
{
	if (now->ingress) {
		nl_ingress_del(place->nl, place->dev.index);
		if (commit(place->nl, &place->dev) < 0)
			return -1;
	}
	return now->ifb.index ? ifb_del(c, place->nl, &now->ifb) : 0;
}

/* The ifb goes last: the kernel holds RTNL for the end of it. */
int shape_set(struct cni_call *c, const struct shape_place *place, struct shape *now,
	      const struct shape *to)
{
	if (!to->leave_sent && set_queue(place->nl, &place->dev, &now->sent, &to->sent) < 0)
		return -1;
	if (to->leave_received)
		return 0;
	return to->received.exists ? receive(place, now, to) : receive_no_more(c, place, now);
}

int shape_ifb_del(struct cni_call *c, struct nl *nl, const char *name)
{
	struct link l;

	return nl_link_get_allow(nl, name, &l) < 0 ? -1 : ifb_del(c, nl, &l);
}

/* ---- undo ------------------------------------------------------------------------------------ */

struct change {
	struct shape_place place;
	struct shape before;
};

/* Whatever has been done, and whatever answer was lost: what is there now tells. */
static void undo(struct cni_call *c, void *arg)
{
	const struct change *change = arg;
	struct shape now;

	if (shape_read(c, &change->place, true, &now) < 0 ||
	    shape_set(c, &change->place, &now, &change->before) < 0)
		fprintf(stderr, "rollback: bandwidth: %s\n", c->err->msg);
}

void shape_undo_push(struct cni_call *c, const struct shape_place *place,
		     const struct shape *before, const struct shape *to)
{
	struct change *change = arena_new(c->arena, struct change);

	*change = (struct change){ *place, *before };
	change->before.leave_sent = to->leave_sent;
	change->before.leave_received = to->leave_received;
	undo_push(c, undo, change);
}

/* ---- STATUS ---------------------------------------------------------------------------------- */

static int need(struct cni_call *c, bool known, const char *what)
{
	if (known)
		return 0;
	return err_set(c->err, ERR_UNAVAILABLE, "this kernel has no %s", what);
}

int shape_status(struct cni_call *c, bool fq_codel)
{
	bool known;

	if (nl_qdisc_probe(c->host, "tbf", &known) < 0 ||
	    need(c, known, "tbf (module sch_tbf)") < 0 || nl_ifb_probe(c->host, &known) < 0 ||
	    need(c, known, "ifb (module ifb)") < 0)
		return -1;
	if (!fq_codel)
		return 0;
	if (nl_qdisc_probe(c->host, "fq_codel", &known) < 0)
		return -1;
	return need(c, known, "fq_codel (queue; module sch_fq_codel)");
}
