/* SPDX-License-Identifier: Apache-2.0 */
#include "xt_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>
#include <string.h>

#include "nft/expr.h"

#define ALIGNED(n) (((n) + 7) & ~(size_t)7) /* a match's data, XT_ALIGN() of x_tables.h */

_Static_assert(XT_COMMENT_SIZE == XT_MAX_COMMENT_LEN, "struct xt_comment_info");
_Static_assert(sizeof(struct xt_conntrack_mtinfo3) == 164, "revision 3");

/*
 * What --ctstate RELATED,ESTABLISHED is: XT_CONNTRACK_STATE_BIT() of IP_CT_ESTABLISHED and
 * _RELATED.
 */
static const struct xt_conntrack_mtinfo3 established = {
	.match_flags = XT_CONNTRACK_STATE,
	.state_mask = 1 << 1 | 1 << 2,
};

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

static void put_established(struct nl *nl)
{
	uint8_t info[ALIGNED(sizeof(established))] = { 0 };

	memcpy(info, &established, sizeof(established));
	put_match(nl, "conntrack", 3, info, sizeof(info));
}

void xt_rule_put(struct nl *nl, const struct nft_table *t, const char *chain, bool first,
		 const struct xt_rule *r, const char *tag)
{
	nft_rule_at(nl, t, chain, NULL, first)
	{
		if (*r->in)
			put_interface(nl, NFT_META_IIFNAME, r->in, false);
		if (*r->out)
			put_interface(nl, NFT_META_OIFNAME, r->out, r->not_out);
		if (r->src.family)
			nft_saddr_in(nl, &r->src);
		if (r->dst.family)
			nft_daddr_in(nl, &r->dst, NFT_CMP_EQ);
		if (r->established)
			put_established(nl);
		if (*r->comment)
			put_match(nl, "comment", 0, r->comment, sizeof(r->comment));
		nft_counter(nl);
		nft_verdict(nl, r->verdict, *r->target ? r->target : NULL);
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
static bool read_name(char name[IFNAMSIZ], bool *other, const struct nft_stmt *s)
{
	if (*name || s->len > IFNAMSIZ || !memchr(s->data, 0, s->len) || (s->negated && !other))
		return false;
	memcpy(name, s->data, strlen(s->data) + 1);
	if (other)
		*other = s->negated;
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
		return read_name(r->in, NULL, s);
	case NFT_FIELD_OIFNAME:
		return read_name(r->out, &r->not_out, s);
	default:
		return false;
	}
}

/* As xt_conntrack.h says, bytes are what iptables compares, too. */
static bool read_extension(struct xt_rule *r, const struct nft_stmt *s)
{
	uint8_t wanted[ALIGNED(sizeof(established))] = { 0 };

	if (!strcmp(s->name, "comment") && s->len >= sizeof(r->comment) && !*r->comment) {
		snprintf(r->comment, sizeof(r->comment), "%.*s", (int)sizeof(r->comment) - 1,
			 (const char *)s->data);
		return true;
	}
	memcpy(wanted, &established, sizeof(established));
	r->established = !strcmp(s->name, "conntrack") && s->revision == 3 &&
			 s->len >= sizeof(established) &&
			 !memcmp(s->data, wanted, sizeof(established));
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
		snprintf(r->target, sizeof(r->target), "%s", s->name ? s->name : "");
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

static bool same_net(const struct ip *a, const struct ip *b)
{
	return a->family == b->family &&
	       (!a->family || (a->plen == b->plen && !memcmp(a->bytes, b->bytes, ip_len(a))));
}

bool xt_rule_equal(const struct xt_rule *a, const struct xt_rule *b)
{
	return same_net(&a->src, &b->src) && same_net(&a->dst, &b->dst) && !strcmp(a->in, b->in) &&
	       !strcmp(a->out, b->out) && a->not_out == b->not_out &&
	       a->established == b->established && !strcmp(a->comment, b->comment) &&
	       a->verdict == b->verdict && !strcmp(a->target, b->target);
}

static void saved_net(char *out, size_t size, const char *option, const struct ip *net)
{
	char text[IP_STRLEN];

	snprintf(out, size, "%s %s ", option, cidr_str(net, text));
}

static const char *target_of(const struct xt_rule *r)
{
	switch (r->verdict) {
	case NF_ACCEPT:
		return "ACCEPT";
	case NF_DROP:
		return "DROP";
	case NFT_RETURN:
		return "RETURN";
	default:
		return r->target;
	}
}

void xt_rule_save(const struct xt_rule *r, char out[XT_SAVED_SIZE])
{
	char src[64] = "", dst[64] = "", in[32] = "", outside[32] = "";
	char comment[XT_COMMENT_SIZE + 32] = "";

	if (r->src.family)
		saved_net(src, sizeof(src), "-s", &r->src);
	if (r->dst.family)
		saved_net(dst, sizeof(dst), "-d", &r->dst);
	if (*r->in)
		snprintf(in, sizeof(in), "-i %s ", r->in);
	if (*r->out)
		snprintf(outside, sizeof(outside), "%s-o %s ", r->not_out ? "! " : "", r->out);
	if (*r->comment)
		snprintf(comment, sizeof(comment), "-m comment --comment \"%s\" ", r->comment);
	snprintf(out, XT_SAVED_SIZE, "%s%s%s%s%s%s-j %s", src, dst, in, outside,
		 r->established ? "-m conntrack --ctstate RELATED,ESTABLISHED " : "", comment,
		 target_of(r));
}
