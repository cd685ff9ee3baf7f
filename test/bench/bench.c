// SPDX-License-Identifier: Apache-2.0
/*
 * Runs CNI plugins of several builds ("sides") in turn and says what each call cost.
 *
 *	bench serial JOB COUNT SIDE...             one call at a time, sides alternate
 *	bench parallel JOB COUNT JOBS SIDE...      COUNT attachments, JOBS at a time, ROUNDS times, sides in turn
 *	bench once JOB VERB SIDE WRAPPER...        one whole life uncounted, then VERB under WRAPPER
 *	bench connect COUNT NAME=PORTS...          connect.c
 *	SIDE = NAME=DIR[:HELD][@BACKEND]           plugins in DIR, HELD addresses reserved or ports
 *	                                           mapped beforehand, rules by BACKEND
 *	     | NAME=by-hand                        of job ovs: ip and ovs-vsctl, called one by one
 *
 * A job is a plugin: bridge, host-local, ovs, portmap; masq: bridge with ipMasq; chain: bridge with
 * ipMasq, portmap with one port and firewall, called by the driver of lists that CNICTL names. In
 * the last three each side has a host, a network namespace, to itself.
 *
 * The environment variable STORE names the directory that holds the IPAM stores. All namespaces
 * are made before the first call; it must run in a network and mount namespace of its own.
 * A call is timed from before its start to its exit and the end of its output. What it leaves
 * running is awaited outside that time and reported as "after". CPU is the time of the processes that it
 * has awaited itself, the steadier figure where others use the machine. RSS is the largest of any process
 * of the call, by wait4(); a child that shared our memory until its exec (vfork) cannot report less
 * than we use ourselves, so this program is small, and says how small.
 *
 * p99 is that of all calls, round_p99 the median of the rounds' own: a virtual machine crawls for a tenth of
 * a second now and then, which is 1 % of the calls of all the rounds together, but of most rounds none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

enum {
	WARM_UP = 3,
	ROUNDS = 9,
	MAX_WRAPPER = 16,
	OUTPUT_MAX = 8192,
	STACK_SIZE = 64 * 1024,
	PORTS_PER_CALL = 10, /* of those mapped beforehand */
	FIRST_PORT = 10000,  /* of those */
	OWN_PORT = 8080,
};

enum verb { ADD, DEL, VERBS };

static const char *const verb_names[VERBS] = { "ADD", "DEL" };

struct samples {
	double *ms, *after_ms, *cpu_ms;
	double round_p99[ROUNDS];
	unsigned n, failed, n_rounds;
	long rss_kb;
};

struct side {
	const char *name, *bin, *backend; /* backend: NULL if not given */
	bool by_hand;
	unsigned held, n_netns; /* n_netns: those of containers; more share them */
	int host;               /* its network namespace, 0: the one we are in */
	char host_path[64];
	uint32_t subnet;
	char store[512];
	char conf[2048]; /* what the plugin reads; of a list, the path of its file */
	char ports[1024];
	struct samples of[VERBS];
};

/* plugin NULL: a list, by its driver. */
struct job {
	const char *name, *plugin;
	bool own_host;
	void (*configure)(struct side *side);
	void (*hold)(const struct side *side); /* before the first call */
	void (*settle)(void);                  /* after each, or NULL */
};

struct call {
	double ms, cpu_ms;
	long rss_kb;
	bool ok;
};

struct batch {
	struct side *side;
	const struct job *job;
	enum verb verb;
	unsigned count;
	atomic_uint next;
	struct call *calls;
};

static char *const *wrapper;

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

void text(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(to, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		die("too long: %s", to);
}

void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- namespaces ------------------------------------------------------------------------- */

void enter_netns(int fd)
{
	if (setns(fd, CLONE_NEWNET) < 0)
		die("setns: %s", strerror(errno));
}

static void ns_path(char *to, size_t size, const struct side *side, unsigned i)
{
	text(to, size, NS_DIR "/%s-%u", side->name, i % side->n_netns);
}

/* Leaves us in it. */
static void make_netns(const char *path)
{
	int fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare: %s", strerror(errno));
	if (mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("mount %s: %s", path, strerror(errno));
}

/* A host has its lo up. */
static void make_host(struct side *side)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	make_netns(side->host_path);
	side->host = open(side->host_path, O_RDONLY | O_CLOEXEC);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (side->host < 0 || fd < 0 || ioctl(fd, SIOCSIFFLAGS, &lo) < 0)
		die("%s: %s", side->host_path, strerror(errno));
	close(fd);
}

static void make_all_netns(const struct job *job, struct side *sides, unsigned n_sides,
			   unsigned count)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	char path[256];

	if (home < 0 || (mkdir(NS_DIR, 0755) < 0 && errno != EEXIST))
		die("%s: %s", NS_DIR, strerror(errno));
	for (unsigned s = 0; s < n_sides; s++) {
		sides[s].n_netns = count;
		for (unsigned i = 0; i < count; i++) {
			ns_path(path, sizeof(path), &sides[s], i);
			make_netns(path);
		}
		if (job->own_host)
			make_host(&sides[s]);
	}
	enter_netns(home);
	close(home);
	for (unsigned s = 0; s < n_sides; s++)
		job->hold(&sides[s]);
}

/* ---- sides and their stores ------------------------------------------------------------- */

static void ip_text(char to[INET_ADDRSTRLEN], uint32_t ip)
{
	struct in_addr a = { .s_addr = htonl(ip) };

	inet_ntop(AF_INET, &a, to, INET_ADDRSTRLEN);
}

static void write_file(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	if (!f || fputs(content, f) < 0 || fclose(f) != 0)
		die("%s: %s", path, strerror(errno));
}

static void make_dir(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		die("%s: %s", path, strerror(errno));
}

/* Reserved as by earlier calls: one file for each address, and the last one remembered. */
static void hold_addresses(const struct side *side)
{
	char path[1024], ip[INET_ADDRSTRLEN] = "", content[64];

	for (unsigned i = 0; i < side->held; i++) {
		ip_text(ip, side->subnet + 2 + i);
		text(path, sizeof(path), "%s/bench/%s", side->store, ip);
		text(content, sizeof(content), "held-%u\r\neth0", i);
		write_file(path, content);
	}
	if (!side->held)
		return;
	text(path, sizeof(path), "%s/bench/last_reserved_ip.0", side->store);
	write_file(path, ip);
}

/* The gateway is the first address, the bridge's. */
static void interface_conf(char *to, size_t size, const struct side *side, const char *type,
			   const char *more)
{
	char subnet[INET_ADDRSTRLEN];

	ip_text(subnet, side->subnet);
	text(to, size,
	     "\"type\":\"%s\",\"bridge\":\"b-%s\",\"isGateway\":true%s,\"ipam\":{\"type\":"
	     "\"host-local\",\"dataDir\":\"%s\",\"ranges\":[[{\"subnet\":\"%s/14\"}]]%s}",
	     type, side->name, more, side->store, subnet,
	     strcmp(type, "ovs") ? ",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]" : "");
}

static void configure(struct side *side, const char *type, const char *more)
{
	char conf[1024];

	interface_conf(conf, sizeof(conf), side, type, more);
	text(side->conf, sizeof(side->conf), "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",%s}",
	     conf);
}

static void configure_bridge(struct side *side)
{
	configure(side, "bridge", "");
}

static void configure_host_local(struct side *side)
{
	configure(side, "host-local", "");
}

static void configure_ovs(struct side *side)
{
	configure(side, "ovs", "");
}

/* ,"KEY":"BACKEND" where one is given */
static const char *backend_key(char *to, size_t size, const struct side *side, const char *key)
{
	to[0] = '\0';
	if (side->backend)
		text(to, size, ",\"%s\":\"%s\"", key, side->backend);
	return to;
}

static void configure_masq(struct side *side)
{
	char key[64], more[128];

	backend_key(key, sizeof(key), side, "ipMasqBackend");
	text(more, sizeof(more), ",\"ipMasq\":true%s", key);
	configure(side, "bridge", more);
}

static void port_list(char *to, size_t size, unsigned first, unsigned n)
{
	const char *comma = "";
	size_t len;

	text(to, size, "{\"portMappings\":[");
	for (unsigned i = 0; i < n; i++) {
		len = strlen(to);
		text(to + len, size - len,
		     "%s{\"hostPort\":%u,\"containerPort\":80,\"protocol\":\"tcp\"}", comma,
		     first + i);
		comma = ",";
	}
	len = strlen(to);
	text(to + len, size - len, "]}");
}

/* The container is as another plugin of the chain would have left it; nothing needs to be in it. */
static void set_ports(struct side *side, unsigned first, unsigned n)
{
	char key[64], ip[INET_ADDRSTRLEN];

	ip_text(ip, side->subnet + 2);
	port_list(side->ports, sizeof(side->ports), first, n);
	text(side->conf, sizeof(side->conf),
	     "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"portmap\"%s,"
	     "\"runtimeConfig\":%s,\"prevResult\":{\"cniVersion\":\"1.0.0\",\"interfaces\":"
	     "[{\"name\":\"eth0\",\"sandbox\":\"" NS_DIR "/%s-0\"}],\"ips\":"
	     "[{\"address\":\"%s/14\",\"interface\":0}]}}",
	     backend_key(key, sizeof(key), side, "backend"), side->ports, side->name, ip);
}

static void configure_portmap(struct side *side)
{
	set_ports(side, OWN_PORT, 1);
}

/* As podman's list is, without tuning; its portmap is told which backend as its bridge is. */
static void configure_chain(struct side *side)
{
	char masq[64], portmap[64], more[128], bridge[1024], list[2048];

	backend_key(masq, sizeof(masq), side, "ipMasqBackend");
	backend_key(portmap, sizeof(portmap), side, "backend");
	text(more, sizeof(more), ",\"ipMasq\":true%s,\"hairpinMode\":true", masq);
	interface_conf(bridge, sizeof(bridge), side, "bridge", more);
	text(list, sizeof(list),
	     "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"plugins\":[{%s},{\"type\":"
	     "\"portmap\",\"capabilities\":{\"portMappings\":true}%s},{\"type\":\"firewall\"}]}",
	     bridge, portmap);
	text(side->conf, sizeof(side->conf), "%s/list", side->store);
	write_file(side->conf, list);
	port_list(side->ports, sizeof(side->ports), OWN_PORT, 1);
}

static void make_store(struct side *side)
{
	const char *store = getenv("STORE");
	char path[1024];

	if (!store)
		die("STORE is not set");
	text(side->store, sizeof(side->store), "%s/%s", store, side->name);
	make_dir(side->store);
	text(path, sizeof(path), "%s/bench", side->store);
	make_dir(path);
}

static char *cut(char *at, char separator)
{
	char *end = strchr(at, separator);

	if (end)
		*end++ = '\0';
	return end;
}

static void parse_side(const struct job *job, struct side *side, unsigned index, char *arg)
{
	char *held;

	side->name = arg;
	side->bin = cut(arg, '=');
	if (!side->bin)
		die("a side is not NAME=DIR[:HELD][@BACKEND]: %s", arg);
	side->backend = cut(arg + strlen(arg) + 1, '@');
	held = cut(arg + strlen(arg) + 1, ':');
	if (held)
		side->held = (unsigned)strtoul(held, NULL, 10);
	side->by_hand = !strcmp(side->bin, "by-hand") && !strcmp(job->name, "ovs");
	side->subnet = (10u << 24) + ((64 + 4 * index) << 16);
	text(side->host_path, sizeof(side->host_path), NS_DIR "/%s-host", side->name);
	make_store(side);
	job->configure(side);
}

static unsigned parse_sides(const struct job *job, struct side *sides, char **args, int n)
{
	if (n < 1 || n > MAX_SIDES)
		die("1 to %d sides", MAX_SIDES);
	for (int i = 0; i < n; i++)
		parse_side(job, &sides[i], (unsigned)i, args[i]);
	return (unsigned)n;
}

/* ---- one call --------------------------------------------------------------------------- */

struct environment {
	char command[32], id[64], netns[300], path[600], conf[2100], ports[1100], *list[12];
};

static void make_environment(struct environment *e, const struct side *side, enum verb verb,
			     unsigned i)
{
	static char ifname[] = "CNI_IFNAME=eth0", search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char path[256];

	ns_path(path, sizeof(path), side, i);
	text(e->command, sizeof(e->command), "CNI_COMMAND=%s", verb_names[verb]);
	text(e->id, sizeof(e->id), "CNI_CONTAINERID=%s-c%u", side->name, i);
	text(e->netns, sizeof(e->netns), "CNI_NETNS=%s", path);
	text(e->path, sizeof(e->path), "CNI_PATH=%s", side->bin);
	text(e->conf, sizeof(e->conf), "NETCONF=%s", side->conf);
	text(e->ports, sizeof(e->ports), "CAP_ARGS=%s", side->ports);
	e->list[0] = e->command;
	e->list[1] = e->id;
	e->list[2] = e->netns;
	e->list[3] = e->path;
	e->list[4] = ifname;
	e->list[5] = search;
	e->list[6] = e->conf;
	e->list[7] = e->ports;
	e->list[8] = NULL;
}

/* The configuration is smaller than a pipe's buffer, so it can be written before anyone reads. */
static int open_input(const char *conf)
{
	size_t len = strlen(conf);
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0 || write(p[1], conf, len) != (ssize_t)len)
		die("pipe: %s", strerror(errno));
	close(p[1]);
	return p[0];
}

static pid_t start(const char *file, char *const *argv, char *const *envp, int in, int out)
{
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int e;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
	e = posix_spawnp(&pid, file, &actions, NULL, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	if (e)
		die("%s: %s", file, strerror(e));
	return pid;
}

static void read_all(int fd, char *to, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(fd, to + len, size - 1 - len)) > 0)
		len += (size_t)n;
	to[len] = '\0';
}

static void make_argv(char **argv, char *file, const char *verb)
{
	unsigned n = 0;

	for (; wrapper && wrapper[n]; n++)
		argv[n] = wrapper[n];
	argv[n++] = file;
	argv[n++] = (char *)verb; /* the driver's argument; a plugin has none */
	argv[n] = NULL;
}

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

/* The plugin, or the driver, which has all from its environment but the verb. */
static void make_command(char *file, size_t size, char **argv, const struct side *side,
			 const struct job *job, enum verb verb)
{
	static const char *const driver_verbs[VERBS] = { "add", "del" };
	const char *driver = getenv("CNICTL");

	if (job->plugin)
		text(file, size, "%s/%s", side->bin, job->plugin);
	else if (driver)
		text(file, size, "%s", driver);
	else
		die("CNICTL is not set");
	make_argv(argv, file, job->plugin ? NULL : driver_verbs[verb]);
}

static struct call run_plugin(const struct side *side, const struct job *job, enum verb verb,
			      unsigned i)
{
	char file[512], output[OUTPUT_MAX], *argv[MAX_WRAPPER + 3];
	struct environment e;
	struct rusage usage;
	struct call call;
	int in, out[2], status;
	double from;
	pid_t pid;

	make_environment(&e, side, verb, i);
	make_command(file, sizeof(file), argv, side, job, verb);
	in = open_input(side->conf);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	from = now_ms();
	pid = start(argv[0], argv, e.list, in, out[1]);
	close(in);
	close(out[1]);
	read_all(out[0], output, sizeof(output));
	if (wait4(pid, &status, 0, &usage) < 0)
		die("wait: %s", strerror(errno));
	call.ms = now_ms() - from;
	close(out[0]);
	call.rss_kb = usage.ru_maxrss;
	call.cpu_ms = cpu_ms(&usage);
	call.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && (verb != ADD || output[0]);
	if (!call.ok && !side->of[verb].failed) /* the first tells enough */
		fprintf(stderr, "%s %s %s failed: %s\n", side->name, job->name, verb_names[verb],
			output);
	return call;
}

static struct call run(const struct side *side, const struct job *job, enum verb verb, unsigned i)
{
	if (side->host)
		enter_netns(side->host);
	return side->by_hand ? run_by_hand(side, verb, i) : run_plugin(side, job, verb, i);
}

/*
 * DEL of ovs does not wait until ovs-vswitchd has let go of the port (it closes packet sockets, a grace
 * period each), ovs-vsctl does: a change whose effect is waited for makes the next call's start even.
 */
static void settle_switch(void)
{
	struct call ignored = { 0 };
	static unsigned n;

	if (!hand(&ignored, "ovs-vsctl set Open_vSwitch . external_ids:bench=%u", n++))
		die("ovs-vswitchd does not settle");
}

/* We are the subreaper: what a plugin leaves behind becomes our child. */
static double reap(const struct job *job)
{
	double from = now_ms();

	while (wait(NULL) > 0 || errno == EINTR)
		;
	if (job->settle)
		job->settle();
	return now_ms() - from;
}

/* ---- what there is ----------------------------------------------------------------------- */

/* As many calls of other containers, in its host, as their ports take. */
static void hold_ports(const struct side *side)
{
	static const struct job job = { .name = "portmap", .plugin = "portmap" };
	struct side other = *side;

	for (unsigned i = 0; i * PORTS_PER_CALL < side->held; i++) {
		set_ports(&other, FIRST_PORT + i * PORTS_PER_CALL, PORTS_PER_CALL);
		if (!run(&other, &job, ADD, i + 1).ok)
			die("no %u ports", side->held);
	}
}

static const struct job jobs[] = {
	{ "bridge", "bridge", false, configure_bridge, hold_addresses, NULL },
	{ "host-local", "host-local", false, configure_host_local, hold_addresses, NULL },
	{ "ovs", "ovs", false, configure_ovs, hold_addresses, settle_switch },
	{ "masq", "bridge", true, configure_masq, hold_addresses, NULL },
	{ "portmap", "portmap", true, configure_portmap, hold_ports, NULL },
	{ "chain", NULL, true, configure_chain, hold_addresses, NULL },
};

static const struct job *find_job(const char *name)
{
	for (size_t i = 0; i < sizeof(jobs) / sizeof(*jobs); i++)
		if (!strcmp(jobs[i].name, name))
			return &jobs[i];
	die("there is no job %s", name);
}

/* ---- counting --------------------------------------------------------------------------- */

static void make_samples(struct side *sides, unsigned n_sides, unsigned count)
{
	for (unsigned s = 0; s < n_sides; s++) {
		for (unsigned v = 0; v < VERBS; v++) {
			sides[s].of[v].ms = allocate(count, sizeof(double));
			sides[s].of[v].after_ms = allocate(count, sizeof(double));
			sides[s].of[v].cpu_ms = allocate(count, sizeof(double));
		}
	}
}

static void record(struct samples *to, const struct call *call, double after_ms)
{
	if (!call->ok)
		to->failed++;
	if (call->rss_kb > to->rss_kb)
		to->rss_kb = call->rss_kb;
	to->ms[to->n] = call->ms;
	to->after_ms[to->n] = after_ms;
	to->cpu_ms[to->n] = call->cpu_ms;
	to->n++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

double quantile(double *values, unsigned n, unsigned percent)
{
	qsort(values, n, sizeof(*values), compare);
	return n ? values[(n * percent + 99) / 100 - 1] : 0;
}

/* The last `n` calls were one. */
static void end_round(struct samples *s, unsigned n)
{
	s->round_p99[s->n_rounds++] = quantile(s->ms + s->n - n, n, 99);
}

static void report_side(struct side *side, const struct job *job)
{
	for (unsigned v = 0; v < VERBS; v++) {
		struct samples *s = &side->of[v];

		printf("%s %s %s n=%u failed=%u median=%.3f p99=%.3f after=%.3f cpu=%.3f rss=%ld "
		       "held=%u",
		       job->name, verb_names[v], side->name, s->n, s->failed,
		       quantile(s->ms, s->n, 50), quantile(s->ms, s->n, 99),
		       quantile(s->after_ms, s->n, 50), quantile(s->cpu_ms, s->n, 50), s->rss_kb,
		       side->held);
		if (s->n_rounds) {
			printf(" round_p99=%.3f rounds", quantile(s->round_p99, s->n_rounds, 50));
			for (unsigned r = 0; r < s->n_rounds; r++)
				printf("%c%.0f", r ? ',' : '=', s->round_p99[r]);
		}
		putchar('\n');
	}
}

static void report(struct side *sides, unsigned n_sides, const struct job *job)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	for (unsigned s = 0; s < n_sides; s++)
		report_side(&sides[s], job);
	printf("# the driver's own RSS, below which none can be measured: %ld kB\n", own.ru_maxrss);
}

/* ---- modes ------------------------------------------------------------------------------ */

static void serial_round(struct side *sides, unsigned n_sides, const struct job *job,
			 unsigned round)
{
	for (unsigned v = 0; v < VERBS; v++) {
		for (unsigned s = 0; s < n_sides; s++) {
			struct side *side = &sides[(s + round) % n_sides];
			struct call call = run(side, job, v, 0);
			double after_ms = reap(job);

			if (round >= WARM_UP)
				record(&side->of[v], &call, after_ms);
		}
	}
}

static void serial(int argc, char **argv)
{
	struct side sides[MAX_SIDES] = { 0 };
	const struct job *job;
	unsigned count, n_sides;

	if (argc < 3)
		die("serial JOB COUNT SIDE...");
	job = find_job(argv[0]);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	n_sides = parse_sides(job, sides, argv + 2, argc - 2);
	make_samples(sides, n_sides, count);
	make_all_netns(job, sides, n_sides, 1);
	for (unsigned i = 0; i < count + WARM_UP; i++)
		serial_round(sides, n_sides, job, i);
	report(sides, n_sides, job);
}

static void *work(void *arg)
{
	struct batch *b = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&b->next, 1)) < b->count)
		b->calls[i] = run(b->side, b->job, b->verb, i);
	return NULL;
}

static void run_batch(struct batch *b, unsigned at_once)
{
	pthread_t *threads = allocate(at_once, sizeof(*threads));
	pthread_attr_t attr;
	double after_ms;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned i = 0; i < at_once; i++)
		if (pthread_create(&threads[i], &attr, work, b) != 0)
			die("no thread");
	for (unsigned i = 0; i < at_once; i++)
		pthread_join(threads[i], NULL);
	after_ms = reap(b->job);
	for (unsigned i = 0; i < b->count; i++)
		record(&b->side->of[b->verb], &b->calls[i], after_ms);
	end_round(&b->side->of[b->verb], b->count);
	free(threads);
}

static void parallel_round(struct side *side, const struct job *job, unsigned count,
			   unsigned at_once)
{
	struct batch b = { .side = side, .job = job, .count = count };

	b.calls = allocate(count, sizeof(*b.calls));
	for (unsigned v = 0; v < VERBS; v++) {
		b.verb = v;
		atomic_store(&b.next, 0);
		run_batch(&b, at_once);
	}
	free(b.calls);
}

static void parallel(int argc, char **argv)
{
	struct side sides[MAX_SIDES] = { 0 };
	unsigned count, at_once, n_sides;
	const struct job *job;

	if (argc < 4)
		die("parallel JOB COUNT JOBS SIDE...");
	job = find_job(argv[0]);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	at_once = (unsigned)strtoul(argv[2], NULL, 10);
	n_sides = parse_sides(job, sides, argv + 3, argc - 3);
	make_samples(sides, n_sides, count * ROUNDS);
	make_all_netns(job, sides, n_sides, count);
	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned s = 0; s < n_sides; s++)
			parallel_round(&sides[(s + r) % n_sides], job, count, at_once);
	report(sides, n_sides, job);
}

static void expect_ok(const struct side *side, const struct job *job, enum verb verb)
{
	if (!run(side, job, verb, 0).ok)
		die("%s %s of %s failed", job->name, verb_names[verb], side->name);
	reap(job);
}

/* A whole life first, so that bridge and store exist: what is traced is the usual call. */
static void once(int argc, char **argv)
{
	struct side side = { 0 };
	const struct job *job;
	enum verb verb;

	if (argc < 4 || argc - 3 > MAX_WRAPPER)
		die("once JOB VERB SIDE WRAPPER...");
	job = find_job(argv[0]);
	verb = strcmp(argv[1], "DEL") == 0 ? DEL : ADD;
	parse_side(job, &side, 0, argv[2]);
	make_all_netns(job, &side, 1, 1);
	expect_ok(&side, job, ADD);
	if (verb == ADD)
		expect_ok(&side, job, DEL);
	wrapper = argv + 3;
	expect_ok(&side, job, verb);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int argc, char **argv);
	} modes[] = {
		{ "serial", serial },
		{ "parallel", parallel },
		{ "once", once },
		{ "connect", measure_connect },
	};

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl: %s", strerror(errno));
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(argc - 2, argv + 2);
			return 0;
		}
	}
	die("the first argument is serial, parallel, once or connect");
}
