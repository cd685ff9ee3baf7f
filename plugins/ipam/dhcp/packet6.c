/* SPDX-License-Identifier: Apache-2.0 */
#include "packet6.h"

#include <string.h>

#include "base/sha512.h"
#include "writer.h"

#define HEADER     4  /* of a message: type and transaction */
#define OPT_HEADER 4  /* of an option: code and length */
#define IA_FIXED   12 /* IAID, T1, T2 */
#define ADDR_FIXED 24 /* the address, preferred, valid */
#define NTP_SERVER 1  /* RFC 5908, 4.1: the suboption that is an address */
#define LABEL_MAX  63
#define DUID_UUID  4

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

/* ---- reading --------------------------------------------------------------------------------- */

bool dhcp6_next(struct dhcp6_bytes *rest, uint16_t *code, struct dhcp6_bytes *value)
{
	size_t len;

	if (rest->len < OPT_HEADER)
		return false;
	len = get16(rest->at + 2);
	if (rest->len - OPT_HEADER < len)
		return false;
	*code = get16(rest->at);
	*value = (struct dhcp6_bytes){ rest->at + OPT_HEADER, len };
	rest->at += OPT_HEADER + len;
	rest->len -= OPT_HEADER + len;
	return true;
}

bool dhcp6_find(struct dhcp6_bytes options, enum dhcp6_option code, struct dhcp6_bytes *value)
{
	struct dhcp6_bytes v;
	uint16_t have;

	while (dhcp6_next(&options, &have, &v)) {
		if (have != code)
			continue;
		*value = v;
		return true;
	}
	return false;
}

static bool are_whole(struct dhcp6_bytes options)
{
	struct dhcp6_bytes value;
	uint16_t code;

	while (dhcp6_next(&options, &code, &value))
		continue;
	return !options.len;
}

/* 11.1: two bytes of type, and something. */
static bool get_duid(struct dhcp6_bytes options, enum dhcp6_option code, struct dhcp6_bytes *duid)
{
	return dhcp6_find(options, code, duid) && duid->len > 2 && duid->len <= DHCP6_DUID_MAX;
}

bool dhcp6_read(const uint8_t *payload, size_t len, struct dhcp6_message *m)
{
	if (len < HEADER || (payload[0] != DHCP6_ADVERTISE && payload[0] != DHCP6_REPLY))
		return false;
	m->type = payload[0];
	m->xid = get32(payload) & 0xffffff;
	m->options = (struct dhcp6_bytes){ payload + HEADER, len - HEADER };
	return are_whole(m->options) && get_duid(m->options, DHCP6_OPT_CLIENT_ID, &m->client) &&
	       get_duid(m->options, DHCP6_OPT_SERVER_ID, &m->server);
}

uint16_t dhcp6_status(struct dhcp6_bytes options)
{
	struct dhcp6_bytes v;

	if (!dhcp6_find(options, DHCP6_OPT_STATUS, &v))
		return DHCP6_SUCCESS;
	return v.len < 2 ? DHCP6_UNSPEC_FAIL : get16(v.at);
}

bool dhcp6_get_u8(struct dhcp6_bytes options, enum dhcp6_option code, uint8_t *out)
{
	struct dhcp6_bytes v;

	if (!dhcp6_find(options, code, &v) || v.len != 1)
		return false;
	*out = *v.at;
	return true;
}

bool dhcp6_get_u32(struct dhcp6_bytes options, enum dhcp6_option code, uint32_t *out)
{
	struct dhcp6_bytes v;

	if (!dhcp6_find(options, code, &v) || v.len != sizeof(*out))
		return false;
	*out = get32(v.at);
	return true;
}

bool dhcp6_get_ia(const struct dhcp6_message *m, uint32_t iaid, struct dhcp6_ia *ia)
{
	struct dhcp6_bytes rest = m->options, v;
	uint16_t code;

	while (dhcp6_next(&rest, &code, &v)) {
		if (code != DHCP6_OPT_IA_NA || v.len < IA_FIXED || get32(v.at) != iaid)
			continue;
		ia->t1 = get32(v.at + 4);
		ia->t2 = get32(v.at + 8);
		ia->options = (struct dhcp6_bytes){ v.at + IA_FIXED, v.len - IA_FIXED };
		return are_whole(ia->options) && !(ia->t2 && ia->t1 > ia->t2);
	}
	return false;
}

/* Not link-local: the kernel sees to these itself. */
static bool is_host(const struct in6_addr *ip)
{
	return !IN6_IS_ADDR_UNSPECIFIED(ip) && !IN6_IS_ADDR_LOOPBACK(ip) &&
	       !IN6_IS_ADDR_MULTICAST(ip) && !IN6_IS_ADDR_LINKLOCAL(ip) &&
	       !IN6_IS_ADDR_V4MAPPED(ip);
}

bool dhcp6_next_address(struct dhcp6_bytes *rest, struct dhcp6_ia_address *a)
{
	struct dhcp6_bytes v, options;
	uint16_t code;

	while (dhcp6_next(rest, &code, &v)) {
		if (code != DHCP6_OPT_ADDRESS || v.len < ADDR_FIXED)
			continue;
		memcpy(&a->ip, v.at, sizeof(a->ip));
		a->preferred = get32(v.at + 16);
		a->valid = get32(v.at + 20);
		options = (struct dhcp6_bytes){ v.at + ADDR_FIXED, v.len - ADDR_FIXED };
		if (is_host(&a->ip) && a->preferred <= a->valid &&
		    dhcp6_status(options) == DHCP6_SUCCESS)
			return true;
	}
	return false;
}

/* Appends those of an option that is a list of addresses. */
static size_t add_ips(struct dhcp6_bytes v, struct in6_addr *out, size_t have, size_t n)
{
	for (size_t i = 0; v.len - i >= sizeof(*out) && have < n; i += sizeof(*out)) {
		struct in6_addr ip;

		memcpy(&ip, v.at + i, sizeof(ip));
		if (!IN6_IS_ADDR_UNSPECIFIED(&ip) && !IN6_IS_ADDR_MULTICAST(&ip))
			out[have++] = ip;
	}
	return have;
}

size_t dhcp6_get_dns(const struct dhcp6_message *m, struct in6_addr *out, size_t n)
{
	struct dhcp6_bytes v;

	return dhcp6_find(m->options, DHCP6_OPT_DNS, &v) ? add_ips(v, out, 0, n) : 0;
}

/* Each server is an option 56 of its own, but some put them into one. */
size_t dhcp6_get_ntp(const struct dhcp6_message *m, struct in6_addr *out, size_t n)
{
	struct dhcp6_bytes rest = m->options, ntp, v;
	uint16_t code, sub;
	size_t have = 0;

	while (dhcp6_next(&rest, &code, &ntp)) {
		if (code != DHCP6_OPT_NTP)
			continue;
		while (dhcp6_next(&ntp, &sub, &v))
			if (sub == NTP_SERVER)
				have = add_ips(v, out, have, n);
	}
	return have;
}

static bool is_name_char(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_';
}

/* A label, and a dot before it where it is not the first. */
static bool add_label(struct dhcp6_bytes label, char name[DHCP6_NAME_SIZE], size_t *len)
{
	if (label.len + !!*len >= DHCP6_NAME_SIZE - *len)
		return false;
	if (*len)
		name[(*len)++] = '.';
	for (size_t i = 0; i < label.len; i++) {
		if (!is_name_char(label.at[i]))
			return false;
		name[(*len)++] = (char)label.at[i];
	}
	name[*len] = '\0';
	return true;
}

/* Not compressed: 10. */
bool dhcp6_next_name(struct dhcp6_bytes *rest, char name[DHCP6_NAME_SIZE])
{
	size_t len = 0;

	while (rest->len) {
		struct dhcp6_bytes label = { rest->at + 1, rest->at[0] };

		if (label.len > LABEL_MAX || label.len >= rest->len)
			return false;
		rest->at += 1 + label.len;
		rest->len -= 1 + label.len;
		if (!label.len && len)
			return true;
		if (!label.len || !add_label(label, name, &len))
			return false;
	}
	return false;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put16(struct writer *w, unsigned v)
{
	const uint8_t bytes[] = { (uint8_t)(v >> 8), (uint8_t)v };

	writer_put(w, bytes, sizeof(bytes));
}

static void put32(struct writer *w, uint32_t v)
{
	put16(w, v >> 16);
	put16(w, v & 0xffff);
}

static void put_option(struct writer *w, enum dhcp6_option code, size_t len)
{
	put16(w, code);
	put16(w, (unsigned)len);
}

static void put_duid(struct writer *w, enum dhcp6_option code, struct dhcp6_bytes duid)
{
	if (!duid.len)
		return;
	put_option(w, code, duid.len);
	writer_put(w, duid.at, duid.len);
}

/* T1, T2 and the lifetimes are the server's to say: 21.4, 21.6. */
static void put_ia(struct writer *w, const struct dhcp6_request *r)
{
	put_option(w, DHCP6_OPT_IA_NA, IA_FIXED + r->n_addresses * (OPT_HEADER + ADDR_FIXED));
	put32(w, r->iaid);
	put32(w, 0);
	put32(w, 0);
	for (size_t i = 0; i < r->n_addresses; i++) {
		put_option(w, DHCP6_OPT_ADDRESS, ADDR_FIXED);
		writer_put(w, &r->addresses[i], sizeof(r->addresses[i]));
		put32(w, 0);
		put32(w, 0);
	}
}

/* Where the answer is a configuration: 21.7. */
static void put_wanted(struct writer *w, const struct dhcp6_request *r)
{
	if (r->type != DHCP6_SOLICIT && r->type != DHCP6_REQUEST && r->type != DHCP6_RENEW &&
	    r->type != DHCP6_REBIND)
		return;
	put_option(w, DHCP6_OPT_REQUEST, 2 * (r->n_wanted + 1));
	for (size_t i = 0; i < r->n_wanted; i++)
		put16(w, r->wanted[i]);
	put16(w, DHCP6_OPT_SOL_MAX_RT);
}

size_t dhcp6_write(const struct dhcp6_request *r, uint8_t buf[DHCP6_MTU])
{
	struct writer w = { .left = DHCP6_MTU };

	w.at = buf;
	put32(&w, (uint32_t)r->type << 24 | (r->xid & 0xffffff));
	put_duid(&w, DHCP6_OPT_CLIENT_ID, r->client);
	put_duid(&w, DHCP6_OPT_SERVER_ID, r->server);
	put_option(&w, DHCP6_OPT_ELAPSED, 2);
	put16(&w, r->elapsed);
	if (r->rapid_commit)
		put_option(&w, DHCP6_OPT_RAPID_COMMIT, 0);
	put_ia(&w, r);
	put_wanted(&w, r);
	writer_put(&w, r->options.at, r->options.len);
	return w.overflow ? 0 : DHCP6_MTU - w.left;
}

void dhcp6_duid(const void *key, size_t len, uint8_t out[DHCP6_DUID_UUID])
{
	uint8_t hash[SHA512_LEN], *uuid = out + 2;
	struct sha512 s;

	sha512_begin(&s);
	sha512_add(&s, key, len);
	sha512_end(&s, hash);
	out[0] = 0;
	out[1] = DUID_UUID;
	memcpy(uuid, hash, DHCP6_DUID_UUID - 2);
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x80);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
}
