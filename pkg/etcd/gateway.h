/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway.h - transactions and answers as etcd's JSON gateway has them (POST /v3/kv/txn; etcd's
 * api/etcdserverpb/rpc.proto by grpc-gateway): keys and values in base64, 64-bit numbers as strings
 * in answers, what is zero or false left out. Talks to nobody.
 */
#pragma once

#include "etcd/kv.h"

#define GATEWAY_MAX_ANSWER ((size_t)32 * 1000 * 1000) /* bytes of an answer */

/* The request's body. */
const char *gateway_txn_print(const struct kv_txn *t, struct arena *arena);

/* The body of an answer to it; code 6 if it is none. */
int gateway_txn_parse(const char *body, size_t len, const struct kv_txn *t, struct kv_result *r,
		      struct arena *arena, struct err *err) NODISCARD;

/* POST /v3/auth/authenticate: the body, and the token of an answer; NULL: there is none. */
const char *gateway_login_print(const char *user, const char *password);
const char *gateway_login_parse(const char *body, size_t len, struct err *err);

/* What an answer of a status other than 200 means, as the error; `status` is HTTP's. */
int gateway_fail(int status, const char *body, size_t len, struct err *err) NODISCARD;
