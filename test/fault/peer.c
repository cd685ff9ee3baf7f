/* SPDX-License-Identifier: Apache-2.0 */
/*
 * peer.c - runs a plugin, the one whose name it is called by, and stands between it and
 * ovsdb-server; passes everything on but the answer to one of the plugin's requests, which goes
 * wrong.
 *
 *	PEER_BIN     where the plugin is
 *	PEER_LISTEN  the unix socket that the plugin knows; afterwards it is a symbolic link to
 *	PEER_SERVER  the unix socket of the server
 *	PEER_AT      which request it is, counted from 1; 0 = none, "3+" = the third and all that follow
 *	PEER_SHAPE   of its answer, see shapes[] and derived[]. Behind "did-" the server does what it is
 *	             asked for and then its answer goes wrong, otherwise it never hears of it
 *	PEER_LEAP    leap.so: where nothing more comes, so much time passes at once as the plugin waits for
 *	PEER_REPORT  file to be written: what has been asked for, on one line (empty if that request was never
 *	             made), and behind it the milliseconds that the plugin took, leaps included
 *
 * Every step waits for the one before, whatever the load: what goes wrong does so when all that was
 * asked for before has been answered.
 */
#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINKS 8
#define UUID  "11111111-2222-3333-4444-555555555555"

struct side {
	int fd; /* -1: closed */
	size_t used;
	char buf[1 << 20];
};

/* A connection of the plugin, and ours to the server. */
static struct link {
	struct side client, server;
	unsigned int ack_lost; /* requests that the server has heard */
	cJSON *asked;          /* the request whose answer is to go wrong, NULL: none now */
	cJSON *real;           /* its answer by the server */
} links[LINKS];

static const char *shape;
static bool did, onward;
static unsigned int at, heard;
static char what[256]; /* see PEER_REPORT */
static int listener, leaps = -1;
static unsigned int owed;     /* leaps */
static unsigned int leapt_ms; /* in all of them */

static void give_up(const char *why)
{
	perror(why);
	exit(99);
}

/*
 * ---- the wrong answers -------------------------------------------------------------------------
 */

enum then { STAY, SILENCE, CLOSE, GONE /* for good: nobody listens any more */ };

/* Texts; %s is the request's id. */
static const struct {
	const char *name, *text;
	enum then then;
} shapes[] = {
	{ "rpc", "{\"id\":%s,\"error\":{\"error\":\"unknown database\",\"details\":\"told to\"}}",
	  STAY },
	{ "rpc-null", "{\"id\":%s,\"error\":{\"error\":\"not allowed\"},\"result\":null}", STAY },
	{ "rpc-text", "{\"id\":%s,\"error\":\"canceled\",\"result\":null}", STAY },
	{ "rpc-number", "{\"id\":%s,\"error\":7,\"result\":null}", STAY },
	{ "rpc-both", "{\"id\":%s,\"error\":\"unsure\",\"result\":[{},{},{},{},{},{},{},{}]}",
	  STAY },
	{ "result-none", "{\"id\":%s,\"error\":null}", STAY },
	{ "result-null", "{\"id\":%s,\"error\":null,\"result\":null}", STAY },
	{ "result-empty", "{\"id\":%s,\"error\":null,\"result\":[]}", STAY },
	{ "result-text", "{\"id\":%s,\"error\":null,\"result\":\"done\"}", STAY },
	{ "result-number", "{\"id\":%s,\"error\":null,\"result\":7}", STAY },
	{ "result-object", "{\"id\":%s,\"error\":null,\"result\":{\"count\":1,\"rows\":[]}}",
	  STAY },
	{ "id-other", "{\"id\":4711,\"error\":null,\"result\":[{}]}", SILENCE },
	{ "id-text", "{\"id\":\"%s\",\"error\":null,\"result\":[{}]}", SILENCE },
	{ "id-none", "{\"error\":\"what?\",\"result\":null}", SILENCE },
	{ "silence", "", SILENCE },
	{ "garbage", "}{ no JSON", STAY },
	{ "syntax", "{\"id\":%s,\"error\":null,\"result\":[{}}]}", STAY },
	{ "half", "{\"id\":%s,\"error\":null,\"result\":[{\"cou", CLOSE },
	{ "half-silence", "{\"id\":%s,\"error\":null,\"result\":[{\"cou", SILENCE },
	{ "close", "", CLOSE },
	{ "gone", "", GONE },
};

static const char *op_of(const cJSON *op)
{
	const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(op, "op"));

	return name ? name : "?";
}

/* A row that has what has been asked for, and nothing of it is of the right type. */
static cJSON *sevens(const cJSON *columns)
{
	cJSON *row = cJSON_CreateObject();
	const cJSON *column;

	cJSON_ArrayForEach(column, columns)
		cJSON_AddNumberToObject(row, cJSON_GetStringValue(column), 7);
	return row;
}

/* As if all had been done. */
static cJSON *plausible(const cJSON *op)
{
	const char *name = op_of(op);
	cJSON *result = cJSON_CreateObject();

	if (!strcmp(name, "select"))
		cJSON_AddItemToArray(cJSON_AddArrayToObject(result, "rows"),
				     sevens(cJSON_GetObjectItem(op, "columns")));
	else if (!strcmp(name, "insert"))
		cJSON_AddItemToObject(result, "uuid", cJSON_Parse("[\"uuid\",\"" UUID "\"]"));
	else if (strcmp(name, "wait") != 0)
		cJSON_AddNumberToObject(result, "count", 1);
	return result;
}

/* An error in the place of operation i: those behind it are null. */
static void fail_at(cJSON *results, int i, const char *error)
{
	cJSON_ReplaceItemInArray(results, i, cJSON_Parse(error));
	for (i++; i < cJSON_GetArraySize(results); i++)
		cJSON_ReplaceItemInArray(results, i, cJSON_CreateNull());
}

static void first(cJSON *r, const char *error)
{
	fail_at(r, 0, error);
}

static void last(cJSON *r, const char *error)
{
	fail_at(r, cJSON_GetArraySize(r) - 1, error);
}

static void one_more(cJSON *r, const char *text)
{
	cJSON_AddItemToArray(r, cJSON_Parse(text));
}

static void one_less(cJSON *r, const char *text)
{
	(void)text;
	cJSON_DeleteItemFromArray(r, cJSON_GetArraySize(r) - 1);
}

static void each(cJSON *r, const char *text)
{
	for (int i = 0; i < cJSON_GetArraySize(r); i++)
		cJSON_ReplaceItemInArray(r, i, cJSON_Parse(text));
}

static void as_it_is(cJSON *r, const char *text)
{
	(void)r, (void)text;
}

#define TOLD_TO "\"details\":\"told to\",\"syntax\":\"{}\"}"

static const struct {
	const char *name;
	void (*change)(cJSON *results, const char *text); /* of what a server would answer */
	const char *text;
} derived[] = {
	{ "first", first, "{\"error\":\"constraint violation\"," TOLD_TO },
	{ "last", last, "{\"error\":\"constraint violation\"," TOLD_TO },
	{ "commit", one_more, "{\"error\":\"referential integrity violation\"," TOLD_TO },
	{ "no-words", first, "{\"error\":7}" },
	/* what an assertion says that does not hold */
	{ "timed-out", first,
	  "{\"error\":\"timed out\",\"details\":\"\\\"where\\\" clause test failed\"}" },
	{ "few", one_less, NULL },
	{ "many", one_more, "{}" },
	{ "nulls", each, "null" },
	{ "numbers", each, "7" },
	{ "voids", each, "{}" },
	/*
	 * members of the right names that hold something else, rows that are none, rows without
	 * columns
	 */
	{ "odd", each, "{\"rows\":\"none\",\"count\":\"1\",\"uuid\":7}" },
	{ "odd-rows", each, "{\"rows\":[7],\"count\":1.5}" },
	{ "bare-rows", each, "{\"rows\":[{}],\"count\":-1}" },
	/* not wrong by its form: the rows that were meant are not there */
	{ "none", each, "{\"rows\":[],\"count\":0}" },
	{ "sevens", as_it_is, NULL },
};

static void put(int fd, const char *text, size_t n)
{
	while (n) {
		ssize_t done = send(fd, text, n, MSG_NOSIGNAL);

		if (done <= 0)
			return; /* who does not listen any more is seen to have gone elsewhere */
		text += done;
		n -= (size_t)done;
	}
}

static cJSON *answer_of(const struct link *l)
{
	const cJSON *op, *id = cJSON_GetObjectItem(l->asked, "id");
	cJSON *message, *results;

	if (l->real)
		return cJSON_Duplicate(l->real, true);
	message = cJSON_CreateObject();
	cJSON_AddItemToObject(message, "id", cJSON_Duplicate(id, true));
	cJSON_AddNullToObject(message, "error");
	results = cJSON_AddArrayToObject(message, "result");
	cJSON_ArrayForEach(op, cJSON_GetObjectItem(l->asked, "params"))
		if (cJSON_IsObject(op))
			cJSON_AddItemToArray(results, plausible(op));
	return message;
}

static bool put_derived(const struct link *l)
{
	for (size_t i = 0; i < sizeof(derived) / sizeof(*derived); i++) {
		cJSON *message;
		char *text;

		if (strcmp(shape, derived[i].name) != 0)
			continue;
		message = answer_of(l);
		derived[i].change(cJSON_GetObjectItem(message, "result"), derived[i].text);
		text = cJSON_PrintUnformatted(message);
		put(l->client.fd, text, strlen(text));
		free(text);
		cJSON_Delete(message);
		return true;
	}
	return false;
}

static void hang_up(struct link *l)
{
	close(l->client.fd);
	close(l->server.fd);
	l->client.fd = l->server.fd = -1;
	l->ack_lost = 0;
	cJSON_Delete(l->asked);
	cJSON_Delete(l->real);
	l->asked = l->real = NULL;
}

static void put_text(struct link *l)
{
	char *id = cJSON_PrintUnformatted(cJSON_GetObjectItem(l->asked, "id")), out[256];
	size_t i = 0;

	while (i < sizeof(shapes) / sizeof(*shapes) && strcmp(shape, shapes[i].name) != 0)
		i++;
	if (i == sizeof(shapes) / sizeof(*shapes))
		give_up(shape);
	snprintf(out, sizeof(out), shapes[i].text, id);
	free(id);
	put(l->client.fd, out, strlen(out));
	owed += shapes[i].then == SILENCE;
	if (shapes[i].then >= CLOSE)
		hang_up(l);
	if (shapes[i].then == GONE) {
		close(listener);
		listener = -1;
	}
}

static void misbehave(struct link *l)
{
	if (!put_derived(l))
		put_text(l);
	cJSON_Delete(l->asked);
	cJSON_Delete(l->real);
	l->asked = l->real = NULL;
}

/*
 * ---- between the two ---------------------------------------------------------------------------
 */

static void note(const cJSON *request)
{
	const cJSON *op;
	size_t n = strlen(what);

	if (n)
		return;
	cJSON_ArrayForEach(op, cJSON_GetObjectItem(request, "params")) {
		const char *table = cJSON_GetStringValue(cJSON_GetObjectItem(op, "table"));

		if (table && n < sizeof(what))
			n += (size_t)snprintf(what + n, sizeof(what) - n, "%s%s %s", n ? ", " : "",
					      op_of(op), table);
	}
}

/* One that comes for the plugin's answer to an echo has no method. */
static bool goes_wrong(const cJSON *message)
{
	if (!cJSON_GetObjectItem(message, "method"))
		return false;
	heard++;
	return heard == at || (onward && at && heard > at);
}

static void from_client(struct link *l, const char *text, size_t n, cJSON *message)
{
	bool request = cJSON_GetObjectItem(message, "method"), wrong = goes_wrong(message);

	if (wrong) {
		note(message);
		l->asked = message;
	} else {
		cJSON_Delete(message);
	}
	if (!wrong || did) {
		l->ack_lost += request;
		put(l->server.fd, text, n);
	}
	if (wrong && !l->ack_lost)
		misbehave(l);
}

static void from_server(struct link *l, const char *text, size_t n, cJSON *message)
{
	bool answer = !cJSON_GetObjectItem(message, "method");

	l->ack_lost -= answer;
	if (answer && did && l->asked &&
	    cJSON_Compare(cJSON_GetObjectItem(l->asked, "id"), cJSON_GetObjectItem(message, "id"),
			  true)) {
		l->real = message;
	} else {
		cJSON_Delete(message);
		put(l->client.fd, text, n);
	}
	if (l->asked && !l->ack_lost)
		misbehave(l);
}

/*
 * All that is whole in the buffer; of the plugin's, nothing behind a request that is to go wrong
 * until it has.
 */
static void handle(struct link *l, struct side *s,
		   void (*pass)(struct link *, const char *, size_t, cJSON *))
{
	while (s->fd >= 0 && s->used && !(s == &l->client && l->asked)) {
		const char *end;
		cJSON *message = cJSON_ParseWithLengthOpts(s->buf, s->used, &end, false);
		size_t n = (size_t)(end - s->buf);

		if (!message)
			return;
		pass(l, s->buf, n, message);
		s->used -= n;
		memmove(s->buf, s->buf + n, s->used);
	}
}

static bool receive(struct side *s)
{
	ssize_t n = recv(s->fd, s->buf + s->used, sizeof(s->buf) - s->used, 0);

	if (n > 0)
		s->used += (size_t)n;
	return n > 0;
}

static void serve(struct link *l)
{
	struct pollfd fds[] = { { .fd = l->client.fd, .events = POLLIN },
				{ .fd = l->server.fd, .events = POLLIN } };

	if (l->client.fd < 0 || poll(fds, 2, 0) <= 0)
		return;
	if ((fds[0].revents && !receive(&l->client)) || (fds[1].revents && !receive(&l->server))) {
		hang_up(l);
		return;
	}
	handle(l, &l->server, from_server);
	handle(l, &l->client, from_client);
}

/*
 * ---- the plugin --------------------------------------------------------------------------------
 */

static int unix_socket(const char *path, int (*use)(int, const struct sockaddr *, socklen_t))
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	if (fd < 0 || use(fd, (const struct sockaddr *)&a, sizeof(a)) < 0)
		give_up(path);
	return fd;
}

static pid_t start(const char *name, char **argv)
{
	int ends[2];
	char path[4096], fd[16];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		give_up("socketpair");
	snprintf(path, sizeof(path), "%s/%s", getenv("PEER_BIN"), name);
	pid = fork();
	if (!pid) {
		snprintf(fd, sizeof(fd), "%d", dup(ends[1]));
		setenv("LEAP_FD", fd, 1);
		setenv("LD_PRELOAD", getenv("PEER_LEAP"), 1);
		execv(path, argv);
		give_up(path);
	}
	close(ends[1]);
	leaps = ends[0];
	return pid;
}

static void accept_one(const char *server)
{
	struct link *l = links;

	while (l->client.fd >= 0)
		if (++l == links + LINKS)
			give_up("connections");
	l->client.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	l->server.fd = unix_socket(server, connect);
	l->client.used = l->server.used = 0;
}

/* When everybody else has been answered. */
static void leap(void)
{
	for (const struct link *l = links; l < links + LINKS; l++)
		if (l->ack_lost)
			return;
	for (; owed; owed--)
		if (send(leaps, "", 1, MSG_NOSIGNAL) < 0)
			return;
}

static void add_leap(void)
{
	unsigned int ms;

	if (recv(leaps, &ms, sizeof(ms), 0) == sizeof(ms))
		leapt_ms += ms;
}

/* True until the plugin has ended. */
static bool attend(int plugin, const char *server)
{
	struct pollfd fds[3 + 2 * LINKS] = { { .fd = plugin, .events = POLLIN },
					     { .fd = listener, .events = POLLIN },
					     { .fd = leaps, .events = POLLIN } };

	for (size_t i = 0; i < LINKS; i++) {
		fds[3 + 2 * i] = (struct pollfd){ .fd = links[i].client.fd, .events = POLLIN };
		fds[4 + 2 * i] = (struct pollfd){ .fd = links[i].server.fd, .events = POLLIN };
	}
	if (poll(fds, sizeof(fds) / sizeof(*fds), -1) < 0)
		give_up("poll");
	if (fds[2].revents & POLLIN)
		add_leap();
	for (struct link *l = links; l < links + LINKS; l++)
		serve(l);
	if (fds[1].revents && listener >= 0)
		accept_one(server);
	leap();
	return !fds[0].revents;
}

static unsigned int now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (unsigned int)(ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

static void report(unsigned int ms)
{
	FILE *f = fopen(getenv("PEER_REPORT"), "we");

	if (!f || fprintf(f, "%s\n%u\n", what, ms) < 0 || fclose(f) != 0)
		give_up("PEER_REPORT");
}

static void configure(void)
{
	const char *number = getenv("PEER_AT");

	shape = getenv("PEER_SHAPE");
	did = !strncmp(shape, "did-", 4);
	shape += did ? 4 : 0;
	at = (unsigned int)atoi(number);
	onward = strchr(number, '+');
	for (size_t i = 0; i < LINKS; i++)
		links[i].client.fd = links[i].server.fd = -1;
}

static int listening(int fd, const struct sockaddr *a, socklen_t len)
{
	return bind(fd, a, len) < 0 ? -1 : listen(fd, LINKS);
}

int main(int argc, char **argv)
{
	const char *path = getenv("PEER_LISTEN"), *server = getenv("PEER_SERVER");
	unsigned int began = now_ms();
	int status, plugin;
	pid_t pid;

	(void)argc;
	configure();
	unlink(path);
	listener = unix_socket(path, listening);
	pid = start(program_invocation_short_name, argv);
	plugin = (int)syscall(SYS_pidfd_open, pid, 0);
	if (plugin < 0)
		give_up("pidfd_open");
	while (attend(plugin, server))
		;
	if (waitpid(pid, &status, 0) < 0)
		give_up("waitpid");
	unlink(path);
	if (symlink(server, path) < 0)
		give_up(path);
	report(now_ms() - began + leapt_ms);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
