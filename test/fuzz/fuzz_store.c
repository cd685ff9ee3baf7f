/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_store - a store whose files somebody else wrote. The input is cut into files: a byte that picks
 * the name, a byte of length, the content; then everything that reads them is called.
 */
#include "fuzz.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipam/release.h"
#include "ipam/reserve.h"
#include "ipam/resolv.h"

static const char *const names[] = {
	"n/10.1.0.2",   "n/10.1.0.3",       "n/10.1.0.4",    "n/fd00::2",    "n/last_reserved_ip.0",
	"n/lock",       "n/010.1.0.5",      "n/resolv.conf", ".cnic/n/head", ".cnic/n/0a01.bits",
	"n/10.1.0.300", ".cnic/n/by-owner",
};

static char root[] = "/tmp/cnic-fuzz-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	return ftw->level ? remove(path) : 0;
}

static void write_file(const char *name, const uint8_t *data, size_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return;
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void make_store(const uint8_t *data, size_t size)
{
	static const char *const dirs[] = { "n", ".cnic", ".cnic/n" };
	char path[256];

	nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", root, dirs[i]);
		(void)mkdir(path, 0755);
	}
	while (size >= 2) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;

		write_file(names[data[0] % ARRAY_SIZE(names)], data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
}

static void ignore_ip(const struct ip *ip, void *arg)
{
	(void)ip;
	(void)arg;
}

static bool keep_none(const struct owner *owner, void *arg)
{
	(void)arg;
	return strlen(owner->ifname) > 15;
}

static void use(struct store *s, struct arena *arena, struct err *err)
{
	struct owner owner = { "c1", "eth0" };
	struct resolv resolv;
	char path[256];

	fuzz_expect(store_find(s, &owner, ignore_ip, NULL), err);
	err_clear(err);
	fuzz_expect(store_release(s, &owner), err);
	err_clear(err);
	fuzz_expect(store_release_earlier_boots(s), err);
	err_clear(err);
	fuzz_expect(store_keep_only(s, keep_none, NULL), err);
	err_clear(err);
	snprintf(path, sizeof(path), "%s/n/resolv.conf", root);
	fuzz_expect(resolv_read(path, arena, &resolv, err), err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct store s;
	int rc;

	if (strstr(root, "XXXXXX") && !mkdtemp(root))
		abort();
	make_store(data, size);
	rc = store_open(&s, STORE_ADD, root, "n", &arena, &err);
	fuzz_expect(rc, &err);
	err_clear(&err);
	if (!rc)
		use(&s, &arena, &err);
	store_close(&s);
	arena_free(&arena);
	return 0;
}
