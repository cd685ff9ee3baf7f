/* SPDX-License-Identifier: Apache-2.0 */
#include "xt_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "nft/expr.h"

/*
 * What --ctstate RELATED,ESTABLISHED is: XT_CONNTRACK_STATE_BIT() of IP_CT_ESTABLISHED and
 * _RELATED. A match's data end at a multiple of 8, XT_ALIGN() of x_tables.h.
 */
static const struct {
	struct xt_conntrack_mtinfo3 info;
	uint8_t end[4];
} established = { .info = { .match_flags = XT_CONNTRACK_STATE, .state_mask = 1 << 1 | 1 << 2 } };

_Static_assert(sizeof(established.info) == 164 && sizeof(established) == 168, "revision 3");

/* ---- writing --------------------------------------------------------------------------------- */

static void put_match(struct nl *nl, const char *name, uint32_t revision, const void *info,
		      size_t len)
{
	nft_expr(nl, "match") {
		nl_str(nl, NFTA_MATCH_NAME, name);
		nft_be32(nl, NFTA_MATCH_REV, revision);
		nl_put(nl, NFTA_MATCH_INFO, info, len);
	}
}

static void put_interface(struct nl *nl, enum nft_meta_keys key, const char *name, bool other)
{
	nft_meta(nl, key, NFT_R(0));
	nft_cmp(nl, other ? NFT_CMP_NEQ : NFT_CMP_EQ, NFT_R(0), name, strlen(name) + 1);
}

void xt_rule_put(struct nl *nl, const struct nft_table *t, const char *chain, bool first,
		 const struct xt_rule *r, const char *tag)
{
	char comment[XT_MAX_COMMENT_LEN] = "";

	nft_rule_at(nl, t, chain, NULL, first) {
		if (r->in)
			put_interface(nl, NFT_META_IIFNAME, r->in, false);
		if (r->out)
			put_interface(nl, NFT_META_OIFNAME, r->out, r->not_out);
		if (r->src.family)
			nft_saddr_in(nl, &r->src);
		if (r->dst.family)
			nft_daddr_in(nl, &r->dst, NFT_CMP_EQ);
		if (r->established)
			put_match(nl, "conntrack", 3, &established, sizeof(established));
		if (r->comment) {
			snprintf(comment, sizeof(comment), "%s", r->comment);
			put_match(nl, "comment", 0, comment, sizeof(comment));
		}
		nft_counter(nl);
		nft_verdict(nl, r->verdict, r->target);
	}
	nft_rule_tag(nl, tag);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_address(struct ip *ip, uint8_t family, const struct nft_stmt *s)
{
	if (ip->family || s->negated)
		return false;
	ip->family = family == NFPROTO_IPV4 ? AF_INET : AF_INET6;
	ip->plen = s->plen;
	memcpy(ip->bytes, s->data, s->len);
	return true;
}

/* Without its NUL it is the beginning of names, "eth+". */
static bool read_name(const char **name, const struct nft_stmt *s)
{
	if (*name || s->len > IFNAMSIZ || !memchr(s->data, 0, s->len))
		return false;
	*name = s->data;
	return true;
}

static bool read_match(struct xt_rule *r, uint8_t family, const struct nft_stmt *s)
{
	switch (s->field) {
	case NFT_FIELD_SADDR:
		return read_address(&r->src, family, s);
	case NFT_FIELD_DADDR:
		return read_address(&r->dst, family, s);
	case NFT_FIELD_IIFNAME:
		return !s->negated && read_name(&r->in, s);
	case NFT_FIELD_OIFNAME:
		r->not_out = s->negated;
		return read_name(&r->out, s);
	default:
		return false;
	}
}

/* As xt_conntrack.h says, bytes are what iptables compares, too. */
static bool read_extension(struct xt_rule *r, const struct nft_stmt *s)
{
	if (!strcmp(s->name, "comment") && s->len >= XT_MAX_COMMENT_LEN && !r->comment) {
		r->comment = s->data;
		return memchr(s->data, 0, XT_MAX_COMMENT_LEN);
	}
	r->established = !strcmp(s->name, "conntrack") && s->revision == 3 &&
			 s->len >= sizeof(established.info) &&
			 !memcmp(s->data, &established, sizeof(established.info));
	return r->established;
}

static bool read_stmt(struct xt_rule *r, uint8_t family, const struct nft_stmt *s)
{
	switch (s->kind) {
	case NFT_STMT_MATCH:
		return read_match(r, family, s);
	case NFT_STMT_XT_MATCH:
		return read_extension(r, s);
	case NFT_STMT_VERDICT:
		if (r->verdict != INT32_MIN)
			return false;
		r->verdict = s->verdict;
		r->target = s->name;
		return true;
	default:
		return s->kind == NFT_STMT_COUNTER;
	}
}

bool xt_rule_read(const struct nft_rule_info *rule, uint8_t family, struct xt_rule *r)
{
	bool known = true;

	*r = (struct xt_rule){ .verdict = INT32_MIN };
	for (size_t i = 0; i < rule->n; i++)
		known &= read_stmt(r, family, &rule->stmts[i]);
	return known && r->verdict != INT32_MIN;
}

/* ---- comparing, printing --------------------------------------------------------------------- */

static bool same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool xt_rule_equal(const struct xt_rule *a, const struct xt_rule *b)
{
	return cidr_equal(&a->src, &b->src) && cidr_equal(&a->dst, &b->dst) &&
	       same_text(a->in, b->in) && same_text(a->out, b->out) && a->not_out == b->not_out &&
	       a->established == b->established && same_text(a->comment, b->comment) &&
	       a->verdict == b->verdict && same_text(a->target, b->target);
}

const char *xt_rule_save(const struct xt_rule *r, struct arena *arena)
{
	const char *text = "", *to = r->verdict == NF_ACCEPT ? "ACCEPT" : "DROP";
	char net[IP_STRLEN];

	if (r->src.family)
		text = arena_printf(arena, "-s %s ", cidr_str(&r->src, net));
	if (r->dst.family)
		text = arena_printf(arena, "%s-d %s ", text, cidr_str(&r->dst, net));
	if (r->in)
		text = arena_printf(arena, "%s-i %s ", text, r->in);
	if (r->out)
		text = arena_printf(arena, "%s%s-o %s ", text, r->not_out ? "! " : "", r->out);
	if (r->established)
		text = arena_printf(arena, "%s-m conntrack --ctstate RELATED,ESTABLISHED ", text);
	if (r->comment)
		text = arena_printf(arena, "%s-m comment --comment \"%s\" ", text, r->comment);
	if (r->verdict == NFT_RETURN)
		to = "RETURN";
	return arena_printf(arena, "%s-j %s", text, r->target ? r->target : to);
}
