/* SPDX-License-Identifier: Apache-2.0 */
#include "nl/table.h"

#include <linux/rtnetlink.h>

static const uint32_t reserved[] = { RT_TABLE_DEFAULT, RT_TABLE_MAIN, RT_TABLE_LOCAL };

bool table_is_reserved(uint32_t table)
{
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		if (reserved[i] == table)
			return true;
	return false;
}

/* Of n that are in use one of the first n + 1 is free. */
void table_set_init(struct table_set *s, uint32_t first, const struct rule_list *rules,
		    const struct route_list *routes, size_t more, struct arena *arena)
{
	s->first = first;
	s->n = rules->n_rule + routes->n_route + ARRAY_SIZE(reserved) + more;
	s->is_used = arena_array(arena, bool, s->n);
	for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
		table_set_add(s, reserved[i]);
	for (size_t i = 0; i < rules->n_rule; i++)
		table_set_add(s, rules->rule[i].table);
	for (size_t i = 0; i < routes->n_route; i++)
		table_set_add(s, routes->route[i].table);
}

void table_set_add(struct table_set *s, uint32_t table)
{
	if (table >= s->first && table - s->first < s->n)
		s->is_used[table - s->first] = true;
}

uint32_t table_set_take(struct table_set *s)
{
	uint32_t i = 0;

	while (i + 1 < s->n && s->is_used[i])
		i++;
	s->is_used[i] = true;
	return s->first + i;
}
