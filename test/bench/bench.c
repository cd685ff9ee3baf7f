// SPDX-License-Identifier: Apache-2.0
/*
 * Runs CNI plugins of several builds ("sides") in turn and says what each call cost.
 *
 *	bench serial PLUGIN COUNT SIDE...          one call at a time, sides alternate
 *	bench parallel PLUGIN COUNT JOBS SIDE...   COUNT attachments, JOBS at a time, sides in turn
 *	bench once PLUGIN VERB SIDE WRAPPER...     one whole life uncounted, then VERB under WRAPPER
 *	SIDE = NAME=DIR[:HELD]                     plugins in DIR, HELD addresses reserved beforehand
 *	     | NAME=by-hand                        of plugin ovs: ip and ovs-vsctl, called one by one
 *
 * The environment variable STORE names the directory that holds the IPAM stores. All namespaces
 * are made before the first call; it must run in a network and mount namespace of its own.
 * A call is timed from before its start to its exit and the end of its output. What it leaves
 * running is awaited outside that time and reported as "after". RSS is the largest of any process
 * of the call, by wait4(); a child that shared our memory until its exec (vfork) cannot report less
 * than we use ourselves, so this program is small, and says how small.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
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
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	WARM_UP = 3,
	ROUNDS = 3,
	MAX_SIDES = 4,
	MAX_WRAPPER = 16,
	OUTPUT_MAX = 8192,
	STACK_SIZE = 64 * 1024,
};

#define NS_DIR "/run/netns" /* where ip(8) looks for them by name */

enum verb { ADD, DEL, VERBS };

static const char *const verb_names[VERBS] = { "ADD", "DEL" };

struct samples {
	double *ms, *after_ms;
	unsigned n, failed;
	long rss_kb;
};

struct side {
	const char *name, *bin;
	bool by_hand;
	unsigned held;
	uint32_t subnet;
	char store[512];
	char conf[1536];
	struct samples of[VERBS];
};

struct call {
	double ms;
	long rss_kb;
	bool ok;
};

struct batch {
	struct side *side;
	const char *plugin;
	enum verb verb;
	unsigned count;
	atomic_uint next;
	struct call *calls;
};

static char *const *wrapper;

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("bench: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(2);
}

__attribute__((format(printf, 3, 4))) static void text(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(to, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		die("too long: %s", to);
}

static void *allocate(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size);

	if (!p)
		die("out of memory");
	return p;
}

static double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* ---- namespaces ------------------------------------------------------------------------- */

static void ns_path(char *to, size_t size, const struct side *side, unsigned i)
{
	text(to, size, NS_DIR "/%s-%u", side->name, i);
}

static void make_netns(const struct side *side, unsigned i)
{
	char path[256];
	int fd;

	ns_path(path, sizeof(path), side, i);
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare: %s", strerror(errno));
	if (mount("/proc/self/ns/net", path, NULL, MS_BIND, NULL) < 0)
		die("mount %s: %s", path, strerror(errno));
}

static void make_all_netns(const struct side *sides, unsigned n_sides, unsigned count)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (home < 0 || (mkdir(NS_DIR, 0755) < 0 && errno != EEXIST))
		die("%s: %s", NS_DIR, strerror(errno));
	for (unsigned s = 0; s < n_sides; s++)
		for (unsigned i = 0; i < count; i++)
			make_netns(&sides[s], i);
	if (setns(home, CLONE_NEWNET) < 0)
		die("setns: %s", strerror(errno));
	close(home);
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

static void configure(struct side *side, const char *plugin)
{
	char subnet[INET_ADDRSTRLEN];

	ip_text(subnet, side->subnet);
	text(side->conf, sizeof(side->conf),
	     "{\"cniVersion\":\"1.0.0\",\"name\":\"bench\",\"type\":\"%s\",\"bridge\":\"b-%s\","
	     "\"isGateway\":true,\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"%s\","
	     "\"ranges\":[[{\"subnet\":\"%s/14\"}]]%s}}",
	     plugin, side->name, side->store, subnet,
	     strcmp(plugin, "ovs") ? ",\"routes\":[{\"dst\":\"0.0.0.0/0\"}]" : "");
}

static void parse_side(struct side *side, unsigned index, char *arg, const char *plugin)
{
	const char *store = getenv("STORE");
	char *dir = strchr(arg, '='), *held, path[1024];

	if (!store || !dir)
		die("STORE is not set, or a side is not NAME=DIR[:HELD]: %s", arg);
	*dir++ = '\0';
	held = strchr(dir, ':');
	if (held) {
		*held++ = '\0';
		side->held = (unsigned)strtoul(held, NULL, 10);
	}
	side->name = arg;
	side->bin = dir;
	side->by_hand = !strcmp(dir, "by-hand") && !strcmp(plugin, "ovs");
	side->subnet = (10u << 24) + ((64 + 4 * index) << 16);
	text(side->store, sizeof(side->store), "%s/%s", store, side->name);
	make_dir(side->store);
	text(path, sizeof(path), "%s/bench", side->store);
	make_dir(path);
	hold_addresses(side);
	configure(side, plugin);
}

static unsigned parse_sides(struct side *sides, char **args, int n, const char *plugin)
{
	if (n < 1 || n > MAX_SIDES)
		die("1 to %d sides", MAX_SIDES);
	for (int i = 0; i < n; i++)
		parse_side(&sides[i], (unsigned)i, args[i], plugin);
	return (unsigned)n;
}

/* ---- one call --------------------------------------------------------------------------- */

struct environment {
	char command[32], id[64], netns[300], path[600], *list[8];
};

static void make_environment(struct environment *e, const struct side *side, enum verb verb,
			     unsigned i)
{
	static char ifname[] = "CNI_IFNAME=eth0", search[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char path[256];

	ns_path(path, sizeof(path), side, i);
	text(e->command, sizeof(e->command), "CNI_COMMAND=%s", verb_names[verb]);
	text(e->id, sizeof(e->id), "CNI_CONTAINERID=c%u", i);
	text(e->netns, sizeof(e->netns), "CNI_NETNS=%s", path);
	text(e->path, sizeof(e->path), "CNI_PATH=%s", side->bin);
	e->list[0] = e->command;
	e->list[1] = e->id;
	e->list[2] = e->netns;
	e->list[3] = e->path;
	e->list[4] = ifname;
	e->list[5] = search;
	e->list[6] = NULL;
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

static char *const *make_argv(char **argv, char *file)
{
	unsigned n = 0;

	for (; wrapper && wrapper[n]; n++)
		argv[n] = wrapper[n];
	argv[n++] = file;
	argv[n] = NULL;
	return argv;
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

static struct call run_plugin(const struct side *side, const char *plugin, enum verb verb,
			      unsigned i)
{
	char file[512], output[OUTPUT_MAX], *argv[MAX_WRAPPER + 2];
	struct environment e;
	struct rusage usage;
	struct call call;
	int in, out[2], status;
	double from;
	pid_t pid;

	text(file, sizeof(file), "%s/%s", side->bin, plugin);
	make_environment(&e, side, verb, i);
	make_argv(argv, file);
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
	call.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0 && (verb != ADD || output[0]);
	if (!call.ok)
		fprintf(stderr, "%s %s %s failed: %s\n", side->name, plugin, verb_names[verb],
			output);
	return call;
}

static struct call run(const struct side *side, const char *plugin, enum verb verb, unsigned i)
{
	return side->by_hand ? run_by_hand(side, verb, i) : run_plugin(side, plugin, verb, i);
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
static double reap(const char *plugin)
{
	double from = now_ms();

	while (wait(NULL) > 0 || errno == EINTR)
		;
	if (!strcmp(plugin, "ovs"))
		settle_switch();
	return now_ms() - from;
}

/* ---- counting --------------------------------------------------------------------------- */

static void make_samples(struct side *sides, unsigned n_sides, unsigned count)
{
	for (unsigned s = 0; s < n_sides; s++) {
		for (unsigned v = 0; v < VERBS; v++) {
			sides[s].of[v].ms = allocate(count, sizeof(double));
			sides[s].of[v].after_ms = allocate(count, sizeof(double));
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
	to->n++;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double quantile(double *values, unsigned n, unsigned percent)
{
	qsort(values, n, sizeof(*values), compare);
	return n ? values[(n * percent + 99) / 100 - 1] : 0;
}

static void report_side(const struct side *side, const char *plugin)
{
	for (unsigned v = 0; v < VERBS; v++) {
		const struct samples *s = &side->of[v];

		printf("%s %s %s n=%u failed=%u median=%.3f p99=%.3f after=%.3f rss=%ld held=%u\n",
		       plugin, verb_names[v], side->name, s->n, s->failed,
		       quantile(s->ms, s->n, 50), quantile(s->ms, s->n, 99),
		       quantile(s->after_ms, s->n, 50), s->rss_kb, side->held);
	}
}

static void report(const struct side *sides, unsigned n_sides, const char *plugin)
{
	struct rusage own;

	getrusage(RUSAGE_SELF, &own);
	for (unsigned s = 0; s < n_sides; s++)
		report_side(&sides[s], plugin);
	printf("# the driver's own RSS, below which none can be measured: %ld kB\n", own.ru_maxrss);
}

/* ---- modes ------------------------------------------------------------------------------ */

static void serial_round(struct side *sides, unsigned n_sides, const char *plugin, unsigned round)
{
	for (unsigned v = 0; v < VERBS; v++) {
		for (unsigned s = 0; s < n_sides; s++) {
			struct side *side = &sides[(s + round) % n_sides];
			struct call call = run(side, plugin, v, 0);
			double after_ms = reap(plugin);

			if (round >= WARM_UP)
				record(&side->of[v], &call, after_ms);
		}
	}
}

static void serial(int argc, char **argv)
{
	struct side sides[MAX_SIDES] = { 0 };
	unsigned count, n_sides;

	if (argc < 3)
		die("serial PLUGIN COUNT SIDE...");
	count = (unsigned)strtoul(argv[1], NULL, 10);
	n_sides = parse_sides(sides, argv + 2, argc - 2, argv[0]);
	make_samples(sides, n_sides, count);
	make_all_netns(sides, n_sides, 1);
	for (unsigned i = 0; i < count + WARM_UP; i++)
		serial_round(sides, n_sides, argv[0], i);
	report(sides, n_sides, argv[0]);
}

static void *work(void *arg)
{
	struct batch *b = arg;
	unsigned i;

	while ((i = atomic_fetch_add(&b->next, 1)) < b->count)
		b->calls[i] = run(b->side, b->plugin, b->verb, i);
	return NULL;
}

static void run_batch(struct batch *b, unsigned jobs)
{
	pthread_t *threads = allocate(jobs, sizeof(*threads));
	pthread_attr_t attr;
	double after_ms;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	for (unsigned i = 0; i < jobs; i++)
		if (pthread_create(&threads[i], &attr, work, b) != 0)
			die("no thread");
	for (unsigned i = 0; i < jobs; i++)
		pthread_join(threads[i], NULL);
	after_ms = reap(b->plugin);
	for (unsigned i = 0; i < b->count; i++)
		record(&b->side->of[b->verb], &b->calls[i], after_ms);
	free(threads);
}

static void parallel_round(struct side *side, const char *plugin, unsigned count, unsigned jobs)
{
	struct batch b = { .side = side, .plugin = plugin, .count = count };

	b.calls = allocate(count, sizeof(*b.calls));
	for (unsigned v = 0; v < VERBS; v++) {
		b.verb = v;
		atomic_store(&b.next, 0);
		run_batch(&b, jobs);
	}
	free(b.calls);
}

static void parallel(int argc, char **argv)
{
	struct side sides[MAX_SIDES] = { 0 };
	unsigned count, jobs, n_sides;

	if (argc < 4)
		die("parallel PLUGIN COUNT JOBS SIDE...");
	count = (unsigned)strtoul(argv[1], NULL, 10);
	jobs = (unsigned)strtoul(argv[2], NULL, 10);
	n_sides = parse_sides(sides, argv + 3, argc - 3, argv[0]);
	make_samples(sides, n_sides, count * ROUNDS);
	make_all_netns(sides, n_sides, count);
	for (unsigned r = 0; r < ROUNDS; r++)
		for (unsigned s = 0; s < n_sides; s++)
			parallel_round(&sides[(s + r) % n_sides], argv[0], count, jobs);
	report(sides, n_sides, argv[0]);
}

/* A whole life first, so that bridge and store exist: what is traced is the usual call. */
static void once(int argc, char **argv)
{
	struct side side = { 0 };
	enum verb verb;

	if (argc < 4 || argc - 3 > MAX_WRAPPER)
		die("once PLUGIN VERB SIDE WRAPPER...");
	verb = strcmp(argv[1], "DEL") == 0 ? DEL : ADD;
	parse_side(&side, 0, argv[2], argv[0]);
	make_all_netns(&side, 1, 1);
	run(&side, argv[0], ADD, 0);
	reap(argv[0]);
	if (verb == ADD) {
		run(&side, argv[0], DEL, 0);
		reap(argv[0]);
	}
	wrapper = argv + 3;
	if (!run(&side, argv[0], verb, 0).ok)
		die("the traced call failed");
	reap(argv[0]);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(int argc, char **argv);
	} modes[] = { { "serial", serial }, { "parallel", parallel }, { "once", once } };

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl: %s", strerror(errno));
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(argc - 2, argv + 2);
			return 0;
		}
	}
	die("the first argument is serial, parallel or once");
}
