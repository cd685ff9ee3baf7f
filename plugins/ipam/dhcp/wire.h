/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wire.h - packet sockets: DHCP messages on an interface of a container's namespace. A socket of
 * this kind hears and speaks whether or not the interface has an address, and takes no port from
 * the container. Knows no state of DHCP.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "net/mac.h"
#include "packet.h"

/* What an interface keeps when it is renamed. */
struct wire_link {
	int index;            /* 0: not known */
	uint8_t mac[MAC_LEN]; /* zeros: not known */
};

struct wire {
	int fd;  /* -1: none. Not blocking */
	int arp; /* the same, while an address is probed */
	struct wire_link link;
};

/*
 * Open it on an interface of the namespace, which must be up. w->link says which (wire_find()).
 * Hears only UDP for the client's port that is about the interface's hardware address: a filter in
 * the kernel passes over the rest.
 */
int wire_open(struct wire *w, int netns_fd, const char *ifname, struct err *err) NODISCARD;

/* One that was opened so by a process before this. It is w's, also if it is none, or not there. */
int wire_adopt(struct wire *w, int fd, const char *ifname, struct err *err) NODISCARD;

/* Is there a socket, and its interface, be it down? */
bool wire_is_there(const struct wire *w);

/* To one station, or to all (NULL). A message that cannot be sent is one that got lost. */
void wire_send(const struct wire *w, const uint8_t *packet, size_t len, const uint8_t to[MAC_LEN]);

/*
 * To a server from this process's own namespace, by its routes: for an interface that is gone. Only
 * of use where no answer is awaited.
 */
int wire_send_from_here(const uint8_t *packet, size_t len, struct in_addr server,
			struct err *err) NODISCARD;

/*
 * The next message for this interface and who sent it. The message points into buf[DHCP_MTU].
 * 0: none is waiting, or what has come is none; -1: the interface is down, or gone soon, or by now.
 */
int wire_receive(const struct wire *w, uint8_t *buf, struct dhcp_message *m, uint8_t from[MAC_LEN]);

/*
 * Does anybody have the address? Asks once, and hears of it (RFC 5227, 2.1.1): wire_conflict() says
 * whether an objection has come by now.
 */
int wire_probe(struct wire *w, struct in_addr address, struct err *err) NODISCARD;
bool wire_conflict(const struct wire *w, struct in_addr address);

/*
 * Closing a packet socket waits for an RCU grace period. A child does that: wire_closer() starts it
 * and returns the descriptor that wire_close() hands sockets to, -1: they are closed in place.
 */
int wire_closer(void);
void wire_close(struct wire *w, int closer);
void wire_close_probe(struct wire *w, int closer);

/* ---- of any packet socket ------------------------------------------------------------------- */

struct sock_fprog;
struct sockaddr_ll;

/*
 * A filter begins with: what is for another host goes to its end, as many statements away. So are
 * frames of a VLAN that the interface has none of, which come without their tag.
 */
#define WIRE_PASS_OVER_OTHERS(end)                                                   \
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)(SKF_AD_OFF + SKF_AD_PKTTYPE)), \
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, PACKET_OTHERHOST, end, 0)

/* One in the namespace, which hears nothing yet. */
int wire_socket(int netns_fd, int *fd, struct err *err) NODISCARD;

/*
 * The interface that *l is about, under whichever name; else the one of that name, unless it is
 * another by index and hardware address. ENODEV: there is none.
 */
int wire_find(int fd, const char *ifname, struct wire_link *l, struct err *err) NODISCARD;

/* It hears of the protocol (ETH_P_) what passes the filter, on one interface. */
int wire_filter(int fd, const struct sock_fprog *by, struct err *err) NODISCARD;
int wire_bind(int fd, int index, uint16_t protocol, const struct sock_fprog *filtered_by,
	      struct err *err) NODISCARD;

/*
 * The next packet: its length, and whether its sender's host has left the checksum to its device.
 * 0: none is waiting; -1: as wire_receive().
 */
ssize_t wire_take(int fd, void *buf, size_t size, struct sockaddr_ll *sender,
		  bool *unsummed) NODISCARD;

/* A descriptor of the namespace it is in; -1: error. */
int wire_netns(int fd, struct err *err) NODISCARD;

/* Was it opened on this interface, of this index? */
bool wire_is_on(int fd, int index);

/* As wire_is_there(); has the interface that name? */
bool wire_has_link(int fd, int index);
bool wire_is_named(int fd, int index, const char *ifname);

void wire_close_fd(int *fd, int closer);
