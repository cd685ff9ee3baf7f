/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_store - a store that somebody else wrote into, in the directory $FUZZ_DIR. The input is a
 * list of writes: a byte that says where, a byte of length, the content. First come those to the
 * records, then the index is made, then those to the index; after each part everything that reads
 * is called.
 */
#include "fuzz.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ipam/release.h"
#include "ipam/reserve.h"
#include "plugins/ipam/host-local/resolv.h"

#define INDEX       ".cnic/n"
#define FIRST_INDEX 12
#define FIRST_LINK  16

static const char *const files[] = {
	"n/10.1.0.2",
	"n/10.1.0.3",
	"n/10.1.0.4",
	"n/10.1.0.5",
	"n/10.1.0.6",
	"n/fd00::2",
	"n/fd00::3",
	"n/fd00::004",
	"n/last_reserved_ip.0",
	"n/last_reserved_ip.1",
	"n/10.1.0.300",
	"resolv.conf",
	[FIRST_INDEX] = INDEX "/head",
	INDEX "/0a01.bits",
	INDEX "/fd00000000000000000000000000.bits",
	INDEX "/0a01.used",
	[FIRST_LINK] = "link of c1",
	"link of c2",
};

static const struct holder holders[] = { { "c1", "eth0" }, { "c2", "" } };

static struct arena arena;
static struct err err;

/* ---- the directory --------------------------------------------------------------------------- */

static void empty(const char *name)
{
	DIR *dir = opendir(name);
	const struct dirent *e;

	while (dir && (e = readdir(dir)))
		(void)unlinkat(dirfd(dir), e->d_name, 0);
	if (dir)
		closedir(dir);
}

static void go_there(void)
{
	const char *dir = getenv("FUZZ_DIR");

	if (!dir || chdir(dir) < 0)
		abort();
	(void)mkdir("n", 0755);
}

static void write_link(const struct holder *holder, const char *text)
{
	struct index_holder_key key;
	char path[256];
	struct store s;

	if (store_open(&s, STORE_READ, ".", "n", &arena, &err) < 0)
		abort();
	index_holder_key(&s.index, holder, &key);
	store_close(&s);
	snprintf(path, sizeof(path), INDEX "/%s", key.path);
	(void)unlink(path);
	(void)!symlink(text, path);
}

static void write_one(size_t where, const uint8_t *data, size_t size)
{
	int fd;

	if (where >= FIRST_LINK)
		return write_link(&holders[where - FIRST_LINK], fuzz_text(&arena, data, size));
	fd = open(files[where], O_WRONLY | O_CREAT | (where < FIRST_INDEX ? O_TRUNC : 0), 0600);
	if (fd < 0)
		return;
	if (write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

static void write_all(const uint8_t *data, size_t size, bool index)
{
	while (size >= 2) {
		size_t n = data[1] < size - 2 ? data[1] : size - 2;
		size_t where = data[0] % ARRAY_SIZE(files);

		if (index == (where >= FIRST_INDEX))
			write_one(where, data + 2, n);
		data += 2 + n;
		size -= 2 + n;
	}
}

/* ---- what is done there ---------------------------------------------------------------------- */

static bool keep_none(const struct holder *holder, void *arg)
{
	(void)arg;
	return strlen(holder->ifname) > 15;
}

static struct range_set make_set(const char *subnet)
{
	struct range_text text = { .subnet = subnet };
	struct range_set set = { arena_new(&arena, struct range), 1 };

	if (range_parse(&text, "set", set.ranges, &err) < 0)
		abort();
	return set;
}

static void open_it(struct store *s, enum store_use use)
{
	err_clear(&err);
	if (store_open(s, use, ".", "n", &arena, &err) < 0)
		abort(); /* whatever lies in it, the store opens */
}

struct held {
	struct ip ip[16];
	size_t n;
};

static int note_held(const struct reservation *r, void *arg)
{
	struct held *h = arg;

	if (r->state != RESERVATION_TORN)
		h->ip[h->n++] = r->ip;
	return 0;
}

/* What is given must not have been held, and then be held by whom it is given to. */
static void reserve(const struct holder *holder)
{
	struct range_set sets[] = { make_set("10.1.0.0/29"), make_set("fd00::/125") };
	struct store_want wants[] = { { .set = &sets[0] }, { .set = &sets[1] } };
	struct held held = { .n = 0 };
	struct reservation r;
	struct store s;

	open_it(&s, STORE_ADD);
	if (reservation_scan(s.dir, note_held, &held, &err) < 0)
		abort();
	if (!store_reserve(&s, holder, wants, ARRAY_SIZE(wants))) {
		for (size_t i = 0; i < ARRAY_SIZE(wants); i++) {
			for (size_t k = 0; k < held.n; k++)
				if (ip_equal(&held.ip[k], &wants[i].ip))
					abort();
			reservation_read(s.dir, &wants[i].ip, &r);
			if (!reservation_is_of(&r, holder))
				abort();
		}
	}
	store_close(&s);
}

static void look(void)
{
	struct range_set sets[] = { make_set("10.1.0.0/29"), make_set("fd00::/125") };
	struct store_held held;
	struct cni_dns resolv;
	struct store s;

	open_it(&s, STORE_READ);
	for (size_t i = 0; i < ARRAY_SIZE(holders); i++) {
		fuzz_expect(store_find(&s, &holders[i], &held), &err);
		err_clear(&err);
	}
	fuzz_expect(store_check_free(&s, sets, ARRAY_SIZE(sets)), &err);
	store_close(&s);
	err_clear(&err);
	fuzz_expect(resolv_read("resolv.conf", &arena, &resolv, &err), &err);
}

static void use(void)
{
	struct store s;

	look();
	reserve(&holders[0]);
	reserve(&holders[1]);
	open_it(&s, STORE_CHANGE);
	fuzz_expect(store_release(&s, &holders[0]), &err);
	err_clear(&err);
	fuzz_expect(store_release_earlier_boots(&s), &err);
	store_close(&s);
}

static void collect_garbage(void)
{
	struct store s;

	open_it(&s, STORE_CHANGE);
	fuzz_expect(store_gc(&s, keep_none, NULL), &err);
	store_close(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool there;

	if (!there)
		go_there();
	there = true;
	empty("n");
	empty(INDEX "/" INDEX_HOLDERS);
	empty(INDEX);
	write_all(data, size, false);
	use();
	write_all(data, size, true);
	use();
	collect_garbage();
	arena_free(&arena);
	return 0;
}
