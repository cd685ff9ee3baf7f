/* SPDX-License-Identifier: Apache-2.0 */
#include "answer.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <linux/rtnetlink.h>
#include <string.h>

#define MTU_LEAST  68 /* RFC 2132, 5.1 */
#define DOMAIN_MAX 255

static struct ip ip_of(struct in_addr v4, uint8_t plen)
{
	return (struct ip){ .family = AF_INET, .plen = plen, .v4 = v4 };
}

/* ---- routes ---------------------------------------------------------------------------------- */

/* The first to this destination; r->n_routes: there is none. */
static size_t find_destination(const struct cni_result *r, const struct ip *dst)
{
	size_t i = 0;

	while (i < r->n_routes && !cidr_equal(&r->routes[i].dst, dst))
		i++;
	return i;
}

static struct cni_route *find_route(const struct cni_result *r, const struct ip *dst,
				    const struct ip *gw)
{
	for (size_t i = 0; i < r->n_routes; i++)
		if (cidr_equal(&r->routes[i].dst, dst) && ip_equal(&r->routes[i].gw, gw))
			return &r->routes[i];
	return NULL;
}

/*
 * Once, however often a server repeats it: the kernel has no two that are equal. Of several to a
 * destination the server's first is the preferred one (RFC 2132, 5.8), and the kernel's is the last
 * that is added.
 */
static struct cni_route *add_route(struct cni_result *r, struct ip to, struct in_addr by)
{
	const struct ip dst = ip_network(&to), gw = ip_of(by, 32);
	struct cni_route *route = find_route(r, &dst, &gw);
	size_t at = find_destination(r, &dst);

	if (route)
		return route;
	(void)arena_append(json_arena(), r->routes, r->n_routes);
	route = &r->routes[at];
	memmove(route + 1, route, (r->n_routes - 1 - at) * sizeof(*route));
	*route = (struct cni_route){ .dst = dst, .gw = gw };
	return route;
}

/*
 * Option 121 (RFC 3442): the prefix's length, as many bytes of it as count, the router; 0.0.0.0: on
 * the link. What is cut off or no prefix ends it.
 */
static void add_classless(struct cni_result *r, const uint8_t *at, size_t len)
{
	while (len) {
		uint8_t plen = at[0], bytes = (uint8_t)((plen + 7) / 8);
		struct in_addr dst = { 0 }, gw;
		struct cni_route *route;

		if (plen > 32 || len < 1U + bytes + sizeof(gw))
			return;
		memcpy(&dst, at + 1, bytes);
		memcpy(&gw, at + 1 + bytes, sizeof(gw));
		route = add_route(r, ip_of(dst, plen), gw);
		if (!gw.s_addr) {
			route->has_scope = true;
			route->scope = RT_SCOPE_LINK;
		}
		at += 1 + bytes + sizeof(gw);
		len -= 1 + bytes + sizeof(gw);
	}
}

static uint8_t class_of(struct in_addr ip)
{
	uint32_t v = ntohl(ip.s_addr);

	return IN_CLASSA(v) ? 8 : IN_CLASSB(v) ? 16 : 24;
}

/* Option 33: pairs of destination and router. 0.0.0.0 is no destination there (RFC 2132, 5.8). */
static void add_classful(struct cni_result *r, const uint8_t *at, size_t len)
{
	struct in_addr pair[2];

	for (; len >= sizeof(pair); at += sizeof(pair), len -= sizeof(pair)) {
		memcpy(pair, at, sizeof(pair));
		if (!pair[0].s_addr)
			continue;
		add_route(r, ip_of(pair[0], class_of(pair[0])), pair[1]);
	}
}

static void add_routes(struct cni_result *r, const struct dhcp_message *ack, struct in_addr router)
{
	const struct in_addr any = { 0 };
	uint8_t buf[DHCP_MTU];
	ssize_t len = dhcp_get(ack, DHCP_OPT_ROUTES, buf, sizeof(buf));

	if (len >= 0) {
		add_classless(r, buf, (size_t)len);
		return;
	}
	len = dhcp_get(ack, DHCP_OPT_STATIC_ROUTES, buf, sizeof(buf));
	if (len > 0)
		add_classful(r, buf, (size_t)len);
	if (router.s_addr)
		add_route(r, ip_of(any, 0), router);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* A domain name as it may stand in resolv.conf; whatever else a server sends is none. */
static const char *domain_name(const char *at, size_t len)
{
	while (len && (at[len - 1] == '\0' || at[len - 1] == '.'))
		len--;
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)at[i]) && !strchr("-_.", at[i]))
			return NULL;
	return len && len <= DOMAIN_MAX && at[0] != '.' ? arena_strndup(json_arena(), at, len)
							: NULL;
}

/*
 * One name of option 119 (RFC 3397), with pointers into the option (RFC 1035, 4.1.4), each to
 * what is before it. Returns the bytes it takes at `at`, 0: it is none.
 */
static size_t read_name(const uint8_t *option, size_t len, size_t at, char *name, size_t *used)
{
	size_t end = 0, before = at;

	*used = 0;
	while (at < len && option[at]) {
		uint8_t n = option[at];

		if (n >= 0xc0 && at + 1 < len) {
			size_t to = (size_t)(n & 0x3f) << 8 | option[at + 1];

			if (!end)
				end = at + 2;
			if (to >= before)
				return 0;
			before = at = to;
			continue;
		}
		if (n > 63 || at + 1 + n > len || *used + n + 1 > DOMAIN_MAX)
			return 0;
		memcpy(name + *used, option + at + 1, n);
		*used += n;
		name[(*used)++] = '.';
		at += 1U + n;
	}
	if (at >= len)
		return 0;
	return end ? end : at + 1;
}

static void add_search(struct cni_dns *dns, const uint8_t *option, size_t len)
{
	char name[DOMAIN_MAX + 1];
	size_t used, end;

	for (size_t at = 0; at < len; at = end) {
		const char *domain;

		end = read_name(option, len, at, name, &used);
		if (!end)
			return;
		domain = domain_name(name, used);
		if (domain)
			*arena_append(json_arena(), dns->search, dns->n_search) = domain;
	}
}

/* A list of addresses, as texts. */
static const char **addresses(const struct dhcp_message *ack, enum dhcp_option code, size_t *n)
{
	const char **list = NULL;
	uint8_t buf[DHCP_MTU];
	ssize_t len = dhcp_get(ack, code, buf, sizeof(buf));
	struct in_addr ip;
	char text[INET_ADDRSTRLEN];

	for (ssize_t at = 0; at + (ssize_t)sizeof(ip) <= len; at += sizeof(ip)) {
		memcpy(&ip, buf + at, sizeof(ip));
		inet_ntop(AF_INET, &ip, text, sizeof(text));
		*arena_append(json_arena(), list, *n) = arena_strdup(json_arena(), text);
	}
	return list;
}

static void add_dns(struct cni_dns *dns, const struct dhcp_message *ack)
{
	uint8_t buf[DHCP_MTU];
	ssize_t len;

	dns->nameservers = addresses(ack, DHCP_OPT_DNS, &dns->n_nameservers);
	len = dhcp_get(ack, DHCP_OPT_DOMAIN, buf, sizeof(buf));
	if (len > 0)
		dns->domain = domain_name((const char *)buf, (size_t)len);
	len = dhcp_get(ack, DHCP_OPT_SEARCH, buf, sizeof(buf));
	if (len > 0)
		add_search(dns, buf, (size_t)len);
}

/* ---- all of it ------------------------------------------------------------------------------- */

/* The prefix's length of a mask; -1: it is none. */
static int length_of(struct in_addr mask)
{
	uint32_t v = ntohl(mask.s_addr), hosts = ~v;

	return hosts & (hosts + 1) ? -1 : __builtin_popcount(v);
}

int dhcp_answer(const struct dhcp_message *ack, uint32_t priority, struct dhcp_answer *out,
		struct err *err)
{
	struct in_addr mask, router = { 0 };
	struct cni_ipconfig *ip;
	int plen;

	*out = (struct dhcp_answer){ 0 };
	if (!dhcp_get_ip(ack, DHCP_OPT_MASK, &mask))
		return err_set(err, ERR_INTERNAL, "DHCP option Subnet Mask not found in DHCPACK");
	plen = length_of(mask);
	if (plen <= 0)
		return err_set(err, ERR_INTERNAL, "DHCP option Subnet Mask of DHCPACK is no mask");
	ip = arena_append(json_arena(), out->result.ips, out->result.n_ips);
	ip->address = ip_of(ack->yiaddr, (uint8_t)plen);
	if (dhcp_get_ip(ack, DHCP_OPT_ROUTER, &router) && router.s_addr)
		ip->gateway = ip_of(router, 32);
	add_routes(&out->result, ack, router);
	for (size_t i = 0; priority && i < out->result.n_routes; i++)
		out->result.routes[i].priority = priority;
	add_dns(&out->result.dns, ack);
	if (!dhcp_get_u16(ack, DHCP_OPT_MTU, &out->mtu) || out->mtu < MTU_LEAST)
		out->mtu = 0;
	out->ntp = addresses(ack, DHCP_OPT_NTP, &out->n_ntp);
	return 0;
}

/* ---- IPv6 ------------------------------------------------------------------------------------ */

#define SERVERS_MAX 16

static const char **texts(const struct in6_addr *ips, size_t n)
{
	const char **list = json_list(const char *, n);
	char text[INET6_ADDRSTRLEN];

	for (size_t i = 0; i < n; i++) {
		inet_ntop(AF_INET6, &ips[i], text, sizeof(text));
		list[i] = arena_strdup(json_arena(), text);
	}
	return list;
}

static void add_search6(struct cni_dns *dns, const struct dhcp6_message *reply)
{
	char name[DHCP6_NAME_SIZE];
	struct dhcp6_bytes v;

	if (!dhcp6_find(reply->options, DHCP6_OPT_SEARCH, &v))
		return;
	while (dhcp6_next_name(&v, name))
		*arena_append(json_arena(), dns->search, dns->n_search) =
			arena_strdup(json_arena(), name);
}

void dhcp6_answer(const struct dhcp6_lease *l, const struct dhcp6_message *reply,
		  struct dhcp_answer *out)
{
	struct cni_dns *dns = &out->result.dns;
	struct in6_addr servers[SERVERS_MAX];

	*out = (struct dhcp_answer){ 0 };
	for (size_t i = 0; i < l->n; i++)
		arena_append(json_arena(), out->result.ips, out->result.n_ips)->address =
			(struct ip){ .family = AF_INET6, .plen = 128, .v6 = l->addresses[i] };
	if (!reply)
		return;
	dns->n_nameservers = dhcp6_get_dns(reply, servers, SERVERS_MAX);
	dns->nameservers = texts(servers, dns->n_nameservers);
	add_search6(dns, reply);
	out->n_ntp = dhcp6_get_ntp(reply, servers, SERVERS_MAX);
	out->ntp = texts(servers, out->n_ntp);
}

/* ---- both ------------------------------------------------------------------------------------ */

static void append_texts(const char ***list, size_t *n, const char *const *more, size_t n_more)
{
	const char **all = json_list(const char *, *n + n_more);

	if (!n_more)
		return;
	if (*n)
		memcpy(all, *list, *n * sizeof(*all));
	memcpy(all + *n, more, n_more * sizeof(*all));
	*list = all;
	*n += n_more;
}

void dhcp_answer_merge(struct cni_result *to, const struct cni_result *more)
{
	struct cni_ipconfig *ips = json_list(struct cni_ipconfig, to->n_ips + more->n_ips);
	struct cni_route *routes = json_list(struct cni_route, to->n_routes + more->n_routes);

	for (size_t i = 0; i < to->n_ips + more->n_ips; i++)
		ips[i] = i < to->n_ips ? to->ips[i] : more->ips[i - to->n_ips];
	for (size_t i = 0; i < to->n_routes + more->n_routes; i++)
		routes[i] = i < to->n_routes ? to->routes[i] : more->routes[i - to->n_routes];
	to->ips = ips;
	to->n_ips += more->n_ips;
	to->routes = routes;
	to->n_routes += more->n_routes;
	append_texts(&to->dns.nameservers, &to->dns.n_nameservers, more->dns.nameservers,
		     more->dns.n_nameservers);
	append_texts(&to->dns.search, &to->dns.n_search, more->dns.search, more->dns.n_search);
}

static bool has_ip(const struct cni_result *r, const struct ip *address)
{
	for (size_t i = 0; i < r->n_ips; i++)
		if (cidr_equal(&r->ips[i].address, address))
			return true;
	return false;
}

void dhcp_answer_add_ips(struct dhcp_answer *to, const struct dhcp_answer *more)
{
	struct cni_result ips = { 0 };

	for (size_t i = 0; i < more->result.n_ips; i++)
		if (!has_ip(&to->result, &more->result.ips[i].address))
			*arena_append(json_arena(), ips.ips, ips.n_ips) = more->result.ips[i];
	dhcp_answer_merge(&to->result, &ips);
}
