// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "sctp.h"

enum {
	HEADER = 12,
	CHUNK = 4,
	INIT_SIZE = CHUNK + 16,
	COOKIE_SIZE = CHUNK + 4, /* a parameter of INIT ACK, and the COOKIE ECHO chunk */
	DATA_SIZE = CHUNK + 12,
	PARAMETER_COOKIE = 7,
	WINDOW = 65536,
};

/* ---- numbers in packets -------------------------------------------------------------------- */

static void put16(unsigned char *at, unsigned value)
{
	uint16_t big = htons((uint16_t)value);

	memcpy(at, &big, sizeof(big));
}

static void put32(unsigned char *at, uint32_t value)
{
	uint32_t big = htonl(value);

	memcpy(at, &big, sizeof(big));
}

static uint16_t get16(const unsigned char *at)
{
	uint16_t big;

	memcpy(&big, at, sizeof(big));
	return ntohs(big);
}

static uint32_t get32(const unsigned char *at)
{
	uint32_t big;

	memcpy(&big, at, sizeof(big));
	return ntohl(big);
}

/* conntrack drops a packet whose checksum is wrong. */
static uint32_t crc32c(const unsigned char *bytes, size_t size)
{
	uint32_t crc = ~0U;
	size_t i;
	int bit;

	for (i = 0; i < size; i++) {
		crc ^= bytes[i];
		for (bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* ---- packets ------------------------------------------------------------------------------- */

static size_t put_chunk(unsigned char *at, enum sctp_type type, unsigned flags, size_t size)
{
	at[0] = (unsigned char)type;
	at[1] = (unsigned char)flags;
	put16(at + 2, (unsigned)size);
	return (size + 3) & ~(size_t)3;
}

static size_t put_init(unsigned char *at, const struct sctp_packet *packet)
{
	bool ack = packet->type == SCTP_INIT_ACK;

	put32(at + 4, packet->own_tag);
	put32(at + 8, WINDOW);
	put16(at + 12, 1);
	put16(at + 14, 1);
	put32(at + 16, packet->own_tag);
	if (ack) {
		put16(at + INIT_SIZE, PARAMETER_COOKIE);
		put16(at + INIT_SIZE + 2, COOKIE_SIZE);
		put32(at + INIT_SIZE + CHUNK, packet->tag);
	}
	return put_chunk(at, packet->type, 0, INIT_SIZE + (ack ? COOKIE_SIZE : 0));
}

/* The last chunk: the text in one piece, stream 0. */
static size_t put_data(unsigned char *at, const struct sctp_packet *packet)
{
	size_t size = strlen(packet->text);

	put32(at + 4, packet->own_tag);
	memcpy(at + DATA_SIZE, packet->text, size);
	return put_chunk(at, SCTP_DATA, 3, DATA_SIZE + size);
}

static size_t put_chunks(unsigned char *at, const struct sctp_packet *packet)
{
	size_t size;

	switch (packet->type) {
	case SCTP_INIT:
	case SCTP_INIT_ACK:
		return put_init(at, packet);
	case SCTP_COOKIE_ECHO:
		put32(at + CHUNK, packet->own_tag);
		return put_chunk(at, packet->type, 0, COOKIE_SIZE);
	case SCTP_COOKIE_ACK:
		size = put_chunk(at, packet->type, 0, CHUNK);
		return size + put_data(at + size, packet);
	default:
		return put_chunk(at, packet->type, 0, CHUNK);
	}
}

bool sctp_send(int fd, const struct sctp_packet *packet, const union address *to)
{
	unsigned char bytes[512] = { 0 };
	union address address = *to;
	uint32_t crc;
	size_t size;

	put16(bytes, packet->source);
	put16(bytes + 2, packet->target);
	put32(bytes + 4, packet->tag);
	size = HEADER + put_chunks(bytes + HEADER, packet);
	crc = htole32(crc32c(bytes, size));
	memcpy(bytes + 8, &crc, sizeof(crc));
	address_set_port(&address, 0); /* a raw IPv6 socket takes a port for a protocol number */
	return sendto(fd, bytes, size, 0, &address.any, SIZE_OF_ADDRESS(&address)) == (ssize_t)size;
}

/* ---- reading ------------------------------------------------------------------------------- */

static bool read_chunk(const unsigned char *at, size_t size, struct sctp_packet *packet)
{
	packet->type = at[0];
	switch (packet->type) {
	case SCTP_INIT:
	case SCTP_INIT_ACK:
		if (size < INIT_SIZE)
			return false;
		packet->own_tag = get32(at + 4);
		return true;
	case SCTP_COOKIE_ECHO:
		if (size < COOKIE_SIZE)
			return false;
		packet->own_tag = get32(at + CHUNK);
		return true;
	case SCTP_COOKIE_ACK:
		if (size < CHUNK + DATA_SIZE || at[CHUNK] != SCTP_DATA)
			return false;
		size = get16(at + CHUNK + 2) < DATA_SIZE ? 0 : get16(at + CHUNK + 2) - DATA_SIZE;
		if (size >= sizeof(packet->text))
			return false;
		memcpy(packet->text, at + CHUNK + DATA_SIZE, size);
		return true;
	default:
		return false;
	}
}

bool sctp_receive(int fd, struct sctp_packet *packet, union address *from)
{
	unsigned char bytes[1024], *at = bytes;
	socklen_t from_size = sizeof(*from);
	ssize_t size, ip_header;

	memset(packet, 0, sizeof(*packet));
	size = recvfrom(fd, bytes, sizeof(bytes), MSG_DONTWAIT, &from->any, &from_size);
	if (size <= 0)
		return false;
	ip_header = from->any.sa_family == AF_INET ? (bytes[0] & 15) * 4 : 0;
	at += ip_header;
	size -= ip_header;
	if (size < HEADER + CHUNK)
		return false;
	packet->source = get16(at);
	packet->target = get16(at + 2);
	packet->tag = get32(at + 4);
	return read_chunk(at + HEADER, (size_t)size - HEADER, packet);
}
