/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - the only main(): what a process of ours is, and whether it is a plugin or the tool. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd/cnic.h"
#include "cmd/cnitool.h"
#include "skel/run.h"

#define EXIT_USAGE 2 /* as Go's flag package ends */

/*
 * Were one of them closed, the first socket or file we open would get its number, and a result be
 * written into it. The stand-ins are opened the wrong way round: using them is an error.
 */
static void occupy_stdio(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			_exit(EXIT_FAILURE);
}

static void print_oom(void)
{
	static const char msg[] = "{\"code\":999,\"msg\":\"out of memory\"}\n";

	(void)!write(STDOUT_FILENO, msg, sizeof(msg) - 1);
	_exit(EXIT_FAILURE);
}

int main(int argc, char **argv)
{
	const char *slash = argc ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc ? argv[0] : "";
	/* An executable that is one plugin is that one under every name. */
	const struct cni_plugin *plugin = cni_plugins[1] ? cni_plugin_named(name) : cni_plugins[0];
	int rc = -1;

	occupy_stdio();
	arena_oom = print_oom;
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN); /* a write that is too long fails, and is undone */
	(void)signal(SIGCHLD, SIG_DFL); /* ignored by our parent, no child could be waited for */
	if (!plugin && !strcmp(name, "cnitool"))
		return cnitool(argc, argv);
	if (plugin && plugin->daemon && argc > 1 && !strcmp(argv[1], "daemon")) {
		rc = plugin->daemon(argc - 1, argv + 1);
		return rc < 0 ? EXIT_USAGE : rc;
	}
	if (!plugin)
		rc = cnic(argc, argv);
	return rc < 0 ? run_plugin(plugin, name) : rc;
}
