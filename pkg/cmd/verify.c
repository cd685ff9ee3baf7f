/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verify.h"

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "cmd/describe.h"
#include "cmd/own.h"
#include "cmd/quiet.h"
#include "cmd/time.h"
#include "cmd/verify_node.h"
#include "cmd/verify_part.h"
#include "sys/file.h"

/* ---- one attachment -------------------------------------------------------------------------- */

static void add_line(struct verify *v, enum verify_weight weight, size_t of, const char *text)
{
	*arena_append(v->node.arena, v->lines, v->n_lines) =
		(struct verify_line){ weight, of, text };
}

void verify_say(struct verify *v, enum verify_weight weight, const struct node_attachment *a,
		const char *what, const char *advice)
{
	add_line(v, weight, a ? (size_t)(a - v->node.list) : VERIFY_OF_NODE,
		 arena_printf(v->node.arena, "%s%s%s; %s", a ? describe_name(a) : "", a ? ": " : "",
			      describe_plain(what), describe_plain(advice)));
}

static void verify_attachment(struct verify *v, const struct node_attachment *a)
{
	if (a->life == NODE_DEAD)
		verify_say(v, VERIFY_LEFT, a, a->why, "cnic gc");
	else
		verify_part(v, a);
}

/* ---- all of them ----------------------------------------------------------------------------- */

/* Attachments that follow each other, looked at by a process of their own. */
struct slice {
	size_t from, to; /* of verify.chosen */
	pid_t pid;       /* <= 0: there is none */
	int out;         /* what it has found */
};

#define SLICE_LEAST 64 /* attachments; for fewer a process is not worth it */
#define SLICES_MOST 16

/* Memory of one at a time. */
static void verify_slice(struct verify *v, const struct slice *p)
{
	for (size_t i = p->from; i < p->to; i++) {
		struct arena *all = json_arena(), one = { 0 };

		json_init(&one);
		verify_attachment(v, &v->node.list[v->chosen[i]]);
		json_init(all);
		arena_free(&one);
	}
}

/* A line's text has no line break in it: that is what describe_plain() is for. */
static int write_lines(const struct verify *v)
{
	for (size_t i = 0; i < v->n_lines; i++)
		printf("%d %zu %s\n", v->lines[i].weight, v->lines[i].of, v->lines[i].text);
	return fflush(stdout) < 0 || ferror(stdout) ? -1 : 0;
}

/* Sockets are opened by whoever asks: no process has another's. */
static void start(struct verify *v, struct slice *p)
{
	p->out = memfd_create("cnic-verify", MFD_CLOEXEC);
	if (p->out < 0 || fflush(stdout) < 0)
		return;
	p->pid = fork();
	if (p->pid)
		return;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || dup2(p->out, STDOUT_FILENO) < 0)
		_exit(EXIT_FAILURE);
	verify_slice(v, p);
	_exit(write_lines(v) < 0);
}

static int read_lines(struct verify *v, int fd)
{
	char *text, *line, *rest;
	struct stat st;

	if (fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0)
		return -1;
	text = arena_alloc(v->node.arena, (size_t)st.st_size + 1);
	if (file_read_fd(fd, text, (size_t)st.st_size) != st.st_size)
		return -1;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		enum verify_weight weight = (enum verify_weight)strtoul(line, &line, 10);
		size_t of = strtoul(line, &line, 10);

		add_line(v, weight, of, line + 1);
	}
	return 0;
}

static bool has_ended_well(pid_t pid)
{
	int status;

	return waitpid(pid, &status, 0) >= 0 && WIFEXITED(status) && !WEXITSTATUS(status);
}

/* What it has found is in the file whole, so that lines stay in the order of attachments. */
static void finish(struct verify *v, struct slice *p)
{
	if (p->pid <= 0) {
		verify_slice(v, p);
		return;
	}
	if (has_ended_well(p->pid) && read_lines(v, p->out) == 0)
		return;
	for (size_t i = p->from; i < p->to; i++)
		v->doubtful[v->chosen[i]] = true;
	verify_say(
		v, VERIFY_BLIND, NULL,
		arena_printf(json_arena(), "%zu attachments were not looked at", p->to - p->from),
		"look again");
}

/* A process for each CPU that we may use. */
static size_t count_slices(size_t attachments)
{
	size_t n = attachments / SLICE_LEAST, cpus = 1;
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		cpus = (size_t)CPU_COUNT(&set);
	n = n < cpus ? n : cpus;
	n = n < SLICES_MOST ? n : SLICES_MOST;
	return n ? n : 1;
}

static void verify_attachments(struct verify *v)
{
	struct slice slices[SLICES_MOST] = { 0 };
	size_t n = count_slices(v->n_chosen);

	for (size_t i = 0; i < n; i++) {
		slices[i] = (struct slice){ v->n_chosen * i / n, v->n_chosen * (i + 1) / n, 0, -1 };
		if (i || v->apart) /* else the first is ours */
			start(v, &slices[i]);
	}
	for (size_t i = 0; i < n; i++) {
		finish(v, &slices[i]);
		drop_fd(&slices[i].out);
	}
	for (size_t i = 0; i < v->n_lines; i++)
		if (v->lines[i].of != VERIFY_OF_NODE)
			v->doubtful[v->lines[i].of] = true;
}

/* ---- twice ----------------------------------------------------------------------------------- */

/*
 * Containers come and go meanwhile: one that is not among those that were loaded has come since, of
 * one that is half of it may be gone. What is wrong is so the second time, too, a little later and
 * with all loaded anew; what could not be looked at then is said in any case.
 */

/* What has been written or removed of it since the first look is an ADD's doing, or a DEL's. */
static bool is_as_before(const struct node_attachment *before, const struct node_attachment *a)
{
	return !before->cached == !a->cached && before->n_older == a->n_older &&
	       before->n_entries == a->n_entries && before->n_records == a->n_records;
}

static bool is_chosen(const struct verify *first, const struct node_attachment *a)
{
	const struct node_attachment *before;

	if (!first)
		return true;
	before = node_find(&first->node, a->network, a->container_id, a->ifname);
	return before && first->doubtful[before - first->node.list] && is_as_before(before, a);
}

static int look(struct verify *v, const struct verify *first, const char *const *caches,
		struct arena *arena, struct err *err)
{
	if (node_load(&v->node, caches, arena, err) < 0)
		return -1;
	v->apart = first; /* a CHECK that ends its process ends nothing else */
	v->chosen = arena_array(arena, size_t, v->node.n + 1);
	v->doubtful = arena_array(arena, bool, v->node.n + 1);
	for (size_t i = 0; i < v->node.n; i++)
		if (is_chosen(first, &v->node.list[i]))
			v->chosen[v->n_chosen++] = i;
	verify_attachments(v);
	verify_node(v);
	return 0;
}

static bool is_said(const struct verify *first, const struct verify_line *line)
{
	if (line->of != VERIFY_OF_NODE || line->weight == VERIFY_BLIND)
		return true;
	for (size_t i = 0; i < first->n_lines; i++)
		if (first->lines[i].of == VERIFY_OF_NODE &&
		    !strcmp(first->lines[i].text, line->text))
			return true;
	return false;
}

static int print(const struct verify *first, const struct verify *second)
{
	enum verify_weight worst = VERIFY_FINE;

	for (size_t i = 0; i < second->n_lines; i++) {
		const struct verify_line *line = &second->lines[i];

		if (!is_said(first, line))
			continue;
		puts(line->text);
		worst = line->weight > worst ? line->weight : worst;
	}
	return (int)worst;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int parse(int argc, char **argv, int *timeout_ms)
{
	if (argc == 1)
		return 0;
	if (argc != 3 || strcmp(argv[1], "--timeout") != 0)
		return -1;
	*timeout_ms = time_parse(argv[2]);
	return *timeout_ms < 0 ? -1 : 0;
}

/* No status of what is wrong with attachments; a process of slices has not ended well, either. */
static void out_of_memory(void)
{
	static const char msg[] = "cnic: out of memory\n";

	(void)!write(STDERR_FILENO, msg, sizeof(msg) - 1);
	_exit(VERIFY_BLIND);
}

static int verify(const char *const *caches, int timeout_ms, struct arena *arena)
{
	struct err err = { 0 };
	struct verify looks[2];
	int rc = 0;

	for (size_t i = 0; i < ARRAY_SIZE(looks) && !rc; i++) {
		struct verify *v = &looks[i];

		if (i)
			quiet_wait();
		*v = (struct verify){ .req.timeout_ms = timeout_ms };
		v->call =
			(struct cni_call)CNI_CALL_INIT(.req = &v->req, .arena = arena, .err = &err);
		rc = look(v, i ? &looks[0] : NULL, caches, arena, &err);
		cni_close(&v->call);
		if (!rc && !v->n_lines)
			return VERIFY_FINE;
	}
	if (!rc)
		return print(&looks[0], &looks[1]);
	fprintf(stderr, "cnic: %s\n", describe_plain(err.msg));
	return VERIFY_BLIND;
}

int verify_run(int argc, char **argv)
{
	int timeout_ms = OWN_TIMEOUT, rc;
	struct arena arena = { 0 };
	const char **caches;

	arena_oom = out_of_memory;
	json_init(&arena);
	caches = node_take_caches(&argc, argv);
	rc = parse(argc, argv, &timeout_ms);
	if (!rc)
		rc = verify(caches, timeout_ms, &arena);
	arena_free(&arena);
	return rc;
}
