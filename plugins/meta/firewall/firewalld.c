/* SPDX-License-Identifier: Apache-2.0 */
#include "firewalld.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/spawn.h"

#define HELPER "cnic-firewalld"
#define SOCKET "/run/dbus/system_bus_socket"

enum { DONE = 0, NO = 3 }; /* its exit status */

/* ---- the helper ------------------------------------------------------------------------------ */

static const char *helper(struct cni_call *c)
{
	return spawn_beside(HELPER, c->arena);
}

int fw_firewalld_is_usable(struct cni_call *c)
{
	if (helper(c))
		return 0;
	return err_set(c->err, ERR_FIELD,
		       "backend: firewalld needs " HELPER
		       " beside this plugin, which is not installed (make FIREWALLD=1)");
}

/* *no: the answer is no. What it has printed goes to *out. */
static int ask(struct cni_call *c, const char **argv, bool *no, const char **out)
{
	struct spawn_result res;
	int status;

	if (fw_firewalld_is_usable(c) < 0)
		return -1;
	argv[0] = helper(c);
	if (cni_execute(c, argv, "", &res) < 0)
		return -1;
	*out = res.out;
	status = WIFEXITED(res.status) ? WEXITSTATUS(res.status) : -1;
	*no = status == NO;
	if (status == DONE || status == NO)
		return 0;
	if (spawn_succeeded(argv[0], &res, c->err) < 0 && *res.out && *res.out != '\n')
		snprintf(c->err->msg, sizeof(c->err->msg), "firewalld: %.*s",
			 (int)strcspn(res.out, "\n"), res.out);
	return -1;
}

/* A bus that does not answer has no firewalld for us. */
bool fw_firewalld_is_running(struct cni_call *c)
{
	const char *argv[] = { HELPER, "running", NULL }, *out;
	const struct err before = *c->err;
	bool no, runs;

	if ((!getenv("DBUS_SYSTEM_BUS_ADDRESS") && access(SOCKET, F_OK) < 0) || !helper(c))
		return false;
	runs = ask(c, argv, &no, &out) == 0 && !no;
	*c->err = before;
	return runs;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static const char *text_of(struct arena *arena, const struct ip *ip)
{
	struct ip host = ip_host(ip);
	char text[IP_STRLEN];

	return arena_strdup(arena, cidr_str(&host, text));
}

static int put(const struct fw_forward *f, const char *verb, bool *no, const char **out)
{
	const char **argv = arena_array(f->c->arena, const char *, f->n_ips + 4), **at = argv;

	*at++ = HELPER;
	*at++ = verb;
	*at++ = f->zone;
	for (size_t i = 0; i < f->n_ips; i++)
		*at++ = text_of(f->c->arena, f->ips[i]);
	return ask(f->c, argv, no, out);
}

/* The fresh ones, a line each, are what is left of f: what an undo removes. */
static int add(struct fw_forward *f)
{
	struct arena *arena = f->c->arena;
	const struct fw_forward asked = *f;
	const struct ip **added = arena_array(arena, const struct ip *, f->n_ips + 1);
	const char *out;
	bool no;

	f->ips = added;
	f->n_ips = 0;
	if (put(&asked, "add", &no, &out) < 0)
		return -1;
	out = arena_printf(arena, "\n%s", out);
	for (size_t i = 0; i < asked.n_ips; i++)
		if (strstr(out, arena_printf(arena, "\n%s\n", text_of(arena, asked.ips[i]))))
			added[f->n_ips++] = asked.ips[i];
	return 0;
}

static int release(struct fw_forward *f)
{
	const char *out;
	bool no;

	return f->n_ips ? put(f, "remove", &no, &out) : 0;
}

/* firewalld says no by an answer, not by an error. */
static int verify(struct fw_forward *f)
{
	const char *out;
	bool no;

	if (put(f, "query", &no, &out) < 0)
		return -1;
	if (!no)
		return 0;
	return err_set(f->c->err, ERR_CHECK,
		       *out ? "firewalld: %.*s is not in zone %s" : "firewalld is not running",
		       (int)strcspn(out, "\n"), out, f->zone);
}

const struct fw_backend fw_firewalld = {
	.name = "firewalld",
	.add = add,
	.undo = release,
	.release = release,
	.verify = verify,
	.restore = add,
};
