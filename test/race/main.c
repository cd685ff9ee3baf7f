// SPDX-License-Identifier: Apache-2.0
/*
 * A crowd of workers that ADD, CHECK, DEL and GC at random on one bridge and one IPAM store.
 *
 *	race SECONDS OURS [OTHERS]       directories of plugins; with OTHERS every call but GC picks
 *	                                 its bridge, and the bridge's IPAM plugin, from either
 *	race SECONDS --rules OURS        the bridge with ipMasq and macspoofchk, and behind it portmap
 *	                                 and firewall where OURS has them
 *
 * A worker has one network namespace and one attachment at a time, each with an id of its own. ADD,
 * CHECK and DEL hold `gate` shared and GC holds it alone, as the spec asks of a runtime. Now and
 * then a worker deletes its attachment without the IPAM part, so that GC has a leaked record to
 * collect. Before and after every GC nothing runs: then the store's records, the bridge's ports and
 * what we know of must agree. With rules, the ports are so few that some ADDs have to be refused,
 * every DEL comes after a CHECK, and in the end the rule set must be what a first attachment left
 * when it had come and gone, without the help of a last GC. RACE_SEED repeats a run's choices,
 * though not its timing.
 *
 * To be run in a throw-away host. Prints TAP; exit 1 if a test failed.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "race.h"

#define GRACE_MS 30000

const char *sides[2];
unsigned n_sides;
bool with_rules, has[PLUGINS] = { true };
struct worker workers[WORKERS];
atomic_uint counts[VERBS], collected, refused;

static pthread_rwlock_t gate;
static double deadline;

unsigned pick(struct worker *w, unsigned of)
{
	return (unsigned)rand_r(&w->seed) % of;
}

/* ---- what a worker does ----------------------------------------------------------------- */

static void check(struct worker *w)
{
	struct call c = { .verb = CHECK };

	for (unsigned p = 0; p < PLUGINS; p++)
		if (has[p])
			call(w, &c, p, IPAM, w->result);
}

void del(struct worker *w, const char *ipam, enum state after)
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

void add(struct worker *w)
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

void gc(struct worker *w)
{
	struct call c = { .verb = GC };
	char list[TEXT_MAX / 2];

	expect_no_process();
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
	double t = now_ms();

	return t < deadline || (!atomic_load(&collected) && t < deadline + GRACE_MS);
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

/* ---- all of them ------------------------------------------------------------------------ */

static void make_worker(unsigned i, unsigned seed)
{
	struct worker *w = &workers[i];

	w->index = i;
	w->seed = seed + i * 7919;
	text(w->id, sizeof(w->id), "w%u", i);
	text(w->netns, sizeof(w->netns), NS_DIR "/%u", i);
	netns_make(w->netns);
}

static void make_workers(unsigned seed)
{
	int home = netns_open("/proc/self/ns/net");

	make_dir(NS_DIR);
	for (unsigned i = 0; i < WORKERS; i++)
		make_worker(i, seed);
	netns_enter(home);
	close(home);
}

static void race_all(double seconds)
{
	deadline = now_ms() + seconds * 1e3;
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

/*
 * The reference gives a bridge that has not the gateway's address yet the MAC that it has read
 * before, which may not be the bridge's any more: CHECK of whoever came in between fails.
 */
static void make_bridge(void)
{
	unsigned all = n_sides;

	n_sides = 1;
	add(&workers[0]);
	del(&workers[0], IPAM, ABSENT);
	n_sides = all;
}

static void race(double seconds)
{
	if (n_sides > 1)
		make_bridge();
	if (with_rules)
		remember_rules(&workers[0]);
	race_all(seconds);
	if (with_rules)
		compare_rules();
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
