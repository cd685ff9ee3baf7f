/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/index.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/scope.h"
#include "ipam/seal.h"
#include "sys/sysctl.h"

#define HEAD      "head"
#define BITS      ".bits"
#define USED      ".used"
#define OPEN_SAFE (O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

/* ---- the head ------------------------------------------------------------------ */

/* The digits of "01234567-89ab-cdef-...". */
static void read_boot(char boot[INDEX_BOOT_LEN + 1])
{
	struct err ignored = { 0 };
	char text[64] = "";
	size_t n = 0;

	if (sysctl_read("kernel/random/boot_id", text, sizeof(text), &ignored) == 0)
		for (const char *p = text; *p && n < INDEX_BOOT_LEN; p++)
			if (*p != '-' && *p != '\n')
				boot[n++] = *p;
	if (n < INDEX_BOOT_LEN)
		n = (size_t)snprintf(boot, INDEX_BOOT_LEN + 1, INDEX_NO_BOOT);
	memset(boot + n, 0, INDEX_BOOT_LEN + 1 - n);
}

static bool has_magic(const struct index_head *h)
{
	return h->magic == INDEX_MAGIC;
}

static bool is_this_boot(const struct index *ix, const char boot[INDEX_BOOT_LEN])
{
	return !memcmp(boot, ix->boot, INDEX_BOOT_LEN);
}

bool index_is_earlier_boot(const struct index *ix, const char boot[INDEX_BOOT_LEN])
{
	return strcmp(ix->boot, INDEX_NO_BOOT) != 0 && *boot != *INDEX_NO_BOOT &&
	       !is_this_boot(ix, boot);
}

static int open_dir(const char *data_dir, const char *sub, const char *name)
{
	char path[8192];

	if (snprintf(path, sizeof(path), "%s/.cnic%s%s", data_dir, sub, name) >= (int)sizeof(path))
		return -1;
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

/* False if it is not as it was written. The key of one that is of this layout is still good. */
static bool read_head(struct index *ix)
{
	struct index_head *h = &ix->head;
	ssize_t n = pread(ix->head_fd, h, sizeof(*h), 0);

	if (n == (ssize_t)sizeof(*h) && has_magic(h) && seal_sum_holds(h))
		return true;
	if (n < (ssize_t)offsetof(struct index_head, reservations) || !has_magic(h))
		memset(h, 0, sizeof(*h));
	memset(&h->reservations, 0, sizeof(*h) - offsetof(struct index_head, reservations));
	return false;
}

void index_init(struct index *ix)
{
	*ix = (struct index){ .dir = -1, .head_fd = -1 };
	ix->bits[0].fd = ix->bits[1].fd = -1;
}

void index_open(struct index *ix, const char *data_dir, const char *name, const struct stat *dir,
		bool writable)
{
	struct stat holders;
	bool sealed;

	index_init(ix);
	ix->writable = writable;
	read_boot(ix->boot);
	ix->dir = open_dir(data_dir, "/", name);
	if (ix->dir < 0)
		return;
	ix->head_fd = openat(ix->dir, HEAD, (writable ? O_RDWR : O_RDONLY) | OPEN_SAFE);
	if (ix->head_fd < 0)
		return;
	sealed = read_head(ix) && seal_holds(&ix->head.reservations, dir) &&
		 !fstatat(ix->dir, INDEX_HOLDERS, &holders, AT_SYMLINK_NOFOLLOW) &&
		 seal_holds(&ix->head.holders, &holders);
	ix->usable = sealed && is_this_boot(ix, ix->head.boot);
	ix->rebooted = sealed && index_is_earlier_boot(ix, ix->head.boot);
}

bool index_may_change(struct index *ix)
{
	ix->dirty = true;
	return ix->usable && ix->writable;
}

static void unload(struct index_bits *bits)
{
	close_fd(&bits->fd);
	bits->fd = -1;
	bits->base.family = AF_UNSPEC;
}

void index_close(struct index *ix)
{
	unload(&ix->bits[0]);
	unload(&ix->bits[1]);
	close_fd(&ix->head_fd);
	close_fd(&ix->dir);
	ix->dir = ix->head_fd = -1;
	ix->usable = false;
}

static bool write_head(struct index *ix)
{
	if (ix->head_fd < 0)
		ix->head_fd = openat(ix->dir, HEAD, O_RDWR | O_CREAT | OPEN_SAFE, 0600);
	if (ix->head_fd < 0)
		return false;
	seal_sum(&ix->head, ix->head.sum);
	return pwrite(ix->head_fd, &ix->head, sizeof(ix->head), 0) == (ssize_t)sizeof(ix->head);
}

/* The head keeps its key, so that the holders' entries can still be found. */
void index_distrust(struct index *ix)
{
	ix->usable = false;
	ix->head.reservations.inode = 0;
	if (ix->writable && ix->head_fd >= 0 && !write_head(ix))
		unlinkat(ix->dir, HEAD, 0);
}

void index_seal(struct index *ix, int dir)
{
	if (!ix->usable || !ix->dirty || ix->broken || !ix->writable)
		return;
	if (!seal_put(dir, ".", &ix->head.reservations) ||
	    !seal_put(ix->dir, INDEX_HOLDERS, &ix->head.holders))
		return;
	ix->head.magic = INDEX_MAGIC;
	memcpy(ix->head.boot, ix->boot, sizeof(ix->head.boot));
	if (write_head(ix))
		ix->dirty = false;
}

/* ---- starting over --------------------------------------------------------------------------- */

static void make_dirs(struct index *ix, const char *data_dir, const char *name)
{
	auto_close int parent = -1, data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (data >= 0)
		mkdirat(data, ".cnic", 0700);
	parent = open_dir(data_dir, "", "");
	if (parent < 0)
		return;
	mkdirat(parent, name, 0700);
	ix->dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
}

DIR *index_entries(int dir, const char *name)
{
	int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);

	if (!entries)
		close_fd(&fd);
	return entries;
}

/* Those of an older layout as well. */
static bool is_map(const char *name)
{
	return *name != '.' && strchr(name, '.');
}

static void remove_maps(struct index *ix)
{
	DIR *entries = index_entries(ix->dir, ".");
	const struct dirent *e;

	if (!entries) {
		ix->broken = true;
		return;
	}
	while ((e = readdir(entries)))
		if (is_map(e->d_name) && unlinkat(ix->dir, e->d_name, 0) < 0)
			ix->broken = true;
	closedir(entries);
}

/*
 * Are all the addresses used since boot known? After a reboot none is in use; where another program
 * has changed the directory they are not known.
 */
static bool knows_history(const struct index *ix, bool unused)
{
	return ix->rebooted ||
	       (unused && !has_magic(&ix->head) && strcmp(ix->boot, INDEX_NO_BOOT) != 0);
}

void index_begin(struct index *ix, const char *data_dir, const char *name, bool unused)
{
	bool known = knows_history(ix, unused);

	unload(&ix->bits[0]);
	unload(&ix->bits[1]);
	index_distrust(ix);
	ix->broken = false;
	if (!ix->writable)
		return;
	if (ix->dir < 0)
		make_dirs(ix, data_dir, name);
	if (ix->dir < 0)
		return;
	if (ix->head_fd < 0) /* or whatever else lies there */
		unlinkat(ix->dir, HEAD, 0);
	mkdirat(ix->dir, INDEX_HOLDERS, 0700);
	remove_maps(ix);
	if (!has_magic(&ix->head)) {
		memset(&ix->head, 0, sizeof(ix->head));
		if (getrandom(ix->head.key, sizeof(ix->head.key), 0) < 0)
			ix->broken = true;
	}
	memset(ix->head.since, 0, sizeof(ix->head.since));
	if (known)
		memcpy(ix->head.since, ix->boot, sizeof(ix->head.since));
	ix->rebooted = false;
	ix->usable = !ix->broken;
	ix->dirty = true;
}

/* ---- which addresses are free ---------------------------------------------------------------- */

static uint16_t low_bits(const struct ip *ip)
{
	const uint8_t *end = ip->bytes + ip_len(ip);

	return (uint16_t)(end[-2] << 8 | end[-1]);
}

static struct ip with_low_bits(const struct ip *ip, uint32_t low)
{
	struct ip out = *ip;
	uint8_t *end = out.bytes + ip_len(ip);

	end[-2] = (uint8_t)(low >> 8);
	end[-1] = (uint8_t)low;
	return out;
}

static bool same_block(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && !memcmp(a->bytes, b->bytes, ip_len(a) - 2U);
}

static void block_name(const struct ip *ip, const char *kind, char name[40])
{
	size_t n = 0;

	for (unsigned int i = 0; i < ip_len(ip) - 2U; i++)
		n += (size_t)snprintf(name + n, 40 - n, "%02x", ip->bytes[i]);
	snprintf(name + n, 40 - n, "%s", kind);
}

/* What is not there reads as zeros: all free. */
static struct index_bits *load(struct index *ix, const struct ip *ip)
{
	struct index_bits *bits = &ix->bits[ip->family == AF_INET6];
	int flags = ix->writable ? O_RDWR | O_CREAT : O_RDONLY;
	ssize_t got = 0;
	char name[40];

	if (same_block(&bits->base, ip))
		return bits;
	unload(bits);
	block_name(ip, BITS, name);
	bits->fd = openat(ix->dir, name, flags | OPEN_SAFE, 0600);
	if (bits->fd >= 0)
		got = pread(bits->fd, bits->map, sizeof(bits->map), 0);
	if (got < 0)
		got = 0;
	memset(bits->map + got, 0, sizeof(bits->map) - (size_t)got);
	bits->base = with_low_bits(ip, 0);
	return bits;
}

static bool next_zero(const uint8_t *map, uint32_t from, uint32_t to, uint32_t *out)
{
	for (uint32_t i = from; i <= to; i++) {
		if (!(i % 8) && map[i / 8] == 0xff) {
			i += 7;
			continue;
		}
		if (!(map[i / 8] & 1U << (i % 8))) {
			*out = i;
			return true;
		}
	}
	return false;
}

bool index_next_free(struct index *ix, const struct ip *from, const struct ip *to, struct ip *out)
{
	struct ip at = *from;
	uint32_t found;
	bool last;

	*out = *from;
	if (!ix->usable)
		return true;
	for (;;) {
		last = same_block(&at, to);
		if (next_zero(load(ix, &at)->map, low_bits(&at),
			      last ? low_bits(to) : INDEX_BLOCK - 1, &found)) {
			*out = with_low_bits(&at, found);
			return true;
		}
		if (last)
			return false;
		at = with_low_bits(&at, 0);
		at = ip_add(&at, INDEX_BLOCK);
	}
}

void index_mark(struct index *ix, const struct ip *ip, bool held)
{
	struct index_bits *bits;
	uint8_t byte, bit;
	off_t at;

	if (!index_may_change(ix))
		return;
	bits = load(ix, ip);
	at = low_bits(ip) / 8;
	bit = (uint8_t)(1U << (low_bits(ip) % 8));
	byte = held ? bits->map[at] | bit : (uint8_t)(bits->map[at] & ~bit);
	if (byte == bits->map[at])
		return;
	bits->map[at] = byte;
	if (pwrite(bits->fd, &byte, 1, at) != 1)
		ix->broken = true;
}

bool index_never_used(struct index *ix, const struct ip *ip)
{
	uint8_t bit = (uint8_t)(1U << (low_bits(ip) % 8)), byte = 0;
	off_t at = low_bits(ip) / 8;
	auto_close int fd = -1;
	char name[40];

	if (!is_this_boot(ix, ix->head.since) || !index_may_change(ix))
		return false;
	block_name(ip, USED, name);
	fd = openat(ix->dir, name, O_RDWR | O_CREAT | OPEN_SAFE, 0600);
	if (fd < 0 || pread(fd, &byte, 1, at) < 0) {
		ix->broken = true;
		return false;
	}
	if (byte & bit)
		return false;
	byte |= bit;
	if (pwrite(fd, &byte, 1, at) != 1)
		ix->broken = true;
	return !ix->broken;
}
