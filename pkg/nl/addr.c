/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/clock.h"
#include "nl/nl.h"
#include "nl/route.h"

#define LOCAL_TIMEOUT_MS 10000

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

void nl_addr_set_preferred(struct nl *nl, const struct addr *addr, uint32_t seconds)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(addr->msg);
	const struct ifa_cacheinfo times = {
		.ifa_prefered = seconds,
		.ifa_valid = NL_ADDR_FOR_EVER,
	};

	addr_msg(nl, RTM_NEWADDR, NLM_F_REPLACE, (int)ifa->ifa_index, &addr->ip,
		 "set an address's lifetime");
	nl_u32(nl, IFA_FLAGS, addr->flags);
	nl_put(nl, IFA_CACHEINFO, &times, sizeof(times));
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
	bool no_dad = ifa->ifa_family == AF_INET6 && !(addr->flags & IFA_F_TENTATIVE);

	nl_msg(nl, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifa, sizeof(*ifa), "restore address");
	(void)mnl_attr_parse(addr->msg, sizeof(*ifa), restore_attr, nl);
	nl_u32(nl, IFA_FLAGS, addr->flags | (no_dad ? IFA_F_NODAD : 0));
}

static int addr_parse(const struct nlmsghdr *nlh, void *data)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	struct addr_list *list = data;
	struct addr addr = { 0 };
	struct ifa_cacheinfo times = { .ifa_prefered = NL_ADDR_FOR_EVER };
	struct ip peer = { 0 };
	struct nl_attrs a;

	if (nlh->nlmsg_type != RTM_NEWADDR || mnl_nlmsg_get_payload_len(nlh) < sizeof(*ifa) ||
	    (int)ifa->ifa_index != list->index) /* kernels before 4.20 do not filter */
		return MNL_CB_OK;
	a = nl_attrs_of_msg(nlh, sizeof(*ifa));
	addr.flags = ifa->ifa_flags;
	nl_attr_u32(a.of[IFA_FLAGS], &addr.flags);
	nl_attr_bytes(a.of[IFA_CACHEINFO], &times, sizeof(times));
	addr.preferred = times.ifa_prefered;
	/* IFA_ADDRESS is the peer's if the link is point-to-point */
	nl_attr_ip(a.of[IFA_ADDRESS], ifa->ifa_family, ifa->ifa_prefixlen, &peer);
	addr.ip = peer;
	nl_attr_ip(a.of[IFA_LOCAL], ifa->ifa_family, ifa->ifa_prefixlen, &addr.ip);
	addr.has_peer = peer.family && !ip_equal(&peer, &addr.ip);
	if (!addr.ip.family)
		return MNL_CB_OK;
	addr.msg = memcpy(arena_alloc(list->arena, nlh->nlmsg_len), nlh, nlh->nlmsg_len);
	*arena_append(list->arena, list->addr, list->n_addr) = addr;
	return MNL_CB_OK;
}

static void reset(void *data)
{
	((struct addr_list *)data)->n_addr = 0;
}

int nl_addr_list(struct nl *nl, int index, sa_family_t family, struct addr_list *out)
{
	struct ifaddrmsg ifa = { .ifa_family = (uint8_t)family, .ifa_index = (uint32_t)index };

	out->index = index;
	out->addr = NULL;
	nl_msg(nl, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa), "list addresses");
	return nl_dump(nl, addr_parse, reset, out);
}

static int any_address(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	return nlh->nlmsg_type == RTM_NEWADDR ? MNL_CB_STOP : MNL_CB_OK;
}

/* 0: what is waited for is there, 1: it is not, -1: it will never be. */
typedef int (*state_fn)(struct nl *nl, const struct addr_list *list);

static int get_state(struct nl *nl, int index, struct addr_list *list, state_fn state)
{
	return nl_addr_list(nl, index, AF_INET6, list) < 0 ? -1 : state(nl, list);
}

/* 1: not in time. */
static int wait_state(struct nl *nl, int netns_fd, int timeout_ms, struct addr_list *list,
		      state_fn state)
{
	int64_t deadline = clock_ms() + timeout_ms;
	int index = list->index;
	auto_nl struct nl watcher;
	int is, rc = nl_open_at(&watcher, netns_fd, nl->err);

	if (rc < 0 || nl_watch(&watcher, RTNLGRP_IPV6_IFADDR) < 0)
		return -1;
	while ((is = get_state(nl, index, list, state)) > 0) {
		rc = nl_wait(&watcher, NULL, (int)(deadline - clock_ms()), any_address, NULL);
		if (rc < 0 || rc == 1)
			return rc;
	}
	return is;
}

static int refuse_duplicate(struct nl *nl, const struct addr *addr)
{
	char buf[IP_STRLEN];

	return err_set(nl->err, ERR_IN_USE, "duplicate address %s on the link",
		       ip_str(&addr->ip, buf));
}

static int none_is_tentative(struct nl *nl, const struct addr_list *list)
{
	int state = 0;

	for (size_t i = 0; state >= 0 && i < list->n_addr; i++) {
		if (list->addr[i].flags & IFA_F_DADFAILED)
			state = refuse_duplicate(nl, &list->addr[i]);
		else if (list->addr[i].flags & IFA_F_TENTATIVE)
			state = 1;
	}
	return state;
}

/* `late`: what is wrong if it is not there in time. */
static int need_state(struct nl *nl, int netns_fd, int index, int timeout_ms, state_fn state,
		      const char *late)
{
	struct arena arena = { 0 };
	struct addr_list list = { .arena = &arena, .index = index };
	int rc = wait_state(nl, netns_fd, timeout_ms, &list, state);

	arena_free(&arena);
	return rc == 1 ? err_set(nl->err, ERR_INTERNAL, "%s after %d ms", late, timeout_ms) : rc;
}

int nl_addr_wait_dad(struct nl *nl, int netns_fd, int index, int timeout_ms)
{
	return need_state(nl, netns_fd, index, timeout_ms, none_is_tentative,
			  "IPv6 address still tentative");
}

static int has_link_local(struct nl *nl, const struct addr_list *list)
{
	const struct addr *duplicate = NULL;

	for (size_t i = 0; i < list->n_addr; i++) {
		const struct addr *a = &list->addr[i];

		if (!IN6_IS_ADDR_LINKLOCAL(&a->ip.v6))
			continue;
		if (!(a->flags & (IFA_F_TENTATIVE | IFA_F_DADFAILED)))
			return 0;
		if (a->flags & IFA_F_DADFAILED)
			duplicate = a;
	}
	return duplicate ? refuse_duplicate(nl, duplicate) : 1;
}

int nl_addr_wait_link_local(struct nl *nl, int netns_fd, int index, int timeout_ms)
{
	return need_state(nl, netns_fd, index, timeout_ms, has_link_local,
			  "no IPv6 link-local address");
}

bool nl_addr_is_autoconf(const struct addr *a)
{
	return a->ip.family == AF_INET6 && !IN6_IS_ADDR_LINKLOCAL(&a->ip.v6) &&
	       !(a->flags & (IFA_F_PERMANENT | IFA_F_TEMPORARY));
}

static int has_autoconf(struct nl *nl, const struct addr_list *list)
{
	int state = 1;

	for (size_t i = 0; i < list->n_addr; i++) {
		const struct addr *a = &list->addr[i];

		if (!nl_addr_is_autoconf(a))
			continue;
		if (a->flags & IFA_F_DADFAILED)
			return refuse_duplicate(nl, a);
		if (a->flags & IFA_F_TENTATIVE)
			return 1;
		state = 0;
	}
	return state;
}

int nl_addr_wait_autoconf(struct nl *nl, int netns_fd, int timeout_ms, struct addr_list *out)
{
	return wait_state(nl, netns_fd, timeout_ms, out, has_autoconf);
}

static int any_route(const struct nlmsghdr *nlh, void *data)
{
	(void)data;
	return nlh->nlmsg_type == RTM_NEWROUTE ? MNL_CB_STOP : MNL_CB_OK;
}

int nl_addr_wait_local(struct nl *nl, int netns_fd, const struct ip *ip)
{
	int64_t deadline = clock_ms() + LOCAL_TIMEOUT_MS;
	auto_nl struct nl watcher = { 0 };
	bool is_local = true;
	int rc = ip->family == AF_INET6 ? nl_route_is_local(nl, ip, &is_local) : 0;

	if (rc < 0 || is_local)
		return rc;
	rc = netns_fd < 0 ? nl_open(&watcher, nl->err) : nl_open_at(&watcher, netns_fd, nl->err);
	if (rc < 0 || nl_watch(&watcher, RTNLGRP_IPV6_ROUTE) < 0)
		return -1;
	while ((rc = nl_route_is_local(nl, ip, &is_local)) == 0 && !is_local) {
		rc = nl_wait(&watcher, NULL, (int)(deadline - clock_ms()), any_route, NULL);
		if (rc < 0 || rc == 1)
			break;
	}
	return rc < 0 ? -1 : 0;
}
