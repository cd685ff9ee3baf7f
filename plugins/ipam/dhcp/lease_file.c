/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_file.h"

#include <string.h>
#include <time.h>

#include "base/str.h"
#include "skel/attfile.h"
#include "skel/record.h"
#include "sys/file.h"

/* As it is in the file; times are milliseconds. */
struct stored {
	struct ask ask;
	struct identity id;
	struct ip address, server;
	const char *mac, *server_mac;
	uint64_t t1, t2, end;    /* CLOCK_BOOTTIME; 0 = never */
	uint64_t boottime, wall; /* both clocks when it was written */
	bool removed;
	const struct json *result;
	uint32_t mtu;
	const char **ntp;
	size_t n_ntp;
};

/* clang-format off */
static const struct json_field stored_fields[] = {
	F_OBJ("attachment", struct stored, ask, ask_fields, .required = true),
	IDENTITY_FIELDS(struct stored, id),
	F_IP("address", struct stored, address, .required = true),
	F_IP("server", struct stored, server),
	F_STR("mac", struct stored, mac),
	F_STR("serverMAC", struct stored, server_mac),
	F_UINT("t1", struct stored, t1),
	F_UINT("t2", struct stored, t2),
	F_UINT("end", struct stored, end),
	F_UINT("boottime", struct stored, boottime),
	F_UINT("wall", struct stored, wall),
	F_BOOL("removed", struct stored, removed),
	F_RAW("result", struct stored, result),
	F_UINT("mtu", struct stored, mtu, .max = UINT16_MAX),
	F_STRS("ntp", struct stored, ntp),
	F_END
};
/* clang-format on */

static int64_t wall_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

const char *lease_file_path(const char *network, const char *container_id, const char *ifname)
{
	const char *name = record_name_of(json_arena(), "dhcp", network, ifname, container_id);

	return arena_printf(json_arena(), LEASE_DIR "/%s", name);
}

static const char *path_of(const struct lease *l)
{
	return lease_file_path(l->network, l->container_id, l->ifname);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void add_ip(struct json *o, const char *key, struct in_addr v4)
{
	const struct ip ip = { .family = AF_INET, .plen = 32, .v4 = v4 };
	char text[IP_STRLEN];

	if (v4.s_addr)
		json_add_str(o, key, ip_str(&ip, text));
}

static void add_time(struct json *o, const char *key, int64_t ms)
{
	if (ms != INT64_MAX)
		json_add_int(o, key, ms);
}

static void add_identity(struct json *o, const struct lease *l)
{
	struct identity id = { 0 };

	identity_own(&id, json_arena());
	json_add_str(o, "boot", id.boot);
	json_add_int(o, "netnsInode", (int64_t)l->netns_inode);
}

int lease_file_write(const struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	const struct ask ask = lease_ask(l);
	struct json *o = json_object();
	char mac[MAC_STRLEN];

	json_add(o, "attachment", ask_json(&ask));
	add_identity(o, l);
	add_ip(o, "address", l->client.address);
	add_ip(o, "server", l->client.server);
	json_add_str(o, "mac", mac_str(l->wire.mac, mac));
	json_add_str(o, "serverMAC", mac_str(l->client.server_mac, mac));
	add_time(o, "t1", l->client.t1);
	add_time(o, "t2", l->client.t2);
	add_time(o, "end", l->client.end);
	json_add_int(o, "boottime", lease_now());
	json_add_int(o, "wall", wall_now());
	json_add(o, "result", cni_result_object(&a->result, "1.1.0"));
	if (a->mtu)
		json_add_int(o, "mtu", a->mtu);
	if (a->n_ntp)
		json_add_strs(o, "ntp", a->ntp, a->n_ntp);
	if (file_make_dirs(LEASE_DIR, 0700, err) < 0)
		return -1;
	return attfile_store(path_of(l), o, json_arena(), err);
}

int lease_file_remove(const struct lease *l, struct err *err)
{
	return file_remove(path_of(l), json_arena(), err);
}

int lease_file_mark_removed(const char *path, struct err *err)
{
	const struct json *v;
	struct json *o = json_object();

	if (attfile_load(path, json_arena(), &v, err) < 0) {
		if (err->sys != ENOENT)
			return -1;
		err_clear(err);
		return 0;
	}
	json_for_each(member, v)
		if (strcmp(json_key(member), "removed") != 0)
			json_add_copy(o, json_key(member), member);
	json_add_bool(o, "removed", true);
	return attfile_store(path, o, json_arena(), err);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* A time of then on today's clock: that of another boot is known by the wall's. */
static int64_t time_of(const struct stored *s, uint64_t then, bool other_boot)
{
	if (!then)
		return INT64_MAX;
	if (!other_boot)
		return (int64_t)then;
	return (int64_t)then - (int64_t)s->boottime + (int64_t)s->wall - wall_now() + lease_now();
}

static bool is_sane(const struct stored *s)
{
	const struct ask *a = &s->ask;

	return a->network && a->container_id && a->ifname && str_is_cni_name(a->network) &&
	       str_is_cni_name(a->container_id) && !str_ifname_fault(a->ifname) &&
	       s->address.family == AF_INET && !s->t1 == !s->end && s->t1 <= s->t2 &&
	       s->t2 <= s->end;
}

static int make(const struct stored *s, const struct dhcp_times *times, bool other_boot,
		struct lease **out, struct err *err)
{
	struct lease *l = lease_new(&s->ask, times, err);

	if (!l)
		return -1;
	l->netns_inode = s->id.netns_inode;
	l->removed = s->removed;
	l->resumed = true;
	l->client.address = s->address.v4;
	if (s->server.family == AF_INET)
		l->client.server = s->server.v4;
	if (s->server_mac)
		(void)!mac_parse(l->client.server_mac, s->server_mac);
	if (s->mac)
		(void)!mac_parse(l->wire.mac, s->mac);
	l->client.holds = true;
	l->client.t1 = time_of(s, s->t1, other_boot);
	l->client.t2 = time_of(s, s->t2, other_boot);
	l->client.end = time_of(s, s->end, other_boot);
	*out = l;
	return 0;
}

int lease_file_read(const char *path, const struct dhcp_times *times, struct lease **l,
		    struct lease_file *f, struct err *err)
{
	struct stored s = { 0 };
	struct identity now = { 0 };
	const struct json *v;
	bool other_boot;

	if (attfile_load(path, json_arena(), &v, err) < 0 ||
	    json_decode(v, stored_fields, "", &s, err) < 0)
		return -1;
	if (!is_sane(&s))
		return err_set(err, ERR_DECODE, "no lease");
	identity_own(&now, json_arena());
	other_boot = !s.id.boot || strcmp(s.id.boot, now.boot) != 0;
	*f = (struct lease_file){
		.other_boot = other_boot,
		.result = s.result,
		.mtu = (uint16_t)s.mtu,
		.ntp = s.ntp,
		.n_ntp = s.n_ntp,
	};
	return make(&s, times, other_boot, l, err);
}

const struct json *lease_file_result(const struct lease *l)
{
	const struct json *v;
	struct err ignored;

	if (attfile_load(path_of(l), json_arena(), &v, &ignored) < 0)
		return NULL;
	return json_get(v, "result");
}
