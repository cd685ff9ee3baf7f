/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/index.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/sha512.h"
#include "sys/file.h"
#include "sys/sysctl.h"

#define HEAD     "head"
#define BITS     ".bits"
#define USED     ".used"
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* ---- the seal -------------------------------------------------------------------------------- */

_Static_assert(sizeof(struct index_head) == 136, "the head has no padding");

/*
 * A time no clock shows now, and that differs from the last one even where the filesystem keeps
 * whole seconds only.
 */
static struct timespec odd_time(void)
{
	struct timespec now;
	uint32_t random = 0;

	clock_gettime(CLOCK_REALTIME, &now);
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != (ssize_t)sizeof(random))
		random = (uint32_t)now.tv_nsec * UINT32_C(2654435761);
	now.tv_sec -= 3600 + (time_t)(random % 1000003);
	now.tv_nsec = (long)(((uint32_t)now.tv_nsec ^ random) % 1000000000);
	return now;
}

/* Set the directory's modification time to one that no clock shows, and keep it in *seal. */
static bool put_seal(int dir, const char *name, struct index_seal *seal)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, odd_time() };
	struct stat st;

	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*seal = (struct index_seal){ st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
	return true;
}

static bool seal_holds(const struct index_seal *seal, const struct stat *dir)
{
	return seal->inode == dir->st_ino && seal->sec == dir->st_mtim.tv_sec &&
	       seal->nsec == dir->st_mtim.tv_nsec;
}

void index_sum(const struct index_head *h, uint8_t sum[16])
{
	uint8_t digest[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	sha512_add(&s, h, offsetof(struct index_head, sum));
	sha512_end(&s, digest);
	memcpy(sum, digest, sizeof(h->sum));
}

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

static bool is_this_boot(const struct index *ix, const char boot[INDEX_BOOT_LEN])
{
	return !memcmp(boot, ix->boot, INDEX_BOOT_LEN);
}

bool index_is_earlier_boot(const struct index *ix, const char boot[INDEX_BOOT_LEN])
{
	return strcmp(ix->boot, INDEX_NO_BOOT) != 0 && *boot != *INDEX_NO_BOOT &&
	       !is_this_boot(ix, boot);
}

static int open_dir(const char *data_dir, const char *name, bool make)
{
	auto_close int data = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), parent = -1;

	if (make)
		(void)mkdirat(data, ".cnic", 0700);
	parent = openat(data, ".cnic", OPEN_DIR);
	if (make)
		(void)mkdirat(parent, name, 0700);
	return openat(parent, name, OPEN_DIR);
}

/* False if it is not as it was written. The key of one that is of this layout is still good. */
static bool read_head(struct index *ix)
{
	struct index_head *h = &ix->head;
	ssize_t n = pread(ix->head_fd, h, sizeof(*h), 0);
	uint8_t sum[sizeof(h->sum)];

	index_sum(h, sum);
	if (n == (ssize_t)sizeof(*h) && h->magic == INDEX_MAGIC &&
	    !memcmp(sum, h->sum, sizeof(sum)))
		return true;
	if (n < (ssize_t)offsetof(struct index_head, reservations) || h->magic != INDEX_MAGIC)
		memset(h, 0, sizeof(*h));
	memset(&h->reservations, 0, sizeof(*h) - offsetof(struct index_head, reservations));
	return false;
}

void index_init(struct index *ix)
{
	*ix = (struct index){ .dir = -1, .head_fd = -1 };
	for (size_t i = 0; i < ARRAY_SIZE(ix->bits); i++)
		ix->bits[i].fd = -1;
}

void index_open(struct index *ix, const char *data_dir, const char *name, const struct stat *dir,
		bool writable)
{
	struct stat holders;
	bool sealed;

	ix->writable = writable;
	read_boot(ix->boot);
	ix->dir = open_dir(data_dir, name, false);
	ix->head_fd = openat(ix->dir, HEAD, (writable ? O_RDWR : O_RDONLY) | FILE_SAFE);
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

static void unload_bits(struct index *ix)
{
	for (size_t i = 0; i < ARRAY_SIZE(ix->bits); i++) {
		drop_fd(&ix->bits[i].fd);
		ix->bits[i].base.family = AF_UNSPEC;
	}
}

void index_close(struct index *ix)
{
	unload_bits(ix);
	drop_fd(&ix->head_fd);
	drop_fd(&ix->dir);
	ix->usable = false;
}

static bool write_head(struct index *ix)
{
	if (ix->head_fd < 0)
		ix->head_fd = openat(ix->dir, HEAD, O_RDWR | O_CREAT | FILE_SAFE, 0600);
	if (ix->head_fd < 0)
		return false;
	index_sum(&ix->head, ix->head.sum);
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
	if (!put_seal(dir, ".", &ix->head.reservations) ||
	    !put_seal(ix->dir, INDEX_HOLDERS, &ix->head.holders))
		return;
	ix->head.magic = INDEX_MAGIC;
	memcpy(ix->head.boot, ix->boot, sizeof(ix->head.boot));
	if (write_head(ix))
		ix->dirty = false;
}

/* ---- starting over --------------------------------------------------------------------------- */

/* Those of an older layout as well. */
static void remove_maps(struct index *ix)
{
	auto_dir DIR *entries = file_entries(ix->dir, ".");
	const struct dirent *e;

	ix->broken = !entries;
	while (entries && (e = readdir(entries)))
		if (*e->d_name != '.' && strchr(e->d_name, '.') &&
		    unlinkat(ix->dir, e->d_name, 0) < 0)
			ix->broken = true;
}

void index_begin(struct index *ix, const char *data_dir, const char *name, bool unused)
{
	/*
	 * Are all the addresses used since boot known? After a reboot none is in use; where another
	 * program has changed the directory they are not known.
	 */
	bool known = ix->rebooted || (unused && ix->head.magic != INDEX_MAGIC &&
				      strcmp(ix->boot, INDEX_NO_BOOT) != 0);

	unload_bits(ix);
	index_distrust(ix);
	if (!ix->writable)
		return;
	if (ix->dir < 0)
		ix->dir = open_dir(data_dir, name, true);
	if (ix->dir < 0)
		return;
	if (ix->head_fd < 0) /* or whatever else lies there */
		unlinkat(ix->dir, HEAD, 0);
	mkdirat(ix->dir, INDEX_HOLDERS, 0700);
	remove_maps(ix);
	if (ix->head.magic != INDEX_MAGIC) {
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

/* What is not there reads as zeros: all free, none used. */
static struct index_bits *load(struct index *ix, const struct ip *ip, bool used)
{
	struct index_bits *bits = &ix->bits[2 * used + (ip->family == AF_INET6)];
	int flags = ix->writable ? O_RDWR | O_CREAT : O_RDONLY;
	ssize_t got = 0;
	char name[40];

	if (same_block(&bits->base, ip))
		return bits;
	drop_fd(&bits->fd);
	block_name(ip, used ? USED : BITS, name);
	bits->fd = openat(ix->dir, name, flags | FILE_SAFE, 0600);
	if (bits->fd >= 0)
		got = pread(bits->fd, bits->map, sizeof(bits->map), 0);
	if (got < 0) {
		ix->broken = true;
		got = 0;
	}
	memset(bits->map + got, 0, sizeof(bits->map) - (size_t)got);
	bits->base = with_low_bits(ip, 0);
	return bits;
}

/* A number over `to` if there is none. */
static uint32_t next_zero(const uint8_t *map, uint32_t from, uint32_t to)
{
	uint32_t i = from;

	while (i <= to && map[i / 8] & 1U << (i % 8))
		i = map[i / 8] == 0xff ? (i | 7) + 1 : i + 1;
	return i;
}

bool index_next_free(struct index *ix, const struct ip *from, const struct ip *to, struct ip *out)
{
	*out = *from;
	if (!ix->usable)
		return true;
	for (;;) {
		bool last = same_block(out, to);
		uint32_t end = last ? low_bits(to) : INDEX_BLOCK - 1;
		uint32_t found = next_zero(load(ix, out, false)->map, low_bits(out), end);

		*out = with_low_bits(out, found <= end ? found : 0);
		if (found <= end || last)
			return found <= end;
		*out = ip_add(out, INDEX_BLOCK);
	}
}

/* False if it was so. */
static bool put_bit(struct index *ix, const struct ip *ip, bool used, bool set)
{
	struct index_bits *bits = load(ix, ip, used);
	uint8_t *byte = &bits->map[low_bits(ip) / 8], old = *byte;
	uint8_t bit = (uint8_t)(1U << (low_bits(ip) % 8));

	*byte = set ? old | bit : (uint8_t)(old & ~bit);
	if (*byte != old && pwrite(bits->fd, byte, 1, byte - bits->map) != 1)
		ix->broken = true;
	return *byte != old;
}

void index_mark(struct index *ix, const struct ip *ip, bool held)
{
	if (index_may_change(ix))
		put_bit(ix, ip, false, held);
}

bool index_never_used(struct index *ix, const struct ip *ip)
{
	return is_this_boot(ix, ix->head.since) && index_may_change(ix) &&
	       put_bit(ix, ip, true, true) && !ix->broken;
}
