/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/listen/address.h"

#include <ctype.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "net/ip.h"

#define HOST_LEN 64 /* of an address in letters */

static const char unix_prefix[] = "unix:";

static bool parse_port(const char *s, in_port_t *port)
{
	char *end;
	long n;

	if (!isdigit((unsigned char)*s))
		return false;
	n = strtol(s, &end, 10);
	*port = htons((uint16_t)n);
	return !*end && n >= 1 && n <= 65535;
}

/* "HOST:PORT"; a HOST of IPv6 stands in brackets. */
static bool split(const char *s, char host[HOST_LEN], const char **port)
{
	bool in_brackets = *s == '[';
	const char *colon = strrchr(s, ':');
	size_t n;

	if (!colon)
		return false;
	*port = colon + 1;
	s += in_brackets;
	n = (size_t)(colon - s);
	if (in_brackets && (!n || s[--n] != ']'))
		return false;
	if (!n || n >= HOST_LEN)
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	return in_brackets == (memchr(host, ':', n) != NULL);
}

static void fill(struct listen_address *a, const struct ip *ip, in_port_t port)
{
	*a = (struct listen_address){ .type = SOCK_STREAM };
	if (ip->family == AF_INET) {
		a->v4.sin_family = AF_INET;
		a->v4.sin_addr = ip->v4;
		a->v4.sin_port = port;
		a->len = sizeof(a->v4);
	} else {
		a->v6.sin6_family = AF_INET6;
		a->v6.sin6_addr = ip->v6;
		a->v6.sin6_port = port;
		a->len = sizeof(a->v6);
	}
}

static bool parse(struct listen_address *a, const char *s, bool may_be_any)
{
	char host[HOST_LEN];
	const char *port_text;
	struct ip ip = { .family = AF_INET6 };
	in_port_t port;
	bool is_dual;

	if (!split(s, host, &port_text) || !parse_port(port_text, &port))
		return false;
	is_dual = may_be_any && !strcmp(host, "*");
	if (!is_dual && !ip_parse(&ip, host))
		return false;
	fill(a, &ip, port);
	a->is_dual = is_dual;
	return true;
}

/* The protocol's letters go from the copy. */
static bool take_protocol(char *s, int *type)
{
	char *slash = strchr(s, '/');

	*type = SOCK_STREAM;
	if (!slash)
		return true;
	*slash = '\0';
	if (!strcmp(slash + 1, "udp"))
		*type = SOCK_DGRAM;
	return *type == SOCK_DGRAM || !strcmp(slash + 1, "tcp");
}

int listen_address_parse(struct listen_address *a, const char *s, struct err *err)
{
	char copy[HOST_LEN + 16];
	size_t len = strlen(s);
	int type;

	if (len < sizeof(copy)) {
		memcpy(copy, s, len + 1);
		if (take_protocol(copy, &type) && parse(a, copy, true)) {
			a->type = type;
			a->text = s;
			return 0;
		}
	}
	return err_config(
		err, "%s: expected ADDRESS:PORT, [ADDRESS]:PORT or *:PORT, perhaps with /udp", s);
}

static int parse_unix(struct listen_address *a, const char *path, struct err *err)
{
	size_t len = strlen(path);

	*a = (struct listen_address){ .type = SOCK_STREAM };
	if (!len || len >= sizeof(a->un.sun_path))
		return err_config(err, "%s%s: a path has 1 to %zu bytes", unix_prefix, path,
				  sizeof(a->un.sun_path) - 1);
	a->un.sun_family = AF_UNIX;
	memcpy(a->un.sun_path, path, len);
	if (*path == '@')
		a->un.sun_path[0] = '\0';
	else
		len++;
	a->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	a->text = path;
	return 0;
}

int listen_address_parse_peer(struct listen_address *a, const char *s, struct err *err)
{
	size_t n = sizeof(unix_prefix) - 1;

	if (!strncmp(s, unix_prefix, n))
		return parse_unix(a, s + n, err);
	if (parse(a, s, false)) {
		a->text = s;
		return 0;
	}
	return err_config(err, "%s: expected ADDRESS:PORT, [ADDRESS]:PORT or unix:PATH", s);
}
