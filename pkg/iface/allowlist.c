/* SPDX-License-Identifier: Apache-2.0 */
#include "iface/allowlist.h"

#include <ctype.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>
#include <wctype.h>

#include "sys/file.h"

#define ALLOWLIST_MAX 65536 /* bytes */
#define ASCII         128
#define REPEATS_MAX   1000 /* as in RE2 */

/* ---- from RE2 to POSIX ----------------------------------------------------------------------- */

/* An expression in translation. */
struct translation {
	const char *in; /* what is left to read */
	char *out;
	bool repeatable;       /* what has been read last */
	unsigned long repeats; /* the product of all counts */
};

/* A bracket expression: POSIX knows no backslash there, so its members are listed. */
struct set {
	bool has[ASCII];
};

#define SET_MAX (ASCII + 4) /* bytes of one in POSIX */

static void set_add_class(struct set *s, const char *name)
{
	for (int c = 1; c < ASCII; c++)
		s->has[c] |= iswctype((wint_t)c, wctype(name)) != 0;
}

/* \d, \w, \s, as RE2 has them. */
static bool set_add_letter(struct set *s, char letter)
{
	static const char *const names[] = { ['d'] = "digit", ['s'] = "space", ['w'] = "alnum" };

	if (!letter || !strchr("dsw", letter))
		return false;
	set_add_class(s, names[(unsigned char)letter]);
	s->has['_'] |= letter == 'w';
	return true;
}

static void put(struct translation *t, const char *text)
{
	size_t n = strlen(text);

	memcpy(t->out, text, n);
	t->out += n;
}

/* A ']' is a member where it comes first, a '-' where it comes last, a '^' where it does not. */
static void put_set(struct translation *t, const struct set *s, bool negated)
{
	char others[ASCII], *end = others;

	for (int c = 1; c < ASCII; c++)
		if (s->has[c] && !strchr("]^-", c))
			*end++ = (char)c;
	*end = '\0';
	if (!negated && end == others && s->has['^'] && !s->has[']']) {
		put(t, s->has['-'] ? "[-^]" : "\\^");
		return;
	}
	put(t, negated ? "[^" : "[");
	put(t, s->has[']'] ? "]" : "");
	put(t, others);
	put(t, s->has['^'] ? "^" : "");
	put(t, s->has['-'] ? "-]" : "]");
}

/* [:alpha:], behind its bracket. */
static bool read_named_class(struct translation *t, struct set *s)
{
	char name[16] = "";
	size_t n = strcspn(++t->in, ":");

	if (n >= sizeof(name) || t->in[n] != ':' || t->in[n + 1] != ']')
		return false;
	memcpy(name, t->in, n);
	t->in += n + 2;
	set_add_class(s, name);
	return wctype(name) != 0;
}

static bool is_plain(char c)
{
	return c > 0 && !isalnum((unsigned char)c);
}

/* One member of a set, or an end of a range; a class has been added, and *c is 0. */
static bool read_member(struct translation *t, struct set *s, char *c)
{
	*c = *t->in++;
	if (*c == '[' && *t->in == ':') {
		*c = 0;
		return read_named_class(t, s);
	}
	if (*c != '\\')
		return *c > 0;
	*c = *t->in++;
	if (!set_add_letter(s, *c))
		return is_plain(*c);
	*c = 0;
	return true;
}

/* A member, a class or a range. */
static bool read_members(struct translation *t, struct set *s)
{
	char from, to;

	if (!read_member(t, s, &from))
		return false;
	to = from;
	if (from && *t->in == '-' && t->in[1] != ']') {
		t->in++;
		if (!read_member(t, s, &to) || to < from)
			return false;
	}
	for (unsigned char c = (unsigned char)from; c && c <= (unsigned char)to; c++)
		s->has[c] = true;
	return true;
}

static bool translate_set(struct translation *t)
{
	struct set s = { 0 };
	bool negated = *t->in == '^';

	t->in += negated;
	do {
		if (!read_members(t, &s))
			return false;
	} while (*t->in != ']');
	t->in++;
	put_set(t, &s, negated);
	return true;
}

static bool translate_escape(struct translation *t)
{
	char c = *t->in++, lower = (char)tolower((unsigned char)c);
	struct set s = { 0 };

	if (set_add_letter(&s, lower)) {
		put_set(t, &s, c != lower);
		return true;
	}
	*t->out++ = '\\';
	*t->out++ = c;
	return is_plain(c) || lower == 'b';
}

/* {2}, {2,}, {2,5}: how long it is, 0 if the brace stands for itself; *most: how often at most. */
static size_t count_at(const char *in, unsigned long *most)
{
	static const char digits[] = "0123456789";
	size_t n = *in == '{' ? strspn(in + 1, digits) : 0, more = 0;

	if (!n)
		return 0;
	*most = strtoul(in + 1, NULL, 10);
	if (in[n + 1] == ',')
		more = 1 + strspn(in + n + 2, digits);
	if (more > 1)
		*most = strtoul(in + n + 2, NULL, 10);
	return in[n + more + 1] == '}' ? n + more + 2 : 0;
}

/* *, +, ?, {2,5}, and a ? behind it, which changes what is found, not whether. */
static bool translate_repeat(struct translation *t, size_t n, unsigned long most)
{
	if (!t->repeatable || most > REPEATS_MAX || t->repeats * most > REPEATS_MAX)
		return false;
	t->repeats *= most ? most : 1;
	memcpy(t->out, t->in, n);
	t->out += n;
	t->in += n;
	t->in += *t->in == '?';
	t->repeatable = false;
	return true;
}

static bool translate_other(struct translation *t)
{
	char c = *t->in++;

	t->repeatable = !strchr("(|^", c);
	if (c == '[')
		return translate_set(t);
	if (c == '\\')
		return translate_escape(t);
	if (c == '{')
		*t->out++ = '\\';
	*t->out++ = c;
	if (c != '(' || *t->in != '?')
		return true;
	t->in += 2;
	return t->in[-1] == ':';
}

/* A repetition of a repetition is none to RE2; regcomp(3) needs memory without end for it. */
static bool translate(struct translation *t)
{
	while (*t->in) {
		unsigned long most = 1;
		size_t n = strchr("*+?", *t->in) ? 1 : count_at(t->in, &most);

		if (!(n ? translate_repeat(t, n, most) : translate_other(t)))
			return false;
	}
	return true;
}

/* ---- the file -------------------------------------------------------------------------------- */

/* False if POSIX cannot say it. */
static bool compile(regex_t *re, const char *line, struct arena *arena)
{
	char *text = arena_array(arena, char, strlen(line) * SET_MAX + 1);
	struct translation t = { .in = line, .out = text, .repeats = 1 };

	return translate(&t) && regcomp(re, text, REG_EXTENDED | REG_NOSUB) == 0;
}

static char *trim(char *line)
{
	char *end = line + strlen(line);

	while (isspace((unsigned char)*line))
		line++;
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	return line;
}

int allowlist_parse(struct allowlist *a, const char *text, struct arena *arena, struct err *err)
{
	char *rest = arena_strdup(arena, text), *line;

	a->exists = true;
	for (unsigned int n = 1; (line = strsep(&rest, "\n")); n++) {
		regex_t re;

		line = trim(line);
		if (!*line)
			continue;
		if (!compile(&re, line, arena))
			return err_config(err,
					  "line %u: \"%.80s\" is no regular expression known here",
					  n, line);
		*arena_append(arena, a->lines, a->n) = re;
	}
	return 0;
}

int allowlist_read(struct allowlist *a, const char *path, struct arena *arena, struct err *err)
{
	const char *text;
	size_t len;

	if (file_read(path, ALLOWLIST_MAX, arena, &text, &len, err) < 0) {
		if (err->sys != ENOENT)
			return -1;
		err_clear(err);
		return 0;
	}
	return allowlist_parse(a, text, arena, err) < 0 ? err_wrap(err, "%s", path) : 0;
}

bool allowlist_allows(const struct allowlist *a, const char *key)
{
	for (size_t i = 0; i < a->n; i++)
		if (regexec(&a->lines[i], key, 0, NULL, 0) == 0)
			return true;
	return !a->exists;
}

void allowlist_free(struct allowlist *a)
{
	while (a->n)
		regfree(&a->lines[--a->n]);
}
