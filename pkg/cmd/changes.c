/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/changes.h"

#include <string.h>

#include "cni/result.h"

struct lines {
	const char **line;
	size_t n;
};

static void add(struct lines *l, const char *line)
{
	*arena_append(json_arena(), l->line, l->n) = line;
}

static void add_interface(struct lines *l, const struct cni_interface *f)
{
	struct arena *a = json_arena();

	add(l,
	    arena_printf(a, "interface %s%s%s%s", f->name, f->mac ? " mac " : "",
			 f->mac ? f->mac : "", f->mtu ? arena_printf(a, " mtu %u", f->mtu) : ""));
}

static void add_route(struct lines *l, const struct cni_route *r)
{
	char dst[IP_STRLEN], gw[IP_STRLEN];

	add(l, arena_printf(json_arena(), "route %s%s%s", cidr_str(&r->dst, dst),
			    r->gw.family ? " via " : "", r->gw.family ? ip_str(&r->gw, gw) : ""));
}

static void add_dns(struct lines *l, const char *what, const char *const *value, size_t n)
{
	for (size_t i = 0; i < n; i++)
		add(l, arena_printf(json_arena(), "dns %s %s", what, value[i]));
}

/* All that a result says, a line each. */
static struct lines lines_of(struct json_text text)
{
	struct lines l = { 0 };
	struct cni_result r;
	const struct json *v;
	struct err ignored;
	char buf[IP_STRLEN];

	if (!text.at || json_parse(text.at, text.len, &v, &ignored) < 0 ||
	    cni_result_parse(v, "", false, "result", &r, &ignored) < 0)
		return l;
	for (size_t i = 0; i < r.n_interfaces; i++)
		add_interface(&l, &r.interfaces[i]);
	for (size_t i = 0; i < r.n_ips; i++)
		add(&l, arena_printf(json_arena(), "ip %s", cidr_str(&r.ips[i].address, buf)));
	for (size_t i = 0; i < r.n_routes; i++)
		add_route(&l, &r.routes[i]);
	add_dns(&l, "nameserver", r.dns.nameservers, r.dns.n_nameservers);
	add_dns(&l, "search", r.dns.search, r.dns.n_search);
	return l;
}

static bool has(const struct lines *l, const char *line)
{
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->line[i], line))
			return true;
	return false;
}

static void add_missing(struct lines *out, const struct lines *from, const struct lines *in,
			char sign)
{
	for (size_t i = 0; i < from->n; i++)
		if (!has(in, from->line[i]))
			add(out, arena_printf(json_arena(), "%c%s", sign, from->line[i]));
}

void changes_between(struct json_text prev, struct json_text result, const char ***out, size_t *n)
{
	const struct lines before = lines_of(prev), after = lines_of(result);
	struct lines changes = { 0 };

	add_missing(&changes, &before, &after, '-');
	add_missing(&changes, &after, &before, '+');
	*out = changes.line;
	*n = changes.n;
}
