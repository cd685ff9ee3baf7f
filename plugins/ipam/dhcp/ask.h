/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ask.h - what plugin and daemon say to each other, over the daemon's socket: one JSON object and a
 * newline each way, a connection for each question. With "add" goes the descriptor of the
 * container's namespace (SCM_RIGHTS), so that the daemon needs no path to it.
 *
 * An answer is {"result": RESULT, ...}, or an error object of the CNI specification. While a server
 * is asked for an address, newlines come before it every now and then: the daemon is there.
 */
#pragma once

#include "json/decode.h"

#define ASK_MAX      JSON_MAX_TEXT /* bytes of a question, of an answer */
#define ASK_PATH_MAX 107           /* of a socket's path: unix(7) */

struct ask_valid {
	const char *container_id, *ifname;
};

struct ask {
	const char *command; /* add, check, del, gc, status */
	const char *network, *container_id, *ifname, *netns;
	const char *options; /* hexadecimal digits, as on the wire */
	uint32_t priority, probe, resend_max, resend_timeout;
	bool broadcast, no_ipv4, ipv6, rapid_commit;
	const char *request6;    /* hexadecimal digits, four an option */
	struct ask_valid *valid; /* gc */
	size_t n_valid;
};

extern const struct json_field ask_fields[];

/* Whether it names an attachment as a runtime may: network, container and interface. */
bool ask_names_attachment(const struct ask *a);

/* A question as it has come, with all that its command needs; in json's arena. */
int ask_parse(const char *text, size_t len, struct ask *a, struct err *err) NODISCARD;

/* As an object; members that are not set are left out. */
struct json *ask_json(const struct ask *a);

/* Bytes as hexadecimal digits, in json's arena, and back. */
const char *ask_hex(const uint8_t *at, size_t len);
int ask_unhex(const char *digits, const uint8_t **out, size_t *len, struct err *err) NODISCARD;

/*
 * The plugin's side: ask the daemon at `path` and wait for its answer, at most so many
 * milliseconds from its last sign; netns_fd -1: none goes along. *answer is NULL where no daemon
 * listens, which is no failure. An error object becomes the error; one without an answer has
 * err->sys ECONNRESET.
 */
int ask_daemon(const char *path, const struct ask *a, int netns_fd, int timeout_ms,
	       const struct json **answer, struct err *err) NODISCARD;
