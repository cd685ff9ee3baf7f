/* SPDX-License-Identifier: Apache-2.0 */
/* keys.h - the names of cluster's keys; KEYS.md says what is in them. All texts are the arena's. */
#pragma once

#include "base/arena.h"
#include "net/ip.h"

/* Bytes but letters, digits, '.', '_' and '-' become %XX, and a '.' at the start. */
const char *keys_encode(const char *text, struct arena *arena);
/* NULL if it was not made so. */
const char *keys_decode(const char *text, struct arena *arena);

/* What all keys of a space begin with; without '/' at its end. */
const char *keys_space(const char *prefix, const char *space, struct arena *arena);

/* Is a space below a prefix? Without one it is /v1/ and a name, which has no '/'. */
bool keys_has_prefix(const char *space);

/* SPACE/kind, SPACE/kind/name. */
const char *keys_cfg(const char *space, struct arena *arena);
const char *keys_node(const char *space, const char *uuid, const char *network,
		      struct arena *arena);
const char *keys_block(const char *space, const struct ip *ip, struct arena *arena);
const char *keys_addr(const char *space, const struct ip *ip, struct arena *arena);
/* The claim's address of the configuration's n-th range. */
const char *keys_claim(const char *space, const char *claim, size_t n, struct arena *arena);

/* The end of a range whose last key this is. */
const char *keys_behind(const char *key, struct arena *arena);

/* The address behind the last '/'; .plen is all bits. */
bool keys_parse_ip(const char *key, struct ip *ip);
