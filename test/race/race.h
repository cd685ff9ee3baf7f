/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race.h - what the files of the race share: call.c makes one call, oracle.c knows who holds what
 * and compares it with what there is, rules.c does so with the rule set, main.c has the workers.
 */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "driver.h"

#define WORKERS      64
#define TEXT_MAX     16384 /* fits into a pipe's buffer */

#define NS_DIR       "/run/race"
#define BRIDGE       "race0"
#define STORE        "/var/lib/cni/networks/race"
#define RULE_RECORDS "/run/cnic/rules"
#define FIRST_PORT   20000
#define PORTS        128 /* about every third ADD meets somebody's */

/*
 * Few IPv4 addresses more than workers, so that each is reused all the time; IPv6 goes on to fresh
 * ones. Both are told apart by their last 16 bits.
 */
#define IPAM                                                                  \
	"{\"type\":\"host-local\",\"ranges\":[[{\"subnet\":\"10.91.0.0/16\"," \
	"\"rangeStart\":\"10.91.0.250\",\"rangeEnd\":\"10.91.1.70\"}],"       \
	"[{\"subnet\":\"fd00:91::/112\"}]]}"

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

extern const char *const verb_names[VERBS], *const plugin_names[PLUGINS];

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

extern const char *sides[2];
extern unsigned n_sides;
extern bool with_rules, has[PLUGINS];
extern struct worker workers[WORKERS];
extern atomic_uint faults[TESTS], counts[VERBS], collected, refused;

/* main.c */
unsigned pick(struct worker *w, unsigned of);
/* An ADD that is refused, its ports being taken, is followed by a DEL. */
void add(struct worker *w);
/* With this IPAM configuration. */
void del(struct worker *w, const char *ipam, enum state after);
void gc(struct worker *w);

/* call.c */
bool run(const struct worker *w, struct call *c);
void configure(const struct worker *w, struct call *c, const char *ipam, const char *key,
	       const char *value);
/* By a side drawn at random. */
bool call(struct worker *w, struct call *c, enum plugin plugin, const char *ipam, const char *prev);

/* oracle.c */
__attribute__((format(printf, 2, 3))) void fault(enum test test, const char *fmt, ...);
void claim_all(struct worker *w);
void disclaim(struct worker *w);
void claim_ports(struct worker *w);
void disclaim_ports(struct worker *w);
/* Calls fn for each name in the directory; a missing one is empty. */
unsigned each_name(const char *path, bool (*fn)(const char *name));
bool any_name(const char *name);
void expect_none(enum test test, unsigned n, const char *where);
void expect_no_process(void);
/* While nothing moves. */
void compare_all(void);
void look_for_leftovers(void);
/* Prints the tests; 1 if one has failed. */
int report(void);

/*
 * rules.c: what is there after a first attachment has come and gone, and whether it is in the end.
 */
void remember_rules(struct worker *w);
void compare_rules(void);
