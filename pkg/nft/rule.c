/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/rule.h"

#include <endian.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "nft/attr.h"
#include "nft/expr.h"
#include "nft/list.h"

/* ---- decoding -------------------------------------------------------------------------------- */

/* A rule being read; `loaded` is what the register holds that is compared next. */
struct decoder {
	struct nft_rule_info *rule;
	uint8_t family;
	struct nft_stmt loaded;
	struct arena *arena;
};

static struct nft_stmt *append(struct decoder *d, enum nft_stmt_kind kind)
{
	struct nft_stmt *s = arena_append(d->arena, d->rule->stmts, d->rule->n);

	*s = (struct nft_stmt){ .kind = kind };
	return s;
}

static enum nft_field field_of(uint8_t family, uint32_t base, uint32_t offset, uint32_t len)
{
	bool has_addresses = family == NFPROTO_IPV4 || family == NFPROTO_IPV6;

	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && len == 2)
		return NFT_FIELD_DPORT;
	if (base != NFT_PAYLOAD_NETWORK_HEADER || !has_addresses || !len ||
	    len > (family == NFPROTO_IPV4 ? 4 : 16))
		return NFT_FIELD_OTHER;
	if (offset == nft_addr_offset(NFT_FIELD_SADDR, family))
		return NFT_FIELD_SADDR;
	return offset == nft_addr_offset(NFT_FIELD_DADDR, family) ? NFT_FIELD_DADDR
								  : NFT_FIELD_OTHER;
}

static void read_payload(struct decoder *d, const struct nl_attrs *a)
{
	uint32_t len = nft_attr_u32(a->of[NFTA_PAYLOAD_LEN]);

	d->loaded = (struct nft_stmt){
		.field = field_of(d->family, nft_attr_u32(a->of[NFTA_PAYLOAD_BASE]),
				  nft_attr_u32(a->of[NFTA_PAYLOAD_OFFSET]), len),
		.len = len,
		.plen = (uint8_t)(len * 8),
	};
}

static void read_meta(struct decoder *d, const struct nl_attrs *a)
{
	static const enum nft_field fields[] = {
		[NFT_META_L4PROTO] = NFT_FIELD_PROTOCOL,
		[NFT_META_IIFNAME] = NFT_FIELD_IIFNAME,
		[NFT_META_OIFNAME] = NFT_FIELD_OIFNAME,
	};
	uint32_t key = nft_attr_u32(a->of[NFTA_META_KEY]);

	d->loaded = (struct nft_stmt){ 0 };
	if (key < ARRAY_SIZE(fields))
		d->loaded.field = fields[key];
	if (d->loaded.field == NFT_FIELD_PROTOCOL)
		d->loaded.len = 1;
}

/* Ones, then zeros; -1 if it is no such mask, or turns bits round. */
static int prefix_of(const struct nl_attrs *a, size_t len)
{
	static const uint8_t none[16];
	uint8_t mask[16], flip[16];
	size_t ones = 0;

	if (nft_attr_copy(a->of[NFTA_BITWISE_MASK], mask, sizeof(mask)) != len ||
	    nft_attr_copy(a->of[NFTA_BITWISE_XOR], flip, sizeof(flip)) != len ||
	    memcmp(flip, none, len) != 0)
		return -1;
	while (ones < len * 8 && mask[ones / 8] & 0x80 >> ones % 8)
		ones++;
	for (size_t bit = ones; bit < len * 8; bit++)
		if (mask[bit / 8] & 0x80 >> bit % 8)
			return -1;
	return (int)ones;
}

static void read_bitwise(struct decoder *d, const struct nl_attrs *a)
{
	bool address = d->loaded.field == NFT_FIELD_SADDR || d->loaded.field == NFT_FIELD_DADDR;
	int plen = address ? prefix_of(a, d->loaded.len) : -1;

	if (plen < 0)
		append(d, NFT_STMT_OTHER);
	else
		d->loaded.plen = (uint8_t)plen;
}

static void read_cmp(struct decoder *d, const struct nl_attrs *a)
{
	uint32_t op = nft_attr_u32(a->of[NFTA_CMP_OP]);
	struct nft_stmt *s = append(d, NFT_STMT_MATCH);
	size_t wanted = d->loaded.len;

	s->field = d->loaded.field;
	s->plen = d->loaded.plen;
	s->negated = op == NFT_CMP_NEQ;
	s->data = nft_attr_data(a->of[NFTA_CMP_DATA], &s->len);
	if ((op != NFT_CMP_EQ && op != NFT_CMP_NEQ) || !s->len || (wanted && s->len != wanted))
		s->field = NFT_FIELD_OTHER;
	d->loaded = (struct nft_stmt){ 0 };
}

static void read_immediate(struct decoder *d, const struct nl_attrs *a)
{
	const struct nlattr *data = a->of[NFTA_IMMEDIATE_DATA];
	struct nft_stmt *s = append(d, NFT_STMT_OTHER);

	if (nft_attr_verdict(data, &s->verdict, &s->name))
		s->kind = NFT_STMT_VERDICT;
	else if ((s->data = nft_attr_data(data, &s->len)))
		s->kind = NFT_STMT_VALUE;
}

static void read_xt_match(struct decoder *d, const struct nl_attrs *a)
{
	const struct nlattr *info = a->of[NFTA_MATCH_INFO];
	struct nft_stmt *s = append(d, NFT_STMT_XT_MATCH);

	s->name = nft_attr_str(a->of[NFTA_MATCH_NAME]);
	s->revision = nft_attr_u32(a->of[NFTA_MATCH_REV]);
	s->data = info ? mnl_attr_get_payload(info) : "";
	s->len = info ? mnl_attr_get_payload_len(info) : 0;
}

/* Without a function, all that counts is that it is there; the last is any other. */
static const struct reader {
	const char *name;
	void (*read)(struct decoder *d, const struct nl_attrs *a);
	enum nft_stmt_kind kind;
} readers[] = {
	{ "payload", read_payload, 0 },        { "meta", read_meta, 0 },
	{ "bitwise", read_bitwise, 0 },        { "cmp", read_cmp, 0 },
	{ "match", read_xt_match, 0 },         { "immediate", read_immediate, 0 },
	{ "counter", NULL, NFT_STMT_COUNTER }, { "nat", NULL, NFT_STMT_NAT },
	{ NULL, NULL, NFT_STMT_OTHER },
};

static void read_expr(struct decoder *d, const struct nlattr *attr)
{
	const struct nl_attrs e = nl_attrs_of(attr), a = nl_attrs_of(e.of[NFTA_EXPR_DATA]);
	const char *name = nft_attr_str(e.of[NFTA_EXPR_NAME]);
	const struct reader *r = readers;

	while (r->name && strcmp(r->name, name) != 0)
		r++;
	if (r->read)
		r->read(d, &a);
	else
		append(d, r->kind);
}

/* ---- listing --------------------------------------------------------------------------------- */

static struct nft_rule_info read_rule(const struct nlmsghdr *nlh, const struct nl_attrs *a,
				      struct arena *arena)
{
	const struct nfgenmsg *header = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *handle = a->of[NFTA_RULE_HANDLE];
	struct nft_rule_info r = {
		.chain = nft_attr_str(a->of[NFTA_RULE_CHAIN]),
		.comment = nft_attr_text(a->of[NFTA_RULE_USERDATA], NFT_UDATA_COMMENT, arena),
		.tag = nft_attr_text(a->of[NFTA_RULE_USERDATA], NFT_UDATA_TAG, arena),
	};
	struct decoder d = { .rule = &r, .family = header->nfgen_family, .arena = arena };

	if (handle && mnl_attr_get_payload_len(handle) == sizeof(uint64_t))
		r.handle = be64toh(mnl_attr_get_u64(handle));
	nft_attr_each(attr, a->of[NFTA_RULE_EXPRESSIONS]) read_expr(&d, attr);
	return r;
}

/* Old kernels do not filter. */
int nft_rules(struct nl *nl, const struct nft_table *t, const char *chain,
	      struct nft_rule_list *out, struct arena *arena)
{
	struct nft_dump d;

	*out = (struct nft_rule_list){ 0 };
	nft_msg(nl, t, NFT_MSG_GETRULE, NLM_F_DUMP, "list nf_tables rules");
	nl_str(nl, NFTA_RULE_TABLE, t->name);
	if (chain)
		nl_str(nl, NFTA_RULE_CHAIN, chain);
	if (nft_dump(nl, &d, arena) < 0)
		return -1;
	for (size_t i = 0; i < d.n; i++) {
		const struct nl_attrs a = nft_attrs_of_msg(d.msg[i]);

		if (!strcmp(nft_attr_str(a.of[NFTA_RULE_TABLE]), t->name) &&
		    (!chain || !strcmp(nft_attr_str(a.of[NFTA_RULE_CHAIN]), chain)))
			*arena_append(arena, out->list, out->n) = read_rule(d.msg[i], &a, arena);
	}
	return 0;
}

void nft_rules_keep(struct nft_rule_list *rules, nft_rule_match match, void *data)
{
	size_t n = 0;

	for (size_t i = 0; i < rules->n; i++)
		if (match(&rules->list[i], data))
			rules->list[n++] = rules->list[i];
	rules->n = n;
}

int nft_rules_del(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_match match,
		  void *data, struct arena *arena)
{
	struct nft_rule_list rules;

	for (int tries = 0;;) {
		if (nft_rules(nl, t, chain, &rules, arena) < 0)
			return -1;
		nft_rules_keep(&rules, match, data);
		nft_begin(nl, rules.n, arena);
		for (size_t i = 0; i < rules.n; i++)
			nft_rule_del(nl, t, rules.list[i].chain, rules.list[i].handle);
		if (nft_commit(nl) == 0)
			return 0;
		if (!nft_should_retry(nl, &tries, ENOENT))
			return -1;
	}
}

/* ---- questions ------------------------------------------------------------------------------- */

const char *nft_rule_target(const struct nft_rule_info *rule)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->stmts[i].kind == NFT_STMT_VERDICT && rule->stmts[i].name)
			return rule->stmts[i].name;
	return NULL;
}

bool nft_rule_leads_to(const struct nft_rule_info *rule, const char *chain)
{
	const char *target = nft_rule_target(rule);

	return target && !strcmp(target, chain);
}

bool nft_rule_names(const struct nft_rule_info *rule, const struct ip *ip)
{
	for (size_t i = 0; i < rule->n; i++) {
		const struct nft_stmt *s = &rule->stmts[i];

		if ((s->kind == NFT_STMT_MATCH || s->kind == NFT_STMT_VALUE) &&
		    s->len == ip_len(ip) && !memcmp(s->data, ip->bytes, s->len))
			return true;
	}
	return false;
}
