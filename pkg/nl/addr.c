/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/clock.h"
#include "nl/nl.h"

static void addr_msg(struct nl *nl, uint16_t type, uint16_t flags, int index, const struct ip *ip,
		     const char *label)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (uint8_t)ip->family,
		.ifa_prefixlen = ip->plen,
		.ifa_index = (uint32_t)index,
	};

	nl_msg(nl, type, flags, &ifa, sizeof(ifa), label);
	nl_ip(nl, IFA_LOCAL, ip);
	nl_ip(nl, IFA_ADDRESS, ip);
}

void nl_addr_add(struct nl *nl, int index, const struct ip *ip, uint32_t flags)
{
	addr_msg(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, ip, "add address");
	if (ip->family == AF_INET && ip->plen < 31) {
		struct ip broadcast = ip_broadcast(ip);

		nl_ip(nl, IFA_BROADCAST, &broadcast);
	}
	if (flags)
		nl_u32(nl, IFA_FLAGS, flags);
}

void nl_addr_del(struct nl *nl, int index, const struct ip *ip)
{
	addr_msg(nl, RTM_DELADDR, 0, index, ip, "remove address");
}

static int restore_attr(const struct nlattr *attr, void *data)
{
	if (mnl_attr_get_type(attr) != IFA_FLAGS)
		nl_put(data, mnl_attr_get_type(attr), mnl_attr_get_payload(attr),
		       mnl_attr_get_payload_len(attr));
	return MNL_CB_OK;
}

/* Flags of 8 bits are in the header and of 32 in IFA_FLAGS; the latter count. */
void nl_addr_restore(struct nl *nl, const struct addr *addr)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(addr->msg);
	bool v6 = ifa->ifa_family == AF_INET6;

	nl_msg(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifa, sizeof(*ifa), "restore address");
	(void)mnl_attr_parse(addr->msg, sizeof(*ifa), restore_attr, nl);
	nl_u32(nl, IFA_FLAGS, addr->flags | (v6 ? IFA_F_NODAD : 0));
}

struct parsed {
	struct ifaddrmsg ifa;
	struct addr addr;
	struct ip peer; /* IFA_ADDRESS: the address itself unless point-to-point */
};

static int addr_attr(const struct nlattr *attr, void *data)
{
	struct parsed *p = data;

	switch (mnl_attr_get_type(attr)) {
	case IFA_LOCAL:
		nl_attr_ip(attr, p->ifa.ifa_family, p->ifa.ifa_prefixlen, &p->addr.ip);
		break;
	case IFA_ADDRESS:
		nl_attr_ip(attr, p->ifa.ifa_family, p->ifa.ifa_prefixlen, &p->peer);
		break;
	case IFA_FLAGS:
		nl_attr_u32(attr, &p->addr.flags);
		break;
	}
	return MNL_CB_OK;
}

static int addr_parse(const struct nlmsghdr *nlh, void *data)
{
	struct addr_list *list = data;
	struct parsed p = { 0 };

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(p.ifa))
		return MNL_CB_OK;
	memcpy(&p.ifa, mnl_nlmsg_get_payload(nlh), sizeof(p.ifa));
	if ((int)p.ifa.ifa_index != list->index) /* kernels before 4.20 do not filter */
		return MNL_CB_OK;
	p.addr.flags = p.ifa.ifa_flags;
	p.addr.scope = p.ifa.ifa_scope;
	(void)mnl_attr_parse(nlh, sizeof(p.ifa), addr_attr, &p);
	if (!p.addr.ip.family)
		p.addr.ip = p.peer;
	if (!p.addr.ip.family)
		return MNL_CB_OK;
	p.addr.msg = memcpy(arena_alloc(list->arena, nlh->nlmsg_len), nlh, nlh->nlmsg_len);
	*arena_append(list->arena, list->addr, list->n_addr) = p.addr;
	return MNL_CB_OK;
}

static void drop_interrupted(void *data)
{
	struct addr_list *list = data;

	list->n_addr = list->n_whole;
}

static int list_family(struct nl *nl, int index, uint8_t family, struct addr_list *out)
{
	struct ifaddrmsg ifa = { .ifa_family = family, .ifa_index = (uint32_t)index };

	out->n_whole = out->n_addr;
	nl_msg(nl, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "list addresses");
	return nl_dump(nl, addr_parse, drop_interrupted, out);
}

int nl_addr_list(struct nl *nl, int index, sa_family_t family, struct addr_list *out)
{
	out->index = index;
	out->addr = NULL;
	out->n_addr = 0;
	if (family != AF_INET6 && list_family(nl, index, AF_INET, out) < 0)
		return -1;
	return family != AF_INET ? list_family(nl, index, AF_INET6, out) : 0;
}

/* 0: none is tentative, 1: some are, -1: a duplicate, or an error. */
static int dad_state(struct nl *nl, int index)
{
	struct arena arena = { 0 };
	struct addr_list list = { .index = index, .arena = &arena };
	int state = list_family(nl, index, AF_INET6, &list);
	char buf[IP_STRLEN];

	for (size_t i = 0; state >= 0 && i < list.n_addr; i++) {
		if (list.addr[i].flags & IFA_F_DADFAILED)
			state = err_set(nl->err, ERR_IN_USE, "duplicate address %s on the link",
					ip_str(&list.addr[i].ip, buf));
		else if (list.addr[i].flags & IFA_F_TENTATIVE)
			state = 1;
	}
	arena_free(&arena);
	return state;
}

static int any_address(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	return nlh->nlmsg_type == RTM_NEWADDR ? MNL_CB_STOP : MNL_CB_OK;
}

static int wait_dad(struct nl *nl, struct nl *watcher, int index, int timeout_ms)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int state, rc;

	while ((state = dad_state(nl, index)) > 0) {
		rc = nl_wait(watcher, NULL, (int)(deadline - clock_ms()), any_address, NULL);
		if (rc < 0)
			return -1;
		if (rc == 1)
			return err_set(nl->err, ERR_INTERNAL,
				       "IPv6 address still tentative after %d ms", timeout_ms);
	}
	return state;
}

int nl_addr_wait_dad(struct nl *nl, int netns_fd, int index, int timeout_ms)
{
	struct nl watcher;
	int rc = nl_open_at(&watcher, netns_fd, nl->err);

	if (!rc)
		rc = nl_watch(&watcher, RTNLGRP_IPV6_IFADDR);
	if (!rc)
		rc = wait_dad(nl, &watcher, index, timeout_ms);
	nl_close(&watcher);
	return rc;
}
