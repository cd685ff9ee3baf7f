/* SPDX-License-Identifier: Apache-2.0 */
#include "json/scan.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "json/json.h"

#define DIGITS "0123456789"

/* Reading at `end` yields NUL, which no token accepts. */
struct scanner {
	const char *at, *end;
	const char *fault;
	unsigned int depth;
};

static char peek(const struct scanner *s)
{
	if (s->at == s->end)
		return '\0';
	return *s->at;
}

static bool fail(struct scanner *s, const char *fault)
{
	if (!s->fault)
		s->fault = s->at < s->end ? fault : "unexpected end";
	return false;
}

/* One byte of those. */
static bool accept(struct scanner *s, const char *set)
{
	if (!peek(s) || !strchr(set, peek(s)))
		return false;
	s->at++;
	return true;
}

static void skip_space(struct scanner *s)
{
	while (accept(s, " \t\n\r"))
		continue;
}

static bool digits(struct scanner *s)
{
	if (!accept(s, DIGITS))
		return fail(s, "invalid number");
	while (accept(s, DIGITS))
		continue;
	return true;
}

static bool number(struct scanner *s)
{
	(void)accept(s, "-");
	if (!accept(s, "0")) {
		if (!digits(s))
			return false;
	} else if (isdigit((unsigned char)peek(s))) {
		return fail(s, "number with a leading zero");
	}
	if (accept(s, ".") && !digits(s))
		return false;
	if (!accept(s, "eE"))
		return true;
	(void)accept(s, "+-");
	return digits(s);
}

/* The value of four digits; -1, and the fault is told, if they are none. */
static int hex_digits(struct scanner *s)
{
	int n = 0;

	for (int i = 0; i < 4; i++) {
		char c = peek(s);

		if (!accept(s, DIGITS "abcdefABCDEF")) {
			(void)fail(s, "invalid \\u escape");
			return -1;
		}
		n = n * 16 + (isdigit((unsigned char)c) ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return n;
}

/* RFC 8259, section 7: two surrogates, high and low, are one character; one of them is none. */
static bool escape(struct scanner *s)
{
	int unit;

	if (!accept(s, "u"))
		return accept(s, "\"\\/bfnrt") || fail(s, "invalid escape");
	unit = hex_digits(s);
	if (unit <= 0)
		return fail(s, "\\u0000 in a string"); /* where it is no digit, that is said */
	if (unit < 0xd800 || unit > 0xdfff)
		return true;
	if (unit >= 0xdc00 || !accept(s, "\\") || !accept(s, "u"))
		return fail(s, "unpaired surrogate");
	unit = hex_digits(s);
	return (unit >= 0xdc00 && unit <= 0xdfff) || fail(s, "unpaired surrogate");
}

static bool string(struct scanner *s)
{
	if (!accept(s, "\""))
		return fail(s, "expected a string");
	while (s->at < s->end && *s->at != '"') {
		size_t n;

		if ((unsigned char)*s->at < 0x20)
			return fail(s, "control character in a string");
		if (*s->at == '\\') {
			s->at++;
			if (!escape(s))
				return false;
			continue;
		}
		n = json_utf8_len(s->at); /* the text is NUL-terminated, so this stays inside */
		if (!n)
			return fail(s, "invalid UTF-8");
		s->at += n;
	}
	return accept(s, "\"") || fail(s, "unterminated string");
}

static bool value(struct scanner *s);

/* "[" or "{" has been seen; elements up to the closing bracket. */
static bool elements(struct scanner *s, const char *close)
{
	skip_space(s);
	if (accept(s, close))
		return true;
	for (;;) {
		skip_space(s);
		if (*close == '}') {
			if (!string(s))
				return false;
			skip_space(s);
			if (!accept(s, ":"))
				return fail(s, "expected ':'");
		}
		if (!value(s))
			return false;
		if (accept(s, close))
			return true;
		if (!accept(s, ","))
			return fail(s, "expected ',' or a closing bracket");
	}
}

static bool literal(struct scanner *s)
{
	static const char *const words[] = { "true", "false", "null" };

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t n = strlen(words[i]);

		if ((size_t)(s->end - s->at) >= n && !memcmp(s->at, words[i], n)) {
			s->at += n;
			return true;
		}
	}
	return fail(s, "unexpected character");
}

static bool value(struct scanner *s)
{
	char c;
	bool ok;

	skip_space(s);
	c = peek(s);
	if (c == '{' || c == '[') {
		if (++s->depth > JSON_MAX_DEPTH)
			return fail(s, "nested too deep");
		s->at++;
		ok = elements(s, c == '{' ? "}" : "]");
		s->depth--;
	} else if (c == '"') {
		ok = string(s);
	} else if (c == '-' || isdigit((unsigned char)c)) {
		ok = number(s);
	} else {
		ok = literal(s);
	}
	skip_space(s);
	return ok;
}

const char *json_scan(const char *text, size_t len, size_t *at)
{
	struct scanner s = { .at = text, .end = text + len };

	if (value(&s) && s.at < s.end)
		(void)fail(&s, "text behind the value");
	*at = (size_t)(s.at - text);
	return s.fault;
}

/* RFC 3629, section 3; no overlong form, no surrogate. */
size_t json_utf8_len(const char *str)
{
	static const uint32_t least[] = { [2] = 0x80, [3] = 0x800, [4] = 0x10000 }; /* of n bytes */
	const unsigned char *s = (const unsigned char *)str;
	size_t n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	uint32_t c = s[0] & (0x7fU >> n);

	if (s[0] < 0x80)
		return s[0] ? 1 : 0;
	if (s[0] < 0xc0 || s[0] > 0xf7)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3fU);
	}
	return c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) ? 0 : n;
}
