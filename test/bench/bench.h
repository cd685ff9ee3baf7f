/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.h - what the files of the driver share: side.c has who is measured and what he is asked
 * for, call.c makes one call of it, stats.c counts, main.c has the modes, connect.c and start.c have
 * one more each.
 */
#pragma once

#include <netinet/in.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "driver.h"

#define NS_DIR "/run/netns" /* where ip(8) looks for them by name */

enum {
	MAX_SIDES = 8,
	ROUNDS = 9,
	MAX_WRAPPER = 16,
	OWN_PORT = 8080, /* of the host, the first container's */
};

enum verb { ADD, DEL, VERBS };

struct samples {
	double *ms, *after_ms, *cpu_ms;
	double round_p99[ROUNDS];
	unsigned n, failed, n_rounds;
	atomic_bool told; /* of a failure: the first tells enough */
	long rss_kb;
};

struct side {
	const char *name, *bin, *backend; /* backend: NULL if not given */
	bool by_hand;
	bool folded, by_cnitool; /* a list as one plugin, chain; by our driver, not by CNICTL */
	unsigned held, n_netns;  /* n_netns: those of containers; more share them */
	int host;                /* its network namespace, 0: the one we are in */
	char host_path[64];
	uint32_t subnet;
	char store[512];
	char conf[2048];    /* what the plugin reads; of a list, the path of its file */
	char conf_dir[512]; /* of a list: where that is */
	char ports[1024];
	bool has_ports; /* of a list: one of the host for each container */
	struct samples of[VERBS];
};

/* plugin NULL: a list, by its driver. */
struct job {
	const char *name, *plugin;
	bool own_host;
	void (*configure)(struct side *side);
	void (*hold)(const struct side *side);    /* before the first call */
	void (*settle)(void);                     /* after each, or NULL */
	void (*prepare)(const struct side *side); /* before each ADD, or NULL */
};

struct call {
	double ms, cpu_ms;
	long rss_kb;
	bool ok;
};

extern const char *const verb_names[VERBS];

/* What runs the plugins of bench once. */
extern char *const *wrapper;

/* side.c */
const struct job *find_job(const char *name);
unsigned parse_sides(const struct job *job, struct side *sides, char **args, int n);
void make_all_netns(const struct job *job, struct side *sides, unsigned n_sides, unsigned count);
/* The namespace of the i-th container; its address. */
void ns_path(char *to, size_t size, const struct side *side, unsigned i);
void ip_text(char to[INET_ADDRSTRLEN], uint32_t ip);

/* call.c */
struct call run(struct side *side, const struct job *job, enum verb verb, unsigned i);
/* Awaits what calls have left to processes and then to RCU; returns how long the processes took, in ms. */
double reap(const struct job *job);
void settle_switch(void);

/* stats.c */
void *allocate(size_t n, size_t size);
double quantile(double *values, unsigned n, unsigned percent); /* sorts them */
void make_samples(struct side *sides, unsigned n_sides, unsigned count);
void record(struct samples *to, const struct call *call, double after_ms);
void end_round(struct samples *s, unsigned n);
void report(struct side *sides, unsigned n_sides, const struct job *job);

/* connect.c: the mode COUNT NAME=PORTS... */
void measure_connect(int argc, char **argv);

/* start.c */
void measure_start(int argc, char **argv);
void print_now(int argc, char **argv);
