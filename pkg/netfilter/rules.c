/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/rules.h"

#include <string.h>

#include "base/str.h"
#include "skel/delegate.h"
#include "iface/iface.h"
#include "netfilter/masq.h"
#include "netfilter/spoof.h"

int netfilter_validate(struct cni_call *c, const struct netfilter_conf *nf)
{
	return masq_validate(c, nf->masq_backend);
}

int netfilter_add(struct cni_call *c, const struct netfilter_conf *nf)
{
	bool masq = nf->masq && c->result.n_ips;

	if (!masq && !nf->spoof)
		return 0;
	if (record_write(c) < 0)
		return -1;
	if (nf->spoof && spoof_add(c, &c->result) < 0)
		return -1;
	return masq ? masq_add(c, nf->masq_backend) : 0;
}

int netfilter_check(struct cni_call *c, const struct netfilter_conf *nf)
{
	if (nf->spoof && spoof_check(c, c->prev) < 0)
		return -1;
	return nf->masq && c->prev->n_ips ? masq_check(c) : 0;
}

static bool is_own(const char *backend)
{
	return !strcmp(backend, "own");
}

static int turn(struct cni_call *c, const struct netfilter_conf *nf)
{
	if (nf->spoof && spoof_turn(c, c->prev, is_own(c->backend)) < 0)
		return -1;
	if (nf->masq && c->prev->n_ips && masq_turn(c, c->backend) < 0)
		return -1;
	c->record_extra = c->backend;
	return record_write(c);
}

/* As it is configured, or as an earlier repair has turned it. */
int netfilter_repair(struct cni_call *c, const struct netfilter_conf *nf)
{
	bool turned = *c->record_extra;

	if (c->backend)
		return turn(c, nf);
	if (nf->spoof && spoof_repair(c, c->prev, !turned || is_own(c->record_extra)) < 0)
		return -1;
	if (!nf->masq || !c->prev->n_ips)
		return 0;
	return masq_repair(c, turned ? c->record_extra : nf->masq_backend);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* The socket before the link goes: the child that deletes it keeps the socket open, too. */
static int prepare(struct cni_call *c)
{
	struct netfilter_del *d = c->del;

	if (record_read(c, &d->record) < 0)
		return -1;
	if (record_exists(c))
		d->masq = d->spoof = true;
	return d->masq || d->spoof ? cni_nft(c) : 0;
}

static int del_masq(struct cni_call *c)
{
	return c->del->masq ? masq_del(c, c->del->record) : 0;
}

static int del_spoof(struct cni_call *c)
{
	const struct record *r = c->del->record;

	return c->del->spoof ? spoof_del(c, r ? &r->prev : NULL) : 0;
}

static int del_rules(struct cni_call *c)
{
	static const cni_step steps[] = { del_masq, del_spoof };

	if (cni_try_all(c, steps, ARRAY_SIZE(steps)) < 0)
		return -1;
	return record_remove(c);
}

int cni_netfilter_veth_del(struct cni_call *c, const struct netfilter_conf *nf)
{
	static const cni_step steps[] = { prepare, veth_del, del_rules, cni_ipam_forward };
	struct netfilter_del del = { .masq = nf->masq, .spoof = nf->spoof };

	c->del = &del;
	return cni_try_all(c, steps, ARRAY_SIZE(steps));
}

int netfilter_gc(struct cni_call *c)
{
	static const cni_step steps[] = { masq_gc, spoof_gc, record_gc,
					  cni_ipam_forward };

	return cni_try_all(c, steps, ARRAY_SIZE(steps));
}
