/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iptables_save.h - what iptables-save prints of one table, rule by rule, an option at a time.
 * Reads text: executes nothing, and knows nothing of what a rule is for.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"

struct iptables_save_rule {
	const char *text;  /* as printed, behind "-A " and without the end of the line */
	const char **word; /* its words, quotes taken off; the first is the chain */
	size_t n;
};

/*
 * The next rule, of one chain, of those that begin with "NAME*", or (NULL) of all; false: there are
 * no more.
 *	for (const char *at = saved; iptables_save_next(&at, chain, &rule, arena);)
 */
bool iptables_save_next(const char **at, const char *chain, struct iptables_save_rule *rule,
			struct arena *arena);

/* One line, "-A CHAIN ...", which the rule's text is a part of. */
struct iptables_save_rule iptables_save_parse(const char *line, struct arena *arena);

/* The word after an option, "-s" or "--comment"; NULL: the rule has not that option. */
const char *iptables_save_get(const struct iptables_save_rule *rule, const char *option);
bool iptables_save_is_negated(const struct iptables_save_rule *rule, const char *option);
bool iptables_save_has(const struct iptables_save_rule *rule, const char *option,
		       const char *value);

/* Is every option one of these, in the words of iptables-save, with one word after it each? */
bool iptables_save_has_only(const struct iptables_save_rule *rule, const char *const *options);

/* The same chain, and of each of these options the same word, or none? NULL-terminated. */
bool iptables_save_equal(const struct iptables_save_rule *a, const struct iptables_save_rule *b,
			 const char *const *options);

bool iptables_save_has_chain(const char *saved, const char *chain);
bool iptables_save_has_jump(const char *saved, const char *from, const char *to,
			    struct arena *arena);
