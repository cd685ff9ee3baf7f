/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/seal.h"

#include <fcntl.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/sha512.h"

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

bool seal_put(int dir, const char *name, struct index_seal *seal)
{
	struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, odd_time() };
	struct stat st;

	if (utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return false;
	*seal = (struct index_seal){ st.st_ino, st.st_mtim.tv_sec, st.st_mtim.tv_nsec };
	return true;
}

bool seal_holds(const struct index_seal *seal, const struct stat *dir)
{
	return seal->inode == dir->st_ino && seal->sec == dir->st_mtim.tv_sec &&
	       seal->nsec == dir->st_mtim.tv_nsec;
}

void seal_sum(const struct index_head *h, uint8_t sum[16])
{
	uint8_t digest[SHA512_LEN];
	struct sha512 s;

	sha512_begin(&s);
	sha512_add(&s, h, offsetof(struct index_head, sum));
	sha512_end(&s, digest);
	memcpy(sum, digest, sizeof(h->sum));
}

bool seal_sum_holds(const struct index_head *h)
{
	uint8_t sum[sizeof(h->sum)];

	seal_sum(h, sum);
	return !memcmp(sum, h->sum, sizeof(sum));
}
