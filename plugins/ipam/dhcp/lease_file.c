/* SPDX-License-Identifier: Apache-2.0 */
#include "lease_file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "skel/attfile.h"
#include "skel/record.h"
#include "sys/file.h"

/* As it is in the file; times are milliseconds of CLOCK_BOOTTIME, 0 = never. */
struct stored_address {
	struct ip ip;
	uint64_t preferred, valid; /* until */
};

struct stored_ipv6 {
	struct stored_address *addresses;
	size_t n_addresses;
	uint64_t t1, t2;
	const char *server; /* its DUID, hexadecimal digits */
	bool unapplied;
	const struct json *result;
};

struct stored {
	struct ask ask;
	struct identity id;
	struct ip address, server;
	const char *mac, *server_mac;
	uint32_t ifindex;
	uint64_t t1, t2, end;
	uint64_t boottime, wall; /* both clocks when it was written */
	bool removed, unapplied;
	const struct json *result, *pending;
	uint32_t mtu;
	const char **ntp;
	size_t n_ntp;
	struct stored_ipv6 ipv6;
};

/* clang-format off */
static const struct json_field address_fields[] = {
	F_IP("address", struct stored_address, ip, .required = true),
	F_UINT("preferred", struct stored_address, preferred),
	F_UINT("valid", struct stored_address, valid),
	F_END
};

static const struct json_field ipv6_fields[] = {
	F_LIST("addresses", struct stored_ipv6, addresses, address_fields, .max = DHCP6_ADDRESSES),
	F_UINT("t1", struct stored_ipv6, t1),
	F_UINT("t2", struct stored_ipv6, t2),
	F_STR("server", struct stored_ipv6, server, .max = 2 * DHCP6_DUID_MAX),
	F_BOOL("unapplied", struct stored_ipv6, unapplied),
	F_RAW("result", struct stored_ipv6, result),
	F_END
};

static const struct json_field stored_fields[] = {
	F_OBJ("attachment", struct stored, ask, ask_fields, .required = true),
	IDENTITY_FIELDS(struct stored, id),
	F_IP("address", struct stored, address),
	F_IP("server", struct stored, server),
	F_UINT("ifindex", struct stored, ifindex, .max = INT32_MAX),
	F_STR("mac", struct stored, mac),
	F_STR("serverMAC", struct stored, server_mac),
	F_UINT("t1", struct stored, t1),
	F_UINT("t2", struct stored, t2),
	F_UINT("end", struct stored, end),
	F_UINT("boottime", struct stored, boottime),
	F_UINT("wall", struct stored, wall),
	F_BOOL("removed", struct stored, removed),
	F_BOOL("unapplied", struct stored, unapplied),
	F_RAW("result", struct stored, result),
	F_UINT("mtu", struct stored, mtu, .max = UINT16_MAX),
	F_STRS("ntp", struct stored, ntp),
	F_RAW("pending", struct stored, pending),
	F_OBJ("ipv6", struct stored, ipv6, ipv6_fields),
	F_END
};

/* Of a half: what add_answer() writes. */
static const struct json_field given_fields[] = {
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

/* A lease whose boot is not known would be taken for one of another. */
static int own_boot(const char **boot, struct err *err)
{
	struct identity id = { 0 };

	identity_own(&id, json_arena());
	*boot = id.boot;
	errno = EIO;
	return *id.boot ? 0 : err_sys(err, "dhcp: read the id of the machine's boot");
}

static struct json *answer_object(const struct dhcp_answer *a)
{
	struct json *o = json_object();

	json_add(o, "result", cni_result_object(&a->result, "1.1.0"));
	if (a->mtu)
		json_add_int(o, "mtu", a->mtu);
	if (a->n_ntp)
		json_add_strs(o, "ntp", a->ntp, a->n_ntp);
	return o;
}

static void add_answer(struct json *o, const struct json *answer)
{
	static const char *const keys[] = { "result", "mtu", "ntp" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct json *v = json_get(answer, keys[i]);

		if (v)
			json_add_copy(o, keys[i], v);
	}
}

/* What a half of a lease has given; NULL: not known. */
static const struct json *read_given(const char *text)
{
	struct err ignored = { 0 };
	const struct json *v;

	return text && json_parse(text, strlen(text), &v, &ignored) == 0 ? v : NULL;
}

static int keep_given(char **to, const struct json *answer, struct err *err)
{
	char *text = strdup(json_print(answer));

	if (!text)
		return err_sys(err, "a lease");
	free(*to);
	*to = text;
	return 0;
}

int lease_file_give(struct lease *l, const struct dhcp_answer *a, const struct dhcp_answer *a6,
		    struct err *err)
{
	if (a && keep_given(&l->given, answer_object(a), err) < 0)
		return -1;
	return a6 ? keep_given(&l->ipv6->given, answer_object(a6), err) : 0;
}

int lease_file_defer(struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	if (a)
		return keep_given(&l->pending, answer_object(a), err);
	free(l->pending);
	l->pending = NULL;
	return 0;
}

/* Both halves are on one. */
static void add_link(struct json *o, const struct lease *l)
{
	const struct wire_link *on = l->ipv4 ? &l->wire.link : &l->ipv6->wire.link;
	char mac[MAC_STRLEN];

	if (on->index)
		json_add_int(o, "ifindex", on->index);
	json_add_str(o, "mac", mac_str(on->mac, mac));
}

static void add_lease(struct json *o, const struct lease *l)
{
	const struct dhcp_client *c = &l->client;
	char mac[MAC_STRLEN];

	add_ip(o, "address", c->address);
	add_ip(o, "server", c->server);
	json_add_str(o, "serverMAC", mac_str(c->server_mac, mac));
	add_time(o, "t1", c->t1);
	add_time(o, "t2", c->t2);
	add_time(o, "end", c->end);
}

static void add_lease6(struct json *o, const struct dhcp6_client *c)
{
	const struct dhcp6_lease *l = &c->lease;
	struct json *list = json_add_list(o, "addresses");
	char text[IP_STRLEN];

	for (size_t i = 0; i < l->n; i++) {
		const struct ip ip = { .family = AF_INET6, .plen = 128, .v6 = l->addresses[i] };
		struct json *a = json_add_object(list, NULL);

		json_add_str(a, "address", ip_str(&ip, text));
		add_time(a, "preferred", l->preferred[i]);
		add_time(a, "valid", l->valid[i]);
	}
	add_time(o, "t1", l->t1);
	add_time(o, "t2", l->t2);
	json_add_str(o, "server", ask_hex(c->server, c->server_len));
}

/* Of a half its lease, and what its container has, which may be there when that has ended. */
static void add_ipv4(struct json *o, const struct lease *l)
{
	if (l->client.holds)
		add_lease(o, l);
	if (l->unapplied)
		json_add_bool(o, "unapplied", true);
	if (!l->lost)
		add_answer(o, read_given(l->given));
	if (l->pending)
		json_add_copy(o, "pending", read_given(l->pending));
}

static void add_ipv6(struct json *parent, const struct lease_ipv6 *s)
{
	const struct json *given = s->lost ? NULL : read_given(s->given);
	struct json *o;

	if (!s->client.holds && !json_get(given, "result"))
		return;
	o = json_add_object(parent, "ipv6");
	if (s->client.holds)
		add_lease6(o, &s->client);
	if (s->unapplied)
		json_add_bool(o, "unapplied", true);
	add_answer(o, given);
}

static bool is_lease(const char *name)
{
	return *name != '.' && !file_is_draft(name);
}

int lease_file_list(const char ***paths, size_t *n, struct err *err)
{
	if (file_names(LEASE_DIR, is_lease, json_arena(), paths, n, err) < 0)
		return -1;
	for (size_t i = 0; i < *n; i++)
		(*paths)[i] = arena_printf(json_arena(), LEASE_DIR "/%s", (*paths)[i]);
	return 0;
}

int lease_file_write(struct lease *l, const struct dhcp_answer *a, const struct dhcp_answer *a6,
		     struct err *err)
{
	const struct ask ask = lease_ask(l);
	struct json *o = json_object();
	const char *boot;

	if (lease_file_give(l, a, a6, err) < 0 || own_boot(&boot, err) < 0)
		return -1;
	json_add(o, "attachment", ask_json(&ask));
	json_add_str(o, "boot", boot);
	json_add_int(o, "netnsInode", (int64_t)l->netns_inode);
	json_add_int(o, "boottime", lease_now());
	json_add_int(o, "wall", wall_now());
	add_link(o, l);
	add_ipv4(o, l);
	if (l->ipv6)
		add_ipv6(o, l->ipv6);
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
		if (err->sys && err->sys != ENOENT)
			return -1;
		err_clear(err);
		return file_remove(path, json_arena(), err);
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

static bool is_sane_ipv4(const struct stored *s)
{
	return s->address.family == AF_INET && !s->t1 == !s->end && s->t1 <= s->t2 &&
	       s->t2 <= s->end;
}

static bool is_sane_ipv6(const struct stored_ipv6 *s)
{
	for (size_t i = 0; i < s->n_addresses; i++)
		if (s->addresses[i].ip.family != AF_INET6)
			return false;
	return s->n_addresses && s->n_addresses <= DHCP6_ADDRESSES &&
	       (!s->t2 || (s->t1 && s->t1 <= s->t2));
}

/* A half that is not there has been lost, or was not there yet: it is asked for anew. */
static bool is_sane(const struct stored *s)
{
	const struct ask *a = &s->ask;
	bool v4 = s->address.family, v6 = s->ipv6.n_addresses;

	return ask_names_attachment(a) && (a->ipv6 || !a->no_ipv4) &&
	       (!v4 || (!a->no_ipv4 && is_sane_ipv4(s))) &&
	       (!v6 || (a->ipv6 && is_sane_ipv6(&s->ipv6)));
}

static void make_ipv4(const struct stored *s, bool other_boot, struct dhcp_client *c)
{
	c->address = s->address.v4;
	if (s->server.family == AF_INET)
		c->server = s->server.v4;
	if (s->server_mac)
		(void)!mac_parse(c->server_mac, s->server_mac);
	c->holds = true;
	c->t1 = time_of(s, s->t1, other_boot);
	c->t2 = time_of(s, s->t2, other_boot);
	c->end = time_of(s, s->end, other_boot);
}

static int make_ipv6(const struct stored *s, bool other_boot, struct dhcp6_client *c,
		     struct err *err)
{
	const struct stored_ipv6 *v = &s->ipv6;
	struct dhcp6_lease *l = &c->lease;
	const uint8_t *duid;
	size_t len;

	if (ask_unhex(v->server ? v->server : "", &duid, &len, err) < 0)
		return -1;
	if (!len || len > DHCP6_DUID_MAX)
		return err_set(err, ERR_DECODE, "ipv6.server: no DUID");
	memcpy(c->server, duid, len);
	c->server_len = (uint8_t)len;
	for (l->n = 0; l->n < v->n_addresses; l->n++) {
		l->addresses[l->n] = v->addresses[l->n].ip.v6;
		l->preferred[l->n] = time_of(s, v->addresses[l->n].preferred, other_boot);
		l->valid[l->n] = time_of(s, v->addresses[l->n].valid, other_boot);
	}
	c->holds = true;
	l->t1 = time_of(s, v->t1, other_boot);
	l->t2 = time_of(s, v->t2, other_boot);
	return 0;
}

/* As it stands in the file, v. */
static int make_given(const struct json *v, struct lease *l, struct err *err)
{
	const struct json *pending = json_get(v, "pending");
	struct json *o = json_object(), *o6 = json_object();

	add_answer(o, v);
	add_answer(o6, json_get(v, "ipv6"));
	if (keep_given(&l->given, o, err) < 0 ||
	    (pending && keep_given(&l->pending, pending, err) < 0))
		return -1;
	return l->ipv6 ? keep_given(&l->ipv6->given, o6, err) : 0;
}

/* What could not be taken away, or given, is to be tried again at once. */
static void make_pending(const struct stored *s, struct lease *l)
{
	l->unapplied = s->unapplied || s->pending;
	if (l->ipv4 && (s->pending || (!s->address.family && s->result)))
		l->again = 0;
	if (!l->ipv6)
		return;
	l->ipv6->unapplied = s->ipv6.unapplied;
	if (s->ipv6.result && (s->ipv6.unapplied || !s->ipv6.n_addresses))
		l->ipv6->again = 0;
}

static int make(const struct stored *s, const struct json *v, const struct dhcp_times *times,
		bool other_boot, struct lease **out, struct err *err)
{
	struct lease *l = lease_new(&s->ask, times, err);

	if (!l)
		return -1;
	l->netns_inode = s->id.netns_inode;
	l->removed = s->removed;
	l->resumed = true;
	if (s->mac && mac_parse(l->wire.link.mac, s->mac))
		l->wire.link.index = (int)s->ifindex;
	else
		l->wire.link = (struct wire_link){ 0 };
	if (l->ipv6)
		l->ipv6->wire.link = l->wire.link;
	make_pending(s, l);
	if (s->address.family)
		make_ipv4(s, other_boot, &l->client);
	if ((l->ipv6 && s->ipv6.n_addresses &&
	     make_ipv6(s, other_boot, &l->ipv6->client, err) < 0) ||
	    make_given(v, l, err) < 0) {
		lease_free(l);
		return -1;
	}
	*out = l;
	return 0;
}

int lease_file_read(const char *path, const struct dhcp_times *times, struct lease **l,
		    struct lease_file *f, struct err *err)
{
	struct stored s = { 0 };
	const struct json *v;
	const char *boot;
	bool other_boot;

	if (attfile_load(path, json_arena(), &v, err) < 0 ||
	    json_decode(v, stored_fields, "", &s, err) < 0)
		return -1;
	if (!is_sane(&s))
		return err_set(err, ERR_DECODE, "no lease");
	if (own_boot(&boot, err) < 0)
		return -1;
	other_boot = !s.id.boot || strcmp(s.id.boot, boot) != 0;
	if (strcmp(path, lease_file_path(s.ask.network, s.ask.container_id, s.ask.ifname)) != 0)
		return err_set(err, ERR_DECODE, "left alone: the lease of %s %s has another name",
			       s.ask.container_id, s.ask.ifname);
	*f = (struct lease_file){
		.other_boot = other_boot,
		.result = s.result,
		.mtu = (uint16_t)s.mtu,
		.ntp = s.ntp,
		.n_ntp = s.n_ntp,
	};
	return make(&s, v, times, other_boot, l, err);
}

static int give(const char *given, struct lease_given *to)
{
	const struct json *half = read_given(given);
	struct stored s = { 0 };
	struct err ignored = { 0 };

	*to = (struct lease_given){ 0 };
	if (!half || json_decode(half, given_fields, "", &s, &ignored) < 0 || !s.result)
		return -1;
	to->text = s.result;
	to->answer.mtu = (uint16_t)s.mtu;
	to->answer.ntp = s.ntp;
	to->answer.n_ntp = s.n_ntp;
	return cni_result_parse(s.result, "1.1.0", false, "result", &to->answer.result, &ignored);
}

int lease_file_deferred(const struct lease *l, struct dhcp_answer *a)
{
	struct lease_given to;

	if (give(l->pending, &to) < 0 || !to.answer.result.n_ips)
		return -1;
	*a = to.answer;
	return 0;
}

int lease_file_given(const struct lease *l, struct lease_given *v4, struct lease_given *v6)
{
	int rc = 0;

	if (v4)
		rc |= give(l->given, v4);
	if (v6)
		rc |= give(l->ipv6->given, v6);
	return rc;
}
