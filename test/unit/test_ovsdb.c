/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkg/ovsdb: endpoints, framing, values, and a client against peers that play every part there is.
 */
#include <arpa/inet.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "ovs/mirror.h"
#include "ovs/port.h"

#include "tap.h"

static struct arena arena;
static struct err err;
static char dir[] = "/tmp/test_ovsdb.XXXXXX";

/* ---- framing --------------------------------------------------------------------------------- */

static long frame(const char *text)
{
	struct ovsdb_frame f = { 0 };

	return ovsdb_frame_next(&f, text, strlen(text));
}

/* However it is cut, the answer is the same, and given at the same byte. */
static bool frame_in_pieces(const char *text, long want)
{
	struct ovsdb_frame f = { 0 };
	size_t len = strlen(text);

	for (size_t n = 0; n <= len; n++) {
		long got = ovsdb_frame_next(&f, text, n);

		if (got)
			return got == want && n == (size_t)want;
	}
	return !want;
}

static void test_frame(void)
{
	static const struct {
		const char *text;
		long len;
	} cases[] = {
		{ "", 0 },
		{ " \n\t", 0 },
		{ "{}", 2 },
		{ "{}{}", 2 },
		{ " {}", 3 },
		{ "{\"a\":[1,{\"b\":[]}]}{", 18 },
		{ "{\"a\":\"}\"}", 9 },
		{ "{\"a\":\"\\\"}\"}", 11 },
		{ "{\"a\":\"\\\\\"}", 10 },
		{ "{\"a\":\"", 0 },
		{ "{\"a\":{}", 0 },
	};
	char deep[JSON_MAX_DEPTH + 3];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ok(frame(cases[i].text) == cases[i].len, "frame %s", cases[i].text);
		ok(frame_in_pieces(cases[i].text, cases[i].len), "in pieces");
	}
	ok(frame("x") < 0 && frame("[]") < 0 && frame("1{}") < 0 && frame("}") < 0,
	   "no object, no message");
	memset(deep, '{', sizeof(deep));
	deep[sizeof(deep) - 1] = '\0';
	ok(frame(deep) < 0, "too deep");
	deep[JSON_MAX_DEPTH] = '\0';
	ok(frame(deep) == 0, "as deep as may be");
}

/* ---- values ---------------------------------------------------------------------------------- */

static const struct json *parse(const char *text)
{
	const struct json *v;

	if (json_parse(text, strlen(text), &v, &err) < 0)
		abort();
	return v;
}

static size_t set_size(const char *text)
{
	const struct json *first;

	return ovsdb_set(parse(text), &first);
}

#define U1 "11111111-2222-3333-4444-555555555555"

static void test_values(void)
{
	const struct json *first;
	int64_t n = 0;

	ok(set_size("7") == 1 && set_size("[\"set\",[]]") == 0 &&
		   set_size("[\"set\",[1,2,3]]") == 3,
	   "a set of one is bare");
	ok(set_size("[\"uuid\",\"x\"]") == 1 && set_size("[\"set\",7]") == 0 &&
		   set_size("null") == 0,
	   "a reference is one, nonsense is none");
	ok(ovsdb_set(parse("[\"set\",[4,5]]"), &first) == 2 && json_int(json_next(first), &n) &&
		   n == 5,
	   "elements one by one");
	ok(ovsdb_int(parse("7"), &n) && n == 7, "an integer");
	ok(ovsdb_int(parse("[\"set\",[-8]]"), &n) && n == -8, "in a set");
	ok(!ovsdb_int(parse("[\"set\",[]]"), &n) && !ovsdb_int(parse("[\"set\",[1,2]]"), &n) &&
		   !ovsdb_int(parse("1.5"), &n) && !ovsdb_int(parse("\"1\""), &n) &&
		   !ovsdb_int(parse("1e300"), &n) && !ovsdb_int(NULL, &n),
	   "what is none");
	is_str(ovsdb_str(parse("\"x\"")), "x", "a string");
	is_str(ovsdb_str(parse("[\"set\",[\"x\"]]")), "x", "in a set");
	is_str(ovsdb_str(parse("[\"set\",[]]")), NULL, "no string");
	is_str(ovsdb_uuid(parse("[\"uuid\",\"" U1 "\"]")), U1, "a reference");
	is_str(ovsdb_uuid(parse("[\"set\",[[\"uuid\",\"" U1 "\"]]]")), U1, "in a set");
	is_str(ovsdb_uuid(parse("[\"uuid\",\"zzz\"]")), NULL, "not any text");
	is_str(ovsdb_uuid(parse("[\"named-uuid\",\"a\"]")), NULL, "nor any tag");
	is_str(ovsdb_map(parse("[\"map\",[[\"a\",\"1\"],[\"b\",\"2\"]]]"), "b"), "2", "a map");
	is_str(ovsdb_map(parse("[\"map\",[]]"), "b"), NULL, "an empty one");
	is_str(ovsdb_map(parse("[\"map\",[[],[\"b\"],7,[\"b\",7]]]"), "b"), NULL, "a broken one");
	is_str(ovsdb_map(parse("{\"b\":\"2\"}"), "b"), NULL, "an object is none");
}

static void test_build(void)
{
	static const struct ovsdb_pair pairs[] = { { "a", "1" }, { "b", "2" } };
	struct json *o = json_object(), *n;
	char uuid[OVSDB_UUID_LEN + 1], other[OVSDB_UUID_LEN + 1];

	ovsdb_add_set(o, "e");
	ovsdb_add_uuid(o, "u", U1);
	ovsdb_add_map(o, "m", pairs, 2);
	n = ovsdb_add_set(o, "n");
	json_add_int(n, NULL, 5);
	json_add_int(n, NULL, 4095);
	is_str(json_print(o),
	       "{\"e\":[\"set\",[]],\"u\":[\"uuid\",\"" U1 "\"],"
	       "\"m\":[\"map\",[[\"a\",\"1\"],[\"b\",\"2\"]]],\"n\":[\"set\",[5,4095]]}",
	       "built");
	ok(!ovsdb_new_uuid(uuid, &err) && !ovsdb_new_uuid(other, &err) && strcmp(uuid, other) != 0,
	   "ids are new");
	ok(strlen(uuid) == 36 && uuid[14] == '4' && strchr("89ab", uuid[19]), "and of version 4");
}

/* ---- a peer ---------------------------------------------------------------------------------- */

static pid_t peer;

/* The next request: its id, 0 when the client has gone. */
static unsigned int hear(int fd, const char **text)
{
	static char buf[1 << 17];
	static size_t used;
	struct ovsdb_frame f = { 0 };
	const struct json *v;
	int64_t id = 0;
	long n;

	while (!(n = ovsdb_frame_next(&f, buf, used))) {
		ssize_t got = read(fd, buf + used, sizeof(buf) - used);

		if (got <= 0)
			return 0;
		used += (size_t)got;
	}
	if (n < 0)
		_exit(3);
	*text = arena_strndup(&arena, buf, (size_t)n);
	used -= (size_t)n;
	memmove(buf, buf + n, used);
	v = parse(*text);
	(void)json_int(json_get(v, "id"), &id);
	return (unsigned int)id;
}

static void say(int fd, const char *text)
{
	size_t len = strlen(text);

	while (len) {
		ssize_t n = write(fd, text, len);

		if (n <= 0)
			_exit(0);
		text += n;
		len -= (size_t)n;
	}
}

/* $ in the text is the id of the request. */
static void answer(int fd, const char *text)
{
	const char *request, *dollar = strchr(text, '$');
	unsigned int id = hear(fd, &request);

	say(fd,
	    dollar ? arena_printf(&arena, "%.*s%u%s", (int)(dollar - text), text, id, dollar + 1)
		   : text);
}

static int listener(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
	unlink(path);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 5) < 0)
		abort();
	return fd;
}

static const char *endpoint(void)
{
	return arena_printf(&arena, "unix:%s/db.sock", dir);
}

/* A server that plays `part` for one connection, and a client connected to it. */
static void play(struct ovsdb *db, void (*part)(int fd), int timeout_ms)
{
	int fd = listener(endpoint() + 5);

	peer = fork();
	if (!peer) {
		part(accept(fd, NULL, NULL));
		_exit(0);
	}
	close(fd);
	err_clear(&err);
	if (ovsdb_open(db, endpoint(), timeout_ms, &arena, &err) < 0)
		printf("# %s\n", err.msg);
}

static void end(struct ovsdb *db)
{
	ovsdb_close(db);
	kill(peer, SIGKILL);
	waitpid(peer, NULL, 0);
}

/* Two operations. */
static struct ovsdb_txn *some(struct ovsdb *db, const char *what)
{
	struct ovsdb_txn *t = ovsdb_begin(db, "%s", what);

	ovsdb_op(t, "select", "Bridge");
	ovsdb_op(t, "mutate", "Bridge");
	json_add_int(ovsdb_mutation(t, "n", "+="), NULL, 1);
	return t;
}

static const char *script; /* what the peer answers to the first request */

static void say_script(int fd)
{
	const char *ignored;

	answer(fd, script);
	(void)hear(fd, &ignored);
}

static int run_script(const char *text, struct ovsdb_txn **t)
{
	struct ovsdb db;
	int rc;

	script = text;
	play(&db, say_script, 5000);
	*t = some(&db, "do it");
	rc = ovsdb_run(&db, *t);
	end(&db);
	return rc;
}

static void refuses(const char *text, int code, const char *part, const char *name)
{
	struct ovsdb_txn *t;

	ok(run_script(text, &t) < 0 && err.code == code && strstr(err.msg, part), "%s", name);
	printf("#  %s | %s\n", err.msg, err.details);
}

#define FINE "{\"id\":$,\"error\":null,\"result\":[{\"rows\":[{\"name\":\"b\"},{}]},{\"count\":3}]}"

static void test_answers(void)
{
	struct ovsdb_txn *t;

	ok(run_script(FINE, &t) == 0, "an answer: %s", err.msg);
	is_str(json_string(json_get(ovsdb_rows(t, 0), "name")), "b", "its rows");
	ok(ovsdb_count(t, 1) == 3 && ovsdb_count(t, 0) == 0 && !ovsdb_rows(t, 1), "its count");
	ok(run_script("\n {\"result\":[{\"rows\":[]},{\"count\":0}],\"id\":$}\n", &t) == 0 &&
		   !ovsdb_rows(t, 0),
	   "no error member, space around, no rows: %s", err.msg);
	refuses("{\"id\":$,\"error\":\"unknown database\"}", ERR_INTERNAL, "unknown database",
		"an error of the call");
	refuses("{\"id\":$,\"error\":{\"error\":\"syntax error\"}}", ERR_INTERNAL, "syntax error",
		"an error that is an object");
	refuses("{\"id\":$,\"error\":null}", ERR_INTERNAL, "no result", "no result");
	refuses("{\"id\":$,\"result\":{}}", ERR_INTERNAL, "no result", "a result that is no list");
	refuses("{\"id\":$,\"result\":[]}", ERR_INTERNAL, "too few", "too few elements");
	refuses("{\"id\":$,\"result\":[{}]}", ERR_INTERNAL, "too few", "one too few");
	refuses("{\"id\":$,\"result\":[{},{},{}]}", ERR_INTERNAL, "too many", "one too many");
	refuses("{\"id\":$,\"result\":[{},null]}", ERR_INTERNAL, "lacks", "null without an error");
	refuses("{\"id\":$,\"result\":[7,{}]}", ERR_INTERNAL, "lacks", "a number for a result");
	refuses("{\"id\":$,\"result\":[{\"error\":5},null]}", ERR_INTERNAL, "no string",
		"an error that is a number");
}

/* Each is no answer to a select and a mutate, and must not be taken for one of no rows. */
static void test_results(void)
{
	static const struct {
		const char *results, *of;
	} cases[] = {
		{ "{},{\"count\":1}", "select" },
		{ "{\"rows\":\"\"},{\"count\":1}", "select" },
		{ "{\"rows\":{}},{\"count\":1}", "select" },
		{ "{\"rows\":[7]},{\"count\":1}", "select" },
		{ "{\"rows\":[null]},{\"count\":1}", "select" },
		{ "{\"rows\":[]},{}", "mutate" },
		{ "{\"rows\":[]},{\"count\":null}", "mutate" },
		{ "{\"rows\":[]},{\"count\":\"1\"}", "mutate" },
		{ "{\"rows\":[]},{\"count\":1.5}", "mutate" },
		{ "{\"rows\":[]},{\"count\":-1}", "mutate" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		refuses(arena_printf(&arena, "{\"id\":$,\"result\":[%s]}", cases[i].results),
			ERR_INTERNAL, arena_printf(&arena, "lacks what a %s gives", cases[i].of),
			cases[i].results);
	refuses("{\"id\":$,\"result\":[{},{},{\"error\":\"x\"}]}", ERR_INTERNAL, ": x",
		"the server's word comes first");
}

static void test_refusals(void)
{
	struct ovsdb_txn *t;

	ok(run_script("{\"id\":$,\"result\":[{\"error\":\"timed out\",\"details\":\"d\"},null]}",
		      &t) < 0 &&
		   t->failed == 0 && !strcmp(t->error, "timed out") && !strcmp(err.details, "d"),
	   "the first operation failed: %s", err.msg);
	ok(run_script("{\"id\":$,\"result\":[{},{\"error\":\"x\"}]}", &t) < 0 && t->failed == 1,
	   "the second failed: %s", err.msg);
	ok(run_script("{\"id\":$,\"result\":[{},{\"count\":1},{\"error\":\"constraint violation\","
		      "\"details\":\"twice\"}]}",
		      &t) < 0 &&
		   t->failed == 2 && !strcmp(t->error, "constraint violation") &&
		   !strcmp(err.details, "twice"),
	   "the commit failed: %s", err.msg);
	ok(run_script("{\"id\":$,\"result\":[{},{\"error\":\"x\"},null,null]}", &t) < 0 &&
		   t->failed == 1,
	   "what is behind an error does not count");
}

static void test_garbage(void)
{
	refuses("no JSON", ERR_INTERNAL, "no JSON object", "no JSON");
	refuses("[1,2]", ERR_INTERNAL, "no JSON object", "an array");
	refuses("{\"id\":$,\"result\":[,]}", ERR_DECODE, "invalid JSON", "broken JSON");
	refuses("{\"id\":$,\"result\":[\"\\u0000\"]}", ERR_DECODE, "\\u0000", "a NUL");
	refuses("{\"id\":$,\"result\":[\"\xff\"]}", ERR_DECODE, "UTF-8", "no UTF-8");
}

/*
 * ---- one after the other, and not -------------------------------------------------------------
 */

static void count(int fd, unsigned int id, unsigned int n)
{
	say(fd,
	    arena_printf(&arena, "{\"id\":%u,\"result\":[{\"rows\":[]},{\"count\":%u}]}", id, n));
}

static void part_order(int fd)
{
	const char *text;
	unsigned int a = hear(fd, &text), b = hear(fd, &text), c = hear(fd, &text);

	count(fd, c, 3);
	count(fd, a, 1);
	count(fd, 4711, 9); /* nobody's */
	count(fd, a, 9);    /* twice */
	count(fd, b, 2);
	(void)hear(fd, &text);
}

static void test_order(void)
{
	struct ovsdb_txn *a, *b, *c;
	struct ovsdb db;
	bool sent;

	play(&db, part_order, 5000);
	a = some(&db, "a");
	b = some(&db, "b");
	c = some(&db, "c");
	sent = !ovsdb_send(&db, a) && !ovsdb_send(&db, b) && !ovsdb_send(&db, c);
	ok(sent && a->id != b->id && b->id != c->id, "three requests under way");
	ok(!ovsdb_finish(&db, b) && ovsdb_count(b, 1) == 2, "the second, answered last: %s",
	   err.msg);
	ok(!ovsdb_finish(&db, a) && ovsdb_count(a, 1) == 1, "the first: %s", err.msg);
	ok(!ovsdb_finish(&db, c) && ovsdb_count(c, 1) == 3, "the third, answered first: %s",
	   err.msg);
	end(&db);
}

/* What it hears in answer to its own requests is what it answers with. */
static void part_echo(int fd)
{
	const char *text, *echo;
	unsigned int id = hear(fd, &text);

	say(fd, "{\"method\":\"update\",\"params\":[\"m\",{}],\"id\":null}"
		"{\"id\":\"echo\",\"method\":\"echo\",\"params\":[\"a\",{\"b\":1}]}"
		"{\"method\":\"locked\",\"params\":[],\"id\":null}");
	(void)hear(fd, &echo);
	if (strcmp(echo, "{\"id\":\"echo\",\"result\":[\"a\",{\"b\":1}],\"error\":null}") != 0)
		_exit(2);
	say(fd, "{\"id\":7,\"method\":\"echo\"}");
	(void)hear(fd, &echo);
	if (strcmp(echo, "{\"id\":7,\"result\":[],\"error\":null}") != 0)
		_exit(2);
	say(fd, arena_printf(&arena, "{\"id\":%u,\"result\":[{\"rows\":[]},{\"count\":0}]}", id));
	(void)hear(fd, &text);
}

static void test_echo(void)
{
	struct ovsdb db;

	play(&db, part_echo, 5000);
	ok(!ovsdb_run(&db, some(&db, "do it")), "echo is answered, notifications are not: %s",
	   err.msg);
	end(&db);
}

static void part_pieces(int fd)
{
	const char *text;
	char all[128];

	snprintf(all, sizeof(all),
		 "{\"id\":%u,\"result\":[{\"rows\":[{\"a\":\"}{\\\"\"}]},{\"count\":5}]}",
		 hear(fd, &text));
	for (size_t i = 0; all[i]; i++) {
		(void)!write(fd, all + i, 1);
		usleep(500);
	}
	(void)hear(fd, &text);
}

static void test_pieces(void)
{
	struct ovsdb_txn *t;
	struct ovsdb db;

	play(&db, part_pieces, 20000);
	t = some(&db, "do it");
	ok(!ovsdb_run(&db, t) && ovsdb_count(t, 1) == 5, "byte by byte: %s", err.msg);
	end(&db);
}

/* ---- no answer ------------------------------------------------------------------------------- */

static void part_stall(int fd)
{
	const char *text;

	while (hear(fd, &text))
		;
}

static void part_close(int fd)
{
	const char *text;

	(void)hear(fd, &text);
	say(fd, "{\"id\":");
}

static void part_never_reads(int fd)
{
	(void)fd;
	pause();
}

static void part_drip(int fd)
{
	say(fd, "{\"id\":\"");
	for (;;)
		say(fd, "x");
}

static void repeat(int fd, const char *text)
{
	char *many = arena_alloc(&arena, 1 << 16);
	size_t len = strlen(text);

	for (size_t at = 0; at + len < 1 << 16; at += len)
		memcpy(many + at, text, len);
	for (;;)
		say(fd, many);
}

static void part_string(int fd)
{
	say(fd, "{\"id\":\"");
	repeat(fd, "x");
}

static void part_flood(int fd)
{
	repeat(fd, "{\"method\":\"update\",\"params\":[1,2,3,4,5,6,7,8,9,0],\"id\":null}");
}

static void part_values(int fd)
{
	say(fd, "{\"id\":[");
	repeat(fd, "0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,");
}

/* It fails, and the next request on that connection too, at once. */
static void fails(void (*part)(int fd), int timeout_ms, int code, const char *text,
		  const char *name)
{
	int64_t begin = clock_ms();
	struct ovsdb_txn *t;
	struct ovsdb db;

	play(&db, part, timeout_ms);
	t = some(&db, "do it");
	ok(ovsdb_run(&db, t) < 0 && err.code == code && strstr(err.msg, text) &&
		   strstr(err.msg, dir) && strstr(err.msg, "do it"),
	   "%s: %s", name, err.msg);
	ok(clock_ms() - begin < timeout_ms + 20000, "in its time");
	ovsdb_allow(&db, 60000);
	ok(ovsdb_run(&db, some(&db, "go on")) < 0 && clock_ms() - begin < timeout_ms + 20000,
	   "nothing more: %s", err.msg);
	end(&db);
}

static void test_silence(void)
{
	struct ovsdb_txn *t;
	struct ovsdb db;

	fails(part_stall, 300, ERR_RETRY, "does not answer", "no answer");
	fails(part_close, 300, ERR_RETRY, "closed the connection", "closed in the middle");
	fails(part_drip, 300, ERR_RETRY, "does not answer", "a string without end");
	fails(part_string, 30000, ERR_INTERNAL, "too much", "much of it at once");
	fails(part_flood, 30000, ERR_INTERNAL, "too much", "messages without end");
	fails(part_values, 30000, ERR_INTERNAL, "too much", "values without end");
	play(&db, part_never_reads, 300);
	t = some(&db, "do it");
	for (int i = 0; i < 100000; i++)
		json_add_str(t->params, NULL, "so that no socket's buffer holds it");
	ok(ovsdb_run(&db, t) < 0 && err.code == ERR_RETRY, "it does not read: %s", err.msg);
	end(&db);
}

/* ---- endpoints ------------------------------------------------------------------------------- */

static int open_code(const char *where)
{
	struct ovsdb db;
	int rc;

	err_clear(&err);
	rc = ovsdb_open(&db, where, 500, &arena, &err);
	ovsdb_close(&db);
	printf("#  %s: %s\n", where, err.msg);
	return rc < 0 ? err.code : 0;
}

static void test_endpoints(void)
{
	static const char *const wrong[] = {
		"",
		"db.sock",
		"unix:",
		"unix:db.sock",
		"tcp:",
		"tcp:localhost:1",
		"tcp:127.0.0.1:",
		"tcp:127.0.0.1:0",
		"tcp:::1:66",
		"tcp:[::1",
		"tcp:[::1]66",
		"tcp:127.0.0.1:65536",
		"http://x",
		"tcp:127.0.0.1:6x",
		"tcp:127.0.0.1:+6",
	};
	char *longer = arena_alloc(&arena, 300);

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		ok(open_code(wrong[i]) == ERR_CONFIG, "refused: \"%s\"", wrong[i]);
	memset(longer, 'x', 200);
	longer[0] = '/';
	ok(open_code(longer) == ERR_CONFIG, "too long for a socket");
	ok(open_code("ssl:127.0.0.1:6640") == ERR_FIELD, "ssl");
	ok(open_code("/nonexistent/db.sock") == ERR_RETRY, "no such socket");
	close(listener(endpoint() + 5));
	ok(open_code(endpoint()) == ERR_RETRY, "nobody behind it");
	ok(open_code("tcp:127.0.0.1:1") == ERR_RETRY, "no such port");
	ok(open_code("tcp:[::1]:1") == ERR_RETRY, "nor by IPv6");
}

static void test_bare_path(void)
{
	int fd = listener(endpoint() + 5);

	ok(!open_code(endpoint() + 5), "a bare path");
	close(fd);
}

/* The backlog is full: a unix socket's connect() waits for room. */
static void test_backlog(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = listener(endpoint() + 5), clients[64], n = 0;

	snprintf(a.sun_path, sizeof(a.sun_path), "%s", endpoint() + 5);
	do
		clients[n] = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	while (!connect(clients[n], (struct sockaddr *)&a, sizeof(a)) && ++n < 64);
	ok(open_code(endpoint()) == ERR_RETRY, "bounded too");
	close(clients[n]);
	while (n--)
		close(clients[n]);
	close(fd);
}

static void test_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), clients[8];

	if (bind(fd, (struct sockaddr *)&a, len) < 0 || listen(fd, 5) < 0 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) < 0)
		abort();
	ok(!open_code(arena_printf(&arena, "tcp:127.0.0.1:%u", ntohs(a.sin_port))), "tcp");
	(void)!listen(fd, 0);
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		(void)!connect(clients[i], (struct sockaddr *)&a, len);
	}
	ok(open_code(arena_printf(&arena, "tcp:127.0.0.1:%u", ntohs(a.sin_port))) == ERR_RETRY,
	   "its backlog is full");
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		close(clients[i]);
	close(fd);
}

/* ---- ports ----------------------------------------------------------------------------------- */

static const char *port_answers[5];

static void part_port(int fd)
{
	const char *text;

	for (size_t i = 0; i < ARRAY_SIZE(port_answers) && port_answers[i]; i++)
		answer(fd, port_answers[i]);
	(void)hear(fd, &text);
}

static int add_port(const char *first, const char *second)
{
	struct ovs_port p = { .bridge = "br0", .name = "veth1", .vlan_mode = "trunk" };
	struct ovsdb db;
	bool up;
	int rc;

	memset(port_answers, 0, sizeof(port_answers));
	port_answers[0] = first;
	port_answers[1] = second;
	play(&db, part_port, 5000);
	rc = ovs_port_name(&p, &err) < 0 ? -1 : ovs_port_add(&db, &p, 2000, &up);
	end(&db);
	printf("#  %s | %s\n", err.msg, err.details);
	return rc;
}

#define INSERTED    "{\"id\":$,\"result\":[{},{\"uuid\":[]},{\"uuid\":[]},{\"count\":1}]}"
#define NONE        "[\"set\",[]]"
#define PORT(n, e)  "{\"ofport\":" n ",\"error\":" e ",\"link_state\":" NONE "}"
#define OPENED(row) "{\"id\":$,\"result\":[{},{\"rows\":[" row "]}]}"
#define REFUSED(e)  "{\"id\":$,\"result\":[{\"error\":\"" e "\"},null]}"

static void test_port(void)
{
	ok(!add_port(INSERTED, OPENED(PORT("3", NONE))), "added");
	ok(add_port(REFUSED("timed out"), OPENED("")) < 0 && err.code == ERR_CONFIG &&
		   strstr(err.msg, "no OVS bridge br0"),
	   "no bridge");
	ok(add_port(REFUSED("constraint violation"), OPENED("")) < 0 &&
		   strstr(err.msg, "constraint violation") && strstr(err.msg, "veth1"),
	   "refused");
	ok(add_port("{\"id\":$,\"result\":[{},{},{},{\"count\":0}]}", OPENED("")) < 0 &&
		   strstr(err.msg, "was not added"),
	   "the bridge was gone: a count of 0 is no success");
	ok(add_port(INSERTED, REFUSED("timed out")) < 0 && err.code == ERR_RETRY &&
		   strstr(err.msg, "ovs-vswitchd"),
	   "the switch is down");
	ok(add_port(INSERTED, OPENED(PORT("-1", "\"could not open\""))) < 0 &&
		   !strcmp(err.details, "could not open"),
	   "the switch could not");
	ok(add_port(INSERTED, OPENED("")) < 0 && strstr(err.msg, "removed"), "gone already");
}

/* ---- mirrors --------------------------------------------------------------------------------- */

#define U2      "22222222-2222-3333-4444-555555555555"
#define U3      "33333333-2222-3333-4444-555555555555"
#define REF(u)  "[\"uuid\",\"" u "\"]"
#define ROWS(r) "{\"rows\":[" r "]}"
#define LIST(r) "{\"id\":$,\"result\":[" r "]}"
#define BRIDGE  ROWS("{\"_uuid\":" REF(U3) ",\"mirrors\":" REF(U2) "}")
#define MIRROR(u, src, out)                                                           \
	"{\"_uuid\":" REF(u) ",\"select_src_port\":" src ",\"select_dst_port\":" NONE \
			     ",\"output_port\":" out ",\"output_vlan\":" NONE "}"
#define SRC(u)    MIRROR(U2, REF(u), NONE)
#define OTHER     MIRROR(U3, REF(U1), NONE)
#define OUT(u)    MIRROR(U2, NONE, REF(u))
#define SEEN(r)   LIST(BRIDGE "," BRIDGE "," ROWS(r) "," ROWS(""))
#define UNUSED(u) LIST(BRIDGE "," BRIDGE "," ROWS("") "," ROWS("{\"_uuid\":" REF(u) "}"))
#define QUICKER   LIST("{\"error\":\"timed out\"},null,null")
#define CHANGED   LIST("{},{\"count\":1}")
#define MADE      LIST("{},{\"uuid\":[]},{\"count\":1}")

static struct ovs_mirror mirror;
static struct ovs_mirrors mirrors = { "br0", "veth1", U1, "o", &mirror, 1, NULL, NULL };

static int join(const char *a, const char *b, const char *c, const char *d)
{
	const char *answers[] = { a, b, c, d, NULL };
	struct ovsdb db;
	int rc;

	memcpy(port_answers, answers, sizeof(answers));
	play(&db, part_port, 5000);
	rc = ovs_mirrors_join(&db, &mirrors);
	end(&db);
	printf("#  %s\n", err.msg);
	return rc;
}

static void want(unsigned int roles)
{
	mirror = (struct ovs_mirror){ .name = "m", .want = roles };
}

static void test_join(void)
{
	want(OVS_MIRROR_SRC);
	ok(!join(SEEN(SRC(U2)), CHANGED, NULL, NULL) && mirror.exists && !mirror.has,
	   "joined one that is there");
	is_str(mirror.uuid, U2, "that one");
	ok(!join(SEEN(SRC(U1)), CHANGED, NULL, NULL) && mirror.has == OVS_MIRROR_SRC,
	   "was in it already");
	ok(!join(SEEN(OTHER), MADE, NULL, NULL) && !mirror.exists && !mirror.has &&
		   strcmp(mirror.uuid, U2) != 0,
	   "one of another bridge is none");
	ok(!join(SEEN(""), QUICKER, SEEN(SRC(U2)), CHANGED) && mirror.exists,
	   "somebody was quicker to make it");
	ok(!join(UNUSED(U2), LIST("{},{},{\"count\":1},{\"uuid\":[]},{\"count\":1}"), NULL, NULL),
	   "an unused one of the bridge goes");
	ok(!join(UNUSED(U2), LIST("{},{\"error\":\"timed out\"},null,null,null"), SEEN(SRC(U2)),
		 CHANGED) &&
		   mirror.exists,
	   "unless it is used by then");
	ok(!join(UNUSED(U3), MADE, NULL, NULL), "and not one of another bridge");
	ok(join(SEEN(""), LIST("{},{},{\"count\":0}"), NULL, NULL) < 0 &&
		   strstr(err.msg, "not added"),
	   "a count of 0 is no success");
	ok(join(SEEN(""), LIST("{},{\"error\":\"constraint violation\"},null"), NULL, NULL) < 0 &&
		   strstr(err.msg, "constraint violation"),
	   "refused");
	ok(join(LIST(ROWS("") "," ROWS("") "," ROWS("") "," ROWS("")), NULL, NULL, NULL) < 0 &&
		   err.code == ERR_CONFIG && strstr(err.msg, "no OVS bridge br0"),
	   "no bridge");
	ok(join(LIST(BRIDGE "," BRIDGE "," ROWS("{\"_uuid\":" REF(U2) "}") "," ROWS("")), NULL,
		NULL, NULL) < 0 &&
		   strstr(err.msg, "lacks what a select gives"),
	   "a row without all that has been asked for");
	ok(join(LIST(ROWS("{\"_uuid\":7,\"mirrors\":" NONE "}") "," BRIDGE
								"," ROWS("") "," ROWS("")),
		NULL, NULL, NULL) < 0 &&
		   strstr(err.msg, "lacks what a select gives"),
	   "a row whose id is none");
	ok(join(LIST(BRIDGE "," ROWS("") "," ROWS("") "," ROWS("")), NULL, NULL, NULL) < 0 &&
		   err.code == ERR_CONFIG && strstr(err.msg, "veth1 is not on bridge br0"),
	   "another one's port");
	want(OVS_MIRROR_OUT);
	ok(join(SEEN(OUT(U2)), NULL, NULL, NULL) < 0 && err.code == ERR_IN_USE,
	   "the copies go elsewhere");
	ok(!join(SEEN(OUT(U1)), CHANGED, NULL, NULL), "they go there already");
	ok(!join(SEEN(SRC(U2)), LIST("{},{},{\"count\":1}"), NULL, NULL), "nowhere yet");
	ok(join(SEEN(SRC(U2)), QUICKER, SEEN(OUT(U3)), NULL) < 0 && err.code == ERR_IN_USE,
	   "somebody was quicker to take them");
}

static int undo_join(const char *a, const char *b, const char *c)
{
	const char *answers[] = { a, b, c, NULL, NULL };
	struct ovsdb db;
	int rc;

	memcpy(port_answers, answers, sizeof(answers));
	play(&db, part_port, 5000);
	rc = ovs_mirrors_undo_join(&db, &mirrors);
	end(&db);
	return rc;
}

static void test_undo_join(void)
{
	want(OVS_MIRROR_SRC);
	ok(!undo_join(NULL, NULL, NULL), "nothing to take back");
	memcpy(mirror.uuid, U2, sizeof(U2));
	ok(!undo_join(CHANGED, NULL, NULL), "a mirror that has been made, in one request");
	ok(!undo_join(QUICKER, LIST("{\"count\":1}"), QUICKER), "others have joined it since");
	ok(undo_join(LIST("{\"error\":\"x\"},null"), NULL, NULL) < 0, "refused");
	mirror.exists = true;
	ok(!undo_join(LIST("{\"count\":0}"), NULL, NULL), "one that is there");
	mirror.has = OVS_MIRROR_SRC;
	ok(!undo_join(NULL, NULL, NULL), "and had the port: nothing to take back");
}

int main(void)
{
	json_init(&arena);
	if (!mkdtemp(dir))
		return 1;
	test_frame();
	test_values();
	test_build();
	test_answers();
	test_results();
	test_refusals();
	test_garbage();
	test_order();
	test_echo();
	test_pieces();
	test_silence();
	test_endpoints();
	test_bare_path();
	test_backlog();
	test_tcp();
	test_port();
	test_join();
	test_undo_join();
	unlink(endpoint() + 5);
	rmdir(dir);
	arena_free(&arena);
	return done_testing();
}
