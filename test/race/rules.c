// SPDX-License-Identifier: Apache-2.0
/* The rule set, before and after. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "race.h"

#define RULES_MAX 65536

/* As the DEL of a first attachment leaves it, and as a GC does. */
static char before[2][RULES_MAX];

/*
 * Without counters; in the order of the alphabet, for what is made again comes last in its table.
 */
static void read_rules(char to[RULES_MAX])
{
	FILE *f = popen("nft -s list ruleset 2>/dev/null | sort", "re");
	size_t len;

	if (!f)
		die("nft: %s", strerror(errno));
	len = fread(to, 1, RULES_MAX - 1, f);
	to[len] = '\0';
	if (pclose(f) != 0 || !len || len == RULES_MAX - 1)
		die("nft list ruleset fails, or the rule set is too large");
}

/* What stays for good is there from now on. */
void remember_rules(struct worker *w)
{
	do
		add(w);
	while (w->state != LIVE && !faults[CALLS]);
	del(w, IPAM, ABSENT);
	read_rules(before[0]);
	gc(w);
	read_rules(before[1]);
}

void compare_rules(void)
{
	static char after[RULES_MAX];
	size_t same = 0;

	read_rules(after);
	expect_none(RULES, each_name(RULE_RECORDS, any_name), RULE_RECORDS);
	if (!strcmp(after, before[0]) || !strcmp(after, before[1]))
		return;
	while (after[same] == before[0][same])
		same++;
	while (same && after[same - 1] != '\n')
		same--;
	fault(RULES, "the rule set is another from the line \"%.200s\" on, which was \"%.200s\"",
	      after + same, before[0] + same);
}
