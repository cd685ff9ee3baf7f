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

	memcpy(r.chaddr, l->wire.link.mac, sizeof(r.chaddr));
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
	to->index = l->wire.link.index;
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
	return rc < 0 ? err_wrap(err, "dhcp: the server's MTU, %u", mtu) : 0;
}

static int change(const struct lease *l, const struct cni_result *had, const struct cni_result *now,
		  bool *incomplete, struct err *err)
{
	struct apply to;
	int rc;

	if (apply_to(l, &to, err) < 0)
		return -1;
	rc = apply_result(&to, had, now, incomplete, err);
	drop_fd(&to.netns_fd);
	return rc;
}

/* NULL: what its container has is as it was, without what has ended. */
static bool write_file(struct lease *l, const struct dhcp_answer *a)
{
	struct err err = { 0 };

	if (lease_file_write(l, a, NULL, &err) == 0)
		return true;
	lease_say(l, "%s: later again", err.msg);
	return false;
}

/* NULL: nothing is to be done again. Where there is no memory for it the next renewal does it. */
static void defer(struct lease *l, const struct dhcp_answer *a)
{
	struct err err = { 0 };

	l->again = a ? lease_now() + LEASE_TRY_AGAIN : INT64_MAX;
	if (lease_file_defer(l, a, &err) < 0)
		lease_say(l, "%s", err.msg);
}

/*
 * Its file comes first: of what has ended, the next daemon neither asks for it nor leaves it where
 * it is, as this one. What fails is tried again.
 */
static void take_away(struct lease *l)
{
	struct lease_given had;
	struct err err = { 0 };
	bool written, ignored = false;

	defer(l, NULL);
	written = write_file(l, NULL);
	if (!l->lost) {
		l->lost = lease_file_given(l, &had, NULL) < 0 ||
			  change(l, &had.answer.result, NULL, &ignored, &err) == 0;
		written = l->lost && write_file(l, NULL);
		if (l->lost)
			lease_say(l, "the lease has ended, its address goes");
		else
			lease_say(l, "its address cannot go: %s: later again", err.msg);
	}
	l->again = written ? INT64_MAX : lease_now() + LEASE_TRY_AGAIN;
}

/* For an ADD: nobody is told of a lease that is not on disk. */
static int bind_first(struct lease *l, const struct dhcp_answer *a, struct err *err)
{
	if (set_mtu(l, a->mtu, err) < 0 || lease_file_write(l, a, NULL, err) < 0)
		return -1;
	l->lost = l->unapplied = false;
	defer(l, NULL);
	lease_say(l, "bound to %s", address_text(l));
	return 0;
}

/*
 * What the server has not changed may be another one by now, as by tuning. *given stays what it is
 * where it fails: so it is tried again by the next renewal. False: not for now.
 */
static bool change_mtu(const struct lease *l, uint16_t mtu, uint16_t *given)
{
	struct err err = { 0 };

	if (!mtu || mtu == *given)
		return true;
	if (set_mtu(l, mtu, &err) < 0) {
		lease_say(l, "%s", err.msg);
		return !apply_may_be_later(&err);
	}
	lease_say(l, "MTU %u", mtu);
	*given = mtu;
	return true;
}

/* The next daemon gives what this one has not, when it is killed over it. */
static void write_pending(struct lease *l, const struct dhcp_answer *a)
{
	struct err ignored = { 0 };

	defer(l, a);
	(void)!lease_file_write(l, NULL, NULL, &ignored);
}

/* What the kernel refuses for good is tried once a renewal. False: not for now. */
static bool apply(struct lease *l, const struct cni_result *from, const struct dhcp_answer *a)
{
	const struct cni_result *now = &a->result;
	struct err err = { 0 };
	bool failed;

	write_pending(l, a);
	failed = change(l, from, now, &l->unapplied, &err) < 0;
	if (failed && apply_may_be_later(&err)) {
		lease_say(l, "%s: later again", err.msg);
		return false;
	}
	l->unapplied = failed;
	l->adopted = false;
	if (failed)
		lease_say(l, "%s", err.msg);
	lease_say(l, "bound to %s, now %s", address_text(l),
		  json_print(cni_result_object(now, "1.1.0")));
	return true;
}

/* Of an answer all that can be given now; *given is what its container has then. */
static bool change_to(struct lease *l, const struct dhcp_answer *a, struct dhcp_answer *given)
{
	const struct json *now = cni_result_object(&a->result, "1.1.0");
	struct dhcp_answer before = { 0 };
	struct lease_given had;
	bool known = lease_file_given(l, &had, NULL) == 0, has = known && !l->lost, done = true;

	*given = *a;
	if (has)
		before = had.answer;
	if ((l->pending || l->adopted || l->unapplied || !has ||
	     strcmp(json_print(had.text), json_print(now)) != 0) &&
	    !apply(l, has ? &before.result : NULL, a)) {
		*given = before; /* and of the new ones, any */
		dhcp_answer_add_ips(given, a);
		done = false;
	}
	given->mtu = had.answer.mtu;
	return change_mtu(l, a->mtu, &given->mtu) && done;
}

/*
 * A renewal, or another lease after the last one was lost. What cannot be done for now is tried
 * again without the server, whose answer goes to an address that the container may not have.
 */
static void bind_again(struct lease *l, const struct dhcp_answer *a)
{
	struct dhcp_answer given;
	bool done = change_to(l, a, &given);

	l->lost = false;
	defer(l, done ? NULL : a);
	if (!write_file(l, &given))
		defer(l, a);
}

void attend4_try_again(struct lease *l)
{
	struct dhcp_answer a;

	l->again = INT64_MAX;
	if (!l->client.holds)
		take_away(l);
	else if (lease_file_deferred(l, &a) == 0)
		bind_again(l, &a);
}

static int bind_to(struct lease *l, const struct dhcp_message *m, struct err *err)
{
	struct dhcp_answer a;

	if (dhcp_answer(m, l->priority, &a, err) < 0)
		return -1;
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

	if (l->pending)
		defer(l, NULL);
	if (sockets_probe(s, l, packet, &err) < 0)
		lease_say(l, "not probed: %s", err.msg);
}

int attend4_act(const struct sockets *s, struct lease *l, int todo, const struct dhcp_message *m,
		const uint8_t *packet, struct err *err)
{
	if (todo & DHCP_DO_LOSE)
		take_away(l);
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
