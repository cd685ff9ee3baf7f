/* SPDX-License-Identifier: Apache-2.0 */
#include "skel/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/scope.h"
#include "sys/file.h"
#include "json/text.h"

/* The environment's word counts; NULL: nobody wants to know. */
static const char *target_of(const struct cni_call *c)
{
	const char *target = getenv("CNIC_LOG");

	if (!target || !*target)
		target = c->req->net.log;
	return target && *target ? target : NULL;
}

static void add_str(struct json_buf *b, const char *key, const char *value)
{
	if (value && *value)
		json_buf_pair_str(b, key, value);
}

static void add_time(struct json_buf *b)
{
	struct timespec now;
	struct tm tm;
	char day[40], text[64];

	clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm) || !strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm))
		return;
	snprintf(text, sizeof(text), "%s.%06ldZ", day, now.tv_nsec / 1000);
	add_str(b, "time", text);
}

static void make_line(struct json_buf *b, const struct cni_call *c, const char *verb,
		      const struct log_times *t, int rc)
{
	const struct cni_request *req = c->req;

	json_buf_add(b, "{");
	add_time(b);
	add_str(b, "verb", verb);
	add_str(b, "plugin", c->plugin->name);
	add_str(b, "network", req->net.name);
	add_str(b, "container", req->container_id);
	add_str(b, "ifname", req->ifname);
	json_buf_pair_int(b, "code", rc ? c->err->code : 0);
	json_buf_pair_int(b, "us", clock_us() - t->start);
	if (t->ready)
		json_buf_pair_int(b, "prepareUs", t->ready - t->start);
	if (c->lock.waited_us)
		json_buf_pair_int(b, "lockUs", c->lock.waited_us);
	if (rc)
		add_str(b, "error", c->err->msg);
	add_str(b, "trace", getenv("TRACEPARENT"));
	json_buf_add(b, "}\n");
}

/* In one write(2), behind what others write; no link is followed, no reader waited for. */
void log_call(const struct cni_call *c, const char *verb, const struct log_times *t, int rc)
{
	const char *target = target_of(c);
	struct json_buf b = { 0 };
	auto_close int file = -1;
	int fd = STDERR_FILENO;

	if (!target)
		return;
	if (strcmp(target, "stderr") != 0) {
		if (*target == '/')
			file = open(target, O_WRONLY | O_APPEND | O_CREAT | FILE_SAFE, 0600);
		fd = file;
	}
	if (fd < 0)
		return;
	make_line(&b, c, verb, t, rc);
	(void)!write(fd, b.text, b.len);
}
