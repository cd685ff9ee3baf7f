/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/qdisc.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#include "nl/nl.h"

#define ADD               (NLM_F_CREATE | NLM_F_EXCL)
#define LOOPBACK          1 /* its index, in every namespace */
#define INGRESS_HANDLE    TC_H_MAKE(TC_H_INGRESS, 0)
#define FIRST_CLASS       TC_H_MAKE(QDISC_ROOT_HANDLE, 1)
#define ALL_AT_PRIORITY_1 TC_H_MAKE(1U << 16, htons(ETH_P_ALL))

/* ---- changing -------------------------------------------------------------------------------- */

static struct tcmsg place(int index, uint32_t parent, uint32_t handle)
{
	return (struct tcmsg){ .tcm_ifindex = index, .tcm_parent = parent, .tcm_handle = handle };
}

static void qdisc_msg(struct nl *nl, uint16_t flags, struct tcmsg tcm, const char *kind,
		      const char *label)
{
	nl_msg(nl, RTM_NEWQDISC, flags, &tcm, sizeof(tcm), label);
	nl_str(nl, TCA_KIND, kind);
}

static void qdisc_del(struct nl *nl, struct tcmsg tcm, const char *label)
{
	nl_msg(nl, RTM_DELQDISC, 0, &tcm, sizeof(tcm), label);
}

/*
 * tc qdisc add dev X root handle 1: tbf rate R burst B limit L, with a burst in ticks as the
 * reference sends it, which is kept to the tick.
 */
void nl_tbf_add(struct nl *nl, int index, const struct tbf *t)
{
	struct tc_tbf_qopt opt = { .limit = t->limit, .buffer = t->buffer };

	opt.rate.rate = t->rate < UINT32_MAX ? (uint32_t)t->rate : UINT32_MAX;
	qdisc_msg(nl, ADD, place(index, TC_H_ROOT, QDISC_ROOT_HANDLE), "tbf", "create tbf");
	nl_nest(nl, TCA_OPTIONS) {
		nl_put(nl, TCA_TBF_PARMS, &opt, sizeof(opt));
		if (t->rate > UINT32_MAX)
			nl_put(nl, TCA_TBF_RATE64, &t->rate, sizeof(t->rate));
		if (t->burst)
			nl_u32(nl, TCA_TBF_BURST, t->burst);
	}
}

/* tc qdisc add dev X parent 1:1 handle 2: fq_codel */
void nl_fq_codel_add(struct nl *nl, int index)
{
	qdisc_msg(nl, ADD, place(index, FIRST_CLASS, QDISC_LEAF_HANDLE), "fq_codel",
		  "create fq_codel");
}

/* tc qdisc add dev X ingress */
void nl_ingress_add(struct nl *nl, int index)
{
	qdisc_msg(nl, ADD, place(index, TC_H_INGRESS, INGRESS_HANDLE), "ingress",
		  "create ingress qdisc");
}

static void put_redirect(struct nl *nl, int to)
{
	struct tc_mirred m = { .action = TC_ACT_STOLEN,
			       .eaction = TCA_EGRESS_REDIR,
			       .ifindex = (uint32_t)to };

	nl_str(nl, TCA_ACT_KIND, "mirred");
	nl_nest(nl, TCA_ACT_OPTIONS) {
		nl_put(nl, TCA_MIRRED_PARMS, &m, sizeof(m));
	}
}

/*
 * tc filter add dev X parent ffff: protocol all prio 1 u32 match u32 0 0 flowid 1:1
 *	action mirred egress redirect dev IFB
 */
void nl_redirect_add(struct nl *nl, int index, int to)
{
	struct tcmsg tcm = place(index, INGRESS_HANDLE, 0);
	_Alignas(struct tc_u32_sel) char
		any[sizeof(struct tc_u32_sel) + sizeof(struct tc_u32_key)] = { 0 };
	struct tc_u32_sel *sel = (struct tc_u32_sel *)(void *)any;

	tcm.tcm_info = ALL_AT_PRIORITY_1;
	sel->flags = TC_U32_TERMINAL;
	sel->nkeys = 1;
	nl_msg(nl, RTM_NEWTFILTER, ADD, &tcm, sizeof(tcm), "create redirection");
	nl_str(nl, TCA_KIND, "u32");
	nl_nest(nl, TCA_OPTIONS) {
		nl_put(nl, TCA_U32_SEL, any, sizeof(any));
		nl_u32(nl, TCA_U32_CLASSID, FIRST_CLASS);
		nl_nest(nl, TCA_U32_ACT) {
			nl_nest(nl, 1) {
				put_redirect(nl, to);
			}
		}
	}
}

void nl_tbf_del(struct nl *nl, int index)
{
	qdisc_del(nl, place(index, TC_H_ROOT, QDISC_ROOT_HANDLE), "delete tbf");
}

void nl_ingress_del(struct nl *nl, int index)
{
	qdisc_del(nl, place(index, TC_H_INGRESS, INGRESS_HANDLE), "delete ingress qdisc");
}

static void ifb_msg(struct nl *nl, const char *name, uint32_t flags)
{
	struct ifinfomsg ifi = { .ifi_flags = flags, .ifi_change = flags };

	nl_msg(nl, RTM_NEWLINK, ADD | NLM_F_ECHO, &ifi, sizeof(ifi), "create ifb");
	nl_str(nl, IFLA_IFNAME, name);
	nl_u32(nl, IFLA_TXQLEN, 0);
	nl_nest(nl, IFLA_LINKINFO) {
		nl_str(nl, IFLA_INFO_KIND, "ifb");
	}
}

void nl_ifb_add(struct nl *nl, const char *name, uint32_t mtu, bool up)
{
	ifb_msg(nl, name, up ? IFF_UP : 0);
	nl_u32(nl, IFLA_MTU, mtu);
}

/* ---- looking --------------------------------------------------------------------------------- */

static void tbf_parse(const struct nlattr *options, struct tbf *t)
{
	struct nl_attrs a = nl_attrs_of(options);
	struct tc_tbf_qopt opt = { 0 };

	nl_attr_bytes(a.of[TCA_TBF_PARMS], &opt, sizeof(opt));
	*t = (struct tbf){ .rate = opt.rate.rate, .limit = opt.limit, .buffer = opt.buffer };
	nl_attr_bytes(a.of[TCA_TBF_RATE64], &t->rate, sizeof(t->rate));
}

static int qdisc_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct tcmsg *tcm = mnl_nlmsg_get_payload(nlh);
	struct qdisc_set *set = data;
	struct nl_attrs a;
	struct qdisc *q;

	if (nlh->nlmsg_type != RTM_NEWQDISC || mnl_nlmsg_get_payload_len(nlh) < sizeof(*tcm))
		return MNL_CB_OK;
	q = tcm->tcm_parent == TC_H_ROOT      ? &set->root
	    : tcm->tcm_parent == TC_H_INGRESS ? &set->ingress
					      : &set->leaf;
	a = nl_attrs_of_msg(nlh, sizeof(*tcm));
	q->handle = tcm->tcm_handle;
	nl_attr_str(a.of[TCA_KIND], q->kind, sizeof(q->kind));
	if (!strcmp(q->kind, "tbf"))
		tbf_parse(a.of[TCA_OPTIONS], &q->tbf);
	return MNL_CB_OK;
}

/* The answer is an announcement, which the one who asks hears of by NLM_F_ECHO. */
static void qdisc_ask(struct nl *nl, int index, uint32_t parent)
{
	const struct tcmsg tcm = place(index, parent, 0);

	nl_msg(nl, RTM_GETQDISC, NLM_F_ECHO, &tcm, sizeof(tcm), "look up qdisc");
}

/* One by one, since a dump is of all devices. What is beneath a tbf is asked of none but a tbf. */
int nl_qdisc_get(struct nl *nl, int index, struct qdisc_set *out)
{
	*out = (struct qdisc_set){ 0 };
	qdisc_ask(nl, index, TC_H_ROOT);
	qdisc_ask(nl, index, TC_H_INGRESS);
	if (nl_query_allow(nl, ENOENT, qdisc_parse, out) < 0)
		return -1;
	if (strcmp(out->root.kind, "tbf") != 0 || out->root.handle != QDISC_ROOT_HANDLE)
		return 0;
	qdisc_ask(nl, index, FIRST_CLASS);
	return nl_query_allow(nl, ENOENT, qdisc_parse, out);
}

/* The first action counts, it is the one that takes the packet away. */
static int redirect_parse(const struct nlmsghdr *nlh, void *data)
{
	struct tc_mirred m = { 0 };
	struct nl_attrs filter, action;
	char kind[IFNAMSIZ] = "";
	int *to = data;

	if (nlh->nlmsg_type != RTM_NEWTFILTER ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(struct tcmsg))
		return MNL_CB_OK;
	filter = nl_attrs_of_msg(nlh, sizeof(struct tcmsg));
	nl_attr_str(filter.of[TCA_KIND], kind, sizeof(kind));
	if (strcmp(kind, "u32") != 0)
		return MNL_CB_OK;
	action =
		nl_attrs_of(nl_attrs_of(nl_attrs_of(filter.of[TCA_OPTIONS]).of[TCA_U32_ACT]).of[1]);
	nl_attr_str(action.of[TCA_ACT_KIND], kind, sizeof(kind));
	if (strcmp(kind, "mirred") != 0)
		return MNL_CB_OK;
	nl_attr_bytes(nl_attrs_of(action.of[TCA_ACT_OPTIONS]).of[TCA_MIRRED_PARMS], &m, sizeof(m));
	if (!*to && m.eaction == TCA_EGRESS_REDIR && m.ifindex <= INT32_MAX)
		*to = (int)m.ifindex;
	return MNL_CB_OK;
}

static void reset(void *data)
{
	*(int *)data = 0;
}

int nl_redirect_get(struct nl *nl, int index, int *to)
{
	const struct tcmsg tcm = place(index, INGRESS_HANDLE, 0);

	nl_msg(nl, RTM_GETTFILTER, NLM_F_DUMP, &tcm, sizeof(tcm), "list filters");
	return nl_dump(nl, redirect_parse, reset, to);
}

/* ---- what the kernel can --------------------------------------------------------------------- */

/* A refusal of what cannot be is as good as a yes; *known is false if the kind is not known. */
static int probe(struct nl *nl, int unknown, bool *known)
{
	int refusal;

	if (nl_commit(nl) == 0)
		return err_set(nl->err, ERR_INTERNAL, "the kernel has done what cannot be done");
	refusal = nl->err->sys;
	*known = refusal == EINVAL || refusal == ERANGE || refusal == EADDRNOTAVAIL;
	if (nl->ack_lost || (!*known && refusal != unknown))
		return -1;
	err_clear(nl->err);
	return 0;
}

/* The kind is looked up first; then a parameter of one byte is too short for any. */
int nl_qdisc_probe(struct nl *nl, const char *kind, bool *known)
{
	qdisc_msg(nl, ADD | NLM_F_REPLACE, place(LOOPBACK, TC_H_ROOT, 0), kind,
		  "look up kind of qdisc");
	nl_nest(nl, TCA_OPTIONS) {
		nl_u8(nl, 1, 0);
	}
	return probe(nl, ENOENT, known);
}

/* A multicast address is no device's. */
int nl_ifb_probe(struct nl *nl, bool *known)
{
	static const uint8_t multicast[MAC_LEN] = { 1 };

	ifb_msg(nl, "cnic-probe", 0);
	nl_put(nl, IFLA_ADDRESS, multicast, sizeof(multicast));
	return probe(nl, EOPNOTSUPP, known);
}
