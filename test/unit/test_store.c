/* SPDX-License-Identifier: Apache-2.0 */
/* pkg/ipam/store, reserve, release, reservation, index, holders: against a directory of our own. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ipam/release.h"
#include "ipam/reserve.h"
#include "tap.h"

static char data_dir[] = "/tmp/test_store.XXXXXX";
static struct arena arena;
static struct err err;
static struct store s;

/*
 * ---- the store under test ----------------------------------------------------------------------
 */

static const char *path_of(const char *name)
{
	return arena_printf(&arena, "%s/net/%s", data_dir, name);
}

static void remove_tree(void)
{
	if (system(arena_printf(&arena, "rm -rf %s/net %s/.cnic", data_dir, data_dir)))
		abort();
}

static bool open_as(enum store_use use)
{
	err_clear(&err);
	return !store_open(&s, use, data_dir, "net", &arena, &err);
}

/* Sets as "subnet start end;..." */
static size_t make_sets(const char *text, struct range_set *sets)
{
	char *rest = arena_strdup(&arena, text), *one;
	size_t n = 0;

	while ((one = strsep(&rest, ";"))) {
		struct range_text t = { 0 };

		t.subnet = strsep(&one, " ");
		t.start = strsep(&one, " ");
		t.end = strsep(&one, " ");
		sets[n].ranges = arena_new(&arena, struct range);
		sets[n].n_ranges = 1;
		if (range_parse(&t, "k", sets[n++].ranges, &err) < 0)
			abort();
	}
	return n;
}

static const char small[] = "10.9.0.0/24 10.9.0.2 10.9.0.4";

static bool was_never_used; /* in this boot, all that the last ADD got */

/* ADD for the sets: "ip[,ip...]", or the error's code. `asked` is for whichever set has it. */
static const char *add_asked(const char *id, const char *sets_text, const char *asked)
{
	struct range_set sets[8];
	struct store_want wants[8] = { 0 };
	size_t n = make_sets(sets_text, sets);
	struct holder holder = { id, "eth0" };
	const char *text = "";
	char buf[IP_STRLEN];
	struct ip ip;
	bool got;

	for (size_t i = 0; i < n; i++)
		wants[i].set = &sets[i];
	if (asked && (!ip_parse(&ip, asked) || !store_request(wants, n, &ip)))
		return "not in the sets";
	got = open_as(STORE_ADD) && !store_reserve(&s, &holder, wants, n);
	was_never_used = got;
	if (!got)
		text = arena_printf(&arena, "%d", err.code);
	for (size_t i = 0; got && i < n; i++) {
		text = arena_printf(&arena, "%s%s%s", text, i ? "," : "",
				    ip_str(&wants[i].ip, buf));
		was_never_used &= wants[i].never_used;
	}
	store_close(&s);
	return text;
}

static const char *add(const char *id, const char *sets)
{
	return add_asked(id, sets, NULL);
}

static bool del(const char *id, const char *ifname)
{
	struct holder holder = { id, ifname };
	bool done = open_as(STORE_CHANGE) && !store_release(&s, &holder);

	store_close(&s);
	return done;
}

static const char *held_by(const char *id)
{
	struct holder holder = { id, "eth0" };
	struct store_held held = { .n = 0 };
	const char *text = "";
	char buf[IP_STRLEN];

	if (!open_as(STORE_READ) || store_find(&s, &holder, &held) < 0)
		text = "error";
	store_close(&s);
	for (size_t i = 0; i < held.n; i++)
		text = arena_printf(&arena, "%s%s%s", text, i ? "," : "",
				    ip_str(&held.ips[i], buf));
	return text;
}

static bool is_indexed(void)
{
	bool usable = open_as(STORE_READ) && s.index.usable;

	store_close(&s);
	return usable;
}

static int is_free(const char *sets_text)
{
	struct range_set sets[8];
	size_t n = make_sets(sets_text, sets);
	int code = -1;

	if (open_as(STORE_READ))
		code = store_check_free(&s, sets, n) < 0 ? err.code : 0;
	store_close(&s);
	return code;
}

/*
 * ---- what others do ----------------------------------------------------------------------------
 */

static void write_bytes(const char *name, const void *text, size_t len)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		abort();
	close(fd);
}

static void write_file(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static bool exists(const char *name)
{
	struct stat st;

	return !lstat(path_of(name), &st);
}

static bool contains(const char *name, const char *text)
{
	char buf[RESERVATION_MAX] = "";
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	close(fd);
	return n == (ssize_t)strlen(text) && !strcmp(buf, text);
}

/* How many entries begin with `first` ("" = all but "." and ".."). */
static int count(const char *dir, const char *first)
{
	DIR *d = opendir(dir);
	const struct dirent *e;
	int n = 0;

	while (d && (e = readdir(d)))
		n += strcmp(e->d_name, ".") && strcmp(e->d_name, "..") &&
		     !strncmp(e->d_name, first, strlen(first));
	if (d)
		closedir(d);
	return n;
}

static const char *index_path(const char *name)
{
	return arena_printf(&arena, "%s/.cnic/net/%s", data_dir, name);
}

static int count_holders(void)
{
	return count(index_path("by-owner"), "");
}

/*
 * ---- tests ---------------------------------------------------------------------------------------
 */

static bool has_mode(const char *name, mode_t mode)
{
	struct stat st;

	return !stat(path_of(name), &st) && (st.st_mode & 07777) == mode;
}

static void test_layout(void)
{
	mode_t old = umask(0);

	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "first address: %s", err.msg);
	ok(contains("10.9.0.2", "c1\r\neth0"), "the record's text is the reference's");
	ok(has_mode("10.9.0.2", 0600), "the record's mode");
	ok(contains("last_reserved_ip.0", "10.9.0.2"), "last_reserved_ip.0");
	ok(has_mode("last_reserved_ip.0", 0600), "its mode");
	ok(has_mode("lock", 0750), "the lock's mode");
	ok(has_mode("", 0755), "the directory's mode");
	ok(count(path_of(""), "") == 3, "and nothing else");
	ok(is_indexed(), "the index is sealed");
	umask(old);
}

static void test_round_robin(void)
{
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "first");
	ok(!strcmp(add("c2", small), "10.9.0.3"), "second");
	ok(del("c1", "eth0") && !exists("10.9.0.2"), "first is released");
	ok(!strcmp(add("c3", small), "10.9.0.4"), "third goes on behind the second");
	ok(!strcmp(add("c4", small), "10.9.0.2"), "fourth starts over");
	ok(!strcmp(add("c5", small), "100"), "none left: %s", err.msg);
	ok(strstr(err.msg,
		  "failed to allocate for range 0: no IP addresses available in range set: "
		  "10.9.0.2-10.9.0.4") != NULL,
	   "and the error says of what");
	ok(contains("last_reserved_ip.0", "10.9.0.2"), "a failed ADD leaves last_reserved_ip");
	ok(del("c2", "eth0") && !strcmp(add("c5", small), "10.9.0.3"), "one is back");
	ok(!strcmp(held_by("c5"), "10.9.0.3"), "and held");
	ok(!strcmp(held_by("c2"), ""), "by one only");
	ok(del("c2", "eth0") && exists("10.9.0.3"), "DEL of who holds nothing");
	ok(count_holders() == 3, "one entry for each owner");
	ok(is_indexed(), "sealed all the time");
}

static void test_gateway(void)
{
	static const char set[] = "10.9.0.0/24 10.9.0.0 10.9.0.3";

	remove_tree();
	ok(!strcmp(add("c1", set), "10.9.0.0"), "the network address, when the range has it");
	ok(!strcmp(add("c2", set), "10.9.0.2"), "the gateway is passed over");
	ok(!strcmp(add("c3", set), "10.9.0.3"), "last");
	ok(!strcmp(add("c4", set), "100"), "and never given");
	ok(!strcmp(add_asked("c4", set, "10.9.0.1"), "7"), "not even to who asks: %s", err.msg);
	remove_tree();
	ok(!strcmp(add("c1", "10.9.0.0/24 10.9.0.1 10.9.0.1"), "100"),
	   "a range of the gateway alone");
}

static void test_asked(void)
{
	remove_tree();
	ok(!strcmp(add_asked("c1", small, "10.9.0.3"), "10.9.0.3"), "an address asked for");
	ok(contains("last_reserved_ip.0", "10.9.0.3"), "is the last one reserved");
	ok(!strcmp(add_asked("c2", small, "10.9.0.3"), "101"), "taken: %s", err.msg);
	ok(!strcmp(held_by("c2"), "") && contains("10.9.0.3", "c1\r\neth0"), "nothing changed");
	ok(!strcmp(add("c2", small), "10.9.0.4"), "round robin goes on behind it");
	ok(!strcmp(add_asked("c3", small, "10.9.1.3"), "not in the sets"), "elsewhere");
}

static void test_duplicate(void)
{
	static const char two[] = "10.9.0.0/24 10.9.0.2 10.9.0.4;10.8.0.0/24";

	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "first");
	ok(!strcmp(add("c1", small), "101"), "again: %s", err.msg);
	ok(strstr(err.msg,
		  "10.9.0.2 has been allocated to c1, duplicate allocation is not allowed"),
	   "and the error names it");
	ok(!strcmp(add_asked("c1", small, "10.9.0.4"), "101"), "another one, asked for");
	ok(!strcmp(add("c1", two), "101") && !exists("last_reserved_ip.1"), "or one of two sets");
	ok(!strcmp(held_by("c1"), "10.9.0.2"), "what it has stays");
	ok(!strcmp(add("c1", "10.8.0.0/24"), "10.8.0.2"), "one of another set is fine");
	ok(del("c1", "eth0") && !strcmp(held_by("c1"), "") && !exists("10.9.0.2"), "DEL has all");
}

static void test_all_or_nothing(void)
{
	static const char good[] = "10.9.0.0/24 10.9.0.2 10.9.0.4",
			  bad[] = "10.8.0.0/24 10.8.0.2 10.8.0.2";
	const char *both = arena_printf(&arena, "%s;%s", good, bad);

	remove_tree();
	ok(!strcmp(add("c1", both), "10.9.0.2,10.8.0.2"), "one of each");
	ok(contains("last_reserved_ip.1", "10.8.0.2"), "last_reserved_ip.1");
	ok(!strcmp(add("c2", both), "100"), "no second of the second: %s", err.msg);
	ok(strstr(err.msg, "failed to allocate for range 1: ") == err.msg,
	   "and the error says which");
	ok(!exists("10.9.0.3"), "the one of the first set is taken back");
	ok(contains("last_reserved_ip.0", "10.9.0.2"), "last_reserved_ip as well");
	ok(is_indexed() && !strcmp(held_by("c2"), "") && count_holders() == 1, "and in the index");
	ok(!strcmp(add("c3", good), "10.9.0.3"), "which gives it to the next");
	remove_tree();
	ok(!strcmp(add_asked("c1", both, "10.8.0.1"), "not in the sets"), "prepare");
	ok(!strcmp(add("x", bad), "10.8.0.2"), "fill the second set");
	unlink(path_of("last_reserved_ip.0"));
	ok(!strcmp(add("c1", both), "100") && !exists("last_reserved_ip.0"),
	   "a last_reserved_ip that was not there goes again");
	ok(count(path_of(""), "10.") == 1, "one record");
}

static void take_back(const char *id)
{
	struct holder holder = { id, "eth0" };
	struct store_want want = { 0 };
	struct range_set set;

	make_sets(small, &set);
	want.set = &set;
	ok(open_as(STORE_ADD) && !store_reserve(&s, &holder, &want, 1), "reserve %s", err.msg);
	store_close(&s);
	ok(open_as(STORE_CHANGE), "later");
	store_unreserve(&s, &holder, &want, 1);
	store_close(&s);
}

static void test_take_back(void)
{
	remove_tree();
	take_back("c1");
	ok(count(path_of(""), "") == 1 && exists("lock"), "the first ADD leaves but the lock");
	ok(!strcmp(add("c1", small), "10.9.0.2"), "as if it had not been");
	take_back("c2");
	ok(!exists("10.9.0.3") && contains("last_reserved_ip.0", "10.9.0.2"), "the next one too");
	ok(count_holders() == 1 && is_indexed(), "and in the index");
}

static void test_others(void)
{
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2") && is_indexed(), "ours");
	write_file("10.9.0.3", "theirs\r\neth0");
	ok(!is_indexed(), "somebody's record breaks the seal");
	ok(!strcmp(held_by("theirs"), "10.9.0.3"), "it is found all the same");
	ok(!strcmp(add("c2", small), "10.9.0.4"), "and passed over");
	ok(is_indexed(), "sealed again");
	ok(del("theirs", "eth0") && !exists("10.9.0.3"), "their record is released by us");
	unlink(path_of("10.9.0.2"));
	ok(!is_indexed(), "and ours by them");
	ok(del("c1", "eth0"), "DEL of it");
	ok(!strcmp(held_by("c1"), "") && count_holders() == 1, "leaves no entry");
	ok(!strcmp(add("c3", small), "10.9.0.2"), "it is free");
}

static void test_legacy(void)
{
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "ours");
	write_file("10.9.0.3", "old");
	write_file("10.9.0.4", "c1");
	ok(!strcmp(held_by("old"), "10.9.0.3"), "a record without interface name is found");
	ok(!strcmp(add("old", small), "101"), "counts as a duplicate");
	ok(!strcmp(held_by("c1"), "10.9.0.2"), "but not beside one with it");
	ok(del("c1", "eth0") && !exists("10.9.0.2") && exists("10.9.0.4"),
	   "nor is it released then");
	ok(del("c1", "eth0") && !exists("10.9.0.4"), "but after that");
	ok(del("old", "eth9") && !exists("10.9.0.3"), "whatever the interface");
	write_file("10.9.0.2", "\n c7\r\neth0 \n");
	ok(!strcmp(held_by("c7"), "10.9.0.2"), "space around the text does not count");
}

static void test_torn(void)
{
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "ours");
	write_file("10.9.0.3", "");
	write_bytes("10.9.0.4", "\0\0\0\0\0\0\0\0", 8);
	ok(!is_free(small), "STATUS sees torn records as free");
	ok(!strcmp(add("c2", small), "10.9.0.3"), "an empty record is free: %s", err.msg);
	ok(!strcmp(add("c3", small), "10.9.0.4"), "so is one of NULs: %s", err.msg);
	ok(contains("10.9.0.4", "c3\r\neth0"), "and made anew");
	write_file("10.9.0.3", "");
	ok(is_indexed(), "one torn behind our back does not break the seal");
	ok(!is_free(small), "STATUS looks closely");
	ok(!strcmp(add("c4", small), "10.9.0.3"), "and so does ADD before it gives up: %s",
	   err.msg);
	write_file("10.9.0.2", "reserved for the printer");
	write_file("10.9.0.4", "");
	ok(!strcmp(add("c5", small), "10.9.0.4"), "a note is no torn record");
	ok(!strcmp(add("c6", small), "100") && exists("10.9.0.2"), "and stays");
}

static void test_hostile(void)
{
	static const char set[] = "10.9.0.0/24 10.9.0.2 10.9.0.9";
	char target[] = "/tmp/test_store_target.XXXXXX";
	int fd = mkstemp(target);
	struct stat st;

	remove_tree();
	ok(!strcmp(add("c1", set), "10.9.0.2"), "ours");
	ok(!symlink(target, path_of("10.9.0.3")), "a link");
	ok(!symlink("/nonexistent", path_of("10.9.0.4")), "a link to nothing");
	ok(!mkdir(path_of("10.9.0.5"), 0755), "a directory");
	ok(!mkfifo(path_of("10.9.0.6"), 0600), "a fifo");
	write_file("10.9.000.8", "c9\r\neth0");
	write_file("10.9.0.8.tmp", "c9\r\neth0");
	write_file("::ffff:10.9.0.8", "c9\r\neth0");
	write_file("FD00::1", "c9\r\neth0");
	ok(!strcmp(add("c2", set), "10.9.0.7"), "all taken: %s", err.msg);
	ok(!strcmp(add("c3", set), "10.9.0.8") && !strcmp(add("c4", set), "10.9.0.9"),
	   "other spellings are not records");
	ok(!strcmp(add("c5", set), "100"), "full");
	ok(!strcmp(held_by("c9"), ""), "nobody holds a misspelt address");
	ok(exists("10.9.0.3") && exists("10.9.0.4") && exists("10.9.0.5") && exists("10.9.0.6"),
	   "all still there");
	ok(!fstat(fd, &st) && !st.st_size, "and not written through");
	ok(is_free(set) == ERR_UNAVAILABLE, "STATUS agrees");
	close(fd);
	unlink(target);
	unlink(path_of("last_reserved_ip.0"));
	ok(!symlink("/nonexistent", path_of("last_reserved_ip.0")), "last_reserved_ip a link");
	ok(del("c2", "eth0") && !strcmp(add("c2", set), "10.9.0.7"), "is but a hint");
}

/* A command for each $f of the owners' entries, which leaves the seal on them. */
static int change_entries(const char *command)
{
	const char *dir = index_path("by-owner");
	struct stat st;

	if (stat(dir, &st) < 0 ||
	    system(arena_printf(&arena, "cd %s && for f in *; do %s; done", dir, command)))
		return -1;
	return utimensat(AT_FDCWD, dir, (struct timespec[]){ st.st_atim, st.st_mtim }, 0);
}

static void test_index_damage(void)
{
	char junk[8192];
	int fd;

	memset(junk, 0xff, sizeof(junk));
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "ours");
	fd = open(index_path("0a09.bits"), O_WRONLY | O_CLOEXEC);
	ok(write(fd, junk, sizeof(junk)) == sizeof(junk), "all bits set");
	close(fd);
	ok(is_indexed() && !is_free(small), "STATUS does not believe it");
	ok(!strcmp(add("c2", small), "10.9.0.3"), "nor does ADD: %s", err.msg);
	ok(!unlink(index_path("0a09.bits")), "no bits at all");
	ok(!strcmp(add("c3", small), "10.9.0.4"), "do not hurt: %s", err.msg);
	ok(!strcmp(add("c4", small), "100"), "full is full");
	fd = open(index_path("head"), O_WRONLY | O_CLOEXEC | O_TRUNC);
	ok(write(fd, junk, 100) == 100 && !is_indexed(), "a head of garbage");
	close(fd);
	ok(del("c1", "eth0") && !exists("10.9.0.2"), "is made anew");
	ok(is_indexed() && count_holders() == 2, "with the entries of two owners");
	ok(!change_entries("ln -sfn -- '- 10.9.0.2' $f"), "entries that lie");
	ok(!strcmp(held_by("c2"), "10.9.0.3"), "are found out by CHECK");
	ok(del("c2", "eth0") && !exists("10.9.0.3") && exists("10.9.0.4"), "and by DEL");
	ok(!strcmp(held_by("c3"), "10.9.0.4"), "the others' too");
	ok(!is_indexed() && del("c2", "eth0") && is_indexed() && count_holders() == 1,
	   "and the next command makes the index anew");
	ok(!change_entries("rm $f && touch $f"), "entries that cannot be read");
	ok(is_indexed() && !strcmp(held_by("c3"), "10.9.0.4"), "are no misses");
	ok(!system(arena_printf(&arena, "rm -rf %s/.cnic; touch %s/.cnic", data_dir, data_dir)),
	   "no place for an index");
	ok(!strcmp(add("c5", small), "10.9.0.2") && !strcmp(add("c6", small), "10.9.0.3"),
	   "works without: %s", err.msg);
	ok(!strcmp(add("c7", small), "100") && !strcmp(add("c5", small), "101"),
	   "with the same errors");
	ok(del("c5", "eth0") && !strcmp(held_by("c5"), "") && !exists("10.9.0.2"), "and DEL");
	unlink(arena_printf(&arena, "%s/.cnic", data_dir));
}

/* Whichever byte of the head is not as it was written, what is held is found. */
static void test_head(void)
{
	size_t wrong = 0;

	for (size_t i = 0; i < sizeof(struct index_head); i++) {
		uint8_t byte = 0;
		int fd;

		remove_tree();
		add("c1", small);
		fd = open(index_path("head"), O_RDWR | O_CLOEXEC);
		if (pread(fd, &byte, 1, (off_t)i) != 1)
			abort();
		byte ^= 0x20;
		if (pwrite(fd, &byte, 1, (off_t)i) != 1)
			abort();
		close(fd);
		wrong += is_indexed() || strcmp(add("c1", small), "101") != 0;
		wrong += !del("c1", "eth0") || exists("10.9.0.2");
	}
	ok(!wrong, "row 19: no byte of the head changes unseen");
}

/* The layout before this one: its names of holders are other hashes, its maps have other endings. */
static void test_older_layout(void)
{
	struct index_head h;
	int fd;

	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "held");
	fd = open(index_path("head"), O_RDWR | O_CLOEXEC);
	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		abort();
	h.magic--;
	index_sum(&h, h.sum);
	if (pwrite(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		abort();
	close(fd);
	close(open(index_path("0a09.once"), O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	ok(!change_entries("mv $f 0123456789abcdef0123456789abcdef"), "an entry by another hash");
	ok(!is_indexed(), "an index of an older layout is not believed");
	ok(!strcmp(add("c1", small), "101"), "what is held is found in the reservations");
	ok(is_indexed() && count_holders() == 1, "the index is made anew, without the older entry");
	ok(access(index_path("0a09.once"), F_OK) < 0, "and without the older map");
	ok(del("c1", "eth0") && !strcmp(held_by("c1"), ""), "DEL releases it");
}

/* The process dies before the seal. */
static void test_crash(void)
{
	struct holder holder = { "c1", "eth0" };
	struct store_want want = { 0 };
	struct range_set set;

	remove_tree();
	make_sets(small, &set);
	want.set = &set;
	ok(!strcmp(add("c0", small), "10.9.0.2"), "one");
	ok(open_as(STORE_ADD) && !store_reserve(&s, &holder, &want, 1), "two %s", err.msg);
	s.index.usable = false; /* no seal */
	store_close(&s);
	ok(!is_indexed() && !strcmp(held_by("c1"), "10.9.0.3"), "not sealed, but found");
	ok(open_as(STORE_CHANGE) && !store_release(&s, &holder), "released %s", err.msg);
	s.index.usable = false;
	store_close(&s);
	ok(!is_indexed() && !strcmp(add("c2", small), "10.9.0.4"), "goes on");
	ok(is_indexed() && count_holders() == 2, "as if nothing had been");
}

static void pretend_boot(const char *id, const char *boot)
{
	struct holder holder = { id, "eth0" };
	struct store_want want = { 0 };
	struct range_set set;

	make_sets("10.9.0.0/24 10.9.0.2 10.9.0.20", &set);
	want.set = &set;
	if (!open_as(STORE_ADD))
		abort();
	snprintf(s.index.boot, sizeof(s.index.boot), "%s", boot);
	if (store_reserve(&s, &holder, &want, 1) < 0)
		abort();
	store_close(&s);
}

static bool after_reboot(void)
{
	bool done = open_as(STORE_CHANGE) && !store_release_earlier_boots(&s);

	store_close(&s);
	return done;
}

static void test_reboot(void)
{
	static const char boot[] = "0123456789abcdef", set[] = "10.9.0.0/24 10.9.0.2 10.9.0.20";

	remove_tree();
	pretend_boot("c1", boot);
	pretend_boot("c2", boot);
	pretend_boot("c3", INDEX_NO_BOOT);
	write_file("10.9.0.9", "theirs\r\neth0");
	ok(!is_indexed(), "an index of another boot is not believed");
	ok(!strcmp(held_by("c1"), "10.9.0.2"), "the reboot alone releases nothing");
	unlink(path_of("10.9.0.3"));
	write_file("10.9.0.3", "c2\r\neth0");
	ok(!strcmp(add("c4", set), "10.9.0.5"), "a container of this boot");
	ok(after_reboot() && !exists("10.9.0.2"), "what is of an earlier boot goes");
	ok(exists("10.9.0.3"), "unless somebody else made it anew since");
	ok(exists("10.9.0.4"), "or the boot is not known");
	ok(exists("10.9.0.9"), "or it is theirs");
	ok(exists("10.9.0.5"), "or it is of this boot");
	ok(is_indexed() && count_holders() == 4, "the index agrees");
	pretend_boot("c5", boot);
	ok(after_reboot() && *held_by("c5"), "only once in a boot");
}

/* The head says that it was written in that boot; its seal still holds. */
static void written_in(const char boot[INDEX_BOOT_LEN])
{
	int fd = open(index_path("head"), O_RDWR | O_CLOEXEC);
	struct index_head h;

	if (pread(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		abort();
	memcpy(h.boot, boot, INDEX_BOOT_LEN);
	memcpy(h.since, boot, INDEX_BOOT_LEN);
	index_sum(&h, h.sum);
	if (pwrite(fd, &h, sizeof(h), 0) != (ssize_t)sizeof(h))
		abort();
	close(fd);
}

static void reboot(void)
{
	written_in("0123456789abcdef");
}

static void test_never_used(void)
{
	static const char no_boot[INDEX_BOOT_LEN] = INDEX_NO_BOOT;
	static const char set[] = "10.9.0.0/24", both[] = "10.9.0.0/24;fd09::/64";

	remove_tree();
	ok(!strcmp(add("c1", set), "10.9.0.2") && was_never_used, "the first of a new store");
	ok(!strcmp(add("c2", set), "10.9.0.3") && was_never_used, "the next");
	ok(del("c2", "eth0") && !strcmp(add_asked("c2", set, "10.9.0.3"), "10.9.0.3") &&
		   !was_never_used,
	   "one that is used again");
	ok(!strcmp(add("c3", both), "10.9.0.4,fd09::2") && was_never_used, "of both families");
	ok(del("c3", "eth0") && !strcmp(add_asked("c3", both, "fd09::2"), "10.9.0.5,fd09::2") &&
		   !was_never_used,
	   "one of two is not new");
	reboot();
	ok(del("c2", "eth0") && !strcmp(add_asked("c2", set, "10.9.0.3"), "10.9.0.3") &&
		   was_never_used,
	   "after a reboot nobody remembers");
	ok(del("c2", "eth0") && !strcmp(add_asked("c2", set, "10.9.0.3"), "10.9.0.3") &&
		   !was_never_used,
	   "but from then on");
	write_file("10.9.0.100", "theirs\r\neth0");
	ok(*add("c4", set) && !was_never_used, "others have been here");
	ok(*add("c5", set) && !was_never_used, "and are not forgotten");
	reboot();
	ok(*add("c6", set) && was_never_used, "before the next reboot");
	written_in(no_boot);
	ok(*add("c7", set) && !was_never_used, "which a boot that was not known does not tell");
	remove_tree();
	if (system(arena_printf(&arena, "mkdir -p %s/net", data_dir)))
		abort();
	write_file("last_reserved_ip.0", "10.9.0.7");
	ok(!strcmp(add("c1", set), "10.9.0.8") && !was_never_used,
	   "a store that somebody else has used");
}

static bool keep_even(const struct holder *holder, void *arg)
{
	(void)arg;
	return (holder->id[strlen(holder->id) - 1] - '0') % 2 == 0 && *holder->ifname;
}

static void test_garbage(void)
{
	static const char set[] = "10.9.0.0/24";

	remove_tree();
	for (int i = 1; i <= 6; i++)
		add(arena_printf(&arena, "c%d", i), set);
	write_file("10.9.0.100", "old8");
	write_file("10.9.0.101", "reserved for the printer");
	write_file("10.9.0.102", "");
	ok(open_as(STORE_CHANGE) && !store_gc(&s, keep_even, NULL), "collect %s", err.msg);
	store_close(&s);
	ok(!*held_by("c1") && !*held_by("c3") && !*held_by("c5"), "not kept");
	ok(*held_by("c2") && *held_by("c4") && *held_by("c6"), "kept");
	ok(!exists("10.9.0.100") && exists("10.9.0.101") && !exists("10.9.0.102"),
	   "old ones are told apart, notes stay, torn ones go");
	ok(is_indexed() && count_holders() == 3, "the index follows");
}

static void test_missing(void)
{
	remove_tree();
	ok(del("c1", "eth0"), "DEL without a directory");
	ok(!strcmp(held_by("c1"), ""), "CHECK");
	ok(!is_free(small), "STATUS");
	ok(open_as(STORE_CHANGE) && !store_gc(&s, keep_even, NULL) &&
		   !store_release_earlier_boots(&s),
	   "GC");
	store_close(&s);
	ok(count(data_dir, "") == 0, "make nothing");
	ok(!store_usable(data_dir, "net", &arena, &err), "a store could be made");
	ok(store_usable("/proc/1/status", "net", &arena, &err) < 0, "not in a file: %s", err.msg);
	ok(store_open(&s, STORE_ADD, "/proc/cnic", "net", &arena, &err) < 0, "nor there: %s",
	   err.msg);
	store_close(&s);
	ok(store_open(&s, STORE_ADD, data_dir, "..", &arena, &err) < 0, "a name that leads out: %s",
	   err.msg);
	store_close(&s);
}

static void test_look_changes_nothing(void)
{
	struct stat before, after;

	remove_tree();
	ok(!mkdir(path_of(""), 0755), "theirs");
	write_file("10.9.0.2", "c1\r\neth0");
	write_file("10.9.0.3", "");
	stat(path_of(""), &before);
	ok(!strcmp(held_by("c1"), "10.9.0.2") && !is_free(small), "look");
	stat(path_of(""), &after);
	ok(before.st_mtim.tv_nsec == after.st_mtim.tv_nsec && count(path_of(""), "") == 2 &&
		   count(data_dir, "") == 1,
	   "nothing is made, not even the lock");
}

static void test_many_of_one_holder(void)
{
	remove_tree();
	ok(!strcmp(add("c1", small), "10.9.0.2"), "ours");
	for (int i = 0; i < 200; i++)
		write_file(arena_printf(&arena, "10.9.1.%d", i), "many\r\neth0");
	ok(count(path_of(""), "10.9.1.") == 200 && *held_by("many"), "more than an entry lists");
	ok(!strcmp(add("c2", small), "10.9.0.3") && is_indexed(), "indexed");
	ok(del("many", "eth0") && count(path_of(""), "10.9.1.") == 0, "DEL has them all");
	ok(count_holders() == 2, "and the entry");
}

static void test_long_ids(void)
{
	char *id = arena_alloc(&arena, 5001);

	remove_tree();
	memset(id, 'x', 5000);
	ok(!strcmp(add(id, small), "4"), "too long to be read back: %s", err.msg);
	id[3000] = '\0';
	ok(!strcmp(add(id, small), "10.9.0.2"), "long");
	ok(!strcmp(held_by(id), "10.9.0.2") && del(id, "eth0") && !exists("10.9.0.2"), "and back");
}

static void test_blocks(void)
{
	static const char across[] = "10.0.0.0/8 10.8.255.254 10.9.0.1";
	static const char six[] = "fd00::/64 fd00::1:fffe fd00::2:1";

	remove_tree();
	ok(!strcmp(add("c1", across), "10.8.255.254"), "before the block's end");
	ok(!strcmp(add("c2", across), "10.8.255.255"), "at its end");
	ok(!strcmp(add("c3", across), "10.9.0.0"), "in the next");
	ok(!strcmp(add("c4", across), "10.9.0.1") && !strcmp(add("c5", across), "100"), "last");
	ok(del("c2", "eth0") && !strcmp(add("c6", across), "10.8.255.255"),
	   "back to the first block");
	ok(!strcmp(add("d1", six), "fd00::1:fffe") && !strcmp(add("d2", six), "fd00::1:ffff") &&
		   !strcmp(add("d3", six), "fd00::2:0") && !strcmp(add("d4", six), "fd00::2:1") &&
		   !strcmp(add("d5", six), "100"),
	   "IPv6 the same");
	ok(!strcmp(held_by("d3"), "fd00::2:0"), "and found");
	ok(!strcmp(add("e1", "0.0.0.0/0 255.255.255.255 255.255.255.255"), "255.255.255.255") &&
		   !strcmp(add("e2", "0.0.0.0/0 255.255.255.255 255.255.255.255"), "100"),
	   "the very last address");
}

static void run_child(int i)
{
	char id[16];

	snprintf(id, sizeof(id), "p%d", i);
	_exit(strlen(add(id, "10.9.0.0/24 10.9.0.2 10.9.0.41")) > 3 ? 0 : 1);
}

static void test_parallel(void)
{
	int failed = 0, status;

	remove_tree();
	for (int i = 0; i < 40; i++)
		if (!fork())
			run_child(i);
	while (wait(&status) > 0)
		failed += status != 0;
	ok(!failed && count(path_of(""), "10.9.") == 40,
	   "40 processes, 40 addresses, all of a range");
	ok(is_indexed() && count_holders() == 40, "and in the index");
	ok(!strcmp(add("p40", "10.9.0.0/24 10.9.0.2 10.9.0.41"), "100"), "not one more");
}

int main(void)
{
	if (!mkdtemp(data_dir))
		return 1;
	test_layout();
	test_round_robin();
	test_gateway();
	test_asked();
	test_duplicate();
	test_all_or_nothing();
	test_take_back();
	test_others();
	test_legacy();
	test_torn();
	test_hostile();
	test_index_damage();
	test_head();
	test_older_layout();
	test_crash();
	test_reboot();
	test_never_used();
	test_garbage();
	test_missing();
	test_look_changes_nothing();
	test_many_of_one_holder();
	test_long_ids();
	test_blocks();
	test_parallel();
	remove_tree();
	rmdir(data_dir);
	arena_free(&arena);
	return done_testing();
}
