/* SPDX-License-Identifier: Apache-2.0 */
#include "packet.h"

#include <netinet/ip.h>
#include <netinet/udp.h>
#include <string.h>

#include "writer.h"

#define BOOTREQUEST 1
#define BOOTREPLY   2
#define ETHERNET    1
#define COOKIE      0x63825363U
#define BROADCAST   0x8000
#define MIN_PAYLOAD 300 /* bytes of a BOOTP message: RFC 951, 3 */

/* RFC 2131, 2. */
struct __attribute__((packed)) bootp {
	uint8_t op, htype, hlen, hops;
	uint32_t xid;
	uint16_t secs, flags;
	struct in_addr ciaddr, yiaddr, siaddr, giaddr;
	uint8_t chaddr[16], sname[64], file[128];
	uint32_t cookie;
};

_Static_assert(sizeof(struct bootp) == 240, "as on the wire");
_Static_assert(sizeof(struct iphdr) + sizeof(struct udphdr) == DHCP_HEADERS, "without IP options");

/* ---- checksums (RFC 1071) -------------------------------------------------------------------- */

static uint32_t sum(const void *data, size_t len, uint32_t start)
{
	const uint8_t *p = data;

	for (size_t i = 0; i + 1 < len; i += 2)
		start += (uint32_t)p[i] << 8 | p[i + 1];
	return len % 2 ? start + ((uint32_t)p[len - 1] << 8) : start;
}

static uint16_t fold(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Of the pseudo header and what follows the IPv4 header; 0xffff where it is right. */
static uint16_t udp_sum(const struct iphdr *ip, const void *udp, size_t len)
{
	const uint32_t ends[2] = { ip->saddr, ip->daddr };
	uint32_t pseudo = sum(ends, sizeof(ends), IPPROTO_UDP + (uint32_t)len);

	return fold(sum(udp, len, pseudo));
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reader {
	const uint8_t *at;
	size_t len;
};

/* The next option of an area; false at its end, and where it is cut off. */
static bool next_option(struct reader *r, uint8_t *code, const uint8_t **value, size_t *len)
{
	while (r->len && *r->at == DHCP_OPT_PAD) {
		r->at++;
		r->len--;
	}
	if (r->len < 2 || *r->at == DHCP_OPT_END || r->len - 2 < r->at[1])
		return false;
	*code = r->at[0];
	*len = r->at[1];
	*value = r->at + 2;
	r->at += 2 + *len;
	r->len -= 2 + *len;
	return true;
}

ssize_t dhcp_get(const struct dhcp_message *m, enum dhcp_option code, uint8_t *buf, size_t size)
{
	size_t used = 0;
	bool found = false;

	for (size_t i = 0; i < sizeof(m->areas) / sizeof(*m->areas); i++) {
		struct reader r = { m->areas[i].at, m->areas[i].len };
		const uint8_t *value;
		uint8_t have;
		size_t len;

		while (next_option(&r, &have, &value, &len)) {
			if (have != code)
				continue;
			found = true;
			len = len < size - used ? len : size - used;
			memcpy(buf + used, value, len);
			used += len;
		}
	}
	return found ? (ssize_t)used : -1;
}

bool dhcp_get_ip(const struct dhcp_message *m, enum dhcp_option code, struct in_addr *out)
{
	struct in_addr ip;

	if (dhcp_get(m, code, (uint8_t *)&ip, sizeof(ip)) != sizeof(ip))
		return false;
	*out = ip;
	return true;
}

bool dhcp_get_u32(const struct dhcp_message *m, enum dhcp_option code, uint32_t *out)
{
	uint32_t v;

	if (dhcp_get(m, code, (uint8_t *)&v, sizeof(v)) != sizeof(v))
		return false;
	*out = ntohl(v);
	return true;
}

bool dhcp_get_u16(const struct dhcp_message *m, enum dhcp_option code, uint16_t *out)
{
	uint16_t v;

	if (dhcp_get(m, code, (uint8_t *)&v, sizeof(v)) != sizeof(v))
		return false;
	*out = ntohs(v);
	return true;
}

/* Option 52 makes areas of the fields file (1) and sname (2). */
static void find_areas(struct dhcp_message *m, const struct bootp *b, size_t len)
{
	uint8_t overload = 0;

	memset(m->areas, 0, sizeof(m->areas));
	m->areas[0].at = (const uint8_t *)(b + 1);
	m->areas[0].len = len - sizeof(*b);
	(void)dhcp_get(m, DHCP_OPT_OVERLOAD, &overload, 1);
	if (overload & 1) {
		m->areas[1].at = b->file;
		m->areas[1].len = sizeof(b->file);
	}
	if (overload & 2) {
		m->areas[2].at = b->sname;
		m->areas[2].len = sizeof(b->sname);
	}
}

/* What is behind the IPv4 header; NULL where that is none of ours. Cuts off what pads the frame. */
static const uint8_t *read_ip(const uint8_t *packet, size_t *len, struct iphdr *ip)
{
	size_t header, total;

	if (*len < sizeof(*ip))
		return NULL;
	memcpy(ip, packet, sizeof(*ip));
	header = (size_t)ip->ihl * 4;
	total = ntohs(ip->tot_len);
	if (ip->version != 4 || header < sizeof(*ip) || total < header || total > *len ||
	    ip->protocol != IPPROTO_UDP || (ntohs(ip->frag_off) & (IP_MF | IP_OFFMASK)) ||
	    fold(sum(packet, header, 0)) != 0xffff)
		return NULL;
	*len = total - header;
	return packet + header;
}

static const uint8_t *read_udp(const uint8_t *at, size_t *len, const struct iphdr *ip,
			       bool unsummed)
{
	struct udphdr udp;
	size_t total;

	if (*len < sizeof(udp))
		return NULL;
	memcpy(&udp, at, sizeof(udp));
	total = ntohs(udp.len);
	if (udp.dest != htons(DHCP_CLIENT_PORT) || total < sizeof(udp) || total > *len ||
	    (udp.check && !unsummed && udp_sum(ip, at, total) != 0xffff))
		return NULL;
	*len = total - sizeof(udp);
	return at + sizeof(udp);
}

bool dhcp_read(const uint8_t *packet, size_t len, bool unsummed, struct dhcp_message *m)
{
	const struct bootp *b;
	struct iphdr ip;
	uint8_t type;
	const uint8_t *at = read_ip(packet, &len, &ip);

	if (at)
		at = read_udp(at, &len, &ip, unsummed);
	b = (const struct bootp *)at;
	if (!at || len < sizeof(*b) || b->op != BOOTREPLY || b->cookie != htonl(COOKIE))
		return false;
	find_areas(m, b, len);
	m->xid = ntohl(b->xid);
	m->yiaddr = b->yiaddr;
	m->source.s_addr = ip.saddr;
	memcpy(m->chaddr, b->chaddr, sizeof(m->chaddr));
	if (dhcp_get(m, DHCP_OPT_TYPE, &type, 1) != 1)
		return false;
	m->type = type;
	return true;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_option(struct writer *w, uint8_t code, const void *value, uint8_t len)
{
	writer_put(w, &code, 1);
	writer_put(w, &len, 1);
	writer_put(w, value, len);
}

static void put_ip(struct writer *w, uint8_t code, struct in_addr ip)
{
	if (ip.s_addr)
		put_option(w, code, &ip, sizeof(ip));
}

static void put_bootp(struct writer *w, const struct dhcp_request *r)
{
	struct bootp b = {
		.op = BOOTREQUEST,
		.htype = ETHERNET,
		.hlen = sizeof(r->chaddr),
		.xid = htonl(r->xid),
		.secs = htons(r->secs),
		.flags = htons(r->broadcast ? BROADCAST : 0),
		.ciaddr = r->ciaddr,
		.cookie = htonl(COOKIE),
	};

	memcpy(b.chaddr, r->chaddr, sizeof(r->chaddr));
	writer_put(w, &b, sizeof(b));
}

static void put_headers(const struct dhcp_request *r, uint8_t *buf, size_t len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = sizeof(ip) / 4,
		.tos = IPTOS_CLASS_CS6, /* as control traffic, for a busy uplink */
		.tot_len = htons((uint16_t)len),
		.ttl = IPDEFTTL,
		.protocol = IPPROTO_UDP,
		.saddr = r->ciaddr.s_addr,
		.daddr = r->to.s_addr ? r->to.s_addr : INADDR_BROADCAST,
	};
	struct udphdr udp = {
		.source = htons(DHCP_CLIENT_PORT),
		.dest = htons(DHCP_SERVER_PORT),
		.len = htons((uint16_t)(len - sizeof(ip))),
	};

	memcpy(buf, &ip, sizeof(ip));
	ip.check = htons((uint16_t)~fold(sum(buf, sizeof(ip), 0)));
	memcpy(buf, &ip, sizeof(ip));
	memcpy(buf + sizeof(ip), &udp, sizeof(udp));
	udp.check = htons((uint16_t)~udp_sum(&ip, buf + sizeof(ip), len - sizeof(ip)));
	if (!udp.check)
		udp.check = 0xffff; /* 0 says that there is none (RFC 768) */
	memcpy(buf + sizeof(ip), &udp, sizeof(udp));
}

size_t dhcp_write(const struct dhcp_request *r, uint8_t *buf)
{
	struct writer w = { buf + DHCP_HEADERS, DHCP_MTU - DHCP_HEADERS, false };
	const uint8_t type = (uint8_t)r->type, end = DHCP_OPT_END;
	size_t len;

	memset(buf, 0, DHCP_MTU);
	put_bootp(&w, r);
	put_option(&w, DHCP_OPT_TYPE, &type, 1);
	put_ip(&w, DHCP_OPT_ADDRESS, r->address);
	put_ip(&w, DHCP_OPT_SERVER, r->server);
	writer_put(&w, r->options, r->options_len);
	writer_put(&w, &end, 1);
	if (w.overflow)
		return 0;
	len = DHCP_MTU - w.left;
	if (len < DHCP_HEADERS + MIN_PAYLOAD)
		len = DHCP_HEADERS + MIN_PAYLOAD;
	put_headers(r, buf, len);
	return len;
}
