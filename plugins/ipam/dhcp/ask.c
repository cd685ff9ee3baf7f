/* SPDX-License-Identifier: Apache-2.0 */
#include "ask.h"

#include <ctype.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include "base/scope.h"
#include "base/str.h"
#include "cni/error.h"
#include "sys/pass_fd.h"

/* clang-format off */
static const struct json_field valid_fields[] = {
	F_STR("containerID", struct ask_valid, container_id, .required = true),
	F_STR("ifname", struct ask_valid, ifname, .required = true),
	F_END
};

const struct json_field ask_fields[] = {
	F_STR("command", struct ask, command),
	F_STR("network", struct ask, network),
	F_STR("containerID", struct ask, container_id),
	F_STR("ifname", struct ask, ifname),
	F_STR("netns", struct ask, netns),
	F_STR("options", struct ask, options),
	F_UINT("priority", struct ask, priority),
	F_UINT("probe", struct ask, probe, .max = 60000),
	F_UINT("resendMax", struct ask, resend_max, .max = 3600),
	F_UINT("resendTimeout", struct ask, resend_timeout, .max = 86400),
	F_BOOL("broadcast", struct ask, broadcast),
	F_BOOL("noIPv4", struct ask, no_ipv4),
	F_BOOL("ipv6", struct ask, ipv6),
	F_BOOL("rapidCommit", struct ask, rapid_commit),
	F_STR("request6", struct ask, request6),
	F_LIST("valid", struct ask, valid, valid_fields),
	F_END
};
/* clang-format on */

static void add_str(struct json *o, const char *key, const char *value)
{
	if (value && *value)
		json_add_str(o, key, value);
}

static void add_uint(struct json *o, const char *key, uint32_t value)
{
	if (value)
		json_add_int(o, key, value);
}

static void add_true(struct json *o, const char *key, bool value)
{
	if (value)
		json_add_bool(o, key, true);
}

struct json *ask_json(const struct ask *a)
{
	struct json *o = json_object(), *list;

	add_str(o, "command", a->command);
	add_str(o, "network", a->network);
	add_str(o, "containerID", a->container_id);
	add_str(o, "ifname", a->ifname);
	add_str(o, "netns", a->netns);
	add_str(o, "options", a->options);
	add_uint(o, "priority", a->priority);
	add_uint(o, "probe", a->probe);
	add_uint(o, "resendMax", a->resend_max);
	add_uint(o, "resendTimeout", a->resend_timeout);
	add_true(o, "broadcast", a->broadcast);
	add_true(o, "noIPv4", a->no_ipv4);
	add_true(o, "ipv6", a->ipv6);
	add_true(o, "rapidCommit", a->rapid_commit);
	add_str(o, "request6", a->request6);
	list = a->n_valid ? json_add_list(o, "valid") : NULL;
	for (size_t i = 0; i < a->n_valid; i++) {
		struct json *v = json_add_object(list, NULL);

		json_add_str(v, "containerID", a->valid[i].container_id);
		json_add_str(v, "ifname", a->valid[i].ifname);
	}
	return o;
}

bool ask_names_attachment(const struct ask *a)
{
	return a->network && a->container_id && a->ifname && str_is_cni_name(a->network) &&
	       str_is_cni_name(a->container_id) && !str_ifname_fault(a->ifname);
}

int ask_parse(const char *text, size_t len, struct ask *a, struct err *err)
{
	const struct json *v;

	*a = (struct ask){ 0 };
	if (json_parse(text, len, &v, err) < 0 || json_decode(v, ask_fields, "", a, err) < 0)
		return -1;
	if (!a->command)
		return err_set(err, ERR_DECODE, "no question of the dhcp plugin's");
	if (!strcmp(a->command, "status"))
		return 0;
	if (!strcmp(a->command, "gc") ? !a->network : !ask_names_attachment(a))
		return err_set(err, ERR_DECODE, "%.20s: of no attachment", a->command);
	return 0;
}

/* ---- hexadecimal digits ---------------------------------------------------------------------- */

static const char digits_of[] = "0123456789abcdef";

const char *ask_hex(const uint8_t *at, size_t len)
{
	char *s = arena_alloc(json_arena(), 2 * len + 1);

	for (size_t i = 0; i < len; i++) {
		s[2 * i] = digits_of[at[i] >> 4];
		s[2 * i + 1] = digits_of[at[i] & 15];
	}
	return s;
}

int ask_unhex(const char *digits, const uint8_t **out, size_t *len, struct err *err)
{
	uint8_t *to = arena_alloc(json_arena(), strlen(digits) / 2 + 1);

	*len = strlen(digits) / 2;
	*out = to;
	if (strlen(digits) % 2 || strspn(digits, digits_of) != strlen(digits))
		return err_set(err, ERR_DECODE, "options: no hexadecimal digits");
	for (size_t i = 0; i < 2 * *len; i++) {
		const uint8_t v = (uint8_t)(strchr(digits_of, digits[i]) - digits_of);

		to[i / 2] = (uint8_t)(to[i / 2] << 4 | v);
	}
	return 0;
}

/* ---- the plugin's side ----------------------------------------------------------------------- */

static int no_answer(struct err *err)
{
	return err_set(err, ERR_RETRY, "the DHCP daemon does not answer");
}

/*
 * 0 with *fd -1: nobody listens. A daemon that accepts nothing, or reads nothing, lets connect(2)
 * and sendmsg(2) wait for as long.
 */
static int connect_to(const char *path, int timeout_ms, int *fd, struct err *err)
{
	const struct timeval most = { timeout_ms / 1000, timeout_ms % 1000 * 1000L };
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	_Static_assert(sizeof(to.sun_path) == ASK_PATH_MAX + 1, "with its end");
	auto_close int s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*fd = -1;
	if (strlen(path) > ASK_PATH_MAX)
		return 0;
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (s < 0 || setsockopt(s, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most)) < 0)
		return err_sys(err, "a socket for the DHCP daemon");
	if (connect(s, (const struct sockaddr *)&to, sizeof(to)) < 0) {
		if (errno == ENOENT || errno == ENOTDIR || errno == ECONNREFUSED)
			return 0;
		return errno == EAGAIN ? no_answer(err)
				       : err_sys(err, "error dialing DHCP daemon: %s", path);
	}
	*fd = take_fd(&s);
	return 0;
}

static int send_all(int fd, struct iovec iov, int netns_fd, struct err *err)
{
	union pass_fd room;

	while (iov.iov_len) {
		struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1 };
		ssize_t n;

		pass_fd_put(&h, &room, netns_fd);
		n = sendmsg(fd, &h, MSG_NOSIGNAL);
		if (n < 0 && errno == EPIPE) /* it may have answered already */
			return 0;
		if (n < 0 && errno == EAGAIN)
			return no_answer(err);
		if (n < 0 && errno != EINTR)
			return err_sys(err, "ask the DHCP daemon");
		if (n <= 0)
			continue;
		iov.iov_base = (char *)iov.iov_base + n;
		iov.iov_len -= (size_t)n;
		netns_fd = -1; /* it went with the first bytes */
	}
	return 0;
}

static int wait_readable(int fd, int timeout_ms, struct err *err)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int n = poll(&p, 1, timeout_ms);

	if (n < 0 && errno != EINTR)
		return err_sys(err, "wait for the DHCP daemon");
	if (!n)
		return no_answer(err);
	return 0;
}

/* Until its end. Each byte is a sign that the daemon is there, and still waits for a server. */
static int receive(int fd, int timeout_ms, const char **text, size_t *len, struct err *err)
{
	size_t size = 4096;
	char *buf = arena_alloc(json_arena(), size);

	*len = 0;
	for (;;) {
		ssize_t n;

		if (wait_readable(fd, timeout_ms, err) < 0)
			return -1;
		n = recv(fd, buf + *len, size - *len, 0);
		if (n < 0 && errno != EINTR && errno != ECONNRESET)
			return err_sys(err, "the DHCP daemon's answer");
		if (!n || (n < 0 && errno == ECONNRESET))
			break;
		*len += n > 0 ? (size_t)n : 0;
		if (*len < size)
			continue;
		if (size > ASK_MAX)
			return err_set(err, ERR_DECODE, "the DHCP daemon's answer is too long");
		size *= 2;
		buf = memcpy(arena_alloc(json_arena(), size), buf, *len);
	}
	*text = buf;
	return 0;
}

/* What is no answer of ours may be the reference's daemon, which speaks Go's net/rpc. */
static int read_answer(const char *text, size_t len, const struct json **answer, struct err *err)
{
	for (; len && *text == '\n'; text++) /* its signs are none */
		len--;
	if (!len) {
		err_fill(err, ERR_RETRY, ECONNRESET,
			 "the DHCP daemon has ended before it answered");
		return -1;
	}
	if (!strncmp(text, "HTTP/", len < 5 ? len : 5))
		return err_set(
			err, ERR_UNAVAILABLE,
			"another program than `cnic dhcp` listens at the DHCP daemon's socket");
	if (json_parse(text, len, answer, err) < 0)
		return err_wrap(err, "the DHCP daemon's answer");
	if (!json_get(*answer, "code"))
		return 0;
	(void)!cni_error_parse(text, len, err);
	return -1;
}

int ask_daemon(const char *path, const struct ask *a, int netns_fd, int timeout_ms,
	       const struct json **answer, struct err *err)
{
	auto_close int fd = -1;
	const char *text;
	char *question;
	size_t len;

	*answer = NULL;
	if (connect_to(path, timeout_ms, &fd, err) < 0)
		return -1;
	if (fd < 0)
		return 0;
	question = arena_printf(json_arena(), "%s\n", json_print(ask_json(a)));
	if (send_all(fd, (struct iovec){ question, strlen(question) }, netns_fd, err) < 0 ||
	    receive(fd, timeout_ms, &text, &len, err) < 0)
		return -1;
	return read_answer(text, len, answer, err);
}
