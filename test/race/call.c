// SPDX-License-Identifier: Apache-2.0
/* One call of a plugin. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"

#define CALL_LIMIT_MS 45000

#define CONF          "{\"cniVersion\":\"1.1.0\",\"name\":\"race\",\"type\":\"%s\"%s%s%s}"
#define BRIDGE_CONF   ",\"bridge\":\"" BRIDGE "\",\"isGateway\":true%s,\"ipam\":%s"
#define FIREWALL_CONF ",\"ingressPolicy\":\"same-bridge\""
#define PORTS_CONF                                                     \
	",\"runtimeConfig\":{\"portMappings\":["                       \
	"{\"hostPort\":%u,\"containerPort\":80,\"protocol\":\"tcp\"}," \
	"{\"hostPort\":%u,\"containerPort\":53,\"protocol\":\"udp\"}]}"

const char *const verb_names[VERBS] = { "ADD", "CHECK", "DEL", "GC" };

const char *const plugin_names[PLUGINS] = { "bridge", "portmap", "firewall" };

static const char *const side_names[2] = { "ours", "the others'" };

/* All we have, for the sanitizers' sake and CNI_ALWAYS_EXEC's. */
static void make_environment(struct environment *e, const struct worker *w, const struct call *c)
{
	e->n = 0;
	e->used = 0;
	environment_add(e, "CNI_COMMAND=%s", verb_names[c->verb]);
	environment_add(e, "CNI_PATH=%s", sides[c->ipam_side]);
	if (c->verb != GC) {
		environment_add(e, "CNI_CONTAINERID=%s", w->id);
		environment_add(e, "CNI_NETNS=%s", w->netns);
		environment_add(e, "CNI_IFNAME=eth0");
	}
	environment_inherit(e);
}

/* The one thing that may go wrong. */
static bool is_conflict(const struct call *c, int status)
{
	return c->verb == ADD && c->plugin == PORTMAP && WIFEXITED(status) &&
	       strstr(c->out, "held by another container");
}

static bool succeeded(const struct worker *w, const struct call *c, int status, bool ended)
{
	if (ended && WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	if (ended && is_conflict(c, status)) {
		atomic_fetch_add(&refused, 1);
		return false;
	}
	fault(CALLS, "%s %s, %s %s, host-local %s: %s %d: %s", verb_names[c->verb],
	      c->verb == GC ? "" : w->id, plugin_names[c->plugin], side_names[c->side],
	      side_names[c->ipam_side],
	      !ended                ? "killed after too long, status"
	      : WIFSIGNALED(status) ? "signal"
				    : "exit",
	      WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), c->out);
	return false;
}

bool run(const struct worker *w, struct call *c)
{
	struct environment e;
	char file[1024], *argv[] = { file, NULL };
	int in, out[2], status;
	bool ended;
	pid_t pid;

	text(file, sizeof(file), "%s/%s", sides[c->side], plugin_names[c->plugin]);
	make_environment(&e, w, c);
	in = open_input(c->in);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	pid = spawn(argv, e.list, in, out[1], STDERR_FILENO);
	close(in);
	close(out[1]);
	ended = read_all(out[0], c->out, sizeof(c->out), CALL_LIMIT_MS);
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	close(out[0]);
	atomic_fetch_add(&counts[c->verb], 1);
	return succeeded(w, c, status, ended);
}

void configure(const struct worker *w, struct call *c, const char *ipam, const char *key,
	       const char *value)
{
	char own[1024] = "";

	if (c->plugin == BRIDGE_PLUGIN)
		text(own, sizeof(own), BRIDGE_CONF,
		     with_rules ? ",\"ipMasq\":true,\"macspoofchk\":true" : "", ipam);
	else if (c->plugin == PORTMAP && c->verb != GC)
		text(own, sizeof(own), PORTS_CONF, FIRST_PORT + w->port[0],
		     FIRST_PORT + w->port[1]);
	else if (c->plugin == FIREWALL)
		text(own, sizeof(own), FIREWALL_CONF);
	text(c->in, sizeof(c->in), CONF, plugin_names[c->plugin], own, key, value);
}

static void choose_sides(struct worker *w, struct call *c)
{
	c->side = pick(w, n_sides);
	c->ipam_side = pick(w, n_sides);
}

bool call(struct worker *w, struct call *c, enum plugin plugin, const char *ipam, const char *prev)
{
	c->plugin = plugin;
	choose_sides(w, c);
	configure(w, c, ipam, prev ? ",\"prevResult\":" : "", prev ? prev : "");
	return run(w, c);
}
