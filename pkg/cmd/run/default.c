/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/default.h"

#include <stdio.h>
#include <string.h>

#include "nl/addr.h"
#include "nl/link.h"
#include "nl/nl.h"
#include "nl/route.h"
#include "sys/sysctl.h"

#define FIRST 219
#define LAST  254

/* ---- which range ----------------------------------------------------------------------------- */

struct range {
	struct ip v4, v6;
};

static struct range range_of(int number)
{
	char v4[32], v6[32];
	struct range r = { 0 };

	snprintf(v4, sizeof(v4), "10.%d.0.0/16", number);
	snprintf(v6, sizeof(v6), "fd00:%d::/64", number);
	(void)cidr_parse(&r.v4, v4);
	(void)cidr_parse(&r.v6, v6);
	return r;
}

static bool overlap(const struct ip *a, const struct ip *b)
{
	return cidr_contains(a, b) || cidr_contains(b, a);
}

/* The network of the bridge's address, 0: it has none. */
static int range_of_bridge(struct nl *nl, int bridge, int *number)
{
	struct addr_list list = { .arena = json_arena() };

	*number = 0;
	if (!bridge)
		return 0;
	if (nl_addr_list(nl, bridge, AF_INET, &list) < 0)
		return -1;
	for (size_t i = 0; i < list.n_addr; i++)
		for (int n = FIRST; n <= LAST; n++) {
			struct range r = range_of(n);

			if (cidr_contains(&r.v4, &list.addr[i].ip))
				*number = n;
		}
	return 0;
}

/* A default route leads everywhere, and so is in nobody's way. */
static const struct route *conflict(const struct route_list *routes, int bridge,
				    const struct range *r)
{
	for (size_t i = 0; i < routes->n_route; i++) {
		const struct route *at = &routes->route[i];

		if (at->dst.plen && at->oif != bridge &&
		    (overlap(&at->dst, &r->v4) || overlap(&at->dst, &r->v6)))
			return at;
	}
	return NULL;
}

static void say(const struct route *taken, int number)
{
	char route[IP_STRLEN];

	fprintf(stderr,
		"cnic: the host has a route to %s: network " RUN_DEFAULT_NETWORK
		" is 10.%d.0.0/16 and fd00:%d::/64\n",
		cidr_str(&taken->dst, route), number, number);
}

static int find_free(const struct route_list *routes, int bridge, int *number, struct err *err)
{
	const struct route *taken = NULL;

	for (int n = FIRST; n <= LAST; n++) {
		const struct range r = range_of(n);
		const struct route *in_the_way = conflict(routes, bridge, &r);

		taken = taken ? taken : in_the_way;
		if (in_the_way)
			continue;
		*number = n;
		if (taken)
			say(taken, n);
		return 0;
	}
	return err_config(err,
			  "the host has routes to all of 10.%d.0.0/16 to 10.%d.0.0/16: name a "
			  "network of your own (--net)",
			  FIRST, LAST);
}

static int look_at_bridge(struct nl *nl, int *index, int *number)
{
	struct link bridge;

	if (nl_link_get_allow(nl, RUN_DEFAULT_NETWORK, &bridge) < 0)
		return -1;
	*index = bridge.index;
	return range_of_bridge(nl, bridge.index, number);
}

/*
 * Another one may make the bridge at the same time: a route of it that is listed has its address
 * behind it, which is seen when the bridge is looked at afterwards.
 */
static int choose(struct nl *nl, int *number, struct err *err)
{
	struct route_list routes = { .arena = json_arena() };
	int index;

	if (nl_open(nl, err) < 0 || look_at_bridge(nl, &index, number) < 0)
		return -1;
	if (*number)
		return 0;
	if (nl_route_list(nl, AF_UNSPEC, &routes) < 0 || look_at_bridge(nl, &index, number) < 0)
		return -1;
	return *number ? 0 : find_free(&routes, index, number, err);
}

/* ---- the list -------------------------------------------------------------------------------- */

static bool has_ipv6(void)
{
	struct err ignored = { 0 };
	char value[16];

	return sysctl_read("net/ipv6/conf/all/disable_ipv6", value, sizeof(value), &ignored) == 0 &&
	       value[0] == '0';
}

static const char *text_of(int number, bool publishes)
{
	struct arena *a = json_arena();
	const char *v6 =
		has_ipv6() ? arena_printf(a, ",[{\"subnet\":\"fd00:%d::/64\"}]", number) : "";

	return arena_printf(a,
			    "{\"cniVersion\":\"1.1.0\",\"name\":\"" RUN_DEFAULT_NETWORK
			    "\",\"plugins\":[{\"type\":\"bridge\",\"bridge\":\"" RUN_DEFAULT_NETWORK
			    "\",\"isDefaultGateway\":true,\"ipMasq\":true,\"hairpinMode\":true,"
			    "\"capabilities\":{\"ips\":true,\"mac\":true},"
			    "\"ipam\":{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":"
			    "\"10.%d.0.0/16\"}]%s]}}%s]}",
			    number, v6,
			    publishes ? ",{\"type\":\"portmap\",\"capabilities\":"
					"{\"portMappings\":true}}"
				      : "");
}

int run_default_list(bool publishes, struct libcni_list *out, struct err *err)
{
	struct nl *nl = arena_new(json_arena(), struct nl);
	const char *text;
	int number = 0;
	int rc = choose(nl, &number, err);

	nl_close(nl);
	if (rc < 0)
		return err_wrap(err, "network " RUN_DEFAULT_NETWORK);
	text = text_of(number, publishes);
	return libcni_list_parse(text, strlen(text), out, err);
}
