/* SPDX-License-Identifier: Apache-2.0 */
/*
 * range.h - address ranges as host-local's configuration writes them: read, check, walk.
 *
 * A set yields one address per container and may have several ranges of one family. Nothing here
 * knows which addresses are taken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/arena.h"
#include "base/err.h"
#include "net/ip.h"

/* As written; NULL or "" where a default applies. */
struct range_text {
	const char *subnet, *start, *end, *gateway;
};

struct range_list {
	struct range_text *ranges;
	size_t n_ranges;
};

struct range {
	struct ip subnet;
	struct ip start, end; /* both may be handed out; .plen is the subnet's */
	struct ip gateway;    /* never handed out */
};

struct range_set {
	struct range *ranges;
	size_t n_ranges;
};

/*
 * Read and check one range: the subnet must be a network with room for two hosts; the gateway is
 * its first address unless given (anywhere); start and end are the first and last host unless
 * given, in the subnet. Errors are code 7 and begin with the key: "<path>.rangeStart: ...".
 */
int range_parse(const struct range_text *text, const char *path, struct range *out,
		struct err *err) NODISCARD;

/*
 * The same for n sets: none empty, each of one family, no overlap inside. Keys are
 * "<path>[set][range].subnet".
 */
int range_sets_parse(const struct range_list *lists, size_t n, const char *path,
		     struct arena *arena, struct range_set *out, struct err *err) NODISCARD;

/* There must be sets and they must not overlap. */
int range_sets_check(const struct range_set *sets, size_t n, struct err *err) NODISCARD;

/* The range of the set an address lies in, NULL if none. */
const struct range *range_set_find(const struct range_set *set, const struct ip *ip);

/* "first-last[,first-last...]", cut where the buffer ends. */
const char *range_set_str(const struct range_set *set, char *buf, size_t size);

/*
 * One round through a set, beginning behind `last` if that lies in the set, else at its start, and
 * ending with `last` itself. Each step is a stretch from..to of one range:
 *
 *	for (range_walk_begin(&w, set, last); range_walk_next(&w);)
 *		... w.range, w.from, w.to
 */
struct range_walk {
	const struct range_set *set;
	const struct range *range;
	struct ip from, to;
	size_t first, step; /* range begun with; stretches done */
	struct ip last;     /* AF_UNSPEC: begin at the start */
};

void range_walk_begin(struct range_walk *w, const struct range_set *set, const struct ip *last);
bool range_walk_next(struct range_walk *w);
