/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cnic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "skel/call.h"
#include "cmd/install.h"
#include "cmd/repair.h"

static int usage(const char *name)
{
	fprintf(stderr, "%s: no such plugin in this executable; it holds", name);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		fprintf(stderr, " %s", (*p)->name);
	fputs("\nusage: cnic --list | --version | --install DIR [FILE...] | --uninstall DIR\n"
	      "       cnic repair [--network NAME] [--plugin NAME] [--backend own|nftables|iptables]\n"
	      "                   [CONTAINERID]\n",
	      stderr);
	return -1;
}

static int list(void)
{
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		puts((*p)->name);
	return EXIT_SUCCESS;
}

static bool is_backend(const char *name)
{
	return !strcmp(name, "own") || !strcmp(name, "nftables") || !strcmp(name, "iptables");
}

/* -1: not understood. */
static int parse_repair(int argc, char **argv, struct cni_repair *what)
{
	for (int i = 2; i < argc; i++) {
		const char **value = !strcmp(argv[i], "--network")   ? &what->network
				     : !strcmp(argv[i], "--plugin")  ? &what->plugin_name
				     : !strcmp(argv[i], "--backend") ? &what->backend
								     : &what->container_id;

		if (*argv[i] == '-' && (value == &what->container_id || ++i == argc))
			return -1;
		if (*value)
			return -1;
		*value = argv[i];
	}
	return what->backend && !is_backend(what->backend) ? -1 : 0;
}

static int repair(struct cni_repair *what)
{
	struct err err = { 0 };
	int rc = repair_all(what, &err);

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
	if (argc >= 3 && !strcmp(argv[1], "--install"))
		return install_files(argv[2], argv + 3, (size_t)argc - 3) < 0 ? EXIT_FAILURE
									    : EXIT_SUCCESS;
	if (argc == 3 && !strcmp(argv[1], "--uninstall"))
		return uninstall_files(argv[2]) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
	if (argc >= 2 && !strcmp(argv[1], "repair")) {
		struct cni_repair what = { .plugins = cni_plugins };

		if (parse_repair(argc, argv, &what) == 0)
			return repair(&what);
	}
	return usage(argc ? argv[0] : "cnic");
}
