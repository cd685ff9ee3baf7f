/* SPDX-License-Identifier: Apache-2.0 */
/*
 * move.h - the interface's routes, out of the main table into those of its addresses, and a rule
 * for each address. What an ADD does here one undo takes back.
 */
#pragma once

#include "source.h"

struct move {
	int oif;
	bool keeps_subnets; /* the main table keeps the subnets, with src */
	bool own_tables;    /* chosen here; else there are rules only, and no route is touched */
	struct source_list sources;
	struct rule_list rules;
	struct route_list routes; /* whole, those with a gateway behind those they need */
	size_t n_ruled;           /* sources whose rule may have been made by this call */
	size_t n_hinted;          /* sources whose subnet may have been added */
	size_t n_detached;        /* routes behind this many may have been detached */
};

/* What the namespace has. Fills rules and routes for oif. */
int move_list(struct cni_call *c, struct move *m) NODISCARD;

/* ADD. The sources have their tables. Push move_undo first. */
int move_do(struct cni_call *c, struct move *m) NODISCARD;
void move_undo(struct cni_call *c, void *move);

/* DEL: the rules that ADD has made for an address, and the interface's routes in their tables. */
void move_remove(struct cni_call *c, struct cni_steps *steps, const struct move *m,
		 const struct ip *ip, uint32_t table);
