// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <errno.h>
#include <linux/mroute.h>
#include <linux/mroute6.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "traffic.h"

static void set(int fd, int level, int option, const void *value, socklen_t size)
{
	if (setsockopt(fd, level, option, value, size) < 0)
		die("multicast routing, option %d", option);
}

static unsigned index_of(const char *ifname)
{
	unsigned index = if_nametoindex(ifname);

	if (index == 0)
		die("%s", ifname);
	return index;
}

static void mroute4(const union address *group, const union address *source,
		    const unsigned index[2])
{
	struct mfcctl route = { .mfcc_origin = source->v4.sin_addr,
				.mfcc_mcastgrp = group->v4.sin_addr,
				.mfcc_parent = 0,
				.mfcc_ttls = { [1] = 1 } };
	struct vifctl vif = { .vifc_flags = VIFF_USE_IFINDEX, .vifc_threshold = 1 };
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_IGMP), one = 1;

	set(fd, IPPROTO_IP, MRT_INIT, &one, sizeof(one));
	for (vif.vifc_vifi = 0; vif.vifc_vifi < 2; vif.vifc_vifi++) {
		vif.vifc_lcl_ifindex = (int)index[vif.vifc_vifi];
		set(fd, IPPROTO_IP, MRT_ADD_VIF, &vif, sizeof(vif));
	}
	set(fd, IPPROTO_IP, MRT_ADD_MFC, &route, sizeof(route));
}

static void mroute6(const union address *group, const union address *source,
		    const unsigned index[2])
{
	struct mf6cctl route = { .mf6cc_origin = source->v6, .mf6cc_mcastgrp = group->v6 };
	struct mif6ctl mif = { .vifc_threshold = 1 };
	int fd = socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6), one = 1;

	IF_SET(1, &route.mf6cc_ifset);
	set(fd, IPPROTO_IPV6, MRT6_INIT, &one, sizeof(one));
	for (mif.mif6c_mifi = 0; mif.mif6c_mifi < 2; mif.mif6c_mifi++) {
		mif.mif6c_pifi = (unsigned short)index[mif.mif6c_mifi];
		set(fd, IPPROTO_IPV6, MRT6_ADD_MIF, &mif, sizeof(mif));
	}
	set(fd, IPPROTO_IPV6, MRT6_ADD_MFC, &route, sizeof(route));
}

void mroute(const char *group, const char *source, const char *from, const char *to)
{
	const unsigned index[2] = { index_of(from), index_of(to) };
	union address group_address, source_address;

	if (!address_parse(&group_address, group) || !address_parse(&source_address, source))
		die("not a group and a source: %s, %s", group, source);
	if (group_address.any.sa_family == AF_INET)
		mroute4(&group_address, &source_address, index);
	else
		mroute6(&group_address, &source_address, index);
	into_background();
	/* The kernel forwards as long as the socket is open. */
	for (;;)
		pause();
}
