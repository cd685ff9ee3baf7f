/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * So large that calloc() takes it from the kernel as a rule (glibc and musl do from 128 KiB on),
 * zeroed as it is: a page that is not used is never touched.
 */
#define ARENA_BLOCK ((size_t)256 * 1024)
#define ARENA_ALIGN _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	max_align_t data[]; /* flexible */
};

void (*arena_oom)(void);

_Noreturn static void oom(void)
{
	if (arena_oom)
		arena_oom();
	abort();
}

void *arena_alloc(struct arena *a, size_t size)
{
	void *p;

	if (size > SIZE_MAX / 2)
		oom();
	size = (size + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
	if (!a->at || size > (size_t)(a->end - a->at)) {
		size_t want = size > ARENA_BLOCK ? size : ARENA_BLOCK;
		struct arena_block *b = calloc(1, sizeof(*b) + want);

		if (!b)
			oom();
		b->next = a->head;
		a->head = b;
		a->at = (char *)b->data;
		a->end = a->at + want;
	}
	p = a->at;
	a->at += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
	char *p = arena_alloc(a, n + 1);

	return memcpy(p, s, n);
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	char *s;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, ap);
	if (n < 0)
		oom();
	s = arena_alloc(a, (size_t)n + 1);
	vsnprintf(s, (size_t)n + 1, fmt, again);
	va_end(again);
	return s;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

void *arena_list(struct arena *a, size_t n, size_t size)
{
	size_t capacity = 1;

	while (capacity < n)
		capacity *= 2;
	if (capacity > SIZE_MAX / 2 / size)
		oom();
	return arena_alloc(a, capacity * size);
}

void *arena_grow(struct arena *a, void *list, size_t n, size_t size)
{
	void *p;

	if (n && (n & (n - 1)))
		return list;
	p = arena_list(a, n + 1, size);
	return n ? memcpy(p, list, n * size) : p;
}

void arena_rewind(struct arena *a, const struct arena *mark)
{
	char *end = a->head == mark->head ? a->at : mark->end;

	while (a->head != mark->head) {
		struct arena_block *next = a->head->next;

		free(a->head);
		a->head = next;
	}
	*a = *mark;
	if (a->at)
		memset(a->at, 0, (size_t)(end - a->at));
}

void arena_free(struct arena *a)
{
	arena_rewind(a, &(const struct arena){ 0 });
}
