/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - a JSON text as it is written: what is only passed on keeps the order of its keys and the
 * digits of its numbers, which no value of json.h does. Keys are exact and compared so (Go's
 * map[string]any), the last of equal ones counts.
 *
 * Every text comes from json_text(), or is a part of one that does; all of it lives in json's
 * arena, or where the text does.
 */
#pragma once

#include "json/json.h"

struct json_text {
	const char *at; /* a value without space around it; NULL: there is none */
	size_t len;
};

/* One JSON text and nothing behind it, as json_parse() takes it. Code 6 on failure. */
int json_text(const char *text, size_t len, struct json_text *out, struct err *err) NODISCARD;

/* The same with a limit of its own. */
int json_text_max(const char *text, size_t len, size_t max, struct json_text *out,
		  struct err *err) NODISCARD;

/* Of a text that we have made ourselves, such as json_print()'s. */
struct json_text json_text_own(const char *text);

/* Its first byte says what it is: { [ " t f n, else a number; 0: there is none. */
char json_text_kind(struct json_text t);

/* The same in Go's words: "string", "map[string]interface {}", "<nil>", ... */
const char *json_text_go_type(struct json_text t);

/* The elements of a list, the members of an object. */
struct json_walk {
	const char *at;
	char kind;
};

struct json_member {
	const char *key; /* NULL in a list */
	struct json_text value;
};

struct json_walk json_walk(struct json_text container);
bool json_walk_next(struct json_walk *w, struct json_member *m);

/* The member of that key, which may be null; .at is NULL if it is absent. */
struct json_text json_text_member(struct json_text object, const char *key);

/* A string's content; NULL if it is no string. */
const char *json_text_string(struct json_text t);

/* ---- making texts ---------------------------------------------------------------------------- */

struct json_buf {
	char *text; /* NUL-terminated once something has been put */
	size_t len, size;
};

/* What has been put, where that is one value; .at NULL: nothing. */
struct json_text json_buf_text(const struct json_buf *b);

void json_buf_add(struct json_buf *b, const char *text);
void json_buf_add_text(struct json_buf *b, struct json_text t);

/* As Go's encoding/json quotes it: <, >, & and the line separators escaped. */
void json_buf_add_str(struct json_buf *b, const char *s);

/* A comma, if it is not the first member, the quoted key, a colon. */
void json_buf_add_key(struct json_buf *b, const char *key);

/* The key, and behind it a string, a number, a text as it is; no text (.at NULL): nothing. */
void json_buf_pair_str(struct json_buf *b, const char *key, const char *value);
void json_buf_pair_int(struct json_buf *b, const char *key, int64_t value);
void json_buf_pair_text(struct json_buf *b, const char *key, struct json_text value);

struct json_style {
	bool sorted;      /* keys bytewise, as Go prints a map */
	unsigned int tab; /* spaces a level, each member on a line of its own; 0: compact */
};

/* The text printed anew as Go's encoding/json would, but for numbers, which stay as they are. */
void json_buf_add_go(struct json_buf *b, struct json_text t, struct json_style style);
