// SPDX-License-Identifier: Apache-2.0
/* One call: by a plugin, by the driver of lists, or by hand. */
#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { OUTPUT_MAX = 8192 };

const char *const verb_names[VERBS] = { "ADD", "DEL" };

char *const *wrapper;

static double cpu_ms(const struct rusage *u)
{
	return (double)(u->ru_utime.tv_sec + u->ru_stime.tv_sec) * 1e3 +
	       (double)(u->ru_utime.tv_usec + u->ru_stime.tv_usec) / 1e3;
}

/* ---- the same by hand -------------------------------------------------------------------- */

static bool command(struct call *call, char *const *argv)
{
	struct rusage usage;
	pid_t pid;
	int e, status;

	e = posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	if (e)
		die("%s: %s", argv[0], strerror(e));
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait: %s", strerror(errno));
	if (usage.ru_maxrss > call->rss_kb)
		call->rss_kb = usage.ru_maxrss;
	call->cpu_ms += cpu_ms(&usage);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* One command line, split at blanks. */
__attribute__((format(printf, 2, 3))) static bool hand(struct call *call, const char *fmt, ...)
{
	char line[512], *argv[32], *rest = line;
	unsigned n = 0;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	while (n < 31 && (argv[n] = strsep(&rest, " ")))
		n++;
	argv[n] = NULL;
	return command(call, argv);
}

/* As few commands as it takes; the address is a given. */
static bool add_by_hand(struct call *call, const struct side *side, unsigned i)
{
	char ip[INET_ADDRSTRLEN];

	ip_text(ip, side->subnet + 2 + i);
	return hand(call, "ip link add hand%u up type veth peer name eth0 netns %s-%u", i,
		    side->name, i) &&
	       hand(call, "ip -n %s-%u addr add %s/14 dev eth0", side->name, i, ip) &&
	       hand(call, "ip -n %s-%u link set eth0 up", side->name, i) &&
	       hand(call, "ovs-vsctl add-port b-%s hand%u", side->name, i);
}

static struct call run_by_hand(const struct side *side, enum verb verb, unsigned i)
{
	struct call call = { 0 };
	double from = now_ms();

	if (verb == ADD)
		call.ok = add_by_hand(&call, side, i);
	else
		call.ok = hand(&call, "ovs-vsctl del-port b-%s hand%u", side->name, i) &&
			  hand(&call, "ip link del hand%u", i);
	call.ms = now_ms() - from;
	return call;
}

/* ---- by a plugin ------------------------------------------------------------------------- */

static void make_environment(struct environment *e, const struct side *side, enum verb verb,
			     unsigned i)
{
	char path[256];

	e->n = 0;
	e->used = 0;
	ns_path(path, sizeof(path), side, i);
	environment_add(e, "CNI_COMMAND=%s", verb_names[verb]);
	environment_add(e, "CNI_CONTAINERID=%s-c%u", side->name, i);
	environment_add(e, "CNI_NETNS=%s", path);
	environment_add(e, "CNI_PATH=%s", side->bin);
	environment_add(e, "CNI_IFNAME=eth0");
	environment_add(e, "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	environment_add(e, "NETCONF=%s", side->conf);
	environment_add(e, "NETCONFPATH=%s", side->conf_dir);
	if (side->has_ports)
		environment_add(e,
				"CAP_ARGS={\"portMappings\":[{\"hostPort\":%u,\"containerPort\":80,"
				"\"protocol\":\"tcp\"}]}",
				OWN_PORT + i);
}

/* What runs it, it, and its arguments up to NULL; a plugin has none. */
static void make_argv(char **argv, char *file, const char *const *args)
{
	unsigned n = 0;

	for (; wrapper && wrapper[n]; n++)
		argv[n] = wrapper[n];
	argv[n++] = file;
	while (*args)
		argv[n++] = (char *)*args++;
	argv[n] = NULL;
}

/* The plugin, or a driver, which has all else from its environment. */
static void make_command(char *file, size_t size, char **argv, const struct side *side,
			 const struct job *job, enum verb verb, unsigned i)
{
	static const char *const driver_verbs[VERBS] = { "add", "del" };
	const char *args[] = { driver_verbs[verb], NULL, NULL, NULL };
	const char *driver = getenv("CNICTL");
	static _Thread_local char netns[256];

	if (job->plugin) {
		text(file, size, "%s/%s", side->bin, job->plugin);
		args[0] = NULL;
	} else if (side->by_cnitool) {
		text(file, size, "%s/cnitool", side->bin);
		ns_path(netns, sizeof(netns), side, i);
		args[1] = "bench";
		args[2] = netns;
	} else if (driver) {
		text(file, size, "%s", driver);
	} else {
		die("CNICTL is not set");
	}
	make_argv(argv, file, args);
}

static struct call run_plugin(struct side *side, const struct job *job, enum verb verb, unsigned i)
{
	char file[512], output[OUTPUT_MAX], *argv[MAX_WRAPPER + 5];
	struct environment e;
	struct rusage usage;
	struct call call;
	int in, out[2], status;
	double from;
	pid_t pid;

	make_environment(&e, side, verb, i);
	make_command(file, sizeof(file), argv, side, job, verb, i);
	in = open_input(side->conf);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	from = now_ms();
	pid = spawn(argv, e.list, in, out[1], -1);
	close(in);
	close(out[1]);
	read_all(out[0], output, sizeof(output), -1);
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait: %s", strerror(errno));
	call.ms = now_ms() - from;
	close(out[0]);
	call.rss_kb = usage.ru_maxrss;
	call.cpu_ms = cpu_ms(&usage);
	call.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && (verb != ADD || output[0]);
	if (!call.ok && !atomic_exchange(&side->of[verb].told, true))
		fprintf(stderr, "%s %s %s failed: %s\n", side->name, job->name, verb_names[verb],
			output);
	return call;
}

struct call run(struct side *side, const struct job *job, enum verb verb, unsigned i)
{
	if (verb == ADD && job->prepare)
		job->prepare(side);
	if (side->host)
		netns_enter(side->host);
	return side->by_hand ? run_by_hand(side, verb, i) : run_plugin(side, job, verb, i);
}

/*
 * DEL of ovs does not wait until ovs-vswitchd has let go of the port (it closes packet sockets, a
 * grace period each), ovs-vsctl does: a change whose effect is waited for makes the next call's
 * start even.
 */
void settle_switch(void)
{
	struct call ignored = { 0 };
	static unsigned n;

	if (!hand(&ignored, "ovs-vsctl set Open_vSwitch . external_ids:bench=%u", n++))
		die("ovs-vswitchd does not settle");
}

/*
 * We are the subreaper: what a plugin leaves behind becomes our child. What a deletion has left to a
 * grace period of RCU is awaited, too: for membarrier(2) the kernel waits for one.
 */
double reap(const struct job *job)
{
	double from = now_ms(), processes_ms;

	while (wait(NULL) > 0 || errno == EINTR)
		;
	if (job->settle)
		job->settle();
	processes_ms = now_ms() - from;
	syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	return processes_ms;
}
