// SPDX-License-Identifier: Apache-2.0
/*
 * Runs CNI plugins of several builds ("sides") in turn and says what each call cost.
 *
 *	bench serial JOB COUNT SIDE...             one call at a time, sides alternate
 *	bench parallel JOB COUNT JOBS SIDE...      COUNT attachments, JOBS at a time, $ROUNDS or 9 times, sides in turn
 *	bench once JOB VERB SIDE WRAPPER...        one whole life uncounted, then VERB under WRAPPER
 *	bench connect COUNT NAME=PORTS...          connect.c
 *	bench start COUNT NAME=COMMAND...          start.c
 *	SIDE = NAME=DIR[:HELD][@BACKEND]           plugins in DIR, HELD addresses reserved or ports
 *	                                           mapped beforehand, rules by BACKEND; of a list
 *	                                           folded, cnitool or folded-cnitool: as one plugin,
 *	                                           chain; by DIR/cnitool
 *	     | NAME=by-hand                        of job ovs: ip and ovs-vsctl, called one by one
 *
 * A job is a plugin: bridge, host-local, ovs, portmap; masq: bridge with ipMasq; chain: bridge with
 * ipMasq, portmap with one port and firewall, called by the driver of lists that CNICTL names; five:
 * the same with tuning and bandwidth; lo: loopback by that driver; plugin:NAME: any, as CONF, SETUP and PREPARE say
 * (test/bench/plugins.bash). In the last six each side has a host, a network namespace, to itself.
 *
 * The environment variable STORE names the directory that holds the IPAM stores. All namespaces are
 * made before the first call; it must run in a network and mount namespace of its own. A call is
 * timed from before its start to its exit and the end of its output. What it leaves running is
 * awaited outside that time and reported as "after"; after that, a grace period of the kernel's RCU,
 * so that no side pays for what the one before has deleted. CPU is the time of the processes that it has
 * awaited itself, the steadier figure where others use the machine. RSS is the largest of any
 * process of the call, by wait4(); a child that shared our memory until its exec (vfork) cannot
 * report less than we use ourselves, so this program is small, and says how small.
 *
 * p99 is that of all calls, round_p99 the median of the rounds' own: a virtual machine crawls for a
 * tenth of a second now and then, which is 1 % of the calls of all the rounds together, but of most
 * rounds none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>

#include "bench.h"

enum {
	WARM_UP = 3,
	STACK_SIZE = 64 * 1024,
};

struct batch {
	struct side *side;
	const struct job *job;
	enum verb verb;
	unsigned count;
	atomic_uint next;
	struct call *calls;
};

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
	unsigned count, at_once, n_sides, rounds = ROUNDS;
	const char *given = getenv("ROUNDS");
	const struct job *job;

	if (argc < 4)
		die("parallel JOB COUNT JOBS SIDE...");
	job = find_job(argv[0]);
	count = (unsigned)strtoul(argv[1], NULL, 10);
	at_once = (unsigned)strtoul(argv[2], NULL, 10);
	if (given)
		rounds = (unsigned)strtoul(given, NULL, 10);
	if (rounds < 1 || rounds > ROUNDS)
		die("ROUNDS: 1 to %d", ROUNDS);
	n_sides = parse_sides(job, sides, argv + 3, argc - 3);
	make_samples(sides, n_sides, count * rounds);
	make_all_netns(job, sides, n_sides, count);
	for (unsigned r = 0; r < rounds; r++)
		for (unsigned s = 0; s < n_sides; s++)
			parallel_round(&sides[(s + r) % n_sides], job, count, at_once);
	report(sides, n_sides, job);
}

static void expect_ok(struct side *side, const struct job *job, enum verb verb)
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
	parse_sides(job, &side, argv + 2, 1);
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
		{ "serial", serial },           { "parallel", parallel },   { "once", once },
		{ "connect", measure_connect }, { "start", measure_start }, { "now", print_now },
	};

	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0)
		die("prctl: %s", strerror(errno));
	for (unsigned i = 0; argc > 1 && i < sizeof(modes) / sizeof(*modes); i++) {
		if (strcmp(argv[1], modes[i].name) == 0) {
			modes[i].run(argc - 2, argv + 2);
			return 0;
		}
	}
	die("the first argument is serial, parallel, once, connect or start");
}