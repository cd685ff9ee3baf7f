/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/run.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/run/init.h"
#include "cmd/run/networks.h"
#include "cmd/run/relay.h"
#include "cmd/run/sandbox.h"
#include "cmd/run/userns.h"
#include "cmd/run/watcher.h"
#include "sys/netns.h"
#include "json/json.h"

struct run {
	struct run_options o;
	struct run_networks networks;
	struct run_watcher watcher;
	struct run_sandbox sandbox;
	struct run_texts texts;
	int join;        /* a namespace that was there before; -1: none */
	sigset_t before; /* the signals that were blocked when we began */
	bool has_run;    /* the command */
	struct arena *arena;
	struct err *err;
};

/* Namespaces and maps are found there by pid, which is to be no other process's. */
static int check_proc(struct err *err)
{
	char own[16], there[16] = "";

	snprintf(own, sizeof(own), "%d", getpid());
	if (readlink("/proc/self", there, sizeof(there) - 1) < 0)
		return err_sys(err, "read /proc/self");
	if (!strcmp(own, there))
		return 0;
	return err_set(err, ERR_INTERNAL,
		       "/proc is another PID namespace's than ours: mount one (unshare(1): "
		       "--mount-proc)");
}

static int check_descriptors(const struct run *r)
{
	for (size_t i = 0; i < r->o.n_fds; i++)
		if (fcntl(r->o.fds[i], F_GETFD) < 0)
			return err_config(r->err, "--fd %d: is not open", r->o.fds[i]);
	return 0;
}

/* Their other side is to notice when the command has closed them. */
static void close_descriptors(const struct run *r)
{
	for (size_t i = 0; i < r->o.n_fds; i++)
		(void)close(r->o.fds[i]);
}

static void decide_terminal(struct run *r)
{
	if (r->o.tty == RUN_TTY_AUTO)
		r->o.tty = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO)
				   ? RUN_TTY_YES
				   : RUN_TTY_NO;
}

/* A path that --keep is to make is no namespace yet. */
static int open_join(struct run *r)
{
	bool gone = false;
	char path[64];

	if (r->o.netns_fd >= 0) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", r->o.netns_fd);
		return netns_open(path, &r->join, NULL, r->err);
	}
	if (!r->o.netns)
		return 0;
	return netns_open(r->o.netns, &r->join, r->o.keep ? &gone : NULL, r->err);
}

static int serve(struct run *r, int *status)
{
	int sig, rc;

	run_userns_complete_maps(&r->o);
	if (run_watcher_start(&r->watcher, &r->networks, r->err) < 0 ||
	    run_sandbox_start(&r->sandbox, &r->o, r->join, &r->before, r->arena, r->err) < 0 ||
	    run_watcher_attach(&r->watcher, &r->sandbox, &r->texts, r->err) < 0)
		return -1;
	sig = run_relay_pending();
	if (sig) {
		*status = RUN_EXIT_SIGNAL + sig;
		return 0;
	}
	if (run_sandbox_release(&r->sandbox, &r->o, &r->texts, r->err) < 0)
		return -1;
	close_descriptors(r);
	rc = run_relay(&r->sandbox, status, r->err);
	r->has_run = run_sandbox_has_run(&r->sandbox);
	return rc;
}

/*
 * What is left of the networks is told, whatever has failed before. A command that has failed has
 * its own status all the same.
 */
static int end(struct run *r, int rc, int status)
{
	struct err err = { 0 };

	run_sandbox_end(&r->sandbox);
	if (run_watcher_detach(&r->watcher, r->has_run, &err) == 0)
		return rc;
	fprintf(stderr, "cnic: %s%s%s\n", err.msg, *err.details ? "; " : "", err.details);
	return status ? rc : -1;
}

static int run(struct run *r, int argc, char **argv)
{
	int status = RUN_EXIT_OURS, rc = -1, sig;

	if (run_options_parse(&r->o, argc, argv, r->arena, r->err) == 0 &&
	    check_proc(r->err) == 0 && check_descriptors(r) == 0 && open_join(r) == 0 &&
	    run_networks_load(&r->networks, &r->o, r->join >= 0, r->err) == 0 &&
	    run_relay_hold_signals(&r->before, r->err) == 0) {
		decide_terminal(r);
		rc = serve(r, &status);
		rc = end(r, rc, status);
	}
	if (rc < 0 && *r->err->msg)
		fprintf(stderr, "cnic: %s%s%s\n", r->err->msg, *r->err->details ? "; " : "",
			r->err->details);
	drop_fd(&r->join);
	if (rc == 0)
		return status;
	sig = run_relay_pending();
	return sig ? RUN_EXIT_SIGNAL + sig : RUN_EXIT_OURS;
}

static void print_oom(void)
{
	static const char msg[] = "cnic: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	_exit(RUN_EXIT_OURS);
}

int run_run(int argc, char **argv)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct run r = { .watcher = RUN_WATCHER_INIT,
			 .sandbox = RUN_SANDBOX_INIT,
			 .join = -1,
			 .arena = &arena,
			 .err = &err };
	int status;

	if (argc == 2 && !strcmp(argv[1], "--help")) {
		puts("usage: cnic run" RUN_OPTIONS_SYNOPSIS);
		return EXIT_SUCCESS;
	}
	arena_oom = print_oom;
	json_init(&arena);
	status = run(&r, argc, argv);
	arena_free(&arena);
	return status;
}
