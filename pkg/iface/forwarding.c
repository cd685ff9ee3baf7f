/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/forwarding.h"

#include <linux/rtnetlink.h>
#include <string.h>

#include "iface/configure.h"
#include "nl/route.h"
#include "sys/sysctl.h"

#define FORWARDING_V6 "net/ipv6/conf/all/forwarding"

/* The route to an advertised prefix is the kernel's, and expires. */
static bool is_learnt(const struct route *r)
{
	return r->protocol == RTPROT_RA || (r->protocol == RTPROT_KERNEL && r->expires);
}

static int keep_learning(struct cni_call *c, int index)
{
	struct link link;

	if (nl_link_get_index_allow(c->host, index, &link) < 0)
		return -1;
	if (!link.index || link.accept_ra != 1)
		return 0;
	return sysctl_write(configure_ipv6_path(c, link.name, "accept_ra"), "2", c->err);
}

static int forward_v6(struct cni_call *c)
{
	struct route_list list = { .arena = c->arena };
	char now[16];

	if (sysctl_read(FORWARDING_V6, now, sizeof(now), c->err) < 0)
		return -1;
	if (!strcmp(now, "1"))
		return 0;
	if (nl_route_list(c->host, AF_INET6, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_route; i++)
		if (is_learnt(&list.route[i]) && keep_learning(c, list.route[i].oif) < 0)
			return -1;
	return sysctl_write(FORWARDING_V6, "1", c->err);
}

int forwarding_enable(struct cni_call *c)
{
	if (cni_result_has_family(&c->result, AF_INET) &&
	    sysctl_ensure("net/ipv4/ip_forward", "1", c->err) < 0)
		return -1;
	return cni_result_has_family(&c->result, AF_INET6) ? forward_v6(c) : 0;
}
