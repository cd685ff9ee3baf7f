/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq.h"

#include <stdio.h>
#include <string.h>

#include "netfilter/masq_compat.h"
#include "netfilter/masq_iptables.h"
#include "netfilter/masq_nft.h"
#include "skel/instance.h"

int masq_validate(struct cni_call *c, const char *backend)
{
	if (!backend || !*backend || !strcmp(backend, "nftables") || !strcmp(backend, "iptables"))
		return 0;
	return err_config(c->err, "ipMasqBackend: \"%.80s\" is neither nftables nor iptables",
			  backend);
}

/* ---- what an attachment has ------------------------------------------------------------------ */

static struct instance *instance_of(struct cni_call *c)
{
	struct instance *o = arena_new(c->arena, struct instance);

	instance_init(o, c->req->net.name, c->req->ifname, c->req->container_id);
	return o;
}

static struct nft_comment_filter this_one(struct cni_call *c)
{
	return (struct nft_comment_filter){ instance_match_this, instance_of(c) };
}

static const struct ip **addresses(struct cni_call *c, const struct cni_result *r)
{
	const struct ip **ips = arena_array(c->arena, const struct ip *, r->n_ips + 1);

	for (size_t i = 0; i < r->n_ips; i++)
		ips[i] = &r->ips[i].address;
	return ips;
}

static struct nft_elems elems_of(struct cni_call *c, const struct cni_result *r)
{
	return masq_nft_elems(addresses(c, r), r->n_ips, instance_of(c)->comment, c->arena);
}

/* ---- our table ------------------------------------------------------------------------------- */

static void undo_own(struct cni_call *c, void *arg)
{
	if (nft_elems_undo(c->nft, arg, c->arena) < 0)
		fprintf(stderr, "rollback: masquerading: %s\n", c->err->msg);
}

static int add_own(struct cni_call *c)
{
	struct nft_elems *elems = arena_new(c->arena, struct nft_elems);

	*elems = elems_of(c, &c->result);
	if (nft_elems_add(c->nft, elems, c->arena) < 0)
		return -1;
	undo_push(c, undo_own, elems);
	return 0;
}

static int check_own(struct cni_call *c)
{
	struct nft_elems elems = elems_of(c, c->req->prev);

	return nft_elems_check(c->nft, &elems, c->arena);
}

static int set_own(struct cni_call *c, const struct cni_result *r)
{
	struct nft_elems elems = elems_of(c, r);

	return nft_elems_restore(c->nft, &elems, c->arena);
}

static int gc_own(struct cni_call *c, struct nft_comment_filter *f)
{
	return nft_elems_gc(c->nft, &masq_nft_table, f->is, f->data, c->arena);
}

static int del_own(struct cni_call *c, const struct cni_result *r)
{
	struct nft_comment_filter f = this_one(c);
	struct nft_elems elems;

	if (!r)
		return gc_own(c, &f);
	elems = elems_of(c, r);
	return nft_elems_del(c->nft, &elems, c->arena);
}

/* ---- the reference's table ------------------------------------------------------------------- */

static int set_compat(struct cni_call *c, const struct cni_result *r)
{
	struct nft_comment_filter f = this_one(c);

	return masq_compat_set(c->nft, addresses(c, r), r->n_ips, instance_of(c)->comment, &f,
			       c->arena);
}

static int gc_compat(struct cni_call *c, struct nft_comment_filter *f)
{
	return masq_compat_del(c->nft, f, c->arena);
}

static int del_compat(struct cni_call *c, const struct cni_result *r)
{
	struct nft_comment_filter f = this_one(c);

	(void)r; /* its rules have the comment */
	return gc_compat(c, &f);
}

static void undo_compat(struct cni_call *c, void *arg)
{
	if (del_compat(c, arg) < 0)
		fprintf(stderr, "rollback: masquerading: %s\n", c->err->msg);
}

static int add_compat(struct cni_call *c)
{
	undo_push(c, undo_compat, NULL); /* first: an answer may be lost */
	return set_compat(c, &c->result);
}

static int check_compat(struct cni_call *c)
{
	struct nft_comment_filter f = this_one(c);
	size_t n;

	if (masq_compat_count(c->nft, &f, c->arena, &n) < 0)
		return -1;
	return n >= c->req->prev->n_ips ? 0 : err_set(c->err, ERR_CHECK, "rules are gone");
}

/* ---- all three ------------------------------------------------------------------------------- */

static const struct backend {
	const char *name;
	int (*add)(struct cni_call *c); /* pushes its undo */
	int (*check)(struct cni_call *c);
	int (*set)(struct cni_call *c, const struct cni_result *r);
	int (*del)(struct cni_call *c, const struct cni_result *r); /* r may be NULL */
	int (*gc)(struct cni_call *c, struct nft_comment_filter *f);
} own = { "own", add_own, check_own, set_own, del_own, gc_own },
  compat = { "nftables", add_compat, check_compat, set_compat, del_compat, gc_compat },
  iptables = { "iptables",        masq_iptables_add, masq_iptables_check,
	       masq_iptables_set, masq_iptables_del, masq_iptables_gc },
  *const backends[] = { &own, &compat, &iptables };

static const struct backend *backend_of(const char *name)
{
	for (size_t i = 1; name && i < ARRAY_SIZE(backends); i++)
		if (!strcmp(backends[i]->name, name))
			return backends[i];
	return &own;
}

/* Has our table failed because there is no nf_tables? */
static bool needs_iptables(struct cni_call *c, const struct backend *b)
{
	if (b != &own || !nft_is_missing(c->err))
		return false;
	err_clear(c->err);
	return true;
}

int masq_add(struct cni_call *c, const char *backend)
{
	const struct backend *b = backend_of(backend);

	if (cni_nft(c) < 0)
		return -1;
	if (b->add(c) == 0)
		return 0;
	if (needs_iptables(c, b))
		return masq_iptables_add(c);
	return b == &own ? err_wrap(c->err, "ipMasq") : -1;
}

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

static int set(struct cni_call *c, const struct backend *b)
{
	if (b->set(c, c->req->prev) == 0)
		return 0;
	return needs_iptables(c, b) ? masq_iptables_set(c, c->req->prev) : -1;
}

int masq_repair(struct cni_call *c, const char *backend)
{
	if (masq_check(c) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	return set(c, backend_of(backend));
}

int masq_turn(struct cni_call *c, const char *backend)
{
	const struct backend *b = backend_of(backend);

	if (cni_nft(c) < 0 || set(c, b) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i] != b && backends[i]->del(c, c->req->prev) < 0)
			return -1;
	return 0;
}

int masq_del(struct cni_call *c, const struct record *r)
{
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->del(c, r ? &r->prev : NULL) < 0)
			return -1;
	return 0;
}

int masq_gc(struct cni_call *c)
{
	struct instance_set comments;
	struct nft_comment_filter f = { instance_match_stale, &comments };

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(backends); i++)
		if (backends[i]->gc(c, &f) < 0)
			return -1;
	return 0;
}
