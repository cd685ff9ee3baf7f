/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cnic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cmd/install.h"
#include "cmd/keys.h"
#include "cmd/repair.h"
#include "skel/call.h"

static int help(int argc, char **argv);

static int list(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		puts((*p)->name);
	return EXIT_SUCCESS;
}

static int version(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return puts(CNIC_VERSION) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* argv[0] of `run` is the verb. -1: the arguments make no sense. */
static const struct verb {
	const char *name;
	int args_min, args_max;
	int (*run)(int argc, char **argv);
	const char *synopsis, *about;
} verbs[] = {
	{ "list", 0, 0, list, "", "the plugins in this executable" },
	{ "keys", 0, 1, keys_run, "[PLUGIN]", "the keys of configurations, as JSON" },
	{ "repair", 0, 7, repair_run,
	  "[--network NAME] [--plugin NAME] [--backend own|nftables|iptables] [CONTAINERID]",
	  "put back rules of the packet filter that are gone, or turn them into a backend's" },
	{ "install", 1, 64, install_run, "DIR [FILE...]",
	  "this executable, a link for each plugin, and the files; all or nothing" },
	{ "uninstall", 1, 1, uninstall_run, "DIR", "take out of it what is ours" },
	{ "version", 0, 0, version, "", "the version" },
	{ "help", 0, 0, help, "", "this page" },
};

static void print_verbs(FILE *to)
{
	fputs("usage:\n", to);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(to, "  cnic %s%s%s\n      %s\n", verbs[i].name,
			*verbs[i].synopsis ? " " : "", verbs[i].synopsis, verbs[i].about);
}

static int help(int argc, char **argv)
{
	(void)argc;
	(void)argv;
	puts("cnic - CNI plugins in one executable. A container runtime executes it under a plugin's name,\n"
	     "with a configuration on stdin; under its own name it is a tool for the node.\n");
	print_verbs(stdout);
	fputs("\nplugins:", stdout);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		printf(" %s", (*p)->name);
	return putchar('\n') < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* --list, --version, --install and --help are verbs, too. */
static const struct verb *find(const char *word)
{
	if (!strncmp(word, "--", 2))
		word += 2;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, word))
			return &verbs[i];
	return NULL;
}

static int usage(const char *name, const char *word)
{
	const char *slash = strrchr(name, '/');

	if (word && !strcmp(slash ? slash + 1 : name, "cnic"))
		fprintf(stderr, "cnic: %s: no such verb, or other arguments than it takes\n", word);
	fprintf(stderr, "%s: no such plugin in this executable; it holds", name);
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		fprintf(stderr, " %s", (*p)->name);
	fputc('\n', stderr);
	print_verbs(stderr);
	return -1;
}

int cnic(int argc, char **argv)
{
	const struct verb *v = argc > 1 ? find(argv[1]) : NULL;
	int rc = -1;

	if (v && argc - 2 >= v->args_min && argc - 2 <= v->args_max)
		rc = v->run(argc - 1, argv + 1);
	return rc < 0 ? usage(argc ? argv[0] : "cnic", argc > 1 ? argv[1] : NULL) : rc;
}
