/* SPDX-License-Identifier: Apache-2.0 */
#include "ipam/index_holder.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/sha512.h"
#include "sys/file.h"

void index_holder_key(const struct index *ix, const struct holder *holder,
		      struct index_holder_key *key)
{
	uint8_t hash[SHA512_LEN];
	struct sha512 s;
	size_t at;

	sha512_begin(&s);
	sha512_add(&s, ix->head.key, sizeof(ix->head.key));
	sha512_add(&s, holder->id, strlen(holder->id) + 1);
	sha512_add(&s, holder->ifname, strlen(holder->ifname));
	sha512_end(&s, hash);
	at = (size_t)snprintf(key->path, sizeof(key->path), INDEX_HOLDERS "/");
	for (size_t i = 0; i < INDEX_HOLDER_HEX / 2; i++)
		snprintf(key->path + at + 2 * i, 3, "%02x", hash[i]);
}

bool index_holder_get(const struct index *ix, const struct index_holder_key *key,
		      struct index_holder_entry *e)
{
	char text[sizeof(e->boot) + sizeof(e->ips) + 2];
	ssize_t n = readlinkat(ix->dir, key->path, text, sizeof(text) - 1);
	size_t boot, len;

	*e = (struct index_holder_entry){ .boot = INDEX_NO_BOOT };
	e->more = n >= 0 || errno != ENOENT; /* there may be one: look at the reservations */
	if (n < 0)
		return e->more;
	text[n] = '\0';
	boot = strcspn(text, " ");
	if (boot > INDEX_BOOT_LEN || !text[boot] || strlen(text + boot + 1) >= sizeof(e->ips))
		return true;
	snprintf(e->boot, sizeof(e->boot), "%.*s", (int)boot, text);
	len = (size_t)snprintf(e->ips, sizeof(e->ips), "%s", text + boot + 1);
	e->more = len >= 2 && !strcmp(e->ips + len - 2, ",+");
	if (e->more)
		e->ips[len - 2] = '\0';
	return true;
}

void index_holder_put(struct index *ix, const struct index_holder_key *key,
		      const struct index_holder_entry *e)
{
	char text[sizeof(e->boot) + sizeof(e->ips) + 4];

	if (!index_may_change(ix))
		return;
	if (unlinkat(ix->dir, key->path, 0) < 0 && errno != ENOENT)
		ix->broken = true;
	snprintf(text, sizeof(text), "%s %s%s", e->boot, e->ips, e->more ? ",+" : "");
	if ((*e->ips || e->more) && symlinkat(text, ix->dir, key->path) < 0)
		ix->broken = true;
}

void index_holder_drop(struct index *ix, const struct index_holder_key *key)
{
	index_holder_put(ix, key, &(const struct index_holder_entry){ 0 });
}

bool index_holder_predates(const struct index *ix, const struct index_holder_key *key, int dir,
			   const char *name)
{
	struct stat entry, st;

	if (fstatat(ix->dir, key->path, &entry, AT_SYMLINK_NOFOLLOW) < 0 ||
	    fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true;
	return entry.st_mtim.tv_sec < st.st_mtim.tv_sec ||
	       (entry.st_mtim.tv_sec == st.st_mtim.tv_sec &&
		entry.st_mtim.tv_nsec < st.st_mtim.tv_nsec);
}

void index_holder_each(struct index *ix,
		       void (*fn)(const struct index_holder_key *key,
				  const struct index_holder_entry *e, void *arg),
		       void *arg)
{
	auto_dir DIR *entries = ix->usable ? file_entries(ix->dir, INDEX_HOLDERS) : NULL;
	const struct dirent *d;
	struct index_holder_entry e;
	struct index_holder_key key;

	while (entries && (d = readdir(entries))) {
		if (strlen(d->d_name) != INDEX_HOLDER_HEX)
			continue;
		snprintf(key.path, sizeof(key.path), INDEX_HOLDERS "/%s", d->d_name);
		if (index_holder_get(ix, &key, &e))
			fn(&key, &e, arg);
	}
}

bool index_holder_entry_next(const char **at, struct ip *ip)
{
	char text[IP_STRLEN];
	size_t n;

	while (**at) {
		n = strcspn(*at, ",");
		snprintf(text, sizeof(text), "%.*s", (int)n, *at);
		*at += n + ((*at)[n] == ',');
		if (n < sizeof(text) && ip_parse(ip, text))
			return true;
	}
	return false;
}

bool index_holder_entry_has(const struct index_holder_entry *e, const struct ip *ip)
{
	const char *at = e->ips;
	struct ip held;

	while (index_holder_entry_next(&at, &held))
		if (ip_equal(&held, ip))
			return true;
	return false;
}

void index_holder_entry_add(struct index_holder_entry *e, const struct ip *ip)
{
	size_t used = strlen(e->ips);
	char text[IP_STRLEN];

	ip_str(ip, text);
	if (used + 1 + strlen(text) + 2 >= sizeof(e->ips))
		e->more = true;
	else
		snprintf(e->ips + used, sizeof(e->ips) - used, "%s%s", used ? "," : "", text);
}
