/* SPDX-License-Identifier: Apache-2.0 */
/* Looking at what is there: elements by key, the elements of a set, the rules of a chain. */
#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>

#include "nft/nft.h"

#define ASK_BATCH 64 /* whose answers the socket holds */

int nft_usable(struct nl *nl)
{
	uint32_t generation;

	return nft_generation(nl, &generation);
}

bool nft_is_missing(const struct err *err)
{
	return err->sys == EOPNOTSUPP || err->sys == EPROTONOSUPPORT;
}

/* A kernel without nf_tables, or without it for this family, has nothing in it either. */
static int ignore_enoent(struct nl *nl, int rc)
{
	int sys = nl->err->sys;

	if (rc == 0 ||
	    (sys != ENOENT && sys != EINVAL && sys != EOPNOTSUPP && sys != EPROTONOSUPPORT))
		return rc;
	err_clear(nl->err);
	return 0;
}

/* ---- elements -------------------------------------------------------------------------------- */

struct looking {
	nft_elem_cb found;
	void (*reset)(void *data);
	void *data;
	size_t at, n;   /* nft_get(): those asked for in this round */
	uint32_t first; /* sequence number of the first of these questions */
	const char *set;
};

static void take_bytes(const struct nlattr *attr, uint8_t *out, size_t size, uint8_t *len)
{
	size_t n = mnl_attr_get_payload_len(attr);

	if (n > size)
		return;
	memcpy(out, mnl_attr_get_payload(attr), n);
	*len = (uint8_t)n;
}

static int verdict_attr(const struct nlattr *attr, void *data)
{
	struct nft_elem *e = data;
	uint32_t code = 0;

	if (mnl_attr_get_type(attr) == NFTA_VERDICT_CODE) {
		nl_attr_u32(attr, &code);
		e->verdict = (int32_t)ntohl(code);
		e->has_verdict = true;
	}
	if (mnl_attr_get_type(attr) == NFTA_VERDICT_CHAIN &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		e->chain = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int key_attr(const struct nlattr *attr, void *data)
{
	struct nft_elem *e = data;

	if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE)
		take_bytes(attr, e->key, sizeof(e->key), &e->key_len);
	return MNL_CB_OK;
}

static int data_attr(const struct nlattr *attr, void *data)
{
	struct nft_elem *e = data;

	if (mnl_attr_get_type(attr) == NFTA_DATA_VALUE)
		take_bytes(attr, e->data, sizeof(e->data), &e->data_len);
	if (mnl_attr_get_type(attr) == NFTA_DATA_VERDICT)
		(void)mnl_attr_parse_nested(attr, verdict_attr, e);
	return MNL_CB_OK;
}

static int elem_attr(const struct nlattr *attr, void *data)
{
	struct nft_elem_info *f = data;

	switch (mnl_attr_get_type(attr)) {
	case NFTA_SET_ELEM_KEY:
		(void)mnl_attr_parse_nested(attr, key_attr, &f->at);
		break;
	case NFTA_SET_ELEM_DATA:
		(void)mnl_attr_parse_nested(attr, data_attr, &f->at);
		break;
	case NFTA_SET_ELEM_USERDATA:
		nft_comment_of(attr, f->comment, sizeof(f->comment));
		break;
	default:
		break;
	}
	return MNL_CB_OK;
}

struct answer {
	const struct looking *l;
	size_t index;
};

static int list_elem(const struct nlattr *attr, void *data)
{
	const struct answer *a = data;
	struct nft_elem_info f = { .index = a->index, .at.set = a->l->set };

	(void)mnl_attr_parse_nested(attr, elem_attr, &f);
	if (f.at.key_len)
		a->l->found(&f, a->l->data);
	return MNL_CB_OK;
}

static int elems_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS)
		(void)mnl_attr_parse_nested(attr, list_elem, data);
	return MNL_CB_OK;
}

static int take_elems(const struct nlmsghdr *nlh, void *data)
{
	const struct looking *l = data;
	struct answer a = { .l = l };

	if (l->n) {
		uint32_t i = nlh->nlmsg_seq - l->first;

		if (i >= l->n)
			return MNL_CB_OK;
		a.index = l->at + i;
	}
	(void)mnl_attr_parse(nlh, sizeof(struct nfgenmsg), elems_attr, &a);
	return MNL_CB_OK;
}

static void ask_elem(struct nl *nl, const struct nft_table *t, const struct nft_elem *e)
{
	nft_msg(nl, t, NFT_MSG_GETSETELEM, 0, "look up nf_tables element");
	nl_str(nl, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nl_str(nl, NFTA_SET_ELEM_LIST_SET, e->set);
	nl_nest(nl, NFTA_SET_ELEM_LIST_ELEMENTS) {
		nl_nest(nl, NFTA_LIST_ELEM) {
			nl_nest(nl, NFTA_SET_ELEM_KEY) {
				nl_put(nl, NFTA_DATA_VALUE, e->key, e->key_len);
			}
		}
	}
}

/* A question of its own for each: a message with several ends at the first that is missing. */
int nft_get(struct nl *nl, const struct nft_table *t, const struct nft_elem *e, size_t n,
	    nft_elem_cb found, void *data)
{
	for (size_t i = 0; i < n;) {
		struct looking l = { .found = found, .data = data, .at = i, .first = nl->seq };

		for (; i < n && l.n < ASK_BATCH; i++, l.n++)
			ask_elem(nl, t, &e[i]);
		if (ignore_enoent(nl, nl_query_allow(nl, ENOENT, take_elems, &l)) < 0)
			return -1;
	}
	return 0;
}

static void begin_again(void *data)
{
	const struct looking *l = data;

	l->reset(l->data);
}

int nft_list(struct nl *nl, const struct nft_table *t, const char *set, nft_elem_cb found,
	     void (*reset)(void *data), void *data)
{
	struct looking l = { .found = found, .reset = reset, .data = data, .set = set };

	nft_msg(nl, t, NFT_MSG_GETSETELEM, NLM_F_DUMP, "list nf_tables elements");
	nl_str(nl, NFTA_SET_ELEM_LIST_TABLE, t->name);
	nl_str(nl, NFTA_SET_ELEM_LIST_SET, set);
	return ignore_enoent(nl, nl_dump(nl, take_elems, begin_again, &l));
}

/* ---- rules ----------------------------------------------------------------------------------- */

struct listing {
	nft_rule_cb cb;
	void (*reset)(void *data);
	void *data;
	const char *table, *chain; /* asked for; old kernels do not filter */
};

struct rule_attrs {
	struct nft_rule_info rule;
	const char *table;
	char comment[NFT_COMMENT_MAX * 2];
};

static int rule_attr(const struct nlattr *attr, void *data)
{
	struct rule_attrs *a = data;
	uint16_t type = mnl_attr_get_type(attr);

	if ((type == NFTA_RULE_TABLE || type == NFTA_RULE_CHAIN) &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0) {
		if (type == NFTA_RULE_TABLE)
			a->table = mnl_attr_get_str(attr);
		else
			a->rule.chain = mnl_attr_get_str(attr);
	}
	if (type == NFTA_RULE_HANDLE && mnl_attr_get_payload_len(attr) == sizeof(uint64_t))
		a->rule.handle = be64toh(mnl_attr_get_u64(attr));
	if (type == NFTA_RULE_EXPRESSIONS)
		a->rule.expressions = attr;
	if (type == NFTA_RULE_USERDATA) {
		a->rule.userdata = attr;
		nft_comment_of(attr, a->comment, sizeof(a->comment));
	}
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *nlh, void *data)
{
	const struct listing *l = data;
	struct rule_attrs a = { .rule.chain = "", .table = "" };

	a.rule.comment = a.comment;
	(void)mnl_attr_parse(nlh, sizeof(struct nfgenmsg), rule_attr, &a);
	if (!strcmp(a.table, l->table) && (!l->chain || !strcmp(a.rule.chain, l->chain)))
		l->cb(&a.rule, l->data);
	return MNL_CB_OK;
}

static void list_again(void *data)
{
	const struct listing *l = data;

	l->reset(l->data);
}

int nft_rules(struct nl *nl, const struct nft_table *t, const char *chain, nft_rule_cb cb,
	      void (*reset)(void *data), void *data)
{
	struct listing l = {
		.cb = cb, .reset = reset, .data = data, .table = t->name, .chain = chain
	};

	nft_msg(nl, t, NFT_MSG_GETRULE, NLM_F_DUMP, "list nf_tables rules");
	nl_str(nl, NFTA_RULE_TABLE, t->name);
	if (chain)
		nl_str(nl, NFTA_RULE_CHAIN, chain);
	return ignore_enoent(nl, nl_dump(nl, take_rule, list_again, &l));
}

struct expr {
	const char *name;
	const struct nlattr *data;
};

static int expr_attr(const struct nlattr *attr, void *data)
{
	struct expr *e = data;

	if (mnl_attr_get_type(attr) == NFTA_EXPR_NAME &&
	    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) == 0)
		e->name = mnl_attr_get_str(attr);
	if (mnl_attr_get_type(attr) == NFTA_EXPR_DATA)
		e->data = attr;
	return MNL_CB_OK;
}

struct each {
	nft_expr_cb cb;
	void *arg;
};

static int list_expr(const struct nlattr *attr, void *data)
{
	const struct each *each = data;
	struct expr e = { 0 };

	(void)mnl_attr_parse_nested(attr, expr_attr, &e);
	if (e.name && e.data)
		each->cb(e.name, e.data, each->arg);
	return MNL_CB_OK;
}

void nft_expressions(const struct nft_rule_info *rule, nft_expr_cb cb, void *arg)
{
	struct each each = { cb, arg };

	if (rule->expressions)
		(void)mnl_attr_parse_nested(rule->expressions, list_expr, &each);
}

static int immediate_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) == NFTA_IMMEDIATE_DATA)
		(void)mnl_attr_parse_nested(attr, data_attr, data);
	return MNL_CB_OK;
}

bool nft_verdict_of(const struct nlattr *immediate, int32_t *verdict, const char **chain)
{
	struct nft_elem e = { 0 };

	(void)mnl_attr_parse_nested(immediate, immediate_attr, &e);
	*verdict = e.verdict;
	*chain = e.chain;
	return e.has_verdict;
}

const char *nft_goes_to(const struct nlattr *immediate)
{
	const char *chain;
	int32_t verdict;

	(void)nft_verdict_of(immediate, &verdict, &chain);
	return chain;
}

static int exists(const struct nlmsghdr *nlh, void *data)
{
	bool *has = data;

	(void)nlh;
	*has = true;
	return MNL_CB_OK;
}

int nft_has_chain(struct nl *nl, const struct nft_table *t, const char *chain, bool *has)
{
	*has = false;
	nft_msg(nl, t, NFT_MSG_GETCHAIN, 0, "look up nf_tables chain");
	nl_str(nl, NFTA_CHAIN_TABLE, t->name);
	nl_str(nl, NFTA_CHAIN_NAME, chain);
	return ignore_enoent(nl, nl_query_allow(nl, ENOENT, exists, has));
}
