// SPDX-License-Identifier: Apache-2.0
/* Who holds which address and port, and whether store, bridge and containers agree. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "race.h"

#define SHOWN        10
#define REAP_LIMIT_S 10

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

static atomic_int holder[2][65536]; /* worker + 1 */
static atomic_int port_holder[2][PORTS];

atomic_uint faults[TESTS];

void fault(enum test test, const char *fmt, ...)
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

int report(void)
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

void claim_all(struct worker *w)
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

void disclaim(struct worker *w)
{
	for (unsigned family = 0; family < 2; family++) {
		int me = (int)w->index + 1;

		atomic_compare_exchange_strong(&holder[family][w->address[family]], &me, 0);
	}
}

void claim_ports(struct worker *w)
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

void disclaim_ports(struct worker *w)
{
	for (unsigned i = 0; i < 2; i++) {
		int me = (int)w->index + 1;

		atomic_compare_exchange_strong(&port_holder[i][w->port[i]], &me, 0);
	}
}

/* ---- looking around --------------------------------------------------------------------- */

unsigned each_name(const char *path, bool (*fn)(const char *name))
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

bool any_name(const char *name)
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

void expect_no_process(void)
{
	if (!reap())
		fault(PROCESSES, "a process outlives its call by %d s", REAP_LIMIT_S);
}

void compare_all(void)
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

void expect_none(enum test test, unsigned n, const char *where)
{
	if (n)
		fault(test, "%u left in %s", n, where);
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

void look_for_leftovers(void)
{
	expect_no_process();
	expect_none(LINKS, count_links(BRIDGE), "the host");
	if (!if_nametoindex(BRIDGE))
		fault(BRIDGE_PORTS, "there is no bridge");
	expect_none(BRIDGE_PORTS, count_ports(), BRIDGE);
	if (access(STORE, F_OK) < 0)
		fault(RECORDS, "there is no store");
	expect_none(RECORDS, each_name(STORE, is_record), STORE);
	for (unsigned i = 0; i < WORKERS; i++) {
		int fd = netns_open(workers[i].netns);

		netns_enter(fd);
		close(fd);
		expect_none(INSIDE, count_links(""), workers[i].netns);
	}
}
