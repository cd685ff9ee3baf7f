/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/rules.h"

#include <string.h>

#include "base/str.h"
#include "skel/delegate.h"
#include "iface/iface.h"
#include "netfilter/masq.h"
#include "netfilter/spoof.h"

int cni_netfilter_validate(struct cni_call *c, const struct cni_netfilter *nf)
{
	return cni_masq_validate(c, nf->masq_backend);
}

int cni_netfilter_add(struct cni_call *c, const struct cni_netfilter *nf)
{
	bool masq = nf->masq && c->result.n_ips;

	if (!masq && !nf->spoof)
		return 0;
	if (cni_record_write(c) < 0)
		return -1;
	if (nf->spoof && cni_spoof_add(c, &c->result) < 0)
		return -1;
	return masq ? cni_masq_add(c, nf->masq_backend) : 0;
}

int cni_netfilter_check(struct cni_call *c, const struct cni_netfilter *nf)
{
	if (nf->spoof && cni_spoof_check(c, c->prev) < 0)
		return -1;
	return nf->masq && c->prev->n_ips ? cni_masq_check(c) : 0;
}

static bool is_own(const char *backend)
{
	return !strcmp(backend, "own");
}

static int turn(struct cni_call *c, const struct cni_netfilter *nf)
{
	if (nf->spoof && cni_spoof_turn(c, c->prev, is_own(c->backend)) < 0)
		return -1;
	if (nf->masq && c->prev->n_ips && cni_masq_turn(c, c->backend) < 0)
		return -1;
	c->record_note = c->backend;
	return cni_record_write(c);
}

/* As it is configured, or as an earlier repair has turned it. */
int cni_netfilter_repair(struct cni_call *c, const struct cni_netfilter *nf)
{
	bool turned = *c->record_note;

	if (c->backend)
		return turn(c, nf);
	if (nf->spoof && cni_spoof_repair(c, c->prev, !turned || is_own(c->record_note)) < 0)
		return -1;
	if (!nf->masq || !c->prev->n_ips)
		return 0;
	return cni_masq_repair(c, turned ? c->record_note : nf->masq_backend);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

/* The socket before the link goes: the child that deletes it keeps the socket open, too. */
static int prepare(struct cni_call *c)
{
	struct cni_del *d = c->del;

	if (cni_record_read(c, &d->record) < 0)
		return -1;
	if (cni_record_is_held(c))
		d->masq = d->spoof = true;
	return d->masq || d->spoof ? cni_nft(c) : 0;
}

static int del_masq(struct cni_call *c)
{
	return c->del->masq ? cni_masq_del(c, c->del->record) : 0;
}

static int del_spoof(struct cni_call *c)
{
	const struct cni_record *r = c->del->record;

	return c->del->spoof ? cni_spoof_del(c, r ? &r->prev : NULL) : 0;
}

static int del_rules(struct cni_call *c)
{
	static const cni_step steps[] = { del_masq, del_spoof };

	if (cni_try_all(c, steps, ARRAY_SIZE(steps)) < 0)
		return -1;
	return cni_record_remove(c);
}

int cni_netfilter_veth_del(struct cni_call *c, const struct cni_netfilter *nf)
{
	static const cni_step steps[] = { prepare, cni_veth_del, del_rules, cni_ipam_forward };
	struct cni_del del = { .masq = nf->masq, .spoof = nf->spoof };

	c->del = &del;
	return cni_try_all(c, steps, ARRAY_SIZE(steps));
}

int cni_netfilter_gc(struct cni_call *c)
{
	static const cni_step steps[] = { cni_masq_gc, cni_spoof_gc, cni_record_collect,
					  cni_ipam_forward };

	return cni_try_all(c, steps, ARRAY_SIZE(steps));
}
