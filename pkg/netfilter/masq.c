/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq.h"

#include <stdio.h>
#include <string.h>

#include "netfilter/masq_compat.h"
#include "netfilter/masq_iptables.h"
#include "netfilter/masq_nft.h"

static const struct masq_backend *const backends[] = { &masq_nft, &masq_compat, &masq_iptables };

struct instance *masq_instance(struct cni_call *c)
{
	struct instance *o = arena_new(c->arena, struct instance);

	instance_init(o, c->req->net.name, c->req->ifname, c->req->container_id);
	return o;
}

/* ---- ADD ------------------------------------------------------------------------------------- */

struct added {
	const struct masq_backend *backend;
	struct nft_elems elems; /* in our table */
};

static void undo(struct cni_call *c, void *arg)
{
	struct added *a = arg;
	int rc = a->elems.before ? nft_elems_undo(c->nft, &a->elems, c->arena)
				 : a->backend->del(c, NULL);

	if (rc < 0)
		fprintf(stderr, "rollback: masquerading: %s\n", c->err->msg);
}

/* But for our table an answer may be lost, or of two families the first have been done. */
static int add(struct cni_call *c, const struct masq_backend *b)
{
	struct added *a = arena_new(c->arena, struct added);

	a->backend = b;
	if (b != &masq_nft) {
		undo_push(c, undo, a);
		return b->set(c, &c->result);
	}
	a->elems = masq_nft_elems(&c->result, masq_instance(c)->comment, c->arena);
	if (nft_elems_add(c->nft, &a->elems, c->arena) < 0)
		return -1;
	undo_push(c, undo, a);
	return 0;
}

static int set(struct cni_call *c, const struct masq_backend *b)
{
	return b->set(c, c->req->prev);
}

static const struct masq_backend *backend_of(const char *name)
{
	for (size_t i = 1; name && i < ARRAY_SIZE(backends); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return &masq_nft;
}

/*
 * Where our table fails because there is no nf_tables, iptables does it; not for a repair that is
 * asked for our table, and removes the rules of the others then.
 */
static int make(struct cni_call *c, const char *backend,
		int (*fn)(struct cni_call *c, const struct masq_backend *b))
{
	const struct masq_backend *b = backend_of(backend);

	if (cni_nft(c) < 0)
		return -1;
	if (fn(c, b) == 0)
		return 0;
	if (b != &masq_nft || c->req->backend || !nft_is_missing(c->err))
		return err_wrap(c->err, "ipMasq");
	fprintf(stderr, "ipMasq: backend iptables, since %s\n", c->err->msg);
	err_clear(c->err);
	return fn(c, &masq_iptables);
}

int masq_add(struct cni_call *c, const char *backend)
{
	return make(c, backend, add);
}

/* ---- CHECK, repair --------------------------------------------------------------------------- */

/* A node that changes over has what the reference has made. */
int masq_check(struct cni_call *c)
{
	struct err first = { 0 };

	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++) {
		err_clear(c->err);
		if (backends[i]->check(c) == 0)
			return 0;
		if (!i)
			first = *c->err;
		if (c->err->code != ERR_CHECK)
			break;
	}
	*c->err = first;
	return first.code == ERR_CHECK ? err_wrap(c->err, "ipMasq") : -1;
}

int masq_repair(struct cni_call *c, const char *backend)
{
	if (masq_check(c) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	return make(c, backend, set);
}

/* ---- removing -------------------------------------------------------------------------------- */

static int del(struct cni_call *c, const struct cni_result *r, const struct masq_backend *kept)
{
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i] != kept && backends[i]->del(c, r) < 0)
			return -1;
	return 0;
}

int masq_turn(struct cni_call *c, const char *backend)
{
	return make(c, backend, set) < 0 ? -1 : del(c, c->req->prev, backend_of(backend));
}

int masq_del(struct cni_call *c, const struct record *r)
{
	return cni_nft(c) < 0 ? -1 : del(c, r ? &r->prev : NULL, NULL);
}

int masq_gc(struct cni_call *c)
{
	struct instance_set comments;

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->gc(c, instance_match_stale, &comments) < 0)
			return -1;
	return 0;
}
