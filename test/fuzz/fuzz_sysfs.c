/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_sysfs - a byte for what it is: 0 what host-device has written down of a device; else a tree
 * of sysfs in $FUZZ_DIR, a list of a byte that says where, a byte of length, and a text: what a link
 * leads to, a file holds, or a directory is called.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugins/main/host-device/origin.h"
#include "plugins/main/host-device/selector.h"
#include "sys/sriov.h"

#define PCI "bus/pci/devices/"
#define VF  PCI "0000:03:00.3"
#define PF  PCI "0000:03:00.0"
#define AUX "bus/auxiliary/devices/mlx5_core.sf.4"

/* Of which each is a directory to begin with. */
static const char *const directories[] = { VF "/net", PF "/net",           AUX "/net", VF,
					   PCI,       "class/net/uplink0", "class/net" };

static const struct place {
	const char *path;
	enum { LINK, FILE_, DIRECTORY } kind;
} places[] = {
	{ VF "/driver", LINK },
	{ VF "/physfn", LINK },
	{ VF "/net", DIRECTORY },
	{ VF, DIRECTORY },
	{ PF "/net", DIRECTORY },
	{ PF "/virtfn0", LINK },
	{ PF "/virtfn1", LINK },
	{ PF "/virtfn99999999999", LINK },
	{ AUX "/net", DIRECTORY },
	{ PCI, DIRECTORY },
	{ "class/net", DIRECTORY },
	{ "class/net/uplink0/phys_switch_id", FILE_ },
	{ "class/net/uplink0/phys_port_name", FILE_ },
	{ "class/net/rep0/phys_switch_id", FILE_ },
	{ "class/net/rep0/phys_port_name", FILE_ },
	{ "class/net/uplink0/master", LINK },
	{ "class/net/bond0/bonding/slaves", FILE_ },
};

static struct arena arena;

static void empty(const char *name, int depth)
{
	DIR *dir = opendir(name);
	const struct dirent *e;

	while (dir && (e = readdir(dir))) {
		const char *path = arena_printf(&arena, "%s/%s", name, e->d_name);

		if (!strcmp(e->d_name, ".") || !strcmp(e->d_name, ".."))
			continue;
		if (unlink(path) < 0 && depth < 16) {
			empty(path, depth + 1);
			(void)rmdir(path);
		}
	}
	if (dir)
		closedir(dir);
}

static void make_parents(const char *path)
{
	char *copy = arena_strdup(&arena, path);

	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		(void)mkdir(copy, 0755);
		*slash = '/';
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		return;
	(void)!write(fd, text, strlen(text));
	close(fd);
}

/* What leads out of the tree, or is an absolute path, is not made. */
static void make(const struct place *p, const char *text)
{
	make_parents(p->path);
	if (p->kind == FILE_)
		write_file(p->path, text);
	else if (p->kind == LINK && *text != '/' && !strstr(text, "../../../.."))
		(void)!symlink(text, p->path);
	else if (p->kind == DIRECTORY && *text && *text != '/' && !strstr(text, ".."))
		(void)mkdir(arena_printf(&arena, "%s/%s", p->path, text), 0755);
}

static void make_tree(const uint8_t *data, size_t size)
{
	empty(".", 0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(*directories); i++)
		make_parents(arena_printf(&arena, "%s/", directories[i]));
	while (size >= 2) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		make(&places[data[0] % (sizeof(places) / sizeof(*places))],
		     fuzz_text(&arena, data + 2, n));
		data += 2 + n;
		size -= 2 + n;
	}
}

static void expect_name(const char *name)
{
	if (name && (!*name || strchr(name, '/') || strlen(name) >= IFNAMSIZ))
		abort();
}

static void resolve(struct selector s)
{
	struct err err = { 0 };

	fuzz_expect(selector_resolve(&s, ".", &arena, &err), &err);
	expect_name(s.sysfs.netdev);
}

static void read_tree(void)
{
	struct err err = { 0 };
	struct sriov vf;
	const char **names;
	size_t n;

	resolve((struct selector){ "", "", "", "0000:03:00.3", "", .userspace = false });
	resolve((struct selector){ "", "", "", "", "0000:03:00.3", .userspace = false });
	resolve((struct selector){ "", "", "", "", "mlx5_core.sf.4", .userspace = false });
	fuzz_expect(sriov_find(".", "0000:03:00.3", &vf, &arena, &err), &err);
	expect_name(vf.netdev);
	sriov_uplinks(".", "uplink0", &arena, &names, &n);
	(void)sysfs_has_netdev(VF, &arena);
}

static void read_record(const char *text, size_t size)
{
	struct err err = { 0 };
	const struct json *v;
	struct origin o;

	if (json_parse(text, size, &v, &err) < 0)
		return;
	fuzz_expect(origin_decode(v, &o, &err), &err);
	if (!err.code)
		expect_name(o.name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *dir = getenv("FUZZ_DIR");

	if (!size || !dir || chdir(dir) < 0)
		return 0;
	json_init(&arena);
	if (data[0] & 1) {
		make_tree(data + 1, size - 1);
		read_tree();
	} else {
		read_record(fuzz_text(&arena, data + 1, size - 1), size - 1);
	}
	arena_free(&arena);
	return 0;
}
