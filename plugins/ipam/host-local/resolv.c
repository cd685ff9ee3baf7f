/* SPDX-License-Identifier: Apache-2.0 */
#include "resolv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/file.h"

#define MAX_SIZE 65536

static void parse_line(char *line, struct arena *arena, struct cni_dns *out)
{
	static const char spaces[] = " \t\r\v\f";
	const char *key = strtok_r(line, spaces, &line), *word;

	if (!key || *key == '#' || *key == ';')
		return;
	for (size_t i = 0; (word = strtok_r(NULL, spaces, &line)); i++) {
		if (!strcmp(key, "search"))
			*arena_append(arena, out->search, out->n_search) = word;
		else if (!strcmp(key, "options"))
			*arena_append(arena, out->options, out->n_options) = word;
		else if (!i && !strcmp(key, "nameserver"))
			*arena_append(arena, out->nameservers, out->n_nameservers) = word;
		else if (!i && !strcmp(key, "domain"))
			out->domain = word;
	}
}

int resolv_read(const char *path, struct arena *arena, struct cni_dns *out, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	char *text = arena_alloc(arena, MAX_SIZE), *line;
	ssize_t n = fd < 0 ? -1 : file_read_fd(fd, text, MAX_SIZE);

	*out = (struct cni_dns){ 0 };
	if (n < 0)
		return err_sys(err, "%s %s", fd < 0 ? "open" : "read", path);
	if (n == MAX_SIZE)
		return err_config(err, "%s is not shorter than %d bytes", path, MAX_SIZE);
	while ((line = strsep(&text, "\n")))
		parse_line(line, arena, out);
	out->has_any = cni_dns_is_set(out);
	return 0;
}
