/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/rule.h"

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include "nl/nl.h"

static void rule_msg(struct nl *nl, uint16_t type, uint16_t flags, const struct rule *r,
		     const char *label)
{
	struct fib_rule_hdr hdr = {
		.family = (uint8_t)r->src.family,
		.src_len = r->src.plen,
		.table = r->table < 256 ? (uint8_t)r->table : RT_TABLE_UNSPEC,
		.action = FR_ACT_TO_TBL,
	};

	nl_msg(nl, type, flags, &hdr, sizeof(hdr), label);
	if (r->src.plen)
		nl_ip(nl, FRA_SRC, &r->src);
	nl_u32(nl, FRA_TABLE, r->table);
	if (r->priority || r->has_priority)
		nl_u32(nl, FRA_PRIORITY, r->priority);
}

void nl_rule_add(struct nl *nl, const struct rule *r)
{
	rule_msg(nl, RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, r, "add rule");
}

void nl_rule_del(struct nl *nl, const struct rule *r)
{
	rule_msg(nl, RTM_DELRULE, 0, r, "remove rule");
}

/* The attributes of "from SRC lookup TABLE", as every rule has them. */
static int look_for_selector(const struct nlattr *attr, void *data)
{
	bool *only_by_src = data;
	uint32_t suppress = UINT32_MAX; /* a prefix length: none */

	switch (mnl_attr_get_type(attr)) {
	case FRA_SUPPRESS_PREFIXLEN:
		nl_attr_u32(attr, &suppress);
		*only_by_src &= suppress == UINT32_MAX;
		break;
	case FRA_SRC:
	case FRA_TABLE:
	case FRA_PRIORITY:
	case FRA_PROTOCOL:
	case FRA_PAD:
		break;
	default:
		*only_by_src = false;
	}
	return MNL_CB_OK;
}

static int rule_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct fib_rule_hdr *hdr = mnl_nlmsg_get_payload(nlh);
	struct rule_list *list = data;
	struct rule r = { .has_priority = true };
	struct nl_attrs a;

	if (nlh->nlmsg_type != RTM_NEWRULE || mnl_nlmsg_get_payload_len(nlh) < sizeof(*hdr) ||
	    (hdr->family != AF_INET && hdr->family != AF_INET6)) /* multicast has some */
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(*hdr));
	r.src.family = hdr->family;
	nl_attr_ip(a.of[FRA_SRC], hdr->family, hdr->src_len, &r.src);
	if (hdr->action == FR_ACT_TO_TBL) {
		r.table = hdr->table;
		nl_attr_u32(a.of[FRA_TABLE], &r.table);
	}
	nl_attr_u32(a.of[FRA_PRIORITY], &r.priority);
	nl_attr_u8(a.of[FRA_PROTOCOL], &r.protocol);
	r.only_by_src = !hdr->dst_len && !hdr->tos && !(hdr->flags & FIB_RULE_INVERT);
	(void)mnl_attr_parse(nlh, sizeof(*hdr), look_for_selector, &r.only_by_src);
	*arena_append(list->arena, list->rule, list->n_rule) = r;
	return MNL_CB_OK;
}

static void reset(void *data)
{
	((struct rule_list *)data)->n_rule = 0;
}

int nl_rule_list(struct nl *nl, struct rule_list *out)
{
	struct fib_rule_hdr hdr = { .family = AF_UNSPEC };

	out->rule = NULL;
	nl_msg(nl, RTM_GETRULE, NLM_F_DUMP, &hdr, sizeof(hdr), "list rules");
	return nl_dump(nl, rule_parse, reset, out);
}
