/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena.h - memory for one invocation.
 *
 * Bytes come from the arena and are never freed singly; arena_free() at the end
 * returns all of them. Must not be used for descriptors, locks or anything that
 * needs a destructor: those are scoped, see scope.h.
 */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

struct arena_block;

struct arena {
	struct arena_block *head;
	char *at, *end;
};

/*
 * Called when memory is out; must not return. Whose process it is says what becomes of it; else
 * abort(3).
 */
extern void (*arena_oom)(void);

/* Zeroed, aligned for any type; never NULL. */
void *arena_alloc(struct arena *a, size_t size) __attribute__((malloc, returns_nonnull));
char *arena_strdup(struct arena *a, const char *s);
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *fmt, ...) PRINTF(2, 3);
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap) PRINTF(2, 0);

/*
 * Lists keep no capacity: it is the next power of two of their length. arena_list() makes one of n
 * elements, arena_grow() makes room for one more behind n, in place or by moving. Only for lists
 * that these two have made.
 */
void *arena_list(struct arena *a, size_t n, size_t size);
void *arena_grow(struct arena *a, void *list, size_t n, size_t size);
void arena_free(struct arena *a);
/* What has been allocated since *a was as in mark goes again. */
void arena_rewind(struct arena *a, const struct arena *mark);

#define arena_new(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define arena_array(a, type, n) ((type *)arena_alloc((a), sizeof(type) * (n)))

/* list[n++] for a pointer-and-count pair; yields the new element's address. */
#define arena_append(a, list, n) \
	((list) = arena_grow((a), (list), (n), sizeof(*(list))), &(list)[(n)++])
