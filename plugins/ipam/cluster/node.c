/* SPDX-License-Identifier: Apache-2.0 */
#include "node.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/utsname.h>

#include "base/scope.h"
#include "sys/file.h"
#include "sys/lock.h"

#define MACHINE_ID_LEN 32
#define TEXT_MAX       255

const char *node_token(struct arena *arena)
{
	uint8_t b[16];
	char *text = arena_alloc(arena, 2 * sizeof(b) + 1);

	if (getrandom(b, sizeof(b), 0) != sizeof(b))
		return NULL;
	for (size_t i = 0; i < sizeof(b); i++)
		snprintf(text + 2 * i, 3, "%02x", b[i]);
	return text;
}

static bool make_uuid(struct node *n, struct arena *arena)
{
	const char *t = node_token(arena);

	if (t)
		snprintf(n->uuid, sizeof(n->uuid), "%.8s-%.4s-%.4s-%.4s-%.12s", t, t + 8, t + 12,
			 t + 16, t + 20);
	return t;
}

/* machine-id(5); what is not one says nothing. */
static const char *read_machine(struct arena *arena)
{
	struct err ignored = { 0 };
	const char *text;
	size_t len;

	if (file_read("/etc/machine-id", TEXT_MAX, arena, &text, &len, &ignored) < 0 ||
	    strspn(text, "0123456789abcdef") != MACHINE_ID_LEN)
		return "-";
	return arena_strndup(arena, text, MACHINE_ID_LEN);
}

static const char *read_host(struct arena *arena)
{
	struct utsname u;

	return uname(&u) < 0 || !*u.nodename ? "-" : arena_strdup(arena, u.nodename);
}

/* "UUID MACHINE\n". Of a machine that says no id nothing can be told. */
static bool parse(const char *text, struct node *n)
{
	size_t len = strcspn(text, " ");
	const char *machine = text + len + 1, *end = strchr(text, '\n');

	if (len != NODE_UUID_LEN || strspn(text, "0123456789abcdef-") != len || !end ||
	    end < machine)
		return false;
	if (*machine != '-' && *n->machine != '-' &&
	    (strlen(n->machine) != (size_t)(end - machine) ||
	     memcmp(machine, n->machine, (size_t)(end - machine)) != 0))
		return false;
	memcpy(n->uuid, text, len);
	return true;
}

static int make(struct node *n, int fd, const char *path, struct arena *arena, struct err *err)
{
	const char *text;

	if (!make_uuid(n, arena))
		return err_sys(err, "random numbers");
	text = arena_printf(arena, "%s %s\n", n->uuid, n->machine);
	if (ftruncate(fd, 0) < 0 || lseek(fd, 0, SEEK_SET) < 0 ||
	    file_write_fd(fd, text, strlen(text)) < 0 || fsync(fd) < 0)
		return err_sys(err, "write %s", path);
	return 0;
}

int node_identify(struct node *n, const char *data_dir, struct arena *arena, struct err *err)
{
	const char *path = arena_printf(arena, "%s/.node", data_dir);
	auto_close int fd = -1;
	char text[TEXT_MAX + 1];
	ssize_t len;

	*n = (struct node){ .machine = read_machine(arena), .host = read_host(arena) };
	if (lock_path(path, O_RDWR | O_CREAT | FILE_SAFE, &fd, err) < 0)
		return -1;
	len = file_read_fd(fd, text, sizeof(text) - 1);
	if (len < 0)
		return err_sys(err, "read %s", path);
	text[len] = '\0';
	return parse(text, n) ? 0 : make(n, fd, path, arena, err);
}
