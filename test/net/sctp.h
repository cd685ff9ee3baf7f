// SPDX-License-Identifier: Apache-2.0
/*
 * As much SCTP (RFC 9260) as a question and an answer take, over a raw socket: INIT, INIT ACK,
 * COOKIE ECHO, COOKIE ACK with the answer in a DATA chunk, ABORT. The server keeps no state: the
 * cookie is the client's tag. It must not be taken for a transport: nothing is retransmitted here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "traffic.h"

enum sctp_type {
	SCTP_DATA = 0,
	SCTP_INIT = 1,
	SCTP_INIT_ACK = 2,
	SCTP_ABORT = 6,
	SCTP_COOKIE_ECHO = 10,
	SCTP_COOKIE_ACK = 11,
};

/* What is read of a packet, and what is written into one. */
struct sctp_packet {
	uint16_t source, target;
	uint32_t tag; /* the receiver's */
	enum sctp_type type;
	uint32_t own_tag; /* the sender's: of INIT and INIT ACK, and in a cookie the client's */
	char text[TEXT_SIZE];
};

/* false: nothing there, or nothing that concerns us. */
bool sctp_receive(int fd, struct sctp_packet *packet, union address *from);
bool sctp_send(int fd, const struct sctp_packet *packet, const union address *to);
