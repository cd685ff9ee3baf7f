/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/run/refused.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "cmd/run/egress.h"
#include "net/ip.h"
#include "nft/nflog.h"

int run_refused_open(struct nl *nl, struct err *err)
{
	return nflog_open(nl, RUN_EGRESS_GROUP, err) < 0 ? err_wrap(err, "hear of what is refused")
							 : 0;
}

/* RFC 791, 3.1 and RFC 8200, 3: where the destination, the protocol and what it carries are. */
struct packet {
	struct ip to;
	uint8_t protocol;
	const uint8_t *transport;
	size_t len;
};

static bool read_v4(const uint8_t *bytes, size_t len, struct packet *p)
{
	size_t header = len ? (size_t)(bytes[0] & 0xf) * 4 : 0;

	if (header < 20 || len < header)
		return false;
	p->to.family = AF_INET;
	memcpy(p->to.bytes, bytes + 16, 4);
	p->protocol = bytes[9];
	p->transport = bytes + header;
	p->len = len - header;
	return true;
}

static bool read_v6(const uint8_t *bytes, size_t len, struct packet *p)
{
	if (len < 40)
		return false;
	p->to.family = AF_INET6;
	memcpy(p->to.bytes, bytes + 24, 16);
	p->protocol = bytes[6];
	p->transport = bytes + 40;
	p->len = len - 40;
	return true;
}

static const char *protocol_name(uint8_t protocol)
{
	static const struct {
		uint8_t protocol;
		const char *name;
	} list[] = {
		{ IPPROTO_TCP, "tcp" },   { IPPROTO_UDP, "udp" },     { IPPROTO_SCTP, "sctp" },
		{ IPPROTO_ICMP, "icmp" }, { IPPROTO_ICMPV6, "icmp" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (list[i].protocol == protocol)
			return list[i].name;
	return NULL;
}

static bool has_ports(uint8_t protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

bool run_refused_text(const uint8_t *packet, size_t len, char text[RUN_REFUSED_TEXT])
{
	struct packet p = { 0 };
	char number[16], address[IP_STRLEN];
	const char *name;

	if (!len || !(packet[0] >> 4 == 6 ? read_v6(packet, len, &p) : read_v4(packet, len, &p)))
		return false;
	snprintf(number, sizeof(number), "protocol %u", p.protocol);
	name = protocol_name(p.protocol);
	ip_str(&p.to, address);
	if (!has_ports(p.protocol))
		snprintf(text, RUN_REFUSED_TEXT, "%s %s", name ? name : number, address);
	else if (p.len < 4)
		return false;
	else
		snprintf(text, RUN_REFUSED_TEXT,
			 p.to.family == AF_INET6 ? "%s [%s]:%u" : "%s %s:%u", name, address,
			 p.transport[2] << 8 | p.transport[3]);
	return true;
}

/* Where it is printed, and what ends the waiting for that. */
struct printing {
	int to, until;
};

static bool wait_writable(const struct printing *p)
{
	struct pollfd fds[] = { { .fd = p->to, .events = POLLOUT },
				{ .fd = p->until, .events = POLLIN } };

	return poll(fds, ARRAY_SIZE(fds), -1) > 0 && fds[0].revents;
}

static void print(const struct nflog *l, void *data)
{
	char text[RUN_REFUSED_TEXT];
	const struct printing *p = data;

	if (run_refused_text(l->packet, l->len, text) && wait_writable(p))
		dprintf(p->to, "cnic: refused by --egress: %s\n", text);
}

void run_refused_print(struct nl *nl, int to, int until)
{
	struct printing p = { to, until };

	nflog_read(nl, print, &p);
}
