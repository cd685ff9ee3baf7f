/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c - a database server that goes wrong at a request: stands between a plugin and ovsdb-server, and
 * passes everything on but for the N-th request it hears.
 *
 *	peer LISTEN SERVER N SHAPE REACHED
 *
 * LISTEN and SERVER are unix sockets, REACHED a file that is made when the N-th request has come. A
 * SHAPE that begins with "did-" has the server do what is asked for, and then its answer goes wrong; in
 * the others the server never hears of it. Runs until it is killed; one connection at a time.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static const char *shape, *reached;
static unsigned int at, requests; /* which goes wrong, heard up to now */
static char await_id[32];         /* whose answer goes wrong: "\"id\":7", "" is none's */

struct side {
	int fd;
	size_t used;
	char buf[1 << 20];
};

static struct side client, server;

/* ---- messages: as our plugins and ovsdb-server write them -------------------------------------- */

/* Length of the object that the buffer begins with, 0 if there is more to come. */
static size_t message(const struct side *s)
{
	bool in_string = false;
	int depth = 0;

	for (size_t i = 0; i < s->used; i++) {
		char c = s->buf[i];

		if (in_string) {
			if (c == '\\')
				i++;
			in_string = c != '"';
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{') {
			depth++;
		} else if (c == '}' && !--depth) {
			return i + 1;
		}
	}
	return 0;
}

static void drop(struct side *s, size_t n)
{
	s->used -= n;
	memmove(s->buf, s->buf + n, s->used);
}

static void put(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = write(fd, text, n);

		if (done <= 0)
			return;
		text += done;
		n -= (size_t)done;
	}
}

static size_t count(const char *text, const char *what)
{
	size_t n = 0;

	while ((text = strstr(text, what))) {
		text += strlen(what);
		n++;
	}
	return n;
}

/* ---- answers ----------------------------------------------------------------------------------- */

static bool is(const char *name)
{
	return !strcmp(shape, name);
}

static void append(char *out, const char *text, size_t times)
{
	while (times--) {
		strcat(out, text);
		strcat(out, ",");
	}
}

/* To a request of n operations; false: there is none of that shape. */
static bool results(char *out, size_t n)
{
	static const char error[] =
		"{\"error\":\"constraint violation\",\"details\":\"told to\",\"syntax\":\"{}\"}";

	if (is("first")) {
		append(out, error, 1);
		append(out, "null", n - 1);
	} else if (is("last")) {
		append(out, "{}", n - 1);
		append(out, error, 1);
	} else if (is("commit")) {
		append(out, "{\"count\":1}", n);
		append(out,
		       "{\"error\":\"referential integrity violation\",\"details\":\"told to\"}",
		       1);
	} else if (is("no-text")) {
		append(out, "{\"error\":7}", 1);
		append(out, "null", n - 1);
	} else if (is("few")) {
		append(out, "{}", n - 1);
	} else if (is("many")) {
		append(out, "{}", n + 1);
	} else if (is("nulls")) {
		append(out, "null", n);
	} else if (is("none-met")) {
		append(out, "{\"count\":0,\"rows\":[]}", n);
	} else {
		return false;
	}
	if (*out)
		out[strlen(out) - 1] = '\0';
	return true;
}

/* What takes the place of the answer; "" is nothing. */
static void answer(const char *id, size_t n)
{
	static char out[1 << 16], list[1 << 15];

	list[0] = '\0';
	if (results(list, n))
		snprintf(out, sizeof(out), "{%s,\"error\":null,\"result\":[%s]}", id, list);
	else if (is("rpc"))
		snprintf(out, sizeof(out), "{%s,\"error\":{\"error\":\"unknown database\"}}", id);
	else if (is("rpc-text"))
		snprintf(out, sizeof(out), "{%s,\"error\":\"canceled\",\"result\":null}", id);
	else if (is("no-list"))
		snprintf(out, sizeof(out), "{%s,\"error\":null,\"result\":7}", id);
	else if (is("empty"))
		snprintf(out, sizeof(out), "{%s}", id);
	else if (strstr(shape, "garbage"))
		snprintf(out, sizeof(out), "}{ no JSON");
	else if (strstr(shape, "half"))
		snprintf(out, sizeof(out), "{%s,\"result\":[{\"cou", id);
	else if (strstr(shape, "others"))
		snprintf(out, sizeof(out), "{\"id\":4711,\"result\":[{}]}");
	else
		out[0] = '\0';
	put(client.fd, out, strlen(out));
	if (strstr(shape, "half") || strstr(shape, "close"))
		shutdown(client.fd, SHUT_RDWR);
}

/* ---- between the two --------------------------------------------------------------------------- */

/* A client asks, or answers an echo. */
static void from_client(size_t n)
{
	static char text[1 << 20];
	const char *id;

	memcpy(text, client.buf, n);
	text[n] = '\0';
	id = strrchr(text, '"');
	if (!strstr(text, "\"transact\"") || ++requests != at) {
		put(server.fd, text, n);
		return;
	}
	close(open(reached, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	snprintf(await_id, sizeof(await_id), "\"id%.*s", (int)strcspn(id, "}"), id);
	if (!strncmp(shape, "did-", 4)) {
		put(server.fd, text, n);
		return;
	}
	answer(await_id, count(text, "{\"op\":"));
	await_id[0] = '\0';
}

static void from_server(size_t n)
{
	static char text[1 << 20];

	memcpy(text, server.buf, n);
	text[n] = '\0';
	if (!*await_id || !strstr(text, await_id)) {
		put(client.fd, text, n);
		return;
	}
	answer(await_id, 0);
	await_id[0] = '\0';
}

static bool take(struct side *s, void (*handle)(size_t n))
{
	ssize_t got = read(s->fd, s->buf + s->used, sizeof(s->buf) - s->used);
	size_t n;

	if (got <= 0)
		return false;
	s->used += (size_t)got;
	while ((n = message(s))) {
		handle(n);
		drop(s, n);
	}
	return true;
}

static int unix_socket(const char *path, bool listening)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (listening)
		unlink(path);
	if (listening ? bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 64) < 0
		      : connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		perror(path);
		exit(1);
	}
	return fd;
}

static void serve(int fd, const char *path)
{
	struct pollfd fds[2];

	client.fd = fd;
	server.fd = unix_socket(path, false);
	client.used = server.used = 0;
	await_id[0] = '\0';
	fds[0] = (struct pollfd){ .fd = client.fd, .events = POLLIN };
	fds[1] = (struct pollfd){ .fd = server.fd, .events = POLLIN };
	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents && !take(&client, from_client))
			break;
		if (fds[1].revents && !take(&server, from_server))
			break;
	}
	close(client.fd);
	close(server.fd);
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 6)
		return 2;
	at = (unsigned int)atoi(argv[3]);
	shape = argv[4];
	reached = argv[5];
	fd = unix_socket(argv[1], true);
	puts("ready");
	fflush(stdout);
	for (;;)
		serve(accept4(fd, NULL, NULL, SOCK_CLOEXEC), argv[2]);
}
