/* SPDX-License-Identifier: Apache-2.0 */
#include "iptables_saved.h"

#include <stdlib.h>
#include <string.h>

#define APPEND(t, to, rule_) (*arena_append((t)->arena, (to)->rule, (to)->n) = (rule_))

void portmap_saved_read(struct portmap_text *t)
{
	struct iptables_save_rule rule;
	const char *at;

	t->had_chain = iptables_save_has_chain(t->saved, t->chain);
	for (at = t->saved; iptables_save_next(&at, t->chain, &rule, t->arena);)
		APPEND(t, &t->old, rule);
	for (at = t->saved; iptables_save_next(&at, PORTMAP_ENTRIES, &rule, t->arena);)
		if (iptables_save_has(&rule, "-j", t->chain))
			APPEND(t, &t->old_entries, rule);
}

/* ---- comparing ------------------------------------------------------------------------------- */

/* Some versions print a protocol's number; 0: the rule is for all. */
static uint8_t protocol_of(const struct iptables_save_rule *rule)
{
	const char *name = iptables_save_get(rule, "-p");
	uint8_t protocol = name ? portmap_protocol(name) : 0;

	return name && !protocol ? (uint8_t)strtoul(name, NULL, 10) : protocol;
}

/* 192.0.2.1 is printed as 192.0.2.1/32, 10.1.2.3/8 as 10.0.0.0/8. */
static bool parse_network(struct ip *net, const char *text)
{
	if (!cidr_parse(net, text) && !ip_parse(net, text))
		return false;
	*net = ip_network(net);
	return true;
}

/* Of a condition in another form, a host's name or a list, it is not known what is printed. */
static bool is_same_address(const struct iptables_save_rule *saved,
			    const struct iptables_save_rule *wanted, const char *const *names)
{
	const char *is = iptables_save_get(saved, *names), *printed = *names, *value = NULL;
	struct ip a, b;

	while (*names && !(value = iptables_save_get(wanted, *names)))
		names++;
	if (!is && value && (!parse_network(&b, value) || !b.plen)) /* 0/0 is not printed */
		return !iptables_save_is_negated(wanted, *names);
	if (!is || !value)
		return is == value;
	if (iptables_save_is_negated(saved, printed) != iptables_save_is_negated(wanted, *names))
		return false;
	return !parse_network(&b, value) || (parse_network(&a, is) && cidr_equal(&a, &b));
}

static bool is_same(const struct iptables_save_rule *saved, const struct iptables_save_rule *wanted)
{
	static const char *const options[] = { "--dport", "--dports", "-j", "--to-destination",
					       NULL };
	static const char *const source[] = { "-s", "--source", "--src", NULL };
	static const char *const destination[] = { "-d", "--destination", "--dst", NULL };

	return iptables_save_equal(saved, wanted, options) &&
	       is_same_address(saved, wanted, source) &&
	       is_same_address(saved, wanted, destination) &&
	       protocol_of(saved) == protocol_of(wanted);
}

/* As a rule they are in the same order: the search begins behind the last that was found. */
static bool is_among(const struct portmap_rules *saved, const struct iptables_save_rule *wanted,
		     size_t *from)
{
	for (size_t i = 0; i < saved->n; i++) {
		size_t at = (*from + i) % saved->n;

		if (is_same(&saved->rule[at], wanted)) {
			*from = at + 1;
			return true;
		}
	}
	return false;
}

/* The reference marks nothing from ::1. */
static bool has_all(const struct portmap_rules *saved, const struct portmap_rules *wanted)
{
	size_t from = 0;

	for (size_t i = 0; i < wanted->n; i++)
		if (!iptables_save_has(&wanted->rule[i], "-s", "::1/128") &&
		    !is_among(saved, &wanted->rule[i], &from))
			return false;
	return true;
}

bool portmap_saved_has(const struct portmap_text *t)
{
	return has_all(&t->old, &t->rules) && has_all(&t->old_entries, &t->entries);
}

/* ---- what stays ------------------------------------------------------------------------------ */

/*
 * Does the rule lead to the attachment's address, "10.1.0.2:80" or "[fd00::2]:80", which was perhaps
 * an earlier one's?
 */
static bool is_own(const struct portmap_text *t, const struct iptables_save_rule *rule)
{
	const char *to = iptables_save_get(rule, "--to-destination");
	struct ip is;

	if (!to || !t->n)
		return false;
	to += *to == '[';
	to = arena_strndup(t->arena, to, strcspn(to, t->family == AF_INET ? ":" : "]"));
	return ip_parse(&is, to) && ip_equal(&is, &t->mappings[0].to);
}

static void append_all(const struct portmap_text *t, struct portmap_rules *to,
		       const struct portmap_rules *more)
{
	for (size_t i = 0; i < more->n; i++)
		APPEND(t, to, more->rule[i]);
}

/* Without those that are there already. */
static void append_entries(const struct portmap_text *t, struct portmap_rules *to,
			   const struct portmap_rules *more)
{
	size_t from = 0;

	for (size_t i = 0; i < more->n; i++)
		if (!is_among(to, &more->rule[i], &from))
			APPEND(t, to, more->rule[i]);
}

/* A rule that translates is preceded by those that mark what it will. */
void portmap_saved_keep(struct portmap_text *t)
{
	struct portmap_rules rules = { 0 }, entries = { 0 };
	size_t first = 0;

	for (size_t i = 0; i < t->old.n; i++) {
		const struct iptables_save_rule *rule = &t->old.rule[i];
		const struct portmap_rules group = { t->old.rule + first, i + 1 - first };
		bool translates = iptables_save_has(rule, "-j", "DNAT");

		if (translates && !is_own(t, rule))
			append_all(t, &rules, &group);
		if (translates || iptables_save_has(rule, "-j", "RETURN"))
			first = i + 1;
	}
	if (rules.n)
		append_all(t, &entries, &t->old_entries);
	append_all(t, &rules, &t->rules);
	append_entries(t, &entries, &t->entries);
	t->rules = rules;
	t->entries = entries;
}

void portmap_saved_join(struct portmap_text *t, const struct portmap_text *sibling)
{
	size_t i = 0;

	while (i < t->old.n && !is_own(sibling, &t->old.rule[i]))
		i++;
	if (i == t->old.n)
		return;
	append_all(t, &t->rules, &sibling->rules);
	append_entries(t, &t->entries, &sibling->entries);
}

/* ---- other containers ------------------------------------------------------------------------ */

/* The mapping whose place on the host the rule translates. */
static const struct portmap_mapping *mapping_of(const struct portmap_text *t,
						const struct iptables_save_rule *rule)
{
	const char *port = iptables_save_get(rule, "--dport"), *at = iptables_save_get(rule, "-d");
	struct portmap_mapping is = { .protocol = protocol_of(rule) };

	if (!port || (at && !cidr_parse(&is.at, at)))
		return NULL;
	is.port = (uint16_t)strtoul(port, NULL, 10);
	for (size_t i = 0; i < t->n; i++)
		if (!portmap_by_place(&t->mappings[i], &is))
			return &t->mappings[i];
	return NULL;
}

/*
 * The comment of the entry that leads to a chain; NULL if there is none, or none for all packets.
 */
static const char *comment_of_entry(const struct portmap_text *t, const char *chain)
{
	static const char *const options[] = { "-p", "-m", "--comment", "--dports", "-j", NULL };
	struct iptables_save_rule rule;
	const char *at = t->saved;

	while (iptables_save_next(&at, PORTMAP_ENTRIES, &rule, t->arena))
		if (iptables_save_has(&rule, "-j", chain) && iptables_save_has_only(&rule, options))
			return iptables_save_get(&rule, "--comment");
	return NULL;
}

int portmap_saved_conflicts(const struct portmap_text *t, struct err *err)
{
	const char *own = arena_printf(t->arena, "id: \"%s\"", t->container_id), *at = t->saved;
	struct iptables_save_rule rule;

	if (t->conf->n_conditions[t->family == AF_INET6])
		return 0;
	while (iptables_save_next(&at, PORTMAP_CHAIN "*", &rule, t->arena)) {
		const struct portmap_mapping *m;
		const char *comment;

		if (!strcmp(rule.word[0], t->chain) || !iptables_save_has(&rule, "-j", "DNAT") ||
		    is_own(t, &rule))
			continue;
		m = mapping_of(t, &rule);
		comment = m ? comment_of_entry(t, rule.word[0]) : NULL;
		if (comment && !strstr(comment, own))
			return err_set(err, ERR_IN_USE, "%s is held by another container (%.200s)",
				       portmap_mapping_name(m, t->arena), comment);
	}
	return 0;
}
