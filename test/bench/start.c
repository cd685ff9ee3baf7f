// SPDX-License-Identifier: Apache-2.0
/*
 * What it costs to run a command under another program, alternating: from the program's start to
 * the command's first instruction, and to the program's end. The command is this program as well:
 * "bench now" prints the time.
 *
 *	bench start COUNT NAME=COMMAND...    words with spaces between; the command is put behind
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	WARM_UP = 3,
	MAX_WORDS = 32,
};

struct way {
	const char *name;
	char *argv[MAX_WORDS + 3];
	double *exec_ms, *end_ms;
	unsigned n, failed;
};

void print_now(int argc, char **argv)
{
	double now = now_ms();

	(void)argc;
	(void)argv;
	if (write(STDOUT_FILENO, &now, sizeof(now)) != sizeof(now))
		die("write: %s", strerror(errno));
}

static void parse(struct way *w, char *arg, unsigned count)
{
	static char self[4096];
	char *eq = strchr(arg, '=');
	unsigned n = 0;

	if (!eq || readlink("/proc/self/exe", self, sizeof(self) - 1) < 0)
		die("NAME=COMMAND, not %s", arg);
	*eq++ = '\0';
	w->name = arg;
	for (char *word; (word = strsep(&eq, " ")) && n < MAX_WORDS;)
		w->argv[n++] = word;
	w->argv[n++] = self;
	w->argv[n] = (char *)"now";
	w->exec_ms = calloc(count, sizeof(*w->exec_ms));
	w->end_ms = calloc(count, sizeof(*w->end_ms));
}

static bool run_once(const struct way *w, double *exec_ms, double *end_ms)
{
	double from, at = 0;
	int fds[2], status = 0, null = open_input("");
	bool ok;
	pid_t pid;

	if (pipe(fds) < 0)
		die("pipe: %s", strerror(errno));
	from = now_ms();
	pid = spawn(w->argv, environ, null, fds[1], -1);
	close(fds[1]);
	ok = read(fds[0], &at, sizeof(at)) == sizeof(at);
	if (waitpid(pid, &status, 0) < 0)
		die("wait: %s", strerror(errno));
	*end_ms = now_ms() - from;
	*exec_ms = at - from;
	close(fds[0]);
	close(null);
	return ok && status == 0;
}

static void turn(struct way *w, bool counts)
{
	static const struct job none;
	double exec_ms, end_ms;
	bool ok = run_once(w, &exec_ms, &end_ms);

	(void)reap(&none);
	if (!counts)
		return;
	w->failed += !ok;
	if (!ok)
		return;
	w->exec_ms[w->n] = exec_ms;
	w->end_ms[w->n++] = end_ms;
}

static void report_way(struct way *w)
{
	const struct {
		const char *name;
		double *ms;
	} of[] = { { "EXEC", w->exec_ms }, { "END", w->end_ms } };

	for (unsigned i = 0; i < 2; i++)
		printf("start %s %s n=%u failed=%u median=%.3f p99=%.3f\n", of[i].name, w->name,
		       w->n, w->failed, quantile(of[i].ms, w->n, 50), quantile(of[i].ms, w->n, 99));
}

void measure_start(int argc, char **argv)
{
	struct way ways[MAX_SIDES] = { 0 };
	unsigned n = (unsigned)argc - 1, count;

	if (argc < 2 || n > MAX_SIDES)
		die("start COUNT NAME=COMMAND..., at most %d", MAX_SIDES);
	count = (unsigned)strtoul(argv[0], NULL, 10);
	for (unsigned i = 0; i < n; i++)
		parse(&ways[i], argv[1 + i], count);
	for (unsigned round = 0; round < count + WARM_UP; round++)
		for (unsigned i = 0; i < n; i++)
			turn(&ways[(i + round) % n], round >= WARM_UP);
	for (unsigned i = 0; i < n; i++)
		report_way(&ways[i]);
}
