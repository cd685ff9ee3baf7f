/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_args - CNI_ARGS, and the rules for names in the environment. */
#include "fuzz.h"

#include "base/str.h"
#include "cni/args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const known[] = { "IP", "GATEWAY", "MAC", NULL };
	struct arena arena = { 0 };
	struct err err = { 0 };
	const char *text = fuzz_text(&arena, data, size);
	char name[IFNAMSIZ];

	fuzz_expect(cni_args_check(text, known, &arena, &err), &err);
	for (size_t i = 0; known[i]; i++) {
		const char *value = cni_args_get(text, known[i], &arena);

		if (value && !strstr(text, value))
			abort();
	}
	if (str_is_cni_name(text) && (strchr(text, '/') || !strcmp(text, "..")))
		abort();
	err_clear(&err);
	fuzz_expect(str_copy_ifname(name, text, &err), &err);
	arena_free(&arena);
	return 0;
}
