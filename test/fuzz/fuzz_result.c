/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_result - prevResult and delegates' results: parse, print in every version, read back. */
#include "fuzz.h"

#include "cni/result.h"
#include "cni/version.h"

static void print_and_read(const struct cni_result *r, const char *version)
{
	struct cni_result again;
	struct err err = { 0 };
	const struct json *v;
	const char *text;
	struct json *o;

	if (cni_result_json(r, version, &o, &err) < 0)
		return fuzz_expect(-1, &err);
	text = json_print(o);
	if (strlen(text) >= JSON_MAX_TEXT)
		return;
	/* what we print we must understand */
	if (json_parse(text, strlen(text), &v, &err) < 0 ||
	    cni_result_parse(v, version, true, "again", &again, &err) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct cni_result r;
	const struct json *v;
	int rc;

	if (!size)
		return 0;
	json_init(&arena);
	rc = json_parse(fuzz_text(&arena, data + 1, size - 1), size - 1, &v, &err);
	if (!rc)
		rc = cni_result_parse(v, cni_versions[data[0] % 7], data[0] & 0x80, "prevResult",
				      &r, &err);
	fuzz_expect(rc, &err);
	for (size_t i = 0; !rc && cni_versions[i]; i++)
		print_and_read(&r, cni_versions[i]);
	arena_free(&arena);
	return 0;
}
