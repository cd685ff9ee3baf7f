/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/masq.h"

#include <stdio.h>
#include <string.h>

#include "netfilter/iptables.h"
#include "netfilter/masq_compat.h"
#include "netfilter/masq_nft.h"
#include "nft/list.h"
#include "skel/instance.h"

int masq_validate(struct cni_call *c, const char *backend)
{
	if (!backend || !*backend || !strcmp(backend, "nftables") || !strcmp(backend, "iptables"))
		return 0;
	return err_set(c->err, ERR_CONFIG,
		       "ipMasqBackend: \"%.80s\" is neither nftables nor iptables", backend);
}

static bool is(const char *backend, const char *name)
{
	return backend && !strcmp(backend, name);
}

/* ---- whose ----------------------------------------------------------------------------------- */

static struct instance owner_of(const struct cni_call *c)
{
	struct instance o;

	instance_init(&o, c->req->net.name, c->req->ifname, c->req->container_id);
	return o;
}

static struct nft_comment_filter filter(const struct cni_call *c)
{
	struct instance *o = arena_new(c->arena, struct instance);

	*o = owner_of(c);
	return (struct nft_comment_filter){ instance_match_this, o };
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
	struct instance *o = arena_new(c->arena, struct instance);

	*o = owner_of(c);
	return masq_nft_elems(addresses(c, r), r->n_ips, o->comment, c->arena);
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

/* ---- the reference's ------------------------------------------------------------------------- */

static void undo_ref(struct cni_call *c, void *arg)
{
	struct nft_comment_filter w = filter(c);

	(void)arg;
	if (masq_compat_del(c->nft, &w, c->arena) < 0)
		fprintf(stderr, "rollback: masquerading: %s\n", c->err->msg);
}

static int set_ref(struct cni_call *c, const struct cni_result *r)
{
	struct nft_comment_filter w = filter(c);

	return masq_compat_set(c->nft, addresses(c, r), r->n_ips, owner_of(c).comment, &w,
			       c->arena);
}

static int add_ref(struct cni_call *c)
{
	undo_push(c, undo_ref, NULL); /* first: an answer may be lost */
	return set_ref(c, &c->result);
}

/* ---- iptables -------------------------------------------------------------------------------- */

static const char *const postrouting[] = { "POSTROUTING", NULL };

struct chain {
	char name[INSTANCE_CHAIN_LEN + 1];
};

static struct chain chain_of(const char *network, const char *container_id)
{
	struct chain chain;

	instance_hash_name(chain.name, INSTANCE_CHAIN_LEN, "CNI-", network, container_id);
	return chain;
}

static int drop_chain(struct cni_call *c, const char *network, const char *container_id)
{
	struct chain chain = chain_of(network, container_id);
	const struct nft_chain_removal d = { .chain = chain.name, .from = postrouting };

	return iptables_chain_remove(c, IPTABLES_NAT, &d);
}

static void undo_iptables(struct cni_call *c, void *arg)
{
	(void)arg;
	if (drop_chain(c, c->req->net.name, c->req->container_id) < 0)
		fprintf(stderr, "rollback: masquerading: %s\n", c->err->msg);
}

static const char *comment_of(struct cni_call *c)
{
	return arena_printf(c->arena, "-m comment --comment \"name: \\\"%s\\\" id: \\\"%s\\\"\"",
			    c->req->net.name, c->req->container_id);
}

/* Names have no characters that iptables-restore would take apart. */
static const char *inner_rules(struct cni_call *c, const char *chain, const struct ip *ip)
{
	const char *multicast = ip->family == AF_INET ? "224.0.0.0/4" : "ff00::/8";
	const char *comment = comment_of(c);
	char cidr[IP_STRLEN];

	return arena_printf(c->arena,
			    "-A %s -d %s %s -j ACCEPT\n"
			    "-A %s ! -d %s %s -j MASQUERADE\n",
			    chain, cidr_str(ip, cidr), comment, chain, multicast, comment);
}

static const char *jump_rule(struct cni_call *c, const char *chain, const struct ip *ip)
{
	char address[IP_STRLEN];

	return arena_printf(c->arena, "-A POSTROUTING -s %s %s -j %s\n", ip_str(ip, address),
			    comment_of(c), chain);
}

/* What the chain has at least: a rule for each subnet, and one for all the rest. */
static size_t count_inner(const struct cni_result *r, sa_family_t family)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip net = ip_network(&r->ips[i].address);
		bool again = net.family != family;

		for (size_t j = 0; !again && j < i; j++) {
			const struct ip before = ip_network(&r->ips[j].address);

			again = cidr_equal(&before, &net);
		}
		n += !again;
	}
	return n ? n + 1 : 0;
}

static int is_complete(struct cni_call *c, const struct cni_result *r, sa_family_t family,
		       const char *chain, bool *complete)
{
	size_t want = count_inner(r, family), n = 0;
	struct iptables_view view;

	if (want && iptables_view(c, family, IPTABLES_NAT, &view) < 0)
		return -1;
	if (want && iptables_count(c, &view, chain, NULL, &n) < 0)
		return -1;
	*complete = n >= want;
	return 0;
}

/*
 * What is not there yet of one family's. The chain is the container's, which may have a second
 * interface on the network: one that is complete is added to, another made anew.
 */
static int missing_rules(struct cni_call *c, const struct cni_result *r, sa_family_t family,
			 const char **text)
{
	struct chain chain = chain_of(c->req->net.name, c->req->container_id);
	const char *inner = "", *jumps = "";
	bool complete;

	*text = "";
	if (is_complete(c, r, family, chain.name, &complete) < 0)
		return -1;
	for (size_t i = 0; i < r->n_ips; i++) {
		const struct ip *ip = &r->ips[i].address;
		size_t n;

		if (ip->family != family)
			continue;
		if (iptables_count_jumps(c, ip, IPTABLES_NAT, postrouting[0], chain.name, &n) < 0)
			return -1;
		if (!n || !complete)
			inner = arena_printf(c->arena, "%s%s", inner,
					     inner_rules(c, chain.name, ip));
		if (!n)
			jumps = arena_printf(c->arena, "%s%s", jumps, jump_rule(c, chain.name, ip));
	}
	if (*inner)
		*text = arena_printf(c->arena, "*nat\n%s%s%sCOMMIT\n",
				     complete ? "" : arena_printf(c->arena, ":%s -\n", chain.name),
				     inner, jumps);
	return 0;
}

static int set_family(struct cni_call *c, const struct cni_result *r, sa_family_t family)
{
	const char *rules;

	if (missing_rules(c, r, family, &rules) < 0)
		return -1;
	return *rules ? iptables_restore(c, family, rules) : 0;
}

static int set_iptables(struct cni_call *c, const struct cni_result *r)
{
	if (set_family(c, r, AF_INET) < 0)
		return -1;
	return set_family(c, r, AF_INET6);
}

static int add_iptables(struct cni_call *c)
{
	undo_push(c, undo_iptables, NULL); /* of two families the first may have been done */
	return set_iptables(c, &c->result);
}

/* Every address has its rule, and the chain what it does. */
static int has_iptables(struct cni_call *c, const struct cni_result *r, bool *has)
{
	const char *ipv4, *ipv6;

	if (missing_rules(c, r, AF_INET, &ipv4) < 0 || missing_rules(c, r, AF_INET6, &ipv6) < 0)
		return -1;
	*has = !*ipv4 && !*ipv6;
	return 0;
}

/* ---- all three ------------------------------------------------------------------------------- */

int masq_add(struct cni_call *c, const char *backend)
{
	if (cni_nft(c) < 0)
		return -1;
	if (is(backend, "nftables"))
		return add_ref(c);
	if (is(backend, "iptables"))
		return add_iptables(c);
	if (add_own(c) == 0)
		return 0;
	if (!nft_is_missing(c->err))
		return err_wrap(c->err, "ipMasq");
	err_clear(c->err);
	return add_iptables(c);
}

static int has_others(struct cni_call *c, bool *has)
{
	struct nft_comment_filter w = filter(c);
	size_t n;

	if (masq_compat_count(c->nft, &w, c->arena, &n) < 0)
		return -1;
	*has = n >= c->req->prev->n_ips;
	if (*has)
		return 0;
	return has_iptables(c, c->req->prev, has);
}

/* A node that changes over has what the reference has made. */
int masq_check(struct cni_call *c)
{
	struct nft_elems elems = elems_of(c, c->req->prev);
	struct err first;
	bool has = false;

	if (cni_nft(c) < 0)
		return -1;
	if (nft_elems_check(c->nft, &elems, c->arena) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	first = *c->err;
	err_clear(c->err);
	if (has_others(c, &has) < 0 || !has) {
		*c->err = first;
		return err_wrap(c->err, "ipMasq");
	}
	return 0;
}

static int make(struct cni_call *c, const char *backend)
{
	struct nft_elems elems = elems_of(c, c->req->prev);

	if (is(backend, "nftables"))
		return set_ref(c, c->req->prev);
	if (is(backend, "iptables"))
		return set_iptables(c, c->req->prev);
	if (nft_elems_restore(c->nft, &elems, c->arena) == 0)
		return 0;
	if (!nft_is_missing(c->err))
		return -1;
	err_clear(c->err);
	return set_iptables(c, c->req->prev);
}

int masq_repair(struct cni_call *c, const char *backend)
{
	if (masq_check(c) == 0)
		return 0;
	if (c->err->code != ERR_CHECK)
		return -1;
	err_clear(c->err);
	return make(c, backend);
}

int masq_turn(struct cni_call *c, const char *backend)
{
	struct nft_elems elems = elems_of(c, c->req->prev);
	struct nft_comment_filter w = filter(c);
	bool nftables = is(backend, "nftables"), iptables = is(backend, "iptables");

	if (cni_nft(c) < 0 || make(c, backend) < 0)
		return -1;
	if ((nftables || iptables) && nft_elems_del(c->nft, &elems, c->arena) < 0)
		return -1;
	if (!nftables && masq_compat_del(c->nft, &w, c->arena) < 0)
		return -1;
	return iptables ? 0 : drop_chain(c, c->req->net.name, c->req->container_id);
}

static int del_own(struct cni_call *c, const struct record *r)
{
	struct instance o = owner_of(c);
	struct nft_elems elems;

	if (!r)
		return nft_elems_gc(c->nft, &masq_nft_table, instance_match_this, &o, c->arena);
	elems = elems_of(c, &r->prev);
	return nft_elems_del(c->nft, &elems, c->arena);
}

int masq_del(struct cni_call *c, const struct record *r)
{
	struct nft_comment_filter w = filter(c);

	if (cni_nft(c) < 0)
		return -1;
	if (del_own(c, r) < 0)
		return -1;
	if (masq_compat_del(c->nft, &w, c->arena) < 0)
		return -1;
	return drop_chain(c, c->req->net.name, c->req->container_id);
}

/* A chain's name does not tell whose it is: only those go whose ADD has left a record. */
static int gc_chain(struct cni_call *c, const struct record *r)
{
	return drop_chain(c, r->network, r->container_id);
}

int masq_gc(struct cni_call *c)
{
	struct instance_set comments;
	struct nft_comment_filter w = { instance_match_stale, &comments };

	instance_set_init(&comments, c);
	if (cni_nft(c) < 0)
		return -1;
	if (nft_elems_gc(c->nft, &masq_nft_table, instance_match_stale, &comments, c->arena) < 0)
		return -1;
	if (masq_compat_del(c->nft, &w, c->arena) < 0)
		return -1;
	return record_each_stale(c, gc_chain);
}
