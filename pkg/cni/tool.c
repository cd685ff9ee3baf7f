/* SPDX-License-Identifier: Apache-2.0 */
#include "cni/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "cni/call.h"
#include "cni/repair.h"

static int usage(const char *name)
{
	fprintf(stderr, "%s: no such plugin in this executable; it holds", name);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		fprintf(stderr, " %s", (*p)->name);
	fputs("\nusage: cnic --list | --version | --install DIR\n"
	      "       cnic repair [--network NAME] [--plugin NAME] [CONTAINERID]\n",
	      stderr);
	return -1;
}

static int list(void)
{
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		puts((*p)->name);
	return EXIT_SUCCESS;
}

static int complain(const char *what)
{
	fprintf(stderr, "cnic: %s: %s\n", what, strerror(errno));
	return -1;
}

static int copy(int from, int to)
{
	char buf[65536];
	ssize_t n;

	while ((n = read(from, buf, sizeof(buf))) > 0)
		if (write(to, buf, (size_t)n) != n)
			return -1;
	return n < 0 || fsync(to) < 0 ? -1 : 0;
}

/* A running plugin cannot be overwritten (ETXTBSY) and a half-written one must not be run: rename. */
static int place(int dir, const char *temp)
{
	auto_close int from = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	auto_close int to = -1;

	(void)unlinkat(dir, temp, 0); /* of an install that was cut short: maybe a plugin in use */
	to = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0755);
	return from < 0 || to < 0 || fchmod(to, 0755) < 0 || copy(from, to) < 0 ? -1 : 0;
}

/* One inode under every name: that is how a delegated plugin is known to be ours. */
static int install(const char *path)
{
	static const char temp[] = ".cnic-new", link_name[] = ".cnic-link";
	auto_close int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (dir < 0 || place(dir, temp) < 0)
		return complain(path);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++) {
		(void)unlinkat(dir, link_name, 0);
		if (linkat(dir, temp, dir, link_name, 0) < 0 ||
		    renameat(dir, link_name, dir, (*p)->name) < 0)
			return complain((*p)->name);
		(void)unlinkat(dir, link_name, 0); /* rename keeps both when they were one file */
	}
	return renameat(dir, temp, dir, "cnic") < 0 ? complain("cnic") : 0;
}

/* -1: not understood. */
static int parse_repair(int argc, char **argv, struct cni_repair *what)
{
	for (int i = 2; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--network")  ? &what->network
				     : !strcmp(argv[i], "--plugin") ? &what->plugin_name
								    : &what->container_id;

		if (*argv[i] == '-' && (value == &what->container_id || ++i == argc))
			return -1;
		if (*value)
			return -1;
		*value = argv[i];
	}
	return 0;
}

static int repair(struct cni_repair *what)
{
	struct err err = { 0 };
	int rc = cni_repair_all(what, &err);

	if (rc < 0)
		fprintf(stderr, "cnic: %s\n", err.msg);
	printf("%zu repaired, %zu failed, %zu gone\n", what->repaired, what->failed, what->gone);
	return rc < 0 || what->failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

int cni_tool(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return puts(CNIC_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc == 3 && !strcmp(argv[1], "--install"))
		return install(argv[2]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc >= 2 && !strcmp(argv[1], "repair")) {
		struct cni_repair what = { .plugins = cni_plugins };

		if (parse_repair(argc, argv, &what) == 0)
			return repair(&what);
	}
	return usage(argc ? argv[0] : "cnic");
}
