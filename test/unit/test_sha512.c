/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/base/sha512: NIST's examples and test vectors (FIPS 180 examples, CAVP SHA512ShortMsg). */
#include "base/sha512.h"

#include "base/attr.h"
#include "tap.h"

#define BYTES(s) (s), sizeof(s) - 1

static const struct {
	const char *message;
	size_t len;
	const char *digest;
} vectors[] = {
	{ BYTES(""), "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
		     "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e" },
	{ BYTES("!"), "3831a6a6155e509dee59a7f451eb35324d8f8f2df6e3708894740f98fdee2388"
		      "9f4de5adb0c5010dfb555cda77c8ab5dc902094c52de3278f35a75ebc25f093a" },
	{ BYTES("\x90\x83"), "55586ebba48768aeb323655ab6f4298fc9f670964fc2e5f2731e34dfa4b0c09e"
			     "6e1e12e3d7286b3145c61c2047fb1a2a1297f36da64160b31fa4c8c2cddd2fb4" },
	{ BYTES("abc"), "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
			"2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f" },
	{ BYTES("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		"hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu"),
	  "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
	  "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909" },
};

static const char million_a[] = "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803afa973eb"
				"de0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e4eadb217ad8cc09b";

/*
 * Of the digests of the messages of 0 to 299 bytes, byte i being 7i mod 256; by another
 * implementation.
 */
static const char all_lengths[] =
	"8dbfff7fba0e8bdbab57c3b7ce89219cf36e43c426ac64166db2ed89c603f2e1"
	"89f415de2614e940d4abc94ffb5f3db0da34196e9b42d6150fab1546a662ec58";

static const char *end(struct sha512 *s)
{
	static char text[2 * SHA512_LEN + 1];
	uint8_t digest[SHA512_LEN];

	sha512_end(s, digest);
	for (size_t i = 0; i < sizeof(digest); i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	return text;
}

static void check_vectors(void)
{
	struct sha512 s;

	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		sha512_begin(&s);
		sha512_add(&s, vectors[i].message, vectors[i].len);
		is_str(end(&s), vectors[i].digest, "a message at once");
		sha512_begin(&s);
		for (size_t k = 0; k < vectors[i].len; k++)
			sha512_add(&s, vectors[i].message + k, 1);
		is_str(end(&s), vectors[i].digest, "byte by byte");
	}
}

static void check_million(void)
{
	static char a[1000];
	struct sha512 s;

	memset(a, 'a', sizeof(a));
	sha512_begin(&s);
	for (int i = 0; i < 1000; i++)
		sha512_add(&s, a, sizeof(a));
	is_str(end(&s), million_a, "a million times the letter a");
}

static void check_lengths(void)
{
	uint8_t message[300], digest[SHA512_LEN];
	struct sha512 s, all;

	sha512_begin(&all);
	for (size_t n = 0; n < sizeof(message); n++) {
		message[n] = (uint8_t)(n * 7);
		sha512_begin(&s);
		sha512_add(&s, message, n);
		sha512_end(&s, digest);
		sha512_add(&all, digest, sizeof(digest));
	}
	is_str(end(&all), all_lengths, "every length up to two blocks and more");
}

int main(void)
{
	check_vectors();
	check_million();
	check_lengths();
	return done_testing();
}
