/* SPDX-License-Identifier: Apache-2.0 */
/* fuzz_run_options - the command line of cnic run, words with NUL between. */
#include "fuzz.h"

#include "cmd/run/options.h"

#define WORDS 64

static bool is_port(uint32_t n)
{
	return n >= 1 && n <= 65535;
}

/* What nobody looks at again. */
static void check(const struct run_options *o)
{
	for (size_t i = 0; i < o->n_publishes; i++)
		if (!is_port(o->publishes[i].host) || !is_port(o->publishes[i].container) ||
		    !o->publishes[i].protocol)
			abort();
	for (size_t i = 0; i < o->n_uid_maps; i++)
		if (!o->uid_maps[i].count)
			abort();
	for (size_t i = 0; i < o->n_mounts; i++)
		if (o->mounts[i].target[0] != '/' || strchr(o->mounts[i].target, ':'))
			abort();
	for (size_t i = 0; i < o->n_egress; i++)
		if (o->egress[i].to.plen > ip_bits(&o->egress[i].to))
			abort();
	for (size_t i = 0; i < o->n_fds; i++)
		if (o->fds[i] < 3)
			abort();
	if (!o->argv[0] || (o->n_nets != 0) != (o->net == RUN_NET_NAMED))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct run_options o;
	char *argv[WORDS] = { "run" };
	const char *text = (const char *)data;
	int argc = 1, rc;

	for (size_t at = 0; at < size && argc < WORDS - 1;) {
		argv[argc] = arena_strndup(&arena, text + at, size - at);
		at += strlen(argv[argc++]) + 1;
	}
	rc = run_options_parse(&o, argc, argv, &arena, &err);
	fuzz_expect(rc, &err);
	if (!rc)
		check(&o);
	arena_free(&arena);
	return 0;
}
