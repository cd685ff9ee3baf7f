/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/portmaptext.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX      "CNI-DN-"
#define COMMENT_MAX 255
#define PORTS_MAX   15 /* in one multiport match */

struct portmap_chain portmap_chain(const char *network, const char *container_id)
{
	struct portmap_chain chain;

	cni_hash_name(chain.name, CNI_CHAIN_LEN, PREFIX, network, container_id);
	return chain;
}

void portmap_text_init(struct portmap_text *t, const struct portmap_list *list)
{
	size_t first = 0;

	while (first < list->n && list->mapping[first].to.family != t->family)
		first++;
	t->mappings = list->mapping + first;
	while (first + t->n < list->n && t->mappings[t->n].to.family == t->family)
		t->n++;
	t->chain = portmap_chain(t->network, t->container_id);
}

bool portmap_text_has_marks(const struct portmap_text *t)
{
	return t->conf->snat && !t->conf->external_chain;
}

/* ---- writing --------------------------------------------------------------------------------- */

void portmap_text_line(struct portmap_text *t, const char *line)
{
	*arena_append(t->arena, t->lines, t->n_lines) = line;
}

#define LINE(t, ...) portmap_text_line((t), arena_printf((t)->arena, __VA_ARGS__))

const char *portmap_text_join(const struct portmap_text *t)
{
	size_t len = 0;
	char *text, *p;

	for (size_t i = 0; i < t->n_lines; i++)
		len += strlen(t->lines[i]) + 1;
	p = text = arena_alloc(t->arena, len + 1);
	for (size_t i = 0; i < t->n_lines; i++) {
		p = stpcpy(p, t->lines[i]);
		*p++ = '\n';
	}
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
	const char *const *words, *text = "";
	size_t n;

	portmap_conditions(t->conf, t->family, &words, &n);
	for (size_t i = 0; i < n; i++)
		text = arena_printf(t->arena, "%s %s", text, quoted(t->arena, words[i]));
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

static void entry_line(struct portmap_text *t, uint8_t protocol, const char *ports)
{
	LINE(t,
	     "-A " PORTMAP_ENTRIES " -m comment --comment %s -m multiport -p %s "
	     "--destination-ports %s%s -j %s",
	     comment(t), nft_dnat_protocol(protocol), ports, conditions(t), t->chain.name);
}

/* Ports of one protocol, 15 at a time, in the configuration's order: also those of the other family. */
static size_t entries_of(struct portmap_text *t, uint8_t protocol, bool write)
{
	const struct portmap *conf = t->conf;
	const char *ports = "";
	size_t n = 0, in_line = 0;

	for (size_t i = 0; i < conf->n_ports; i++) {
		if (portmap_protocol(&conf->ports[i]) != protocol)
			continue;
		ports = arena_printf(t->arena, "%s%s%u", in_line ? ports : "", in_line ? "," : "",
				     conf->ports[i].host_port);
		if (!in_line)
			n++;
		if (++in_line < PORTS_MAX)
			continue;
		if (write)
			entry_line(t, protocol, ports);
		in_line = 0;
	}
	if (in_line && write)
		entry_line(t, protocol, ports);
	return n;
}

/* In alphabetical order, as the reference. */
static size_t entries(struct portmap_text *t, bool write)
{
	static const uint8_t protocols[] = { IPPROTO_DCCP, IPPROTO_SCTP, IPPROTO_TCP, IPPROTO_UDP };
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		n += entries_of(t, protocols[i], write);
	return n;
}

size_t portmap_text_entries(struct portmap_text *t)
{
	return entries(t, false);
}

size_t portmap_text_rules(const struct portmap_text *t)
{
	bool marks_loopback = t->conf->snat && !t->conf->masq_all && t->family == AF_INET;

	return t->n * (1 + t->conf->snat + marks_loopback);
}

static void mark_lines(struct portmap_text *t, const struct nft_mapping *m, const char *match)
{
	const char *target = t->conf->external_chain ? t->conf->external_chain : PORTMAP_SETMARK;
	const char *everybody = t->family == AF_INET ? "0.0.0.0/0" : "::/0";
	char near[IP_STRLEN];

	if (!t->conf->snat)
		return;
	LINE(t, "%s -s %s -j %s", match, t->conf->masq_all ? everybody : cidr_str(&m->to, near),
	     quoted(t->arena, target));
	if (!t->conf->masq_all)
		LINE(t, "%s -s %s -j %s", match, t->family == AF_INET ? "127.0.0.1" : "::1",
		     quoted(t->arena, target));
}

static void mapping_lines(struct portmap_text *t, const struct nft_mapping *m)
{
	char at[IP_STRLEN], to[IP_STRLEN];
	const char *match =
		arena_printf(t->arena, "-A %s -p %s --dport %u%s%s", t->chain.name,
			     nft_dnat_protocol(m->protocol), m->port, m->at.family ? " -d " : "",
			     m->at.family ? ip_str(&m->at, at) : "");

	mark_lines(t, m, match);
	LINE(t,
	     t->family == AF_INET ? "%s -j DNAT --to-destination %s:%u"
				  : "%s -j DNAT --to-destination [%s]:%u",
	     match, ip_str(&m->to, to), m->to_port);
}

/*
 * Ports of one address first. Translation comes before the kernel looks for loopback addresses on a wire: they
 * are the host's own only.
 */
void portmap_text_own(struct portmap_text *t)
{
	LINE(t, ":%s - [0:0]", t->chain.name);
	if (t->family == AF_INET)
		LINE(t, "-A %s -d 127.0.0.0/8 -m addrtype ! --src-type LOCAL -j RETURN",
		     t->chain.name);
	for (size_t i = 0; i < t->n; i++)
		if (t->mappings[i].at.family != AF_UNSPEC)
			mapping_lines(t, &t->mappings[i]);
	for (size_t i = 0; i < t->n; i++)
		if (t->mappings[i].at.family == AF_UNSPEC)
			mapping_lines(t, &t->mappings[i]);
	(void)entries(t, true);
}

void portmap_text_marks(struct portmap_text *t)
{
	uint32_t mark = UINT32_C(1) << t->conf->mark_bit;

	LINE(t, ":" PORTMAP_SETMARK " - [0:0]");
	LINE(t,
	     "-A " PORTMAP_SETMARK " -m comment --comment \"CNI portfwd masquerade mark\" "
	     "-j MARK --set-xmark %#x/%#x",
	     mark, mark);
	LINE(t, ":" PORTMAP_MASQ " - [0:0]");
	LINE(t, "-A " PORTMAP_MASQ " -m mark --mark %#x/%#x -j MASQUERADE", mark, mark);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* The word behind an option, in the arena; NULL if the option is not there. */
static const char *word_behind(struct arena *arena, const char *line, const char *option)
{
	const char *at = strstr(line, option);

	if (!at)
		return NULL;
	at += strlen(option);
	return arena_strndup(arena, at, strcspn(at, " "));
}

static bool says(const char *word, const char *wanted)
{
	return word && !strcmp(word, wanted);
}

/* What a rule of another's chain translates: the place in the way that mappings have it. */
static bool is_same_place(struct portmap_text *t, const char *line, const struct nft_mapping *m)
{
	const char *port = word_behind(t->arena, line, " --dport ");
	const char *at = word_behind(t->arena, line, " -d ");
	struct ip ip;

	if (!port || strtoul(port, NULL, 10) != m->port)
		return false;
	if (!says(word_behind(t->arena, line, " -p "), nft_dnat_protocol(m->protocol)))
		return false;
	if (!at || !m->at.family)
		return !at && !m->at.family;
	return cidr_parse(&ip, at) && ip.family == m->at.family && ip_equal(&ip, &m->at);
}

/* An address that is ours now was somebody's who is gone. */
static bool leads_to_us(struct portmap_text *t, const char *line)
{
	const char *to = word_behind(t->arena, line, " --to-destination ");
	struct ip ip;

	if (!to || !t->n)
		return false;
	if (*to == '[')
		to = arena_strndup(t->arena, to + 1, strcspn(to + 1, "]"));
	else
		to = arena_strndup(t->arena, to, strcspn(to, ":"));
	return ip_parse(&ip, to) && ip.family == t->family && ip_equal(&ip, &t->mappings[0].to);
}

/* -A X -p P -m comment --comment "..." -m multiport --dports N -j Y: nothing that narrows it. */
static bool is_unconditional(const char *entry)
{
	const char *quote = strstr(entry, "--comment \""), *end = entry + strlen(entry);
	size_t blanks = 0;
	bool inside = false;

	if (!quote)
		return false;
	for (const char *p = entry; p < end; p++) {
		if (*p == '\\' && inside)
			p++;
		else if (*p == '"')
			inside = !inside;
		else if (*p == ' ' && !inside)
			blanks++;
	}
	return blanks == 13;
}

static const char *next_line(struct arena *arena, const char **saved)
{
	size_t len = strcspn(*saved, "\n");
	const char *line = arena_strndup(arena, *saved, len);

	*saved += len + ((*saved)[len] == '\n');
	return line;
}

/* The entry that leads to a chain; NULL if there is none, or none for all packets. */
static const char *entry_of(struct portmap_text *t, const char *saved, const char *chain)
{
	const char *end = arena_printf(t->arena, " -j %s", chain);

	while (*saved) {
		const char *line = next_line(t->arena, &saved);
		size_t len = strlen(line), n = strlen(end);

		if (!strncmp(line, "-A " PORTMAP_ENTRIES " ", sizeof("-A " PORTMAP_ENTRIES)) &&
		    len > n && !strcmp(line + len - n, end) && is_unconditional(line))
			return line;
	}
	return NULL;
}

static int check_line(struct portmap_text *t, const char *saved, const char *line, struct err *err)
{
	const char *chain = word_behind(t->arena, line, "-A "), *entry;
	const char *us = arena_printf(t->arena, "id: \\\"%s\\\"", t->container_id);

	if (!says(word_behind(t->arena, line, " -j "), "DNAT") || says(chain, t->chain.name) ||
	    leads_to_us(t, line))
		return 0;
	for (size_t i = 0; i < t->n; i++) {
		if (!is_same_place(t, line, &t->mappings[i]))
			continue;
		entry = entry_of(t, saved, chain);
		if (entry && !strstr(entry, us))
			return err_set(err, ERR_IN_USE,
				       "host port %u/%s is held by another container (%.200s)",
				       t->mappings[i].port,
				       nft_dnat_protocol(t->mappings[i].protocol),
				       strstr(entry, "--comment ") + sizeof("--comment ") - 1);
	}
	return 0;
}

int portmap_text_conflicts(struct portmap_text *t, const char *saved, struct err *err)
{
	const char *const *words;
	size_t n;

	portmap_conditions(t->conf, t->family, &words, &n);
	for (const char *rest = saved; !n && *rest;) {
		const char *line = next_line(t->arena, &rest);

		if (!strncmp(line, "-A " PREFIX, sizeof("-A " PREFIX) - 1) &&
		    check_line(t, saved, line, err) < 0)
			return -1;
	}
	return 0;
}
