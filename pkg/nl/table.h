/* SPDX-License-Identifier: Apache-2.0 */
/* table.h - which routing tables of a namespace are in use, to find one that is not. */
#pragma once

#include "nl/route.h"
#include "nl/rule.h"

/* default, main and local: in use in every namespace */
bool table_is_reserved(uint32_t table);

struct table_set {
	uint32_t first;
	bool *is_used;
	size_t n;
};

/*
 * What rules and routes (whole ones) have is in use, as are default, main and local. Up to `more`
 * tables can be added or taken.
 */
void table_set_init(struct table_set *s, uint32_t first, const struct rule_list *rules,
		    const struct route_list *routes, size_t more, struct arena *arena);
void table_set_add(struct table_set *s, uint32_t table);

/* The lowest from `first` on that is free, in use from now on. */
uint32_t table_set_take(struct table_set *s);
