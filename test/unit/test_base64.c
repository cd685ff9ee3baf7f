/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/base/base64: the vectors of RFC 4648, section 10, and what is none. */
#include "base/base64.h"

#include <stdlib.h>

#include "base/attr.h"
#include "tap.h"

static struct arena arena;

static const struct {
	const char *bytes, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
};

static void check_vectors(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		size_t len = 99, n = strlen(vectors[i].bytes);
		const char *bytes = base64_decode(vectors[i].text, &len, &arena);

		is_str(base64_encode(vectors[i].bytes, n, &arena), vectors[i].text,
		       vectors[i].bytes);
		ok(bytes && len == n && !strcmp(bytes, vectors[i].bytes), "\"%s\" and back",
		   vectors[i].text);
	}
}

/* Each length's last group is another one; 0xff and 0xfb are the digits / and +. */
static void check_any_bytes(void)
{
	char in[256 + 3];

	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	for (size_t n = 0; n <= sizeof(in); n += n < 4 ? 1 : 85) {
		size_t len = 0;
		const char *out = base64_decode(base64_encode(in, n, &arena), &len, &arena);

		ok(out && len == n && !memcmp(out, in, n) && !out[n], "%zu bytes, with NULs", n);
	}
	is_str(base64_encode("\0\0\0", 3, &arena), "AAAA", "NULs");
	is_str(base64_encode("\xff\xff\xfe", 3, &arena), "///+", "the last two digits");
}

/* As Go's StdEncoding: newlines are passed over, also within the padding. */
static void check_newlines(void)
{
	static const char *const texts[] = { "Zm9v\nYg==\n",
					     "\r\nZm9vYg=\r\n=", "Z\nm\n9\nvY\ng=\n=" };

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		size_t len = 0;
		const char *bytes = base64_decode(texts[i], &len, &arena);

		ok(bytes && len == 4 && !strcmp(bytes, "foob"), "newlines, %zu", i);
	}
}

static const char *const rubbish[] = {
	"Z",
	"Zg",
	"Zg=",
	"Zm8",
	"Zm9vY",
	"=",
	"==",
	"===",
	"====",
	"Z===",
	"Zg===",
	"Zm8==",
	"Zm9v=",
	"Zg==Zg==",
	"Zg=g",
	"Zg==Zm",
	"Zm9v Zm9v",
	"Zm9v\tZm9v",
	" Zm9v",
	"Zm9-",
	"Zm9_",
	"Zm9\x80",
	"Zm9,",
	"Zm9v\x01"
	"AA",
	"Z\xc3\xa4v9",
};

static void check_rubbish(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
		size_t len;

		ok(!base64_decode(rubbish[i], &len, &arena), "\"%s\" is none", rubbish[i]);
	}
}

int main(void)
{
	check_vectors();
	check_any_bytes();
	check_newlines();
	check_rubbish();
	arena_free(&arena);
	return done_testing();
}
