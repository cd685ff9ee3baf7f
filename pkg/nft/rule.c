/* SPDX-License-Identifier: Apache-2.0 */
#include "nft/rule.h"

#include <endian.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <string.h>

#include "nft/attr.h"
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

static size_t address_len(uint8_t family)
{
	return family == NFPROTO_IPV4 ? 4 : family == NFPROTO_IPV6 ? 16 : 0;
}

static enum nft_field field_of(uint8_t family, uint32_t base, uint32_t offset, uint32_t len)
{
	bool v4 = family == NFPROTO_IPV4;

	if (base == NFT_PAYLOAD_TRANSPORT_HEADER && offset == 2 && len == 2)
		return NFT_FIELD_DPORT;
	if (base != NFT_PAYLOAD_NETWORK_HEADER || !len || len > address_len(family))
		return NFT_FIELD_OTHER;
	if (offset == (v4 ? 12 : 8))
		return NFT_FIELD_SADDR;
	return offset == (v4 ? 16 : 24) ? NFT_FIELD_DADDR : NFT_FIELD_OTHER;
}

static void read_payload(struct decoder *d, const struct nft_attrs *a)
{
	uint32_t len = nft_attr_u32(a->of[NFTA_PAYLOAD_LEN]);

	d->loaded = (struct nft_stmt){
		.field = field_of(d->family, nft_attr_u32(a->of[NFTA_PAYLOAD_BASE]),
				  nft_attr_u32(a->of[NFTA_PAYLOAD_OFFSET]), len),
		.len = len,
		.plen = (uint8_t)(len * 8),
	};
}

static void read_meta(struct decoder *d, const struct nft_attrs *a)
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
static int prefix_of(const struct nft_attrs *a, size_t len)
{
	uint8_t mask[16], flip[16];
	size_t bit = 0, ones;

	if (nft_attr_copy(a->of[NFTA_BITWISE_MASK], mask, sizeof(mask)) != len ||
	    nft_attr_copy(a->of[NFTA_BITWISE_XOR], flip, sizeof(flip)) != len)
		return -1;
	while (bit < len * 8 && mask[bit / 8] & 0x80 >> bit % 8)
		bit++;
	ones = bit;
	for (; bit < len * 8; bit++)
		if (mask[bit / 8] & 0x80 >> bit % 8)
			return -1;
	for (size_t i = 0; i < len; i++)
		if (flip[i])
			return -1;
	return (int)ones;
}

static void read_bitwise(struct decoder *d, const struct nft_attrs *a)
{
	bool address = d->loaded.field == NFT_FIELD_SADDR || d->loaded.field == NFT_FIELD_DADDR;
	int plen = address ? prefix_of(a, d->loaded.len) : -1;

	if (plen < 0)
		append(d, NFT_STMT_OTHER);
	else
		d->loaded.plen = (uint8_t)plen;
}

static void read_cmp(struct decoder *d, const struct nft_attrs *a)
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

static void read_immediate(struct decoder *d, const struct nft_attrs *a)
{
	const struct nlattr *data = a->of[NFTA_IMMEDIATE_DATA];
	struct nft_stmt *s = append(d, NFT_STMT_OTHER);

	if (nft_attr_verdict(data, &s->verdict, &s->name))
		s->kind = NFT_STMT_VERDICT;
	else if ((s->data = nft_attr_data(data, &s->len)))
		s->kind = NFT_STMT_VALUE;
}

static void read_xt_match(struct decoder *d, const struct nft_attrs *a)
{
	const struct nlattr *info = a->of[NFTA_MATCH_INFO];
	struct nft_stmt *s = append(d, NFT_STMT_XT_MATCH);

	s->name = nft_attr_str(a->of[NFTA_MATCH_NAME]);
	s->revision = nft_attr_u32(a->of[NFTA_MATCH_REV]);
	s->data = info ? mnl_attr_get_payload(info) : "";
	s->len = info ? mnl_attr_get_payload_len(info) : 0;
}

static void read_nat(struct decoder *d, const struct nft_attrs *a)
{
	(void)a;
	append(d, NFT_STMT_NAT);
}

static void read_counter(struct decoder *d, const struct nft_attrs *a)
{
	(void)a;
	append(d, NFT_STMT_COUNTER);
}

static const struct {
	const char *name;
	void (*read)(struct decoder *d, const struct nft_attrs *a);
} readers[] = {
	{ "payload", read_payload },     { "meta", read_meta },
	{ "bitwise", read_bitwise },     { "cmp", read_cmp },
	{ "match", read_xt_match },      { "nat", read_nat },
	{ "immediate", read_immediate }, { "counter", read_counter },
};

static void read_expr(struct decoder *d, const struct nlattr *attr)
{
	const struct nft_attrs e = nft_attrs_of(attr), a = nft_attrs_of(e.of[NFTA_EXPR_DATA]);
	const char *name = nft_attr_str(e.of[NFTA_EXPR_NAME]);

	for (size_t i = 0; i < ARRAY_SIZE(readers); i++) {
		if (!strcmp(readers[i].name, name)) {
			readers[i].read(d, &a);
			return;
		}
	}
	append(d, NFT_STMT_OTHER);
}

/* ---- listing --------------------------------------------------------------------------------- */

struct rule_dump {
	struct nft_dump dump;
	struct nft_rule_list *out;
	const char *table, *chain; /* asked for; old kernels do not filter */
};

/* The message is kept: all that is decoded points into it. */
static int take_rule(const struct nlmsghdr *nlh, void *data)
{
	struct rule_dump *l = data;
	struct arena *arena = l->dump.arena;
	const struct nft_attrs a =
		nft_attrs_of_msg(memcpy(arena_alloc(arena, nlh->nlmsg_len), nlh, nlh->nlmsg_len));
	const char *chain = nft_attr_str(a.of[NFTA_RULE_CHAIN]);
	const struct nlattr *handle = a.of[NFTA_RULE_HANDLE];
	struct nft_rule_info r = { .chain = chain, .expressions = a.of[NFTA_RULE_EXPRESSIONS] };
	struct decoder d = { .rule = &r, .family = NFPROTO_UNSPEC, .arena = arena };

	if (strcmp(nft_attr_str(a.of[NFTA_RULE_TABLE]), l->table) != 0 ||
	    (l->chain && strcmp(chain, l->chain) != 0))
		return MNL_CB_OK;
	d.family = *(const uint8_t *)mnl_nlmsg_get_payload(nlh); /* nfgen_family */
	if (handle && mnl_attr_get_payload_len(handle) == sizeof(uint64_t))
		r.handle = be64toh(mnl_attr_get_u64(handle));
	r.comment = nft_attr_comment(a.of[NFTA_RULE_USERDATA], arena);
	r.tag = nft_attr_tag(a.of[NFTA_RULE_USERDATA], arena);
	nft_attr_each(attr, r.expressions) read_expr(&d, attr);
	*arena_append(arena, l->out->list, l->out->n) = r;
	return MNL_CB_OK;
}

int nft_rules(struct nl *nl, const struct nft_table *t, const char *chain,
	      struct nft_rule_list *out, struct arena *arena)
{
	struct rule_dump d = { { .n = &out->n, .arena = arena }, out, t->name, chain };

	nft_msg(nl, t, NFT_MSG_GETRULE, NLM_F_DUMP, "list nf_tables rules");
	nl_str(nl, NFTA_RULE_TABLE, t->name);
	if (chain)
		nl_str(nl, NFTA_RULE_CHAIN, chain);
	return nft_dump(nl, take_rule, &d.dump);
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

bool nft_rule_leads_to(const struct nft_rule_info *rule, const char *chain)
{
	for (size_t i = 0; i < rule->n; i++)
		if (rule->stmts[i].kind == NFT_STMT_VERDICT && rule->stmts[i].name &&
		    !strcmp(rule->stmts[i].name, chain))
			return true;
	return false;
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
