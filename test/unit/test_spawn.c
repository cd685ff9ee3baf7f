/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/sys/spawn: programs that take too long, say too much, or do not end with their output. */
#include "sys/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "tap.h"

#define SOON 5000 /* ms: nothing here takes as long, unless it waits for what never ends */

static struct arena arena;
static struct err err;
static struct spawn_result res;
static int64_t took; /* ms */

/* A shell that does what the script says; *s has what else is asked for. */
static int sh(const char *script, struct spawn s)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	char *const environment[] = { NULL };
	int64_t start = clock_ms();
	int rc;

	s.path = "/bin/sh";
	s.argv = argv;
	s.envp = environment;
	res = (struct spawn_result){ 0 };
	err_clear(&err);
	rc = spawn(&s, &res, &arena, &err);
	took = clock_ms() - start;
	return rc;
}

static bool has_no_children(void)
{
	return waitpid(-1, NULL, WNOHANG) < 0 && errno == ECHILD;
}

static bool was_killed(void)
{
	return WIFSIGNALED(res.status) && WTERMSIG(res.status) == SIGKILL;
}

/* ---- stderr ---------------------------------------------------------------------------------- */

static int real_stderr;

static void divert_stderr(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	dup2(fd, STDERR_FILENO);
	close(fd);
}

static void restore_stderr(void)
{
	dup2(real_stderr, STDERR_FILENO);
}

static size_t size_of(const char *path)
{
	FILE *f = fopen(path, "r");
	long n = f && fseek(f, 0, SEEK_END) == 0 ? ftell(f) : 0;

	if (f)
		fclose(f);
	return n < 0 ? 0 : (size_t)n;
}

/* ---- what is said ---------------------------------------------------------------------------- */

static void check_output(void)
{
	ok(sh("cat; printf '\\0x'", (struct spawn){ .in = "hello", .in_len = 5 }) == 0 &&
		   res.out_len == 7 && !memcmp(res.out, "hello\0x", 8),
	   "stdin, and stdout with a NUL in it");
	ok(!res.timed_out && !res.unheard && !res.status && !*res.words && !*res.said,
	   "it has ended well");
	ok(sh("exec cat >/dev/null", (struct spawn){ .timeout_ms = SOON }) == 0 && !res.status &&
		   !res.timed_out && !res.out_len && !*res.out,
	   "nothing said, in time");
	ok(sh("kill -TERM $$", (struct spawn){ 0 }) == 0 && WIFSIGNALED(res.status) &&
		   WTERMSIG(res.status) == SIGTERM,
	   "a signal ended it");
	ok(spawn_succeeded("/bin/sh", &res, &err) < 0, "which is no success");
	is_str(err.msg, "/bin/sh failed: signal 15", "and said so");
}

static void check_words(const char *file)
{
	divert_stderr(file);
	ok(sh("printf 'one\\ntwo\\n\\n' >&2; exit 3", (struct spawn){ .listen = true }) == 0,
	   "words");
	restore_stderr();
	is_str(res.said, "one\ntwo\n\n", "said");
	is_str(res.words, "one\ntwo", "in words: without the newlines at its end");
	ok(size_of(file) == strlen(res.said), "which our stderr has got, too");
	ok(spawn_succeeded("/bin/sh", &res, &err) < 0, "no success");
	is_str(err.msg, "/bin/sh failed: exit status 3", "the status");
	is_str(err.details, "one\ntwo", "its words are the details");
	divert_stderr(file);
	ok(sh("printf '%02000d' 7 >&2; echo out", (struct spawn){ .listen = true }) == 0 &&
		   strlen(res.said) == 1023 && !strcmp(res.out, "out\n"),
	   "of many words the first are kept");
	restore_stderr();
	ok(size_of(file) == 2000, "and all passed on");
	divert_stderr(file);
	ok(sh("echo x >&2", (struct spawn){ 0 }) == 0 && !*res.said && !*res.words,
	   "nobody listens");
	restore_stderr();
	ok(size_of(file) == 2, "our stderr has it all the same");
}

/* ---- what takes too long --------------------------------------------------------------------- */

static void check_timeout(void)
{
	ok(sh("exec sleep 60", (struct spawn){ .timeout_ms = 100 }) == 0 && res.timed_out &&
		   was_killed() && took >= 100 && took < SOON,
	   "one that sleeps is killed");
	ok(sh("echo so far; exec >&- 2>&-; exec sleep 60",
	      (struct spawn){ .timeout_ms = 300, .listen = true }) == 0 &&
		   res.timed_out && was_killed() && took < SOON,
	   "one that has closed its output and lives on");
	is_str(res.out, "so far\n", "what it has said is there");
	ok(sh("exec >&- 2>&-; sleep 0.2; exit 4", (struct spawn){ .timeout_ms = 4 * SOON }) == 0 &&
		   !res.timed_out && WIFEXITED(res.status) && WEXITSTATUS(res.status) == 4,
	   "unless it ends in time");
	ok(sh("exec >&- 2>&-; sleep 0.2; exit 4", (struct spawn){ 0 }) == 0 &&
		   WEXITSTATUS(res.status) == 4 && took >= 200,
	   "without a time there is no end to wait for");
	ok(has_no_children(), "none of them is left");
}

/* The child of the program outlives it, with its stdout, or with its stderr. */
static void check_kept_pipe(const char *out, const char *to)
{
	const char *script = arena_printf(&arena, "sleep 60 >%s 2>%s & echo $!", out, to);

	ok(sh(script, (struct spawn){ .timeout_ms = 300, .listen = true }) == 0 && res.timed_out &&
		   took >= 300 && took < SOON,
	   "one whose child keeps %s", *out == '&' ? "its stdout" : "its stderr");
	ok(WIFEXITED(res.status) && !WEXITSTATUS(res.status), "its own status is told");
	ok(atoi(res.out) > 1 && kill(atoi(res.out), SIGKILL) == 0, "the child was there");
}

static void check_children(void)
{
	check_kept_pipe("&1", "/dev/null");
	check_kept_pipe("/dev/null", "&2");
	ok(sh("(sleep 0.3; echo late) & echo early", (struct spawn){ .timeout_ms = 4 * SOON }) ==
			   0 &&
		   !res.timed_out && took >= 300 && !strcmp(res.out, "early\nlate\n"),
	   "what a child says until then belongs to it");
	ok(has_no_children(), "none of them is ours");
}

/* ---- what says too much ---------------------------------------------------------------------- */

static void check_too_much(void)
{
	static const char forever[] = "trap '' PIPE; while :; do echo xxxxxxxxxxxxxxxx; done";

	ok(sh("printf '%01000d' 7", (struct spawn){ .max_out = 1000 }) == 0 && res.out_len == 1000,
	   "as much as may be");
	ok(sh("printf '%01001d' 7", (struct spawn){ .max_out = 1000 }) < 0 && !err.sys,
	   "a byte more is too large");
	is_str(err.msg, "/bin/sh: output too large", "which is said");
	divert_stderr("/dev/null"); /* of the shell: broken pipe */
	ok(sh(forever, (struct spawn){ .max_out = 100000 }) < 0 && took < SOON,
	   "one that ignores SIGPIPE and never ends");
	ok(sh(forever, (struct spawn){ 0 }) < 0, "a megabyte, if nothing is said of it");
	restore_stderr();
	ok(has_no_children(), "none of them is left");
}

/* Who reads our stderr is in no hurry, so that the program has always something more to say. */
static void *read_slowly(void *fd)
{
	char buf[4096];

	while (read(*(int *)fd, buf, sizeof(buf)) > 0)
		usleep(1000);
	return NULL;
}

static void check_endless_words(void)
{
	int ends[2];
	pthread_t thread;

	if (pipe2(ends, O_CLOEXEC) < 0 || pthread_create(&thread, NULL, read_slowly, &ends[0]) != 0)
		abort();
	dup2(ends[1], STDERR_FILENO);
	close(ends[1]);
	ok(sh("exec cat /dev/zero >&2", (struct spawn){ .timeout_ms = 200, .listen = true }) == 0 &&
		   res.timed_out && was_killed() && took < SOON,
	   "one that never stops complaining is killed, too");
	restore_stderr();
	pthread_join(thread, NULL);
	close(ends[0]);
}

/* ---- what cannot be run ---------------------------------------------------------------------- */

static void check_unheard(void)
{
	char *much = memset(arena_alloc(&arena, 300000), 'x', 300000);

	ok(sh("exit 0", (struct spawn){ .in = much, .in_len = 300000 }) == 0 && !res.status &&
		   res.unheard,
	   "one that does not read its stdin is within its rights");
	ok(sh("exec wc -c", (struct spawn){ .in = much, .in_len = 300000 }) == 0 && !res.unheard &&
		   !strcmp(res.out, "300000\n"),
	   "one that reads it gets all");
	ok(sh("exec >&- 2>&-; cat >/dev/null; exit 5",
	      (struct spawn){
		      .in = much, .in_len = 300000, .timeout_ms = 4 * SOON, .listen = true }) ==
			   0 &&
		   WEXITSTATUS(res.status) == 5 && res.unheard && took < SOON,
	   "one that has nothing more to say may wait for its end");
}

static void *close_soon(void *fd)
{
	usleep(200000);
	close(*(int *)fd);
	return NULL;
}

/* A script would do: what is open for writing is the file that is executed. */
static void check_busy(const char *dir)
{
	const char *path = arena_printf(&arena, "%s/busy", dir);
	char *const environment[] = { NULL };
	const struct spawn s = { .path = path, .envp = environment };
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0700);
	pthread_t thread;

	if (write(fd, "#!/bin/sh\necho ran\n", 19) != 19 ||
	    pthread_create(&thread, NULL, close_soon, &fd) != 0)
		abort();
	ok(spawn(&s, &res, &arena, &err) == 0 && !strcmp(res.out, "ran\n"),
	   "one that is being written is tried again");
	pthread_join(thread, NULL);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	ok(spawn(&s, &res, &arena, &err) < 0 && err.sys == ETXTBSY, "but not for ever");
	close(fd);
	unlink(path);
	ok(spawn(&s, &res, &arena, &err) < 0 && err.sys == ENOENT, "none is there");
	ok(has_no_children(), "nothing of them is left");
}

int main(void)
{
	char dir[] = "/tmp/test_spawn-XXXXXX";
	const char *file;

	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 10);
	if (!mkdtemp(dir))
		abort();
	file = arena_printf(&arena, "%s/stderr", dir);
	check_output();
	check_words(file);
	check_timeout();
	check_children();
	check_too_much();
	check_endless_words();
	check_unheard();
	check_busy(dir);
	unlink(file);
	rmdir(dir);
	arena_free(&arena);
	return done_testing();
}
