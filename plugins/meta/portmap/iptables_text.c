/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_text.h"

#include <string.h>

#define COMMENT_MAX 255
#define PORTS_MAX   15 /* in one multiport match */

/* ---- writing --------------------------------------------------------------------------------- */

void portmap_text_line(struct portmap_text *t, const char *line)
{
	*arena_append(t->arena, t->line, t->n_lines) = line;
}

#define LINE(t, ...) portmap_text_line((t), arena_printf((t)->arena, __VA_ARGS__))

/* In the words of iptables-save, so that it can be compared with them. */
#define RULE(t, to, ...)                                  \
	(*arena_append((t)->arena, (to)->rule, (to)->n) = \
		 iptables_save_parse(arena_printf((t)->arena, __VA_ARGS__), (t)->arena))

const char *portmap_text_join(const struct portmap_text *t)
{
	static const char begin[] = "*nat\n", end[] = "COMMIT\n";
	size_t len = sizeof(begin) + sizeof(end);
	char *text, *p;

	for (size_t i = 0; i < t->n_lines; i++)
		len += strlen(t->line[i]) + 1;
	text = arena_alloc(t->arena, len);
	p = stpcpy(text, begin);
	for (size_t i = 0; i < t->n_lines; i++)
		p = stpcpy(stpcpy(p, t->line[i]), "\n");
	memcpy(p, end, sizeof(end));
	return text;
}

/* As iptables-restore takes a word apart again. */
static const char *quoted(struct arena *arena, const char *word)
{
	char *out = arena_alloc(arena, strlen(word) * 2 + 3), *p = out;

	*p++ = '"';
	for (; *word; word++) {
		if (*word == '"' || *word == '\\')
			*p++ = '\\';
		*p++ = *word;
	}
	*p = '"';
	return out;
}

static const char *conditions(const struct portmap_text *t)
{
	int i = t->family == AF_INET6;
	const char *text = "";

	for (size_t k = 0; k < t->conf->n_conditions[i]; k++)
		text = arena_printf(t->arena, "%s %s", text,
				    quoted(t->arena, t->conf->conditions[i][k]));
	return text;
}

static const char *comment(const struct portmap_text *t)
{
	const char *text =
		arena_printf(t->arena, "dnat name: \"%s\" id: \"%s\"", t->network, t->container_id);

	if (strlen(text) > COMMENT_MAX)
		text = arena_printf(t->arena, "%.*s...", COMMENT_MAX - 3, text);
	return quoted(t->arena, text);
}

static void entry_rule(struct portmap_text *t, uint8_t protocol, const char *ports)
{
	RULE(t, &t->entries,
	     "-A " PORTMAP_ENTRIES " -p %s -m comment --comment %s -m multiport "
	     "--dports %s%s -j %s",
	     portmap_protocol_name(protocol), comment(t), ports, conditions(t), t->chain);
}

/*
 * Ports of one protocol, 15 at a time, in the configuration's order: also those of the other
 * family.
 */
static void entries_of(struct portmap_text *t, uint8_t protocol)
{
	const struct portmap *conf = t->conf;
	const char *ports = "";
	size_t in_line = 0;

	for (size_t i = 0; i < conf->n_ports; i++) {
		if (portmap_protocol(conf->ports[i].protocol) != protocol)
			continue;
		ports = arena_printf(t->arena, "%s%s%u", in_line ? ports : "", in_line ? "," : "",
				     conf->ports[i].host_port);
		if (++in_line < PORTS_MAX)
			continue;
		entry_rule(t, protocol, ports);
		in_line = 0;
	}
	if (in_line)
		entry_rule(t, protocol, ports);
}

static void mark_rule(struct portmap_text *t, const char *source, const char *match)
{
	const char *target = t->conf->external_chain ? t->conf->external_chain : PORTMAP_SETMARK;

	RULE(t, &t->rules, "-A %s%s%s -j %s", t->chain, source, match, target);
}

static void mapping_rules(struct portmap_text *t, const struct portmap_mapping *m)
{
	const char *protocol = portmap_protocol_name(m->protocol), *at = "", *match;
	struct ip net = ip_network(&m->to);
	char text[IP_STRLEN];

	if (m->at.family != AF_UNSPEC)
		at = arena_printf(t->arena, " -d %s", cidr_str(&m->at, text));
	match = arena_printf(t->arena, "%s -p %s -m %s --dport %u", at, protocol, protocol,
			     m->port);
	if (t->conf->snat && t->conf->masq_all)
		mark_rule(t, "", match);
	if (t->conf->snat && !t->conf->masq_all) {
		mark_rule(t, arena_printf(t->arena, " -s %s", cidr_str(&net, text)), match);
		mark_rule(t, t->family == AF_INET ? " -s 127.0.0.1/32" : " -s ::1/128", match);
	}
	RULE(t, &t->rules,
	     t->family == AF_INET ? "-A %s%s -j DNAT --to-destination %s:%u"
				  : "-A %s%s -j DNAT --to-destination [%s]:%u",
	     t->chain, match, ip_str(&m->to, text), m->to_port);
}

/* Protocols in alphabetical order, as the reference. */
struct portmap_text portmap_text_of(struct cni_call *c, const char *container_id,
				    const struct portmap *conf, sa_family_t family)
{
	static const uint8_t protocols[] = { IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP };
	struct portmap_text t = {
		.conf = conf,
		.network = c->req->net.name,
		.container_id = container_id,
		.family = family,
		.arena = c->arena,
		.has_marks = conf->snat && !conf->external_chain,
	};

	instance_hash_name(t.chain, INSTANCE_CHAIN_LEN, PORTMAP_CHAIN, t.network, container_id);
	for (size_t i = 0; i < conf->list.n; i++) {
		if (conf->list.mapping[i].to.family != family)
			continue;
		if (!t.n++)
			t.mappings = &conf->list.mapping[i];
		mapping_rules(&t, &conf->list.mapping[i]);
	}
	for (size_t i = 0; t.n && i < ARRAY_SIZE(protocols); i++)
		entries_of(&t, protocols[i]);
	return t;
}

static void put_rules(struct portmap_text *t, const struct portmap_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		LINE(t, "-A %s", rules->rule[i].text);
}

/* The chain, empty, and no entries. */
static void put_chain(struct portmap_text *t)
{
	LINE(t, ":%s - [0:0]", t->chain);
	for (size_t i = 0; i < t->old_entries.n; i++)
		LINE(t, "-D %s", t->old_entries.rule[i].text);
}

static void drop_chain(struct portmap_text *t)
{
	LINE(t, "-F %s", t->chain);
	LINE(t, "-X %s", t->chain);
}

/*
 * Ports of one address first. Translation comes before the kernel looks for loopback addresses on a
 * wire: they are the host's own only.
 */
void portmap_text_container(struct portmap_text *t)
{
	put_chain(t);
	if (t->family == AF_INET)
		LINE(t, "-A %s -d 127.0.0.0/8 -m addrtype ! --src-type LOCAL -j RETURN", t->chain);
	for (int all = 0; all <= 1; all++)
		for (size_t i = 0; i < t->rules.n; i++)
			if (all == !iptables_save_get(&t->rules.rule[i], "-d"))
				LINE(t, "-A %s", t->rules.rule[i].text);
	put_rules(t, &t->entries);
	if (!t->rules.n)
		drop_chain(t);
}

/* A chain that was not there goes. */
void portmap_text_before(struct portmap_text *t, const struct portmap_text *before)
{
	put_chain(t);
	put_rules(t, &before->old);
	put_rules(t, &before->old_entries);
	if (!before->had_chain)
		drop_chain(t);
}

void portmap_text_marks(struct portmap_text *t)
{
	uint32_t mark = UINT32_C(1) << t->conf->mark_bit;

	portmap_text_line(t, ":" PORTMAP_SETMARK " - [0:0]");
	LINE(t,
	     "-A " PORTMAP_SETMARK " -m comment --comment \"CNI portfwd masquerade mark\" "
	     "-j MARK --set-xmark %#x/%#x",
	     mark, mark);
	portmap_text_line(t, ":" PORTMAP_MASQ " - [0:0]");
	LINE(t, "-A " PORTMAP_MASQ " -m mark --mark %#x/%#x -j MASQUERADE", mark, mark);
}
