/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pool.h - a pool as whereabouts' configuration writes it: a range, its bounds, what is excluded;
 * and how it is cut into blocks. Values only.
 */
#pragma once

#include "ipam/range.h"

/* As written; NULL where a default applies. */
struct pool_text {
	const char *range, *start, *end;
	const char **exclude;
	size_t n_exclude;
};

struct pool {
	struct ip subnet, start, end; /* .plen of all: the subnet's */
	struct range_set free;        /* without what is excluded; ranges of the same subnet */
};

/*
 * "CIDR", or "FIRST-LAST/LENGTH"; network and broadcast address are not given, but of /31 and /32,
 * /127 and /128 all. The gateway (AF_UNSPEC: none), where it lies in the range, is not given
 * either. Errors are code 7 and begin with the key: "<path>.range_start: ...".
 */
int pool_parse(const struct pool_text *text, const struct ip *gateway, const char *path,
	       struct arena *arena, struct pool *out, struct err *err) NODISCARD;

/* The block of an address; .plen is `length`. */
struct ip pool_block_of(const struct ip *ip, uint8_t length);

/* Blocks from the one of the pool's start to that of its end, numbered from 0. */
uint64_t pool_count_blocks(const struct pool *p, uint8_t length);
struct ip pool_block(const struct pool *p, uint8_t length, uint64_t k);
uint64_t pool_block_number(const struct pool *p, const struct ip *block);

/* What of the block may be given is appended to the set; false: nothing. */
bool pool_cut(const struct pool *p, const struct ip *block, struct arena *arena,
	      struct range_set *to);

/* How many addresses a set has; UINT64_MAX = that or more. */
uint64_t pool_count(const struct range_set *set);

/* The n-th address of a set, n < pool_count(). */
struct ip pool_address(const struct range_set *set, uint64_t n);
