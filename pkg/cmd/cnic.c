/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cnic.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "cmd/fold.h"
#include "cmd/gc.h"
#include "cmd/install.h"
#include "cmd/ipam.h"
#include "cmd/keys.h"
#include "cmd/list.h"
#include "cmd/listen/listen.h"
#include "cmd/listen/options.h"
#include "cmd/repair.h"
#include "cmd/run/options.h"
#include "cmd/run/run.h"
#include "cmd/verify.h"
#include "skel/call.h"

static void help(void);

static void print_plugins(FILE *to, const char *between)
{
	for (const struct cni_plugin *const *p = cni_plugins; *p; p++)
		fprintf(to, "%s%s", (*p)->name, p[1] ? between : "\n");
}

static void plugins(void)
{
	print_plugins(stdout, "\n");
}

/* The process that serves the plugin of this name. */
static int daemon_run(int argc, char **argv)
{
	const struct cni_plugin *p = cni_plugin_named(argv[0]);

	return p && p->daemon ? p->daemon(argc, argv) : -1;
}

static void version(void)
{
	puts(CNIC_VERSION);
}

/*
 * A verb prints, or runs: argv[0] is the verb then, and the exit status is returned, or -1: the
 * arguments make no sense.
 */
static const struct verb {
	const char *name;
	int args_min, args_max;
	void (*print)(void);
	int (*run)(int argc, char **argv);
	const char *synopsis, *about;
} verbs[] = {
	{ "list", 0, 32, NULL, list_run, " [--json] [--cache DIR]...",
	  "Prints a table of the attachments of this node: network, container, addresses, ports." },
	{ "show", 0, 33, NULL, list_show_run,
	  " [--json|--dot] [--cache DIR]... [CONTAINERID|NETWORK|NETNS|ADDRESS|PORT]",
	  "Prints all that is known of attachments; with --dot a graph for Graphviz." },
	{ "plugins", 0, 0, plugins, NULL, "",
	  "Prints the plugins in this executable, one a line." },
	{ "keys", 0, 1, NULL, keys_run, " [PLUGIN]",
	  "Prints the keys of configurations, with their types and bounds, as one JSON object." },
	{ "fold", 1, 2, NULL, fold_run, " [--unfold] FILE",
	  "Makes the plugins of a configuration list one plugin, chain, which runs them in one process;\n"
	  "      back with --unfold. What the file was stays beside it." },
	{ "verify", 0, 32, NULL, verify_run, " [--timeout TIME] [--cache DIR]...",
	  "Holds files, kernel and plugins against each other: a line for each thing that is not as it\n"
	  "      should be, with what to do. Exit status 1: something is left over; 2: a container has\n"
	  "      lost something; 3: not all could be looked at." },
	{ "gc", 0, 32, NULL, gc_run,
	  " [--dry-run] [--older-than TIME] [--timeout TIME] [--foreign] [--cache DIR]...",
	  "Removes what is left of attachments whose container is dead for certain, without a runtime's\n"
	  "      help. A line for each, and \"N removed, N failed, N alive, N not known to be dead\"." },
	{ "repair", 0, 7, NULL, repair_run,
	  " [--network NAME] [--plugin NAME] [--backend own|nftables|iptables] [CONTAINERID]",
	  "Puts back packet filter rules that are gone, of all attachments or of those chosen; with\n"
	  "      --backend, turns their rules into that backend's. Prints \"N repaired, N failed, N gone\"\n"
	  "      (gone: without a namespace), on stderr a line for each that failed." },
	{ "run", 0, INT_MAX, NULL, run_run, RUN_OPTIONS_SYNOPSIS,
	  "Runs a command on a network of its own, in namespaces of its own, with its exit status; 125:\n"
	  "      it could not be run, 126: it cannot be executed, 127: it is not there, 128 + N: signal N." },
	{ "ipam", 2, 3, NULL, ipam_run,
	  " show|verify|trace|release-node|release-claim NETWORK|FILE [ADDRESS|NODE|CLAIM]",
	  "Addresses that the network shares with other nodes: pools, blocks, nodes; what is not as it\n"
	  "      should be; who has ADDRESS. release-node gives up a node that is gone for good, and all it\n"
	  "      had; release-claim the address that a claim keeps." },
	{ "dhcp", 0, 14, NULL, daemon_run,
	  " [-socketpath FILE] [-pidfile FILE] [-hostprefix DIR] [-timeout TIME] [-resendmax TIME]\n"
	  "      [-resendtimeout TIME] [-broadcast]",
	  "Looks after the leases of the plugin dhcp, until it is told to end (SIGTERM)." },
	{ "listen", 1, INT_MAX, NULL, listen_run, LISTEN_OPTIONS_SYNOPSIS,
	  "Listens in each of the namespaces, by one process in none of them: for a command, which is\n"
	  "      given the sockets (LISTEN_FDS), or forwarding what connects to one address." },
	{ "install", 1, 64, NULL, install_run, " [--tools] DIR [FILE...]",
	  "Puts this executable, a link to it for each plugin, and the files into DIR; with --tools,\n"
	  "      which takes no FILE, cnic and cnitool alone. Prints nothing; what fails is said on stderr,\n"
	  "      and leaves DIR as it was." },
	{ "uninstall", 1, 2, NULL, install_remove_run, " [--tools] DIR",
	  "Removes from DIR what is ours. Names on stderr what has a plugin's name and is not." },
	{ "version", 0, 0, version, NULL, "", "Prints the version." },
	{ "help", 0, 0, help, NULL, "",
	  "Prints this page. Every verb may be written as an option: --help." },
};

static void help(void)
{
	puts("cnic - CNI plugins in one executable\n\n"
	     "A container runtime executes it under a plugin's name, with the call in the environment and a\n"
	     "configuration on stdin. Under its own name it is a tool for the administrator of a node:\n");
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  cnic %s%s\n      %s\n", verbs[i].name, verbs[i].synopsis, verbs[i].about);
	puts("\nExit status: 0, done; 1, not done or not all of it, for a reason that is on stderr.\n"
	     "See cnic(8), and cni-NAME(8) for a plugin.");
	fputs("\nPlugins: ", stdout);
	print_plugins(stdout, " ");
}

/* --plugins, --version, --install and --help are verbs, too. */
static const struct verb *find(const char *word)
{
	if (!strncmp(word, "--", 2))
		word += 2;
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i].name, word))
			return &verbs[i];
	return NULL;
}

/* Under another name a plugin was meant. */
static int usage(const char *path, const char *word)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	if (strcmp(name, "cnic") != 0) {
		fprintf(stderr, "%s: no such plugin in this executable; it holds ", name);
		print_plugins(stderr, " ");
		return -1;
	}
	if (word)
		fprintf(stderr, "cnic: %s: no such verb, or other arguments than it takes\n", word);
	for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
		fprintf(stderr, "%s cnic %s%s\n", i ? "      " : "usage:", verbs[i].name,
			verbs[i].synopsis);
	return -1;
}

int cnic(int argc, char **argv)
{
	const struct verb *v = argc > 1 ? find(argv[1]) : NULL;
	int rc = -1;

	if (v && argc - 2 >= v->args_min && argc - 2 <= v->args_max) {
		if (v->print)
			v->print();
		rc = v->run ? v->run(argc - 1, argv + 1) : EXIT_SUCCESS;
	}
	if (!rc && (fflush(stdout) != 0 || ferror(stdout)))
		rc = EXIT_FAILURE;
	return rc < 0 ? usage(argc ? argv[0] : "cnic", argc > 1 ? argv[1] : NULL) : rc;
}
