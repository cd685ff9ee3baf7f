/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/reservation.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/str.h"
#include "sys/file.h"

#define SPACES "\t\n\v\f\r "
#define MODE   0600

/*
 * The reference compares with white space trimmed off both ends, so hand-made reservations may have
 * it.
 */
static bool parse_holder(char *text, struct holder *holder)
{
	size_t len;
	char *crlf;

	text += strspn(text, SPACES);
	for (len = strlen(text); len && strchr(SPACES, text[len - 1]); len--)
		text[len - 1] = '\0';
	crlf = strstr(text, "\r\n");
	if (crlf)
		*crlf = '\0';
	holder->id = text;
	holder->ifname = crlf ? crlf + 2 : "";
	return str_is_cni_name(holder->id) && (!crlf || !str_ifname_fault(holder->ifname));
}

static bool is_binary(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((text[i] >= 0 && text[i] < ' ' && !strchr(SPACES, text[i])) || !text[i])
			return true;
	return false;
}

/*
 * What a power cut or a killed writer leaves is empty or holds NULs. Readable text that names no
 * container is a note ("reserved for the printer"): that address stays taken.
 */
static enum reservation_state judge(int fd, struct reservation *r)
{
	ssize_t got = file_read_fd(fd, r->text, sizeof(r->text));
	size_t len = (size_t)got;
	bool empty, binary;
	struct stat st;

	if (got < 0 || len == sizeof(r->text))
		return RESERVATION_TAKEN;
	r->text[len] = '\0';
	empty = strspn(r->text, SPACES) == len;
	binary = is_binary(r->text, len);
	if (!empty && strlen(r->text) == len && parse_holder(r->text, &r->holder))
		return RESERVATION_HELD;
	if ((empty || binary) && !fstat(fd, &st) && S_ISREG(st.st_mode))
		return RESERVATION_TORN;
	return RESERVATION_TAKEN;
}

enum reservation_state reservation_read(int dir, const struct ip *ip, struct reservation *r)
{
	auto_close int fd = -1;

	r->ip = *ip;
	fd = openat(dir, ip_str(ip, r->name), O_RDONLY | FILE_SAFE);
	if (fd < 0)
		r->state = errno == ENOENT ? RESERVATION_NONE : RESERVATION_TAKEN;
	else
		r->state = judge(fd, r);
	return r->state;
}

bool reservation_is_of(const struct reservation *r, const struct holder *holder)
{
	return r->state == RESERVATION_HELD && !strcmp(r->holder.id, holder->id) &&
	       !strcmp(r->holder.ifname, holder->ifname);
}

int reservation_draft_open(struct draft *d, int dir, const struct holder *holder, struct err *err)
{
	int len = snprintf(d->text, sizeof(d->text), "%s\r\n%s", holder->id, holder->ifname);

	d->dir = dir;
	d->fd = -1;
	if (len < 0 || (size_t)len >= sizeof(d->text))
		return err_set(err, ERR_ENV, "container id longer than %d bytes",
			       RESERVATION_MAX - IFNAMSIZ);
	d->len = (size_t)len;
	d->fd = openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, MODE);
	if (d->fd >= 0 && file_write_fd(d->fd, d->text, d->len) < 0)
		drop_fd(&d->fd);
	return 0;
}

/* linkat(2) by descriptor wants CAP_DAC_READ_SEARCH, by /proc it wants /proc. */
static int link_draft(const struct draft *d, const char *name)
{
	char path[32];

	if (!linkat(d->fd, "", d->dir, name, AT_EMPTY_PATH))
		return 0;
	if (errno == EEXIST)
		return -1;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", d->fd);
	return linkat(AT_FDCWD, path, d->dir, name, AT_SYMLINK_FOLLOW);
}

/* For filesystems that cannot do better: a crash in between leaves an empty file. */
static int create_plainly(const struct draft *d, const char *name)
{
	auto_close int fd = openat(d->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, MODE);
	int saved;

	if (fd < 0)
		return -1;
	if (!file_write_fd(fd, d->text, d->len))
		return 0;
	saved = errno;
	unlinkat(d->dir, name, 0);
	errno = saved;
	return -1;
}

static int place(const struct draft *d, const char *name)
{
	int rc = link_draft(d, name); /* fails without a draft */

	return rc < 0 && errno != EEXIST ? create_plainly(d, name) : rc;
}

int reservation_draft_place(struct draft *d, const struct ip *ip, struct err *err)
{
	struct reservation old;
	int rc = place(d, ip_str(ip, old.name));

	if (rc < 0 && errno == EEXIST) {
		if (reservation_read(d->dir, ip, &old) != RESERVATION_TORN)
			return 0;
		if (reservation_remove(d->dir, ip, err) < 0)
			return -1;
		rc = place(d, old.name);
	}
	return rc < 0 ? err_sys(err, "create %s", old.name) : 1;
}

int reservation_remove(int dir, const struct ip *ip, struct err *err)
{
	char name[IP_STRLEN];

	if (unlinkat(dir, ip_str(ip, name), 0) < 0 && errno != ENOENT)
		return err_sys(err, "remove %s", name);
	return 0;
}

/* Only the one spelling we and the reference write; "lock" and all else is not a reservation. */
static bool parse_name(const char *name, struct ip *ip)
{
	char canonical[IP_STRLEN];

	return strlen(name) < IP_STRLEN && ip_parse(ip, name) &&
	       !strcmp(ip_str(ip, canonical), name);
}

int reservation_scan(int dir, int (*fn)(const struct reservation *r, void *arg), void *arg,
		     struct err *err)
{
	auto_dir DIR *entries = file_entries(dir, ".");
	const struct dirent *e;
	struct reservation r;

	if (!entries)
		return err_sys(err, "read directory");
	while ((e = readdir(entries)))
		if (parse_name(e->d_name, &r.ip) &&
		    reservation_read(dir, &r.ip, &r) != RESERVATION_NONE && fn(&r, arg) < 0)
			return -1;
	return 0;
}
