/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/chain.h"

#include <string.h>

const struct nft_table nft_ipt_nat[2] = { { NFPROTO_IPV4, "nat" }, { NFPROTO_IPV6, "nat" } };
const struct nft_table nft_ipt_filter[2] = { { NFPROTO_IPV4, "filter" },
					     { NFPROTO_IPV6, "filter" } };

/* What a rule is looked at for. */
struct rule_scan_of {
	const char *to;
	const struct ip *about;
	bool leads, compares;
};

static int cmp_data(const struct nlattr *attr, void *data)
{
	struct rule_scan_of *l = data;

	if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE &&
	    mnl_attr_get_payload_len(attr) == ip_len(l->about) &&
	    !memcmp(mnl_attr_get_payload(attr), l->about->bytes, ip_len(l->about)))
		l->compares = true;
	return MNL_CB_OK;
}

static int cmp_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_CMP_DATA)
		(void)mnl_attr_parse_nested(attr, cmp_data, data);
	return MNL_CB_OK;
}

static void on_expr(const char *name, const struct nlattr *data, void *arg)
{
	struct rule_scan_of *l = arg;

	if (!strcmp(name, "immediate")) {
		const char *chain = nft_goes_to(data);

		l->leads |= chain && !strcmp(chain, l->to);
	}
	if (l->about && !strcmp(name, "cmp"))
		(void)mnl_attr_parse_nested(data, cmp_attr, l);
}

static bool leads_to(const struct nft_rule_info *rule, const char *to, const struct ip *about)
{
	struct rule_scan_of l = { .to = to, .about = about };

	nft_expressions(rule, on_expr, &l);
	return l.leads && (l.compares || !about);
}

struct jumps {
	const char *to;
	const struct ip *about;
	size_t n;
	uint64_t *handles; /* only with an arena */
	struct arena *arena;
};

static void on_rule(const struct nft_rule_info *rule, void *data)
{
	struct jumps *j = data;

	if (!leads_to(rule, j->to, j->about))
		return;
	if (j->arena)
		*arena_append(j->arena, j->handles, j->n) = rule->handle;
	else
		j->n++;
}

static void reset(void *data)
{
	struct jumps *j = data;

	j->n = 0;
}

int nft_count_jumps(struct nl *nl, const struct nft_table *t, const char *from, const char *to,
		    const struct ip *about, size_t *n)
{
	struct jumps j = { .to = to, .about = about };

	if (nft_rules(nl, t, from, on_rule, reset, &j) < 0)
		return -1;
	*n = j.n;
	return 0;
}

/* One transaction; ENOENT if somebody else was quicker with a part of it. */
static int remove_all(struct nl *nl, const struct nft_table *t, const struct nft_chain_removal *d,
		      const struct jumps *jumps, struct arena *arena)
{
	nft_begin(nl, 0, arena);
	for (size_t i = 0; d->from[i]; i++)
		for (size_t k = 0; k < jumps[i].n; k++)
			nft_rule_del(nl, t, d->from[i], jumps[i].handles[k]);
	nft_chain_flush(nl, t, d->chain);
	if (d->with)
		nft_chain_flush(nl, t, d->with);
	nft_chain_del(nl, t, d->chain);
	if (d->with)
		nft_chain_del(nl, t, d->with);
	return nft_commit(nl);
}

#define FROM_MAX 4

int nft_chain_remove(struct nl *nl, const struct nft_table *t, const struct nft_chain_removal *d,
		     struct arena *arena)
{
	for (int tries = 0;;) {
		struct jumps jumps[FROM_MAX] = { 0 };
		bool has;

		if (nft_has_chain(nl, t, d->chain, &has) < 0)
			return -1;
		if (!has)
			return 0;
		for (size_t i = 0; d->from[i] && i < FROM_MAX; i++) {
			jumps[i] = (struct jumps){ .to = d->chain, .arena = arena };
			if (nft_rules(nl, t, d->from[i], on_rule, reset, &jumps[i]) < 0)
				return -1;
		}
		if (remove_all(nl, t, d, jumps, arena) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}
