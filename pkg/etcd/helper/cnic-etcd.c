/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cnic-etcd - one request to etcd's JSON gateway, over HTTP or TLS by libcurl, whichever member
 * answers. An executable of its own: cluster runs it when it has something to ask, and no other
 * executable pays for the library.
 *
 * On stdin lines "NAME VALUE" (endpoint, more than one; cacert, cert, key, token, timeout in ms,
 * path), an empty line, the body. On stdout the status of HTTP, a newline, the body of the answer;
 * exit status 0. Else the reason; 3: no member has answered, though one may have done it; 1: the
 * request makes no sense, or its answer is too large, though it may have been done.
 *
 * A member that does not answer at once does not hold the call up: after HEDGE_MS the next one is
 * asked as well. What all of them have been asked while their leader died they never answer: after
 * AGAIN_MS each is asked once more. Whoever asks sees to it that what is done twice is done once
 * (cluster's register).
 */
#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ENDPOINTS_MAX 16
#define LINE_BYTES    8192
#define HEDGE_MS      400
#define AGAIN_MS      1500
#define PAUSE_MS      100 /* between two rounds of members that have no leader */
#define CONNECT_MS    1500
#define MEGABYTE      ((size_t)1000 * 1000)
#define ANSWER_MAX    (32 * MEGABYTE)

enum { DONE = 0, FAILED = 1, UNKNOWN = 3, HTTP_UNAVAILABLE = 503 };

struct request {
	char *endpoints[ENDPOINTS_MAX];
	int n;
	char *cacert, *cert, *key, *token, *timeout, *path;
	char *body;
	size_t body_len;
};

struct buffer {
	char *text;
	size_t len;
	bool too_large; /* it would have been */
};

struct member {
	CURL *curl; /* NULL: not asked, or it has failed */
	struct buffer answer;
	char why[CURL_ERROR_SIZE + 64];
	bool unavailable; /* it has answered, but cannot serve now */
};

static int fail(int status, const char *what, const char *why)
{
	printf("%s%s%s\n", what, *why ? ": " : "", why);
	return status;
}

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (long)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- the request ----------------------------------------------------------------------------- */

static bool set(struct request *r, const char *name, const char *value)
{
	const struct {
		const char *name;
		char **to;
	} names[] = {
		{ "cacert", &r->cacert }, { "cert", &r->cert },       { "key", &r->key },
		{ "token", &r->token },   { "timeout", &r->timeout }, { "path", &r->path },
	};

	if (!strcmp(name, "endpoint") && r->n < ENDPOINTS_MAX)
		return (r->endpoints[r->n++] = strdup(value));
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(name, names[i].name))
			return (*names[i].to = strdup(value));
	return false;
}

static bool read_body(struct request *r)
{
	size_t size = 65536, n;

	r->body = malloc(size);
	while (r->body && (n = fread(r->body + r->body_len, 1, size - r->body_len, stdin))) {
		r->body_len += n;
		if (r->body_len == size)
			r->body = realloc(r->body, size *= 2);
	}
	return r->body && !ferror(stdin);
}

static bool read_request(struct request *r)
{
	char line[LINE_BYTES];

	while (fgets(line, sizeof(line), stdin) && *line != '\n') {
		char *value = strchr(line, ' '), *end = strchr(line, '\n');

		if (!value || !end)
			return false;
		*value++ = *end = '\0';
		if (!set(r, line, value))
			return false;
	}
	return r->n && r->path && r->timeout && read_body(r);
}

/* ---- one member ------------------------------------------------------------------------------ */

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct buffer *b = arg;
	char *bigger;

	b->too_large = b->len + size * n > ANSWER_MAX;
	bigger = b->too_large ? NULL : realloc(b->text, b->len + size * n + 1);
	if (!bigger)
		return 0;
	memcpy(bigger + b->len, data, size * n);
	b->text = bigger;
	b->len += size * n;
	bigger[b->len] = '\0';
	return size * n;
}

static void set_tls(CURL *curl, const struct request *r)
{
	if (r->cacert)
		(void)curl_easy_setopt(curl, CURLOPT_CAINFO, r->cacert);
	if (r->cert)
		(void)curl_easy_setopt(curl, CURLOPT_SSLCERT, r->cert);
	if (r->key)
		(void)curl_easy_setopt(curl, CURLOPT_SSLKEY, r->key);
}

/* No proxy of the environment's, no redirection: the credentials go to the member alone. */
static bool ask(CURLM *multi, struct member *m, const struct request *r, const char *endpoint,
		struct curl_slist *headers)
{
	char url[LINE_BYTES];

	m->curl = curl_easy_init();
	if (!m->curl)
		return false;
	m->unavailable = false;
	m->answer.len = 0;
	m->answer.too_large = false;
	snprintf(url, sizeof(url), "%s%s", endpoint, r->path);
	(void)curl_easy_setopt(m->curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(m->curl, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl_easy_setopt(m->curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(m->curl, CURLOPT_NOSIGNAL, 1L);
	(void)curl_easy_setopt(m->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	(void)curl_easy_setopt(m->curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
	(void)curl_easy_setopt(m->curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(m->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	(void)curl_easy_setopt(m->curl, CURLOPT_POSTFIELDS, r->body);
	(void)curl_easy_setopt(m->curl, CURLOPT_WRITEFUNCTION, take);
	(void)curl_easy_setopt(m->curl, CURLOPT_WRITEDATA, &m->answer);
	(void)curl_easy_setopt(m->curl, CURLOPT_ERRORBUFFER, m->why);
	(void)curl_easy_setopt(m->curl, CURLOPT_PRIVATE, m);
	set_tls(m->curl, r);
	return curl_multi_add_handle(multi, m->curl) == CURLM_OK;
}

/* The status it has answered with; 0: m->why says why there is none. */
static long finish(CURLM *multi, const CURLMsg *msg, struct member **out)
{
	CURL *curl = msg->easy_handle;
	CURLcode rc = msg->data.result;
	struct member *m = NULL;
	long status = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&m);
	(void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	if (rc != CURLE_OK && !*m->why)
		snprintf(m->why, sizeof(m->why), "%s", curl_easy_strerror(rc));
	if (rc == CURLE_OK && status == HTTP_UNAVAILABLE) {
		snprintf(m->why, sizeof(m->why), "%.250s", m->answer.len ? m->answer.text : "503");
		m->unavailable = true;
	}
	(void)curl_multi_remove_handle(multi, curl);
	curl_easy_cleanup(curl);
	m->curl = NULL;
	*out = m;
	return rc == CURLE_OK && !m->unavailable ? status : 0;
}

/* ---- all of them ----------------------------------------------------------------------------- */

struct round {
	const struct request *r;
	CURLM *multi;
	struct member members[2 * ENDPOINTS_MAX]; /* each, and each once more */
	struct curl_slist *headers;
	int asked, running;
	long deadline, next; /* when the next of them is asked as well */
};

static void ask_one(struct round *q)
{
	const char *endpoint = q->r->endpoints[q->asked % q->r->n];

	if (ask(q->multi, &q->members[q->asked], q->r, endpoint, q->headers))
		q->running++;
	q->asked++;
	q->next = now_ms() + (q->asked == q->r->n ? AGAIN_MS : HEDGE_MS);
}

static bool has_more(const struct round *q)
{
	return q->asked < 2 * q->r->n;
}

/* At once, since another one has failed: once more is for those that do not answer. */
static bool ask_next(struct round *q)
{
	if (!has_more(q) || q->asked == q->r->n)
		return false;
	ask_one(q);
	return true;
}

/* A member without a leader may have one in a moment; there is no event to wait for. */
static bool ask_again(struct round *q)
{
	bool any = false;

	for (int i = 0; i < q->asked; i++)
		any |= q->members[i].unavailable;
	if (!any || now_ms() + PAUSE_MS >= q->deadline)
		return false;
	usleep(PAUSE_MS * 1000);
	q->asked = 0;
	ask_one(q);
	return true;
}

/* The status of the first good answer, which *m has; 0: none. */
static long collect(struct round *q, struct member **m)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(q->multi, &left))) {
		long status;

		if (msg->msg != CURLMSG_DONE)
			continue;
		status = finish(q->multi, msg, m);
		q->running--;
		if (status)
			return status;
		(void)ask_next(q);
	}
	return 0;
}

static long talk(struct round *q, struct member **m)
{
	long status = 0, now;

	ask_one(q);
	while (!status && (now = now_ms()) < q->deadline) {
		long until = has_more(q) && q->next < q->deadline ? q->next : q->deadline;
		int running;

		if (!q->running && !ask_next(q) && !ask_again(q))
			return 0;
		(void)curl_multi_perform(q->multi, &running);
		status = collect(q, m);
		if (status)
			break;
		if (!q->running) /* there is nothing to wait for */
			continue;
		if (now >= q->next && has_more(q))
			ask_one(q);
		(void)curl_multi_poll(q->multi, NULL, 0, (int)(until > now ? until - now : 1),
				      NULL);
	}
	return status;
}

static int print_answer(long status, const struct buffer *b)
{
	printf("%ld\n", status);
	return b->len && fwrite(b->text, b->len, 1, stdout) != 1 ? FAILED : DONE;
}

/* A member that cannot serve has at least answered. */
static int report(const struct round *q)
{
	for (int i = 0; i < 2 * q->r->n; i++)
		if (q->members[i].unavailable)
			return print_answer(HTTP_UNAVAILABLE, &q->members[i].answer);
	for (int i = 0; i < 2 * q->r->n; i++)
		if (q->members[i].answer.too_large) {
			printf("the answer is too large: more than %zu MB\n",
			       ANSWER_MAX / MEGABYTE);
			return FAILED;
		}
	for (int i = 0; i < q->r->n; i++)
		printf("%s%s: %s", i ? "; " : "", q->r->endpoints[i],
		       *q->members[i].why ? q->members[i].why : "no answer in time");
	puts("");
	return UNKNOWN;
}

static int run(const struct request *r)
{
	static struct round round;
	struct round *q = &round;
	struct member *m = NULL;
	char token[LINE_BYTES];
	long status;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return fail(FAILED, "libcurl", "cannot be used");
	q->r = r;
	q->multi = curl_multi_init();
	q->deadline = now_ms() + strtol(r->timeout, NULL, 10);
	q->headers = curl_slist_append(NULL, "Content-Type: application/json");
	q->headers = curl_slist_append(q->headers, "Expect:");
	snprintf(token, sizeof(token), "Authorization: %s", r->token ? r->token : "");
	if (r->token)
		q->headers = curl_slist_append(q->headers, token);
	status = talk(q, &m);
	if (!status)
		return report(q);
	printf("%ld\n", status);
	return m->answer.len && fwrite(m->answer.text, m->answer.len, 1, stdout) != 1 ? FAILED
										      : DONE;
}

/* By which `cnic uninstall` knows its own (pkg/cmd/install.c). */
__attribute__((used)) static const char mark[] =
	"This is an executable of cnic, the CNI plugins in C.";

/* What is not freed goes with the process. */
int main(void)
{
	static struct request r;
	int rc = read_request(&r) ? run(&r) : fail(FAILED, "cnic-etcd: no request on stdin", "");

	return fflush(stdout) ? FAILED : rc;
}
