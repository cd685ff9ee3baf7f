/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/rules.h"

#include <string.h>

#include "netfilter/masq.h"
#include "netfilter/spoof.h"
#include "skel/delegate.h"

int netfilter_validate(struct cni_call *c, const struct netfilter_conf *nf)
{
	const char *backend = nf->masq_backend;

	if (!backend || !*backend || !strcmp(backend, "nftables") || !strcmp(backend, "iptables"))
		return 0;
	return err_config(c->err, "ipMasqBackend: \"%.80s\" is neither nftables nor iptables",
			  backend);
}

int netfilter_add(struct cni_call *c, const struct netfilter_conf *nf)
{
	bool masq = nf->masq && c->result.n_ips;

	if (!masq && !nf->spoof)
		return 0;
	if (record_write(c, NULL) < 0)
		return -1;
	if (nf->spoof && spoof_add(c, &c->result) < 0)
		return -1;
	return masq ? masq_add(c, nf->masq_backend) : 0;
}

int netfilter_check(struct cni_call *c, const struct netfilter_conf *nf)
{
	if (nf->spoof && spoof_check(c, c->req->prev) < 0)
		return -1;
	return nf->masq && c->req->prev->n_ips ? masq_check(c) : 0;
}

static bool is_own(const char *backend)
{
	return !strcmp(backend, "own");
}

static int turn(struct cni_call *c, const struct netfilter_conf *nf)
{
	if (nf->spoof && spoof_turn(c, c->req->prev, is_own(c->req->backend)) < 0)
		return -1;
	if (nf->masq && c->req->prev->n_ips && masq_turn(c, c->req->backend) < 0)
		return -1;
	return record_write(c, c->req->backend);
}

/* As it is configured, or as an earlier repair has turned it. */
int netfilter_repair(struct cni_call *c, const struct netfilter_conf *nf)
{
	bool turned = *c->req->record->extra;

	if (c->req->backend)
		return turn(c, nf);
	if (nf->spoof &&
	    spoof_repair(c, c->req->prev, !turned || is_own(c->req->record->extra)) < 0)
		return -1;
	if (!nf->masq || !c->req->prev->n_ips)
		return 0;
	return masq_repair(c, turned ? c->req->record->extra : nf->masq_backend);
}

/* ---- DEL ------------------------------------------------------------------------------------- */

int netfilter_del_begin(struct cni_call *c, struct netfilter_del *d)
{
	if (record_read(c, &d->record) < 0)
		return -1;
	if (record_exists(c))
		d->masq = d->spoof = true;
	return d->masq || d->spoof ? cni_nft(c) : 0;
}

int netfilter_del(struct cni_call *c, const struct netfilter_del *d)
{
	struct cni_steps steps = { 0 };

	if (d->masq)
		cni_step(c, &steps, masq_del(c, d->record));
	if (d->spoof)
		cni_step(c, &steps, spoof_del(c, d->record ? &d->record->prev : NULL));
	if (cni_steps_end(c, &steps) < 0)
		return -1;
	return record_remove(c);
}

int netfilter_gc(struct cni_call *c)
{
	struct cni_steps steps = { 0 };

	cni_step(c, &steps, masq_gc(c));
	cni_step(c, &steps, spoof_gc(c));
	cni_step(c, &steps, record_gc(c));
	cni_step(c, &steps, cni_ipam_forward(c));
	return cni_steps_end(c, &steps);
}
