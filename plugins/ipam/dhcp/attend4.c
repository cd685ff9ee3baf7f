/* SPDX-License-Identifier: Apache-2.0 */
#include "attend4.h"

#include <stdlib.h>
#include <string.h>

#include "apply.h"
#include "base/scope.h"
#include "lease_file.h"

static const char *address_text(const struct lease *l)
{
	const struct ip ip = { .family = AF_INET, .v4 = l->client.address };

	return ip_str(&ip, arena_alloc(json_arena(), IP_STRLEN));
}

static void send_message(const struct sockets *s, const struct lease *l, bool from_here)
{
	static const uint8_t nobody[MAC_LEN];
	const uint8_t *to = l->client.server_mac;
	struct dhcp_request r = {
		.broadcast = l->broadcast || s->broadcast,
		.options = l->options,
		.options_len = l->options_len,
	};
	uint8_t packet[DHCP_MTU];
	struct err err = { 0 };
	bool unicast;
	size_t len;

	memcpy(r.chaddr, l->wire.mac, sizeof(r.chaddr));
	dhcp_client_request(&l->client, lease_now(), &r, &unicast);
	if (!unicast || !memcmp(to, nobody, sizeof(nobody)))
		to = NULL;
	len = dhcp_write(&r, packet);
	if (!from_here)
		wire_send(&l->wire, packet, len, to);
	else if (wire_send_from_here(packet, len, l->client.server, &err) < 0)
		lease_say(l, "%s", err.msg);
}

void attend4_release(const struct sockets *s, struct lease *l)
{
	if (dhcp_client_release(&l->client) & DHCP_DO_SEND)
		send_message(s, l, !wire_is_there(&l->wire));
}

/* ---- the container --------------------------------------------------------------------------- */

/* The socket's namespace needs no path. */
static int apply_to(const struct lease *l, struct apply *to, struct err *err)
{
	to->index = l->wire.index;
	to->netns_fd = wire_netns(l->wire.fd, err);
	return to->netns_fd < 0 ? -1 : 0;
}

static int set_mtu(const struct lease *l, uint16_t mtu, struct err *err)
{
	struct apply to;
	int rc;

	if (!mtu)
		return 0;
	if (apply_to(l, &to, err) < 0)
		return -1;
	rc = apply_mtu(&to, mtu, err);
	drop_fd(&to.netns_fd);
	return rc;
}

static int change(const struct lease *l, const struct cni_result *had, const struct cni_result *now,
		  struct err *err)
{
	struct apply to;
	int rc;

	if (apply_to(l, &to, err) < 0)
		return -1;
	rc = apply_result(&to, had, now, err);
	drop_fd(&to.netns_fd);
	return rc;
}

static void lose(struct lease *l)
{
	struct lease_given had;
	struct err err = { 0 };

	l->lost = true;
	if (lease_file_given(l, &had, NULL) == 0 && change(l, &had.result, NULL, &err) < 0)
		lease_say(l, "%s", err.msg);
	lease_say(l, "the lease has ended, its address goes");
}

/* For an ADD: nobody is told of a lease that is not on disk. */
static int bind_first(struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	if (set_mtu(l, a->mtu, err) < 0 || lease_file_write(l, a, NULL, err) < 0)
		return -1;
	l->lost = false;
	lease_say(l, "bound to %s", address_text(l));
	return 0;
}

/* Its file is not true: the next renewal writes it again. */
static void renew_soon(struct lease *l)
{
	int64_t soon = lease_now() + LEASE_TRY_AGAIN;

	if (l->client.t1 > soon)
		l->client.t1 = l->client.next = soon;
}

/* What the server has not changed may be another one by now, as by tuning. */
static void change_mtu(const struct lease *l, uint16_t had, uint16_t mtu)
{
	struct err err = { 0 };

	if (!mtu || mtu == had)
		return;
	if (set_mtu(l, mtu, &err) < 0)
		lease_say(l, "%s", err.msg);
	else
		lease_say(l, "MTU %u", mtu);
}

/* A renewal, or another lease after the last one was lost. */
static void bind_again(struct lease *l, const struct dhcp_answer *a)
{
	const struct json *now = cni_result_object(&a->result, "1.1.0");
	struct lease_given had;
	bool known = lease_file_given(l, &had, NULL) == 0;
	struct err err = { 0 };

	if (l->lost || !known || strcmp(json_print(had.text), json_print(now)) != 0) {
		if (change(l, known && !l->lost ? &had.result : NULL, &a->result, &err) < 0)
			lease_say(l, "%s", err.msg);
		lease_say(l, "bound to %s, now %s", address_text(l), json_print(now));
	}
	change_mtu(l, had.mtu, a->mtu);
	l->lost = false;
	err_clear(&err);
	if (lease_file_write(l, a, NULL, &err) < 0) {
		lease_say(l, "%s", err.msg);
		renew_soon(l);
	}
}

static int bind_to(struct lease *l, const struct dhcp_message *m, struct err *err)
{
	struct err ignored = { 0 };
	struct dhcp_answer a;

	if (dhcp_answer(m, l->priority, &a, l->waiter ? err : &ignored) < 0) {
		if (l->waiter)
			return -1;
		lease_say(l, "%s", ignored.msg);
		return 0;
	}
	if (l->waiter)
		return bind_first(l, &a, err);
	bind_again(l, &a);
	return 0;
}

/* Nobody has objected. */
static int bind_probed(const struct sockets *s, struct lease *l, struct err *err)
{
	uint8_t *packet = l->ack;
	struct dhcp_message m;
	int rc = 0;

	l->ack = NULL;
	sockets_end_probe(s, l);
	if (packet && dhcp_read(packet, DHCP_MTU, true, &m))
		rc = bind_to(l, &m, err);
	free(packet);
	return rc;
}

static void probe(const struct sockets *s, struct lease *l, const uint8_t *packet)
{
	struct err err = { 0 };

	if (sockets_probe(s, l, packet, &err) < 0)
		lease_say(l, "not probed: %s", err.msg);
}

int attend4_act(const struct sockets *s, struct lease *l, int todo, const struct dhcp_message *m,
		const uint8_t *packet, struct err *err)
{
	if (todo & DHCP_DO_LOSE)
		lose(l);
	if (todo & DHCP_DO_BIND && (m ? bind_to(l, m, err) : bind_probed(s, l, err)) < 0)
		return -1;
	if (todo & DHCP_DO_PROBE)
		probe(s, l, packet);
	if (todo & DHCP_DO_SEND)
		send_message(s, l, false);
	if (todo & DHCP_DO_FAIL)
		return err_set(err, ERR_RETRY,
			       "dhcp: no server has given %s an address within %u s: no more tries",
			       l->ifname, l->times.deadline / 1000);
	return 0;
}
