/* SPDX-License-Identifier: Apache-2.0 */
/* bandwidth - a rate, and bursts over it, for each direction of a container's interface. */
#include <string.h>

#include "conf.h"
#include "ifbfile.h"
#include "shape.h"
#include "sys/lock.h"

/* ---- what is asked for ----------------------------------------------------------------------- */

static bool is_limited(const struct bandwidth_conf *conf)
{
	return conf->limits->ingress.rate || conf->limits->egress.rate;
}

static struct shape_queue queue_of(const struct bandwidth_conf *conf, const struct limit *l)
{
	struct shape_queue q = { .exists = l->rate, .fq_codel = *conf->queue };

	if (q.exists)
		q.tbf = limit_tbf(l, conf->latency);
	return q;
}

/* What the host's end of a veth pair sends is what the container receives. */
static struct shape wanted_shape(const struct bandwidth_conf *conf, const struct shape_place *place)
{
	struct shape_queue ingress = queue_of(conf, &conf->limits->ingress),
			   egress = queue_of(conf, &conf->limits->egress);

	return (struct shape){
		.sent = place->inside ? egress : ingress,
		.received = place->inside ? ingress : egress,
	};
}

static const char *direction(const struct shape_place *place, bool sent)
{
	return sent == place->inside ? "egress" : "ingress";
}

/* ---- ADD ------------------------------------------------------------------------------------- */

static int in_use(struct cni_call *c, const struct shape_place *place, bool sent, const char *what)
{
	return err_set(c->err, ERR_IN_USE,
		       "%sRate: %s has a qdisc that is not ours and is not replaced: %s",
		       direction(place, sent), place->dev.name, what);
}

/* A tbf that no file of ours vouches for, and that differs, may be anybody's. */
static int refuse_foreign(struct cni_call *c, const struct shape_place *place,
			  const struct ifbfile *f, const struct shape *now, const struct shape *to)
{
	const struct shape_queue *q = &now->sent;

	if (to->sent.exists && now->foreign_root)
		return in_use(c, place, true, now->foreign_root);
	if (to->sent.exists && q->exists && !f->sent && !limit_tbf_equal(&to->sent.tbf, &q->tbf))
		return in_use(c, place, true, "tbf 1:");
	if (to->received.exists && now->foreign_ingress)
		return in_use(c, place, false, now->foreign_ingress);
	return 0;
}

/* An ifb that nothing of ours leads to is another interface's of the container. */
static int read_shape(struct cni_call *c, struct shape_place *place, struct ifbfile *f,
		      struct shape *now)
{
	for (int i = 0; i < 2; i++) {
		memcpy(place->ifb, f->name, sizeof(place->ifb));
		if (shape_read(c, place, f->received, now) < 0)
			return -1;
		if (f->ours || !now->ifb.index || now->redirected)
			return 0;
		ifbfile_second(c, f);
	}
	return err_set(c->err, ERR_IN_USE, "%s: there is an ifb of that name", place->ifb);
}

/* What no earlier ADD of ours has made is only touched to make what is asked for. */
static int set_shape(struct cni_call *c, struct ifbfile *f)
{
	struct shape_place place;
	struct ifbfile before;
	struct shape now, to;

	if (shape_find_place(c, false, &place) < 0)
		return -1;
	to = wanted_shape(c->conf, &place);
	if (read_shape(c, &place, f, &now) < 0 || refuse_foreign(c, &place, f, &now, &to) < 0)
		return -1;
	to.leave_sent = !to.sent.exists && !f->sent;
	to.leave_received = !to.received.exists && !f->received;
	before = *f;
	f->inside = place.inside;
	f->sent |= to.sent.exists;
	f->received |= to.received.exists;
	if (ifbfile_write(c, &before, f) < 0)
		return -1;
	shape_undo_push(c, &place, &now, &to);
	if (shape_set(c, &place, &now, &to) < 0)
		return -1;
	if (to.received.exists)
		(void)cni_add_interface(c, &now.ifb, place.inside ? c->req->netns : NULL);
	return 0;
}

/* One interface of a container after the other: which name the ifb gets is found before. */
static int bandwidth_add(struct cni_call *c)
{
	struct ifbfile f;

	c->result = *c->req->prev;
	if (lock_fd(c->netns_fd, c->req->netns, c->err) < 0 || ifbfile_find(c, &f) < 0)
		return -1;
	return is_limited(c->conf) || f.ours ? set_shape(c, &f) : 0;
}

/* ---- DEL, GC --------------------------------------------------------------------------------- */

/*
 * Where the interface is still there: its qdiscs, if a file of ours vouches for them, and the ifb,
 * which is not looked for again: that would wait for the kernel, which holds RTNL until it is done
 * with it.
 */
static int clean_device(struct cni_call *c, const struct ifbfile *f, bool *has_no_ifb)
{
	const struct shape none = { .leave_sent = !f->sent, .leave_received = !f->received };
	struct shape_place place;
	struct shape now;

	if (!f->ours || !c->sandbox)
		return 0;
	if (shape_find_place(c, true, &place) < 0)
		return -1;
	if (!place.dev.index)
		return 0;
	memcpy(place.ifb, f->name, sizeof(place.ifb));
	if (shape_read(c, &place, f->received, &now) < 0 || shape_set(c, &place, &now, &none) < 0)
		return -1;
	*has_no_ifb = f->received && f->inside == place.inside;
	return 0;
}

/* The ifb, be the interface gone. That in a container is gone with its namespace. */
static int clean_ifb(struct cni_call *c, const struct ifbfile *f)
{
	struct nl *nl = f->inside ? c->sandbox : c->host;

	return nl ? shape_ifb_del(c, nl, f->name) : 0;
}

static int bandwidth_del(struct cni_call *c)
{
	struct cni_steps steps = { 0 };
	bool has_no_ifb = false;
	struct ifbfile f;

	if (ifbfile_find(c, &f) < 0)
		return -1;
	cni_step(c, &steps, clean_device(c, &f, &has_no_ifb));
	if (!has_no_ifb)
		cni_step(c, &steps, clean_ifb(c, &f));
	if ((f.ours || f.free) && !steps.failed) /* or what a killed writer has left of it */
		cni_step(c, &steps, ifbfile_remove(c, &f));
	return cni_steps_end(c, &steps);
}

static int bandwidth_gc(struct cni_call *c)
{
	return ifbfile_gc(c, clean_ifb);
}

/* ---- CHECK, STATUS --------------------------------------------------------------------------- */

static int check_queue(struct cni_call *c, const char *what, const char *dev,
		       const struct shape_queue *wanted, const struct shape_queue *found,
		       const char *foreign)
{
	if (!wanted->exists)
		return 0;
	if (!found->exists)
		return err_set(c->err, ERR_CHECK,
			       "%sRate of %s: wanted %ju bit/s, found no tbf%s%s", what, dev,
			       (uintmax_t)wanted->tbf.rate * 8, foreign ? " but " : "",
			       foreign ? foreign : "");
	if (!limit_tbf_equal(&wanted->tbf, &found->tbf))
		return limit_differs(c, what, dev, &wanted->tbf, &found->tbf);
	if (wanted->fq_codel && !found->fq_codel)
		return err_set(c->err, ERR_CHECK, "queue of %s: wanted fq_codel, found none", dev);
	return 0;
}

static int check_redirect(struct cni_call *c, const struct shape_place *place,
			  const struct shape *now)
{
	const char *what = direction(place, false);

	if (!now->ifb.index)
		return err_set(c->err, ERR_CHECK, "%sRate: ifb %s is gone", what, place->ifb);
	if (!(now->ifb.flags & IFF_UP))
		return err_set(c->err, ERR_CHECK, "%sRate: ifb %s is down", what, place->ifb);
	if (!now->redirected)
		return err_set(c->err, ERR_CHECK, "%sRate: %s does not lead to ifb %s", what,
			       place->dev.name, place->ifb);
	return 0;
}

static int bandwidth_check(struct cni_call *c)
{
	struct shape_place place;
	struct shape now, wanted;
	struct ifbfile f;

	if (!is_limited(c->conf))
		return 0;
	if (ifbfile_find(c, &f) < 0 || shape_find_place(c, false, &place) < 0)
		return -1;
	memcpy(place.ifb, f.name, sizeof(place.ifb));
	wanted = wanted_shape(c->conf, &place);
	if (shape_read(c, &place, f.received, &now) < 0 ||
	    check_queue(c, direction(&place, true), place.dev.name, &wanted.sent, &now.sent,
			now.foreign_root) < 0)
		return -1;
	if (!wanted.received.exists)
		return 0;
	if (check_redirect(c, &place, &now) < 0)
		return -1;
	return check_queue(c, direction(&place, false), place.ifb, &wanted.received, &now.received,
			   NULL);
}

static int bandwidth_status(struct cni_call *c)
{
	return shape_status(c, *((const struct bandwidth_conf *)c->conf)->queue);
}

static void describe_rate(struct json *out, const char *key, const struct limit *runtime,
			  const struct limit *keys)
{
	uint64_t rate = runtime->rate ? runtime->rate : keys->rate;

	if (rate)
		json_add_int(out, key, (int64_t)rate);
}

static void bandwidth_describe(const void *arg, struct json *out)
{
	const struct bandwidth_conf *conf = arg;

	describe_rate(out, "ingressRate", &conf->runtime.ingress, &conf->keys.ingress);
	describe_rate(out, "egressRate", &conf->runtime.egress, &conf->keys.egress);
}

const struct cni_plugin bandwidth_plugin = {
	.describe = bandwidth_describe,
	.inventory = ifbfile_inventory,
	.name = "bandwidth",
	.host_state = true,
	.fields = bandwidth_fields,
	.defaults = &bandwidth_defaults,
	.conf_size = sizeof(struct bandwidth_conf),
	.validate = bandwidth_validate,
	.add = bandwidth_add,
	.del = bandwidth_del,
	.check = bandwidth_check,
	.gc = bandwidth_gc,
	.status = bandwidth_status,
};
