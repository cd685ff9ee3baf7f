/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/listen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "cmd/listen/activate.h"
#include "cmd/listen/forward.h"
#include "cmd/listen/say.h"
#include "cmd/listen/sockets.h"
#include "cmd/listen/targets.h"
#include "json/json.h"

#define SPARE 16 /* descriptors besides the sockets */

/* ---- for a command --------------------------------------------------------------------------- */

static int check_names(const struct listen_targets *t, struct err *err)
{
	for (size_t i = 0; i < t->n; i++)
		if (!listen_name_fits(t->list[i].name))
			return err_config(err,
					  "%s: no name for LISTEN_FDNAMES: a colon, a control "
					  "character, or more than 255 bytes",
					  t->list[i].name);
	return 0;
}

/* NULL: they are too long, which is said. */
static const char *join_names(const struct listen_targets *t, size_t times, struct arena *arena)
{
	size_t size = 0;
	char *names, *at;

	for (size_t i = 0; i < t->n; i++)
		size += (strlen(t->list[i].name) + 1) * times;
	if (size > LISTEN_NAMES_MAX) {
		listen_say("%zu bytes of names are more than %zu: no LISTEN_FDNAMES", size,
			   LISTEN_NAMES_MAX);
		return NULL;
	}
	at = names = arena_alloc(arena, size + 1);
	for (size_t i = 0; i < t->n * times; i++) {
		*at = ':';
		at = stpcpy(at + (i > 0), t->list[i / times].name);
	}
	return names;
}

static int open_each(const struct listen_options *opt, const struct listen_targets *t, int *fds,
		     struct err *err)
{
	for (size_t i = 0; i < t->n; i++)
		if (listen_sockets_open(opt, t->list[i].path, fds + i * opt->n_at, err) < 0)
			return -1;
	return 0;
}

/* As far as it may be; the command keeps the limit it was given, unless it is too low. */
static struct rlimit raise_limit(void)
{
	struct rlimit before, most;

	(void)getrlimit(RLIMIT_NOFILE, &before);
	most = before;
	most.rlim_cur = most.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &most);
	return before;
}

static int run_command(const struct listen_options *opt, const struct listen_targets *t,
		       struct arena *arena, struct err *err)
{
	size_t n = t->n * opt->n_at;
	int *fds = arena_array(arena, int, n + 1);
	struct rlimit files = raise_limit();
	const char *names;

	if (!t->n)
		return err_config(err, "there is no namespace to listen in");
	if (check_names(t, err) < 0 || open_each(opt, t, fds, err) < 0)
		return -1;
	names = join_names(t, opt->n_at, arena);
	if (files.rlim_cur <= n + SPARE)
		files.rlim_cur = files.rlim_max;
	return listen_activate(fds, n, names, &files, opt->command, err);
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int run(int argc, char **argv, struct arena *arena, struct err *err)
{
	struct listen_options opt;
	struct listen_targets targets;
	struct rlimit files;

	if (listen_options_parse(&opt, argc, argv, arena, err) < 0 ||
	    listen_targets_find(&opt, &targets, arena, err) < 0)
		return -1;
	if (opt.command)
		return run_command(&opt, &targets, arena, err);
	(void)raise_limit();
	(void)getrlimit(RLIMIT_NOFILE, &files);
	return listen_forward(&opt, &targets, files.rlim_cur, err);
}

int listen_run(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	int rc;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		puts("usage: cnic listen" LISTEN_OPTIONS_SYNOPSIS);
		return EXIT_SUCCESS;
	}
	json_init(&arena);
	rc = run(argc - 1, argv + 1, &arena, &err);
	if (rc < 0)
		listen_say("%s%s%s", err.msg, *err.details ? ": " : "", err.details);
	arena_free(&arena);
	return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
