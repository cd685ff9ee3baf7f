/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_listen - cnic listen's command line, words with a NUL between; and the PROXY header of an
 * address, a name and a serial, as a server reads it.
 */
#include "fuzz.h"

#include "cmd/listen/activate.h"
#include "cmd/listen/options.h"
#include "cmd/listen/proxy.h"

#define HEAD 16

/* ---- the command line ------------------------------------------------------------------------ */

static void judge(const struct listen_options *o)
{
	if (!o->n_at || o->backlog < 1 || o->idle_ms < 0 || o->drain_ms < 0)
		abort();
	if (o->command ? !*o->command || o->watch : !o->to.len)
		abort();
	if ((o->n_netns > 0) + (o->all_of != NULL) + (o->watch != NULL) > 1)
		abort();
	for (size_t i = 0; i < o->n_netns; i++)
		if (!*o->netns[i].name || !strchr(o->netns[i].path, '/'))
			abort();
	for (size_t i = 0; i < o->n_at; i++)
		if (o->at[i].any.sa_family == AF_UNIX ||
		    (o->at[i].type == SOCK_DGRAM && !o->command))
			abort();
}

static void parse(struct arena *arena, const uint8_t *data, size_t size)
{
	char *text = fuzz_text(arena, data, size), *end = text + size;
	char **argv = arena_array(arena, char *, size + 2);
	struct listen_options opt;
	struct err err = { 0 };
	int argc = 0, rc;

	for (char *at = text; at < end; at += strlen(at) + 1)
		argv[argc++] = at;
	rc = listen_options_parse(&opt, argc, argv, arena, &err);
	fuzz_expect(rc, &err);
	if (!rc)
		judge(&opt);
}

/* ---- the header ------------------------------------------------------------------------------ */

static size_t u16(const uint8_t *at)
{
	return (size_t)at[0] << 8 | at[1];
}

/* Every byte is of an address or of a value, and the values are these. */
static void read_header(const uint8_t *header, size_t n, const char *name)
{
	size_t at = HEAD, len = strnlen(name, 255);
	bool has_name = false;

	if (n > LISTEN_PROXY_MAX || memcmp(header, "\r\n\r\n\0\r\nQUIT\n\x21", 13) != 0 ||
	    u16(header + 14) != n - HEAD || (header[13] != 0x11 && header[13] != 0x21))
		abort();
	at += header[13] == 0x11 ? 12 : 36;
	while (at < n) {
		const uint8_t *value = header + at + 3;
		size_t size = u16(header + at + 1);

		if (at + 3 + size > n)
			abort();
		if (header[at] == LISTEN_PROXY_TLV_NETNS) {
			has_name = size == len && !memcmp(value, name, len);
		} else if (header[at] != LISTEN_PROXY_TLV_UNIQUE_ID || size != len + 17 ||
			   size > 128 || memcmp(value, name, len) != 0) {
			abort();
		}
		at += 3 + size;
	}
	if (at != n || !has_name)
		abort();
}

static void write_header(struct arena *arena, const uint8_t *data, size_t size)
{
	struct sockaddr_storage from = { 0 };
	size_t n = size < sizeof(from) ? size : sizeof(from);
	uint8_t header[LISTEN_PROXY_MAX];
	const char *name;

	memcpy(&from, data, n);
	from.ss_family = n && data[0] & 1 ? AF_INET : AF_INET6;
	name = fuzz_text(arena, data + n, size - n);
	read_header(header, listen_proxy_header(header, &from, &from, name, n), name);
	if (listen_name_fits(name) && (strchr(name, ':') || strchr(name, '\n')))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };

	if (size && data[0])
		write_header(&arena, data + 1, size - 1);
	else if (size)
		parse(&arena, data + 1, size - 1);
	arena_free(&arena);
	return 0;
}
