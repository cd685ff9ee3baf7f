/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/values.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"

#define HOSTNAME_MAX 64 /* __NEW_UTS_LEN, linux/utsname.h */

bool run_value_number(uint32_t *n, const char *s, uint32_t max)
{
	unsigned long long value;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	value = strtoull(s, &end, 10);
	*n = (uint32_t)value;
	return !*end && value <= max;
}

static bool parse_port(uint16_t *port, const char *s)
{
	uint32_t n;

	if (!run_value_number(&n, s, UINT16_MAX) || !n)
		return false;
	*port = (uint16_t)n;
	return true;
}

/* The text behind the last `c`, which is cut off; NULL: there is none. */
static char *cut_last(char *s, char c)
{
	char *at = strrchr(s, c);

	if (!at)
		return NULL;
	*at = '\0';
	return at + 1;
}

/* An IPv6 address, or a prefix of one, is in brackets where a port follows. */
static bool parse_bracketed(struct ip *ip, char *s, bool (*parse)(struct ip *, const char *))
{
	size_t n = strlen(s);
	bool in_brackets = *s == '[';

	if (in_brackets && s[n - 1] != ']')
		return false;
	if (in_brackets) {
		s[n - 1] = '\0';
		s++;
	}
	return parse(ip, s) && in_brackets == (ip->family == AF_INET6);
}

bool run_value_publish(struct run_publish *p, const char *s, struct arena *arena)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp" };
	char *rest = arena_strdup(arena, s);
	char *protocol = cut_last(rest, '/'), *container = cut_last(rest, ':');
	char *host = cut_last(rest, ':');

	*p = (struct run_publish){ .ip.family = AF_UNSPEC };
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (!strcmp(protocol ? protocol : "tcp", protocols[i]))
			p->protocol = protocols[i];
	if (host && !parse_bracketed(&p->ip, rest, ip_parse))
		return false;
	return p->protocol && container && parse_port(&p->container, container) &&
	       parse_port(&p->host, host ? host : rest);
}

bool run_value_id_map(struct run_id_map *m, const char *s)
{
	uint32_t *const parts[] = { &m->inside, &m->outside, &m->count };
	char text[3 * sizeof("4294967295")], *rest = text, *part = NULL;
	size_t n = 0;

	if (strlen(s) >= sizeof(text))
		return false;
	memcpy(text, s, strlen(s) + 1);
	while ((part = strsep(&rest, ":")))
		if (n == ARRAY_SIZE(parts) || !run_value_number(parts[n++], part, UINT32_MAX - 1))
			return false;
	return n == ARRAY_SIZE(parts) && m->count && m->inside <= UINT32_MAX - m->count &&
	       m->outside <= UINT32_MAX - m->count;
}

bool run_value_is_target(const char *s)
{
	return *s == '/' && strspn(s, "/.") != strlen(s) && !strchr(s, ':');
}

bool run_value_bind(struct run_mount *m, const char *s, struct arena *arena)
{
	char *rest = arena_strdup(arena, s), *mode;

	m->source = strsep(&rest, ":");
	m->target = strsep(&rest, ":");
	mode = rest;
	m->read_only = mode && !strcmp(mode, "ro");
	return *m->source && m->target && run_value_is_target(m->target) &&
	       (!mode || m->read_only || !strcmp(mode, "rw"));
}

static bool parse_net(struct ip *ip, const char *s)
{
	return strchr(s, '/') ? cidr_parse(ip, s) : ip_parse(ip, s);
}

bool run_value_egress(struct run_egress *e, const char *s, struct arena *arena)
{
	char *rest = arena_strdup(arena, s), *port;

	e->port = 0;
	if (parse_net(&e->to, rest))
		return true;
	port = cut_last(rest, ':');
	return port && parse_port(&e->port, port) && parse_bracketed(&e->to, rest, parse_net);
}

bool run_value_is_hostname(const char *s)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-.";
	size_t n = strlen(s);

	return n && n <= HOSTNAME_MAX && strspn(s, letters) == n && *s != '-' && *s != '.';
}
