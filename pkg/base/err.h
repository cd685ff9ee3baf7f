/* SPDX-License-Identifier: Apache-2.0 */
/*
 * err.h - the error sink: one per invocation; what it holds is what the runtime is shown.
 *
 * Everything that can fail returns 0 or -1, and on -1 has filled the sink, once, where most is
 * known. Only pkg/skel/run.c shows it; stderr is for what a rollback, or a failure after the first,
 * has to say.
 */
#pragma once

#include <errno.h>

#include "base/attr.h"

/* CNI spec 1.1.0, section 2 "Error"; 100 and above are ours. */
enum err_code {
	ERR_NONE = 0,
	ERR_VERSION = 1,      /* incompatible CNI version */
	ERR_FIELD = 2,        /* unsupported field in the configuration */
	ERR_CONTAINER = 3,    /* container unknown or gone */
	ERR_ENV = 4,          /* invalid environment variables */
	ERR_IO = 5,           /* I/O failure, e.g. reading stdin */
	ERR_DECODE = 6,       /* cannot decode content */
	ERR_CONFIG = 7,       /* invalid network configuration */
	ERR_NETNS = 8,        /* invalid network namespace (libcni's extension) */
	ERR_RETRY = 11,       /* try again later */
	ERR_UNAVAILABLE = 50, /* STATUS: cannot serve ADD */
	ERR_LIMITED = 51,     /* STATUS: the same, and existing containers may be cut off */
	ERR_EXHAUSTED = 100,  /* no free address */
	ERR_IN_USE = 101,     /* the address or name asked for is taken */
	ERR_CHECK = 102,      /* CHECK found something missing or different */
	ERR_INTERNAL = 999,   /* the kernel or the library said no; upstream's catch-all */
};

struct err {
	int code; /* enum err_code, or a delegate's own, passed through */
	int sys;  /* the errno behind it, 0 if none */
	char msg[1024];
	char details[1024]; /* the kernel's extended ack, a delegate's details */
};

void err_fill(struct err *e, int code, int sys, const char *fmt, ...) PRINTF(4, 5);
void err_prefix(struct err *e, const char *fmt, ...) PRINTF(2, 3);
void err_clear(struct err *e);

/*
 * A failure is one statement:
 *	return err_config(e, "%s is not a bridge", name);		the configuration is wrong
 *	return err_set(e, ERR_CHECK, "%s is gone", name);		another rule was broken
 *	return err_sys(e, "open %s", path);				a system call failed
 *	return err_wrap(e, "attach %s", ifname);			add context, keep the code
 * Macros ending in -1, so that the analyser sees the value.
 */
#define err_set(e, code, ...) (err_fill((e), (code), 0, __VA_ARGS__), -1)
#define err_config(e, ...)    (err_fill((e), ERR_CONFIG, 0, __VA_ARGS__), -1)
#define err_sys(e, ...)       (err_fill((e), ERR_INTERNAL, errno, __VA_ARGS__), -1)
#define err_wrap(e, ...)      (err_prefix((e), __VA_ARGS__), -1)
