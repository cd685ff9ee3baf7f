/* SPDX-License-Identifier: Apache-2.0 */
/* bench.h - what the files of the driver share. */
#ifndef CNIC_BENCH_H
#define CNIC_BENCH_H

#include <stddef.h>

#define NS_DIR    "/run/netns" /* where ip(8) looks for them by name */
#define MAX_SIDES 8

__attribute__((format(printf, 1, 2), noreturn)) void die(const char *fmt, ...);
__attribute__((format(printf, 3, 4))) void text(char *to, size_t size, const char *fmt, ...);
void *allocate(size_t n, size_t size);
double now_ms(void);
double quantile(double *values, unsigned n, unsigned percent); /* sorts them */
void enter_netns(int fd);

/* The mode: COUNT NAME=PORTS... */
void measure_connect(int argc, char **argv);

#endif
