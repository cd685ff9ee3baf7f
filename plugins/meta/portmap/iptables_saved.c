/* SPDX-License-Identifier: Apache-2.0 */
/* Host ports as iptables-save shows them, read again. */
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "iptables_text.h"

#define PREFIX "CNI-DN-"
#define ENTRY  "-A " PORTMAP_ENTRIES " "

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

static const char *next_line(struct arena *arena, const char **saved)
{
	size_t len = strcspn(*saved, "\n");
	const char *line = arena_strndup(arena, *saved, len);

	*saved += len + ((*saved)[len] == '\n');
	return line;
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

/* ---- comparing ------------------------------------------------------------------------------- */

/* Without a copy of the words: there may be thousands of lines on either side. */
static bool is_same_word(const char *a, const char *b, const char *option)
{
	const char *x = strstr(a, option), *y = strstr(b, option);
	size_t n = strlen(option);

	if (!x || !y)
		return !x && !y;
	x += n;
	y += n;
	n = strcspn(x, " ");
	return n == strcspn(y, " ") && !strncmp(x, y, n);
}

/* Some name a protocol by its number. */
static bool is_same_protocol(struct portmap_text *t, const char *a, const char *b)
{
	const char *x = word_behind(t->arena, a, " -p "), *y = word_behind(t->arena, b, " -p ");

	if (!x || !y)
		return false;
	for (unsigned int p = 0; p < IPPROTO_MAX; p++)
		if (portmap_protocol_name((uint8_t)p) &&
		    !strcmp(y, portmap_protocol_name((uint8_t)p)))
			return !strcmp(x, y) || strtoul(x, NULL, 10) == p;
	return false;
}

/* Conditions, which iptables-save has in words of its own, are not compared. */
static bool is_same_entry(struct portmap_text *t, const char *saved, const char *wanted)
{
	return is_same_word(saved, wanted, " --dports ") && is_same_protocol(t, saved, wanted);
}

static bool is_same_rule(struct portmap_text *t, const char *saved, const char *wanted)
{
	static const char *const options[] = { " --dport ", " -s ", " -d ", " -j ",
					       " --to-destination " };

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (!is_same_word(saved, wanted, options[i]))
			return false;
	return is_same_protocol(t, saved, wanted);
}

typedef bool (*same_fn)(struct portmap_text *t, const char *saved, const char *wanted);

/* As a rule they are in the same order: the search begins behind the last that was found. */
static bool is_among(struct portmap_text *t, const struct portmap_lines *saved, const char *wanted,
		     same_fn same, size_t *from)
{
	for (size_t i = 0; i < saved->n; i++) {
		size_t at = (*from + i) % saved->n;

		if (same(t, saved->line[at], wanted)) {
			*from = at + 1;
			return true;
		}
	}
	return false;
}

/* The reference makes none of these for IPv6. */
static bool is_ours_alone(const char *wanted)
{
	return strstr(wanted, " -s ::1/128 ");
}

static bool has_all(struct portmap_text *t, const struct portmap_lines *saved,
		    const struct portmap_lines *wanted, same_fn same)
{
	size_t from = 0;

	for (size_t i = 0; i < wanted->n; i++)
		if (!is_ours_alone(wanted->line[i]) &&
		    !is_among(t, saved, wanted->line[i], same, &from))
			return false;
	return true;
}

bool portmap_text_has(struct portmap_text *t)
{
	return has_all(t, &t->old_rules, &t->at, is_same_rule) &&
	       has_all(t, &t->old_rules, &t->any, is_same_rule) &&
	       has_all(t, &t->old_entries, &t->entries, is_same_entry);
}

/* ---- what is there --------------------------------------------------------------------------- */

static bool ends_with(const char *line, const char *end)
{
	size_t len = strlen(line), n = strlen(end);

	return len >= n && !strcmp(line + len - n, end);
}

void portmap_text_look(struct portmap_text *t, const char *saved)
{
	const char *rule = arena_printf(t->arena, "-A %s ", t->chain.name);
	const char *chain = arena_printf(t->arena, ":%s ", t->chain.name);
	const char *end = arena_printf(t->arena, " -j %s", t->chain.name);

	while (*saved) {
		const char *line = next_line(t->arena, &saved);

		if (!strncmp(line, chain, strlen(chain)))
			t->had_chain = true;
		if (!strncmp(line, rule, strlen(rule)))
			portmap_line(&t->old_rules, line, t->arena);
		if (!strncmp(line, ENTRY, sizeof(ENTRY) - 1) && ends_with(line, end))
			portmap_line(&t->old_entries, line, t->arena);
	}
}

bool portmap_text_leads_to(struct portmap_text *t)
{
	for (size_t i = 0; i < t->old_rules.n; i++)
		if (leads_to_us(t, t->old_rules.line[i]))
			return true;
	return false;
}

/* A rule that translates, and those before it that mark what it will. */
static void keep_group(struct portmap_text *t, size_t first, size_t last, struct portmap_text *kept)
{
	const char *line = t->old_rules.line[last];
	struct portmap_lines *to = word_behind(t->arena, line, " -d ") ? &kept->at : &kept->any;

	if (leads_to_us(t, line))
		return;
	for (size_t i = first; i <= last; i++)
		portmap_line(to, t->old_rules.line[i], t->arena);
}

static void add_lines(struct portmap_text *t, struct portmap_lines *to,
		      const struct portmap_lines *more, same_fn same)
{
	const struct portmap_lines before = *to;
	size_t from = 0;

	for (size_t i = 0; i < more->n; i++)
		if (!is_among(t, &before, more->line[i], same, &from))
			portmap_line(to, more->line[i], t->arena);
}

void portmap_text_join_with(struct portmap_text *t, const struct portmap_text *other)
{
	add_lines(t, &t->at, &other->at, is_same_rule);
	add_lines(t, &t->any, &other->any, is_same_rule);
	add_lines(t, &t->entries, &other->entries, is_same_entry);
}

void portmap_text_keep(struct portmap_text *t)
{
	struct portmap_text kept = *t;
	const struct portmap_text own = *t;
	size_t first = 0;

	kept.at = kept.any = kept.entries = (struct portmap_lines){ 0 };
	for (size_t i = 0; i < t->old_rules.n; i++) {
		const char *target = word_behind(t->arena, t->old_rules.line[i], " -j ");

		if (says(target, "DNAT"))
			keep_group(t, first, i, &kept);
		if (says(target, "DNAT") || says(target, "RETURN"))
			first = i + 1;
	}
	if (!kept.at.n && !kept.any.n)
		return;
	kept.entries = t->old_entries;
	t->at = kept.at;
	t->any = kept.any;
	t->entries = kept.entries;
	portmap_text_join_with(t, &own);
}

/* ---- others ---------------------------------------------------------------------------------- */

/* What a rule of another's chain translates: the place in the way that mappings have it. */
static bool is_same_place(struct portmap_text *t, const char *line, const struct portmap_mapping *m)
{
	const char *port = word_behind(t->arena, line, " --dport ");
	const char *at = word_behind(t->arena, line, " -d ");
	struct ip ip;

	if (!port || strtoul(port, NULL, 10) != m->port)
		return false;
	if (!says(word_behind(t->arena, line, " -p "), portmap_protocol_name(m->protocol)))
		return false;
	if (!at || !m->at.family)
		return !at && !m->at.family;
	return cidr_parse(&ip, at) && ip.family == m->at.family && ip_equal(&ip, &m->at);
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

/* The entry that leads to a chain; NULL if there is none, or none for all packets. */
static const char *entry_of(struct portmap_text *t, const char *saved, const char *chain)
{
	const char *end = arena_printf(t->arena, " -j %s", chain);

	while (*saved) {
		const char *line = next_line(t->arena, &saved);

		if (!strncmp(line, ENTRY, sizeof(ENTRY) - 1) && ends_with(line, end) &&
		    is_unconditional(line))
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
				       portmap_protocol_name(t->mappings[i].protocol),
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
