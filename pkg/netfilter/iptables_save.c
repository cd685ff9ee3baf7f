/* SPDX-License-Identifier: Apache-2.0 */
#include "netfilter/iptables_save.h"

#include <string.h>

/* Takes one word out of *at, as iptables-restore does: quotes go, a backslash keeps the next. */
static char *next_word(char **at)
{
	char *from = *at, *to = *at, *word = *at;
	bool quoted = false;

	for (; *from && (quoted || *from != ' '); from++) {
		if (*from == '"') {
			quoted = !quoted;
			continue;
		}
		if (*from == '\\' && from[1])
			from++;
		*to++ = *from;
	}
	*at = from + (*from == ' ');
	*to = '\0';
	return word;
}

struct iptables_save_rule iptables_save_parse(const char *line, struct arena *arena)
{
	struct iptables_save_rule rule = { .text = line + sizeof("-A ") - 1 };
	char *at = arena_strdup(arena, rule.text);

	while (*at)
		*arena_append(arena, rule.word, rule.n) = next_word(&at);
	return rule;
}

static bool is_of(const char *rule, const char *chain)
{
	size_t n = chain ? strlen(chain) : 0;

	if (!n || chain[n - 1] == '*')
		return !n || !strncmp(rule, chain, n - 1);
	return strcspn(rule, " \n") == n && !strncmp(rule, chain, n);
}

bool iptables_save_next(const char **at, const char *chain, struct iptables_save_rule *rule,
			struct arena *arena)
{
	while (**at) {
		const char *line = *at;
		size_t len = strcspn(line, "\n");

		*at = line + len + (line[len] == '\n');
		if (len <= 3 || strncmp(line, "-A ", 3) != 0 || !is_of(line + 3, chain))
			continue;
		*rule = iptables_save_parse(arena_strndup(arena, line, len), arena);
		return true;
	}
	return false;
}

/* The option among the words, NULL if it is none. */
static const char *const *find(const struct iptables_save_rule *rule, const char *option)
{
	for (size_t i = 1; i + 1 < rule->n; i++)
		if (!strcmp(rule->word[i], option))
			return &rule->word[i];
	return NULL;
}

const char *iptables_save_get(const struct iptables_save_rule *rule, const char *option)
{
	const char *const *at = find(rule, option);

	return at ? at[1] : NULL;
}

bool iptables_save_is_negated(const struct iptables_save_rule *rule, const char *option)
{
	const char *const *at = find(rule, option);

	return at && !strcmp(at[-1], "!");
}

bool iptables_save_has(const struct iptables_save_rule *rule, const char *option, const char *value)
{
	const char *word = iptables_save_get(rule, option);

	return word && !strcmp(word, value);
}

bool iptables_save_has_only(const struct iptables_save_rule *rule, const char *const *options)
{
	for (size_t i = 1; i < rule->n; i += 2) {
		size_t k = 0;

		while (options[k] && strcmp(options[k], rule->word[i]) != 0)
			k++;
		if (!options[k])
			return false;
	}
	return true;
}

bool iptables_save_equal(const struct iptables_save_rule *a, const struct iptables_save_rule *b,
			 const char *const *options)
{
	if (strcmp(a->word[0], b->word[0]) != 0)
		return false;
	for (; *options; options++) {
		const char *x = iptables_save_get(a, *options);
		const char *y = iptables_save_get(b, *options);

		if (x != y && (!x || !y || strcmp(x, y) != 0))
			return false;
	}
	return true;
}

bool iptables_save_has_chain(const char *saved, const char *chain)
{
	size_t n = strlen(chain);

	for (const char *p = saved; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (*p == ':' && !strncmp(p + 1, chain, n) && p[1 + n] == ' ')
			return true;
	return false;
}

bool iptables_save_has_jump(const char *saved, const char *from, const char *to,
			    struct arena *arena)
{
	struct iptables_save_rule rule;

	while (iptables_save_next(&saved, from, &rule, arena))
		if (iptables_save_has(&rule, "-j", to))
			return true;
	return false;
}
