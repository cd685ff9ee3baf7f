/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nl.h - netlink over libmnl: a socket per namespace, messages built in place, one commit per
 * batch.
 *
 * Knows no JSON and no CNI. A namespace is a socket passed as argument: a socket belongs for ever
 * to the namespace it was opened in.
 */
#pragma once

#include "net/ip.h"
#include "nl/io.h"

/* rtnetlink socket in the current network namespace; reports to err from now on. */
#define nl_open(nl, err) nl_open_bus((nl), NETLINK_ROUTE, (err))
/* The same on another bus, NETLINK_NETFILTER. */
int nl_open_bus(struct nl *nl, int bus, struct err *err) NODISCARD;
/* The same in the namespace netns_fd refers to. */
int nl_open_at(struct nl *nl, int netns_fd, struct err *err) NODISCARD;
void nl_close(struct nl *nl);
#define auto_nl __attribute__((cleanup(nl_close)))

/*
 * Building. Nothing here fails: a message that outgrows the buffer poisons the batch and
 * nl_commit() says so. `label` is for the error text and must outlive the commit ("create veth").
 */
void nl_msg(struct nl *nl, uint16_t type, uint16_t flags, const void *hdr, size_t len,
	    const char *label);
void nl_put(struct nl *nl, uint16_t type, const void *data, size_t len);
void nl_header(struct nl *nl, const void *hdr, size_t len); /* a protocol header inside a nest */
void nl_str(struct nl *nl, uint16_t type, const char *s);
void nl_u8(struct nl *nl, uint16_t type, uint8_t v);
void nl_u32(struct nl *nl, uint16_t type, uint32_t v);
/* Of the message being built; it is wanted, unless told otherwise. */
void nl_ack(struct nl *nl, bool wanted);
void nl_ip(struct nl *nl, uint16_t type, const struct ip *ip);
struct nlattr *nl_nest_begin(struct nl *nl, uint16_t type);
struct nlattr *nl_nest_end(struct nl *nl, struct nlattr *nest);

/* nl_nest(nl, IFLA_LINKINFO) { ... }: the block is the nested attribute; never leave it early. */
#define nl_nest(nl, type)      NL_NEST_(nl, type, __COUNTER__)
#define NL_NEST_(nl, type, id) NL_NEST__(nl, type, id)
#define NL_NEST__(nl, type, id)                                                 \
	for (struct nlattr *nest_##id = nl_nest_begin((nl), (type)); nest_##id; \
	     nest_##id = nl_nest_end((nl), nest_##id))

/*
 * For a request that another process sends: nl_seal() completes the batch in buf[0..used),
 * nl_reset() empties it once the answer does not matter any more.
 */
int nl_seal(struct nl *nl) NODISCARD;
void nl_reset(struct nl *nl);

/* Attributes by their types, those of a message behind its header or of a nest (NULL: none). */
#define NL_ATTR_TYPES 64 /* those of higher numbers are not read here */

struct nl_attrs {
	const struct nlattr *of[NL_ATTR_TYPES]; /* NULL: absent; of several, the last */
};

struct nl_attrs nl_attrs_of_msg(const struct nlmsghdr *nlh, size_t header);
struct nl_attrs nl_attrs_of_bytes(const void *attrs, size_t len);
struct nl_attrs nl_attrs_of(const struct nlattr *nest);

/*
 * Reading attributes whose length the kernel should have got right, without relying on it: one that
 * is too short, or absent (NULL), leaves *out as it is.
 */
void nl_attr_bytes(const struct nlattr *attr, void *out, size_t size);
void nl_attr_u8(const struct nlattr *attr, uint8_t *out);
void nl_attr_u16(const struct nlattr *attr, uint16_t *out);
void nl_attr_u32(const struct nlattr *attr, uint32_t *out);
void nl_attr_int(const struct nlattr *attr, int *out);
void nl_attr_str(const struct nlattr *attr, char *out, size_t size);
void nl_attr_ip(const struct nlattr *attr, uint8_t family, uint8_t plen, struct ip *out);
