// SPDX-License-Identifier: Apache-2.0
/*
 * A crowd of workers that ADD, CHECK, DEL and GC at random on one bridge and one IPAM store.
 *
 *	race SECONDS OURS [OTHERS]       directories of plugins; with OTHERS every call but GC picks
 *	                                 its bridge, and the bridge's IPAM plugin, from either
 *	race SECONDS --rules OURS        the bridge with ipMasq and macspoofchk, and behind it portmap
 *	                                 and firewall where OURS has them
 *
 * A worker has one network namespace and one attachment at a time, each with an id of its own.
 * ADD, CHECK and DEL hold `gate` shared and GC holds it alone, as the spec asks of a runtime. Now
 * and then a worker deletes its attachment without the IPAM part, so that GC has a leaked record
 * to collect. Before and after every GC nothing runs: then the store's records, the bridge's ports
 * and what we know of must agree. With rules, the ports are so few that some ADDs have to be refused,
 * every DEL comes after a CHECK, and in the end the rule set must be what a first attachment left when
 * it had come and gone, without the help of a last GC. RACE_SEED repeats a run's choices, though not its timing.
 *
 * To be run in a throw-away host. Prints TAP; exit 1 if a test failed.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
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
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define WORKERS       64
#define SHOWN         10
#define TEXT_MAX      16384 /* fits into a pipe's buffer */
#define RULES_MAX     65536
#define CALL_LIMIT_MS 45000
#define REAP_LIMIT_S  10
#define GRACE_S       30
#define ENV_MAX       128

#define NS_DIR        "/run/race"
#define BRIDGE        "race0"
#define STORE         "/var/lib/cni/networks/race"
#define RULE_RECORDS  "/run/cnic/rules"
#define FIRST_PORT    20000
#define PORTS         128 /* about every third ADD meets somebody's */

/*
 * Few IPv4 addresses more than workers, so that each is reused all the time; IPv6 goes on to fresh
 * ones. Both are told apart by their last 16 bits.
 */
#define IPAM                                                                  \
	"{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.91.0.0/16\"," \
	"\"rangeStart\":\"10.91.0.250\",\"rangeEnd\":\"10.91.1.70\"}],"       \
	"[{\"subnet\":\"fd00:91::/112\"}]]}"
#define CONF          "{\"cniVersion\":\"1.1.0\",\"name\":\"race\",\"type\":\"%s\"%s%s%s}"
#define BRIDGE_CONF   ",\"bridge\":\"" BRIDGE "\",\"isGateway\":true%s,\"ipam\":%s"
#define FIREWALL_CONF ",\"ingressPolicy\":\"same-bridge\""
#define PORTS_CONF                                                     \
	",\"runtimeConfig\":{\"portMappings\":["                       \
	"{\"hostPort\":%u,\"containerPort\":80,\"protocol\":\"tcp\"}," \
	"{\"hostPort\":%u,\"containerPort\":53,\"protocol\":\"udp\"}]}"

enum verb { ADD, CHECK, DEL, GC, VERBS };
enum state { ABSENT, LIVE, LEAKED };
enum plugin { BRIDGE_PLUGIN, PORTMAP, FIREWALL, PLUGINS };
enum test {
	CALLS,
	ADDRESSES,
	AGREE,
	EACH_VERB,
	LINKS,
	BRIDGE_PORTS,
	RECORDS,
	INSIDE,
	PROCESSES,
	RULES,
	TESTS
};

static const char *const verb_names[VERBS] = { "ADD", "CHECK", "DEL", "GC" };

static const char *const plugin_names[PLUGINS] = { "bridge", "portmap", "firewall" };

static const char *const test_names[TESTS] = {
	[CALLS] = "no call fails",
	[ADDRESSES] = "no address and no port is held twice",
	[AGREE] =
		"before and after each GC the store holds exactly what is attached, and so does the bridge",
	[EACH_VERB] = "every verb was called, and GC found something to collect",
	[LINKS] = "no link is left on the host but the bridge",
	[BRIDGE_PORTS] = "the bridge has no port left",
	[RECORDS] = "no record is left in the store",
	[INSIDE] = "no link is left in a container",
	[PROCESSES] = "no process is left",
	[RULES] = "no rule, element or record of one is left",
};

struct worker {
	unsigned index, serial, seed;
	enum state state;
	char id[32], netns[64];
	char result[TEXT_MAX / 2];
	uint16_t address[2]; /* IPv4, IPv6: the last 16 bits */
	unsigned port[2];    /* TCP, UDP: from FIRST_PORT on */
	pthread_t thread;
};

struct call {
	enum verb verb;
	enum plugin plugin;
	unsigned side, ipam_side;
	char in[TEXT_MAX], out[TEXT_MAX];
};

static const char *sides[2], *const side_names[2] = { "ours", "the others'" };
static unsigned n_sides;
static bool with_rules, has[PLUGINS] = { true };
static struct worker workers[WORKERS];
static pthread_rwlock_t gate;
static atomic_int holder[2][65536]; /* worker + 1 */
static atomic_int port_holder[2][PORTS];
static atomic_uint faults[TESTS], counts[VERBS], collected, refused;
static double deadline;

extern char **environ;

/* ---- saying ----------------------------------------------------------------------------- */

__attribute__((format(printf, 1, 2), noreturn)) static void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("Bail out! ", stdout);
	vprintf(fmt, ap);
	putchar('\n');
	va_end(ap);
	exit(1);
}

__attribute__((format(printf, 2, 3))) static void fault(enum test test, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (atomic_fetch_add(&faults[test], 1) >= SHOWN)
		return;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	for (char *c = line; *c; c++)
		if (*c == '\n')
			*c = ' ';
	printf("# %s\n", line);
}

__attribute__((format(printf, 3, 4))) static void text(char *to, size_t size, const char *fmt, ...)
{
	va_list ap;
	int len;

	va_start(ap, fmt);
	len = vsnprintf(to, size, fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= size)
		die("too long: %.80s", to);
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned pick(struct worker *w, unsigned of)
{
	return (unsigned)rand_r(&w->seed) % of;
}

/* ---- one call --------------------------------------------------------------------------- */

struct environment {
	char command[32], id[64], netns[128], path[1024], *list[ENV_MAX];
};

/* All we have, for the sanitizers' sake and CNI_ALWAYS_EXEC's. */
static void make_environment(struct environment *e, const struct worker *w, const struct call *c)
{
	static char ifname[] = "CNI_IFNAME=eth0";
	unsigned n = 0;

	text(e->command, sizeof(e->command), "CNI_COMMAND=%s", verb_names[c->verb]);
	text(e->path, sizeof(e->path), "CNI_PATH=%s", sides[c->ipam_side]);
	e->list[n++] = e->command;
	e->list[n++] = e->path;
	if (c->verb != GC) {
		text(e->id, sizeof(e->id), "CNI_CONTAINERID=%s", w->id);
		text(e->netns, sizeof(e->netns), "CNI_NETNS=%s", w->netns);
		e->list[n++] = e->id;
		e->list[n++] = e->netns;
		e->list[n++] = ifname;
	}
	for (char **v = environ; *v; v++) {
		if (n == ENV_MAX - 1)
			die("the environment is too large");
		e->list[n++] = *v;
	}
	e->list[n] = NULL;
}

static int open_input(const char *in)
{
	size_t len = strlen(in);
	int p[2];

	if (pipe2(p, O_CLOEXEC) < 0 || write(p[1], in, len) != (ssize_t)len)
		die("pipe: %s", strerror(errno));
	close(p[1]);
	return p[0];
}

/* We keep SIGCHLD blocked; a plugin must not. */
static pid_t spawn(const char *file, char *const *envp, int in, int out)
{
	char *argv[] = { strdup(file), NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	pid_t pid;
	int e;

	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, 0);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	e = posix_spawn(&pid, file, &actions, &attr, argv, envp);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	free(argv[0]);
	if (e)
		die("%s: %s", file, strerror(e));
	return pid;
}

/* False if the end did not come in time. */
static bool read_all(int fd, char *to, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t len = 0;
	ssize_t n = 0;

	to[0] = '\0';
	while (len < size - 1) {
		if (poll(&p, 1, CALL_LIMIT_MS) != 1)
			return false;
		n = read(fd, to + len, size - 1 - len);
		if (n <= 0)
			break;
		len += (size_t)n;
		to[len] = '\0';
	}
	return n == 0;
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

static bool run(const struct worker *w, struct call *c)
{
	struct environment e;
	char file[1024];
	int in, out[2], status;
	bool ended;
	pid_t pid;

	text(file, sizeof(file), "%s/%s", sides[c->side], plugin_names[c->plugin]);
	make_environment(&e, w, c);
	in = open_input(c->in);
	if (pipe2(out, O_CLOEXEC) < 0)
		die("pipe: %s", strerror(errno));
	pid = spawn(file, e.list, in, out[1]);
	close(in);
	close(out[1]);
	ended = read_all(out[0], c->out, sizeof(c->out));
	if (!ended)
		kill(pid, SIGKILL);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			die("waitpid: %s", strerror(errno));
	close(out[0]);
	atomic_fetch_add(&counts[c->verb], 1);
	return succeeded(w, c, status, ended);
}

static void configure(const struct worker *w, struct call *c, const char *ipam, const char *key,
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

/* ---- who holds which address ------------------------------------------------------------ */

static bool parse_address(const char *s, unsigned *family, uint16_t *address)
{
	char buf[INET6_ADDRSTRLEN];
	uint8_t raw[16];
	size_t len = strspn(s, "0123456789abcdef.:");

	if (len >= sizeof(buf))
		return false;
	memcpy(buf, s, len);
	buf[len] = '\0';
	*family = strchr(buf, ':') != NULL;
	if (inet_pton(*family ? AF_INET6 : AF_INET, buf, raw) != 1)
		return false;
	memcpy(address, raw + (*family ? 14 : 2), 2);
	*address = ntohs(*address);
	return true;
}

static void claim(struct worker *w, unsigned family, uint16_t address)
{
	int nobody = 0;

	w->address[family] = address;
	if (atomic_compare_exchange_strong(&holder[family][address], &nobody, (int)w->index + 1))
		return;
	fault(ADDRESSES, "IPv%c address ...%u is given to %s while %s holds it", family ? '6' : '4',
	      address, w->id, workers[nobody - 1].id);
}

static void claim_all(struct worker *w)
{
	static const char key[] = "\"address\"";
	unsigned n[2] = { 0 }, family;
	uint16_t address;

	for (const char *at = w->result; (at = strstr(at, key));) {
		at += strlen(key);
		at += strspn(at, ": \"");
		if (!parse_address(at, &family, &address))
			die("not an address: %.40s", at);
		n[family]++;
		claim(w, family, address);
	}
	if (n[0] != 1 || n[1] != 1)
		fault(CALLS, "ADD %s: not one address of each family: %s", w->id, w->result);
}

static void disclaim(struct worker *w)
{
	for (unsigned family = 0; family < 2; family++) {
		int me = (int)w->index + 1;

		atomic_compare_exchange_strong(&holder[family][w->address[family]], &me, 0);
	}
}

static void claim_ports(struct worker *w)
{
	for (unsigned i = 0; i < 2; i++) {
		int nobody = 0;

		if (!atomic_compare_exchange_strong(&port_holder[i][w->port[i]], &nobody,
						    (int)w->index + 1))
			fault(ADDRESSES, "%s port %u is given to %s while %s holds it",
			      i ? "UDP" : "TCP", FIRST_PORT + w->port[i], w->id,
			      workers[nobody - 1].id);
	}
}

static void disclaim_ports(struct worker *w)
{
	for (unsigned i = 0; i < 2; i++) {
		int me = (int)w->index + 1;

		atomic_compare_exchange_strong(&port_holder[i][w->port[i]], &me, 0);
	}
}

/* ---- what a worker does ----------------------------------------------------------------- */

static bool call(struct worker *w, struct call *c, enum plugin plugin, const char *ipam,
		 const char *prev)
{
	c->plugin = plugin;
	choose_sides(w, c);
	configure(w, c, ipam, prev ? ",\"prevResult\":" : "", prev ? prev : "");
	return run(w, c);
}

static void check(struct worker *w)
{
	struct call c = { .verb = CHECK };

	for (unsigned p = 0; p < PLUGINS; p++)
		if (has[p])
			call(w, &c, p, IPAM, w->result);
}

static void del(struct worker *w, const char *ipam, enum state after)
{
	struct call c = { .verb = DEL };
	bool with_result = w->state == LIVE && pick(w, 2);

	if (with_rules && w->state == LIVE)
		check(w);
	if (after == ABSENT)
		disclaim(w);
	disclaim_ports(w);
	for (unsigned p = PLUGINS; p-- > 0;)
		if (has[p])
			call(w, &c, p, ipam, with_result ? w->result : NULL);
	w->state = after;
}

static void add(struct worker *w)
{
	struct call c = { .verb = ADD };

	text(w->id, sizeof(w->id), "w%u-%u", w->index, w->serial++);
	for (unsigned i = 0; i < 2; i++)
		w->port[i] = pick(w, PORTS);
	for (unsigned p = 0; p < PLUGINS; p++) {
		if (!has[p])
			continue;
		if (!call(w, &c, p, IPAM, p == BRIDGE_PLUGIN ? NULL : w->result)) {
			del(w, IPAM, ABSENT);
			return;
		}
		text(w->result, sizeof(w->result), "%s", c.out);
	}
	claim_all(w);
	if (has[PORTMAP])
		claim_ports(w);
	w->state = LIVE;
}

/* ---- looking around --------------------------------------------------------------------- */

/* Calls fn for each name in the directory; a missing one is empty. */
static unsigned each_name(const char *path, bool (*fn)(const char *name))
{
	DIR *d = opendir(path);
	struct dirent *e;
	unsigned n = 0;

	if (!d && errno != ENOENT)
		die("%s: %s", path, strerror(errno));
	while (d && (e = readdir(d)))
		n += e->d_name[0] != '.' && fn(e->d_name);
	if (d)
		closedir(d);
	return n;
}

static bool any_name(const char *name)
{
	return name[0] != '\0';
}

static unsigned count_ports(void)
{
	return each_name("/sys/class/net/" BRIDGE "/brif", any_name);
}

static bool is_record(const char *name)
{
	uint16_t address;
	unsigned family;

	return parse_address(name, &family, &address);
}

/* Counts a record only if it is of the attachment that we know to hold the address. */
static bool is_true_record(const char *name)
{
	char path[256], owner[64] = "";
	uint16_t address;
	unsigned family;
	int by;
	FILE *f;

	if (!parse_address(name, &family, &address))
		return false;
	text(path, sizeof(path), STORE "/%s", name);
	f = fopen(path, "re");
	if (!f || !fgets(owner, sizeof(owner), f))
		owner[0] = '\0';
	if (f)
		fclose(f);
	owner[strcspn(owner, "\r\n")] = '\0';
	by = atomic_load(&holder[family][address]);
	if (by && !strcmp(workers[by - 1].id, owner))
		return true;
	fault(AGREE, "record %s is of \"%s\", attached is %s", name, owner,
	      by ? workers[by - 1].id : "nobody");
	return false;
}

/* We are the subreaper: what a plugin left behind is our child. */
static bool reap(void)
{
	struct timespec limit = { .tv_sec = REAP_LIMIT_S };
	sigset_t child;
	pid_t pid;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	for (;;) {
		pid = waitpid(-1, NULL, WNOHANG);
		if (pid < 0)
			return errno == ECHILD;
		if (!pid && sigtimedwait(&child, NULL, &limit) < 0 && errno == EAGAIN)
			return false;
	}
}

/* ---- GC, and the moment in which nothing moves ------------------------------------------ */

static void compare_all(void)
{
	unsigned live = 0, leaked = 0, ports, records;

	for (unsigned i = 0; i < WORKERS; i++) {
		live += workers[i].state == LIVE;
		leaked += workers[i].state == LEAKED;
	}
	ports = count_ports();
	if (ports != live)
		fault(AGREE, "%u attachments, %u ports", live, ports);
	records = each_name(STORE, is_true_record);
	if (records != 2 * (live + leaked))
		fault(AGREE, "%u attachments, %u leaked ones, %u records of theirs", live, leaked,
		      records);
	records = each_name(RULE_RECORDS, any_name);
	if (with_rules && records != live * (has[BRIDGE_PLUGIN] + has[PORTMAP] + has[FIREWALL]))
		fault(AGREE, "%u attachments, %u records of rules", live, records);
}

static void list_live(char *to, size_t size)
{
	const char *comma = "";
	size_t len;

	text(to, size, ",\"cni.dev/valid-attachments\":[");
	for (unsigned i = 0; i < WORKERS; i++) {
		if (workers[i].state != LIVE)
			continue;
		len = strlen(to);
		text(to + len, size - len, "%s{\"containerID\":\"%s\",\"ifname\":\"eth0\"}", comma,
		     workers[i].id);
		comma = ",";
	}
	len = strlen(to);
	text(to + len, size - len, "]");
}

static void forget_leaks(void)
{
	for (unsigned i = 0; i < WORKERS; i++) {
		if (workers[i].state != LEAKED)
			continue;
		disclaim(&workers[i]);
		workers[i].state = ABSENT;
		atomic_fetch_add(&collected, 1);
	}
}

static void gc(struct worker *w)
{
	struct call c = { .verb = GC };
	char list[TEXT_MAX / 2];

	if (!reap())
		fault(PROCESSES, "a process outlives its call by %d s", REAP_LIMIT_S);
	compare_all();
	list_live(list, sizeof(list));
	for (c.plugin = 0; c.plugin < PLUGINS; c.plugin++) {
		if (!has[c.plugin])
			continue;
		configure(w, &c, IPAM, list, "");
		run(w, &c);
	}
	forget_leaks();
	compare_all();
}

static void step(struct worker *w)
{
	unsigned dice = pick(w, 100);
	bool collect = dice < 2;

	pthread_rwlock_rdlock(&gate);
	if (w->state == ABSENT && dice >= 10)
		add(w);
	else if (w->state == ABSENT && !collect)
		del(w, IPAM, ABSENT); /* once more */
	else if (w->state == LIVE && collect)
		del(w, "{}", LEAKED);
	else if (w->state == LIVE && dice < 45)
		check(w);
	else if (w->state == LIVE)
		del(w, IPAM, ABSENT);
	pthread_rwlock_unlock(&gate);
	if (!collect)
		return;
	pthread_rwlock_wrlock(&gate);
	gc(w);
	pthread_rwlock_unlock(&gate);
}

/* On a slow machine a little longer, until GC has had something to collect. */
static bool is_time_left(void)
{
	double t = now();

	return t < deadline || (!atomic_load(&collected) && t < deadline + GRACE_S);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	while (is_time_left())
		step(w);
	pthread_rwlock_rdlock(&gate);
	if (w->state == LIVE)
		del(w, IPAM, ABSENT);
	pthread_rwlock_unlock(&gate);
	return NULL;
}

/* ---- before and after ------------------------------------------------------------------- */

static void make_worker(unsigned i, unsigned seed)
{
	struct worker *w = &workers[i];
	int fd;

	w->index = i;
	w->seed = seed + i * 7919;
	text(w->id, sizeof(w->id), "w%u", i);
	text(w->netns, sizeof(w->netns), NS_DIR "/%u", i);
	fd = open(w->netns, O_CREAT | O_RDONLY | O_CLOEXEC, 0444);
	if (fd < 0)
		die("%s: %s", w->netns, strerror(errno));
	close(fd);
	if (unshare(CLONE_NEWNET) < 0)
		die("unshare: %s", strerror(errno));
	if (mount("/proc/self/ns/net", w->netns, NULL, MS_BIND, NULL) < 0)
		die("mount %s: %s", w->netns, strerror(errno));
}

static void enter(const char *netns, int fd)
{
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die("%s: %s", netns, strerror(errno));
}

static void make_workers(unsigned seed)
{
	int home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (mkdir(NS_DIR, 0755) < 0)
		die(NS_DIR ": %s", strerror(errno));
	for (unsigned i = 0; i < WORKERS; i++)
		make_worker(i, seed);
	enter("home", home);
	close(home);
}

static void expect_none(enum test test, unsigned n, const char *where)
{
	if (n)
		fault(test, "%u left in %s", n, where);
}

/* ---- the rule set ----------------------------------------------------------------------- */

struct rules {
	char text[RULES_MAX];
};

/* Without counters; in the order of the alphabet, for what is made again comes last in its table. */
static void read_rules(struct rules *r)
{
	FILE *f = popen("nft -s list ruleset 2>/dev/null | sort", "re");
	size_t len;

	if (!f)
		die("nft: %s", strerror(errno));
	len = fread(r->text, 1, sizeof(r->text) - 1, f);
	r->text[len] = '\0';
	if (pclose(f) != 0 || !len || len == sizeof(r->text) - 1)
		die("nft list ruleset fails, or the rule set is too large");
}

/* What stays for good is there from now on: as the DEL leaves it, and as a GC does. */
static void come_and_go(struct worker *w, struct rules before[2])
{
	do
		add(w);
	while (w->state != LIVE && !faults[CALLS]);
	del(w, IPAM, ABSENT);
	read_rules(&before[0]);
	gc(w);
	read_rules(&before[1]);
}

static void compare_rules(const struct rules before[2])
{
	static struct rules after;
	size_t same = 0;

	read_rules(&after);
	expect_none(RULES, each_name(RULE_RECORDS, any_name), RULE_RECORDS);
	if (!strcmp(after.text, before[0].text) || !strcmp(after.text, before[1].text))
		return;
	while (after.text[same] == before[0].text[same])
		same++;
	while (same && after.text[same - 1] != '\n')
		same--;
	fault(RULES, "the rule set is another from the line \"%.200s\" on, which was \"%.200s\"",
	      after.text + same, before[0].text + same);
}

/* By a dump, which waits for a deletion that is still under way. */
static unsigned count_links(const char *spared)
{
	struct if_nameindex *links = if_nameindex();
	unsigned n = 0;

	if (!links)
		die("links: %s", strerror(errno));
	for (struct if_nameindex *l = links; l->if_index; l++)
		n += strcmp(l->if_name, "lo") != 0 && strcmp(l->if_name, spared) != 0;
	if_freenameindex(links);
	return n;
}

static void look_for_leftovers(void)
{
	if (!reap())
		fault(PROCESSES, "a process outlives its call by %d s", REAP_LIMIT_S);
	expect_none(LINKS, count_links(BRIDGE), "the host");
	if (!if_nametoindex(BRIDGE))
		fault(BRIDGE_PORTS, "there is no bridge");
	expect_none(BRIDGE_PORTS, count_ports(), BRIDGE);
	if (access(STORE, F_OK) < 0)
		fault(RECORDS, "there is no store");
	expect_none(RECORDS, each_name(STORE, is_record), STORE);
	for (unsigned i = 0; i < WORKERS; i++) {
		int fd = open(workers[i].netns, O_RDONLY | O_CLOEXEC);

		enter(workers[i].netns, fd);
		close(fd);
		expect_none(INSIDE, count_links(""), workers[i].netns);
	}
}

static void race_all(double seconds)
{
	deadline = now() + seconds;
	for (unsigned i = 0; i < WORKERS; i++)
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			die("no thread to be had");
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned v = 0; v < VERBS; v++)
		if (!counts[v])
			fault(EACH_VERB, "no %s in all the time", verb_names[v]);
	if (!collected)
		fault(EACH_VERB, "no leaked record for GC in all the time");
	if (has[PORTMAP] && !refused)
		fault(EACH_VERB, "no two asked for one port in all the time");
}

static void race(double seconds)
{
	static struct rules before[2];

	if (with_rules)
		come_and_go(&workers[0], before);
	race_all(seconds);
	if (with_rules)
		compare_rules(before);
}

static int report(void)
{
	int rc = 0;

	printf("# calls: ADD %u, CHECK %u, DEL %u, GC %u; collected %u, ports refused %u\n",
	       counts[ADD], counts[CHECK], counts[DEL], counts[GC], collected, refused);
	for (unsigned t = 0; t < TESTS; t++) {
		printf("%sok %u - %s", faults[t] ? "not " : "", t + 1, test_names[t]);
		if (faults[t])
			printf(" (%u faults)", faults[t]);
		putchar('\n');
		rc |= faults[t] != 0;
	}
	return rc;
}

/* A GC that waits goes first, or it would wait for ever. */
static void make_gate(void)
{
	pthread_rwlockattr_t attr;

	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&gate, &attr);
	pthread_rwlockattr_destroy(&attr);
}

static void parse_sides(int n, char **args)
{
	with_rules = n > 0 && !strcmp(args[0], "--rules");
	if (with_rules) {
		args++;
		n--;
	}
	if (n < 1 || n > (with_rules ? 1 : 2))
		die("usage: race SECONDS OURS [OTHERS] | race SECONDS --rules OURS");
	n_sides = (unsigned)n;
	for (int i = 0; i < n; i++)
		sides[i] = args[i];
	for (unsigned p = PORTMAP; with_rules && p < PLUGINS; p++) {
		char file[1024];

		text(file, sizeof(file), "%s/%s", sides[0], plugin_names[p]);
		has[p] = access(file, X_OK) == 0;
	}
}

int main(int argc, char **argv)
{
	const char *given = getenv("RACE_SEED");
	unsigned seed = given ? (unsigned)strtoul(given, NULL, 10) : (unsigned)time(NULL);
	sigset_t child;

	parse_sides(argc - 2, argv + 2);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n# %d workers, %s s, RACE_SEED=%u\n", TESTS, WORKERS, argv[1], seed);
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	make_gate();
	make_workers(seed);
	race(strtod(argv[1], NULL));
	look_for_leftovers();
	return report();
}
