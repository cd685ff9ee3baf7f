/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/resolv.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "sys/file.h"

#define MAX_SIZE 65536

static int read_text(const char *path, char *buf, struct err *err)
{
	auto_close int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return err_sys(err, "open %s", path);
	n = file_read_fd(fd, buf, MAX_SIZE);
	if (n < 0)
		return err_sys(err, "read %s", path);
	if (n == MAX_SIZE)
		return err_config(err, "%s is not shorter than %d bytes", path, MAX_SIZE);
	buf[n] = '\0';
	return 0;
}

static void parse_line(char *line, struct arena *arena, struct resolv *out)
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

int resolv_read(const char *path, struct arena *arena, struct resolv *out, struct err *err)
{
	char *text = arena_alloc(arena, MAX_SIZE), *line;

	*out = (struct resolv){ 0 };
	if (read_text(path, text, err) < 0)
		return -1;
	while ((line = strsep(&text, "\n")))
		parse_line(line, arena, out);
	return 0;
}
