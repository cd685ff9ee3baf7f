/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - JSON values: parse strictly, look around, build, print.
 *
 * json.c and decode.c are the only files that see cJSON; all others hold the opaque struct
 * json. Must not know any CNI key and must not touch the kernel. All values live in the arena given
 * to json_init().
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"

struct json;

#define JSON_MAX_TEXT  1000000 /* bytes of one document */
#define JSON_MAX_DEPTH 64      /* nested arrays and objects */

/*
 * At the start of each call, before any other: values are made in this arena from now on, in this
 * thread.
 */
void json_init(struct arena *arena);

/* That arena: what belongs to a decoded value lives with it. */
struct arena *json_arena(void);
#define json_list(type, n) ((type *)arena_list(json_arena(), (n), sizeof(type)))

/*
 * One JSON text (RFC 8259) and nothing behind it. cJSON alone would take trailing text, leading
 * zeros, raw control characters and "\u0000" (which cuts a name short); these are errors here, as
 * are texts over JSON_MAX_TEXT and nesting over JSON_MAX_DEPTH. Fills *out; code 6 on failure.
 */
int json_parse(const char *text, size_t len, const struct json **out, struct err *err) NODISCARD;

/* The same with a limit of its own, for texts of a peer that answers with more. */
int json_parse_max(const char *text, size_t len, size_t max, const struct json **out,
		   struct err *err) NODISCARD;

bool json_is_null(const struct json *v);
bool json_is_object(const struct json *v);
bool json_is_list(const struct json *v);

/* The elements of a list, the members' values of an object; NULL behind the last. */
const struct json *json_first(const struct json *v);
const struct json *json_next(const struct json *v);
const char *json_key(const struct json *v); /* of a member */
#define json_for_each(item, v) \
	for (const struct json *item = json_first(v); item; item = json_next(item))

/* Member by Go's rule: exact or case-folded key, the last one wins; NULL if absent or null. */
const struct json *json_get(const struct json *obj, const char *key);

/* The string's text, NULL if the value is not a string. */
const char *json_string(const struct json *v);

/* Is it true or false? */
bool json_bool(const struct json *v, bool *out);

/* Is it an integer, exact in a double? */
bool json_int(const struct json *v, int64_t *out);

/* Building: the parent owns the child; a NULL key appends to a list. */
struct json *json_object(void);
struct json *json_list_new(void);
void json_add(struct json *parent, const char *key, struct json *child);
struct json *json_add_object(struct json *parent, const char *key);
struct json *json_add_list(struct json *parent, const char *key);
void json_add_str(struct json *parent, const char *key, const char *s); /* invalid UTF-8: U+FFFD */
void json_add_null(struct json *parent, const char *key);
void json_add_bool(struct json *parent, const char *key, bool b);
void json_add_int(struct json *parent, const char *key, int64_t n); /* exact up to 15 digits */
void json_add_copy(struct json *parent, const char *key, const struct json *v);
void json_add_strs(struct json *parent, const char *key, const char *const *s, size_t n);

/* Compact text, in the arena. */
const char *json_print(const struct json *v);
