/* SPDX-License-Identifier: Apache-2.0 */
#include "xt_rule.h"

#include <arpa/inet.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_conntrack.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

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
		 const struct xt_rule *r, const char *mark)
{
	NFT_BLOCK_(nl, nft_rule_begin(nl, t, chain, NULL, first), __COUNTER__)
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
	nft_rule_tag(nl, mark);
}

/* ---- reading --------------------------------------------------------------------------------- */

#define ATTRS 8 /* more than any of these expressions has */

struct attrs {
	const struct nlattr *of[ATTRS];
};

static int take_attr(const struct nlattr *attr, void *data)
{
	struct attrs *a = data;
	uint16_t type = mnl_attr_get_type(attr);

	if (type < ATTRS)
		a->of[type] = attr;
	return MNL_CB_OK;
}

static struct attrs attrs_of(const struct nlattr *nest)
{
	struct attrs a = { 0 };

	if (nest)
		(void)mnl_attr_parse_nested(nest, take_attr, &a);
	return a;
}

static uint32_t number(const struct nlattr *attr)
{
	uint32_t v = 0;

	if (attr)
		nl_attr_u32(attr, &v);
	return ntohl(v);
}

/* A value of at most that many bytes, in an attribute of its own; its length. */
static size_t bytes_of(const struct nlattr *nest, void *out, size_t size)
{
	const struct nlattr *value = attrs_of(nest).of[NFTA_DATA_VALUE];
	size_t len = value ? mnl_attr_get_payload_len(value) : 0;

	if (!len || len > size)
		return 0;
	memcpy(out, mnl_attr_get_payload(value), len);
	return len;
}

/* A rule being read: what a register was filled with, until it is compared. */
struct reading {
	struct xt_rule *r;
	enum { NOTHING, SRC, DST, IN, OUT } loaded;
	size_t len;   /* of the part of an address */
	uint8_t plen; /* by a mask */
	uint8_t family;
	bool odd; /* something unknown */
};

static void read_payload(struct reading *g, const struct attrs *a)
{
	uint32_t offset = number(a->of[NFTA_PAYLOAD_OFFSET]);

	g->len = number(a->of[NFTA_PAYLOAD_LEN]);
	g->plen = (uint8_t)(g->len * 8);
	g->odd |= number(a->of[NFTA_PAYLOAD_BASE]) != NFT_PAYLOAD_NETWORK_HEADER || !g->len ||
		  g->len > (g->family == AF_INET ? 4 : 16);
	if (offset == (g->family == AF_INET ? 12 : 8))
		g->loaded = SRC;
	else if (offset == (g->family == AF_INET ? 16 : 24))
		g->loaded = DST;
	else
		g->odd = true;
}

static void read_meta(struct reading *g, const struct attrs *a)
{
	uint32_t key = number(a->of[NFTA_META_KEY]);

	if (key == NFT_META_IIFNAME)
		g->loaded = IN;
	else if (key == NFT_META_OIFNAME)
		g->loaded = OUT;
	else
		g->odd = true;
}

/* Ones, then zeros. */
static void read_mask(struct reading *g, const struct attrs *a)
{
	uint8_t mask[16], xor[16];
	size_t n = bytes_of(a->of[NFTA_BITWISE_MASK], mask, sizeof(mask)), bit = 0;

	if ((g->loaded != SRC && g->loaded != DST) || n != g->len ||
	    bytes_of(a->of[NFTA_BITWISE_XOR], xor, sizeof(xor)) != n) {
		g->odd = true;
		return;
	}
	while (bit < n * 8 && mask[bit / 8] & 0x80 >> bit % 8)
		bit++;
	g->plen = (uint8_t)bit;
	for (; bit < n * 8; bit++)
		g->odd |= !!(mask[bit / 8] & 0x80 >> bit % 8);
	for (size_t i = 0; i < n; i++)
		g->odd |= xor[i] != 0;
}

static void read_address(struct reading *g, struct ip *ip, const struct attrs *a)
{
	if (ip->family || number(a->of[NFTA_CMP_OP]) != NFT_CMP_EQ ||
	    bytes_of(a->of[NFTA_CMP_DATA], ip->bytes, sizeof(ip->bytes)) != g->len)
		g->odd = true;
	ip->family = g->family;
	ip->plen = g->plen;
}

/* Without its NUL it is the beginning of names, "eth+". */
static void read_name(struct reading *g, char name[IFNAMSIZ], bool *other, const struct attrs *a)
{
	uint32_t op = number(a->of[NFTA_CMP_OP]);
	char text[IFNAMSIZ];
	size_t n = bytes_of(a->of[NFTA_CMP_DATA], text, sizeof(text));

	if (*name || !n || !memchr(text, 0, n) ||
	    (op != NFT_CMP_EQ && !(op == NFT_CMP_NEQ && other))) {
		g->odd = true;
		return;
	}
	memcpy(name, text, strlen(text) + 1);
	if (other)
		*other = op == NFT_CMP_NEQ;
}

static void read_cmp(struct reading *g, const struct attrs *a)
{
	switch (g->loaded) {
	case SRC:
		read_address(g, &g->r->src, a);
		break;
	case DST:
		read_address(g, &g->r->dst, a);
		break;
	case IN:
		read_name(g, g->r->in, NULL, a);
		break;
	case OUT:
		read_name(g, g->r->out, &g->r->not_out, a);
		break;
	case NOTHING:
		g->odd = true;
	}
	g->loaded = NOTHING;
}

static bool read_comment(struct reading *g, const char *text, size_t len)
{
	struct xt_rule *r = g->r;

	if (len < sizeof(r->comment) || *r->comment)
		return false;
	snprintf(r->comment, sizeof(r->comment), "%.*s", (int)sizeof(r->comment) - 1, text);
	return true;
}

/* As xt_conntrack.h says, bytes are what iptables compares, too. */
static bool read_conntrack(struct reading *g, uint32_t revision, const void *info, size_t len)
{
	uint8_t wanted[ALIGNED(sizeof(established))] = { 0 };

	memcpy(wanted, &established, sizeof(established));
	g->r->established = revision == 3 && len >= sizeof(established) &&
			    !memcmp(info, wanted, sizeof(established));
	return g->r->established;
}

static void read_match(struct reading *g, const struct attrs *a)
{
	const struct nlattr *name = a->of[NFTA_MATCH_NAME], *info = a->of[NFTA_MATCH_INFO];
	const void *bytes = info ? mnl_attr_get_payload(info) : NULL;
	size_t len = info ? mnl_attr_get_payload_len(info) : 0;
	const char *kind = name && mnl_attr_validate(name, MNL_TYPE_NUL_STRING) == 0
				   ? mnl_attr_get_str(name)
				   : "";
	bool known = false;

	if (!strcmp(kind, "comment"))
		known = read_comment(g, bytes, len);
	if (!strcmp(kind, "conntrack"))
		known = read_conntrack(g, number(a->of[NFTA_MATCH_REV]), bytes, len);
	g->odd |= !known;
}

static void read_verdict(struct reading *g, const struct nlattr *immediate)
{
	const struct attrs data = attrs_of(attrs_of(immediate).of[NFTA_IMMEDIATE_DATA]);
	const struct attrs verdict = attrs_of(data.of[NFTA_DATA_VERDICT]);
	const char *target = nft_goes_to(immediate);

	g->odd |= !verdict.of[NFTA_VERDICT_CODE] || g->r->verdict != INT32_MIN;
	g->r->verdict = (int32_t)number(verdict.of[NFTA_VERDICT_CODE]);
	if (target)
		snprintf(g->r->target, sizeof(g->r->target), "%s", target);
}

static void read_expr(const char *name, const struct nlattr *data, void *arg)
{
	struct reading *g = arg;
	const struct attrs a = attrs_of(data);

	if (!strcmp(name, "payload"))
		read_payload(g, &a);
	else if (!strcmp(name, "meta"))
		read_meta(g, &a);
	else if (!strcmp(name, "bitwise"))
		read_mask(g, &a);
	else if (!strcmp(name, "cmp"))
		read_cmp(g, &a);
	else if (!strcmp(name, "match"))
		read_match(g, &a);
	else if (!strcmp(name, "immediate"))
		read_verdict(g, data);
	else if (strcmp(name, "counter") != 0)
		g->odd = true;
}

bool xt_rule_read(const struct nft_rule_info *seen, uint8_t family, struct xt_rule *r)
{
	struct reading g = { .r = r, .family = family };

	*r = (struct xt_rule){ .verdict = INT32_MIN };
	nft_expressions(seen, read_expr, &g);
	return !g.odd && r->verdict != INT32_MIN;
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
