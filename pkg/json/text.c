/* SPDX-License-Identifier: Apache-2.0 */
#include "json/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "json/scan.h"

#define SPACE      " \t\n\r"
#define FIRST_SIZE ((size_t)512)

/* ---- reading --------------------------------------------------------------------------------- */

static const char *skip_string(const char *s)
{
	for (s++; *s != '"'; s++)
		if (*s == '\\')
			s++;
	return s + 1;
}

/* Behind the value at s; the text is well-formed. */
static const char *skip_value(const char *s)
{
	unsigned int depth = 0;

	if (*s == '"')
		return skip_string(s);
	if (*s != '{' && *s != '[')
		return s + strcspn(s, ",]}" SPACE);
	do {
		if (*s == '"') {
			s = skip_string(s);
			continue;
		}
		depth += *s == '{' || *s == '[';
		depth -= *s == '}' || *s == ']';
		s++;
	} while (depth);
	return s;
}

static struct json_text value_at(const char *s)
{
	s += strspn(s, SPACE);
	return (struct json_text){ s, (size_t)(skip_value(s) - s) };
}

int json_text_max(const char *text, size_t len, size_t max, struct json_text *out, struct err *err)
{
	size_t at = 0;
	const char *fault = len >= max ? "too large" : json_scan(text, len, &at);

	if (fault && at == len)
		return err_set(err, ERR_DECODE, "unexpected end of JSON input");
	if (fault)
		return err_set(err, ERR_DECODE, "invalid JSON: %s at byte %zu", fault, at);
	*out = value_at(text);
	return 0;
}

int json_text(const char *text, size_t len, struct json_text *out, struct err *err)
{
	return json_text_max(text, len, JSON_MAX_TEXT, out, err);
}

struct json_text json_text_own(const char *text)
{
	return value_at(text);
}

char json_text_kind(struct json_text t)
{
	if (!t.at)
		return '\0';
	return *t.at;
}

const char *json_text_go_type(struct json_text t)
{
	switch (json_text_kind(t)) {
	case '{':
		return "map[string]interface {}";
	case '[':
		return "[]interface {}";
	case '"':
		return "string";
	case 't':
	case 'f':
		return "bool";
	case 'n':
	case '\0':
		return "<nil>";
	default:
		return "float64";
	}
}

struct json_walk json_walk(struct json_text container)
{
	char kind = json_text_kind(container);

	if (kind != '{' && kind != '[')
		return (struct json_walk){ 0 };
	return (struct json_walk){ container.at + 1, kind };
}

/* An escape stands in few strings; json_parse() knows them all. */
static const char *unquote(struct json_text t)
{
	const struct json *v;
	struct err ignored;

	if (!memchr(t.at, '\\', t.len))
		return arena_strndup(json_arena(), t.at + 1, t.len - 2);
	return json_parse_max(t.at, t.len, SIZE_MAX, &v, &ignored) < 0 ? "" : json_string(v);
}

bool json_walk_next(struct json_walk *w, struct json_member *m)
{
	const char *s = w->at;

	if (!s)
		return false;
	s += strspn(s, SPACE ",");
	if (*s == '}' || *s == ']')
		return false;
	m->key = NULL;
	if (w->kind == '{') {
		m->key = unquote(value_at(s));
		s = skip_string(s);
		s += strspn(s, SPACE ":");
	}
	m->value = value_at(s);
	w->at = m->value.at + m->value.len;
	return true;
}

struct json_text json_text_member(struct json_text object, const char *key)
{
	struct json_walk w = json_walk(object);
	struct json_text found = { 0 };
	struct json_member m;

	while (w.kind == '{' && json_walk_next(&w, &m))
		if (!strcmp(m.key, key))
			found = m.value;
	return found;
}

const char *json_text_string(struct json_text t)
{
	return json_text_kind(t) == '"' ? unquote(t) : NULL;
}

/* ---- making ---------------------------------------------------------------------------------- */

static void put(struct json_buf *b, const char *s, size_t n)
{
	if (b->len + n + 1 > b->size) {
		size_t size = b->size ? b->size : FIRST_SIZE;
		char *bigger;

		while (size < b->len + n + 1)
			size *= 2;
		bigger = arena_alloc(json_arena(), size);
		if (b->len)
			memcpy(bigger, b->text, b->len);
		b->text = bigger;
		b->size = size;
	}
	memcpy(b->text + b->len, s, n);
	b->len += n;
	b->text[b->len] = '\0';
}

struct json_text json_buf_text(const struct json_buf *b)
{
	return (struct json_text){ b->text, b->len };
}

void json_buf_add(struct json_buf *b, const char *text)
{
	put(b, text, strlen(text));
}

void json_buf_add_text(struct json_buf *b, struct json_text t)
{
	put(b, t.at, t.len);
}

/* What Go writes for the character at s, of n bytes; NULL: itself. */
static const char *escape_of(const char *s, size_t n, char buf[8])
{
	static const char named[] = "\"\"\\\\\nn\rr\tt\bb\ff"; /* pairs: the byte, its letter */

	if (n == 3 && !memcmp(s, "\xe2\x80\xa8", 3))
		return "\\u2028";
	if (n == 3 && !memcmp(s, "\xe2\x80\xa9", 3))
		return "\\u2029";
	if (n != 1)
		return n ? NULL : "\\ufffd";
	for (const char *p = named; *p; p += 2)
		if (*s == *p) {
			snprintf(buf, 8, "\\%c", p[1]);
			return buf;
		}
	if ((unsigned char)*s >= ' ' && !strchr("<>&", *s))
		return NULL;
	snprintf(buf, 8, "\\u%04x", (unsigned char)*s);
	return buf;
}

void json_buf_add_str(struct json_buf *b, const char *s)
{
	put(b, "\"", 1);
	while (*s) {
		size_t n = json_utf8_len(s);
		char buf[8];
		const char *escape = escape_of(s, n, buf);

		if (escape)
			json_buf_add(b, escape);
		else
			put(b, s, n);
		s += n ? n : 1;
	}
	put(b, "\"", 1);
}

void json_buf_add_key(struct json_buf *b, const char *key)
{
	if (b->len && b->text[b->len - 1] != '{')
		put(b, ",", 1);
	json_buf_add_str(b, key);
	put(b, ":", 1);
}

void json_buf_pair_str(struct json_buf *b, const char *key, const char *value)
{
	json_buf_add_key(b, key);
	json_buf_add_str(b, value);
}

void json_buf_pair_int(struct json_buf *b, const char *key, int64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)value);
	json_buf_add_key(b, key);
	json_buf_add(b, text);
}

void json_buf_pair_text(struct json_buf *b, const char *key, struct json_text value)
{
	if (!value.at)
		return;
	json_buf_add_key(b, key);
	json_buf_add_text(b, value);
}

/* ---- printing anew --------------------------------------------------------------------------- */

static void new_line(struct json_buf *b, struct json_style style, unsigned int depth)
{
	if (!style.tab)
		return;
	put(b, "\n", 1);
	for (unsigned int i = 0; i < depth * style.tab; i++)
		put(b, " ", 1);
}

/* qsort(3) is not stable: of equal keys the later in the text is the larger. */
static int compare_members(const void *x, const void *y)
{
	const struct json_member *a = x, *b = y;
	int rc = a->key ? strcmp(a->key, b->key) : 0;

	return rc ? rc : (a->value.at > b->value.at) - (a->value.at < b->value.at);
}

/* Those of a container, in their order; of equal keys only the last. */
static size_t members_of(struct json_text t, bool sorted, struct json_member **out)
{
	struct json_walk w = json_walk(t);
	struct json_member *list = NULL, m;
	size_t n = 0, kept = 0;

	while (json_walk_next(&w, &m))
		*arena_append(json_arena(), list, n) = m;
	if (sorted && n && list[0].key) {
		qsort(list, n, sizeof(*list), compare_members);
		for (size_t i = 0; i < n; i++)
			if (i + 1 == n || strcmp(list[i].key, list[i + 1].key) != 0)
				list[kept++] = list[i];
		n = kept;
	}
	*out = list;
	return n;
}

static void print(struct json_buf *b, struct json_text t, struct json_style style,
		  unsigned int depth)
{
	char kind = json_text_kind(t);
	struct json_member *m;
	size_t n;

	if (kind == '"')
		return json_buf_add_str(b, unquote(t));
	if (kind != '{' && kind != '[')
		return json_buf_add_text(b, t);
	n = members_of(t, style.sorted, &m);
	put(b, &kind, 1);
	for (size_t i = 0; i < n; i++) {
		if (i)
			put(b, ",", 1);
		new_line(b, style, depth + 1);
		if (m[i].key) {
			json_buf_add_str(b, m[i].key);
			json_buf_add(b, style.tab ? ": " : ":");
		}
		print(b, m[i].value, style, depth + 1);
	}
	if (n)
		new_line(b, style, depth);
	json_buf_add(b, kind == '{' ? "}" : "]");
}

void json_buf_add_go(struct json_buf *b, struct json_text t, struct json_style style)
{
	print(b, t, style, 0);
}
