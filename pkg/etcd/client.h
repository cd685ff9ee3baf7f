/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.h - etcd as a backend of kv.h. Requests are made by an executable of its own, cnic-etcd,
 * which lies beside ours: nothing else links the library for HTTP and TLS. Each is one process and
 * one connection, bounded in time, to whichever member answers. A user's token is kept in a file.
 */
#pragma once

#include "etcd/kv.h"

struct etcd_conf {
	const char **endpoints; /* http://HOST:PORT, https://HOST:PORT */
	size_t n_endpoints;
	const char *ca, *cert,
		*key; /* files; NULL: the host's authorities; no certificate of ours */
	const char *user, *password; /* NULL: none */
	uint32_t timeout_ms;         /* for all requests from etcd_open() on */
};

struct etcd {
	struct kv kv; /* first */
	const struct etcd_conf *conf;
	const char *helper, *token_file, *token;
	int64_t deadline; /* by clock_ms() */
};

#define ETCD_HELPER "cnic-etcd"

/*
 * DIR/NAME.XXXXXXXX, by what is asked, and how: several configurations may share a directory, and
 * each may change.
 */
const char *etcd_file(const struct etcd_conf *conf, const char *dir, const char *name,
		      struct arena *arena);

/* `dir` is where the token is kept. Code 2 if cnic-etcd is not installed. */
int etcd_open(struct etcd *e, const struct etcd_conf *conf, const char *dir, struct arena *arena,
	      struct err *err) NODISCARD;
