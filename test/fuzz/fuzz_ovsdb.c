/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_ovsdb - a hostile database server: whatever pkg/ovsdb asks, what it receives is the input's
 * bytes, in pieces. Requests have the ids 1, 2, 3, which the seeds answer.
 */
#include "fuzz.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "ovs/mirror.h"
#include "ovs/port.h"

static struct {
	const uint8_t *at;
	size_t left;
	bool sent;
} input;

/* ---- these are called instead of libc's ------------------------------------------------------ */

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	(void)fd, (void)to, (void)len;
	return 0;
}

/* What we send must be well-formed, whole, and one text at a time. */
ssize_t send(int fd, const void *buf, size_t size, int flags)
{
	struct ovsdb_frame frame = { 0 };
	const struct json *v;
	struct err err;

	(void)fd, (void)flags;
	if (ovsdb_frame_next(&frame, buf, size) != (long)size ||
	    json_parse(buf, size, &v, &err) < 0)
		abort();
	input.sent = true;
	return (ssize_t)size;
}

/* A piece: a length byte, then that much of the input. */
ssize_t recv(int fd, void *buf, size_t size, int flags)
{
	size_t n = input.left ? input.at[0] + (size_t)1 : 0;

	(void)fd, (void)flags;
	if (!input.sent)
		abort();
	if (!input.left)
		return 0;
	input.at++;
	input.left--;
	if (n > input.left)
		n = input.left;
	if (n > size)
		n = size;
	memcpy(buf, input.at, n);
	input.at += n;
	input.left -= n;
	if (!n)
		errno = EAGAIN;
	return n ? (ssize_t)n : -1;
}

int poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)timeout;
	for (nfds_t i = 0; i < n; i++)
		fds[i].revents = POLLIN;
	return (int)n;
}

/* ---------------------------------------------------------------------------------------------- */

static int add(struct ovsdb *db, struct err *err)
{
	static struct ovsdb_pair ids[] = { { "owner", "o" }, { "contIface", "eth0" } };
	struct ovs_port p = {
		.bridge = "br0",
		.name = "veth1",
		.vlan_mode = "native-tagged",
		.has_tag = true,
		.trunks = { { 7 } },
		.ids = ids,
		.n_ids = 2,
		.iface_id = "x",
	};
	bool up;

	return ovs_port_name(&p, err) < 0 ? -1 : ovs_port_add(db, &p, 1000, &up);
}

static const char port_uuid[] = "11111111-2222-3333-4444-555555555555";

/* All that is done with mirrors, one after the other; what one has filled in, the next uses. */
static int mirror(struct ovsdb *db)
{
	struct ovs_mirror m[] = { { .name = "a", .want = OVS_MIRROR_SRC | OVS_MIRROR_DST },
				  { .name = "b", .want = OVS_MIRROR_OUT } };
	struct ovs_mirrors ms = { .bridge = "br0",
				  .port = "veth1",
				  .port_uuid = port_uuid,
				  .owner = "o",
				  .mirror = m,
				  .n = 2 };

	if (ovs_mirrors_join(db, &ms) < 0)
		return -1;
	return ovs_mirrors_undo_join(db, &ms);
}

static int check_mirrors(struct ovsdb *db)
{
	struct ovs_mirror m = { .name = "a", .want = OVS_MIRROR_SRC };
	struct ovs_mirrors ms = { .bridge = "br0",
				  .port = "veth1",
				  .port_uuid = port_uuid,
				  .owner = "o",
				  .mirror = &m,
				  .n = 1 };

	if (ovs_mirrors_get(db, &ms) < 0)
		return -1;
	if (m.exists && strlen(m.uuid) != OVSDB_UUID_LEN)
		abort();
	return ovs_mirrors_leave(db, port_uuid, OVS_MIRROR_SRC | OVS_MIRROR_DST);
}

/* Every reader of values, on whatever there is. */
static void read_all(const struct json *v)
{
	const struct json *first;
	size_t n = ovsdb_set(v, &first);
	int64_t number;

	for (; n; n--, first = json_next(first))
		if (!first)
			abort();
	(void)ovsdb_str(v), (void)ovsdb_uuid(v), (void)ovsdb_map(v, "owner");
	(void)ovsdb_int(v, &number);
	json_for_each(child, v)
		read_all(child);
}

static int ask(struct ovsdb *db, uint8_t which, struct err *err)
{
	static const struct ovsdb_pair owner = { "owner", "o" };
	static const char *const uuids[] = { "11111111-2222-3333-4444-555555555555" };
	const struct json *rows = NULL;
	struct ovs_state state;
	const char *bridge;
	bool yes;
	int rc;

	switch (which % 11) {
	case 0:
		return add(db, err);
	case 1:
		rc = ovs_ports_with(db, &owner, 1, &rows);
		for (; rows; rows = json_next(rows))
			read_all(rows);
		return rc;
	case 2:
		return ovs_ports_remove(db, uuids, 1);
	case 3:
		rc = ovs_port_get(db, "veth1", &state);
		if (!rc)
			rc = ovs_bridge_of_port(db, state.port, &bridge);
		read_all(state.port);
		read_all(state.iface);
		return rc;
	case 4:
		return ovs_bridge_of(db, "eth9", &bridge);
	case 5:
		return ovs_ifaces_failed(db, &rows);
	case 6:
		return ovs_iface_is_netdev(db, "veth1", &yes);
	case 7:
		return mirror(db);
	case 8:
		return check_mirrors(db);
	case 9:
		return ovs_mirrors_gc(db, "o");
	default:
		return ovs_switch_sync(db, 100) < 0 ? -1 : 0;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = { 0 };
	struct err err = { 0 };
	struct ovsdb db;

	if (size < 2)
		return 0;
	json_init(&arena);
	input.at = data + 1;
	input.left = size - 1;
	input.sent = false;
	if (ovsdb_open(&db, "unix:/x", 1000, &arena, &err) < 0)
		abort();
	fuzz_expect(ask(&db, data[0], &err), &err);
	ovsdb_close(&db);
	arena_free(&arena);
	return 0;
}
